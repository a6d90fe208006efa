/* SPDX-License-Identifier: Apache-2.0 */
#include "common/inventory.h"

#include "common/jsonx.h"
#include "common/rackid.h"

#define MAX_TEXT 128

/* ---- out ---- */

json_t *inv_signatures_to_json(const struct inv_signatures *s)
{
	json_t *list = json_array();

	for (size_t i = 0; i < s->n; i++)
		json_array_append_new(list,
			json_pack("{s:s, s:s, s:s}", "where", s->list[i].where, "type",
				s->list[i].type, "label", s->list[i].label));
	return list;
}

static json_t *disk_to_json(const struct inv_disk *d)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:i, s:I, s:i, s:b, s:b, s:b, s:o}",
		"name", d->name, "serial", d->serial, "wwn", d->wwn, "model", d->model,
		"bus", disk_bus_str(d->bus), "bay", d->bay, "size_bytes",
		(json_int_t)d->size_bytes, "sector_bytes", (int)d->sector_bytes,
		"rotational", d->rotational, "removable", d->removable, "read_only",
		d->read_only, "signatures", inv_signatures_to_json(&d->holds));
}

static json_t *nic_to_json(const struct inv_nic *n)
{
	char mac[18];

	format_mac(&n->mac, mac);
	return json_pack("{s:s, s:s, s:s, s:b, s:i}", "name", n->name, "mac", mac,
		"driver", n->driver, "link", n->link, "speed_mbps", (int)n->speed_mbps);
}

json_t *inventory_disks_to_json(const struct inventory *inv)
{
	json_t *disks = json_array();

	for (size_t i = 0; i < inv->n_disks; i++)
		json_array_append_new(disks, disk_to_json(&inv->disks[i]));
	return disks;
}

json_t *inventory_to_json(const struct inventory *inv)
{
	json_t *nics = json_array();

	for (size_t i = 0; i < inv->n_nics; i++)
		json_array_append_new(nics, nic_to_json(&inv->nics[i]));
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:i, s:s, s:b, s:I, s:b, s:o, s:o}",
		"vendor", inv->vendor, "product", inv->product, "serial", inv->serial,
		"uuid", inv->uuid, "bios_version", inv->bios_version, "cpus",
		(int)inv->cpus, "cpu_model", inv->cpu_model, "cpu_virt", inv->cpu_virt,
		"memory_bytes", (json_int_t)inv->memory_bytes, "uefi", inv->uefi, "disks",
		inventory_disks_to_json(inv), "nics", nics);
}

/* ---- in ---- */

void inv_signatures_from_json(struct jx *j, const char *key, struct inv_signatures *ret)
{
	const json_t *list = jx_array(j, key, 256);

	ret->list = xcalloc(json_array_size(list), sizeof(*ret->list));
	for (size_t i = 0; i < json_array_size(list); i++) {
		struct jx s = {.obj = json_array_get(list, i)};
		struct inv_signature *sig = &ret->list[ret->n++];

		sig->where = xstrdup(jx_str(&s, "where", 16));
		sig->type = xstrdup(jx_str(&s, "type", 64));
		sig->label = xstrdup(jx_str_opt(&s, "label", MAX_TEXT, ""));
		jx_merge(j, key, &s);
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
	inv_signatures_from_json(&j, "signatures", &d->holds);
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

void inv_signatures_clear(struct inv_signatures *s)
{
	for (size_t i = 0; i < s->n; i++) {
		free(s->list[i].where);
		free(s->list[i].type);
		free(s->list[i].label);
	}
	free(s->list);
	*s = (struct inv_signatures){0};
}

static void disk_clear(struct inv_disk *d)
{
	inv_signatures_clear(&d->holds);
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
	return d->holds.n == 0;
}

static bool is_table(const struct inv_signature *s)
{
	return !*s->where && (streq(s->type, "gpt") || streq(s->type, "PMBR"));
}

/*
 * A partition shows up as its partition label, or not at all while it holds nothing; anything
 * else is someone's.
 */
bool inv_disk_is_ondols(const struct inv_disk *d)
{
	bool labelled = false;

	for (size_t i = 0; i < d->holds.n; i++) {
		const struct inv_signature *s = &d->holds.list[i];

		if (is_table(s))
			continue;
		if (!*s->where || !str_startswith(s->label, "ondol-"))
			return false;
		labelled = true;
	}
	return labelled;
}

bool inv_disk_is_ours(const struct inv_disk *d, const char *rack_id)
{
	if (!inv_disk_is_ondols(d))
		return false;
	for (size_t i = 0; i < d->holds.n; i++)
		if (is_table(&d->holds.list[i]) &&
			rackid_made(rack_id, d->holds.list[i].label))
			return true;
	return false;
}

/* "LVM2_member "label" on p2", after what is said already; frees that. */
static char *say_more(char *said, const struct inv_signature *s, const char *label)
{
	char *more = xasprintf("%s%s%s%s%s%s%s%s", said ? said : "", said ? ", " : "",
		s->type, *label ? " \"" : "", label, *label ? "\"" : "",
		*s->where ? " on " : "", s->where);

	free(said);
	return more;
}

static const char *whole_label(const struct inv_signature *s)
{
	return is_table(s) || streq(s->type, "dos") ? "" : s->label;
}

char *inv_disk_contents(const struct inv_disk *d)
{
	char *out = NULL;

	for (size_t i = 0; i < d->holds.n; i++)
		out = say_more(out, &d->holds.list[i],
			/* a table's identifier tells people nothing */
			*d->holds.list[i].where ? d->holds.list[i].label
						: whole_label(&d->holds.list[i]));
	return out ? out : xstrdup("nothing");
}

static bool is_among(const struct inv_signature *x, const struct inv_signatures *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (streq(x->where, s->list[i].where) &&
			streq(x->type, s->list[i].type) &&
			streq(x->label, s->list[i].label))
			return true;
	return false;
}

char *inv_signatures_beyond(
	const struct inv_signatures *a, const struct inv_signatures *b)
{
	char *out = NULL;

	for (size_t i = 0; i < a->n; i++)
		if (!is_among(&a->list[i], b))
			out = say_more(out, &a->list[i], a->list[i].label);
	return out;
}
