/* SPDX-License-Identifier: Apache-2.0 */
/* Starting another kernel without the firmware in between, and rebooting with it. */
#pragma once

#include "common/util.h"

/* Loads a kernel and initramfs (borrowed fds) with a command line. -errno with *reterr_msg. */
int kexec_load_files(
	int kernel_fd, int initrd_fd, const char *cmdline, char **reterr_msg);
/* What was loaded is forgotten: a reboot would start it otherwise. */
void kexec_unload(void);
/* Starts what was loaded. Returns only on failure, -errno. File systems must be unmounted. */
int kexec_start(void);
/* Returns only when the kernel refuses, -errno. */
int kexec_reboot(void);
