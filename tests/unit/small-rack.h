/* SPDX-License-Identifier: Apache-2.0 */
/* A rack of one controller, for tests of its disks. */
#pragma once

#include "common/rack.h"
#include "common/roledef.h"

/* disks: lines of its profile. Caller frees. */
static _unused_ struct rack *small_rack(const char *disks)
{
	_cleanup_(roledefs_freep) struct roledefs *roles = NULL;
	_cleanup_free_ char
		*dir = roledefs_default_dir(),
		*text = xasprintf(
			"[rack]\nname = lab\n"
			"[deploy]\ninterface = eth0\naddress = 10.77.0.2\n"
			"[bmc]\nsubnet = 10.77.1.0/24\nvlan = 11\n"
			"[network provisioning]\nsubnet = 10.77.0.0/24\nvlan = 10\n"
			"[profile p]\nproduct = X\nnic.1.native = provisioning\n"
			"%s"
			"[node hp01]\nprofile = p\nrole = controller\nhost = 11\n"
			"bmc = 10.77.1.11\nmac.1 = 94:40:c9:00:01:01\nserial = A\n",
			disks);
	struct problems problems = {0};
	struct rack *rack = NULL;

	assert_int_equal(roledefs_load(dir, &problems, &roles), 0);
	if (rack_parse("rack.ini", text, strlen(text), roles, &problems, &rack) < 0)
		problems_print(&problems, stderr);
	problems_clear(&problems);
	assert_non_null(rack);
	return rack;
}
