/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ipmi_sim ends when its standard input does, so it is started through
 * `ondol-twin hold-stdin`, which gives it a pipe whose other end it holds itself. Whether
 * it serves is asked with an RMCP presence ping, as any IPMI console does.
 */
#include "twin/bmc.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "common/child.h"
#include "common/log.h"
#include "twin/fru.h"

#define PING_US (100 * 1000)
#define MAX_PINGS 150
#define RESTART_US (1000 * 1000)
#define MAX_RESTARTS 20

struct bmc {
	sd_event *event; /* borrowed */
	const struct twin_plan *plan; /* borrowed */
	const struct twin_node *node; /* borrowed */
	char *dir; /* owned */
	struct child *child; /* owned */
	unsigned restarts, pings;
	int ping_fd; /* owned */
	sd_event_source *ping_io, *ping_timer, *restart_timer; /* owned */
	void (*ready)(int r, void *userdata);
	void *userdata;
};

static int start(struct bmc *b);

void bmc_set_readings(const struct twin_node *n, bool on)
{
	for (size_t i = 0; i < n_bmc_sensors; i++) {
		const struct bmc_sensor *s = &bmc_sensors[i];
		_cleanup_free_ char *path = xasprintf("%s/sensors/%s", n->dir, s->file);
		char text[16];
		int len = snprintf(text, sizeof(text), "%u\n", on ? s->on : s->off);
		int r = write_file_atomic(path, text, (size_t)len, 0600);

		if (r < 0)
			log_warn("%s: %s", path, strerror(-r));
	}
}

static int write_into(const char *dir, const char *name, const void *data, size_t len)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", dir, name);

	return write_file_atomic(path, data, len, 0600);
}

static int make_dirs(const struct bmc *b)
{
	_cleanup_free_ char *state = xasprintf("%s/state", b->dir),
			    *sensors = xasprintf("%s/sensors", b->node->dir);
	int r = mkdir_p(state, 0700);

	return r < 0 ? r : mkdir_p(sensors, 0700);
}

static int write_files(struct bmc *b, const struct bmc_login *login, char **reterr_msg)
{
	const struct rack_node *rn = b->node->rack;
	struct fru_info info = {
		rn->profile->vendor, rn->profile->product, rn->serial, "P19766-B21"};
	_cleanup_free_ char *fru_path = xasprintf("%s/fru.bin", b->dir),
			    *commands = bmc_commands(b->node, fru_path);
	_cleanup_secret_ char *conf = NULL;
	uint8_t fru[FRU_SIZE];
	int r = bmc_lan_conf(b->plan, b->node, login, &conf, reterr_msg);

	if (r < 0)
		return r;
	fru_build(&info, fru);
	r = make_dirs(b);
	if (r == 0)
		r = write_into(b->dir, "fru.bin", fru, sizeof(fru));
	if (r == 0)
		r = write_into(b->dir, "commands", commands, strlen(commands));
	if (r == 0)
		r = write_into(b->dir, "lan.conf", conf, strlen(conf));
	if (r < 0)
		*reterr_msg = xasprintf(
			"the files in %s could not be written: %s", b->dir, strerror(-r));
	else
		bmc_set_readings(b->node, false);
	return r;
}

static int on_restart(_unused_ sd_event_source *s, _unused_ uint64_t usec, void *userdata)
{
	struct bmc *b = userdata;

	b->restart_timer = sd_event_source_unref(b->restart_timer);
	(void)start(b);
	return 0;
}

static void on_line(_unused_ struct child *c, const char *line, void *userdata)
{
	const struct bmc *b = userdata;

	/* It repeats its command file, and asks for nothing: only complaints matter. */
	if (str_startswith(line, "**"))
		log_warn("%s: BMC: %s", b->node->rack->name, line);
	else
		log_debug("%s: BMC: %s", b->node->rack->name, line);
}

static void on_end(_unused_ struct child *c, int status, _unused_ bool timed_out,
	_unused_ const char *out, void *userdata)
{
	struct bmc *b = userdata;

	b->child = NULL;
	if (b->restarts++ >= MAX_RESTARTS) {
		log_error(
			"%s: its BMC has ended %u times (ipmi_sim, status %d) and stays away",
			b->node->rack->name, b->restarts, status);
		return;
	}
	log_warn("%s: its BMC ended (ipmi_sim, status %d); started again in 1 s",
		b->node->rack->name, status);
	sd_event_add_time_relative(b->event, &b->restart_timer, CLOCK_MONOTONIC,
		RESTART_US, 1000, on_restart, b);
}

