# SPDX-License-Identifier: Apache-2.0
LIBS_A += images
images_SRCS := images/stream.c images/manifest.c
images_PKGS := libzstd gnutls jansson
test-image-stream_USES := images common
test-image-manifest_USES := images common

# ---- the node images: `make images` ----
.PHONY: images FORCE
images: $(SHARED)/images/core/manifest.json
IMAGE_PROGRAMS := ondol-noded ondol-netconf ondol-agent ondol-guest
IMAGE_PROGRAM_FILES := $(IMAGE_PROGRAMS:%=$(BUILD)/release/%)
IMAGE_FILES := $(filter-out images/stream.% images/manifest.% images/module.mk,$(shell \
	find images -type f)) $(wildcard roles/*.ini nodeagent/*.service netconf/*.service \
	initramfs/build-initramfs initramfs/*.list) VERSION

# Images carry release programs, also when the variant being built is another. make
# looks at the programs' times after the recipe: an unchanged one rebuilds no image.
ifneq ($(O),$(BUILD)/release)
$(IMAGE_PROGRAM_FILES) &: FORCE
	$(Q)$(MAKE) --no-print-directory RELEASE=1 BUILD=$(BUILD) USE_CC= CC=gcc O=$(BUILD)/release $(IMAGE_PROGRAM_FILES)
endif

$(SHARED)/images/%/manifest.json: $(IMAGE_FILES) $(IMAGE_PROGRAM_FILES)
	$(Q)images/build-image $* $(@D) $(BUILD)/release
