/* SPDX-License-Identifier: Apache-2.0 */
#include "bootstrap/ondold.h"

#include "bootstrap/cast.h"
#include "bootstrap/diskplan.h"
#include "bootstrap/identity.h"
#include "bootstrap/profile.h"
#include "bootstrap/pxetext.h"
#include "common/digest.h"
#include "common/diskmatch.h"
#include "common/jsonx.h"
#include "common/log.h"
#include "common/order.h"

/*
 * The way to the first write. A node is written only when all of this holds: its boot
 * token was made for this run, an agent had seen its disks before the operator asked for it
 * or agreed to it, its serial, UUID and MACs are those of rack.ini, exactly one disk is the
 * declared system disk (and one more its mirror, where that is declared), and that disk is blank,
 * or this rack's, or was named by the operator when it had been seen to hold what it holds. The order is made when it is fetched and not
 * before, so a restarted ondold has nothing to remember but the inventory.
 */

/* ---- the desired state ---- */

/* As it is kept: without its peers, and with digests for secrets. New reference. */
static json_t *make_desired(const struct node *n, const struct rack *rack,
	const struct cloudparts *parts, const struct rack_node *conf, uint64_t revision)
{
	_cleanup_(desired_freep) struct desired *d =
		desired_alone(rack, conf, n->inv, revision);
	json_t *doc;

	d->patience_percent = n->o->opts.patience_percent;
	doc = desired_to_json(d);
	json_object_del(doc, "peers");
	peers_pack(parts->peers, doc);
	cloud_put_digests(n->o, rack, parts, conf, doc);
	return doc;
}

json_t *node_desired(const struct node *n)
{
	return json_loads(n->desired, JSON_REJECT_DUPLICATES, NULL);
}

bool node_would_change(const struct node *n, const struct rack *rack,
	const struct cloudparts *parts, const struct rack_node *conf)
{
	_cleanup_(jx_freep) json_t *now = n->desired ? node_desired(n) : NULL;
	_cleanup_(jx_freep) json_t *doc = make_desired(n, rack, parts, conf, n->revision);

	return !now || !json_equal(doc, now);
}

/* Of ten thousand nodes ten thousand texts, and not as many trees. */
static void hold_desired(struct node *n, const json_t *doc)
{
	free(n->desired);
	n->desired = json_dumps(doc, JSON_COMPACT);
	if (!n->desired)
		abort(); /* no memory: it was read as JSON */
}

bool node_refresh_desired(struct node *n)
{
	const struct cloudparts *parts = n->o->cloud->parts;
	json_t *doc;

	if (!node_would_change(n, n->o->rack, parts, n->conf))
		return false;
	n->revision++;
	doc = make_desired(n, n->o->rack, parts, n->conf, n->revision);
	store_doc_put(n->o->store, "desired", n->name, doc);
	hold_desired(n, doc);
	json_decref(doc);
	return true;
}

static void load_inventory(struct node *n)
{
	_cleanup_free_ char *msg = NULL;
	_cleanup_(jx_freep) json_t *doc = NULL;

	if (store_doc_get(n->o->store, "inventory", n->name, &doc) < 0)
		return;
	if (inventory_from_json(doc, &n->inv, &msg) < 0)
		log_warn(
			"%s: the stored inventory is not readable (%s); waiting for a new one",
			n->name, msg);
	else
		ondold_know_board(n);
}

void node_load_docs(struct node *n)
{
	_cleanup_(jx_freep) json_t *doc = NULL;

	load_inventory(n);
	if (store_doc_get(n->o->store, "desired", n->name, &doc) < 0)
		return;
	n->revision = (uint64_t)json_integer_value(json_object_get(doc, "revision"));
	peers_pack(n->o->cloud->parts->peers, doc);
	hold_desired(n, doc);
}

void node_forget_inventory(struct node *n)
{
	inventory_free(n->inv);
	n->inv = NULL;
	n->inv_ms = 0;
	store_doc_remove(n->o->store, "inventory", n->name);
}

bool node_has_peers(const struct node *n)
{
	_cleanup_(jx_freep) json_t *doc = node_desired(n);

	return peers_are_of(n->o->cloud->parts->peers, doc);
}

/* ---- disks ---- */

