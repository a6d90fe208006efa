/* SPDX-License-Identifier: Apache-2.0 */
/*
 * iniparser accepts much and tells little: a key given twice keeps the last, a syntax error
 * is a NULL for the whole file, and no line number comes back. So each line is first
 * classified here. Lines that are wrong become problems and blank lines; what is left is
 * handed to iniparser, which cannot fail on it any more and supplies the values (quotes,
 * comments). Both agree on names because the scan rewrites them in canonical form.
 */
#include "common/conf.h"

#include <ctype.h>
#include <fcntl.h>
#include <iniparser/iniparser.h>
#include <search.h>
#include <sys/mman.h>

#include "common/nearest.h"

struct scan {
	struct conf *conf;
	struct problems *problems;
	char *clean; /* what iniparser will read; never longer than twice the text */
	size_t clean_len;
	unsigned line;
	struct conf_section *section; /* the current one, NULL: none or a refused one */
	bool skip; /* below a section that was refused */
	unsigned n_binary;
	bool wide; /* names of conf_load_wide() */
};

/* One line in canonical form; the newline follows from scan_text. */
static void emit(struct scan *s, const char *a, const char *b, const char *c)
{
	s->clean_len += (size_t)sprintf(s->clean + s->clean_len, "%s%s%s", a, b, c);
}

static void problem(struct scan *s, const char *key, const char *text)
{
	problems_add(s->problems, s->conf->file, s->line,
		s->section ? s->section->name : NULL, key, "%s", text);
}

/* Lower case, blanks folded to one; false when a byte may not be part of a name. */
static bool canonical_name(char *name, bool blanks, bool wide)
{
	char *o = name;

	for (const char *p = name; *p; p++) {
		unsigned char c = (unsigned char)tolower((unsigned char)*p);

		if (isblank(c)) {
			if (!blanks)
				return false;
			if (o > name && o[-1] != ' ')
				*o++ = ' ';
		} else if (isalnum(c) || strchr(wide ? "._-/:[]" : "._-", c)) {
			*o++ = (char)c;
		} else {
			return false;
		}
	}
	*o = '\0';
	return o > name;
}

/* A rack may have ten thousand sections: they are found by a tree of their names. */
struct section_ref {
	const char *name; /* borrowed from the section */
	size_t at;
};

static int compare_refs(const void *a, const void *b)
{
	return strcmp(((const struct section_ref *)a)->name,
		((const struct section_ref *)b)->name);
}

static struct conf_section *find_section(struct conf *c, const char *name)
{
	struct section_ref key = {.name = name};
	struct section_ref *const *found = tfind(&key, &c->by_name, compare_refs);

	return found ? &c->sections[(*found)->at] : NULL;
}

static bool same_kind(const char *a, const char *b)
{
	size_t n = strcspn(a, " ");

	return n == strcspn(b, " ") && strncmp(a, b, n) == 0;
}

static const struct conf_section *first_of_kind(const struct conf *c, const char *name)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->sections[i].learns && same_kind(c->sections[i].name, name))
			return &c->sections[i];
	return NULL;
}

static struct conf_section *add_section(struct conf *c, const char *name)
{
	struct section_ref *ref = xmalloc(sizeof(*ref));
	bool learns = !first_of_kind(c, name);

	GROW(c->sections, c->n, c->cap);
	c->sections[c->n] =
		(struct conf_section){.name = xstrdup(name), .learns = learns};
	*ref = (struct section_ref){c->sections[c->n].name, c->n};
	if (!tsearch(ref, &c->by_name, compare_refs))
		abort(); /* no memory */
	return &c->sections[c->n++];
}

static void scan_section(struct scan *s, char *text)
{
	char *end = strchr(text, ']'), *name = text + 1, *rest;
	struct conf_section *twin;

	s->section = NULL;
	s->skip = true;
	if (!end) {
		problem(s, NULL, "expected \"]\" at the end of the section's name");
		return;
	}
	*end = '\0';
	rest = str_strip(end + 1);
	if (*rest && *rest != ';' && *rest != '#') {
		problem(s, NULL, "expected nothing after \"]\"");
		return;
	}
	name = str_strip(name);
	if (!canonical_name(name, true, s->wide)) {
		problem(s, NULL,
			"expected a section name of letters, digits, blanks and . _ -");
		return;
	}
	twin = find_section(s->conf, name);
	if (twin) {
		problems_add(s->problems, s->conf->file, s->line, name, NULL,
			"this section was already given at line %u; give it once",
			twin->line);
		return;
	}
	s->section = add_section(s->conf, name);
	s->section->line = s->line;
	s->section->text_at = s->clean_len;
	s->skip = false;
	emit(s, "[", name, "]");
}

