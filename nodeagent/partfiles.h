/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files of a part as they should be: whole from a template, or settings merged into
 * what is there. A file is written only when it would be other than it is, by rename.
 * Blocks; for workers.
 */
#pragma once

#include "common/partdef.h"
#include "nodeagent/vars.h"

/*
 * Directories and files, in the part's order. before_first (may be NULL) is called once,
 * before the first file is changed: what must be remembered comes before the change.
 * root is "" on a node. 0, or -errno with *reterr_msg; caller frees.
 */
int partfiles_apply(const struct partdefs *defs, const struct partdef *part,
	const struct vars *v, const char *root, int (*before_first)(void *userdata),
	void *userdata, char **reterr_msg);
/* Gives path to user and group (NULL: unchanged) and that mode (-1: unchanged). */
int partfiles_own(const char *path, const char *user, const char *group, int mode,
	char **reterr_msg);
