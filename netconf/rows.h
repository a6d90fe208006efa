/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of OVSDB as plain C: as wanted (plan.h) and as found (ovs.h), and what differs.
 * Pure. Includes nothing of common/, because ovs.c, which reads it, must not: Open
 * vSwitch's own util.h has the same names.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct row_bridge {
	char *name; /* owned, as all pointers here */
	char *datapath_type; /* "system", "netdev", "" (means system) */
	char *fail_mode; /* "standalone", "secure", "" */
	bool stp;
	char *hwaddr; /* other_config:hwaddr, of the local port; wanted "": any */
	/*
	 * external_ids:ondol-provider=1: a bridge made for Neutron's agent. Its fail mode,
	 * flows and controller are the agent's, and the agent's patch ports do not keep it.
	 */
	bool provider;
	bool ours; /* external_ids:ondol=1 */
};

struct row_port { /* a port with its one interface */
	char *name;
	char *bridge;
	char *type; /* of the interface: "" a NIC, "internal", "patch", ... */
	char *vlan_mode; /* "access", "trunk", "native-untagged", ... or "": not set */
	unsigned tag; /* 0: none */
	unsigned *trunks; /* ascending */
	size_t n_trunks;
	unsigned mtu_request; /* 0: none */
	char *mac; /* requested; "": none */
	char *peer; /* of a patch port; "": none */
	bool ours;
	char *error; /* found only: what ovs-vswitchd says is wrong, "": nothing */
};

struct rows {
	struct row_bridge *bridges;
	size_t n_bridges;
	struct row_port *ports;
	size_t n_ports;
};

void rows_clear(struct rows *r);
void rows_free(struct rows *r);
void rows_freep(struct rows **r);

const struct row_bridge *rows_bridge(const struct rows *r, const char *name);
const struct row_port *rows_port(const struct rows *r, const char *name);

/*
 * Is there a port on the bridge that is not ours (on a provider bridge: and no patch
 * port)? Then the bridge itself stays.
 */
bool rows_bridge_is_shared(const struct rows *found, const char *bridge);
/*
 * A row that we want by name and that exists but is not ours: a sentence, caller frees;
 * NULL: none. Then nothing may be written.
 */
char *rows_conflict(const struct rows *want, const struct rows *found);
/*
 * One line for each thing that a transaction would change, NULL-terminated; caller frees
 * with rows_strv_free. Empty: nothing.
 */
char **rows_diff(const struct rows *want, const struct rows *found);
void rows_strv_free(char **strv);
/* What ovs-vswitchd could not do with the rows we want: caller frees; NULL: nothing. */
char *rows_errors(const struct rows *want, const struct rows *found);
