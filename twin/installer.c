/* SPDX-License-Identifier: Apache-2.0 */
#include "twin/installer.h"

#include <fcntl.h>
#include <poll.h>
#include <time.h>

#include "common/log.h"
#include "initramfs/disks.h"
#include "initramfs/parttable.h"
#include "initramfs/server.h"
#include "initramfs/smbios.h"
#include "initramfs/statefs.h"
#include "initramfs/steps.h"
#include "initramfs/target.h"
#include "twin/baseimage.h"
#include "twin/fit.h"
#include "twin/cable.h"
#include "twin/sysroot.h"

#define ORDER_WAIT_S 20
#define PAUSE_MIN_MS 1000
#define PAUSE_MAX_MS 60000
#define INSTALLED_TOLD_MS 120000
#define SECTOR 512

struct installer {
	const struct twin_plan *plan;
	const struct twin_node *node;
	const struct boot_args *args;
	struct server *server; /* owned */
	struct install_order *order; /* owned; of this round */
	const struct twin_disk *disk; /* what the order means; of the plan */
	unsigned failures; /* in a row */
	bool told_up;
};

char *installer_state_dir(const struct twin_node *n)
{
	return xasprintf("%s/state", n->disk_dir);
}

static char *done_mark(const struct twin_node *n)
{
	return xasprintf("%s/bootable", n->disk_dir);
}

bool installer_is_installed(const struct twin_node *n)
{
	_cleanup_free_ char *mark = done_mark(n), *slot = baseimage_slot(n->disk_dir);

	return access(mark, F_OK) == 0 && access(slot, F_OK) == 0;
}

/* ---- inventory ---- */

static const struct twin_disk *disk_named(const struct twin_node *n, const char *name)
{
	for (size_t i = 0; i < n->n_disks; i++)
		if (streq(n->disks[i].name, name))
			return &n->disks[i];
	return NULL;
}

static void add_nics(const struct twin_node *n, struct inventory *inv)
{
	inv->nics = xcalloc(n->n_nics, sizeof(*inv->nics));
	for (; inv->n_nics < n->n_nics; inv->n_nics++) {
		const struct twin_nic *nic = &n->nics[inv->n_nics];
		char name[TWIN_IF_NAME];

		cable_name(inv->n_nics, name);
		inv->nics[inv->n_nics] = (struct inv_nic){.name = xstrdup(name),
			.mac = nic->mac,
			.driver = xstrdup("veth"),
			.link = nic->rack->native || nic->rack->n_tagged};
	}
}

static struct inventory *take_inventory(const struct twin_node *n)
{
	_cleanup_free_ char *root = sysroot_dir(n);
	struct inventory *inv = xcalloc(1, sizeof(*inv));

	smbios_collect(root, inv);
	disks_collect(root, inv);
	for (size_t i = 0; i < inv->n_disks; i++) {
		const struct twin_disk *d = disk_named(n, inv->disks[i].name);

		inv->disks[i].bay = d ? (int)d->bay : -1;
	}
	add_nics(n, inv);
	return inv;
}

/* ---- the steps, in the agent's words ---- */

static int step_measure(void *userdata, char **reterr_msg)
{
	struct installer *in = userdata;
	_cleanup_(inventory_freep) struct inventory *inv = take_inventory(in->node);
	const struct inv_disk *found;
	int r = target_find(inv, in->order, 0, &found, reterr_msg);

	if (r < 0)
		return r;
	in->disk = disk_named(in->node, found->name);
	if (in->disk && in->disk->system)
		return 0;
	*reterr_msg =
		xasprintf("in the twin's containers only bay %u can be the system disk",
			in->node->disks[0].bay);
	return -EINVAL;
}

static int step_wipe(void *userdata, char **reterr_msg)
{
	struct installer *in = userdata;
	_cleanup_free_ char *mark = done_mark(in->node),
			    *slot = baseimage_slot(in->node->disk_dir),
			    *state = installer_state_dir(in->node);
	int r = 0;

	if ((unlink(mark) < 0 && errno != ENOENT) ||
		(unlink(slot) < 0 && errno != ENOENT) ||
		truncate(in->disk->path, 0) < 0 ||
		truncate(in->disk->path, (off_t)in->disk->size_bytes) < 0)
		r = -errno;
	if (r == 0 && access(state, F_OK) == 0)
		r = remove_tree(state);
	if (r < 0)
		*reterr_msg = xasprintf("%s: %s", in->node->disk_dir, strerror(-r));
	return r;
}

static int step_partition(void *userdata, char **reterr_msg)
{
	struct installer *in = userdata;
	_cleanup_close_ int fd = open(in->disk->path, O_RDWR | O_CLOEXEC);
	struct part_plan plan[PART_COUNT];
	int r;

	if (fd < 0) {
		*reterr_msg = xasprintf("%s: %s", in->disk->path, strerror(errno));
		return -EIO;
	}
	r = parttable_plan(in->disk->size_bytes, false, 0, plan, reterr_msg);
	if (r == 0)
		r = parttable_write(
			fd, in->disk->path, in->order->rack_id, plan, reterr_msg);
	return r == 0
		? parttable_verify(fd, in->disk->size_bytes, SECTOR, plan, reterr_msg)
		: r;
}

static int step_format(void *userdata, char **reterr_msg)
{
	struct installer *in = userdata;
	_cleanup_free_ char *state = installer_state_dir(in->node);
	int r = mkdir_p(state, 0755);

	if (r < 0)
		*reterr_msg = xasprintf("%s: %s", state, strerror(-r));
	return r;
}

