/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Role and part files as one rack uses them: which secrets a node of each role is given,
 * and whether the roles fit into the servers' memory. Pure once loaded.
 */
#pragma once

#include "bootstrap/peers.h"
#include "common/partdef.h"
#include "common/rack.h"

struct cloudparts {
	struct roledefs *roles; /* owned */
	struct partdefs *parts; /* owned */
	char ***secrets; /* owned: for each of roles->list, names; NULL: the rack is no cloud */
	/* owned reference: of the rack; NULL until whoever needs it sets it */
	struct peers *peers;
};

/*
 * Role and part files of the folder. What is wrong goes to problems, and NULL is returned.
 */
struct cloudparts *cloudparts_load(const char *roles_dir, struct problems *problems);
void cloudparts_free(struct cloudparts *p); /* NULL is fine */
void cloudparts_freep(struct cloudparts **p);
/*
 * For this rack: finds each role's secrets, and checks the memory that rack.ini gives.
 * What is wrong goes to problems.
 */
void cloudparts_fit(
	struct cloudparts *p, const struct rack *r, struct problems *problems);
/* Names of the secrets of a node; NULL-terminated, borrowed; NULL: none. */
char *const *cloudparts_secrets(const struct cloudparts *p, const struct rack_node *n);
/* Names of the secrets of all roles of the rack; NULL-terminated. Free with strv_free. */
char **cloudparts_all_secrets(const struct cloudparts *p, const struct rack *r);
/* Words when the node has too little memory for its role, else NULL. Caller frees. */
char *cloudparts_memory(const struct cloudparts *p, const struct rack *r,
	const struct rack_node *n, uint64_t memory_bytes);
