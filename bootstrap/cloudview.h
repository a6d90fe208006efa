/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GET /v1/cloud as the command line shows it: the services, whether all is well, and what
 * is missing. Pure: JSON in, structs and texts out.
 */
#pragma once

#include <jansson.h>

#include "common/util.h"

struct cloud_service {
	char *node, *service, *text;
	bool ok;
};

struct cloud_view {
	uint64_t now_ms, stamp;
	char *rack; /* "" when there is none */
	bool is_cloud;
	char *public, *region, *controller, *student, *dashboard; /* "" when not known */
	uint64_t told_ms; /* when the controller last spoke of the services; 0: never */
	bool is_old; /* and that is too long ago */
	struct cloud_service *services; /* in the order of the nodes in rack.ini */
	size_t n_services, n_unwell;
	/* Sentences: what keeps the cloud from being well, NULL-terminated; those of the
	 * n_unwell services come last. */
	char **missing;
};

/* -EINVAL with *reterr_msg when the answer is not understood. */
int cloud_view_parse(const json_t *root, struct cloud_view *ret, char **reterr_msg);
void cloud_view_clear(struct cloud_view *v);
bool cloud_view_is_well(const struct cloud_view *v);
/* "23 services on 6 nodes: 22 well, 1 not"; caller frees. */
char *cloud_view_sums(const struct cloud_view *v);
/* OS_* lines for a shell from the answer of GET /v1/cloud/openrc; caller frees, wiping. */
char *cloud_openrc(const json_t *answer, const char *ca_file, char **reterr_msg);
