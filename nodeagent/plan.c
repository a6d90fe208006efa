/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Order: the network first, since everything is reported over it; then the old role is
 * left, machines before networks before units before disks; the record of both roles is
 * written before the first thing of the new one exists that would have to be undone: a
 * server whose KVM cannot be loaded never was a hypervisor, and libvirt, which does not
 * run there, is not asked when it leaves. Units stop in the reverse of the order they
 * started in.
 */
#include "nodeagent/plan.h"

static void add(struct plan *p, enum step_type type, const char *arg)
{
	GROW(p->list, p->n, p->cap);
	p->list[p->n++] = (struct step){.type = type, .arg = xstrdup(arg)};
}

static size_t count(char *const *list)
{
	size_t n = 0;

	while (list[n])
		n++;
	return n;
}

static void leave_units(
	struct plan *p, const struct applied *old, const struct roledef *def)
{
	size_t n = count(old->units), left = 0;

	p->disable = xcalloc(n + 1, sizeof(char *));
	while (n-- > 0) {
		if (strv_has(def->units, old->units[n]) ||
			strv_has(def->part_units, old->units[n]))
			continue;
		add(p, STEP_STOP, old->units[n]);
		p->disable[left++] = xstrdup(old->units[n]);
	}
	if (left > 0)
		add(p, STEP_DISABLE, NULL);
}

static bool leaves_disks(const struct applied *old, const struct roledef *def)
{
	for (char **vg = old->volume_groups; *vg; vg++)
		if (!streq_ptr(def->data_vg, *vg))
			return true;
	for (char **dir = old->data_dirs; *dir; dir++)
		if (!streq_ptr(def->data_dir, *dir))
			return true;
	return false;
}

/*
 * What is left may lie inside of encrypted disks, which a start of the node found closed: what
 * they are is seen on them, not in the new desired state.
 */
static void leave_disks(
	struct plan *p, const struct applied *old, const struct roledef *def)
{
	if (!leaves_disks(old, def))
		return;
	add(p, STEP_LUKS_OPEN, NULL);
	for (char **vg = old->volume_groups; *vg; vg++) {
		if (!streq_ptr(def->data_vg, *vg))
			add(p, STEP_VG_LEAVE, *vg);
	}
	for (char **dir = old->data_dirs; *dir; dir++) {
		if (!streq_ptr(def->data_dir, *dir))
			add(p, STEP_XFS_LEAVE, *dir);
	}
	if (!def->data_vg && !def->data_dir)
		add(p, STEP_LUKS_CLOSE, NULL);
}

static void leave(struct plan *p, const struct applied *old, const struct roledef *def)
{
	for (char **duty = old->duties; *duty; duty++) {
		if (!strv_has(def->duties, *duty))
			add(p, STEP_PART_LEAVE, *duty);
	}
	if (old->hypervisor && !def->hypervisor) {
		add(p, STEP_GUESTS, NULL);
		add(p, STEP_VM_NETWORKS, NULL);
		add(p, STEP_FORGET_VMS, NULL);
	}
	leave_units(p, old, def);
	leave_disks(p, old, def);
}

static void enter(struct plan *p, const struct roledef *def)
{
	if (def->hypervisor)
		add(p, STEP_MODULES, NULL);
	add(p, STEP_RECORD, NULL);
	if (def->data_vg || def->data_dir)
		add(p, STEP_LUKS_ENTER, NULL);
	if (def->data_vg)
		add(p, STEP_VG_ENTER, def->data_vg);
	if (def->data_dir)
		add(p, STEP_XFS_ENTER, def->data_dir);
	if (def->units && def->units[0])
		add(p, STEP_ENABLE, NULL);
	for (char **u = def->units; u && *u; u++)
		add(p, STEP_START, *u);
	if (def->hypervisor)
		add(p, STEP_VM_NETWORKS, NULL);
	if (def->part_units)
		add(p, STEP_PARTS, NULL);
	add(p, STEP_SETTLE, NULL);
}

/* An address is guarded before it is there, and until it is gone. */
static void see_to_network(struct plan *p, bool outside)
{
	add(p, STEP_OVS, NULL);
	if (outside)
		add(p, STEP_FIREWALL, NULL);
	add(p, STEP_NETWORK, NULL);
	if (!outside)
		add(p, STEP_FIREWALL, NULL);
}

struct plan *plan_build(
	const struct applied *old, const struct roledef *def, bool network, bool outside)
{
	struct plan *p = xcalloc(1, sizeof(*p));

	add(p, STEP_IDENTITY, NULL);
	if (network)
		see_to_network(p, outside);
	if (def) {
		leave(p, old, def);
		enter(p, def);
	}
	return p;
}

void plan_free(struct plan *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->n; i++)
		free(p->list[i].arg);
	free(p->list);
	for (char **u = p->disable; u && *u; u++)
		free(*u);
	free(p->disable);
	free(p);
}

void plan_freep(struct plan **p)
{
	plan_free(*p);
}

const char *step_name(enum step_type type)
{
#define X(name, text) [STEP_##name] = #name,
	static const char *const names[] = {PLAN_STEPS(X)};
#undef X

	return names[type];
}

char *step_text(const struct step *s)
{
#define X(name, text) [STEP_##name] = text,
	static const char *const texts[] = {PLAN_STEPS(X)};
#undef X

	return xasprintf(
		"%s%s%s", texts[s->type], s->arg ? " " : "", s->arg ? s->arg : "");
}
