/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state machine of one node: which state follows which event, what is to be done, and
 * who is the suspect when a wait ends in nothing. Pure: no clock, no memory, no I/O; the
 * caller (node.c) keeps the events, carries out the actions and writes what is said here.
 */
#pragma once

#include "common/util.h"

/* clang-format off */
#define FSM_STATES(X)                                                                    \
	X(ENROL, "enrol")               /* in rack.ini, nothing asked of it yet */        \
	X(IDLE, "idle")                 /* is to be installed, waits for its turn */      \
	X(RETRY, "retrying")            /* a try has failed; a pause before the next */   \
	X(BMC_RESET, "resetting-bmc")   /* the BMC starts anew: the last thing to try */  \
	X(POWERING, "powering")         /* off, boot device, on; each verified */         \
	X(NETBOOT, "network-booting")   /* powered on until the agent says it is up */    \
	X(AGENT, "agent")               /* the agent takes inventory and gets its order */ \
	X(INVENTORIED, "inventoried")   /* seen for the first time; nothing is written until agreed */ \
	X(INSTALLING, "installing")     /* the agent writes */                            \
	X(FIRST_BOOT, "first-boot")     /* kexec until ondol-noded says it is up */       \
	X(CONFIGURING, "configuring")   /* ondol-noded works on the desired state */      \
	X(READY, "ready")                                                                \
	X(FAILED, "failed")                                                              \
	X(MAINTENANCE, "maintenance")   /* the operator has it; ondold leaves it alone */ \
	X(CANCELLED, "cancelled")       /* the run by the operator; or it left rack.ini */

/* The names are also the types of events in the store and, for agent and noded, on the wire. */
#define FSM_EVENTS(X)                                                                    \
	X(INSTALL, "install.wanted")                                                     \
	X(LOOK, "look.wanted")                  /* install, but no agent has seen its disks yet */ \
	X(AGREED, "install.agreed")             /* to what its agent has seen on its disks */ \
	X(SLOT, "install.slot")                                                          \
	X(POWERED, "power.netboot")                                                      \
	X(POWER_FAILED, "power.failed")                                                  \
	X(POWER_REFUSED, "power.refused")       /* asked again it would say the same */   \
	X(BMC_BACK, "bmc.back")                 /* it answers again after its reset */    \
	X(DHCP_DISCOVER, "dhcp.discover")                                                \
	X(DHCP_OFFER, "dhcp.offer")                                                      \
	X(DHCP_ACK, "dhcp.ack")                                                          \
	X(DHCP_BIOS, "dhcp.bios")               /* asked as legacy BIOS, not UEFI */      \
	X(DHCP_OTHER_PORT, "dhcp.other-port")   /* another port of it asked, not nic.1 */ \
	X(DHCP_FOREIGN, "dhcp.foreign")         /* asked for another server's offer */    \
	X(TFTP_SENT, "tftp.sent")                                                        \
	X(TFTP_FAILED, "tftp.failed")                                                    \
	X(BOOT_SCRIPT, "boot.script")                                                    \
	X(BOOT_KERNEL, "boot.kernel")                                                    \
	X(BOOT_INITRD, "boot.initrd")                                                    \
	X(AGENT_UP, "agent.up")                                                          \
	X(AGENT_STEP, "agent.step")                                                      \
	X(AGENT_PROGRESS, "agent.progress")                                              \
	X(AGENT_INSTALLED, "agent.installed")                                            \
	X(AGENT_KEXEC, "agent.kexec")                                                    \
	X(AGENT_FAILED, "agent.failed")                                                  \
	X(INVENTORY, "inventory.taken")                                                  \
	X(DISKS_OTHER, "disks.other")           /* than those that were agreed to */         \
	X(IDENTITY_MISMATCH, "identity.mismatch")                                        \
	X(REFUSED, "install.refused")                                               \
	X(ORDER_BLOCKED, "order.blocked")       /* the image cannot be read just now */     \
	X(ORDER_SENT, "order.sent")                                                      \
	X(NODED_UP, "noded.up")                                                          \
	X(NODED_STEP, "noded.step")                                                      \
	X(NODED_FAILED, "noded.failed")                                                  \
	X(NODED_WARNING, "noded.warning")                                                \
	X(NODED_MOVED, "noded.moved")           /* its report has news, or it waits well */  \
	X(REPORT_READY, "report.ready")         /* proved, at the wanted revision */      \
	X(REPORT_BUSY, "report.busy")                                                    \
	X(CONVERGE, "converge.wanted")                                                   \
	X(CANCEL, "run.cancelled")                                                       \
	X(MAINTAIN, "maintenance.on")                                                    \
	X(MAINTAIN_OFF, "maintenance.off")                                               \
	X(REMOVED, "node.removed")                                                       \
	X(TIMEOUT, "deadline")
