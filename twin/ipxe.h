/* SPDX-License-Identifier: Apache-2.0 */
/*
 * As much of iPXE's script language as ondold writes: set, kernel, initrd, sleep, chain,
 * exit. What follows "||" is for a command that failed, and left out. Pure.
 */
#pragma once

#include "common/util.h"

enum ipxe_end {
	IPXE_EXIT, /* on to the next boot device */
	IPXE_BOOT, /* start kernel with cmdline */
	IPXE_CHAIN, /* fetch chain, after pause_s */
};

struct ipxe { /* owns its strings; those that the script does not say are NULL */
	enum ipxe_end end;
	char *kernel, *initrd; /* URLs */
	char *cmdline;
	char *chain;
	unsigned pause_s;
};

/* -EINVAL with *reterr_msg: not a script, or one with other words in it; caller frees. */
int ipxe_parse(const char *script, struct ipxe *ret, char **reterr_msg);
void ipxe_clear(struct ipxe *s);
