/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is on the EFI system partition: systemd-boot where every firmware looks for it,
 * and kernel, initramfs and an entry for each slot. Blocks on the disk.
 */
#pragma once

#include "common/util.h"

#define ESP_KERNEL "/boot/vmlinuz"
#define ESP_INITRD "/boot/initrd.img"

/*
 * Puts the image of a slot ("a") mounted at slot_dir, of that version, on the ESP mounted at
 * esp_dir, to be started with that command line. Which slot the firmware starts stays as it
 * was. -errno with *reterr_msg, as all here.
 */
int esp_put_slot(const char *esp_dir, const char *slot_dir, const char *slot,
	const char *version, const char *cmdline, char **reterr_msg);
/* The same on an empty ESP, with the boot loader, and the slot as the one that is started. */
int esp_install(const char *esp_dir, const char *slot_dir, const char *slot,
	const char *version, const char *cmdline, char **reterr_msg);
/* That slot is started from now on. */
int esp_set_default(const char *esp_dir, const char *slot, char **reterr_msg);
/* A slot that is going to be written can not be started any more. */
int esp_forget_slot(const char *esp_dir, const char *slot, char **reterr_msg);
/* Opens a file of an image for reading, links resolved within the image only; fd or -errno. */
int esp_open_in_image(const char *slot_dir, const char *path);

/*
 * Has the kernel load that of an image (mounted at slot_dir) for kexec, with that command line.
 * Nothing of the image is open afterwards. -errno with *reterr_msg.
 */
int esp_load_kernel(const char *slot_dir, const char *cmdline, char **reterr_msg);

/* loader/entries/ondol-SLOT.conf; caller frees. Pure. */
char *esp_entry(const char *slot, const char *version, const char *cmdline);
/* loader/loader.conf with SLOT as the default; caller frees. Pure. */
char *esp_loader_conf(const char *slot);
