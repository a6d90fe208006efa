/* SPDX-License-Identifier: Apache-2.0 */
#include "bootstrap/castcut.h"

#include <fcntl.h>

#define MAX_LIST (64u << 20)
#define AHEAD (8 * FRAME_BYTES) /* what the kernel may read meanwhile */

void cast_cut_clear(struct cast_cut *c)
{
	util_closep(&c->fd);
	blocks_free(c->list);
	free(c->packed);
	*c = (struct cast_cut){.fd = -1};
}

int cast_cut_open(const struct image_manifest *m, struct cast_cut *ret)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", m->dir, m->root.name),
			    *list_path = xasprintf("%s/%s", m->dir, m->blocks.name),
			    *text = NULL, *why = NULL;
	_cleanup_(cast_cut_clear) struct cast_cut c = {.fd = -1};
	size_t len;
	int r = read_file(list_path, MAX_LIST, &text, &len);

	if (r == 0)
		r = cast_id(m->root.sha256, c.id);
	if (r < 0)
		return r;
	if (blocks_parse(text, len, &c.list, &why) != 0 ||
		c.list->compressed_bytes != m->root.size_bytes)
		return -EBADMSG;
	c.fd = open(path, O_RDONLY | O_CLOEXEC);
	if (c.fd < 0)
		return -errno;
	c.packed = xmalloc(2 * FRAME_BYTES);
	*ret = c;
	c = (struct cast_cut){.fd = -1};
	return 0;
}

static int read_frame(struct cast_cut *c)
{
	uint64_t at = c->list->frame_at[c->frame];
	size_t len = (size_t)(c->list->frame_at[c->frame + 1] - at);
	ssize_t n = pread(c->fd, c->packed, len, (off_t)at);

	if (n < 0)
		return -errno;
	if ((size_t)n != len)
		return -ENODATA;
	(void)posix_fadvise(c->fd, (off_t)(at + len), AHEAD, POSIX_FADV_WILLNEED);
	c->len = len;
	c->at = 0;
	return 0;
}

int cast_cut_next(struct cast_cut *c, uint8_t buf[static CAST_MAX], bool *ret_ends)
{
	struct cast_datagram d;
	int r = c->len ? 0 : read_frame(c);

	if (r < 0)
		return r;
	d = (struct cast_datagram){.number = c->number++,
		.frame = c->frame,
		.at = (uint32_t)c->at,
		.len = MIN(c->len - c->at, (size_t)CAST_DATA)};
	cast_put_head(buf, c->id, &d);
	memcpy(buf + CAST_HEAD, c->packed + c->at, d.len);
	c->at += d.len;
	*ret_ends = c->at == c->len;
	if (*ret_ends) {
		c->len = 0;
		c->frame = (c->frame + 1) % c->list->n_frames;
	}
	return (int)(CAST_HEAD + d.len);
}

/* ---- the pace ---- */

/* How many lose more than one in so many. */
static size_t losing(const struct cast_ear *ears, size_t n, uint64_t one_in)
{
	size_t sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += ears[i].lost * one_in > ears[i].come + ears[i].lost;
	return sum;
}

uint64_t cast_pace(uint64_t now, uint64_t max, const struct cast_ear *ears, size_t n)
{
	size_t heard = 0;
	uint64_t less = now;

	for (size_t i = 0; i < n; i++)
		heard += ears[i].come + ears[i].lost > 0;
	if (heard == 0)
		return now;
	if (2 * losing(ears, n, 20) > heard)
		less = now / 2;
	else if (2 * losing(ears, n, 500) > heard)
		less = now * 7 / 10;
	return less < now ? MAX(less, (uint64_t)CAST_PACE_MIN) : MIN(now + now / 32, max);
}
