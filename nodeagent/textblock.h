/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A block of lines that ondol keeps inside a file which is otherwise somebody else's
 * (/etc/hosts, authorized_keys), between two marker lines. Pure.
 */
#pragma once

#include "common/util.h"

/*
 * The text with its block replaced by body (lines, each with its newline; "" takes the
 * block away). Without a block yet, it is added at the end. Everything outside the
 * markers stays byte for byte. A begin marker whose end marker is gone loses only its own
 * line: what follows may be the owner's. Further blocks are removed. The caller frees.
 */
char *textblock_replace(const char *text, const char *body);

/* Does that for a file (missing: empty). Writes only when something changes; then
 * *ret_changed is true. 0 or -errno. */
int textblock_update_file(
	const char *path, const char *body, unsigned mode, bool *ret_changed);
