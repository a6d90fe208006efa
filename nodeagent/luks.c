/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A key is 32 random bytes as hex, so stretching it would only cost time at each start: PBKDF2
 * with the fewest iterations that the format allows. A disk that is missing or fails is left to
 * those that need it (lvm.c, xfs.c): they say so, and one lost disk of several is no end.
 */
#include "nodeagent/luks.h"

#include <fcntl.h>

#include <libcryptsetup.h>

#include "common/diskends.h"
#include "common/http.h"
#include "common/jsonx.h"
#include "common/log.h"
#include "common/sysfs.h"
#include "nodeagent/disks.h"
#include "nodeagent/link.h"
#include "nodeagent/nodeconf.h"
#include "nodeagent/paths.h"
#include "nodeagent/patience.h"

#define LABEL "ondol-data"
#define CIPHER "aes"
#define CIPHER_MODE "xts-plain64"
#define VOLUME_KEY_BYTES 64 /* two of AES-256: XTS */
#define PBKDF2_ITERATIONS 1000 /* the least of LUKS2 */
#define KEYS_TIMEOUT_MS 30000
#define MAX_ANSWER 65536

/* ---- what is decided; pure ---- */

void luks_uuid(const char *rack, const struct order_disk *disk, char ret[static 37])
{
	/* Our own name space; made once, never to be changed. */
	static const unsigned char space[16] = {0x1b, 0x8e, 0x52, 0xd0, 0x7c, 0x39, 0x4a,
		0x14, 0x9f, 0x06, 0xe3, 0x5d, 0x28, 0xb7, 0xc1, 0x4e};

	disks_uuid(space, rack, disk, ret);
}

void luks_name(const char *uuid, char ret[static LUKS_NAME])
{
	snprintf(ret, LUKS_NAME, DISKS_MAPPING "%.8s", uuid);
}

const char *luks_key(const json_t *answer, const struct order_disk *disk)
{
	const json_t *entry;
	size_t i;

	json_array_foreach(json_object_get(answer, "keys"), i, entry)
	{
		const char *serial = json_string_value(json_object_get(entry, "serial")),
			   *wwn = json_string_value(json_object_get(entry, "wwn")),
			   *key = json_string_value(json_object_get(entry, "key"));
		uint8_t bytes[32];
		bool good = key && parse_hex(key, sizeof(bytes), bytes) == 0;

		explicit_bzero(bytes, sizeof(bytes));
		if (good && streq_ptr(serial, disk->serial) && streq_ptr(wwn, disk->wwn))
			return key;
	}
	return NULL;
}

enum luks_action luks_decide(const struct luks_disk *d, char **ret_why)
{
	if (!*d->contents)
		return LUKS_MAKE;
	if (streq(d->contents, "crypto_LUKS (label " LABEL ")") &&
		streq_ptr(d->found_uuid, d->uuid))
		return d->unfinished ? LUKS_MAKE : LUKS_OPEN;
	*ret_why = xasprintf(
		"disk %s (%s) holds %s%s%s, and rack.ini wants it encrypted: expected blank or "
		"this disk's own LUKS. Nothing was written. If that may go: wipefs -a %s",
		d->serial, d->device, d->contents, d->found_uuid ? " with UUID " : "",
		d->found_uuid ? d->found_uuid : "", d->device);
	return LUKS_REFUSE;
}

/* ---- keys ---- */

static int parse_answer(const struct http_response *res, json_t **ret, char **reterr_msg)
{
	_cleanup_free_ char *why = NULL;
	json_t *doc;

	if (res->status != 200) {
		*reterr_msg = xasprintf(
			"ondold answers %u when asked for the disks' keys", res->status);
		return -EIO;
	}
	doc = jx_parse(res->body, res->body_len, &why);
	if (!doc) {
		*reterr_msg = xasprintf(
			"what ondold says of the disks' keys is no JSON: %s", why);
		return -EBADMSG;
	}
	*ret = doc;
	return 0;
}

static int fetch_keys(json_t **ret, char **reterr_msg)
{
	_cleanup_(nodeconf_freep) struct nodeconf *conf = NULL;
	_cleanup_(http_response_clear) struct http_response res = {0};
	_cleanup_free_ char *node = NULL, *url = NULL, *why = NULL;
	int r = nodeconf_load(NODE_INI, &conf, reterr_msg);

	if (r < 0)
		return r;
	node = link_node_url(conf);
	url = xasprintf("%s/disk-keys", node);
	r = http_do(&(struct http_request){.method = "GET",
			    .url = url,
			    .identity = &conf->identity,
			    .timeout_ms = patience_ms(KEYS_TIMEOUT_MS),
			    .max_body = MAX_ANSWER},
		&res, &why);
	if (r < 0)
		*reterr_msg = xasprintf(
			"the keys of the encrypted disks are ondold's, and it does not "
			"answer: %s",
			why);
	else
		r = parse_answer(&res, ret, reterr_msg);
	if (res.body)
		explicit_bzero(res.body, res.body_len);
	return r;
}

