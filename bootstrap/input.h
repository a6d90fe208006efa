/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files that an operator gives: rack.ini and, beside it, secrets.ini; read, checked
 * and kept as they are, because ondold wants their text.
 */
#pragma once

#include "bootstrap/cloudparts.h"
#include "common/secrets.h"

struct input {
	const char *file; /* borrowed: rack.ini as named by the operator */
	char *secrets_file; /* owned, NULL: no secrets wanted */
	char *rack_ini; /* owned: the text */
	size_t rack_ini_len;
	char *secrets_ini; /* owned, wiped before it is freed; NULL: none */
	size_t secrets_ini_len;
	struct cloudparts *parts; /* owned: role and part files */
	const struct roledefs *roles; /* borrowed from parts */
	struct rack *rack; /* owned, NULL when the file has problems */
	struct secrets *secrets; /* owned */
	struct problems problems; /* of all files together, sorted */
};

struct input_spec {
	const char *file;
	const char *secrets; /* NULL: secrets.ini beside file */
	bool no_secrets;
	const char *roles; /* directory of role files, NULL: the default */
};

/* 0: everything is good. -EINVAL: problems says what is not. Strings of spec are borrowed. */
int input_load(const struct input_spec *spec, struct input *ret);
/* The problems, a line each, and how many, to standard error. */
void input_tell(const struct input *in);
void input_clear(struct input *in);
