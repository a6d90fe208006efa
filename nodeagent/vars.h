/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The variables of part files and templates, ${name}: what this node is, where the cloud's
 * endpoints are, and its secrets. An unknown one is an error, so that no service ever
 * reads "${...}". The list is in docs/ondol-role.5.scd.
 */
#pragma once

#include "common/order.h"

struct vars;

/* What the node's hardware and kernel say; looked up by vars_machine(), given in tests. */
struct vars_machine {
	unsigned cores;
	uint64_t memory_bytes;
	bool kvm; /* /dev/kvm makes virtual machines */
	bool ovs_kernel; /* the kernel has Open vSwitch's datapath */
};

void vars_machine(struct vars_machine *ret);
/* desired (borrowed for its life) must have a cloud. The caller frees. */
struct vars *vars_new(const struct desired *d, const struct vars_machine *m);
void vars_free(struct vars *v);
void vars_freep(struct vars **v);
/*
 * text with its variables; -EINVAL and *reterr_msg naming the one that is not known (never a
 * value). Both are freed by the caller.
 */
int vars_expand(const struct vars *v, const char *text, char **ret, char **reterr_msg);
/* A template: besides, lines "{{#if SERVICE}}" to "{{/if}}" stay only for that optional service. */
int vars_template(const struct vars *v, const char *text, char **ret, char **reterr_msg);
/* kvm or qemu, as the rack wants it and the machine can. */
const char *vars_virt_type(const struct desired *d, bool kvm_works);