/* clang-format on */

#define FSM_ENUM(id, name) FSM_##id,
enum fsm_state { FSM_STATES(FSM_ENUM) FSM_N_STATES };
#undef FSM_ENUM
#define FSM_ENUM(id, name) FSM_EV_##id,
enum fsm_event { FSM_EVENTS(FSM_ENUM) FSM_N_EVENTS };
#undef FSM_ENUM

enum fsm_action { /* bits; to be carried out in this order */
	/* drop what is queued for the BMC on the run's behalf */
	FSM_DO_ABORT_POWER = 1 << 0,
	FSM_DO_REVOKE_BOOT = 1 << 1, /* the boot token is good no longer */
	FSM_DO_POWER = 1 << 2, /* off, boot from the network once, on */
	FSM_DO_RESET_BMC = 1 << 3, /* the BMC, not the server */
	FSM_DO_READ_SEL = 1 << 4, /* its BMC's event log may have news */
	FSM_DO_SCHEDULE = 1 << 5, /* a slot may be free, or a node waits for one */
	FSM_DO_DROP = 1 << 6, /* forget the node */
};

struct fsm_limit {
	unsigned total_ms; /* of the state; 0: may last for ever */
	unsigned stall_ms; /* without progress; 0: not watched */
};

struct fsm_policy { /* what the rack's owner has decided */
	struct fsm_limit limits[FSM_N_STATES];
	unsigned patience_percent; /* stretches every limit and pause */
	/* tries of a run beside the first; 0: and no reset of its BMC */
	unsigned retries;
	uint32_t seed; /* the node's own: nodes that fail together do not retry in step */
};

struct fsm_names { /* for the words of a failure */
	const char *mac, *bmc, *server;
	/* whom it waits for in vain, as a sentence; NULL: for nobody */
	const char *waits;
};

struct fsm_node {
	enum fsm_state state;
	uint64_t entered_ms; /* in the clock of now_ms */
	uint64_t moved_ms; /* when the state last saw progress */
	uint64_t not_before_ms; /* no deadline before this: ondold was away */
	uint64_t evidence; /* bits 1 << FSM_EV_x: what was seen since the run began */
	/* boot scripts fetched in this try, or since an agent had its order */
	unsigned boots;
	unsigned tries; /* of this run, begun */
	bool bmc_was_reset; /* in this run */
	bool ordered; /* in this run an agent had its order: the disk may be half written */
	bool want_install;
	bool agreed; /* what this run writes over was known when it was asked for, or since */
	bool looks; /* no agent had seen it when it was asked for, and nothing is ordered yet */
	bool installed; /* the agent finished writing, and nothing newer was asked for */
	bool had_system; /* a new install is wanted, the old system is still untouched */
};

struct fsm_output {
	struct fsm_node next;
	bool moved; /* a transition: next.state was entered, perhaps anew */
	unsigned actions; /* FSM_DO_ bits */
	char reason[640]; /* of the transition; "" when there is nothing to say */
};

/* Network boots of one run before the node is given up. */
#define FSM_MAX_BOOTS 3
/* After a restart of ondold a node has at least this long to be heard. */
#define FSM_GRACE_MS 120000
/* The pause before the second try; each further one is twice as long, up to the longest. */
#define FSM_BACKOFF_MS 30000u
#define FSM_BACKOFF_MAX_MS 300000u

