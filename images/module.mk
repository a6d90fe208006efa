# SPDX-License-Identifier: Apache-2.0
LIBS_A += images
images_SRCS := images/stream.c images/blocks.c images/delta.c images/cast.c images/castreceive.c images/manifest.c images/signature.c images/cmdline.c images/fetch.c images/slot.c images/esp.c images/kexec.c
images_PKGS := libzstd gnutls jansson
test-image-stream_USES := images common
$(foreach t,manifest signature cmdline fetch slot esp delta cast,$(eval test-image-$(t)_USES := images common))
fuzz-image_USES := images common
fuzz-manifest_USES := images common
fuzz-blocks_USES := images common
fuzz-cast_USES := images common

PROGS += ondol-imagepack
ondol-imagepack_SRCS := images/imagepack.c
ondol-imagepack_USES := images common

# ---- the node images: `make images` ----
# images is what a rack of bare nodes needs; images-full the cloud's packages and its guest.
.PHONY: images images-full check-images FORCE
images: $(SHARED)/images/core/manifest.json
images-full: $(SHARED)/images/full/manifest.json $(SHARED)/images/guest/manifest.json
IMAGE_PROGRAMS := $(addprefix $(BUILD)/release/,ondol-noded ondol-netconf ondol-agent ondol-guest ondol-imagepack)
TREE_FILES := $(addprefix images/,make-tree tidy-tree packages.list dpkg.cfg preseed.txt horizon-build.py)
IMAGE_FILES := VERSION $(wildcard roles/*.ini roles/parts/* roles/templates/* nodeagent/*.service netconf/*.service) \
	$(wildcard initramfs/build-initramfs initramfs/*.list) \
	$(addprefix images/,build-image bake-schema fix-packages sign-image site.sh masked.list) $(TREE_FILES) \
	$(shell find $(SHARED)/images/site -type f ! -name 'key.pem*' 2>/dev/null) \
	$(shell find images/rootfs -type f)

# An image carries release programs, whatever variant this make builds. make looks at the
# programs' times once the recipe has run: one that did not change rebuilds no image.
ifneq ($(O),$(BUILD)/release)
$(IMAGE_PROGRAMS) &: FORCE
	$(Q)$(MAKE) --no-print-directory MAKEOVERRIDES= RELEASE=1 BUILD=$(BUILD) $(IMAGE_PROGRAMS)
endif

$(SHARED)/images/%/manifest.json: $(IMAGE_FILES) $(IMAGE_PROGRAMS)
	$(Q)images/build-image $* $(@D) $(BUILD)/release

# No program of ours is in the guest.
$(SHARED)/images/guest/manifest.json: VERSION images/build-guest images/guest-masked.list $(TREE_FILES) \
		$(shell find images/guest -type f 2>/dev/null)
	$(Q)images/build-guest $(@D)

# Minutes, and root: the schemas against their services, the guest under QEMU.
check-images: images-full
	@tests/run -t 600 tests/images/test-*.sh
