/* SPDX-License-Identifier: Apache-2.0 */
#include "initramfs/trial.h"

#include <fcntl.h>
#include <linux/watchdog.h>
#include <sys/ioctl.h>
#include <unistd.h>

/*
 * The reboot is systemd's own: no program of the image is asked. A target may start the timer
 * again at any time, which then has elapsed already: only the mark says that the trial goes on.
 */
static const char service[] =
	"[Unit]\n"
	"Description=The image on trial did not become ready: back to "
	"the one before\n"
	"DefaultDependencies=no\n"
	"ConditionPathExists=/run/" BOOT_TRIAL_MARK "\n"
	"SuccessAction=reboot-force\n"
	"FailureAction=reboot-force\n"
	"[Service]\n"
	"Type=oneshot\n"
	"ExecStart=/bin/true\n";

static int put(const char *dir, const char *name, const char *text)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", dir, name);

	return write_file_atomic(path, text, strlen(text), 0644);
}

static int link_timer(const char *dir)
{
	_cleanup_free_ char *wants = xasprintf("%s/sysinit.target.wants", dir),
			    *link = xasprintf("%s/" BOOT_TRIAL_TIMER, wants);
	int r = mkdir_p(wants, 0755);

	return r == 0 && symlink("../" BOOT_TRIAL_TIMER, link) < 0 && errno != EEXIST
		? -errno
		: r;
}

/*
 * Closed without the letter that would stop it (Documentation/watchdog/watchdog-api.rst), it
 * goes on: nobody here has to stay to feed it, and whoever opens it next does.
 */
int trial_watchdog(const char *device, unsigned trial_s, unsigned *ret_seconds)
{
	_cleanup_close_ int fd = open(device, O_WRONLY | O_CLOEXEC);
	int seconds = (int)MIN(MAX(trial_s / 2, 1u), TRIAL_WATCHDOG_S + 0u), r;

	if (fd < 0)
		return errno == ENXIO || errno == ENODEV ? -ENOENT : -errno;
	if (ioctl(fd, WDIOC_SETTIMEOUT, &seconds) == 0 &&
		ioctl(fd, WDIOC_KEEPALIVE, 0) == 0) {
		*ret_seconds = (unsigned)seconds;
		return 0;
	}
	r = -errno;
	(void)write_all(fd, "V", 1); /* opening has started it, with a time of its own */
	return r;
}

int trial_arm(const char *run_dir, unsigned seconds, char **reterr_msg)
{
	_cleanup_free_ char *dir = xasprintf("%s/systemd/system", run_dir);
	_cleanup_free_ char *timer = xasprintf(
		"[Unit]\n"
		"Description=Time in which the image on trial has to become ready\n"
		"DefaultDependencies=no\n"
		"ConditionPathExists=/run/" BOOT_TRIAL_MARK "\n"
		"[Timer]\n"
		"OnBootSec=%u\n"
		"AccuracySec=1s\n",
		seconds);
	int r = mkdir_p(dir, 0755);

	if (r == 0)
		r = put(dir, "ondol-trial.service", service);
	if (r == 0)
		r = put(dir, BOOT_TRIAL_TIMER, timer);
	if (r == 0)
		r = link_timer(dir);
	if (r == 0)
		r = put(run_dir, BOOT_TRIAL_MARK, "");
	if (r < 0)
		*reterr_msg = xasprintf(
			"%s: the trial's timer cannot be set: %s", dir, strerror(-r));
	return r;
}
