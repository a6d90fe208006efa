/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Look, decide (lvmreport.c, pure), act, look again: the last look is the answer, not the
 * exit status of vgcreate. vgcreate without -y asks before it overwrites a signature, and
 * its standard input is /dev/null, so even a disk that changed since our look is safe.
 */
#include "nodeagent/lvm.h"

#include <fcntl.h>

#include "common/diskends.h"
#include "common/run.h"
#include "nodeagent/disks.h"
#include "nodeagent/lvmreport.h"
#include "nodeagent/patience.h"

#define LVM_TIMEOUT_MS 60000

struct look {
	struct lvm_report report;
	struct disk *all; /* every disk of the node */
	size_t n_all;
	/* those of the desired state; strings borrowed from all, contents */
	struct lvm_disk *data;
	size_t n_data;
	char **contents; /* n_data */
};

static void look_clear(struct look *l)
{
	lvm_report_clear(&l->report);
	disks_free(l->all, l->n_all);
	for (size_t i = 0; l->contents && i < l->n_data; i++)
		free(l->contents[i]);
	free(l->contents);
	free(l->data);
}

/* Runs an LVM program. Its output goes to *ret_out (may be NULL). */
static int lvm_run(const char *const argv[], char **ret_out, char **reterr_msg)
{
	static const char *const env[] = {"LVM_SUPPRESS_FD_WARNINGS=1", "LC_ALL=C", NULL};
	_cleanup_(run_result_clear) struct run_result res = {0};
	_cleanup_free_ char *said = NULL;
	int r = run_child(argv, env, NULL, patience_ms(LVM_TIMEOUT_MS), &res);

	if (r < 0) {
		*reterr_msg =
			xasprintf("%s could not be started: %s", argv[0], strerror(-r));
		return r;
	}
	if (res.status == 0 && !res.timed_out) {
		if (ret_out)
			*ret_out = TAKE_PTR(res.out);
		return 0;
	}
	said = str_escape(str_strip(res.out), 500);
	*reterr_msg = xasprintf("%s %s: %s", argv[0],
		res.timed_out ? "did not end within 60 s" : "failed",
		*said ? said : "it said nothing");
	return res.timed_out ? -ETIMEDOUT : -EIO;
}

static int read_report(struct lvm_report *report, char **reterr_msg)
{
	static const char *const vgs[] = {"vgs", "--reportformat", "json", "--units", "b",
		"--nosuffix", "-o", "vg_name,vg_size,pv_count,lv_count", NULL};
	static const char *const pvs[] = {
		"pvs", "--reportformat", "json", "-o", "pv_name,vg_name", NULL};
	_cleanup_free_ char *groups = NULL, *volumes = NULL;
	int r = lvm_run(vgs, &groups, reterr_msg);

	if (r == 0)
		r = lvm_report_add_vgs(report, groups, reterr_msg);
	if (r == 0)
		r = lvm_run(pvs, &volumes, reterr_msg);
	if (r == 0)
		r = lvm_report_add_pvs(report, volumes, reterr_msg);
	return r;
}

/* LVM may name a device by a link: make its names the kernel's, as ours are. */
static void resolve_devices(struct lvm_report *report)
{
	for (size_t i = 0; i < report->n_pvs; i++) {
		char *real = realpath(report->pvs[i].device, NULL);

		if (!real)
			continue;
		free(report->pvs[i].device);
		report->pvs[i].device = real;
	}
}

static int look_disk(struct look *l, const struct order_disk *want, char **reterr_msg)
{
	struct lvm_disk *d = &l->data[l->n_data];
	const struct disk *found;
	int r = disks_match(l->all, l->n_all, want, &found, reterr_msg);

	if (r < 0)
		return r;
	r = disks_contents(found->path, &l->contents[l->n_data], &d->pv_only);
	if (r < 0) {
		*reterr_msg = xasprintf(
			"%s (serial %s) cannot be read: %s. Is the disk failing? "
			"See: dmesg",
			found->path, found->serial, strerror(-r));
		return r;
	}
	d->device = found->path;
	d->serial = disks_name(found);
	d->contents = l->contents[l->n_data++];
	return 0;
}

static int look(const struct desired *d, struct look *l, char **reterr_msg)
{
	int r = read_report(&l->report, reterr_msg);

	if (r < 0)
		return r;
	resolve_devices(&l->report);
	disks_list("", &l->all, &l->n_all);
	l->data = xcalloc(d->n_data_disks + 1, sizeof(*l->data));
	l->contents = xcalloc(d->n_data_disks + 1, sizeof(*l->contents));
	for (size_t i = 0; i < d->n_data_disks; i++) {
		r = look_disk(l, &d->data_disks[i], reterr_msg);
		if (r < 0)
			return r;
	}
	return 0;
}

static int act(const char *program, const char *vg, const char *const *devices,
	char **reterr_msg)
{
	size_t n = 0;
	const char **argv;
	int r;

	while (devices[n])
		n++;
	argv = xcalloc(n + 3, sizeof(*argv));
	argv[0] = program;
	argv[1] = vg;
	memcpy(argv + 2, devices, n * sizeof(*argv));
	r = lvm_run(argv, NULL, reterr_msg);
	free(argv);
	return r;
}

