/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The desired state as this node holds it: the document and what was read from it. A
 * document replaces the one on disk only after it was read whole.
 */
#pragma once

#include <jansson.h>

#include "common/order.h"

struct held {
	json_t *doc; /* owned, without "task"; NULL: nothing is held */
	struct desired *desired; /* owned; NULL with doc */
};

/*
 * Reads an answer of ondold. node: whose it must be, NULL: anybody's. *ret_task: its "task", new
 * reference, NULL when it has none; set also when the rest is of no use, so that tasks
 * are answered all the same. -EINVAL and *reterr_msg; caller frees.
 */
int held_parse(const char *text, size_t len, const char *node, struct held *ret,
	json_t **ret_task, char **reterr_msg);
int held_load(const char *path, const char *node, struct held *ret, char **reterr_msg);
int held_save(const struct held *h, const char *path, char **reterr_msg);
bool held_equal(const struct held *a, const struct held *b);
void held_move(struct held *to, struct held *from); /* from is empty after it */
void held_clear(struct held *h);
