/* SPDX-License-Identifier: Apache-2.0 */
#include "bootstrap/facts.h"

#include "common/jsonx.h"
#include "common/order.h"

/*
 * A node's entry is made anew from each of its reports and compared: reports come every 15
 * seconds, changes rarely. A node without an ok proof has no entry, which is the same to
 * those who wait.
 */

void facts_init(struct facts *f, uint64_t now_real_ms)
{
	*f = (struct facts){.rev = now_real_ms ? now_real_ms : 1,
		.nodes = json_object(),
		.blobs = json_object()};
}

void facts_clear(struct facts *f)
{
	json_decref(f->nodes);
	json_decref(f->blobs);
	f->nodes = f->blobs = NULL;
}

static json_t *ok_proofs(const json_t *report)
{
	json_t *out = json_array(), *p;
	size_t i;

	json_array_foreach(json_object_get(report, "proofs"), i, p)
	{
		json_t *name = json_object_get(p, "name");

		if (json_is_true(json_object_get(p, "ok")) && json_is_string(name) &&
			json_array_size(out) < DESIRED_MAX_FACTS)
			json_array_append(out, name);
	}
	return out;
}

bool facts_take_report(struct facts *f, const char *node, const json_t *report)
{
	_cleanup_(jx_freep) json_t *now = ok_proofs(report);
	const json_t *before = json_object_get(f->nodes, node);

	if (!json_array_size(now)) {
		if (!before)
			return false;
		json_object_del(f->nodes, node);
	} else {
		if (before && json_equal(before, now))
			return false;
		json_object_set(f->nodes, node, now);
	}
	f->rev++;
	return true;
}

bool facts_take_blobs(struct facts *f, const json_t *blobs)
{
	if (json_equal(f->blobs, blobs))
		return false;
	json_decref(f->blobs);
	f->blobs = json_deep_copy(blobs);
	f->rev++;
	return true;
}

json_t *facts_to_json(const struct facts *f)
{
	return json_pack("{s:I, s:o, s:o}", "rev", (json_int_t)f->rev, "nodes",
		json_deep_copy(f->nodes), "blobs", json_deep_copy(f->blobs));
}
