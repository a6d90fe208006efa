/* SPDX-License-Identifier: Apache-2.0 */
#include "bootstrap/fsm.h"

#include <stdarg.h>

/*
 * Why a table: twelve states times thirty-three events are mostly "nothing happens", so
 * the transitions that do exist are listed once, in one place, and the test walks the
 * whole product. What an event leaves behind without a transition (evidence, that the
 * disk is written) is in remember(), which replay uses too: a restarted ondold sees the
 * same node as the one that was killed.
 *
 * Every state in which a node can be stuck has a limit in the policy, and suspect() names
 * who is to blame from the last evidence: the further the boot got, the narrower.
 */

#define FSM_NAME(id, name) name,
static const char *const state_names[] = {FSM_STATES(FSM_NAME)};
static const char *const event_names[] = {FSM_EVENTS(FSM_NAME)};
#undef FSM_NAME

const char *fsm_state_str(enum fsm_state s)
{
	return state_names[s];
}

const char *fsm_event_str(enum fsm_event e)
{
	return event_names[e];
}

int fsm_state_parse(const char *s, enum fsm_state *ret)
{
	for (unsigned i = 0; i < FSM_N_STATES; i++)
		if (streq(s, state_names[i])) {
			*ret = (enum fsm_state)i;
			return 0;
		}
	return -EINVAL;
}

int fsm_event_parse(const char *s, enum fsm_event *ret)
{
	for (unsigned i = 0; i < FSM_N_EVENTS; i++)
		if (streq(s, event_names[i])) {
			*ret = (enum fsm_event)i;
			return 0;
		}
	return -EINVAL;
}

static uint64_t stretch(unsigned ms, const struct fsm_policy *policy)
{
	return (uint64_t)ms * policy->patience_percent / 100;
}

static bool seen(const struct fsm_node *f, enum fsm_event e)
{
	return f->evidence & (UINT64_C(1) << e);
}

/* ---- the transitions ---- */

static bool wants(const struct fsm_node *f)
{
	return f->want_install;
}

static bool installed(const struct fsm_node *f)
{
	return f->installed;
}

static bool boots_left(const struct fsm_node *f)
{
	return !f->installed && f->boots < FSM_MAX_BOOTS;
}

static bool no_boots_left(const struct fsm_node *f)
{
	return !f->installed && f->boots >= FSM_MAX_BOOTS;
}

#define S(id) (1u << FSM_##id)
#define ANY ((1u << FSM_N_STATES) - 1)
#define BOOTING (S(POWERING) | S(NETBOOT))
#define BY_AGENT (BOOTING | S(AGENT) | S(INSTALLING))
#define IN_RUN (S(IDLE) | BY_AGENT | S(FIRST_BOOT) | S(CONFIGURING))
#define GIVEN_UP (S(FAILED) | S(CANCELLED))

struct rule {
	unsigned from; /* bits S(x) */
	enum fsm_event event;
	bool (*guard)(const struct fsm_node *f); /* NULL: always */
	enum fsm_state to;
	unsigned actions;
	const char *reason; /* NULL: the event's text */
};

#define END_RUN (FSM_DO_ABORT_POWER | FSM_DO_REVOKE_BOOT | FSM_DO_SCHEDULE)
#define AGAIN \
	"it booted from the network again: the agent ended early, or the server was reset"
#define TOO_OFTEN                                                                               \
	"it booted from the network three times and the install was not finished: look at its " \
	"console for a kernel panic, and at the agent's last events"

#define FROM_DISK                                                                               \
	"it started its installed system instead of booting from the network: the BMC's order " \
	"was lost. Put the network first in the server's boot order, then reinstall it again"

