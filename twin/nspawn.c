/* SPDX-License-Identifier: Apache-2.0 */
#include "twin/nspawn.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "common/jsonx.h"
#include "common/log.h"
#include "initramfs/statefs.h"
#include "twin/baseimage.h"
#include "twin/cgroup.h"
#include "twin/ctlclient.h"
#include "twin/installer.h"
#include "twin/sysroot.h"

#define STATE_IN_ROOT "/var/lib/ondol/state"

/* ---- the root ---- */

/* All nodes with the same image mount the same device, and so share what is cached of it. */
static int mount_slot(
	const struct twin_plan *p, const struct twin_node *n, char **reterr_msg)
{
	_cleanup_free_ char *file = baseimage_slot(n->disk_dir);
	_cleanup_free_ char *where = xasprintf("%s/slot", n->dir);
	_cleanup_(jx_freep) json_t *request = json_pack("{s:s, s:s, s:s, s:s}", "op",
		"image", "node", n->rack->name, "what", "slot", "value", file);
	_cleanup_(jx_freep) json_t *answer = NULL;
	const char *device;
	int r = ctl_call(p->dir, request, &answer, reterr_msg);

	if (r < 0)
		return r;
	device = json_string_value(json_object_get(answer, "value"));
	r = mkdir_p(where, 0755);
	if (r == 0 && mount(device, where, "erofs", MS_RDONLY, NULL) < 0)
		r = -errno;
	if (r < 0)
		*reterr_msg = xasprintf("the image %s on %s cannot be mounted: %s", file,
			device, strerror(-r));
	return r;
}

/* Paths of the user's may hold ':' and ',': the overlay is told relative ones. */
static int mount_root(const struct twin_node *n, char **reterr_msg)
{
	_cleanup_free_ char *state = installer_state_dir(n),
			    *slot = xasprintf("%s/slot", n->dir),
			    *lower = xasprintf("%s/lower", state),
			    *where = xasprintf("%s/root", n->dir);
	int r = mkdir_p(where, 0755);

	if (r == 0)
		r = mkdir_p(lower, 0755);
	if (r == 0 &&
		(mount(slot, lower, NULL, MS_BIND, NULL) < 0 || chdir(state) < 0 ||
			mount("overlay", where, "overlay", 0,
				"lowerdir=lower,upperdir=" STATEFS_UPPER
				",workdir=" STATEFS_WORK "," STATEFS_OVERLAY) < 0))
		r = -errno;
	if (chdir("/") < 0 && r == 0)
		r = -errno;
	if (r < 0)
		*reterr_msg = xasprintf(
			"the root %s cannot be put together: %s", where, strerror(-r));
	return r;
}

/* Covers a directory of the node's sysfs by the one of its server, where there is one. */
static int cover(const struct twin_node *n, const char *dir, const char *with)
{
	_cleanup_free_ char *root = sysroot_dir(n),
			    *from = xasprintf("%s/%s", root, with),
			    *to = xasprintf("%s/sys/%s", n->dir, dir);

	if (access(to, F_OK) < 0)
		return 0;
	return mount(from, to, NULL, MS_BIND, NULL) < 0 ? -errno : 0;
}

/*
 * /sys of the container: its network, its server's drives. nspawn takes a sysfs that is
 * there as it is; what it would be told to bind below /sys, it covers by its own.
 */
