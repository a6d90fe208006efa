/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the cloud is, by what its APIs say: each service that the rack says should be on each
 * node, and each service that the APIs know on hosts which are not in the rack. Never by
 * the state of a unit. Blocks: some twenty calls, each at most 20 s unless the session
 * says less.
 */
#pragma once

#include "common/order.h"
#include "cloud/session.h"

/*
 * *ret: the report's "cloud" of docs/protocol.md: {"time", "services": [{"node", "service",
 * "ok", "text"}...], "dashboard"}; a new reference, never NULL. An API that does not answer
 * is a service that is not ok, with the reason: there is no other failure.
 */
void cloud_status(struct cloud_session *admin, const struct desired *d, json_t **ret);
/*
 * One node's own question, for the proof of a part: is service (a binary as the API calls it:
 * "nova-compute", "neutron-openvswitch-agent", "cinder-volume", "manila-share") up on node?
 * 1: up; 0: not (yet), *ret_text says why; negative errno as of cloud_call, with
 * *ret_text in words. *ret_text is always set; caller frees.
 */
int cloud_service_up(struct cloud_session *admin, const char *service, const char *node,
	char **ret_text);
