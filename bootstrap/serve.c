/* SPDX-License-Identifier: Apache-2.0 */
#include "bootstrap/ondold.h"

#include "common/log.h"

/*
 * What ondold serves to the provisioning network follows the rack: dnsmasq on its
 * interface, HTTP and the node API at its address. The address may not be there yet (a NIC that comes up
 * late): listening is tried again with growing pauses, and the operator is told once.
 */

#define LISTEN_MAX_PAUSE_MS 15000
#define TFTP_SILENCE_MS 25000 /* see is_of_boot_before */

/* ---- dnsmasq ---- */

/* What dnsmasq said, for people; caller frees. */
static char *dhcp_words(enum fsm_event event, const struct pxe_line *line)
{
	char mac[18], address[16];

	format_mac(&line->mac, mac);
	format_ipv4(line->address, address);
	if (event == FSM_EV_DHCP_OFFER)
		return xasprintf("it is offered %s", address);
	if (event == FSM_EV_DHCP_ACK)
		return xasprintf("it has taken %s", address);
	if (event == FSM_EV_DHCP_FOREIGN)
		return xasprintf(
			"it asks for %s, which another DHCP server has offered it",
			address);
	if (event == FSM_EV_DHCP_OTHER_PORT)
		return xasprintf(
			"%s asks for an address, which is not its first port", mac);
	return xasprintf("%s asks for an address", mac);
}

static void dhcp_event(
	struct ondold *o, enum fsm_event event, const struct pxe_line *line)
{
	_cleanup_free_ char *text = NULL;
	bool first;
	struct node *n = ondold_node_by_mac(o, &line->mac, &first);

	if (!n)
		return;
	if (!first)
		event = FSM_EV_DHCP_OTHER_PORT;
	if (!node_tells_slowly(n, event))
		return;
	text = dhcp_words(event, line);
	node_event(n, "dnsmasq", event, text, NULL);
	if (event == FSM_EV_DHCP_DISCOVER && line->arch == PXE_ARCH_BIOS)
		node_event(n, "dnsmasq", FSM_EV_DHCP_BIOS,
			"it boots as a legacy BIOS, not as UEFI", NULL);
}

/*
 * dnsmasq gives a transfer up after 29 s in which nobody answers (2.89: it asks eight times).
 * Sooner after DHCP, it is one that the boot before has begun, and was powered off in.
 */
static bool is_of_boot_before(
	const struct node *n, enum fsm_event event, const struct pxe_line *line)
{
	uint64_t ack = n->told_ms[FSM_EV_DHCP_ACK];

	return event == FSM_EV_TFTP_FAILED && str_startswith(line->text, "failed ") &&
		ack && now_mono_ms() - ack < TFTP_SILENCE_MS;
}

static void tftp_event(
	struct ondold *o, enum fsm_event event, const struct pxe_line *line)
{
	struct node *n = ondold_node_by_address(o, line->address);

	if (n && !is_of_boot_before(n, event, line))
		node_event(n, "dnsmasq", event, line->text, NULL);
}

static void on_line(const struct pxe_line *line, void *userdata)
{
	struct ondold *o = userdata;

	switch (line->kind) {
	case PXE_LINE_DISCOVER:
	case PXE_LINE_IGNORED:
		dhcp_event(o, FSM_EV_DHCP_DISCOVER, line);
		return;
	case PXE_LINE_OFFER:
		dhcp_event(o, FSM_EV_DHCP_OFFER, line);
		return;
	case PXE_LINE_ACK:
		dhcp_event(o, FSM_EV_DHCP_ACK, line);
		return;
	case PXE_LINE_FOREIGN:
		dhcp_event(o, FSM_EV_DHCP_FOREIGN, line);
		return;
	case PXE_LINE_SENT:
		tftp_event(o, FSM_EV_TFTP_SENT, line);
		return;
	case PXE_LINE_TFTP_FAILED:
		tftp_event(o, FSM_EV_TFTP_FAILED, line);
		return;
	case PXE_LINE_TROUBLE:
		ondold_event(o, NULL, "dnsmasq", "dnsmasq.trouble", line->text, NULL);
		return;
	case PXE_LINE_REQUEST:
	case PXE_LINE_ARCH:
	case PXE_LINE_OTHER:
		return;
	}
}

/* ---- router solicitations ---- */

static bool is_booting(const struct mac_addr *from, void *userdata)
{
	bool first;
	struct node *n = ondold_node_by_mac(userdata, from, &first);

	return n && fsm_wants_netboot(&n->fsm);
}

/* Done again whenever dnsmasq comes up: then the interface is there. */
static void listen_radv(struct ondold *o)
{
	int r;

	radv_free(o->radv);
	o->radv = NULL;
	r = radv_new(o->event, o->rack->interface, is_booting, o, &o->radv);
	if (r < 0)
		log_info(
			"router solicitations on %s are not answered (%s): network boot takes "
			"17 s longer",
			o->rack->interface, strerror(-r));
}