/* The first rule that fits is taken. */
/* clang-format off */
static const struct rule rules[] = {
	{ANY, FSM_EV_REMOVED, NULL, FSM_CANCELLED, END_RUN | FSM_DO_DROP, NULL},
	{ANY, FSM_EV_INSTALL, NULL, FSM_IDLE, END_RUN, NULL},
	{IN_RUN, FSM_EV_CANCEL, NULL, FSM_CANCELLED, END_RUN, NULL},
	{ANY & ~S(MAINTENANCE), FSM_EV_MAINTAIN, NULL, FSM_MAINTENANCE, END_RUN, NULL},
	{S(MAINTENANCE), FSM_EV_MAINTAIN_OFF, installed, FSM_CONFIGURING, 0, "back from maintenance; what it is gets proved again"},
	{S(MAINTENANCE), FSM_EV_MAINTAIN_OFF, NULL, FSM_ENROL, 0, "back from maintenance; it is not installed"},
	{S(IDLE), FSM_EV_SLOT, wants, FSM_POWERING, FSM_DO_POWER, ""},
	{S(POWERING), FSM_EV_POWERED, NULL, FSM_NETBOOT, 0, ""},
	{S(POWERING), FSM_EV_POWER_FAILED, NULL, FSM_FAILED, END_RUN, NULL},
	{BOOTING, FSM_EV_AGENT_UP, NULL, FSM_AGENT, 0, ""},
	{BOOTING, FSM_EV_INVENTORY, NULL, FSM_AGENT, 0, ""},
	{S(NETBOOT), FSM_EV_NODED_UP, NULL, FSM_FAILED, END_RUN, FROM_DISK},
	{S(AGENT) | S(INSTALLING), FSM_EV_BOOT_SCRIPT, boots_left, FSM_NETBOOT, 0, AGAIN},
	{S(AGENT) | S(INSTALLING), FSM_EV_BOOT_SCRIPT, no_boots_left, FSM_FAILED, END_RUN, TOO_OFTEN},
	{BY_AGENT, FSM_EV_IDENTITY_MISMATCH, NULL, FSM_FAILED, END_RUN, NULL},
	{BY_AGENT, FSM_EV_REFUSED, NULL, FSM_FAILED, END_RUN, NULL},
	{BY_AGENT, FSM_EV_AGENT_FAILED, NULL, FSM_FAILED, END_RUN, NULL},
	{S(AGENT), FSM_EV_ORDER_SENT, NULL, FSM_INSTALLING, 0, ""},
	{S(INSTALLING), FSM_EV_AGENT_KEXEC, installed, FSM_FIRST_BOOT, FSM_DO_SCHEDULE, ""},
	{S(INSTALLING), FSM_EV_NODED_UP, installed, FSM_CONFIGURING, FSM_DO_SCHEDULE, ""},
	{S(FIRST_BOOT), FSM_EV_NODED_UP, NULL, FSM_CONFIGURING, FSM_DO_SCHEDULE, ""},
	{GIVEN_UP, FSM_EV_NODED_UP, installed, FSM_CONFIGURING, 0, "the node came up after all"},
	{S(CONFIGURING), FSM_EV_REPORT_READY, NULL, FSM_READY, END_RUN, ""},
	{GIVEN_UP, FSM_EV_REPORT_READY, installed, FSM_READY, END_RUN, ""},
	{S(CONFIGURING) | S(READY), FSM_EV_NODED_FAILED, NULL, FSM_FAILED, END_RUN, NULL},
	{S(READY), FSM_EV_REPORT_BUSY, NULL, FSM_CONFIGURING, 0, NULL},
	{S(READY) | S(CONFIGURING), FSM_EV_CONVERGE, NULL, FSM_CONFIGURING, 0, NULL},
	{GIVEN_UP, FSM_EV_CONVERGE, installed, FSM_CONFIGURING, 0, NULL},
};
/* clang-format on */

static const struct rule *find_rule(const struct fsm_node *f, enum fsm_event event)
{
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		const struct rule *r = &rules[i];

		if (r->event == event && (r->from & (1u << f->state)) &&
			(!r->guard || r->guard(f)))
			return r;
	}
	return NULL;
}

/* ---- what an event leaves behind ---- */

static bool is_progress(enum fsm_state state, enum fsm_event event)
{
	if (state == FSM_CONFIGURING)
		return event == FSM_EV_NODED_UP || event == FSM_EV_NODED_STEP ||
			event == FSM_EV_NODED_WARNING || event == FSM_EV_NODED_MOVED;
	return state == FSM_INSTALLING &&
		(event == FSM_EV_AGENT_STEP || event == FSM_EV_AGENT_PROGRESS ||
			event == FSM_EV_AGENT_INSTALLED);
}