/* What of a value iniparser would silently drop, in words; NULL: nothing. */
static const char *dropped(const char *value)
{
	bool quoted = *value == '"' || *value == '\'';
	const char *end =
		quoted ? strchr(value + 1, *value) : value + strcspn(value, ";#");

	if (!end)
		return "the quote is not closed";
	if (quoted) {
		end += 1 + strspn(end + 1, " \t");
		return *end && *end != ';' && *end != '#'
			? "expected nothing but a comment after the closing quote"
			: NULL;
	}
	return *end && end > value && !isblank((unsigned char)end[-1])
		? "';' and '#' begin a comment: put the value in quotes, or a blank before "
		  "the comment"
		: NULL;
}

static void scan_key(struct scan *s, char *text)
{
	char *eq = strchr(text, '='), *value, *key;
	const char *wrong;

	if (s->skip)
		return;
	if (!eq) {
		problem(s, NULL, "expected \"key = value\" or \"[section]\"");
		return;
	}
	*eq = '\0';
	key = str_strip(text);
	value = str_strip(eq + 1);
	if (!canonical_name(key, false, s->wide)) {
		problem(s, NULL,
			"expected a key of letters, digits and . _ - before \"=\"");
		return;
	}
	if (!s->section) {
		problem(s, key, "expected a [section] before the first key");
		return;
	}
	for (size_t i = 0; i < s->section->n_keys; i++) {
		if (streq(s->section->keys[i].name, key)) {
			problems_add(s->problems, s->conf->file, s->line,
				s->section->name, key,
				"was already given at line %u; give it once",
				s->section->keys[i].line);
			return;
		}
	}
	wrong = dropped(value);
	if (!wrong && *value && value[strlen(value) - 1] == '\\')
		wrong = "a line cannot be continued with a backslash";
	if (wrong)
		problem(s, key, wrong);
	else
		emit(s, key, " = ", value);
	GROW(s->section->keys, s->section->n_keys, s->section->cap_keys);
	s->section->keys[s->section->n_keys++] = (struct conf_key){
		.name = xstrdup(key), .line = s->line, .refused = wrong};
}

