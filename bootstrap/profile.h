/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The image profile that nodes get: its manifest in the images directory, and its files.
 * Reads a small file each time: an image may be built anew while ondold runs.
 */
#pragma once

#include "images/manifest.h"

#define PROFILE_GUEST "guest" /* the image of the cloud's guests, not of a node */

/* 0 with *ret (image_manifest_free), or -errno with words; caller frees both. */
int profile_load(const char *images_dir, const char *profile, struct image_manifest **ret,
	char **reterr_msg);
/* Opens a file that the manifest names, of a profile or of the guest image; -ENOENT for any other name. */
int profile_open(const char *images_dir, const char *profile, const char *file,
	int *ret_fd, uint64_t *ret_size);
