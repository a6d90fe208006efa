/* SPDX-License-Identifier: Apache-2.0 */
#include "twin/cmd.h"

#include <getopt.h>

#include "common/log.h"
#include "twin/ns.h"

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
	static const struct option options[] = {{"help", no_argument, NULL, 'h'},
		{"dir", required_argument, NULL, 'd'},
		{"keep-disks", no_argument, NULL, 'k'}, {NULL, 0, NULL, 0}};
	_cleanup_free_ char *dir = NULL;
	const char *dir_opt = NULL;
	bool keep = false;
	int c;

	while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (c == 'h') {
			fputs(help, stdout);
			return EXIT_DONE;
		}
		if (c == '?')
			return cmd_usage("down", "wrong option");
		if (c == 'd')
			dir_opt = optarg;
		keep |= c == 'k';
	}
	if (argc - optind > 1 || (dir_opt && optind < argc))
		return cmd_usage("down", "expected one FILE or --dir, or neither");
	dir = cmd_find_dir(dir_opt, argv[optind]);
	return dir ? end_rack(dir, keep) : EXIT_FAILED;
}
