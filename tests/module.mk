# SPDX-License-Identifier: Apache-2.0
# A unit test is tests/unit/test-NAME.c; what it links beside libcommon is said here as
# test-NAME_USES (libraries), test-NAME_PKGS, test-NAME_LDLIBS, test-NAME_WITH (further sources).
UNIT_TESTS := $(patsubst tests/unit/%.c,%,$(wildcard tests/unit/test-*.c))
define unit_test
$(1)_SRCS := tests/unit/$(1).c $$($(1)_WITH)
$(1)_USES := $$(or $$($(1)_USES),common)
$(1)_PKGS := cmocka $$($(1)_PKGS)
TESTS += $(1)
endef
$(foreach t,$(UNIT_TESTS),$(eval $(call unit_test,$(t))))
