/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Equality is that of the documents, not of the revisions: an ondold whose database was
 * lost begins to count anew.
 */
#include "nodeagent/held.h"

#include "common/jsonx.h"

#define MAX_DOC (4 * 1024 * 1024)

int held_parse(const char *text, size_t len, const char *node, struct held *ret,
	json_t **ret_task, char **reterr_msg)
{
	_cleanup_(jx_freep) json_t *doc = jx_parse(text, len, reterr_msg);
	_cleanup_(desired_freep) struct desired *d = NULL;
	int r;

	*ret_task = NULL;
	if (!doc)
		return -EINVAL;
	if (json_object_get(doc, "task"))
		*ret_task = json_incref(json_object_get(doc, "task"));
	json_object_del(doc, "task");
	r = desired_from_json(doc, &d, reterr_msg);
	if (r < 0)
		return r;
	if (node && !streq(d->node, node)) {
		*reterr_msg = xasprintf(
			"it is for node %s, and this node is %s", d->node, node);
		return -EINVAL;
	}
	*ret = (struct held){.doc = TAKE_PTR(doc), .desired = TAKE_PTR(d)};
	return 0;
}

int held_load(const char *path, const char *node, struct held *ret, char **reterr_msg)
{
	_cleanup_free_ char *text = NULL, *why = NULL;
	_cleanup_(jx_freep) json_t *task = NULL;
	size_t len;
	int r = read_file(path, MAX_DOC, &text, &len);

	if (r == 0)
		r = held_parse(text, len, node, ret, &task, &why);
	if (r < 0)
		*reterr_msg =
			xasprintf("%s: %s. ondold sends it again as soon as it is "
				  "reached; the node's own network needs it before. "
				  "If it stays so: ondol reinstall",
				path, why ? why : strerror(-r));
	return r;
}

int held_save(const struct held *h, const char *path, char **reterr_msg)
{
	_cleanup_free_ char *text = json_dumps(h->doc, JSON_INDENT(1));
	int r = text ? write_file_atomic(path, text, strlen(text), 0600) : -EINVAL;

	if (r < 0)
		*reterr_msg = xasprintf("%s could not be written: %s. Is the state "
					"partition full or read-only? See: df %s",
			path, strerror(-r), path);
	return r;
}

bool held_equal(const struct held *a, const struct held *b)
{
	return a->doc && b->doc && json_equal(a->doc, b->doc);
}

void held_clear(struct held *h)
{
	json_decref(h->doc);
	desired_free(h->desired);
	*h = (struct held){0};
}

void held_move(struct held *to, struct held *from)
{
	held_clear(to);
	*to = *from;
	*from = (struct held){0};
}
