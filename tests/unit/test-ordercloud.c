/* SPDX-License-Identifier: Apache-2.0 */
/* The model of a rack that is a cloud, and what its nodes are told: out, back in, broken. */
#include "tests/unit/harness.h"

#include "common/jsonx.h"
#include "common/order.h"
#include "common/roledef.h"

static struct roledefs *roles;
static struct rack *rack;

static char *cloud_ini(const char *cloud)
{
	_cleanup_free_ char *lab = NULL;
	const char *at;

	assert_int_equal(read_file("tests/data/lab.ini", 1 << 20, &lab, NULL), 0);
	at = strstr(lab, "[bmc]");
	assert_non_null(at);
	return xasprintf(
		"%.*simage = full\n[cloud]\n%s\n%s", (int)(at - lab), lab, cloud, at);
}

static struct rack *parse(const char *cloud)
{
	_cleanup_free_ char *text = cloud_ini(cloud);
	struct problems p = {0};
	struct rack *r = NULL;

	rack_parse("rack.ini", text, strlen(text), roles, &p, &r);
	problems_print(&p, stderr);
	problems_clear(&p);
	assert_non_null(r);
	return r;
}

static int setup(void **state)
{
	struct problems p = {0};

	if (roledefs_load("roles", &p, &roles) < 0)
		return -1;
	rack = parse(
		"services = heat horizon\ndns = 9.9.9.9\n"
		"[network floating]\nuse = external\nsubnet = 10.77.50.0/24\nvlan = 50\n"
		"gateway = 10.77.50.1\nrange = 10.77.50.100-10.77.50.199\n"
		"[profile wide]\nproduct = x\nnic.1.native = provisioning\n"
		"nic.1.tagged = management tunnel floating\nnic.2.tagged = storage\n"
		"disk.1.use = system\ndisk.1.bus = sata\ndisk.1.size = 480G\nmemory = 64G");
	return 0;
}

static int teardown(void **state)
{
	rack_freep(&rack);
	roledefs_freep(&roles);
	return 0;
}

static void model(void **state)
{
	_cleanup_(rack_freep) struct rack *named =
		parse("services = none\nname = cloud.school.example\n"
		      "network = provisioning\nstudent = kim");
	_cleanup_free_ char *public = rack_public_name(rack),
			    *name = rack_public_name(named);

	assert_string_equal(public, "10.77.20.11");
	assert_string_equal(rack_controller(rack)->name, "hp01");
	assert_string_equal(rack_external(rack)->name, "floating");
	assert_int_equal(strv_len(rack->cloud->services), 2);
	assert_string_equal(rack->cloud->virtualization, "auto");
	assert_true(rack->profiles[0].memory_bytes == UINT64_C(64) << 30);
	assert_string_equal(name, "cloud.school.example");
	assert_null(rack_external(named));
	assert_int_equal(strv_len(named->cloud->services), 0);
	assert_string_equal(named->cloud->network->name, "provisioning");
	assert_string_equal(named->cloud->student, "kim");
}

/* The desired state of hp02 with everything that ondold adds on the way. */
static json_t *document(void)
{
	struct desired *d = desired_from_rack(rack, rack_node(rack, "hp02"), NULL, 7);
	json_t *doc = desired_to_json(d);

	desired_free(d);
	json_object_set_new(doc, "secrets",
		json_pack("{s:s, s:s}", "db.nova", "5ecret", "tls.key",
			"-----BEGIN\nabc\n-----END\n"));
	json_object_set_new(doc, "facts",
		json_pack("{s:i, s:{s:[s,s]}, s:{s:{s:s, s:i}}}", "rev", 12, "nodes",
			"hp01", "keystone", "nova-api", "blobs", "account.ring.gz",
			"sha256",
			"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
			"size_bytes", 5));
	json_object_set_new(doc, "restore",
		json_pack("{s:s, s:i}", "sha256",
			"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
			"size_bytes", 9));
	return doc;
}

