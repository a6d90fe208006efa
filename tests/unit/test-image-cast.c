/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/harness.h"

#include "common/parse.h"
#include "images/cast.h"

#define SHA "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const uint8_t id[CAST_ID_BYTES] = {0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef};

static size_t make(uint8_t buf[static CAST_MAX], uint32_t frame, uint32_t at,
	const uint8_t *data, size_t len)
{
	const struct cast_datagram d = {.number = 7, .frame = frame, .at = at};

	cast_put_head(buf, id, &d);
	memcpy(buf + CAST_HEAD, data, len);
	return CAST_HEAD + len;
}

static void form(void **state)
{
	static const uint8_t data[3] = {'a', 'b', 'c'};
	uint8_t buf[CAST_MAX], other[CAST_ID_BYTES];
	struct cast_datagram d;
	size_t len = make(buf, 0x01020304, 2 * CAST_DATA, data, sizeof(data));

	assert_int_equal(cast_id(SHA, other), 0);
	assert_memory_equal(other, id, sizeof(id));
	assert_int_equal(cast_id("0123", other), -EINVAL);
	assert_int_equal(cast_parse(buf, len, id, &d), 0);
	assert_int_equal(d.number, 7);
	assert_int_equal(d.frame, 0x01020304);
	assert_int_equal(d.at, 2 * CAST_DATA);
	assert_int_equal(d.len, 3);
	assert_memory_equal(d.data, data, 3);
}

static void refused(void **state)
{
	static const uint8_t data[CAST_DATA + 1];
	uint8_t buf[CAST_MAX + 1];
	struct cast_datagram d;
	size_t len = make(buf, 1, CAST_DATA, data, 10);

	assert_int_equal(cast_parse(buf, CAST_HEAD, id, &d), -EBADMSG); /* no data */
	assert_int_equal(cast_parse(buf, 0, id, &d), -EBADMSG);
	assert_int_equal(cast_parse(buf, CAST_MAX + 1, id, &d), -EBADMSG);
	buf[8] ^= 1; /* another image */
	assert_int_equal(cast_parse(buf, len, id, &d), -EBADMSG);
	buf[8] ^= 1;
	buf[0] ^= 1; /* another format */
	assert_int_equal(cast_parse(buf, len, id, &d), -EBADMSG);
	len = make(buf, 1, CAST_DATA + 1, data, 10); /* between the pieces */
	assert_int_equal(cast_parse(buf, len, id, &d), -EBADMSG);
}

/* ---- frames ---- */

#define N_FRAMES 12
#define FRAME_LEN (CAST_DATA * 5 + 100) /* six pieces */

struct fixture {
	struct blocks list;
	uint64_t at[N_FRAMES + 1];
	uint8_t bytes[N_FRAMES][FRAME_LEN];
	struct cast_frames *frames;
};

static int setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));

	for (size_t i = 0; i < N_FRAMES; i++) {
		f->at[i + 1] = f->at[i] + FRAME_LEN;
		for (size_t k = 0; k < FRAME_LEN; k++)
			f->bytes[i][k] = (uint8_t)(i * 31 + k * 7 + k / 256);
	}
	f->list = (struct blocks){.n_frames = N_FRAMES, .frame_at = f->at};
	f->frames = cast_frames_new(&f->list);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	cast_frames_free(f->frames);
	free(f);
	return 0;
}

/* True when the piece made its frame whole, which is then as it should be. */
static bool add(struct fixture *f, uint32_t frame, size_t piece)
{
	const uint8_t *packed;
	size_t at = piece * CAST_DATA, len;
	const struct cast_datagram d = {.frame = frame,
		.at = (uint32_t)at,
		.data = f->bytes[frame] + at,
		.len = MIN((size_t)CAST_DATA, FRAME_LEN - at)};

	if (!cast_frames_add(f->frames, &d, &packed, &len))
		return false;
	assert_int_equal(len, FRAME_LEN);
	assert_memory_equal(packed, f->bytes[frame], FRAME_LEN);
	return true;
}

static void any_order(void **state)
{
	static const size_t order[6] = {3, 0, 5, 1, 4, 2};
	struct fixture *f = *state;

	for (size_t i = 0; i < 6; i++)
		for (uint32_t frame = 0; frame < CAST_FRAMES; frame++) {
			assert_false(i > 0 && add(f, frame, order[i - 1])); /* twice */
			assert_int_equal(add(f, frame, order[i]), i == 5);
		}
}

/* Of what is lost there may be much: the newest frames go on. */
static void oldest_gives_way(void **state)
{
	struct fixture *f = *state;

	for (uint32_t frame = 0; frame < N_FRAMES; frame++)
		for (size_t piece = 1; piece < 6; piece++)
			assert_false(add(f, frame, piece));
	assert_true(add(f, N_FRAMES - 1, 0));
	assert_true(add(f, N_FRAMES - CAST_FRAMES, 0));
	assert_false(add(f, 0, 0)); /* begun anew */
	for (size_t piece = 1; piece < 6; piece++)
		assert_int_equal(add(f, 0, piece), piece == 5);
}

static void contradicts(void **state)
{
	struct fixture *f = *state;
	const uint8_t *packed;
	size_t len;
	struct cast_datagram wrong[] = {
		{.frame = N_FRAMES, .at = 0, .len = CAST_DATA}, /* there is none such */
		{.frame = UINT32_MAX, .at = 0, .len = CAST_DATA},
		{.frame = 0, .at = 6 * CAST_DATA, .len = 1}, /* behind it */
		{.frame = 0, .at = 0xfffffff8 / CAST_DATA * CAST_DATA, .len = 8},
		{.frame = 0, .at = 0, .len = CAST_DATA - 1}, /* not full */
		{.frame = 0, .at = 5 * CAST_DATA, .len = 101}, /* longer than it */
		{.frame = 0, .at = 5 * CAST_DATA, .len = CAST_DATA},
	};

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		wrong[i].data = f->bytes[0];
		assert_false(cast_frames_add(f->frames, &wrong[i], &packed, &len));
	}
	for (size_t piece = 0; piece < 6; piece++)
		assert_int_equal(add(f, 0, piece), piece == 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(form),
		cmocka_unit_test(refused),
		cmocka_unit_test_setup_teardown(any_order, setup, teardown),
		cmocka_unit_test_setup_teardown(oldest_gives_way, setup, teardown),
		cmocka_unit_test_setup_teardown(contradicts, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
