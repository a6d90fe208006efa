/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One log for every program: lines on standard error, with the journal's "<N>" prefix
 * when standard error is the journal. log_open() is called once, first in main(). The
 * level is the only mutable state of file scope in the tree. A failure is logged once,
 * by the function that gives up on it, and the message says what happens next. No secret
 * is ever passed to these functions.
 */
#pragma once

#include "common/util.h"

enum log_level { LOG_L_ERROR = 3, LOG_L_WARN = 4, LOG_L_INFO = 6, LOG_L_DEBUG = 7 };

void log_open(const char *program); /* borrowed for ever; ONDOL_LOG=debug|info|warn|error */
void log_set_level(enum log_level level);
void log_at(enum log_level level, const char *fmt, ...) _printf_(2, 3);

#define log_error(...) log_at(LOG_L_ERROR, __VA_ARGS__)
#define log_warn(...) log_at(LOG_L_WARN, __VA_ARGS__)
#define log_info(...) log_at(LOG_L_INFO, __VA_ARGS__)
#define log_debug(...) log_at(LOG_L_DEBUG, __VA_ARGS__)
