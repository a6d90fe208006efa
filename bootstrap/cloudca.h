/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rack's own certificate authority, and the certificate of the cloud's endpoints. Pure:
 * PEM texts in, PEM texts out; times are seconds since 1970. Keys are ECDSA P-256. Texts
 * that hold a key are the caller's to wipe.
 */
#pragma once

#include "common/util.h"

#define CLOUDCA_DAYS 3652      /* of the authority: ten years */
#define CLOUDCA_LEAF_DAYS 397  /* of the endpoints' certificate */
#define CLOUDCA_RENEW_DAYS 30  /* one that is good for less is issued anew */

/* A new authority "ondol rack NAME". -errno with *reterr_msg. Caller frees all. */
int cloudca_new(const char *rack, uint64_t now_s, char **ret_cert, char **ret_key,
	char **reterr_msg);
/*
 * A certificate for a server that is known by these DNS names and IPv4 addresses
 * (NULL-terminated, the first one is its common name).
 */
int cloudca_issue(const char *ca_cert, const char *ca_key, char *const *names,
	uint64_t now_s, char **ret_cert, char **ret_key, char **reterr_msg);
/* Is cert signed by the authority, for exactly these names, and good for long enough? */
bool cloudca_is_good(const char *ca_cert, const char *cert, char *const *names,
	uint64_t now_s);
