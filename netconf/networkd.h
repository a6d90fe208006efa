/* SPDX-License-Identifier: Apache-2.0 */
/*
 * systemd-networkd over D-Bus. Calls block, 10 s at most.
 */
#pragma once

#include <systemd/sd-bus.h>

#include "common/util.h"

/* The bus, when systemd-networkd is on it: 0. -ENOENT: it is not, or there is no bus. */
int networkd_connect(sd_bus **ret);
void networkd_close(sd_bus *bus); /* NULL is fine */
/* Reads its files again and configures the links whose files changed. */
int networkd_reload(sd_bus *bus, char **reterr_msg);
/* Configures one link anew although its file did not change. */
int networkd_reconfigure(sd_bus *bus, int ifindex, char **reterr_msg);
/* "configuring, by /run/...network": its words on the link; never NULL; caller frees. */
char *networkd_explain(sd_bus *bus, int ifindex);
