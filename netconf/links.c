/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel is what counts: systemd-networkd may say "configured" while something else
 * took the address away again, so an apply is done only when this comparison is empty.
 */
#include "netconf/links.h"

#include <stdarg.h>

void link_state_clear(struct link_state *s)
{
	free(s->addrs);
	*s = (struct link_state){0};
}

bool link_state_has(const struct link_state *s, uint32_t address, unsigned prefix)
{
	for (size_t i = 0; i < s->n_addrs; i++)
		if (s->addrs[i].address == address && s->addrs[i].prefix == prefix)
			return true;
	return false;
}

static void append(char **text, const char *fmt, ...) _printf_(2, 3);
static void append(char **text, const char *fmt, ...)
{
	_cleanup_free_ char *part = NULL, *old = *text;
	va_list ap;

	va_start(ap, fmt);
	part = xvasprintf(fmt, ap);
	va_end(ap);
	*text = xasprintf("%s%s%s", old ? old : "", old ? "; " : "", part);
}

static void diff_addresses(
	const struct plan_link *want, const struct link_state *found, char **text)
{
	char buf[16];

	if (want->address && !link_state_has(found, want->address, want->prefix)) {
		format_ipv4(want->address, buf);
		append(text, "address %s/%u missing", buf, want->prefix);
	}
	for (size_t i = 0; i < found->n_addrs; i++) {
		const struct link_addr *a = &found->addrs[i];

		if (a->address == want->address && a->prefix == want->prefix)
			continue;
		format_ipv4(a->address, buf);
		append(text, "address %s/%u not wanted", buf, a->prefix);
	}
}

static void diff_gateway(
	const struct plan_link *want, const struct link_state *found, char **text)
{
	char have[16] = "none", need[16] = "none";

	if (want->gateway == found->gateway)
		return;
	if (found->gateway)
		format_ipv4(found->gateway, have);
	if (want->gateway)
		format_ipv4(want->gateway, need);
	append(text, "gateway %s -> %s", have, need);
}

char *link_diff(const struct plan_link *want, const struct link_state *found)
{
	_cleanup_free_ char *text = NULL;

	if (!found->exists)
		return xasprintf("%s: no such interface", want->name);
	if (!found->up)
		append(&text, "down");
	if (found->mtu != want->mtu)
		append(&text, "MTU %u -> %u", found->mtu, want->mtu);
	diff_addresses(want, found, &text);
	diff_gateway(want, found, &text);
	return text ? xasprintf("%s: %s", want->name, text) : NULL;
}
