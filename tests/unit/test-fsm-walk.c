/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state machine as a whole: every state × every event against a table that people can
 * read, and 100,000 random lives of a node, with ondold killed at random moments. A life
 * keeps events as node.c does; after a crash a fresh machine is made from what was kept.
 */
#include "tests/unit/harness.h"

#include "tests/unit/fsm-policy.h"

static const struct fsm_names names = {
	"94:40:c9:00:02:01", "10.77.1.12", "10.77.0.2:8780", NULL};

#define NOW UINT64_C(1000000)

/* ---- every state × every event ---- */

/* in the order of FSM_STATES */
static const char letters[] = "eitbpnavgfcRFMX";

/* clang-format off */
/*
 * A letter is the state entered from the column's state, a dot: it stays. First for a node
 * whose disk was not written in this run (idle: it is wanted) and which was agreed to, then
 * for one that was installed, then for one that was not agreed to; "" means the same as the
 * first.
 */
static const struct {
	enum fsm_event event;
	const char *fresh, *installed, *asking;
} table[] = {
	/* from:                    eitbpnavgfcRFMX */
	{FSM_EV_INSTALL,            "iiiiiiiiiiiiiii", "", ""},
	{FSM_EV_LOOK,               "iiiiiiiiiiiiiii", "", ""},
	{FSM_EV_AGREED,             ".......v.......", "", ""},
	{FSM_EV_SLOT,               ".p.....a.......", "", ".p............."},
	{FSM_EV_POWERED,            "....n..........", "", ""},
	{FSM_EV_POWER_FAILED,       "...Mt..........", "", ""},
	{FSM_EV_POWER_REFUSED,      "...FF..........", "", ""},
	{FSM_EV_BMC_BACK,           "...i...........", "", ""},
	{FSM_EV_DHCP_DISCOVER,      "...............", "", ""},
	{FSM_EV_DHCP_OFFER,         "...............", "", ""},
	{FSM_EV_DHCP_ACK,           "...............", "", ""},
	{FSM_EV_DHCP_BIOS,          "...............", "", ""},
	{FSM_EV_DHCP_OTHER_PORT,    "...............", "", ""},
	{FSM_EV_DHCP_FOREIGN,       "...............", "", ""},
	{FSM_EV_TFTP_SENT,          "...............", "", ""},
	{FSM_EV_TFTP_FAILED,        "...............", "", ""},
	/* in a pause: late; while the agent works: it died */
	{FSM_EV_BOOT_SCRIPT,        "..nn..nnn......", "..nn...........", ""},
	{FSM_EV_BOOT_KERNEL,        "...............", "", ""},
	{FSM_EV_BOOT_INITRD,        "...............", "", ""},
	{FSM_EV_AGENT_UP,           "....aa.........", "", ""},
	{FSM_EV_AGENT_STEP,         "...............", "", ""},
	/* the word that it had its order was lost */
	{FSM_EV_AGENT_PROGRESS,     "......g........", "", "..............."},
	{FSM_EV_AGENT_INSTALLED,    "...............", "", ""},
	{FSM_EV_AGENT_KEXEC,        "...............", "........f......", ""},
	{FSM_EV_AGENT_FAILED,       "....FFFFF......", "", ""},
	{FSM_EV_INVENTORY,          "....aa.........", "", "....vvv........"},
	{FSM_EV_DISKS_OTHER,        ".......v.......", "", ""},
	{FSM_EV_IDENTITY_MISMATCH,  "....FFFFF......", "", ""},
	{FSM_EV_REFUSED,            "....FFFFF......", "", ""},
	{FSM_EV_ORDER_BLOCKED,      "...............", "", ""},
	{FSM_EV_ORDER_SENT,         "......g........", "", ""},
	/* from network-booting: the installed system was started instead */
	{FSM_EV_NODED_UP,           ".....F...c.....", "c....F..cc..c.c", ""},
	{FSM_EV_NODED_STEP,         "...............", "", ""},
	{FSM_EV_NODED_FAILED,       "..........FF...", "", ""},
	{FSM_EV_NODED_WARNING,      "...............", "", ""},
	{FSM_EV_NODED_MOVED,        "...............", "", ""},
	{FSM_EV_REPORT_READY,       "..........R....", "..........R.R.R", ""},
	{FSM_EV_REPORT_BUSY,        "...........c...", "", ""},
	{FSM_EV_CONVERGE,           "..........cc...", "..........ccc.c", ""},
	{FSM_EV_CANCEL,             ".XXXXXXXXXX....", "", ""},
	{FSM_EV_MAINTAIN,           "MMMMMMMMMMMMM.M", "", ""},
	{FSM_EV_MAINTAIN_OFF,       ".............e.", ".............c.", ""},
	{FSM_EV_REMOVED,            "XXXXXXXXXXXXXXX", "", ""},
	{FSM_EV_TIMEOUT,            "...............", "", ""}, /* not before its time */
};
/* clang-format on */

