# SPDX-License-Identifier: Apache-2.0
# The agent's parts are a library, so that tests can link them; main.c is the program.
LIBS_A += agent
agent_SRCS := initramfs/agent.c initramfs/bay.c initramfs/blk.c initramfs/bootmode.c \
	initramfs/clock.c initramfs/devices.c initramfs/diskpin.c \
	initramfs/disks.c \
	initramfs/erase.c initramfs/install.c \
	initramfs/link.c initramfs/lvmlabel.c initramfs/mirror.c initramfs/mounts.c initramfs/nics.c initramfs/parttable.c \
	initramfs/server.c initramfs/smbios.c initramfs/statefs.c initramfs/steps.c initramfs/swaparea.c \
	initramfs/target.c initramfs/trial.c initramfs/uevent.c
agent_PKGS := libkmod blkid fdisk uuid libcurl jansson
PROGS += ondol-agent ondol-guest
ondol-agent_SRCS := initramfs/main.c
ondol-agent_USES := agent images common

# Alone in its initramfs: static, and small because it links three files of common.
ondol-guest_SRCS := initramfs/guest.c initramfs/ping.c images/cmdline.c \
	common/parse.c common/util.c
ifeq ($(VARIANT),release)
ondol-guest_LDFLAGS := -static -no-pie
endif

fuzz-agent_USES := agent images common
test-agent-ping_WITH := initramfs/ping.c
$(foreach t,bay blk diskpin disks erase nics parttable server smbios statefs steps swaparea target trial \
	uevent,$(eval test-agent-$(t)_USES := agent images common))

.PHONY: initramfs-programs
initramfs-programs: $(O)/ondol-agent $(O)/ondol-guest
