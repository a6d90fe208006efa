/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What may be dropped and what not. Lives of nodes are played by the state machine and kept
 * in a real store as node.c keeps them; then old events are dropped, and what is replayed
 * from the rest must be the same node.
 */
#include "tests/unit/harness.h"

#include "tests/unit/fsm-policy.h"
#include "tests/unit/retain-all.h"

#define DAY UINT64_C(86400000)
#define MAX_PHASES 64
#define ALL 1000000u

static const struct fsm_names names = {
	"94:40:c9:00:02:01", "10.77.1.12", "10.77.0.2:8780", NULL};

struct place {
	char dir[64];
	struct store *store;
	uint64_t now_ms;
	struct fsm_node f; /* of hp02, as it lives */
	uint64_t random;
	size_t written; /* events */
};

static int setup(void **state)
{
	struct place *p = xcalloc(1, sizeof(*p));
	char *msg = NULL;

	strcpy(p->dir, "/tmp/test-retain.XXXXXX");
	assert_non_null(mkdtemp(p->dir));
	assert_int_equal(store_open(p->dir, &p->store, &msg), 0);
	p->now_ms = DAY;
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	struct place *p = *state;

	store_close(p->store);
	remove_tree(p->dir);
	free(p);
	return 0;
}

/* ---- keeping, as node.c does ---- */

static int64_t keep(struct place *p, const char *node, const char *type, json_t *data)
{
	struct store_event ev = {.time_ms = p->now_ms,
		.node = node,
		.source = "test",
		.type = type,
		.text = "",
		.data = data};
	int64_t id = store_event_add(p->store, &ev);

	json_decref(data);
	assert_true(id > 0);
	p->written++;
	p->now_ms += 1000;
	return id;
}

static int64_t say(struct place *p, const char *type)
{
	return keep(p, "hp02", type, NULL);
}

static void step(struct place *p, enum fsm_event event)
{
	struct fsm_output out;
	enum fsm_state from = p->f.state;

	fsm_step(&p->f, event, "because", &names, &usual, p->now_ms, &out);
	p->f = out.next;
	if (out.moved)
		keep(p, "hp02", "state",
			json_pack("{s:s, s:s, s:s}", "from", fsm_state_str(from), "to",
				fsm_state_str(out.next.state), "reason", out.reason));
}

static void happen(struct place *p, enum fsm_event event)
{
	say(p, fsm_event_str(event));
	step(p, event);
}

static void report(struct place *p, bool ready)
{
	say(p, "report");
	step(p, FSM_EV_NODED_MOVED);
	step(p, ready ? FSM_EV_REPORT_READY : FSM_EV_REPORT_BUSY);
}

static void install(struct place *p)
{
	static const enum fsm_event way[] = {FSM_EV_INSTALL, FSM_EV_SLOT, FSM_EV_POWERED,
		FSM_EV_DHCP_DISCOVER, FSM_EV_DHCP_OFFER, FSM_EV_BOOT_SCRIPT,
		FSM_EV_BOOT_KERNEL, FSM_EV_BOOT_INITRD, FSM_EV_AGENT_UP, FSM_EV_INVENTORY,
		FSM_EV_ORDER_SENT, FSM_EV_AGENT_PROGRESS, FSM_EV_AGENT_INSTALLED,
		FSM_EV_AGENT_KEXEC, FSM_EV_NODED_UP, FSM_EV_NODED_STEP};

	for (size_t i = 0; i < ARRAY_SIZE(way); i++)
		if (way[i] == FSM_EV_SLOT)
			step(p, way[i]);
		else
			happen(p, way[i]);
	report(p, true);
	assert_int_equal(p->f.state, FSM_READY);
}

/* ---- replaying, as node.c does ---- */

struct fold {
	struct fsm_node f;
	int64_t report, disk, wipe, task, task_end; /* ids of what would be read from */
	int64_t state; /* of the last transition: its time and reason */
	int64_t cause; /* of the last try that failed */
	int64_t phases[MAX_PHASES];
	size_t n_phases;
};

