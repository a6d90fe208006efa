/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The IDL tells poll_block() alone what it waits for, as descriptors and times that
 * differ from turn to turn; so poll_block() is the outer loop, and all of sd-event is one
 * descriptor in it.
 */
#include "netconf/loop.h"

#include <signal.h>

static int on_signal(
	_unused_ sd_event_source *s, const struct signalfd_siginfo *si, void *userdata)
{
	struct loop *l = userdata;

	l->signal = (int)si->ssi_signo;
	return 0;
}

static int watch_signals(struct loop *l)
{
	static const int signals[] = {SIGINT, SIGTERM};
	sigset_t set;
	int r = 0;

	sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		sigaddset(&set, signals[i]);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	for (size_t i = 0; i < ARRAY_SIZE(signals) && r >= 0; i++)
		r = sd_event_add_signal(l->event, NULL, signals[i], on_signal, l);
	return MIN(r, 0);
}

int loop_open(const char *remote, bool debug, struct loop *ret)
{
	int r;

	*ret = (struct loop){0};
	r = sd_event_new(&ret->event);
	if (r >= 0)
		r = watch_signals(ret);
	if (r < 0) {
		sd_event_unref(ret->event);
		return r;
	}
	/* Whoever started us over the network that we change may lose its terminal. */
	signal(SIGHUP, SIG_IGN);
	ret->db = ovs_db_open(remote, debug);
	return 0;
}

void loop_close(struct loop *l)
{
	ovs_db_close(l->db);
	sd_event_unref(l->event);
	*l = (struct loop){0};
}

static int turn(struct loop *l, uint64_t deadline_ms)
{
	const uint64_t now = now_mono_ms();
	int r = sd_event_prepare(l->event);

	if (r == 0) {
		ovs_db_block(l->db, sd_event_get_fd(l->event),
			now >= deadline_ms ? 0 : (int)MIN(deadline_ms - now, 3600000U));
		r = sd_event_wait(l->event, 0);
	}
	if (r > 0)
		r = sd_event_dispatch(l->event);
	return MIN(r, 0);
}

int loop_until(struct loop *l, bool (*done)(void *userdata), void *userdata,
	uint64_t deadline_ms)
{
	int r;

	for (;;) {
		ovs_db_run(l->db);
		if (done(userdata))
			return 0;
		if (l->signal && !l->ignore_signals)
			return -EINTR;
		if (now_mono_ms() >= deadline_ms)
			return -ETIMEDOUT;
		r = turn(l, deadline_ms);
		if (r < 0)
			return r;
	}
}