/* How many bytes the character at s takes, 0: it is not UTF-8. */
static size_t utf8_length(const unsigned char *s, size_t len)
{
	size_t n = s[0] < 0x80 ? 1
		: s[0] < 0xc2  ? 0
		: s[0] < 0xe0  ? 2
		: s[0] < 0xf0  ? 3
		: s[0] < 0xf5  ? 4
			       : 0;

	if (n > len)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	/* overlong forms, surrogates, beyond U+10FFFF */
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
		(s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return n;
}

/* False with a problem when the line holds what is not text. */
static bool check_text(struct scan *s, const unsigned char *text, size_t len)
{
	size_t n;

	for (size_t i = 0; i < len; i += n) {
		n = utf8_length(text + i, len - i);
		if (n && (text[i] >= 0x20 || text[i] == '\t') && text[i] != 0x7f)
			continue;
		if (n)
			s->n_binary++;
		problems_add(s->problems, s->conf->file, s->line, NULL, NULL,
			n ? "expected text, found the byte 0x%02x in column %zu"
			  : "expected UTF-8, found the byte 0x%02x in column %zu; save the file "
			    "as UTF-8",
			text[i], i + 1);
		return false;
	}
	return true;
}

/* One line without its newline, NUL-terminated in place. */
static void scan_line(struct scan *s, char *text, size_t len)
{
	if (len && text[len - 1] == '\r')
		text[--len] = '\0';
	if (len > CONF_MAX_LINE) {
		problems_add(s->problems, s->conf->file, s->line, NULL, NULL,
			"expected lines of at most %d bytes, found one of %zu",
			CONF_MAX_LINE, len);
		return;
	}
	if (!check_text(s, (const unsigned char *)text, len))
		return;
	text = str_strip(text);
	if (!*text || *text == ';' || *text == '#')
		return;
	if (*text == '[')
		scan_section(s, text);
	else
		scan_key(s, text);
}

static int scan_text(struct scan *s, char *text, size_t len)
{
	for (size_t pos = 0; pos < len && s->n_binary < 5;) {
		char *nl = memchr(text + pos, '\n', len - pos);
		size_t end = nl ? (size_t)(nl - text) : len;

		text[end] = '\0';
		s->line++;
		scan_line(s, text + pos, end - pos);
		s->clean[s->clean_len++] = '\n';
		pos = end + 1;
	}
	if (s->n_binary >= 5) {
		problems_add(s->problems, s->conf->file, 0, NULL, NULL,
			"this is not a text file; nothing more of it was read");
		return -EINVAL;
	}
	return 0;
}

static int quiet(_unused_ const char *fmt, ...)
{
	return 0;
}

/* iniparser reads only files by name. */
static dictionary *parse_clean(const char *text, size_t len)
{
	_cleanup_close_ int fd = memfd_create("conf", MFD_CLOEXEC);
	char path[40];

	if (fd < 0 || write_all(fd, text, len) < 0)
		return NULL;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	iniparser_set_error_callback(quiet);
	return iniparser_load(path);
}

static int fill_section(struct conf_section *sec, const char *text, size_t len)
{
	dictionary *d = parse_clean(text, len);

	if (!d)
		return -EIO;
	for (size_t k = 0; k < sec->n_keys; k++) {
		_cleanup_free_ char *name =
			xasprintf("%s:%s", sec->name, sec->keys[k].name);

		sec->keys[k].value = xstrdup(iniparser_getstring(d, name, ""));
	}
	iniparser_freedict(d);
	return 0;
}

/* Section by section: iniparser looks through all the keys it has for each that it is given. */
static int fill_values(struct scan *s)
{
	struct conf *c = s->conf;
	int r = 0;

	for (size_t i = 0; r == 0 && i < c->n; i++) {
		size_t from = c->sections[i].text_at;
		size_t end = i + 1 < c->n ? c->sections[i + 1].text_at : s->clean_len;

		r = fill_section(&c->sections[i], s->clean + from, end - from);
	}
	return r;
}

static int parse(const char *file, const char *text, size_t len, bool wide,
	struct problems *problems, struct conf **ret)
{
	_cleanup_free_ char *copy = NULL, *clean = NULL;
	_cleanup_(conf_freep) struct conf *c = xcalloc(1, sizeof(*c));
	struct scan s = {.conf = c, .problems = problems, .wide = wide};
	int r;

	c->file = xstrdup(file);
	if (len > CONF_MAX_BYTES) {
		problems_add(problems, file, 0, NULL, NULL,
			"expected at most %d bytes, found %zu; is this the right file?",
			CONF_MAX_BYTES, len);
		return -EINVAL;
	}
	copy = xmalloc(len + 1);
	if (len)
		memcpy(copy, text, len);
	copy[len] = '\0';
	s.clean = clean = xmalloc(2 * len + 64);
	if (len >= 3 && memcmp(copy, "\xef\xbb\xbf", 3) == 0) {
		problems_add(problems, file, 1, NULL, NULL,
			"the file begins with a byte-order mark; save it as plain UTF-8");
		memset(copy, ' ', 3);
	}
	r = scan_text(&s, copy, len);
	if (r == 0)
		r = fill_values(&s);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(c);
	return 0;
}

int conf_parse(const char *file, const char *text, size_t len, struct problems *problems,
	struct conf **ret)
{
	return parse(file, text, len, false, problems, ret);
}

int conf_parse_wide(const char *file, const char *text, size_t len,
	struct problems *problems, struct conf **ret)
{
	return parse(file, text, len, true, problems, ret);
}

int conf_read(const char *path, struct problems *problems, char **ret, size_t *ret_len)
{
	int r = read_file(path, CONF_MAX_BYTES, ret, ret_len);

	if (r == -EFBIG)
		problems_add(problems, path, 0, NULL, NULL,
			"expected at most %d bytes; is this the right file?",
			CONF_MAX_BYTES);
	else if (r < 0)
		problems_add(problems, path, 0, NULL, NULL, "cannot be read: %s",
			strerror(-r));
	return r;
}

int conf_load(const char *path, struct problems *problems, struct conf **ret)
{
	_cleanup_free_ char *text = NULL;
	size_t len;
	int r = conf_read(path, problems, &text, &len);

	return r < 0 ? r : conf_parse(path, text, len, problems, ret);
}

void conf_free(struct conf *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->n; i++) {
		for (size_t k = 0; k < c->sections[i].n_keys; k++) {
			free(c->sections[i].keys[k].name);
			free(c->sections[i].keys[k].value);
		}
		free(c->sections[i].keys);
		free(c->sections[i].name);
		for (size_t k = 0; k < c->sections[i].n_asked; k++)
			free(c->sections[i].asked[k]);
		free(c->sections[i].asked);
	}
	tdestroy(c->by_name, free);
	free(c->sections);
	free(c->file);
	free(c);
}