static bool begins_run(const struct fold *x, enum fsm_state from, enum fsm_state to)
{
	if (to == FSM_POWERING || to == FSM_IDLE)
		return x->f.tries <= (to == FSM_POWERING);
	return to == FSM_CONFIGURING && (from == FSM_READY || from == FSM_FAILED);
}

static void add_phase(struct fold *x, enum fsm_state from, enum fsm_state to, int64_t id)
{
	if (begins_run(x, from, to))
		x->n_phases = 0;
	if (from == to && x->n_phases > 0)
		return;
	if (to != FSM_IDLE && x->n_phases < MAX_PHASES)
		x->phases[x->n_phases++] = id;
}

static void replay_state(struct fold *x, const struct store_event *ev)
{
	enum fsm_state from = x->f.state, to;

	assert_int_equal(
		fsm_state_parse(json_string_value(json_object_get(ev->data, "to")), &to),
		0);
	fsm_replay_state(&x->f, to, ev->time_ms);
	if (fsm_is_gone(&x->f))
		x->report = x->disk = x->task = x->task_end = 0;
	add_phase(x, from, to, ev->id);
	x->state = ev->id;
	if (to == FSM_RETRY || to == FSM_BMC_RESET)
		x->cause = ev->id;
	if (to == FSM_IDLE && x->f.tries == 0)
		x->cause = 0;
	if (to == FSM_POWERING)
		x->report = x->disk = 0;
	if (to == FSM_READY)
		x->wipe = 0;
}

static int replay(const struct store_event *ev, void *userdata)
{
	struct fold *x = userdata;
	enum fsm_event event;

	if (streq(ev->type, "state")) {
		replay_state(x, ev);
	} else if (streq(ev->type, "report")) {
		x->report = ev->id;
		fsm_replay_event(&x->f, FSM_EV_NODED_MOVED, ev->time_ms);
	} else if (streq(ev->type, "task.wanted")) {
		x->task = ev->id;
		x->task_end = 0;
	} else if (streq(ev->type, "noded.proved") || streq(ev->type, "noded.undone")) {
		if (x->task &&
			x->task == json_integer_value(json_object_get(ev->data, "id")))
			x->task_end = ev->id;
	} else if (fsm_event_parse(ev->type, &event) == 0) {
		fsm_replay_event(&x->f, event, ev->time_ms);
		if (event == FSM_EV_INSTALL || event == FSM_EV_LOOK ||
			event == FSM_EV_AGREED)
			x->wipe = ev->id;
		if (event == FSM_EV_AGENT_INSTALLED)
			x->disk = ev->id;
	}
	return 0;
}

static void fold_all(struct place *p, struct fold *ret)
{
	*ret = (struct fold){0};
	assert_int_equal(store_event_each(p->store, 0, "hp02", 0, replay, ret), 0);
}

static void assert_same(const struct fold *a, const struct fold *b)
{
	assert_true(fsm_is_same(&a->f, &b->f));
	assert_true(a->f.evidence == b->f.evidence);
	assert_true(a->f.entered_ms == b->f.entered_ms);
	assert_true(a->f.moved_ms == b->f.moved_ms);
	assert_int_equal(a->report, b->report);
	assert_int_equal(a->disk, b->disk);
	assert_int_equal(a->wipe, b->wipe);
	assert_int_equal(a->task, b->task);
	assert_int_equal(a->task_end, b->task_end);
	assert_int_equal(a->state, b->state);
	assert_int_equal(a->cause, b->cause);
	assert_int_equal(a->n_phases, b->n_phases);
	for (size_t i = 0; i < a->n_phases; i++)
		assert_int_equal(a->phases[i], b->phases[i]);
}

static int count_one(const struct store_event *ev, void *userdata)
{
	++*(size_t *)userdata;
	return 0;
}

static size_t count(struct place *p, const char *node)
{
	size_t n = 0;

	assert_int_equal(store_event_each(p->store, 0, node, 0, count_one, &n), 0);
	return n;
}

