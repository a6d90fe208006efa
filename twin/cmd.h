/* SPDX-License-Identifier: Apache-2.0 */
/* The subcommands. Each gets its own argv (argv[0] is its name) and returns an exit status. */
#pragma once

#include "twin/rundir.h"

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

int cmd_up(int argc, char **argv);
int cmd_down(int argc, char **argv);
int cmd_exec(int argc, char **argv);
int cmd_status(int argc, char **argv);
int cmd_console(int argc, char **argv);
int cmd_rack(int argc, char **argv);
int cmd_fault(int argc, char **argv);
int cmd_chassis(int argc, char **argv); /* called by ipmi_sim */
int cmd_hold_stdin(int argc, char **argv); /* starts ipmi_sim */

/* Says what is wrong with the command line; returns EXIT_USAGE. */
int cmd_usage(const char *command, const char *fmt, ...) _printf_(2, 3);
/* rack.ini as a model; problems are printed. NULL: EXIT_USAGE is due. */
struct rack *cmd_load_rack(const char *file);
/*
 * The run directory: --dir, else that of the rack in file, else the only one there is.
 * Caller frees; NULL after a message was printed.
 */
char *cmd_find_dir(const char *dir, const char *file);
/* rundir_look() for commands that need the rack up: RUNDIR_UP (or ELSEWHERE), or a message. */
int cmd_need_up(const char *dir, struct rundir_state **ret_state, int *ret_pidfd);
