/* SPDX-License-Identifier: Apache-2.0 */
#include "images/cast.h"

#include "common/parse.h"

static const uint8_t magic[8] = "ONDOLCA1";

#define PIECES (2 * FRAME_BYTES / CAST_DATA + 1) /* blocks.c lets no frame be longer */

struct assembly {
	bool used;
	uint32_t frame;
	uint64_t begun; /* in the order in which they were */
	size_t left; /* pieces that have not come */
	uint8_t come[PIECES / 8 + 1]; /* a bit for each piece */
	uint8_t *packed; /* owned */
};

struct cast_frames {
	const struct blocks *list; /* borrowed */
	uint64_t begun;
	struct assembly a[CAST_FRAMES];
};

int cast_id(const char *sha256, uint8_t ret[static CAST_ID_BYTES])
{
	uint8_t digest[32];

	if (parse_hex(sha256, sizeof(digest), digest) < 0)
		return -EINVAL;
	memcpy(ret, digest, CAST_ID_BYTES);
	return 0;
}

void cast_put_head(uint8_t to[static CAST_HEAD], const uint8_t id[static CAST_ID_BYTES],
	const struct cast_datagram *d)
{
	memcpy(to, magic, sizeof(magic));
	memcpy(to + 8, id, CAST_ID_BYTES);
	to = write_le(to + 16, d->number, 4);
	to = write_le(to, d->frame, 4);
	(void)write_le(to, d->at, 4);
}

int cast_parse(const uint8_t *buf, size_t len, const uint8_t id[static CAST_ID_BYTES],
	struct cast_datagram *ret)
{
	if (len <= CAST_HEAD || len > CAST_MAX ||
		memcmp(buf, magic, sizeof(magic)) != 0 ||
		memcmp(buf + 8, id, CAST_ID_BYTES) != 0)
		return -EBADMSG;
	*ret = (struct cast_datagram){.number = (uint32_t)read_le(buf + 16, 4),
		.frame = (uint32_t)read_le(buf + 20, 4),
		.at = (uint32_t)read_le(buf + 24, 4),
		.data = buf + CAST_HEAD,
		.len = len - CAST_HEAD};
	return ret->at % CAST_DATA == 0 ? 0 : -EBADMSG;
}

/* ---- putting frames together ---- */

struct cast_frames *cast_frames_new(const struct blocks *list)
{
	struct cast_frames *c = xcalloc(1, sizeof(*c));

	c->list = list;
	for (size_t i = 0; i < CAST_FRAMES; i++)
		c->a[i].packed = xmalloc(2 * FRAME_BYTES);
	return c;
}

void cast_frames_free(struct cast_frames *c)
{
	for (size_t i = 0; c && i < CAST_FRAMES; i++)
		free(c->a[i].packed);
	free(c);
}

void cast_frames_freep(struct cast_frames **c)
{
	cast_frames_free(*c);
	*c = NULL;
}

static size_t frame_len(const struct cast_frames *c, uint32_t frame)
{
	return (size_t)(c->list->frame_at[frame + 1] - c->list->frame_at[frame]);
}

/* Every datagram of a frame is full but the last, which ends with it. */
static bool fits(const struct cast_frames *c, const struct cast_datagram *d)
{
	size_t len;

	if (d->frame >= c->list->n_frames)
		return false;
	len = frame_len(c, d->frame);
	return len <= 2 * FRAME_BYTES && d->at < len &&
		d->len == MIN(len - d->at, (size_t)CAST_DATA);
}

static struct assembly *assembly_of(struct cast_frames *c, uint32_t frame)
{
	struct assembly *oldest = &c->a[0];

	for (size_t i = 0; i < CAST_FRAMES; i++) {
		if (c->a[i].used && c->a[i].frame == frame)
			return &c->a[i];
		if (!c->a[i].used || (oldest->used && c->a[i].begun < oldest->begun))
			oldest = &c->a[i];
	}
	oldest->used = true;
	oldest->frame = frame;
	oldest->begun = ++c->begun;
	oldest->left = (frame_len(c, frame) + CAST_DATA - 1) / CAST_DATA;
	memset(oldest->come, 0, sizeof(oldest->come));
	return oldest;
}

bool cast_frames_add(struct cast_frames *c, const struct cast_datagram *d,
	const uint8_t **ret_packed, size_t *ret_len)
{
	struct assembly *a;
	size_t piece = d->at / CAST_DATA;
	uint8_t bit = (uint8_t)(1u << piece % 8);

	if (!fits(c, d))
		return false;
	a = assembly_of(c, d->frame);
	if (a->come[piece / 8] & bit)
		return false;
	a->come[piece / 8] |= bit;
	memcpy(a->packed + d->at, d->data, d->len);
	if (--a->left > 0)
		return false;
	a->used = false;
	*ret_packed = a->packed;
	*ret_len = frame_len(c, d->frame);
	return true;
}
