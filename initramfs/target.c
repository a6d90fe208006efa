/* SPDX-License-Identifier: Apache-2.0 */
#include "initramfs/target.h"

#include "initramfs/disks.h"

char *target_describe(const struct inv_disk *d)
{
	char size[32];

	format_size(d->size_bytes, size);
	return xasprintf("%s (%s%s%s, serial %s, WWN %s)", d->name, d->model,
		*d->model ? ", " : "", size, *d->serial ? d->serial : "none",
		*d->wwn ? d->wwn : "none");
}

static char *describe_all(const struct inventory *inv)
{
	char *all = xstrdup(inv->n_disks ? "" : "no disk at all");

	for (size_t i = 0; i < inv->n_disks; i++) {
		_cleanup_free_ char *one = target_describe(&inv->disks[i]);
		char *joined = xasprintf("%s%s%s", all, *all ? "; " : "", one);

		free(all);
		all = joined;
	}
	return all;
}

static bool is_the_disk(const struct inv_disk *d, const struct order_disk *want)
{
	return streq(d->serial, want->serial) && streq(d->wwn, want->wwn) &&
		d->size_bytes == want->size_bytes;
}

static int find_one(const struct inventory *inv, const struct order_disk *want,
	const struct inv_disk **ret, char **reterr_msg)
{
	_cleanup_free_ char *there = NULL;
	const struct inv_disk *found = NULL;
	unsigned n = 0;

	for (size_t i = 0; i < inv->n_disks; i++) {
		if (is_the_disk(&inv->disks[i], want)) {
			found = &inv->disks[i];
			n++;
		}
	}
	if (n == 1) {
		*ret = found;
		return 0;
	}
	there = describe_all(inv);
	*reterr_msg = xasprintf(
		"expected exactly one disk with serial %s, WWN %s and %llu bytes; "
		"%s; found: %s. Nothing was written. Compare with rack.ini and plan again.",
		*want->serial ? want->serial : "none", *want->wwn ? want->wwn : "none",
		(unsigned long long)want->size_bytes,
		n ? "there are several" : "there is none", there);
	return n ? -ENOTUNIQ : -ENOENT;
}

/* Somebody wrote to the disk after it was looked at: what was agreed to is not what is there. */
static int check_unchanged(const struct inv_disk *d, const struct order_target *target,
	const char *disk, char **reterr_msg)
{
	_cleanup_free_ char *came = inv_signatures_beyond(&d->holds, &target->holds),
			    *went = inv_signatures_beyond(&target->holds, &d->holds);

	if (!came && !went)
		return 0;
	*reterr_msg = xasprintf(
		"disk %s has changed since it was looked at for this installation: "
		"%s%s%s%s%s. Nothing was written. Look at what wrote to it; then "
		"install the node again.",
		disk, came ? "new on it: " : "", came ? came : "",
		came && went ? "; " : "", went ? "not there any more: " : "",
		went ? went : "");
	return -ESTALE;
}

int target_find(const struct inventory *inv, const struct install_order *order,
	size_t which, const struct inv_disk **ret, char **reterr_msg)
{
	const struct order_target *target = &order->targets[which];
	_cleanup_free_ char *disk = NULL, *contents = NULL;
	const struct inv_disk *found;
	const char *unfit;
	int r = find_one(inv, &target->disk, &found, reterr_msg);

	if (r < 0)
		return r;
	disk = target_describe(found);
	unfit = disks_unfit(found);
	if (unfit) {
		*reterr_msg =
			xasprintf("disk %s is not installed to: %s. Nothing was written.",
				disk, unfit);
		return -EROFS;
	}
	r = check_unchanged(found, target, disk, reterr_msg);
	if (r < 0)
		return r;
	if (!target->wipe && !inv_disk_is_blank(found) &&
		!inv_disk_is_ours(found, order->rack_id)) {
		contents = inv_disk_contents(found);
		*reterr_msg = xasprintf(
			"disk %s holds %s%s and the operator has not named it to be "
			"wiped. Nothing was written. Look at what it is; then: ondol apply "
			"with --wipe %s",
			disk,
			inv_disk_is_ondols(found) ? "another rack's ondol system: " : "",
			contents, found->serial);
		return -EEXIST;
	}
	*ret = found;
	return 0;
}