/* ---- one disk ---- */

struct one {
	const struct disk *found; /* borrowed */
	const char *key; /* borrowed */
	char uuid[37], name[LUKS_NAME];
	struct crypt_device *cd; /* owned */
	char *said; /* owned: what libcryptsetup said last */
};

static void one_clear(struct one *o)
{
	crypt_free(o->cd);
	free(o->said);
}

static void on_log(int level, const char *msg, void *userdata)
{
	struct one *o = userdata;

	if (level != CRYPT_LOG_ERROR && level != CRYPT_LOG_NORMAL)
		return;
	free(o->said);
	o->said = str_escape(msg, 300);
}

static int failed(const struct one *o, int r, const char *what, char **reterr_msg)
{
	*reterr_msg = xasprintf("disk %s (%s) cannot be %s: %s%s%s", o->found->serial,
		o->found->path, what, strerror(-r), o->said ? ": " : "",
		o->said ? o->said : "");
	return r;
}

static bool has_key_slot(struct crypt_device *cd)
{
	for (int i = 0; i < crypt_keyslot_max(CRYPT_LUKS2); i++) {
		crypt_keyslot_info info = crypt_keyslot_status(cd, i);

		if (info == CRYPT_SLOT_ACTIVE || info == CRYPT_SLOT_ACTIVE_LAST)
			return true;
	}
	return false;
}

static int decide(struct one *o, enum luks_action *ret, char **reterr_msg)
{
	_cleanup_free_ char *contents = NULL;
	bool pv_only, loaded;
	int r = disks_contents(o->found->path, &contents, &pv_only);

	if (r < 0) {
		*reterr_msg = xasprintf("%s (serial %s) cannot be read: %s. Is the disk "
					"failing? See: dmesg",
			o->found->path, o->found->serial, strerror(-r));
		return r;
	}
	loaded = *contents && crypt_load(o->cd, CRYPT_LUKS2, NULL) == 0;
	*ret = luks_decide(
		&(struct luks_disk){.device = o->found->path,
			.serial = *o->found->serial ? o->found->serial : o->found->wwn,
			.contents = contents,
			.uuid = o->uuid,
			.found_uuid = loaded ? crypt_get_uuid(o->cd) : NULL,
			.unfinished = loaded && !has_key_slot(o->cd)},
		reterr_msg);
	return *ret == LUKS_REFUSE ? -EBUSY : 0;
}

/*
 * What was zero on the disk is noise inside: its ends become zero, so that LVM and XFS find a
 * blank disk.
 */
static int make_blank(const char *mapping)
{
	_cleanup_free_ char *path = xasprintf("/dev/mapper/%s", mapping);
	_cleanup_close_ int fd = open(path, O_RDWR | O_EXCL | O_CLOEXEC);
	off_t size = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);
	int r = size < 0 ? -errno : diskends_zero(fd, 0, (uint64_t)size);

	return r == 0 && fsync(fd) < 0 ? -errno : r;
}

/*
 * By the volume key, before there is a key slot, and under a name that is taken for no data disk's:
 * cut short, the disk is still one that is being made, and nothing can lie in it.
 */
static int blank_inside(struct one *o, const char *mapping)
{
	int ended, r = crypt_activate_by_volume_key(o->cd, mapping, NULL, 0, 0);

	if (r < 0)
		return r;
	r = make_blank(mapping);
	ended = crypt_deactivate(o->cd, mapping);
	return r < 0 ? r : ended;
}

/* Sectors as the disk's own: what lies inside may count in them, as guests' disks do. */
static int make(struct one *o, char **reterr_msg)
{
	const struct crypt_pbkdf_type pbkdf = {.type = CRYPT_KDF_PBKDF2,
		.hash = "sha256",
		.iterations = PBKDF2_ITERATIONS,
		.flags = CRYPT_PBKDF_NO_BENCHMARK};
	_cleanup_free_ char *queue = xasprintf("/sys/block/%s/queue", o->found->name);
	struct crypt_params_luks2 params = {.label = LABEL,
		.sector_size =
			(uint32_t)sysfs_attr_u64(queue, "logical_block_size", 512)};
	_cleanup_free_ char *mapping = xasprintf("making-%s", o->name);
	int r = crypt_set_pbkdf_type(o->cd, &pbkdf);

	if (crypt_status(NULL, mapping) != CRYPT_INACTIVE)
		(void)crypt_deactivate(NULL, mapping); /* of one that was cut short */
	if (r == 0)
		r = crypt_format(o->cd, CRYPT_LUKS2, CIPHER, CIPHER_MODE, o->uuid, NULL,
			VOLUME_KEY_BYTES, &params);
	if (r == 0)
		r = blank_inside(o, mapping);
	if (r == 0)
		r = crypt_keyslot_add_by_volume_key(
			o->cd, 0, NULL, 0, o->key, strlen(o->key));
	return r < 0 ? failed(o, r, "encrypted", reterr_msg) : 0;
}

