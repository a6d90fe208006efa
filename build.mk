# SPDX-License-Identifier: Apache-2.0
# What `make` is asked for; the Makefile has the compile rules.
#
# Targets that people start with install what is missing first (deps) and then call make
# again, because the compile rules ask pkg-config when the Makefile is read.

NODES    ?= 3
SUB      := $(MAKE) --no-print-directory
RELEASE_ := $(SUB) RELEASE=1
export BUILD

.PHONY: help
help:
	@echo "make demo [NODES=3]   a rack in the twin: powered on, installed, in its roles (root)"
	@echo "make demo-down        ends the demo's rack"
	@echo "make cloud [MACHINES=1]  an OpenStack cloud in the twin: six servers as containers (root)"
	@echo "make cloud-down       ends it"
	@echo "make check            unit tests, broken files, one server installed end to end (root)"
	@echo "make all              all programs with ASan and UBSan, in build/debug; RELEASE=1: hardened"
	@echo "make check-unit       unit tests, fuzz corpora and broken files only: no root, no network"
	@echo "make check-root       tests with namespaces, daemons, real Open vSwitch (root)"
	@echo "make check-twin       the demo as a test, and faults that ondol why must name (root)"
	@echo "make check-cloud      the cloud as its users see it, and tempest's smoke tests (root)"
	@echo "make images           the node image and the initramfs (root)"
	@echo "make bench [SWARM=10000]  so many servers against one ondold; how fast an image is written (root)"
	@echo "make fuzz-smoke       each fuzzer for FUZZ_SECONDS=20 seconds"
	@echo "make analyze          cppcheck, clang-tidy, shellcheck"
	@echo "make rules            the layers of ARCHITECTURE.md, held"
	@echo "make format           clang-format over the tree"
	@echo "make deps             installs the Debian packages listed in debian-packages (root)"
	@echo "make install          DESTDIR= prefix=/usr"
	@echo "make clean            removes build/ but the images and Open vSwitch; distclean removes all, the key of images too"
	@echo
	@echo "V=1 shows commands. USE_CC=clang builds with clang."

.PHONY: deps
deps:
	@tests/lib/install-deps debian-packages

.PHONY: all
all: $(LIBS_A:%=$(O)/lib%.a) $(PROGS:%=$(O)/%)

.PHONY: tests-built
tests-built: all $(TESTS:%=$(O)/%) $(FUZZ_REPLAY)

.PHONY: check check-unit check-root check-twin
check: deps
	@$(SUB) tests-built
	@$(RELEASE_) all
	@$(RELEASE_) images
	@tests/run -t 1500 $(UNIT_TESTS:%=$(BUILD)/debug/%) $(FUZZ_REPLAY) tests/cli/test-*.sh tests/twin/install-one.sh

check-unit:
	@$(SUB) tests-built
	@tests/run $(UNIT_TESTS:%=$(BUILD)/debug/%) $(FUZZ_REPLAY) tests/cli/test-*.sh

check-root: deps
	@$(SUB) tests-built
	@$(RELEASE_) all
	@$(RELEASE_) images
	@tests/run -t 900 tests/root/test-*.sh tests/twin/test-twin.sh tests/twin/test-containers.sh

check-twin: deps
	@$(RELEASE_) all
	@$(RELEASE_) images
	@tests/run -t 6000 tests/twin/demo.sh tests/twin/faults.sh tests/twin/update.sh tests/twin/mirror.sh tests/twin/encrypt.sh tests/twin/cast.sh

.PHONY: demo demo-down
demo: deps
	@$(RELEASE_) all
	@$(RELEASE_) images
	@twin/demo up $(NODES)

demo-down:
	@twin/demo down

.PHONY: cloud cloud-down check-cloud
cloud: deps
	@$(RELEASE_) all
	@$(RELEASE_) images-full
	@twin/demo cloud $(if $(MACHINES),--machines)

cloud-down:
	@twin/demo cloud-down

check-cloud: deps
	@tests/lib/install-deps tests/cloud/debian-packages
	@$(RELEASE_) all
	@$(RELEASE_) images-full
	@tests/cloud/check-cloud

SWARM ?= 10000
.PHONY: bench
bench: deps
	@$(RELEASE_) all $(BUILD)/release/swarm $(BUILD)/release/bench-ipmitool $(BUILD)/release/imagewrite
	@tests/bench/run "$(BUILD)/release" "$(SWARM)"
	@$(RELEASE_) images && tests/bench/images

.PHONY: format format-check
SOURCES = $(shell git ls-files '*.c' '*.h')
format:
	@clang-format -i $(SOURCES)
format-check:
	@clang-format --dry-run -Werror $(SOURCES)

.PHONY: rules
rules: deps format-check
	@tests/lib/check-layers

.PHONY: analyze
analyze: deps
	@tests/lib/analyze "$(BUILD)"

.PHONY: install
PROGRAM_DIR = $(if $(filter ondold ondol-noded ondol-netconf ondol-agent,$(1)),sbin,bin)
install:
	@$(RELEASE_) all
	$(foreach p,ondol ondold ondol-twin,install -D -m 0755 $(BUILD)/release/$(p) $(DESTDIR)$(prefix)/$(call PROGRAM_DIR,$(p))/$(p);)
	install -d $(DESTDIR)$(prefix)/share/ondol/roles $(DESTDIR)$(prefix)/share/ondol/examples
	install -m 0644 roles/*.ini $(DESTDIR)$(prefix)/share/ondol/roles/
	install -d $(DESTDIR)$(prefix)/share/ondol/roles/parts $(DESTDIR)$(prefix)/share/ondol/roles/templates
	install -m 0644 roles/parts/*.ini $(DESTDIR)$(prefix)/share/ondol/roles/parts/
	install -m 0644 roles/templates/* $(DESTDIR)$(prefix)/share/ondol/roles/templates/
	install -m 0644 examples/*.ini $(DESTDIR)$(prefix)/share/ondol/examples/
	images/install-kit $(DESTDIR)$(prefix)/lib/ondol/image-kit $(BUILD)/release
	install -D -m 0644 bootstrap/ondold.service $(DESTDIR)$(prefix)/lib/systemd/system/ondold.service
	@$(SUB) install-docs

.PHONY: clean distclean
clean:
	rm -rf $(BUILD)/debug* $(BUILD)/release* $(BUILD)/fuzz
distclean:
	rm -rf $(BUILD)
