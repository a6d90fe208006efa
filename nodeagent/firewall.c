/* SPDX-License-Identifier: Apache-2.0 */
#include "nodeagent/firewall.h"

#define CONF_MAX 65536
#define HEAD "#!/usr/sbin/nft -f\n# Made by ondol-noded, and made anew by it.\n"
/* The first line makes the second one possible where there is no table yet. */
#define FRESH "table inet ondol\ndelete table inet ondol\n"

const struct desired_port *firewall_outside(const struct desired *d)
{
	const struct desired_external *e = d->cloud ? d->cloud->external : NULL;

	for (size_t i = 0; e && i < d->n_ports; i++)
		if (streq(d->ports[i].name, e->name))
			return &d->ports[i];
	return NULL;
}

/*
 * A packet for another address of the node counts as one for it, whichever way it comes in:
 * so the address is asked for, too.
 */
static char *guard_text(const struct desired_port *p)
{
	char address[16];

	format_ipv4(p->address, address);
	return xasprintf(HEAD FRESH
		"table inet ondol {\n"
		"\tchain input {\n"
		"\t\ttype filter hook input priority filter; policy accept;\n"
		"\t\tiifname != \"%s\" accept\n"
		"\t\tct state established,related accept\n"
		"\t\tmeta nfproto ipv6 drop\n"
		"\t\tip daddr != %s drop\n"
		"\t\ttcp dport 2049 accept\n"
		"\t\ticmp type echo-request accept\n"
		"\t\tdrop\n"
		"\t}\n"
		"}\n",
		p->name, address);
}

int firewall_write(const struct desired *d, const char *root, char **reterr_msg)
{
	const struct desired_port *p = firewall_outside(d);
	_cleanup_free_ char *path = xasprintf("%s/etc/nftables.conf", root), *old = NULL,
			    *text = p ? guard_text(p) : xstrdup(HEAD FRESH);
	int r = read_file(path, CONF_MAX, &old, NULL);

	if (r < 0 && r != -ENOENT && r != -EFBIG) {
		*reterr_msg = xasprintf("%s cannot be read: %s", path, strerror(-r));
		return r;
	}
	if (!p && !(old && str_startswith(old, HEAD)))
		return 0;
	r = old && streq(old, text) ? 0
				    : write_file_atomic(path, text, strlen(text), 0644);
	if (r < 0) {
		*reterr_msg = xasprintf("%s cannot be written: %s", path, strerror(-r));
		return r;
	}
	return 1;
}
