/* SPDX-License-Identifier: Apache-2.0 */
/* Which slot can be written, what is remembered of an update, and what became of it. */
#include "tests/unit/harness.h"

#include "nodeagent/slots.h"
#include "nodeagent/task.h"
#include "nodeagent/update.h"
#include "common/jsonx.h"
#include "tests/unit/fakefs.h"

#define A "7226c13a-fd8b-aa45-897d-1064860b94ad"
#define B "8226c13a-fd8b-aa45-897d-1064860b94ad"
#define STATE "1552489f-e543-b64c-b795-81c7b3f3a7e9"
#define ESP "2552489f-e543-b64c-b795-81c7b3f3a7e9"
#define LINE(slot)                                               \
	"ondol.mode=boot ondol.slot=" slot " ondol.state=" STATE \
	" ondol.node=hp02 console=ttyS0\n"

/* A partition as the kernel and udev show it. */
static void put_part(const char *root, const char *disk, const char *part,
	const char *label, const char *uuid)
{
	_cleanup_free_ char *dir = xasprintf("/sys/devices/pci/%s/%s", disk, part),
			    *uevent = xasprintf("%s/uevent", dir),
			    *class = xasprintf("/sys/class/block/%s", part),
			    *by = xasprintf("%s/dev/disk/by-partuuid/%s", root, uuid),
			    *to = xasprintf("../../%s", part),
			    *text = xasprintf("DEVTYPE=partition\nPARTNAME=%s\n", label);

	fakefs_put(root, uevent, text);
	fakefs_link(root, class, dir);
	fakefs_parents(by);
	assert_int_equal(symlink(to, by), 0);
}

static void put_node(const char *root, const char *cmdline)
{
	fakefs_put(root, "/proc/cmdline", cmdline);
	put_part(root, "sda", "sda1", "ondol-esp", ESP);
	put_part(root, "sda", "sda2", "ondol-a", A);
	put_part(root, "sda", "sda3", "ondol-b", B);
	put_part(root, "sda", "sda4", "ondol-state", STATE);
	/* an old system disk that was left in another bay */
	put_part(root, "sdb", "sdb2", "ondol-a", "9226c13a-fd8b-aa45-897d-1064860b94ad");
	put_part(root, "sdb", "sdb3", "ondol-b", "a226c13a-fd8b-aa45-897d-1064860b94ad");
}

static void expect_slots(const char *root, const char *current, const char *other,
	const char *part, const char *uuid)
{
	_cleanup_(slots_clear) struct slots s = {0};
	_cleanup_free_ char *why = NULL, *device = xasprintf("%s/dev/%s", root, part),
			    *esp = xasprintf("%s/dev/sda1", root);

	if (slots_find(root, true, &s, &why) < 0)
		fail_msg("%s", why);
	assert_string_equal(s.current, current);
	assert_string_equal(s.other, other);
	assert_string_equal(s.other_device, device);
	assert_int_equal(s.other_parts.n, 1);
	assert_string_equal(s.other_parts.uuid[0], uuid);
	assert_int_equal(s.n_esp, 1);
	assert_string_equal(s.esp_device[0], esp);
}

static void the_other_slot(void **state)
{
	put_node(*state, LINE(A));
	expect_slots(*state, "a", "b", "sda3", B);
	fakefs_put(*state, "/proc/cmdline", LINE(B));
	expect_slots(*state, "b", "a", "sda2", A);
}

static void refuses(const char *root, const char *words, int expected)
{
	struct slots s = {0};
	_cleanup_free_ char *why = NULL;

	assert_int_equal(slots_find(root, true, &s, &why), expected);
	assert_non_null(strstr(why, words));
	assert_null(s.args);
}

static void no_slot(void **state)
{
	put_node(*state, "root=/dev/vda1 quiet\n");
	refuses(*state, "not started from a slot", -EOPNOTSUPP);
	fakefs_put(*state, "/proc/cmdline",
		"ondol.mode=boot ondol.slot=" A "," B " ondol.state=" STATE "," ESP
		" ondol.node=hp02\n");
	refuses(*state, "could not update one in place", -EOPNOTSUPP);
	fakefs_put(*state, "/proc/cmdline", LINE(ESP));
	refuses(*state, "sda1, \"ondol-esp\"", -ENODEV);
}

#define A2 "9226c13a-fd8b-aa45-897d-1064860b94ad"
#define B2 "a226c13a-fd8b-aa45-897d-1064860b94ad"
#define STATE2 "b552489f-e543-b64c-b795-81c7b3f3a7e9"
#define ESP2 "c552489f-e543-b64c-b795-81c7b3f3a7e9"
#define MIRRORED                                                                \
	"ondol.mode=boot ondol.slot=" A "," A2 " ondol.state=" STATE "," STATE2 \
	" ondol.other=" B "," B2 " ondol.node=hp02 console=ttyS0\n"

static void join(const char *root, const char *md, const char *one, const char *other)
{
	const char *const halves[] = {one, other};

	for (size_t i = 0; i < ARRAY_SIZE(halves); i++) {
		_cleanup_free_ char *path =
			xasprintf("/sys/devices/pci/%.3s/%s/holders/%s/x", halves[i],
				halves[i], md);

		fakefs_put(root, path, "");
	}
}

