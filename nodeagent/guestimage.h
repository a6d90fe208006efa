/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The guest image that ondold serves (images/build-guest), fetched to this node for its
 * upload into the cloud. Blocks; for workers.
 */
#pragma once

#include <jansson.h>

#include "common/util.h"

struct guestimage {
	char *name, *version; /* owned */
	uint64_t size; /* bytes */
	char *path; /* owned: the fetched file; NULL: ondold has no guest image */
	unsigned min_disk_gb, min_ram_mb;
	json_t *properties; /* owned: what Glance is to say of it; NULL: nothing */
};

/* The version that ondold has, or had when it answered last; "": none. Caller frees. */
char *guestimage_version(void);
/* 0 also when ondold has none. What was fetched whole before is not fetched again. */
int guestimage_fetch(struct guestimage *ret, char **reterr_msg);
void guestimage_forget(struct guestimage *g); /* removes the file: the cloud has it now */
void guestimage_clear(struct guestimage *g);
