/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes an image into a slot partition as it comes: in constant memory where it comes in order. Long
 * runs of zeros become holes where the device can make them. Blocks on the device.
 */
#pragma once

#include "images/stream.h"

struct slot;

/* Opens the partition (or, in tests, a file). -ENOSPC when raw_bytes do not fit. */
int slot_open(const char *path, uint64_t raw_bytes, struct slot **ret, char **reterr_msg);
/* An image_sink over it; valid while the slot is. */
struct image_sink slot_sink(struct slot *s);
/* It is written from its beginning again. */
void slot_rewind(struct slot *s);
/* What it writes to, for reading back; borrowed. */
int slot_fd(const struct slot *s);
/* What was written is on the device. 0 or -errno; after it the slot only gets freed. */
int slot_sync(struct slot *s);
/*
 * How long the image is that begins at `at` of an open disk or slot, as its erofs superblock says
 * (fs/erofs/erofs_fs.h); 0: there is none.
 */
uint64_t slot_image_bytes(int fd, uint64_t at);
void slot_free(struct slot *s);
void slot_freep(struct slot **s);

struct slot_stats {
	uint64_t written_bytes, hole_bytes;
};
struct slot_stats slot_stats(const struct slot *s);
