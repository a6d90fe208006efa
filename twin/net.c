/* SPDX-License-Identifier: Apache-2.0 */
#include "twin/net.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/resource.h>

#include "common/child.h"
#include "common/log.h"
#include "common/run.h"
#include "twin/switchport.h"

#define OVS_SCHEMA "/usr/share/openvswitch/vswitch.ovsschema"
#define STEP_MS 60000
#define SWITCH_NICE (-10) /* as its package starts it */

struct net {
	struct child *database, *daemon; /* owned */
	void (*failed)(const char *why, void *userdata);
	void *userdata;
	char *env[7]; /* owned, NULL-terminated */
};

char *net_ovs_rundir(const char *dir)
{
	return xasprintf("OVS_RUNDIR=%s/switch", dir);
}

static int make_tap(const char *name)
{
	_cleanup_close_ int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
	struct ifreq ifr = {.ifr_flags = IFF_TAP | IFF_NO_PI};

	if (fd < 0)
		return -errno;
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	if (ioctl(fd, TUNSETIFF, &ifr) < 0 || ioctl(fd, TUNSETPERSIST, 1) < 0)
		return -errno;
	return 0;
}

static int make_taps(const struct twin_plan *p, char **reterr_msg)
{
	for (size_t i = 0; i < p->n_nodes; i++)
		for (size_t j = 0; j < p->nodes[i].n_nics; j++) {
			int r = make_tap(p->nodes[i].nics[j].tap);

			if (r < 0) {
				*reterr_msg = xasprintf(
					"the tap device %s could not be made: %s",
					p->nodes[i].nics[j].tap, strerror(-r));
				return r;
			}
		}
	return 0;
}

static int run(
	struct net *n, const char *const argv[], const char *input, char **reterr_msg)
{
	_cleanup_(run_result_clear) struct run_result res = {0};
	int r = run_child(argv, (const char *const *)n->env, input, STEP_MS, &res);

	if (r < 0)
		*reterr_msg = xasprintf(
			"%s could not be started: %s (is its package installed?)",
			argv[0], strerror(-r));
	else if (res.status != 0 || res.out_len)
		*reterr_msg = xasprintf("%s %s: %s", argv[0],
			res.timed_out ? "did not end within 60 s" : "failed",
			str_strip(res.out));
	return r < 0 ? r : res.status != 0 || res.out_len ? -EIO : 0;
}

static void on_line(_unused_ struct child *c, const char *line, _unused_ void *userdata)
{
	log_debug("switch: %s", line);
}

static void daemon_ended(struct net *n, const char *name, int status)
{
	_cleanup_free_ char *why =
		xasprintf("the switch has failed: %s ended with status %d", name, status);

	n->failed(why, n->userdata);
}

static void on_database_exit(_unused_ struct child *c, int status,
	_unused_ bool timed_out, _unused_ const char *out, void *userdata)
{
	struct net *n = userdata;

	n->database = NULL;
	daemon_ended(n, "ovsdb-server", status);
}

static void on_daemon_exit(_unused_ struct child *c, int status, _unused_ bool timed_out,
	_unused_ const char *out, void *userdata)
{
	struct net *n = userdata;

	n->daemon = NULL;
	daemon_ended(n, "ovs-vswitchd", status);
}

static int spawn(struct net *n, sd_event *event, const char *const argv[],
	void (*on_exit)(struct child *, int, bool, const char *, void *),
	struct child **ret, char **reterr_msg)
{
	struct child_spec spec = {.argv = argv,
		.env = (const char *const *)n->env,
		.on_line = on_line,
		.on_exit = on_exit,
		.userdata = n};
	int r = child_spawn(event, &spec, ret);

	if (r < 0)
		*reterr_msg = xasprintf(
			"%s could not be started: %s (package openvswitch-switch)",
			argv[0], strerror(-r));
	return r;
}

/* Each frame passes here: it must not wait for its turn behind the servers. */
static void hurry(struct child *c)
{
	if (setpriority(PRIO_PROCESS, (id_t)child_pid(c), SWITCH_NICE) < 0)
		log_debug("the switch runs at ordinary priority: %m");
}

static int start_switch(
	struct net *n, sd_event *event, const struct twin_plan *p, char **reterr_msg)
{
	_cleanup_free_ char *db = xasprintf("%s/switch/conf.db", p->dir),
			    *sock = xasprintf("%s/switch/db.sock", p->dir),
			    *punix = xasprintf("--remote=punix:%s", sock),
			    *remote = xasprintf("unix:%s", sock),
			    *dir = xasprintf("%s/switch", p->dir);
	const char *const create[] = {"ovsdb-tool", "create", db, OVS_SCHEMA, NULL};
	const char *const database[] = {"ovsdb-server", db, punix, "--no-chdir",
		"-vconsole:warn", "-vsyslog:off", NULL};
	const char *const daemon[] = {"ovs-vswitchd", remote, "--disable-system",
		"--no-chdir", "-vconsole:warn", "-vsyslog:off", NULL};
	int r = mkdir_p(dir, 0700);

	if (r < 0)
		*reterr_msg = xasprintf("%s: %s", dir, strerror(-r));
	if (r == 0)
		r = run(n, create, NULL, reterr_msg);
	if (r == 0)
		r = spawn(n, event, database, on_database_exit, &n->database, reterr_msg);
	if (r == 0)
		r = spawn(n, event, daemon, on_daemon_exit, &n->daemon, reterr_msg);
	if (r == 0)
		hurry(n->daemon);
	return r;
}

