/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/harness.h"

#include "images/esp.h"
#include "tests/unit/fakefs.h"

#define BOOT_EFI "/image/usr/lib/systemd/boot/efi/systemd-bootx64.efi"

static void test_texts(void **state)
{
	_cleanup_free_ char *entry = esp_entry("a", "0.1.0-3f2a", "ondol.mode=boot x=y");
	_cleanup_free_ char *loader = esp_loader_conf("b");

	assert_string_equal(entry,
		"title ondol (slot a)\nversion 0.1.0-3f2a\n"
		"linux /ondol/a/vmlinuz\ninitrd /ondol/a/initrd.img\n"
		"options ondol.mode=boot x=y\n");
	assert_non_null(strstr(loader, "default ondol-b.conf\n"));
}

/* An image whose kernel is a link, absolute as a package may make it. */
static void make_image(const char *root)
{
	_cleanup_free_ char *link = xasprintf("%s/image/boot/vmlinuz", root);
	_cleanup_free_ char *esp = xasprintf("%s/esp", root);

	fakefs_put(root, "/image/boot/vmlinuz-6.1", "KERNEL");
	fakefs_put(root, "/image/boot/initrd.img", "INITRD");
	fakefs_put(root, BOOT_EFI, "BOOT");
	assert_int_equal(symlink("/boot/vmlinuz-6.1", link), 0);
	assert_int_equal(mkdir_p(esp, 0755), 0);
}

static int install(const char *root, char **reterr_msg)
{
	_cleanup_free_ char *esp = xasprintf("%s/esp", root),
			    *image = xasprintf("%s/image", root);

	return esp_install(esp, image, "a", "1", "ondol.mode=boot", reterr_msg);
}

static void expect(const char *root, const char *name, const char *text)
{
	_cleanup_free_ char *path = xasprintf("%s/esp/%s", root, name), *found = NULL;

	assert_int_equal(read_file(path, 4096, &found, NULL), 0);
	assert_string_equal(found, text);
}

static void test_install(void **state)
{
	_cleanup_free_ char *why = NULL;

	make_image(*state);
	assert_int_equal(install(*state, &why), 0);
	assert_int_equal(install(*state, &why), 0); /* again, over what is there */
	expect(*state, "EFI/BOOT/BOOTX64.EFI", "BOOT");
	expect(*state, "ondol/a/vmlinuz", "KERNEL");
	expect(*state, "ondol/a/initrd.img", "INITRD");
	expect(*state, "loader/loader.conf",
		"default ondol-a.conf\ntimeout 2\neditor no\n");
}

/* A second image beside it: it is started when that is said, and never while it is written. */
static void test_other_slot(void **state)
{
	_cleanup_free_ char *esp = xasprintf("%s/esp", (char *)*state),
			    *image = xasprintf("%s/image", (char *)*state),
			    *entry = xasprintf("%s/loader/entries/ondol-b.conf", esp),
			    *why = NULL;

	make_image(*state);
	assert_int_equal(install(*state, &why), 0);
	fakefs_put(*state, "/image/boot/initrd.img", "INITRD2");
	assert_int_equal(
		esp_put_slot(esp, image, "b", "2", "ondol.mode=boot b", &why), 0);
	expect(*state, "ondol/b/initrd.img", "INITRD2");
	expect(*state, "ondol/a/initrd.img", "INITRD");
	expect(*state, "loader/loader.conf",
		"default ondol-a.conf\ntimeout 2\neditor no\n");
	assert_int_equal(esp_set_default(esp, "b", &why), 0);
	expect(*state, "loader/loader.conf",
		"default ondol-b.conf\ntimeout 2\neditor no\n");
	assert_int_equal(access(entry, F_OK), 0);
	assert_int_equal(esp_forget_slot(esp, "b", &why), 0);
	assert_int_equal(access(entry, F_OK), -1);
	assert_int_equal(esp_forget_slot(esp, "b", &why), 0); /* again */
}

/* Without a boot loader in the image there must be no entry that promises one. */
static void test_incomplete_image(void **state)
{
	_cleanup_free_ char *why = NULL, *efi = xasprintf("%s" BOOT_EFI, (char *)*state);
	_cleanup_free_ char *entry =
		xasprintf("%s/esp/loader/entries/ondol-a.conf", (char *)*state);

	make_image(*state);
	assert_int_equal(unlink(efi), 0);
	assert_int_equal(install(*state, &why), -ENOENT);
	assert_non_null(strstr(why, "systemd-bootx64.efi"));
	assert_int_equal(access(entry, F_OK), -1);
}

/* A link that climbs out of the image stays inside it. */
static void test_escape(void **state)
{
	_cleanup_free_ char *image = xasprintf("%s/image", (char *)*state);
	_cleanup_free_ char *link = xasprintf("%s/boot/initrd.img", image);

	make_image(*state);
	assert_int_equal(unlink(link), 0);
	assert_int_equal(symlink("../../../../../etc/passwd", link), 0);
	assert_int_equal(esp_open_in_image(image, "/boot/initrd.img"), -ENOENT);
}

#define WITH_TREE(f) cmocka_unit_test_setup_teardown(f, fakefs_setup, fakefs_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_texts),
		WITH_TREE(test_install), WITH_TREE(test_other_slot),
		WITH_TREE(test_incomplete_image), WITH_TREE(test_escape)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
