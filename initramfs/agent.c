/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loop is: inventory, told; order, asked for; order, carried out. Any failure leads
 * back to its beginning after a pause in which devices are still followed, so that a
 * cable plugged in or a disk pushed home is in the next inventory.
 */
#include "initramfs/agent.h"

#include <time.h>

#include "common/log.h"
#include "initramfs/clock.h"
#include "initramfs/devices.h"
#include "initramfs/disks.h"
#include "initramfs/install.h"
#include "initramfs/link.h"
#include "initramfs/nics.h"
#include "initramfs/server.h"
#include "initramfs/smbios.h"

#define IDENTITY_DIR "/run/ondol"
#define QUIET_MS 300 /* no device event for so long: all disks are there */
#define LOADED_MS 300000 /* SAS controllers count minutes when disks are bad */
#define SETTLE_MS 30000
#define OTHER_LINKS_MS 4000 /* copper takes 2 to 3 s to negotiate */
#define ORDER_WAIT_S 20
#define PAUSE_MIN_MS 1000
#define PAUSE_MAX_MS 60000

struct agent {
	const struct boot_args *args;
	struct devices *devices;
	struct server *server;
	unsigned failures; /* in a row */
	bool told_up;
	time_t clock_off_s; /* by how much the clock was set, either way; 0: it was right */
};

