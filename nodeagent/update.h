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
};

/* 0; -ENOENT: no update is under way; -EINVAL: damaged, *reterr_msg. Freed with _clear. */
int update_load(const char *path, struct update_record *ret, char **reterr_msg);
void update_record_clear(struct update_record *u);
int update_forget(const char *path); /* it has come to its end */

enum update_outcome { UPDATE_ON_TRIAL, UPDATE_KEPT, UPDATE_RETURNED };
/* What has become of it: running is the image that runs, on_trial whether as an attempt. Pure. */
enum update_outcome update_judge(
	const struct update_record *u, const char *running, bool on_trial);

/*
 * Work "image-write ARG", ARG being `{"task": N, "image": {...}}`: writes the image, and has the
 * kernel load it for kexec. Nothing that starts the present slot is touched. 0 or -errno;
 * *ret_text in both cases; caller frees.
 */
int update_write(const struct desired *d, const char *arg, char **ret_text);
/* Work "image-keep": from now on the slot that runs is the one that firmware starts. */
int update_keep(char **ret_text);