static void there_and_back(void **state)
{
	_cleanup_(jx_freep) json_t *doc = document(), *again = NULL;
	_cleanup_(desired_freep) struct desired *d = NULL;
	_cleanup_free_ char *msg = NULL;

	if (desired_from_json(doc, &d, &msg) < 0)
		fail_msg("%s", msg);
	again = desired_to_json(d);
	assert_true(json_equal(doc, again));
	assert_string_equal(d->cloud->public, "10.77.20.11");
	assert_string_equal(d->cloud->network, "management");
	assert_string_equal(d->cloud->external->name, "floating");
	assert_int_equal(d->cloud->external->first, 0x0a4d3264);
	assert_string_equal(desired_secret(d, "db.nova"), "5ecret");
	assert_null(desired_secret(d, "db.glance"));
	assert_true(desired_fact(d, "hp01", "keystone"));
	assert_false(desired_fact(d, "hp02", "keystone"));
	assert_true(desired_role_fact(d, "controller", NULL, "nova-api"));
	assert_false(desired_role_fact(d, "compute", NULL, "nova-api"));
	assert_int_equal(desired_blob(d, "account.ring.gz")->size_bytes, 5);
	assert_null(desired_blob(d, "object.ring.gz"));
	assert_int_equal(d->restore->size_bytes, 9);
}

static void peers(void **state)
{
	_cleanup_(desired_freep) struct desired *d =
		desired_from_rack(rack, rack_node(rack, "hp02"), NULL, 7);
	const struct desired_peer *p = desired_peer(d, "hp01");

	assert_non_null(p);
	assert_int_equal(p->n_addresses, 4); /* none in the external network */
	assert_int_equal(desired_peer_address(p, "storage"), 0x0a4d280b);
	assert_int_equal(desired_peer_address(p, "floating"), 0);
	assert_int_equal(p->n_data_disks, 1);
	assert_string_equal(p->data_disks[0].name, "d1");
	assert_true(p->data_disks[0].size_bytes == UINT64_C(1920000000000));
	assert_null(desired_peer(d, "hp09"));
}

/* In the external network only the nodes have an address that give out shares there. */
static void shares(void **state)
{
	static const char with[] =
		"services = cinder manila\n"
		"[network floating]\nuse = external\nsubnet = 10.77.50.0/24\nvlan = 50\n"
		"gateway = 10.77.50.1\nshares = %s\n"
		"[profile wide]\nproduct = x\nnic.1.native = provisioning\n"
		"nic.1.tagged = management tunnel floating\nnic.2.tagged = storage\n"
		"disk.1.use = system\ndisk.1.bus = sata\ndisk.1.size = 480G\n"
		"disk.2.use = data\ndisk.2.bus = sata\ndisk.2.size = 480G\n"
		"[node hp08]\nprofile = wide\nrole = storage\nkind = block\nhost = 18\n"
		"bmc = 10.77.1.18\nmac.1 = 94:40:c9:00:08:01\nmac.2 = 94:40:c9:00:08:02\n"
		"serial = CZJ0010008\n"
		"[node hp09]\nprofile = wide\nrole = compute\nhost = 19\n"
		"bmc = 10.77.1.19\nmac.1 = 94:40:c9:00:09:01\nmac.2 = 94:40:c9:00:09:02\n"
		"serial = CZJ0010009\n";

	for (int yes = 0; yes < 2; yes++) {
		_cleanup_free_ char *text = xasprintf(with, yes ? "yes" : "no");
		_cleanup_(rack_freep) struct rack *r = parse(text);
		_cleanup_(desired_freep) struct desired *block = desired_from_rack(r,
								rack_node(r, "hp08"),
								NULL, 7),
							*compute = desired_from_rack(r,
								rack_node(r, "hp09"),
								NULL, 7);
		const struct desired_port *first = &block->ports[0];

		assert_int_equal(block->n_providers, !yes);
		assert_int_equal(block->n_ports, 4 + yes);
		assert_string_equal(first->name, yes ? "floating" : "provisioning");
		assert_int_equal(first->address, yes ? 0x0a4d3212 : 0x0a4d0012);
		assert_int_equal(first->gateway, 0);
		assert_int_equal(compute->n_providers, 1);
		assert_int_equal(compute->n_ports, 4);
		assert_int_equal(
			desired_peer_address(desired_peer(compute, "hp08"), "floating"),
			yes ? 0x0a4d3212 : 0);
	}
}

