/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A token of Keystone's with the catalogue that came with it, and its keeping in a file: to
 * sign in costs Keystone a quarter of a second of its CPU (bcrypt), so the next process of
 * the same boot takes what the one before left.
 */
#pragma once

#include <jansson.h>

#include "common/http.h"

struct cloud_token {
	char *id; /* owned, secret; NULL: none */
	uint64_t until_ms; /* monotonic */
	char *project_id, *user_id; /* owned */
	json_t *catalog; /* owned; not kept: services come and go */
};

void cloud_token_clear(struct cloud_token *t);
/* From Keystone's answer; its life counts from now_ms. -EBADMSG with *reterr_msg. */
int cloud_token_read(struct cloud_token *t, const struct http_response *resp,
	uint64_t now_ms, char **reterr_msg);

/*
 * As left in a file (mode 0600) by one who signed in as login, whatever text that is. False
 * when there is none, or it is no good: then *t stays empty.
 */
bool cloud_token_load(struct cloud_token *t, const char *path, const char *login);
/* Nothing happens when it cannot be written: the next one signs in. */
void cloud_token_keep(const struct cloud_token *t, const char *path, const char *login);
