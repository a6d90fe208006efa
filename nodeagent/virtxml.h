/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libvirt's XML as we write it and as it is read back. Pure (libxml2).
 */
#pragma once

#include "common/util.h"

struct virt_net { /* a network for machines, on an Open vSwitch bridge */
	const char *name, *bridge; /* borrowed */
	unsigned vlan;
};

/* The network's definition, marked as ours. */
char *virtxml_network(const struct virt_net *net);
/* Does the read-back text carry our mark? False also for what is not XML. */
bool virtxml_network_is_ours(const char *xml);
/* NULL when the text is exactly that network, else what is different in words; caller frees. */
char *virtxml_network_differs(const char *xml, const struct virt_net *net);

/* Do the capabilities offer hardware-assisted x86_64 machines? */
bool virtxml_caps_have_kvm(const char *xml);

struct virt_guest {
	const char *name, *kernel, *initrd, *cmdline, *network,
		*serial_log; /* borrowed */
	unsigned memory_mib, mtu;
};
char *virtxml_guest(const struct virt_guest *g); /* caller frees */
