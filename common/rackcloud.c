/* SPDX-License-Identifier: Apache-2.0 */
/*
 * [cloud] turns the rack into a cloud: it has one controller, something to compute on, and
 * the storage that the chosen services ask for. Whatever is missing is said with the line
 * to add, because a rack that lacks it would come up and fail an hour later.
 */
#include "common/rackcloud.h"

#define ROLE_CONTROLLER "controller"
#define ROLE_COMPUTE "compute"
#define ROLE_STORAGE "storage"
#define MAX_DNS 8

static const char default_services[] = "horizon cinder swift heat";
static const char *const known_services[] = {
	"horizon", "cinder", "swift", "heat", "telemetry", "trove", "manila"};
#define SERVICES_WORDS "horizon, cinder, swift, heat, telemetry, trove, manila"

struct reader {
	struct rack *rack;
	struct conf *conf;
	struct conf_section *section; /* [cloud] */
	struct problems *problems;
};

static void say(struct reader *rd, const struct conf_key *k, const char *expected,
	const char *found)
{
	_cleanup_free_ char *shown = str_escape(found, 60);

	problems_add(rd->problems, rd->conf->file, k->line, "cloud", k->name,
		"expected %s, found \"%s\"", expected, shown);
}

/* The key's value; NULL when it is absent or was refused, which has been told then. */
static const struct conf_key *key_of(
	struct reader *rd, const char *name, const char *what)
{
	const struct conf_key *k = conf_key(rd->section, name);

	if (!k || k->refused)
		return NULL;
	if (!*k->value) {
		problems_add(rd->problems, rd->conf->file, k->line, "cloud", name,
			"expected %s, found nothing", what);
		return NULL;
	}
	return k;
}

static int is_domain(const char *s)
{
	_cleanup_free_ char *copy = xstrdup(s);
	char *rest = copy;
	uint32_t addr;

	if (strlen(s) > 253 || parse_ipv4(s, &addr) == 0)
		return -EINVAL;
	for (char *label; (label = strsep(&rest, "."));)
		if (parse_hostname(label) < 0)
			return -EINVAL;
	return 0;
}

static int is_region(const char *s)
{
	return parse_token(s, 63);
}

static int is_virtualization(const char *s)
{
	return streq(s, "auto") || streq(s, "kvm") || streq(s, "emulated") ? 0 : -EINVAL;
}

/* Names that the cloud gives to its own users and projects. */
static int is_student(const char *s)
{
	if (streq(s, "admin") || streq(s, "service") || streq(s, "demo"))
		return -EINVAL;
	return strlen(s) <= 32 ? parse_hostname(s) : -EINVAL;
}

static char *word_of(struct reader *rd, const char *name, int (*check)(const char *s),
	const char *what, const char *dflt)
{
	const struct conf_key *k = key_of(rd, name, what);

	if (k && check(k->value) < 0) {
		say(rd, k, what, k->value);
		return xstrdup(dflt);
	}
	return xstrdup(k ? k->value : dflt);
}

static bool is_service(const char *s)
{
	for (size_t i = 0; i < ARRAY_SIZE(known_services); i++)
		if (streq(known_services[i], s))
			return true;
	return false;
}

static char **services_of(struct reader *rd)
{
	static const char what[] = "some of " SERVICES_WORDS ", or none";
	const struct conf_key *k = key_of(rd, "services", what);
	_cleanup_(strv_freep) char **words = strv_split(k ? k->value : default_services);
	char **out = xcalloc(1, sizeof(*out));

	if (k && streq(k->value, "none"))
		return out;
	for (char **w = words; *w; w++) {
		if (!is_service(*w))
			say(rd, k, what, *w);
		else if (strv_has(out, *w))
			problems_add(rd->problems, rd->conf->file, k->line, "cloud",
				k->name, "%s is named twice", *w);
		else
			strv_add(&out, *w);
	}
	return out;
}

static char **dns_of(struct reader *rd)
{
	static const char what[] = "IPv4 addresses of resolvers, at most 8";
	const struct conf_key *k = key_of(rd, "dns", what);
	_cleanup_(strv_freep) char **words = strv_split(k ? k->value : "");
	char **out = xcalloc(1, sizeof(*out));
	uint32_t addr;

	if (strv_len(words) > MAX_DNS)
		say(rd, k, what, k->value);
	for (char **w = words; *w && strv_len(out) < MAX_DNS; w++) {
		if (parse_ipv4(*w, &addr) < 0)
			say(rd, k, what, *w);
		else
			strv_add(&out, *w);
	}
	return out;
}

