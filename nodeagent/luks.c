/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A key is 32 random bytes as hex, so stretching it would only cost time at each start: PBKDF2
 * with the fewest iterations that the format allows.
 */
#include "nodeagent/luks.h"

#include <fcntl.h>
#include <sys/mman.h>

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
#define HEADER_MIB 16 /* of LUKS2, as libcryptsetup makes it */
#define RECORDS "/var/lib/ondol/luks" /* an empty file per disk that is being made */
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

static bool is_labelled(const struct luks_disk *d)
{
	return streq(d->contents, "crypto_LUKS (label " LABEL ")");
}

/* Where its data can still be had, no way to destroy them is told. */
static char *objection(const struct luks_disk *d)
{
	if (is_labelled(d) && streq_ptr(d->found_uuid, d->uuid))
		return xasprintf(
			"disk %s (%s) is encrypted by this rack, and rack.ini does not want it "
			"encrypted any more. Put encrypt = yes back, and its data is there "
			"again; or give the node a role without data disks first, in which "
			"what is empty becomes blank. Nothing was written",
			d->serial, d->device);
	if (is_labelled(d))
		return xasprintf(
			"disk %s (%s) holds LUKS with UUID %s: ondol's own, but made in a rack "
			"of another name. Was this rack renamed? Put the old name back in "
			"rack.ini, and its data is there again. Nothing was written",
			d->serial, d->device, d->found_uuid ? d->found_uuid : "none");
	return xasprintf(
		"disk %s (%s) holds %s, and rack.ini wants it encrypted: expected blank or "
		"this disk's own LUKS. Nothing was written. If that may go: dd if=/dev/zero "
		"of=%s bs=1M count=32; dd if=/dev/zero of=%s bs=1M seek=%llu",
		d->serial, d->device, d->contents, d->device, d->device,
		(unsigned long long)(d->size_bytes / (1024 * 1024) - 1));
}

enum luks_action luks_decide(const struct luks_disk *d, char **ret_why)
{
	if (!d->wanted && !is_labelled(d))
		return LUKS_LEAVE;
	if (d->wanted && !*d->contents)
		return LUKS_MAKE;
	if (d->wanted && d->begun && streq(d->contents, DISKENDS_UNKNOWN))
		return LUKS_MAKE;
	if (d->wanted && is_labelled(d) && streq_ptr(d->found_uuid, d->uuid))
		return d->unfinished ? LUKS_MAKE : LUKS_OPEN;
	*ret_why = objection(d);
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
	const struct order_disk *want; /* borrowed, as all here */
	const struct disk *found;
	bool wanted; /* it is to be encrypted, or (leaving) to be opened if it is */
	const char *key;
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
	*reterr_msg = xasprintf("disk %s (%s) cannot be %s: %s%s%s", disks_name(o->found),
		o->found->path, what, strerror(-r), o->said ? ": " : "",
		o->said ? o->said : "");
	return r;
}

