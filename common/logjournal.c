/* SPDX-License-Identifier: Apache-2.0 */
#include "common/log.h"

#define SD_JOURNAL_SUPPRESS_LOCATION /* CODE_FILE= would name common/log.c */
#include <sys/uio.h>
#include <systemd/sd-journal.h>

/* Entries for journald by its own protocol: only there a line can have fields. */

#define MAX_FIELDS 8

struct entry {
	struct iovec iov[MAX_FIELDS];
	int n;
};

static void add(struct entry *e, const char *name, const char *value)
{
	char *text;

	if (!value || !*value)
		return;
	text = xasprintf("%s=%s", name, value);
	e->iov[e->n++] = (struct iovec){text, strlen(text)};
}

static void entry_clear(struct entry *e)
{
	for (int i = 0; i < e->n; i++)
		free(e->iov[i].iov_base);
}

static int send_entry(const char *program, enum log_level level, const char *text,
	const struct log_fields *fields)
{
	_cleanup_(entry_clear) struct entry e = {0};
	char priority[] = {(char)('0' + (int)level), 0};

	add(&e, "MESSAGE", text);
	add(&e, "PRIORITY", priority);
	add(&e, "SYSLOG_IDENTIFIER", program);
	add(&e, "ONDOL_NODE", fields->node);
	add(&e, "ONDOL_EVENT", fields->event);
	add(&e, "ONDOL_SOURCE", fields->source);
	add(&e, "MESSAGE_ID", fields->message_id);
	return sd_journal_sendv(e.iov, e.n);
}

void log_open_journal(const char *program)
{
	log_open(program);
	log_set_sink(send_entry);
}
