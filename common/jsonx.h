/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Strict reading of JSON that came from elsewhere, on top of jansson. Each getter checks
 * presence, type and bounds; the first failure is kept in the reader with its path, so
 * that a caller reads everything and asks once.
 *     struct jx j = { .obj = root };
 *     unsigned vlan = jx_uint(&j, "vlan", 1, 4094);
 *     if (j.error) ...   "vlan: expected 1 to 4094, found 5000"
 */
#pragma once

#include <jansson.h>

#include "common/util.h"

struct jx {
	const json_t *obj; /* borrowed */
	char *error; /* owned: the first failure, NULL: none */
};

void jx_clear(struct jx *j);
void jx_freep(json_t **v); /* json_decref for _cleanup_(jx_freep) */
void jx_fail(struct jx *j, const char *key, const char *fmt, ...) _printf_(3, 4);

/* Limits: 4 MiB of text, depth 32, duplicate keys refused. NULL and *reterr_msg on failure. */
json_t *jx_parse(const char *text, size_t len, char **reterr_msg);

uint64_t jx_uint(struct jx *j, const char *key, uint64_t min, uint64_t max);
uint64_t jx_uint_opt(
	struct jx *j, const char *key, uint64_t min, uint64_t max, uint64_t dflt);
bool jx_bool_opt(struct jx *j, const char *key, bool dflt);
/* Borrowed from the object; "" after a failure. Refuses strings over max bytes and control bytes. */
const char *jx_str(struct jx *j, const char *key, size_t max);
const char *jx_str_opt(struct jx *j, const char *key, size_t max, const char *dflt);
/* NULL after a failure or (opt) when absent. */
const json_t *jx_array(struct jx *j, const char *key, size_t max_items);
const json_t *jx_array_opt(struct jx *j, const char *key, size_t max_items);
/* The same of an array of strings; expected: what they should be, "serial numbers". */
const json_t *jx_strings_opt(
	struct jx *j, const char *key, size_t max_items, const char *expected);
const json_t *jx_object(struct jx *j, const char *key);
/* Moves a failure of a nested reader up, prefixed with where it was; clears inner. */
void jx_merge(struct jx *outer, const char *where, struct jx *inner);
