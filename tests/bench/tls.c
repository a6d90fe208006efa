/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/tls.h"

#include <gnutls/x509.h>

struct tls_maker {
	gnutls_datum_t key; /* PEM, owned */
	char *request; /* owned */
	gnutls_priority_t priority; /* owned */
};

static void must(int r, const char *what)
{
	if (r >= 0)
		return;
	fprintf(stderr, "swarm: %s: %s\n", what, gnutls_strerror(r));
	abort();
}

static char *make_request(gnutls_x509_privkey_t key)
{
	gnutls_x509_crq_t crq;
	gnutls_datum_t pem;
	char *text;

	must(gnutls_x509_crq_init(&crq), "request");
	must(gnutls_x509_crq_set_version(crq, 1), "request");
	must(gnutls_x509_crq_set_key(crq, key), "request");
	must(gnutls_x509_crq_sign2(crq, key, GNUTLS_DIG_SHA256, 0), "request");
	must(gnutls_x509_crq_export2(crq, GNUTLS_X509_FMT_PEM, &pem), "request");
	text = xstrndup((const char *)pem.data, pem.size);
	gnutls_free(pem.data);
	gnutls_x509_crq_deinit(crq);
	return text;
}

struct tls_maker *tls_maker_new(void)
{
	struct tls_maker *m = xcalloc(1, sizeof(*m));
	gnutls_x509_privkey_t key;

	must(gnutls_x509_privkey_init(&key), "key");
	must(gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA,
		     GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0),
		"key");
	must(gnutls_x509_privkey_export2(key, GNUTLS_X509_FMT_PEM, &m->key), "key");
	m->request = make_request(key);
	gnutls_x509_privkey_deinit(key);
	must(gnutls_priority_init(&m->priority, "NORMAL:-VERS-ALL:+VERS-TLS1.3", NULL),
		"priority");
	return m;
}

const char *tls_request(const struct tls_maker *m)
{
	return m->request;
}

gnutls_certificate_credentials_t tls_credentials(
	const struct tls_maker *m, const char *cert)
{
	gnutls_certificate_credentials_t cred;
	gnutls_datum_t pem = {(unsigned char *)cert, cert ? (unsigned)strlen(cert) : 0};

	must(gnutls_certificate_allocate_credentials(&cred), "credentials");
	if (!cert ||
		gnutls_certificate_set_x509_key_mem(
			cred, &pem, &m->key, GNUTLS_X509_FMT_PEM) >= 0)
		return cred;
	gnutls_certificate_free_credentials(cred);
	return NULL;
}

gnutls_session_t tls_open(
	const struct tls_maker *m, gnutls_certificate_credentials_t cred, int fd)
{
	gnutls_session_t s;

	must(gnutls_init(&s, GNUTLS_CLIENT | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL),
		"session");
	must(gnutls_priority_set(s, m->priority), "priority");
	must(gnutls_credentials_set(s, GNUTLS_CRD_CERTIFICATE, cred), "credentials");
	gnutls_transport_set_int(s, fd);
	return s;
}

static ssize_t done(ssize_t n)
{
	if (n >= 0)
		return n;
	errno = n == GNUTLS_E_AGAIN || n == GNUTLS_E_INTERRUPTED ? EAGAIN : EIO;
	return -1;
}

ssize_t tls_send(gnutls_session_t s, const void *data, size_t len)
{
	return done(gnutls_record_send(s, data, len));
}

ssize_t tls_recv(gnutls_session_t s, void *data, size_t len)
{
	ssize_t n;

	do /* a ticket is not for us */
		n = gnutls_record_recv(s, data, len);
	while (n < 0 && n != GNUTLS_E_AGAIN && !gnutls_error_is_fatal((int)n));
	return n == GNUTLS_E_PREMATURE_TERMINATION ? 0 : done(n);
}

int tls_handshake(gnutls_session_t s)
{
	int r;

	do
		r = gnutls_handshake(s);
	while (r == GNUTLS_E_INTERRUPTED || r == GNUTLS_E_WARNING_ALERT_RECEIVED);
	if (r == GNUTLS_E_SUCCESS)
		return 0;
	if (r == GNUTLS_E_AGAIN)
		return gnutls_record_get_direction(s) ? 2 : 1;
	return -EPROTO;
}
