/* SPDX-License-Identifier: Apache-2.0 */
/* A node's key, and the digest by which its certificate is known. */
#include "tests/unit/harness.h"

#include "common/clientkey.h"
#include "common/digest.h"

static void every_key_is_new(_unused_ void **state)
{
	_cleanup_free_ char *key = NULL, *request = NULL, *key2 = NULL, *request2 = NULL;
	char *msg = NULL;

	assert_int_equal(clientkey_new("hp02", &key, &request, &msg), 0);
	assert_int_equal(clientkey_new("hp02", &key2, &request2, &msg), 0);
	assert_true(str_startswith(key, "-----BEGIN PRIVATE KEY-----\n"));
	assert_non_null(strstr(request, "-----BEGIN NEW CERTIFICATE REQUEST-----\n"));
	assert_string_not_equal(key, key2);
	assert_string_not_equal(request, request2);
}

static void no_certificate_has_no_end(_unused_ void **state)
{
	assert_int_equal(clientkey_end_of(""), 0);
	assert_int_equal(clientkey_end_of("-----BEGIN CERTIFICATE-----\nAAAA\n"), 0);
}

/* FIPS 180-4, the example of its one-block message */
static void digest(_unused_ void **state)
{
	char hex[DIGEST_HEX];

	digest_hex("abc", 3, hex);
	assert_string_equal(
		hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(every_key_is_new),
		cmocka_unit_test(no_certificate_has_no_end), cmocka_unit_test(digest)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