static void remember(struct fsm_node *f, enum fsm_event event, uint64_t now_ms)
{
	f->evidence |= UINT64_C(1) << event;
	if (is_progress(f->state, event))
		f->moved_ms = now_ms;
	if (event == FSM_EV_BOOT_SCRIPT && fsm_wants_netboot(f))
		f->boots++;
	if (event == FSM_EV_AGENT_INSTALLED && f->state == FSM_INSTALLING)
		f->installed = true;
	if (event == FSM_EV_NODED_UP && fsm_noded_proves_install(f))
		f->installed = true;
	if (event == FSM_EV_ORDER_SENT) /* from here on the disk may change */
		f->had_system = false;
	if (event == FSM_EV_INSTALL) {
		f->want_install = true;
		f->had_system |= f->installed;
		f->installed = false;
	}
	if (event == FSM_EV_BOOT_KERNEL ||
		event == FSM_EV_ORDER_SENT) /* it can be read again */
		f->evidence &= ~(UINT64_C(1) << FSM_EV_ORDER_BLOCKED);
}

static void enter(struct fsm_node *f, enum fsm_state to, uint64_t now_ms)
{
	if (to == FSM_POWERING) {
		f->evidence = 0;
		f->boots = 0;
		f->want_install = false;
		f->installed = false;
	}
	if (to == FSM_NETBOOT && f->state != FSM_POWERING)
		f->evidence &= UINT64_C(1) << FSM_EV_BOOT_SCRIPT;
	if (to == FSM_FAILED || to == FSM_CANCELLED || to == FSM_MAINTENANCE) {
		/* What never reached the disk left the old system as it was. */
		f->installed = !seen(f, FSM_EV_REMOVED) && (f->installed || f->had_system);
		f->want_install = f->had_system = false;
	}
	f->state = to;
	f->entered_ms = f->moved_ms = now_ms;
	f->not_before_ms = 0;
}

void fsm_replay_event(struct fsm_node *f, enum fsm_event event, uint64_t now_ms)
{
	remember(f, event, now_ms);
}

void fsm_replay_state(struct fsm_node *f, enum fsm_state to, uint64_t now_ms)
{
	enter(f, to, now_ms);
}

/* Wanting goes with the state idle and ends with powering: anything else was cut short. */
bool fsm_lost_wish(const struct fsm_node *f)
{
	return f->want_install && f->state != FSM_IDLE;
}

/*
 * Powering is begun anew: nothing has been written yet, and off, boot device and on are
 * each verified. In every later state the node itself goes on and reports.
 */
unsigned fsm_resume(struct fsm_node *f, const struct fsm_policy *policy, uint64_t now_ms)
{
	f->not_before_ms = now_ms + stretch(FSM_GRACE_MS, policy);
	if (f->state == FSM_POWERING) {
		f->entered_ms = now_ms;
		return FSM_DO_POWER;
	}
	return f->state == FSM_IDLE ? FSM_DO_SCHEDULE : 0;
}

/* ---- deadlines ---- */

uint64_t fsm_deadline(const struct fsm_node *f, const struct fsm_policy *policy)
{
	const struct fsm_limit *l = &policy->limits[f->state];
	uint64_t at = UINT64_MAX;

	if (!l->total_ms && !l->stall_ms)
		return 0;
	if (l->total_ms)
		at = f->entered_ms + stretch(l->total_ms, policy);
	if (l->stall_ms)
		at = MIN(at, f->moved_ms + stretch(l->stall_ms, policy));
	return MAX(at, f->not_before_ms);
}

/* clang-format off */
struct hint {
	enum fsm_event event;
	const char *text; /* after "within 6m00s: " */
};

