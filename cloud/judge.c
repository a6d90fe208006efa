/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One table says what belongs where; everything that an API lists is held against it in
 * both directions. A service may have several records of one host (Heat makes a new one at
 * every start): the best of them counts.
 */
#include "cloud/judge.h"

#include "cloud/hosts.h"
#include "cloud/session.h"

#define MAX_TEXT 500
/* Agents poll every five minutes and Gnocchi rounds to five: three rounds missed is bad. */
#define MEASURE_MAX_S (20 * 60)

static const struct expected {
	const char *type;
	struct cloud_expect list[6];
} expected[] = {
	{"compute",
		{{"nova-scheduler", "controller", NULL},
			{"nova-conductor", "controller", NULL},
			{"nova-compute", "compute", NULL}}},
	{"network",
		{{"neutron-openvswitch-agent", "controller", NULL},
			{"neutron-dhcp-agent", "controller", NULL},
			{"neutron-l3-agent", "controller", NULL},
			{"neutron-metadata-agent", "controller", NULL},
			{"neutron-openvswitch-agent", "compute", NULL}}},
	{"volumev3",
		{{"cinder-scheduler", "controller", NULL},
			{"cinder-volume", "storage", "block"}}},
	{"sharev2",
		{{"manila-scheduler", "controller", NULL},
			{"manila-share", "storage", "block"}}},
	{"orchestration", {{"heat-engine", "controller", NULL}}},
};

const struct cloud_expect *cloud_expected(const char *type, size_t *ret_n)
{
	for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
		size_t n = 0;

		if (!streq(expected[i].type, type))
			continue;
		while (n < ARRAY_SIZE(expected[i].list) && expected[i].list[n].service)
			n++;
		*ret_n = n;
		return expected[i].list;
	}
	*ret_n = 0;
	return NULL;
}

bool cloud_belongs(const char *type, const char *service, const struct desired_peer *p)
{
	bool known = false;
	size_t n;
	const struct cloud_expect *e = cloud_expected(type, &n);

	for (size_t i = 0; i < n; i++) {
		if (!streq(e[i].service, service))
			continue;
		known = true;
		if (cloud_peer_is(p, e[i].role, e[i].kind))
			return true;
	}
	return !known;
}

/* ---- rows ---- */

static int64_t seen_of(const json_t *v)
{
	int64_t s = 0;

	if (cloud_time(cloud_str(v, "updated_at"), &s) < 0)
		(void)cloud_time(cloud_str(v, "heartbeat_timestamp"), &s);
	return s;
}

static struct cloud_row row_of(const json_t *v)
{
	const json_t *alive = json_object_get(v, "alive"), *id = json_object_get(v, "id");
	struct cloud_row row = {.service = cloud_str(v, "binary"),
		.host = cloud_str(v, "hostname"),
		.id = json_is_string(id) ? cloud_id(v, "id") : "",
		.reason = cloud_str(v, "disabled_reason"),
		.seen_s = seen_of(v)};

	if (!*row.host)
		row.host = cloud_str(v, "host");
	if (alive) {
		row.up = json_is_true(alive);
		row.enabled = !json_is_false(json_object_get(v, "admin_state_up"));
	} else {
		row.up = streq(cloud_str(v, "state"), "up") ||
			streq(cloud_str(v, "status"), "up");
		row.enabled = !streq(cloud_str(v, "status"), "disabled");
	}
	return row;
}

void cloud_rows_read(const json_t *list, struct cloud_rows *ret)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		struct cloud_row row = row_of(json_array_get(list, i));

		if (!*row.service || !*row.host)
			continue;
		GROW(ret->list, ret->n, ret->cap);
		ret->list[ret->n++] = row;
	}
}

void cloud_rows_clear(struct cloud_rows *rows)
{
	free(rows->list);
	*rows = (struct cloud_rows){0};
}

/* APIs tell whole seconds. */
static void format_age(int64_t s, char buf[static 32])
{
	if (s < 120)
		snprintf(buf, 32, "%d s", (int)MAX(s, (int64_t)0));
	else
		format_duration((uint64_t)s * 1000, buf);
}

bool cloud_row_good(const struct cloud_row *row, int64_t now_s, char **ret_text)
{
	_cleanup_free_ char *seen = NULL;
	char age[32] = "";

	if (row->seen_s) {
		format_age(now_s - row->seen_s, age);
		seen = xasprintf(row->up ? ", %s ago" : ": last heard of %s ago", age);
	}
	*ret_text = xasprintf("%s%s%s%s%s", row->up ? "up" : "down", seen ? seen : "",
		row->enabled ? "" : ", disabled",
		!row->enabled && *row->reason ? ": " : "",
		row->enabled ? "" : row->reason);
	return row->up && row->enabled;
}

/* Is there a better record of the same service and host, or an equal one before this? */
static bool is_surpassed(const struct cloud_rows *rows, size_t at)
{
	const struct cloud_row *row = &rows->list[at];

	for (size_t i = 0; i < rows->n; i++) {
		const struct cloud_row *o = &rows->list[i];

		if (i == at || !streq(o->service, row->service) ||
			!streq(o->host, row->host))
			continue;
		if (o->up != row->up                       ? o->up
				: o->seen_s != row->seen_s ? o->seen_s > row->seen_s
							   : i < at)
			return true;
	}
	return false;
}

/* ---- sentences ---- */

void cloud_say(
	json_t *out, const char *node, const char *service, bool ok, const char *text)
{
	_cleanup_free_ char *clean = str_escape(text, MAX_TEXT),
			    *n = str_escape(node, 255), *s = str_escape(service, 100);

	json_array_append_new(out,
		json_pack("{s:s, s:s, s:b, s:s}", "node", n, "service", s, "ok", ok,
			"text", clean));
}

