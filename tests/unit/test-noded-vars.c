/* SPDX-License-Identifier: Apache-2.0 */
/* Variables: each has the value of this node, and one that has none is never left out. */
#include "nodeagent/vars.h"

#include "tests/unit/harness.h"

static char *services[] = {(char *)"cinder", (char *)"heat", NULL};
static char *dns[] = {(char *)"9.9.9.9", (char *)"1.1.1.1", NULL};
static struct desired_external external = {.name = (char *)"external"};
static struct desired_cloud cloud = {.public = (char *)"cloud.example",
	.controller = (char *)"10.77.20.11",
	.network = (char *)"management",
	.region = (char *)"RegionOne",
	.virtualization = (char *)"auto",
	.student = (char *)"student",
	.services = services,
	.dns = dns,
	.external = &external};
static struct desired_port ports[] = {
	{.name = (char *)"provisioning", .address = 0x0a4d000c, .prefix = 24},
	{.name = (char *)"management", .address = 0x0a4d140c, .prefix = 24},
	{.name = (char *)"storage", .address = 0x0a4d280c, .prefix = 20},
};
static struct desired_provider providers[] = {
	{.name = (char *)"external", .bridge = (char *)"br-nic2", .vlan = 50}};
static struct desired_secret secrets[] = {{(char *)"db.nova", (char *)"s3cret$x"}};
static struct desired_peer peers[] = {
	{.name = (char *)"hp09", .role = (char *)"storage", .kind = (char *)"object"},
	{.name = (char *)"hp10", .role = (char *)"storage", .kind = (char *)"object"},
	{.name = (char *)"hp08", .role = (char *)"storage", .kind = (char *)"block"},
};

static struct desired desired = {.rack = (char *)"dl360",
	.node = (char *)"hp02",
	.role = (char *)"compute",
	.kind = (char *)"",
	.ports = ports,
	.n_ports = ARRAY_SIZE(ports),
	.providers = providers,
	.n_providers = 1,
	.secrets = secrets,
	.n_secrets = 1,
	.peers = peers,
	.n_peers = ARRAY_SIZE(peers),
	.cloud = &cloud};

static const struct vars_machine small = {.cores = 2, .memory_bytes = 8ULL << 30};
static const struct vars_machine large = {
	.cores = 40, .memory_bytes = 256ULL << 30, .kvm = true, .ovs_kernel = true};

static void is(const struct vars_machine *m, const char *text, const char *want)
{
	_cleanup_(vars_freep) struct vars *v = vars_new(&desired, m);
	_cleanup_free_ char *got = NULL, *msg = NULL;

	if (vars_expand(v, text, &got, &msg) < 0)
		fail_msg("%s: %s", text, msg);
	assert_string_equal(got, want);
}

static void is_refused(const char *text, const char *words)
{
	_cleanup_(vars_freep) struct vars *v = vars_new(&desired, &small);
	_cleanup_free_ char *got = NULL, *msg = NULL;

	assert_int_equal(vars_expand(v, text, &got, &msg), -EINVAL);
	assert_null(got);
	assert_non_null(strstr(msg, words));
}

static void template_is(const char *text, const char *want)
{
	_cleanup_(vars_freep) struct vars *v = vars_new(&desired, &small);
	_cleanup_free_ char *got = NULL, *msg = NULL;

	assert_int_equal(vars_template(v, text, &got, &msg), 0);
	assert_string_equal(got, want);
}

static void values(_unused_ void **state)
{
	is(&small, "plain", "plain");
	is(&small, "", "");
	is(&small, "${node}.${rack}/${role}", "hp02.dl360/compute");
	is(&small, "https://${public}:5000 ${controller} ${region}",
		"https://cloud.example:5000 10.77.20.11 RegionOne");
	is(&small, "${address} ${address:storage}", "10.77.20.12 10.77.40.12");
	is(&small, "${address:tunnel}", "10.77.20.12"); /* not in the rack: management */
	is(&small, "${cidr:storage}", "10.77.32.0/20");
	is(&small, "${secret:db.nova}", "s3cret$x"); /* a value is not expanded again */
	is(&small, "$$ $x {a}", "$ $x {a}");
	is(&small, "${dns} ${services}", "9.9.9.9,1.1.1.1 cinder,heat");
	is(&small, "${replicas} ${bridge_mappings}", "2 external:external");
	is(&small, "${external} ${student}", "external student");
}

