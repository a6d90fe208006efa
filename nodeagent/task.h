/* SPDX-License-Identifier: Apache-2.0 */
/* The one task that ondold may ask for, and its answer in the reports. */
#pragma once

#include <jansson.h>

#include "nodeagent/proofs.h"

#define TASK_PROVE "prove"
#define TASK_BACKUP "backup"
#define TASK_UPDATE "update"

struct task {
	uint64_t id; /* the last one taken; 0: none */
	const char *type; /* one of the above */
	char *arg; /* owned: of an update, `{"task": N, "image": {...}}`; NULL: none */
	bool done, ok;
	struct proofs proofs; /* of the last one taken, once it is done */
	uint64_t running; /* the one begun last: another may have been taken since */
	struct proofs found; /* what it proved so far */
};

/*
 * Reads desired's "task" (NULL: there is none). *ret_new: a task that was not taken yet is
 * now. False and *reterr_msg when it is not of the form; a task of an unknown type is
 * taken and refused at once.
 */
bool task_take(struct task *t, const json_t *obj, bool *ret_new, char **reterr_msg);
/* One that was begun by the system before this one goes on: it is the last one taken. */
void task_resume(struct task *t, uint64_t id, const char *type);
/* The last one taken is carried out now; false: nothing is to be done, it was refused. */
bool task_begin(struct task *t);
/*
 * What was begun has ended, with what it found. False when another was taken meanwhile,
 * which this says nothing about: its own end is still to come.
 */
bool task_end(struct task *t, bool ok);
void task_refuse(struct task *t, const char *why);
json_t *task_to_json(const struct task *t); /* new reference; null while none is done */
void task_clear(struct task *t);
