/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The root file system that a container node is installed with: the image that the order
 * names, decompressed once into a file beside it and shared by all nodes. Blocks.
 */
#pragma once

#include "common/order.h"

struct baseimage_progress {
	void (*told)(
		void *userdata, uint64_t done, uint64_t total); /* compressed bytes */
	void *userdata;
};

/*
 * Has DIR/slot-a.erofs be the order's image, verified. images: the directory of image
 * profiles. -errno with *reterr_msg; caller frees.
 */
int baseimage_install(const char *images, const char *dir,
	const struct order_image *image, const struct baseimage_progress *progress,
	char **reterr_msg);
char *baseimage_slot(const char *dir); /* the path of it; caller frees */
