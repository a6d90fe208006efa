/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cloud's records against the rack: hosts that the APIs still know and that are no
 * longer what they were. Records are taken away only where nothing of a user's hangs on
 * them. Blocks.
 */
#pragma once

#include "common/order.h"
#include "cloud/session.h"

/*
 * Forgets hosts that are no compute nodes (Nova's service with its resource provider) or
 * no nodes at all (Neutron's agents). What cannot be forgotten by an API is told:
 * *ret: [{"host": "hp04", "service": "nova-compute", "done": bool, "text": "...",
 *         "manual": ["cinder-manage", "service", "remove", "cinder-volume", "hp05@lvm"]}...]
 * "done": the record is gone. "manual" (an argv, not always there) is what the caller must run
 * on the controller. A new reference. 0 or as of cloud_call, then *ret is untouched.
 */
int cloud_reconcile(struct cloud_session *admin, const struct desired *d, json_t **ret,
	char **reterr_msg);
/*
 * Before a compute node stops: no new instance comes to it, reason is what an operator
 * reads. -EBUSY while instances are there; *reterr_msg names them. 0 too when Nova does not
 * know the host.
 */
int cloud_leave_compute(struct cloud_session *admin, const char *host, const char *reason,
	char **reterr_msg);
/* The reverse, for a node that is to be a compute node again: enables it when it was disabled. */
int cloud_enter_compute(struct cloud_session *admin, const char *host, char **reterr_msg);
/*
 * Before a block storage node stops: -EBUSY while volumes (cinder-volume) or shares
 * (manila-share) are on it; *reterr_msg names them. Disables the service with that reason.
 */
int cloud_leave_storage(struct cloud_session *admin, const char *service,
	const char *host, const char *reason, char **reterr_msg);
/* The reverse: enables it when it was disabled. 0 too when the API does not know the host. */
int cloud_enter_storage(struct cloud_session *admin, const char *service,
	const char *host, char **reterr_msg);
