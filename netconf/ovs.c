/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The transaction is built anew from the current copy each time the database says "try
 * again" (someone else wrote what it rests on), so that it always is the difference
 * between what is wanted and what is there: mark (every row of want found or made) and
 * sweep (rows of ours that were not marked). Lists of ports and bridges are verified, so
 * that a guest's port added in the same instant by libvirt is not lost.
 *
 * Committed is not applied: next_cfg is incremented with each change, and the put is done
 * when ovs-vswitchd has written a cur_cfg that is no less.
 */
#include "config.h"

#include "netconf/ovs.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "lib/fatal-signal.h"
#include "lib/ovsdb-idl.h"
#include "lib/smap.h"
#include "lib/util.h"
#include "lib/vswitch-idl.h"
#include "openvswitch/poll-loop.h"
#include "openvswitch/shash.h"
#include "openvswitch/vlog.h"

#define OURS_KEY "ondol"
#define OURS_VALUE "1"
#define PROVIDER_KEY "ondol-provider"

struct ovs_db {
	struct ovsdb_idl *idl; /* owned */
	struct ovsdb_idl_txn *txn; /* owned; NULL: none open */
	const struct rows *want; /* borrowed while a put is under way */
	enum ovs_db_put state;
	unsigned int txn_seqno; /* of the copy that the transaction was built from */
	bool retry; /* build it again once the copy has changed */
	bool changed;
	int64_t next_cfg;
	char *error; /* owned */
};

static bool is_ours(const struct smap *ids)
{
	return !strcmp(smap_get_def(ids, OURS_KEY, ""), OURS_VALUE);
}

static bool is_provider(const struct smap *ids)
{
	return !strcmp(smap_get_def(ids, PROVIDER_KEY, ""), OURS_VALUE);
}

static char *copy(const char *s)
{
	return xstrdup(s ? s : "");
}

/* ---- opening, running, blocking ---- */

static void register_columns(struct ovsdb_idl *idl)
{
	static const struct ovsdb_idl_column *const columns[] = {
		&ovsrec_open_vswitch_col_bridges,
		&ovsrec_open_vswitch_col_next_cfg,
		&ovsrec_open_vswitch_col_cur_cfg,
		&ovsrec_bridge_col_name,
		&ovsrec_bridge_col_ports,
		&ovsrec_bridge_col_datapath_type,
		&ovsrec_bridge_col_fail_mode,
		&ovsrec_bridge_col_stp_enable,
		&ovsrec_bridge_col_controller,
		&ovsrec_bridge_col_other_config,
		&ovsrec_bridge_col_external_ids,
		&ovsrec_port_col_name,
		&ovsrec_port_col_interfaces,
		&ovsrec_port_col_vlan_mode,
		&ovsrec_port_col_tag,
		&ovsrec_port_col_trunks,
		&ovsrec_port_col_external_ids,
		&ovsrec_interface_col_name,
		&ovsrec_interface_col_type,
		&ovsrec_interface_col_options,
		&ovsrec_interface_col_mtu_request,
		&ovsrec_interface_col_mac,
		&ovsrec_interface_col_error,
		&ovsrec_interface_col_external_ids,
	};

	ovsdb_idl_add_table(idl, &ovsrec_table_open_vswitch);
	ovsdb_idl_add_table(idl, &ovsrec_table_bridge);
	ovsdb_idl_add_table(idl, &ovsrec_table_port);
	ovsdb_idl_add_table(idl, &ovsrec_table_interface);
	for (size_t i = 0; i < ARRAY_SIZE(columns); i++)
		ovsdb_idl_add_column(idl, columns[i]);
}

struct ovs_db *ovs_db_open(const char *remote, bool debug)
{
	struct ovs_db *db = xzalloc(sizeof(*db));

	vlog_set_levels(NULL, VLF_ANY_DESTINATION, VLL_OFF);
	if (debug)
		vlog_set_levels(NULL, VLF_CONSOLE, VLL_DBG);
	fatal_ignore_sigpipe();
	db->idl = ovsdb_idl_create(remote, &ovsrec_idl_class, false, true);
	ovsdb_idl_set_leader_only(db->idl, false);
	register_columns(db->idl);
	return db;
}

