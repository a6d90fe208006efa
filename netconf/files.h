/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The .network files that tell systemd-networkd of our links: their texts, and bringing a
 * directory in line with a plan. Files are small and local; blocks for disk only.
 */
#pragma once

#include "netconf/plan.h"

char *network_file_name(const struct plan_link *l); /* "50-ondol-storage.network" */
char *network_file_text(const struct plan_link *l); /* caller frees both */

struct files_result {
	char **written; /* owned: names of links whose file is new or other than before */
	size_t n_written, cap_written;
	size_t n_removed;
};

void files_result_clear(struct files_result *r);
/*
 * Writes what differs and removes files of ours ("50-ondol-*.network") that no link of
 * the plan has; others are left alone. dry_run only counts. 0 or -errno with *reterr_msg.
 */
int network_files_sync(const char *dir, const struct plan *plan, bool dry_run,
	struct files_result *ret, char **reterr_msg);
