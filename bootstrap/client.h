/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests to ondold's operator API over its UNIX socket (docs/protocol.md). Blocks.
 */
#pragma once

#include <jansson.h>

#include "common/util.h"

#define CLIENT_DEFAULT_SOCKET "/run/ondol/ondold.sock"
#define CLIENT_TIMEOUT_MS 30000

/* --socket, else $ONDOL_SOCKET, else the default; option may be NULL. Borrowed. */
const char *client_socket(const char *option);

/*
 * One request. body (stolen, may be NULL) is sent as JSON; path begins with "/".
 * 0: answered 2xx, *ret is a JSON object (new reference).
 * Positive: the HTTP status of a refusal; *ret is its JSON object, or NULL when it had none.
 * Negative errno: no answer, or none that can be understood.
 * *reterr_msg is set whenever the result is not 0: what happened and what to do.
 */
int client_call(const char *socket, const char *method, const char *path, json_t *body,
	unsigned timeout_ms, json_t **ret, char **reterr_msg);

/* The same of a GET that is answered with text; the caller frees *ret. */
int client_get_text(const char *socket, const char *path, unsigned timeout_ms, char **ret,
	char **reterr_msg);

/* An answer that came by other means (follow.c) judged by the same rules. */
int client_judge(
	unsigned status, const char *body, size_t len, json_t **ret, char **reterr_msg);
/* Why the socket could not be reached, r being what the HTTP client said; caller frees. */
char *client_unreachable(const char *socket, int r, const char *said);
