/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What other programs need to know of ondol-netconf: where it keeps things and what its
 * exit status says. They run it as a child process,
 *     ondol-netconf apply DESIRED.json --json
 * and read one line of standard output: {"changed": bool, "ok": bool, "text": "..."}.
 * text is for people. The line comes for every exit status but NETCONF_EXIT_USAGE.
 */
#pragma once

#define NETCONF_PROGRAM "ondol-netconf"

enum netconf_exit {
	NETCONF_EXIT_OK = 0, /* apply: in place and confirmed; show: no difference */
	NETCONF_EXIT_FAILED =
		1, /* apply: nothing was changed, or what was before is back;
				    show: there are differences */
	NETCONF_EXIT_USAGE =
		2, /* arguments or DESIRED.json are wrong; nothing was touched */
	NETCONF_EXIT_BROKEN =
		3, /* neither the new network nor the one before could be put in
				    place; the next apply or rollback tries again */
};

#define NETCONF_OVSDB "unix:/run/openvswitch/db.sock"
#define NETCONF_DESIRED "/etc/ondol/desired.json"

/* The last desired state with which the server was reachable; survives reboots. */
#define NETCONF_CONFIRMED "/var/lib/ondol/netconf/confirmed.json"
/* The desired state being applied; there only while neither confirmed nor undone. */
#define NETCONF_APPLYING "/run/ondol/netconf/applying.json"
/* What was in OVSDB and kernel before the last change; for people. */
#define NETCONF_BEFORE "/run/ondol/netconf/before.json"
#define NETCONF_LOCK "/run/ondol/netconf/lock"
#define NETCONF_NETWORKD_DIR "/run/systemd/network"

/* Of --timeout: change and confirmation together. */
#define NETCONF_TIMEOUT_MS 60000
/*
 * Beside it: waiting for ovsdb-server, and for ovs-vswitchd to end what it was at,
 * before; putting the old network back after.
 */
#define NETCONF_OVSDB_TIMEOUT_MS 15000
#define NETCONF_ROLLBACK_TIMEOUT_MS 90000
/* A caller's own deadline for an apply with the default --timeout. */
#define NETCONF_APPLY_MAX_MS                                 \
	(NETCONF_TIMEOUT_MS + 2 * NETCONF_OVSDB_TIMEOUT_MS + \
		NETCONF_ROLLBACK_TIMEOUT_MS + 10000)
