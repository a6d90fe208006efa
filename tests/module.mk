# SPDX-License-Identifier: Apache-2.0
# A unit test is tests/unit/test-NAME.c; what it links beside libcommon is said here as
# test-NAME_USES (libraries), test-NAME_PKGS, test-NAME_LDLIBS, test-NAME_WITH (further sources).
UNIT_TESTS := $(patsubst tests/unit/%.c,%,$(wildcard tests/unit/test-*.c))
test-disk-corpus_USES := agent images common
test-disk-corpus_PKGS := libzstd
define unit_test
$(1)_SRCS := tests/unit/$(1).c $$($(1)_WITH)
$(1)_USES := $$(or $$($(1)_USES),common)
$(1)_PKGS := cmocka $$($(1)_PKGS)
TESTS += $(1)
endef
$(foreach t,$(UNIT_TESTS),$(eval $(call unit_test,$(t))))

# A fuzz target is tests/fuzz/fuzz-NAME.c, with fuzz-NAME_USES like a unit test. Plainly built it
# replays tests/fuzz/corpus/NAME/ (part of `make check`); `make fuzz-smoke` explores with libFuzzer.
FUZZERS := $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/fuzz-*.c))
define fuzz_target
$(1)_SRCS := tests/fuzz/$(1).c $$($(1)_WITH)
$(1)_USES := $$(or $$($(1)_USES),common)
TESTS += $(1)
FUZZ_REPLAY += $(BUILD)/fuzz/replay-$(1).sh
$(BUILD)/fuzz/replay-$(1).sh: $(O)/$(1) $(wildcard tests/fuzz/corpus/$(1:fuzz-%=%)/*)
	@mkdir -p $$(@D)
	@echo '$(BUILD)/debug/$(1) tests/fuzz/corpus/$(1:fuzz-%=%)/*' >$$@
endef
$(foreach t,$(FUZZERS),$(eval $(call fuzz_target,$(t))))

# Explored with clang: every source of the libraries the target uses, instrumented, but those
# in whose place it has its own (fuzz-NAME_WITHOUT).
FUZZ_SECONDS ?= 20
fuzz_sources = $(filter-out $($(1)_WITHOUT),tests/fuzz/$(1).c $($(1)_WITH) $(foreach l,$($(1)_USES),$($(l)_SRCS)))
fuzz_pkgs = $(sort $(foreach l,$($(1)_USES),$($(l)_PKGS)) $($(1)_PKGS))
.PHONY: fuzz-smoke $(FUZZERS:%=explore-%)
fuzz-smoke: $(FUZZERS:%=explore-%)
$(FUZZERS:%=explore-%): explore-%:
	@mkdir -p $(BUILD)/fuzz/$*
	$(call say,FUZZ,$*)
	$(Q)clang $(CPPFLAGS) -DFUZZ_EXPLORE -std=gnu11 -g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined \
		$(call pkgflags,$(call fuzz_pkgs,$*)) -o $(BUILD)/fuzz/$*.bin $(call fuzz_sources,$*) $($*_LDFLAGS) \
		$(foreach l,$($*_USES),$($(l)_LDLIBS)) $(call pkglibs,$(call fuzz_pkgs,$*))
	$(Q)cd $(TOP) && $(BUILD)/fuzz/$*.bin -max_total_time=$(FUZZ_SECONDS) -max_len=65536 -timeout=10 -rss_limit_mb=2048 \
		-print_final_stats=0 -verbosity=0 -artifact_prefix=$(BUILD)/fuzz/$*- $($*_FLAGS) $(BUILD)/fuzz/$* tests/fuzz/corpus/$(*:fuzz-%=%)

# The bench: the swarm, and what it has in the place of ipmitool. Built with the tests, run by
# `make bench` alone.
swarm_SRCS := tests/bench/swarm.c tests/bench/agent.c tests/bench/conn.c tests/bench/tls.c
swarm_USES := common
swarm_PKGS := gnutls jansson libzstd
bench-ipmitool_SRCS := tests/bench/ipmitool.c
imagewrite_SRCS := tests/bench/imagewrite.c
imagewrite_USES := images common
TESTS += swarm bench-ipmitool imagewrite
