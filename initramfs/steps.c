/* SPDX-License-Identifier: Apache-2.0 */
#include "initramfs/steps.h"

#include <string.h>

#include "common/util.h"

static const char *const texts[INSTALL_N_STEPS] = {
	[INSTALL_MEASURE] = "measuring the system disk again",
	[INSTALL_WIPE] = "wiping old signatures",
	[INSTALL_ERASE] = "erasing the disk",
	[INSTALL_PARTITION] = "partitioning",
	[INSTALL_MIRROR] = "joining both disks as a mirror",
	[INSTALL_FORMAT] = "making file systems",
	[INSTALL_IMAGE] = "writing the image",
	[INSTALL_IDENTITY] = "writing the node's identity",
	[INSTALL_BOOTABLE] = "making it bootable",
};

int install_steps(const struct install_how *how, void *userdata, char **reterr_msg)
{
	for (size_t i = 0; i < INSTALL_N_STEPS; i++) {
		_cleanup_free_ char *why = NULL;
		int r;

		if (how->is_wanted && !how->is_wanted(userdata, (enum install_step)i))
			continue;
		how->tell(userdata, texts[i]);
		r = how->run[i](userdata, &why);
		if (r < 0) {
			*reterr_msg =
				xasprintf("%s: %s", texts[i], why ? why : strerror(-r));
			return r;
		}
	}
	return 0;
}
