/* SPDX-License-Identifier: Apache-2.0 */
#include "bootstrap/fsm.h"

#include "bootstrap/suspect.h"

/*
 * Why a table: fifteen states times as many events as there are bits are mostly "nothing
 * happens", so the transitions that do exist are listed once, in one place, and the test
 * walks the whole product. What an event leaves behind without a transition (evidence, that
 * the disk is written) is in remember(), which replay uses too: a restarted ondold sees the
 * same node as the one that was killed. Tries are counted by the transitions, which are kept
 * as events, and the wait before the next one follows from their count: nothing else is to
 * be remembered.
 *
 * Tried again is what another power cycle can mend, and only as long as no agent may be
 * writing: a node is never powered off in installing. Where the agent had its order and died,
 * another try is a boot from the network like those that it makes by itself, and counts as
 * one of FSM_MAX_BOOTS.
 *
 * What no agent has seen yet is not written in the run that sees it first: its agent waits in
 * inventoried, without a slot and for as long as it takes, until the operator has agreed. He
 * agrees to what was seen: when an agent finds other disks before the order, he is asked anew.
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

/* ---- the transitions ---- */

static bool wants(const struct fsm_node *f, _unused_ const struct fsm_policy *policy)
{
	return f->want_install;
}

static bool agreed(const struct fsm_node *f, _unused_ const struct fsm_policy *policy)
{
	return f->agreed;
}

static bool not_agreed(const struct fsm_node *f, _unused_ const struct fsm_policy *policy)
{
	return !f->agreed;
}

static bool installed(const struct fsm_node *f, _unused_ const struct fsm_policy *policy)
{
	return f->installed;
}

static bool boots_left(const struct fsm_node *f, _unused_ const struct fsm_policy *policy)
{
	return !f->installed && f->boots < FSM_MAX_BOOTS;
}

static bool no_boots_left(
	const struct fsm_node *f, _unused_ const struct fsm_policy *policy)
{
	return !f->installed && f->boots >= FSM_MAX_BOOTS;
}

/* The BMC was reset before this try: it is the last. */
static bool bmc_was_reset(
	const struct fsm_node *f, _unused_ const struct fsm_policy *policy)
{
	return f->bmc_was_reset;
}

static bool may_retry(const struct fsm_node *f, const struct fsm_policy *policy)
{
	if (f->tries > policy->retries || f->bmc_was_reset || !fsm_is_mendable(f))
		return false;
	return !f->ordered || (f->state != FSM_AGENT && f->boots < FSM_MAX_BOOTS);
}

/* Without retries nothing is tried by itself. */
static bool may_reset_bmc(const struct fsm_node *f, const struct fsm_policy *policy)
{
	return policy->retries > 0 && f->tries > policy->retries && !f->bmc_was_reset &&
		fsm_is_mendable(f);
}

#define S(id) (1u << FSM_##id)
#define ANY ((1u << FSM_N_STATES) - 1)
#define BOOTING (S(POWERING) | S(NETBOOT))
#define BY_AGENT (BOOTING | S(AGENT) | S(INSTALLING))
#define BY_ORDER (BY_AGENT | S(INVENTORIED))
#define PAUSED (S(RETRY) | S(BMC_RESET))
#define IN_RUN (S(IDLE) | PAUSED | BY_ORDER | S(FIRST_BOOT) | S(CONFIGURING))
#define GIVEN_UP (S(FAILED) | S(CANCELLED))

struct rule {
	unsigned from; /* bits S(x) */
	enum fsm_event event;
	/* NULL: always */
	bool (*guard)(const struct fsm_node *f, const struct fsm_policy *policy);
	enum fsm_state to;
	unsigned actions;
	const char *reason; /* NULL: the event's text */
};

#define END_RUN (FSM_DO_ABORT_POWER | FSM_DO_REVOKE_BOOT | FSM_DO_SCHEDULE)
#define END_TRY END_RUN /* what it left is taken away, its slot goes to another */
#define SEL \
	FSM_DO_READ_SEL /* where the server or its BMC is the suspect, and when all is well */
#define WAITED "the pause is over: it is powered again, and waits for its turn"
#define LOOKED                                                                                    \
	"an agent has seen its disks for the first time: `ondol plan` shows them, `ondol apply` " \
	"or `ondol reinstall` agrees to it"
