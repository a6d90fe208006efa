/* SPDX-License-Identifier: Apache-2.0 */
#include "common/inventory.h"

#include "common/jsonx.h"

#define MAX_TEXT 128

/* ---- out ---- */

static json_t *disk_to_json(const struct inv_disk *d)
{
	json_t *sigs = json_array();

	for (size_t i = 0; i < d->n_signatures; i++)
		json_array_append_new(sigs,
			json_pack("{s:s, s:s, s:s}", "where", d->signatures[i].where,
				"type", d->signatures[i].type, "label",
				d->signatures[i].label));
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:i, s:I, s:i, s:b, s:b, s:b, s:o}",
		"name", d->name, "serial", d->serial, "wwn", d->wwn, "model", d->model,
		"bus", disk_bus_str(d->bus), "bay", d->bay, "size_bytes",
		(json_int_t)d->size_bytes, "sector_bytes", (int)d->sector_bytes,
		"rotational", d->rotational, "removable", d->removable, "read_only",
		d->read_only, "signatures", sigs);
}

static json_t *nic_to_json(const struct inv_nic *n)
{
	char mac[18];

	format_mac(&n->mac, mac);
	return json_pack("{s:s, s:s, s:s, s:b, s:i}", "name", n->name, "mac", mac,
		"driver", n->driver, "link", n->link, "speed_mbps", (int)n->speed_mbps);
}

json_t *inventory_to_json(const struct inventory *inv)
{
	json_t *disks = json_array(), *nics = json_array();

	for (size_t i = 0; i < inv->n_disks; i++)
		json_array_append_new(disks, disk_to_json(&inv->disks[i]));
	for (size_t i = 0; i < inv->n_nics; i++)
		json_array_append_new(nics, nic_to_json(&inv->nics[i]));
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:i, s:s, s:b, s:I, s:b, s:o, s:o}",
		"vendor", inv->vendor, "product", inv->product, "serial", inv->serial,
		"uuid", inv->uuid, "bios_version", inv->bios_version, "cpus",
		(int)inv->cpus, "cpu_model", inv->cpu_model, "cpu_virt", inv->cpu_virt,
		"memory_bytes", (json_int_t)inv->memory_bytes, "uefi", inv->uefi, "disks",
		disks, "nics", nics);
}

/* ---- in ---- */

static void read_signatures(struct jx *j, struct inv_disk *d)
{
	const json_t *list = jx_array(j, "signatures", 256);

	d->signatures = xcalloc(json_array_size(list), sizeof(*d->signatures));
	for (size_t i = 0; i < json_array_size(list); i++) {
		struct jx s = {.obj = json_array_get(list, i)};
		struct inv_signature *sig = &d->signatures[d->n_signatures++];

		sig->where = xstrdup(jx_str(&s, "where", 16));
		sig->type = xstrdup(jx_str(&s, "type", 64));
		sig->label = xstrdup(jx_str_opt(&s, "label", MAX_TEXT, ""));
		jx_merge(j, "signatures", &s);
	}
}

static int read_bay(struct jx *j)
{
	const json_t *v = json_object_get(j->obj, "bay");

	if (json_is_integer(v) && json_integer_value(v) == -1)
		return -1;
	return (int)jx_uint(j, "bay", 0, 10000);
}

static void read_disk(struct jx *outer, const json_t *obj, struct inv_disk *d)
{
	struct jx j = {.obj = obj};
	const char *bus = jx_str(&j, "bus", 16);

	d->name = xstrdup(jx_str(&j, "name", 32));
	d->serial = xstrdup(jx_str(&j, "serial", 64));
	d->wwn = xstrdup(jx_str(&j, "wwn", 64));
	d->model = xstrdup(jx_str(&j, "model", MAX_TEXT));
	if (disk_bus_parse(bus, &d->bus) < 0)
		jx_fail(&j, "bus", "expected sata, sas, nvme, virtio, usb or other");
	d->bay = read_bay(&j);
	d->size_bytes = jx_uint(&j, "size_bytes", 0, INT64_MAX);
	d->sector_bytes = (unsigned)jx_uint(&j, "sector_bytes", 512, 65536);
	d->rotational = jx_bool_opt(&j, "rotational", false);
	d->removable = jx_bool_opt(&j, "removable", false);
	d->read_only = jx_bool_opt(&j, "read_only", false);
	read_signatures(&j, d);
	jx_merge(outer, "disks", &j);
}

static void read_nic(struct jx *outer, const json_t *obj, struct inv_nic *n)
{
	struct jx j = {.obj = obj};
	const char *mac = jx_str(&j, "mac", 17);

	n->name = xstrdup(jx_str(&j, "name", 32));
	n->driver = xstrdup(jx_str(&j, "driver", 32));
	if (!j.error && parse_mac(mac, &n->mac) < 0)
		jx_fail(&j, "mac", "expected a MAC address");
	n->link = jx_bool_opt(&j, "link", false);
	n->speed_mbps = (unsigned)jx_uint_opt(&j, "speed_mbps", 0, 10000000, 0);
	jx_merge(outer, "nics", &j);
}

