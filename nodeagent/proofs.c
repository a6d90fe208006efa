/* SPDX-License-Identifier: Apache-2.0 */
/* An empty list of needs proves nothing, so it does not make a node ready. */
#include "nodeagent/proofs.h"

#include "nodeagent/applied.h"

static struct proof *find(const struct proofs *p, const char *name)
{
	for (size_t i = 0; i < p->n; i++) {
		if (streq(p->list[i].name, name))
			return &p->list[i];
	}
	return NULL;
}

char *said(const char *text)
{
	char *clean = str_escape(text, SAID_MAX);

	if (strlen(clean) > SAID_MAX)
		strcpy(clean + SAID_MAX - 3, "...");
	return clean;
}

bool proofs_put(
	struct proofs *p, const char *name, bool ok, const char *text, uint64_t time_ms)
{
	struct proof *one = find(p, name);
	char *clean;
	bool changed;

	if (!one) {
		GROW(p->list, p->n, p->cap);
		one = &p->list[p->n++];
		*one = (struct proof){.name = xstrdup(name)};
	}
	clean = said(text);
	changed = !one->text || one->ok != ok || !streq(one->text, clean);
	free(one->text);
	one->text = clean;
	one->ok = ok;
	one->time_ms = time_ms;
	return changed;
}

void proofs_put_all(struct proofs *p, const struct proofs *from, char *const *names)
{
	for (size_t i = 0; i < from->n; i++) {
		const struct proof *one = &from->list[i];

		if (strv_has(names, one->name))
			proofs_put(p, one->name, one->ok, one->text, one->time_ms);
	}
}

const struct proof *proofs_get(const struct proofs *p, const char *name)
{
	return find(p, name);
}

static void proof_clear(struct proof *p)
{
	free(p->name);
	free(p->text);
}

void proofs_keep(struct proofs *p, char *const *needed, const char *extra)
{
	size_t n = 0;

	for (size_t i = 0; i < p->n; i++) {
		if (strv_has(needed, p->list[i].name) ||
			streq_ptr(extra, p->list[i].name))
			p->list[n++] = p->list[i];
		else
			proof_clear(&p->list[i]);
	}
	p->n = n;
}

bool proofs_all_ok(const struct proofs *p, char *const *needed)
{
	if (!needed || !*needed)
		return false;
	for (; *needed; needed++) {
		const struct proof *one = find(p, *needed);

		if (!one || !one->ok)
			return false;
	}
	return true;
}

json_t *proofs_to_json(const struct proofs *p)
{
	json_t *array = json_array();

	for (size_t i = 0; i < p->n; i++) {
		const struct proof *one = &p->list[i];

		json_array_append_new(array,
			json_pack("{s:s, s:b, s:s, s:I}", "name", one->name, "ok",
				(int)one->ok, "text", one->text, "time",
				(json_int_t)one->time_ms));
	}
	return array;
}

void proofs_clear(struct proofs *p)
{
	for (size_t i = 0; i < p->n; i++)
		proof_clear(&p->list[i]);
	free(p->list);
	*p = (struct proofs){0};
}
