/* SPDX-License-Identifier: Apache-2.0 */
/* What a change of rack.ini means, told from two texts of it. */
#include "tests/unit/harness.h"
#include "tests/unit/example-rack.h"

#include "bootstrap/apply.h"

static const char *const nothing[] = {NULL};
static const struct inventory seen;
static const char *trouble; /* of what was seen; NULL: none */

static void expect(struct rack *after, const char *node, const struct fsm_node *f,
	bool changes, const char *const *wipe, enum apply_action action, const char *word)
{
	struct rack *before = example_with("[rack]", "dl360", "dl360");
	struct apply_view view = {.fsm = f,
		.inv = &seen,
		.trouble = trouble,
		.desired_changes = changes,
		.wipe = wipe};
	_cleanup_free_ char *why = NULL;
	enum apply_action got = apply_decide(
		rack_node(before, node), rack_node(after, node), &view, &why);

	if (got != action || !strstr(why, word))
		fail_msg("expected %s with \"%s\", got %s: %s", apply_action_str(action),
			word, apply_action_str(got), why);
	rack_free(before);
	rack_free(after);
}

static struct fsm_node in(enum fsm_state state)
{
	return (struct fsm_node){.state = state,
		.installed = state == FSM_READY || state == FSM_CONFIGURING};
}

static struct rack *same(void)
{
	return example_with("[rack]", "dl360", "dl360");
}

static void a_new_node(void **state)
{
	struct rack *r = same();
	_cleanup_free_ char *why = NULL;

	assert_int_equal(
		apply_decide(NULL, rack_node(r, "hp02"), NULL, &why), APPLY_LOOK);
	rack_free(r);
}

static void nothing_changed(void **state)
{
	struct fsm_node f = in(FSM_READY);

	expect(same(), "hp02", &f, false, nothing, APPLY_NONE, "as declared");
	f = in(FSM_CONFIGURING);
	expect(same(), "hp02", &f, false, nothing, APPLY_NONE, "");
	f = in(FSM_FAILED);
	f.installed = true;
	expect(same(), "hp02", &f, false, nothing, APPLY_NONE, "failed");
}

static void never_installed(void **state)
{
	struct fsm_node f = in(FSM_ENROL);

	expect(same(), "hp02", &f, false, nothing, APPLY_INSTALL, "never installed");
	f = in(FSM_FAILED);
	expect(same(), "hp02", &f, false, nothing, APPLY_INSTALL, "never installed");
}

/* What no agent has seen is looked at first; what an agent waits with is agreed to. */
static void never_seen(void **state)
{
	struct rack *r = same();
	struct fsm_node f = in(FSM_FAILED);
	struct apply_view view = {.fsm = &f, .wipe = nothing};
	_cleanup_free_ char *why = NULL;

	assert_int_equal(
		apply_decide(rack_node(r, "hp02"), rack_node(r, "hp02"), &view, &why),
		APPLY_LOOK);
	rack_free(r);
	f = in(FSM_INVENTORIED);
	expect(same(), "hp02", &f, true, nothing, APPLY_ASKS, "waits to be agreed to");
	expect(example_with(
		       "[profile dl360]", "disk.1.size = 480G", "disk.1.size = 960G"),
		"hp02", &f, true, nothing, APPLY_ASKS, "disk.1");
	expect(example_with("[node hp02]", "CZJ0010002", "CZJ0010099"), "hp02", &f, true,
		nothing, APPLY_LOOK, "serial");
	f.agreed = true;
	expect(same(), "hp02", &f, true, nothing, APPLY_NONE, "being installed");
}

/* What is known to be refused is not switched off for it; other disks are looked at. */
static void disks_that_do_not_fit(void **state)
{
	const char *const named[] = {"S1", NULL};
	struct fsm_node f = in(FSM_FAILED);

	trouble = "the system disk holds LVM2_member";
	expect(same(), "hp02", &f, false, nothing, APPLY_HELD,
		"left as it is: the system disk holds");
	expect(example_with(
		       "[profile dl360]", "disk.1.size = 480G", "disk.1.size = 960G"),
		"hp02", &f, false, nothing, APPLY_LOOK, "disk.1");
	f = in(FSM_READY);
	expect(same(), "hp02", &f, false, nothing, APPLY_NONE, "as declared");
	expect(same(), "hp02", &f, true, nothing, APPLY_CONVERGE, "");
	expect(example_with("[node hp02]", "serial  = CZJ0010002",
		       "serial = CZJ0010002\ndisk.1.serial = S1"),
		"hp02", &f, false, named, APPLY_LOOK,
		"no agent has seen its disks since");
	f = in(FSM_INVENTORIED);
	expect(same(), "hp02", &f, false, nothing, APPLY_ASKS, "waits to be agreed to");
	trouble = NULL;
}

static void role(void **state)
{
	struct fsm_node f = in(FSM_READY);

	expect(example_with("[node hp02]", "role    = compute",
		       "role = storage\nkind = block"),
		"hp02", &f, true, nothing, APPLY_CONVERGE, "compute -> storage/block");
	f = in(FSM_FAILED);
	f.installed = true;
	expect(example_with("[node hp02]", "role    = compute", "role = controller"),
		"hp02", &f, true, nothing, APPLY_CONVERGE, "compute -> controller");
}

