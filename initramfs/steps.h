/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

/* What an install does, in this order, whatever carries it out. */
enum install_step {
	INSTALL_MEASURE,
	INSTALL_WIPE,
	INSTALL_ERASE,
	INSTALL_PARTITION,
	INSTALL_MIRROR,
	INSTALL_FORMAT,
	INSTALL_IMAGE,
	INSTALL_IDENTITY,
	INSTALL_BOOTABLE,
	INSTALL_N_STEPS,
};

/* How the steps are carried out; all are set. run: 0, or -errno with a message that the caller
 * frees; without one errno's text is used. */
struct install_how {
	void (*tell)(void *userdata, const char *step); /* before each */
	bool (*is_wanted)(
		const void *userdata, enum install_step step); /* NULL: all are */
	int (*run[INSTALL_N_STEPS])(void *userdata, char **reterr_msg);
};

/* -errno of the first that fails, *reterr_msg (freed by the caller) with the step's name before
 * its reason. */
int install_steps(const struct install_how *how, void *userdata, char **reterr_msg);
