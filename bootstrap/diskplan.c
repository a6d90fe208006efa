/* SPDX-License-Identifier: Apache-2.0 */
#include "bootstrap/diskplan.h"

#include "common/diskmatch.h"
#include "common/jsonx.h"

const char *disk_fate_str(enum disk_fate f)
{
	switch (f) {
	case DISK_FATE_KEPT:
		return "kept";
	case DISK_FATE_WRITTEN:
		return "written";
	case DISK_FATE_REFUSED:
		return "refused";
	case DISK_FATE_USED:
		return "used";
	case DISK_FATE_MISSING:
		return "missing";
	case DISK_FATE_UNSEEN:
		return "unseen";
	}
	return "missing";
}

char *disk_holds(const struct inv_disk *d, const char *rack_id)
{
	if (inv_disk_is_blank(d))
		return xstrdup("blank");
	if (!inv_disk_is_ondols(d))
		return inv_disk_contents(d);
	return xstrdup(!rack_id || inv_disk_is_ours(d, rack_id)
			? "an ondol system"
			: "another rack's ondol system");
}

static const char *id_of(const struct inv_disk *d)
{
	return *d->serial ? d->serial : d->wwn;
}

/* ---- the system disk, and its mirror ---- */

static void plan_system(const struct diskplan_view *v, struct diskplan *p)
{
	_cleanup_free_ char *erased = p->declared->erase == DISK_ERASE_NONE
		? xstrdup("")
		: xasprintf("is erased (%s) and ", disk_erase_str(p->declared->erase));
	enum disk_past past = p->declared->use == DISK_SYSTEM || v->wrote_mirror
		? v->past
		: DISK_PAST_NONE;
	bool ours = past != DISK_PAST_NONE || inv_disk_is_ours(p->found, v->rack_id);

	if (past == DISK_PAST_SYSTEM)
		p->holds = xstrdup("the system that ondold installed");
	else if (past == DISK_PAST_HALF)
		p->holds = xstrdup("an ondol system, perhaps half written");
	else
		p->holds = disk_holds(p->found, v->rack_id);
	p->fate = DISK_FATE_WRITTEN;
	if (ours) {
		p->what = xasprintf("%sis overwritten: everything on it is lost", erased);
	} else if (inv_disk_is_blank(p->found)) {
		p->what = xasprintf("%sis written; there was nothing on it", erased);
	} else {
		p->fate = DISK_FATE_REFUSED;
		p->what = xasprintf(
			"is refused, as it holds what is not this rack's. If that may be "
			"destroyed: `ondol reinstall %s --wipe %s`",
			v->node->name, id_of(p->found));
	}
}

/* ---- those of the role ---- */

/*
 * "LVM's volume group cinder-volumes", "XFS at /srv/node, encrypted"; NULL: the role wants no
 * disk.
 */
static char *use_words(const struct roledef *role, const struct rack_disk *d)
{
	const char *how = d->encrypt ? ", encrypted" : "";

	if (role && role->data_vg)
		return xasprintf("LVM's volume group %s%s", role->data_vg, how);
	if (role && role->data_dir)
		return xasprintf("XFS at %s%s", role->data_dir, how);
	return NULL;
}

static void plan_data(const struct diskplan_view *v, struct diskplan *p)
{
	_cleanup_free_ char *use = use_words(v->role, p->declared);

	p->holds = disk_holds(p->found, v->rack_id);
	if (!use) {
		p->what = xstrdup("is left alone: the role keeps nothing on data disks");
		return;
	}
	p->fate = DISK_FATE_USED;
	if (inv_disk_is_blank(p->found) && v->past == DISK_PAST_NONE)
		p->what = xasprintf("becomes %s; there was nothing on it", use);
	else
		p->what = xasprintf(
			"stays as it is when it is %s already, and becomes it when it is "
			"blank. With anything else on it the role is not taken up, and "
			"nothing is written",
			use);
}

/* ---- one disk ---- */

static void plan_unseen(const struct diskplan_view *v, struct diskplan *p)
{
	_cleanup_free_ char *use = use_words(v->role, p->declared);

	p->holds = xstrdup("");
	p->fate = DISK_FATE_UNSEEN;
	if (diskplan_is_system(p))
		p->what = xstrdup(
			"is written when the agent finds it blank or with a system of this rack; "
			"else it is refused, and you are shown what is on it");
	else if (p->declared->use == DISK_DATA && use)
		p->what = xasprintf("becomes %s when it is blank", use);
	else
		p->what = xstrdup("is left alone");
}

static void plan_declared(const struct diskplan_view *v, size_t i, struct diskplan *p)
{
	char *why;

	p->declared = &v->node->profile->disks[i];
	if (!v->inv) {
		plan_unseen(v, p);
		return;
	}
	if (disk_match(v->node, i, v->inv, &p->found, &why) < 0) {
		p->fate = DISK_FATE_MISSING;
		p->holds = xstrdup("");
		p->what = why;
	} else if (diskplan_is_system(p)) {
		plan_system(v, p);
	} else if (p->declared->use == DISK_DATA) {
		plan_data(v, p);
	} else {
		p->holds = disk_holds(p->found, v->rack_id);
		p->what = xstrdup("is left alone: a spare");
	}
}

static bool is_planned(const struct diskplans *p, const struct inv_disk *d)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->list[i].found == d)
			return true;
	return false;
}

void diskplans_make(const struct diskplan_view *v, struct diskplans *ret)
{
	const struct rack_profile *profile = v->node->profile;
	struct diskplans p = {0};

	p.list = xcalloc(
		profile->n_disks + (v->inv ? v->inv->n_disks : 0), sizeof(*p.list));
	for (size_t i = 0; i < profile->n_disks; i++)
		plan_declared(v, i, &p.list[p.n++]);
	for (size_t i = 0; v->inv && i < v->inv->n_disks; i++) {
		const struct inv_disk *d = &v->inv->disks[i];

		if (is_planned(&p, d))
			continue;
		p.list[p.n++] = (struct diskplan){.found = d,
			.fate = DISK_FATE_KEPT,
			.holds = disk_holds(d, v->rack_id),
			.what = xstrdup(
				"is left alone: it is none of those in rack.ini")};
	}
	*ret = p;
}

bool diskplan_is_system(const struct diskplan *p)
{
	return p->declared && disk_use_is_system(p->declared->use);
}

void diskplans_clear(struct diskplans *p)
{
	for (size_t i = 0; i < p->n; i++) {
		free(p->list[i].holds);
		free(p->list[i].what);
	}
	free(p->list);
	*p = (struct diskplans){0};
}

/* ---- the plan lock ---- */

void diskplan_lock(
	const struct inventory *inv, enum disk_past past, char ret[static DIGEST_HEX])
{
	_cleanup_(jx_freep) json_t *disks = inv ? inventory_disks_to_json(inv) : NULL,
				   *doc = NULL;
	_cleanup_free_ char *text = NULL;
	json_t *d;
	size_t i;

	json_array_foreach(disks, i, d)
		json_object_del(d, "name"); /* the kernel's whim */
	doc = json_pack("{s:i, s:O?}", "past", (int)past, "disks", disks);
	text = doc ? json_dumps(doc, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
	if (!text)
		abort(); /* no memory: it was read as JSON, or is the agent's own */
	digest_hex(text, strlen(text), ret);
}