static int start(struct bmc *b)
{
	_cleanup_free_ char *self = xasprintf("%s/ondol-twin", b->plan->dir),
			    *conf = xasprintf("%s/lan.conf", b->dir),
			    *commands = xasprintf("%s/commands", b->dir),
			    *state = xasprintf("%s/state", b->dir);
	const char *const argv[] = {self, "hold-stdin", "ipmi_sim", "-n", "-p", "-c",
		conf, "-f", commands, "-s", state, NULL};
	struct child_spec spec = {
		.argv = argv, .on_line = on_line, .on_exit = on_end, .userdata = b};

	return child_spawn(b->event, &spec, &b->child);
}

static void answered(struct bmc *b, int r)
{
	b->ping_io = sd_event_source_disable_unref(b->ping_io);
	b->ping_timer = sd_event_source_disable_unref(b->ping_timer);
	util_closep(&b->ping_fd);
	b->ping_fd = -1;
	b->ready(r, b->userdata);
}

/* A refused ping comes as an error of recv: the next one is already on its way. */
static int on_pong(
	_unused_ sd_event_source *s, int fd, _unused_ uint32_t revents, void *userdata)
{
	char buf[64];

	if (recv(fd, buf, sizeof(buf), MSG_DONTWAIT) > 0)
		answered(userdata, 0);
	return 0;
}

static int on_ping_time(sd_event_source *s, uint64_t usec, void *userdata)
{
	static const uint8_t ping[] = {6, 0, 0xff, 6, 0, 0, 0x11, 0xbe, 0x80, 0, 0, 0};
	struct bmc *b = userdata;

	if (b->pings++ >= MAX_PINGS) {
		answered(b, -ETIMEDOUT);
		return 0;
	}
	(void)send(b->ping_fd, ping, sizeof(ping), MSG_DONTWAIT | MSG_NOSIGNAL);
	sd_event_source_set_time(s, usec + PING_US);
	sd_event_source_set_enabled(s, SD_EVENT_ONESHOT);
	return 0;
}

static int start_pinging(struct bmc *b)
{
	struct sockaddr_in sa = {.sin_family = AF_INET,
		.sin_port = htons(TWIN_IPMI_PORT),
		.sin_addr.s_addr = htonl(b->node->rack->bmc)};
	int r;

	b->ping_fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (b->ping_fd < 0 || connect(b->ping_fd, (struct sockaddr *)&sa, sizeof(sa)) < 0)
		return -errno;
	r = sd_event_add_io(b->event, &b->ping_io, b->ping_fd, EPOLLIN, on_pong, b);
	if (r >= 0)
		r = sd_event_add_time_relative(b->event, &b->ping_timer, CLOCK_MONOTONIC,
			PING_US, 1000, on_ping_time, b);
	return r < 0 ? r : 0;
}

int bmc_new(sd_event *event, const struct twin_plan *p, const struct twin_node *n,
	const struct bmc_login *login, void (*ready)(int r, void *userdata),
	void *userdata, struct bmc **ret, char **reterr_msg)
{
	struct bmc *b = xcalloc(1, sizeof(*b));
	int r;

	b->event = event;
	b->plan = p;
	b->node = n;
	b->dir = xasprintf("%s/bmc", n->dir);
	b->ping_fd = -1;
	b->ready = ready;
	b->userdata = userdata;
	r = write_files(b, login, reterr_msg);
	if (r == 0) {
		r = start(b);
		if (r == 0)
			r = start_pinging(b);
		if (r < 0)
			*reterr_msg = xasprintf("the BMC of %s could not be started: %s",
				n->rack->name, strerror(-r));
	}
	if (r < 0) {
		bmc_free(b);
		return r;
	}
	*ret = b;
	return 0;
}

void bmc_free(struct bmc *b)
{
	if (!b)
		return;
	child_kill(b->child);
	sd_event_source_disable_unref(b->ping_io);
	sd_event_source_disable_unref(b->ping_timer);
	sd_event_source_disable_unref(b->restart_timer);
	util_closep(&b->ping_fd);
	free(b->dir);
	free(b);
}