static void on_up(void *userdata)
{
	struct ondold *o = userdata;

	o->dnsmasq_up = true;
	listen_radv(o);
	ondold_event(o, NULL, "dnsmasq", "dnsmasq.up", "DHCP and TFTP are served", NULL);
}

static void on_down(const char *text, void *userdata)
{
	struct ondold *o = userdata;

	o->dnsmasq_up = false;
	ondold_event(o, NULL, "dnsmasq", "dnsmasq.down", text, NULL);
}

/* ---- HTTP ---- */

void serve_later(sd_event_source *timer, unsigned *tries)
{
	unsigned shift = MIN(*tries, 5u);
	uint64_t pause_ms = MIN(500u << shift, LISTEN_MAX_PAUSE_MS);

	++*tries;
	sd_event_source_set_time_relative(timer, pause_ms * 1000);
	sd_event_source_set_enabled(timer, SD_EVENT_ONESHOT);
}

static void tell_listening(struct ondold *o, const char *scheme, unsigned port, int r)
{
	char address[16];
	_cleanup_free_ char *text = NULL;

	format_ipv4(o->rack->address, address);
	if (r == 0)
		text = xasprintf("serving nodes at %s://%s:%u", scheme, address, port);
	else
		text = xasprintf("cannot listen at %s:%u: %s%s; trying on", address, port,
			strerror(-r),
			r == -EADDRNOTAVAIL
				? " (give this host the address of [deploy], or correct "
				  "it in rack.ini)"
				: "");
	ondold_event(o, NULL, "http", r ? "http.waiting" : "http.up", text, NULL);
}

static void try_listen(struct ondold *o)
{
	int r = httpd_listen_tcp(o->event, o->rack->address, o->rack->http_port,
		api_boot_handle, o, &o->tcp_http);

	if (r == 0) {
		httpd_count(o->tcp_http, &o->counts.http[METRICS_BOOT]);
		ondold_settle_answers(o, o->tcp_http);
		o->tcp_address = o->rack->address;
		o->tcp_port = o->rack->http_port;
	}
	if (r == 0 || o->listen_tries == 0)
		tell_listening(o, "http", o->rack->http_port, r);
	if (r < 0)
		serve_later(o->listen_timer, &o->listen_tries);
}

static int on_listen_timer(
	_unused_ sd_event_source *s, _unused_ uint64_t usec, void *userdata)
{
	struct ondold *o = userdata;

	if (!o->tcp_http && o->rack)
		try_listen(o);
	return 0;
}

/* ---- the node API, over TLS ---- */

static int node_certificate(struct ondold *o, const char **ret_cert, const char **ret_key)
{
	_cleanup_free_ char *msg = NULL, *name = xasprintf("%s, nodes", o->rack->name);
	char address[16], *hosts[] = {address, NULL};
	int r;

	format_ipv4(o->rack->address, address);
	r = cloudsecrets_need(
		o->authority, name, NULL, hosts, now_real_ms() / 1000, &msg);
	if (r < 0) {
		log_error("the certificate for nodes: %s; none can be installed", msg);
		return r;
	}
	*ret_cert = cloudsecrets_get(o->authority, "tls.cert");
	*ret_key = cloudsecrets_get(o->authority, "tls.key");
	return 0;
}

static const char *authority(struct ondold *o)
{
	return enrol_authority(o);
}

static void tell_api(struct ondold *o, int r)
{
	tell_listening(o, "https", o->rack->api_port, r);
}

static const struct tlsport_conf node_port = {
	.certificate = node_certificate,
	.clients = authority,
	.tell = tell_api,
	.counts = METRICS_NODES,
	.handler = api_node_handle,
	.upload = api_node_upload,
};

int serve_new(struct ondold *o)
{
	struct pxe_hooks hooks = {
		.line = on_line, .up = on_up, .down = on_down, .userdata = o};
	int r = sd_event_add_time(o->event, &o->listen_timer, CLOCK_MONOTONIC, UINT64_MAX,
		10000, on_listen_timer, o);

	if (r < 0)
		return r;
	r = tlsport_new(o, &node_port, &o->node_port);
	if (r < 0)
		return r;
	o->pxe = pxe_new(o->event, o->opts.state_dir, o->opts.tftp_dir, &hooks);
	return 0;
}

void serve_rack(struct ondold *o)
{
	pxe_set_rack(o->pxe, o->rack);
	page_rack(o);
	tlsport_set(o->node_port, o->rack->address, o->rack->api_port);
	if (o->tcp_http &&
		(o->tcp_address != o->rack->address ||
			o->tcp_port != o->rack->http_port)) {
		httpd_free(o->tcp_http);
		o->tcp_http = NULL;
	}
	if (o->tcp_http)
		return;
	o->listen_tries = 0;
	try_listen(o);
}

void serve_pulse(struct ondold *o)
{
	tlsport_pulse(o->node_port);
	page_pulse(o);
}

void serve_free(struct ondold *o)
{
	httpd_free(o->tcp_http);
	tlsport_free(o->node_port);
	pxe_free(o->pxe);
	radv_free(o->radv);
	sd_event_source_disable_unref(o->listen_timer);
}
