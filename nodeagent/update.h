/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A new image for a node that runs: written to the slot that does not run, started by kexec on
 * trial, and made the one that firmware starts only when the node became ready with it. Until
 * then every other start is of the slot before: after a panic, a power cut, or when the
 * trial's time is over (initramfs/trial.h).
 *
 * The two works block; they are for workers. What was begun is kept in NODE_UPDATE, so that the
 * system that comes up, whichever it is, can say what came of it.
 */
#pragma once

#include "common/order.h"
#include "nodeagent/paths.h"

#define UPDATE_TRIAL_MS (10 * 60 * 1000) /* to become ready in; stretched by patience */

struct update_record {
	uint64_t task; /* ondold's number */
	char *version; /* owned: of the image that is tried */
	char *before; /* owned: of the one that it takes the place of */
	char *text; /* owned: what became of it, when it has ended; "": it has not */
	bool ok; /* when it has ended */
};

/*
 * 0; -ENOENT: there was no update; -EINVAL: damaged, *reterr_msg. Freed with _clear. One that has
 * ended stays, so that its end can be told again until ondold has it.
 */
int update_load(const char *path, struct update_record *ret, char **reterr_msg);
int update_save(const char *path, const struct update_record *u, char **reterr_msg);
/* Keeps what became of it. */
int update_end(const char *path, struct update_record *u, bool ok, const char *text,
	char **reterr_msg);
bool update_has_ended(const struct update_record *u);
void update_record_clear(struct update_record *u);
int update_forget(const char *path);

enum update_outcome { UPDATE_ON_TRIAL, UPDATE_KEPT, UPDATE_RETURNED };
/* What has become of it: running is the image that runs, on_trial whether as an attempt. Pure. */
enum update_outcome update_judge(
	const struct update_record *u, const char *running, bool on_trial);

/*
 * Work "image-write ARG", ARG being `{"task": N, "image": {...}}`: writes the image, and has the
 * kernel load it for kexec. Nothing that starts the present slot is touched. 0 or -errno;
 * *ret_text in both cases; caller frees.
 */
int update_write(const char *arg, char **ret_text);
/* Work "image-keep": the slot that runs is the one that firmware starts; the trial has ended. */
int update_keep(char **ret_text);
