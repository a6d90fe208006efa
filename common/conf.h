/* SPDX-License-Identifier: Apache-2.0 */
/*
 * INI files with strictness: iniparser supplies the strings; the line scan here supplies
 * what it cannot: line numbers, keys given twice, limits, bytes that are not text. A key
 * that nobody consumed is an error (conf_report_unused).
 */
#pragma once

#include "common/problems.h"

#define CONF_MAX_BYTES (16 * 1024 * 1024)
#define CONF_MAX_LINE 1000 /* iniparser's own limit is 1024 */

struct conf_key {
	char *name; /* owned, lower case */
	char *value; /* owned, blanks and quotes stripped, may be "" */
	unsigned line;
	bool used;
	bool refused; /* the value was wrong, which has been told: "" stands for it */
};

struct conf_section {
	char *name; /* owned, lower case, inner blanks folded to one: "network storage" */
	unsigned line;
	struct conf_key *keys; /* owned */
	size_t n_keys, cap_keys;
	size_t text_at; /* conf.c's, while it reads */
	bool used;
	/* Of the first section of a kind ("node" of "node hp01"): what it was asked for. */
	bool learns;
	char **asked; /* owned */
	size_t n_asked, cap_asked;
};

struct conf {
	char *file; /* owned: the name shown in messages */
	struct conf_section *sections; /* owned, file order */
	size_t n, cap;
	void *by_name; /* owned: conf.c's index of them */
};

/*
 * Parses text of len bytes. What is wrong goes to problems (never NULL). Returns 0 when
 * the text could be read at all, also with problems, so that later checks add theirs;
 * -EINVAL when nothing usable came of it (too large, binary, not text); -errno from the
 * system. *ret is freed with conf_free.
 */
int conf_parse(const char *file, const char *text, size_t len, struct problems *problems,
	struct conf **ret);
/* The same for files whose sections are named after files: names may also hold / : [ ] */
int conf_parse_wide(const char *file, const char *text, size_t len,
	struct problems *problems, struct conf **ret);
/* A configuration file's bytes; what keeps it from being read is a problem. Caller frees. */
int conf_read(const char *path, struct problems *problems, char **ret, size_t *ret_len);
/* conf_read and conf_parse; a missing or unreadable file is a problem and -errno. */
int conf_load(const char *path, struct problems *problems, struct conf **ret);
void conf_free(struct conf *c);
void conf_freep(struct conf **c);

struct conf_section *conf_section(struct conf *c, const char *name); /* marks it used */
struct conf_key *conf_key(struct conf_section *s, const char *name); /* marks it used */
/*
 * Adds a problem for each section and key that was never asked for, with the key that was
 * probably meant, or the section where it belongs.
 */
void conf_report_unused(const struct conf *c, struct problems *problems);
