/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One node as ondold knows it: the state machine and what hangs on it. node.c runs the
 * machine: keeps events, carries out actions, arms deadlines. node_install.c has the way
 * from inventory to order, node_report.c what the installed node says, node_json.c what
 * the operator sees. Does not block.
 */
#pragma once

#include <jansson.h>
#include <systemd/sd-event.h>

#include "bootstrap/diskplan.h"
#include "bootstrap/fsm.h"
#include "bootstrap/ipmi.h"
#include "bootstrap/store.h"
#include "common/inventory.h"
#include "common/rack.h"

struct console;
struct ondold;
struct cloudparts;

#define NODE_MAX_PHASES 64 /* eleven tries, and what follows */
#define NODE_SILENT_MS 90000

struct node_phase {
	enum fsm_state state;
	uint64_t began_ms; /* since 1970 */
};

struct node {
	struct ondold *o; /* borrowed */
	char *name; /* owned */
	const struct rack_node *conf; /* borrowed from o->rack */
	char mac[18], bmc_text[16], server[24];
	char *waits; /* owned: whom it waits for in vain, NULL: none */
	struct fsm_names names; /* borrows the four above */

	struct fsm_node fsm;
	struct fsm_policy policy; /* as conf's rack has it */
	uint64_t since_ms; /* of the state; since 1970 */
	char *reason, *step; /* owned, never NULL */
	char *cause; /* owned: why the try before this one failed; "" for the first */
	struct node_phase *phases; /* owned: at most NODE_MAX_PHASES */
	size_t n_phases;
	bool has_progress;
	uint64_t done, total; /* bytes */
	uint64_t progress_kept_ms; /* mono: when it last went to the store */
	json_t *disk; /* owned: what the last install wrote; NULL: nothing */
	char *blocked; /* owned: why the image could not be read, NULL: it could */
	json_t *wipe; /* owned: node_named_disks() of what the operator gave up for this run */
	sd_event_source *deadline; /* owned */

	uint64_t told_ms[FSM_N_EVENTS]; /* mono: see node_may_tell */

	struct ipmi_bmc *bmc; /* owned */
	struct console *console; /* owned */
	struct ipmi_job *boot_job; /* borrowed from bmc: powering, or the BMC's reset */
	struct ipmi_job *sel_job; /* borrowed from bmc: its event log is being read */
	enum ipmi_power power; /* as last read */
	int bmc_reachable; /* as last asked: 0, 1; -1: not yet */

	struct inventory *inv; /* owned, NULL: never seen */
	uint64_t inv_ms; /* since 1970: when the agent reported it; 0: not known */
	char *desired; /* owned: as it is kept (peers.h), JSON; NULL: none yet */
	uint64_t revision; /* of desired */

	json_t *report; /* owned: the last one, NULL: none */
	uint64_t reported; /* revision it was about */
	uint64_t
		report_at_ms; /* by the node's own clock since its start; 0: it says none */
	uint64_t last_seen_ms; /* since 1970; 0: never */
	uint64_t heard_ms; /* mono */
	uint64_t said_bytes, said_ms; /* see node_may_say */
	bool silent;

	struct {
		/* mono: when the boot's token was made; or ondold's start */
		uint64_t token_ms;
		uint64_t refused_ms; /* mono: when a refusal was last told; 0: never */
		char *cert; /* owned: given to the agent, NULL: none by this ondold */
	} enrol;

	int64_t task_id; /* 0: none */
	const char *task_type; /* "prove", "backup", "update" */
	bool task_done, task_ok;
	json_t *task_proofs; /* owned */
	char *task_text; /* owned, NULL: none */
};

/* ---- node.c ---- */
struct node *node_new(struct ondold *o, const struct rack_node *conf);
void node_free(struct node *n);
/* The rack changed: conf is of the new one. Login and addresses are taken over. */
void node_set_conf(struct node *n, const struct rack_node *conf);
/* An event that is kept and then steps the machine. data may be NULL; both borrowed. */
void node_event(struct node *n, const char *source, enum fsm_event event,
	const char *text, const json_t *data);
/* An event that steps the machine and leaves no trace but the transition. */
void node_step(struct node *n, enum fsm_event event, const char *text);
/*
 * Is an unproven word of this kind to be kept? Whoever reaches ondold can say it, so once a
 * second, and over an installed node only when it comes from its own address.
 */
bool node_may_tell(struct node *n, enum fsm_event event, uint32_t peer);
/*
 * May it say so much more that is kept? What a node says ends up on the deployment host's disk,
 * so it has an account of 4 MiB, into which a KiB comes back each second.
 */
bool node_may_say(struct node *n, size_t bytes);
/* Has nothing of this kind been told within a second? Then it is now. */
bool node_tells_slowly(struct node *n, enum fsm_event event);
/*
 * The install the operator asked for; wipe: array of disk serials or WWNs, borrowed, or NULL.
 * A node whose disks no agent has seen is only looked at, and then asks.
 * -errno: the wish could not be kept, and nothing begins.
 */
int node_want_install(struct node *n, const char *why, const json_t *wipe);
/* Its disks are looked at anew, and it asks then. -errno as above. */
int node_want_look(struct node *n, const char *why);
/*
 * The operator's yes to a node that asks (fsm_asks) and has an inventory. -errno: it goes on
 * asking, as its disk may not be written for it (*reterr_msg, caller frees), or as above.
 */
