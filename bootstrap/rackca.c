/* SPDX-License-Identifier: Apache-2.0 */
#include "bootstrap/rackca.h"

#include <arpa/inet.h>
#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <gnutls/x509.h>

#include "common/parse.h"

/*
 * Why an authority per rack: clients trust one file for good, while the certificate can be
 * issued anew whenever a name or an address changes. Certificates begin an hour before
 * they are made, for nodes whose clocks are not quite right yet.
 */

#define DAY_S 86400u
#define BEFORE_S 3600u
#define MAX_SAN 64

struct pair {
	gnutls_x509_crt_t crt;
	gnutls_x509_privkey_t key;
};

static void pair_clear(struct pair *p)
{
	if (p->crt)
		gnutls_x509_crt_deinit(p->crt);
	if (p->key)
		gnutls_x509_privkey_deinit(p->key);
}

static int failed(int code, const char *what, char **reterr_msg)
{
	*reterr_msg = xasprintf("%s: %s", what, gnutls_strerror(code));
	return code == GNUTLS_E_MEMORY_ERROR ? -ENOMEM : -EINVAL;
}

static int pair_init(struct pair *p)
{
	int r = gnutls_x509_crt_init(&p->crt);

	return r < 0 ? r : gnutls_x509_privkey_init(&p->key);
}

static int import(struct pair *p, const char *cert, const char *key)
{
	gnutls_datum_t c = {(unsigned char *)cert, (unsigned)strlen(cert)};
	gnutls_datum_t k = {(unsigned char *)key, key ? (unsigned)strlen(key) : 0};
	int r = pair_init(p);

	if (r == 0)
		r = gnutls_x509_crt_import(p->crt, &c, GNUTLS_X509_FMT_PEM);
	if (r == 0 && key)
		r = gnutls_x509_privkey_import2(p->key, &k, GNUTLS_X509_FMT_PEM, NULL, 0);
	return r;
}

static char *text_of(gnutls_datum_t *d)
{
	char *text = xstrndup((const char *)d->data, d->size);

	gnutls_memset(d->data, 0, d->size);
	gnutls_free(d->data);
	return text;
}

/* Begins a certificate: serial, subject, times. */
static int describe(struct pair *p, const char *cn, uint64_t now_s, unsigned days)
{
	unsigned char serial[16] = {0};
	int r = gnutls_rnd(GNUTLS_RND_NONCE, serial, sizeof(serial));

	serial[0] = (unsigned char)((serial[0] & 0x7f) | 0x40); /* positive, 16 bytes */
	if (r == 0)
		r = gnutls_x509_crt_set_version(p->crt, 3);
	if (r == 0)
		r = gnutls_x509_crt_set_serial(p->crt, serial, sizeof(serial));
	if (r == 0)
		r = gnutls_x509_crt_set_dn_by_oid(p->crt, GNUTLS_OID_X520_COMMON_NAME, 0,
			cn, (unsigned)MIN(strlen(cn), 64u));
	if (r == 0)
		r = gnutls_x509_crt_set_activation_time(
			p->crt, (time_t)(now_s - BEFORE_S));
	if (r == 0)
		r = gnutls_x509_crt_set_expiration_time(
			p->crt, (time_t)(now_s + (uint64_t)days * DAY_S));
	return r;
}

/* The same with a key made for it. */
static int begin(struct pair *p, const char *cn, uint64_t now_s, unsigned days)
{
	int r = pair_init(p);

	if (r == 0)
		r = gnutls_x509_privkey_generate(p->key, GNUTLS_PK_ECDSA,
			GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0);
	if (r == 0)
		r = describe(p, cn, now_s, days);
	return r < 0 ? r : gnutls_x509_crt_set_key(p->crt, p->key);
}

static int set_ids(struct pair *p, gnutls_x509_crt_t issuer)
{
	unsigned char id[64];
	size_t size = sizeof(id);
	int r = gnutls_x509_crt_get_key_id(p->crt, 0, id, &size);

	if (r == 0)
		r = gnutls_x509_crt_set_subject_key_id(p->crt, id, MIN(size, 20u));
	size = sizeof(id);
	if (r == 0)
		r = gnutls_x509_crt_get_key_id(issuer, 0, id, &size);
	return r < 0 ? r
		     : gnutls_x509_crt_set_authority_key_id(p->crt, id, MIN(size, 20u));
}

static int give(struct pair *p, char **ret_cert, char **ret_key)
{
	gnutls_datum_t cert, key;
	int r = gnutls_x509_crt_export2(p->crt, GNUTLS_X509_FMT_PEM, &cert);

	if (r < 0)
		return r;
	r = gnutls_x509_privkey_export2_pkcs8(
		p->key, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN, &key);
	if (r < 0) {
		gnutls_free(cert.data);
		return r;
	}
	*ret_cert = text_of(&cert);
	*ret_key = text_of(&key);
	return 0;
}