static void drop_txn(struct ovs_db *db)
{
	if (db->txn)
		ovsdb_idl_txn_destroy(db->txn);
	db->txn = NULL;
}

void ovs_db_close(struct ovs_db *db)
{
	if (!db)
		return;
	drop_txn(db);
	ovsdb_idl_destroy(db->idl);
	free(db->error);
	free(db);
}

static void put_fail(struct ovs_db *db, char *why)
{
	free(db->error);
	db->error = why;
	db->state = OVS_DB_PUT_FAILED;
	drop_txn(db);
}

bool ovs_db_is_ready(const struct ovs_db *db)
{
	return ovsdb_idl_is_connected(db->idl) && ovsdb_idl_has_ever_connected(db->idl) &&
		ovsrec_open_vswitch_first(db->idl);
}

void ovs_db_block(struct ovs_db *db, int fd, int timeout_ms)
{
	ovsdb_idl_wait(db->idl);
	if (db->txn)
		ovsdb_idl_txn_wait(db->txn);
	poll_fd_wait(fd, POLLIN);
	if (timeout_ms >= 0)
		poll_timer_wait(timeout_ms);
	poll_block();
}

/* ---- reading ---- */

static void read_port(
	struct row_port *ret, const char *bridge, const struct ovsrec_port *p)
{
	const struct ovsrec_interface *iface = p->n_interfaces ? p->interfaces[0] : NULL;

	ret->name = copy(p->name);
	ret->bridge = copy(bridge);
	ret->type = copy(iface ? iface->type : "");
	ret->vlan_mode = copy(p->vlan_mode);
	ret->tag = p->n_tag ? (unsigned)p->tag[0] : 0;
	ret->trunks = p->n_trunks ? xcalloc(p->n_trunks, sizeof(unsigned)) : NULL;
	for (size_t i = 0; i < p->n_trunks; i++)
		ret->trunks[i] = (unsigned)p->trunks[i]; /* the IDL keeps sets sorted */
	ret->n_trunks = p->n_trunks;
	ret->mtu_request =
		iface && iface->n_mtu_request ? (unsigned)iface->mtu_request[0] : 0;
	ret->mac = copy(iface ? iface->mac : "");
	ret->peer = copy(iface ? smap_get(&iface->options, "peer") : "");
	ret->error = copy(iface ? iface->error : "");
	ret->ours = is_ours(&p->external_ids);
}

struct rows *ovs_db_read(const struct ovs_db *db)
{
	const struct ovsrec_open_vswitch *root = ovsrec_open_vswitch_first(db->idl);
	struct rows *r = xzalloc(sizeof(*r));
	size_t n_ports = 0;

	for (size_t i = 0; i < root->n_bridges; i++)
		n_ports += root->bridges[i]->n_ports;
	r->bridges = xcalloc(root->n_bridges + 1, sizeof(*r->bridges));
	r->ports = xcalloc(n_ports + 1, sizeof(*r->ports));
	for (size_t i = 0; i < root->n_bridges; i++) {
		const struct ovsrec_bridge *b = root->bridges[i];
		struct row_bridge *out = &r->bridges[r->n_bridges++];

		out->name = copy(b->name);
		out->datapath_type = copy(b->datapath_type);
		out->fail_mode = copy(b->fail_mode);
		out->stp = b->stp_enable;
		out->hwaddr = copy(smap_get(&b->other_config, "hwaddr"));
		out->provider = is_provider(&b->external_ids);
		out->ours = is_ours(&b->external_ids);
		for (size_t j = 0; j < b->n_ports; j++)
			read_port(&r->ports[r->n_ports++], b->name, b->ports[j]);
	}
	return r;
}

/* ---- building the transaction ---- */

static const struct ovsrec_bridge *find_bridge(
	const struct ovsrec_open_vswitch *root, const char *name)
{
	for (size_t i = 0; i < root->n_bridges; i++)
		if (!strcmp(root->bridges[i]->name, name))
			return root->bridges[i];
	return NULL;
}

