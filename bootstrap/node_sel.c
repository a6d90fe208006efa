/* SPDX-License-Identifier: Apache-2.0 */
#include "bootstrap/ondold.h"

#include "bootstrap/bmctext.h"
#include "bootstrap/selnews.h"
#include "common/log.h"

/*
 * The BMC's event log on the node's timeline: what the hardware says of itself often explains
 * a boot that failed. The entries and how far they were read are kept in one transaction, so
 * that none is told twice and none is lost, whenever ondold is killed.
 */

#define SLACK_MS 60000 /* a BMC's clock may be behind so much */

static struct sel_mark last_mark(const struct node *n)
{
	json_t *doc = NULL;
	struct sel_mark mark = {0};

	if (store_doc_get(n->o->store, "sel", n->name, &doc) == 0)
		mark = sel_mark_from_json(doc, n->bmc_text);
	json_decref(doc);
	return mark;
}

static void keep_mark(struct node *n, const struct sel_mark *mark)
{
	json_t *doc = sel_mark_to_json(mark, n->bmc_text);

	store_doc_put(n->o->store, "sel", n->name, doc);
	json_decref(doc);
}

static void tell_rest(struct node *n, const struct sel_news *news)
{
	_cleanup_free_ char *text = NULL;

	if (news->anew)
		ondold_event(n->o, n, "bmc", "sel.anew",
			"the BMC's event log was cleared since it was last read, or has gone round",
			NULL);
	if (!news->left_out)
		return;
	text = xasprintf(
		"%zu more entries are new in the BMC's event log: `ondol sel %s`",
		news->left_out, n->name);
	ondold_event(n->o, n, "bmc", "sel.more", text, NULL);
}

static void take_log(struct node *n, const json_t *list)
{
	uint64_t began_ms = n->n_phases ? n->phases[0].began_ms : n->since_ms;
	struct sel_mark last = last_mark(n);
	struct sel_news news;
	json_t *entry;
	size_t i;

	sel_news_find(list, &last, began_ms > SLACK_MS ? began_ms - SLACK_MS : 0, &news);
	store_begin(n->o->store);
	tell_rest(n, &news);
	json_array_foreach(news.entries, i, entry)
	{
		_cleanup_free_ char *text = sel_news_words(entry);

		ondold_event(n->o, n, "bmc", "sel.entry", text, entry);
	}
	keep_mark(n, &news.mark);
	store_commit(n->o->store);
	json_decref(news.entries);
}

/* A BMC that keeps no log, or cannot be asked now, is no news: its power was enough of a test. */
static void on_log(int r, const char *text, void *userdata)
{
	struct node *n = userdata;
	json_t *list = NULL;
	size_t unread;

	n->sel_job = NULL;
	if (r == 0 && sel_parse(text, &list, &unread) == 0)
		take_log(n, list);
	else if (r != -ECANCELED)
		log_debug("%s: its BMC's event log could not be read: %s", n->name,
			r < 0 ? text : "it is not understood");
	json_decref(list);
}

void node_read_sel(struct node *n)
{
	if (!n->sel_job)
		n->sel_job = ipmi_ask(n->bmc, IPMI_SEL, NULL, on_log, n);
}

void node_sel_cleared(struct node *n)
{
	keep_mark(n, &(struct sel_mark){.known = true, .empty = true, .time_ms = -1});
}
