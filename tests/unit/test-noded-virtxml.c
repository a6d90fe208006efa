/* SPDX-License-Identifier: Apache-2.0 */
/* libvirt's XML, written and read back. */
#include "tests/unit/harness.h"

#include "nodeagent/virtxml.h"

static const struct virt_net storage = {"storage", "br-nic2", 40};

/* As libvirt 9.0 gives it back: reordered, with things added. */
static const char *const as_read =
	"<network connections='1'>\n  <name>storage</name>\n"
	"  <uuid>0e3a8a4f-1c35-4f5b-a0a5-1d4f0a1f7d11</uuid>\n"
	"  <metadata>\n    <ondol:network xmlns:ondol=\"urn:ondol:network\"/>\n  </metadata>\n"
	"  <forward mode='bridge'/>\n  <bridge name='br-nic2'/>\n"
	"  <vlan>\n    <tag id='40'/>\n  </vlan>\n  <virtualport type='openvswitch'/>\n</network>\n";

static void what_we_write_is_what_we_want(_unused_ void **state)
{
	_cleanup_free_ char *xml = virtxml_network(&storage);
	_cleanup_free_ char *why = virtxml_network_differs(xml, &storage);

	assert_null(why);
	assert_true(virtxml_network_is_ours(xml));
}

static void libvirts_form_is_understood(_unused_ void **state)
{
	_cleanup_free_ char *why = virtxml_network_differs(as_read, &storage);

	assert_null(why);
	assert_true(virtxml_network_is_ours(as_read));
}

static void differences_are_named(_unused_ void **state)
{
	const struct {
		struct virt_net want;
		const char *word;
	} cases[] = {
		{{"storage", "br-nic2", 41}, "VLAN: expected 41, found \"40\""},
		{{"storage", "br-nic1", 40}, "bridge: expected br-nic1"},
		{{"tunnel", "br-nic2", 40}, "name: expected tunnel"},
	};
	const char *const bad[] = {"", "<network", "<network/>", "<a><b/></a>",
		"<network><name>storage</name><forward mode='nat'/></network>",
		"<!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><network><name>&e;</name></network>"};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *why =
			virtxml_network_differs(as_read, &cases[i].want);

		assert_non_null(why);
		assert_non_null(strstr(why, cases[i].word));
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		_cleanup_free_ char *why = virtxml_network_differs(bad[i], &storage);

		assert_non_null(why);
		assert_null(strstr(why, "root:"));
		assert_false(virtxml_network_is_ours(bad[i]));
	}
}

static void two_tags_are_a_trunk(_unused_ void **state)
{
	_cleanup_free_ char *why = virtxml_network_differs(
		"<network><name>storage</name><forward mode='bridge'/><bridge name='br-nic2'/>"
		"<virtualport type='openvswitch'/><vlan trunk='yes'><tag id='40'/><tag id='41'/></vlan>"
		"</network>",
		&storage);

	assert_non_null(strstr(why, "number of VLAN tags"));
}

static void libvirts_own_network_is_not_ours(_unused_ void **state)
{
	assert_false(virtxml_network_is_ours(
		"<network><name>default</name><forward mode='nat'/>"
		"<bridge name='virbr0'/></network>"));
	/* The right word in another's namespace. */
	assert_false(virtxml_network_is_ours(
		"<network><metadata><o:network xmlns:o='urn:x'/></metadata>"
		"</network>"));
}

static void capabilities_tell_kvm(_unused_ void **state)
{
	assert_true(virtxml_caps_have_kvm(
		"<capabilities><guest><os_type>hvm</os_type>"
		"<arch name='i686'><domain type='qemu'/></arch></guest><guest><os_type>hvm</os_type>"
		"<arch name='x86_64'><domain type='qemu'/><domain type='kvm'/></arch></guest>"
		"</capabilities>"));
	assert_false(virtxml_caps_have_kvm(
		"<capabilities><guest><os_type>hvm</os_type>"
		"<arch name='i686'><domain type='kvm'/></arch></guest><guest><os_type>hvm</os_type>"
		"<arch name='x86_64'><domain type='qemu'/></arch></guest></capabilities>"));
	assert_false(virtxml_caps_have_kvm("<capabilities><host/></capabilities>"));
	assert_false(virtxml_caps_have_kvm("rubbish"));
}

static void text_is_escaped(_unused_ void **state)
{
	struct virt_guest g = {.name = "g",
		.kernel = "/boot/v",
		.initrd = "/i",
		.memory_mib = 192,
		.cmdline = "a='<&>\"' b",
		.network = "storage",
		.serial_log = "/run/x.log",
		.mtu = 9000};
	_cleanup_free_ char *xml = virtxml_guest(&g);
	const struct virt_net odd = {"a<b", "x'y&", 1};
	_cleanup_free_ char *net = virtxml_network(&odd),
			    *why = virtxml_network_differs(net, &odd);

	assert_null(why);
	assert_null(strstr(xml, "'<&>"));
	assert_non_null(strstr(xml, "&#60;&#38;&#62;"));
	assert_non_null(strstr(xml, "<mtu size='9000'/>"));
	assert_non_null(strstr(xml, "<memory unit='MiB'>192</memory>"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_we_write_is_what_we_want),
		cmocka_unit_test(libvirts_form_is_understood),
		cmocka_unit_test(differences_are_named),
		cmocka_unit_test(two_tags_are_a_trunk),
		cmocka_unit_test(libvirts_own_network_is_not_ours),
		cmocka_unit_test(capabilities_tell_kvm),
		cmocka_unit_test(text_is_escaped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
