/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `vgs` and `pvs --reportformat json` print, read strictly, and what to do about a
 * volume group. Pure.
 */
#pragma once

#include "common/util.h"

struct lvm_vg {
	char *name;
	uint64_t size_bytes;
	unsigned n_pvs, n_lvs;
};

struct lvm_pv {
	char *device; /* "/dev/nvme0n1" */
	char *vg; /* "" : of none */
};

struct lvm_report {
	struct lvm_vg *vgs; /* owned */
	size_t n_vgs, cap_vgs;
	struct lvm_pv *pvs; /* owned */
	size_t n_pvs, cap_pvs;
};

/*
 * Adds what text says to the report. text is the output of one command, JSON with
 * warnings before it at most. -EINVAL and *reterr_msg when it is not of the form.
 */
int lvm_report_add_vgs(struct lvm_report *r, const char *text, char **reterr_msg);
int lvm_report_add_pvs(struct lvm_report *r, const char *text, char **reterr_msg);
void lvm_report_clear(struct lvm_report *r);
const struct lvm_vg *lvm_report_vg(const struct lvm_report *r, const char *name);
const struct lvm_pv *lvm_report_pv(const struct lvm_report *r, const char *device);

/* A data disk and what is on it. */
struct lvm_disk {
	const char *device, *serial; /* borrowed */
	const char *contents; /* borrowed; "" : blank; else in words */
	bool pv_only; /* its one signature is LVM2_member */
};

/* A device of the group vg that is none of the disks; NULL: all are. Borrowed from r. */
const char *lvm_stranger(const struct lvm_report *r, const char *vg,
	const struct lvm_disk *disks, size_t n_disks);

enum lvm_action {
	LVM_NOTHING = 0, /* the group is there, with exactly these disks */
	LVM_CREATE, /* of the disks in ret_devices */
	LVM_EXTEND, /* by the disks in ret_devices */
	LVM_REFUSE, /* *ret_why says why */
};

/*
 * What makes vg a group of exactly these disks. A disk is taken when it is blank, or an
 * LVM volume of this group or of none. ret_devices: NULL-terminated, array owned by the
 * caller, strings borrowed from disks; ret_why: caller frees.
 */
enum lvm_action lvm_decide(const struct lvm_report *r, const char *vg,
	const struct lvm_disk *disks, size_t n_disks, const char ***ret_devices,
	char **ret_why);
