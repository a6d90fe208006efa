/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One log for every program: lines on standard error, or entries with fields where standard
 * error is the journal. log_open() or log_open_journal() is called once, first in main().
 * What is set here is the only mutable state of file scope in the tree. A failure is logged
 * once, by the function that gives up on it, and the message says what happens next. No
 * secret is ever passed to these functions.
 */
#pragma once

#include "common/util.h"

enum log_level { LOG_L_ERROR = 3, LOG_L_WARN = 4, LOG_L_INFO = 6, LOG_L_DEBUG = 7 };

/* Fields of a journal's entry, each NULL for none; on standard error they are left out. */
struct log_fields {
	const char *node; /* ONDOL_NODE=: the node that it is about */
	const char *event; /* ONDOL_EVENT=: the type of the event that is told */
	const char *source; /* ONDOL_SOURCE=: who says so: "ipmi", "agent", ... */
	/* MESSAGE_ID=: 32 hex digits; see systemd.journal-fields(7) */
	const char *message_id;
};

void log_open(
	const char *program); /* borrowed for ever; ONDOL_LOG=debug|info|warn|error */
/*
 * The same, and what is said goes to journald with fields when standard error is the journal.
 * In a file of its own (logjournal.c), which alone needs libsystemd: the agent is small.
 */
void log_open_journal(const char *program);
void log_set_level(enum log_level level);
/* Every entry is about this node unless it names another; borrowed for ever. */
void log_set_node(const char *node);

void log_at(enum log_level level, const char *fmt, ...) _printf_(2, 3);
/* An event goes to the journal whatever the level that was asked for: it can be sorted out there. */
void log_with(enum log_level level, const struct log_fields *fields, const char *fmt, ...)
	_printf_(3, 4);

#define log_error(...) log_at(LOG_L_ERROR, __VA_ARGS__)
#define log_warn(...) log_at(LOG_L_WARN, __VA_ARGS__)
#define log_info(...) log_at(LOG_L_INFO, __VA_ARGS__)
#define log_debug(...) log_at(LOG_L_DEBUG, __VA_ARGS__)

/* For logjournal.c: takes an entry; a negative errno: it goes to standard error instead. */
typedef int (*log_sink)(const char *program, enum log_level level, const char *text,
	const struct log_fields *fields);
void log_set_sink(log_sink sink); /* used where standard error is the journal */
