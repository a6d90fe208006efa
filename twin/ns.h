/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The box: a PID, a network and a mount namespace, and the process with pid 1 in it. When
 * that process ends, for whatever reason, the kernel ends everything inside and the
 * namespaces, interfaces and mounts are gone.
 *
 *     front (the command) --socket-- first (pid 1) -- supervisor (pid 2) -- everything
 *
 * First only reaps orphans and watches: it ends the box when the front goes away (unless
 * detached), when it is told to (SIGTERM), and when the supervisor ends.
 */
#pragma once

#include "common/util.h"

struct ns_box {
	const char *log_path; /* NULL: stderr stays; else stdout and stderr go there */
	/* Runs as pid 2. tell is for ns_tell(). Its return value is an exit status. */
	int (*supervise)(int tell, void *userdata);
	/* Runs in pid 1 when all else has ended, unless the supervisor ended by itself. */
	void (*wipe)(void *userdata);
	void *userdata;
};

struct ns_front { /* the front's side */
	pid_t pid; /* of first, as the host sees it; a child of the caller */
	int pidfd, sock; /* owned */
};

/*
 * Makes the box. First waits for ns_front_go() before it starts the supervisor. -EPERM: not root.
 */
int ns_start(const struct ns_box *box, struct ns_front *ret);
int ns_front_go(struct ns_front *f);
/* The box outlives the front from here on. */
int ns_front_detach(struct ns_front *f);
void ns_front_clear(struct ns_front *f);

/* From the supervisor to the front, one message of at most 2000 bytes: kind, then text. */
enum ns_kind { NS_READY = 'r', NS_FAILED = 'f' };
void ns_tell(int tell, enum ns_kind kind, const char *fmt, ...) _printf_(3, 4);

/* Ends a box through its first process: SIGTERM, after grace_ms SIGKILL; waits for its end. */
int ns_end(int pidfd, unsigned grace_ms);
/*
 * fork(), but the child is in the box of the process pidfd, or in a new PID namespace
 * (pidfd -1). The caller stays outside, and so do its later children.
 */
int ns_fork_inside(int pidfd, pid_t *ret_pid);
/*
 * /sys anew, with /sys/class/net of this network namespace and the cgroups as they were;
 * in a mount namespace of the caller's own. 0 or -errno.
 */
int ns_mount_sysfs(void);
/* The host's pid of what is nspid inside the box of first; 0 when there is none. */
pid_t ns_host_pid(pid_t first, pid_t nspid);
