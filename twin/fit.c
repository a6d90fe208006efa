/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Open vSwitch in user space hands on what a guest's virtio NIC leaves for hardware to
 * finish: half-made checksums and segments, which the receiver drops. A kernel datapath or
 * a NIC would finish them; here the guests are told that there is none. libvirt looks for
 * its emulator along PATH, where /usr/local/bin comes first.
 */
#include "twin/fit.h"

#include "common/util.h"

#define EMULATOR "/usr/bin/qemu-system-x86_64"

static const char wrapper[] =
	"#!/bin/sh\n"
	"# laid here by ondol-twin: no checksum is left to a NIC that a container has not\n"
	"for o in csum gso host_tso4 host_tso6 host_ecn host_ufo; do\n"
	"	set -- \"$@\" -global \"virtio-net-pci.$o=off\"\n"
	"done\n"
	"exec " EMULATOR " \"$@\"\n";

/* No security module, and no cgroup that libvirt could make below that of the container. */
static const char qemu_conf[] = "# laid here by ondol-twin\n"
				"security_driver = \"none\"\n"
				"cgroup_controllers = [ ]\n";

static const struct {
	const char *dir, *file, *text;
	unsigned mode;
} files[] = {
	{"/usr/local/bin", "/usr/local/bin/qemu-system-x86_64", wrapper, 0755},
	{"/etc/libvirt", "/etc/libvirt/qemu.conf", qemu_conf, 0600},
};

int fit_apply(const char *upper, char **reterr_msg)
{
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		_cleanup_free_ char *dir = xasprintf("%s%s", upper, files[i].dir);
		_cleanup_free_ char *path = xasprintf("%s%s", upper, files[i].file);
		int r = mkdir_p(dir, 0755);

		if (r >= 0)
			r = write_file_atomic(path, files[i].text, strlen(files[i].text),
				files[i].mode);
		if (r < 0) {
			*reterr_msg =
				xasprintf("%s cannot be written: %s", path, strerror(-r));
			return r;
		}
	}
	return 0;
}
