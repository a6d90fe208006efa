/* SPDX-License-Identifier: Apache-2.0 */
#include "bootstrap/cast.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#include "bootstrap/castcut.h"
#include "bootstrap/profile.h"
#include "common/log.h"

/*
 * A slow node must not slow the others, and ten slow ones must not make the multicast useless: so
 * it is the majority that sets the pace. The burst of a tick is what a switch has to buffer.
 */
#define TICK_US 4000
#define GATHER_MS 3000 /* since the last one came */
#define GATHER_MAX_MS 10000 /* since the first */
#define BURST_MAX_US 20000 /* more is not made up for after a pause */
#define ROUNDS_MAX 3 /* who is deaf hears no fourth either */
#define PACE_US 1000000

struct listener {
	const struct node *n; /* borrowed */
	uint32_t left; /* frames that are still sent for it */
	struct cast_ear before,
		now; /* as told: at the last look at the pace, and since */
};

struct caster {
	struct ondold *o; /* borrowed */
	struct listener *listeners; /* owned */
	size_t n, room;
	char sha256[65]; /* of the image that is sent; "": none */
	struct cast_cut cut;
	int socket; /* owned, -1: none */
	struct sockaddr_in to;
	bool sending;
	uint64_t gathering_since_ms, last_came_ms; /* mono; 0: nobody has come */
	uint64_t bytes_per_s, max;
	uint64_t ticked_us, paced_us; /* mono */
	unsigned rounds; /* that are over */
	int64_t owed; /* bytes that may be sent now */
	uint8_t datagram[CAST_MAX]; /* that the socket did not take yet, */
	int held; /* and its length; 0: none */
	bool held_ends; /* it is the last of its frame */
	uint64_t sent; /* bytes of this round, for the log */
	sd_event_source *timer; /* owned */
};

/* ---- the pace ---- */

static void set_pace(struct caster *c)
{
	struct cast_ear *ears = xcalloc(c->n + 1, sizeof(*ears));
	uint64_t before = c->bytes_per_s;

	for (size_t i = 0; i < c->n; i++) {
		struct listener *l = &c->listeners[i];

		ears[i] = (struct cast_ear){
			l->now.come - l->before.come, l->now.lost - l->before.lost};
		l->before = l->now;
	}
	c->bytes_per_s = cast_pace(before, c->max, ears, c->n);
	free(ears);
	if (c->bytes_per_s < before)
		log_info(
			"multicast: most nodes lose what is sent; at %llu bytes a second now",
			(unsigned long long)c->bytes_per_s);
}

/* ---- listeners ---- */

static struct listener *listener_of(struct caster *c, const struct node *n)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->listeners[i].n == n)
			return &c->listeners[i];
	return NULL;
}

static void stop(struct caster *c)
{
	if (c->sending)
		log_info("multicast: over, %llu bytes were sent",
			(unsigned long long)c->sent);
	c->sending = false;
	c->held = 0;
	c->gathering_since_ms = 0;
	c->n = 0;
	c->timer = sd_event_source_disable_unref(c->timer);
	util_closep(&c->socket);
	cast_cut_clear(&c->cut);
	c->sha256[0] = '\0';
}

void caster_left(const struct node *n)
{
	struct caster *c = n->o->caster;
	struct listener *l = c ? listener_of(c, n) : NULL;

	if (!l)
		return;
	*l = c->listeners[--c->n];
	if (c->n == 0)
		stop(c);
}

void caster_heard(struct node *n, uint64_t come, uint64_t lost)
{
	struct listener *l = listener_of(n->o->caster, n);

	if (!l)
		return;
	l->now.come = MAX(come, l->now.come);
	l->now.lost = MAX(lost, l->now.lost);
}

/* ---- sending ---- */

static int on_tick(sd_event_source *s, uint64_t usec, void *userdata);

static uint64_t mono_us(struct caster *c)
{
	uint64_t us = 0;

	(void)sd_event_now(c->o->event, CLOCK_MONOTONIC, &us);
	return us;
}

static int arm(struct caster *c, uint64_t at_us)
{
	int r;

	if (!c->timer)
		return sd_event_add_time(
			c->o->event, &c->timer, CLOCK_MONOTONIC, at_us, 1000, on_tick, c);
	r = sd_event_source_set_time(c->timer, at_us);
	return r < 0 ? r : sd_event_source_set_enabled(c->timer, SD_EVENT_ONESHOT);
}

/*
 * Once more round, when what the nodes lack makes more than one image together: then it is cheaper
 * than each of them fetching its own part.
 */
static bool goes_round_again(struct caster *c)
{
	double lacking = 0;

	for (size_t i = 0; i < c->n; i++) {
		const struct node *n = c->listeners[i].n;

		lacking += n->total ? 1 - (double)n->done / (double)n->total : 1;
	}
	if (lacking <= 1 || ++c->rounds >= ROUNDS_MAX)
		return false;
	log_info("multicast: once more, as %zu nodes lack %.2f images together", c->n,
		lacking);
	for (size_t i = 0; i < c->n; i++)
		c->listeners[i].left = c->cut.list->n_frames;
	return true;
}

/* Who has been sent all of it hears the rest that is sent for others, too. */
static void frame_sent(struct caster *c)
{
	uint32_t left = 0;

	for (size_t i = 0; i < c->n; i++) {
		struct listener *l = &c->listeners[i];

		l->left -= l->left > 0;
		left = MAX(left, l->left);
	}
	if (left == 0 && !goes_round_again(c))
		stop(c);
}