static const struct ovsrec_port *find_port(
	const struct ovsrec_bridge *b, const char *name)
{
	for (size_t i = 0; b && i < b->n_ports; i++)
		if (!strcmp(b->ports[i]->name, name))
			return b->ports[i];
	return NULL;
}

/* What was Neutron's is not any more: without its controller its flows go as well. */
static void take_back(const struct ovsrec_bridge *b)
{
	ovsrec_bridge_update_external_ids_delkey(b, PROVIDER_KEY);
	ovsrec_bridge_set_controller(b, NULL, 0);
}

static const struct ovsrec_bridge *put_bridge(struct ovsdb_idl_txn *txn,
	const struct row_bridge *w, const struct ovsrec_bridge *b)
{
	const bool was_provider = b && is_provider(&b->external_ids);
	const char *hwaddr = b ? smap_get_def(&b->other_config, "hwaddr", "") : "";

	if (!b) {
		b = ovsrec_bridge_insert(txn);
		ovsrec_bridge_set_name(b, w->name);
	}
	ovsrec_bridge_set_datapath_type(b, w->datapath_type);
	if (w->hwaddr[0] && strcmp(hwaddr, w->hwaddr))
		ovsrec_bridge_update_other_config_setkey(b, "hwaddr", w->hwaddr);
	if (w->provider && !was_provider)
		ovsrec_bridge_update_external_ids_setkey(b, PROVIDER_KEY, OURS_VALUE);
	if (!w->provider) {
		ovsrec_bridge_set_fail_mode(b, w->fail_mode);
		ovsrec_bridge_set_stp_enable(b, w->stp);
		if (was_provider)
			take_back(b);
	}
	if (!is_ours(&b->external_ids))
		ovsrec_bridge_update_external_ids_setkey(b, OURS_KEY, OURS_VALUE);
	return b;
}

static void put_interface(const struct row_port *w, const struct ovsrec_interface *iface)
{
	const int64_t mtu = w->mtu_request;

	ovsrec_interface_set_type(iface, w->type);
	ovsrec_interface_set_mtu_request(iface, &mtu, w->mtu_request ? 1 : 0);
	ovsrec_interface_set_mac(iface, w->mac[0] ? w->mac : NULL);
	if (w->peer[0] && strcmp(smap_get_def(&iface->options, "peer", ""), w->peer))
		ovsrec_interface_update_options_setkey(iface, "peer", w->peer);
	if (!is_ours(&iface->external_ids))
		ovsrec_interface_update_external_ids_setkey(iface, OURS_KEY, OURS_VALUE);
}

static void put_vlans(const struct row_port *w, const struct ovsrec_port *p)
{
	const int64_t tag = w->tag;
	int64_t *trunks = xcalloc(w->n_trunks + 1, sizeof(*trunks));

	for (size_t i = 0; i < w->n_trunks; i++)
		trunks[i] = w->trunks[i];
	ovsrec_port_set_vlan_mode(p, w->vlan_mode[0] ? w->vlan_mode : NULL);
	ovsrec_port_set_tag(p, &tag, w->tag ? 1 : 0);
	ovsrec_port_set_trunks(p, trunks, w->n_trunks);
	free(trunks);
}

static const struct ovsrec_port *put_port(
	struct ovsdb_idl_txn *txn, const struct row_port *w, const struct ovsrec_port *p)
{
	if (!p) {
		struct ovsrec_interface *iface = ovsrec_interface_insert(txn);

		ovsrec_interface_set_name(iface, w->name);
		p = ovsrec_port_insert(txn);
		ovsrec_port_set_name(p, w->name);
		ovsrec_port_set_interfaces(p, &iface, 1);
	}
	put_vlans(w, p);
	put_interface(w, p->interfaces[0]);
	if (!is_ours(&p->external_ids))
		ovsrec_port_update_external_ids_setkey(p, OURS_KEY, OURS_VALUE);
	return p;
}

/* A port that can be kept as the wanted one: ours, one interface, of the same type. */
static bool port_fits(const struct ovsrec_port *p, const struct row_port *w)
{
	return p && is_ours(&p->external_ids) && p->n_interfaces == 1 &&
		!strcmp(p->interfaces[0]->type, w->type);
}

