/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values are made when they are asked for: most are one line of the desired state. Memory
 * that held secrets is given back to the allocator as it is: the process that expands them
 * is a worker of some milliseconds, not dumpable.
 */
#include "nodeagent/vars.h"

#include "nodeagent/firewall.h"

#include <fcntl.h>
#include <linux/kvm.h>
#include <sys/ioctl.h>

#include "common/parse.h"

#define MAX_REPLICAS 3
/* Below either, every service runs one worker. */
#define SMALL_CORES 4
#define SMALL_BYTES (12ULL << 30)
#define MAX_WORKERS 8

struct vars {
	const struct desired *d;
	struct vars_machine m;
};

static bool kvm_works(void)
{
	_cleanup_close_ int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC), vm = -1;

	if (kvm < 0)
		return false;
	vm = ioctl(kvm, KVM_CREATE_VM, 0);
	return vm >= 0;
}

void vars_machine(struct vars_machine *ret)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN), pages = sysconf(_SC_PHYS_PAGES);

	*ret = (struct vars_machine){.cores = cores > 0 ? (unsigned)cores : 1,
		.memory_bytes =
			pages > 0 ? (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE) : 0,
		.kvm = kvm_works(),
		.ovs_kernel = access("/sys/module/openvswitch", F_OK) == 0};
}

struct vars *vars_new(const struct desired *d, const struct vars_machine *m)
{
	struct vars *v = xcalloc(1, sizeof(*v));

	*v = (struct vars){.d = d, .m = *m};
	return v;
}

void vars_free(struct vars *v)
{
	free(v);
}

void vars_freep(struct vars **v)
{
	vars_free(*v);
	*v = NULL;
}

const char *vars_virt_type(const struct desired *d, bool kvm_works_here)
{
	if (d->cloud && streq(d->cloud->virtualization, "emulated"))
		return "qemu";
	if (d->cloud && streq(d->cloud->virtualization, "auto"))
		return kvm_works_here ? "kvm" : "qemu";
	return "kvm";
}

/* ---- values ---- */

static char *address_text(uint32_t address)
{
	char buf[16];

	if (address == 0)
		return NULL;
	format_ipv4(address, buf);
	return xstrdup(buf);
}

static const struct desired_port *port_named(const struct vars *v, const char *network)
{
	for (size_t i = 0; i < v->d->n_ports; i++)
		if (streq(v->d->ports[i].name, network))
			return &v->d->ports[i];
	return NULL;
}

/* The port of that network, or of the one that stands in for it where the rack has it not. */
static const struct desired_port *port_for(const struct vars *v, const char *network)
{
	const struct desired_port *p = port_named(v, network);

	if (!p && (streq(network, "storage") || streq(network, "tunnel")))
		p = port_named(v, "management");
	if (!p &&
		(streq(network, "storage") || streq(network, "tunnel") ||
			streq(network, "management")))
		p = port_named(v, "provisioning");
	return p;
}

static char *port_address(const struct vars *v, const char *network)
{
	const struct desired_port *p = port_for(v, network);

	return p ? address_text(p->address) : NULL;
}

/* Where shares are given out: in the external network, where this node has an address in it. */
static char *shares_address(const struct vars *v)
{
	const struct desired_port *outside = firewall_outside(v->d);

	return outside ? address_text(outside->address) : port_address(v, "storage");
}

static char *port_cidr(const struct vars *v, const char *network)
{
	const struct desired_port *p = port_for(v, network);
	char buf[20];

	if (!p)
		return NULL;
	format_ipv4_net(&(struct ipv4_net){.addr = p->address &
					~(uint32_t)((1ULL << (32 - p->prefix)) - 1),
				.prefix = p->prefix},
		buf);
	return xstrdup(buf);
}

/* Neutron's "NETWORK:BRIDGE,…": a provider's bridge has its network's name. */
static char *bridge_mappings(const struct vars *v)
{
	char *out = xstrdup("");

	for (size_t i = 0; i < v->d->n_providers; i++) {
		const char *name = v->d->providers[i].name;
		char *more = xasprintf("%s%s%s:%s", out, *out ? "," : "", name, name);

		free(out);
		out = more;
	}
	return out;
}

static unsigned count_peers(const struct vars *v, const char *role, const char *kind)
{
	unsigned n = 0;

	for (size_t i = 0; i < v->d->n_peers; i++)
		n += streq(v->d->peers[i].role, role) && streq(v->d->peers[i].kind, kind);
	return n;
}

/* at_least 2 is for services that may not serve two requests in one process. */
static char *workers(const struct vars *v, unsigned at_least)
{
	if (v->m.cores < SMALL_CORES || v->m.memory_bytes < SMALL_BYTES)
		return xasprintf("%u", at_least);
	return xasprintf(
		"%u", MAX(at_least, MIN(v->m.cores / 4 + 1, (unsigned)MAX_WORKERS)));
}

/* For what can serve without a child process: 0 where one would be all. */
static char *children(const struct vars *v)
{
	char *n = workers(v, 1);

	if (streq(n, "1"))
		n[0] = '0';
	return n;
}

/* Seconds, stretched as every deadline of the rack is. NULL: no number. */
static char *patient(const struct vars *v, const char *seconds)
{
	unsigned s;

	if (parse_unsigned(seconds, 1, 86400, &s) < 0)
		return NULL;
	return xasprintf("%llu", (unsigned long long)s * v->d->patience_percent / 100);
}

