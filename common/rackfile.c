/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rack.ini to the model. Reading never stops at the first problem: a value that is wrong is
 * noted and replaced by a harmless one, so that the rest of the file is still checked. The
 * arrays are filled completely before anything points into them.
 */
#include "common/rackcloud.h"
#include "common/rackpace.h"
#include "common/rackread.h"
#include "common/rackrules.h"
#include "common/roledef.h"

#define DAY_MS UINT64_C(86400000)

/* A time of whole days or hours, such as 90d; min, max and dflt in days. */
static uint64_t read_days(
	struct reader *rd, const char *name, unsigned min, unsigned max, unsigned dflt)
{
	_cleanup_free_ char *what =
		xasprintf("a time from %ud to %ud, such as %ud", min, max, dflt);
	const struct conf_key *k = rd_value(rd, name, NULL);
	uint64_t ms = dflt * DAY_MS;

	if (k &&
		(parse_duration_ms(k->value, &ms) < 0 || ms < min * DAY_MS ||
			ms > max * DAY_MS))
		rd_bad(rd, k, what);
	return ms;
}

static uint32_t read_ipv4(struct reader *rd, const char *name, bool need)
{
	static const char what[] = "an IPv4 address such as 10.77.0.2";
	const struct conf_key *k = rd_value(rd, name, need ? what : NULL);
	uint32_t addr = 0;

	if (k && parse_ipv4(k->value, &addr) < 0)
		rd_bad(rd, k, what);
	return addr;
}

static struct ipv4_net read_net(struct reader *rd, const char *name)
{
	static const char what[] =
		"a network such as 10.77.0.0/24, /8 to /30, host bits zero";
	const struct conf_key *k = rd_value(rd, name, what);
	struct ipv4_net net = {0};

	if (k && parse_ipv4_net(k->value, &net) < 0)
		rd_bad(rd, k, what);
	return net;
}

typedef int (*word_parser)(const char *s);

static int is_serial(const char *s)
{
	return parse_token(s, 64);
}

static int is_interface(const char *s)
{
	return parse_token(s, 15);
}

static int is_wwn(const char *s)
{
	uint8_t raw[16];

	return strlen(s) == 32 ? parse_hex(s, 16, raw) : parse_hex(s, 8, raw);
}

/* A key that may be absent: NULL then. */
static char *rd_word_opt(
	struct reader *rd, const char *name, word_parser parse, const char *what)
{
	return conf_key(rd->section, name) ? rd_word(rd, name, parse, what, NULL) : NULL;
}

static bool enter(struct reader *rd, const char *name, const char *what)
{
	rd->section = conf_section(rd->conf, name);
	if (!rd->section)
		problems_add(rd->problems, rd->conf->file, 0, NULL, NULL,
			"the section [%s] is missing: %s", name, what);
	return rd->section;
}

/* ssh_key.1, ssh_key.2, ... : authorized_keys lines */
static void read_ssh_keys(struct reader *rd)
{
	size_t cap = 0;

	for (unsigned i = 1; i <= 32; i++) {
		_cleanup_free_ char *name = xasprintf("ssh_key.%u", i);
		char *line =
			rd_word_opt(rd, name, rd_is_text, "a line of authorized_keys");

		if (!line)
			continue;
		GROW(rd->rack->ssh_keys, rd->rack->n_ssh_keys, cap);
		rd->rack->ssh_keys[rd->rack->n_ssh_keys++] = line;
	}
}

/* Not 0.0.0.0: the certificate names the address. */
static void read_page(struct reader *rd)
{
	static const char what[] =
		"an address of this host and a port, such as 10.77.0.2:8443";
	const struct conf_key *k = rd_value(rd, "page", NULL);
	struct rack *r = rd->rack;
	uint32_t address;
	unsigned port;

	if (!k)
		return;
	if (parse_ipv4_port(k->value, &address, &port) < 0 || address == 0) {
		rd_bad(rd, k, what);
	} else if (address == r->address &&
		(port == r->http_port || port == r->api_port)) {
		RD_SAY(rd, k,
			"expected another port than http_port (%u) and api_port (%u), which serve "
			"the nodes",
			r->http_port, r->api_port);
	} else {
		r->page_address = address;
		r->page_port = port;
	}
}

/* At the one that was written; the other has its default. */
static void check_ports(struct reader *rd)
{
	const struct rack *r = rd->rack;
	const struct conf_key *api = rd_value(rd, "api_port", NULL);

	if (r->api_port != r->http_port)
		return;
	if (api)
		RD_SAY(rd, api, "expected another port than http_port (%u)",
			r->http_port);
	else
		RD_SAY(rd, rd_value(rd, "http_port", NULL),
			"expected another port than api_port (%u)", r->api_port);
}

