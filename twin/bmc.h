/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The service processor of one node: an ipmi_sim on its own address, started again when
 * it ends. Does not block after its files are written.
 */
#pragma once

#include <systemd/sd-event.h>

#include "twin/bmcconf.h"

struct bmc;

/*
 * Writes its files and starts it. ready is called once, when it answers on the network (r
 * 0) or did not within 15 s (-ETIMEDOUT). p and n are borrowed until bmc_free.
 */
int bmc_new(sd_event *event, const struct twin_plan *p, const struct twin_node *n,
	const struct bmc_login *login, void (*ready)(int r, void *userdata),
	void *userdata, struct bmc **ret, char **reterr_msg);
void bmc_free(struct bmc *b);
/* The sensors' readings for a node that is on or off. */
void bmc_set_readings(const struct twin_node *n, bool on);
