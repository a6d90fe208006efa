/* SPDX-License-Identifier: Apache-2.0 */
#include "nodeagent/update.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/mount.h>

#include "common/jsonx.h"
#include "common/log.h"
#include "images/delta.h"
#include "images/esp.h"
#include "images/signature.h"
#include "nodeagent/nodeconf.h"
#include "nodeagent/patience.h"
#include "nodeagent/proofs.h"
#include "nodeagent/slots.h"
#include "nodeagent/work.h"

#define MAX_RECORD 16384
#define TRIAL_MAX_S 86400 /* images/cmdline.c takes no more */
#define TRIAL_MIN_S 60
#define SLOT_DIR NODE_RUN_DIR "/update/slot"
#define ESP_DIR NODE_RUN_DIR "/update/esp"

/* ---- what was begun ---- */

void update_record_clear(struct update_record *u)
{
	free(u->version);
	free(u->before);
	free(u->text);
	*u = (struct update_record){0};
}

int update_load(const char *path, struct update_record *ret, char **reterr_msg)
{
	_cleanup_free_ char *text = NULL, *why = NULL;
	_cleanup_(jx_freep) json_t *doc = NULL;
	struct jx j = {0};
	size_t len;
	int r = read_file(path, MAX_RECORD, &text, &len);

	if (r < 0) {
		*reterr_msg = xasprintf("%s: %s", path, strerror(-r));
		return r;
	}
	doc = jx_parse(text, len, &why);
	j.obj = doc;
	if (doc) {
		*ret = (struct update_record){jx_uint(&j, "task", 1, INT64_MAX),
			xstrdup(jx_str(&j, "version", 128)),
			xstrdup(jx_str(&j, "before", 128)),
			xstrdup(jx_str_opt(&j, "text", SAID_MAX, "")),
			jx_bool_opt(&j, "ok", false)};
		if (!j.error)
			return 0;
		update_record_clear(ret);
	}
	*reterr_msg = xasprintf("%s: %s", path, doc ? j.error : why);
	free(j.error);
	return -EINVAL;
}

int update_save(const char *path, const struct update_record *u, char **reterr_msg)
{
	_cleanup_(jx_freep) json_t *doc = json_pack("{s:I, s:s, s:s, s:s, s:b}", "task",
		(json_int_t)u->task, "version", u->version, "before", u->before, "text",
		u->text ? u->text : "", "ok", (int)u->ok);
	_cleanup_free_ char *text = doc ? json_dumps(doc, JSON_INDENT(2)) : NULL;
	int r = text ? write_file_atomic(path, text, strlen(text), 0600) : -EINVAL;

	if (r < 0)
		*reterr_msg = xasprintf("%s cannot be written: %s", path, strerror(-r));
	return r;
}

int update_end(const char *path, struct update_record *u, bool ok, const char *text,
	char **reterr_msg)
{
	free(u->text);
	u->text = said(text);
	u->ok = ok;
	return update_save(path, u, reterr_msg);
}

bool update_has_ended(const struct update_record *u)
{
	return u->text && *u->text;
}

int update_forget(const char *path)
{
	return unlink(path) < 0 && errno != ENOENT ? -errno : 0;
}

enum update_outcome update_judge(
	const struct update_record *u, const char *running, bool on_trial)
{
	if (!streq(u->version, running))
		return UPDATE_RETURNED;
	return on_trial ? UPDATE_ON_TRIAL : UPDATE_KEPT;
}

/* ---- mounting ---- */

/* What a worker mounts is its own: it goes with it, however that ends. */
static int leave_namespace(char **reterr_msg)
{
	int r = unshare(CLONE_NEWNS) < 0 ||
			mount("", "/", NULL, MS_REC | MS_SLAVE, NULL) < 0
		? -errno
		: 0;

	if (r < 0)
		*reterr_msg =
			xasprintf("a mount namespace cannot be had: %s", strerror(-r));
	return r;
}

static int mount_at(const char *device, const char *dir, const char *type,
	unsigned long flags, const char **ret, char **reterr_msg)
{
	int r = mkdir_p(dir, 0700);

	if (r == 0 && mount(device, dir, type, flags, NULL) < 0)
		r = -errno;
	if (r < 0) {
		*reterr_msg = xasprintf(
			"%s cannot be mounted as %s: %s", device, type, strerror(-r));
		return r;
	}
	*ret = dir;
	return 0;
}

static void umount_p(const char **dir)
{
	if (*dir && umount(*dir) < 0)
		log_warn("%s cannot be unmounted: %s", *dir, strerror(errno));
}

