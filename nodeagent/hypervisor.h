/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hypervisor, through libvirt's C API: the only file pair that sees it. Everything
 * here may block for as long as libvirtd likes, so it runs in workers (work.h) whose
 * deadline ends it. All return 0 or a negative errno and set *ret_text in both cases:
 * what is there, or what is wrong; caller frees.
 */
#pragma once

#include "nodeagent/virtxml.h"

#define HYPERVISOR_URI "qemu:///system"

/* -EBUSY and their names when machines run here (the probe guest does not count). */
int hypervisor_no_guests(const char *uri, char **ret_text);
/*
 * Makes our networks exactly these: defined, started, started at boot. Those that we made
 * and that are not among them are removed. A network of the same name that is not ours
 * is -EEXIST, and left alone. n 0 removes all of ours.
 */
int hypervisor_set_networks(
	const char *uri, const struct virt_net *nets, size_t n, char **ret_text);
/* Connection alive, machines of type kvm on offer, each network active as described. */
int hypervisor_check(const char *uri, const struct virt_net *nets, size_t n,
	bool need_kvm, char **ret_text);
/*
 * Starts a transient machine and waits for its end; -ETIMEDOUT when it was destroyed at
 * the deadline. It dies with this process too.
 */
int hypervisor_run_guest(const char *uri, const struct virt_guest *g, unsigned timeout_ms,
	char **ret_text);