static void read_general(struct reader *rd)
{
	struct rack *r = rd->rack;

	if (enter(rd, "rack", "it names the rack")) {
		r->name = rd_word(
			rd, "name", parse_hostname, "a name of a-z, 0-9 and -", NULL);
		read_ssh_keys(rd);
	}
	if (enter(rd, "deploy", "it says on which interface and address ondold works")) {
		r->interface = rd_word(rd, "interface", is_interface,
			"the interface on the provisioning network, such as eth0", NULL);
		r->address = read_ipv4(rd, "address", true);
		r->http_port = rd_uint(rd, "http_port", 1, 65535, 8780, false);
		r->api_port = rd_uint(rd, "api_port", 1, 65535, 8781, false);
		check_ports(rd);
		r->image = rd_word(rd, "image", parse_hostname,
			"the name of an image profile", "core");
		r->parallel_installs =
			rd_uint(rd, "parallel_installs", 1, RACK_MAX_NODES, 4, false);
		r->retries = rd_uint(rd, "retries", 0, 9, 2, false);
		r->keep_events_ms = read_days(rd, "keep_events", 1, 3650, 90);
		read_page(rd);
	}
	if (enter(rd, "bmc", "it describes the network of the service processors")) {
		r->bmc_subnet = read_net(rd, "subnet");
		r->bmc_vlan = rd_uint(rd, "vlan", 1, 4094, 0, true);
	}
}

static enum network_use read_use(struct reader *rd, const char *network)
{
	static const char what[] = "nodes, tunnel or external";
	enum network_use use = streq(network, "tunnel") ? NETWORK_TUNNEL : NETWORK_NODES;
	const struct conf_key *k = rd_value(rd, "use", NULL);

	if (k && network_use_parse(k->value, &use) < 0)
		rd_bad(rd, k, what);
	return use;
}

/* The upper half of the subnet; with the gateway in it the longer part beside that. */
static void default_range(struct reader *rd, struct rack_network *net)
{
	const uint32_t size = ~ipv4_net_mask(&net->subnet) + 1;
	uint32_t first = net->subnet.addr + size / 2, last = net->subnet.addr + size - 2;

	if (!net->subnet.prefix)
		return;
	if (net->gateway >= first && net->gateway <= last) {
		if (net->gateway - first > last - net->gateway)
			last = net->gateway - 1;
		else
			first = net->gateway + 1;
	}
	if (first > last) {
		rd_missing(rd, "range",
			"addresses beside the gateway, such as 10.77.50.2-10.77.50.9");
		return;
	}
	net->range_first = first;
	net->range_last = last;
}

static void read_range(struct reader *rd, struct rack_network *net)
{
	const struct conf_key *k = rd_value(rd, "range", NULL);
	const char *dash = k ? strchr(k->value, '-') : NULL;
	_cleanup_free_ char *from = NULL;
	uint32_t first, last;

	if (net->use != NETWORK_EXTERNAL) {
		if (k)
			RD_SAY(rd, k,
				"only a network with use = external has a range; remove this key");
		return;
	}
	if (!k) {
		if (!conf_key(rd->section, "range"))
			default_range(rd, net);
		return;
	}
	from = xasprintf("%.*s", dash ? (int)(dash - k->value) : 0, k->value);
	if (!dash || parse_ipv4(from, &first) < 0 || parse_ipv4(dash + 1, &last) < 0 ||
		first > last) {
		rd_bad(rd, k,
			"the first and the last address, such as 10.77.50.100-10.77.50.199");
		return;
	}
	net->range_first = first;
	net->range_last = last;
}

static bool read_shares(struct reader *rd, const struct rack_network *net)
{
	const struct conf_key *k = rd_value(rd, "shares", NULL);

	if (!k || net->use == NETWORK_EXTERNAL)
		return rd_bool(rd, "shares");
	RD_SAY(rd, k,
		"only a network with use = external gives out shares; remove this key");
	return false;
}

