/* SPDX-License-Identifier: Apache-2.0 */
/* The example rack is the good file; each bad one is the example with one thing changed. */
#include "tests/unit/harness.h"

#include "common/rack.h"
#include "common/roledef.h"
#include "common/secrets.h"

static struct roledefs *roles;
static char *example;

static int setup(void **state)
{
	struct problems p = {0};
	int r = roledefs_load("roles", &p, &roles);

	problems_print(&p, stderr);
	problems_clear(&p);
	return r == 0 &&
			read_file("examples/dl360-rack.ini", 1 << 20, &example, NULL) == 0
		? 0
		: -1;
}

static int teardown(void **state)
{
	roledefs_freep(&roles);
	util_freep(&example);
	return 0;
}

/* The example with the first occurrence of from replaced by to. */
static char *changed(const char *from, const char *to)
{
	const char *at = strstr(example, from);

	if (!at)
		fail_msg("the example does not have \"%s\"", from);
	return xasprintf("%.*s%s%s", (int)(at - example), example, to, at + strlen(from));
}

static void expect(const char *from, const char *to, const char *want)
{
	_cleanup_free_ char *text = changed(from, to);
	_cleanup_(rack_freep) struct rack *r = NULL;
	struct problems p = {0};
	bool found = false;

	assert_int_not_equal(
		rack_parse("rack.ini", text, strlen(text), roles, &p, &r), 0);
	assert_null(r);
	for (size_t i = 0; i < p.n; i++) {
		_cleanup_free_ char *line = problem_format(&p.list[i]);

		found |= strstr(line, want) != NULL;
	}
	if (!found) {
		problems_print(&p, stderr);
		fail_msg("expected a problem with \"%s\"", want);
	}
	problems_clear(&p);
}

static void good(void **state)
{
	_cleanup_(rack_freep) struct rack *r = NULL;
	struct problems p = {0};
	const struct rack_node *n;
	const struct mac_addr nobody = {{0x02, 1, 2, 3, 4, 5}};
	size_t port = 0;
	char addr[16];

	assert_int_equal(
		rack_parse("rack.ini", example, strlen(example), roles, &p, &r), 0);
	assert_int_equal(p.n, 0);
	assert_int_equal(r->n_nodes, 10);
	assert_int_equal(r->n_networks, 5);
	assert_int_equal(r->retries, 2);
	assert_true(r->keep_events_ms == 90 * UINT64_C(86400000));
	assert_string_equal(r->provisioning->name, "provisioning");
	n = rack_node(r, "hp08");
	assert_string_equal(n->role, "storage");
	assert_string_equal(n->kind, "block");
	assert_int_equal(n->profile->n_disks, 3);
	assert_int_equal(n->profile->disks[2].use, DISK_DATA);
	format_ipv4(rack_address(n, rack_network(r, "storage")), addr);
	assert_string_equal(addr, "10.77.40.18");
	assert_int_equal(rack_nic_of(n, rack_network(r, "storage")), 1);
	assert_int_equal(rack_nic_mtu(&n->profile->nics[1]), 9000);
	assert_ptr_equal(rack_node_by_mac(r, &n->macs[1], &port), n);
	assert_int_equal(port, 1);
	assert_null(rack_node_by_mac(r, &nobody, NULL));
	assert_ptr_equal(rack_node_by_address(
				 r, r->provisioning, rack_address(n, r->provisioning)),
		n);
	assert_null(rack_node_by_address(r, r->provisioning, r->address));
	assert_null(rack_node_by_address(
		r, r->provisioning, r->provisioning->subnet.addr - 1));
	assert_null(rack_node(r, "hp99"));
}

/* The floating range of the example with one thing changed. */
static void expect_range(const char *from, const char *to, uint32_t first, uint32_t last)
{
	_cleanup_free_ char *text = changed(from, to);
	_cleanup_(rack_freep) struct rack *r = NULL;
	struct problems p = {0};
	const struct rack_network *n;

	if (rack_parse("rack.ini", text, strlen(text), roles, &p, &r) < 0)
		problems_print(&p, stderr);
	assert_non_null(r);
	n = rack_network(r, "external");
	assert_int_equal(n->range_first, first);
	assert_int_equal(n->range_last, last);
}