/* Drops what is older than before_ms, max in a step; the node stays the same all the way. */
static void retain(struct place *p, uint64_t before_ms, unsigned max)
{
	_cleanup_(retain_freep) struct retain *h =
		retain_new(p->store, "hp02", true, before_ms);
	struct fold was, is;
	uint64_t n;
	int r;

	fold_all(p, &was);
	do {
		n = store_event_count(p->store);
		r = retain_step(h, max);
		assert_true(r >= 0);
		assert_true(n - store_event_count(p->store) <= max);
		fold_all(p, &is);
		assert_same(&was, &is);
	} while (r > 0);
	assert_int_equal(store_event_count(p->store), count(p, NULL));
}

static int take_id(const struct store_event *ev, void *userdata)
{
	*(int64_t *)userdata = ev->id;
	return 1;
}

static bool is_there(struct place *p, int64_t id)
{
	int64_t found = 0;

	assert_int_equal(store_event_each(p->store, id - 1, NULL, 1, take_id, &found), 0);
	return found == id;
}

/* ---- what goes and what stays ---- */

static void young_events_stay(void **state)
{
	struct place *p = *state;
	size_t n;

	install(p);
	install(p);
	n = count(p, NULL);
	retain(p, DAY, ALL);
	assert_int_equal(count(p, NULL), n);
}

/* An install that came to its order makes those before it history. */
static void runs_before_the_last(void **state)
{
	struct place *p = *state;
	size_t one;

	install(p);
	one = count(p, NULL);
	for (int i = 0; i < 5; i++)
		install(p);
	assert_int_equal(count(p, NULL), 6 * one);
	retain(p, p->now_ms, ALL);
	assert_int_equal(count(p, NULL), one);
	assert_true(store_event_newest(p->store, "hp02", "install.wanted",
			    "install.wanted") > (int64_t)(5 * one));
}

/* The system that runs was installed long ago, and the last run is no install. */
static void a_converge_is_no_foundation(void **state)
{
	struct place *p = *state;
	struct fold x;

	install(p);
	happen(p, FSM_EV_CONVERGE);
	report(p, true);
	retain(p, p->now_ms, ALL);
	fold_all(p, &x);
	assert_true(x.f.installed);
	assert_true(x.disk > 0);
}

/* A wish that was cancelled leaves the system before it, which must not be forgotten. */
static void a_cancelled_wish(void **state)
{
	struct place *p = *state;
	struct fold x;

	install(p);
	happen(p, FSM_EV_INSTALL);
	happen(p, FSM_EV_CANCEL);
	assert_true(p->f.installed);
	retain(p, p->now_ms, ALL);
	fold_all(p, &x);
	assert_true(x.f.installed);
	assert_int_equal(x.f.state, FSM_CANCELLED);
	assert_false(fsm_lost_wish(&x.f));
}

static void half_written(void **state)
{
	struct place *p = *state;
	struct fold x;

	install(p);
	happen(p, FSM_EV_INSTALL);
	step(p, FSM_EV_SLOT);
	happen(p, FSM_EV_POWERED);
	happen(p, FSM_EV_AGENT_UP);
	happen(p, FSM_EV_INVENTORY);
	happen(p, FSM_EV_ORDER_SENT);
	happen(p, FSM_EV_AGENT_FAILED);
	retain(p, p->now_ms, ALL);
	fold_all(p, &x);
	assert_int_equal(x.f.state, FSM_FAILED);
	assert_false(x.f.installed);
	assert_non_null(strstr(fsm_disk_words(&x.f), "half written"));
}

/* Years of a node that is ready, not ready and ready again do not add up. */
static void flapping(void **state)
{
	struct place *p = *state;
	size_t one;

	install(p);
	one = count(p, NULL);
	for (int i = 0; i < 400; i++) {
		report(p, false);
		say(p, i % 2 ? "power.is" : "noded.strange-word");
		happen(p, FSM_EV_NODED_WARNING);
		happen(p, FSM_EV_NODED_UP);
		report(p, true);
	}
	retain(p, p->now_ms, 100);
	assert_true(count(p, NULL) < one + 12);
}

