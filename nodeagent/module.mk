# SPDX-License-Identifier: Apache-2.0
LIBS_A += noded
noded_SRCS := nodeagent/nodeconf.c nodeagent/textblock.c nodeagent/identity.c \
	nodeagent/applied.c nodeagent/plan.c nodeagent/schedule.c nodeagent/units.c \
	nodeagent/link.c nodeagent/work.c nodeagent/disks.c nodeagent/lvm.c \
	nodeagent/lvmreport.c nodeagent/virtxml.c nodeagent/virtloop.c nodeagent/hypervisor.c \
	nodeagent/guest.c nodeagent/arp.c nodeagent/netcheck.c nodeagent/proofs.c nodeagent/prover.c \
	nodeagent/converge.c nodeagent/statefile.c nodeagent/task.c nodeagent/held.c \
	nodeagent/workops.c nodeagent/noded.c
noded_PKGS := libvirt libsystemd blkid libkmod libxml-2.0 jansson libcurl

PROGS += ondol-noded
ondol-noded_SRCS := nodeagent/main.c
ondol-noded_USES := noded common
ondol-noded_PKGS := libsystemd jansson

$(foreach t,$(patsubst tests/unit/%.c,%,$(wildcard tests/unit/test-noded-*.c)),\
	$(eval $(t)_USES := noded common)$(eval $(t)_PKGS := jansson))
fuzz-noded_USES := noded common
fuzz-noded_PKGS := jansson
