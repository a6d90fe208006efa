/* SPDX-License-Identifier: Apache-2.0 */
/*
 * secrets.ini: the user names and passwords of the BMCs.
 *     [bmc]                  for all
 *     user = ondol
 *     password = ...
 *     [bmc hp03]             instead, for one node
 * The file is refused unless it is a regular file of mode 0600 or stricter, owned by the
 * caller. Values never appear in a message.
 */
#pragma once

#include "common/rack.h"

struct bmc_login {
	char *user; /* owned */
	char *password; /* owned; wiped before it is freed */
};

struct secrets {
	struct bmc_login common; /* both NULL when [bmc] is not there */
	struct {
		char *node;
		struct bmc_login login;
	} * nodes;
	size_t n_nodes;
};

/* rack (borrowed, may be NULL) says which nodes there are and must have a login each. */
int secrets_load(const char *path, const struct rack *rack, struct problems *problems,
	struct secrets **ret);
int secrets_parse(const char *file, const char *text, size_t len, const struct rack *rack,
	struct problems *problems, struct secrets **ret);
void secrets_free(struct secrets *s);
void secrets_freep(struct secrets **s);
/* Never NULL for a node of the rack the secrets were loaded with. Borrowed from s. */
const struct bmc_login *secrets_bmc(const struct secrets *s, const char *node);