/* What the node's agents may call as they like is kept while it is young, and no longer. */
static void strange_types(void **state)
{
	struct place *p = *state;
	size_t one;

	install(p);
	one = count(p, NULL);
	for (int i = 0; i < 1000; i++) {
		_cleanup_free_ char *type = xasprintf("noded.word-%d", i);

		say(p, type);
	}
	say(p, "power.is");
	retain(p, p->now_ms, ALL);
	assert_int_equal(count(p, NULL), one + 1);
}

/* A server that boots from the network for ever, and is not to be installed. */
static void never_installed(void **state)
{
	struct place *p = *state;

	for (int i = 0; i < 300; i++) {
		happen(p, FSM_EV_DHCP_DISCOVER);
		say(p, "boot.local");
	}
	retain(p, p->now_ms, ALL);
	assert_int_equal(count(p, NULL), 2);
}

/* Nobody waits long: neither while it is read nor while it is dropped. */
static void small_steps(void **state)
{
	_cleanup_(retain_freep) struct retain *h = NULL;
	struct place *p = *state;
	unsigned steps = 1, dropping = 0;

	for (int i = 0; i < 1000; i++)
		happen(p, FSM_EV_DHCP_DISCOVER);
	h = retain_new(p->store, "hp02", true, p->now_ms);
	while (retain_step(h, 10) > 0) {
		steps++;
		dropping += store_event_count(p->store) < 1000;
	}
	assert_int_equal(count(p, NULL), 1);
	assert_in_range(steps, 199, 202);
	assert_in_range(dropping, 99, 101);
}

/* While it is not ready, what led to that stays however long nobody cares. */
static void trouble_stays(void **state)
{
	struct place *p = *state;
	int64_t old, ready, why[3];

	install(p);
	old = say(p, "power.warning");
	report(p, false);
	report(p, true);
	ready = store_event_last(p->store);
	why[0] = say(p, "power.warning");
	why[1] = say(p, "console.io-error");
	why[2] = say(p, "console.io-error");
	happen(p, FSM_EV_NODED_FAILED);
	assert_int_equal(p->f.state, FSM_FAILED);
	say(p, "console.io-error");
	say(p, "power.warning");
	retain(p, p->now_ms, ALL);
	for (int i = 0; i < 3; i++)
		assert_true(is_there(p, why[i]));
	assert_true(is_there(p, ready));
	assert_false(is_there(p, old));
}

static void tasks_outlive_installs(void **state)
{
	struct place *p = *state;
	int64_t id;
	struct fold x;

	install(p);
	id = say(p, "task.wanted");
	keep(p, "hp02", "noded.proved", json_pack("{s:I}", "id", (json_int_t)id));
	id = say(p, "task.wanted");
	keep(p, "hp02", "noded.undone", json_pack("{s:I}", "id", (json_int_t)id));
	install(p);
	retain(p, p->now_ms, ALL);
	fold_all(p, &x);
	assert_int_equal(x.task, id);
	assert_int_equal(x.task_end, id + 1);
}

/* The clock was set back and forth: only what is old from the beginning on goes. */
static void clock_jumps(void **state)
{
	struct place *p = *state;
	size_t n;

	install(p);
	install(p);
	p->now_ms += 100 * DAY;
	say(p, "power.is");
	p->now_ms -= 100 * DAY;
	install(p);
	n = count(p, NULL);
	retain(p, p->now_ms, ALL);
	assert_true(count(p, NULL) < n);
	assert_true(count(p, NULL) > n / 3 + 1);
}

