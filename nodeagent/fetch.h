/* SPDX-License-Identifier: Apache-2.0 */
/* A file of ondold's, for a worker: it blocks. */
#pragma once

#include <stdint.h>

#include "nodeagent/nodeconf.h"

struct fetch {
	const char *url; /* borrowed, as all here */
	const char *path; /* written with mode 0600, what was there before is lost */
	const char *sha256; /* that it must have, as hex */
	const char *
		what; /* for the step that people see, "the guest image"; NULL: no word */
	uint64_t size_bytes; /* for that step; 0: not known */
	unsigned stall_ms; /* given up when so long nothing came */
};

/*
 * 0 when the whole file is there and safe on the disk. -errno with *reterr_msg (caller frees):
 * -EBADMSG when it has another digest, -EIO when ondold gave none; then path is removed.
 */
int fetch_file(const struct nodeconf *conf, const struct fetch *f, char **reterr_msg);
