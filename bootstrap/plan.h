/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What ondold would do, or has begun to do, with a rack: its list of actions, shown beside
 * the disk of each node that will be written.
 */
#pragma once

#include "bootstrap/cli.h"
#include "bootstrap/input.h"
#include "common/inventory.h"

#define PLAN_WHY_MAX 65536 /* bytes */

struct plan_action {
	char *node, *action,
		*why; /* action: look asks install held converge none remove refused */
	char *disk; /* for people: the disks that are written, "" none */
	char *lock; /* ondold's, of what was seen on its disks */
	char *to_name; /* the system disk that a held node's installation has to name; "" none */
	bool named; /* and the operator has */
};

struct plan {
	uint64_t revision;
	struct plan_action *list; /* owned */
	size_t n;
};

/*
 * POST /v1/rack: a dry run, or (shown: the dry run's plan) for good, when the disks that
 * it writes are still what was shown, and with those given up that were named in it. Says what
 * failed; CLI_USAGE when ondold found problems in the files, CLI_FAILED otherwise. *ret is
 * cleared with plan_clear.
 */
int plan_post(const struct cli *cli, const struct input *in, const struct plan *shown,
	struct plan *ret);
/* Fills in the disks: asks ondold what each node looked like when it was last seen. */
void plan_find_disks(const struct cli *cli, const struct input *in, struct plan *p);
void plan_print(const struct cli *cli, const struct input *in, const struct plan *p);
json_t *plan_json(const struct plan *p); /* new reference */
size_t plan_count(const struct plan *p, const char *action);
const struct plan_action *plan_action(const struct plan *p, const char *node);
void plan_clear(struct plan *p);

/*
 * "bay 1, sata, 480.1 GB, serial S1; on it: ext4 on p1": a disk of a node's profile, by
 * index, with what the inventory (NULL: never seen) knows of it. Pure; caller frees.
 */
char *plan_disk_text(
	const struct rack_node *n, size_t disk_index, const struct inventory *inv);

/* The local check that plan and apply begin with: CLI_USAGE with the problems told. */
int plan_load(const struct cli *cli, struct input *ret);
