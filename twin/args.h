/* SPDX-License-Identifier: Apache-2.0 */
/* An argv under construction: words are owned, the list always ends with NULL. */
#pragma once

#include "common/util.h"

struct args {
	char **v; /* owned; NULL until the first word */
	size_t n, cap;
};

void args_add(struct args *a, const char *word);
void args_addf(struct args *a, const char *fmt, ...) _printf_(2, 3);
/* Two words: an option and its formatted value. */
void args_opt(struct args *a, const char *option, const char *fmt, ...) _printf_(3, 4);
void args_clear(struct args *a);
/* The list as execve wants it; borrowed. */
const char *const *args_argv(const struct args *a);
