/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/harness.h"

#include "initramfs/uevent.h"

#define MESSAGE                                                                \
	"add@/devices/pci0000:00/0000:00:03.0/virtio0\0ACTION=add\0"           \
	"DEVPATH=/devices/pci0000:00/0000:00:03.0/virtio0\0SUBSYSTEM=virtio\0" \
	"MODALIAS=virtio:d00000001v00001AF4\0SEQNUM=1107"

static void test_parse(void **state)
{
	static const char msg[] = MESSAGE;
	struct uevent e;

	assert_int_equal(uevent_parse(msg, sizeof(msg), &e), 0);
	assert_string_equal(e.action, "add");
	assert_string_equal(e.subsystem, "virtio");
	assert_string_equal(e.devpath, "/devices/pci0000:00/0000:00:03.0/virtio0");
	assert_string_equal(e.modalias, "virtio:d00000001v00001AF4");
	assert_string_equal(e.devname, "");
	assert_string_equal(e.interface, "");
}

static void test_refusals(void **state)
{
	static const char udev[] = "libudev\0\xfe\xed\xca\xfe", bare[] = "add@/x\0FOO=1";
	struct uevent e;

	assert_int_equal(uevent_parse(udev, sizeof(udev), &e), -EBADMSG);
	assert_int_equal(uevent_parse(bare, sizeof(bare), &e), -EBADMSG);
	assert_int_equal(uevent_parse("add@/x", 6, &e), -EBADMSG);
	assert_int_equal(uevent_parse("", 0, &e), -EBADMSG);
}

static void test_cut(void **state)
{
	static const char msg[] = MESSAGE;

	for (size_t n = 0; n < sizeof(msg); n++) {
		_cleanup_free_ char *copy = xcalloc(1, n + 1);
		struct uevent e;

		memcpy(copy, msg, n);
		(void)uevent_parse(copy, n, &e);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_parse),
		cmocka_unit_test(test_refusals), cmocka_unit_test(test_cut)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
