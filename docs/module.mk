# SPDX-License-Identifier: Apache-2.0
# Manual pages: docs/NAME.SECTION.scd -> man/NAME.SECTION, the same for every variant.
MAN_PAGES := $(patsubst docs/%.scd,$(SHARED)/man/%,$(wildcard docs/*.scd))

.PHONY: man
man: $(MAN_PAGES)
all: $(MAN_PAGES)

# scdoc dates a page by SOURCE_DATE_EPOCH, where it is set.
$(SHARED)/man/%: docs/%.scd VERSION
	$(call say,SCDOC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)sed 's/@VERSION@/$(VERSION)/' $< | scdoc >$@.tmp
	$(Q)mv $@.tmp $@

.PHONY: install-docs
install-docs: $(MAN_PAGES)
	for page in $(MAN_PAGES); do \
		install -D -m 0644 $$page $(DESTDIR)$(prefix)/share/man/man$${page##*.}/$${page##*/} || exit 1; \
	done
	install -D -m 0644 docs/completion/ondol.bash $(DESTDIR)$(prefix)/share/bash-completion/completions/ondol
	install -D -m 0644 docs/completion/ondol-twin.bash $(DESTDIR)$(prefix)/share/bash-completion/completions/ondol-twin
