/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long a node may take, how fast servers are switched on, and how fast an image may be sent to
 * several of them. The defaults are those of a DL360: two minutes for its BMC, four
 * of POST and a slow switch port, an image over a gigabit link onto a disk. A rack that is
 * slower or faster says so here, and not by a percentage of everything.
 */
#include "common/rackpace.h"

struct bounds {
	unsigned min_ms, max_ms;
	const char *what;
};

static const struct bounds deadline_bounds = {
	1000, 24u * 3600 * 1000, "a time from 1s to 24h, such as 90s, 6m or 1h"};
static const struct bounds interval_bounds = {
	0, 60000, "a time from 0s to 1m, such as 500ms or 2s"};
#define DEFAULT_INTERVAL_MS 1000u /* ten servers' inrush current, over ten seconds */

struct deadline {
	const char *key;
	size_t at; /* in struct rack_deadlines */
	unsigned default_ms;
};

#define DEADLINE(key, field, ms)                                \
	{                                                       \
		key, offsetof(struct rack_deadlines, field), ms \
	}
#define MINUTES(n) ((n)*60000u)

static const struct deadline deadlines[] = {
	DEADLINE("powering", powering_ms, MINUTES(2)),
	/* longer than ipmi.c waits for a BMC that was reset, and for what is in its queue before */
	DEADLINE("resetting-bmc", resetting_bmc_ms, MINUTES(8)),
	DEADLINE("network-booting", network_booting_ms, MINUTES(6)),
	DEADLINE("agent", agent_ms, MINUTES(4)),
	DEADLINE("installing", installing_ms, MINUTES(15)),
	DEADLINE("installing-stall", installing_stall_ms, MINUTES(3)),
	DEADLINE("first-boot", first_boot_ms, MINUTES(12)),
	DEADLINE("configuring-stall", configuring_stall_ms, MINUTES(15)),
};

struct reader {
	struct rack *rack;
	struct conf *conf;
	struct conf_section *section; /* NULL: it is not there */
	struct problems *problems;
};

static void bad(struct reader *rd, const struct conf_key *k, const char *what)
{
	_cleanup_free_ char *shown = str_escape(k->value, 60);
	_cleanup_free_ char *found =
		*shown ? xasprintf("\"%s\"", shown) : xstrdup("nothing");

	problems_add(rd->problems, rd->conf->file, k->line, rd->section->name, k->name,
		"expected %s, found %s", what, found);
}

static unsigned read_time(
	struct reader *rd, const char *name, const struct bounds *b, unsigned default_ms)
{
	const struct conf_key *k = rd->section ? conf_key(rd->section, name) : NULL;
	uint64_t ms;

	if (!k || k->refused)
		return default_ms;
	if (parse_duration_ms(k->value, &ms) == 0 && ms >= b->min_ms && ms <= b->max_ms)
		return (unsigned)ms;
	bad(rd, k, b->what);
	return default_ms;
}

/* One that can never come is a misunderstanding. */
static void check_stall(struct reader *rd)
{
	const struct rack_deadlines *d = &rd->rack->deadlines;
	const struct conf_key *k =
		rd->section ? conf_key(rd->section, "installing-stall") : NULL;
	char whole[32];

	if (!k || d->installing_stall_ms <= d->installing_ms)
		return;
	format_duration(d->installing_ms, whole);
	problems_add(rd->problems, rd->conf->file, k->line, rd->section->name, k->name,
		"expected at most what installing may take altogether (%s)", whole);
}

#define CAST_GROUPS 0xefff0000u /* 239.255.0.0/16 */
#define CAST_MAX_MBIT 100000

/* "no", or a rate as switches' data sheets have it */
static void read_multicast(struct reader *rd)
{
	static const char what[] = "no, or a rate from 10mbit to 100000mbit";
	struct rack *r = rd->rack;
	const struct conf_key *k =
		rd->section ? conf_key(rd->section, "multicast") : NULL;
	_cleanup_free_ char *digits = NULL;
	uint64_t mbit;

	r->cast_group = CAST_GROUPS | (r->address & 0xffff);
	r->cast_port = r->api_port + 1;
	if (!k || k->refused || streq(k->value, "no"))
		return;
	digits = xstrndup(k->value, strspn(k->value, "0123456789"));
	if (!streq(k->value + strlen(digits), "mbit") ||
		parse_u64(digits, 10, CAST_MAX_MBIT, &mbit) < 0)
		bad(rd, k, what);
	else if (r->cast_port > 65535)
		bad(rd, k,
			"no, as api_port is the last there is: it takes the one above");
	else
		r->cast_bytes_per_s = mbit * 1000000 / 8;
}

void rackpace_read(struct rack *r, struct conf *c, struct problems *problems)
{
	struct reader rd = {.rack = r, .conf = c, .problems = problems};

	rd.section = conf_section(c, "deadlines");
	for (size_t i = 0; i < ARRAY_SIZE(deadlines); i++) {
		unsigned ms = read_time(
			&rd, deadlines[i].key, &deadline_bounds, deadlines[i].default_ms);

		memcpy((char *)&r->deadlines + deadlines[i].at, &ms, sizeof(ms));
	}
	check_stall(&rd);
	rd.section = conf_section(c, "deploy");
	r->power_on_interval_ms = read_time(
		&rd, "power_on_interval", &interval_bounds, DEFAULT_INTERVAL_MS);
	read_multicast(&rd);
}
