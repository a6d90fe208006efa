/* SPDX-License-Identifier: Apache-2.0 */
#include "bootstrap/tlsport.h"

#include "bootstrap/ondold.h"

struct tlsport {
	struct ondold *o; /* borrowed */
	const struct tlsport_conf *conf; /* borrowed */
	struct httpd *http; /* owned, NULL while it does not listen */
	sd_event_source *timer; /* owned: the next try to listen */
	unsigned tries;
	uint32_t address; /* where it listens or is to */
	unsigned port;
	char *cert; /* owned: what http was begun with */
	uint64_t checked_ms; /* mono: when the certificate was looked at */
};

#define CHECK_MS 3600000

struct httpd *tlsport_http(const struct tlsport *p)
{
	return p ? p->http : NULL;
}

static void close_http(struct tlsport *p)
{
	httpd_free(p->http);
	p->http = NULL;
}

static void try_listen(struct tlsport *p)
{
	const struct tlsport_conf *c = p->conf;
	struct httpd_tls tls = {
		.headers = c->headers, .clients = c->clients ? c->clients(p->o) : NULL};
	int r;

	if (c->certificate(p->o, &tls.cert, &tls.key) < 0) {
		serve_later(p->timer, &p->tries);
		return;
	}
	r = httpd_listen_tls(
		p->o->event, p->address, p->port, &tls, c->handler, p->o, &p->http);
	if (r == 0) {
		httpd_on_upload(p->http, c->upload);
		httpd_count(p->http, &p->o->counts.http[c->counts]);
		ondold_settle_answers(p->o, p->http);
		free(p->cert);
		p->cert = xstrdup(tls.cert);
	}
	if (r == 0 || p->tries == 0)
		c->tell(p->o, r);
	if (r < 0)
		serve_later(p->timer, &p->tries);
}

static int on_timer(_unused_ sd_event_source *s, _unused_ uint64_t usec, void *userdata)
{
	struct tlsport *p = userdata;

	if (!p->http && p->port)
		try_listen(p);
	return 0;
}

void tlsport_set(struct tlsport *p, uint32_t address, unsigned port)
{
	const char *cert = NULL, *key = NULL;
	bool same = p->address == address && p->port == port, known;

	p->address = address;
	p->port = port;
	p->checked_ms = now_mono_ms();
	if (!port) {
		close_http(p);
		return;
	}
	known = p->conf->certificate(p->o, &cert, &key) >= 0;
	/* One in use that cannot be renewed does until its end, which is long after. */
	if (p->http && same && (!known || streq_ptr(p->cert, cert)))
		return;
	close_http(p);
	p->tries = 0;
	try_listen(p);
}

void tlsport_pulse(struct tlsport *p)
{
	if (p->port && now_mono_ms() - p->checked_ms >= CHECK_MS)
		tlsport_set(p, p->address, p->port);
}

int tlsport_new(struct ondold *o, const struct tlsport_conf *conf, struct tlsport **ret)
{
	struct tlsport *p = xcalloc(1, sizeof(*p));
	int r = sd_event_add_time(
		o->event, &p->timer, CLOCK_MONOTONIC, UINT64_MAX, 10000, on_timer, p);

	p->o = o;
	p->conf = conf;
	if (r < 0) {
		tlsport_free(p);
		return r;
	}
	*ret = p;
	return 0;
}

void tlsport_free(struct tlsport *p)
{
	if (!p)
		return;
	close_http(p);
	sd_event_source_disable_unref(p->timer);
	free(p->cert);
	free(p);
}
