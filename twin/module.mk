# SPDX-License-Identifier: Apache-2.0
LIBS_A += twin
twin_SRCS := twin/args.c twin/plan.c twin/cut.c twin/qemu.c twin/switchport.c twin/bmcconf.c twin/fru.c \
	twin/power.c twin/rundir.c twin/ns.c twin/sock.c twin/files.c twin/net.c twin/accel.c twin/bmc.c \
	twin/qmp.c twin/relay.c twin/node.c twin/ctl.c twin/ctlclient.c twin/supervisor.c \
	twin/vehicle_qemu.c twin/vehicle_container.c twin/container.c twin/leader.c twin/nspawn.c \
	twin/firmware.c twin/installer.c twin/fit.c twin/ipxe.c twin/baseimage.c twin/sysroot.c twin/cable.c \
	twin/cgroup.c twin/loop.c twin/fault.c
twin_PKGS := libsystemd jansson

PROGS += ondol-twin
ondol-twin_SRCS := twin/main.c twin/cmd-up.c twin/cmd-down.c twin/cmd-exec.c twin/cmd-status.c \
	twin/cmd-console.c twin/cmd-fault.c twin/cmd-rack.c twin/cmd-internal.c twin/opts.c
# A container is installed by the agent's own code.
ondol-twin_USES := twin agent images common
ondol-twin_PKGS := libsystemd jansson

test-twin-plan_USES := twin agent images common
test-twin-cut_USES := twin agent images common
test-twin-qemu_USES := twin agent images common
test-twin-switch_USES := twin agent images common
test-twin-bmc_USES := twin agent images common
test-twin-power_USES := twin agent images common
test-twin-fault_USES := twin agent images common
test-twin-sock_USES := twin agent images common
test-twin-channels_USES := twin agent images common
test-twin-channels_PKGS := libsystemd jansson
test-twin-channels_LDLIBS := -lpthread
test-twin-rundir_USES := twin agent images common
test-twin-ipxe_USES := twin common
test-twin-container_USES := twin agent images common
