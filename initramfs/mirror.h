/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The halves of a mirrored system joined by md, as RAID1: one array for each of its
 * partitions but the EFI system partition, of which each disk has its own, since firmware
 * knows no md. mdadm does the work; it runs as a child process, without udev.
 */
#pragma once

#include "initramfs/parttable.h"

#define MIRROR_HALVES 2

/* "/dev/md1": the array of a partition, by its place in the table. Literal. Pure. */
const char *mirror_device(enum part_id id);
/*
 * Makes the array of two partitions just made ("/dev/sda2"), whatever is on them. What is
 * written to it from then on is on both; that they differ in what nobody wrote is no matter, so
 * they are not made the same first. -errno with *reterr_msg.
 */
int mirror_create(enum part_id id, const char *const halves[static MIRROR_HALVES],
	char **reterr_msg);
/*
 * Starts an array from those of its halves that are there (n: 1 or 2). A half that is
 * older than the other is left out. -errno with *reterr_msg.
 */
int mirror_start(
	enum part_id id, const char *const halves[], size_t n, char **reterr_msg);
/* Stops the arrays, as far as they run. */
void mirror_stop_all(void);
