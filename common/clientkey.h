/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The node's half of being certified: a key of its own, and the request with which ondold
 * certifies it. Needs libgnutls.
 */
#pragma once

#include "common/util.h"

/*
 * A new ECDSA key on P-256 (PKCS #8) and a request for its certificate (PKCS #10, RFC 2986),
 * both PEM. Caller frees both, and wipes the key. -errno with *reterr_msg.
 */
int clientkey_new(
	const char *name, char **ret_key, char **ret_request, char **reterr_msg);
/* When a PEM certificate ends, in seconds since 1970; 0: it is none. */
uint64_t clientkey_end_of(const char *cert);