static const struct row_port *wanted_port(
	const struct rows *want, const char *bridge, const char *name)
{
	for (size_t i = 0; i < want->n_ports; i++)
		if (!strcmp(want->ports[i].name, name) &&
			!strcmp(want->ports[i].bridge, bridge))
			return &want->ports[i];
	return NULL;
}

static void set_ports(
	const struct ovsrec_bridge *b, struct ovsrec_port **ports, size_t n, bool existed)
{
	if (existed)
		ovsrec_bridge_verify_ports(b);
	ovsrec_bridge_set_ports(b, ports, n);
}

/* Brings the ports of one bridge in line; foreign ones stay. */
static void put_ports(
	struct ovs_db *db, const struct ovsrec_bridge *b, const char *name, bool existed)
{
	struct ovsrec_port **ports =
		xcalloc(b->n_ports + db->want->n_ports + 1, sizeof(*ports));
	size_t n = 0;
	bool differs = !existed;

	for (size_t i = 0; i < b->n_ports; i++) {
		struct ovsrec_port *p = b->ports[i];

		if (!is_ours(&p->external_ids))
			ports[n++] = p;
		else if (!wanted_port(db->want, name, p->name))
			differs = true;
	}
	for (size_t i = 0; i < db->want->n_ports; i++) {
		const struct row_port *w = &db->want->ports[i];
		const struct ovsrec_port *p = find_port(b, w->name);

		if (strcmp(w->bridge, name))
			continue;
		if (!port_fits(p, w)) {
			p = NULL;
			differs = true;
		}
		ports[n++] = CONST_CAST(struct ovsrec_port *, put_port(db->txn, w, p));
	}
	if (differs)
		set_ports(b, ports, n, existed);
	free(ports);
}

static bool is_patch(const struct ovsrec_port *p)
{
	return p->n_interfaces == 1 && !strcmp(p->interfaces[0]->type, "patch");
}

static bool row_is_wanted(const struct rows *want, const char *bridge)
{
	for (size_t i = 0; i < want->n_bridges; i++)
		if (!strcmp(want->bridges[i].name, bridge))
			return true;
	return false;
}

/*
 * A bridge of ours that nobody wants goes, unless others have ports on it: then it stays,
 * with its local port, and only our other ports leave it. Neutron's wires to a provider
 * bridge do not count: the agent leaves them behind when it is told to leave the bridge.
 */
static bool sweep_bridge(struct ovs_db *db, const struct ovsrec_bridge *b)
{
	struct ovsrec_port **ports = xcalloc(b->n_ports + 1, sizeof(*ports));
	size_t n = 0, foreign = 0;

	for (size_t i = 0; i < b->n_ports; i++) {
		const bool ours = is_ours(&b->ports[i]->external_ids);
		const bool local = !strcmp(b->ports[i]->name, b->name);
		const bool wire = is_provider(&b->external_ids) && is_patch(b->ports[i]);

		if (!ours || local)
			ports[n++] = b->ports[i];
		foreign += !ours && !local && !wire;
	}
	if (foreign && n != b->n_ports)
		set_ports(b, ports, n, true);
	free(ports);
	return foreign == 0;
}

static void put_bridges(struct ovs_db *db, const struct ovsrec_open_vswitch *root)
{
	const size_t max = root->n_bridges + db->want->n_bridges + 1;
	struct ovsrec_bridge **list = xcalloc(max, sizeof(*list));
	size_t n = 0;
	bool differs = false;

	for (size_t i = 0; i < root->n_bridges; i++) {
		struct ovsrec_bridge *b = root->bridges[i];

		if (row_is_wanted(db->want, b->name))
			continue;
		if (is_ours(&b->external_ids) && sweep_bridge(db, b))
			differs = true;
		else
			list[n++] = b;
	}
	for (size_t i = 0; i < db->want->n_bridges; i++) {
		const struct row_bridge *w = &db->want->bridges[i];
		const struct ovsrec_bridge *old = find_bridge(root, w->name);
		const struct ovsrec_bridge *b = put_bridge(db->txn, w, old);

		put_ports(db, b, w->name, old != NULL);
		differs |= !old;
		list[n++] = CONST_CAST(struct ovsrec_bridge *, b);
	}
	if (differs) {
		ovsrec_open_vswitch_verify_bridges(root);
		ovsrec_open_vswitch_set_bridges(root, list, n);
	}
	free(list);
}

