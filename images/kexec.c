/* SPDX-License-Identifier: Apache-2.0 */
#include "images/kexec.h"

#include <linux/kexec.h>
#include <linux/reboot.h>
#include <sys/reboot.h>
#include <sys/syscall.h>

int kexec_load_files(int kernel_fd, int initrd_fd, const char *cmdline, char **reterr_msg)
{
	int saved;

	if (syscall(SYS_kexec_file_load, kernel_fd, initrd_fd, strlen(cmdline) + 1,
		    cmdline, 0ul) == 0)
		return 0;
	saved = errno;
	*reterr_msg = xasprintf("the kernel does not load the installed kernel: %s%s",
		strerror(saved),
		saved == EPERM || saved == EKEYREJECTED
			? " (Secure Boot is on, or kexec is switched off)"
			: "");
	return -saved;
}

void kexec_unload(void)
{
	(void)syscall(
		SYS_kexec_file_load, -1, -1, 0ul, NULL, (unsigned long)KEXEC_FILE_UNLOAD);
}

int kexec_start(void)
{
	sync();
	return reboot((int)LINUX_REBOOT_CMD_KEXEC) < 0 ? -errno : -EIO;
}

int kexec_reboot(void)
{
	sync();
	return reboot(RB_AUTOBOOT) < 0 ? -errno : -EIO;
}