static int mount_sys(const struct twin_node *n, char **reterr_msg)
{
	_cleanup_free_ char *where = xasprintf("%s/sys", n->dir);
	int r = mkdir_p(where, 0755);

	if (r == 0 &&
		mount("sysfs", where, "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) <
			0)
		r = -errno;
	if (r == 0)
		r = cover(n, "block", "sys/block");
	if (r == 0)
		r = cover(n, "class/block", "sys/block");
	if (r == 0)
		r = cover(n, "class/dmi/id", "sys/class/dmi/id");
	if (r < 0)
		*reterr_msg = xasprintf("%s: %s", where, strerror(-r));
	return r;
}

/* nspawn leaves files there, which are nobody's business outside. */
static int hide_run_systemd(char **reterr_msg)
{
	if ((mkdir("/run/systemd", 0755) < 0 && errno != EEXIST) ||
		mount("tmpfs", "/run/systemd", "tmpfs", MS_NOSUID | MS_NODEV,
			"mode=0755") < 0) {
		*reterr_msg = xasprintf("/run/systemd: %s", strerror(errno));
		return -errno;
	}
	return 0;
}

/* ---- the command ---- */

static void add_disks(struct args *a, const struct twin_node *n, const int *loops)
{
	args_addf(a, "--bind-ro=%s/sys:/sys", n->dir);
	for (size_t i = 0; i < n->n_disks; i++)
		if (loops[i] >= 0)
			args_addf(a, "--bind=/dev/loop%d:/dev/%s", loops[i],
				n->disks[i].name);
}

void nspawn_args(struct args *a, const struct twin_node *n, const int *loops, bool fenced)
{
	_cleanup_free_ char *state = installer_state_dir(n);

	args_add(a, "systemd-nspawn");
	args_add(a, "--quiet");
	args_add(a, "--settings=no");
	args_add(a, "--keep-unit");
	args_add(a, "--register=no");
	args_addf(a, "--machine=%s", n->rack->name);
	args_addf(a, "--hostname=%s", n->rack->name);
	args_addf(a, "--uuid=%s", n->uuid);
	args_addf(a, "--directory=%s/root", n->dir);
	args_add(a, "--network-namespace-path=/proc/self/ns/net");
	args_add(a, "--capability=all");
	/* The host's clock, modules and power are not the node's. */
	args_addf(a, "--drop-capability=CAP_SYS_TIME,CAP_SYS_MODULE,CAP_SYS_RAWIO%s",
		fenced ? "" : ",CAP_MKNOD");
	args_add(a, "--resolv-conf=off");
	args_add(a, "--timezone=off");
	args_add(a, "--link-journal=no");
	args_add(a, "--console=interactive");
	args_add(a, "--kill-signal=SIGRTMIN+4");
	args_add(a, "--bind=/dev/net/tun");
	args_add(a, "--bind=/dev/fuse");
	args_addf(a, "--bind=%s:" STATE_IN_ROOT, state);
	add_disks(a, n, loops);
	args_add(a, "--boot");
}

static size_t own_loops(const struct twin_node *n, const int *loops, unsigned *ret)
{
	size_t k = 0;

	for (size_t i = 0; i < n->n_disks; i++)
		if (loops[i] >= 0)
			ret[k++] = (unsigned)loops[i];
	return k;
}

_Noreturn static void run(
	const struct twin_plan *p, const struct twin_node *n, const int *loops, int tty)
{
	_cleanup_(args_clear) struct args a = {0};
	_cleanup_free_ char *why = NULL;
	unsigned own[RACK_MAX_DISKS];
	size_t n_own = own_loops(n, loops, own);
	sigset_t none;
	bool fenced;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGTERM, SIG_DFL);
	setsid();
	if (ioctl(tty, TIOCSCTTY, 0) < 0 || dup2(tty, STDIN_FILENO) < 0)
		_exit(126);
	if (cgroup_join(p->dir, n->rack->name, own, n_own, &fenced, &why) < 0) {
		log_error("%s", why);
		_exit(126);
	}
	setenv("SYSTEMD_NSPAWN_API_VFS_WRITABLE", "network", 1);
	nspawn_args(&a, n, loops, fenced);
	execvp(a.v[0], a.v);
	log_error("%s: %s (package systemd-container)", a.v[0], strerror(errno));
	_exit(127);
}

int nspawn_start(const struct twin_plan *p, const struct twin_node *n, const int *loops,
	int tty, pid_t *ret, char **reterr_msg)
{
	pid_t pid;
	int r = mount_slot(p, n, reterr_msg);

	if (r == 0)
		r = mount_root(n, reterr_msg);
	if (r == 0)
		r = mount_sys(n, reterr_msg);
	if (r == 0)
		r = hide_run_systemd(reterr_msg);
	if (r < 0)
		return r;
	log_info("starting the installed system of %s", n->rack->name);
	pid = fork();
	if (pid < 0) {
		*reterr_msg = xasprintf("fork: %s", strerror(errno));
		return -errno;
	}
	if (pid == 0)
		run(p, n, loops, tty);
	*ret = pid;
	return 0;
}
