/* SPDX-License-Identifier: Apache-2.0 */
#include "common/jsonx.h"

#include <stdarg.h>

#define MAX_TEXT (4 * 1024 * 1024)
#define MAX_DEPTH 32

void jx_clear(struct jx *j)
{
	free(j->error);
	j->error = NULL;
}

void jx_freep(json_t **v)
{
	json_decref(*v);
	*v = NULL;
}

void jx_fail(struct jx *j, const char *key, const char *fmt, ...)
{
	char *text;
	va_list ap;

	if (j->error)
		return;
	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	j->error = xasprintf("%s: %s", key, text);
	free(text);
}

static int depth_of(const char *text, size_t len)
{
	int depth = 0, max = 0;
	bool string = false;

	for (size_t i = 0; i < len; i++) {
		char c = text[i];

		if (string && c == '\\') {
			i++;
		} else if (c == '"') {
			string = !string;
		} else if (!string && (c == '{' || c == '[')) {
			depth++;
			max = MAX(max, depth);
		} else if (!string && (c == '}' || c == ']')) {
			depth--;
		}
	}
	return max;
}

json_t *jx_parse(const char *text, size_t len, char **reterr_msg)
{
	json_error_t err;
	json_t *root;

	if (len > MAX_TEXT) {
		*reterr_msg = xasprintf(
			"expected at most %d bytes of JSON, found %zu", MAX_TEXT, len);
		return NULL;
	}
	if (depth_of(text, len) > MAX_DEPTH) {
		*reterr_msg = xasprintf("JSON nested deeper than %d", MAX_DEPTH);
		return NULL;
	}
	root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &err);
	if (!root)
		*reterr_msg = xasprintf("not JSON: line %d: %s", err.line, err.text);
	return root;
}

static const json_t *get(struct jx *j, const char *key, bool need)
{
	const json_t *v = json_object_get(j->obj, key);

	if (!json_is_object(j->obj))
		jx_fail(j, key, "expected inside an object");
	else if (!v && need)
		jx_fail(j, key, "is missing");
	return v;
}

static uint64_t uint_of(
	struct jx *j, const char *key, const json_t *v, uint64_t min, uint64_t max)
{
	json_int_t i = json_integer_value(v);

	if (!v)
		return min;
	if (!json_is_integer(v)) {
		jx_fail(j, key, "expected a whole number");
		return min;
	}
	if (i < 0 || (uint64_t)i < min || (uint64_t)i > max) {
		jx_fail(j, key, "expected %llu to %llu, found %lld",
			(unsigned long long)min, (unsigned long long)max, (long long)i);
		return min;
	}
	return (uint64_t)i;
}

uint64_t jx_uint(struct jx *j, const char *key, uint64_t min, uint64_t max)
{
	return uint_of(j, key, get(j, key, true), min, max);
}

uint64_t jx_uint_opt(
	struct jx *j, const char *key, uint64_t min, uint64_t max, uint64_t dflt)
{
	const json_t *v = get(j, key, false);

	return v ? uint_of(j, key, v, min, max) : dflt;
}

bool jx_bool_opt(struct jx *j, const char *key, bool dflt)
{
	const json_t *v = get(j, key, false);

	if (!v)
		return dflt;
	if (!json_is_boolean(v))
		jx_fail(j, key, "expected true or false");
	return json_is_true(v);
}

static const char *str_of(struct jx *j, const char *key, const json_t *v, size_t max)
{
	const char *s = json_string_value(v);

	if (!v)
		return "";
	if (!s) {
		jx_fail(j, key, "expected a string");
		return "";
	}
	if (json_string_length(v) > max || strlen(s) != json_string_length(v)) {
		jx_fail(j, key, "expected at most %zu bytes", max);
		return "";
	}
	for (const char *p = s; *p; p++) {
		if (((unsigned char)*p < 0x20 && *p != '\n' && *p != '\t') ||
			*p == 0x7f) {
			jx_fail(j, key, "has a control character");
			return "";
		}
	}
	return s;
}

const char *jx_str(struct jx *j, const char *key, size_t max)
{
	return str_of(j, key, get(j, key, true), max);
}

const char *jx_str_opt(struct jx *j, const char *key, size_t max, const char *dflt)
{
	const json_t *v = get(j, key, false);

	return v ? str_of(j, key, v, max) : dflt;
}

static const json_t *array_of(struct jx *j, const char *key, const json_t *v, size_t max)
{
	if (!v)
		return NULL;
	if (!json_is_array(v) || json_array_size(v) > max) {
		jx_fail(j, key, "expected an array of at most %zu", max);
		return NULL;
	}
	return v;
}

const json_t *jx_array(struct jx *j, const char *key, size_t max_items)
{
	return array_of(j, key, get(j, key, true), max_items);
}

const json_t *jx_array_opt(struct jx *j, const char *key, size_t max_items)
{
	return array_of(j, key, get(j, key, false), max_items);
}

const json_t *jx_strings_opt(
	struct jx *j, const char *key, size_t max_items, const char *expected)
{
	const json_t *list = jx_array_opt(j, key, max_items), *v;
	size_t i;

	json_array_foreach(list, i, v)
	{
		if (json_is_string(v))
			continue;
		jx_fail(j, key, "expected %s", expected);
		return NULL;
	}
	return list;
}

const json_t *jx_object(struct jx *j, const char *key)
{
	const json_t *v = get(j, key, true);

	if (v && !json_is_object(v)) {
		jx_fail(j, key, "expected an object");
		return NULL;
	}
	return v;
}

void jx_merge(struct jx *outer, const char *where, struct jx *inner)
{
	if (inner->error && !outer->error)
		outer->error = xasprintf("%s.%s", where, inner->error);
	jx_clear(inner);
}
