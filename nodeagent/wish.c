/* SPDX-License-Identifier: Apache-2.0 */
#include "nodeagent/wish.h"

#include "common/jsonx.h"

/* The document without what is known of other nodes. */
static json_t *core(const struct held *h)
{
	json_t *doc = json_copy(h->doc);

	json_object_del(doc, "facts");
	return doc;
}

static bool same_wish(const struct held *a, const struct held *b)
{
	_cleanup_(jx_freep) json_t *x = a->doc ? core(a) : NULL,
				   *y = b->doc ? core(b) : NULL;

	return x && y && json_equal(x, y);
}

const struct held *wish_newest(const struct wish *w)
{
	return w->next.doc ? &w->next : w->facts.doc ? &w->facts : &w->held;
}

int wish_offer(struct wish *w, struct held *h, const char *path, char **reterr_msg)
{
	const struct held *now = wish_newest(w);
	bool same;
	int r;

	if (held_equal(h, now)) {
		held_clear(h);
		return WISH_SAME;
	}
	same = same_wish(h, now);
	r = held_save(h, path, reterr_msg);
	if (r < 0)
		return r;
	if (!same || w->next.doc) {
		held_move(&w->next, h);
		return same ? WISH_SAME : WISH_NEW;
	}
	held_move(&w->before, &w->facts);
	held_move(&w->facts, h);
	return WISH_FACTS;
}

bool wish_settle(struct wish *w)
{
	bool other = w->next.doc != NULL;

	if (other)
		held_move(&w->held, &w->next);
	else if (w->facts.doc)
		held_move(&w->held, &w->facts);
	held_clear(&w->facts);
	held_clear(&w->before);
	return other;
}

void wish_clear(struct wish *w)
{
	held_clear(&w->held);
	held_clear(&w->next);
	held_clear(&w->facts);
	held_clear(&w->before);
}