static void those_that_left(void **state)
{
	struct place *p = *state;
	int64_t last;

	keep(p, "hp09", "power.is", NULL);
	keep(p, "hp09", "node.removed", NULL);
	p->now_ms += DAY;
	keep(p, "hp09", "state", json_pack("{s:s}", "to", "cancelled"));
	/* a part of them would make it another node */
	assert_int_equal(retain_all(p->store, "hp09", false, 2 * DAY, ALL), 0);
	assert_int_equal(retain_all(p->store, "hp09", false, p->now_ms, ALL), 2);
	last = store_event_last(p->store);
	assert_int_equal(count(p, "hp09"), 1); /* the very last id there is */
	keep(p, "", "ondold.started", NULL);
	assert_int_equal(retain_all(p->store, "hp09", false, p->now_ms, ALL), 1);
	assert_int_equal(count(p, "hp09"), 0);
	assert_true(store_event_last(p->store) > last);
}

static void the_rack_as_a_whole(void **state)
{
	struct place *p = *state;

	for (int i = 0; i < 10; i++) {
		keep(p, "", "access.signed-in", NULL);
		keep(p, "", "dnsmasq.up", NULL);
	}
	keep(p, "", "dnsmasq.down", NULL);
	assert_int_equal(retain_all(p->store, "", false, p->now_ms, ALL), 18);
	assert_int_equal(count(p, ""), 3);
}

/* ---- any life ---- */

