/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is new in a BMC's event log since it was read last. Pure: two readings in, entries
 * out. An entry is known again by its id and time together: ids begin anew when a log is
 * cleared, and a log that is full overwrites its oldest.
 */
#pragma once

#include <jansson.h>

#include "common/util.h"

/* Of one reading at most so many are told, the newest. */
#define SEL_NEWS_MAX 50

struct sel_mark { /* the newest entry of a reading */
	bool known; /* the log was read at all */
	bool empty; /* and nothing was in it */
	int64_t id;
	int64_t time_ms; /* since 1970; -1: the BMC's clock was not set */
};

struct sel_news {
	json_t *entries; /* owned: array of those to be told, oldest first */
	size_t left_out; /* new ones beyond SEL_NEWS_MAX */
	bool anew; /* the last entry known is not there: cleared, or gone round */
	struct sel_mark mark; /* of this reading */
};

/*
 * list: of sel_parse(). A log that was never read before is history, of which only what is
 * from since_ms (since 1970) on is new. ret->entries is freed by the caller.
 */
void sel_news_find(const json_t *list, const struct sel_mark *last, uint64_t since_ms,
	struct sel_news *ret);
/* "Memory #0x30: Uncorrectable ECC, asserted (CPU 1 DIMM 3)"; caller frees. */
char *sel_news_words(const json_t *entry);

/* For the store: kept with the address of the BMC; another BMC's mark is none. */
json_t *sel_mark_to_json(const struct sel_mark *mark, const char *address);
struct sel_mark sel_mark_from_json(const json_t *doc, const char *address);
