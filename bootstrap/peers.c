/* SPDX-License-Identifier: Apache-2.0 */
#include "bootstrap/peers.h"

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <zstd.h>

#include "common/jsonx.h"
#include "common/order.h"

#define DIGEST "peers_sha256"
#define PACK_FROM 65536 /* bytes: as long a list is sent packed */
#define PACK_LEVEL 9 /* once for each list */
#define FRAME_LEVEL 1 /* for each answer */

static void digest_of(const char *text, char ret[static 65])
{
	uint8_t raw[32];

	if (gnutls_hash_fast(GNUTLS_DIG_SHA256, text, strlen(text), raw) < 0)
		abort(); /* no memory */
	hex_encode(raw, sizeof(raw), ret);
}

static void *compress(const char *text, size_t len, int level, size_t *ret_len)
{
	size_t room = ZSTD_compressBound(len), n;
	void *frame = xmalloc(room);

	n = ZSTD_compress(frame, room, text, len, level);
	if (ZSTD_isError(n))
		abort(); /* no memory: the room is enough */
	*ret_len = n;
	return xrealloc(frame, n, 1);
}

void *peers_frame(const char *text, size_t *ret_len)
{
	return compress(text, strlen(text), FRAME_LEVEL, ret_len);
}

struct peers *peers_new(const struct rack *r)
{
	_cleanup_(jx_freep) json_t *list = desired_peers_json(r);
	struct peers *p = xcalloc(1, sizeof(*p));

	p->refs = 1;
	p->text = json_dumps(list, JSON_COMPACT);
	if (!p->text)
		abort(); /* no memory: all names are ASCII */
	p->len = strlen(p->text);
	digest_of(p->text, p->digest);
	return p;
}

bool peers_pack_text(struct peers *p)
{
	if (!p->packed && p->len >= PACK_FROM)
		p->packed = compress(p->text, p->len, PACK_LEVEL, &p->packed_len);
	return p->packed != NULL;
}

struct peers *peers_ref(struct peers *p)
{
	p->refs++;
	return p;
}

void peers_unref(struct peers *p)
{
	if (!p || --p->refs)
		return;
	free(p->text);
	free(p->packed);
	free(p);
}

/* The digest of a list that an older ondold kept; "" when it has none. */
static void digest_of_old(const json_t *desired, char ret[static 65])
{
	const json_t *list = json_object_get(desired, "peers");
	_cleanup_free_ char *text = list ? json_dumps(list, JSON_COMPACT) : NULL;

	ret[0] = 0;
	if (text)
		digest_of(text, ret);
}

void peers_pack(const struct peers *p, json_t *desired)
{
	char old[65];

	if (json_object_get(desired, DIGEST))
		return;
	digest_of_old(desired, old);
	json_object_del(desired, "peers");
	json_object_set_new(desired, DIGEST, json_string(*old ? old : p->digest));
}

bool peers_are_of(const struct peers *p, const json_t *kept)
{
	const char *digest = json_string_value(json_object_get(kept, DIGEST));

	return digest && streq(digest, p->digest);
}

void peers_forget(json_t *desired)
{
	json_object_del(desired, DIGEST);
}
