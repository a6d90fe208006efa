/* SPDX-License-Identifier: Apache-2.0 */
/*
 * LVM prints warnings on standard error, which our children's output includes, before the
 * report; the report itself begins on a line of its own with "{". Its numbers are strings.
 */
#include "nodeagent/lvmreport.h"

#include "common/jsonx.h"
#include "common/parse.h"

#define MAX_ROWS 4096

/* From the first line that begins with '{' to the last '}'. */
static bool find_json(const char *text, const char **ret, size_t *ret_len)
{
	const char *begin = NULL, *end = strrchr(text, '}');

	for (const char *s = text; s && *s; s = strchr(s, '\n'), s = s ? s + 1 : NULL) {
		const char *first = s + strspn(s, " \t");

		if (*first == '{') {
			begin = first;
			break;
		}
	}
	if (!begin || !end || end < begin)
		return false;
	*ret = begin;
	*ret_len = (size_t)(end - begin) + 1;
	return true;
}

static uint64_t number(struct jx *j, const char *key)
{
	const char *s = jx_str(j, key, 32);
	uint64_t v = 0;

	if (!j->error && parse_u64(s, 0, UINT64_MAX, &v) < 0)
		jx_fail(j, key, "expected a number, found \"%s\"", s);
	return v;
}

static char *name_of(struct jx *j, const char *key, bool may_be_empty)
{
	const char *s = jx_str(j, key, 255);

	if (!j->error && ((!*s && !may_be_empty) || strpbrk(s, " \t\n")))
		jx_fail(j, key, "expected a name, found \"%s\"", s);
	return xstrdup(s);
}

static void row_vg(struct lvm_report *r, struct jx *j)
{
	struct lvm_vg v = {.name = name_of(j, "vg_name", false),
		.size_bytes = number(j, "vg_size"),
		.n_pvs = (unsigned)MIN(number(j, "pv_count"), 1U << 20),
		.n_lvs = (unsigned)MIN(number(j, "lv_count"), 1U << 20)};

	GROW(r->vgs, r->n_vgs, r->cap_vgs);
	r->vgs[r->n_vgs++] = v;
}

static void row_pv(struct lvm_report *r, struct jx *j)
{
	struct lvm_pv v = {.device = name_of(j, "pv_name", false),
		.vg = name_of(j, "vg_name", true)};

	GROW(r->pvs, r->n_pvs, r->cap_pvs);
	r->pvs[r->n_pvs++] = v;
}

static void read_rows(struct lvm_report *r, struct jx *j, const json_t *part,
	const char *key, void (*row)(struct lvm_report *, struct jx *))
{
	_cleanup_(jx_clear) struct jx p = {.obj = part};
	const json_t *rows = jx_array(&p, key, MAX_ROWS);

	for (size_t i = 0; rows && i < json_array_size(rows) && !p.error; i++) {
		_cleanup_(jx_clear) struct jx one = {.obj = json_array_get(rows, i)};

		row(r, &one);
		jx_merge(&p, key, &one);
	}
	jx_merge(j, "report", &p);
}

static int add(struct lvm_report *r, const char *text, const char *key,
	void (*row)(struct lvm_report *, struct jx *), char **reterr_msg)
{
	_cleanup_(jx_freep) json_t *root = NULL;
	_cleanup_(jx_clear) struct jx j = {0};
	const json_t *parts;
	const char *json;
	size_t len;

	if (!find_json(text, &json, &len)) {
		_cleanup_free_ char *shown = str_escape(text, 200);

		*reterr_msg =
			xasprintf("expected LVM's JSON report, found \"%s\"", shown);
		return -EINVAL;
	}
	root = jx_parse(json, len, reterr_msg);
	if (!root)
		return -EINVAL;
	j.obj = root;
	parts = jx_array(&j, "report", 16);
	for (size_t i = 0; parts && i < json_array_size(parts); i++)
		read_rows(r, &j, json_array_get(parts, i), key, row);
	if (!j.error)
		return 0;
	*reterr_msg = TAKE_PTR(j.error);
	return -EINVAL;
}

int lvm_report_add_vgs(struct lvm_report *r, const char *text, char **reterr_msg)
{
	return add(r, text, "vg", row_vg, reterr_msg);
}

