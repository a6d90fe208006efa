/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A curl multi handle whose sockets and timer are sd-event sources (curl's "multi socket"
 * interface).
 */
#include "common/http_exchange.h"

#define MAX_IDLE_S 10L /* of a connection: a server has one of each node */

struct http_client {
	sd_event *event; /* reference */
	CURLM *multi;
	sd_event_source *timer;
	struct http_job *jobs; /* running, linked */
};

struct http_job {
	struct http_client *client;
	struct http_job *next, **prev;
	struct http_exchange x;
	char *url;
	http_done_fn done;
	void *userdata;
};

static void job_free(struct http_job *j)
{
	if (j->client->multi)
		curl_multi_remove_handle(j->client->multi, j->x.easy);
	*j->prev = j->next;
	if (j->next)
		j->next->prev = j->prev;
	http_exchange_clear(&j->x);
	free(j->url);
	free(j);
}

static void finish_jobs(struct http_client *c)
{
	CURLMsg *msg;
	int left;

	while ((msg = curl_multi_info_read(c->multi, &left))) {
		_cleanup_free_ char *text = NULL;
		struct http_response resp;
		struct http_job *j;
		http_done_fn done;
		void *userdata;
		int r;

		if (msg->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, (char **)&j);
		r = http_exchange_result(&j->x, msg->data.result, j->url, &text);
		resp = j->x.resp;
		j->x.resp = (struct http_response){0};
		done = j->done;
		userdata = j->userdata;
		job_free(j);
		done(r, text, &resp, userdata);
		http_response_clear(&resp);
	}
}

static int on_socket_event(
	_unused_ sd_event_source *s, int fd, uint32_t revents, void *userdata)
{
	struct http_client *c = userdata;
	int mask = 0, running;

	if (revents & (EPOLLIN | EPOLLHUP))
		mask |= CURL_CSELECT_IN;
	if (revents & EPOLLOUT)
		mask |= CURL_CSELECT_OUT;
	if (revents & EPOLLERR)
		mask |= CURL_CSELECT_ERR;
	curl_multi_socket_action(c->multi, fd, mask, &running);
	finish_jobs(c);
	return 0;
}

static int on_timer_event(
	_unused_ sd_event_source *s, _unused_ uint64_t usec, void *userdata)
{
	struct http_client *c = userdata;
	int running;

	curl_multi_socket_action(c->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	finish_jobs(c);
	return 0;
}

static int socket_changed(_unused_ CURL *easy, curl_socket_t fd, int what, void *userdata,
	void *socket_data)
{
	struct http_client *c = userdata;
	sd_event_source *source = socket_data;
	uint32_t events = (what & CURL_POLL_IN ? EPOLLIN : 0) |
		(what & CURL_POLL_OUT ? EPOLLOUT : 0);

	if (what == CURL_POLL_REMOVE) {
		sd_event_source_disable_unref(source);
		curl_multi_assign(c->multi, fd, NULL);
	} else if (source) {
		sd_event_source_set_io_events(source, events);
	} else if (sd_event_add_io(c->event, &source, fd, events, on_socket_event, c) >=
		0) {
		curl_multi_assign(c->multi, fd, source);
	}
	return 0;
}

static int timer_changed(_unused_ CURLM *multi, long timeout_ms, void *userdata)
{
	struct http_client *c = userdata;

	if (timeout_ms < 0)
		return sd_event_source_set_enabled(c->timer, SD_EVENT_OFF) < 0 ? -1 : 0;
	sd_event_source_set_time_relative(c->timer, (uint64_t)timeout_ms * 1000);
	return sd_event_source_set_enabled(c->timer, SD_EVENT_ONESHOT) < 0 ? -1 : 0;
}

int http_client_new(sd_event *event, struct http_client **ret)
{
	struct http_client *c = xcalloc(1, sizeof(*c));
	int r;

	c->event = sd_event_ref(event);
	c->multi = curl_multi_init();
	r = sd_event_add_time_relative(
		event, &c->timer, CLOCK_MONOTONIC, 0, 1000, on_timer_event, c);
	if (r < 0 || !c->multi) {
		http_client_free(c);
		return r < 0 ? r : -ENOMEM;
	}
	sd_event_source_set_enabled(c->timer, SD_EVENT_OFF);
	curl_multi_setopt(c->multi, CURLMOPT_SOCKETFUNCTION, socket_changed);
	curl_multi_setopt(c->multi, CURLMOPT_SOCKETDATA, c);
	curl_multi_setopt(c->multi, CURLMOPT_TIMERFUNCTION, timer_changed);
	curl_multi_setopt(c->multi, CURLMOPT_TIMERDATA, c);
	*ret = c;
	return 0;
}

void http_client_free(struct http_client *c)
{
	if (!c)
		return;
	while (c->jobs)
		job_free(c->jobs);
	if (c->multi)
		curl_multi_cleanup(c->multi);
	sd_event_source_disable_unref(c->timer);
	sd_event_unref(c->event);
	free(c);
}

int http_start(struct http_client *c, const struct http_request *req, http_done_fn done,
	void *userdata, struct http_job **ret_job)
{
	struct http_job *j = xcalloc(1, sizeof(*j));
	int r;

	j->client = c;
	j->url = xstrdup(req->url);
	j->done = done;
	j->userdata = userdata;
	j->next = c->jobs;
	j->prev = &c->jobs;
	if (j->next)
		j->next->prev = &j->next;
	c->jobs = j;
	r = http_exchange_init(&j->x, req);
	if (r == 0) {
		curl_easy_setopt(j->x.easy, CURLOPT_PRIVATE, j);
		curl_easy_setopt(j->x.easy, CURLOPT_MAXAGE_CONN, MAX_IDLE_S);
		if (curl_multi_add_handle(c->multi, j->x.easy) != CURLM_OK)
			r = -EIO;
	}
	if (r < 0) {
		job_free(j);
		return r;
	}
	if (ret_job)
		*ret_job = j;
	return 0;
}

void http_cancel(struct http_job *j)
{
	if (j)
		job_free(j);
}
