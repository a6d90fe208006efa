/* SPDX-License-Identifier: Apache-2.0 */
#include "common/rackread.h"

void rd_missing(struct reader *rd, const char *key, const char *what)
{
	problems_add(rd->problems, rd->conf->file, rd->section->line, rd->section->name,
		key, "is missing; expected %s", what);
}

const struct conf_key *rd_value(struct reader *rd, const char *name, const char *need)
{
	const struct conf_key *k = conf_key(rd->section, name);

	if (!k) {
		if (need)
			rd_missing(rd, name, need);
		return NULL;
	}
	if (k->refused)
		return NULL;
	if (!*k->value) {
		RD_SAY(rd, k, "expected %s, found nothing", need ? need : "a value");
		return NULL;
	}
	return k;
}

void rd_bad(struct reader *rd, const struct conf_key *k, const char *what)
{
	_cleanup_free_ char *shown = str_escape(k->value, 60);

	RD_SAY(rd, k, "expected %s, found \"%s\"", what, shown);
}

unsigned rd_uint(struct reader *rd, const char *name, unsigned min, unsigned max,
	unsigned dflt, bool need)
{
	_cleanup_free_ char *what = xasprintf("a number from %u to %u", min, max);
	const struct conf_key *k = rd_value(rd, name, need ? what : NULL);
	unsigned v = dflt;

	if (k && parse_unsigned(k->value, min, max, &v) < 0)
		rd_bad(rd, k, what);
	return v;
}

const struct conf_key *rd_memory(struct reader *rd, const char *name, uint64_t min,
	uint64_t max, const char *what, uint64_t *ret)
{
	const struct conf_key *k = rd_value(rd, name, NULL);
	uint64_t bytes;

	if (!k)
		return NULL;
	if (parse_memory(k->value, &bytes) < 0 || bytes < min || bytes > max) {
		rd_bad(rd, k, what);
		return NULL;
	}
	*ret = bytes;
	return k;
}

bool rd_bool(struct reader *rd, const char *name)
{
	const struct conf_key *k = rd_value(rd, name, NULL);
	bool v = false;

	if (k && parse_bool(k->value, &v) < 0)
		rd_bad(rd, k, "yes or no");
	return v;
}

int rd_is_text(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < 0x20 || (unsigned char)*s > 0x7e)
			return -EINVAL;
	return 0;
}

char *rd_word(struct reader *rd, const char *name, word_parser parse, const char *what,
	const char *dflt)
{
	const struct conf_key *k = rd_value(rd, name, dflt ? NULL : what);

	if (!k)
		return xstrdup(dflt ? dflt : "");
	if (parse(k->value) < 0) {
		rd_bad(rd, k, what);
		return xstrdup(dflt ? dflt : "");
	}
	return xstrdup(k->value);
}

const struct rack_network *rd_network(
	struct reader *rd, const struct conf_key *k, const char *name)
{
	const struct rack_network *net = rack_network(rd->rack, name);

	if (!net) {
		_cleanup_free_ char *shown = str_escape(name, 60);

		RD_SAY(rd, k,
			"expected the name of a [network ...] section, found \"%s\"",
			shown);
	}
	return net;
}
