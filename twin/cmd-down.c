/* SPDX-License-Identifier: Apache-2.0 */
#include "twin/cmd.h"

#include "common/log.h"
#include "twin/ns.h"
#include "twin/opts.h"

#define END_GRACE_MS 10000

static const char help[] =
	"ondol-twin down [FILE] [--dir DIR] [--keep-disks]\n\n"
	"Ends the rack of FILE, or that in DIR, or the only one that is up, and removes its\n"
	"files; --keep-disks leaves the drives and NVRAM for the next `up`.\n";

static int end_rack(const char *dir, bool keep_disks)
{
	_cleanup_(rundir_state_freep) struct rundir_state *s = NULL;
	_cleanup_close_ int pidfd = -1;
	_cleanup_free_ char *msg = NULL;
	int r = rundir_look(dir, &s, &pidfd, &msg);

	if (r < 0 || r == RUNDIR_ABSENT) {
		if (!msg)
			rundir_wipe_stale(dir); /* of an `up` that did not get far */
		log_error(
			"no rack is up in %s%s%s", dir, msg ? ": " : "", msg ? msg : "");
		return EXIT_FAILED;
	}
	if (r == RUNDIR_ELSEWHERE) {
		log_error(
			"the rack %s is up, but cannot be ended from inside itself: run this "
			"command outside of `ondol-twin exec`",
			s->rack);
		return EXIT_FAILED;
	}
	if (keep_disks && rundir_keep_disks(dir) < 0)
		log_warn("%s: the wish to keep the disks could not be noted", dir);
	if (pidfd >= 0) {
		r = ns_end(pidfd, END_GRACE_MS);
		if (r < 0) {
			log_error("the rack %s could not be ended: %s", s->rack,
				strerror(-r));
			return EXIT_FAILED;
		}
	}
	rundir_wipe_stale(dir);
	log_info("the rack %s is down", s->rack);
	return EXIT_DONE;
}

int cmd_down(int argc, char **argv)
{
	_cleanup_(opts_clear) struct opts o = {.command = "down",
		.help = help,
		.flag = "keep-disks",
		.operands = "one FILE or --dir, or neither",
		.max_operands = 1};
	_cleanup_free_ char *dir = NULL;
	int r = opts_parse(&o, argc, argv);

	if (r < 0 && o.dir && o.n_operands)
		r = cmd_usage("down", "expected %s", o.operands);
	if (r >= 0)
		return r;
	dir = cmd_find_dir(o.dir, o.operand[0]);
	return dir ? end_rack(dir, o.flag_is_set) : EXIT_FAILED;
}
