# SPDX-License-Identifier: Apache-2.0
LIBS_A += images
images_SRCS := images/stream.c images/manifest.c
images_PKGS := libzstd gnutls jansson
test-image-stream_USES := images common
test-image-manifest_USES := images common
fuzz-image_USES := images common
fuzz-manifest_USES := images common

# ---- the node images: `make images` ----
.PHONY: images FORCE
images: $(SHARED)/images/core/manifest.json
IMAGE_PROGRAMS := $(addprefix $(BUILD)/release/,ondol-noded ondol-netconf ondol-agent ondol-guest)
IMAGE_FILES := VERSION $(wildcard roles/*.ini nodeagent/*.service netconf/*.service) \
	$(wildcard initramfs/build-initramfs initramfs/*.list) \
	$(addprefix images/,build-image make-tree tidy-tree packages.list masked.list dpkg.cfg) \
	$(shell find images/rootfs -type f)

# An image carries release programs, whatever variant this make builds. make looks at the
# programs' times once the recipe has run: one that did not change rebuilds no image.
ifneq ($(O),$(BUILD)/release)
$(IMAGE_PROGRAMS) &: FORCE
	$(Q)$(MAKE) --no-print-directory MAKEOVERRIDES= RELEASE=1 BUILD=$(BUILD) $(IMAGE_PROGRAMS)
endif

$(SHARED)/images/%/manifest.json: $(IMAGE_FILES) $(IMAGE_PROGRAMS)
	$(Q)images/build-image $* $(@D) $(BUILD)/release
