/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A kind of hardware: [profile NAME]. For rackfile.c.
 */
#include "common/rackread.h"

#define GIB (UINT64_C(1) << 30)

static void read_tagged(struct reader *rd, struct rack_nic *nic, const struct conf_key *k)
{
	_cleanup_free_ char *copy = xstrdup(k->value);
	char *save = NULL;

	for (char *w = strtok_r(copy, " \t,", &save); w;
		w = strtok_r(NULL, " \t,", &save)) {
		const struct rack_network *net = rd_network(rd, k, w);

		if (net && nic->n_tagged < RACK_MAX_NETWORKS)
			nic->tagged[nic->n_tagged++] = net;
	}
}

static void read_nics(struct reader *rd, struct rack_profile *p)
{
	for (unsigned i = 1; i <= RACK_MAX_NICS; i++) {
		_cleanup_free_ char *native = xasprintf("nic.%u.native", i);
		_cleanup_free_ char *tagged = xasprintf("nic.%u.tagged", i);
		const struct conf_key *n = rd_value(rd, native, NULL),
				      *t = rd_value(rd, tagged, NULL);
		struct rack_nic *nic = &p->nics[p->n_nics];

		if (!n && !t)
			continue;
		if (p->n_nics != i - 1)
			RD_SAY(rd, n ? n : t, "expected nic.%zu before nic.%u",
				p->n_nics + 1, i);
		if (n)
			nic->native = rd_network(rd, n, n->value);
		if (t)
			read_tagged(rd, nic, t);
		p->n_nics++;
	}
	if (!p->n_nics)
		rd_missing(rd, "nic.1.native",
			"the network port 1 boots from: provisioning");
}

static void read_erase(struct reader *rd, struct rack_disk *d)
{
	_cleanup_free_ char *key = xasprintf("disk.%u.erase", d->bay);
	const struct conf_key *k = rd_value(rd, key, NULL);

	if (k && disk_erase_parse(k->value, &d->erase) < 0)
		rd_bad(rd, k, "none, discard, secure or zero");
	else if (k && !disk_use_is_system(d->use) && d->erase != DISK_ERASE_NONE)
		RD_SAY(rd, k,
			"an installation erases the system disk and its mirror alone; remove "
			"this key, or say use = system");
}

static void read_encrypt(struct reader *rd, struct rack_disk *d)
{
	_cleanup_free_ char *key = xasprintf("disk.%u.encrypt", d->bay);
	const struct conf_key *k = conf_key(rd->section, key);

	d->encrypt = rd_bool(rd, key);
	if (k && d->encrypt && d->use != DISK_DATA)
		RD_SAY(rd, k,
			"only a disk with use = data is encrypted; remove this key");
}

static void read_disk(struct reader *rd, struct rack_profile *p, unsigned bay)
{
	_cleanup_free_ char *use_key = xasprintf("disk.%u.use", bay);
	_cleanup_free_ char *bus_key = xasprintf("disk.%u.bus", bay);
	_cleanup_free_ char *size_key = xasprintf("disk.%u.size", bay);
	static const char use_words[] = "system, mirror, data or spare";
	const struct conf_key *use, *bus, *size;
	struct rack_disk *d = &p->disks[p->n_disks];

	if (!conf_key(rd->section, use_key) && !conf_key(rd->section, bus_key) &&
		!conf_key(rd->section, size_key))
		return;
	*d = (struct rack_disk){.bay = bay};
	use = rd_value(rd, use_key, use_words);
	bus = rd_value(rd, bus_key, "sata, sas or nvme");
	size = rd_value(rd, size_key, "a size as sold, such as 480G");
	if (use && disk_use_parse(use->value, &d->use) < 0)
		rd_bad(rd, use, use_words);
	if (bus &&
		(disk_bus_parse(bus->value, &d->bus) < 0 || d->bus == DISK_BUS_OTHER ||
			d->bus == DISK_BUS_USB))
		rd_bad(rd, bus, "sata, sas, nvme or virtio");
	if (size &&
		(parse_size(size->value, &d->size_bytes) < 0 ||
			d->size_bytes < UINT64_C(1000000000) ||
			d->size_bytes > UINT64_C(1000000000000000)))
		rd_bad(rd, size, "a size from 1G to 1000T, as sold, such as 480G");
	read_erase(rd, d);
	read_encrypt(rd, d);
	p->n_disks++;
}

static void read_memory(struct reader *rd, struct rack_profile *p)
{
	const struct conf_key *k = rd_memory(rd, "memory", GIB, 65536 * GIB,
		"memory as sold, such as 64G (1G to 64T)", &p->memory_bytes);

	if (k)
		p->memory_line = k->line;
	(void)rd_memory(rd, "swap", GIB, 1024 * GIB,
		"the size of a swap partition, such as 8G (1G to 1T)", &p->swap_bytes);
}

void rackread_profile(struct reader *rd, const char *name)
{
	struct rack_profile *p = &rd->rack->profiles[rd->rack->n_profiles++];

	p->name = xstrdup(name);
	p->line = rd->section->line;
	if (parse_token(name, 32) < 0)
		problems_add(rd->problems, rd->conf->file, p->line, rd->section->name,
			NULL,
			"expected one word of at most 32 characters after \"profile\"");
	p->vendor = rd_word(
		rd, "vendor", rd_is_text, "the manufacturer as SMBIOS says it", "HPE");
	p->product = rd_word(
		rd, "product", rd_is_text, "the product name as SMBIOS says it", NULL);
	read_memory(rd, p);
	read_nics(rd, p);
	for (unsigned bay = 1; bay <= RACK_MAX_DISKS; bay++)
		read_disk(rd, p, bay);
}
