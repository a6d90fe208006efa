/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/harness.h"
#include "tests/unit/example-rack.h"

#include "bootstrap/pxetext.h"

static void has_line(const char *text, const char *line)
{
	_cleanup_free_ char *inside = xasprintf("\n%s\n", line);

	if (!strstr(text, inside))
		fail_msg("no line \"%s\" in:\n%s", line, text);
}

static size_t count(const char *text, const char *word)
{
	size_t n = 0;

	for (const char *p = text; (p = strstr(p, word)); p++)
		n++;
	return n;
}

static void config(void **state)
{
	struct pxe_paths paths = {"/s/dnsmasq.pid", "/usr/lib/ipxe"};
	_cleanup_free_ char *text = pxe_config(example_rack, &paths);

	has_line(text, "port=0");
	has_line(text, "interface=deploy0");
	has_line(text, "bind-interfaces");
	has_line(text, "dhcp-range=10.77.0.0,static,255.255.255.0,1h");
	has_line(text, "dhcp-ignore=tag:!known");
	has_line(text, "tftp-root=/usr/lib/ipxe");
	has_line(text, "pid-file=/s/dnsmasq.pid");
	has_line(text, "dhcp-boot=tag:efi,tag:!ipxe,snponly.efi");
	has_line(text, "dhcp-option=option:router"); /* none is declared: none is told */
	has_line(text, "dhcp-host=94:40:c9:00:0a:01,set:hp10,10.77.0.20,hp10");
	has_line(text,
		"dhcp-boot=tag:ipxe,tag:hp10,http://10.77.0.2:8780/boot/94:40:c9:00:0a:01");
	assert_int_equal(count(text, "dhcp-host="), 10);
	assert_null(
		strstr(text, "94:40:c9:00:0a:02")); /* the second port boots nothing */
}

static void script(void **state)
{
	const struct rack_node *n = rack_node(example_rack, "hp02");
	struct pxe_boot boot = {"core", "vmlinuz", "initrd.img",
		"00112233445566778899aabbccddeeff", "c0ffee", 1763867272};
	_cleanup_free_ char *text = pxe_install_script(example_rack, n, &boot);

	assert_true(str_startswith(text, "#!ipxe\n"));
	has_line(text, "set files http://10.77.0.2:8780/files/core");
	assert_non_null(strstr(text,
		" ondol.mode=install ondol.server=10.77.0.2:8780 "
		"ondol.api=10.77.0.2:8781 ondol.ca=c0ffee ondol.node=hp02 "
		"ondol.token=00112233445566778899aabbccddeeff "
		"ondol.nic=94:40:c9:00:02:01 ondol.ip=10.77.0.12/24 ondol.mtu=1500 "
		"ondol.time=1763867272 "));
	assert_non_null(strstr(text, "\nboot "));
	assert_true(str_startswith(pxe_exit_script(), "#!ipxe\n"));
	assert_non_null(strstr(pxe_exit_script(), "\nexit 1\n"));
}

struct sample {
	const char *line;
	enum pxe_line_kind kind;
	const char *mac; /* NULL: none */
	const char *address; /* NULL: none */
};