static const struct inv_disk *seen_disk(const struct node *n, const char *id)
{
	for (size_t i = 0; n->inv && i < n->inv->n_disks; i++) {
		const struct inv_disk *d = &n->inv->disks[i];

		if (*id && (streq(id, d->serial) || streq(id, d->wwn)))
			return d;
	}
	return NULL;
}

json_t *node_named_disks(const struct node *n, const json_t *ids)
{
	json_t *list = json_array(), *v;
	size_t i;

	json_array_foreach(ids, i, v)
	{
		const char *id = json_is_string(v) ? json_string_value(v) : "";
		const struct inv_disk *d = seen_disk(n, id);

		json_array_append_new(list,
			json_pack("{s:s, s:o}", "disk", id, "held",
				d ? inv_signatures_to_json(&d->holds) : json_null()));
	}
	return list;
}

/* The entry of node_named_disks() that names d; NULL: none does. Borrowed. */
static const json_t *naming_of(const json_t *named, const struct inv_disk *d)
{
	json_t *v;
	size_t i;

	json_array_foreach(named, i, v)
	{
		const char *id = json_string_value(json_object_get(v, "disk"));

		if (id && *id && (streq(id, d->serial) || streq(id, d->wwn)))
			return v;
	}
	return NULL;
}

/*
 * A disk is given up for what was seen on it when it was named, and for nothing that came
 * later. Less than that may be left: an installation that broke off in its wipe.
 */
static bool may_wipe(const json_t *named, const struct inv_disk *d, char **ret_why)
{
	struct jx naming = {.obj = naming_of(named, d)};
	_cleanup_(inv_signatures_clear) struct inv_signatures held = {0};
	_cleanup_free_ char *came = NULL;

	if (!naming.obj)
		return false;
	if (!json_is_array(json_object_get(naming.obj, "held"))) {
		*ret_why = xstrdup(" It was named before any agent had seen what is on "
				   "it: that is known now.");
		return false;
	}
	inv_signatures_from_json(&naming, "held", &held);
	came = naming.error ? TAKE_PTR(naming.error)
			    : inv_signatures_beyond(&d->holds, &held);
	if (came)
		*ret_why = xasprintf(
			" It was named for what it held then; since then came %s.", came);
	return !came;
}

struct chosen { /* the disks that an installation writes */
	const struct inv_disk
		*disk[ORDER_MAX_TARGETS]; /* the system disk, then its mirror */
	bool wipe[ORDER_MAX_TARGETS]; /* it was named */
	size_t n;
	const struct inv_disk *to_name[ORDER_MAX_TARGETS]; /* it was not, and had to be */
	size_t n_to_name;
};

/* Exactly one disk of the server is each that is declared. */
static int match_disks(const struct node *n, const struct rack_node *conf,
	struct chosen *ret, char **reterr_msg)
{
	static const enum disk_use uses[ORDER_MAX_TARGETS] = {DISK_SYSTEM, DISK_MIRROR};

	*ret = (struct chosen){0};
	for (size_t i = 0; i < ARRAY_SIZE(uses); i++) {
		int index = rack_disk_of(conf->profile, uses[i]);
		int r = index < 0 ? 0
				  : disk_match(conf, (size_t)index, n->inv,
					    &ret->disk[ret->n], reterr_msg);

		if (r < 0)
			return r;
		ret->n += index >= 0;
	}
	if (ret->n < 2 || ret->disk[0] != ret->disk[1])
		return 0;
	*reterr_msg = xasprintf(
		"%s: the system disk and its mirror are both %s (serial %s): the server does "
		"not tell its bays. Name each by serial or WWN in rack.ini, or put the other "
		"disk in",
		n->name, ret->disk[0]->name, ret->disk[0]->serial);
	return -ENOTUNIQ;
}

static const char *name_of(const struct inv_disk *d)
{
	return *d->serial ? d->serial : d->wwn;
}

/* "--wipe S1 --wipe S2"; caller frees. */
static char *wipe_options(const struct chosen *c)
{
	char *all = xstrdup("");

	for (size_t i = 0; i < c->n_to_name; i++) {
		char *before = all;

		all = xasprintf("%s%s--wipe %s", before, *before ? " " : "",
			name_of(c->to_name[i]));
		free(before);
	}
	return all;
}

/*
 * Which disks of the server are the system disk of conf and its mirror, and may they be
 * written when these are named (as node_named_disks() has it)? 0, or -errno with words; -EEXIST:
 * ret->to_name are to be named.
 */