static char *describe(const struct look *l, const char *vg, const struct lvm_vg *group)
{
	char size[32], *all;

	format_size(group->size_bytes, size);
	all = xasprintf("%s: %s on", vg, size);
	for (size_t i = 0; i < l->n_data; i++) {
		char *next = xasprintf("%s%s %s (%s)", all, i ? "," : "",
			l->data[i].serial, l->data[i].device);

		free(all);
		all = next;
	}
	return all;
}

int lvm_check(const struct desired *d, const char *vg, char **ret_text)
{
	_cleanup_(look_clear) struct look l = {0};
	_cleanup_free_ const char **devices = NULL;
	const struct lvm_vg *group;
	int r = look(d, &l, ret_text);

	if (r < 0)
		return r;
	if (lvm_decide(&l.report, vg, l.data, l.n_data, &devices, ret_text) == LVM_REFUSE)
		return -EBUSY;
	group = lvm_report_vg(&l.report, vg);
	if (!group) {
		*ret_text = xasprintf("volume group %s is not there", vg);
		return -ENOENT;
	}
	if (devices[0] || group->n_pvs != l.n_data || group->size_bytes == 0) {
		*ret_text = xasprintf(
			"volume group %s has %u disks and %llu bytes, expected the %zu data "
			"disks of this node",
			vg, group->n_pvs, (unsigned long long)group->size_bytes,
			l.n_data);
		return -ENXIO;
	}
	*ret_text = describe(&l, vg, group);
	return 0;
}

int lvm_enter(const struct desired *d, const char *vg, char **ret_text)
{
	_cleanup_(look_clear) struct look l = {0};
	_cleanup_free_ const char **devices = NULL;
	int r = look(d, &l, ret_text);

	if (r < 0)
		return r;
	switch (lvm_decide(&l.report, vg, l.data, l.n_data, &devices, ret_text)) {
	case LVM_REFUSE:
		return -EBUSY;
	case LVM_CREATE:
		r = act("vgcreate", vg, devices, ret_text);
		break;
	case LVM_EXTEND:
		r = act("vgextend", vg, devices, ret_text);
		break;
	case LVM_NOTHING:
		break;
	}
	return r < 0 ? r : lvm_check(d, vg, ret_text);
}

/* pvremove leaves LVM's old metadata, which would pass for somebody's unknown data. */
static int make_blank(const char *device, char **ret_text)
{
	int r = disks_make_blank(device);

	if (r < 0)
		*ret_text = xasprintf(
			"%s is of no group any more, but its old metadata cannot be "
			"overwritten: %s. To let it be used again: pvcreate %s",
			device, strerror(-r), device);
	return r;
}

static int remove_group(const struct lvm_report *report, const char *vg, char **ret_text)
{
	const char *const vgremove[] = {"vgremove", vg, NULL};
	int r = lvm_run(vgremove, NULL, ret_text);

	for (size_t i = 0; r == 0 && i < report->n_pvs; i++) {
		const char *const pvremove[] = {"pvremove", report->pvs[i].device, NULL};

		if (streq(report->pvs[i].vg, vg))
			r = lvm_run(pvremove, NULL, ret_text);
		if (r == 0 && streq(report->pvs[i].vg, vg))
			r = make_blank(report->pvs[i].device, ret_text);
	}
	if (r == 0)
		*ret_text = xasprintf(
			"volume group %s was empty and is removed; its disks are blank",
			vg);
	return r;
}

/* The data disks that are there: one that was pulled keeps nobody from leaving. */
static void find_data_disks(const struct desired *d, struct look *l)
{
	disks_list("", &l->all, &l->n_all);
	l->data = xcalloc(d->n_data_disks + 1, sizeof(*l->data));
	for (size_t i = 0; i < d->n_data_disks; i++) {
		_cleanup_free_ char *ignored = NULL;
		const struct disk *found;

		if (disks_find(l->all, l->n_all, &d->data_disks[i], &found, &ignored) ==
			0)
			l->data[l->n_data++] = (struct lvm_disk){.device = found->path};
	}
}

/*
 * The name alone says nothing: the role is recorded before its group is looked at, so a
 * group of that name may be somebody's from before, which lvm_enter() refused.
 */
int lvm_leave(const struct desired *d, const char *vg, char **ret_text)
{
	_cleanup_(look_clear) struct look l = {0};
	const struct lvm_vg *group;
	const char *stranger;
	int r = read_report(&l.report, ret_text);

	if (r < 0)
		return r;
	resolve_devices(&l.report);
	find_data_disks(d, &l);
	group = lvm_report_vg(&l.report, vg);
	if (!group) {
		*ret_text = xasprintf("volume group %s is not there", vg);
		return 0;
	}
	if (group->n_lvs > 0) {
		*ret_text = xasprintf(
			"volume group %s holds %u logical volumes and is left as it is. If "
			"they may go: vgremove %s",
			vg, group->n_lvs, vg);
		return 0;
	}
	stranger = lvm_stranger(&l.report, vg, l.data, l.n_data);
	if (stranger) {
		*ret_text = xasprintf(
			"volume group %s is on %s, which is none of this node's data disks, "
			"and is left as it is. If it may go: vgremove %s && pvremove %s",
			vg, stranger, vg, stranger);
		return 0;
	}
	return remove_group(&l.report, vg, ret_text);
}
