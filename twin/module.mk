# SPDX-License-Identifier: Apache-2.0
LIBS_A += twin
twin_SRCS := twin/args.c twin/plan.c twin/cut.c twin/qemu.c twin/switchport.c twin/bmcconf.c twin/fru.c \
	twin/power.c twin/rundir.c twin/ns.c twin/sock.c twin/files.c twin/net.c twin/accel.c twin/bmc.c \
	twin/qmp.c twin/relay.c twin/node.c twin/ctl.c twin/ctlclient.c twin/supervisor.c
twin_PKGS := libsystemd jansson

PROGS += ondol-twin
ondol-twin_SRCS := twin/main.c twin/cmd-up.c twin/cmd-down.c twin/cmd-exec.c twin/cmd-status.c \
	twin/cmd-console.c twin/cmd-rack.c twin/cmd-internal.c
ondol-twin_USES := twin common
ondol-twin_PKGS := libsystemd jansson

test-twin-plan_USES := twin common
test-twin-cut_USES := twin common
test-twin-qemu_USES := twin common
test-twin-switch_USES := twin common
test-twin-bmc_USES := twin common
test-twin-power_USES := twin common
test-twin-sock_USES := twin common
test-twin-channels_USES := twin common
test-twin-channels_PKGS := libsystemd jansson
test-twin-channels_LDLIBS := -lpthread
test-twin-rundir_USES := twin common