/* Where the endpoints are: management when the rack has it, else provisioning. */
static const struct rack_network *network_of(struct reader *rd)
{
	static const char what[] = "the name of a [network ...] section";
	const struct conf_key *k = key_of(rd, "network", what);
	const struct rack_network *net =
		rack_network(rd->rack, k ? k->value : "management");

	if (k && !net)
		say(rd, k, what, k->value);
	else if (k && net->use == NETWORK_EXTERNAL)
		problems_add(rd->problems, rd->conf->file, k->line, "cloud", "network",
			"no node has an address in [network %s] (line %u): expected a network "
			"that is not external",
			net->name, net->line);
	return net ? net : rack_network(rd->rack, "provisioning");
}

void rackcloud_read(struct rack *r, struct conf *c, struct problems *problems)
{
	struct reader rd = {r, c, conf_section(c, "cloud"), problems};
	struct rack_cloud *cloud;

	if (!rd.section)
		return;
	cloud = r->cloud = xcalloc(1, sizeof(*cloud));
	cloud->line = rd.section->line;
	cloud->services = services_of(&rd);
	cloud->name = word_of(
		&rd, "name", is_domain, "a DNS name such as cloud.school.example", NULL);
	cloud->network = network_of(&rd);
	cloud->region = word_of(&rd, "region", is_region,
		"a name of letters, digits and . _ -", "RegionOne");
	cloud->virtualization = word_of(&rd, "virtualization", is_virtualization,
		"auto, kvm or emulated", "auto");
	cloud->dns = dns_of(&rd);
	cloud->student = word_of(&rd, "student", is_student,
		"a name of a-z, 0-9 and -, at most 32, other than admin, service and demo",
		"student");
}

void rackcloud_free(struct rack_cloud *cloud)
{
	if (!cloud)
		return;
	strv_free(cloud->services);
	strv_free(cloud->dns);
	free(cloud->name);
	free(cloud->region);
	free(cloud->virtualization);
	free(cloud->student);
	free(cloud);
}

/* ---- what it asks of the rack ---- */

static const struct rack_node *node_with(
	const struct rack *r, const char *role, const char *kind)
{
	for (size_t i = 0; i < r->n_nodes; i++) {
		const struct rack_node *n = &r->nodes[i];

		if (streq(n->role, role) && (!kind || streq_ptr(n->kind, kind)))
			return n;
	}
	return NULL;
}

static unsigned line_of_key(
	struct conf *c, const char *section, const char *key, unsigned dflt)
{
	struct conf_section *s = conf_section(c, section);
	const struct conf_key *k = s ? conf_key(s, key) : NULL;

	return k ? k->line : dflt;
}

static void check_controllers(
	const struct rack *r, struct conf *c, struct problems *problems)
{
	const struct rack_node *first = NULL;

	for (size_t i = 0; i < r->n_nodes; i++) {
		const struct rack_node *n = &r->nodes[i];
		_cleanup_free_ char *section = xasprintf("node %s", n->name);

		if (!streq(n->role, ROLE_CONTROLLER))
			continue;
		if (first)
			problems_add(problems, c->file,
				line_of_key(c, section, "role", n->line), section, "role",
				"[node %s] (line %u) is the controller already: a cloud has exactly "
				"one; give this node another role",
				first->name, first->line);
		else
			first = n;
	}
	if (!first && r->n_nodes)
		problems_add(problems, c->file, r->cloud->line, "cloud", NULL,
			"a cloud needs a controller: give one node role = " ROLE_CONTROLLER);
	if (!node_with(r, ROLE_COMPUTE, NULL) && r->n_nodes)
		problems_add(problems, c->file, r->cloud->line, "cloud", NULL,
			"a cloud needs something to run instances on: give at least one node "
			"role = " ROLE_COMPUTE);
}

/* Services whose data are on nodes of their own. */
static void check_storage(const struct rack *r, struct conf *c, struct problems *problems)
{
	static const struct {
		const char *service, *kind;
	} needs[] = {{"cinder", "block"}, {"manila", "block"}, {"swift", "object"}};
	unsigned line = line_of_key(c, "cloud", "services", r->cloud->line);

	for (size_t i = 0; i < ARRAY_SIZE(needs); i++) {
		if (!strv_has(r->cloud->services, needs[i].service) || !r->n_nodes ||
			node_with(r, ROLE_STORAGE, needs[i].kind))
			continue;
		problems_add(problems, c->file, line, "cloud", "services",
			"%s keeps its data on a node with role = " ROLE_STORAGE
			" and kind = %s, "
			"and there is none: add such a node, or choose services without %s "
			"(\"%s\" is what counts when nothing is said)",
			needs[i].service, needs[i].kind, needs[i].service,
			default_services);
	}
}