/* As dnsmasq 2.90 wrote them, with log-dhcp on standard error. */
static const struct sample samples[] = {
	{"dnsmasq-dhcp[56]: 4098 DHCPDISCOVER(deploy0) 94:40:c9:00:02:01 ",
		PXE_LINE_DISCOVER, "94:40:c9:00:02:01", NULL},
	{"dnsmasq-dhcp: 4098 DHCPDISCOVER(deploy0) 10.77.0.12 94:40:c9:00:02:01",
		PXE_LINE_DISCOVER, "94:40:c9:00:02:01", "10.77.0.12"},
	{"dnsmasq-dhcp[56]: 4195 DHCPDISCOVER(deploy0) 94:40:c9:00:63:01 ignored",
		PXE_LINE_IGNORED, "94:40:c9:00:63:01", NULL},
	{"dnsmasq-dhcp[56]: 4098 DHCPOFFER(deploy0) 10.77.0.12 94:40:c9:00:02:01 ",
		PXE_LINE_OFFER, "94:40:c9:00:02:01", "10.77.0.12"},
	{"dnsmasq-dhcp[56]: 4098 DHCPREQUEST(deploy0) 10.77.0.12 94:40:c9:00:02:01 ",
		PXE_LINE_REQUEST, "94:40:c9:00:02:01", "10.77.0.12"},
	{"dnsmasq-dhcp[56]: 4098 DHCPACK(deploy0) 10.77.0.12 94:40:c9:00:02:01 hp02",
		PXE_LINE_ACK, "94:40:c9:00:02:01", "10.77.0.12"},
	{"dnsmasq-dhcp[56]: 4098 DHCPNAK(deploy0) 10.77.0.200 94:40:c9:00:02:01 wrong server-ID",
		PXE_LINE_FOREIGN, "94:40:c9:00:02:01", "10.77.0.200"},
	{"dnsmasq-dhcp[56]: 4098 DHCPNAK(deploy0) 10.77.0.13 94:40:c9:00:02:01 wrong address",
		PXE_LINE_OTHER, "94:40:c9:00:02:01", "10.77.0.13"},
	{"dnsmasq-dhcp[56]: 4098 vendor class: PXEClient:Arch:00007:UNDI:003001",
		PXE_LINE_ARCH, NULL, NULL},
	{"dnsmasq-dhcp[56]: 4098 vendor class: HTTPClient", PXE_LINE_OTHER, NULL, NULL},
	{"dnsmasq-dhcp[56]: 4098 tags: hp02, known, efi, deploy0", PXE_LINE_OTHER, NULL,
		NULL},
	{"dnsmasq-dhcp[56]: 4098 sent size:  4 option: 54 server-identifier  10.77.0.2",
		PXE_LINE_OTHER, NULL, NULL},
	{"dnsmasq-dhcp[56]: no address range available for DHCP request via deploy0",
		PXE_LINE_TROUBLE, NULL, NULL},
	{"dnsmasq-tftp[56]: sent /usr/lib/ipxe/snponly.efi to 10.77.0.12", PXE_LINE_SENT,
		NULL, "10.77.0.12"},
	{"dnsmasq-tftp[56]: failed sending /usr/lib/ipxe/snponly.efi to 10.77.0.12",
		PXE_LINE_TFTP_FAILED, NULL, "10.77.0.12"},
	{"dnsmasq-tftp[56]: file /usr/lib/ipxe/x not found for 10.77.0.12",
		PXE_LINE_TFTP_FAILED, NULL, "10.77.0.12"},
	{"dnsmasq-tftp[56]: error 8 User aborted the transfer received from 10.77.0.12",
		PXE_LINE_OTHER, NULL, "10.77.0.12"},
	{"dnsmasq-tftp[56]: TFTP root is /usr/lib/ipxe  ", PXE_LINE_OTHER, NULL, NULL},
	{"dnsmasq[18]: TFTP directory /tmp/x inaccessible: Permission denied",
		PXE_LINE_TROUBLE, NULL, NULL},
	{"dnsmasq: failed to bind DHCP server socket: Address already in use",
		PXE_LINE_TROUBLE, NULL, NULL},
	{"dnsmasq: unknown interface deploy0", PXE_LINE_TROUBLE, NULL, NULL},
	{"dnsmasq[56]: started, version 2.90 DNS disabled", PXE_LINE_OTHER, NULL, NULL},
	{"dnsmasq-dhcp[56]: 4098 DHCPDISCOVER(deploy0) 94:40:c9:00:02", PXE_LINE_OTHER,
		NULL, NULL},
	{"dnsmasq-dhcp[56]: 99999999999 DHCPDISCOVER(deploy0) 94:40:c9:00:02:01",
		PXE_LINE_OTHER, NULL, NULL},
	{"dnsmasq-dhcp[56]: 4098 DHCPDISCOVER(deploy0)", PXE_LINE_OTHER, NULL, NULL},
	{"dnsmasq-dhcp[", PXE_LINE_OTHER, NULL, NULL},
	{"dnsmasq-dhcp", PXE_LINE_OTHER, NULL, NULL},
	{"", PXE_LINE_OTHER, NULL, NULL},
};

static void lines(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
		const struct sample *s = &samples[i];
		struct pxe_line got;
		char mac[18], address[16];

		pxe_parse_line(s->line, &got);
		if (got.kind != s->kind)
			fail_msg("kind %d, expected %d: %s", got.kind, s->kind, s->line);
		if (s->mac) {
			format_mac(&got.mac, mac);
			assert_string_equal(mac, s->mac);
			assert_true(got.transaction == 4098 || got.transaction == 4195);
		}
		format_ipv4(got.address, address);
		assert_string_equal(address, s->address ? s->address : "0.0.0.0");
	}
}

static void arch(void **state)
{
	struct pxe_line got;

	pxe_parse_line(
		"dnsmasq-dhcp[5]: 7 vendor class: PXEClient:Arch:00007:UNDI:003001",
		&got);
	assert_int_equal(got.arch, 7);
	assert_int_equal(got.transaction, 7);
	pxe_parse_line(
		"dnsmasq-dhcp[5]: 7 vendor class: PXEClient:Arch:00000:UNDI:002001",
		&got);
	assert_int_equal(got.arch, PXE_ARCH_BIOS);
	pxe_parse_line("dnsmasq-dhcp[5]: 7 vendor class: PXEClient:Arch:", &got);
	assert_int_equal(got.kind, PXE_LINE_OTHER);
	assert_int_equal(got.arch, PXE_ARCH_UNKNOWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(config),
		cmocka_unit_test(script),
		cmocka_unit_test(lines),
		cmocka_unit_test(arch),
	};

	return cmocka_run_group_tests(tests, example_setup, example_teardown);
}