static void table_is(enum fsm_event event, const char *row, bool installed, bool agreed)
{
	assert_int_equal(strlen(row), FSM_N_STATES);
	for (unsigned s = 0; s < FSM_N_STATES; s++) {
		struct fsm_node f = {.state = (enum fsm_state)s,
			.entered_ms = NOW,
			.moved_ms = NOW,
			.tries = 1,
			.installed = installed,
			.agreed = agreed,
			.want_install = s == FSM_IDLE};
		struct fsm_output out;
		char got;

		fsm_step(&f, event, "", &names, &usual, NOW, &out);
		got = out.moved ? letters[out.next.state] : '.';
		if (got != row[s])
			fail_msg("%s in %s%s%s: expected %c, found %c",
				fsm_event_str(event), fsm_state_str(f.state),
				installed ? " (installed)" : "",
				agreed ? "" : " (not agreed to)", row[s], got);
	}
}

static void test_table(void **state)
{
	assert_int_equal(ARRAY_SIZE(table), FSM_N_EVENTS);
	assert_int_equal(strlen(letters), FSM_N_STATES);
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		const char *fresh = table[i].fresh, *installed = table[i].installed,
			   *asking = table[i].asking;

		table_is(table[i].event, fresh, false, true);
		table_is(table[i].event, *installed ? installed : fresh, true, true);
		table_is(table[i].event, *asking ? asking : fresh, false, false);
	}
}

/* ---- lives ---- */

#define LIVES 100000
#define MAX_STEPS 60
#define MAX_KEPT (2 * MAX_STEPS + 8)

struct kept { /* what ondold writes to its store */
	bool is_state;
	unsigned what; /* enum fsm_state or enum fsm_event */
	uint64_t time_ms;
};

struct life {
	uint64_t random;
	uint64_t now_ms;
	struct fsm_policy policy;
	struct fsm_node f;
	struct kept kept[MAX_KEPT];
	size_t n_kept;
	bool powering; /* a boot from the network was ordered from the BMC */
	bool resetting; /* the BMC's own reset was */
	bool token; /* the server has booted what the boot token is good for */
	bool booted; /* since the last order */
	bool writing; /* an agent has its order, and was not heard to be done with it */
	bool agreed; /* by the operator, to what was seen last */
	bool looks; /* nobody had seen it before this run, and no order was sent in it */
	bool written; /* the agent said that it is done, and nothing new was asked for */
	/* of the run */
	bool refused; /* the BMC let nobody in */
	unsigned power_ons, resets;
	unsigned orders; /* to agents that each booted anew */
	unsigned lives_lost;
};

