/* SPDX-License-Identifier: Apache-2.0 */
#include "bootstrap/ipmisteps.h"

static const enum ipmi_step steps_status[] = {STEP_QUERY, STEP_END};
static const enum ipmi_step steps_on[] = {STEP_QUERY, STEP_ON, STEP_WAIT_ON, STEP_END};
static const enum ipmi_step steps_off[] = {STEP_QUERY, STEP_OFF, STEP_WAIT_OFF, STEP_END};
static const enum ipmi_step steps_soft[] = {
	STEP_QUERY, STEP_SOFT, STEP_WAIT_OFF_SOFT, STEP_END};
static const enum ipmi_step steps_reset[] = {
	STEP_QUERY, STEP_RESET, STEP_WAIT_ON, STEP_END};
static const enum ipmi_step steps_cycle[] = {
	STEP_QUERY, STEP_OFF, STEP_WAIT_OFF, STEP_ON, STEP_WAIT_ON, STEP_END};
static const enum ipmi_step steps_netboot[] = {STEP_QUERY, STEP_OFF, STEP_WAIT_OFF,
	STEP_SET_PXE, STEP_CHECK_PXE, STEP_ON, STEP_WAIT_ON, STEP_END};
static const enum ipmi_step steps_cold[] = {STEP_COLD, STEP_WAIT_BMC, STEP_END};
static const enum ipmi_step steps_text[] = {STEP_QUERY, STEP_TEXT, STEP_END};
static const enum ipmi_step steps_sol_off[] = {STEP_TEXT, STEP_END};

struct op_info {
	const char *name;
	const enum ipmi_step *steps;
};

static const struct op_info ops[] = {
	[IPMI_STATUS] = {"status", steps_status},
	[IPMI_ON] = {"on", steps_on},
	[IPMI_OFF] = {"off", steps_off},
	[IPMI_SOFT] = {"soft", steps_soft},
	[IPMI_RESET] = {"reset", steps_reset},
	[IPMI_CYCLE] = {"cycle", steps_cycle},
	[IPMI_NETBOOT] = {"netboot", steps_netboot},
	[IPMI_COLD_RESET] = {"bmc-reset", steps_cold},
	[IPMI_IDENTIFY] = {"identify", steps_text},
	[IPMI_SENSORS] = {"sensors", steps_text},
	[IPMI_SEL] = {"sel", steps_text},
	[IPMI_SEL_CLEAR] = {"sel-clear", steps_text},
	[IPMI_SOL_OFF] = {"sol-off", steps_sol_off},
};

int ipmi_op_parse(const char *s, enum ipmi_op *ret)
{
	for (unsigned i = 0; i <= IPMI_COLD_RESET; i++)
		if (i != IPMI_NETBOOT && streq(s, ops[i].name)) {
			*ret = (enum ipmi_op)i;
			return 0;
		}
	return -EINVAL;
}

const enum ipmi_step *ipmi_op_steps(enum ipmi_op op)
{
	return ops[op].steps;
}

static const char *const *text_words(enum ipmi_op op, const char *const *identify)
{
	static const char *const sensors[] = {"sensor", NULL};
	static const char *const sel[] = {
		"-c", "-Z", "sel", "elist", "last", "1000", NULL};
	static const char *const clear[] = {"sel", "clear", NULL};
	static const char *const sol_off[] = {"sol", "deactivate", NULL};

	if (op == IPMI_IDENTIFY)
		return identify;
	return op == IPMI_SENSORS      ? sensors
		: op == IPMI_SEL       ? sel
		: op == IPMI_SEL_CLEAR ? clear
				       : sol_off;
}

const char *const *ipmi_step_words(enum ipmi_step step, enum ipmi_op op,
	enum ipmi_power power, bool by_hand, const char *const *identify)
{
	static const char *const status[] = {"chassis", "power", "status", NULL};
	static const char *const on[] = {"chassis", "power", "on", NULL};
	static const char *const off[] = {"chassis", "power", "off", NULL};
	static const char *const soft[] = {"chassis", "power", "soft", NULL};
	static const char *const reset[] = {"chassis", "power", "reset", NULL};
	static const char *const pxe[] = {
		"chassis", "bootdev", "pxe", "options=efiboot", NULL};
	/* the same by hand: valid, once, UEFI; network. For BMCs that refuse what goes with it */
	static const char *const pxe_raw[] = {
		"raw", "0", "8", "5", "0xe0", "0x04", "0", "0", "0", NULL};
	static const char *const param[] = {"chassis", "bootparam", "get", "5", NULL};
	static const char *const cold[] = {"mc", "reset", "cold", NULL};

	switch (step) {
	case STEP_QUERY:
	case STEP_WAIT_OFF:
	case STEP_WAIT_OFF_SOFT:
	case STEP_WAIT_ON:
	case STEP_WAIT_BMC:
		return status;
	case STEP_COLD:
		return cold;
	case STEP_TEXT:
		return text_words(op, identify);
	case STEP_OFF:
		return power == IPMI_POWER_OFF ? NULL : off;
	case STEP_ON:
		return power == IPMI_POWER_ON ? NULL : on;
	case STEP_SOFT:
		return power == IPMI_POWER_OFF ? NULL : soft;
	case STEP_RESET:
		return reset;
	case STEP_SET_PXE:
		return by_hand ? pxe_raw : pxe;
	case STEP_CHECK_PXE:
		return param;
	case STEP_END:
		break;
	}
	return NULL;
}