static char *joined(char *const *list)
{
	char *out = xstrdup("");

	for (; list && *list; list++) {
		char *more = xasprintf("%s%s%s", out, *out ? "," : "", *list);

		free(out);
		out = more;
	}
	return out;
}

/* name is "PREFIX:REST". NULL: not known. */
static char *value_with(const struct vars *v, const char *name)
{
	if (str_startswith(name, "secret:"))
		return xstrdup(desired_secret(v->d, name + 7));
	if (str_startswith(name, "address:"))
		return port_address(v, name + 8);
	if (str_startswith(name, "cidr:"))
		return port_cidr(v, name + 5);
	if (str_startswith(name, "patient:"))
		return patient(v, name + 8);
	return NULL;
}

static char *value_of(const struct vars *v, const char *name)
{
	const struct desired *d = v->d;
	const struct desired_cloud *c = d->cloud;
	const struct {
		const char *name, *value;
	} texts[] = {
		{"node", d->node},
		{"rack", d->rack},
		{"role", d->role},
		{"region", c->region},
		{"public", c->public},
		{"controller", c->controller},
		{"student", c->student},
		{"datapath", v->m.ovs_kernel ? "system" : "netdev"},
		{"virt_type", vars_virt_type(d, v->m.kvm)},
		/* true where the datapath is a process and checksums must not be left to a NIC */
		{"userspace", v->m.ovs_kernel ? "False" : "True"},
		/* an emulated CPU has no model that the host could pass through */
		{"cpu_mode",
			streq(vars_virt_type(d, v->m.kvm), "kvm") ? "host-model"
								  : "none"},
		{"external", c->external ? c->external->name : ""},
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		if (streq(texts[i].name, name))
			return xstrdup(texts[i].value);
	if (streq(name, "address"))
		return port_address(v, c->network);
	if (streq(name, "shares"))
		return shares_address(v);
	if (streq(name, "cores"))
		return xasprintf("%u", v->m.cores);
	if (streq(name, "memory_mb"))
		return xasprintf("%llu", (unsigned long long)(v->m.memory_bytes >> 20));
	if (streq(name, "workers"))
		return workers(v, 1);
	if (streq(name, "children"))
		return children(v);
	if (streq(name, "processes"))
		return workers(v, 2);
	if (streq(name, "dns"))
		return joined(c->dns);
	if (streq(name, "bridge_mappings"))
		return bridge_mappings(v);
	if (streq(name, "services"))
		return joined(c->services);
	if (streq(name,
		    "notify")) /* without telemetry nobody would take them out of the queue */
		return xstrdup(
			strv_has(c->services, "telemetry") ? "messagingv2" : "noop");
	if (streq(name, "replicas"))
		return xasprintf("%u",
			MAX(1u,
				MIN((unsigned)MAX_REPLICAS,
					count_peers(v, "storage", "object"))));
	return value_with(v, name);
}

/* ---- texts ---- */

static void append(char **out, const char *s, size_t n)
{
	size_t len = strlen(*out);

	*out = xrealloc(*out, len + n + 1, 1);
	memcpy(*out + len, s, n);
	(*out)[len + n] = '\0';
}

/* "${name}" at p; returns what follows it. */
static const char *expand_one(
	const struct vars *v, const char *p, char **out, char **reterr_msg)
{
	const char *end = strchr(p, '}');
	_cleanup_free_ char *name = end ? xstrndup(p + 2, (size_t)(end - p) - 2) : NULL;
	_cleanup_free_ char *value = name ? value_of(v, name) : NULL;

	if (!value) {
		*reterr_msg = name
			? xasprintf("there is no value for ${%s} on this node", name)
			: xstrdup("a \"${\" has no \"}\"");
		return NULL;
	}
	append(out, value, strlen(value));
	return end + 1;
}

int vars_expand(const struct vars *v, const char *text, char **ret, char **reterr_msg)
{
	_cleanup_free_ char *out = xstrdup("");

	for (const char *p = text; *p;) {
		size_t n = strcspn(p, "$");

		append(&out, p, n);
		p += n;
		if (p[0] == '$' && p[1] == '{') {
			p = expand_one(v, p, &out, reterr_msg);
			if (!p)
				return -EINVAL;
		} else if (*p) {
			append(&out, "$", 1);
			p += p[1] == '$' ? 2 : 1;
		}
	}
	*ret = TAKE_PTR(out);
	return 0;
}

/* "{{#if SERVICE}}": is it so? -EINVAL: not such a line. */
static int condition(const struct vars *v, const char *line, size_t len)
{
	static const char mark[] = "{{#if ";
	size_t m = sizeof(mark) - 1;
	_cleanup_free_ char *word = NULL;

	if (len < m + 3 || strncmp(line, mark, m) != 0 ||
		strncmp(line + len - 2, "}}", 2) != 0)
		return -EINVAL;
	word = xstrndup(line + m, len - m - 2);
	if (streq(word, "external"))
		return v->d->cloud->external != NULL;
	return strv_has(v->d->cloud->services, word);
}

int vars_template(const struct vars *v, const char *text, char **ret, char **reterr_msg)
{
	_cleanup_free_ char *kept = xstrdup("");
	bool shown = true;

	for (const char *p = text; *p;) {
		size_t len = strcspn(p, "\n"), whole = len + (p[len] == '\n');
		int is = condition(v, p, len);

		if (is >= 0)
			shown = is > 0;
		else if (len == 7 && strncmp(p, "{{/if}}", 7) == 0)
			shown = true;
		else if (shown)
			append(&kept, p, whole);
		p += whole;
	}
	return vars_expand(v, kept, ret, reterr_msg);
}
