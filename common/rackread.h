/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading keys of rack.ini, for rackfile.c and rackprofile.c alone. What is wrong is noted
 * with its line, and something harmless stands for it.
 */
#pragma once

#include "common/rack.h"

struct reader {
	struct conf *conf;
	struct conf_section *section; /* being read */
	struct problems *problems;
	const struct roledefs *roles;
	struct rack *rack;
};

#define RD_SAY(rd, key, ...)                                                             \
	problems_add((rd)->problems, (rd)->conf->file, (key)->line, (rd)->section->name, \
		(key)->name, __VA_ARGS__)

/* what: what was expected, in words, as in all that follow */
void rd_missing(struct reader *rd, const char *key, const char *what);
void rd_bad(struct reader *rd, const struct conf_key *k, const char *what);
/*
 * The key, when it is there and not empty; borrowed. An absent one is a problem when need says
 * what it is.
 */
const struct conf_key *rd_value(struct reader *rd, const char *name, const char *need);
unsigned rd_uint(struct reader *rd, const char *name, unsigned min, unsigned max,
	unsigned dflt, bool need);
/* Memory as sold, "64G" for 64 GiB, within min and max bytes; NULL: it is absent or wrong. */
const struct conf_key *rd_memory(struct reader *rd, const char *name, uint64_t min,
	uint64_t max, const char *what, uint64_t *ret);

/* yes or no; false when it is absent, or wrong */
bool rd_bool(struct reader *rd, const char *name);

typedef int (*word_parser)(const char *s); /* 0, or a negative errno */
int rd_is_text(const char *s); /* printable ASCII */
/* dflt NULL: the key is required. Caller frees. */
char *rd_word(struct reader *rd, const char *name, word_parser parse, const char *what,
	const char *dflt);
/* The network that a key names; NULL: there is none, which was noted. Borrowed. */
const struct rack_network *rd_network(
	struct reader *rd, const struct conf_key *k, const char *name);

/* [profile NAME] (rackprofile.c) */
void rackread_profile(struct reader *rd, const char *name);