static uint64_t next_random(struct place *p) /* splitmix64 */
{
	uint64_t z = p->random += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

/* What usually comes next, so that a life gets somewhere. */
static enum fsm_event likely(struct place *p)
{
	static const enum fsm_event by_state[FSM_N_STATES][4] = {
		[FSM_ENROL] = {FSM_EV_INSTALL, FSM_EV_LOOK, FSM_EV_DHCP_DISCOVER,
			FSM_EV_MAINTAIN},
		[FSM_IDLE] = {FSM_EV_SLOT, FSM_EV_SLOT, FSM_EV_SLOT, FSM_EV_CANCEL},
		[FSM_RETRY] = {FSM_EV_TIMEOUT, FSM_EV_TIMEOUT, FSM_EV_BOOT_SCRIPT,
			FSM_EV_CANCEL},
		[FSM_BMC_RESET] = {FSM_EV_BMC_BACK, FSM_EV_BMC_BACK, FSM_EV_POWER_FAILED,
			FSM_EV_POWER_REFUSED},
		[FSM_POWERING] = {FSM_EV_POWERED, FSM_EV_POWERED, FSM_EV_POWER_FAILED,
			FSM_EV_POWER_REFUSED},
		[FSM_NETBOOT] = {FSM_EV_AGENT_UP, FSM_EV_DHCP_DISCOVER,
			FSM_EV_BOOT_SCRIPT, FSM_EV_NODED_UP},
		[FSM_AGENT] = {FSM_EV_ORDER_SENT, FSM_EV_INVENTORY, FSM_EV_ORDER_BLOCKED,
			FSM_EV_BOOT_SCRIPT},
		[FSM_INVENTORIED] = {FSM_EV_AGREED, FSM_EV_SLOT, FSM_EV_DISKS_OTHER,
			FSM_EV_BOOT_SCRIPT},
		[FSM_INSTALLING] = {FSM_EV_AGENT_INSTALLED, FSM_EV_AGENT_KEXEC,
			FSM_EV_AGENT_KEXEC, FSM_EV_AGENT_FAILED},
		[FSM_FIRST_BOOT] = {FSM_EV_NODED_UP, FSM_EV_NODED_UP, FSM_EV_CANCEL,
			FSM_EV_TIMEOUT},
		[FSM_CONFIGURING] = {FSM_EV_REPORT_READY, FSM_EV_REPORT_READY,
			FSM_EV_NODED_STEP, FSM_EV_NODED_FAILED},
		[FSM_READY] = {FSM_EV_REPORT_BUSY, FSM_EV_REPORT_BUSY, FSM_EV_CONVERGE,
			FSM_EV_INSTALL},
		[FSM_FAILED] = {FSM_EV_LOOK, FSM_EV_NODED_UP, FSM_EV_CONVERGE,
			FSM_EV_MAINTAIN},
		[FSM_MAINTENANCE] = {FSM_EV_MAINTAIN_OFF, FSM_EV_MAINTAIN_OFF,
			FSM_EV_NODED_UP, FSM_EV_INSTALL},
		[FSM_CANCELLED] = {FSM_EV_INSTALL, FSM_EV_NODED_UP, FSM_EV_CONVERGE,
			FSM_EV_MAINTAIN},
	};
	uint64_t r = next_random(p);

	return r % 5 ? by_state[p->f.state][(r >> 8) % 4]
		     : (enum fsm_event)((r >> 8) % FSM_N_EVENTS);
}

static bool is_stepped_only(enum fsm_event e)
{
	return e == FSM_EV_SLOT || e == FSM_EV_TIMEOUT || e == FSM_EV_REPORT_READY ||
		e == FSM_EV_REPORT_BUSY || e == FSM_EV_NODED_MOVED;
}

static void live(struct place *p)
{
	static const char *const others[] = {"power.is", "node.silent", "noded.odd",
		"access.asked", "task.wanted", "noded.proved", "report"};
	enum fsm_event e = likely(p);
	uint64_t r = next_random(p);

	if (r % 4 == 0)
		keep(p, "hp02", others[(r >> 8) % ARRAY_SIZE(others)],
			json_pack("{s:I}", "id",
				(json_int_t)store_event_newest(
					p->store, "hp02", "task.wanted", "task.wanted")));
	if (e == FSM_EV_TIMEOUT)
		p->now_ms += 3600000;
	if (!is_stepped_only(e))
		say(p, fsm_event_str(e));
	/* ondold is killed between an event and its transition now and then */
	if (is_stepped_only(e) || r % 50 != 1)
		step(p, e);
}

/* What comes between two steps is what comes after them. */
static void retain_while_it_lives(struct place *p, uint64_t before_ms)
{
	_cleanup_(retain_freep) struct retain *h =
		retain_new(p->store, "hp02", true, before_ms);
	unsigned max = 1 + next_random(p) % 60;
	struct fold was, is;
	int r;

	do {
		live(p);
		fold_all(p, &was);
		r = retain_step(h, max);
		assert_true(r >= 0);
		fold_all(p, &is);
		assert_same(&was, &is);
	} while (r > 0);
}

static void any_life(void **state)
{
	size_t after = 0, ready = 0;
	struct place *p = *state;

	store_begin(p->store); /* for the speed of it: no fsync */
	for (uint64_t i = 0; i < 100; i++) {
		p->f = (struct fsm_node){0};
		p->random = i;
		for (int n = 0; n < 160; n++) {
			live(p);
			ready += p->f.state == FSM_READY;
			if (next_random(p) % 40 == 0)
				retain(p, p->now_ms - next_random(p) % 50000,
					1 + next_random(p) % 60);
			if (next_random(p) % 80 == 0)
				retain_while_it_lives(
					p, p->now_ms - next_random(p) % 50000);
		}
		retain(p, p->now_ms - next_random(p) % 50000, ALL);
		retain(p, p->now_ms, ALL);
		assert_int_equal(retain_all(p->store, "hp02", true, p->now_ms, ALL), 0);
		after += count(p, "hp02");
		assert_true(retain_all(p->store, "hp02", false, p->now_ms, ALL) >= 0);
		keep(p, "", "ondold.started", NULL);
		assert_true(retain_all(p->store, "hp02", false, p->now_ms, ALL) >= 0);
		assert_int_equal(count(p, "hp02"), 0);
	}
	store_commit(p->store);
	print_message("%zu events, %zu that stayed, %zu steps in ready\n", p->written,
		after, ready);
	assert_true(ready > 500);
	assert_true(after < p->written * 2 / 3);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(young_events_stay),
		T(runs_before_the_last),
		T(a_converge_is_no_foundation),
		T(a_cancelled_wish),
		T(half_written),
		T(flapping),
		T(strange_types),
		T(never_installed),
		T(small_steps),
		T(trouble_stays),
		T(tasks_outlive_installs),
		T(clock_jumps),
		T(those_that_left),
		T(the_rack_as_a_whole),
		T(any_life),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
