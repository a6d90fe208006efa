/* SPDX-License-Identifier: Apache-2.0 */
/* What the halves of setup.h share: setup.c has people, quotas, images; setup_net.c Neutron's. */
#pragma once

#include "cloud/setup.h"

struct setup_job {
	struct cloud_session *s; /* borrowed */
	const struct cloud_setup *want; /* borrowed */
	const struct desired_cloud *cloud; /* borrowed */
	char *project; /* owned: id of the student's */
	char *external; /* owned: id of the external network; NULL: none */
	char *class_network, *class_subnet; /* owned: their ids */
	char *image; /* owned: id of the guest image; NULL: none */
	char **err; /* borrowed */
};

/* What is being done, for whoever wants to know. */
_printf_(2, 3) void setup_say(const struct setup_job *j, const char *fmt, ...);
/* Returns r, with this text as the reason. */
int setup_fail(const struct setup_job *j, int r, const char *text);
/* The id of the object under key of an answer to a creation; owned. */
int setup_made_id(
	const struct setup_job *j, const json_t *answer, const char *key, char **ret_id);

/* ---- setup_net.c ---- */
int setup_external(struct setup_job *j);
int setup_class(struct setup_job *j);
int setup_rules(struct setup_job *j);
int setup_dhcp(struct setup_job *j); /* after setup_class */
