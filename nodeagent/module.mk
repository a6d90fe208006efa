# SPDX-License-Identifier: Apache-2.0
LIBS_A += noded
noded_SRCS := nodeagent/nodeconf.c nodeagent/textblock.c nodeagent/identity.c nodeagent/trust.c \
	nodeagent/applied.c nodeagent/plan.c nodeagent/schedule.c nodeagent/units.c nodeagent/unitstate.c nodeagent/failure.c \
	nodeagent/link.c nodeagent/renew.c nodeagent/work.c nodeagent/disks.c nodeagent/luks.c nodeagent/lvm.c \
	nodeagent/xfs.c nodeagent/xfsdisk.c nodeagent/openers.c nodeagent/patience.c \
	nodeagent/lvmreport.c nodeagent/virtxml.c nodeagent/virtloop.c nodeagent/hypervisor.c nodeagent/firewall.c \
	nodeagent/guest.c nodeagent/arp.c nodeagent/netcheck.c nodeagent/proofs.c nodeagent/prover.c \
	nodeagent/converge.c nodeagent/statefile.c nodeagent/task.c nodeagent/held.c \
	nodeagent/vars.c nodeagent/inimerge.c nodeagent/partfiles.c nodeagent/database.c \
	nodeagent/partwork.c nodeagent/cloudops.c nodeagent/backup.c nodeagent/rings.c nodeagent/guestimage.c nodeagent/fetch.c nodeagent/parts.c \
	nodeagent/role.c nodeagent/loop.c nodeagent/provecmd.c nodeagent/wish.c nodeagent/cloudwatch.c nodeagent/mirrorwatch.c \
	nodeagent/workops.c nodeagent/slots.c nodeagent/update.c nodeagent/noded.c nodeagent/noded_task.c
noded_PKGS := libvirt libcryptsetup libsystemd blkid uuid libkmod libxml-2.0 jansson libcurl libmariadb zlib gnutls

PROGS += ondol-noded
ondol-noded_SRCS := nodeagent/main.c
ondol-noded_USES := noded cloud images common
ondol-noded_PKGS := libsystemd jansson

$(foreach t,$(patsubst tests/unit/%.c,%,$(wildcard tests/unit/test-noded-*.c)),\
	$(eval $(t)_USES := noded cloud images common)$(eval $(t)_PKGS := jansson))
fuzz-noded_USES := noded cloud images common
fuzz-noded_PKGS := jansson