static void network_uses(void **state)
{
	_cleanup_(rack_freep) struct rack *r = NULL;
	struct problems p = {0};

	assert_int_equal(
		rack_parse("rack.ini", example, strlen(example), roles, &p, &r), 0);
	assert_int_equal(rack_network(r, "provisioning")->use, NETWORK_NODES);
	assert_int_equal(rack_network(r, "storage")->use, NETWORK_NODES);
	assert_int_equal(rack_network(r, "storage")->range_first, 0);
	assert_int_equal(rack_network(r, "tunnel")->use, NETWORK_TUNNEL);
	assert_int_equal(rack_network(r, "external")->use, NETWORK_EXTERNAL);
	assert_string_equal(network_use_str(NETWORK_EXTERNAL), "external");
	expect_range("gateway = 10.77.50.1", "", 0x0a4d3280, 0x0a4d32fe);
	expect_range(
		"gateway = 10.77.50.1", "gateway = 10.77.50.254", 0x0a4d3280, 0x0a4d32fd);
	expect_range(
		"gateway = 10.77.50.1", "gateway = 10.77.50.128", 0x0a4d3281, 0x0a4d32fe);
	expect_range("gateway = 10.77.50.1",
		"gateway = 10.77.50.1\nrange = 10.77.50.9-10.77.50.9", 0x0a4d3209,
		0x0a4d3209);
	/* no node has an address in it, so none must fit */
	expect_range("10.77.50.0/24", "10.77.50.0/29", 0x0a4d3204, 0x0a4d3206);
	/* the tunnels may be elsewhere */
	expect_range("[network storage]\n", "[network storage]\nuse = nodes\n",
		0x0a4d3280, 0x0a4d32fe);
}