static void read_network(struct reader *rd, const char *name)
{
	struct rack_network *net = &rd->rack->networks[rd->rack->n_networks];

	if (rd->rack->n_networks == RACK_MAX_NETWORKS) {
		problems_add(rd->problems, rd->conf->file, rd->section->line,
			rd->section->name, NULL, "expected at most %d networks",
			RACK_MAX_NETWORKS);
		return;
	}
	if (parse_hostname(name) < 0 || strlen(name) > RACK_MAX_NETWORK_NAME)
		problems_add(rd->problems, rd->conf->file, rd->section->line,
			rd->section->name, NULL,
			"expected a name of a-z, 0-9 and -, at most %d characters: it is also the "
			"interface's name on the nodes",
			RACK_MAX_NETWORK_NAME);
	net->name = xstrdup(name);
	net->line = rd->section->line;
	net->subnet = read_net(rd, "subnet");
	net->vlan = rd_uint(rd, "vlan", 1, 4094, 0, true);
	net->mtu = rd_uint(rd, "mtu", 1280, 9216, 1500, false);
	net->gateway = read_ipv4(rd, "gateway", false);
	net->use = read_use(rd, name);
	read_range(rd, net);
	net->shares = read_shares(rd, net);
	rd->rack->n_networks++;
}

static const struct rack_profile *find_profile(struct reader *rd)
{
	const struct conf_key *k =
		rd_value(rd, "profile", "the name of a [profile ...] section");

	for (size_t i = 0; k && i < rd->rack->n_profiles; i++)
		if (streq(rd->rack->profiles[i].name, k->value))
			return &rd->rack->profiles[i];
	if (k)
		rd_bad(rd, k, "the name of a [profile ...] section");
	return NULL;
}

static void read_role(struct reader *rd, struct rack_node *n)
{
	_cleanup_free_ char *names = roledefs_names(rd->roles);
	_cleanup_free_ char *what = xasprintf("a role (%s)", names);
	const struct conf_key *role = rd_value(rd, "role", what),
			      *kind = rd_value(rd, "kind", NULL);

	n->role = xstrdup(role ? role->value : "");
	n->kind = kind ? xstrdup(kind->value) : NULL;
	if (!role)
		return;
	if (!roledefs_has_role(rd->roles, role->value)) {
		rd_bad(rd, role, what);
	} else if (!kind && roledefs_role_has_kinds(rd->roles, role->value)) {
		rd_missing(rd, "kind", "the kind of this role");
	} else if (!roledefs_find(rd->roles, role->value, n->kind)) {
		if (roledefs_role_has_kinds(rd->roles, role->value))
			rd_bad(rd, kind, "a kind that the role has");
		else
			RD_SAY(rd, kind, "the role %s has no kinds; remove this key",
				role->value);
	}
}

static void read_macs(struct reader *rd, struct rack_node *n)
{
	for (unsigned i = 1; i <= RACK_MAX_NICS; i++) {
		static const char what[] = "a unicast MAC such as 94:40:c9:00:01:01";
		bool need = n->profile && i <= n->profile->n_nics;
		_cleanup_free_ char *name = xasprintf("mac.%u", i);
		const struct conf_key *k = rd_value(rd, name, need ? what : NULL);

		if (k && parse_mac(k->value, &n->macs[i - 1]) < 0)
			rd_bad(rd, k, what);
		else if (k && n->profile && !need)
			RD_SAY(rd, k, "the profile %s has no port %u", n->profile->name,
				i);
	}
}

static void read_node_disks(struct reader *rd, struct rack_node *n)
{
	for (size_t i = 0; n->profile && i < n->profile->n_disks; i++) {
		unsigned bay = n->profile->disks[i].bay;
		_cleanup_free_ char *serial = xasprintf("disk.%u.serial", bay);
		_cleanup_free_ char *wwn = xasprintf("disk.%u.wwn", bay);

		n->disks[i].serial =
			rd_word_opt(rd, serial, is_serial, "the disk's serial number");
		n->disks[i].wwn =
			rd_word_opt(rd, wwn, is_wwn, "16 or 32 lower-case hex digits");
	}
}

static void read_node(struct reader *rd, const char *name)
{
	static const char uuid_what[] =
		"a UUID such as 39383838-3738-5a43-4a30-303130303131";
	struct rack_node *n = &rd->rack->nodes[rd->rack->n_nodes];
	const struct conf_key *uuid;

	if (rd->rack->n_nodes == RACK_MAX_NODES) {
		problems_add(rd->problems, rd->conf->file, rd->section->line,
			rd->section->name, NULL, "expected at most %d nodes",
			RACK_MAX_NODES);
		return;
	}
	rd->rack->n_nodes++;
	n->name = xstrdup(name);
	n->line = rd->section->line;
	if (parse_hostname(name) < 0)
		problems_add(rd->problems, rd->conf->file, n->line, rd->section->name,
			NULL, "expected a host name of a-z, 0-9 and - after \"node\"");
	n->profile = find_profile(rd);
	n->unit = rd_uint(rd, "unit", 1, 60, 0, false);
	read_role(rd, n);
	n->bmc = read_ipv4(rd, "bmc", true);
	n->host = rd_uint(rd, "host", 1, (1 << 24) - 2, 0, true);
	read_macs(rd, n);
	n->serial = rd_word(rd, "serial", is_serial, "the chassis serial number", NULL);
	uuid = rd_value(rd, "uuid", NULL);
	if (uuid && parse_uuid(uuid->value, n->uuid) < 0)
		rd_bad(rd, uuid, uuid_what);
	read_node_disks(rd, n);
}