static int choose_disks(const struct node *n, const struct rack_node *conf,
	const json_t *named, struct chosen *ret, char **reterr_msg)
{
	_cleanup_free_ char *contents = NULL, *why = NULL, *options = NULL;
	const struct inv_disk *first;
	int r = match_disks(n, conf, ret, reterr_msg);

	for (size_t i = 0; r == 0 && i < ret->n; i++) {
		const struct inv_disk *d = ret->disk[i];
		_cleanup_free_ char *beyond = NULL;

		if (inv_disk_is_blank(d) || inv_disk_is_ours(d, enrol_rack_id(n->o)))
			continue;
		ret->wipe[i] = may_wipe(named, d, &beyond);
		if (ret->wipe[i])
			continue;
		if (!ret->n_to_name)
			why = TAKE_PTR(beyond);
		ret->to_name[ret->n_to_name++] = d;
	}
	if (r < 0 || !ret->n_to_name)
		return r;
	first = ret->to_name[0];
	contents = disk_holds(first, enrol_rack_id(n->o));
	options = wipe_options(ret);
	*reterr_msg = xasprintf(
		"the system disk%s %s (serial %s) holds something that is not this rack's: "
		"%s.%s%s If %s may be destroyed: `ondol reinstall %s %s`",
		first == ret->disk[0] ? "" : "'s mirror", first->name, name_of(first),
		contents, why ? why : "",
		ret->n_to_name > 1 ? " So does its mirror." : "",
		ret->n_to_name > 1 ? "both" : "it", n->name, options);
	return -EEXIST;
}

int node_may_write(const struct node *n, char **reterr_msg)
{
	struct chosen chosen;

	return choose_disks(n, n->conf, n->wipe, &chosen, reterr_msg);
}

enum disk_past node_disk_past(const struct node *n)
{
	const struct fsm_node *f = &n->fsm;

	if (fsm_asks(f)) /* it has been seen since */
		return DISK_PAST_NONE;
	/* the last run has seen what is there, and wrote nothing */
	if (fsm_seen(f, FSM_EV_INVENTORY) && !fsm_seen(f, FSM_EV_ORDER_SENT) &&
		!fsm_seen(f, FSM_EV_AGENT_PROGRESS))
		return DISK_PAST_NONE;
	if (f->installed || f->had_system)
		return DISK_PAST_SYSTEM;
	return f->ordered ? DISK_PAST_HALF : DISK_PAST_NONE;
}

/* Was it the mirror when the system that the node has was installed? */
bool node_wrote_mirror(const struct node *n, const struct inv_disk *disk)
{
	const char *id = json_string_value(json_object_get(n->disk, "mirror"));

	return id && *id && (streq(id, disk->serial) || streq(id, disk->wwn));
}

/* Has ondol written to that disk of the inventory since? */
static bool was_written(const struct node *n, const struct inv_disk *disk)
{
	_cleanup_free_ char *why = NULL;
	struct chosen of_now;

	if (node_disk_past(n) == DISK_PAST_NONE ||
		match_disks(n, n->conf, &of_now, &why) < 0)
		return false;
	return disk == of_now.disk[0] ||
		(disk == of_now.disk[1] && node_wrote_mirror(n, disk));
}

int node_would_write(const struct node *n, const struct rack_node *conf,
	const json_t *ids, const char **ret_to_name, char **reterr_msg)
{
	_cleanup_(jx_freep) json_t *named = node_named_disks(n, ids);
	struct chosen chosen = {0};
	int r = n->inv ? choose_disks(n, conf, named, &chosen, reterr_msg) : 0;
	bool written = true;

	*ret_to_name = "";
	if (r != -EEXIST)
		return r;
	for (size_t i = 0; i < chosen.n_to_name; i++)
		written &= was_written(n, chosen.to_name[i]);
	if (written) {
		free(*reterr_msg);
		*reterr_msg = NULL;
		return 0;
	}
	if (chosen.n_to_name == 1)
		*ret_to_name = name_of(chosen.to_name[0]);
	return r;
}

void node_disk_lock(const struct node *n, char ret[static DIGEST_HEX])
{
	diskplan_lock(n->inv, node_disk_past(n), ret);
}

/* ---- inventory ---- */

