/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/harness.h"

#include "common/jsonx.h"
#include "netconf/plan.h"

static const char text[] =
	"{\"revision\": 3, \"rack\": \"dl360\", \"node\": \"hp02\", \"role\": \"compute\","
	" \"kind\": \"\", \"server\": \"10.77.0.2\", \"server_port\": 8780, \"bridges\": ["
	" {\"name\": \"br-nic1\", \"uplink\": \"94:40:c9:00:02:01\", \"mtu\": 1500,"
	"  \"native_vlan\": 10, \"trunks\": [20]},"
	" {\"name\": \"br-nic2\", \"uplink\": \"94:40:c9:00:02:02\", \"mtu\": 9000,"
	"  \"native_vlan\": 0, \"trunks\": [40, 30]}],"
	" \"ports\": ["
	" {\"name\": \"provisioning\", \"bridge\": \"br-nic1\", \"vlan\": 10, \"mtu\": 1500,"
	"  \"address\": \"10.77.0.12\", \"prefix\": 24, \"gateway\": \"10.77.0.1\"},"
	" {\"name\": \"storage\", \"bridge\": \"br-nic2\", \"vlan\": 40, \"mtu\": 9000,"
	"  \"address\": \"10.77.40.12\", \"prefix\": 24, \"gateway\": \"\"}],"
	" \"data_disks\": [], \"peers\": [], \"ssh_keys\": []}";

static struct desired *example(void)
{
	struct desired *d = NULL;
	char *why = NULL;
	json_t *json = jx_parse(text, sizeof(text) - 1, &why);

	assert_non_null(json);
	assert_int_equal(desired_from_json(json, &d, &why), 0);
	json_decref(json);
	return d;
}

static struct plan *bridged_on(const struct desired *d, const char *datapath)
{
	char *const nics[] = {(char *)"eno1", (char *)"eno2"};
	struct plan *plan = NULL;
	char *why = NULL;

	assert_int_equal(plan_bridged(d, nics, datapath, &plan, &why), 0);
	return plan;
}

static struct plan *bridged(const struct desired *d)
{
	return bridged_on(d, "system");
}

static void add_provider(
	struct desired *d, const char *name, const char *bridge, unsigned vlan)
{
	d->providers = xrealloc(d->providers, d->n_providers + 1, sizeof(*d->providers));
	d->providers[d->n_providers++] =
		(struct desired_provider){xstrdup(name), xstrdup(bridge), vlan};
}

static void expect_port(const struct plan *p, const char *name, const char *bridge,
	const char *type, const char *mode, unsigned tag, size_t n_trunks)
{
	const struct row_port *row = rows_port(&p->rows, name);

	assert_non_null(row);
	assert_string_equal(row->bridge, bridge);
	assert_string_equal(row->type, type);
	assert_string_equal(row->vlan_mode, mode);
	assert_int_equal(row->tag, tag);
	assert_int_equal(row->n_trunks, n_trunks);
	assert_true(row->ours);
}

static void test_rows(void **state)
{
	_cleanup_(desired_freep) struct desired *d = example();
	_cleanup_(plan_freep) struct plan *p = bridged(d);
	const struct row_bridge *b = rows_bridge(&p->rows, "br-nic1");

	assert_int_equal(p->rows.n_bridges, 2);
	assert_int_equal(p->rows.n_ports, 6);
	assert_string_equal(b->datapath_type, "system");
	assert_string_equal(b->fail_mode, "standalone");
	assert_false(b->stp);
	expect_port(p, "br-nic1", "br-nic1", "internal", "", 0, 0);
	expect_port(p, "eno1", "br-nic1", "", "native-untagged", 10, 1);
	expect_port(p, "eno2", "br-nic2", "", "trunk", 0, 2);
	expect_port(p, "provisioning", "br-nic1", "internal", "access", 10, 0);
	expect_port(p, "storage", "br-nic2", "internal", "access", 40, 0);
	assert_int_equal(rows_port(&p->rows, "storage")->mtu_request, 9000);
	assert_int_equal(rows_port(&p->rows, "eno2")->mtu_request, 0);
	/* OVSDB keeps sets sorted */
	assert_int_equal(rows_port(&p->rows, "eno2")->trunks[0], 30);
	assert_int_equal(rows_port(&p->rows, "eno2")->trunks[1], 40);
}

