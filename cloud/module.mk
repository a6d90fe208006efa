# SPDX-License-Identifier: Apache-2.0
LIBS_A += cloud
cloud_SRCS := $(wildcard cloud/*.c)
cloud_PKGS := jansson libcurl

$(foreach t,$(patsubst tests/unit/%.c,%,$(wildcard tests/unit/test-cloud-*.c)),\
	$(eval $(t)_USES := cloud common)$(eval $(t)_PKGS := jansson))