static bool has_data_disk(const struct rack_profile *p)
{
	for (size_t i = 0; i < p->n_disks; i++)
		if (p->disks[i].use == DISK_DATA)
			return true;
	return false;
}

/* The role file may have had it said. */
static bool is_told(const struct problems *problems, unsigned line)
{
	for (size_t i = 0; i < problems->n; i++)
		if (problems->list[i].line == line)
			return true;
	return false;
}

static void check_data_disks(
	const struct rack *r, struct conf *c, struct problems *problems)
{
	for (size_t i = 0; i < r->n_nodes; i++) {
		const struct rack_node *n = &r->nodes[i];
		_cleanup_free_ char *section = xasprintf("node %s", n->name);
		unsigned line = line_of_key(c, section, "role", n->line);

		if (!streq(n->role, ROLE_STORAGE) || !n->profile ||
			has_data_disk(n->profile) || is_told(problems, line))
			continue;
		problems_add(problems, c->file, line, section, "role",
			"%s storage keeps the cloud's data, but the profile %s (line %u) has no "
			"disk with use = data",
			n->kind ? n->kind : "this", n->profile->name, n->profile->line);
	}
}

static void check_image(const struct rack *r, struct conf *c, struct problems *problems)
{
	/* no image: there is no [deploy], or nothing in it, which has been told */
	if (r->image && *r->image && !streq(r->image, "full"))
		problems_add(problems, c->file,
			line_of_key(c, "deploy", "image", r->cloud->line), "deploy",
			"image",
			"a rack with [cloud] (line %u) needs the image profile "
			"that has its services: expected image = full, found \"%s\"",
			r->cloud->line, r->image);
}

/*
 * An address in the external network is taken only where that was said: there others than
 * this rack's nodes live.
 */
static void check_shares(const struct rack *r, struct conf *c, struct problems *problems)
{
	const struct rack_network *net = rack_external(r);
	_cleanup_free_ char *section = net ? xasprintf("network %s", net->name) : NULL;

	if (!net || !strv_has(r->cloud->services, "manila"))
		return;
	if (!conf_key(conf_section(c, section), "shares"))
		problems_add(problems, c->file, net->line, section, "shares",
			"manila (line %u) is to know where instances reach the shares: expected "
			"yes, for an address of each block storage in this network (its host "
			"number), or no, when the gateway leads them to the network storage",
			line_of_key(c, "cloud", "services", r->cloud->line));
	for (size_t i = 0; net->shares && i < r->n_nodes; i++) {
		const struct rack_node *n = &r->nodes[i];

		if (n->profile && rackcloud_has_shares(r, n) && rack_nic_of(n, net) < 0)
			problems_add(problems, c->file,
				line_of_key(c, section, "shares", net->line), section,
				"shares",
				"[node %s] (line %u) gives out shares, but no port of the profile "
				"%s carries this network; add it to a nic.N.tagged",
				n->name, n->line, n->profile->name);
	}
}

void rackcloud_check(const struct rack *r, struct conf *c, struct problems *problems)
{
	if (!r->cloud)
		return;
	check_image(r, c, problems);
	check_controllers(r, c, problems);
	check_storage(r, c, problems);
	check_data_disks(r, c, problems);
	check_shares(r, c, problems);
}

/* ---- what others ask ---- */

bool rackcloud_has_shares(const struct rack *r, const struct rack_node *n)
{
	return r->cloud && strv_has(r->cloud->services, "manila") &&
		streq(n->role, ROLE_STORAGE) && n->kind && streq(n->kind, "block");
}

const struct rack_node *rack_controller(const struct rack *r)
{
	return node_with(r, ROLE_CONTROLLER, NULL);
}

const struct rack_network *rack_external(const struct rack *r)
{
	for (size_t i = 0; i < r->n_networks; i++)
		if (r->networks[i].use == NETWORK_EXTERNAL)
			return &r->networks[i];
	return NULL;
}

char *rack_public_name(const struct rack *r)
{
	char buf[16];

	if (r->cloud->name)
		return xstrdup(r->cloud->name);
	format_ipv4(rack_address(rack_controller(r), r->cloud->network), buf);
	return xstrdup(buf);
}
