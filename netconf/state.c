/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Desired states are kept as they came, so that a key this version does not read is not
 * lost when the file is put back.
 */
#include "netconf/state.h"

#include "common/jsonx.h"
#include "netconf/plan.h"

#define DOCUMENT_MAX_BYTES (4 * 1024 * 1024)

void document_clear(struct document *d)
{
	json_decref(d->json);
	desired_free(d->desired);
	*d = (struct document){0};
}

static int document_parse(
	const char *text, size_t len, struct document *ret, char **reterr_msg)
{
	_cleanup_(document_clear) struct document d = {0};
	int r;

	d.json = jx_parse(text, len, reterr_msg);
	if (!d.json)
		return -EINVAL;
	r = desired_from_json(d.json, &d.desired, reterr_msg);
	if (r == 0)
		r = plan_check(d.desired, reterr_msg);
	if (r < 0)
		return r;
	*ret = d;
	d = (struct document){0};
	return 0;
}

int document_load(const char *path, struct document *ret, char **reterr_msg)
{
	_cleanup_free_ char *text = NULL, *why = NULL;
	size_t len;
	int r = read_file(path, DOCUMENT_MAX_BYTES, &text, &len);

	if (r < 0) {
		*reterr_msg = xasprintf("%s: %s", path, strerror(-r));
		return r;
	}
	r = document_parse(text, len, ret, &why);
	if (r < 0)
		*reterr_msg = xasprintf("%s: not a desired state: %s", path, why);
	return r;
}

int document_save(const char *path, const struct document *d, char **reterr_msg)
{
	_cleanup_free_ char *text = json_dumps(d->json, JSON_INDENT(1)),
			    *dir = xstrdup(path);
	int r;

	*strrchr(dir, '/') = '\0';
	r = mkdir_p(dir, 0755);
	if (r == 0)
		r = write_file_atomic(path, text, strlen(text), 0600);
	if (r < 0)
		*reterr_msg = xasprintf("cannot keep %s: %s", path, strerror(-r));
	return r;
}
