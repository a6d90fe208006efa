/* SPDX-License-Identifier: Apache-2.0 */
#include "common/log.h"

#include <stdarg.h>
#include <sys/stat.h>

static struct {
	const char *program;
	enum log_level level;
	bool journal; /* standard error is the journal's */
	log_sink sink;
	const char *node;
} log_state = {.program = "ondol", .level = LOG_L_INFO};

/* $JOURNAL_STREAM names the device and inode of the journal's socket. */
static bool stderr_is_journal(void)
{
	const char *s = getenv("JOURNAL_STREAM");
	unsigned long long dev, ino;
	struct stat st;

	return s && sscanf(s, "%llu:%llu", &dev, &ino) == 2 &&
		fstat(STDERR_FILENO, &st) == 0 && st.st_dev == dev && st.st_ino == ino;
}

void log_open(const char *program)
{
	static const struct {
		const char *name;
		enum log_level level;
	} levels[] = {{"error", LOG_L_ERROR}, {"warn", LOG_L_WARN}, {"info", LOG_L_INFO},
		{"debug", LOG_L_DEBUG}};
	const char *want = getenv("ONDOL_LOG");

	log_state.program = program;
	log_state.journal = stderr_is_journal();
	for (size_t i = 0; want && i < ARRAY_SIZE(levels); i++)
		if (streq(want, levels[i].name))
			log_state.level = levels[i].level;
}

void log_set_level(enum log_level level)
{
	log_state.level = level;
}

void log_set_node(const char *node)
{
	log_state.node = node;
}

void log_set_sink(log_sink sink)
{
	log_state.sink = sink;
}

/* "<6>text" is what journald makes a priority of, were it only a stream to it. */
static void say(enum log_level level, const char *text)
{
	_cleanup_free_ char *line = log_state.journal
		? xasprintf("<%d>%s\n", level, text)
		: xasprintf("%s: %s%s\n", log_state.program,
			  level == LOG_L_WARN ? "warning: " : "", text);

	(void)write_all(STDERR_FILENO, line, strlen(line));
}

static void _printf_(3, 0) log_v(enum log_level level, const struct log_fields *fields,
	const char *fmt, va_list ap)
{
	struct log_fields all = fields ? *fields : (struct log_fields){0};
	bool to_sink = log_state.journal && log_state.sink;
	_cleanup_free_ char *text = NULL;

	if (level > log_state.level && !(to_sink && all.event))
		return;
	if (vasprintf(&text, fmt, ap) < 0)
		return;
	if (!all.node)
		all.node = log_state.node;
	if (!to_sink || log_state.sink(log_state.program, level, text, &all) < 0)
		say(level, text);
}

void log_at(enum log_level level, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_v(level, NULL, fmt, ap);
	va_end(ap);
}

void log_with(enum log_level level, const struct log_fields *fields, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_v(level, fields, fmt, ap);
	va_end(ap);
}