int rackca_new(const char *rack, uint64_t now_s, char **ret_cert, char **ret_key,
	char **reterr_msg)
{
	_cleanup_free_ char *cn = xasprintf("ondol rack %s", rack);
	_cleanup_(pair_clear) struct pair p = {0};
	int r = begin(&p, cn, now_s, RACKCA_DAYS);

	if (r == 0)
		r = gnutls_x509_crt_set_basic_constraints(p.crt, 1, 0);
	if (r == 0)
		r = gnutls_x509_crt_set_key_usage(
			p.crt, GNUTLS_KEY_KEY_CERT_SIGN | GNUTLS_KEY_CRL_SIGN);
	if (r == 0)
		r = set_ids(&p, p.crt);
	if (r == 0)
		r = gnutls_x509_crt_sign2(p.crt, p.crt, p.key, GNUTLS_DIG_SHA256, 0);
	if (r == 0)
		r = give(&p, ret_cert, ret_key);
	return r < 0 ? failed(r, "making the rack's certificate authority", reterr_msg)
		     : 0;
}

static int add_name(gnutls_x509_crt_t crt, const char *name)
{
	struct in_addr addr;

	if (inet_pton(AF_INET, name, &addr) == 1)
		return gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_IPADDRESS,
			&addr, sizeof(addr), GNUTLS_FSAN_APPEND);
	return gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_DNSNAME, name,
		(unsigned)strlen(name), GNUTLS_FSAN_APPEND);
}

static int fill_leaf(struct pair *p, const struct pair *ca, const char *purpose)
{
	int r = gnutls_x509_crt_set_basic_constraints(p->crt, 0, -1);

	if (r == 0)
		r = gnutls_x509_crt_set_key_usage(p->crt, GNUTLS_KEY_DIGITAL_SIGNATURE);
	if (r == 0)
		r = gnutls_x509_crt_set_key_purpose_oid(p->crt, purpose, 0);
	return r < 0 ? r : set_ids(p, ca->crt);
}

int rackca_issue(const char *ca_cert, const char *ca_key, char *const *names,
	uint64_t now_s, char **ret_cert, char **ret_key, char **reterr_msg)
{
	_cleanup_(pair_clear) struct pair ca = {0}, p = {0};
	int r = import(&ca, ca_cert, ca_key);

	if (r < 0)
		return failed(r, "reading the rack's certificate authority", reterr_msg);
	r = begin(&p, names[0], now_s, RACKCA_LEAF_DAYS);
	for (size_t i = 0; r == 0 && names[i]; i++)
		r = add_name(p.crt, names[i]);
	if (r == 0)
		r = fill_leaf(&p, &ca, GNUTLS_KP_TLS_WWW_SERVER);
	if (r == 0)
		r = gnutls_x509_crt_sign2(p.crt, ca.crt, ca.key, GNUTLS_DIG_SHA256, 0);
	if (r == 0)
		r = give(&p, ret_cert, ret_key);
	return r < 0 ? failed(r, "issuing a certificate", reterr_msg) : 0;
}

/* ---- clients ---- */

static void request_clear(gnutls_x509_crq_t *crq)
{
	if (*crq)
		gnutls_x509_crq_deinit(*crq);
}

static void key_clear(gnutls_pubkey_t *key)
{
	if (*key)
		gnutls_pubkey_deinit(*key);
}

static bool is_p256(gnutls_pubkey_t key)
{
	gnutls_ecc_curve_t curve = GNUTLS_ECC_CURVE_INVALID;

	return gnutls_pubkey_get_pk_algorithm(key, NULL) == GNUTLS_PK_ECDSA &&
		gnutls_pubkey_export_ecc_raw(key, &curve, NULL, NULL) == 0 &&
		curve == GNUTLS_ECC_CURVE_SECP256R1;
}

static int parse_request(const char *text, gnutls_x509_crq_t *ret)
{
	gnutls_datum_t d = {(unsigned char *)text, (unsigned)strlen(text)};
	int r = gnutls_x509_crq_init(ret);

	if (r == 0)
		r = gnutls_x509_crq_import(*ret, &d, GNUTLS_X509_FMT_PEM);
	return r < 0 ? r : gnutls_x509_crq_verify(*ret, 0);
}