static void expect_wire(
	const struct plan *p, const char *name, const char *bridge, unsigned vlan)
{
	_cleanup_free_ char *up = xasprintf("%s-up", name),
			    *dn = xasprintf("%s-dn", name);

	expect_port(p, name, name, "internal", "", 0, 0);
	expect_port(p, up, name, "patch", "", 0, 0);
	expect_port(p, dn, bridge, "patch", "access", vlan, 0);
	assert_string_equal(rows_port(&p->rows, up)->peer, dn);
	assert_string_equal(rows_port(&p->rows, dn)->peer, up);
}

static void test_provider(void **state)
{
	_cleanup_(desired_freep) struct desired *d = example();
	_cleanup_(plan_freep) struct plan *p = NULL;
	const struct row_bridge *b;

	add_provider(d, "external", "br-nic2", 30);
	p = bridged(d);
	b = rows_bridge(&p->rows, "external");
	assert_int_equal(p->rows.n_bridges, 3);
	assert_int_equal(p->rows.n_ports, 9);
	assert_true(b->provider);
	assert_true(b->ours);
	assert_string_equal(b->fail_mode, "");
	assert_string_equal(b->hwaddr, "");
	assert_string_equal(b->datapath_type, "system");
	assert_false(rows_bridge(&p->rows, "br-nic2")->provider);
	expect_wire(p, "external", "br-nic2", 30);
	/* no address, so no link and no file */
	assert_int_equal(p->n_links, 4);
}

static void test_tunnel(void **state)
{
	_cleanup_(desired_freep) struct desired *d = example();
	_cleanup_(plan_freep) struct plan *p = NULL, *native = NULL;
	const struct row_bridge *b;

	d->ports[1].tunnel = true;
	p = bridged_on(d, "system");
	expect_port(p, "storage", "br-nic2", "internal", "access", 40, 0);
	assert_int_equal(p->rows.n_bridges, 2);
	plan_freep(&p);
	p = bridged_on(d, "netdev");
	b = rows_bridge(&p->rows, "storage");
	assert_int_equal(p->rows.n_bridges, 3);
	assert_int_equal(p->rows.n_ports, 8);
	assert_false(b->provider);
	assert_string_equal(b->fail_mode, "standalone");
	assert_string_equal(b->datapath_type, "netdev");
	assert_string_equal(b->hwaddr, "96:40:e1:00:02:02");
	expect_wire(p, "storage", "br-nic2", 40);
	assert_int_equal(rows_port(&p->rows, "storage")->mtu_request, 9000);
	assert_string_equal(rows_port(&p->rows, "storage")->mac, "");
	/* the link is as before */
	assert_int_equal(p->n_links, 4);
	assert_string_equal(p->links[3].name, "storage");
	assert_int_equal(p->links[3].address, 0x0a4d280c);
	assert_int_equal(p->links[3].mtu, 9000);
	/* not the NIC's MAC, in the native VLAN neither */
	d->bridges[1].native_vlan = 40;
	native = bridged_on(d, "netdev");
	assert_string_equal(
		rows_bridge(&native->rows, "storage")->hwaddr, "96:40:e1:00:02:02");
	expect_wire(native, "storage", "br-nic2", 40);
}

/* An empty list of trunks would let every VLAN in. */
static void test_native_alone_is_access(void **state)
{
	_cleanup_(desired_freep) struct desired *d = example();
	_cleanup_(plan_freep) struct plan *p = NULL;

	d->bridges[0].n_trunks = 0;
	p = bridged(d);
	expect_port(p, "eno1", "br-nic1", "", "access", 10, 0);
}

static void test_links(void **state)
{
	_cleanup_(desired_freep) struct desired *d = example();
	_cleanup_(plan_freep) struct plan *p = bridged(d);

	assert_int_equal(p->n_links, 4);
	assert_string_equal(p->links[0].name, "eno1");
	assert_true(p->links[0].uplink);
	assert_int_equal(p->links[0].address, 0);
	assert_int_equal(p->links[1].mtu, 9000);
	assert_string_equal(p->links[2].name, "provisioning");
	assert_int_equal(p->links[2].address, 0x0a4d000c);
	assert_int_equal(p->links[2].gateway, 0x0a4d0001);
	assert_int_equal(p->links[3].prefix, 24);
	assert_int_equal(p->links[3].gateway, 0);
}

