/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /etc/ondol/node.ini: which node this is and where ondold is. Beside it what they know one
 * another by: ca.pem, and node.pem, certificate and key. Written by the agent at install; refused
 * unless node.ini and node.pem are root's and mode 0600.
 */
#pragma once

#include "common/http.h"
#include "common/problems.h"

struct nodeconf {
	char *name; /* owned */
	uint32_t server; /* host order */
	unsigned port;
	char *image; /* owned: version of the image in this slot */
	/* nodeconf_load only: */
	char *ca, *cert; /* owned: paths */
	struct http_identity identity; /* of these paths */
};

/* What is wrong goes to problems; 0 only when there was nothing. Freed with nodeconf_free. */
int nodeconf_parse(const char *file, const char *text, size_t len,
	struct problems *problems, struct nodeconf **ret);
/* The same from a file, with its owner and mode checked; *reterr_msg holds every problem. */
int nodeconf_load(const char *path, struct nodeconf **ret, char **reterr_msg);
void nodeconf_free(struct nodeconf *c);
void nodeconf_freep(struct nodeconf **c);
