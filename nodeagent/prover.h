/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finds out whether what a role promises holds: by name, each on the thing itself and not
 * on some return code. Inside sd-event; what may block runs in workers. One run at a time.
 *
 *   network       ports, addresses, MTUs and links; ondold answers over one of them
 *   units         the role's units and Open vSwitch's are up and do not keep restarting
 *   volume-group  LVM shows the group on exactly the data disks
 *   data-mounts   every data disk is mounted at its place, writable and not full
 *   kvm           /dev/kvm makes a virtual machine
 *   libvirt       answers, offers kvm, and has the role's networks as they should be
 *   guest         a real machine starts under KVM and pings a neighbour (minutes; tasks only)
 */
#pragma once

#include <systemd/sd-event.h>

#include "common/http.h"
#include "common/order.h"
#include "common/roledef.h"
#include "nodeagent/nodeconf.h"
#include "nodeagent/proofs.h"
#include "nodeagent/units.h"

struct prover;

enum prover_outcome {
	PROVER_ALL_OK = 0,
	PROVER_FAILED, /* something on this node does not hold */
	PROVER_NO_SERVER, /* all holds, only ondold did not answer */
};
typedef void (*prover_done_fn)(enum prover_outcome outcome, bool changed, void *userdata);

struct prover_run {
	const struct desired *desired; /* this and the next two: borrowed until done */
	const struct roledef *def;
	struct proofs *into; /* results go here as they come */
	char *const *names; /* NULL-terminated; copied */
	const char *also; /* one more, or NULL */
	prover_done_fn done;
	void *userdata;
};

/* conf, units, http: borrowed for the life of the prover. */
struct prover *prover_new(sd_event *event, const struct nodeconf *conf,
	struct units *units, struct http_client *http);
void prover_free(struct prover *p);
void prover_start(
	struct prover *p, const struct prover_run *run); /* nothing may be running */
void prover_cancel(struct prover *p); /* done is not called */

/* Open vSwitch's own units, which every role needs; NULL-terminated. */
extern const char *const prover_base_units[];
