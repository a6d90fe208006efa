/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/harness.h"

#include "bootstrap/ipmiline.h"

static void called(void *userdata)
{
	++*(int *)userdata;
}

static struct ipmi_place place(int *calls)
{
	return (struct ipmi_place){.call = called, .userdata = calls};
}

static void in_turn(void **state)
{
	struct ipmi_line l = {.max = 2};
	int a = 0, b = 0;
	struct ipmi_place x = place(&a), y = place(&b);

	assert_false(ipmi_line_wait(&l, &x));
	ipmi_line_begin(&l);
	assert_false(ipmi_line_wait(&l, &x));
	ipmi_line_begin(&l);
	assert_true(ipmi_line_wait(&l, &x));
	assert_true(ipmi_line_wait(&l, &y));
	assert_true(ipmi_line_wait(&l, &x)); /* keeps its place */
	ipmi_line_pass(&l); /* no room: nobody */
	assert_int_equal(a + b, 0);
	ipmi_line_end(&l);
	assert_int_equal(a, 1);
	assert_int_equal(b, 0);
	assert_false(ipmi_line_wait(&l, &x));
	ipmi_line_begin(&l);
	ipmi_line_end(&l);
	assert_int_equal(b, 1);
	ipmi_line_end(&l);
	assert_int_equal(l.running, 0);
	assert_int_equal(a + b, 2);
}

/* One who is called and has nothing to run any more must not end the calling. */
static void passed_on(void **state)
{
	struct ipmi_line l = {.max = 1};
	int calls[3] = {0};
	struct ipmi_place p[3] = {place(&calls[0]), place(&calls[1]), place(&calls[2])};

	ipmi_line_begin(&l);
	for (int i = 0; i < 3; i++)
		assert_true(ipmi_line_wait(&l, &p[i]));
	ipmi_line_leave(&l, &p[1]);
	ipmi_line_leave(&l, &p[1]);
	ipmi_line_end(&l);
	assert_int_equal(calls[0], 1);
	ipmi_line_pass(&l);
	assert_int_equal(calls[1], 0);
	assert_int_equal(calls[2], 1);
	ipmi_line_pass(&l);
	assert_null(l.first);
	assert_null(l.last);
}

static void without_limit(void **state)
{
	int a = 0;
	struct ipmi_place x = place(&a);

	assert_false(ipmi_line_wait(NULL, &x));
	ipmi_line_begin(NULL);
	ipmi_line_end(NULL);
	ipmi_line_pass(NULL);
	ipmi_line_leave(NULL, &x);
	assert_int_equal(a, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(in_turn),
		cmocka_unit_test(passed_on), cmocka_unit_test(without_limit)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
