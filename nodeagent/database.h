/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A service's database in this node's MariaDB, over its UNIX socket as root: the only file
 * pair that sees libmariadb. Blocks; for workers.
 */
#pragma once

#include "common/util.h"

struct database_want {
	const char *name, *user, *password; /* plain names, checked by partdef.c */
	char *const *hosts; /* NULL-terminated: from where the user may come */
	const char *schema; /* path of SCHEMA.sql.gz, loaded into an empty database */
};

/*
 * Makes what is missing, and the password what it should be. A load that was interrupted
 * is begun again from an empty database; one that was completed is never repeated.
 * 0, or -errno with *reterr_msg; caller frees. *ret_loaded: the schema was loaded now.
 */
int database_ensure(
	const struct database_want *want, bool *ret_loaded, char **reterr_msg);
/* Is there a database of that name? 0, or -errno with *reterr_msg; caller frees. */
int database_exists(const char *name, bool *ret, char **reterr_msg);
