/* SPDX-License-Identifier: Apache-2.0 */
/* What `ondol help` says: of the program, and of each command with examples. Static texts. */
#pragma once

struct help_text {
	const char *command; /* "check" */
	const char *brief; /* one line */
	const char *text; /* usage, options, examples */
};

extern const struct help_text help_texts[]; /* ends with a command of NULL */
extern const char help_overview_head[], help_overview_tail[];