/* Calls read for each section whose name begins with word, with the rest of the name. */
static void each_section(struct reader *rd, const char *word,
	void (*read)(struct reader *rd, const char *name))
{
	size_t n = strlen(word);

	for (size_t i = 0; i < rd->conf->n; i++) {
		struct conf_section *s = &rd->conf->sections[i];

		if (strncmp(s->name, word, n) != 0 || s->name[n] != ' ')
			continue;
		s->used = true;
		rd->section = s;
		read(rd, s->name + n + 1);
	}
}

static unsigned count_data_disks(const struct rack_profile *p)
{
	unsigned count = 0;

	for (size_t i = 0; i < p->n_disks; i++)
		count += p->disks[i].use == DISK_DATA;
	return count;
}

/* What a node's role needs of the rack: data disks, networks for its guests. */
static void check_role_needs(struct reader *rd, const struct rack_node *n)
{
	const struct roledef *d = roledefs_find(rd->roles, n->role, n->kind);
	_cleanup_free_ char *section = xasprintf("node %s", n->name);
	const struct conf_key *k;

	rd->section = conf_section(rd->conf, section);
	k = conf_key(rd->section, "role");
	if (!d || !k)
		return;
	if ((d->data_vg || d->data_dir) && n->profile &&
		count_data_disks(n->profile) == 0)
		RD_SAY(rd, k,
			"the role %s keeps data, but the profile %s has no disk with use = data",
			n->role, n->profile->name);
	for (char *const *name = d->vm_networks; name && *name; name++) {
		const struct rack_network *net = rack_network(rd->rack, *name);

		if (!net)
			RD_SAY(rd, k,
				"the role %s gives its guests the network %s: expected a section "
				"[network %s]",
				n->role, *name, *name);
		else if (net->use == NETWORK_EXTERNAL)
			RD_SAY(rd, k,
				"the role %s gives its guests the network %s: expected another "
				"use of it than external (line %u)",
				n->role, *name, net->line);
	}
}

int rack_from_conf(struct conf *c, const struct roledefs *roles,
	struct problems *problems, struct rack **ret)
{
	_cleanup_(rack_freep) struct rack *r = xcalloc(1, sizeof(*r));
	struct reader rd = {.conf = c, .problems = problems, .roles = roles, .rack = r};
	size_t before = problems->n;

	r->file = xstrdup(c->file);
	r->networks = xcalloc(RACK_MAX_NETWORKS + 1, sizeof(*r->networks));
	r->profiles = xcalloc(c->n, sizeof(*r->profiles));
	r->nodes = xcalloc(MIN(c->n, RACK_MAX_NODES) + 1, sizeof(*r->nodes));
	read_general(&rd);
	rackpace_read(r, c, problems);
	each_section(&rd, "network", read_network);
	rackcloud_read(r, c, problems);
	each_section(&rd, "profile", rackread_profile);
	each_section(&rd, "node", read_node);
	rack_make_index(r);
	conf_report_unused(c, problems);
	r->provisioning = rack_network(r, "provisioning");
	rackrules_check(r, c, problems);
	for (size_t i = 0; i < r->n_nodes; i++)
		check_role_needs(&rd, &r->nodes[i]);
	rackcloud_check(r, c, problems);
	if (problems->n > before)
		return -EINVAL;
	*ret = TAKE_PTR(r);
	return 0;
}

int rack_parse(const char *file, const char *text, size_t len,
	const struct roledefs *roles, struct problems *problems, struct rack **ret)
{
	_cleanup_(conf_freep) struct conf *c = NULL;
	size_t before = problems->n;
	int r = conf_parse(file, text, len, problems, &c);
	_cleanup_(rack_freep) struct rack *rack = NULL;

	if (r < 0)
		return r;
	r = rack_from_conf(c, roles, problems, &rack);
	if (r < 0 || problems->n > before)
		return -EINVAL;
	*ret = TAKE_PTR(rack);
	return 0;
}

int rack_load(const char *path, const struct roledefs *roles, struct problems *problems,
	struct rack **ret)
{
	_cleanup_free_ char *text = NULL;
	size_t len;
	int r = conf_read(path, problems, &text, &len);

	return r < 0 ? r : rack_parse(path, text, len, roles, problems, ret);
}
