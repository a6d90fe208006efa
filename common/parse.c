/* SPDX-License-Identifier: Apache-2.0 */
/* strtoul and friends take blanks, signs and rubbish; nothing here does. */
#include "common/parse.h"

#include <ctype.h>

/* Digits up to the first other byte; *end is set there. No leading zeros but "0" itself. */
static int scan_u64(const char *s, const char **end, uint64_t *ret)
{
	uint64_t v = 0;
	const char *p = s;

	if (!isdigit((unsigned char)*p) || (p[0] == '0' && isdigit((unsigned char)p[1])))
		return -EINVAL;
	for (; isdigit((unsigned char)*p); p++) {
		if (__builtin_mul_overflow(v, 10, &v) ||
			__builtin_add_overflow(v, (uint64_t)(*p - '0'), &v))
			return -ERANGE;
	}
	*end = p;
	*ret = v;
	return 0;
}

int parse_u64(const char *s, uint64_t min, uint64_t max, uint64_t *ret)
{
	const char *end;
	uint64_t v;
	int r = scan_u64(s, &end, &v);

	if (r < 0)
		return r;
	if (*end)
		return -EINVAL;
	if (v < min || v > max)
		return -ERANGE;
	*ret = v;
	return 0;
}

int parse_unsigned(const char *s, unsigned min, unsigned max, unsigned *ret)
{
	uint64_t v;
	int r = parse_u64(s, min, max, &v);

	if (r == 0)
		*ret = (unsigned)v;
	return r;
}

int parse_bool(const char *s, bool *ret)
{
	static const char *const yes[] = {"yes", "true", "on"},
				 *const no[] = {"no", "false", "off"};

	for (size_t i = 0; i < ARRAY_SIZE(yes); i++) {
		if (streq(s, yes[i]) || streq(s, no[i])) {
			*ret = streq(s, yes[i]);
			return 0;
		}
	}
	return -EINVAL;
}

struct unit {
	const char *name;
	uint64_t factor;
};

static int parse_with_unit(
	const char *s, const struct unit *units, size_t n, uint64_t *ret)
{
	const char *end;
	uint64_t v;
	int r = scan_u64(s, &end, &v);

	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++) {
		if (!streq(end, units[i].name))
			continue;
		if (__builtin_mul_overflow(v, units[i].factor, ret))
			return -ERANGE;
		return 0;
	}
	return -EINVAL;
}

int parse_size(const char *s, uint64_t *ret_bytes)
{
	static const struct unit units[] = {{"", 1}, {"K", 1000}, {"M", 1000000},
		{"G", 1000000000ULL}, {"T", 1000000000000ULL}};
	uint64_t v;
	int r = parse_with_unit(s, units, ARRAY_SIZE(units), &v);

	if (r == 0)
		*ret_bytes = v;
	return r;
}

int parse_memory(const char *s, uint64_t *ret_bytes)
{
	static const struct unit units[] = {
		{"M", 1ULL << 20}, {"G", 1ULL << 30}, {"T", 1ULL << 40}};
	uint64_t v;
	int r = parse_with_unit(s, units, ARRAY_SIZE(units), &v);

	if (r == 0)
		*ret_bytes = v;
	return r;
}

