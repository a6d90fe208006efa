/* SPDX-License-Identifier: Apache-2.0 */
#include "common/clientkey.h"

#include <gnutls/x509.h>

static void key_clear(gnutls_x509_privkey_t *key)
{
	if (*key)
		gnutls_x509_privkey_deinit(*key);
}

static void request_clear(gnutls_x509_crq_t *crq)
{
	if (*crq)
		gnutls_x509_crq_deinit(*crq);
}

static char *text_of(gnutls_datum_t *d)
{
	char *text = xstrndup((const char *)d->data, d->size);

	gnutls_memset(d->data, 0, d->size);
	gnutls_free(d->data);
	return text;
}

static int request_for(gnutls_x509_privkey_t key, const char *name, gnutls_datum_t *ret)
{
	_cleanup_(request_clear) gnutls_x509_crq_t crq = NULL;
	int r = gnutls_x509_crq_init(&crq);

	if (r == 0)
		r = gnutls_x509_crq_set_version(crq, 1);
	if (r == 0)
		r = gnutls_x509_crq_set_dn_by_oid(crq, GNUTLS_OID_X520_COMMON_NAME, 0,
			name, (unsigned)strlen(name));
	if (r == 0)
		r = gnutls_x509_crq_set_key(crq, key);
	if (r == 0)
		r = gnutls_x509_crq_sign2(crq, key, GNUTLS_DIG_SHA256, 0);
	return r < 0 ? r : gnutls_x509_crq_export2(crq, GNUTLS_X509_FMT_PEM, ret);
}

int clientkey_new(const char *name, char **ret_key, char **ret_request, char **reterr_msg)
{
	_cleanup_(key_clear) gnutls_x509_privkey_t key = NULL;
	gnutls_datum_t text, request;
	int r = gnutls_x509_privkey_init(&key);

	if (r == 0)
		r = gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA,
			GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0);
	if (r == 0)
		r = request_for(key, name, &request);
	if (r == 0) {
		r = gnutls_x509_privkey_export2_pkcs8(
			key, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN, &text);
		if (r < 0)
			gnutls_free(request.data);
	}
	if (r < 0) {
		*reterr_msg = xasprintf("making this node's key: %s", gnutls_strerror(r));
		return r == GNUTLS_E_MEMORY_ERROR ? -ENOMEM : -EIO;
	}
	*ret_key = text_of(&text);
	*ret_request = text_of(&request);
	return 0;
}

uint64_t clientkey_end_of(const char *cert)
{
	gnutls_datum_t d = {(unsigned char *)cert, (unsigned)strlen(cert)};
	gnutls_x509_crt_t crt;
	time_t end = 0;

	if (gnutls_x509_crt_init(&crt) < 0)
		abort(); /* no memory */
	if (gnutls_x509_crt_import(crt, &d, GNUTLS_X509_FMT_PEM) == 0)
		end = gnutls_x509_crt_get_expiration_time(crt);
	gnutls_x509_crt_deinit(crt);
	return end > 0 ? (uint64_t)end : 0;
}
