/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a child process to its end, with a deadline, without an event loop: for command
 * line programs and for the agent. Blocks. No shell: argv only, and no secret in argv.
 */
#pragma once

#include "common/util.h"

#define RUN_MAX_OUTPUT (256 * 1024)

struct run_result {
	int status; /* exit status, or 128 + signal */
	bool timed_out; /* ended at the deadline; status is 137, however it ended */
	char *out; /* owned: stdout and stderr in order, NUL-terminated, cut at the limit */
	size_t out_len;
};

/*
 * argv: NULL-terminated, argv[0] looked up in PATH. env_extra: NULL or a NULL-terminated
 * list of "K=V" added to the environment. stdin is /dev/null, or input when not NULL.
 * Returns 0 when the child was started and reaped, whatever its status; -errno otherwise.
 */
int run_child(const char *const argv[], const char *const env_extra[], const char *input,
	unsigned timeout_ms, struct run_result *ret);
void run_result_clear(struct run_result *r);
/*
 * From now on the programs of this process stay in its own process group, so that who
 * kills that group, by child.h say, leaves none of them running. For workers.
 */
void run_share_group(void);
/* run_child; 0 only for exit status 0. On failure *reterr_msg says which and why; caller frees. */
int run_ok(const char *const argv[], unsigned timeout_ms, char **reterr_msg);

/*
 * The two pieces below run_child, for common/child.c. The environment: this process's own
 * with extra over it; free() the array, not its strings. run_spawn: in becomes stdin, out
 * becomes stdout and stderr; the child leads a process group of its own, but after
 * run_share_group(), and starts with no signal blocked or ignored.
 */
char **run_environment(const char *const extra[]);
int run_spawn(const char *const argv[], const char *const env_extra[], int in, int out,
	pid_t *ret);