int parse_duration_ms(const char *s, uint64_t *ret_ms)
{
	static const struct unit units[] = {
		{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};
	uint64_t v;
	int r = parse_with_unit(s, units, ARRAY_SIZE(units), &v);

	if (r == 0)
		*ret_ms = v;
	return r;
}

static int scan_ipv4(const char *s, const char **end, uint32_t *ret)
{
	uint32_t addr = 0;

	for (int i = 0; i < 4; i++) {
		uint64_t octet;

		if (i && *s++ != '.')
			return -EINVAL;
		if (scan_u64(s, &s, &octet) < 0)
			return -EINVAL;
		if (octet > 255)
			return -ERANGE;
		addr = addr << 8 | (uint32_t)octet;
	}
	*end = s;
	*ret = addr;
	return 0;
}

int parse_ipv4(const char *s, uint32_t *ret)
{
	const char *end;
	uint32_t addr;
	int r = scan_ipv4(s, &end, &addr);

	if (r < 0)
		return r;
	if (*end)
		return -EINVAL;
	*ret = addr;
	return 0;
}

uint32_t ipv4_net_mask(const struct ipv4_net *net)
{
	return net->prefix ? ~UINT32_C(0) << (32 - net->prefix) : 0;
}

int parse_ipv4_net(const char *s, struct ipv4_net *ret)
{
	struct ipv4_net net;
	const char *end;
	int r = scan_ipv4(s, &end, &net.addr);

	if (r < 0)
		return r;
	if (*end != '/')
		return -EINVAL;
	r = parse_unsigned(end + 1, 8, 30, &net.prefix);
	if (r < 0)
		return r;
	if (net.addr & ~ipv4_net_mask(&net))
		return -EINVAL;
	*ret = net;
	return 0;
}

int parse_ipv4_port(const char *s, uint32_t *ret_addr, unsigned *ret_port)
{
	uint32_t addr;
	unsigned port;
	const char *end;
	int r = scan_ipv4(s, &end, &addr);

	if (r < 0)
		return r;
	if (*end != ':')
		return -EINVAL;
	r = parse_unsigned(end + 1, 1, 65535, &port);
	if (r < 0)
		return r;
	*ret_addr = addr;
	*ret_port = port;
	return 0;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

int parse_mac(const char *s, struct mac_addr *ret)
{
	struct mac_addr mac;
	unsigned any = 0;

	if (strlen(s) != 17)
		return -EINVAL;
	for (int i = 0; i < 6; i++) {
		int hi = hex_digit(s[3 * i]), lo = hex_digit(s[3 * i + 1]);

		if (hi < 0 || lo < 0 || (i < 5 && s[3 * i + 2] != ':'))
			return -EINVAL;
		mac.b[i] = (uint8_t)(hi << 4 | lo);
		any |= mac.b[i];
	}
	if ((mac.b[0] & 1) || !any)
		return -ERANGE;
	*ret = mac;
	return 0;
}

int parse_uuid(const char *s, char ret[static 37])
{
	char out[37];

	if (strlen(s) != 36)
		return -EINVAL;
	for (int i = 0; i < 36; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? s[i] != '-' : hex_digit(s[i]) < 0)
			return -EINVAL;
		out[i] = (char)tolower((unsigned char)s[i]);
	}
	out[36] = '\0';
	memcpy(ret, out, sizeof(out));
	return 0;
}

int parse_hex(const char *s, size_t len, uint8_t *ret)
{
	if (strlen(s) != 2 * len)
		return -EINVAL;
	for (size_t i = 0; i < 2 * len; i++)
		if (hex_digit(s[i]) < 0 || isupper((unsigned char)s[i]))
			return -EINVAL;
	for (size_t i = 0; i < len; i++)
		ret[i] = (uint8_t)(hex_digit(s[2 * i]) << 4 | hex_digit(s[2 * i + 1]));
	return 0;
}

int parse_hostname(const char *s)
{
	size_t n = strlen(s);

	if (n == 0 || s[0] == '-' || s[n - 1] == '-')
		return -EINVAL;
	for (size_t i = 0; i < n; i++)
		if (!islower((unsigned char)s[i]) && !isdigit((unsigned char)s[i]) &&
			s[i] != '-')
			return -EINVAL;
	return n > 63 ? -ERANGE : 0;
}

int parse_token(const char *s, size_t max)
{
	size_t n = strlen(s);

	if (n == 0)
		return -EINVAL;
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)s[i]) && !strchr("._-", s[i]))
			return -EINVAL;
	return n > max ? -ERANGE : 0;
}

void format_ipv4(uint32_t a, char buf[static 16])
{
	snprintf(buf, 16, "%u.%u.%u.%u", a >> 24, a >> 16 & 255, a >> 8 & 255, a & 255);
}

void format_ipv4_net(const struct ipv4_net *net, char buf[static 20])
{
	char addr[16];

	format_ipv4(net->addr, addr);
	snprintf(buf, 20, "%s/%u", addr, net->prefix & 63);
}

void format_mac(const struct mac_addr *mac, char buf[static 18])
{
	const uint8_t *b = mac->b;

	snprintf(buf, 18, "%02x:%02x:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3], b[4],
		b[5]);
}

bool mac_equal(const struct mac_addr *a, const struct mac_addr *b)
{
	return memcmp(a->b, b->b, 6) == 0;
}

bool ipv4_net_contains(const struct ipv4_net *net, uint32_t addr)
{
	return (addr & ipv4_net_mask(net)) == net->addr;
}

bool ipv4_net_overlaps(const struct ipv4_net *a, const struct ipv4_net *b)
{
	const struct ipv4_net *wide = a->prefix < b->prefix ? a : b;

	return ipv4_net_contains(wide, wide == a ? b->addr : a->addr);
}