/* The operator has agreed to what was seen before: does he know what is there now? */
static bool has_other_disks(const struct node *n, const struct inventory *inv)
{
	char before[DIGEST_HEX] = "", now[DIGEST_HEX];

	if (!n->fsm.looks || !n->fsm.agreed)
		return false;
	if (n->inv)
		diskplan_lock(n->inv, DISK_PAST_NONE, before);
	diskplan_lock(inv, DISK_PAST_NONE, now);
	return !streq(before, now);
}

static void keep_inventory(struct node *n, struct inventory *inv, const json_t *inv_json)
{
	inventory_free(n->inv);
	n->inv = inv;
	n->inv_ms = now_real_ms();
	ondold_know_board(n);
	store_doc_put(n->o->store, "inventory", n->name, inv_json);
	if (node_refresh_desired(n))
		ondold_kick(n->o, n);
}

static void tell_inventory(struct node *n)
{
	char memory[32];
	_cleanup_free_ char *text = NULL;

	format_size(n->inv->memory_bytes, memory);
	text = xasprintf("%s %s, serial %s: %u CPUs, %s memory, %zu disks, %zu NICs",
		n->inv->vendor, n->inv->product, n->inv->serial, n->inv->cpus, memory,
		n->inv->n_disks, n->inv->n_nics);
	node_event(n, "agent", FSM_EV_INVENTORY, text, NULL);
}

int node_take_inventory(
	struct node *n, struct inventory *inv, const json_t *inv_json, char **reterr_msg)
{
	struct chosen chosen;
	bool is_other;
	int r;

	*reterr_msg = identity_check(n->o->rack, n->conf, inv);
	for (int which = 0; !*reterr_msg && which < BOARD_NAMES; which++) {
		const struct node *other = ondold_board(n, inv, which);

		if (other)
			*reterr_msg =
				identity_twice(n->name, inv, other->name, other->inv);
	}
	if (*reterr_msg) {
		inventory_free(inv);
		node_event(n, "ondold", FSM_EV_IDENTITY_MISMATCH, *reterr_msg, NULL);
		return 1;
	}
	is_other = has_other_disks(n, inv);
	keep_inventory(n, inv, inv_json);
	if (is_other)
		node_event(n, "ondold", FSM_EV_DISKS_OTHER,
			"its disks are not those that were agreed to: it asks anew",
			NULL);
	tell_inventory(n);
	*reterr_msg = cloudparts_memory(
		n->o->cloud->parts, n->o->rack, n->conf, n->inv->memory_bytes);
	r = *reterr_msg ? -EINVAL
			: choose_disks(n, n->conf, n->wipe, &chosen, reterr_msg);
	if (r == -EEXIST &&
		fsm_asks(&n->fsm)) /* the operator is shown it, and may name it */
		free(TAKE_PTR(*reterr_msg));
	else if (r < 0)
		node_event(n, "ondold", FSM_EV_REFUSED, *reterr_msg, NULL);
	return *reterr_msg ? 1 : 0;
}

/* ---- the order ---- */

/*
 * While a boot is being ordered the BMC may still be told to switch off: an agent of before
 * would be cut off in the middle of its writing.
 */
bool node_order_is_due(const struct node *n)
{
	return (n->fsm.state == FSM_AGENT || n->fsm.state == FSM_INSTALLING) &&
		n->fsm.agreed && !n->fsm.installed && !n->boot_job && n->inv &&
		(n->fsm.evidence & (UINT64_C(1) << FSM_EV_INVENTORY));
}

void node_blocked(struct node *n, const char *why)
{
	if (streq_ptr(why, n->blocked))
		return;
	free(n->blocked);
	n->blocked = xstrdup(why);
	node_event(n, "ondold", FSM_EV_ORDER_BLOCKED, why, NULL);
	node_set_step(n, "waiting for the image");
}

static int load_profile(struct node *n, struct image_manifest **ret)
{
	_cleanup_free_ char *msg = NULL;
	int r = profile_load(n->o->opts.images_dir, n->o->rack->image, ret, &msg);

	if (r < 0) {
		node_blocked(n, msg);
		return 1;
	}
	free(n->blocked);
	n->blocked = NULL;
	return 0;
}

static char *file_path(const struct node *n, const struct image_file *f)
{
	return f->name ? xasprintf("/files/%s/%s", n->o->rack->image, f->name) : NULL;
}

/* Cleared with order_image_clear. */
static struct order_image image_of(const struct node *n, const struct image_manifest *m)
{
	bool listed = m->blocks.name;