static void bad_values(void **state)
{
	expect("vlan   = 40", "vlan = 5000",
		"[network storage] vlan: expected a number from 1 to 4094");
	expect("vlan   = 40", "vlan = 30", "VLAN 30 is already [network tunnel]");
	expect("10.77.40.0/24", "10.77.30.0/24",
		"[network storage] subnet: overlaps 10.77.30.0/24");
	expect("10.77.40.0/24", "10.77.40.1/24",
		"[network storage] subnet: expected a network");
	expect("address   = 10.77.0.2", "address = 10.99.0.2",
		"[deploy] address: expected an address inside");
	expect("bmc     = 10.77.1.12", "bmc = 10.77.1.11",
		"[node hp02] bmc: this BMC is already that of [node hp01]");
	expect("mac.2   = 94:40:c9:00:02:02", "mac.2 = 94:40:c9:00:01:02",
		"[node hp02] mac.2: this MAC");
	expect("host    = 12", "host = 300",
		"[node hp02] host: host number 300 does not fit");
	expect("host    = 12", "host = 2", "host number 2 is the address of [deploy]");
	expect("role    = compute", "role = computer",
		"[node hp02] role: expected a role (");
	expect("http_port = 8780\napi_port  = 8781", "http_port = 8781",
		"[deploy] http_port: expected another port than api_port (8781)");
	expect("api_port  = 8781", "api_port = 8780",
		"[deploy] api_port: expected another port than http_port (8780)");
	expect("kind    = block", "", "[node hp08] kind: is missing");
	expect("kind    = block", "kind = tape",
		"[node hp08] kind: expected a kind that the role has");
	expect("role    = compute", "role = compute\nkind = block",
		"the role compute has no kinds");
	expect("mtu    = 9000", "mtu = 99",
		"[network tunnel] mtu: expected a number from 1280");
	expect("disk.2.use  = spare", "disk.2.use = system",
		"expected exactly one disk with use = system, found 2");
	expect("disk.1.use  = system", "disk.1.use = spare", "found 0");
	expect("nic.2.tagged = tunnel storage", "nic.2.tagged = tunnel",
		"no port carries the network storage");
	expect("nic.2.tagged = tunnel storage",
		"nic.2.tagged = tunnel storage management", "more than one port");
	expect("use     = external", "use = outside",
		"[network external] use: expected nodes, tunnel or external, found \"outside\"");
	expect("use     = external", "range = 10.77.50.10-10.77.50.20",
		"range: only a network with use = external has a range");
	expect("use     = external", "use = tunnel",
		"[network external] use: [network tunnel] (line ");
	expect("[network storage]", "[network storage]\nuse = external",
		"[network external] use: [network storage] (line ");
	expect("[network provisioning]", "[network provisioning]\nuse = external",
		"[network provisioning] use: expected nodes: servers boot from this network");
	expect("[network management]", "[network management]\nuse = external",
		"[network management] use: expected nodes: this is where");
	expect("[network storage]", "[network storage]\nuse = external",
		"the role compute gives its guests the network storage: expected another use");
	expect("tunnel storage external", "tunnel storage",
		"[network external] use: no profile has a port that carries this network");
	expect("gateway = 10.77.50.1", "range = 10.77.50.20-10.77.50.10",
		"[network external] range: expected the first and the last address");
	expect("gateway = 10.77.50.1", "range = 10.77.50.20",
		"range: expected the first and the last");
	expect("gateway = 10.77.50.1", "range = 10.77.50.20-10.77.51.10",
		"range: expected addresses inside 10.77.50.0/24");
	expect("gateway = 10.77.50.1", "range = 10.77.50.20-10.77.50.255",
		"range: expected addresses inside 10.77.50.0/24");
	expect("gateway = 10.77.50.1",
		"gateway = 10.77.50.25\nrange = 10.77.50.20-10.77.50.30",
		"range: expected a range without the gateway 10.77.50.25");
	expect("10.77.50.0/24\nvlan    = 50\ngateway = 10.77.50.1",
		"10.77.50.0/30\nvlan = 50\ngateway = 10.77.50.2",
		"[network external] range: is missing");
	expect("[network storage]", "[network tunnel-up]",
		"the nodes have a port of this name for [network tunnel]");
	expect("nic.1.native = provisioning", "nic.1.native = wrong",
		"expected the name of a [network ...] section");
	expect("profile = dl360", "profile = dl380",
		"[node hp01] profile: expected the name of a [profile ...]");
	expect("serial  = CZJ0010002", "serial = CZJ0010001",
		"this serial is already that of [node hp01]");
	expect("[network storage]", "[netwrok storage]",
		"[netwrok storage]: there is no such section");
	expect("disk.1.size = 480G", "disk.1.sise = 480G",
		"disk.1.sise: there is no such key");
	expect("disk.1.size = 480G", "disk.1.size = 8G",
		"expected at least 20G for a system disk");
	expect("[deploy]", "[deployer]", "the section [deploy] is missing");
}

static void multicast(void **state)
{
	_cleanup_free_ char *fast = changed("; retries = 2", "multicast = 400mbit"),
			    *none = changed("; retries = 2", "multicast = no");
	_cleanup_(rack_freep) struct rack *r = NULL, *n = NULL;
	struct problems p = {0};

	assert_int_equal(rack_parse("rack.ini", fast, strlen(fast), roles, &p, &r), 0);
	assert_int_equal(rack_parse("rack.ini", none, strlen(none), roles, &p, &n), 0);
	assert_int_equal(r->cast_bytes_per_s, 50000000);
	assert_int_equal(r->cast_group, 0xefff0000 | (r->address & 0xffff));
	assert_int_equal(r->cast_port, r->api_port + 1);
	assert_int_equal(n->cast_bytes_per_s, 0);
}

static void keep_events(void **state)
{
	_cleanup_free_ char *week = changed("; retries = 2", "keep_events = 7d");
	_cleanup_(rack_freep) struct rack *r = NULL;
	struct problems p = {0};

	assert_int_equal(rack_parse("rack.ini", week, strlen(week), roles, &p, &r), 0);
	assert_true(r->keep_events_ms == 7 * UINT64_C(86400000));
	expect("; retries = 2", "keep_events = 23h",
		"[deploy] keep_events: expected a time from 1d to 3650d, such as 90d");
	expect("; retries = 2", "keep_events = 3651d",
		"[deploy] keep_events: expected a time");
	expect("; retries = 2", "keep_events = 90",
		"[deploy] keep_events: expected a time");
	expect("; retries = 2", "keep_events = never",
		"[deploy] keep_events: expected a time");
}