/* Returns when ovs-vswitchd has done it all; a port that it refused is in the output. */
static int configure_switch(struct net *n, const struct twin_plan *p, char **reterr_msg)
{
	_cleanup_(args_clear) struct args a = {0};

	args_add(&a, "ovs-vsctl");
	args_add(&a, "--retry");
	args_add(&a, "--timeout=40");
	args_add(&a, "-vsyslog:off");
	args_add(&a, "--");
	switch_config_args(&a, p);
	return run(n, args_argv(&a), NULL, reterr_msg);
}

/*
 * A tap must be up before the switch takes it, or the switch complains until it is. And it
 * must not answer ARP: the host would do so on each of its interfaces, for any of its
 * addresses, and a server would send to it past the switch.
 */
static int raise_taps(struct net *n, const struct twin_plan *p, char **reterr_msg)
{
	const char *const argv[] = {"ip", "-batch", "-", NULL};
	_cleanup_free_ char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	if (!f)
		abort();
	fprintf(f, "link set lo up\n");
	for (size_t i = 0; i < p->n_nodes && p->form == TWIN_MACHINES; i++)
		for (size_t j = 0; j < p->nodes[i].n_nics; j++)
			fprintf(f, "link set %s arp off up\n", p->nodes[i].nics[j].tap);
	fclose(f);
	return run(n, argv, text, reterr_msg);
}

/* The building's router: an address on each network that names a gateway. */
static void add_gateways(FILE *f, const struct twin_plan *p)
{
	for (size_t i = 0; i < p->rack->n_networks; i++) {
		const struct rack_network *net = &p->rack->networks[i];
		char name[TWIN_IF_NAME], addr[16];

		if (!switch_gateway_name(p, net, name))
			continue;
		format_ipv4(net->gateway, addr);
		fprintf(f, "addr replace %s/%u dev %s\nlink set %s up\n", addr,
			net->subnet.prefix, name, name);
	}
}

static char *ip_batch(const struct twin_plan *p)
{
	const struct rack *rack = p->rack;
	char addr[16], *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	if (!f)
		abort();
	format_ipv4(rack->address, addr);
	fprintf(f, "addr add %s/%u dev %s\n", addr, rack->provisioning->subnet.prefix,
		rack->interface);
	format_ipv4(p->bmc_host, addr);
	fprintf(f, "addr add %s/%u dev %s\n", addr, rack->bmc_subnet.prefix, p->bmc_if);
	for (size_t i = 0; i < p->n_nodes; i++) {
		format_ipv4(p->nodes[i].rack->bmc, addr);
		fprintf(f, "addr add %s/%u dev %s\n", addr, rack->bmc_subnet.prefix,
			p->bmc_if);
	}
	fprintf(f, "link set %s up\nlink set %s up\n", rack->interface, p->bmc_if);
	add_gateways(f, p);
	fclose(f);
	return text;
}

static int set_addresses(struct net *n, const struct twin_plan *p, char **reterr_msg)
{
	_cleanup_free_ char *batch = ip_batch(p);
	const char *const argv[] = {"ip", "-batch", "-", NULL};

	return run(n, argv, batch, reterr_msg);
}

static void set_flag(const char *path, bool on)
{
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CLOEXEC);
	int r = fd < 0 ? -errno : write_all(fd, on ? "1" : "0", 1);

	if (r < 0)
		log_debug("%s: %s", path, strerror(-r));
}

/*
 * The host must not chatter on its servers' ports: interfaces are born without IPv6
 * ("default"), and only the deployment host's own gets it.
 */
static void set_ipv6(const char *name, bool on)
{
	_cleanup_free_ char *path =
		xasprintf("/proc/sys/net/ipv6/conf/%s/disable_ipv6", name);

	set_flag(path, !on);
}

static int bring_up(
	struct net *n, sd_event *event, const struct twin_plan *p, char **reterr_msg)
{
	int r = 0;

	set_ipv6("default", false);
	if (p->form == TWIN_MACHINES)
		r = make_taps(p, reterr_msg);
	if (r == 0)
		r = raise_taps(n, p, reterr_msg);
	if (r == 0)
		r = start_switch(n, event, p, reterr_msg);
	if (r == 0)
		r = configure_switch(n, p, reterr_msg);
	if (r < 0)
		return r;
	set_ipv6(p->rack->interface, true);
	set_flag("/proc/sys/net/ipv4/ip_forward", true);
	return set_addresses(n, p, reterr_msg);
}

int net_up(sd_event *event, const struct twin_plan *p,
	void (*failed)(const char *why, void *userdata), void *userdata, struct net **ret,
	char **reterr_msg)
{
	struct net *n = xcalloc(1, sizeof(*n));
	int r;

	n->failed = failed;
	n->userdata = userdata;
	n->env[0] = net_ovs_rundir(p->dir);
	n->env[1] = xasprintf("OVS_LOGDIR=%s/switch", p->dir);
	n->env[2] = xasprintf("OVS_DBDIR=%s/switch", p->dir);
	n->env[3] = xasprintf("OVS_SYSCONFDIR=%s/switch", p->dir);
	/* for each burst of frames the heap would grow and shrink again, page by page:
	 * that was most of what a transfer cost */
	n->env[4] = xstrdup("MALLOC_TOP_PAD_=16777216");
	n->env[5] = xstrdup("MALLOC_TRIM_THRESHOLD_=67108864");
	r = bring_up(n, event, p, reterr_msg);
	if (r < 0) {
		net_free(n);
		return r;
	}
	*ret = n;
	return 0;
}

void net_free(struct net *n)
{
	if (!n)
		return;
	child_kill(n->daemon);
	child_kill(n->database);
	for (size_t i = 0; i < ARRAY_SIZE(n->env); i++)
		free(n->env[i]);
	free(n);
}
