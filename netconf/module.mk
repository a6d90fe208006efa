# SPDX-License-Identifier: Apache-2.0
# libopenvswitch defines xmalloc, json_object and more that libcommon and jansson define
# too. So ovs.o, the one object that uses it, is linked with it into ovs-alone.o, in which
# only the ovs_ functions of netconf/ovs.h stay visible.
OVS_DIR := $(SHARED)/ovs
OVS_LIB := $(OVS_DIR)/libopenvswitch.a
OVS_O   := $(O)/obj/netconf/ovs.o
OVS_ONE := $(O)/obj/netconf/ovs-alone.o

PROGS += ondol-netconf
netconf_PURE := netconf/rows.c netconf/plan.c netconf/files.c netconf/links.c netconf/nic.c \
	netconf/state.c
ondol-netconf_SRCS := netconf/main.c netconf/apply.c netconf/show.c netconf/net.c \
	netconf/loop.c netconf/confirm.c netconf/kernel.c netconf/networkd.c $(netconf_PURE)
ondol-netconf_USES := common
ondol-netconf_PKGS := libsystemd jansson libnl-3.0 libnl-route-3.0 libnl-genl-3.0
ondol-netconf_EXTRA = $(OVS_ONE)
ondol-netconf_LDLIBS = $(OVS_ONE) -lpthread -lm

$(OVS_LIB): netconf/build-openvswitch.sh
	$(call say,OVS,"$(OVS_DIR) (about a minute, once)")
	$(Q)netconf/build-openvswitch.sh $(OVS_DIR)
	$(Q)touch $@

$(OVS_O): CPPFLAGS += -isystem $(OVS_DIR)/include -isystem $(OVS_DIR)/include/include \
	-isystem $(OVS_DIR)/include/lib
$(OVS_O): | $(OVS_LIB)

$(OVS_ONE): $(OVS_O) $(OVS_LIB)
	$(call say,LD,$@)
	$(Q)ld -r -o $@.tmp $^
	$(Q)objcopy --wildcard --keep-global-symbol='ovs_db_*' $@.tmp $@
	$(Q)rm -f $@.tmp

-include $(OVS_O:.o=.d)

$(foreach t,rows plan files links nic state,\
	$(eval test-netconf-$(t)_WITH := $(netconf_PURE)))
