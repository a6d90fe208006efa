/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The same comparison that ovs.c makes in its transaction, made here in words: for
 * `show`, for the log, and to say "nothing to change" without writing. Where the two
 * disagree, the transaction is right and tests/root/test-netconf.sh fails.
 */
#include "netconf/rows.h"

#include <stdarg.h>

#include "common/util.h"

void rows_clear(struct rows *r)
{
	for (size_t i = 0; i < r->n_bridges; i++) {
		free(r->bridges[i].name);
		free(r->bridges[i].datapath_type);
		free(r->bridges[i].fail_mode);
		free(r->bridges[i].hwaddr);
	}
	for (size_t i = 0; i < r->n_ports; i++) {
		free(r->ports[i].name);
		free(r->ports[i].bridge);
		free(r->ports[i].type);
		free(r->ports[i].vlan_mode);
		free(r->ports[i].trunks);
		free(r->ports[i].mac);
		free(r->ports[i].peer);
		free(r->ports[i].error);
	}
	free(r->bridges);
	free(r->ports);
	*r = (struct rows){0};
}

void rows_free(struct rows *r)
{
	if (!r)
		return;
	rows_clear(r);
	free(r);
}

void rows_freep(struct rows **r)
{
	rows_free(*r);
}

const struct row_bridge *rows_bridge(const struct rows *r, const char *name)
{
	for (size_t i = 0; i < r->n_bridges; i++)
		if (streq(r->bridges[i].name, name))
			return &r->bridges[i];
	return NULL;
}

const struct row_port *rows_port(const struct rows *r, const char *name)
{
	for (size_t i = 0; i < r->n_ports; i++)
		if (streq(r->ports[i].name, name))
			return &r->ports[i];
	return NULL;
}

bool rows_bridge_is_shared(const struct rows *found, const char *bridge)
{
	const struct row_bridge *b = rows_bridge(found, bridge);

	for (size_t i = 0; i < found->n_ports; i++) {
		const struct row_port *p = &found->ports[i];
		const bool wire = b && b->provider && streq(p->type, "patch");

		if (streq(p->bridge, bridge) && !p->ours && !wire &&
			!streq(p->name, bridge))
			return true;
	}
	return false;
}

char *rows_conflict(const struct rows *want, const struct rows *found)
{
	for (size_t i = 0; i < want->n_bridges; i++) {
		const struct row_bridge *b = rows_bridge(found, want->bridges[i].name);

		if (b && !b->ours)
			return xasprintf(
				"bridge %s exists in Open vSwitch and is not ondol's (no "
				"external_ids:ondol=1); remove it or mark it: ovs-vsctl "
				"set bridge %s external_ids:ondol=1",
				b->name, b->name);
	}
	for (size_t i = 0; i < want->n_ports; i++) {
		const struct row_port *p = rows_port(found, want->ports[i].name);

		if (p && !p->ours)
			return xasprintf(
				"port %s is in bridge %s of Open vSwitch and is not "
				"ondol's (no external_ids:ondol=1); remove it: ovs-vsctl "
				"del-port %s %s",
				p->name, p->bridge, p->bridge, p->name);
	}
	return NULL;
}

/* ---- differences ---- */

struct lines {
	char **list; /* owned, NULL-terminated once done */
	size_t n, cap;
};

static void add_line(struct lines *l, const char *fmt, ...) _printf_(2, 3);
static void add_line(struct lines *l, const char *fmt, ...)
{
	va_list ap;
	char *text;

	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	GROW(l->list, l->n, l->cap);
	l->list[l->n++] = text;
}

static void diff_str(struct lines *l, const char *what, const char *name, const char *key,
	const char *found, const char *want)
{
	if (!streq(found, want))
		add_line(l, "%s %s: %s %s -> %s", what, name, key,
			*found ? found : "(none)", *want ? want : "(none)");
}

static void diff_uint(
	struct lines *l, const char *name, const char *key, unsigned found, unsigned want)
{
	if (found != want)
		add_line(l, "port %s: %s %u -> %u", name, key, found, want);
}

static char *list_str(const unsigned *list, size_t n)
{
	char *s = xstrdup(n ? "" : "(all)");

	for (size_t i = 0; i < n; i++) {
		char *longer = xasprintf("%s%s%u", s, i ? "," : "", list[i]);

		free(s);
		s = longer;
	}
	return s;
}