static void no_cloud(void **state)
{
	_cleanup_(jx_freep) json_t *doc = document();
	_cleanup_(desired_freep) struct desired *d = NULL;
	_cleanup_free_ char *msg = NULL;

	json_object_del(doc, "cloud");
	json_object_del(doc, "secrets");
	json_object_del(doc, "facts");
	json_object_del(doc, "restore");
	json_object_del(json_array_get(json_object_get(doc, "peers"), 0), "addresses");
	json_object_del(json_array_get(json_object_get(doc, "peers"), 0), "data_disks");
	assert_int_equal(desired_from_json(doc, &d, &msg), 0);
	assert_null(d->cloud);
	assert_null(d->restore);
	assert_int_equal(d->n_secrets, 0);
	assert_int_equal(d->facts.rev, 0);
	assert_int_equal(d->peers[0].n_addresses, 0);
}

static void refused(const char *from, const char *to)
{
	_cleanup_(jx_freep) json_t *doc = document(), *broken = NULL;
	char *text = json_dumps(doc, JSON_COMPACT);
	const char *at = strstr(text, from);
	_cleanup_free_ char *msg = NULL, *changed = NULL;
	struct desired *d = NULL;

	if (!at)
		fail_msg("the document does not have %s", from);
	changed = xasprintf("%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
	free(text);
	broken = jx_parse(changed, strlen(changed), &msg);
	if (!broken)
		fail_msg("%s: %s", changed, msg);
	if (desired_from_json(broken, &d, &msg) != -EINVAL)
		fail_msg("%s was taken for good", to);
	assert_non_null(msg);
	assert_null(strstr(msg, "5ecret"));
}

static void broken(void **state)
{
	static const char *const breaks[][2] = {{"\"rev\":12", "\"rev\":0"},
		{"\"rev\":12", "\"rev\":\"12\""},
		{"\"hp01\":[\"keystone\"", "\"hp01\":[5"},
		{"\"hp01\":[\"keystone\"", "\"hp 01\":[\"keystone\""},
		{"\"keystone\"", "\"key stone\""},
		{"\"sha256\":\"ba78", "\"sha256\":\"BA78"},
		{"\"size_bytes\":5", "\"size_bytes\":-5"},
		{"\"account.ring.gz\"", "\"../ring\""}, {"\"5ecret\"", "5"},
		{"\"db.nova\":\"5ecret\"", "\"db nova\":\"5ecret\""},
		{"5ecret", "5ecret\\u0001"}, {"\"secrets\":{", "\"secrets\":[],\"x\":{"},
		{"\"region\":\"RegionOne\"", "\"region\":\"Region One\""},
		{"\"services\":[", "\"services\":[1,"},
		{"\"dns\":[\"9.9.9.9\"]", "\"dns\":\"9.9.9.9\""},
		{"\"first\":\"10.77.50.100\"", "\"first\":\"10.77.50.201\""},
		{"\"first\":\"10.77.50.100\"", "\"first\":\"10.77.50\""},
		{"\"cloud\":{", "\"cloud\":7,\"x\":{"},
		{"\"facts\":{", "\"facts\":7,\"x\":{"},
		{"\"restore\":{", "\"restore\":7,\"x\":{"},
		{"\"addresses\":{", "\"addresses\":{\"x\":5,"}, {"\"d1\"", "\"d 1\""}};

	for (size_t i = 0; i < ARRAY_SIZE(breaks); i++)
		refused(breaks[i][0], breaks[i][1]);
}

static void memory(void **state)
{
	uint64_t bytes = 1;

	assert_int_equal(parse_memory("64G", &bytes), 0);
	assert_true(bytes == UINT64_C(64) << 30);
	assert_int_equal(parse_memory("64", &bytes), -EINVAL);
	assert_int_equal(parse_memory("64GiB", &bytes), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(model),
		cmocka_unit_test(there_and_back),
		cmocka_unit_test(peers),
		cmocka_unit_test(shares),
		cmocka_unit_test(no_cloud),
		cmocka_unit_test(broken),
		cmocka_unit_test(memory),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