int node_agree(struct node *n, const char *why, const json_t *wipe, char **reterr_msg);
/* At the start: an event of the store; then, once, going on from where it was. */
void node_replay(struct node *n, const struct store_event *ev);
void node_resume(struct node *n);
/* Reads the power in the background. */
void node_query_power(struct node *n);
void node_set_step(struct node *n, const char *text);
/* Is this event's text what the node is doing now? Not the steps of a system on its way out. */
bool node_tells_step(const struct node *n, enum fsm_event event);

/* ---- node_install.c ---- */
/*
 * The agent's inventory: identity, then disk. 0: taken. 1: refused, the node has failed,
 * *reterr_msg says why (caller frees). Takes inv.
 */
int node_take_inventory(
	struct node *n, struct inventory *inv, const json_t *inv_json, char **reterr_msg);
/*
 * The disks that an operator named by serial or WWN (ids: array, or NULL), each with what an
 * agent has seen on it: {"disk", "held": signatures, or null when none has}. New reference.
 */
json_t *node_named_disks(const struct node *n, const json_t *ids);
/* Are its system disk and the mirror there, and may they be written? 0, or -errno with words (caller frees). */
int node_may_write(const struct node *n, char **reterr_msg);
/*
 * Would the server be written as conf when the operator names these disks (an array of serials
 * and WWNs)? As far as an agent has seen it: 0 also when none has. -EEXIST: its system disk, or
 * the mirror, is to be named, *ret_to_name (borrowed from n, else "", also when both are) is how;
 * another -errno: it has none, or more than one. Both with *reterr_msg.
 */
int node_would_write(const struct node *n, const struct rack_node *conf,
	const json_t *ids, const char **ret_to_name, char **reterr_msg);
/* What was done to its system disk since the inventory; and the plan lock of its disks. */
enum disk_past node_disk_past(const struct node *n);
bool node_wrote_mirror(const struct node *n, const struct inv_disk *disk);
void node_disk_lock(const struct node *n, char ret[static DIGEST_HEX]);
/* Is it time to hand out the order? */
bool node_order_is_due(const struct node *n);
/*
 * The order. 0; 1: not now, ask again, and the node's events say
 * why; or -errno with *reterr_msg: never.
 */
int node_make_order(struct node *n, json_t **ret, char **reterr_msg);
/*
 * The image that nodes get now, as in an order. NULL: it cannot be read, with words (caller
 * frees). New reference.
 */
json_t *node_image(const struct node *n, char **reterr_msg);
/* Says that the image cannot be read; the same words once. */
void node_blocked(struct node *n, const char *why);
/*
 * The iPXE script of this moment for the one who asks at address peer; a new boot token
 * when it starts the agent. Caller frees.
 */
char *node_boot_script(struct node *n, uint32_t peer);
/* Brings the desired state up to date with rack and inventory; true when it changed. */
bool node_refresh_desired(struct node *n);
/* Would it change for this configuration? Nothing is changed. */
bool node_would_change(const struct node *n, const struct rack *rack,
	const struct cloudparts *parts, const struct rack_node *conf);
void node_load_docs(struct node *n);
/* Another server stands for this node: what was seen of the one before counts no longer. */
void node_forget_inventory(struct node *n);
/* Is what is kept of the peers of the rack in force? */
bool node_has_peers(const struct node *n);
/* The desired state as it is kept, which must be there. New reference. */
json_t *node_desired(const struct node *n);

/* ---- node_report.c ---- */
/* One element of POST events from the agent or noded; NULL or words for a 400. */
char *node_take_event(struct node *n, const json_t *event);
/* POST report; NULL or words for a 400. Caller frees. */
char *node_take_report(struct node *n, const json_t *report);
void node_replay_report(struct node *n, const json_t *report);
/*
 * One of these is wanted: returns the task's id or -errno, -EBUSY while it has
 * another to do: noded does one at a time.
 */
#define NODE_PROVE "prove"
#define NODE_BACKUP "backup"
#define NODE_UPDATE "update" /* of its image */
int64_t node_want_task(struct node *n, const char *type);
/* What it was asked for will not be answered any more; nothing when it was. */
void node_give_up_task(struct node *n, const char *why);
/* Is it somewhere between being wanted and ready, with ondold or noded at work on it? */
bool node_is_on_its_way(const struct node *n);
/* Is this the type of the event with which a task ends? */
bool node_ends_task(const char *type);
void node_replay_task(struct node *n, const struct store_event *ev);
/* Called every few seconds: has it fallen silent? */
void node_pulse(struct node *n);

/* ---- node_console.c ---- */
void node_console_new(struct node *n);
/* The state has changed, or was read from the store. */
void node_console_follow(struct node *n, bool new_run);

/* ---- node_sel.c ---- */
/* Reads the BMC's event log in the background; what is new in it becomes events. */
void node_read_sel(struct node *n);
/* It was cleared on purpose: whatever is in it next is new. */
void node_sel_cleared(struct node *n);

/* ---- node_json.c ---- */
json_t *node_to_json(const struct node *n, bool with_inventory);