static double since_kernel_start(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* After a failure: longer each time, ended by nothing but the clock. */
static void pause_after_failure(struct agent *a)
{
	unsigned shift = MIN(a->failures, 6u);
	uint64_t ms = MIN((uint64_t)PAUSE_MIN_MS << shift, (uint64_t)PAUSE_MAX_MS);

	a->failures++;
	(void)devices_wait(a->devices, now_mono_ms() + ms, NULL, NULL);
}

static struct inventory *take_inventory(void)
{
	struct inventory *inv = xcalloc(1, sizeof(*inv));

	smbios_collect("", inv);
	disks_collect("", inv);
	nics_collect("", inv);
	return inv;
}

/* seconds since 1970: the server's; 0: it told none. */
static void set_clock(struct agent *a, uint64_t seconds)
{
	time_t before = time(NULL);
	int r;

	if (seconds == 0) {
		seconds = a->args->time;
		log_warn("the server tells no time%s",
			seconds ? "; using the boot script's"
				: "; the clock stays as it is");
	}
	if (seconds == 0)
		return;
	r = clock_set(seconds);
	if (r == 1) {
		a->clock_off_s = (time_t)seconds - before;
		log_info("the clock was wrong and has been set");
	} else if (r < 0) {
		log_warn("the clock cannot be set: %s", strerror(-r));
	}
}

/* "; the clock was 3650 days behind and has been set", or "". */
static char *clock_words(time_t off_s)
{
	unsigned long long s = (unsigned long long)(off_s < 0 ? -off_s : off_s);

	if (s == 0)
		return xstrdup("");
	return xasprintf("; the clock was %llu %s %s and has been set",
		s < 172800 ? s : s / 86400, s < 172800 ? "s" : "days",
		off_s > 0 ? "behind" : "ahead");
}

/* A certificate, a clock that it is good by, and a word that this agent is there. */
static int enrol(struct agent *a, const char *interface, char **reterr_msg)
{
	_cleanup_free_ char *text = NULL, *clock = NULL;
	uint64_t seconds;
	int r = server_meet(a->server, &seconds, reterr_msg);

	if (r != 0)
		return r;
	set_clock(a, seconds);
	clock = clock_words(a->clock_off_s);
	text = xasprintf("agent %s on %s, %.1f s after kernel start%s", ONDOL_VERSION,
		interface, since_kernel_start(), clock);
	r = server_enrol(a->server, text, &a->told_up, reterr_msg);
	if (r == 0 && !a->told_up) /* an older ondold, or it was enrolled before */
		a->told_up = server_event(a->server, "agent.up", text, NULL) == 0;
	if (a->told_up)
		log_info("agent.up: %s; heard by ondold %.2f s after kernel start", text,
			since_kernel_start());
	return r;
}

static bool is_connected(struct agent *a)
{
	_cleanup_free_ char *why = NULL, *interface = NULL;
	int r;

	if (a->told_up)
		return true;
	r = link_up(a->devices, a->args, &interface, &why);
	if (r < 0) {
		log_error("%s Trying again.", why);
		return false;
	}
	r = enrol(a, interface, &why);
	if (r < 0)
		log_error(
			"%s. Is ondold running there, does its firewall let ports %s and %s in, "
			"and is the switch port in the provisioning network? Trying again.",
			why, strchr(a->args->server, ':') + 1,
			strchr(a->args->api, ':') + 1);
	else if (r > 0)
		log_error("%s Trying again.", why);
	return a->told_up;
}

static int tell_inventory(struct agent *a, char **reterr_msg)
{
	_cleanup_(inventory_freep) struct inventory *inv = NULL;
	int r;

	if (devices_await_loaded(a->devices, now_mono_ms() + LOADED_MS) < 0)
		log_warn("drivers still look for devices after %d s; going on with those "
			 "there are",
			LOADED_MS / 1000);
	if (devices_settle(a->devices, QUIET_MS, now_mono_ms() + SETTLE_MS) < 0)
		log_warn(
			"devices still come and go after %d s; going on with those there are",
			SETTLE_MS / 1000);
	link_await_others(a->devices, now_mono_ms() + OTHER_LINKS_MS);
	inv = take_inventory();
	r = server_inventory(a->server, inv, reterr_msg);
	if (r == 0)
		log_info(
			"inventory told %.1f s after kernel start: %zu disks, %zu network ports",
			since_kernel_start(), inv->n_disks, inv->n_nics);
	return r;
}

/* Until there is an order (0), devices changed (SERVER_E_NO_ORDER), or it failed. */
static int await_order(struct agent *a, struct install_order **ret, char **reterr_msg)
{
	uint64_t generation = devices_generation(a->devices);
	int r;

	do {
		free(TAKE_PTR(*reterr_msg));
		r = server_order(a->server, ORDER_WAIT_S, ret, reterr_msg);
		(void)devices_wait(a->devices, 0, NULL, NULL);
	} while (r == SERVER_E_NO_ORDER && devices_generation(a->devices) == generation);
	return r;
}

static void carry_out(struct agent *a, const struct install_order *order)
{
	_cleanup_free_ char *why = NULL;

	log_info("install order: image %s to the disk with serial \"%s\", WWN \"%s\"",
		order->image.version, order->targets[0].disk.serial,
		order->targets[0].disk.wwn);
	(void)install_run(a->devices, a->server, a->args, order, &why);
	(void)server_event(a->server, "agent.failed", why, NULL);
	log_info("the node stays up and asks for a new order");
	pause_after_failure(a);
}

static void run_round(struct agent *a)
{
	_cleanup_(install_order_freep) struct install_order *order = NULL;
	_cleanup_free_ char *why = NULL;
	int r;

	if (!is_connected(a)) {
		pause_after_failure(a);
		return;
	}
	r = tell_inventory(a, &why);
	if (r == 0)
		r = await_order(a, &order, &why);
	if (r == 0) {
		carry_out(a, order);
	} else if (r != SERVER_E_NO_ORDER) {
		log_error("%s. Trying again.", why);
		pause_after_failure(a);
	} else {
		a->failures = 0;
	}
}

void agent_run(const struct boot_args *args)
{
	struct agent a = {.args = args, .server = server_new(args, IDENTITY_DIR)};
	_cleanup_free_ char *why = NULL;

	if (devices_new(DEVICES_ALL, &a.devices, &why) < 0) {
		log_error("%s", why);
		exit(EXIT_FAILURE);
	}
	devices_coldplug(a.devices);
	for (;;)
		run_round(&a);
}
