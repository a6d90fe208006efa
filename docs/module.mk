# SPDX-License-Identifier: Apache-2.0
# Manual pages: docs/NAME.SECTION.scd -> man/NAME.SECTION, the same for every variant.
MAN_PAGES := $(patsubst docs/%.scd,$(SHARED)/man/%,$(wildcard docs/*.scd))

.PHONY: man
man: $(MAN_PAGES)
all: $(MAN_PAGES)

# scdoc dates a page by SOURCE_DATE_EPOCH, so that the same source gives the same page.
$(SHARED)/man/%: docs/%.scd VERSION
	$(call say,SCDOC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)sed 's/@VERSION@/$(VERSION)/' $< | SOURCE_DATE_EPOCH=$${SOURCE_DATE_EPOCH:-0} scdoc >$@.tmp
	$(Q)mv $@.tmp $@