/* The furthest the boot got comes first. */
static const struct hint netboot_hints[] = {
	{FSM_EV_BOOT_INITRD, "kernel and initramfs were fetched, the agent was not heard. Look at the server's console: a kernel panic, too little memory, or no driver for the NIC"},
	{FSM_EV_BOOT_KERNEL, "the kernel was fetched, the initramfs was not. Look at the server's console for iPXE's error, and at the network for loss"},
	{FSM_EV_BOOT_SCRIPT, "iPXE fetched its boot script but not the kernel. Look at the server's console for iPXE's error"},
	{FSM_EV_TFTP_SENT, "iPXE was sent by TFTP, but it did not fetch its boot script. Is TCP to the deployment host's HTTP port open, and Secure Boot off?"},
	{FSM_EV_TFTP_FAILED, "the TFTP transfer of iPXE broke off. Check the MTU and loss on the provisioning VLAN"},
	{FSM_EV_DHCP_BIOS, "it asked as a legacy BIOS. Set the server's boot mode to UEFI"},
	{FSM_EV_DHCP_ACK, "DHCP was answered but nothing was fetched. Is UDP port 69 (TFTP) open to the deployment host?"},
	{FSM_EV_DHCP_OFFER, "it was offered its address and did not take it. Is there another DHCP server on the provisioning VLAN?"},
	{FSM_EV_DHCP_DISCOVER, "it asked by DHCP and got no offer. See `ondol why` for dnsmasq's messages"},
	{FSM_EV_DHCP_OTHER_PORT, "another port of it asked for an address. Are the cables of its first and second NIC port swapped?"},
};
/* clang-format on */

static void suspect_netboot(const struct fsm_node *f, const struct fsm_names *names,
	const char *waited, char *buf, size_t size)
{
	if (seen(f, FSM_EV_ORDER_BLOCKED)) {
		snprintf(buf, size,
			"it waited %s to boot, but the image cannot be read: see `ondol why`, build "
			"the image, then reinstall the node",
			waited);
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(netboot_hints); i++)
		if (seen(f, netboot_hints[i].event)) {
			snprintf(buf, size, "the agent was not up within %s: %s", waited,
				netboot_hints[i].text);
			return;
		}
	snprintf(buf, size,
		"no DHCP request from %s within %s: is the NIC's first port cabled to the "
		"provisioning VLAN, and network boot (UEFI, IPv4) on?",
		names->mac, waited);
}

static void suspect_agent(const struct fsm_node *f, const struct fsm_names *names,
	const char *waited, char *buf, size_t size)
{
	if (seen(f, FSM_EV_ORDER_BLOCKED))
		snprintf(buf, size,
			"the agent waited %s for its order, but the image cannot be read: see "
			"`ondol why`, build the image, then reinstall the node",
			waited);
	else if (!seen(f, FSM_EV_INVENTORY))
		snprintf(buf, size,
			"the agent came up but sent no inventory within %s: a disk that does "
			"not answer? Look at the server's console",
			waited);
	else
		snprintf(buf, size,
			"the agent sent its inventory but did not fetch its order from %s "
			"within %s: look at the server's console",
			names->server, waited);
}

static void suspect_install(const struct fsm_node *f, const struct fsm_names *names,
	const char *waited, bool stalled, char *buf, size_t size)
{
	if (f->installed)
		snprintf(buf, size,
			"the image is written, but the agent did not start it within %s: "
			"look at the server's console",
			waited);
	else if (stalled)
		snprintf(buf, size,
			"the agent wrote nothing for %s: is the disk failing, or the way to "
			"%s broken? Look at the server's console",
			waited, names->server);
	else
		snprintf(buf, size,
			"the agent was not done within %s although it goes on: the disk or the "
			"network is too slow (or raise `installing` in [deadlines] of rack.ini)",
			waited);
}

/* Which of its two limits a state ran into. */
static bool is_stall(const struct fsm_node *f, const struct fsm_policy *policy)
{
	const struct fsm_limit *l = &policy->limits[f->state];

	return l->stall_ms &&
		(!l->total_ms ||
			f->moved_ms + stretch(l->stall_ms, policy) <
				f->entered_ms + stretch(l->total_ms, policy));
}

