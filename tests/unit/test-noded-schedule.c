/* SPDX-License-Identifier: Apache-2.0 */
/* What noded does when: scripts of events against the pure state machine. */
#include "tests/unit/harness.h"

#include "nodeagent/schedule.h"

#define DO(s, e, now, expected) \
	assert_int_equal(schedule_step(s, SCHED_E_##e, now), expected)

static void converge_then_prove(_unused_ void **state)
{
	struct schedule s = {0};

	DO(&s, TICK, 1, SCHED_NOTHING);
	assert_true(schedule_next(&s) == UINT64_MAX);
	DO(&s, DESIRED, 10, SCHED_CONVERGE);
	assert_true(schedule_next(&s) == UINT64_MAX);
	DO(&s, DONE, 20, SCHED_PROVE);
	DO(&s, DONE, 30, SCHED_NOTHING);
	assert_int_equal(schedule_next(&s), 30 + SCHED_PROVE_MS);
	DO(&s, TICK, 30 + SCHED_PROVE_MS - 1, SCHED_NOTHING);
	DO(&s, TICK, 30 + SCHED_PROVE_MS, SCHED_PROVE);
}

static void a_slow_proof_rests_longer(_unused_ void **state)
{
	const uint64_t took = SCHED_PROVE_MS;
	struct schedule s = {0};
	uint64_t now = 1000;

	DO(&s, DESIRED, now, SCHED_CONVERGE);
	now += 600000; /* a converge's time does not count */
	DO(&s, DONE, now, SCHED_PROVE);
	now += took;
	DO(&s, DONE, now, SCHED_NOTHING);
	assert_int_equal(schedule_next(&s), now + took * SCHED_RESTS);
	DO(&s, DRIFT, now + 1,
		SCHED_NOTHING); /* what has changed does not wait for that */
	assert_int_equal(schedule_next(&s), now + 1 + SCHED_SETTLE_MS);
	now += 1 + SCHED_SETTLE_MS;
	DO(&s, TICK, now, SCHED_PROVE);
	DO(&s, NO_SERVER, now + took, SCHED_NOTHING);
	assert_int_equal(schedule_next(&s), now + took + took * SCHED_RESTS);
}

static void a_failed_converge_backs_off(_unused_ void **state)
{
	struct schedule s = {0};
	uint64_t now = 1000, wait = SCHED_RETRY_MIN_MS;

	DO(&s, DESIRED, now, SCHED_CONVERGE);
	for (int i = 0; i < 8; i++) {
		DO(&s, FAILED, now, SCHED_PROVE);
		DO(&s, FAILED, now, SCHED_NOTHING);
		assert_int_equal(s.converge_at, now + wait);
		now += wait;
		DO(&s, TICK, now, SCHED_CONVERGE);
		wait = MIN(wait * 2, (uint64_t)SCHED_RETRY_MAX_MS);
	}
	/* A new desired state begins anew. */
	DO(&s, DESIRED, now, SCHED_NOTHING);
	DO(&s, FAILED, now, SCHED_CONVERGE);
	DO(&s, FAILED, now, SCHED_PROVE);
	assert_true(s.converge_at > now && s.converge_at <= now + 2 * SCHED_RETRY_MIN_MS);
}

static void a_lost_promise_is_put_back(_unused_ void **state)
{
	struct schedule s = {0};

	DO(&s, DESIRED, 1, SCHED_CONVERGE);
	DO(&s, DONE, 2, SCHED_PROVE);
	DO(&s, DONE, 3, SCHED_NOTHING);
	DO(&s, DRIFT, 1000, SCHED_NOTHING);
	DO(&s, DRIFT, 1100, SCHED_NOTHING);
	assert_int_equal(schedule_next(&s), 1100 + SCHED_SETTLE_MS);
	DO(&s, TICK, 1100 + SCHED_SETTLE_MS, SCHED_PROVE);
	DO(&s, FAILED, 2000, SCHED_NOTHING);
	DO(&s, TICK, 2000 + SCHED_PROVE_AGAIN_MS, SCHED_CONVERGE);
	DO(&s, DONE, 20000, SCHED_PROVE);
	DO(&s, DONE, 20001, SCHED_NOTHING);
	assert_int_equal(s.retry_ms, 0);
	assert_int_equal(schedule_next(&s), 20001 + SCHED_PROVE_MS);
}

static void a_drift_during_a_proof_is_not_lost(_unused_ void **state)
{
	struct schedule s = {0};

	DO(&s, DESIRED, 1, SCHED_CONVERGE);
	DO(&s, DRIFT, 2, SCHED_NOTHING);
	DO(&s, DONE, 3, SCHED_PROVE);
	DO(&s, DRIFT, 4, SCHED_NOTHING);
	DO(&s, DONE, 5, SCHED_NOTHING);
	assert_int_equal(schedule_next(&s), 4 + SCHED_SETTLE_MS);
}

static void a_missing_server_changes_nothing(_unused_ void **state)
{
	struct schedule s = {0};

	DO(&s, DESIRED, 1, SCHED_CONVERGE);
	DO(&s, DONE, 2, SCHED_PROVE);
	DO(&s, NO_SERVER, 3, SCHED_NOTHING);
	assert_int_equal(s.converge_at, 0);
	assert_int_equal(schedule_next(&s), 3 + SCHED_PROVE_AGAIN_MS);
	/* It is back: prove at once. */
	DO(&s, CONTACT, 100, SCHED_PROVE);
	DO(&s, DONE, 101, SCHED_NOTHING);
	DO(&s, CONTACT, 102, SCHED_NOTHING);
}

static void a_task_waits_its_turn(_unused_ void **state)
{
	struct schedule s = {0};

	DO(&s, DESIRED, 1, SCHED_CONVERGE);
	DO(&s, TASK, 2, SCHED_NOTHING);
	DO(&s, DONE, 3, SCHED_RUN_TASK);
	DO(&s, DESIRED, 4, SCHED_NOTHING);
	DO(&s, DONE, 5, SCHED_CONVERGE);
	DO(&s, DONE, 6, SCHED_PROVE);
	DO(&s, TASK, 7, SCHED_NOTHING);
	DO(&s, DONE, 8, SCHED_RUN_TASK);
	DO(&s, FAILED, 9, SCHED_NOTHING);
	assert_int_equal(schedule_next(&s), 9 + SCHED_PROVE_AGAIN_MS);
}

static void results_without_work_are_ignored(_unused_ void **state)
{
	struct schedule s = {0};

	DO(&s, DONE, 1, SCHED_NOTHING);
	DO(&s, FAILED, 2, SCHED_NOTHING);
	assert_true(schedule_next(&s) == UINT64_MAX);
	assert_string_equal(sched_state_str(s.state), "IDLE");
}

static void reconnecting_backs_off(_unused_ void **state)
{
	const uint64_t expected[] = {1000, 2000, 4000, 8000, 15000, 15000};
	uint64_t wait = 0;

	for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
		wait = backoff_ms(wait);
		assert_int_equal(wait, expected[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(converge_then_prove),
		cmocka_unit_test(a_slow_proof_rests_longer),
		cmocka_unit_test(a_failed_converge_backs_off),
		cmocka_unit_test(a_lost_promise_is_put_back),
		cmocka_unit_test(a_drift_during_a_proof_is_not_lost),
		cmocka_unit_test(a_missing_server_changes_nothing),
		cmocka_unit_test(a_task_waits_its_turn),
		cmocka_unit_test(results_without_work_are_ignored),
		cmocka_unit_test(reconnecting_backs_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
