/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TLS of the swarm's connections, over GnuTLS and without blocking. All agents have one key,
 * and each its own certificate of ondold's: what ondold has to do is the same, and ten
 * thousand keys need not be made.
 */
#pragma once

#include <gnutls/gnutls.h>

#include "common/util.h"

struct tls_maker; /* the key, and the request that is made of it */

struct tls_maker *tls_maker_new(void);
const char *tls_request(const struct tls_maker *m); /* PKCS #10, PEM, borrowed */
/* The credentials of who shows this certificate (PEM), or (NULL) none. NULL: it is none. */
gnutls_certificate_credentials_t tls_credentials(
	const struct tls_maker *m, const char *cert);
/* A client's session over fd; its peer is believed whatever it shows. */
gnutls_session_t tls_open(
	const struct tls_maker *m, gnutls_certificate_credentials_t cred, int fd);

/* As send(2) and recv(2): -1 with errno EAGAIN when it would block; other errors EIO. */
ssize_t tls_send(gnutls_session_t s, const void *data, size_t len);
ssize_t tls_recv(gnutls_session_t s, void *data, size_t len);
/* 0: done; 1: more is to be read, 2: to be written, before it goes on; -EPROTO */
int tls_handshake(gnutls_session_t s);
