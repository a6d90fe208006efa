/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The role that a desired state names, from this image's role files: its definition, and in
 * a rack that is a cloud the parts of the cloud that this node runs.
 */
#pragma once

#include "common/order.h"
#include "common/partdef.h"

struct role {
	struct roledefs *roles;
	const struct roledef *def; /* borrowed from roles */
	struct partdefs *defs; /* NULL when the rack is no cloud */
	/* NULL-terminated array, NULL when the rack is no cloud */
	const struct partdef **parts;
};

/* -ENOENT, -EINVAL and *reterr_msg, caller frees; *ret is empty then. */
int role_load(const struct desired *d, struct role *ret, char **reterr_msg);
/* The names of all proofs of the role and of its parts; NULL-terminated; strv_free(). */
char **role_proofs(const struct role *r);
/* Is there another version of a file that a part takes from the controller? was may be NULL. */
bool role_blobs_changed(
	const struct role *r, const struct desired *now, const struct desired *was);
void role_clear(struct role *r);