static void suspect(const struct fsm_node *f, const struct fsm_names *names,
	const struct fsm_policy *policy, uint64_t now_ms, char *buf, size_t size)
{
	bool stalled = is_stall(f, policy);
	char waited[32];

	format_duration(now_ms - (stalled ? f->moved_ms : f->entered_ms), waited);
	switch (f->state) {
	case FSM_POWERING:
		snprintf(buf, size,
			"BMC %s did not say within %s that the server is on: is the server "
			"plugged in, and its BMC idle? See `ondol why`",
			names->bmc, waited);
		return;
	case FSM_NETBOOT:
		suspect_netboot(f, names, waited, buf, size);
		return;
	case FSM_AGENT:
		suspect_agent(f, names, waited, buf, size);
		return;
	case FSM_INSTALLING:
		suspect_install(f, names, waited, stalled, buf, size);
		return;
	case FSM_FIRST_BOOT:
		snprintf(buf, size,
			"the installed system was started but ondol-noded was not heard within "
			"%s: look at the server's console; does it reach %s?",
			waited, names->server);
		return;
	case FSM_CONFIGURING:
		if (names->waits)
			snprintf(buf, size, "%s (no change for %s)", names->waits, waited);
		else
			snprintf(buf, size,
				"ondol-noded did not prove the node ready, and told no progress for "
				"%s: `ondol why` shows its last step and which proof is missing",
				waited);
		return;
	case FSM_ENROL:
	case FSM_IDLE:
	case FSM_READY:
	case FSM_FAILED:
	case FSM_MAINTENANCE:
	case FSM_CANCELLED:
	case FSM_N_STATES:
		break;
	}
	snprintf(buf, size, "deadline");
}

/* ---- the step ---- */

static void step_timeout(struct fsm_output *out, const struct fsm_names *names,
	const struct fsm_policy *policy, uint64_t now_ms)
{
	uint64_t at = fsm_deadline(&out->next, policy);

	if (!at || now_ms < at)
		return;
	suspect(&out->next, names, policy, now_ms, out->reason, sizeof(out->reason));
	enter(&out->next, FSM_FAILED, now_ms);
	out->moved = true;
	out->actions = END_RUN;
}

void fsm_step(const struct fsm_node *f, enum fsm_event event, const char *text,
	const struct fsm_names *names, const struct fsm_policy *policy, uint64_t now_ms,
	struct fsm_output *ret)
{
	struct fsm_output out = {.next = *f};
	const struct rule *r;

	if (event == FSM_EV_TIMEOUT) {
		step_timeout(&out, names, policy, now_ms);
		*ret = out;
		return;
	}
	/* The guards see the boots before this one. */
	if (event != FSM_EV_BOOT_SCRIPT)
		remember(&out.next, event, now_ms);
	r = find_rule(&out.next, event);
	if (event == FSM_EV_BOOT_SCRIPT)
		remember(&out.next, event, now_ms);
	if (r) {
		out.moved = true;
		out.actions = r->actions;
		snprintf(out.reason, sizeof(out.reason), "%s",
			r->reason ? r->reason : text);
		enter(&out.next, r->to, now_ms);
	}
	*ret = out;
}

bool fsm_noded_proves_install(const struct fsm_node *f)
{
	return !f->installed && !f->want_install && seen(f, FSM_EV_ORDER_SENT) &&
		((1u << f->state) & (S(INSTALLING) | GIVEN_UP));
}

const char *fsm_disk_words(const struct fsm_node *f)
{
	if (f->installed)
		return "the new system is on its disk";
	if (seen(f, FSM_EV_ORDER_SENT) && !f->had_system)
		return "its system disk may be half written: it must be installed again";
	return f->had_system ? "the system that was on its disk is untouched"
			     : "nothing was written to its disk";
}

bool fsm_is_cancellable(const struct fsm_node *f)
{
	return (1u << f->state) & IN_RUN;
}

bool fsm_is_gone(const struct fsm_node *f)
{
	return f->state == FSM_CANCELLED && seen(f, FSM_EV_REMOVED);
}

bool fsm_wants_netboot(const struct fsm_node *f)
{
	return ((1u << f->state) & BY_AGENT) && !f->installed;
}

bool fsm_holds_slot(const struct fsm_node *f)
{
	return (1u << f->state) & (BY_AGENT | S(FIRST_BOOT));
}

bool fsm_waits_for_slot(const struct fsm_node *f)
{
	return f->state == FSM_IDLE && f->want_install;
}
