/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the APIs' lists of services mean for the rack: which are there, alive, missing, or
 * left over. Pure; the calls are in status.c.
 */
#pragma once

#include <jansson.h>

#include "common/order.h"

struct cloud_row { /* a service as an API knows it; strings borrowed from the API's answer */
	const char *service; /* binary: "nova-compute" */
	const char *host; /* "hp03", "hp05@lvm" */
	const char *id; /* of the record; "" when it has none */
	const char *reason; /* why it is disabled; "" */
	bool up, enabled;
	int64_t seen_s; /* when it was last heard of, UTC; 0: unknown */
};

struct cloud_rows {
	struct cloud_row *list; /* owned */
	size_t n, cap;
};

/*
 * From the array of Nova's, Cinder's, Manila's and Heat's "services" or Neutron's "agents".
 * Rows without a service or a host are left out.
 */
void cloud_rows_read(const json_t *list, struct cloud_rows *ret);
void cloud_rows_clear(struct cloud_rows *rows);

struct cloud_expect { /* each node of that role and kind (NULL: any) has the service */
	const char *service, *role, *kind;
};
/* The services of the API of that type ("compute", "network", ...); NULL: none are listed. */
const struct cloud_expect *cloud_expected(const char *type, size_t *ret_n);
/* Is service one that a node of another role may not have? (Unknown services may be anywhere.) */
bool cloud_belongs(const char *type, const char *service, const struct desired_peer *p);

/* Appends {"node", "service", "ok", "text"}. text is shortened and made printable. */
void cloud_say(
	json_t *out, const char *node, const char *service, bool ok, const char *text);
/* Every expected and every known service. */
void cloud_judge(const struct desired *d, const char *type, const struct cloud_rows *rows,
	int64_t now_s, json_t *out);
/* The API could not be asked: each expected service is unknown, because of why. */
void cloud_judge_unknown(
	const struct desired *d, const char *type, const char *why, json_t *out);
/* Is this row good? *ret_text ("up, 3 s ago"): owned by the caller. */
bool cloud_row_good(const struct cloud_row *row, int64_t now_s, char **ret_text);

/* Placement's "resource_providers" against the compute nodes. */
void cloud_judge_providers(const struct desired *d, const json_t *list, json_t *out);
/* Swift's /recon/diskusage of a node against its data disks. NULL: all well; else what is not. */
char *cloud_judge_disks(const struct desired_peer *p, const json_t *usage);
/* Gnocchi's /v1/status. True when well; *ret_text is always set. */
bool cloud_judge_gnocchi(const json_t *status, char **ret_text);
/* The newest time of Gnocchi's measures [[time, granularity, value]...]; 0: none. */
int64_t cloud_newest_measure(const json_t *measures);
/*
 * Are measures of a thing that began at begin_s fresh? newest_s 0: there is none. True when
 * well; *ret_text is always set.
 */
bool cloud_judge_measure(
	int64_t begin_s, int64_t newest_s, int64_t now_s, char **ret_text);
