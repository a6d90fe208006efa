/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/harness.h"

#include "bootstrap/ipmitext.h"

static void power(void **state)
{
	enum ipmi_power p = IPMI_POWER_UNKNOWN;

	assert_int_equal(ipmi_parse_power("Chassis Power is on\n", &p), 0);
	assert_int_equal(p, IPMI_POWER_ON);
	assert_int_equal(
		ipmi_parse_power("Loading IANA PEN Registry...\n"
				 "Invalid completion code received: Invalid command\n"
				 "Discovered IPMB address 0x0\nChassis Power is off\r\n",
			&p),
		0);
	assert_int_equal(p, IPMI_POWER_OFF);
	p = IPMI_POWER_UNKNOWN;
	assert_int_equal(ipmi_parse_power("", &p), -EBADMSG);
	assert_int_equal(ipmi_parse_power("Chassis Power is \n", &p), -EBADMSG);
	assert_int_equal(ipmi_parse_power("Chassis Power is onward\n", &p), -EBADMSG);
	assert_int_equal(ipmi_parse_power("the Chassis Power is on\n", &p), -EBADMSG);
	assert_int_equal(p, IPMI_POWER_UNKNOWN);
}

static void bootparam(void **state)
{
	struct ipmi_bootflags f = {0};

	assert_int_equal(
		ipmi_parse_bootparam("Boot parameter version: 1\n"
				     "Boot parameter 5 is valid/unlocked\n"
				     "Boot parameter data: 0004000000\n Boot Flags :\n"
				     "   - Boot Flag Invalid\n"
				     "   - Options apply to only next boot\n"
				     "   - BIOS PC Compatible (legacy) boot \n"
				     "   - Boot Device Selector : Force PXE\n"
				     "   - BIOS verbosity : System Default\n",
			&f),
		0);
	assert_true(f.pxe && !f.efi && !f.valid);
	assert_int_equal(ipmi_parse_bootparam(" Boot Flags :\n"
					      "   - Boot Flag Valid\n"
					      "   - Options apply to only next boot\n"
					      "   - BIOS EFI boot \n"
					      "   - Boot Device Selector : Force PXE\n",
				 &f),
		0);
	assert_true(f.pxe && f.efi && f.valid);
	assert_int_equal(
		ipmi_parse_bootparam("   - Boot Device Selector : No override\n", &f), 0);
	assert_false(f.pxe || f.efi || f.valid);
	assert_int_equal(
		ipmi_parse_bootparam("Boot parameter version: 1\n", &f), -EBADMSG);
}

struct sample {
	int status;
	bool timed_out;
	const char *out;
	enum ipmi_fault fault;
};

static const struct sample samples[] = {
	{0, false, "Chassis Power is on\n", IPMI_FAULT_NONE},
	{0, false,
		"Invalid completion code received: Invalid command\nChassis Power is on\n",
		IPMI_FAULT_NONE},
	{1, false,
		"Error in open session response message : invalid authentication algorithm\n\n"
		"Error: Unable to establish IPMI v2 / RMCP+ session\n",
		IPMI_FAULT_CIPHER},
	{1, false,
		"RAKP 2 message indicates an error : unauthorized name\nError: Unable to establish "
		"IPMI v2 / RMCP+ session\n",
		IPMI_FAULT_USER},
	{1, false,
		"> RAKP 2 HMAC is invalid\nError: Unable to establish IPMI v2 / RMCP+ session\n",
		IPMI_FAULT_PASSWORD},
	{1, false, "lanplus: password is longer than 20 bytes.\n", IPMI_FAULT_PASSWORD},
	{1, false,
		"Get Auth Capabilities error\nError: Unable to establish IPMI v2 / RMCP+ session\n",
		IPMI_FAULT_UNREACHABLE},
	{1, false,
		"Could not open socket!\nError: Unable to establish IPMI v2 / RMCP+ session\n",
		IPMI_FAULT_UNREACHABLE},
	{143, true, "", IPMI_FAULT_UNREACHABLE},
	{0, false,
		"Set Chassis Boot Parameter 4 failed: Unspecified error\nSet Boot Device to pxe\n",
		IPMI_FAULT_OTHER},
	{1, false, "Get Chassis Power Status failed: Node busy\n", IPMI_FAULT_BUSY},
	{1, false,
		"Set Chassis Power Control to Up/On failed: Insufficient privilege level\n",
		IPMI_FAULT_PRIVILEGE},
	{0, false,
		"Loading IANA PEN Registry...\nIANA PEN registry open failed: No such file or "
		"directory\nChassis Power is on\n",
		IPMI_FAULT_NONE},
	{0, false,
		"IANA PEN registry open failed: No such file or directory\n"
		"Set Chassis Boot Parameter 4 failed: Unspecified error\n",
		IPMI_FAULT_OTHER},
	{127, false, "", IPMI_FAULT_NO_TOOL},
	{1, false, "", IPMI_FAULT_OTHER},
	{139, false, "", IPMI_FAULT_OTHER},
};

static void faults(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
		const struct sample *s = &samples[i];
		enum ipmi_fault got = ipmi_classify(s->status, s->timed_out, s->out);

		if (got != s->fault)
			fail_msg("expected %d, got %d for: %s", s->fault, got, s->out);
	}
}

static void names(void **state)
{
	for (int f = 0; f < IPMI_N_FAULTS; f++) {
		const char *a = ipmi_fault_str((enum ipmi_fault)f);

		assert_true(*a);
		for (int g = 0; g < f; g++)
			assert_string_not_equal(a, ipmi_fault_str((enum ipmi_fault)g));
	}
	assert_string_equal(ipmi_fault_str(IPMI_FAULT_NONE), "ok");
	assert_string_equal(ipmi_fault_str(IPMI_FAULT_OTHER), "other");
}

static void words(void **state)
{
	for (int f = IPMI_FAULT_UNREACHABLE; f <= IPMI_FAULT_OTHER; f++) {
		_cleanup_free_ char *text =
			ipmi_fault_words((enum ipmi_fault)f, "10.77.1.12", "ondol",
				"line\n\x1b[31mGet Chassis failed: odd\n\n");

		assert_true(strlen(text) > 20);
		assert_null(strchr(text, '\n'));
		assert_null(strchr(text, '\x1b'));
		if (f == IPMI_FAULT_OTHER)
			assert_non_null(strstr(text, "Get Chassis failed: odd"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(power),
		cmocka_unit_test(bootparam),
		cmocka_unit_test(faults),
		cmocka_unit_test(names),
		cmocka_unit_test(words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
