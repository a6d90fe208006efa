/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/harness.h"

#include "netconf/rows.h"

static void add_bridge(struct rows *r, const char *name, bool ours)
{
	r->bridges = xrealloc(r->bridges, r->n_bridges + 1, sizeof(*r->bridges));
	r->bridges[r->n_bridges++] = (struct row_bridge){.name = xstrdup(name),
		.datapath_type = xstrdup("system"),
		.fail_mode = xstrdup("standalone"),
		.hwaddr = xstrdup(""),
		.ours = ours};
}

static struct row_port *add_port(
	struct rows *r, const char *name, const char *bridge, bool ours)
{
	r->ports = xrealloc(r->ports, r->n_ports + 1, sizeof(*r->ports));
	r->ports[r->n_ports++] = (struct row_port){.name = xstrdup(name),
		.bridge = xstrdup(bridge),
		.type = xstrdup("internal"),
		.vlan_mode = xstrdup("access"),
		.tag = 10,
		.mac = xstrdup(""),
		.peer = xstrdup(""),
		.error = xstrdup(""),
		.ours = ours};
	return &r->ports[r->n_ports - 1];
}

static void add_network(struct rows *r, bool ours)
{
	add_bridge(r, "br-nic1", ours);
	add_port(r, "br-nic1", "br-nic1", ours);
	add_port(r, "storage", "br-nic1", ours);
}

static void set(char **field, const char *value)
{
	free(*field);
	*field = xstrdup(value);
}

/* Takes want and found; expects exactly these lines. */
static void expect_diff(struct rows *want, struct rows *found, const char *const lines[])
{
	char **diff = rows_diff(want, found);
	size_t n = 0;

	for (; lines[n]; n++) {
		assert_non_null(diff[n]);
		assert_string_equal(diff[n], lines[n]);
	}
	assert_null(diff[n]);
	rows_strv_free(diff);
	rows_clear(want);
	rows_clear(found);
}

static void test_same(void **state)
{
	struct rows want = {0}, found = {0};

	add_network(&want, true);
	add_network(&found, true);
	add_bridge(&found, "br-int", false);
	add_port(&found, "vnet0", "br-nic1", false);
	expect_diff(&want, &found, (const char *const[]){NULL});
}

static void test_missing(void **state)
{
	struct rows want = {0}, found = {0};

	add_network(&want, true);
	expect_diff(&want, &found,
		(const char *const[]){"bridge br-nic1: not there",
			"port br-nic1 on br-nic1: not there",
			"port storage on br-nic1: not there", NULL});
}

static void test_fields(void **state)
{
	struct rows want = {0}, found = {0};
	struct row_port *w, *f;

	add_network(&want, true);
	add_network(&found, true);
	set(&found.bridges[0].fail_mode, "secure");
	set(&found.bridges[0].datapath_type, "");
	found.bridges[0].stp = true;
	w = &want.ports[1];
	f = &found.ports[1];
	f->tag = 11;
	f->mtu_request = 1500;
	w->mtu_request = 9000;
	set(&f->vlan_mode, "trunk");
	set(&f->mac, "02:00:00:00:00:01");
	set(&w->peer, "storage-dn");
	set(&want.bridges[0].hwaddr, "02:00:00:00:00:02");
	f->trunks = xcalloc(2, sizeof(unsigned));
	f->trunks[0] = 20;
	f->trunks[1] = 30;
	f->n_trunks = 2;
	expect_diff(&want, &found,
		(const char *const[]){"bridge br-nic1: datapath_type (none) -> system",
			"bridge br-nic1: hwaddr (none) -> 02:00:00:00:00:02",
			"bridge br-nic1: fail_mode secure -> standalone",
			"bridge br-nic1: stp on -> off",
			"port storage: vlan_mode trunk -> access",
			"port storage: tag 11 -> 10",
			"port storage: trunks 20,30 -> (all)",
			"port storage: mtu_request 1500 -> 9000",
			"port storage: mac 02:00:00:00:00:01 -> (none)",
			"port storage: peer (none) -> storage-dn", NULL});
}