/* The key of a request that is signed with it. */
static int key_of(const char *text, gnutls_pubkey_t *ret, char **reterr_msg)
{
	_cleanup_(request_clear) gnutls_x509_crq_t crq = NULL;
	int r = parse_request(text, &crq);

	if (r == 0)
		r = gnutls_pubkey_init(ret);
	if (r == 0)
		r = gnutls_pubkey_import_x509_crq(*ret, crq, 0);
	if (r < 0)
		return failed(r, "the request for a certificate", reterr_msg);
	if (is_p256(*ret))
		return 0;
	*reterr_msg =
		xstrdup("the request for a certificate: expected an ECDSA key on P-256");
	return -EINVAL;
}

static int fingerprint(gnutls_x509_crt_t crt, char ret_digest[static 65])
{
	unsigned char raw[32];
	size_t size = sizeof(raw);
	int r = gnutls_x509_crt_get_fingerprint(crt, GNUTLS_DIG_SHA256, raw, &size);

	if (r == 0)
		hex_encode(raw, sizeof(raw), ret_digest);
	return r;
}

int rackca_fingerprint(const char *cert, char ret_digest[static 65])
{
	_cleanup_(pair_clear) struct pair p = {0};

	return import(&p, cert, NULL) < 0 || fingerprint(p.crt, ret_digest) < 0 ? -EINVAL
										: 0;
}

static int give_client(gnutls_x509_crt_t crt, char **ret_cert, char ret_digest[static 65])
{
	gnutls_datum_t cert;
	int r = fingerprint(crt, ret_digest);

	if (r == 0)
		r = gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_PEM, &cert);
	if (r < 0)
		return r;
	*ret_cert = text_of(&cert);
	return 0;
}

int rackca_certify(const char *ca_cert, const char *ca_key, const char *request,
	const char *name, uint64_t now_s, char **ret_cert, char ret_digest[static 65],
	char **reterr_msg)
{
	_cleanup_(key_clear) gnutls_pubkey_t key = NULL;
	_cleanup_(pair_clear) struct pair ca = {0}, p = {0};
	int r = key_of(request, &key, reterr_msg);

	if (r < 0)
		return r;
	r = import(&ca, ca_cert, ca_key);
	if (r == 0)
		r = pair_init(&p);
	if (r == 0)
		r = describe(&p, name, now_s, RACKCA_LEAF_DAYS);
	if (r == 0)
		r = gnutls_x509_crt_set_pubkey(p.crt, key);
	if (r == 0)
		r = fill_leaf(&p, &ca, GNUTLS_KP_TLS_WWW_CLIENT);
	if (r == 0)
		r = gnutls_x509_crt_sign2(p.crt, ca.crt, ca.key, GNUTLS_DIG_SHA256, 0);
	if (r == 0)
		r = give_client(p.crt, ret_cert, ret_digest);
	return r < 0 ? failed(r, "certifying a node", reterr_msg) : 0;
}

/* One name of the certificate as text; false: there is none at this place, or no such. */
static bool name_at(gnutls_x509_crt_t crt, unsigned i, char *buf, size_t size)
{
	unsigned char raw[256];
	size_t len = sizeof(raw);
	int type = gnutls_x509_crt_get_subject_alt_name(crt, i, raw, &len, NULL);

	if (type == GNUTLS_SAN_IPADDRESS && len == 4)
		return inet_ntop(AF_INET, raw, buf, (socklen_t)size) != NULL;
	if (type != GNUTLS_SAN_DNSNAME || len >= size)
		return false;
	memcpy(buf, raw, len);
	buf[len] = 0;
	return true;
}

static bool has_names(gnutls_x509_crt_t crt, char *const *names)
{
	_cleanup_(strv_freep) char **found = NULL;
	char buf[256];

	for (unsigned i = 0; i < MAX_SAN && name_at(crt, i, buf, sizeof(buf)); i++)
		strv_add(&found, buf);
	for (size_t i = 0; names[i]; i++)
		if (!strv_has(found, names[i]))
			return false;
	return strv_len(found) == strv_len(names);
}

bool rackca_is_good(
	const char *ca_cert, const char *cert, char *const *names, uint64_t now_s)
{
	_cleanup_(pair_clear) struct pair ca = {0}, p = {0};
	unsigned bad = 1;
	time_t end;

	if (!ca_cert || !cert || import(&ca, ca_cert, NULL) < 0 ||
		import(&p, cert, NULL) < 0)
		return false;
	if (gnutls_x509_crt_verify(
		    p.crt, &ca.crt, 1, GNUTLS_VERIFY_DISABLE_TIME_CHECKS, &bad) < 0 ||
		bad)
		return false;
	end = gnutls_x509_crt_get_expiration_time(p.crt);
	return end > 0 && (uint64_t)end >= now_s + RACKCA_RENEW_DAYS * DAY_S &&
		has_names(p.crt, names);
}
