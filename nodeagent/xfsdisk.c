/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A record on the node would be lost with its state partition, and the disks would be
 * strangers to the node that filled them. So the UUID says it: RFC 4122's version 5 of
 * the rack's name and the disk's identity. A disk with that UUID was made by this rack
 * for this very disk, or by an operator who followed our advice.
 */
#include "nodeagent/xfsdisk.h"

#include <uuid/uuid.h>

#include "common/parse.h"
#include "nodeagent/disks.h"

#define LABEL_PREFIX "ondol-"
/* Where XFS keeps them in its superblock; the format is fixed. */
#define OFFSET_UUID 32
#define OFFSET_LABEL 108
#define LABEL_BYTES 12
#define OFFSET_INPROGRESS 126

bool xfsdisk_parse(const uint8_t *data, size_t len, struct xfs_super *ret)
{
	struct xfs_super s = {0};

	if (len < XFSDISK_SUPER_BYTES || memcmp(data, "XFSB", 4) != 0)
		return false;
	uuid_unparse_lower(data + OFFSET_UUID, s.uuid);
	memcpy(s.label, data + OFFSET_LABEL, LABEL_BYTES);
	s.unfinished = data[OFFSET_INPROGRESS] != 0;
	*ret = s;
	return true;
}

void xfsdisk_label(unsigned n, char ret[static 13])
{
	snprintf(ret, 13, LABEL_PREFIX "d%u", n % 10000);
}

/* "d1", "d24"; nothing else. */
static bool is_place(const char *s)
{
	uint64_t n;

	return s[0] == 'd' && s[1] != '0' && parse_u64(s + 1, 1, 9999, &n) == 0;
}

const char *xfsdisk_place(const char *label)
{
	const char *place = label + strlen(LABEL_PREFIX);

	return str_startswith(label, LABEL_PREFIX) && is_place(place) ? place : NULL;
}

void xfsdisk_uuid(const char *rack, const struct order_disk *disk, char ret[static 37])
{
	/* Our own name space; made once, never to be changed. */
	static const uuid_t space = {0x5c, 0x0e, 0x3d, 0x7a, 0x91, 0x42, 0x4f, 0x6b, 0xa8,
		0x1d, 0x2e, 0x77, 0xc4, 0x90, 0x63, 0xfb};

	disks_uuid(space, rack, disk, ret);
}

/* ---- the decision ---- */

static bool is_ours(const struct xfs_disk *d)
{
	_cleanup_free_ char *alone = xasprintf("xfs (label %s)", d->label);

	return d->super && streq(d->contents, alone) &&
		streq(d->super->label, d->label) && streq(d->super->uuid, d->uuid);
}

/* Ours, but for another place: Swift knows its data by the place. */
static const char *moved_from(const struct xfs_disk *d)
{
	if (!d->super || !streq(d->super->uuid, d->uuid))
		return NULL;
	return xfsdisk_place(d->super->label);
}

/* Made by ondol, and the UUID is another: the name of the rack changed, or the rack itself. */
static bool is_of_another_rack(const struct xfs_disk *d)
{
	return d->super && xfsdisk_place(d->super->label) &&
		!streq(d->super->uuid, d->uuid);
}

static char *objection(const struct xfs_disk *d)
{
	const char *place = xfsdisk_place(d->label), *old = moved_from(d);

	if (old && !streq(old, place))
		return xasprintf(
			"disk %s (%s) was %s of a node of this rack and is now the node's %s. "
			"Put the disks back in their order in rack.ini; or, with new rings to "
			"follow: xfs_admin -L %s %s",
			d->serial, d->device, old, place, d->label, d->device);
	if (is_of_another_rack(d))
		return xasprintf(
			"disk %s (%s) holds %s with UUID %s: ondol's own, but made in a "
			"rack of another name. Was this rack renamed? Then do not wipe it: "
			"put the old name back in rack.ini, and its data is there again. "
			"Nothing was written. Only if the disk came from elsewhere and its "
			"data may go: wipefs -a %s",
			d->serial, d->device, d->contents, d->super->uuid, d->device);
	return xasprintf(
		"disk %s (%s) holds %s%s%s, expected blank or this disk's own XFS. Nothing "
		"was written. If that may go: wipefs -a %s && mkfs.xfs -f -L %s -m uuid=%s %s",
		d->serial, d->device, d->contents, d->super ? " with UUID " : "",
		d->super ? d->super->uuid : "", d->device, d->label, d->uuid, d->device);
}

enum xfs_action xfsdisk_decide(const struct xfs_disk *d, char **ret_why)
{
	if (!*d->contents)
		return XFS_MAKE;
	if (is_ours(d))
		return d->super->unfinished ? XFS_REMAKE : XFS_MOUNT;
	*ret_why = objection(d);
	return XFS_REFUSE;
}

/* ---- mountinfo ---- */

static bool has_option(const char *options, const char *wanted)
{
	size_t len = strlen(wanted);

	for (const char *s = options; s; s = strchr(s, ','), s = s ? s + 1 : NULL) {
		if (strncmp(s, wanted, len) == 0 && (s[len] == ',' || !s[len]))
			return true;
	}
	return false;
}

/* "36 35 259:1 / /srv/node/d1 rw,noatime shared:9 - xfs /dev/nvme0n1 rw,attr2"; cut up. */
static const char *parse_line(char *line, struct xfs_mount *ret)
{
	enum { DEVICE = 2, PLACE = 4, OPTIONS = 5, FIELDS = 6 };
	char *save = NULL, *colon, *field[FIELDS], *word;
	uint64_t major, minor;

	for (size_t i = 0; i < FIELDS; i++) {
		field[i] = strtok_r(i ? NULL : line, " ", &save);
		if (!field[i])
			return NULL;
	}
	do {
		word = strtok_r(NULL, " ", &save);
	} while (word && !streq(word, "-"));
	word = strtok_r(NULL, " ", &save);
	colon = strchr(field[DEVICE], ':');
	if (!word || !colon)
		return NULL;
	*colon = '\0';
	if (parse_u64(field[DEVICE], 0, UINT32_MAX, &major) < 0 ||
		parse_u64(colon + 1, 0, UINT32_MAX, &minor) < 0)
		return NULL;
	*ret = (struct xfs_mount){.major = (unsigned)major, .minor = (unsigned)minor};
	ret->xfs = streq(word, "xfs");
	(void)strtok_r(NULL, " ", &save); /* the device's name */
	word = strtok_r(NULL, " ", &save);
	ret->read_only =
		has_option(field[OPTIONS], "ro") || (word && has_option(word, "ro"));
	return field[PLACE];
}

bool xfsdisk_mount_at(const char *mountinfo, const char *place, struct xfs_mount *ret)
{
	_cleanup_free_ char *copy = xstrdup(mountinfo);
	char *save = NULL;
	bool found = false;

	for (char *l = strtok_r(copy, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
		struct xfs_mount m;
		const char *at = parse_line(l, &m);

		if (!at || !streq(at, place))
			continue;
		*ret = m;
		found = true;
	}
	return found;
}

char **xfsdisk_mounts_below(const char *mountinfo, const char *dir)
{
	_cleanup_free_ char *copy = xstrdup(mountinfo);
	char *save = NULL, **list = xcalloc(1, sizeof(char *));
	size_t len = strlen(dir);

	for (char *l = strtok_r(copy, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
		struct xfs_mount m;
		const char *at = parse_line(l, &m);

		if (at && m.xfs && str_startswith(at, dir) && at[len] == '/' &&
			is_place(at + len + 1) && !strv_has(list, at))
			strv_add(&list, at);
	}
	return list;
}
