# SPDX-License-Identifier: Apache-2.0
# One Makefile for the whole tree; each folder's module.mk names its sources.
# `make help` lists the targets.

.DEFAULT_GOAL := all
MAKEFLAGS += --no-builtin-rules

ifeq ($(RELEASE),1)
VARIANT := release
else
VARIANT := debug
endif
TOP     := $(CURDIR)
BUILD   ?= build
O       := $(BUILD)/$(VARIANT)
# Open vSwitch and the images are the same for every variant.
SHARED  := $(BUILD)/shared

CC      := gcc
ifeq ($(origin USE_CC),command line)
CC      := $(USE_CC)
O       := $(BUILD)/$(VARIANT)-$(USE_CC)
endif
prefix  ?= /usr
DESTDIR ?=
VERSION := $(shell cat VERSION)

CPPFLAGS := -I. -D_GNU_SOURCE -DONDOL_VERSION='"$(VERSION)"'
CFLAGS   := -std=gnu11 -g -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes \
	-Wmissing-prototypes -Wformat=2 -Wvla -Wno-unused-parameter \
	-ffunction-sections -fdata-sections -ffile-prefix-map=$(TOP)=.
LDFLAGS  := -Wl,--gc-sections -Wl,--as-needed
ifeq ($(VARIANT),debug)
SANITIZE ?= -fsanitize=address,undefined -fno-sanitize-recover=undefined
CFLAGS   += -O1 -fno-omit-frame-pointer $(SANITIZE)
LDFLAGS  += $(SANITIZE)
else
CFLAGS   += -O2 -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fPIE
LDFLAGS  += -pie -Wl,-z,relro -Wl,-z,now
endif

ifeq ($(V),1)
Q :=
else
Q := @
endif
say = @printf '  %-7s %s\n' $(1) $(2)

# A module.mk may set, for a library: LIBS_A += NAME, NAME_SRCS, NAME_PKGS
# and for a program: PROGS += NAME, NAME_SRCS, NAME_USES (libraries, in link
# order), NAME_PKGS, NAME_LDLIBS, NAME_CPPFLAGS. Tests: see tests/module.mk.
LIBS_A :=
PROGS  :=
TESTS  :=
MODULES := common cloud images netconf initramfs nodeagent bootstrap twin roles tests docs
include $(wildcard $(MODULES:%=%/module.mk))

# Hundreds of programs ask for the same few packages: pkg-config answers each question once.
empty :=
space := $(empty) $(empty)
pkg_once = $(if $(filter undefined,$(origin $(1))),$(eval $(1) := $$(shell pkg-config $(2) 2>/dev/null)))$($(1))
pkg = $(if $(2),$(call pkg_once,pkg$(subst $(space),_,$(strip $(1) $(2))),$(1) $(2)))
pkgflags = $(call pkg,--cflags,$(1))
pkglibs = $(call pkg,--libs,$(1))

ALL_DEPS :=
# $(1) object list owner, sets per-target flags
define compile_rules
$(1)_OBJS := $$($(1)_SRCS:%.c=$$(O)/obj/%.o)
ALL_DEPS += $$($(1)_OBJS:.o=.d)
$$($(1)_OBJS): PKG_CFLAGS := $$(call pkgflags,$$($(1)_PKGS)) $$($(1)_CPPFLAGS)
endef
define library_rules
$(call compile_rules,$(1))
$$(O)/lib$(1).a: $$($(1)_OBJS)
	$$(call say,AR,$$@)
	$$(Q)rm -f $$@ && ar rcs $$@ $$^
endef
define program_rules
$(call compile_rules,$(1))
$$(O)/$(1): $$($(1)_OBJS) $$($(1)_USES:%=$$(O)/lib%.a) $$($(1)_EXTRA)
	$$(call say,LINK,$$@)
	$$(Q)$$(CC) $$(LDFLAGS) $$($(1)_LDFLAGS) -o $$@ $$($(1)_OBJS) $$($(1)_USES:%=$$(O)/lib%.a) \
		$$($(1)_LDLIBS) $$(foreach l,$$($(1)_USES),$$($$(l)_LDLIBS)) $$(call pkglibs,$$(sort $$($(1)_PKGS) $$(foreach l,$$($(1)_USES),$$($$(l)_PKGS))))
endef
$(foreach l,$(LIBS_A),$(eval $(call library_rules,$(l))))
$(foreach p,$(PROGS) $(TESTS),$(eval $(call program_rules,$(p))))

$(O)/obj/%.o: %.c
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(PKG_CFLAGS) -MMD -MP -c -o $@ $<

-include $(ALL_DEPS)

include build.mk