#define GOES_ON "it was agreed to, and its turn has come"
#define WRITES "its agent writes: that it had its order could not be kept"
#define LATE "it booted from the network after all"
#define BMC_ANSWERS "its BMC answers again after its reset; it is powered once more"
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
	{ANY, FSM_EV_LOOK, NULL, FSM_IDLE, END_RUN, NULL},
	{IN_RUN, FSM_EV_CANCEL, NULL, FSM_CANCELLED, END_RUN, NULL},
	{ANY & ~S(MAINTENANCE), FSM_EV_MAINTAIN, NULL, FSM_MAINTENANCE, END_RUN, NULL},
	{S(MAINTENANCE), FSM_EV_MAINTAIN_OFF, installed, FSM_CONFIGURING, 0, "back from maintenance; what it is gets proved again"},
	{S(MAINTENANCE), FSM_EV_MAINTAIN_OFF, NULL, FSM_ENROL, 0, "back from maintenance; it is not installed"},
	{S(IDLE), FSM_EV_SLOT, wants, FSM_POWERING, FSM_DO_POWER, ""},
	{S(POWERING), FSM_EV_POWERED, NULL, FSM_NETBOOT, SEL, ""},
	{S(POWERING) | S(BMC_RESET), FSM_EV_POWER_REFUSED, NULL, FSM_FAILED, END_RUN, NULL},
	{S(POWERING), FSM_EV_POWER_FAILED, may_retry, FSM_RETRY, END_TRY | SEL, NULL},
	{S(POWERING), FSM_EV_POWER_FAILED, may_reset_bmc, FSM_BMC_RESET, END_TRY | FSM_DO_RESET_BMC, NULL},
	{S(POWERING), FSM_EV_POWER_FAILED, bmc_was_reset, FSM_MAINTENANCE, END_RUN, NULL},
	{S(POWERING), FSM_EV_POWER_FAILED, NULL, FSM_FAILED, END_RUN | SEL, NULL},
	{S(BMC_RESET), FSM_EV_BMC_BACK, NULL, FSM_IDLE, FSM_DO_SCHEDULE, BMC_ANSWERS},
	{S(BMC_RESET), FSM_EV_POWER_FAILED, NULL, FSM_MAINTENANCE, END_RUN, NULL},
	{PAUSED, FSM_EV_BOOT_SCRIPT, NULL, FSM_NETBOOT, FSM_DO_ABORT_POWER, LATE},
	{BOOTING, FSM_EV_AGENT_UP, NULL, FSM_AGENT, 0, ""},
	{BOOTING | S(AGENT), FSM_EV_INVENTORY, not_agreed, FSM_INVENTORIED, FSM_DO_SCHEDULE, LOOKED},
	{BOOTING, FSM_EV_INVENTORY, NULL, FSM_AGENT, 0, ""},
	{S(INVENTORIED), FSM_EV_DISKS_OTHER, NULL, FSM_INVENTORIED, FSM_DO_SCHEDULE, NULL},
	{S(INVENTORIED), FSM_EV_AGREED, NULL, FSM_INVENTORIED, FSM_DO_SCHEDULE, NULL},
	{S(INVENTORIED), FSM_EV_SLOT, agreed, FSM_AGENT, 0, GOES_ON},
	{S(NETBOOT), FSM_EV_NODED_UP, NULL, FSM_FAILED, END_RUN, FROM_DISK},
	{S(AGENT) | S(INVENTORIED) | S(INSTALLING), FSM_EV_BOOT_SCRIPT, boots_left, FSM_NETBOOT, 0, AGAIN},
	{S(AGENT) | S(INVENTORIED) | S(INSTALLING), FSM_EV_BOOT_SCRIPT, no_boots_left, FSM_FAILED, END_RUN | SEL, TOO_OFTEN},
	{BY_ORDER, FSM_EV_IDENTITY_MISMATCH, NULL, FSM_FAILED, END_RUN, NULL},
	{BY_ORDER, FSM_EV_REFUSED, NULL, FSM_FAILED, END_RUN, NULL},
	{BY_ORDER, FSM_EV_AGENT_FAILED, NULL, FSM_FAILED, END_RUN | SEL, NULL},
	{S(AGENT), FSM_EV_ORDER_SENT, NULL, FSM_INSTALLING, 0, ""},
	{S(AGENT), FSM_EV_AGENT_PROGRESS, agreed, FSM_INSTALLING, 0, WRITES},
	{S(INSTALLING), FSM_EV_AGENT_KEXEC, installed, FSM_FIRST_BOOT, FSM_DO_SCHEDULE, ""},
	{S(INSTALLING), FSM_EV_NODED_UP, installed, FSM_CONFIGURING, FSM_DO_SCHEDULE, ""},
	{S(FIRST_BOOT), FSM_EV_NODED_UP, NULL, FSM_CONFIGURING, FSM_DO_SCHEDULE, ""},
	{GIVEN_UP | S(ENROL), FSM_EV_NODED_UP, installed, FSM_CONFIGURING, 0, "the node came up after all"},
	{S(CONFIGURING), FSM_EV_REPORT_READY, NULL, FSM_READY, END_RUN | SEL, ""},
	{GIVEN_UP, FSM_EV_REPORT_READY, installed, FSM_READY, END_RUN | SEL, ""},
	{S(CONFIGURING) | S(READY), FSM_EV_NODED_FAILED, NULL, FSM_FAILED, END_RUN, NULL},
	{S(READY), FSM_EV_REPORT_BUSY, NULL, FSM_CONFIGURING, 0, NULL},
	{S(READY) | S(CONFIGURING), FSM_EV_CONVERGE, NULL, FSM_CONFIGURING, 0, NULL},
	{GIVEN_UP, FSM_EV_CONVERGE, installed, FSM_CONFIGURING, 0, NULL},
	/* deadlines: the text is the suspect's */
	{S(RETRY), FSM_EV_TIMEOUT, NULL, FSM_IDLE, FSM_DO_SCHEDULE, WAITED},
	{BOOTING | S(AGENT), FSM_EV_TIMEOUT, may_retry, FSM_RETRY, END_TRY | SEL, NULL},
	{S(POWERING), FSM_EV_TIMEOUT, may_reset_bmc, FSM_BMC_RESET, END_TRY | FSM_DO_RESET_BMC, NULL},
	{S(POWERING), FSM_EV_TIMEOUT, bmc_was_reset, FSM_MAINTENANCE, END_RUN, NULL},
	{S(BMC_RESET), FSM_EV_TIMEOUT, NULL, FSM_MAINTENANCE, END_RUN, NULL},
	{BY_AGENT | S(FIRST_BOOT), FSM_EV_TIMEOUT, NULL, FSM_FAILED, END_RUN | SEL, NULL},
	{S(CONFIGURING), FSM_EV_TIMEOUT, NULL, FSM_FAILED, END_RUN, NULL},
};
/* clang-format on */

