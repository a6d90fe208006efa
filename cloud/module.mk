# SPDX-License-Identifier: Apache-2.0
LIBS_A += cloud
cloud_SRCS := cloud/session.c cloud/token.c cloud/wait.c cloud/answer.c cloud/hosts.c cloud/identity.c \
	cloud/setup.c cloud/setup_net.c cloud/judge.c cloud/status.c cloud/reconcile.c
cloud_PKGS := jansson libcurl

$(foreach t,$(patsubst tests/unit/%.c,%,$(wildcard tests/unit/test-cloud-*.c)),\
	$(eval $(t)_USES := cloud common)$(eval $(t)_PKGS := jansson))
