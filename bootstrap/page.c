/* SPDX-License-Identifier: Apache-2.0 */
#include "bootstrap/page.h"

#include "bootstrap/ondold.h"
#include "bootstrap/tlsport.h"
#include "common/log.h"

/*
 * The certificate is of the rack's own authority, which is made here when the rack is no
 * cloud. Tokens are one document of the store: removing a node never touches it.
 */

struct page {
	struct access *access; /* owned */
	struct tlsport *port; /* owned */
	struct live *live; /* owned */
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

void page_look(const struct ondold *o, bool *ret_listens, uint64_t *ret_held,
	uint64_t *ret_streams)
{
	const struct httpd *h = tlsport_http(o->page->port);

	*ret_listens = h != NULL;
	httpd_open_requests(h, ret_held, ret_streams);
}

void page_kick(struct ondold *o, const void *key)
{
	if (o->page)
		httpd_kick(tlsport_http(o->page->port), key);
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

static int certificate(struct ondold *o, const char **ret_cert, const char **ret_key)
{
	_cleanup_(strv_freep) char **hosts = hosts_of(o->rack);
	_cleanup_free_ char *msg = NULL;
	int r = cloudsecrets_need_page(
		o->cloud->secrets, o->rack->name, hosts, now_real_ms() / 1000, &msg);

	if (r < 0) {
		log_error("the page's certificate: %s; there is no page", msg);
		return r;
	}
	cloud_publish_ca(o);
	*ret_cert = cloudsecrets_get(o->cloud->secrets, "page.cert");
	*ret_key = cloudsecrets_get(o->cloud->secrets, "page.key");
	return 0;
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

static const struct tlsport_conf port_conf = {
	.certificate = certificate,
	.tell = tell,
	.counts = METRICS_PAGE,
	.handler = api_page_handle,
	.headers = api_page_headers,
};

void page_rack(struct ondold *o)
{
	struct page *p = o->page;

	live_kick(p->live);
	tlsport_set(p->port, o->rack ? o->rack->page_address : 0,
		o->rack ? o->rack->page_port : 0);
}

void page_pulse(struct ondold *o)
{
	tlsport_pulse(o->page->port);
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
	int r = tlsport_new(o, &port_conf, &p->port);

	p->access = access_new();
	p->live = live_new(o);
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
	tlsport_free(p->port);
	live_free(p->live);
	access_free(p->access);
	free(p);
	o->page = NULL;
}