static void test_macs(void **state)
{
	_cleanup_(desired_freep) struct desired *d = example();
	_cleanup_(plan_freep) struct plan *p = bridged(d);
	struct mac_addr nic = d->bridges[0].uplink, a, b, native;

	assert_string_equal(
		rows_port(&p->rows, "provisioning")->mac, "94:40:c9:00:02:01");
	assert_string_equal(rows_port(&p->rows, "storage")->mac, "96:40:e1:00:02:02");
	plan_port_mac(&nic, 10, true, &native);
	assert_true(mac_equal(&native, &nic));
	plan_port_mac(&nic, 20, false, &a);
	plan_port_mac(&nic, 4094, false, &b);
	assert_false(mac_equal(&a, &b));
	assert_true((a.b[0] & 3) == 2); /* locally administered, unicast */
}

static void test_nic_with_a_networks_name(void **state)
{
	_cleanup_(desired_freep) struct desired *d = example();
	char *const nics[] = {(char *)"eno1", (char *)"storage"};
	_cleanup_free_ char *why = NULL;
	struct plan *plan = NULL;

	assert_int_equal(plan_bridged(d, nics, "system", &plan, &why), -EINVAL);
	assert_non_null(strstr(why, "storage"));
	assert_null(plan);
	add_provider(d, "external", "br-nic2", 30);
	free(TAKE_PTR(why));
	assert_int_equal(
		plan_bridged(d, (char *const[]){(char *)"external", (char *)"eno2"},
			"system", &plan, &why),
		-EINVAL);
	assert_non_null(strstr(why, "external"));
}

static void test_plain(void **state)
{
	_cleanup_(desired_freep) struct desired *d = example();
	_cleanup_(plan_freep) struct plan *p = plan_plain(d, "eno1");
	const struct desired_bridge *b;
	const struct desired_port *port;

	assert_int_equal(p->rows.n_bridges + p->rows.n_ports, 0);
	assert_int_equal(p->n_links, 1);
	assert_string_equal(p->links[0].name, "eno1");
	assert_int_equal(p->links[0].address, 0x0a4d000c);
	assert_int_equal(p->links[0].mtu, 1500);
	d->bridges[0].native_vlan = 0;
	assert_int_equal(plan_native_port(d, &port, &b), -ENOENT);
}

/* Of two untagged networks the one that the server is in. */
static void test_native_port_with_the_server(void **state)
{
	_cleanup_(desired_freep) struct desired *d = example();
	const struct desired_bridge *b;
	const struct desired_port *p;

	d->bridges[1].native_vlan = 40;
	assert_int_equal(plan_native_port(d, &p, &b), 0);
	assert_string_equal(p->name, "provisioning");
	d->server = 0x0a4d2802;
	assert_int_equal(plan_native_port(d, &p, &b), 0);
	assert_string_equal(p->name, "storage");
	assert_string_equal(b->name, "br-nic2");
}

static void rename_to(char **name, const char *to)
{
	free(*name);
	*name = xstrdup(to);
}

static void expect_bad(struct desired *d, const char *word)
{
	_cleanup_(desired_freep) struct desired *mine = d;
	_cleanup_free_ char *why = NULL;

	assert_int_equal(plan_check(mine, &why), -EINVAL);
	assert_non_null(strstr(why, word));
}

static void test_names(void **state)
{
	static const char *const bad[] = {"", "..", "../etc", "a/b", "lo", "ovs-system",
		"default", "sixteen-letters-", "sixteen-letters0", "with space",
		"Upper_case"};
	_cleanup_(desired_freep) struct desired *good = example();
	char *why = NULL;

	assert_int_equal(plan_check(good, &why), 0);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct desired *d = example();

		rename_to(&d->ports[0].name, bad[i]);
		expect_bad(d, "ports[0].name");
		d = example();
		rename_to(&d->bridges[1].name, bad[i]);
		expect_bad(d, "bridges[1].name");
	}
}

