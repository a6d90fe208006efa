/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes of running services a cloud that a class can use at once: flavours, the external
 * network, a project with its student, a tenant network with a router, security group
 * rules, quotas, the guest image, volume and share types, Trove's datastore; and an agent
 * that gives its instances addresses.
 *
 * Each thing is looked for by its name first and left alone when it is there, so that it
 * can be repeated, interrupted, and changed by an operator. Blocks; the image's upload
 * takes as long as it takes.
 */
#pragma once

#include "common/order.h"
#include "cloud/session.h"

struct cloud_guest { /* the guest image; file NULL: none is uploaded */
	const char *name; /* "debian-12" */
	const char *file; /* qcow2 */
	/* another one than the cloud has: uploaded, the old one hidden */
	const char *version;
	unsigned min_disk_gb, min_ram_mb;
	const json_t *properties; /* borrowed: further properties, strings; NULL: none */
};

struct cloud_setup {
	const struct desired *desired; /* of a rack that is a cloud */
	const char *student_password;
	struct cloud_guest guest;
	unsigned dhcp_wait_ms; /* before an agent is asked anew; 0: as long as it tries */
	/* What is being done, in words; NULL: nobody wants to know. */
	void (*say)(const char *text, void *userdata);
	void *userdata;
};

/* admin is a session of Keystone's admin. Results as of cloud_call. */
int cloud_setup(
	struct cloud_session *admin, const struct cloud_setup *want, char **reterr_msg);
