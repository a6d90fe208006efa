/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ondol-agent: /init of the initramfs, and its /sbin/modprobe.
 *
 * Pid 1 must not end, whatever a disk's contents do to a parser. So in install mode pid 1
 * only reaps children and starts the agent, a process of its own, again when it ended. In
 * boot mode pid 1 does the work itself, since it is to become the installed init.
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "common/log.h"
#include "common/nodump.h"
#include "initramfs/agent.h"
#include "initramfs/bootmode.h"
#include "images/cmdline.h"
#include "initramfs/devices.h"
#include "images/kexec.h"
#include "initramfs/mounts.h"

#define RESTART_PAUSE_MS 5000
#define REBOOT_PAUSE_MS 60000
#define RESTARTS_MAX 10

/* Time for people to read what is on the console. */
static void reboot_after(unsigned ms)
{
	log_error("rebooting in %u s", ms / 1000);
	(void)poll(NULL, 0, (int)ms);
	for (;;) {
		log_error("the kernel refuses to reboot: %s", strerror(-kexec_reboot()));
		(void)poll(NULL, 0, REBOOT_PAUSE_MS);
	}
}

/* A kernel that panics, or kills pid 1, starts over from the network instead of hanging. */
static void reboot_on_panic(void)
{
	_cleanup_close_ int fd = open("/proc/sys/kernel/panic", O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write_all(fd, "30\n", 3) < 0)
		log_warn(
			"the kernel will hang on a panic: /proc/sys/kernel/panic cannot be set");
}

/*
 * What the kernel wants a module by name with. It is not in the image: while the kernel starts
 * it wants things that are not here, and would wait each time for this program to say so.
 */
static void be_modprobe(void)
{
	if (symlink("../init", "/sbin/modprobe") < 0 && errno != EEXIST)
		log_warn("the kernel will find no module by name: %s", strerror(errno));
}

static pid_t start_agent(const struct boot_args *args)
{
	pid_t pid = fork();

	if (pid == 0) {
		(void)setsid();
		nodump(); /* an order has the node's secrets */
		agent_run(args);
	}
	return pid;
}

/* Reaps whatever ends until pid has; its wait status. */
static int reap_until(pid_t pid)
{
	int status = 0;

	for (;;) {
		pid_t ended = waitpid(-1, &status, 0);

		if (ended == pid || (ended < 0 && errno != EINTR))
			return status;
	}
}

static void supervise(const struct boot_args *args)
{
	for (unsigned i = 0; i < RESTARTS_MAX; i++) {
		pid_t pid = start_agent(args);
		int status = pid > 0 ? reap_until(pid) : 0;

		if (WIFSIGNALED(status))
			log_error(
				"the agent was ended by signal %d (%s); starting it again",
				WTERMSIG(status), strsignal(WTERMSIG(status)));
		else
			log_error("the agent ended; starting it again");
		(void)poll(NULL, 0, RESTART_PAUSE_MS);
	}
	log_error("the agent ended %d times", RESTARTS_MAX);
	reboot_after(REBOOT_PAUSE_MS);
}

static int run_init(void)
{
	_cleanup_(boot_args_freep) struct boot_args *args = NULL;
	_cleanup_free_ char *why = NULL, *cmdline = NULL;
	int r = mounts_early(&why);

	log_open("ondol-agent");
	(void)setenv("PATH", "/sbin", 1);
	reboot_on_panic();
	be_modprobe();
	if (r == 0)
		r = read_file("/proc/cmdline", CMDLINE_MAX, &cmdline, NULL);
	if (r == 0)
		r = boot_args_parse(cmdline, &args, &why);
	if (r == 0 && args->mode == BOOT_MODE_INSTALL)
		supervise(args);
	else if (r == 0)
		r = bootmode_run(args, &why);
	log_error("%s", why ? why : strerror(-r));
	reboot_after(REBOOT_PAUSE_MS);
	return EXIT_FAILURE;
}

/* "/sbin/modprobe -q -- NAME" */
static int run_modprobe(int argc, char *argv[])
{
	int r = 0;

	for (int i = 1; i < argc; i++)
		if (argv[i][0] != '-')
			r = devices_modprobe(argv[i]);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char *argv[])
{
	const char *slash = strrchr(argv[0], '/');

	if (streq(slash ? slash + 1 : argv[0], "modprobe"))
		return run_modprobe(argc, argv);
	if (getpid() != 1) {
		fprintf(stderr,
			"ondol-agent %s is /init of the ondol initramfs; as an ordinary "
			"program it does nothing.\n",
			ONDOL_VERSION);
		return EXIT_FAILURE;
	}
	return run_init();
}
