/* SPDX-License-Identifier: Apache-2.0 */
#include "bootstrap/httpd_internal.h"

/* Requests that are not answered at once: what they wait for, and how they go on. */

#define LATE_MAX_US (uint64_t)250000
#define RESUME_US_EACH (uint64_t)5 /* waited for each that is suspended */
#define RESUME_AT_ONCE 200u /* suspended, and nobody waits */

/* ---- suspended, and resumed ---- */

void httpd_suspend(struct http_req *req)
{
	req->suspended = true;
	req->httpd->n_suspended++;
	MHD_suspend_connection(req->conn);
}

static void resume_now(struct http_req *req)
{
	req->suspended = false;
	req->httpd->n_suspended--;
	req->httpd->resumed = true;
	MHD_resume_connection(req->conn);
}

void httpd_resume_all(struct httpd *h)
{
	struct http_req *req;

	while ((req = h->to_resume)) {
		h->to_resume = req->next_resumed;
		req->resuming = false;
		resume_now(req);
	}
}

int httpd_on_resume(_unused_ sd_event_source *s, _unused_ uint64_t usec, void *userdata)
{
	httpd_resume_all(userdata);
	return 0;
}

/*
 * To resume, libmicrohttpd walks over all that are suspended, and each node of the rack has
 * a poll there: in a large rack some go together, and the walks stay a small part of a second.
 */
void httpd_resume(struct http_req *req)
{
	struct httpd *h = req->httpd;

	if (req->resuming) /* its answer was replaced */
		return;
	if (h->n_suspended < RESUME_AT_ONCE || h->stopping) {
		resume_now(req);
		return;
	}
	if (!h->to_resume &&
		(sd_event_source_set_time_relative(
			 h->resume, h->n_suspended * RESUME_US_EACH) < 0 ||
			sd_event_source_set_enabled(h->resume, SD_EVENT_ONESHOT) < 0)) {
		resume_now(req);
		return;
	}
	req->resuming = true;
	req->next_resumed = h->to_resume;
	h->to_resume = req;
}

/* ---- waiting ---- */

static int on_wait_over(
	_unused_ sd_event_source *s, _unused_ uint64_t usec, void *userdata)
{
	struct http_req *req = userdata;

	if (req->try)
		req->try(req, true, req->try_data);
	return 0;
}

/* Keys are addresses: their lowest bits say nothing. */
static struct http_req **bucket_of(struct httpd *h, const void *key)
{
	uintptr_t k = (uintptr_t)key;

	return &h->waiting[(k >> 5 ^ k >> 16) % HTTPD_BUCKETS];
}

static void wait_for(struct http_req *req, const void *key)
{
	struct http_req **bucket = bucket_of(req->httpd, key);

	req->key = key;
	req->next_waiting = *bucket;
	req->waits_at = bucket;
	if (*bucket)
		(*bucket)->waits_at = &req->next_waiting;
	*bucket = req;
}

void httpd_wait_no_more(struct http_req *req)
{
	if (!req->waits_at)
		return;
	*req->waits_at = req->next_waiting;
	if (req->next_waiting)
		req->next_waiting->waits_at = req->waits_at;
	req->waits_at = NULL;
	req->key = NULL;
	req->try = NULL;
}

void httpd_hold(struct http_req *req, const void *key, uint64_t wait_ms, httpd_try_fn try,
	void *userdata)
{
	try(req, wait_ms == 0, userdata);
	if (req->replied)
		return;
	/* Late by an eighth, so that many expire in one turn: each turn costs MHD a walk over
	 * all connections that it holds. */
	if (req->httpd->stopping ||
		sd_event_add_time_relative(req->httpd->event, &req->timer,
			CLOCK_MONOTONIC, wait_ms * 1000, MIN(wait_ms * 125, LATE_MAX_US),
			on_wait_over, req) < 0) {
		try(req, true, userdata);
		return;
	}
	req->try = try;
	req->try_data = userdata;
	wait_for(req, key);
}

static struct http_req *next_to_ask(struct httpd *h, const void *key, uint64_t kick)
{
	for (struct http_req *req = *bucket_of(h, key); req; req = req->next_waiting)
		if (req->key == key && req->kicked < kick)
			return req;
	return NULL;
}

/* Looked for anew after each: what one is answered may kick, and answer, others. */
void httpd_kick(struct httpd *h, const void *key)
{
	uint64_t kick = h ? ++h->kicks : 0;
	struct http_req *req;

	while (h && (req = next_to_ask(h, key, kick))) {
		req->kicked = kick;
		req->try(req, false, req->try_data);
	}
}

void httpd_park(_unused_ struct http_req *req)
{
	/* Nothing to keep: an unanswered request is suspended when its handler returns. */
}

void httpd_park_in(struct http_req *req, struct http_req **slot)
{
	req->slot = slot;
	*slot = req;
}
