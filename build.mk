# SPDX-License-Identifier: Apache-2.0
# What `make` is asked for; the Makefile has the compile rules.

.PHONY: all
all: $(LIBS_A:%=$(O)/lib%.a) $(PROGS:%=$(O)/%)
