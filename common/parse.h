/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Strict parsers for words from files, nodes and the network. Each accepts the whole
 * string or nothing: no leading or trailing blanks, no trailing rubbish. They return 0,
 * -EINVAL (not of the form) or -ERANGE (of the form, outside the bounds) and leave the
 * output untouched on failure.
 */
#pragma once

#include "common/util.h"

struct mac_addr {
	uint8_t b[6];
};

/* An IPv4 network: address in host byte order, host bits zero. */
struct ipv4_net {
	uint32_t addr;
	unsigned prefix;
};

int parse_u64(
	const char *s, uint64_t min, uint64_t max, uint64_t *ret); /* decimal only */
int parse_unsigned(const char *s, unsigned min, unsigned max, unsigned *ret);
int parse_bool(const char *s, bool *ret); /* yes/no, true/false, on/off; lower case */
/* "480G", "1920G", "512M", "64K", "3T", or bytes; decimal (SI) multiples, as disks are sold */
int parse_size(const char *s, uint64_t *ret_bytes);
/* "64G", "512M", "1T": binary multiples, as memory is sold */
int parse_memory(const char *s, uint64_t *ret_bytes);
/* "30s", "10m", "2h", "90d", "500ms" */
int parse_duration_ms(const char *s, uint64_t *ret_ms);
int parse_ipv4(const char *s, uint32_t *ret); /* dotted quad, host byte order */
/* "10.77.0.0/24"; -EINVAL when host bits are set, prefix 8..30 */
int parse_ipv4_net(const char *s, struct ipv4_net *ret);
int parse_ipv4_port(
	const char *s, uint32_t *ret_addr, unsigned *ret_port); /* "A.B.C.D:P" */
int parse_mac(
	const char *s, struct mac_addr *ret); /* xx:xx:xx:xx:xx:xx, unicast, not zero */
int parse_uuid(const char *s, char ret[static 37]); /* any case in, lower case out */
int parse_hex(
	const char *s, size_t len, uint8_t *ret); /* exactly 2*len lower-case digits */
/* RFC 1123 label: a-z 0-9 -, at most 63, no dash at the ends; lower case */
int parse_hostname(const char *s);
/* 1..max of [A-Za-z0-9._-]: serial numbers, names; -ERANGE when longer than max */
int parse_token(const char *s, size_t max);

void format_ipv4(uint32_t addr, char buf[static 16]);
void format_ipv4_net(const struct ipv4_net *net, char buf[static 20]);
void format_mac(const struct mac_addr *mac, char buf[static 18]);
bool mac_equal(const struct mac_addr *a, const struct mac_addr *b);
bool ipv4_net_contains(const struct ipv4_net *net, uint32_t addr);
bool ipv4_net_overlaps(const struct ipv4_net *a, const struct ipv4_net *b);
uint32_t ipv4_net_mask(const struct ipv4_net *net);