static void read_lists(struct jx *j, struct inventory *inv)
{
	const json_t *disks = jx_array(j, "disks", 256), *nics = jx_array(j, "nics", 64);

	inv->disks = xcalloc(json_array_size(disks), sizeof(*inv->disks));
	for (size_t i = 0; i < json_array_size(disks); i++)
		read_disk(j, json_array_get(disks, i), &inv->disks[inv->n_disks++]);
	inv->nics = xcalloc(json_array_size(nics), sizeof(*inv->nics));
	for (size_t i = 0; i < json_array_size(nics); i++)
		read_nic(j, json_array_get(nics, i), &inv->nics[inv->n_nics++]);
}

int inventory_from_json(const json_t *root, struct inventory **ret, char **reterr_msg)
{
	_cleanup_(inventory_freep) struct inventory *inv = xcalloc(1, sizeof(*inv));
	struct jx j = {.obj = root};
	const char *uuid = jx_str(&j, "uuid", 36);

	inv->vendor = xstrdup(jx_str(&j, "vendor", MAX_TEXT));
	inv->product = xstrdup(jx_str(&j, "product", MAX_TEXT));
	inv->serial = xstrdup(jx_str(&j, "serial", MAX_TEXT));
	if (*uuid && parse_uuid(uuid, inv->uuid) < 0)
		jx_fail(&j, "uuid", "expected a UUID");
	inv->bios_version = xstrdup(jx_str_opt(&j, "bios_version", MAX_TEXT, ""));
	inv->cpus = (unsigned)jx_uint(&j, "cpus", 1, 8192);
	inv->cpu_model = xstrdup(jx_str_opt(&j, "cpu_model", MAX_TEXT, ""));
	inv->cpu_virt = jx_bool_opt(&j, "cpu_virt", false);
	inv->memory_bytes = jx_uint(&j, "memory_bytes", 0, INT64_MAX);
	inv->uefi = jx_bool_opt(&j, "uefi", false);
	read_lists(&j, inv);
	if (j.error) {
		*reterr_msg = TAKE_PTR(j.error);
		return -EINVAL;
	}
	*ret = TAKE_PTR(inv);
	return 0;
}

static void disk_clear(struct inv_disk *d)
{
	for (size_t i = 0; i < d->n_signatures; i++) {
		free(d->signatures[i].where);
		free(d->signatures[i].type);
		free(d->signatures[i].label);
	}
	free(d->signatures);
	free(d->name);
	free(d->serial);
	free(d->wwn);
	free(d->model);
}

void inventory_free(struct inventory *inv)
{
	if (!inv)
		return;
	for (size_t i = 0; i < inv->n_disks; i++)
		disk_clear(&inv->disks[i]);
	for (size_t i = 0; i < inv->n_nics; i++) {
		free(inv->nics[i].name);
		free(inv->nics[i].driver);
	}
	free(inv->disks);
	free(inv->nics);
	free(inv->vendor);
	free(inv->product);
	free(inv->serial);
	free(inv->bios_version);
	free(inv->cpu_model);
	free(inv);
}

void inventory_freep(struct inventory **inv)
{
	inventory_free(*inv);
	*inv = NULL;
}

/* ---- what is on a disk ---- */

bool inv_disk_is_blank(const struct inv_disk *d)
{
	return d->n_signatures == 0;
}

/*
 * Ours: a GPT all of whose partitions are labelled ondol-*. A partition shows up as its
 * partition label, or not at all while it holds nothing; anything else is someone's.
 */
bool inv_disk_is_ours(const struct inv_disk *d)
{
	bool labelled = false;

	for (size_t i = 0; i < d->n_signatures; i++) {
		const struct inv_signature *s = &d->signatures[i];

		if (!*s->where && (streq(s->type, "gpt") || streq(s->type, "PMBR")))
			continue;
		if (!*s->where || !str_startswith(s->label, "ondol-"))
			return false;
		labelled = true;
	}
	return labelled;
}

char *inv_disk_contents(const struct inv_disk *d)
{
	char *out = xstrdup("");

	for (size_t i = 0; i < d->n_signatures; i++) {
		const struct inv_signature *s = &d->signatures[i];
		char *more = xasprintf("%s%s%s%s%s%s%s%s", out, *out ? ", " : "", s->type,
			*s->label ? " \"" : "", s->label, *s->label ? "\"" : "",
			*s->where ? " on " : "", s->where);

		free(out);
		out = more;
	}
	if (!*out) {
		free(out);
		out = xstrdup("nothing");
	}
	return out;
}