static void retries(void **state)
{
	_cleanup_free_ char *none = changed("; retries = 2", "retries = 0");
	_cleanup_(rack_freep) struct rack *r = NULL;
	struct problems p = {0};

	assert_int_equal(rack_parse("rack.ini", none, strlen(none), roles, &p, &r), 0);
	assert_int_equal(r->retries, 0);
	expect("; retries = 2", "retries = 10",
		"[deploy] retries: expected a number from 0 to 9");
	expect("; retries = 2", "retries = -1",
		"[deploy] retries: expected a number from 0 to 9");
	expect("; retries = 2", "retries = two",
		"[deploy] retries: expected a number from 0 to 9");
}

static char *secrets_problems(
	const char *text, const struct rack *rack, struct secrets **ret)
{
	struct problems p = {0};
	char *out;

	secrets_parse("secrets.ini", text, strlen(text), rack, &p, ret);
	out = p.n ? problem_format(&p.list[0]) : xstrdup("");
	problems_clear(&p);
	return out;
}

static void page(void **state)
{
	_cleanup_free_ char *with =
		changed("; page = 10.77.0.2:8443", "page = 10.77.20.2:443");
	_cleanup_(rack_freep) struct rack *without = NULL, *r = NULL;
	struct problems p = {0};

	assert_int_equal(
		rack_parse("rack.ini", example, strlen(example), roles, &p, &without), 0);
	assert_int_equal(without->page_port, 0);
	assert_int_equal(rack_parse("rack.ini", with, strlen(with), roles, &p, &r), 0);
	assert_int_equal(r->page_address, 0x0a4d1402);
	assert_int_equal(r->page_port, 443);
	expect("; page = 10.77.0.2:8443", "page = 0.0.0.0:443",
		"[deploy] page: expected an address");
	expect("; page = 10.77.0.2:8443", "page = 10.77.0.2:0",
		"[deploy] page: expected an address");
	expect("; page = 10.77.0.2:8443",
		"page =", "[deploy] page: expected a value, found nothing");
	expect("; page = 10.77.0.2:8443", "page = 10.77.0.2:8780",
		"another port than http_port");
	expect("; page = 10.77.0.2:8443", "page = 10.77.0.2:8781",
		"another port than http_port");
}

static void secrets(void **state)
{
	static const char *const texts[] = {
		"[bmc]\nuser = u\npassword = p\n[bmc hp02]\nuser = v\npassword = q\n",
		"[bmc hp01]\nuser = u\npassword = p\n", "[bmc]\nuser = u\n",
		"[bmc]\nuser = u\npassword = 123456789012345678901\n",
		"[bmc]\nuser=u\npassword=p\n[bmc hp77]\nuser=u\npassword=p\n"};
	static const char *const wants[] = {"", "no login for the BMC of hp02",
		"password: is missing", "expected at most 20 characters",
		"has no [node hp77]"};
	_cleanup_(rack_freep) struct rack *rack = NULL;
	struct problems p = {0};

	assert_int_equal(
		rack_parse("rack.ini", example, strlen(example), roles, &p, &rack), 0);
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		_cleanup_(secrets_freep) struct secrets *s = NULL;
		_cleanup_free_ char *got = secrets_problems(texts[i], rack, &s);

		if (!strstr(got, wants[i]))
			fail_msg("expected \"%s\", got \"%s\"", wants[i], got);
		assert_null(strstr(got, "12345678901234567890"));
		if (i > 0)
			continue;
		assert_string_equal(secrets_bmc(s, "hp01")->user, "u");
		assert_string_equal(secrets_bmc(s, "hp02")->password, "q");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good),
		cmocka_unit_test(network_uses),
		cmocka_unit_test(bad_values),
		cmocka_unit_test(page),
		cmocka_unit_test(multicast),
		cmocka_unit_test(keep_events),
		cmocka_unit_test(retries),
		cmocka_unit_test(secrets),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
