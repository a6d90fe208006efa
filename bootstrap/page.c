/* SPDX-License-Identifier: Apache-2.0 */
#include "bootstrap/page.h"

#include "bootstrap/ondold.h"
#include "common/log.h"

/*
 * The page follows the rack as serve.c does: it listens where rack.ini says, tries again
 * while the address is not there, and begins anew when the address or the certificate is
 * another. The certificate is of the rack's own authority, which is made here when the rack
 * is no cloud. Tokens are one document of the store: removing a node never touches it.
 */

#define CHECK_MS 3600000

struct page {
	struct access *access; /* owned */
	struct httpd *http; /* owned, NULL while it does not listen */
	struct live *live; /* owned */
	sd_event_source *timer; /* owned: the next try to listen */
	unsigned tries;
	uint32_t address; /* of http, with port and cert: what it was begun with */
	unsigned port;
	char *cert; /* owned */
	uint64_t checked_ms; /* mono: the certificate */
};

struct access *page_access(struct ondold *o)
{
	return o->page->access;
}

struct live *page_live(struct ondold *o)
{
	return o->page ? o->page->live : NULL;
}

int page_keep_tokens(struct ondold *o)
{
	json_t *doc = access_to_json(o->page->access);
	int r = store_doc_put(o->store, "access", "", doc);

	json_decref(doc);
	return r;
}

void page_look(const struct ondold *o, bool *ret_listens, uint64_t *ret_held, uint64_t *ret_streams)
{
	const struct httpd *h = o->page->http;

	*ret_listens = h != NULL;
	httpd_open_requests(h, ret_held, ret_streams);
}

void page_kick(struct ondold *o, const void *key)
{
	if (o->page)
		httpd_kick(o->page->http, key);
}

char *page_url(const struct ondold *o)
{
	char address[16];

	if (!o->rack || !o->rack->page_port)
		return NULL;
	format_ipv4(o->rack->page_address, address);
	return xasprintf("https://%s:%u", address, o->rack->page_port);
}

/* ---- the certificate ---- */

/* What staff may call this host: the address of rack.ini, and its own name. */
static char **hosts_of(const struct rack *r)
{
	char name[64] = "", address[16];
	char **hosts = NULL;

	format_ipv4(r->page_address, address);
	strv_add(&hosts, address);
	if (gethostname(name, sizeof(name) - 1) == 0 && parse_hostname(name) == 0 &&
		!streq(name, "localhost"))
		strv_add(&hosts, name);
	if (!strv_has(hosts, "127.0.0.1"))
		strv_add(&hosts, "127.0.0.1");
	strv_add(&hosts, "localhost");
	return hosts;
}

static int need_certificate(struct ondold *o)
{
	_cleanup_(strv_freep) char **hosts = hosts_of(o->rack);
	_cleanup_free_ char *msg = NULL;
	int r = cloudsecrets_need_page(
		o->cloud->secrets, o->rack->name, hosts, now_real_ms() / 1000, &msg);

	if (r < 0)
		log_error("the page's certificate: %s; there is no page", msg);
	else
		cloud_publish_ca(o);
	return r;
}

/* ---- listening ---- */

static void tell(struct ondold *o, int r)
{
	_cleanup_free_ char *url = page_url(o), *text = NULL;

	if (r == 0)
		text = xasprintf("the page is at %s", url);
	else
		text = xasprintf("cannot serve the page at %s: %s%s; trying on", url,
			strerror(-r),
			r == -EADDRNOTAVAIL
				? " (give this host the address of [deploy] page, or "
				  "correct it in rack.ini)"
				: "");
	ondold_event(o, NULL, "http", r ? "page.waiting" : "page.up", text, NULL);
}

static void try_listen(struct ondold *o)
{
	struct page *p = o->page;
	const char *cert = cloudsecrets_get(o->cloud->secrets, "page.cert");
	struct httpd_tls tls = {.cert = cert,
		.key = cloudsecrets_get(o->cloud->secrets, "page.key"),
		.headers = api_page_headers};
	int r = httpd_listen_tls(o->event, o->rack->page_address, o->rack->page_port,
		&tls, api_page_handle, o, &p->http);

	if (r == 0) {
		httpd_count(p->http, &o->counts.http[METRICS_PAGE]);
		p->address = o->rack->page_address;
		p->port = o->rack->page_port;
		free(p->cert);
		p->cert = xstrdup(cert);
	}
	if (r == 0 || p->tries == 0)
		tell(o, r);
	if (r < 0)
		serve_later(p->timer, &p->tries);
}

static int on_timer(_unused_ sd_event_source *s, _unused_ uint64_t usec, void *userdata)
{
	struct ondold *o = userdata;

	if (!o->page->http && o->rack && o->rack->page_port)
		try_listen(o);
	return 0;
}

static bool is_as_wanted(const struct ondold *o)
{
	const struct page *p = o->page;

	return p->http && p->address == o->rack->page_address &&
		p->port == o->rack->page_port &&
		streq_ptr(p->cert, cloudsecrets_get(o->cloud->secrets, "page.cert"));
}

static void close_http(struct page *p)
{
	httpd_free(p->http);
	p->http = NULL;
}

void page_rack(struct ondold *o)
{
	struct page *p = o->page;

	live_kick(p->live);
	if (!o->rack || !o->rack->page_port || need_certificate(o) < 0) {
		close_http(p);
		return;
	}
	if (is_as_wanted(o))
		return;
	close_http(p);
	p->tries = 0;
	try_listen(o);
}

void page_pulse(struct ondold *o)
{
	uint64_t now = now_mono_ms();

	if (now - o->page->checked_ms < CHECK_MS)
		return;
	o->page->checked_ms = now;
	page_rack(o);
}

/* ---- life ---- */

static int load_tokens(struct ondold *o)
{
	_cleanup_free_ char *why = NULL;
	json_t *doc = NULL;
	int r = store_doc_get(o->store, "access", "", &doc);

	if (r == 0 && access_load(o->page->access, doc, &why) < 0)
		log_error(
			"the tokens in the store are damaged (%s): nobody may use the page "
			"until `ondol token add`",
			why);
	json_decref(doc);
	return r == -ENOENT ? 0 : r;
}

int page_open(struct ondold *o, char **reterr_msg)
{
	struct page *p = o->page = xcalloc(1, sizeof(*p));
	int r = sd_event_add_time(
		o->event, &p->timer, CLOCK_MONOTONIC, UINT64_MAX, 10000, on_timer, o);

	p->access = access_new();
	p->live = live_new(o);
	p->checked_ms = now_mono_ms();
	if (r >= 0)
		r = load_tokens(o);
	if (r < 0)
		*reterr_msg = xasprintf("the page: %s", strerror(-r));
	return MIN(r, 0);
}

void page_close(struct ondold *o)
{
	struct page *p = o->page;

	if (!p)
		return;
	close_http(p);
	live_free(p->live);
	sd_event_source_disable_unref(p->timer);
	access_free(p->access);
	free(p->cert);
	free(p);
	o->page = NULL;
}