/* With an address in the external network, shares are given out there. */
static void shares_follow_the_address(_unused_ void **state)
{
	struct desired_port with[ARRAY_SIZE(ports) + 1];

	memcpy(with, ports, sizeof(ports));
	with[ARRAY_SIZE(ports)] = (struct desired_port){
		.name = (char *)"external", .address = 0x0a4d320c, .prefix = 24};
	is(&small, "${shares}", "10.77.40.12");
	desired.ports = with;
	desired.n_ports = ARRAY_SIZE(with);
	is(&small, "${shares}", "10.77.50.12");
	desired.ports = ports;
	desired.n_ports = ARRAY_SIZE(ports);
}

static void who_is_notified_follows_the_services(_unused_ void **state)
{
	char *with[] = {(char *)"cinder", (char *)"telemetry", NULL};

	is(&small, "${notify}", "noop");
	cloud.services = with;
	is(&small, "${notify}", "messagingv2");
	cloud.services = services;
}

static void of_the_machine(_unused_ void **state)
{
	is(&small, "${cores} ${memory_mb} ${workers} ${children} ${processes}",
		"2 8192 1 0 2");
	is(&large, "${cores} ${memory_mb} ${workers} ${children} ${processes}",
		"40 262144 8 8 8");
	is(&small, "${datapath} ${userspace} ${virt_type} ${cpu_mode}",
		"netdev True qemu none");
	is(&large, "${datapath} ${userspace} ${virt_type} ${cpu_mode}",
		"system False kvm host-model");
}

static void a_slow_rack_has_longer_seconds(_unused_ void **state)
{
	desired.patience_percent = 100;
	is(&small, "${patient:10}", "10");
	desired.patience_percent = 1000;
	is(&small, "${patient:10} ${patient:75}", "100 750");
	desired.patience_percent = 250;
	is(&small, "${patient:2}", "5");
	is_refused("${patient:}", "${patient:}");
	is_refused("${patient:0}", "${patient:0}");
	is_refused("${patient:1s}", "${patient:1s}");
	is_refused("${patient:99999999999}", "${patient:99999999999}");
	desired.patience_percent = 100;
}

static void virtualization_is_the_racks_choice(_unused_ void **state)
{
	cloud.virtualization = (char *)"kvm";
	assert_string_equal(vars_virt_type(&desired, false), "kvm");
	cloud.virtualization = (char *)"emulated";
	assert_string_equal(vars_virt_type(&desired, true), "qemu");
	cloud.virtualization = (char *)"auto";
	assert_string_equal(vars_virt_type(&desired, true), "kvm");
	assert_string_equal(vars_virt_type(&desired, false), "qemu");
}

static void what_has_no_value_is_an_error(_unused_ void **state)
{
	is_refused("${nonsense}", "${nonsense}");
	is_refused("${secret:db.glance}", "${secret:db.glance}");
	is_refused("${address:nowhere}", "${address:nowhere}");
	is_refused("a ${node", "no \"}\"");
	is_refused("${}", "${}");
}

static void templates_leave_out(_unused_ void **state)
{
	template_is("a\n{{#if cinder}}\nb ${node}\n{{/if}}\nc\n", "a\nb hp02\nc\n");
	template_is("a\n{{#if swift}}\nb ${nonsense}\n{{/if}}\nc", "a\nc");
	template_is("{{#if external}}\nx\n{{/if}}\n", "x\n");
	template_is("{{#if swift}}\nx\n", "");
	template_is("{{ jinja }} {{#if}}\n", "{{ jinja }} {{#if}}\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values),
		cmocka_unit_test(shares_follow_the_address),
		cmocka_unit_test(who_is_notified_follows_the_services),
		cmocka_unit_test(of_the_machine),
		cmocka_unit_test(a_slow_rack_has_longer_seconds),
		cmocka_unit_test(virtualization_is_the_racks_choice),
		cmocka_unit_test(what_has_no_value_is_an_error),
		cmocka_unit_test(templates_leave_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
