/* SPDX-License-Identifier: Apache-2.0 */
#include "common/diskmatch.h"

static bool size_matches(uint64_t found, uint64_t sold)
{
	uint64_t slack = sold / 20;

	return found >= sold - slack && found <= sold + slack;
}

static bool matches(const struct rack_disk *want, const struct rack_node_disk *id,
	const struct inv_disk *d)
{
	if (d->removable || d->read_only || d->bus == DISK_BUS_USB || !d->size_bytes)
		return false;
	if (d->bus != want->bus || !size_matches(d->size_bytes, want->size_bytes))
		return false;
	if (d->bay >= 0 && (unsigned)d->bay != want->bay)
		return false;
	if (id->serial && !streq(id->serial, d->serial))
		return false;
	return !id->wwn || streq(id->wwn, d->wwn);
}

/* "sda (sata, bay 1, 480.1 GB, serial S1); ..." of all disks; caller frees */
static char *describe(const struct inventory *inv)
{
	char *out = xstrdup("");

	for (size_t i = 0; i < inv->n_disks; i++) {
		const struct inv_disk *d = &inv->disks[i];
		char size[32], bay[16] = "bay unknown", *more;

		format_size(d->size_bytes, size);
		if (d->bay >= 0)
			snprintf(bay, sizeof(bay), "bay %d", d->bay);
		more = xasprintf("%s%s%s (%s, %s, %s, serial %s)", out, *out ? "; " : "",
			d->name, disk_bus_str(d->bus), bay, size,
			*d->serial ? d->serial : "none");
		free(out);
		out = more;
	}
	if (!*out) {
		free(out);
		out = xstrdup("no disk at all");
	}
	return out;
}

int disk_match(const struct rack_node *node, size_t disk_index,
	const struct inventory *inv, const struct inv_disk **ret, char **reterr_msg)
{
	const struct rack_disk *want = &node->profile->disks[disk_index];
	const struct rack_node_disk *id = &node->disks[disk_index];
	const struct inv_disk *found = NULL;
	_cleanup_free_ char *there = NULL;
	size_t n = 0;
	char size[32];

	for (size_t i = 0; i < inv->n_disks; i++) {
		if (matches(want, id, &inv->disks[i])) {
			found = &inv->disks[i];
			n++;
		}
	}
	if (n == 1) {
		*ret = found;
		return 0;
	}
	there = describe(inv);
	format_size(want->size_bytes, size);
	*reterr_msg = xasprintf(
		"%s: the %s disk of bay %u (%s, %s%s%s%s%s) matches %s; found: %s",
		node->name, disk_use_str(want->use), want->bay, disk_bus_str(want->bus),
		size, id->serial ? ", serial " : "", id->serial ? id->serial : "",
		id->wwn ? ", WWN " : "", id->wwn ? id->wwn : "",
		n ? "more than one disk: name it by serial or WWN in rack.ini"
		  : "no disk",
		there);
	return n ? -ENOTUNIQ : -ENOENT;
}