static void judge_row(const struct desired *d, const char *type,
	const struct cloud_row *row, int64_t now_s, json_t *out)
{
	const struct desired_peer *p = cloud_peer_of(d, row->host);
	_cleanup_free_ char *state = NULL, *text = NULL;
	bool ok = cloud_row_good(row, now_s, &state);

	if (!p) {
		text = xasprintf("%s is not in the rack any more (%s)", row->host, state);
	} else if (!cloud_belongs(type, row->service, p)) {
		text = xasprintf("%s is a %s node and should not have it (%s)", p->name,
			p->role, state);
	} else {
		cloud_say(out, p->name, row->service, ok, state);
		return;
	}
	cloud_say(out, p ? p->name : row->host, row->service, false, text);
}

static bool has_row(const struct cloud_rows *rows, const char *service, const char *node)
{
	for (size_t i = 0; i < rows->n; i++)
		if (streq(rows->list[i].service, service) &&
			cloud_host_is(rows->list[i].host, node))
			return true;
	return false;
}

void cloud_judge(const struct desired *d, const char *type, const struct cloud_rows *rows,
	int64_t now_s, json_t *out)
{
	size_t n;
	const struct cloud_expect *e = cloud_expected(type, &n);

	for (size_t i = 0; i < rows->n; i++)
		if (!is_surpassed(rows, i))
			judge_row(d, type, &rows->list[i], now_s, out);
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < d->n_peers; k++) {
			const struct desired_peer *p = &d->peers[k];
			_cleanup_free_ char *text = NULL;

			if (!cloud_peer_is(p, e[i].role, e[i].kind) ||
				has_row(rows, e[i].service, p->name))
				continue;
			text = xasprintf(
				"%s of %s has never registered", e[i].service, p->name);
			cloud_say(out, p->name, e[i].service, false, text);
		}
	}
}

void cloud_judge_unknown(
	const struct desired *d, const char *type, const char *why, json_t *out)
{
	size_t n;
	const struct cloud_expect *e = cloud_expected(type, &n);

	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < d->n_peers; k++)
			if (cloud_peer_is(&d->peers[k], e[i].role, e[i].kind))
				cloud_say(
					out, d->peers[k].name, e[i].service, false, why);
}

/* ---- others ---- */

void cloud_judge_providers(const struct desired *d, const json_t *list, json_t *out)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *v = json_array_get(list, i);
		const char *name = cloud_str(v, "name");
		const struct desired_peer *p = cloud_peer_of(d, name);
		_cleanup_free_ char *text = NULL;

		/* a child (a GPU, a NIC) has its node's fate */
		if (!*name ||
			json_is_string(json_object_get(v, "parent_provider_uuid")) ||
			(p && cloud_peer_is(p, "compute", NULL)))
			continue;
		text = xasprintf("resource provider %s is left over: %s", name,
			p ? "no compute node any more" : "not in the rack any more");
		cloud_say(out, p ? p->name : name, "placement", false, text);
	}
	for (size_t k = 0; k < d->n_peers; k++) {
		const struct desired_peer *p = &d->peers[k];
		bool there = false;

		if (!cloud_peer_is(p, "compute", NULL))
			continue;
		for (size_t i = 0; i < json_array_size(list) && !there; i++)
			there = cloud_host_is(
				cloud_str(json_array_get(list, i), "name"), p->name);
		cloud_say(out, p->name, "placement", there,
			there ? "has a resource provider"
			      : "has no resource provider: the scheduler cannot use it");
	}
}

char *cloud_judge_disks(const struct desired_peer *p, const json_t *usage)
{
	for (size_t i = 0; i < p->n_data_disks; i++) {
		const json_t *v = cloud_find(usage, "device", p->data_disks[i].name);

		if (!v)
			return xasprintf("disk %s is not there", p->data_disks[i].name);
		if (!json_is_true(json_object_get(v, "mounted")))
			return xasprintf("disk %s is not mounted", p->data_disks[i].name);
	}
	return NULL;
}

bool cloud_judge_gnocchi(const json_t *status, char **ret_text)
{
	const json_t *summary = json_object_get(
		json_object_get(json_object_get(status, "storage"), "summary"),
		"measures");
	const json_t *processors =
		json_object_get(json_object_get(status, "metricd"), "processors");

	if (json_is_array(processors) && json_array_size(processors) == 0) {
		*ret_text = xstrdup(
			"gnocchi-metricd does not run: measures are taken and not worked on");
		return false;
	}
	if (!json_is_integer(summary)) {
		*ret_text = xstrdup("answers, and does not say how many measures wait");
		return true;
	}
	*ret_text = xasprintf(
		"answers; %lld measures wait", (long long)json_integer_value(summary));
	return true;
}

int64_t cloud_newest_measure(const json_t *measures)
{
	int64_t newest = 0, s;

	for (size_t i = 0; i < json_array_size(measures); i++) {
		const char *time =
			json_string_value(json_array_get(json_array_get(measures, i), 0));

		if (time && cloud_time(time, &s) == 0)
			newest = MAX(newest, s);
	}
	return newest;
}

bool cloud_judge_measure(
	int64_t begin_s, int64_t newest_s, int64_t now_s, char **ret_text)
{
	int64_t since = newest_s ? newest_s : begin_s,
		age = MAX(now_s - since, (int64_t)0);
	char words[32];

	format_duration((uint64_t)age * 1000, words);
	if (newest_s)
		*ret_text = xasprintf("the newest measure is of %s ago", words);
	else
		*ret_text = xasprintf(
			"no measure yet, %s after what is measured began", words);
	return age <= MEASURE_MAX_S;
}