static int unmount(const char **dir, char **reterr_msg)
{
	int r = umount(*dir) < 0 ? -errno : 0;

	if (r < 0)
		*reterr_msg = xasprintf("%s cannot be unmounted: %s", *dir, strerror(-r));
	*dir = NULL;
	return r;
}

/* On the EFI partition, or on both of a mirror's, one after the other. */
static int on_each_esp(const struct slots *s,
	int (*change)(const void *userdata, char **reterr_msg), const void *userdata,
	char **reterr_msg)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < s->n_esp; i++) {
		_cleanup_(umount_p) const char *esp = NULL;

		r = mount_at(s->esp_device[i], ESP_DIR, "vfat", 0, &esp, reterr_msg);
		if (r == 0)
			r = change(userdata, reterr_msg);
		if (r == 0)
			r = unmount(&esp, reterr_msg);
	}
	return r;
}

/* ---- writing ---- */

struct writing {
	struct slots slots;
	struct nodeconf *conf;
	struct order_image image;
	struct update_record record;
	unsigned said; /* tenths that were told */
};

static void writing_clear(struct writing *w)
{
	slots_clear(&w->slots);
	nodeconf_free(w->conf);
	order_image_clear(&w->image);
	update_record_clear(&w->record);
}

static void on_progress(void *userdata, uint64_t done, uint64_t total)
{
	struct writing *w = userdata;
	unsigned tenths = (unsigned)(done * 10 / total);

	if (tenths > w->said) {
		w->said = tenths;
		work_now("writing image %s to slot %s, %u %%", w->image.version,
			w->slots.other, tenths * 10);
	}
}

static void on_pause(_unused_ void *userdata, unsigned ms, const char *why)
{
	log_warn("image: %s; trying again from where it broke in %u s", why,
		(ms + 999) / 1000);
	(void)poll(NULL, 0, (int)ms);
}

/* Whatever happens to the other slot from here on: the firmware starts the one that runs. */
static int forget_other(const void *userdata, char **reterr_msg)
{
	const struct writing *w = userdata;
	int r = esp_set_default(ESP_DIR, w->slots.current, reterr_msg);

	return r == 0 ? esp_forget_slot(ESP_DIR, w->slots.other, reterr_msg) : r;
}

static char *url_of(const struct writing *w, const char *path)
{
	char address[16];

	format_ipv4(w->conf->server, address);
	return xasprintf("https://%s:%u%s", address, w->conf->port, path);
}

/* What the running slot has is copied from it. */
static int write_slot(struct writing *w, char **reterr_msg)
{
	_cleanup_free_ char *url = url_of(w, w->image.path),
			    *blocks = w->image.blocks_path
		? url_of(w, w->image.blocks_path)
		: NULL;
	_cleanup_close_ int running = open(w->slots.current_device, O_RDONLY | O_CLOEXEC);
	_cleanup_(slot_freep) struct slot *slot = NULL;
	struct delta d = {.image = {.url = url,
				  .identity = &w->conf->identity,
				  .size_bytes = w->image.size_bytes,
				  .raw_bytes = w->image.raw_bytes,
				  .sha256 = w->image.sha256,
				  .on_progress = on_progress,
				  .on_pause = on_pause,
				  .userdata = w},
		.blocks_url = blocks,
		.blocks_sha256 = w->image.blocks_sha256,
		.raw_sha256 = w->image.raw_sha256,
		.source = running,
		.source_bytes = running < 0 ? 0 : slot_image_bytes(running, 0)};
	int r = slot_open(w->slots.other_device, w->image.raw_bytes, &slot, reterr_msg);

	if (r == 0)
		r = delta_write(&d, slot, reterr_msg);
	if (r == 0)
		work_now("image %s is in slot %s: %llu of its %llu bytes were fetched",
			w->image.version, w->slots.other,
			(unsigned long long)d.fetched_bytes,
			(unsigned long long)w->image.size_bytes);
	return r;
}

/* The running slot's command line, for the other slot. Caller frees. */
static char *cmdline_of(const struct writing *w, unsigned trial_s)
{
	struct boot_args args = {.node = w->slots.args->node,
		.consoles = w->slots.args->consoles,
		.state = w->slots.args->state,
		.swap = w->slots.args->swap,
		.slot = w->slots.other_parts,
		.image = w->image.version,
		.trial_s = trial_s};

	if (args.slot.n > 1)
		args.other = w->slots.args->slot;
	return cmdline_for_boot(&args);
}

static int put_other(const void *userdata, char **reterr_msg)
{
	const struct writing *w = userdata;
	_cleanup_free_ char *lasting = cmdline_of(w, 0);

	return esp_put_slot(
		ESP_DIR, SLOT_DIR, w->slots.other, w->image.version, lasting, reterr_msg);
}