static const struct rule *find_rule(
	const struct fsm_node *f, enum fsm_event event, const struct fsm_policy *policy)
{
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		const struct rule *r = &rules[i];

		if (r->event == event && (r->from & (1u << f->state)) &&
			(!r->guard || r->guard(f, policy)))
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

static void disk_may_change(struct fsm_node *f)
{
	f->had_system = false;
	f->ordered = true;
	f->looks = false;
}

static void remember_agreement(struct fsm_node *f, enum fsm_event event)
{
	if (fsm_is_wish(event)) {
		f->agreed = event == FSM_EV_INSTALL;
		f->looks = event == FSM_EV_LOOK;
	}
	if (event == FSM_EV_AGREED && f->state == FSM_INVENTORIED)
		f->agreed = true;
	if (event == FSM_EV_DISKS_OTHER && f->looks)
		f->agreed = false;
}

static void remember(struct fsm_node *f, enum fsm_event event, uint64_t now_ms)
{
	f->evidence |= UINT64_C(1) << event;
	if (is_progress(f->state, event))
		f->moved_ms = now_ms;
	if (event == FSM_EV_BOOT_SCRIPT && fsm_wants_netboot(f))
		f->boots++;
	/* Of transfers the last counts: firmware asks for the size first, which looks like one. */
	if (event == FSM_EV_TFTP_FAILED)
		f->evidence &= ~(UINT64_C(1) << FSM_EV_TFTP_SENT);
	if (event == FSM_EV_AGENT_INSTALLED && f->state == FSM_INSTALLING)
		f->installed = true;
	if (event == FSM_EV_NODED_UP && fsm_noded_proves_install(f))
		f->installed = true;
	if (event == FSM_EV_ORDER_SENT)
		disk_may_change(f);
	remember_agreement(f, event);
	if (fsm_is_wish(event)) {
		f->tries = 0;
		f->bmc_was_reset = false;
		f->want_install = true;
		f->had_system |= f->installed;
		f->installed = false;
	}
	if (event == FSM_EV_BOOT_KERNEL ||
		event == FSM_EV_ORDER_SENT) /* it can be read again */
		f->evidence &= ~(UINT64_C(1) << FSM_EV_ORDER_BLOCKED);
}

static bool is_paused(const struct fsm_node *f)
{
	return (1u << f->state) & PAUSED;
}

static void enter(struct fsm_node *f, enum fsm_state to, uint64_t now_ms)
{
	if (to == FSM_POWERING) {
		f->ordered &= f->tries > 0;
		f->boots = f->ordered ? f->boots : 0;
		f->evidence = 0;
		f->want_install = false;
		f->installed = false;
	}
	/* A node that boots by itself in the pause has begun its next try. */
	f->tries += to == FSM_POWERING || (to == FSM_NETBOOT && is_paused(f));
	if (to == FSM_NETBOOT && f->state != FSM_POWERING)
		f->evidence &= UINT64_C(1) << FSM_EV_BOOT_SCRIPT |
			UINT64_C(1) << FSM_EV_POWER_REFUSED;
	if (to == FSM_IDLE && is_paused(f))
		f->want_install = true;
	if (to == FSM_BMC_RESET)
		f->bmc_was_reset = true;
	/* It may wait for weeks: only the boot that it stands on counts. */
	if (to == FSM_INVENTORIED)
		f->boots = 1;
	if (to == FSM_INSTALLING)
		disk_may_change(f);
	if (to == FSM_FAILED || to == FSM_CANCELLED || to == FSM_MAINTENANCE) {
		/* What never reached the disk left the old system as it was. */
		f->installed =
			!fsm_seen(f, FSM_EV_REMOVED) && (f->installed || f->had_system);
		f->want_install = f->had_system = false;
	}
	f->state = to;
	f->entered_ms = f->moved_ms = now_ms;
	f->not_before_ms = 0;
}

bool fsm_is_same(const struct fsm_node *a, const struct fsm_node *b)
{
	return a->state == b->state && a->boots == b->boots && a->tries == b->tries &&
		a->bmc_was_reset == b->bmc_was_reset && a->ordered == b->ordered &&
		a->want_install == b->want_install && a->agreed == b->agreed &&
		a->looks == b->looks && a->installed == b->installed &&
		a->had_system == b->had_system;
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

/* What was refused must not be asked again: iLOs lock the account. */
bool fsm_lost_refusal(const struct fsm_node *f)
{
	return (f->state == FSM_POWERING || f->state == FSM_BMC_RESET) &&
		fsm_seen(f, FSM_EV_POWER_REFUSED);
}

/*
 * Powering is begun anew: nothing has been written yet, and off, boot device and on are
 * each verified. So is a BMC's reset, which does it no harm. In every later state the node
 * itself goes on and reports. A pause needs no grace: nobody is to be heard in it.
 */
unsigned fsm_resume(struct fsm_node *f, const struct fsm_policy *policy, uint64_t now_ms)
{
	if (f->state != FSM_RETRY)
		f->not_before_ms = now_ms + fsm_stretch(FSM_GRACE_MS, policy);
	if (f->state == FSM_POWERING || f->state == FSM_BMC_RESET) {
		f->entered_ms = now_ms;
		return f->state == FSM_POWERING ? FSM_DO_POWER : FSM_DO_RESET_BMC;
	}
	return f->state == FSM_IDLE || fsm_waits_for_slot(f) ? FSM_DO_SCHEDULE : 0;
}

/* ---- deadlines ---- */

/* 0 to max, from the bits of FNV-1a over both: the same for a node and try, whoever asks. */
static unsigned jitter(const struct fsm_policy *policy, unsigned tries, unsigned max)
{
	uint32_t hash = (policy->seed ^ tries) * UINT32_C(16777619);

	return (hash ^ hash >> 15) % (max + 1);
}

/* The pause before the next try: twice as long each time, and up to a quarter more. */
static unsigned backoff_ms(const struct fsm_node *f, const struct fsm_policy *policy)
{
	unsigned doublings = MIN(f->tries ? f->tries - 1 : 0, 8u);
	unsigned ms = MIN(FSM_BACKOFF_MS << doublings, FSM_BACKOFF_MAX_MS);

	return ms + jitter(policy, f->tries, ms / 4);
}

uint64_t fsm_deadline(const struct fsm_node *f, const struct fsm_policy *policy)
{
	const struct fsm_limit *l = &policy->limits[f->state];
	uint64_t at = UINT64_MAX;

	if (f->state == FSM_RETRY)
		return f->entered_ms + fsm_stretch(backoff_ms(f, policy), policy);
	if (!l->total_ms && !l->stall_ms)
		return 0;
	if (l->total_ms)
		at = f->entered_ms + fsm_stretch(l->total_ms, policy);
	if (l->stall_ms)
		at = MIN(at, f->moved_ms + fsm_stretch(l->stall_ms, policy));
	return MAX(at, f->not_before_ms);
}

void fsm_try_words(const struct fsm_node *f, const struct fsm_policy *policy,
	uint64_t now_ms, char buf[static 32])
{
	uint64_t at = fsm_deadline(f, policy), left = at > now_ms ? at - now_ms : 0;
	unsigned n = f->tries + 1;

	if (f->state != FSM_RETRY)
		*buf = 0;
	else
		snprintf(buf, 32, "%u%s try in %llu s", n, ordinal_suffix(n),
			(unsigned long long)(left + 999) / 1000);
}

/* ---- the step ---- */

/* A failure of a node that was tried more than once says so. */
static const char *prefix(const struct fsm_node *f, enum fsm_event event,
	enum fsm_state to, char buf[static 64])
{
	bool is_power = event == FSM_EV_TIMEOUT || event == FSM_EV_POWER_FAILED;

	*buf = 0;
	if (is_power && to == FSM_MAINTENANCE)
		return "resetting its BMC was the last thing to try, and did not help: ";
	if (is_power && to == FSM_FAILED && f->tries > 1 &&
		((1u << f->state) & (BOOTING | S(AGENT))))
		snprintf(buf, 64, "tried %u times, the last time: ", f->tries);
	return buf;
}

static void take_rule(struct fsm_output *out, const struct rule *r, enum fsm_event event,
	const char *text, uint64_t now_ms)
{
	char buf[64];

	out->moved = true;
	out->actions = r->actions;
	if (fsm_seen(&out->next, FSM_EV_POWER_REFUSED)) /* not one login more */
		out->actions &= ~FSM_DO_READ_SEL;
	snprintf(out->reason, sizeof(out->reason), "%s%s",
		prefix(&out->next, event, r->to, buf), r->reason ? r->reason : text);
	enter(&out->next, r->to, now_ms);
}

static void step_timeout(struct fsm_output *out, const struct fsm_names *names,
	const struct fsm_policy *policy, uint64_t now_ms)
{
	uint64_t at = fsm_deadline(&out->next, policy);
	char text[sizeof(out->reason)];
	const struct rule *r;

	if (!at || now_ms < at)
		return;
	fsm_suspect(&out->next, names, policy, now_ms, text, sizeof(text));
	r = find_rule(&out->next, FSM_EV_TIMEOUT, policy);
	if (r)
		take_rule(out, r, FSM_EV_TIMEOUT, text, now_ms);
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
	r = find_rule(&out.next, event, policy);
	if (event == FSM_EV_BOOT_SCRIPT)
		remember(&out.next, event, now_ms);
	if (r)
		take_rule(&out, r, event, text, now_ms);
	*ret = out;
}

char *fsm_moved_words(enum fsm_state from, const struct fsm_output *out,
	const struct fsm_policy *policy, uint64_t now_ms)
{
	char next[32];

	fsm_try_words(&out->next, policy, now_ms, next);
	return xasprintf("%s -> %s%s%s%s%s", fsm_state_str(from),
		fsm_state_str(out->next.state), *next ? ": " : "", next,
		*out->reason ? ": " : "", out->reason);
}

bool fsm_noded_proves_install(const struct fsm_node *f)
{
	return !f->installed && !f->want_install && f->ordered &&
		((1u << f->state) &
			(S(INSTALLING) | GIVEN_UP | S(MAINTENANCE) | S(ENROL)));
}

const char *fsm_disk_words(const struct fsm_node *f)
{
	if (f->installed)
		return "the new system is on its disk";
	if (f->ordered && !f->had_system)
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
	return f->state == FSM_CANCELLED && fsm_seen(f, FSM_EV_REMOVED);
}

bool fsm_wants_netboot(const struct fsm_node *f)
{
	return ((1u << f->state) & (BY_ORDER | PAUSED)) && !f->installed;
}

bool fsm_holds_slot(const struct fsm_node *f)
{
	return (1u << f->state) & (BY_AGENT | S(FIRST_BOOT));
}

bool fsm_is_installing(const struct fsm_node *f)
{
	return fsm_holds_slot(f) || fsm_waits_for_slot(f) || fsm_asks(f) || is_paused(f);
}

bool fsm_asks(const struct fsm_node *f)
{
	return f->state == FSM_INVENTORIED && !f->agreed;
}

bool fsm_waits_for_slot(const struct fsm_node *f)
{
	return (f->state == FSM_IDLE && f->want_install) ||
		(f->state == FSM_INVENTORIED && f->agreed);
}
