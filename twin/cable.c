/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pairs are made from the inside, with "netns 1" for the other end, and removed by
 * name: the namespace of a node that was cut off lives on for as long as one of its TCP
 * connections is closing, which takes minutes.
 *
 * A veth leaves checksums to the other end's hardware, which is none: the switch hands
 * frames on as they are, and TCP would drop each of them. So both ends compute them.
 */
#include "twin/cable.h"

#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "common/run.h"
#include "twin/net.h"
#include "twin/switchport.h"

#define STEP_MS 60000

void cable_name(size_t nic, char ret[static TWIN_IF_NAME])
{
	snprintf(ret, TWIN_IF_NAME, "eth%u", (unsigned)nic % RACK_MAX_NICS);
}

static int run(const char *const argv[], const char *const env[], const char *input,
	char **reterr_msg)
{
	_cleanup_(run_result_clear) struct run_result res = {0};
	int r = run_child(argv, env, input, STEP_MS, &res);

	if (r == 0 && res.status == 0)
		return 0;
	*reterr_msg = r < 0
		? xasprintf("%s could not be started: %s", argv[0], strerror(-r))
		: xasprintf("%s failed: %s", argv[0], str_strip(res.out));
	return r < 0 ? r : -EIO;
}

static int run_ip(const char *batch, char **reterr_msg)
{
	const char *const argv[] = {"ip", "-batch", "-", NULL};

	return run(argv, NULL, batch, reterr_msg);
}

static int run_vsctl(const struct twin_plan *p, struct args *a, char **reterr_msg)
{
	_cleanup_free_ char *rundir = net_ovs_rundir(p->dir);
	const char *const env[] = {rundir, NULL};

	return run(args_argv(a), env, NULL, reterr_msg);
}

static void vsctl(struct args *a)
{
	args_add(a, "ovs-vsctl");
	args_add(a, "--timeout=40");
	args_add(a, "-vsyslog:off");
}

static int remove_pairs(const struct twin_node *n, char **reterr_msg)
{
	_cleanup_free_ char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	if (!f)
		abort();
	for (size_t i = 0; i < n->n_nics; i++)
		if (if_nametoindex(n->nics[i].tap))
			fprintf(f, "link del %s\n", n->nics[i].tap);
	fclose(f);
	return *text ? run_ip(text, reterr_msg) : 0;
}

int cable_unplug(const struct twin_plan *p, const struct twin_node *n, char **reterr_msg)
{
	_cleanup_(args_clear) struct args a = {0};
	int r;

	vsctl(&a);
	for (size_t i = 0; i < n->n_nics; i++) {
		args_add(&a, "--");
		args_add(&a, "--if-exists");
		args_add(&a, "del-port");
		args_add(&a, TWIN_BRIDGE);
		args_add(&a, n->nics[i].tap);
	}
	r = run_vsctl(p, &a, reterr_msg);
	return r < 0 ? r : remove_pairs(n, reterr_msg);
}

static int make_pairs(const struct twin_node *n, char **reterr_msg)
{
	_cleanup_free_ char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	if (!f)
		abort();
	fprintf(f, "link set lo up\n");
	for (size_t i = 0; i < n->n_nics; i++) {
		const struct twin_nic *nic = &n->nics[i];
		char mac[18], name[TWIN_IF_NAME];

		format_mac(&nic->mac, mac);
		cable_name(i, name);
		fprintf(f,
			"link add %s address %s mtu %u type veth "
			"peer name %s mtu %u netns 1\n",
			name, mac, nic->mtu, nic->tap, nic->mtu);
	}
	fclose(f);
	return run_ip(text, reterr_msg);
}

static int no_checksum_offload(int sock, const char *name)
{
	struct ethtool_value off = {.cmd = ETHTOOL_STXCSUM};
	struct ifreq ifr = {.ifr_data = (void *)&off};

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	return ioctl(sock, SIOCETHTOOL, &ifr) < 0 ? -errno : 0;
}

/* Without ARP, as the taps of machines: see net.c. */
static int set_up(int sock, const char *name)
{
	struct ifreq ifr = {0};

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	if (ioctl(sock, SIOCGIFFLAGS, &ifr) < 0)
		return -errno;
	ifr.ifr_flags |= IFF_UP | IFF_NOARP;
	return ioctl(sock, SIOCSIFFLAGS, &ifr) < 0 ? -errno : 0;
}

static int prepare_ends(const struct twin_node *n, int outside, char **reterr_msg)
{
	_cleanup_close_ int inside = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int r = inside < 0 ? -errno : 0;

	for (size_t i = 0; i < n->n_nics && r == 0; i++) {
		char name[TWIN_IF_NAME];

		cable_name(i, name);
		r = no_checksum_offload(inside, name);
		if (r == 0)
			r = no_checksum_offload(outside, n->nics[i].tap);
		if (r == 0)
			r = set_up(outside, n->nics[i].tap);
		if (r < 0)
			*reterr_msg = xasprintf("%s: %s", n->nics[i].tap, strerror(-r));
	}
	return r;
}

int cable_plug(const struct twin_plan *p, const struct twin_node *n, int outside,
	char **reterr_msg)
{
	_cleanup_(args_clear) struct args a = {0};
	int r = make_pairs(n, reterr_msg);

	if (r == 0)
		r = prepare_ends(n, outside, reterr_msg);
	if (r < 0)
		return r;
	vsctl(&a);
	for (size_t i = 0; i < n->n_nics; i++)
		switch_nic_args(&a, &n->nics[i]);
	return run_vsctl(p, &a, reterr_msg);
}

int cable_address(const struct twin_plan *p, const struct twin_node *n, char **reterr_msg)
{
	const struct rack_network *net = p->rack->provisioning;
	_cleanup_free_ char *batch = NULL;
	char address[16], name[TWIN_IF_NAME];

	format_ipv4(rack_address(n->rack, net), address);
	cable_name(0, name);
	batch = xasprintf("link set %s mtu %u up\naddr replace %s/%u dev %s\n", name,
		net->mtu, address, net->subnet.prefix, name);
	return run_ip(batch, reterr_msg);
}

int cable_no_address(char **reterr_msg)
{
	char name[TWIN_IF_NAME];
	_cleanup_free_ char *batch = NULL;

	cable_name(0, name);
	batch = xasprintf("addr flush dev %s\nlink set %s down\n", name, name);
	return run_ip(batch, reterr_msg);
}
