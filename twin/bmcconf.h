/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The configuration of one node's BMC, as ipmi_sim reads it: lan.conf (addresses, user,
 * power control) and the commands that build its insides (sensors, FRU, event log). Pure.
 */
#pragma once

#include "common/secrets.h"
#include "twin/plan.h"

struct bmc_sensor {
	uint8_t number;
	const char *name; /* as shown by ipmitool */
	const char *file; /* below NODE/sensors: its reading, a number as text */
	unsigned off, on; /* readings while the node is off and on */
};
extern const struct bmc_sensor bmc_sensors[];
extern const size_t n_bmc_sensors;

/*
 * -EINVAL with *reterr_msg when ipmi_sim's file format cannot hold the login. The result
 * has the password in it: for a file of mode 0600, never for a message. Caller wipes and frees.
 */
int bmc_lan_conf(const struct twin_plan *p, const struct twin_node *n,
	const struct bmc_login *login, char **ret, char **reterr_msg);
/* The commands; fru_path is the file with fru_build()'s bytes. Caller frees. */
char *bmc_commands(const struct twin_node *n, const char *fru_path);
