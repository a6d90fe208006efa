/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each fault as the events that it leaves behind. Where the words come from a pure writer
 * (ipmi_fault_words, identity_check, fsm_step), that writer is called, so that a changed
 * message that nobody understands any more fails here.
 */
#include "tests/unit/harness.h"

#include "bootstrap/bmctext.h"
#include "bootstrap/diagnose.h"
#include "bootstrap/identity.h"
#include "bootstrap/ipmitext.h"
#include "bootstrap/selnews.h"
#include "tests/unit/fsm-policy.h"

static int64_t next_id;
static uint64_t now_ms;

static struct diagnosis *begin(void)
{
	next_id = 1;
	now_ms = 1000000;
	return diagnosis_new();
}

static void says(struct diagnosis *d, const char *type, const char *text)
{
	now_ms += 1000;
	diagnosis_feed(d,
		&(struct store_event){.id = next_id++,
			.time_ms = now_ms,
			.node = "hp02",
			.source = "x",
			.type = type,
			.text = text});
}

static void say_all(struct diagnosis *d, const char *const types[])
{
	for (size_t i = 0; types[i]; i++)
		says(d, types[i], "");
}

/* The first finding is this one, its evidence ends with this type; takes d. */
static void cause_is(
	struct diagnosis *d, enum fsm_state state, const char *cause, const char *type)
{
	struct diag_finding f[DIAG_MAX_FINDINGS];
	size_t n = diagnosis_findings(d, state, now_ms + 200000, f);

	if (!cause) {
		if (n)
			fail_msg("expected no cause, found %s", f[0].cause);
		diagnosis_free(d);
		return;
	}
	if (n == 0)
		fail_msg("expected %s, found no cause", cause);
	assert_string_equal(f[0].cause, cause);
	assert_true(f[0].n_evidence > 0);
	assert_string_equal(f[0].evidence[f[0].n_evidence - 1]->type, type);
	assert_true(strlen(f[0].title) > 10 && strlen(f[0].todo) > 10);
	diagnosis_free(d);
}

