/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The other side of work.h: what `ondol-noded work OP [ARG]` does. Each blocks, reads the
 * desired state and the role files by itself, and prints one result line.
 *
 *   guests-none            no virtual machine runs here
 *   libvirt-networks       makes the role's libvirt networks, removes others of ours
 *   libvirt-check          the proof "libvirt"
 *   kvm-modules            loads KVM for this CPU
 *   vg-enter, vg-check     the role's volume group; the proof "volume-group"
 *   vg-leave VG            gives a group up, when it is empty
 *   xfs-enter, xfs-check   the role's data disks with XFS; the proof "data-mounts"
 *   xfs-leave DIRECTORY    unmounts them; those without data become blank
 *   guest                  the proof "guest"
 *   image-write ARG        a new image into the slot that does not run: update.h
 *   image-keep             the slot that runs is kept
 *   part-..., cloud-...    the parts of the cloud: partwork.h
 */
#pragma once

int workops_main(const char *op, const char *arg); /* exit status */