static void leaving_a_cloud(void **state)
{
	struct rack *before = same();
	struct rack *after = example_with(
		"[node hp02]", "role    = compute", "role = storage\nkind = object");
	struct fsm_node f = in(FSM_READY);
	struct apply_view view = {.fsm = &f, .desired_changes = true, .cloud = true};
	_cleanup_free_ char *why = NULL, *removed = NULL, *plain = NULL;

	assert_int_equal(apply_decide(rack_node(before, "hp02"), rack_node(after, "hp02"),
				 &view, &why),
		APPLY_CONVERGE);
	assert_string_equal(why,
		"role compute -> storage/object: leaves the role compute; it refuses while instances run on it");
	removed = apply_removal(rack_node(after, "hp02"), true);
	assert_non_null(strstr(removed, "leaves the role storage/object"));
	plain = apply_removal(rack_node(after, "hp02"), false);
	assert_null(strstr(plain, "role"));
	rack_free(before);
	rack_free(after);
}

static void busy(void **state)
{
	struct fsm_node f = in(FSM_INSTALLING);

	expect(example_with("[node hp02]", "role    = compute", "role = controller"),
		"hp02", &f, true, nothing, APPLY_NONE, "installing");
	f = (struct fsm_node){.state = FSM_IDLE, .want_install = true};
	expect(same(), "hp02", &f, true, nothing, APPLY_NONE, "idle");
	/* a pause between tries is no end */
	f = in(FSM_RETRY);
	expect(same(), "hp02", &f, true, nothing, APPLY_NONE, "retrying");
	f = in(FSM_BMC_RESET);
	expect(same(), "hp02", &f, true, nothing, APPLY_NONE, "resetting-bmc");
	f = in(FSM_INSTALLING);
	expect(example_with("[node hp02]", "94:40:c9:00:02:01", "94:40:c9:00:02:99"),
		"hp02", &f, true, nothing, APPLY_REFUSED, "mac.1");
}

static void hardware(void **state)
{
	static const char *const consent[] = {"S2", NULL};
	static const char *const other[] = {"S3", "", NULL};
	struct inv_disk disk = {
		.name = (char *)"sda", .serial = (char *)"S2", .wwn = (char *)""};
	struct inventory inv = {.disks = &disk, .n_disks = 1};
	struct rack *before = same(), *after;
	struct fsm_node f = in(FSM_READY);
	struct apply_view view = {.fsm = &f, .inv = &inv, .wipe = consent};
	_cleanup_free_ char *why = NULL;

	after = example_with("[node hp02]", "94:40:c9:00:02:02", "94:40:c9:00:02:99");
	assert_int_equal(apply_decide(rack_node(before, "hp02"), rack_node(after, "hp02"),
				 &view, &why),
		APPLY_LOOK); /* the new server was never seen */
	rack_free(before);
	rack_free(after);
	expect(example_with("[node hp02]", "94:40:c9:00:02:02", "94:40:c9:00:02:99"),
		"hp02", &f, true, other, APPLY_REFUSED, "mac.2 is 94:40:c9:00:02:99");
	expect(example_with("[node hp02]", "CZJ0010002", "CZJ0010099"), "hp02", &f, true,
		nothing, APPLY_REFUSED, "serial is CZJ0010099");
	expect(example_with(
		       "[profile dl360]", "disk.1.size = 480G", "disk.1.size = 960G"),
		"hp02", &f, true, nothing, APPLY_REFUSED, "disk.1");
	expect(example_with(
		       "[profile dl360]", "disk.2.use  = spare", "disk.2.use = data"),
		"hp02", &f, true, nothing, APPLY_CONVERGE, "");
	f = in(FSM_FAILED);
	expect(example_with("[node hp02]", "CZJ0010002", "CZJ0010099"), "hp02", &f, true,
		nothing, APPLY_LOOK, "serial");
	expect(example_with(
		       "[profile dl360]", "disk.1.size = 480G", "disk.1.size = 960G"),
		"hp02", &f, true, nothing, APPLY_INSTALL, "disk.1");
}

static void bmc_address(void **state)
{
	struct fsm_node f = in(FSM_READY);

	expect(example_with("[node hp02]", "10.77.1.12", "10.77.1.99"), "hp02", &f, false,
		nothing, APPLY_NONE, "as declared");
}

static void moved_address(void **state)
{
	struct rack *before = same(), *after = same();
	_cleanup_free_ char *why = NULL;

	assert_null(apply_address_change(before, after));
	after->http_port++;
	why = apply_address_change(before, after);
	assert_non_null(strstr(why, "old address 10.77.0.2, ports 8780 and 8781"));
	rack_free(before);
	rack_free(after);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_new_node),
		cmocka_unit_test(nothing_changed),
		cmocka_unit_test(never_installed),
		cmocka_unit_test(never_seen),
		cmocka_unit_test(role),
		cmocka_unit_test(leaving_a_cloud),
		cmocka_unit_test(busy),
		cmocka_unit_test(disks_that_do_not_fit),
		cmocka_unit_test(hardware),
		cmocka_unit_test(bmc_address),
		cmocka_unit_test(moved_address),
	};

	return cmocka_run_group_tests(tests, example_setup, example_teardown);
}