/* A context that has seen what is on the disk formats nothing: each work has its own. */
static int begin(struct one *o, char **reterr_msg)
{
	int r;

	crypt_free(o->cd);
	o->cd = NULL;
	r = crypt_init(&o->cd, o->found->path);
	if (r < 0)
		return failed(o, r, "used", reterr_msg);
	crypt_set_log_callback(o->cd, on_log, o);
	return 0;
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

/* A making that was cut short before its header leaves bytes that nobody knows. */
static char *record_of(const struct one *o)
{
	return xasprintf(RECORDS "/%s", o->name);
}

static int decide(struct one *o, enum luks_action *ret, char **reterr_msg)
{
	_cleanup_free_ char *contents = NULL, *record = record_of(o);
	bool pv_only, loaded;
	int r = disks_contents(o->found->path, &contents, &pv_only);

	if (r == 0)
		r = begin(o, reterr_msg);
	if (r < 0)
		return r;
	loaded = *contents && crypt_load(o->cd, CRYPT_LUKS2, NULL) == 0;
	*ret = luks_decide(&(struct luks_disk){.device = o->found->path,
				   .serial = disks_name(o->found),
				   .size_bytes = o->found->size_bytes,
				   .wanted = o->wanted,
				   .contents = contents,
				   .uuid = o->uuid,
				   .found_uuid = loaded ? crypt_get_uuid(o->cd) : NULL,
				   .unfinished = loaded && !has_key_slot(o->cd),
				   .begun = access(record, F_OK) == 0},
		reterr_msg);
	return 0;
}

/*
 * What was zero on the disk is noise inside: its ends become zero, so that LVM and XFS find a blank
 * disk. By the volume key, before there is a key slot, and under a name that is taken for
 * no data disk's: cut short, the disk is still one that is being made, and nothing can lie in it.
 */
static int blank_inside(struct one *o, const char *mapping)
{
	_cleanup_free_ char *path = xasprintf("/dev/mapper/%s", mapping);
	int ended, r = crypt_activate_by_volume_key(o->cd, mapping, NULL, 0, 0);

	if (r < 0)
		return r;
	r = disks_make_blank(path);
	ended = crypt_deactivate(o->cd, mapping);
	return r < 0 ? r : ended;
}

/* Sectors as the disk's own: what lies inside may count in them, as guests' disks do. */
static int format(struct one *o)
{
	const struct crypt_pbkdf_type pbkdf = {.type = CRYPT_KDF_PBKDF2,
		.hash = "sha256",
		.iterations = PBKDF2_ITERATIONS,
		.flags = CRYPT_PBKDF_NO_BENCHMARK};
	_cleanup_free_ char *queue = xasprintf("/sys/block/%s/queue", o->found->name),
			    *mapping = xasprintf("making-%s", o->name);
	struct crypt_params_luks2 params = {.label = LABEL,
		.sector_size =
			(uint32_t)sysfs_attr_u64(queue, "logical_block_size", 512)};
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
	return MIN(r, 0);
}

static int make(struct one *o, char **reterr_msg)
{
	_cleanup_free_ char *record = record_of(o);
	int r = begin(o, reterr_msg);

	if (r < 0)
		return r;
	r = mkdir_p(RECORDS, 0700);
	if (r == 0)
		r = write_file_atomic(record, "", 0, 0600);
	if (r == 0)
		r = format(o);
	if (r == 0 && unlink(record) < 0)
		r = -errno;
	return r < 0 ? failed(o, r, "encrypted", reterr_msg) : 0;
}

static int open_one(struct one *o, char **reterr_msg)
{
	int r = crypt_activate_by_passphrase(
		o->cd, o->name, CRYPT_ANY_SLOT, o->key, strlen(o->key), 0);

	if (r == -EPERM) {
		*reterr_msg = xasprintf(
			"the key that ondold has does not open disk %s (%s). Was ondold's "
			"state folder made anew, or put back from a copy that is older than "
			"the disk? Its file node-authority of today is needed. Nothing was "
			"written",
			disks_name(o->found), o->found->path);
		return r;
	}
	return r < 0 ? failed(o, r, "opened", reterr_msg) : 0;
}

/* ---- all of them ---- */

struct all {
	const struct desired *desired;
	bool enter;
	json_t *keys; /* owned; NULL: not asked for yet */
	char *good, *wrong; /* owned */
};

static int need_key(struct all *a, struct one *o, char **reterr_msg)
{
	if (!a->keys && fetch_keys(&a->keys, reterr_msg) < 0)
		return -EAGAIN; /* unlike all that is the disk's fault */
	o->key = luks_key(a->keys, o->want);
	if (o->key)
		return 0;
	*reterr_msg = xasprintf(
		"ondold has no key for disk %s (%s): is it still this node's in rack.ini?",
		disks_name(o->found), o->found->path);
	return -ENOKEY;
}

/* Leaving, what rack.ini wants of a disk is no matter: what there is on it is. */
static int see_to(struct all *a, struct one *o, char **reterr_msg)
{
	enum luks_action action = LUKS_LEAVE;
	int r;

	o->wanted = o->want->encrypt || !a->enter;
	r = decide(o, &action, reterr_msg);
	if (r < 0 || action == LUKS_LEAVE)
		return r;
	if (!a->enter && action != LUKS_OPEN)
		return 0;
	if (action == LUKS_REFUSE)
		return -EBUSY;
	r = need_key(a, o, reterr_msg);
	if (r == 0 && action == LUKS_MAKE)
		r = make(o, reterr_msg);
	if (r == 0)
		r = open_one(o, reterr_msg);
	if (r == 0)
		text_add(&a->good,
			xasprintf(
				"disk %s is open as %s", disks_name(o->found), o->name));
	return r;
}

/* Open, and not to be: it was encrypted when rack.ini still wanted that. */
static int refuse_open(const struct one *o, char **reterr_msg)
{
	(void)luks_decide(&(struct luks_disk){.device = o->found->path,
				  .serial = disks_name(o->found),
				  .contents = "crypto_LUKS (label " LABEL ")",
				  .uuid = o->uuid,
				  .found_uuid = o->uuid},
		reterr_msg);
	return -EBUSY;
}

static void tell(const struct one *o, int r, const char *why)
{
	if (r < 0)
		log_warn("disk %s (%s) stays closed: %s", disks_name(o->found),
			o->found->path, why ? why : strerror(-r));
}

/*
 * A disk that is missing, or cannot be read, is left to those that need it (lvm.c, xfs.c): they say
 * so, and one lost disk of several is no end.
 */
static int each_disk(struct all *a, const struct disk *list, size_t n)
{
	int worst = 0;

	for (size_t i = 0; i < a->desired->n_data_disks; i++) {
		_cleanup_(one_clear) struct one o = {.want = &a->desired->data_disks[i]};
		_cleanup_free_ char *missing = NULL;
		char *why = NULL;
		int r = 0;

		if (disks_find(list, n, o.want, &o.found, &missing) < 0)
			continue;
		luks_uuid(a->desired->rack, o.want, o.uuid);
		luks_name(o.uuid, o.name);
		if (!o.found->mapping)
			r = see_to(a, &o, &why);
		else if (a->enter && !o.want->encrypt)
			r = refuse_open(&o, &why);
		if (r == -EIO || (!a->enter && r != -EAGAIN))
			tell(&o, r, why);
		else if (r < 0)
			text_add(&a->wrong, why ? TAKE_PTR(why) : xstrdup(strerror(-r)));
		if (a->wrong && !worst)
			worst = r;
		free(why);
	}
	return worst;
}

int luks_open(const struct desired *d, bool enter, char **ret_text)
{
	struct all a = {.desired = d, .enter = enter};
	struct disk *list;
	size_t n;
	int r;

	/* keys come to no swap; this process ends soon */
	if (mlockall(MCL_CURRENT | MCL_FUTURE) < 0)
		log_warn("memory cannot be locked: %s", strerror(errno));
	disks_list("", &list, &n);
	r = each_disk(&a, list, n);
	disks_free(list, n);
	json_decref(a.keys);
	*ret_text = a.wrong ? TAKE_PTR(a.wrong)
		: a.good    ? TAKE_PTR(a.good)
			    : xstrdup("there is nothing to open");
	free(a.good);
	free(a.wrong);
	return r;
}

/* ---- closing ---- */

/* Header and key slots; what noise was inside is nobody's without them. */
static int zero_header(const char *path)
{
	_cleanup_close_ int fd = open(path, O_RDWR | O_EXCL | O_CLOEXEC);
	const size_t chunk = 1024 * 1024;
	_cleanup_free_ char *zeros = xcalloc(1, chunk);
	int r = fd < 0 ? -errno : 0;

	for (int i = 0; r == 0 && i < HEADER_MIB; i++)
		r = write_all(fd, zeros, chunk);
	return r == 0 && fsync(fd) < 0 ? -errno : r;
}

static int wipe(const char *disk)
{
	_cleanup_free_ char *path = xasprintf("/dev/%s", disk);
	int r = zero_header(path);

	return r == 0 ? disks_make_blank(path) : r;
}

static void close_one(const struct disk *d, char **all)
{
	_cleanup_free_ char *contents = NULL;
	bool pv_only,
		empty = disks_contents(d->path, &contents, &pv_only) == 0 && !*contents;
	int r = crypt_deactivate(NULL, d->mapping);

	if (r < 0) {
		text_add(all,
			xasprintf("disk %s stays open as %s: %s", disks_name(d),
				d->mapping, strerror(-r)));
		return;
	}
	if (empty)
		r = wipe(d->name);
	text_add(all,
		xasprintf("disk %s is closed%s", disks_name(d),
			!empty          ? ", and keeps what is in it"
				: r < 0 ? ", and could not be made blank"
					: ": there was nothing in it, and it is blank"));
}

int luks_close(char **ret_text)
{
	struct disk *list;
	size_t n;
	char *all = NULL;

	disks_list("", &list, &n);
	for (size_t i = 0; i < n; i++)
		if (list[i].mapping)
			close_one(&list[i], &all);
	disks_free(list, n);
	*ret_text = all;
	return 0;
}
