/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libvirt reorders and adds to what it was given, so what is read back is compared by
 * meaning, through XPath, and never as text.
 */
#include "nodeagent/virtxml.h"

#include <libxml/parser.h>
#include <libxml/xpath.h>
#include <libxml/xpathInternals.h>

#define OUR_NS "urn:ondol:network"
#define MAX_XML (4 * 1024 * 1024)

struct xml {
	xmlDocPtr doc;
	xmlXPathContextPtr xpath;
};

static void xml_clear(struct xml *x)
{
	if (x->xpath)
		xmlXPathFreeContext(x->xpath);
	if (x->doc)
		xmlFreeDoc(x->doc);
}

static bool xml_open(struct xml *x, const char *text)
{
	size_t len = strlen(text);

	if (len > MAX_XML)
		return false;
	x->doc = xmlReadMemory(text, (int)len, NULL, NULL,
		XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
	if (!x->doc)
		return false;
	x->xpath = xmlXPathNewContext(x->doc);
	if (!x->xpath)
		abort();
	xmlXPathRegisterNs(x->xpath, BAD_CAST "o", BAD_CAST OUR_NS);
	return true;
}

/* The string value of an expression, "" when there is none; caller frees. */
static char *xml_string(struct xml *x, const char *expr)
{
	xmlXPathObjectPtr v = xmlXPathEvalExpression(BAD_CAST expr, x->xpath);
	xmlChar *s = v ? xmlXPathCastToString(v) : NULL;
	char *ret = xstrdup(s ? (const char *)s : "");

	xmlFree(s);
	xmlXPathFreeObject(v);
	return ret;
}

static bool xml_true(struct xml *x, const char *expr)
{
	xmlXPathObjectPtr v = xmlXPathEvalExpression(BAD_CAST expr, x->xpath);
	bool ret = v && xmlXPathCastToBoolean(v);

	xmlXPathFreeObject(v);
	return ret;
}

/* For element text and for attributes in single quotes. */
static char *escaped(const char *s)
{
	char *ret = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&ret, &len);

	if (!out)
		abort();
	for (; *s; s++) {
		if (strchr("<>&'\"", *s))
			fprintf(out, "&#%d;", *s);
		else
			fputc(*s, out);
	}
	if (fclose(out) != 0)
		abort();
	return ret;
}

char *virtxml_network(const struct virt_net *net)
{
	_cleanup_free_ char *name = escaped(net->name), *bridge = escaped(net->bridge);

	return xasprintf("<network>\n"
			 "  <name>%s</name>\n"
			 "  <metadata><ondol:network xmlns:ondol='" OUR_NS
			 "'/></metadata>\n"
			 "  <forward mode='bridge'/>\n"
			 "  <bridge name='%s'/>\n"
			 "  <virtualport type='openvswitch'/>\n"
			 "  <vlan><tag id='%u'/></vlan>\n"
			 "</network>\n",
		name, bridge, net->vlan);
}

bool virtxml_network_is_ours(const char *xml)
{
	_cleanup_(xml_clear) struct xml x = {0};

	return xml_open(&x, xml) && xml_true(&x, "/network/metadata/o:network");
}

char *virtxml_network_differs(const char *xml, const struct virt_net *net)
{
	_cleanup_free_ char *vlan = xasprintf("%u", net->vlan);
	const struct {
		const char *what, *expr, *expected;
	} checks[] = {
		{"name", "/network/name", net->name},
		{"forward mode", "/network/forward/@mode", "bridge"},
		{"bridge", "/network/bridge/@name", net->bridge},
		{"virtual port type", "/network/virtualport/@type", "openvswitch"},
		{"number of VLAN tags", "count(/network/vlan/tag)", "1"},
		{"VLAN", "/network/vlan/tag/@id", vlan},
	};
	_cleanup_(xml_clear) struct xml x = {0};

	if (!xml_open(&x, xml))
		return xasprintf(
			"network %s: libvirt's description of it is not XML", net->name);
	for (size_t i = 0; i < ARRAY_SIZE(checks); i++) {
		_cleanup_free_ char *found = xml_string(&x, checks[i].expr);

		if (!streq(found, checks[i].expected)) {
			_cleanup_free_ char *shown = str_escape(found, 100);

			return xasprintf("network %s: %s: expected %s, found \"%s\"",
				net->name, checks[i].what, checks[i].expected, shown);
		}
	}
	return NULL;
}

bool virtxml_caps_have_kvm(const char *xml)
{
	_cleanup_(xml_clear) struct xml x = {0};

	return xml_open(&x, xml) &&
		xml_true(&x,
			"/capabilities/guest[os_type='hvm']/arch[@name='x86_64']/"
			"domain[@type='kvm']");
}

char *virtxml_guest(const struct virt_guest *g)
{
	_cleanup_free_ char *name = escaped(g->name), *kernel = escaped(g->kernel);
	_cleanup_free_ char *initrd = escaped(g->initrd), *cmdline = escaped(g->cmdline);
	_cleanup_free_ char *network = escaped(g->network), *log = escaped(g->serial_log);

	return xasprintf("<domain type='kvm'>\n"
			 "  <name>%s</name>\n"
			 "  <memory unit='MiB'>%u</memory>\n"
			 "  <vcpu>1</vcpu>\n"
			 "  <os>\n"
			 "    <type arch='x86_64' machine='pc'>hvm</type>\n"
			 "    <kernel>%s</kernel>\n"
			 "    <initrd>%s</initrd>\n"
			 "    <cmdline>%s</cmdline>\n"
			 "  </os>\n"
			 "  <features><acpi/></features>\n"
			 "  <on_poweroff>destroy</on_poweroff>\n"
			 "  <on_reboot>destroy</on_reboot>\n"
			 "  <on_crash>destroy</on_crash>\n"
			 "  <devices>\n"
			 "    <controller type='usb' model='none'/>\n"
			 "    <interface type='network'>\n"
			 "      <source network='%s'/>\n"
			 "      <model type='virtio'/>\n"
			 "      <mtu size='%u'/>\n"
			 "      <rom enabled='no'/>\n"
			 "    </interface>\n"
			 "    <serial type='file'><source path='%s'/></serial>\n"
			 "    <memballoon model='none'/>\n"
			 "    <video><model type='none'/></video>\n"
			 "  </devices>\n"
			 "</domain>\n",
		name, g->memory_mib, kernel, initrd, cmdline, network, g->mtu, log);
}
