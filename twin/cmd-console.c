/* SPDX-License-Identifier: Apache-2.0 */
#include "twin/cmd.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/inotify.h>

#include "common/log.h"
#include "twin/opts.h"

static const char help[] =
	"ondol-twin console [--dir DIR] [--follow] NODE\n\n"
	"Prints what a node has said on its serial line since the rack came up; --follow goes\n"
	"on printing until the rack goes down. To type to the node: ipmitool ... sol activate.\n";

static int copy_rest(int fd)
{
	char buf[65536];
	ssize_t n;

	while ((n = read(fd, buf, sizeof(buf))) > 0) {
		int r = write_all(STDOUT_FILENO, buf, (size_t)n);

		if (r < 0)
			return r;
	}
	return n < 0 ? -errno : 0;
}

/* The file's removal means that the rack went down. */
static int follow(int fd, const char *path)
{
	_cleanup_close_ int in = inotify_init1(IN_CLOEXEC);
	char buf[4096] __attribute__((aligned(8)));
	int r = 0;

	if (in < 0 ||
		inotify_add_watch(in, path, IN_MODIFY | IN_ATTRIB | IN_DELETE_SELF) < 0)
		return -errno;
	while (r == 0) {
		r = copy_rest(fd);
		if (r < 0 || access(path, F_OK) < 0)
			break;
		if (read(in, buf, sizeof(buf)) < 0 && errno != EINTR)
			r = -errno;
	}
	return r;
}

static int show(const char *dir, const char *node, bool go_on)
{
	_cleanup_free_ char *path = xasprintf("%s/nodes/%s/console.log", dir, node);
	_cleanup_close_ int fd = -1;
	int r;

	if (parse_hostname(node) < 0)
		return cmd_usage("console", "\"%s\" is not the name of a node", node);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		log_error("%s: %s; `ondol-twin status` shows which nodes are up", path,
			strerror(errno));
		return EXIT_FAILED;
	}
	r = go_on ? follow(fd, path) : copy_rest(fd);
	if (r < 0 && r != -EPIPE)
		log_error("%s: %s", path, strerror(-r));
	return r < 0 ? EXIT_FAILED : EXIT_DONE;
}

int cmd_console(int argc, char **argv)
{
	_cleanup_(opts_clear) struct opts o = {.command = "console",
		.help = help,
		.flag = "follow",
		.operands = "one NODE",
		.min_operands = 1,
		.max_operands = 1};
	_cleanup_free_ char *dir = NULL;
	int r = opts_parse(&o, argc, argv);

	if (r >= 0)
		return r;
	dir = cmd_find_dir(o.dir, NULL);
	return dir ? show(dir, o.operand[0], o.flag_is_set) : EXIT_FAILED;
}
