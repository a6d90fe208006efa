/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The desired states that are kept: the one being applied and the one last confirmed.
 */
#pragma once

#include "common/order.h"

struct document {
	json_t *json; /* owned */
	struct desired *desired; /* owned */
};

void document_clear(struct document *d);
/*
 * Reads and checks a desired state (plan_check included). 0; -ENOENT: no such file;
 * -EINVAL or another -errno, always with *reterr_msg, which names the file; caller frees.
 */
int document_load(const char *path, struct document *ret, char **reterr_msg);
/* Writes it, with its directory; 0 or -errno with *reterr_msg. */
int document_save(const char *path, const struct document *d, char **reterr_msg);
