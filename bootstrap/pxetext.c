/* SPDX-License-Identifier: Apache-2.0 */
#include "bootstrap/pxetext.h"

#include <ctype.h>

/*
 * Why each node's boot URL stands in the configuration instead of one with ${mac}: then
 * nothing depends on what iPXE's firmware build expands, and the file can be read.
 *
 * A node gets its boot loader always, whether it is to be installed or not; the answer
 * "not now" is iPXE's script. Firmware that is offered an address without a boot file
 * asks on for a minute before it tries the disk.
 *
 * "exit 1": on success UEFI firmware stops and shows its menu; on an error it goes on to
 * the next boot device.
 */

/* ---- dnsmasq.conf ---- */

static void config_head(FILE *f, const struct rack *rack, const struct pxe_paths *paths)
{
	const struct rack_network *net = rack->provisioning;
	char base[16], mask[16], gateway[16];

	format_ipv4(net->subnet.addr, base);
	format_ipv4(ipv4_net_mask(&net->subnet), mask);
	fprintf(f,
		"# Written by ondold from %s; changes here are lost.\n"
		"port=0\n"
		"interface=%s\n"
		"bind-interfaces\n"
		"except-interface=lo\n"
		"no-hosts\n"
		"no-resolv\n"
		"pid-file=%s\n"
		"log-dhcp\n"
		"leasefile-ro\n"
		"dhcp-authoritative\n"
		/* every lease is a fixed one: no second to lose on asking who has it */
		"no-ping\n"
		"dhcp-range=%s,static,%s,1h\n"
		"dhcp-ignore=tag:!known\n",
		rack->file, rack->interface, paths->pid_file, base, mask);
	if (net->gateway) {
		format_ipv4(net->gateway, gateway);
		fprintf(f, "dhcp-option=option:router,%s\n", gateway);
	} else {
		fputs("dhcp-option=option:router\n", f);
	}
	fprintf(f,
		"dhcp-option=option:dns-server\n"
		"enable-tftp\n"
		"tftp-root=%s\n"
		"dhcp-match=set:ipxe,175\n"
		"dhcp-match=set:efi,option:client-arch,7\n"
		"dhcp-match=set:efi,option:client-arch,9\n"
		"dhcp-boot=tag:efi,tag:!ipxe," PXE_LOADER "\n",
		paths->tftp_root);
}

static void config_node(FILE *f, const struct rack *rack, const struct rack_node *n)
{
	char mac[18], address[16], server[16];

	format_mac(&n->macs[0], mac);
	format_ipv4(rack_address(n, rack->provisioning), address);
	format_ipv4(rack->address, server);
	fprintf(f,
		"dhcp-host=%s,set:%s,%s,%s\n"
		"dhcp-boot=tag:ipxe,tag:%s,http://%s:%u/boot/%s\n",
		mac, n->name, address, n->name, n->name, server, rack->http_port, mac);
}

char *pxe_config(const struct rack *rack, const struct pxe_paths *paths)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	if (!f)
		abort(); /* no memory */
	config_head(f, rack, paths);
	for (size_t i = 0; i < rack->n_nodes; i++)
		config_node(f, rack, &rack->nodes[i]);
	fclose(f);
	return text;
}

/* ---- log lines ---- */

/* The next word of *s, cut out into buf; false when there is none or it is too long. */
static bool next_word(const char **s, char *buf, size_t size)
{
	size_t len;

	*s += strspn(*s, " ");
	len = strcspn(*s, " ");
	if (len == 0 || len >= size)
		return false;
	memcpy(buf, *s, len);
	buf[len] = 0;
	*s += len;
	return true;
}

struct dhcp_verb {
	const char *name;
	enum pxe_line_kind kind;
};

static const struct dhcp_verb verbs[] = {
	{"DHCPDISCOVER", PXE_LINE_DISCOVER},
	{"DHCPOFFER", PXE_LINE_OFFER},
	{"DHCPREQUEST", PXE_LINE_REQUEST},
	{"DHCPACK", PXE_LINE_ACK},
	{"DHCPNAK", PXE_LINE_FOREIGN},
};

/* "DHCPOFFER(deploy0) 10.77.0.12 94:40:c9:00:02:01 [hp02|ignored]" */
static void parse_verb(const char *s, struct pxe_line *out)
{
	char word[64];

	if (!next_word(&s, word, sizeof(word)))
		return;
	word[strcspn(word, "(")] = 0;
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++) {
		struct mac_addr mac;
		uint32_t address = 0;

		if (!streq(word, verbs[i].name))
			continue;
		if (!next_word(&s, word, sizeof(word)))
			return;
		if (parse_ipv4(word, &address) == 0 && !next_word(&s, word, sizeof(word)))
			return;
		if (parse_mac(word, &mac) < 0)
			return;
		out->mac = mac;
		out->address = address;
		out->kind = verbs[i].kind;
		s += strspn(s, " ");
		if (streq(s, "ignored"))
			out->kind = PXE_LINE_IGNORED;
		/* dnsmasq refuses for other reasons too: an address of yesterday */
		if (out->kind == PXE_LINE_FOREIGN && !streq(s, "wrong server-ID"))
			out->kind = PXE_LINE_OTHER;
		return;
	}
}

