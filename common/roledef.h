/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Role files, roles/NAME.ini: what a role is made of. Read by `ondol check` (does the
 * role exist) and by ondol-noded (what to do for it).
 *     [role]
 *     description = runs virtual machines
 *     parts = trust keystone glance ; what of the cloud it runs, files in parts/ (partdef.h)
 *     kinds = block object          ; the kinds a node of this role must choose from
 *     [units]                       ; systemd units, started in file order
 *     start = a.service b.socket
 *     [disks]                       ; what becomes of the disks with use = data
 *     data = lvm:VGNAME | xfs:/DIRECTORY | none
 *     [hypervisor]
 *     enabled = yes
 *     networks = tunnel storage     ; libvirt networks to define
 *     [proofs]
 *     need = network units volume-group libvirt kvm ...
 *     [kind block]                  ; the same keys, for one kind: data =, start =, need =
 */
#pragma once

#include "common/problems.h"

struct roledef {
	char *name; /* file name without .ini */
	char *kind; /* NULL: a role without kinds; otherwise one entry per kind */
	char *description;
	char **parts; /* names of part files (partdef.h); NULL-terminated, owned */
	/* Of the parts, added by whoever resolved them; NULL: none. Owned. */
	char **part_units; /* their units */
	char **duties; /* parts that owe something before the role is left */
	char **units; /* NULL-terminated, owned */
	char *data_vg; /* LVM volume group on the data disks; NULL: none */
	char *data_dir; /* where each data disk's XFS is mounted, as d1, d2, ...; NULL: nowhere */
	bool hypervisor;
	char **vm_networks; /* NULL-terminated, owned; networks given to libvirt */
	char **proofs; /* NULL-terminated, owned */
};

struct roledefs {
	struct roledef *list; /* owned; one entry per role and kind */
	size_t n;
};

/* Loads every *.ini of a directory, in name order. */
int roledefs_load(const char *dir, struct problems *problems, struct roledefs **ret);
void roledefs_free(struct roledefs *r);
void roledefs_freep(struct roledefs **r);
/* The definition for role and kind (kind NULL: the role has no kinds); NULL: none. */
const struct roledef *roledefs_find(
	const struct roledefs *r, const char *role, const char *kind);
bool roledefs_has_role(const struct roledefs *r, const char *role);
bool roledefs_role_has_kinds(const struct roledefs *r, const char *role);
/* "controller, compute, storage": for messages; caller frees. */
char *roledefs_names(const struct roledefs *r);
/*
 * Where role files are when nobody says: $ONDOL_ROLES, else roles/ of the source tree the
 * program was built in, else the installed directory. The caller frees.
 */
char *roledefs_default_dir(void);
