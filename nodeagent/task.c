/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A finished task stays in the reports until the next one is taken: a report may be lost,
 * and saying it again changes nothing. A task may be taken while the one before it still
 * runs; so what runs has its number and its proofs for itself until it ends.
 */
#include "nodeagent/task.h"

#include "common/jsonx.h"
#include "common/log.h"

static const char *known_type(const char *type)
{
	static const char *const types[] = {TASK_BACKUP, TASK_UPDATE};

	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (streq(type, types[i]))
			return types[i];
	return TASK_PROVE;
}

/* For the work that reads it (update.h), which is strict with it. Caller frees. */
static char *arg_of(uint64_t id, const json_t *obj)
{
	_cleanup_(jx_freep) json_t *arg = json_pack("{s:I, s:O?}", "task", (json_int_t)id,
		"image", json_object_get(obj, "image"));

	return arg ? json_dumps(arg, JSON_COMPACT) : NULL;
}

bool task_take(struct task *t, const json_t *obj, bool *ret_new, char **reterr_msg)
{
	_cleanup_(jx_clear) struct jx j = {.obj = obj};
	const char *type;
	uint64_t id;

	*ret_new = false;
	if (!obj || json_is_null(obj))
		return true;
	id = jx_uint(&j, "id", 1, INT64_MAX);
	type = jx_str(&j, "type", 64);
	if (j.error) {
		*reterr_msg = xasprintf("task: %s", j.error);
		return false;
	}
	if (id == t->id)
		return true;
	proofs_clear(&t->proofs);
	t->id = id;
	t->type = known_type(type);
	t->done = t->ok = false;
	free(t->arg);
	t->arg = streq(type, TASK_UPDATE) ? arg_of(id, obj) : NULL;
	*ret_new = streq(type, t->type);
	if (!*ret_new)
		task_refuse(t, "this ondol-noded does not know this type of task");
	return true;
}

static void finish(struct task *t, bool ok)
{
	t->done = true;
	t->ok = ok;
}

void task_refuse(struct task *t, const char *why)
{
	proofs_put(&t->proofs, "task", false, why, now_real_ms());
	finish(t, false);
}

void task_resume(struct task *t, uint64_t id, const char *type)
{
	t->id = t->running = id;
	t->type = type;
	t->done = t->ok = false;
}

bool task_begin(struct task *t)
{
	t->running = t->id;
	proofs_clear(&t->found);
	return !t->done;
}

bool task_end(struct task *t, bool ok)
{
	if (t->running != t->id) {
		log_info(
			"task %llu ended after task %llu was taken: ondold is not told of it",
			(unsigned long long)t->running, (unsigned long long)t->id);
		return false;
	}
	proofs_clear(&t->proofs);
	t->proofs = t->found;
	t->found = (struct proofs){0};
	finish(t, ok);
	return true;
}

json_t *task_to_json(const struct task *t)
{
	if (t->id == 0 || !t->done)
		return json_null();
	return json_pack("{s:I, s:b, s:o}", "id", (json_int_t)t->id, "ok", (int)t->ok,
		"proofs", proofs_to_json(&t->proofs));
}

void task_clear(struct task *t)
{
	proofs_clear(&t->proofs);
	proofs_clear(&t->found);
	free(t->arg);
}
