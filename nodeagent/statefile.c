/* SPDX-License-Identifier: Apache-2.0 */
#include "nodeagent/statefile.h"

#include "common/jsonx.h"

int statefile_write(const char *path, const struct state_view *v)
{
	_cleanup_(jx_freep) json_t *root = json_pack(
		"{s:s, s:s, s:s, s:s, s:I, s:b, s:b, s:s, s:s, s:I, s:o}", "node",
		v->node, "role", v->role, "kind", v->kind, "image", v->image, "revision",
		(json_int_t)v->revision, "ready", (int)v->ready, "server_answers",
		(int)v->server_answers, "step", v->step, "failure", v->failure, "time",
		(json_int_t)now_real_ms(), "proofs", proofs_to_json(v->proofs));
	_cleanup_free_ char *text = root ? json_dumps(root, JSON_INDENT(1)) : NULL;

	if (!text)
		return -EINVAL;
	return write_file_atomic(path, text, strlen(text), 0644);
}

static void print_proof(
	FILE *out, const char *name, bool ok, const char *text, uint64_t time_ms)
{
	char when[32];

	format_time(time_ms, when);
	fprintf(out, "  %-4s %-13s %s  %s\n", ok ? "ok" : "FAIL", name, when, text);
}

void proofs_print(const struct proofs *p, FILE *out)
{
	for (size_t i = 0; i < p->n; i++)
		print_proof(out, p->list[i].name, p->list[i].ok, p->list[i].text,
			p->list[i].time_ms);
}

static void show_proofs(const json_t *proofs, FILE *out)
{
	for (size_t i = 0; i < json_array_size(proofs); i++) {
		_cleanup_(jx_clear) struct jx p = {.obj = json_array_get(proofs, i)};
		const char *name = jx_str(&p, "name", 64),
			   *text = jx_str(&p, "text", 8192);

		print_proof(out, name, jx_bool_opt(&p, "ok", false), text,
			jx_uint(&p, "time", 0, INT64_MAX));
	}
}

static void show(struct jx *j, FILE *out)
{
	const char *kind = jx_str(j, "kind", 63), *failure = jx_str(j, "failure", 8192);
	const char *step = jx_str(j, "step", 512);
	bool ready = jx_bool_opt(j, "ready", false);

	fprintf(out, "%s: %s%s%s, revision %llu, %s\n", jx_str(j, "node", 63),
		jx_str(j, "role", 63), *kind ? " " : "", kind,
		(unsigned long long)jx_uint(j, "revision", 0, INT64_MAX),
		ready ? "ready" : "not ready");
	fprintf(out, "image %s; ondold %s; doing: %s\n", jx_str(j, "image", 128),
		jx_bool_opt(j, "server_answers", false) ? "answers" : "does not answer",
		*step ? step : "nothing");
	if (*failure)
		fprintf(out, "failed: %s\n", failure);
	show_proofs(jx_array(j, "proofs", 64), out);
}

int statefile_show(const char *path, FILE *out)
{
	_cleanup_free_ char *text = NULL, *why = NULL;
	_cleanup_(jx_freep) json_t *root = NULL;
	_cleanup_(jx_clear) struct jx j = {0};
	size_t len;
	int r = read_file(path, 1024 * 1024, &text, &len);

	if (r == 0)
		root = jx_parse(text, len, &why);
	if (!root) {
		fprintf(stderr,
			"ondol-noded: %s: %s. Is the daemon running? See: systemctl status "
			"ondol-noded\n",
			path, why ? why : strerror(-r));
		return 2;
	}
	j.obj = root;
	show(&j, out);
	if (j.error)
		fprintf(stderr, "ondol-noded: %s: %s\n", path, j.error);
	return j.error ? 2 : jx_bool_opt(&j, "ready", false) ? 0 : 1;
}