static void test_references(void **state)
{
	struct desired *d = example();

	rename_to(&d->ports[1].name, "provisioning");
	expect_bad(d, "twice");
	d = example();
	rename_to(&d->ports[1].name, "br-nic1");
	expect_bad(d, "name of a bridge");
	d = example();
	rename_to(&d->ports[1].bridge, "br-nic9");
	expect_bad(d, "no bridge");
	d = example();
	rename_to(&d->bridges[1].name, "br-nic1");
	expect_bad(d, "twice");
	d = example();
	d->bridges[1].uplink = d->bridges[0].uplink;
	expect_bad(d, "94:40:c9:00:02:01");
	d = example();
	d->ports[1].vlan = 41;
	expect_bad(d, "41");
	d = example();
	d->ports[0].mtu = 1501;
	expect_bad(d, "MTU");
	d = example();
	d->bridges[1].n_trunks = 0;
	expect_bad(d, "neither");
}

/* expect_bad after a provider of that name, bridge and VLAN has been added */
static void expect_bad_provider(
	const char *name, const char *bridge, unsigned vlan, const char *word)
{
	struct desired *d = example();

	add_provider(d, name, bridge, vlan);
	expect_bad(d, word);
}

static void test_provider_names(void **state)
{
	_cleanup_(desired_freep) struct desired *good = example();
	struct desired *d = example();
	char *why = NULL;

	add_provider(good, "twelve-chars", "br-nic2", 30);
	assert_int_equal(plan_check(good, &why), 0);
	expect_bad_provider("../etc", "br-nic2", 30, "providers[0].name");
	expect_bad_provider("thirteen-long", "br-nic2", 30, "at most 12 characters");
	expect_bad_provider("storage", "br-nic2", 30, "name of a port");
	expect_bad_provider("br-nic1", "br-nic2", 30, "name of a bridge");
	expect_bad_provider("external", "br-nic3", 30, "no bridge");
	expect_bad_provider("external", "br-nic2", 31, "VLAN 31");
	add_provider(d, "external", "br-nic2", 30);
	add_provider(d, "external", "br-nic2", 40);
	expect_bad(d, "twice");
	d = example();
	add_provider(d, "external", "br-nic2", 30);
	rename_to(&d->ports[1].name, "external-up");
	expect_bad(d, "external-up and external-dn");
	d = example();
	d->ports[1].tunnel = true;
	rename_to(&d->ports[0].name, "storage-dn");
	expect_bad(d, "storage-up and storage-dn");
	d = example();
	d->ports[1].tunnel = true;
	rename_to(&d->ports[1].name, "thirteen-long");
	expect_bad(d, "at most 12 characters");
}

static void test_same_network(void **state)
{
	_cleanup_(desired_freep) struct desired *a = example(), *b = example();

	b->revision = 99;
	rename_to(&b->role, "storage");
	assert_true(plan_same_network(a, b));
	b->bridges[1].trunks[0] = 30;
	b->bridges[1].trunks[1] = 40;
	assert_true(plan_same_network(a, b));
	b->bridges[1].trunks[1] = 41;
	assert_false(plan_same_network(a, b));
	b->bridges[1].trunks[1] = 40;
	b->ports[0].gateway = 0;
	assert_false(plan_same_network(a, b));
	b->ports[0].gateway = a->ports[0].gateway;
	b->n_ports--;
	assert_false(plan_same_network(a, b));
	b->n_ports++;
	b->ports[1].tunnel = true;
	assert_false(plan_same_network(a, b));
	b->ports[1].tunnel = false;
	add_provider(b, "external", "br-nic2", 30);
	assert_false(plan_same_network(a, b));
	add_provider(a, "external", "br-nic2", 40);
	assert_false(plan_same_network(a, b));
	a->providers[0].vlan = 30;
	assert_true(plan_same_network(a, b));
	b->server++;
	assert_false(plan_same_network(a, b));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_provider),
		cmocka_unit_test(test_tunnel),
		cmocka_unit_test(test_native_alone_is_access),
		cmocka_unit_test(test_links),
		cmocka_unit_test(test_macs),
		cmocka_unit_test(test_nic_with_a_networks_name),
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_native_port_with_the_server),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_references),
		cmocka_unit_test(test_provider_names),
		cmocka_unit_test(test_same_network),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