/* What fits into the time that has passed, and into the socket. */
static int send_some(struct caster *c)
{
	while (c->owed > 0 && c->n > 0) {
		int len = c->held ? c->held
				  : cast_cut_next(&c->cut, c->datagram, &c->held_ends);

		if (len < 0)
			return len;
		c->held = len;
		if (sendto(c->socket, c->datagram, (size_t)len, 0,
			    (struct sockaddr *)&c->to, sizeof(c->to)) < 0)
			return errno == EAGAIN || errno == ENOBUFS || errno == EINTR
				? 0 /* once more at the next tick */
				: -errno;
		c->held = 0;
		c->owed -= len;
		c->sent += (uint64_t)len;
		c->o->counts.multicast_bytes += (uint64_t)len;
		if (c->held_ends)
			frame_sent(c);
	}
	return 0;
}

static int open_socket(struct caster *c)
{
	const struct rack *rack = c->o->rack;
	struct in_addr from = {.s_addr = htonl(rack->address)};
	unsigned char ttl = 1, loop = 0;

	c->to = (struct sockaddr_in){.sin_family = AF_INET,
		.sin_port = htons(rack->cast_port),
		.sin_addr.s_addr = htonl(rack->cast_group)};
	c->socket = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (c->socket < 0)
		return -errno;
	if (setsockopt(c->socket, IPPROTO_IP, IP_MULTICAST_IF, &from, sizeof(from)) < 0 ||
		setsockopt(c->socket, IPPROTO_IP, IP_MULTICAST_TTL, &ttl, sizeof(ttl)) <
			0 ||
		setsockopt(c->socket, IPPROTO_IP, IP_MULTICAST_LOOP, &loop,
			sizeof(loop)) < 0)
		return -errno;
	return 0;
}

static int begin(struct caster *c, uint64_t now_us)
{
	int r = open_socket(c);

	if (r < 0)
		return r;
	c->sending = true;
	c->rounds = 0;
	c->sent = 0;
	c->owed = 0;
	c->ticked_us = c->paced_us = now_us;
	log_info("multicast: %zu nodes listen", c->n);
	return 0;
}

static uint64_t gathered_ms(const struct caster *c)
{
	return MIN(c->last_came_ms + GATHER_MS, c->gathering_since_ms + GATHER_MAX_MS);
}

static int64_t bytes_in(const struct caster *c, uint64_t us)
{
	return (int64_t)(c->bytes_per_s * MIN(us, (uint64_t)BURST_MAX_US) / 1000000);
}

static int on_tick(_unused_ sd_event_source *s, _unused_ uint64_t usec, void *userdata)
{
	struct caster *c = userdata;
	uint64_t now_us = mono_us(c);
	int r = 0;

	if (!c->sending && now_us / 1000 < gathered_ms(c))
		return arm(c, gathered_ms(c) * 1000);
	if (!c->sending)
		r = begin(c, now_us);
	if (r == 0) {
		c->owed = MIN(c->owed + bytes_in(c, now_us - c->ticked_us),
			bytes_in(c, BURST_MAX_US));
		c->ticked_us = now_us;
		r = send_some(c);
	}
	if (r < 0) {
		log_warn("multicast: %s; the nodes fetch the image by themselves",
			strerror(-r));
		stop(c);
	}
	if (c->n == 0)
		return 0;
	if (now_us - c->paced_us >= PACE_US) {
		set_pace(c);
		c->paced_us = now_us;
	}
	return arm(c, now_us + TICK_US);
}

/* ---- from the nodes ---- */

void caster_offer(
	struct node *n, const struct image_manifest *m, struct order_image *image)
{
	struct caster *c = n->o->caster;
	const struct rack *rack = n->o->rack;

	if (!rack->cast_bytes_per_s || n->o->held < 2 || !m->blocks.name ||
		(c->n > 0 && !streq(c->sha256, m->root.sha256)))
		return;
	image->cast_group = rack->cast_group;
	image->cast_port = rack->cast_port;
}

/* The image as it is now: what its agent was ordered; another is left to be fetched. */
static int open_image(struct caster *c, char **reterr_msg)
{
	_cleanup_(image_manifest_freep) struct image_manifest *m = NULL;
	int r = profile_load(c->o->opts.images_dir, c->o->rack->image, &m, reterr_msg);

	if (r == 0)
		r = m->blocks.name ? cast_cut_open(m, &c->cut) : -ENOENT;
	if (r < 0)
		return r;
	snprintf(c->sha256, sizeof(c->sha256), "%s", m->root.sha256);
	c->max = c->o->rack->cast_bytes_per_s;
	c->bytes_per_s = MAX(c->max / 4, (uint64_t)CAST_PACE_MIN);
	return 0;
}

void caster_listens(struct node *n)
{
	struct caster *c = n->o->caster;
	_cleanup_free_ char *why = NULL;
	uint64_t now = now_mono_ms();
	int r = 0;

	caster_left(n); /* its agent may have begun anew */
	if (!n->o->rack->cast_bytes_per_s)
		return;
	if (c->n == 0)
		r = open_image(c, &why);
	if (r == 0 && !c->timer)
		r = arm(c, now * 1000 + GATHER_MS * 1000);
	if (r < 0) {
		log_warn("multicast: %s", why ? why : strerror(-r));
		stop(c);
		return;
	}
	GROW(c->listeners, c->n, c->room);
	c->listeners[c->n++] =
		(struct listener){.n = n, .left = c->cut.list->n_frames + 1};
	c->last_came_ms = now;
	if (!c->gathering_since_ms)
		c->gathering_since_ms = now;
}

struct caster *caster_new(struct ondold *o)
{
	struct caster *c = xcalloc(1, sizeof(*c));

	c->o = o;
	c->socket = c->cut.fd = -1;
	return c;
}

void caster_free(struct caster *c)
{
	if (!c)
		return;
	stop(c);
	free(c->listeners);
	free(c);
}
