# SPDX-License-Identifier: Apache-2.0
PROGS += ondol
ondol_SRCS := bootstrap/ondol.c bootstrap/cli.c bootstrap/client.c bootstrap/cloudparts.c bootstrap/cmd_bmc.c bootstrap/cmd_console.c bootstrap/conescape.c bootstrap/conlines.c \
	bootstrap/cloudview.c bootstrap/cmd_apply.c bootstrap/cmd_check.c bootstrap/cmd_init.c bootstrap/cmd_cloud.c bootstrap/cmd_image.c bootstrap/profile.c \
	bootstrap/cmd_cloudbackup.c bootstrap/backup.c bootstrap/tar.c bootstrap/cmd_maintenance.c bootstrap/cmd_metrics.c bootstrap/cmd_plan.c bootstrap/cmd_power.c bootstrap/cmd_prove.c bootstrap/cmd_update.c \
	bootstrap/cmd_reinstall.c bootstrap/cmd_status.c bootstrap/cmd_token.c bootstrap/cmd_why.c bootstrap/consent.c bootstrap/follow.c \
	bootstrap/help.c bootstrap/input.c bootstrap/nodeprint.c bootstrap/options.c \
	bootstrap/diskplan.c bootstrap/outcome.c bootstrap/peers.c bootstrap/plan.c bootstrap/progress.c bootstrap/summary.c \
	bootstrap/table.c bootstrap/term.c bootstrap/view.c bootstrap/watch.c
ondol_USES := images common
ondol_PKGS := jansson gnutls libzstd

test-term_WITH := bootstrap/term.c
test-table_WITH := bootstrap/table.c bootstrap/term.c
test-progress_WITH := bootstrap/progress.c bootstrap/term.c
test-options_WITH := bootstrap/options.c
test-plan_WITH := bootstrap/cloudparts.c bootstrap/peers.c bootstrap/plan.c bootstrap/summary.c bootstrap/diskplan.c bootstrap/input.c bootstrap/cli.c \
	bootstrap/client.c bootstrap/options.c bootstrap/view.c bootstrap/table.c bootstrap/term.c
test-plan_PKGS := gnutls jansson libzstd
test-view_WITH := bootstrap/view.c bootstrap/term.c bootstrap/client.c
test-view_PKGS := jansson
test-watch_WITH := bootstrap/watch.c bootstrap/view.c bootstrap/progress.c bootstrap/term.c
test-watch_PKGS := jansson
fuzz-cli_WITH := bootstrap/watch.c bootstrap/view.c bootstrap/progress.c bootstrap/table.c \
	bootstrap/term.c bootstrap/client.c
fuzz-cli_PKGS := jansson

# what the tests of several files want together
FSM := bootstrap/fsm.c bootstrap/suspect.c
IPMI := bootstrap/ipmi.c bootstrap/ipmicall.c bootstrap/ipmiline.c bootstrap/ipmisteps.c bootstrap/ipmitext.c

PROGS += ondold
ondold_SRCS := bootstrap/ondold.c bootstrap/access.c bootstrap/api.c bootstrap/api_bmc.c bootstrap/bmctext.c bootstrap/api_cloud.c bootstrap/api_console.c bootstrap/api_metrics.c bootstrap/api_node.c \
	bootstrap/conclean.c bootstrap/conlines.c bootstrap/conrec.c bootstrap/console.c bootstrap/node_console.c bootstrap/sol.c \
	bootstrap/api_page.c bootstrap/api_token.c bootstrap/live.c bootstrap/metrics.c bootstrap/page.c bootstrap/pagefiles.c bootstrap/sse.c \
	bootstrap/api_operator.c bootstrap/apply.c bootstrap/blobs.c bootstrap/cast.c bootstrap/castcut.c bootstrap/cloud.c bootstrap/rackca.c \
	bootstrap/cloudparts.c bootstrap/cloudsecrets.c bootstrap/diagnose.c bootstrap/enrol.c bootstrap/eventlog.c bootstrap/facts.c bootstrap/fsm.c bootstrap/httpd.c bootstrap/httpd_listen.c bootstrap/httpd_reply.c bootstrap/httpd_wait.c bootstrap/identity.c bootstrap/ipmi.c bootstrap/ipmicall.c bootstrap/ipmiline.c \
	bootstrap/ipmitext.c bootstrap/node.c bootstrap/node_install.c bootstrap/node_json.c \
	bootstrap/node_report.c bootstrap/notify.c bootstrap/peers.c bootstrap/profile.c bootstrap/promtext.c bootstrap/pxe.c bootstrap/pxetext.c \
	bootstrap/radv.c \
	bootstrap/radvtext.c bootstrap/rackstate.c bootstrap/range.c bootstrap/retain.c bootstrap/serve.c bootstrap/store.c bootstrap/store_old.c bootstrap/sweep.c bootstrap/tlsport.c
