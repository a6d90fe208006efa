/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/harness.h"

#include <fcntl.h>

#include "bootstrap/castcut.h"
#include "tests/unit/fakefs.h"

#define FRAMES 3

static void put(const char *dir, const char *name, const void *data, size_t len)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", dir, name);

	assert_int_equal(write_file_atomic(path, data, len, 0600), 0);
}

/* An image of three frames that are not even compressed: nobody who sends looks into them. */
static void put_image(char *dir, struct image_manifest *m)
{
	static char root[] = "root", list_name[] = "list";
	struct blocks list = {0};
	_cleanup_free_ uint8_t *bytes = NULL, *image = xcalloc(1, FRAMES * FRAME_BYTES);
	size_t len;

	blocks_init(&list, (uint64_t)FRAMES * FRAME_BYTES);
	for (uint32_t i = 0; i < FRAMES; i++)
		list.frame_at[i + 1] = list.frame_at[i] + 1000 * (i + 1);
	list.compressed_bytes = list.frame_at[FRAMES];
	bytes = blocks_format(&list, &len);
	put(dir, "list", bytes, len);
	for (size_t i = 0; i < list.compressed_bytes; i++)
		image[i] = (uint8_t)(i * 7 + i / 256);
	put(dir, "root", image, list.compressed_bytes);
	*m = (struct image_manifest){.dir = dir,
		.root = {.name = root, .size_bytes = list.compressed_bytes},
		.blocks = {.name = list_name}};
	memset(m->root.sha256, 'a', 64);
	free(list.keys);
	free(list.frame_at);
}

/* Round and round, in the order of the frames, nothing left out. */
static void cut(void **state)
{
	struct image_manifest m;
	_cleanup_(cast_cut_clear) struct cast_cut c = {.fd = -1};
	uint8_t buf[CAST_MAX], id[CAST_ID_BYTES];
	uint32_t number = 0;

	put_image(*state, &m);
	assert_int_equal(cast_id(m.root.sha256, id), 0);
	assert_int_equal(cast_cut_open(&m, &c), 0);
	for (uint32_t round = 0; round < 2; round++)
		for (uint32_t frame = 0, at = 0; frame < FRAMES;) {
			struct cast_datagram d;
			uint32_t size = 1000 * (frame + 1);
			bool ends;
			int len = cast_cut_next(&c, buf, &ends);

			assert_true(len > 0);
			assert_int_equal(cast_parse(buf, (size_t)len, id, &d), 0);
			assert_int_equal(d.number, number++);
			assert_int_equal(d.frame, frame);
			assert_int_equal(d.at, at);
			assert_int_equal(d.len, MIN(size - at, CAST_DATA + 0u));
			at += (uint32_t)d.len;
			assert_int_equal(ends, at == size);
			if (ends) {
				frame++;
				at = 0;
			}
		}
}

static void image_goes_away(void **state)
{
	struct image_manifest m;
	_cleanup_(cast_cut_clear) struct cast_cut c = {.fd = -1};
	_cleanup_free_ char *root = xasprintf("%s/root", (char *)*state);
	uint8_t buf[CAST_MAX];
	bool ends;

	put_image(*state, &m);
	assert_int_equal(cast_cut_open(&m, &c), 0);
	assert_int_equal(truncate(root, 500), 0); /* built anew, in place */
	assert_int_equal(cast_cut_next(&c, buf, &ends), -ENODATA);
}

static void no_list(void **state)
{
	struct image_manifest m;
	_cleanup_(cast_cut_clear) struct cast_cut c = {.fd = -1};

	put_image(*state, &m);
	put(*state, "list", "ONDOLBLK", 8);
	assert_int_equal(cast_cut_open(&m, &c), -EBADMSG);
	m.root.size_bytes++; /* the list of another image */
	put_image(*state, &m);
	m.root.size_bytes++;
	assert_int_equal(cast_cut_open(&m, &c), -EBADMSG);
}

static void pace(void **state)
{
	const struct cast_ear well = {1000, 1}, ill = {980, 20}, worse = {700, 300},
			      silent = {0, 0}, deaf = {0, 500};
	const struct cast_ear most_well[] = {well, ill, well}, half[] = {well, ill},
			      most_ill[] = {ill, ill, well},
			      most_worse[] = {worse, deaf, well},
			      one_heard[] = {silent, silent, ill};

	assert_int_equal(cast_pace(8000000, 50000000, most_well, 3), 8250000);
	assert_int_equal(cast_pace(8000000, 50000000, half, 2), 8250000);
	assert_int_equal(cast_pace(8000000, 50000000, most_ill, 3), 5600000);
	assert_int_equal(cast_pace(8000000, 50000000, most_worse, 3), 4000000);
	assert_int_equal(cast_pace(8000000, 50000000, one_heard, 3), 5600000);
	assert_int_equal(cast_pace(50000000, 50000000, most_well, 3), 50000000);
	assert_int_equal(cast_pace(1000001, 50000000, most_ill, 3), 1000000);
	assert_int_equal(cast_pace(1000000, 50000000, most_worse, 3), 1000000);
	assert_int_equal(cast_pace(8000000, 50000000, &silent, 1), 8000000);
	assert_int_equal(cast_pace(8000000, 50000000, &ill, 0), 8000000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(cut, fakefs_setup, fakefs_teardown),
		cmocka_unit_test_setup_teardown(
			image_goes_away, fakefs_setup, fakefs_teardown),
		cmocka_unit_test_setup_teardown(no_list, fakefs_setup, fakefs_teardown),
		cmocka_unit_test(pace),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
