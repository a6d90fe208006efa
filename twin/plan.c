/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything that two runs of the same rack must agree on is derived from names, never
 * from an order or a clock: a disk keeps its serial, WWN and contents when other nodes
 * are left out.
 */
#include "twin/plan.h"

#include <ctype.h>

#define MACHINE_MIB 1024
#define CONTAINER_MIN_MIB 256
#define FIRST_KCS_PORT 9100
#define FIRST_SOL_PORT 10100

static const char *const accel_names[] = {
	[TWIN_ACCEL_AUTO] = "auto", [TWIN_ACCEL_KVM] = "kvm", [TWIN_ACCEL_TCG] = "tcg"};

const char *twin_accel_str(enum twin_accel a)
{
	return accel_names[a];
}

int twin_accel_parse(const char *s, enum twin_accel *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(accel_names); i++)
		if (streq(s, accel_names[i])) {
			*ret = (enum twin_accel)i;
			return 0;
		}
	return -EINVAL;
}

unsigned twin_memory_mib(enum twin_form form, size_t n_nodes, uint64_t host_bytes)
{
	uint64_t share = host_bytes / (1024 * 1024) / MAX(n_nodes, (size_t)1);

	if (form == TWIN_MACHINES)
		return MACHINE_MIB;
	return (unsigned)MAX(share, (uint64_t)CONTAINER_MIN_MIB);
}

static bool same_duty(const struct rack_node *a, const struct rack_node *b)
{
	return streq(a->role, b->role) && streq_ptr(a->kind, b->kind);
}

static bool first_of_duty(const struct rack *rack, size_t i)
{
	for (size_t j = 0; j < i; j++)
		if (same_duty(&rack->nodes[j], &rack->nodes[i]))
			return false;
	return true;
}

static void mark_count(const struct rack *rack, size_t count, bool *want)
{
	for (size_t i = 0; i < rack->n_nodes && count > 0; i++)
		if (first_of_duty(rack, i)) {
			want[i] = true;
			count--;
		}
	for (size_t i = 0; i < rack->n_nodes && count > 0; i++)
		if (!want[i]) {
			want[i] = true;
			count--;
		}
}

static int mark_names(const struct rack *rack, const struct twin_options *opt, bool *want,
	char **reterr_msg)
{
	for (size_t i = 0; i < opt->n_node_names; i++) {
		const struct rack_node *n = rack_node(rack, opt->node_names[i]);

		if (!n) {
			*reterr_msg = xasprintf(
				"%s has no [node %s]", rack->file, opt->node_names[i]);
			return -EINVAL;
		}
		if (want[n - rack->nodes]) {
			*reterr_msg = xasprintf("the node %s was named twice", n->name);
			return -EINVAL;
		}
		want[n - rack->nodes] = true;
	}
	return 0;
}

int twin_select(const struct rack *rack, const struct twin_options *opt,
	const struct rack_node **ret, size_t *ret_n, char **reterr_msg)
{
	_cleanup_free_ bool *want = xcalloc(rack->n_nodes + 1, sizeof(*want));
	size_t n = 0;
	int r = 0;

	if (opt->n_nodes > rack->n_nodes) {
		*reterr_msg = xasprintf("%u nodes were asked for, but %s has only %zu",
			opt->n_nodes, rack->file, rack->n_nodes);
		return -EINVAL;
	}
	if (opt->n_node_names)
		r = mark_names(rack, opt, want, reterr_msg);
	else
		mark_count(rack, opt->n_nodes ? opt->n_nodes : rack->n_nodes, want);
	if (r < 0)
		return r;
	for (size_t i = 0; i < rack->n_nodes; i++)
		if (want[i])
			ret[n++] = &rack->nodes[i];
	*ret_n = n;
	return 0;
}

/* FNV-1a: stable over versions and machines, which is all that is asked of it here. */
static uint32_t name_hash(const char *name, unsigned bay)
{
	uint32_t h = 2166136261u;

	for (const char *p = name; *p; p++)
		h = (h ^ (uint8_t)*p) * 16777619u;
	return (h ^ bay) * 16777619u;
}

