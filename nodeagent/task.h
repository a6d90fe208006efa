/* SPDX-License-Identifier: Apache-2.0 */
/* The one task that ondold may ask for, and its answer in the reports. Pure. */
#pragma once

#include <jansson.h>

#include "nodeagent/proofs.h"

#define TASK_PROVE "prove"
#define TASK_BACKUP "backup"

struct task {
	uint64_t id; /* the last one taken; 0: none */
	const char *type; /* one of the above */
	bool done, ok;
	struct proofs proofs;
};

/*
 * Reads desired's "task" (NULL: there is none). *ret_new: a task that was not taken yet is
 * now. False and *reterr_msg when it is not of the form; a task of an unknown type is
 * taken and refused at once.
 */
bool task_take(struct task *t, const json_t *obj, bool *ret_new, char **reterr_msg);
void task_finish(struct task *t, bool ok);
void task_refuse(struct task *t, const char *why);
json_t *task_to_json(const struct task *t); /* new reference; null while none is done */
void task_clear(struct task *t);
