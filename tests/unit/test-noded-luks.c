/* SPDX-License-Identifier: Apache-2.0 */
/* What is done with which disk, and which key is whose. Opening them is seen on emulated servers. */
#include "tests/unit/harness.h"

#include "common/jsonx.h"
#include "nodeagent/luks.h"

#define UUID "e9cbff4b-ccfe-5b1d-acb2-767fcbfbcddb"
#define KEY "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static char serial[] = "NV1", wwn[] = "5000c500a1b2c303", other_serial[] = "NV2";
static const struct order_disk disk = {
	.serial = serial, .wwn = wwn, .size_bytes = 536870912, .encrypt = true};

struct seen {
	const char *contents, *uuid;
	bool unwanted, unfinished, begun;
};

static enum luks_action judge(const struct seen *s, char **ret_why)
{
	return luks_decide(&(struct luks_disk){.device = "/dev/nvme0n1",
				   .serial = serial,
				   .size_bytes = 536870912,
				   .wanted = !s->unwanted,
				   .contents = s->contents,
				   .uuid = UUID,
				   .found_uuid = s->uuid,
				   .unfinished = s->unfinished,
				   .begun = s->begun},
		ret_why);
}

#define OURS "crypto_LUKS (label ondol-data)"
#define OTHER "11111111-2222-4333-8444-555555555555"

static void blank_disks_are_made(_unused_ void **state)
{
	static const struct seen all[] = {{.contents = ""},
		/* killed between its header and its first key slot: nobody has its key */
		{.contents = OURS, .uuid = UUID, .unfinished = true},
		/* ... and before its header */
		{.contents = "unknown-data", .begun = true}};

	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		_cleanup_free_ char *why = NULL;

		assert_int_equal(judge(&all[i], &why), LUKS_MAKE);
		assert_null(why);
	}
}

static void our_own_is_opened(_unused_ void **state)
{
	_cleanup_free_ char *why = NULL;

	assert_int_equal(
		judge(&(struct seen){.contents = OURS, .uuid = UUID}, &why), LUKS_OPEN);
	assert_int_equal(
		judge(&(struct seen){.contents = "ext4", .unwanted = true}, &why),
		LUKS_LEAVE);
	assert_int_equal(judge(&(struct seen){.contents = "", .unwanted = true}, &why),
		LUKS_LEAVE);
	assert_null(why);
}

static void all_else_is_refused(_unused_ void **state)
{
	static const struct seen all[] = {
		{.contents = "crypto_LUKS", .uuid = UUID, .begun = true},
		{.contents = "crypto_LUKS (label home)", .uuid = OTHER},
		{.contents = OURS ", ext4", .uuid = UUID, .unfinished = true},
		{.contents = "LVM2_member", .begun = true},
		{.contents = "xfs (label ondol-d1)"},
		{.contents = "unknown-data"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		_cleanup_free_ char *why = NULL;

		assert_int_equal(judge(&all[i], &why), LUKS_REFUSE);
		assert_non_null(strstr(why, all[i].contents));
		assert_non_null(strstr(why, "Nothing was written"));
		assert_non_null(strstr(why, "of=/dev/nvme0n1 bs=1M seek=511"));
	}
}

/* What can be had back is not told to be thrown away. */
static void what_can_be_had_is_no_waste(_unused_ void **state)
{
	static const struct {
		struct seen seen;
		const char *words;
	} all[] = {
		{{.contents = OURS, .uuid = OTHER}, "Put the old name back"},
		{{.contents = OURS}, "Put the old name back"},
		{{.contents = OURS, .uuid = UUID, .unwanted = true},
			"Put encrypt = yes back"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		_cleanup_free_ char *why = NULL;

		assert_int_equal(judge(&all[i].seen, &why), LUKS_REFUSE);
		assert_non_null(strstr(why, all[i].words));
		assert_non_null(strstr(why, "Nothing was written"));
		assert_null(strstr(why, "dd "));
	}
}

static void names_follow_from_the_disk(_unused_ void **state)
{
	struct order_disk another = disk;
	char a[37], b[37], name[LUKS_NAME];

	luks_uuid("dl360", &disk, a);
	assert_string_equal(a, UUID); /* never to change: disks in racks carry it */
	another.serial = other_serial;
	luks_uuid("dl360", &another, b);
	assert_string_not_equal(a, b);
	luks_uuid("dl380", &disk, b);
	assert_string_not_equal(a, b);
	luks_name(a, name);
	assert_string_equal(name, "ondol-e9cbff4b");
}

static void keys_are_of_their_disk(_unused_ void **state)
{
	static const char text[] = "{\"keys\": [{\"serial\": \"NV2\", \"wwn\": "
				   "\"5000c500a1b2c303\", \"key\": \"" KEY "\"},"
				   "{\"serial\": \"NV1\", \"wwn\": \"5000c500a1b2c303\", "
				   "\"key\": \"" KEY "\"}]}";
	_cleanup_free_ char *why = NULL;
	_cleanup_(jx_freep) json_t *doc = jx_parse(text, strlen(text), &why);
	struct order_disk stranger = disk;

	assert_non_null(doc);
	assert_string_equal(luks_key(doc, &disk), KEY);
	stranger.wwn = other_serial;
	assert_null(luks_key(doc, &stranger));
	assert_null(luks_key(NULL, &disk));
	json_object_set_new(json_array_get(json_object_get(doc, "keys"), 1), "key",
		json_string("00"));
	assert_null(luks_key(doc, &disk));
	json_object_set_new(doc, "keys", json_integer(1));
	assert_null(luks_key(doc, &disk));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blank_disks_are_made),
		cmocka_unit_test(our_own_is_opened),
		cmocka_unit_test(all_else_is_refused),
		cmocka_unit_test(what_can_be_had_is_no_waste),
		cmocka_unit_test(names_follow_from_the_disk),
		cmocka_unit_test(keys_are_of_their_disk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