/* On the EFI partition for later; and loaded, to be started at once. */
static int make_bootable(const struct writing *w, char **reterr_msg)
{
	unsigned trial_s = patience_ms(UPDATE_TRIAL_MS) / 1000;
	_cleanup_free_ char *trial =
		cmdline_of(w, MIN(MAX(trial_s, TRIAL_MIN_S + 0u), TRIAL_MAX_S + 0u));
	_cleanup_(umount_p) const char *slot = NULL;
	int r = mount_at(
		w->slots.other_device, SLOT_DIR, "erofs", MS_RDONLY, &slot, reterr_msg);

	if (r == 0)
		r = on_each_esp(&w->slots, put_other, w, reterr_msg);
	return r == 0 ? esp_load_kernel(SLOT_DIR, trial, reterr_msg) : r;
}

static int read_arg(const char *arg, struct writing *w, char **reterr_msg)
{
	_cleanup_free_ char *why = NULL;
	_cleanup_(jx_freep) json_t *doc = jx_parse(arg, strlen(arg), &why);
	struct jx j = {.obj = doc};
	const json_t *image;
	int r = -EINVAL;

	if (!doc) {
		*reterr_msg = xasprintf("the order of this update: %s", why);
		return r;
	}
	w->record.task = jx_uint(&j, "task", 1, INT64_MAX);
	image = jx_object(&j, "image");
	if (!j.error)
		r = order_image_from_json(image, &w->image, &j.error);
	if (r < 0)
		*reterr_msg = xasprintf("the order of this update: %s", j.error);
	free(j.error);
	return r;
}

static int prepare(struct writing *w, char **reterr_msg)
{
	_cleanup_(update_record_clear) struct update_record earlier = {0};
	_cleanup_free_ char *ignored = NULL;
	int r = nodeconf_load(NODE_INI, &w->conf, reterr_msg);

	if (r == 0)
		r = image_trusted("", &w->image, reterr_msg);
	if (r == 0)
		r = slots_find("", true, &w->slots, reterr_msg);
	if (r < 0)
		return r;
	if (!w->image.blocks_path) {
		*reterr_msg =
			xasprintf("image %s was built by an ondol that knows nothing of "
				  "trials, and could not go back: build it again",
				w->image.version);
		return -EOPNOTSUPP;
	}
	if (update_load(NODE_UPDATE, &earlier, &ignored) == 0 &&
		!update_has_ended(&earlier)) {
		*reterr_msg = xstrdup("the image that runs is on trial itself: the slot "
				      "before it has to stay until it is kept");
		return -EBUSY;
	}
	w->record.version = xstrdup(w->image.version);
	w->record.before =
		xstrdup(w->slots.args->image ? w->slots.args->image : w->conf->image);
	return 0;
}

int update_write(const char *arg, char **ret_text)
{
	_cleanup_(writing_clear) struct writing w = {0};
	int r;

	r = read_arg(arg, &w, ret_text);
	if (r == 0)
		r = leave_namespace(ret_text);
	if (r == 0)
		r = prepare(&w, ret_text);
	if (r == 0)
		r = on_each_esp(&w.slots, forget_other, &w, ret_text);
	if (r == 0)
		r = write_slot(&w, ret_text);
	if (r < 0)
		return r;
	r = update_save(NODE_UPDATE, &w.record, ret_text);
	if (r == 0)
		r = make_bootable(&w, ret_text);
	if (r < 0)
		(void)update_forget(NODE_UPDATE); /* it was this one's */
	if (r == 0)
		*ret_text = xasprintf(
			"image %s is in slot %s", w.image.version, w.slots.other);
	return r;
}

/* ---- keeping ---- */

static int start_current(const void *userdata, char **reterr_msg)
{
	const struct slots *s = userdata;

	return esp_set_default(ESP_DIR, s->current, reterr_msg);
}

int update_keep(char **ret_text)
{
	_cleanup_(slots_clear) struct slots s = {0};
	int r = slots_find("", false, &s, ret_text);

	if (r == 0)
		r = leave_namespace(ret_text);
	if (r == 0)
		r = on_each_esp(&s, start_current, &s, ret_text);
	if (r == 0 && unlink("/run/" BOOT_TRIAL_MARK) < 0 && errno != ENOENT)
		log_warn("/run/" BOOT_TRIAL_MARK ": %s", strerror(errno));
	if (r == 0)
		*ret_text = xasprintf("slot %s is started from now on", s.current);
	return r;
}
