/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading what OpenStack's APIs say. Each project has its own form for errors, links and
 * times; this file knows them all, and none of it trusts what it reads.
 */
#include "cloud/session.h"

#include <ctype.h>
#include <time.h>

#define MAX_SHOWN 400
#define MAX_STR 4096
#define MAX_ID 255

static bool is_clean(const char *s, size_t len, size_t max)
{
	if (len > max || strlen(s) != len)
		return false;
	for (; *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			return false;
	return true;
}

const char *cloud_str(const json_t *obj, const char *key)
{
	const json_t *v = json_object_get(obj, key);
	const char *s = json_string_value(v);

	return s && is_clean(s, json_string_length(v), MAX_STR) ? s : "";
}

const char *cloud_id(const json_t *obj, const char *key)
{
	const char *s = cloud_str(obj, key);

	if (strlen(s) > MAX_ID || streq(s, ".") || streq(s, ".."))
		return "";
	for (const char *p = s; *p; p++)
		if (!isalnum((unsigned char)*p) && !strchr("._:-", *p))
			return "";
	return s;
}

const json_t *cloud_find(const json_t *list, const char *key, const char *value)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *v = json_array_get(list, i);

		if (streq(cloud_str(v, key), value))
			return v;
	}
	return NULL;
}

char *cloud_quote(const char *value)
{
	static const char hex[] = "0123456789ABCDEF";
	char *out = xmalloc(strlen(value) * 3 + 1), *o = out;

	for (const unsigned char *p = (const unsigned char *)value; *p; p++) {
		if (isalnum(*p) || strchr("-._~", *p)) {
			*o++ = (char)*p;
		} else {
			*o++ = '%';
			*o++ = hex[*p >> 4];
			*o++ = hex[*p & 15];
		}
	}
	*o = '\0';
	return out;
}

/* ---- what went wrong ---- */

static const char *const saying[] = {
	"message", "detail", "explanation", "description", "faultstring", "title"};

static const char *words_in(const json_t *v, unsigned depth)
{
	const char *key;
	json_t *inner;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(saying); i++) {
		const char *s = json_string_value(json_object_get(v, saying[i]));

		if (s && *s)
			return s;
	}
	if (depth == 0)
		return NULL;
	json_object_foreach((json_t *)v, key, inner)
	{
		const char *s = words_in(inner, depth - 1);

		if (s)
			return s;
	}
	json_array_foreach(v, i, inner)
	{
		const char *s = words_in(inner, depth - 1);

		if (s)
			return s;
	}
	return NULL;
}

/* Text of any kind as one line: tags out, runs of blanks to one. */
static char *one_line(const char *s, size_t len)
{
	_cleanup_free_ char *out = xmalloc(len + 1);
	bool tag = false;
	size_t n = 0;

	for (size_t i = 0; i < len && s[i]; i++) {
		char c = s[i];

		if (c == '<')
			tag = true;
		if (tag || isspace((unsigned char)c)) {
			if (n && out[n - 1] != ' ')
				out[n++] = ' ';
		} else {
			out[n++] = c;
		}
		if (c == '>')
			tag = false;
	}
	while (n && out[n - 1] == ' ')
		n--;
	out[n] = '\0';
	return str_escape(out, MAX_SHOWN);
}

char *cloud_error_text(const char *body, size_t len)
{
	_cleanup_free_ char *msg = NULL;
	_cleanup_(jx_freep) json_t *root = NULL;
	const char *words;

	if (!body || !len)
		return xstrdup("");
	root = jx_parse(body, len, &msg);
	words = words_in(root, 3);
	if (words)
		return one_line(words, strlen(words));
	return root ? xstrdup("") : one_line(body, len);
}

/* ---- where the next page is ---- */

/* Only what follows the host counts: a token goes to the hosts of the catalogue alone. */
static char *path_of(const char *href)
{
	const char *p = strstr(href, "://");

	if (p) {
		p = strchr(p + 3, '/');
		if (!p)
			return NULL;
	} else {
		p = href;
	}
	return *p == '/' && is_clean(p, strlen(p), MAX_STR) && !strchr(p, ' ')
		? xstrdup(p)
		: NULL;
}

char *cloud_next_page(const json_t *page, const char *key)
{
	_cleanup_free_ char *links = xasprintf("%s_links", key);
	const json_t *next = cloud_find(json_object_get(page, links), "rel", "next");
	const char *href = cloud_str(next, "href");

	if (!*href)
		href = cloud_str(json_object_get(page, "links"), "next");
	if (!*href)
		href = cloud_str(page, "next");
	return *href ? path_of(href) : NULL;
}

/* ---- times ---- */

int cloud_time(const char *text, int64_t *ret_s)
{
	struct tm tm = {0};
	const char *p;

	if (strlen(text) < 19 || (text[10] != 'T' && text[10] != ' '))
		return -EINVAL;
	p = strptime(
		text, text[10] == 'T' ? "%Y-%m-%dT%H:%M:%S" : "%Y-%m-%d %H:%M:%S", &tm);
	if (p != text + 19)
		return -EINVAL;
	if (*p == '.')
		p += 1 + strspn(p + 1, "0123456789");
	if (*p && !streq(p, "Z") && !streq(p, "+00:00"))
		return -EINVAL;
	*ret_s = timegm(&tm);
	return 0;
}
