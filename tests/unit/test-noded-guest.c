/* SPDX-License-Identifier: Apache-2.0 */
/* Where the probe guest goes, what it pings, and what its console says. */
#include "tests/unit/harness.h"

#include "common/parse.h"
#include "nodeagent/guest.h"

static uint32_t ip(const char *s)
{
	uint32_t a = 0;

	assert_int_equal(parse_ipv4(s, &a), 0);
	return a;
}

#define MAX_PEERS 300
struct rackish {
	struct desired d;
	struct desired_port ports[2];
	struct desired_peer peers[MAX_PEERS];
	char names[MAX_PEERS][8];
};

/* A rack with hosts first .. first+n-1, of which `self` is this node's number. */
static void make(
	struct rackish *r, unsigned prefix, unsigned first, unsigned n, unsigned self)
{
	*r = (struct rackish){0};
	r->ports[0] = (struct desired_port){.name = (char *)"tunnel",
		.bridge = (char *)"br-nic2",
		.vlan = 30,
		.mtu = 9000,
		.address = ip("10.77.30.0") + self,
		.prefix = prefix};
	r->ports[1] = (struct desired_port){.name = (char *)"storage",
		.bridge = (char *)"br-nic2",
		.vlan = 40,
		.mtu = 9000,
		.address = ip("10.77.40.0") + self,
		.prefix = prefix};
	for (unsigned i = 0; i < n; i++) {
		snprintf(r->names[i], sizeof(r->names[i]), "n%u", first + i);
		r->peers[i] = (struct desired_peer){.name = r->names[i],
			.role = (char *)"compute",
			.kind = (char *)"",
			.management = ip("10.77.20.0") + first + i};
	}
	r->d = (struct desired){.ports = r->ports,
		.n_ports = 2,
		.peers = r->peers,
		.n_peers = n,
		.server = ip("10.77.0.2"),
		.node = r->names[self - first]};
}

static char *both[] = {(char *)"tunnel", (char *)"storage", NULL};
static char *tunnel_only[] = {(char *)"tunnel", NULL};

static void takes_the_top_and_a_storage_node(_unused_ void **state)
{
	struct rackish r;
	struct guest_place p;
	_cleanup_free_ char *msg = NULL, *cmdline = NULL;

	make(&r, 24, 11, 10, 12);
	r.peers[7].role = (char *)"storage";
	assert_int_equal(guest_choose(&r.d, both, 0, &p, &msg), 0);
	assert_string_equal(p.network, "storage");
	assert_string_equal(p.target_name, "n18");
	cmdline = guest_cmdline(&p);
	assert_string_equal(cmdline,
		"console=ttyS0 ondol.ip=10.77.40.253/24 ondol.mtu=9000 ondol.ping=10.77.40.18");
	assert_false(p.alone);
}

static void falls_back(_unused_ void **state)
{
	struct rackish r;
	struct guest_place p;
	_cleanup_free_ char *msg = NULL;

	make(&r, 24, 11, 10, 11);
	assert_int_equal(guest_choose(&r.d, tunnel_only, 0, &p, &msg), 0);
	assert_string_equal(p.network, "tunnel");
	assert_string_equal(p.target_name, "n12");
	assert_int_equal(p.target, ip("10.77.30.12"));
	assert_int_equal(p.address, ip("10.77.30.254"));
	make(&r, 24, 11, 1, 11);
	assert_int_equal(guest_choose(&r.d, both, 0, &p, &msg), 0);
	assert_true(p.alone);
	assert_int_equal(p.target, ip("10.77.40.11"));
}

/* No two nodes' guests, and no guest and node, ever have the same address. */
static void never_collides(_unused_ void **state)
{
	const struct {
		unsigned prefix, first, n;
	} racks[] = {{24, 1, 100}, {24, 128, 126}, {28, 1, 7}, {28, 8, 7}, {22, 200, 300},
		{29, 1, 3}};

	for (size_t k = 0; k < ARRAY_SIZE(racks); k++) {
		unsigned size = 1U << (32 - racks[k].prefix), first = racks[k].first,
			 n = racks[k].n;
		bool *used = xcalloc(size, sizeof(bool));

		for (unsigned i = 0; i < n; i++)
			used[first + i] = true;
		for (unsigned i = 0; i < n; i++) {
			struct rackish r;
			struct guest_place p;
			_cleanup_free_ char *msg = NULL;
			uint32_t host;

			make(&r, racks[k].prefix, first, n, first + i);
			assert_int_equal(guest_choose(&r.d, both, 0, &p, &msg), 0);
			host = p.address - ip("10.77.40.0");
			assert_true(host >= 1 && host <= size - 2);
			assert_false(used[host]);
			used[host] = true;
		}
		free(used);
	}
}

