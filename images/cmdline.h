/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The words that ondold's iPXE script, or the agent's own kexec, put on the kernel
 * command line (docs/protocol.md). Pure. Words without the "ondol." prefix are other
 * people's and pass unread, but for console=, which the installed system inherits.
 */
#pragma once

#include "common/parse.h"

#define CMDLINE_MAX 4096
/* What the initramfs sets up for ondol.trial, and ondol-noded stops. */
#define BOOT_TRIAL_TIMER "ondol-trial.timer"
#define BOOT_TRIAL_MARK "ondol-trial" /* below /run; without it the timer does nothing */

enum boot_mode { BOOT_MODE_INSTALL, BOOT_MODE_BOOT };

struct boot_parts { /* PARTUUIDs of a partition of the system: one, or the halves of a mirror */
	char uuid[2][37]; /* lower case */
	size_t n; /* 1 or 2; 0: there is none (swap, other) */
};

struct boot_args {
	enum boot_mode mode;
	char *node; /* owned; never NULL */
	char *consoles; /* owned: the console= words, in order, one blank between; may be "" */
	/* install mode */
	char *server; /* owned: "A.B.C.D:PORT", where files are */
	char *api; /* owned: "A.B.C.D:PORT", the node API over TLS */
	char *ca; /* owned: SHA-256 of the authority that signs the API, 64 hex digits */
	char *token; /* owned; good for one enrolment; never logged */
	struct mac_addr nic;
	uint32_t address; /* host order */
	unsigned prefix;
	unsigned mtu;
	uint64_t time; /* seconds since 1970, 0: not said */
	/* boot mode */
	struct boot_parts slot, state;
	struct boot_parts swap; /* n 0: none */
	struct boot_parts
		other; /* the slot that does not run, of a mirror; n 0: not said */
	char *image; /* owned: version of what is in the slot; NULL: not said */
	unsigned trial_s; /* the slot is tried for so long; 0: it is not on trial */
};

/*
 * Reads a command line. -EINVAL with *reterr_msg naming the word that is missing or
 * wrong; the caller frees both. A word given twice is wrong.
 */
int boot_args_parse(const char *cmdline, struct boot_args **ret, char **reterr_msg);
void boot_args_free(struct boot_args *a);
void boot_args_freep(struct boot_args **a);

/*
 * The value of KEY=VALUE in a command line, NULL when it is not there; caller frees.
 * *ret_count (may be NULL) is how often it is there.
 */
char *cmdline_word(const char *cmdline, const char *key, unsigned *ret_count);
/* "A.B.C.D/PREFIX": an address with host bits; prefix 8..30. */
int cmdline_address(const char *s, uint32_t *ret_address, unsigned *ret_prefix);

/*
 * The command line with which the slot of a is started: the node, its consoles, and all that
 * is of boot mode. Caller frees.
 */
char *cmdline_for_boot(const struct boot_args *a);
