/* SPDX-License-Identifier: Apache-2.0 */
#include "common/log.h"

#include <stdarg.h>
#include <sys/stat.h>

static struct {
	const char *program;
	enum log_level level;
	bool journal;
} log_state = {"ondol", LOG_L_INFO, false};

/* $JOURNAL_STREAM names the device and inode of the journal's socket. */
static bool stderr_is_journal(void)
{
	const char *s = getenv("JOURNAL_STREAM");
	unsigned long long dev, ino;
	struct stat st;

	return s && sscanf(s, "%llu:%llu", &dev, &ino) == 2 && fstat(STDERR_FILENO, &st) == 0 &&
	       st.st_dev == dev && st.st_ino == ino;
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

void log_at(enum log_level level, const char *fmt, ...)
{
	_cleanup_free_ char *text = NULL, *line = NULL;
	va_list ap;

	if (level > log_state.level)
		return;
	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	va_end(ap);
	if (!text)
		return;
	if (log_state.journal)
		line = xasprintf("<%d>%s\n", level, text);
	else
		line = xasprintf("%s: %s%s\n", log_state.program,
			level == LOG_L_WARN ? "warning: " : "", text);
	(void)write_all(STDERR_FILENO, line, strlen(line));
}