/* Fail mode and wires of a provider bridge are the agent's; what is there of ours is not. */
static void test_provider(void **state)
{
	struct rows want = {0}, found = {0};

	add_bridge(&want, "external", true);
	add_bridge(&found, "external", true);
	want.bridges[0].provider = found.bridges[0].provider = true;
	set(&want.bridges[0].fail_mode, "");
	set(&found.bridges[0].fail_mode, "secure");
	set(&found.bridges[0].hwaddr, "02:00:00:00:00:02");
	found.bridges[0].stp = true;
	set(&add_port(&found, "phy-external", "external", false)->type, "patch");
	expect_diff(&want, &found, (const char *const[]){NULL});

	add_bridge(&want, "external", true);
	add_bridge(&found, "external", true);
	want.bridges[0].provider = true;
	expect_diff(&want, &found,
		(const char *const[]){"bridge external: provider no -> yes", NULL});

	/* not wanted any more: a wire does not keep it, a guest's port does */
	add_bridge(&found, "external", true);
	found.bridges[0].provider = true;
	set(&add_port(&found, "phy-external", "external", false)->type, "patch");
	assert_false(rows_bridge_is_shared(&found, "external"));
	add_port(&found, "tap0", "external", false);
	assert_true(rows_bridge_is_shared(&found, "external"));
	found.bridges[0].provider = false;
	set(&found.ports[1].type, "patch");
	assert_true(rows_bridge_is_shared(&found, "external"));
	rows_clear(&found);
}

static void test_leftovers(void **state)
{
	struct rows want = {0}, found = {0};

	add_network(&found, true);
	add_bridge(&found, "hand", false);
	add_port(&found, "hand0", "hand", false);
	expect_diff(&want, &found,
		(const char *const[]){"bridge br-nic1: not wanted any more",
			"port storage on br-nic1: not wanted any more", NULL});
}

/* A bridge with a guest on it stays, and that it stays is no difference. */
static void test_shared_bridge(void **state)
{
	struct rows want = {0}, found = {0};

	add_bridge(&found, "br-nic1", true);
	add_port(&found, "br-nic1", "br-nic1", true);
	assert_false(rows_bridge_is_shared(&found, "br-nic1"));
	add_port(&found, "vnet0", "br-nic1", false);
	assert_true(rows_bridge_is_shared(&found, "br-nic1"));
	expect_diff(&want, &found, (const char *const[]){NULL});
}

static void expect_conflict(struct rows *want, struct rows *found, const char *word)
{
	_cleanup_free_ char *conflict = rows_conflict(want, found);

	if (word)
		assert_non_null(strstr(conflict, word));
	else
		assert_null(conflict);
	rows_clear(want);
	rows_clear(found);
}

static void test_conflict(void **state)
{
	struct rows want = {0}, found = {0};

	add_network(&want, true);
	add_network(&found, true);
	add_bridge(&found, "hand", false);
	expect_conflict(&want, &found, NULL);

	add_network(&want, true);
	add_bridge(&found, "br-nic1", false);
	expect_conflict(&want, &found, "bridge br-nic1 exists");

	add_network(&want, true);
	add_bridge(&found, "hand", false);
	add_port(&found, "storage", "hand", false);
	expect_conflict(&want, &found, "port storage is in bridge hand");
}

static void test_errors(void **state)
{
	struct rows want = {0}, found = {0};
	_cleanup_free_ char *text = NULL;

	add_network(&want, true);
	add_network(&found, true);
	set(&add_port(&found, "vnet0", "br-nic1", false)->error, "not ours to report");
	assert_null(rows_errors(&want, &found));
	set(&found.ports[0].error, "first");
	set(&found.ports[1].error, "second");
	text = rows_errors(&want, &found);
	assert_string_equal(text,
		"ovs-vswitchd could not add br-nic1 to br-nic1: first; "
		"ovs-vswitchd could not add storage to br-nic1: second");
	rows_clear(&want);
	rows_clear(&found);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same),
		cmocka_unit_test(test_missing),
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_provider),
		cmocka_unit_test(test_leftovers),
		cmocka_unit_test(test_shared_bridge),
		cmocka_unit_test(test_conflict),
		cmocka_unit_test(test_errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