/* As the kernel names drives: by the driver, in the order of the bays. */
static void name_disk(
	const struct rack_profile *p, size_t i, char ret[static TWIN_DISK_NAME])
{
	enum disk_bus bus = p->disks[i].bus;
	unsigned before = 0;

	for (size_t j = 0; j < i; j++)
		if ((bus == DISK_BUS_NVME || bus == DISK_BUS_VIRTIO)
				? p->disks[j].bus == bus
				: p->disks[j].bus != DISK_BUS_NVME &&
					p->disks[j].bus != DISK_BUS_VIRTIO)
			before++;
	if (bus == DISK_BUS_NVME)
		snprintf(ret, TWIN_DISK_NAME, "nvme%hhun1", (unsigned char)before);
	else
		snprintf(ret, TWIN_DISK_NAME, "%s%c",
			bus == DISK_BUS_VIRTIO ? "vd" : "sd", (char)('a' + before));
}

static int plan_disk(const struct rack_node *n, size_t i, const char *disk_dir,
	struct twin_disk *d, char **reterr_msg)
{
	const struct rack_disk *model = &n->profile->disks[i];
	const struct rack_node_disk *said = &n->disks[i];

	d->bay = model->bay;
	d->bus = model->bus;
	d->system = model->use == DISK_SYSTEM;
	d->size_bytes = model->size_bytes / 512 * 512;
	d->path = xasprintf("%s/disk%u.raw", disk_dir, d->bay);
	name_disk(n->profile, i, d->name);
	if (said->serial && strlen(said->serial) > TWIN_DISK_SERIAL) {
		*reterr_msg = xasprintf(
			"node %s: disk.%u.serial has %zu characters; a drive has "
			"room for %d",
			n->name, d->bay, strlen(said->serial), TWIN_DISK_SERIAL);
		return -EINVAL;
	}
	if (said->wwn && strlen(said->wwn) != 16) {
		*reterr_msg = xasprintf(
			"node %s: disk.%u.wwn has %zu digits; the twin's drives "
			"have WWNs of 16",
			n->name, d->bay, strlen(said->wwn));
		return -EINVAL;
	}
	if (said->serial)
		snprintf(d->serial, sizeof(d->serial), "%s", said->serial);
	else if (snprintf(d->serial, sizeof(d->serial), "TW%s-%u", n->name, d->bay) >
		TWIN_DISK_SERIAL)
		snprintf(d->serial, sizeof(d->serial), "TW%08x-%u", name_hash(n->name, 0),
			d->bay);
	if (said->wwn)
		snprintf(d->wwn, sizeof(d->wwn), "%s", said->wwn);
	else
		snprintf(d->wwn, sizeof(d->wwn), "5000c500%08x",
			name_hash(n->name, d->bay));
	return 0;
}

static void plan_nics(const struct rack_node *n, size_t index, struct twin_node *t)
{
	for (size_t i = 0; i < n->profile->n_nics; i++) {
		struct twin_nic *nic = &t->nics[i];

		nic->rack = &n->profile->nics[i];
		nic->mac = n->macs[i];
		nic->mtu = rack_nic_mtu(nic->rack);
		if (snprintf(nic->tap, sizeof(nic->tap), "%s.%zu", n->name, i + 1) >=
			(int)sizeof(nic->tap))
			snprintf(nic->tap, sizeof(nic->tap), "node%hu.%hhu",
				(unsigned short)(index + 1), (unsigned char)(i + 1));
	}
	t->n_nics = n->profile->n_nics;
}

static int plan_node(struct twin_plan *p, const struct rack_node *n, struct twin_node *t,
	char **reterr_msg)
{
	size_t index = (size_t)(n - p->rack->nodes);
	const uint8_t *mac = n->macs[0].b;

	t->rack = n;
	t->fault = xcalloc(1, sizeof(*t->fault));
	t->dir = xasprintf("%s/nodes/%s", p->dir, n->name);
	t->disk_dir = xasprintf("%s/%s", p->disks, n->name);
	t->nvram = xasprintf("%s/nvram.fd", t->disk_dir);
	t->console = xasprintf("%s/console.log", t->dir);
	t->kcs_port = FIRST_KCS_PORT + (unsigned)index;
	t->sol_port = FIRST_SOL_PORT + (unsigned)index;
	if (*n->uuid)
		memcpy(t->uuid, n->uuid, sizeof(t->uuid));
	else
		snprintf(t->uuid, sizeof(t->uuid),
			"4f4e444f-4c54-4749-8000-%02x%02x%02x%02x%02x%02x", mac[0],
			mac[1], mac[2], mac[3], mac[4], mac[5]);
	if (strlen(t->dir) > TWIN_MAX_NODE_DIR) {
		*reterr_msg = xasprintf(
			"%s has %zu characters; at most %d fit into the names of "
			"sockets: choose a shorter --dir",
			t->dir, strlen(t->dir), TWIN_MAX_NODE_DIR);
		return -EINVAL;
	}
	plan_nics(n, index, t);
	for (; t->n_disks < n->profile->n_disks; t->n_disks++) {
		int r = plan_disk(
			n, t->n_disks, t->disk_dir, &t->disks[t->n_disks], reterr_msg);

		if (r < 0) {
			free(t->disks[t->n_disks].path);
			return r;
		}
	}
	return 0;
}

