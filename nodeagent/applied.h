/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What this node has taken on, kept on disk so that it can be left properly later, also
 * after a crash in the middle: before a role is entered, the record holds the old and
 * the new; after it, only the new.
 */
#pragma once

#include "common/order.h"
#include "common/roledef.h"

struct applied {
	char *role, *kind; /* owned; "" when none was entered yet */
	char **units; /* owned, NULL-terminated, start order, never NULL */
	char **volume_groups; /* owned, NULL-terminated, never NULL */
	char **data_dirs; /* the same: where data disks may be mounted, "/srv/node" */
	char **duties; /* the same: parts that owe something before they are left */
	bool hypervisor; /* libvirt networks may have been defined, machines may run */
};

struct applied *applied_new(void);
/* old (borrowed, may be NULL) and what def asks for, together. */
struct applied *applied_with(const struct applied *old, const struct roledef *def);
struct applied *applied_copy(const struct applied *a);
void applied_free(struct applied *a);
void applied_freep(struct applied **a);

char *applied_to_text(const struct applied *a); /* JSON; caller frees */
int applied_from_text(
	const char *text, size_t len, struct applied **ret, char **reterr_msg);
/* A missing file is an empty record. */
int applied_load(const char *path, struct applied **ret, char **reterr_msg);
int applied_save(const struct applied *a, const char *path); /* 0 or -errno */