int lvm_report_add_pvs(struct lvm_report *r, const char *text, char **reterr_msg)
{
	return add(r, text, "pv", row_pv, reterr_msg);
}

void lvm_report_clear(struct lvm_report *r)
{
	for (size_t i = 0; i < r->n_vgs; i++)
		free(r->vgs[i].name);
	for (size_t i = 0; i < r->n_pvs; i++) {
		free(r->pvs[i].device);
		free(r->pvs[i].vg);
	}
	free(r->vgs);
	free(r->pvs);
	*r = (struct lvm_report){0};
}

const struct lvm_vg *lvm_report_vg(const struct lvm_report *r, const char *name)
{
	for (size_t i = 0; i < r->n_vgs; i++) {
		if (streq(r->vgs[i].name, name))
			return &r->vgs[i];
	}
	return NULL;
}

const struct lvm_pv *lvm_report_pv(const struct lvm_report *r, const char *device)
{
	for (size_t i = 0; i < r->n_pvs; i++) {
		if (streq(r->pvs[i].device, device))
			return &r->pvs[i];
	}
	return NULL;
}

/* ---- the decision ---- */

/* Why a disk may not be taken for vg; NULL: it may. */
static char *disk_objection(
	const struct lvm_report *r, const char *vg, const struct lvm_disk *d)
{
	const struct lvm_pv *pv = lvm_report_pv(r, d->device);

	if (pv && *pv->vg && !streq(pv->vg, vg))
		return xasprintf(
			"disk %s (%s) belongs to volume group %s, expected blank or of %s. If "
			"that group may go: vgremove %s && pvremove %s",
			d->serial, d->device, pv->vg, vg, pv->vg, d->device);
	if (!*d->contents || (d->pv_only && pv))
		return NULL;
	return xasprintf(
		"disk %s (%s) holds %s, expected blank or of volume group %s. Nothing was "
		"written. If that may go: wipefs -a %s && pvcreate %s",
		d->serial, d->device, d->contents, vg, d->device, d->device);
}

const char *lvm_stranger(const struct lvm_report *r, const char *vg,
	const struct lvm_disk *disks, size_t n_disks)
{
	for (size_t i = 0; i < r->n_pvs; i++) {
		bool known = false;

		if (!streq(r->pvs[i].vg, vg))
			continue;
		for (size_t k = 0; k < n_disks; k++)
			known = known || streq(disks[k].device, r->pvs[i].device);
		if (!known)
			return r->pvs[i].device;
	}
	return NULL;
}

static enum lvm_action take_disks(const struct lvm_report *r, const char *vg,
	const struct lvm_disk *disks, size_t n_disks, const char ***ret_devices)
{
	const char **list = xcalloc(n_disks + 1, sizeof(*list));
	size_t n = 0;

	for (size_t i = 0; i < n_disks; i++) {
		const struct lvm_pv *pv = lvm_report_pv(r, disks[i].device);

		if (!pv || !streq(pv->vg, vg))
			list[n++] = disks[i].device;
	}
	*ret_devices = list;
	if (n == 0)
		return LVM_NOTHING;
	return lvm_report_vg(r, vg) ? LVM_EXTEND : LVM_CREATE;
}

enum lvm_action lvm_decide(const struct lvm_report *r, const char *vg,
	const struct lvm_disk *disks, size_t n_disks, const char ***ret_devices,
	char **ret_why)
{
	const char *extra = lvm_stranger(r, vg, disks, n_disks);

	if (n_disks == 0) {
		*ret_why = xasprintf(
			"volume group %s needs data disks, and the desired state names none: "
			"give the node's profile a disk with use = data in rack.ini",
			vg);
		return LVM_REFUSE;
	}
	if (extra) {
		*ret_why = xasprintf(
			"volume group %s also has %s, which is not among this node's data "
			"disks. Correct rack.ini, or move the data off it: pvmove %s; vgreduce %s %s",
			vg, extra, extra, vg, extra);
		return LVM_REFUSE;
	}
	for (size_t i = 0; i < n_disks; i++) {
		*ret_why = disk_objection(r, vg, &disks[i]);
		if (*ret_why)
			return LVM_REFUSE;
	}
	return take_disks(r, vg, disks, n_disks, ret_devices);
}
