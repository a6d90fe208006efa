/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /etc/ondol/node.ini: which node this is, where ondold is, and the token it is spoken to
 * with. Written by the agent at install; refused unless it is root's and mode 0600.
 */
#pragma once

#include "common/problems.h"

struct nodeconf {
	char *name; /* owned */
	uint32_t server; /* host order */
	unsigned port;
	char *token; /* owned; wiped before it is freed; never logged */
	char *image; /* owned: version of the image in this slot */
};

/* What is wrong goes to problems; 0 only when there was nothing. Freed with nodeconf_free. */
int nodeconf_parse(const char *file, const char *text, size_t len,
	struct problems *problems, struct nodeconf **ret);
/* The same from a file, with its owner and mode checked; *reterr_msg holds every problem. */
int nodeconf_load(const char *path, struct nodeconf **ret, char **reterr_msg);
void nodeconf_free(struct nodeconf *c);
void nodeconf_freep(struct nodeconf **c);
