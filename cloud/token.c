/* SPDX-License-Identifier: Apache-2.0 */
#include "cloud/token.h"

#include "cloud/session.h"
#include "common/log.h"

#define FILE_BYTES (16 * 1024)
#define ID_BYTES 8192

void cloud_token_clear(struct cloud_token *t)
{
	secret_free(t->id);
	free(t->project_id);
	free(t->user_id);
	json_decref(t->catalog);
	*t = (struct cloud_token){0};
}

int cloud_token_read(struct cloud_token *t, const struct http_response *resp,
	uint64_t now_ms, char **reterr_msg)
{
	_cleanup_(jx_freep) json_t *root =
		jx_parse(resp->body, resp->body_len, reterr_msg);
	const json_t *obj = json_object_get(root, "token");
	int64_t issued, expires;

	if (!root)
		return -EBADMSG;
	if (cloud_time(cloud_str(obj, "issued_at"), &issued) < 0 ||
		cloud_time(cloud_str(obj, "expires_at"), &expires) < 0 ||
		expires <= issued) {
		*reterr_msg = xstrdup("a token without issued_at and expires_at");
		return -EBADMSG;
	}
	t->id = http_response_header(resp, "X-Subject-Token");
	if (!t->id || !*t->id) {
		*reterr_msg = xstrdup("an answer without X-Subject-Token");
		return -EBADMSG;
	}
	t->until_ms = now_ms + (uint64_t)(expires - issued) * 1000;
	t->user_id = xstrdup(cloud_id(json_object_get(obj, "user"), "id"));
	t->project_id = xstrdup(cloud_id(json_object_get(obj, "project"), "id"));
	t->catalog = json_incref(json_object_get(obj, "catalog"));
	return 0;
}

/* ---- kept ---- */

bool cloud_token_load(struct cloud_token *t, const char *path, const char *login)
{
	_cleanup_(jx_freep) json_t *root = NULL;
	_cleanup_free_ char *text = NULL, *ignored = NULL;
	struct jx j = {0};
	size_t len;

	if (read_file(path, FILE_BYTES, &text, &len) < 0)
		return false;
	root = jx_parse(text, len, &ignored);
	explicit_bzero(text, len);
	j.obj = root;
	if (!root || !streq(jx_str(&j, "login", 4096), login)) {
		jx_clear(&j);
		return false;
	}
	t->id = xstrdup(jx_str(&j, "id", ID_BYTES));
	t->until_ms = jx_uint(&j, "until", 0, UINT64_C(1) << 53);
	t->project_id = xstrdup(jx_str(&j, "project_id", 128));
	t->user_id = xstrdup(jx_str(&j, "user_id", 128));
	/* it becomes a header's line */
	if (!j.error && *t->id && !strpbrk(t->id, "\r\n"))
		return true;
	jx_clear(&j);
	cloud_token_clear(t);
	return false;
}

void cloud_token_keep(const struct cloud_token *t, const char *path, const char *login)
{
	_cleanup_(jx_freep) json_t *root = json_pack("{s:s, s:s, s:I, s:s, s:s}", "login",
		login, "id", t->id, "until", (json_int_t)t->until_ms, "project_id",
		t->project_id, "user_id", t->user_id);
	char *text = root ? json_dumps(root, JSON_COMPACT) : NULL;
	int r;

	if (!text)
		return;
	r = write_file_atomic(path, text, strlen(text), 0600);
	if (r < 0)
		log_warn("%s: %s", path, strerror(-r));
	secret_free(text);
}