static void on_progress(void *userdata, uint64_t done, uint64_t total)
{
	const struct installer *in = userdata;

	server_progress(in->server, done, total, 0, 0);
}

static int step_image(void *userdata, char **reterr_msg)
{
	struct installer *in = userdata;
	struct baseimage_progress progress = {on_progress, in};

	return baseimage_install(in->plan->images, in->node->disk_dir, &in->order->image,
		&progress, reterr_msg);
}

static int step_identity(void *userdata, char **reterr_msg)
{
	struct installer *in = userdata;
	struct statefs_node node = {
		in->args->node, in->args->api, server_identity(in->server)};
	_cleanup_free_ char *state = installer_state_dir(in->node);
	_cleanup_free_ char *upper = xasprintf("%s/" STATEFS_UPPER, state);
	int r = statefs_fill(state, &node, in->order, reterr_msg);

	return r < 0 ? r : fit_apply(upper, reterr_msg);
}

static int step_bootable(void *userdata, char **reterr_msg)
{
	struct installer *in = userdata;
	_cleanup_free_ char *mark = done_mark(in->node);
	_cleanup_free_ char *text = xasprintf("%s\n", in->order->image.version);
	int r = write_file_atomic(mark, text, strlen(text), 0600);

	if (r < 0)
		*reterr_msg = xasprintf("%s: %s", mark, strerror(-r));
	return r;
}

/* Its wipe leaves nothing of the file that is the disk; a container's disk has no mirror. */
static bool is_wanted(_unused_ const void *userdata, enum install_step step)
{
	return step != INSTALL_ERASE && step != INSTALL_MIRROR;
}

static void tell_step(void *userdata, const char *step)
{
	struct installer *in = userdata;

	(void)server_event(in->server, "agent.step", step, NULL);
}

static const struct install_how how = {
	.tell = tell_step,
	.run[INSTALL_MEASURE] = step_measure,
	.is_wanted = is_wanted,
	.run[INSTALL_WIPE] = step_wipe,
	.run[INSTALL_ERASE] = step_wipe,
	.run[INSTALL_PARTITION] = step_partition,
	.run[INSTALL_MIRROR] = step_partition,
	.run[INSTALL_FORMAT] = step_format,
	.run[INSTALL_IMAGE] = step_image,
	.run[INSTALL_IDENTITY] = step_identity,
	.run[INSTALL_BOOTABLE] = step_bootable,
};

static bool carry_out(struct installer *in)
{
	_cleanup_free_ char *why = NULL;

	if (install_steps(&how, in, &why) < 0) {
		(void)server_event(in->server, "agent.failed", why, NULL);
		return false;
	}
	(void)server_event_insist(in->server, "agent.installed", in->order->image.version,
		json_pack("{s:s, s:s, s:I}", "serial", in->order->targets[0].disk.serial,
			"wwn", in->order->targets[0].disk.wwn, "bytes",
			(json_int_t)in->order->image.raw_bytes),
		INSTALLED_TOLD_MS);
	(void)server_event(
		in->server, "agent.kexec", "starting the installed system", NULL);
	return true;
}

/* ---- the loop ---- */

static bool is_connected(struct installer *in)
{
	_cleanup_free_ char *why = NULL,
			    *text = xasprintf(
				    "agent %s on eth0, in a container of the twin",
				    ONDOL_VERSION);
	uint64_t seconds; /* containers have the host's clock */

	if (in->told_up)
		return true;
	if (server_meet(in->server, &seconds, &why) != 0 ||
		server_enrol(in->server, text, &in->told_up, &why) != 0) {
		log_error("%s. Trying again.", why);
		return false;
	}
	if (!in->told_up)
		in->told_up = server_event(in->server, "agent.up", text, NULL) == 0;
	return in->told_up;
}

static int tell_inventory(struct installer *in, char **reterr_msg)
{
	_cleanup_(inventory_freep) struct inventory *inv = take_inventory(in->node);

	return server_inventory(in->server, inv, reterr_msg);
}

static int await_order(struct installer *in, char **reterr_msg)
{
	int r;

	install_order_freep(&in->order);
	in->order = NULL;
	do {
		free(TAKE_PTR(*reterr_msg));
		r = server_order(in->server, ORDER_WAIT_S, &in->order, reterr_msg);
	} while (r == SERVER_E_NO_ORDER);
	return r;
}

static bool run_round(struct installer *in)
{
	_cleanup_free_ char *why = NULL;
	int r;

	if (!is_connected(in))
		return false;
	r = tell_inventory(in, &why);
	if (r == 0)
		r = await_order(in, &why);
	if (r != 0) {
		log_error("%s. Trying again.", why);
		return false;
	}
	return carry_out(in);
}

void installer_run(const struct twin_plan *p, const struct twin_node *n,
	const struct boot_args *args)
{
	_cleanup_free_ char *identity = xasprintf("%s/identity", n->disk_dir);
	struct installer in = {
		.plan = p, .node = n, .args = args, .server = server_new(args, identity)};

	while (!run_round(&in)) {
		unsigned shift = MIN(in.failures, 6u);

		in.failures++;
		(void)poll(NULL, 0,
			(int)MIN(
				(unsigned)PAUSE_MIN_MS << shift, (unsigned)PAUSE_MAX_MS));
	}
	install_order_freep(&in.order);
	server_free(in.server);
}