/* ---- the life of a put ---- */

static void put_begin(struct ovs_db *db)
{
	const struct ovsrec_open_vswitch *root = ovsrec_open_vswitch_first(db->idl);
	struct rows *found = ovs_db_read(db);
	char *conflict = rows_conflict(db->want, found);

	rows_free(found);
	if (conflict) {
		put_fail(db, conflict);
		return;
	}
	db->retry = false;
	db->txn_seqno = ovsdb_idl_get_seqno(db->idl);
	db->txn = ovsdb_idl_txn_create(db->idl);
	ovsdb_idl_txn_add_comment(db->txn, "ondol-netconf");
	ovsdb_idl_txn_increment(
		db->txn, &root->header_, &ovsrec_open_vswitch_col_next_cfg, false);
	put_bridges(db, root);
}

static void put_commit(struct ovs_db *db)
{
	const enum ovsdb_idl_txn_status status = ovsdb_idl_txn_commit(db->txn);

	switch (status) {
	case TXN_INCOMPLETE:
		return;
	case TXN_SUCCESS:
		db->changed = true;
		db->next_cfg = ovsdb_idl_txn_get_increment_new_value(db->txn);
		db->state = OVS_DB_PUT_SETTLING;
		break;
	case TXN_UNCHANGED:
		/* A run before this one may have been killed while it waited. */
		db->next_cfg = ovsrec_open_vswitch_first(db->idl)->next_cfg;
		db->state = OVS_DB_PUT_SETTLING;
		break;
	case TXN_TRY_AGAIN:
		db->retry = true;
		break;
	case TXN_UNCOMMITTED:
	case TXN_ABORTED:
	case TXN_NOT_LOCKED:
	case TXN_ERROR:
		put_fail(db,
			xasprintf("the database refused the change: %s",
				ovsdb_idl_txn_get_error(db->txn)));
		return;
	}
	drop_txn(db);
}

void ovs_db_run(struct ovs_db *db)
{
	const struct ovsrec_open_vswitch *root;

	ovsdb_idl_run(db->idl);
	if (!ovs_db_is_ready(db) && !db->txn)
		return;
	if (db->state == OVS_DB_PUT_COMMITTING && !db->txn &&
		(!db->retry || ovsdb_idl_get_seqno(db->idl) != db->txn_seqno))
		put_begin(db);
	if (db->state == OVS_DB_PUT_COMMITTING && db->txn)
		put_commit(db);
	root = ovsrec_open_vswitch_first(db->idl);
	if (db->state == OVS_DB_PUT_SETTLING && root && root->cur_cfg >= db->next_cfg)
		db->state = OVS_DB_PUT_DONE;
}

void ovs_db_put(struct ovs_db *db, const struct rows *want)
{
	drop_txn(db);
	free(db->error);
	db->error = NULL;
	db->want = want;
	db->changed = false;
	db->retry = false;
	db->state = OVS_DB_PUT_COMMITTING;
}

void ovs_db_give_up(struct ovs_db *db)
{
	drop_txn(db);
	db->want = NULL;
	db->state = OVS_DB_PUT_NONE;
}

enum ovs_db_put ovs_db_put_state(const struct ovs_db *db)
{
	return db->state;
}

bool ovs_db_is_settled(const struct ovs_db *db)
{
	const struct ovsrec_open_vswitch *root = ovsrec_open_vswitch_first(db->idl);

	return root && root->cur_cfg >= root->next_cfg;
}

bool ovs_db_put_changed(const struct ovs_db *db)
{
	return db->changed;
}

const char *ovs_db_error(const struct ovs_db *db)
{
	return db->error ? db->error : "";
}