static inline bool fsm_seen(const struct fsm_node *f, enum fsm_event e)
{
	return f->evidence & (UINT64_C(1) << e);
}

/* Does a run of an installation begin with it? */
static inline bool fsm_is_wish(enum fsm_event e)
{
	return e == FSM_EV_INSTALL || e == FSM_EV_LOOK;
}

static inline uint64_t fsm_stretch(unsigned ms, const struct fsm_policy *policy)
{
	return (uint64_t)ms * policy->patience_percent / 100;
}

const char *fsm_state_str(enum fsm_state s);
int fsm_state_parse(const char *s, enum fsm_state *ret); /* -EINVAL */
const char *fsm_event_str(enum fsm_event e);
int fsm_event_parse(const char *s, enum fsm_event *ret); /* -EINVAL */

/* One step. text is the event's own ("" for none). A TIMEOUT before the deadline does nothing. */
void fsm_step(const struct fsm_node *f, enum fsm_event event, const char *text,
	const struct fsm_names *names, const struct fsm_policy *policy, uint64_t now_ms,
	struct fsm_output *ret);
/* When fsm_step(TIMEOUT) would move the node, in the clock of now_ms; 0: never. */
uint64_t fsm_deadline(const struct fsm_node *f, const struct fsm_policy *policy);
/* "2nd try in 43 s" of a node that is in the pause before it; else "". */
void fsm_try_words(const struct fsm_node *f, const struct fsm_policy *policy,
	uint64_t now_ms, char buf[static 32]);

/* The text of a transition, "powering -> retrying: 2nd try in 31 s: BMC …"; caller frees. */
char *fsm_moved_words(enum fsm_state from, const struct fsm_output *out,
	const struct fsm_policy *policy, uint64_t now_ms);

/* The same node, but for its evidence and its times? */
bool fsm_is_same(const struct fsm_node *a, const struct fsm_node *b);
/*
 * Replay from the store, oldest first: an event, and a transition to a state. No action
 * follows from either. When all is replayed, fsm_resume() says what must be begun again;
 * before it, what was kept but not acted upon when ondold was killed is to be stepped once
 * more: fsm_lost_wish(): FSM_EV_INSTALL, or FSM_EV_LOOK of what is not agreed;
 * fsm_lost_refusal(): FSM_EV_POWER_REFUSED.
 */
void fsm_replay_event(struct fsm_node *f, enum fsm_event event, uint64_t now_ms);
void fsm_replay_state(struct fsm_node *f, enum fsm_state to, uint64_t now_ms);
bool fsm_lost_wish(const struct fsm_node *f);
bool fsm_lost_refusal(const struct fsm_node *f);
unsigned fsm_resume(struct fsm_node *f, const struct fsm_policy *policy, uint64_t now_ms);

/*
 * Would a word of ondol-noded prove that the install was finished? Its token was made with
 * the order, so it is the new system that speaks, whatever became of agent.installed.
 */
bool fsm_noded_proves_install(const struct fsm_node *f);
/* Is a node of this state to get kernel and agent when it boots from the network? */
bool fsm_wants_netboot(const struct fsm_node *f);
/* What an end of its run now would leave on its system disk, for people. */
const char *fsm_disk_words(const struct fsm_node *f);
/* Can its run be cancelled? */
bool fsm_is_cancellable(const struct fsm_node *f);
/* Did it leave the rack, rather than have its run cancelled? */
bool fsm_is_gone(const struct fsm_node *f);
/* Does it hold one of the rack's parallel installs? */
bool fsm_holds_slot(const struct fsm_node *f);
/* Is it on the way to an installed system, or waits to be taken up, again too? */
bool fsm_is_installing(const struct fsm_node *f);
/* Does its agent wait for the operator to agree to what it has seen? */
bool fsm_asks(const struct fsm_node *f);
/* Does it wait for a slot? */
bool fsm_waits_for_slot(const struct fsm_node *f);