/* Two disks: arrays in the place of partitions, and an EFI partition on each. */
static void of_a_mirror(void **state)
{
	_cleanup_(slots_clear) struct slots s = {0};
	_cleanup_free_ char *why = NULL, *other = xasprintf("%s/dev/md2", (char *)*state),
			    *esp = xasprintf("%s/dev/sdb1", (char *)*state), *gone = NULL;

	put_node(*state, MIRRORED);
	put_part(*state, "sdb", "sdb1", "ondol-esp", ESP2);
	put_part(*state, "sdb", "sdb4", "ondol-state", STATE2);
	join(*state, "md1", "sda2", "sdb2");
	join(*state, "md2", "sda3", "sdb3");
	refuses(*state, "a half of the system's mirror is missing or has failed",
		-ENODEV);
	join(*state, "md3", "sda4", "sdb4");
	if (slots_find(*state, true, &s, &why) < 0)
		fail_msg("%s", why);
	assert_string_equal(s.current, "a");
	assert_string_equal(s.other_device, other);
	assert_int_equal(s.other_parts.n, 2);
	assert_string_equal(s.other_parts.uuid[1], B2);
	assert_int_equal(s.n_esp, 2);
	assert_string_equal(s.esp_device[1], esp);
	/* a half that failed is still there, and one that was pulled is not */
	fakefs_put(*state, "/sys/block/md2/md/degraded", "1\n");
	refuses(*state, "a half of the system's mirror is missing or has failed",
		-ENODEV);
	gone = xasprintf("%s/dev/disk/by-partuuid/" A2, (char *)*state);
	assert_int_equal(unlink(gone), 0);
	refuses(*state, "a half of the system's mirror is missing or has failed",
		-ENODEV);
	/* what is to be kept is kept on the other */
	slots_clear(&s);
	if (slots_find(*state, false, &s, &why) < 0)
		fail_msg("%s", why);
	assert_string_equal(s.current, "a");
	assert_int_equal(s.n_esp, 1);
}

static void record(void **state)
{
	_cleanup_free_ char *path = xasprintf("%s/update.json", (char *)*state),
			    *none = NULL, *bad = NULL, *good = NULL;
	struct update_record u = {0};

	assert_int_equal(update_load(path, &u, &none), -ENOENT);
	fakefs_put(*state, "/update.json", "{\"task\": 0, \"version\": \"2\"}");
	assert_int_equal(update_load(path, &u, &bad), -EINVAL);
	assert_null(u.version);
	fakefs_put(*state, "/update.json",
		"{\"task\": 7, \"version\": \"2\", \"before\": \"1\"}");
	assert_int_equal(update_load(path, &u, &good), 0);
	assert_int_equal(u.task, 7);
	assert_int_equal(update_judge(&u, "2", true), UPDATE_ON_TRIAL);
	assert_int_equal(update_judge(&u, "2", false), UPDATE_KEPT);
	assert_int_equal(update_judge(&u, "1", false), UPDATE_RETURNED);
	assert_false(update_has_ended(&u));
	/* its end stays, until ondold has it */
	assert_int_equal(update_end(path, &u, true, "image 2 is kept", &good), 0);
	update_record_clear(&u);
	assert_int_equal(update_load(path, &u, &good), 0);
	assert_true(update_has_ended(&u) && u.ok);
	assert_string_equal(u.text, "image 2 is kept");
	assert_string_equal(u.before, "1");
	update_record_clear(&u);
	assert_int_equal(update_forget(path), 0);
	assert_int_equal(update_forget(path), 0);
}

/* What was begun before the restart is not begun again when ondold asks once more. */
static void the_task_goes_on(void **state)
{
	struct task t = {0};
	_cleanup_(jx_freep) json_t *asked = json_pack("{s:i, s:s, s:{s:s}}", "id", 7,
					   "type", "update", "image", "version", "2"),
				   *report = NULL;
	_cleanup_free_ char *why = NULL;
	bool is_new = true;

	task_resume(&t, 7, TASK_UPDATE);
	assert_true(task_take(&t, asked, &is_new, &why));
	assert_false(is_new);
	report = task_to_json(&t);
	assert_true(json_is_null(report)); /* it has not ended */
	json_object_set_new(asked, "id", json_integer(8));
	assert_true(task_take(&t, asked, &is_new, &why));
	assert_true(is_new);
	assert_string_equal(t.type, TASK_UPDATE);
	assert_string_equal(t.arg, "{\"task\":8,\"image\":{\"version\":\"2\"}}");
	json_object_set_new(asked, "id", json_integer(9));
	json_object_del(asked, "image");
	assert_true(task_take(&t, asked, &is_new, &why));
	assert_string_equal(t.arg, "{\"task\":9,\"image\":null}");
	task_clear(&t);
}

static void bad_orders(void **state)
{
	static const char bad_image[] =
		"{\"task\":9,\"image\":{\"path\":\"x\",\"version\":\"1\",\"sha256\":\"0\","
		"\"size_bytes\":1,\"raw_bytes\":1}}";
	static const char *const args[] = {
		"", "[]", "{\"task\":9,\"image\":null}", bad_image};

	for (size_t i = 0; i < ARRAY_SIZE(args); i++) {
		_cleanup_free_ char *text = NULL;

		assert_int_equal(update_write(args[i], &text), -EINVAL);
		assert_non_null(strstr(text, "the order of this update"));
	}
}

#define WITH_TREE(f) cmocka_unit_test_setup_teardown(f, fakefs_setup, fakefs_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {WITH_TREE(the_other_slot), WITH_TREE(no_slot),
		WITH_TREE(of_a_mirror), WITH_TREE(record),
		cmocka_unit_test(the_task_goes_on), cmocka_unit_test(bad_orders)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
