/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Disks as the world leaves them, tests/images/corpus/NAME.img.zst, each made by
 * tests/images/make-corpus: what is found on each is exactly what NAME.want says, none
 * passes as blank, none is overwritten unasked, and a wipe leaves nothing. Each image is
 * a test of its own and bears its name.
 *
 * NAME.want: comments (the first: how it was made), then perhaps a line `ours` (a system
 * disk of the rack below) or `another-rack`, then the signatures in their order, each as
 * WHERE TYPE "LABEL"; the disk as a whole is `-`. A failure prints what was found so.
 */
#include "tests/unit/harness.h"

#include <fcntl.h>
#include <glob.h>
#include <zstd.h>

#include "initramfs/blk.h"
#include "initramfs/target.h"

#define CORPUS "tests/images/corpus/"
#define IMAGES_MIN 30
#define IMAGE_BYTES_MAX (1u << 20) /* compressed */
#define RACK "3f2a9c01-77de-8b04"

/* ---- the image ---- */

/* A file that is gone as soon as it is closed. */
static int open_disk(void)
{
	char path[] = "/tmp/ondol-corpus-XXXXXX";
	int fd = mkostemp(path, O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(unlink(path), 0);
	return fd;
}

static bool is_zero(const char *data, size_t len)
{
	return len == 0 || (data[0] == 0 && memcmp(data, data + 1, len - 1) == 0);
}

/* The raw bytes of an image into fd; zero blocks stay holes. Returns how many. */
static uint64_t unpack(const char *packed, size_t len, int fd)
{
	ZSTD_DStream *zstd = ZSTD_createDStream();
	size_t room = ZSTD_DStreamOutSize(), left = 1;
	_cleanup_free_ char *block = xmalloc(room);
	ZSTD_inBuffer in = {packed, len, 0};
	uint64_t size_bytes = 0;

	while (left != 0) { /* 0: the frame is complete */
		ZSTD_outBuffer out = {block, room, 0};

		left = ZSTD_decompressStream(zstd, &out, &in);
		assert_false(ZSTD_isError(left));
		assert_true(out.pos > 0 || in.pos < in.size); /* else it is cut short */
		if (!is_zero(block, out.pos))
			assert_int_equal(
				pwrite(fd, block, out.pos, (off_t)size_bytes), out.pos);
		size_bytes += out.pos;
	}
	ZSTD_freeDStream(zstd);
	assert_int_equal(in.pos, in.size);
	assert_int_equal(ftruncate(fd, (off_t)size_bytes), 0);
	return size_bytes;
}

static int open_image(const char *name, uint64_t *ret_size_bytes)
{
	_cleanup_free_ char *path = xasprintf(CORPUS "%s.img.zst", name), *packed = NULL;
	int fd = open_disk();
	size_t len;

	assert_int_equal(read_file(path, IMAGE_BYTES_MAX, &packed, &len), 0);
	*ret_size_bytes = unpack(packed, len, fd);
	return fd;
}

static struct inventory *look(int fd, uint64_t size_bytes)
{
	struct inventory *inv = xcalloc(1, sizeof(*inv));
	struct inv_disk *d = xcalloc(1, sizeof(*d));

	*d = (struct inv_disk){.name = xstrdup("sda"),
		.serial = xstrdup("S1"),
		.wwn = xstrdup(""),
		.model = xstrdup(""),
		.bus = DISK_BUS_SATA,
		.size_bytes = size_bytes};
	inv->disks = d;
	inv->n_disks = 1;
	blk_signatures(fd, d);
	return inv;
}

/* ---- what is wanted ---- */

struct want {
	bool ours, another_rack;
	char *signatures; /* owned: the lines, as text_of() has them */
};

static void want_clear(struct want *w)
{
	free(w->signatures);
}

static void append(char **text, const char *line)
{
	char *more = xasprintf("%s%s\n", *text, line);

	free(*text);
	*text = more;
}

static char *text_of(const struct inv_signatures *s)
{
	char *text = xstrdup("");

	for (size_t i = 0; i < s->n; i++) {
		const struct inv_signature *one = &s->list[i];
		_cleanup_free_ char *line = xasprintf("%s %s \"%s\"",
			*one->where ? one->where : "-", one->type, one->label);

		append(&text, line);
	}
	return text;
}

/* Whatever is no comment and no word of ours is compared letter by letter. */
static void read_want(const char *name, struct want *ret)
{
	_cleanup_free_ char *path = xasprintf(CORPUS "%s.want", name), *text = NULL;
	char *rest;

	*ret = (struct want){.signatures = xstrdup("")};
	if (read_file(path, 16384, &text, NULL) < 0)
		fail_msg("%s: %s cannot be read", name, path);
	if (!str_startswith(text, "# made by: ") && !str_startswith(text, "# by hand: "))
		fail_msg("%s: the .want does not begin with how it was made", name);
	rest = text;
	for (char *line; (line = strsep(&rest, "\n"));) {
		if (streq(line, "ours"))
			ret->ours = true;
		else if (streq(line, "another-rack"))
			ret->another_rack = true;
		else if (*line && *line != '#')
			append(&ret->signatures, line);
	}
}

/* ---- the checks ---- */

static void check_found(const char *name, const struct inv_disk *d, const struct want *w)
{
	_cleanup_free_ char *found = text_of(&d->holds);

	if (inv_disk_is_blank(d))
		fail_msg("%s: passes as blank", name);
	if (!streq(found, w->signatures))
		fail_msg("%s: found\n%swanted\n%s", name, found, w->signatures);
	if (inv_disk_is_ours(d, RACK) != w->ours)
		fail_msg("%s: passes as %s", name, w->ours ? "a stranger's" : "ours");
	if (inv_disk_is_ondols(d) != (w->ours || w->another_rack))
		fail_msg("%s: ondol's or not is told wrongly", name);
}

static int find(const struct inventory *inv, bool wipe, char **reterr_msg)
{
	struct install_order order = {/* borrowed: it is as it was seen */
		.targets[0] = {.disk = {.serial = (char *)"S1",
				       .wwn = (char *)"",
				       .size_bytes = inv->disks[0].size_bytes},
			.holds = inv->disks[0].holds,
			.wipe = wipe},
		.n_targets = 1,
		.rack_id = (char *)RACK};
	const struct inv_disk *found = NULL;

	return target_find(inv, &order, 0, &found, reterr_msg);
}

static void check_target(
	const char *name, const struct inventory *inv, const struct want *w)
{
	_cleanup_free_ char *why = NULL, *why_wiped = NULL;
	int r = find(inv, false, &why);

	if (r != (w->ours ? 0 : -EEXIST))
		fail_msg("%s: without wipe: %s", name, why ? why : "it is taken");
	if (w->another_rack && !strstr(why, "another rack's"))
		fail_msg("%s: is not said to be another rack's: %s", name, why);
	if (find(inv, true, &why_wiped) != 0)
		fail_msg("%s: with wipe: %s", name, why_wiped);
}

static void check_wipe(const char *name, int fd, uint64_t size_bytes)
{
	_cleanup_(inventory_freep) struct inventory *after = NULL;
	_cleanup_free_ char *why = NULL;

	if (blk_wipe(fd, size_bytes, &why) != 0)
		fail_msg("%s: %s", name, why);
	after = look(fd, size_bytes);
	if (!inv_disk_is_blank(&after->disks[0])) {
		_cleanup_free_ char *left = inv_disk_contents(&after->disks[0]);

		fail_msg("%s: a wipe leaves %s", name, left);
	}
}

static void test_image(void **state)
{
	_cleanup_(inventory_freep) struct inventory *inv = NULL;
	_cleanup_(want_clear) struct want want = {0};
	const char *name = *state;
	uint64_t size_bytes;
	_cleanup_close_ int fd = open_image(name, &size_bytes);

	read_want(name, &want);
	inv = look(fd, size_bytes);
	check_found(name, &inv->disks[0], &want);
	check_target(name, inv, &want);
	check_wipe(name, fd, size_bytes);
}

static void test_enough(void **state)
{
	assert_true(*(const size_t *)*state >= IMAGES_MIN);
}

/* A .want without its image is a case that got lost. */
static void test_pairs(void **state)
{
	glob_t found = {0};
	int r = glob(CORPUS "*.want", 0, NULL, &found);
	size_t n = found.gl_pathc;

	globfree(&found);
	assert_int_equal(r, 0);
	assert_int_equal(n, *(const size_t *)*state);
}

int main(void)
{
	glob_t found = {0};
	size_t n = glob(CORPUS "*.img.zst", 0, NULL, &found) == 0 ? found.gl_pathc : 0;
	struct CMUnitTest *tests = xcalloc(n + 2, sizeof(*tests));
	int r;

	for (size_t i = 0; i < n; i++) {
		char *name = found.gl_pathv[i] + strlen(CORPUS);

		name[strlen(name) - strlen(".img.zst")] = '\0';
		tests[i] = (struct CMUnitTest){
			.name = name, .test_func = test_image, .initial_state = name};
	}
	tests[n] = (struct CMUnitTest){
		.name = "test_enough", .test_func = test_enough, .initial_state = &n};
	tests[n + 1] = (struct CMUnitTest){
		.name = "test_pairs", .test_func = test_pairs, .initial_state = &n};
	r = _cmocka_run_group_tests("disk-corpus", tests, n + 2, NULL, NULL);
	free(tests);
	globfree(&found);
	return r;
}
