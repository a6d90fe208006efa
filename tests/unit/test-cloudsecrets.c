/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/harness.h"

#include <sys/stat.h>

#include "bootstrap/cloudsecrets.h"

#define NOW UINT64_C(1800000000)

static char *const hosts[] = {(char *)"10.77.20.11", (char *)"localhost", NULL};
static char *const other_hosts[] = {
	(char *)"cloud.school.example", (char *)"localhost", NULL};
static char *const names[] = {(char *)"db.glance", (char *)"fernet.0", (char *)"admin",
	(char *)"tls.key", NULL};
static char *const more[] = {(char *)"db.glance", (char *)"db.nova", NULL};

static char dir[64];

static int setup(void **state)
{
	strcpy(dir, "/tmp/test-cloudsecrets.XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state)
{
	return remove_tree(dir);
}

static struct cloudsecrets *load(void)
{
	struct cloudsecrets *s = NULL;
	char *msg = NULL;

	if (cloudsecrets_load(dir, CLOUDSECRETS_FILE, &s, &msg) < 0)
		fail_msg("%s", msg);
	return s;
}

static int need(struct cloudsecrets *s, char *const *which, char *const *where)
{
	_cleanup_free_ char *msg = NULL;
	int r = cloudsecrets_need(s, "lab", which, where, NOW, &msg);

	if (r < 0)
		fail_msg("%s", msg);
	return r;
}

static void made_once(void **state)
{
	_cleanup_(cloudsecrets_freep) struct cloudsecrets *s = load();
	_cleanup_(cloudsecrets_freep) struct cloudsecrets *again = NULL;
	_cleanup_free_ char *path = xasprintf("%s/cloud-secrets", dir);
	_cleanup_free_ char *glance = NULL, *cert = NULL;
	struct stat st;

	assert_true(cloudsecrets_is_empty(s));
	assert_int_equal(need(s, names, hosts), 1);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	glance = xstrdup(cloudsecrets_get(s, "db.glance"));
	cert = xstrdup(cloudsecrets_get(s, "ca.cert"));
	assert_int_equal(strlen(glance), 32);
	assert_int_equal(strspn(glance, "0123456789abcdef"), 32);
	assert_int_equal(strlen(cloudsecrets_get(s, "fernet.0")), 44);
	assert_int_equal(cloudsecrets_get(s, "fernet.0")[43], '=');
	assert_non_null(strstr(cloudsecrets_get(s, "tls.key"), "PRIVATE KEY"));
	assert_null(cloudsecrets_get(s, "db.nova"));
	assert_int_equal(need(s, names, hosts), 0);
	/* another run of the program; a name more; nothing else changes */
	again = load();
	assert_int_equal(need(again, more, hosts), 1);
	assert_string_equal(cloudsecrets_get(again, "db.glance"), glance);
	assert_string_equal(cloudsecrets_get(again, "ca.cert"), cert);
	assert_non_null(cloudsecrets_get(again, "db.nova"));
	assert_string_not_equal(cloudsecrets_get(again, "db.nova"), glance);
}

static void certificate_follows_names(void **state)
{
	_cleanup_(cloudsecrets_freep) struct cloudsecrets *s = load();
	_cleanup_free_ char *tls = NULL, *ca = NULL;

	need(s, names, hosts);
	tls = xstrdup(cloudsecrets_get(s, "tls.cert"));
	ca = xstrdup(cloudsecrets_get(s, "ca.cert"));
	assert_true(cloudsecrets_tls_is_good(s, hosts, NOW));
	assert_false(cloudsecrets_tls_is_good(s, other_hosts, NOW));
	assert_int_equal(need(s, names, other_hosts), 1);
	assert_string_not_equal(cloudsecrets_get(s, "tls.cert"), tls);
	assert_string_equal(cloudsecrets_get(s, "ca.cert"), ca);
	assert_true(cloudsecrets_tls_is_good(s, other_hosts, NOW));
}

static void not_trusted(void **state)
{
	_cleanup_(cloudsecrets_freep) struct cloudsecrets *s = load();
	_cleanup_free_ char *path = xasprintf("%s/cloud-secrets", dir), *msg = NULL,
			    *msg2 = NULL;
	struct cloudsecrets *other = NULL;

	need(s, names, hosts);
	assert_int_equal(chmod(path, 0640), 0);
	assert_int_equal(cloudsecrets_load(dir, CLOUDSECRETS_FILE, &other, &msg), -EPERM);
	assert_non_null(strstr(msg, "mode 640"));
	assert_int_equal(write_file_atomic(path, "{\"version\":1", 12, 0600), 0);
	assert_int_equal(
		cloudsecrets_load(dir, CLOUDSECRETS_FILE, &other, &msg2), -EINVAL);
	assert_non_null(strstr(msg2, "damaged"));
	assert_null(other);
}

static void kept_before_use(void **state)
{
	_cleanup_(cloudsecrets_freep) struct cloudsecrets *s = load();
	_cleanup_free_ char *msg = NULL, *aside = xasprintf("%s-aside", dir);

	/* the folder is gone: nothing can be kept, and nothing counts as made */
	assert_int_equal(rename(dir, aside), 0);
	assert_int_equal(cloudsecrets_need(s, "lab", names, hosts, NOW, &msg), -ENOENT);
	assert_int_equal(rename(aside, dir), 0);
	assert_int_equal(need(s, names, hosts), 1);
}

/* One that could not be kept is not taken for kept when it is asked for again. */
static void a_key_is_kept_before_use(void **state)
{
	_cleanup_(cloudsecrets_freep) struct cloudsecrets *s = load();
	_cleanup_(cloudsecrets_freep) struct cloudsecrets *again = NULL;
	_cleanup_free_ char *why = NULL, *why2 = NULL, *none = NULL, *key = NULL;

	assert_int_equal(remove_tree(dir), 0);
	assert_true(cloudsecrets_need_key(s, "disks.key", &why) < 0);
	assert_true(cloudsecrets_need_key(s, "disks.key", &why2) < 0);
	assert_int_equal(mkdir_p(dir, 0700), 0);
	assert_int_equal(cloudsecrets_need_key(s, "disks.key", &none), 1);
	assert_int_equal(cloudsecrets_need_key(s, "disks.key", &none), 0);
	key = xstrdup(cloudsecrets_get(s, "disks.key"));
	assert_int_equal(strlen(key), 64);
	again = load();
	assert_string_equal(cloudsecrets_get(again, "disks.key"), key);
}

static void backup_and_back(void **state)
{
	_cleanup_(cloudsecrets_freep) struct cloudsecrets *s = load(), *again = NULL;
	json_t *all, *bad = json_pack("{s:i}", "db.x", 5);
	_cleanup_free_ char *msg = NULL, *glance = NULL,
			    *path = xasprintf("%s/cloud-secrets", dir);

	need(s, names, hosts);
	glance = xstrdup(cloudsecrets_get(s, "db.glance"));
	all = cloudsecrets_to_json(s);
	assert_int_equal(unlink(path), 0);
	again = load();
	need(again, more, hosts);
	assert_int_equal(cloudsecrets_replace(again, bad, &msg), -EINVAL);
	util_freep(&msg);
	msg = NULL;
	assert_non_null(cloudsecrets_get(again, "db.nova")); /* as before */
	assert_int_equal(cloudsecrets_replace(again, all, &msg), 0);
	assert_string_equal(cloudsecrets_get(again, "db.glance"), glance);
	assert_null(cloudsecrets_get(again, "db.nova"));
	cloudsecrets_freep(&again);
	again = load();
	assert_string_equal(cloudsecrets_get(again, "db.glance"), glance);
	json_decref(all);
	json_decref(bad);
}

static void leaving(void **state)
{
	assert_false(cloudsecrets_may_leave("ca.key"));
	assert_true(cloudsecrets_may_leave("ca.cert"));
}

/* The page's certificate is of the same authority, whichever of the two was wanted first. */
static void page_shares_the_authority(void **state)
{
	_cleanup_(cloudsecrets_freep) struct cloudsecrets *s = load();
	_cleanup_free_ char *msg = NULL, *ca = NULL, *cert = NULL;

	assert_int_equal(cloudsecrets_need_page(s, "lab", other_hosts, NOW, &msg), 1);
	ca = xstrdup(cloudsecrets_get(s, "ca.cert"));
	cert = xstrdup(cloudsecrets_get(s, "page.cert"));
	assert_non_null(strstr(cloudsecrets_get(s, "page.key"), "PRIVATE KEY"));
	assert_null(cloudsecrets_get(s, "tls.cert"));
	assert_int_equal(cloudsecrets_need_page(s, "lab", other_hosts, NOW, &msg), 0);
	assert_int_equal(need(s, names, hosts), 1);
	assert_string_equal(cloudsecrets_get(s, "ca.cert"), ca);
	assert_string_equal(cloudsecrets_get(s, "page.cert"), cert);
	assert_int_equal(cloudsecrets_need_page(s, "lab", hosts, NOW, &msg), 1);
	assert_string_not_equal(cloudsecrets_get(s, "page.cert"), cert);
	assert_string_equal(cloudsecrets_get(s, "ca.cert"), ca);
	assert_false(cloudsecrets_may_leave("page.key"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(made_once, setup, teardown),
		cmocka_unit_test_setup_teardown(
			certificate_follows_names, setup, teardown),
		cmocka_unit_test_setup_teardown(not_trusted, setup, teardown),
		cmocka_unit_test_setup_teardown(kept_before_use, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_key_is_kept_before_use, setup, teardown),
		cmocka_unit_test_setup_teardown(backup_and_back, setup, teardown),
		cmocka_unit_test_setup_teardown(
			page_shares_the_authority, setup, teardown),
		cmocka_unit_test(leaving),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