static void spares_gateway_and_server(_unused_ void **state)
{
	struct rackish r;
	struct guest_place p;
	_cleanup_free_ char *msg = NULL;

	make(&r, 24, 11, 10, 11);
	r.ports[1].gateway = ip("10.77.40.254");
	r.d.server = ip("10.77.40.253");
	assert_int_equal(guest_choose(&r.d, both, 0, &p, &msg), 0);
	assert_int_equal(p.address, ip("10.77.40.252"));
}

/* When the first choice was found taken, further ones are nobody else's choice either. */
static void further_attempts_are_apart(_unused_ void **state)
{
	bool used[256] = {false};

	for (unsigned host = 11; host <= 20; host++)
		used[host] = true;
	for (unsigned host = 11; host <= 20; host++) {
		for (unsigned attempt = 0; attempt < 4; attempt++) {
			struct rackish r;
			struct guest_place p;
			_cleanup_free_ char *msg = NULL;

			make(&r, 24, 11, 10, host);
			assert_int_equal(guest_choose(&r.d, both, attempt, &p, &msg), 0);
			assert_false(used[p.address & 255]);
			used[p.address & 255] = true;
		}
	}
}

static void says_why_not(_unused_ void **state)
{
	struct rackish r;
	struct guest_place p;
	_cleanup_free_ char *a = NULL, *b = NULL, *c = NULL;

	make(&r, 29, 1, 4, 4);
	assert_int_equal(guest_choose(&r.d, both, 0, &p, &a), -ENOSPC);
	assert_non_null(strstr(a, "storage"));
	make(&r, 24, 11, 2, 11);
	r.d.n_ports = 0;
	assert_int_equal(guest_choose(&r.d, both, 0, &p, &b), -EINVAL);
	make(&r, 24, 11, 2, 11);
	r.d.node = (char *)"stranger";
	assert_int_equal(guest_choose(&r.d, both, 0, &p, &c), -EINVAL);
}

static void console_is_read(_unused_ void **state)
{
	const struct {
		const char *log;
		bool ok;
		const char *said;
	} cases[] = {
		{"[ 0.1] Linux\r\nondol-guest: ping 10.77.40.18 ok rtt_us=812 kvm=yes\r\n[ 9] off\r\n",
			true, "ping 10.77.40.18 ok rtt_us=812 kvm=yes"},
		{"ondol-guest: ping 10.77.40.18 ok rtt_us=812 kvm=no\n", false, "kvm=no"},
		{"x\nondol-guest: ping 10.77.40.18 failed: no answer to 5 requests\n",
			false, "no answer"},
		{"ondol-guest: ping a failed: x\nondol-guest: ping a ok rtt_us=1 kvm=yes\n",
			true, "ok"},
		{"[ 0.1] echo ondol-guest: ping a ok rtt_us=1 kvm=yes\n", false,
			"last words"},
		{"[ 1.0] Kernel panic - not syncing\r\n\r\n  \r\n", false,
			"Kernel panic"},
		{"", false, "never wrote"},
		{"ondol-guest: ping \x1b[31m\x01 ok kvm=no", false, "\\x1b[31m\\x01"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *said = NULL;

		assert_int_equal(guest_read_log(cases[i].log, &said), cases[i].ok);
		assert_non_null(strstr(said, cases[i].said));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_the_top_and_a_storage_node),
		cmocka_unit_test(falls_back),
		cmocka_unit_test(never_collides),
		cmocka_unit_test(spares_gateway_and_server),
		cmocka_unit_test(further_attempts_are_apart),
		cmocka_unit_test(says_why_not),
		cmocka_unit_test(console_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