static void diff_trunks(
	struct lines *l, const struct row_port *w, const struct row_port *f)
{
	_cleanup_free_ char *want = list_str(w->trunks, w->n_trunks);
	_cleanup_free_ char *found = list_str(f->trunks, f->n_trunks);

	diff_str(l, "port", w->name, "trunks", found, want);
}

static void diff_bridge(
	struct lines *l, const struct row_bridge *w, const struct row_bridge *f)
{
	if (!f) {
		add_line(l, "bridge %s: not there", w->name);
		return;
	}
	diff_str(l, "bridge", w->name, "datapath_type", f->datapath_type,
		w->datapath_type);
	if (w->provider != f->provider)
		add_line(l, "bridge %s: provider %s -> %s", w->name,
			f->provider ? "yes" : "no", w->provider ? "yes" : "no");
	if (*w->hwaddr)
		diff_str(l, "bridge", w->name, "hwaddr", f->hwaddr, w->hwaddr);
	if (w->provider)
		return;
	diff_str(l, "bridge", w->name, "fail_mode", f->fail_mode, w->fail_mode);
	if (w->stp != f->stp)
		add_line(l, "bridge %s: stp %s -> %s", w->name, f->stp ? "on" : "off",
			w->stp ? "on" : "off");
}

static void diff_port(struct lines *l, const struct row_port *w, const struct row_port *f)
{
	if (!f) {
		add_line(l, "port %s on %s: not there", w->name, w->bridge);
		return;
	}
	diff_str(l, "port", w->name, "bridge", f->bridge, w->bridge);
	diff_str(l, "port", w->name, "type", f->type, w->type);
	diff_str(l, "port", w->name, "vlan_mode", f->vlan_mode, w->vlan_mode);
	diff_uint(l, w->name, "tag", f->tag, w->tag);
	diff_trunks(l, w, f);
	diff_uint(l, w->name, "mtu_request", f->mtu_request, w->mtu_request);
	diff_str(l, "port", w->name, "mac", f->mac, w->mac);
	diff_str(l, "port", w->name, "peer", f->peer, w->peer);
}

/* What is ours and wanted by nobody; a shared bridge keeps itself and its local port. */
static void diff_leftovers(
	struct lines *l, const struct rows *want, const struct rows *found)
{
	for (size_t i = 0; i < found->n_bridges; i++) {
		const struct row_bridge *b = &found->bridges[i];

		if (b->ours && !rows_bridge(want, b->name) &&
			!rows_bridge_is_shared(found, b->name))
			add_line(l, "bridge %s: not wanted any more", b->name);
	}
	for (size_t i = 0; i < found->n_ports; i++) {
		const struct row_port *p = &found->ports[i];

		if (p->ours && !rows_port(want, p->name) && !streq(p->name, p->bridge))
			add_line(l, "port %s on %s: not wanted any more", p->name,
				p->bridge);
	}
}

char **rows_diff(const struct rows *want, const struct rows *found)
{
	struct lines l = {0};

	for (size_t i = 0; i < want->n_bridges; i++)
		diff_bridge(
			&l, &want->bridges[i], rows_bridge(found, want->bridges[i].name));
	for (size_t i = 0; i < want->n_ports; i++)
		diff_port(&l, &want->ports[i], rows_port(found, want->ports[i].name));
	diff_leftovers(&l, want, found);
	GROW(l.list, l.n, l.cap);
	l.list[l.n] = NULL;
	return l.list;
}

void rows_strv_free(char **strv)
{
	for (size_t i = 0; strv && strv[i]; i++)
		free(strv[i]);
	free(strv);
}

char *rows_errors(const struct rows *want, const struct rows *found)
{
	struct lines l = {0};
	char *text = NULL;

	for (size_t i = 0; i < want->n_ports; i++) {
		const struct row_port *f = rows_port(found, want->ports[i].name);

		if (f && *f->error)
			add_line(&l, "ovs-vswitchd could not add %s to %s: %s", f->name,
				f->bridge, f->error);
	}
	for (size_t i = 0; i < l.n; i++) {
		char *longer = xasprintf(
			"%s%s%s", text ? text : "", text ? "; " : "", l.list[i]);

		free(text);
		free(l.list[i]);
		text = longer;
	}
	free(l.list);
	return text;
}