static void test_bmc(void **state)
{
	static const struct {
		enum ipmi_fault fault;
		const char *cause, *type;
	} list[] = {
		{IPMI_FAULT_UNREACHABLE, "bmc-unreachable", "power.failed"},
		{IPMI_FAULT_CIPHER, "bmc-cipher", "power.refused"},
		{IPMI_FAULT_USER, "bmc-user", "power.refused"},
		{IPMI_FAULT_PASSWORD, "bmc-password", "power.refused"},
		{IPMI_FAULT_PRIVILEGE, "bmc-privilege", "power.refused"},
		{IPMI_FAULT_BUSY, "bmc-busy", "power.failed"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(list); i++) {
		struct diagnosis *d = begin();
		_cleanup_free_ char *words =
			ipmi_fault_words(list[i].fault, "10.0.0.2", "ondol", "");

		says(d, "install.wanted", "");
		says(d, list[i].type, words);
		cause_is(d, FSM_FAILED, list[i].cause, list[i].type);
	}
}

static void test_power_ignored(void **state)
{
	struct diagnosis *d = begin();

	says(d, "power.failed",
		"BMC 10.0.0.2 took the command, but after 30 s the server is still off");
	cause_is(d, FSM_FAILED, "power-ignored", "power.failed");
}

/* A BMC that answered later is not the cause of what followed. */
static void test_cured(void **state)
{
	struct diagnosis *d = begin();
	_cleanup_free_ char *words =
		ipmi_fault_words(IPMI_FAULT_UNREACHABLE, "10.0.0.2", "ondol", "");

	says(d, "power.unknown", words);
	says(d, "power.netboot", "");
	cause_is(d, FSM_NETBOOT, "no-dhcp", "power.netboot");
	d = begin();
	says(d, "deploy.space-low", "9 MB free");
	says(d, "deploy.space-ok", "1 GB free");
	cause_is(d, FSM_READY, NULL, NULL);
	d = begin();
	says(d, "deploy.space-low", "9 MB free");
	says(d, "ondold.started", ""); /* it was freed while ondold was away */
	cause_is(d, FSM_READY, NULL, NULL);
}

static void test_netboot(void **state)
{
	static const struct {
		const char *types[8];
		const char *cause, *last;
	} list[] = {
		{{"power.netboot"}, "no-dhcp", "power.netboot"},
		{{"power.netboot", "dhcp.discover", "dhcp.offer"}, "second-dhcp",
			"dhcp.offer"},
		{{"power.netboot", "dhcp.discover", "dhcp.offer", "dhcp.foreign"},
			"second-dhcp", "dhcp.foreign"},
		{{"power.netboot", "dhcp.discover", "dhcp.offer", "dhcp.ack"},
			"tftp-blocked", "dhcp.ack"},
		{{"power.netboot", "dhcp.discover", "dhcp.offer", "dhcp.ack",
			 "tftp.failed"},
			"tftp-broken", "tftp.failed"},
		{{"power.netboot", "dhcp.discover", "dhcp.offer", "dhcp.ack",
			 "tftp.sent"},
			"http-blocked", "tftp.sent"},
		/* firmware asked for the size, then the transfer broke off */
		{{"power.netboot", "dhcp.ack", "tftp.sent", "tftp.failed"}, "tftp-broken",
			"tftp.failed"},
		{{"power.netboot", "dhcp.ack", "tftp.failed", "tftp.sent"},
			"http-blocked", "tftp.sent"},
		/* firmware took ours, iPXE another's */
		{{"power.netboot", "dhcp.offer", "dhcp.ack", "tftp.sent", "dhcp.foreign"},
			"second-dhcp", "dhcp.foreign"},
		{{"power.netboot", "dhcp.ack", "tftp.sent", "boot.script"},
			"kernel-not-fetched", "boot.script"},
		{{"power.netboot", "dhcp.ack", "tftp.sent", "boot.script", "boot.kernel",
			 "boot.initrd"},
			"agent-not-heard", "boot.initrd"},
		{{"power.netboot", "dhcp.discover", "dhcp.bios"}, "legacy-bios",
			"dhcp.bios"},
		{{"power.netboot", "dhcp.other-port"}, "swapped-ports",
			"dhcp.other-port"},
		{{"power.netboot", "boot.script", "order.blocked"}, "image-unreadable",
			"order.blocked"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(list); i++) {
		struct diagnosis *d = begin();

		says(d, "install.wanted", "");
		say_all(d, list[i].types);
		cause_is(d, FSM_FAILED, list[i].cause, list[i].last);
	}
}

/* What the boot lacked does not matter once the agent speaks. */
static void test_agent_is_up(void **state)
{
	struct diagnosis *d = begin();

	say_all(d,
		(const char *const[]){"power.netboot", "dhcp.discover", "dhcp.offer",
			"boot.script", "agent.up", NULL});
	cause_is(d, FSM_AGENT, NULL, NULL);
}

/* While a boot is young nothing is wrong yet. */
static void test_patience(void **state)
{
	struct diagnosis *d = begin();
	struct diag_finding f[DIAG_MAX_FINDINGS];

	says(d, "power.netboot", "");
	assert_int_equal(diagnosis_findings(d, FSM_NETBOOT, now_ms + 5000, f), 0);
	assert_int_equal(diagnosis_findings(d, FSM_NETBOOT, now_ms + 95000, f), 1);
	diagnosis_free(d);
}

static void test_console(void **state)
{
	struct diagnosis *d = begin();

	say_all(d,
		(const char *const[]){
			"power.netboot", "boot.kernel", "boot.initrd", NULL});
	says(d, "console.panic", "Kernel panic - not syncing: Attempted to kill init!");
	cause_is(d, FSM_FAILED, "agent-panic", "console.panic");
	d = begin();
	says(d, "power.netboot", "");
	says(d, "console.pxe", "PXE-E18: Server response timeout.");
	cause_is(d, FSM_FAILED, "port-not-forwarding", "console.pxe");
	d = begin(); /* it has its address: what it waited for is TFTP */
	say_all(d, (const char *const[]){"power.netboot", "dhcp.ack", NULL});
	says(d, "console.pxe", "PXE-E18: Server response timeout.");
	cause_is(d, FSM_FAILED, "tftp-blocked", "dhcp.ack");
	d = begin(); /* iPXE, of HTTP over TCP */
	say_all(d, (const char *const[]){"power.netboot", "dhcp.ack", "tftp.sent", NULL});
	says(d, "console.ipxe", "Connection timed out (http://ipxe.org/4c0a6092)");
	cause_is(d, FSM_FAILED, "http-blocked", "tftp.sent");
	d = begin(); /* and of DHCP: the port went away when iPXE took it over */
	say_all(d, (const char *const[]){"power.netboot", "dhcp.ack", "tftp.sent", NULL});
	says(d, "console.ipxe",
		"No configuration methods succeeded (http://ipxe.org/040ee119)");
	cause_is(d, FSM_FAILED, "port-not-forwarding", "console.ipxe");
	d = begin();
	says(d, "console.io", "I/O error, dev sda, sector 2048");
	cause_is(d, FSM_FAILED, "disk-io-error", "console.io");
}

/* The machine's own words for a node that booted its disk. */
static void test_from_disk(void **state)
{
	struct diagnosis *d = begin();
	struct fsm_node f = {.state = FSM_NETBOOT};
	struct fsm_names names = {"aa:bb:cc:dd:ee:ff", "10.0.0.2", "10.0.0.1:8780", NULL};
	struct fsm_output out;
	_cleanup_free_ char *text = NULL;

	fsm_step(&f, FSM_EV_NODED_UP, "", &names, &usual, 1000, &out);
	assert_int_equal(out.next.state, FSM_FAILED);
	text = xasprintf("network-booting -> failed: %s", out.reason);
	says(d, "power.netboot", "");
	says(d, "state", text);
	cause_is(d, FSM_FAILED, "boots-from-disk", "state");
}

/* Steps a machine and tells the transition as node.c does. */
static void moves(struct diagnosis *d, struct fsm_node *f, enum fsm_event event,
	const char *text, enum fsm_state want)
{
	static const struct fsm_names names = {
		"aa:bb:cc:dd:ee:ff", "10.0.0.2", "10.0.0.1:8780", NULL};
	uint64_t due = fsm_deadline(f, &usual);
	uint64_t now = event == FSM_EV_TIMEOUT ? due : f->entered_ms + 1;
	enum fsm_state from = f->state;
	struct fsm_output out;
	_cleanup_free_ char *words = NULL;

	if (event != FSM_EV_TIMEOUT && event != FSM_EV_SLOT)
		says(d, fsm_event_str(event), text);
	fsm_step(f, event, text, &names, &usual, now, &out);
	assert_true(out.moved);
	assert_int_equal(out.next.state, want);
	words = fsm_moved_words(from, &out, &usual, now);
	*f = out.next;
	says(d, "state", words);
}

/* What is found beside the first; d stays. */
static void finds(
	struct diagnosis *d, enum fsm_state state, const char *cause, bool is_note)
{
	struct diag_finding f[DIAG_MAX_FINDINGS];
	size_t n = diagnosis_findings(d, state, now_ms + 200000, f);

	for (size_t i = 0; i < n; i++)
		if (streq(f[i].cause, cause)) {
			assert_int_equal(f[i].is_note, is_note);
			return;
		}
	fail_msg("%s was not found", cause);
}

/* Three boots that nobody hears of: what was so far of each is of that one alone. */
static void test_retry(void **state)
{
	struct diagnosis *d = begin();
	struct fsm_node f = {.state = FSM_ENROL};

	moves(d, &f, FSM_EV_INSTALL, "", FSM_IDLE);
	moves(d, &f, FSM_EV_SLOT, "", FSM_POWERING);
	moves(d, &f, FSM_EV_POWERED, "", FSM_NETBOOT);
	says(d, "dhcp.discover", "");
	says(d, "dhcp.offer", "");
	says(d, "dhcp.ack", "");
	moves(d, &f, FSM_EV_TIMEOUT, "", FSM_RETRY);
	finds(d, FSM_RETRY, "tftp-blocked", false);
	finds(d, FSM_RETRY, "retrying", true);
	moves(d, &f, FSM_EV_TIMEOUT, "", FSM_IDLE);
	finds(d, FSM_IDLE, "earlier-try-failed", true);
	moves(d, &f, FSM_EV_SLOT, "", FSM_POWERING);
	moves(d, &f, FSM_EV_POWERED, "", FSM_NETBOOT);
	moves(d, &f, FSM_EV_TIMEOUT, "", FSM_RETRY);
	cause_is(d, FSM_RETRY, "no-dhcp", "power.netboot");
}

/* A BMC that does not answer to anything: tried, reset, set aside. */
static void test_bmc_reset(void **state)
{
	struct diagnosis *d = begin();
	struct fsm_node f = {.state = FSM_ENROL};
	_cleanup_free_ char *words =
		ipmi_fault_words(IPMI_FAULT_UNREACHABLE, "10.0.0.2", "ondol", "");

	moves(d, &f, FSM_EV_INSTALL, "", FSM_IDLE);
	for (unsigned i = 0; i < usual.retries; i++) {
		moves(d, &f, FSM_EV_SLOT, "", FSM_POWERING);
		moves(d, &f, FSM_EV_POWER_FAILED, words, FSM_RETRY);
		finds(d, FSM_RETRY, "bmc-unreachable", false);
		moves(d, &f, FSM_EV_TIMEOUT, "", FSM_IDLE);
	}
	moves(d, &f, FSM_EV_SLOT, "", FSM_POWERING);
	moves(d, &f, FSM_EV_POWER_FAILED, words, FSM_BMC_RESET);
	finds(d, FSM_BMC_RESET, "bmc-unreachable", false);
	finds(d, FSM_BMC_RESET, "bmc-resetting", true);
	moves(d, &f, FSM_EV_BMC_BACK, "", FSM_IDLE);
	finds(d, FSM_IDLE, "bmc-was-reset", true);
	moves(d, &f, FSM_EV_SLOT, "", FSM_POWERING);
	moves(d, &f, FSM_EV_POWER_FAILED, words, FSM_MAINTENANCE);
	finds(d, FSM_MAINTENANCE, "bmc-unreachable", false);
	/* taken back, it is what it was; set aside by somebody, it is his */
	says(d, "maintenance.off", "");
	finds(d, FSM_MAINTENANCE, "bmc-unreachable", false);
	cause_is(d, FSM_MAINTENANCE, "bmc-unreachable", "power.failed");
	d = begin();
	says(d, "state",
		"resetting-bmc -> maintenance: resetting its BMC was the last thing to try, and "
		"did not help: BMC 10.0.0.2 did not answer within 8m00s of its reset");
	cause_is(d, FSM_MAINTENANCE, "bmc-reset-in-vain", "state");
}

/* Lines as ipmitool has them, told as node_sel.c does. */
static void logs(struct diagnosis *d, const char *what)
{
	_cleanup_free_ char *line = xasprintf("1,11/27/26,19:45:16 UTC,%s\n", what),
			    *words = NULL;
	json_t *list = NULL;
	size_t unread;

	assert_int_equal(sel_parse(line, &list, &unread), 0);
	words = sel_news_words(json_array_get(list, 0));
	json_decref(list);
	says(d, "sel.entry", words);
}

static void test_hardware(void **state)
{
	static const struct {
		const char *line, *cause;
	} list[] = {
		{"Memory #0x30,Uncorrectable ECC,Asserted,CPU 1 DIMM 3", "memory-error"},
		{"Processor #0x07,IERR,Asserted", "processor-error"},
		{"Processor #0x07,Uncorrectable machine check exception,Asserted",
			"processor-error"},
		{"Critical Interrupt #0x13,Bus Fatal Error,Asserted", "processor-error"},
		{"Processor #0x07,Thermal Trip,Asserted", "overheated"},
		{"Temperature 01-Inlet Ambient,Upper Critical going high,Asserted,Reading 44 > "
		 "Threshold 42 degrees C",
			"overheated"},
		{"Processor #0x07,FRB2/Hang in POST failure,Asserted", "post-error"},
		{"System Firmwares #0x0f,No system memory installed,Asserted",
			"post-error"},
		{"System Firmwares #0x0f,Unknown Error,Asserted", "post-error"},
		{"System Firmwares #0x0f,Unrecoverable system-board failure,Asserted",
			"post-error"},
		{"System Firmwares #0x0f,Memory initialization,Asserted", "no-dhcp"},
		/* these explain, but the boot itself says more */
		{"Power Supply PS1,Failure detected,Asserted", "no-dhcp"},
		{"Memory #0x30,Correctable ECC,Asserted", "no-dhcp"},
		{"Memory #0x30,Uncorrectable ECC,Deasserted", "no-dhcp"},
		{"Fan #0x40,Upper Critical going high,Asserted", "no-dhcp"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(list); i++) {
		struct diagnosis *d = begin();

		says(d, "install.wanted", "");
		says(d, "power.netboot", "");
		logs(d, list[i].line);
		cause_is(d, FSM_FAILED, list[i].cause,
			streq(list[i].cause, "no-dhcp") ? "power.netboot" : "sel.entry");
	}
}

static void test_power_supply(void **state)
{
	static const char *const fails[] = {"Power Supply PS1,Failure detected,Asserted",
		"Power Supply PS1,Power Supply AC lost,Asserted",
		"Power Supply PS1,AC lost or out-of-range,Asserted",
		"Power Unit #0x09,Redundancy Lost,Asserted",
		"Power Unit #0x09,AC lost,Asserted"};

	for (size_t i = 0; i < ARRAY_SIZE(fails); i++) {
		struct diagnosis *d = begin();

		says(d, "power.netboot", "");
		logs(d, fails[i]);
		finds(d, FSM_RETRY, "power-supply", false);
		cause_is(d, FSM_READY, "power-supply", "sel.entry");
	}
	for (size_t i = 0; i < 2; i++) {
		struct diagnosis *d = begin();

		logs(d, "Power Supply PS1,Power Supply AC lost,Asserted");
		logs(d,
			i ? "Power Supply PS1,Power Supply AC lost,Deasserted"
			  : "Power Unit #0x09,Fully Redundant,Asserted");
		cause_is(d, FSM_READY, NULL, NULL);
	}
}

static void test_drive(void **state)
{
	struct diagnosis *d = begin();

	logs(d, "Drive Slot / Bay #0x01,Drive Fault,Asserted");
	finds(d, FSM_READY, "drive-fault", true);
	says(d, "agent.failed",
		"sda2: the disk did not take the image: Input/output error");
	cause_is(d, FSM_FAILED, "disk-write-error", "agent.failed");
	d = begin();
	logs(d, "Drive Slot / Bay #0x01,Predictive Failure,Asserted");
	finds(d, FSM_FAILED, "drive-fault", false);
	/* of an earlier run */
	says(d, "install.wanted", "");
	cause_is(d, FSM_POWERING, NULL, NULL);
}

static void test_install(void **state)
{
	static const struct {
		const char *type, *text, *cause;
	} list[] = {
		{"agent.failed",
			"choosing the disk: expected exactly one disk with serial S1, WWN none and 5 bytes; 0 fit",
			"disk-missing"},
		{"install.refused",
			"the system disk sda (serial S1) holds something that is not this rack's: LVM2_member",
			"disk-foreign"},
		{"install.refused",
			"the system disk sda (serial S1) holds something that is not this rack's: "
			"ext4. It was named for what it held then; since then came ext4.",
			"disk-changed"},
		{"agent.failed",
			"disk sda has changed since it was looked at for this installation: new on it: ext4",
			"disk-changed"},
		{"agent.failed",
			"disk sda holds ext4 and the operator has not named it to be wiped.",
			"disk-foreign"},
		{"agent.failed",
			"writing the image: sda2: the disk did not take the image: Input/output error. It may be failing.",
			"disk-write-error"},
		{"agent.failed",
			"wiping old signatures: old signatures could not be overwritten: Input/output error. The disk may be failing or locked.",
			"disk-write-error"},
		{"agent.failed", "the image that came is another than the manifest names",
			"image-checksum"},
		{"agent.failed",
			"the image is damaged: no valid zstd data near byte 7 of 9",
			"image-checksum"},
		{"agent.failed",
			"the image could not be fetched (5 of 9 bytes came): timeout",
			"image-cut"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(list); i++) {
		struct diagnosis *d = begin();

		say_all(d,
			(const char *const[]){
				"power.netboot", "boot.initrd", "agent.up", NULL});
		says(d, list[i].type, list[i].text);
		cause_is(d, FSM_FAILED, list[i].cause, list[i].type);
	}
}

static char name[] = "hp02", serial[] = "CZJ0010002", other_name[] = "hp05";

static void test_identity(void **state)
{
	struct rack_profile profile = {.n_nics = 0};
	static char other[] = "CZJ0010005";
	struct rack_node nodes[2] = {
		{.name = name, .serial = serial, .profile = &profile},
		{.name = other_name, .serial = other, .profile = &profile}};
	struct rack rack = {.nodes = nodes, .n_nodes = 2};
	struct inventory inv = {.serial = other}, twin = {.serial = other};
	struct diagnosis *d = begin();
	_cleanup_free_ char *wrong = identity_check(&rack, &nodes[0], &inv);
	_cleanup_free_ char *twice = identity_twice(name, &inv, other_name, &twin);
	_cleanup_free_ char *unknown = identity_check(NULL, &nodes[0], &inv);

	says(d, "identity.mismatch", wrong);
	cause_is(d, FSM_FAILED, "wrong-bay", "identity.mismatch");
	d = begin();
	says(d, "identity.mismatch", twice);
	cause_is(d, FSM_FAILED, "duplicate-identity", "identity.mismatch");
	d = begin();
	says(d, "identity.mismatch", unknown);
	cause_is(d, FSM_FAILED, "identity-mismatch", "identity.mismatch");
}

static void test_installed(void **state)
{
	struct diagnosis *d = begin();

	say_all(d,
		(const char *const[]){"power.netboot", "boot.initrd", "agent.up",
			"order.sent", "agent.kexec", NULL});
	cause_is(d, FSM_FAILED, "never-reports", "agent.kexec");
	d = begin();
	say_all(d,
		(const char *const[]){
			"agent.kexec", "noded.up", "noded.up", "noded.up", NULL});
	cause_is(d, FSM_CONFIGURING, "noded-loop", "noded.up");
	d = begin();
	say_all(d, (const char *const[]){"agent.kexec", "noded.up", "noded.up", NULL});
	cause_is(d, FSM_READY, NULL, NULL);
	d = begin();
	says(d, "node.silent", "no report for 1m");
	says(d, "power.is", "power is off");
	cause_is(d, FSM_READY, "switched-off", "power.is");
	d = begin();
	says(d, "node.silent", "no report for 1m");
	cause_is(d, FSM_READY, "silent", "node.silent");
}

static void test_host(void **state)
{
	struct diagnosis *d = begin();

	says(d, "deploy.space-low", "9 MB free");
	says(d, "install.wanted", ""); /* not forgotten with the old run */
	cause_is(d, FSM_POWERING, "deploy-disk-full", "deploy.space-low");
	d = begin();
	says(d, "dnsmasq.down", "dnsmasq ended: failed to bind");
	cause_is(d, FSM_NETBOOT, "dhcp-down", "dnsmasq.down");
}

static void test_notes(void **state)
{
	struct diag_finding f[DIAG_MAX_FINDINGS];
	struct diagnosis *d = begin();

	says(d, "install.wanted", "");
	says(d, "agent.up",
		"agent 1 on eth0, 4.0 s after kernel start; the clock was 3650 days behind and has been set");
	says(d, "ondold.started", "");
	assert_int_equal(diagnosis_findings(d, FSM_INSTALLING, now_ms, f), 2);
	assert_string_equal(f[0].cause, "clock-off");
	assert_string_equal(f[1].cause, "ondold-restarted");
	assert_true(f[0].is_note && f[1].is_note);
	diagnosis_free(d);
}

/* A new run forgets the old one's troubles. */
static void test_new_run(void **state)
{
	struct diagnosis *d = begin();

	says(d, "agent.failed", "the image is damaged: no");
	says(d, "install.wanted", "");
	cause_is(d, FSM_POWERING, NULL, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bmc),
		cmocka_unit_test(test_power_ignored),
		cmocka_unit_test(test_cured),
		cmocka_unit_test(test_netboot),
		cmocka_unit_test(test_agent_is_up),
		cmocka_unit_test(test_patience),
		cmocka_unit_test(test_console),
		cmocka_unit_test(test_from_disk),
		cmocka_unit_test(test_retry),
		cmocka_unit_test(test_bmc_reset),
		cmocka_unit_test(test_hardware),
		cmocka_unit_test(test_power_supply),
		cmocka_unit_test(test_drive),
		cmocka_unit_test(test_install),
		cmocka_unit_test(test_identity),
		cmocka_unit_test(test_installed),
		cmocka_unit_test(test_host),
		cmocka_unit_test(test_notes),
		cmocka_unit_test(test_new_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
