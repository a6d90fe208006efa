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
 * Fills the mounted ESP at esp_dir for a slot ("a") mounted at slot_dir, whose image has
 * that version and is started with that command line. -errno with *reterr_msg.
 */
int esp_install(const char *esp_dir, const char *slot_dir, const char *slot,
	const char *version, const char *cmdline, char **reterr_msg);
/* Opens a file of an image for reading, links resolved within the image only; fd or -errno. */
int esp_open_in_image(const char *slot_dir, const char *path);

/* loader/entries/ondol-SLOT.conf; caller frees. Pure. */
char *esp_entry(const char *slot, const char *version, const char *cmdline);
/* loader/loader.conf with SLOT as the default; caller frees. Pure. */
char *esp_loader_conf(const char *slot);
