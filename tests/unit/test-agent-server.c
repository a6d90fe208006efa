/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/harness.h"

#include "initramfs/server.h"

static void test_pace(void **state)
{
	struct progress_pace p = {0};

	assert_true(progress_is_due(&p, 1, 100, 5000));
	progress_told(&p, true, 5000);
	assert_false(progress_is_due(&p, 2, 100, 5000 + PROGRESS_MS - 1));
	assert_true(progress_is_due(&p, 2, 100, 5000 + PROGRESS_MS));
	assert_true(progress_is_due(&p, 100, 100, 5001)); /* the end is always told */
}

/* A server that does not answer costs the image one attempt in ten seconds, not more. */
static void test_backoff(void **state)
{
	struct progress_pace p = {0};

	progress_told(&p, false, 5000);
	assert_false(progress_is_due(&p, 2, 100, 5000 + PROGRESS_MS));
	assert_false(progress_is_due(&p, 100, 100, 5001));
	assert_true(progress_is_due(&p, 2, 100, 5000 + PROGRESS_BACKOFF_MS));
}

static void test_url(void **state)
{
	struct boot_args a = {.server = (char *)"10.77.0.2:8780",
		.api = (char *)"10.77.0.2:8781",
		.ca = (char *)"none",
		.node = (char *)"hp02",
		.token = (char *)"secret"};
	_cleanup_(server_freep) struct server *s = server_new(&a, "/nowhere");
	_cleanup_free_ char *url = server_url(s, "/files/core/vmlinuz");

	assert_string_equal(url, "http://10.77.0.2:8780/files/core/vmlinuz");
}

/* Nobody listens on port 1: each question says so in words, none waits for long. */
static void test_nobody(void **state)
{
	struct boot_args a = {.server = (char *)"127.0.0.1:1",
		.api = (char *)"127.0.0.1:1",
		.ca = (char *)"none",
		.node = (char *)"hp02",
		.token = (char *)"secret"};
	_cleanup_(server_freep) struct server *s = server_new(&a, "/tmp");
	struct install_order *order = NULL;
	_cleanup_free_ char *why = NULL, *not_met = NULL, *not_enrolled = NULL;
	uint64_t seconds = 1;
	bool heard = true;

	assert_true(server_meet(s, &seconds, &not_met) < 0);
	assert_non_null(strstr(not_met, "http://127.0.0.1:1/v1/ca"));
	assert_int_equal(seconds, 0);
	assert_true(server_enrol(s, "up", &heard, &not_enrolled) < 0);
	assert_false(heard);
	assert_non_null(strstr(not_enrolled, "https://127.0.0.1:1/v1/nodes/hp02/enrol"));
	assert_null(strstr(not_met, "secret"));
	assert_null(strstr(not_enrolled, "secret"));

	assert_true(server_order(s, 0, &order, &why) < 0);
	assert_null(order);
	assert_non_null(strstr(why, "127.0.0.1"));
	server_progress(s, 1, 2, 0, 0); /* only slows down */
}

/* It gives up in the end, but not before its time. */
static void test_insist(void **state)
{
	struct boot_args a = {.server = (char *)"127.0.0.1:1",
		.api = (char *)"127.0.0.1:1",
		.ca = (char *)"none",
		.node = (char *)"hp02",
		.token = (char *)"secret"};
	_cleanup_(server_freep) struct server *s = server_new(&a, "/tmp");
	uint64_t began = now_mono_ms();

	assert_true(server_event_insist(s, "agent.installed", "core", NULL, 4500) < 0);
	assert_in_range(now_mono_ms() - began, 4500, 12000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_pace),
		cmocka_unit_test(test_backoff), cmocka_unit_test(test_url),
		cmocka_unit_test(test_nobody), cmocka_unit_test(test_insist)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
