/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rack's own certificate authority, and the certificates it issues: for the cloud's
 * endpoints and for the page. Pure:
 * PEM texts in, PEM texts out; times are seconds since 1970. Keys are ECDSA P-256. Texts
 * that hold a key are the caller's to wipe.
 */
#pragma once

#include "common/util.h"

#define RACKCA_DAYS 3652 /* of the authority: ten years */
#define RACKCA_LEAF_DAYS 397 /* of a certificate */
#define RACKCA_RENEW_DAYS 30 /* one that is good for less is issued anew */

/* A new authority "ondol rack NAME". -errno with *reterr_msg. Caller frees all. */
int rackca_new(const char *rack, uint64_t now_s, char **ret_cert, char **ret_key,
	char **reterr_msg);
/*
 * A certificate for a server that is known by these DNS names and IPv4 addresses
 * (NULL-terminated, the first one is its common name).
 */
int rackca_issue(const char *ca_cert, const char *ca_key, char *const *names,
	uint64_t now_s, char **ret_cert, char **ret_key, char **reterr_msg);
/*
 * A certificate for a TLS client "name", for the key of a request (PKCS #10, RFC 2986, PEM)
 * whose own signature proves that its maker holds it; nothing else in it is taken. Keys other
 * than ECDSA on P-256 are refused. Caller frees *ret_cert; *ret_digest is the SHA-256 of its
 * DER form in hex, as httpd_client() tells it. -EINVAL with *reterr_msg.
 */
int rackca_certify(const char *ca_cert, const char *ca_key, const char *request,
	const char *name, uint64_t now_s, char **ret_cert, char ret_digest[static 65],
	char **reterr_msg);
/* The SHA-256 of a certificate's DER form in hex, as browsers and openssl show it. -EINVAL */
int rackca_fingerprint(const char *cert, char ret_digest[static 65]);
/* Is cert signed by the authority, for exactly these names, and good for long enough? */
bool rackca_is_good(
	const char *ca_cert, const char *cert, char *const *names, uint64_t now_s);