static uint64_t next_random(struct life *l) /* splitmix64 */
{
	uint64_t z = l->random += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static void keep(struct life *l, bool is_state, unsigned what)
{
	assert_true(l->n_kept < MAX_KEPT);
	l->kept[l->n_kept++] = (struct kept){is_state, what, l->now_ms};
}

static void act(struct life *l, unsigned actions)
{
	if (actions & FSM_DO_ABORT_POWER)
		l->powering = l->resetting = false;
	if (actions & FSM_DO_REVOKE_BOOT)
		l->token = false;
	if (actions & FSM_DO_POWER) {
		/* Whoever is powered on to be installed must be one that is to be written, and
		 * was let in, and is not being written: it is switched off first. */
		assert_false(l->written || l->writing || l->refused);
		assert_int_equal(l->f.state, FSM_POWERING);
		l->powering = true;
	}
	if (actions & FSM_DO_READ_SEL)
		assert_false(l->refused);
	if (actions & FSM_DO_RESET_BMC) {
		assert_false(l->refused || l->powering);
		assert_int_equal(l->f.state, FSM_BMC_RESET);
		l->resetting = true;
	}
}

/* node_step() leaves these out of the store; only their transitions are in it. */
static bool is_kept(enum fsm_event e)
{
	return e != FSM_EV_SLOT && e != FSM_EV_TIMEOUT && e != FSM_EV_REPORT_READY &&
		e != FSM_EV_REPORT_BUSY && e != FSM_EV_NODED_MOVED &&
		e != FSM_EV_AGENT_PROGRESS;
}

/* What is so in the world, whatever ondold makes of it, before and after it hears of it. */
static void happens(struct life *l, enum fsm_event e)
{
	if (e == FSM_EV_INSTALL || e == FSM_EV_LOOK) {
		l->written = l->writing = l->refused = false;
		l->agreed = e == FSM_EV_INSTALL;
		l->looks = e == FSM_EV_LOOK;
		l->power_ons = l->resets = l->orders = 0;
	}
	if (e == FSM_EV_POWERED || e == FSM_EV_POWER_FAILED ||
		e == FSM_EV_POWER_REFUSED || e == FSM_EV_BMC_BACK)
		l->powering = l->resetting = false;
	l->refused |= e == FSM_EV_POWER_REFUSED;
	if (e == FSM_EV_BOOT_SCRIPT || e == FSM_EV_AGENT_FAILED ||
		e == FSM_EV_AGENT_INSTALLED)
		l->writing = false;
	if (e ==
		FSM_EV_BOOT_SCRIPT) { /* whoever ran on it is dead; it waits for an answer */
		l->booted = true;
		l->token = false;
	}
	l->written |= e == FSM_EV_AGENT_INSTALLED && l->f.state == FSM_INSTALLING;
	l->agreed |= l->f.state == FSM_INVENTORIED && e == FSM_EV_AGREED;
	l->agreed &= !l->looks || e != FSM_EV_DISKS_OTHER;
	if (e == FSM_EV_AGENT_PROGRESS && l->f.state == FSM_AGENT && l->agreed)
		l->looks = false; /* it has its order, though that was lost */
	if (e == FSM_EV_ORDER_SENT) {
		assert_true(l->agreed);
		l->looks = false;
		l->orders += l->booted;
		l->booted = false;
		l->writing = true;
	}
}

static void step(struct life *l, enum fsm_event e)
{
	struct fsm_output out;

	fsm_step(&l->f, e, "", &names, &l->policy, l->now_ms, &out);
	l->f = out.next;
	if (out.moved)
		keep(l, true, out.next.state);
	if (e == FSM_EV_BOOT_SCRIPT)
		l->token = fsm_wants_netboot(&l->f);
	l->power_ons += (out.actions & FSM_DO_POWER) != 0;
	l->resets += (out.actions & FSM_DO_RESET_BMC) != 0;
	act(l, out.actions);
}

/* ondold was killed and starts: the machine is made from what was kept. */
static void restart(struct life *l)
{
	struct fsm_node f = {.state = FSM_ENROL};

	for (size_t i = 0; i < l->n_kept; i++) {
		const struct kept *k = &l->kept[i];

		if (k->is_state)
			fsm_replay_state(&f, (enum fsm_state)k->what, k->time_ms);
		else
			fsm_replay_event(&f, (enum fsm_event)k->what, k->time_ms);
	}
	l->f = f;
	l->powering = l->resetting = false;
	l->lives_lost++;
	if (fsm_lost_wish(&l->f))
		step(l, l->f.agreed ? FSM_EV_INSTALL : FSM_EV_LOOK);
	if (fsm_lost_refusal(&l->f))
		step(l, FSM_EV_POWER_REFUSED);
	act(l, fsm_resume(&l->f, &l->policy, l->now_ms));
}

/* An order may be fetched: node_order_is_due(), which also wants an inventory. */
static bool order_is_due(const struct life *l)
{
	return (l->f.state == FSM_AGENT || l->f.state == FSM_INSTALLING) && l->f.agreed &&
		!l->f.installed && !l->powering && l->token;
}

static bool is_agents(enum fsm_event e)
{
	return (e >= FSM_EV_AGENT_UP && e <= FSM_EV_REFUSED) || e == FSM_EV_ORDER_BLOCKED;
}

/*
 * Can it happen at all? Only who was ordered to power on, or to reset, says how it went; an
 * agent without a good token is not heard.
 */
static bool can_be(const struct life *l, enum fsm_event e)
{
	if (e == FSM_EV_POWERED)
		return l->powering;
	if (e == FSM_EV_BMC_BACK)
		return l->resetting;
	if (e == FSM_EV_POWER_FAILED || e == FSM_EV_POWER_REFUSED)
		return l->powering || l->resetting;
	if (e == FSM_EV_ORDER_SENT)
		return order_is_due(l);
	if (is_agents(e))
		return l->token;
	return e != FSM_EV_REMOVED; /* ondold drops who was removed */
}

/* What must hold after each step and each restart. */
static void check(const struct life *l)
{
	if (l->written) {
		assert_false(fsm_wants_netboot(&l->f));
		assert_false(order_is_due(l));
	}
	if (l->f.state == FSM_POWERING)
		assert_true(l->powering);
	if (l->f.state == FSM_BMC_RESET)
		assert_true(l->resetting && l->f.bmc_was_reset);
	if (l->f.state == FSM_IDLE)
		assert_true(fsm_waits_for_slot(&l->f));
	if (l->f.state == FSM_RETRY)
		assert_in_range(l->f.tries, 1, l->policy.retries);
	/* the last one is that after the reset */
	assert_in_range(l->f.tries, 0, l->policy.retries + 2);
	assert_in_range(l->power_ons, 0, l->policy.retries + 2);
	assert_in_range(l->resets, 0, l->policy.retries ? 1 : 0);
	/* that is not repeated for ever */
	assert_in_range(l->orders, 0, FSM_MAX_BOOTS);
}

/* Whatever becomes of a node that nobody speaks to any more: it comes to rest. */
static void comes_to_rest(struct life l)
{
	for (unsigned i = 0; i < 32; i++) {
		uint64_t at = fsm_deadline(&l.f, &l.policy);

		l.n_kept = 0;
		if (fsm_waits_for_slot(&l.f)) {
			step(&l, FSM_EV_SLOT);
			continue;
		}
		if (at == 0)
			break;
		l.now_ms = MAX(l.now_ms, at);
		step(&l, FSM_EV_TIMEOUT);
		check(&l);
	}
	assert_true(l.f.state == FSM_ENROL || l.f.state == FSM_READY ||
		l.f.state == FSM_FAILED || l.f.state == FSM_MAINTENANCE ||
		l.f.state == FSM_CANCELLED || fsm_asks(&l.f));
}

static enum fsm_event some_event(struct life *l)
{
	/* the way of an install, so that lives come far; else anything at all */
	static const enum fsm_event next[FSM_N_STATES] = {[FSM_ENROL] = FSM_EV_LOOK,
		[FSM_IDLE] = FSM_EV_SLOT,
		[FSM_RETRY] = FSM_EV_TIMEOUT,
		[FSM_BMC_RESET] = FSM_EV_BMC_BACK,
		[FSM_POWERING] = FSM_EV_POWERED,
		[FSM_NETBOOT] = FSM_EV_AGENT_UP,
		[FSM_AGENT] = FSM_EV_ORDER_SENT,
		[FSM_INVENTORIED] = FSM_EV_AGREED,
		[FSM_INSTALLING] = FSM_EV_AGENT_INSTALLED,
		[FSM_FIRST_BOOT] = FSM_EV_NODED_UP,
		[FSM_CONFIGURING] = FSM_EV_REPORT_READY,
		[FSM_READY] = FSM_EV_CONVERGE,
		[FSM_FAILED] = FSM_EV_INSTALL,
		[FSM_MAINTENANCE] = FSM_EV_INSTALL,
		[FSM_CANCELLED] = FSM_EV_INSTALL};
	uint64_t r = next_random(l);

	if (l->powering && l->f.state != FSM_POWERING && r % 2)
		return FSM_EV_POWERED;
	if (l->f.state == FSM_INSTALLING && l->f.installed && r % 4)
		return FSM_EV_AGENT_KEXEC;
	if (l->f.state == FSM_NETBOOT && !l->token && r % 2)
		return FSM_EV_BOOT_SCRIPT;
	if (l->f.state == FSM_AGENT && !l->f.agreed && r % 2)
		return FSM_EV_INVENTORY;
	if (l->f.state == FSM_INVENTORIED && l->f.agreed && r % 2)
		return FSM_EV_SLOT;
	/* a server that is faster than its BMC, an agent that dies */
	if (l->f.state == FSM_POWERING && r / 64 % 4 == 0)
		return l->token ? FSM_EV_AGENT_UP : FSM_EV_BOOT_SCRIPT;
	if (l->f.state == FSM_INSTALLING && r / 64 % 3 == 0)
		return FSM_EV_BOOT_SCRIPT;
	/* BMCs of all kinds, and waits for nothing */
	if (r / 2 % 4 == 0 && (l->powering || l->resetting))
		return r / 8 % 8 ? FSM_EV_POWER_FAILED : FSM_EV_POWER_REFUSED;
	if (r / 2 % 8 == 1)
		return FSM_EV_TIMEOUT;
	return r % 2 ? next[l->f.state] : (enum fsm_event)(r / 2 % FSM_N_EVENTS);
}

/* Time goes on; when it is the deadline's turn, often to where that is. */
static void pass_time(struct life *l, enum fsm_event e)
{
	uint64_t at = fsm_deadline(&l->f, &l->policy);

	l->now_ms += next_random(l) % 300000;
	if (e == FSM_EV_TIMEOUT && next_random(l) % 4)
		l->now_ms = MAX(l->now_ms, at);
}

static void restart_is_the_same(struct life *l)
{
	struct fsm_node before = l->f;

	restart(l);
	assert_int_equal(l->f.state, before.state);
	assert_int_equal(l->f.installed, before.installed);
	assert_int_equal(l->f.want_install, before.want_install);
	assert_int_equal(l->f.tries, before.tries);
	assert_int_equal(l->f.bmc_was_reset, before.bmc_was_reset);
	assert_int_equal(l->f.ordered, before.ordered);
	assert_int_equal(l->f.agreed, before.agreed);
	assert_int_equal(l->f.looks, before.looks);
	if (before.state == FSM_RETRY)
		assert_int_equal(fsm_deadline(&l->f, &l->policy),
			fsm_deadline(&before, &l->policy));
}

struct sums {
	unsigned crashes, retries, resets, asked, ready;
};

static void live(uint64_t seed, struct sums *sums)
{
	struct life l = {.random = seed,
		.now_ms = NOW,
		.policy = usual,
		.f = {.state = FSM_ENROL}};

	l.policy.retries = next_random(&l) % 4;
	l.policy.seed = (uint32_t)next_random(&l);
	for (unsigned i = 0; i < MAX_STEPS; i++) {
		enum fsm_event e = some_event(&l);
		unsigned fate = next_random(&l) % 16;
		enum fsm_state before = l.f.state;

		pass_time(&l, e);
		if (!can_be(&l, e))
			continue;
		happens(&l, e);
		if (is_kept(e))
			keep(&l, false, e);
		if (fate == 0 && e != FSM_EV_INSTALL &&
			e != FSM_EV_LOOK) /* killed before it acted */
			restart(&l);
		else
			step(&l, e);
		check(&l);
		sums->retries += l.f.state != before && l.f.state == FSM_RETRY;
		sums->resets += l.f.state != before && l.f.state == FSM_BMC_RESET;
		sums->asked += l.f.state != before && l.f.state == FSM_INVENTORIED;
		sums->ready += l.f.state != before && l.f.state == FSM_READY;
		if (fate == 1) {
			restart_is_the_same(&l);
			check(&l);
		}
	}
	comes_to_rest(l);
	sums->crashes += l.lives_lost;
}

static void test_lives(void **state)
{
	const char *s = getenv("FSM_SEED");
	uint64_t seed = s ? strtoull(s, NULL, 0) : 20201;
	struct sums sums = {0};

	print_message("seed %llu (FSM_SEED)\n", (unsigned long long)seed);
	for (uint64_t i = 0; i < LIVES; i++)
		live(seed + i * 7919, &sums);
	print_message(
		"%d lives, %u restarts, %u retries, %u BMC resets, asked %u times, ready %u times\n",
		LIVES, sums.crashes, sums.retries, sums.resets, sums.asked, sums.ready);
	/* else the lives do not come where it matters */
	assert_true(sums.crashes > LIVES && sums.retries > LIVES / 2 &&
		sums.resets > LIVES / 50 && sums.asked > LIVES / 10 &&
		sums.ready > LIVES / 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_lives),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
