/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/harness.h"

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

#include "bootstrap/rackca.h"
#include "common/clientkey.h"
#include "common/digest.h"

#define NOW UINT64_C(1800000000)
#define DAY UINT64_C(86400)

static char *const names[] = {(char *)"cloud.school.example", (char *)"10.77.20.11",
	(char *)"127.0.0.1", (char *)"localhost", NULL};

struct ca {
	char *cert, *key;
};

static int setup(void **state)
{
	struct ca *ca = xcalloc(1, sizeof(*ca));
	char *msg = NULL;

	assert_int_equal(rackca_new("lab", NOW, &ca->cert, &ca->key, &msg), 0);
	*state = ca;
	return 0;
}

static int teardown(void **state)
{
	struct ca *ca = *state;

	free(ca->cert);
	free(ca->key);
	free(ca);
	return 0;
}

static gnutls_x509_crt_t read_cert(const char *pem)
{
	gnutls_datum_t d = {(unsigned char *)pem, (unsigned)strlen(pem)};
	gnutls_x509_crt_t crt;

	assert_int_equal(gnutls_x509_crt_init(&crt), 0);
	assert_int_equal(gnutls_x509_crt_import(crt, &d, GNUTLS_X509_FMT_PEM), 0);
	return crt;
}

static void authority(void **state)
{
	struct ca *ca = *state;
	gnutls_x509_crt_t crt = read_cert(ca->cert);
	char cn[80];
	size_t size = sizeof(cn);
	unsigned critical;

	assert_int_equal(gnutls_x509_crt_get_dn_by_oid(
				 crt, GNUTLS_OID_X520_COMMON_NAME, 0, 0, cn, &size),
		0);
	assert_string_equal(cn, "ondol rack lab");
	assert_int_equal(gnutls_x509_crt_get_ca_status(crt, &critical), 1);
	assert_int_equal(gnutls_x509_crt_get_pk_algorithm(crt, NULL), GNUTLS_PK_ECDSA);
	assert_true(
		gnutls_x509_crt_get_expiration_time(crt) >= (time_t)(NOW + 3650 * DAY));
	assert_non_null(strstr(ca->key, "BEGIN PRIVATE KEY"));
	gnutls_x509_crt_deinit(crt);
}

static void endpoints(void **state)
{
	struct ca *ca = *state;
	_cleanup_free_ char *cert = NULL, *key = NULL, *msg = NULL;
	static char *const fewer[] = {
		(char *)"cloud.school.example", (char *)"10.77.20.11", NULL};
	static char *const other[] = {(char *)"cloud.school.example",
		(char *)"10.77.20.12", (char *)"127.0.0.1", (char *)"localhost", NULL};
	gnutls_x509_crt_t crt;

	assert_int_equal(
		rackca_issue(ca->cert, ca->key, names, NOW, &cert, &key, &msg), 0);
	assert_true(rackca_is_good(ca->cert, cert, names, NOW));
	assert_true(rackca_is_good(ca->cert, cert, names, NOW + 366 * DAY));
	assert_false(rackca_is_good(
		ca->cert, cert, names, NOW + 368 * DAY)); /* 29 days left */
	assert_false(rackca_is_good(ca->cert, cert, fewer, NOW));
	assert_false(rackca_is_good(ca->cert, cert, other, NOW));
	crt = read_cert(cert);
	assert_true(gnutls_x509_crt_check_hostname(crt, "cloud.school.example"));
	assert_true(gnutls_x509_crt_check_hostname(crt, "10.77.20.11"));
	assert_true(gnutls_x509_crt_check_hostname(crt, "localhost"));
	assert_false(gnutls_x509_crt_check_hostname(crt, "10.77.20.12"));
	gnutls_x509_crt_deinit(crt);
}

static void another_authority(void **state)
{
	struct ca *ca = *state;
	_cleanup_free_ char *cert = NULL, *key = NULL, *other_cert = NULL,
			    *other_key = NULL, *msg = NULL;

	assert_int_equal(rackca_new("lab", NOW, &other_cert, &other_key, &msg), 0);
	assert_int_equal(
		rackca_issue(ca->cert, ca->key, names, NOW, &cert, &key, &msg), 0);
	assert_false(rackca_is_good(other_cert, cert, names, NOW));
	assert_false(rackca_is_good(NULL, cert, names, NOW));
	assert_false(rackca_is_good(ca->cert, NULL, names, NOW));
	assert_false(rackca_is_good(ca->cert, "rubbish", names, NOW));
	assert_int_equal(
		rackca_issue("rubbish", ca->key, names, NOW, &cert, &key, &msg), -EINVAL);
	assert_non_null(strstr(msg, "certificate authority"));
}

static void client(void **state)
{
	struct ca *ca = *state;
	_cleanup_free_ char *key = NULL, *request = NULL, *cert = NULL, *msg = NULL;
	char digest[DIGEST_HEX], purpose[64], cn[64];
	size_t size = sizeof(purpose);
	gnutls_x509_crt_t crt;
	gnutls_datum_t der;

	assert_int_equal(clientkey_new("whoever", &key, &request, &msg), 0);
	assert_int_equal(rackca_certify(ca->cert, ca->key, request, "hp02", NOW, &cert,
				 digest, &msg),
		0);
	crt = read_cert(cert);
	/* its name is what ondold says, not what was asked for */
	assert_int_equal(
		gnutls_x509_crt_get_key_purpose_oid(crt, 0, purpose, &size, NULL), 0);
	assert_string_equal(purpose, GNUTLS_KP_TLS_WWW_CLIENT);
	size = sizeof(cn);
	assert_int_equal(gnutls_x509_crt_get_dn_by_oid(
				 crt, GNUTLS_OID_X520_COMMON_NAME, 0, 0, cn, &size),
		0);
	assert_string_equal(cn, "hp02");
	assert_int_equal(gnutls_x509_crt_get_ca_status(crt, NULL), 0);
	assert_int_equal(clientkey_end_of(cert), NOW + RACKCA_LEAF_DAYS * DAY);
	assert_int_equal(gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_DER, &der), 0);
	{
		char again[DIGEST_HEX];

		digest_hex(der.data, der.size, again);
		assert_string_equal(digest, again);
	}
	gnutls_free(der.data);
	gnutls_x509_crt_deinit(crt);
	/* no server's certificate, and not one for a server */
	assert_false(rackca_is_good(ca->cert, cert, names, NOW));
}

static void refused_requests(void **state)
{
	struct ca *ca = *state;
	_cleanup_free_ char *key = NULL, *request = NULL, *msg = NULL;
	char *cert = NULL, digest[DIGEST_HEX];
	char *cases[] = {(char *)"", (char *)"-----BEGIN CERTIFICATE REQUEST-----\n",
		ca->cert, NULL};
	char *digit;

	assert_int_equal(clientkey_new("hp02", &key, &request, &msg), 0);
	/* one bit of its signature turned */
	digit = strstr(request, "-----END") - 12;
	*digit = *digit == 'A' ? 'B' : 'A';
	cases[3] = request;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *why = NULL;

		assert_int_equal(rackca_certify(ca->cert, ca->key, cases[i], "hp02", NOW,
					 &cert, digest, &why),
			-EINVAL);
		assert_null(cert);
		assert_non_null(strstr(why, "request"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(authority),
		cmocka_unit_test(endpoints),
		cmocka_unit_test(another_authority),
		cmocka_unit_test(client),
		cmocka_unit_test(refused_requests),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
