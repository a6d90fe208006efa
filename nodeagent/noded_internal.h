/* SPDX-License-Identifier: Apache-2.0 */
/* The daemon's one struct, for the files that it is made of: noded.c and noded_task.c. */
#pragma once

#include "nodeagent/noded.h"

#include "nodeagent/cloudwatch.h"
#include "nodeagent/converge.h"
#include "nodeagent/failure.h"
#include "nodeagent/link.h"
#include "nodeagent/mirrorwatch.h"
#include "nodeagent/prover.h"
#include "nodeagent/role.h"
#include "nodeagent/schedule.h"
#include "nodeagent/task.h"
#include "nodeagent/update.h"
#include "nodeagent/wish.h"
#include "nodeagent/work.h"

struct noded {
	sd_event *event;
	struct nodeconf *conf;
	struct http_client *http;
	struct units *units;
	struct link *link;
	struct prover *prover;
	struct converge *converge;
	struct schedule schedule;
	sd_event_source *timer, *kick;
	char *boot_id;

	struct wish wish; /* what the node is to be */
	char *refused; /* owned, NULL none: why the last document was of no use */
	struct role role; /* empty: not known */
	const struct roledef *def; /* borrowed from role; NULL: not known */
	char **needed; /* owned: the names of all proofs of the role and its parts */
	struct cloudwatch *cloudwatch;
	struct mirrorwatch *mirrorwatch; /* NULL: the system is on one disk */
	struct work *work; /* of a backup or an update, while it runs */
	struct work *keep; /* of an image that is kept, while it is */
	struct update_record update; /* the last one; version NULL: there was none */
	struct applied *applied;
	struct proofs proofs;
	struct task task;

	bool converged; /* the desired state was entered */
	bool proved; /* since then: proofs from before it count for nothing */
	bool network_ok; /* the network of this revision was applied by this process */
	bool tell_steps; /* of the running converge: not of its later repetitions */
	bool server_answers;
	bool was_ready;
	char *role_error; /* owned, NULL none: why the desired role is not known here */
	struct failure failure; /* of the last converge */
	char *step; /* owned: what is being done */
};

/* What is done next; and that something happened, for which it may become another thing. */
void noded_step(struct noded *n, enum sched_event e);
void noded_set_step(struct noded *n, const char *step);
/* Reports, with whether the node is ready now. */
void noded_tell_ready(struct noded *n);
enum sched_event noded_outcome_event(enum prover_outcome outcome);

/* ---- noded_task.c ---- */
/* Carries out the task that was taken last. */
void noded_do_task(struct noded *n);
/* Once at the start: which image runs, and what became of an update, if it was one. */
void noded_recall_update(struct noded *n);
/* The node is ready: an image on trial is kept. */
void noded_keep_update(struct noded *n);
