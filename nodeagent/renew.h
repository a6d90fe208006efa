/* SPDX-License-Identifier: Apache-2.0 */
/*
 * This node's certificate is replaced by a new one, of a new key, before it ends. Both are in
 * one file, so that whatever happens in between, the two in it belong together.
 */
#pragma once

#include <systemd/sd-event.h>

#include "common/http.h"
#include "nodeagent/nodeconf.h"

#define RENEW_BEFORE_S (30u * 86400) /* of its end */

struct renew;

/* Looks at once and then once a day; borrows conf and http. */
int renew_new(sd_event *event, const struct nodeconf *conf, struct http_client *http,
	struct renew **ret);
void renew_free(struct renew *n); /* NULL is fine */
/* Is a certificate that ends then to be renewed now? Both in seconds since 1970; 0: it is none. Pure. */
bool renew_is_due(uint64_t end_s, uint64_t now_s);
