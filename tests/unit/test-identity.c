/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/harness.h"

#include "bootstrap/identity.h"

static char serial[] = "CZJ0010002", vendor[] = "HPE";

/* A node and the inventory that is it. */
struct pair {
	struct rack_profile profile;
	struct rack_node node;
	struct inv_nic nics[3];
	struct inventory inv;
};

static void make(struct pair *p)
{
	*p = (struct pair){.profile = {.n_nics = 2}};
	p->node = (struct rack_node){.name = vendor,
		.serial = serial,
		.profile = &p->profile,
		.uuid = "30373237-3132-4d32-3235-303130303032"};
	for (size_t i = 0; i < 2; i++)
		p->node.macs[i].b[5] = (uint8_t)(i + 1);
	p->nics[0].mac.b[5] = 9;
	p->nics[1].mac.b[5] = 2;
	p->nics[2].mac.b[5] = 1;
	p->inv = (struct inventory){
		.vendor = vendor, .serial = serial, .nics = p->nics, .n_nics = 3};
	strcpy(p->inv.uuid, p->node.uuid);
}

static void differs(struct pair *p, const char *word)
{
	_cleanup_free_ char *text = identity_check(NULL, &p->node, &p->inv);

	assert_non_null(text);
	if (!strstr(text, word))
		fail_msg("no \"%s\" in: %s", word, text);
	assert_non_null(strstr(text, "Nothing was written"));
}

static void same(void **state)
{
	struct pair p;

	make(&p);
	assert_null(identity_check(NULL, &p.node, &p.inv));
	strcpy(p.inv.uuid,
		"37323730-3231-324d-3235-303130303032"); /* the same bytes, swapped */
	assert_null(identity_check(NULL, &p.node, &p.inv));
}

static void others(void **state)
{
	static char another[] = "CZJ9999999";
	struct pair p;

	make(&p);
	p.inv.serial = another;
	differs(&p, "serial CZJ0010002, the server says CZJ9999999");
	make(&p);
	strcpy(p.inv.uuid, "ffffffff-ffff-ffff-ffff-ffffffffffff");
	differs(&p, "UUID");
	make(&p);
	p.inv.uuid[0] = 0;
	differs(&p, "UUID");
	make(&p);
	p.inv.n_nics = 2;
	differs(&p, "mac.1 00:00:00:00:00:01");
	p.inv.n_nics = 0;
	differs(&p, "mac.2");
}

static void unsaid_is_not_compared(void **state)
{
	struct pair p;

	make(&p);
	p.node.serial = NULL;
	p.node.uuid[0] = 0;
	strcpy(p.inv.uuid, "ffffffff-ffff-ffff-ffff-ffffffffffff");
	assert_null(identity_check(NULL, &p.node, &p.inv));
}

/* A second node of the rack that the server is instead. */
static void swapped(void **state)
{
	static char hp05[] = "hp05", moved[] = "CZJ0010005";
	struct rack_node nodes[2];
	struct rack rack = {.nodes = nodes, .n_nodes = 2};
	_cleanup_free_ char *text = NULL;
	struct pair p;

	make(&p);
	nodes[0] = p.node;
	nodes[1] =
		(struct rack_node){.name = hp05, .serial = moved, .profile = &p.profile};
	p.inv.serial = moved;
	text = identity_check(&rack, &nodes[0], &p.inv);
	assert_non_null(text);
	assert_non_null(strstr(text, "it is what rack.ini gives to hp05"));
}

static void twice(void **state)
{
	struct pair a, b;
	_cleanup_free_ char *by_serial = NULL, *by_uuid = NULL;
	static char other[] = "CZJ0010003", unset[] = "1234567890";

	make(&a);
	make(&b);
	assert_null(
		identity_twice("hp02", &a.inv, "hp03", &b.inv)); /* one board: its MACs */
	for (size_t i = 0; i < 3; i++)
		b.nics[i].mac.b[4] = 7;
	by_serial = identity_twice("hp02", &a.inv, "hp03", &b.inv);
	assert_non_null(by_serial);
	assert_non_null(strstr(by_serial, "serial CZJ0010002: hp02 and hp03"));
	b.inv.serial = other;
	by_uuid = identity_twice("hp02", &a.inv, "hp03", &b.inv);
	assert_non_null(by_uuid);
	assert_non_null(strstr(by_uuid, "UUID 3037"));
	a.inv.serial = b.inv.serial = unset;
	strcpy(a.inv.uuid, "ffffffff-ffff-ffff-ffff-ffffffffffff");
	strcpy(b.inv.uuid, a.inv.uuid);
	assert_null(identity_twice("hp02", &a.inv, "hp03", &b.inv));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(same),
		cmocka_unit_test(others),
		cmocka_unit_test(unsaid_is_not_compared),
		cmocka_unit_test(swapped),
		cmocka_unit_test(twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
