/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files of a running rack: DIR (state.json, lock, sockets, logs) and DISKS/NODE
 * (drives, NVRAM). The rack is up as long as its first process holds the lock; what
 * state.json says about that process is believed only when its start time and the boot
 * id are right too, so that a recycled pid is never touched. Blocks on the file system.
 */
#pragma once

#include "twin/plan.h"

#define RUNDIR_BASE "/run/ondol-twin"
#define RUNDIR_DISKS "/var/lib/ondol-twin"

struct rundir_state {
	char *rack, *file, *disks; /* owned */
	char **nodes; /* owned */
	size_t n_nodes;
	pid_t pid; /* of the rack's first process, as the host sees it */
	uint64_t start_ticks; /* field 22 of its /proc/PID/stat */
	char *boot_id; /* owned */
	bool keep_disks;
};

enum rundir_status {
	RUNDIR_UP = 1, /* *ret_pidfd is its first process */
	RUNDIR_STALE, /* files without a rack: it was killed, or the machine restarted */
	RUNDIR_ABSENT,
	RUNDIR_ELSEWHERE, /* locked, but the process is not in sight: asked from inside the rack */
};

/*
 * Creates DIR (0700) and takes its lock. -EBUSY: another process has it. -ENOTEMPTY: DIR
 * holds what no rack put there; nothing is left in it.
 */
int rundir_lock(const char *dir, int *ret_fd);
int rundir_save(const char *dir, const struct rundir_state *s);
/* -ENOENT: no state. -EINVAL: not ours, or damaged; *reterr_msg says so. */
int rundir_load(const char *dir, struct rundir_state **ret, char **reterr_msg);
void rundir_state_free(struct rundir_state *s);
void rundir_state_freep(struct rundir_state **s);
/* Fills pid, start_ticks and boot_id for a process that is certainly alive. */
int rundir_identify(struct rundir_state *s, pid_t pid);

/*
 * One of the above or -errno. *ret_state is NULL when absent. *ret_pidfd is the first
 * process: always when up, sometimes when stale (it is about to be gone), else -1.
 */
int rundir_look(const char *dir, struct rundir_state **ret_state, int *ret_pidfd,
	char **reterr_msg);

/* A node's disk directory is ours when it holds our mark; another is never emptied. */
int rundir_make_disk_dir(const char *path, char **reterr_msg);
/*
 * Two racks on the same drives would destroy each other's: -EWOULDBLOCK when another has them.
 * They are held by the descriptor, and by every process that inherits it.
 */
int rundir_hold_disks(const char *path, int *ret_fd, char **reterr_msg);
/* From now on the disks outlive the rack. */
int rundir_keep_disks(const char *dir);
/*
 * Removes the files of a rack that has ended: its disks (unless they are to be kept) and
 * DIR itself. What others put there stays.
 */
void rundir_wipe(const char *dir, const struct rundir_state *s);
/* rundir_wipe(), but only when nobody holds the lock, and the lock is one of ours. */
void rundir_wipe_stale(const char *dir);

/* Name of the rack's directory: "/run/ondol-twin/RACK"; caller frees. */
char *rundir_default(const char *rack);
/* The one directory in RUNDIR_BASE; -ENOENT none, -ENOTUNIQ several; *reterr_msg. */
int rundir_only(char **ret, char **reterr_msg);