ondold_SRCS += bootstrap/api_plan.c bootstrap/diskkeys.c bootstrap/diskplan.c bootstrap/ipmisteps.c bootstrap/node_sel.c bootstrap/selnews.c bootstrap/suspect.c
ondold_USES := images common
ondold_PKGS := libmicrohttpd sqlite3 gnutls jansson libsystemd libzstd

test-conescape_WITH := bootstrap/conescape.c
test-conclean_WITH := bootstrap/conclean.c
test-conlines_WITH := bootstrap/conlines.c
test-conrec_WITH := bootstrap/conrec.c
test-conrec_PKGS := jansson
test-bmctext_WITH := bootstrap/bmctext.c
test-selnews_WITH := bootstrap/selnews.c bootstrap/bmctext.c
test-selnews_PKGS := jansson
test-bmctext_PKGS := jansson
fuzz-bmc_WITH := bootstrap/bmctext.c bootstrap/selnews.c bootstrap/conclean.c bootstrap/conlines.c
fuzz-bmc_PKGS := jansson
$(O)/obj/bootstrap/cmd_init.o: examples/dl360-rack.ini
$(O)/obj/bootstrap/pagefiles.o: $(wildcard bootstrap/page/*)

# The whole daemon but its main() and its children: see tests/fuzz/world.c. Leaks are looked
# for in the replay: after each input of a world that keeps a database it takes too long.
WORLD := tests/fuzz/world.c $(filter-out bootstrap/ondold.c,$(ondold_SRCS))
fuzz-node_WITH := $(WORLD)
fuzz-node_WITHOUT := common/child.c
fuzz-node_USES := $(ondold_USES)
fuzz-node_PKGS := $(ondold_PKGS)
fuzz-node_LDFLAGS := -Wl,--wrap=rackca_is_good,--wrap=rackca_certify,--wrap=httpd_client
fuzz-node_FLAGS := -detect_leaks=0
fuzz-operator_WITH := $(WORLD)
fuzz-operator_WITHOUT := common/child.c
fuzz-operator_USES := $(ondold_USES)
fuzz-operator_PKGS := $(ondold_PKGS)
fuzz-operator_LDFLAGS := -Wl,--wrap=rackca_is_good,--wrap=rackca_certify,--wrap=httpd_client
fuzz-operator_FLAGS := -detect_leaks=0
fuzz-commands_WITH := $(filter-out bootstrap/ondol.c,$(ondol_SRCS))
fuzz-commands_WITHOUT := common/http.c common/http_loop.c
fuzz-commands_PKGS := $(ondol_PKGS)
fuzz-commands_USES := images common
fuzz-state_WITH := bootstrap/access.c bootstrap/cloudsecrets.c bootstrap/conrec.c bootstrap/rackca.c
fuzz-state_PKGS := gnutls jansson
fuzz-console_WITH := bootstrap/conescape.c $(IPMI)
fuzz-console_PKGS := libsystemd
fuzz-diagnose_WITH := bootstrap/diagnose.c $(FSM)
fuzz-diagnose_PKGS := jansson
fuzz-deploy_WITH := $(FSM) bootstrap/ipmitext.c bootstrap/pxetext.c bootstrap/radvtext.c \
	bootstrap/range.c
test-fsm_WITH := $(FSM)
test-fsm-all_WITH := $(FSM)
test-fsm-deadlines_WITH := $(FSM)
test-fsm-tries_WITH := $(FSM)
test-fsm-walk_WITH := $(FSM)
test-diagnose_WITH := bootstrap/diagnose.c bootstrap/bmctext.c bootstrap/selnews.c $(FSM) bootstrap/identity.c bootstrap/ipmitext.c
test-diagnose_PKGS := jansson
test-eventlog_WITH := bootstrap/eventlog.c
test-eventlog_PKGS := jansson
test-eventlog_LDFLAGS := -Wl,--wrap=log_with
test-notify_WITH := bootstrap/notify.c $(FSM)
test-notify_PKGS := libsystemd
test-promtext_WITH := bootstrap/promtext.c
test-metrics_WITH := bootstrap/metrics.c bootstrap/promtext.c bootstrap/ipmitext.c $(FSM)
test-metrics_PKGS := jansson libsystemd
test-retain_WITH := bootstrap/retain.c bootstrap/store.c bootstrap/store_old.c bootstrap/fsm.c bootstrap/suspect.c
test-retain_PKGS := sqlite3 gnutls jansson
test-store_WITH := bootstrap/store.c bootstrap/store_old.c
test-store_PKGS := sqlite3 gnutls jansson
test-ipmitext_WITH := bootstrap/ipmitext.c
test-ipmi_WITH := $(IPMI)
test-console_WITH := bootstrap/console.c bootstrap/conclean.c bootstrap/conlines.c bootstrap/conrec.c bootstrap/sol.c $(IPMI)
test-console_PKGS := jansson libsystemd
test-console_LDFLAGS := -Wl,--wrap=now_mono_ms,--wrap=sd_event_source_set_time,--wrap=sd_event_source_set_time_relative
test-sol_WITH := bootstrap/sol.c $(IPMI)
test-sol_PKGS := libsystemd
test-sol_LDFLAGS := -Wl,--wrap=sd_event_add_time_relative
test-ipmisteps_WITH := bootstrap/ipmisteps.c
test-ipmiline_WITH := bootstrap/ipmiline.c
test-ipmi_PKGS := libsystemd
test-pxetext_WITH := bootstrap/pxetext.c
test-radvtext_WITH := bootstrap/radvtext.c
test-range_WITH := bootstrap/range.c
test-pagefiles_WITH := bootstrap/pagefiles.c
test-pagefiles_PKGS := jansson libsystemd
test-diskplan_WITH := bootstrap/diskplan.c
test-diskplan_PKGS := jansson
test-cast_WITH := bootstrap/castcut.c
test-cast_USES := images common
test-apply_WITH := bootstrap/apply.c $(FSM)
test-apply_PKGS := jansson
test-cloudview_WITH := bootstrap/cloudview.c
test-cloudview_PKGS := jansson
test-tar_WITH := bootstrap/tar.c
test-backup_WITH := bootstrap/backup.c bootstrap/tar.c
test-backup_PKGS := gnutls jansson
fuzz-backup_WITH := bootstrap/backup.c bootstrap/tar.c
fuzz-backup_PKGS := gnutls jansson
test-rackca_WITH := bootstrap/rackca.c
test-rackca_PKGS := gnutls
test-cloudsecrets_WITH := bootstrap/cloudsecrets.c bootstrap/rackca.c
test-cloudsecrets_PKGS := gnutls jansson
test-blobs_WITH := bootstrap/blobs.c bootstrap/store.c
test-blobs_PKGS := sqlite3 gnutls jansson
test-facts_WITH := bootstrap/facts.c
test-facts_PKGS := jansson
test-cloudparts_WITH := bootstrap/cloudparts.c bootstrap/peers.c
test-cloudparts_PKGS := gnutls jansson libzstd
test-peers_WITH := bootstrap/peers.c
test-peers_PKGS := gnutls jansson libzstd
test-identity_WITH := bootstrap/identity.c
test-identity_PKGS := jansson
test-httpd_WITH := bootstrap/httpd.c bootstrap/httpd_listen.c bootstrap/httpd_reply.c bootstrap/httpd_wait.c bootstrap/range.c
test-httpd_PKGS := libmicrohttpd gnutls jansson libsystemd
test-httpd-file_WITH := $(test-httpd_WITH) bootstrap/rackca.c
test-httpd-file_PKGS := $(test-httpd_PKGS)
test-access_WITH := bootstrap/access.c
test-access_PKGS := gnutls jansson
test-sse_WITH := bootstrap/sse.c