/* "vendor class: PXEClient:Arch:00007:UNDI:003001" */
static void parse_vendor_class(const char *s, struct pxe_line *out)
{
	static const char prefix[] = "vendor class: PXEClient:Arch:";
	char digits[6] = "";
	unsigned arch;

	if (!str_startswith(s, prefix))
		return;
	s += strlen(prefix);
	for (size_t i = 0; i < 5 && isdigit((unsigned char)s[i]); i++)
		digits[i] = s[i];
	for (s = digits; s[0] == '0' && s[1]; s++)
		;
	if (parse_unsigned(s, 0, 65535, &arch) < 0)
		return;
	out->arch = arch;
	out->kind = PXE_LINE_ARCH;
}

/* "3861437219 DHCPACK(...) ..." */
static void parse_dhcp(const char *s, struct pxe_line *out)
{
	const char *rest = s;
	char word[16];
	uint64_t id;

	if (!next_word(&rest, word, sizeof(word)) ||
		parse_u64(word, 0, UINT32_MAX, &id) < 0)
		return;
	rest += strspn(rest, " ");
	out->transaction = (uint32_t)id;
	parse_verb(rest, out);
	if (out->kind == PXE_LINE_OTHER)
		parse_vendor_class(rest, out);
}

/* "sent /usr/lib/ipxe/snponly.efi to 10.77.0.12", "failed sending X to A", "file X not found for A" */
static void parse_tftp(const char *s, struct pxe_line *out)
{
	const char *last = strrchr(s, ' ');
	uint32_t address;

	if (!last || parse_ipv4(last + 1, &address) < 0)
		return;
	out->address = address;
	/* Firmware asks for the size first and breaks that transfer off. */
	if (strstr(s, "User aborted"))
		return;
	out->kind = str_startswith(s, "sent ") ? PXE_LINE_SENT : PXE_LINE_TFTP_FAILED;
}

/* "dnsmasq-dhcp[123]: " or without the number: the rest, or NULL. */
static const char *after_prefix(const char *line, const char *name)
{
	if (!str_startswith(line, name))
		return NULL;
	line += strlen(name);
	if (*line == '[')
		line += 1 + strspn(line + 1, "0123456789");
	if (*line == ']')
		line++;
	return str_startswith(line, ": ") ? line + 2 : NULL;
}

static bool is_trouble(const char *s)
{
	static const char *const words[] = {"failed", "inaccessible", "unknown interface",
		"bad ", "cannot", "error", "illegal", "not found"};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strstr(s, words[i]))
			return true;
	return false;
}

void pxe_parse_line(const char *line, struct pxe_line *ret)
{
	struct pxe_line out = {.text = line, .arch = PXE_ARCH_UNKNOWN};
	const char *rest;

	if ((rest = after_prefix(line, "dnsmasq-dhcp"))) {
		out.text = rest;
		parse_dhcp(rest, &out);
		if (str_startswith(rest, "no address range available"))
			out.kind = PXE_LINE_TROUBLE;
	} else if ((rest = after_prefix(line, "dnsmasq-tftp"))) {
		out.text = rest;
		parse_tftp(rest, &out);
	} else if ((rest = after_prefix(line, "dnsmasq"))) {
		out.text = rest;
		if (is_trouble(rest))
			out.kind = PXE_LINE_TROUBLE;
	}
	*ret = out;
}

/* ---- iPXE ---- */

char *pxe_install_script(const struct rack *rack, const struct rack_node *node,
	const struct pxe_boot *boot)
{
	char server[16], address[16], mac[18];

	format_ipv4(rack->address, server);
	format_ipv4(rack_address(node, rack->provisioning), address);
	format_mac(&node->macs[0], mac);
	return xasprintf(
		"#!ipxe\n"
		"# %s is to be installed\n"
		"set files http://%s:%u/files/%s\n"
		"kernel --name kernel ${files}/%s initrd=initrd console=tty0 "
		"console=ttyS0,115200 panic=15 ondol.mode=install ondol.server=%s:%u "
		"ondol.api=%s:%u ondol.ca=%s ondol.node=%s ondol.token=%s ondol.nic=%s ondol.ip=%s/%u ondol.mtu=%u "
		"ondol.time=%llu || goto failed\n"
		"initrd --name initrd ${files}/%s || goto failed\n"
		"boot || goto failed\n"
		":failed\n"
		"echo ondol: starting the agent failed; trying again in 10 seconds\n"
		"sleep 10\n"
		"reboot\n",
		node->name, server, rack->http_port, boot->profile, boot->kernel, server,
		rack->http_port, server, rack->api_port, boot->ca_digest, node->name,
		boot->token, mac, address, rack->provisioning->subnet.prefix,
		rack->provisioning->mtu, (unsigned long long)boot->time_s, boot->initrd);
}

char *pxe_wait_script(const struct rack *rack, const struct rack_node *node)
{
	char server[16], mac[18];

	format_ipv4(rack->address, server);
	format_mac(&node->macs[0], mac);
	return xasprintf(
		"#!ipxe\n"
		"echo ondol: the image cannot be read yet; asking again in 10 seconds\n"
		"sleep 10\n"
		"chain --replace http://%s:%u/boot/%s\n",
		server, rack->http_port, mac);
}

const char *pxe_exit_script(void)
{
	return "#!ipxe\n"
	       "echo ondol: nothing to install here; going on to the next boot device\n"
	       "exit 1\n";
}