static bool bmc_address_is_free(const struct rack *rack, uint32_t a)
{
	for (size_t i = 0; i < rack->n_nodes; i++)
		if (rack->nodes[i].bmc == a)
			return false;
	return true;
}

/* The host number it has on the provisioning network, else the next that no BMC has. */
static int plan_bmc_host(struct twin_plan *p, char **reterr_msg)
{
	const struct rack *r = p->rack;
	uint32_t size = ~ipv4_net_mask(&r->bmc_subnet) + 1;
	uint32_t host = r->address - r->provisioning->subnet.addr;

	for (uint32_t tries = 0; tries < size; tries++, host++) {
		uint32_t h = host % size;

		if (h == 0 || h == size - 1 ||
			!bmc_address_is_free(r, r->bmc_subnet.addr + h))
			continue;
		p->bmc_host = r->bmc_subnet.addr + h;
		return 0;
	}
	*reterr_msg = xasprintf(
		"%s: [bmc] subnet: no address is left for the deployment host", r->file);
	return -EINVAL;
}

/* Paths go through ipmi_sim's configuration and the shell that it calls. */
static int check_dir(const char *what, const char *dir, char **reterr_msg)
{
	for (const char *c = dir; *c; c++)
		if (!isalnum((unsigned char)*c) && !strchr("/._+-", *c)) {
			*reterr_msg =
				xasprintf("the %s directory %s: expected only letters, "
					  "digits and /._+-",
					what, dir);
			return -EINVAL;
		}
	return 0;
}

static int plan_fill(
	struct twin_plan *p, const struct twin_options *opt, char **reterr_msg)
{
	_cleanup_free_ const struct rack_node **chosen =
		xcalloc(p->rack->n_nodes + 1, sizeof(*chosen));
	size_t n;
	int r = check_dir("run", p->dir, reterr_msg);

	if (r == 0)
		r = check_dir("disks", p->disks, reterr_msg);
	if (r == 0)
		r = twin_select(p->rack, opt, chosen, &n, reterr_msg);
	if (r == 0)
		r = plan_bmc_host(p, reterr_msg);
	if (r < 0)
		return r;
	p->nodes = xcalloc(n + 1, sizeof(*p->nodes));
	for (size_t i = 0; i < n && r == 0; i++)
		r = plan_node(p, chosen[i], &p->nodes[p->n_nodes++], reterr_msg);
	return r;
}

int twin_plan_new(const struct rack *rack, const struct twin_options *opt,
	struct twin_plan **ret, char **reterr_msg)
{
	_cleanup_(twin_plan_freep) struct twin_plan *p = xcalloc(1, sizeof(*p));
	int r;

	p->rack = rack;
	p->dir = xstrdup(opt->dir);
	p->disks = xstrdup(opt->disks);
	p->images = xstrdup(opt->images);
	p->form = opt->form;
	p->memory_mib = opt->memory_mib;
	p->cpus = opt->cpus;
	p->accel = opt->accel;
	snprintf(p->bmc_if, sizeof(p->bmc_if), "%s",
		streq(rack->interface, "bmc0") ? "bmc1" : "bmc0");
	r = plan_fill(p, opt, reterr_msg);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(p);
	return 0;
}

void twin_plan_free(struct twin_plan *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->n_nodes; i++) {
		struct twin_node *n = &p->nodes[i];

		for (size_t j = 0; j < n->n_disks; j++)
			free(n->disks[j].path);
		free(n->dir);
		free(n->disk_dir);
		free(n->nvram);
		free(n->console);
		free(n->fault);
	}
	free(p->nodes);
	free(p->dir);
	free(p->disks);
	free(p->images);
	free(p);
}

void twin_plan_freep(struct twin_plan **p)
{
	twin_plan_free(*p);
}

const struct twin_node *twin_plan_node(const struct twin_plan *p, const char *name)
{
	for (size_t i = 0; i < p->n_nodes; i++)
		if (streq(p->nodes[i].rack->name, name))
			return &p->nodes[i];
	return NULL;
}
