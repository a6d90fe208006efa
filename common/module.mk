# SPDX-License-Identifier: Apache-2.0
LIBS_A += common
common_SRCS := common/util.c common/log.c common/logjournal.c common/nodump.c common/parse.c common/conf.c common/nearest.c common/problems.c \
	common/rack.c common/rackfile.c common/rackprofile.c common/rackread.c common/rackrules.c common/secrets.c common/roledef.c common/partdef.c common/partsecrets.c common/run.c common/child.c \
	common/http.c common/http_loop.c common/inventory.c common/rackid.c common/diskmatch.c common/order.c common/orderimage.c common/jsonx.c common/clientkey.c common/digest.c \
	common/ordercloud.c common/rackcloud.c common/rackpace.c common/rackparts.c common/sysfs.c common/diskid.c common/diskends.c
common_PKGS := libsystemd jansson libcurl gnutls
common_LDLIBS := -liniparser

test-log_LDFLAGS := -Wl,--wrap=sd_journal_sendv