	return (struct order_image){.path = file_path(n, &m->root),
		.version = xstrdup(m->version),
		.sha256 = xstrdup(m->root.sha256),
		.size_bytes = m->root.size_bytes,
		.raw_bytes = m->raw_bytes,
		.blocks_path = file_path(n, &m->blocks),
		.blocks_sha256 = listed ? xstrdup(m->blocks.sha256) : NULL,
		.raw_sha256 = listed ? xstrdup(m->raw_sha256) : NULL,
		.manifest = m->signature ? xstrdup(m->text) : NULL,
		.signature = m->signature ? xstrdup(m->signature) : NULL};
}

json_t *node_image(const struct node *n, char **reterr_msg)
{
	_cleanup_(image_manifest_freep) struct image_manifest *m = NULL;
	struct order_image image;
	json_t *doc;

	if (profile_load(n->o->opts.images_dir, n->o->rack->image, &m, reterr_msg) < 0)
		return NULL;
	image = image_of(n, m);
	doc = order_image_to_json(&image);
	order_image_clear(&image);
	return doc;
}

static json_t *fill_order(
	struct node *n, const struct chosen *chosen, struct image_manifest *m)
{
	const struct rack_profile *profile = n->conf->profile;
	struct install_order order = {
		.erase = profile->disks[rack_disk_of(profile, DISK_SYSTEM)].erase,
		.swap_bytes = profile->swap_bytes,
		.rack_id = (char *)enrol_rack_id(n->o),
		.image = image_of(n, m),
		.desired = cloud_deliver_order(n),
	};
	json_t *doc;

	caster_offer(n, m, &order.image);
	for (; order.n_targets < chosen->n; order.n_targets++) {
		const struct inv_disk *d = chosen->disk[order.n_targets];

		order.targets[order.n_targets] =
			(struct order_target){.disk = {.serial = d->serial,
						      .wwn = d->wwn,
						      .size_bytes = d->size_bytes},
				.holds = d->holds,
				.wipe = chosen->wipe[order.n_targets]};
	}
	doc = install_order_to_json(&order);
	order_image_clear(&order.image);
	json_decref(order.desired);
	return doc;
}

int node_make_order(struct node *n, json_t **ret, char **reterr_msg)
{
	_cleanup_(image_manifest_freep) struct image_manifest *m = NULL;
	struct chosen chosen;
	int r = choose_disks(n, n->conf, n->wipe, &chosen, reterr_msg);

	if (r < 0)
		return r;
	if (load_profile(n, &m) != 0)
		return 1;
	*ret = fill_order(n, &chosen, m);
	return *ret ? 0 : -EINVAL;
}

/* ---- the boot script ---- */

static char *install_script(struct node *n)
{
	_cleanup_(image_manifest_freep) struct image_manifest *m = NULL;
	_cleanup_free_ char *token = random_hex(16);
	const char *authority = enrol_authority(n->o);
	char digest[DIGEST_HEX];
	struct pxe_boot boot = {
		.profile = n->o->rack->image,
		.token = token,
		.ca_digest = digest,
		.time_s = now_real_ms() / 1000,
	};
	char *script;

	if (!authority || load_profile(n, &m) != 0 || enrol_begin(n, token) < 0)
		return pxe_wait_script(n->o->rack, n->conf);
	digest_hex(authority, strlen(authority), digest);
	boot.kernel = m->kernel.name;
	boot.initrd = m->initrd.name;
	script = pxe_install_script(n->o->rack, n->conf, &boot);
	explicit_bzero(token, strlen(token));
	return script;
}

char *node_boot_script(struct node *n, uint32_t peer)
{
	bool tell = node_may_tell(n, FSM_EV_BOOT_SCRIPT, peer);

	if (!fsm_wants_netboot(&n->fsm)) {
		if (tell)
			ondold_event(n->o, n, "http", "boot.local",
				"it booted from the network with nothing to install: sent on to its disk",
				NULL);
		return xstrdup(pxe_exit_script());
	}
	if (tell && !n->blocked) /* else it asks every ten seconds */
		node_event(n, "http", FSM_EV_BOOT_SCRIPT, "iPXE fetched its boot script",
			NULL);
	if (!fsm_wants_netboot(&n->fsm)) /* once too often: it has failed just now */
		return xstrdup(pxe_exit_script());
	return install_script(n);
}