void conf_freep(struct conf **c)
{
	conf_free(*c);
	*c = NULL;
}

struct conf_section *conf_section(struct conf *c, const char *name)
{
	struct conf_section *s = find_section(c, name);

	if (s)
		s->used = true;
	return s;
}

static void learn(struct conf_section *s, const char *name)
{
	for (size_t i = 0; i < s->n_asked; i++)
		if (streq(s->asked[i], name))
			return;
	GROW(s->asked, s->n_asked, s->cap_asked);
	s->asked[s->n_asked++] = xstrdup(name);
}

struct conf_key *conf_key(struct conf_section *s, const char *name)
{
	if (s && s->learns)
		learn(s, name);
	for (size_t i = 0; s && i < s->n_keys; i++) {
		if (streq(s->keys[i].name, name)) {
			s->keys[i].used = true;
			return &s->keys[i];
		}
	}
	return NULL;
}

/* The number at its end does not count: "ssh_key.7" is asked for only where there is a sixth. */
static bool same_key(const char *a, const char *b)
{
	size_t n = strlen(a), m = strlen(b);

	while (n > 0 && isdigit((unsigned char)a[n - 1]))
		n--;
	while (m > 0 && isdigit((unsigned char)b[m - 1]))
		m--;
	return n > 0 && n == m && strncmp(a, b, n) == 0;
}

/* The name of a section of another kind that knows this key, NULL: none does. */
static const char *where_it_belongs(
	const struct conf *c, const struct conf_section *here, const char *key)
{
	for (size_t i = 0; i < c->n; i++) {
		const struct conf_section *s = &c->sections[i];

		for (size_t k = 0; s != here && k < s->n_asked; k++)
			if (same_key(s->asked[k], key))
				return s->name;
	}
	return NULL;
}

static const char *what_was_meant(const struct conf_section *here, const char *key)
{
	const char **names, *near;

	if (!here)
		return NULL;
	names = xcalloc(here->n_asked + 1, sizeof(*names));
	for (size_t i = 0; i < here->n_asked; i++)
		names[i] = here->asked[i];
	near = nearest_word(key, names);
	free(names);
	return near;
}

static void report_key(const struct conf *c, const struct conf_section *s,
	const struct conf_key *k, struct problems *problems)
{
	const struct conf_section *here = first_of_kind(c, s->name);
	const char *near = what_was_meant(here, k->name),
		   *there = where_it_belongs(c, here, k->name);

	if (there)
		problems_add(problems, c->file, k->line, s->name, k->name,
			"there is no such key here; it belongs in [%s]", there);
	else if (near && !streq(near, k->name))
		problems_add(problems, c->file, k->line, s->name, k->name,
			"there is no such key here; was %s meant?", near);
	else
		problems_add(problems, c->file, k->line, s->name, k->name,
			"there is no such key here; is it misspelt?");
}

void conf_report_unused(const struct conf *c, struct problems *problems)
{
	for (size_t i = 0; i < c->n; i++) {
		const struct conf_section *s = &c->sections[i];

		if (!s->used) {
			problems_add(problems, c->file, s->line, s->name, NULL,
				"there is no such section; is the name misspelt?");
			continue;
		}
		for (size_t k = 0; k < s->n_keys; k++)
			if (!s->keys[k].used)
				report_key(c, s, &s->keys[k], problems);
	}
}