static int open_one(struct one *o, char **reterr_msg)
{
	int r = crypt_activate_by_passphrase(
		o->cd, o->name, CRYPT_ANY_SLOT, o->key, strlen(o->key), 0);

	if (r == -EPERM) {
		*reterr_msg = xasprintf(
			"the key that ondold has does not open disk %s (%s). Was ondold's "
			"state folder made anew? Put its file node-authority back from its "
			"backup. Nothing was written",
			o->found->serial, o->found->path);
		return r;
	}
	return r < 0 ? failed(o, r, "opened", reterr_msg) : 0;
}

/* 1: it is open now; 0: there was nothing to do. */
static int enter_one(struct one *o, bool enter, char **reterr_msg)
{
	enum luks_action action = LUKS_REFUSE;
	int r = crypt_init(&o->cd, o->found->path);

	if (r < 0)
		return failed(o, r, "used", reterr_msg);
	crypt_set_log_callback(o->cd, on_log, o);
	r = decide(o, &action, reterr_msg);
	if (!enter && (r < 0 || action != LUKS_OPEN))
		return 0;
	if (r == 0 && !o->key) {
		*reterr_msg = xasprintf("ondold has no key for disk %s (%s): is it still "
					"this node's in rack.ini?",
			o->found->serial, o->found->path);
		r = -ENOKEY;
	}
	if (r == 0 && action == LUKS_MAKE)
		r = make(o, reterr_msg);
	if (r == 0)
		r = open_one(o, reterr_msg);
	return r < 0 ? r : 1;
}

/* ---- all of them ---- */

static void add_text(char **all, const char *more)
{
	char *next = *all ? xasprintf("%s; %s", *all, more) : xstrdup(more);

	free(*all);
	*all = next;
}

/* As it is to be found: whether it is open is looked at here. */
static const struct disk *find(
	const struct disk *list, size_t n, const struct order_disk *want)
{
	_cleanup_free_ char *missing = NULL; /* told by those that need it */
	struct order_disk plain = *want;
	const struct disk *found;

	plain.encrypt = false;
	return disks_match(list, n, &plain, &found, &missing) == 0 ? found : NULL;
}

static int open_all(const struct desired *d, const struct disk *list, size_t n,
	const json_t *keys, bool enter, char **ret_text)
{
	_cleanup_free_ char *good = NULL;
	char *wrong = NULL;
	int worst = 0;

	for (size_t i = 0; i < d->n_data_disks; i++) {
		const struct order_disk *want = &d->data_disks[i];
		_cleanup_(one_clear) struct one o = {
			.found = find(list, n, want), .key = luks_key(keys, want)};
		_cleanup_free_ char *why = NULL, *text = NULL;
		int r;

		if (!want->encrypt || !o.found || o.found->mapping)
			continue;
		luks_uuid(d->rack, want, o.uuid);
		luks_name(o.uuid, o.name);
		r = enter_one(&o, enter, &why);
		if (r > 0)
			text = xasprintf("%s is open as %s", o.found->serial, o.name);
		if (r != 0)
			add_text(r < 0 ? &wrong : &good, r < 0 ? why : text);
		worst = worst ? worst : MIN(r, 0);
	}
	*ret_text = wrong ? wrong
		: good    ? TAKE_PTR(good)
			  : xstrdup("all encrypted disks are open");
	return worst;
}

static bool is_closed(const struct disk *list, size_t n, const struct order_disk *want)
{
	const struct disk *found = want->encrypt ? find(list, n, want) : NULL;

	return found && !found->mapping;
}

int luks_open(const struct desired *d, bool enter, char **ret_text)
{
	_cleanup_(jx_freep) json_t *keys = NULL;
	struct disk *list;
	size_t n, closed = 0;
	int r = 0;

	disks_list("", &list, &n);
	for (size_t i = 0; i < d->n_data_disks; i++)
		closed += is_closed(list, n, &d->data_disks[i]);
	if (closed > 0)
		r = fetch_keys(&keys, ret_text);
	if (r == 0)
		r = open_all(d, list, n, keys, enter, ret_text);
	disks_free(list, n);
	return r;
}

int luks_close(char **ret_text)
{
	struct disk *list;
	size_t n;
	char *all = NULL;

	disks_list("", &list, &n);
	for (size_t i = 0; i < n; i++) {
		_cleanup_free_ char *text = NULL;
		int r;

		if (!list[i].mapping)
			continue;
		r = crypt_deactivate(NULL, list[i].mapping);
		text = r < 0 ? xasprintf("disk %s stays open as %s: %s", list[i].serial,
				       list[i].mapping, strerror(-r))
			     : xasprintf("disk %s is closed", list[i].serial);
		add_text(&all, text);
	}
	disks_free(list, n);
	*ret_text = all ? all : xstrdup("no encrypted disk is open");
	return 0;
}
