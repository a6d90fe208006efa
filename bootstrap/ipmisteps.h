/* SPDX-License-Identifier: Apache-2.0 */
/* The steps of an operation of ipmi.h, and the ipmitool words of each. Pure. */
#pragma once

#include "bootstrap/ipmi.h"

enum ipmi_step {
	STEP_END,
	STEP_QUERY,
	STEP_OFF, /* unless off */
	STEP_ON, /* unless on */
	STEP_SOFT, /* unless off */
	STEP_RESET,
	STEP_WAIT_OFF,
	STEP_WAIT_OFF_SOFT,
	STEP_WAIT_ON,
	STEP_SET_PXE,
	STEP_CHECK_PXE,
	STEP_COLD,
	STEP_WAIT_BMC,
	STEP_TEXT,
};

/* Ends with STEP_END. */
const enum ipmi_step *ipmi_op_steps(enum ipmi_op op);
/*
 * NULL-terminated; NULL: nothing is to be sent, go to the next step. power: as last read;
 * by_hand: the boot device is set in raw bytes; identify: the words of IPMI_IDENTIFY.
 */
const char *const *ipmi_step_words(enum ipmi_step step, enum ipmi_op op,
	enum ipmi_power power, bool by_hand, const char *const *identify);
