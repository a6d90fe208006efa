/* SPDX-License-Identifier: Apache-2.0 */
#include "bootstrap/conlines.h"

enum { NO_ESCAPE, AFTER_ESC, IN_CSI, IN_STRING };

static void end_line(
	struct conlines *l, void (*fn)(const char *line, void *userdata), void *userdata)
{
	_cleanup_free_ char *line = TAKE_PTR(l->line);

	while (l->len && line[l->len - 1] == ' ')
		l->len--;
	if (line)
		line[l->len] = 0;
	l->len = 0;
	fn(line ? line : "", userdata);
}

static void add(struct conlines *l, char c)
{
	if (!l->line)
		l->line = xmalloc(CONLINES_MAX + 1);
	l->line[l->len++] = c;
}

void conlines_clear(struct conlines *l)
{
	free(l->line);
	*l = (struct conlines){0};
}

void conlines_end(
	struct conlines *l, void (*fn)(const char *line, void *userdata), void *userdata)
{
	if (l->len)
		end_line(l, fn, userdata);
	free(TAKE_PTR(l->line));
}

/* Is c within an escape sequence? *ret_moved: the sequence has gone to another line. */
static bool in_escape(struct conlines *l, char c, bool *ret_moved)
{
	*ret_moved = false;
	switch (l->escape) {
	case NO_ESCAPE:
		if (c == 0x1b)
			l->escape = AFTER_ESC;
		return c == 0x1b;
	case AFTER_ESC:
		l->escape = c == '['                                   ? IN_CSI
			: c == ']' || c == 'P' || c == '^' || c == '_' ? IN_STRING
								       : NO_ESCAPE;
		return true;
	case IN_CSI:
		if (c >= 0x40 && c <= 0x7e) {
			l->escape = c == 0x1b ? AFTER_ESC : NO_ESCAPE;
			*ret_moved = c == 'H' || c == 'f' || c == 'J';
		}
		return true;
	default: /* a string ends with BEL, or with ESC and a backslash */
		if (c == 0x07 || c == '\n')
			l->escape = NO_ESCAPE;
		else if (c == 0x1b)
			l->escape = AFTER_ESC;
		return true;
	}
}

void conlines_feed(struct conlines *l, const char *text, size_t len,
	void (*fn)(const char *line, void *userdata), void *userdata)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];
		bool moved;

		if (in_escape(l, text[i], &moved)) {
			if (moved)
				conlines_end(l, fn, userdata);
			continue;
		}
		if (c == '\n')
			end_line(l, fn, userdata);
		else if (c == '\b' && l->len)
			l->len--;
		else if (c >= 0x20 && c != 0x7f)
			add(l, text[i]);
		else if (c == '\t')
			add(l, ' ');
		/* The cut is between characters. */
		if (l->len >= CONLINES_MAX - 4 &&
			(i + 1 == len || ((unsigned char)text[i + 1] & 0xc0) != 0x80))
			end_line(l, fn, userdata);
		if (l->len == CONLINES_MAX)
			end_line(l, fn, userdata);
	}
}

struct trouble {
	const char *text, *type;
};

static const struct trouble troubles[] = {
	{"Kernel panic", "console.panic"},
	{"Out of memory", "console.oom"},
	{"invoked oom-killer", "console.oom"},
	{"I/O error", "console.io-error"},
	{"BUG: unable to handle", "console.oops"},
	{"Oops: ", "console.oops"},
	{"[Hardware Error]", "console.hardware"},
	{"Machine check events logged", "console.hardware"},
	{"(http://ipxe.org/", "console.ipxe"}, /* each of its errors names its page */
	{"(https://ipxe.org/", "console.ipxe"},
	{"PXE-E", "console.pxe"}, /* the firmware's own */
	{"No bootable device", "console.no-boot"},
	{"No bootable option or device", "console.no-boot"},
	{"No Boot Device", "console.no-boot"},
};

const char *conlines_trouble(const char *line)
{
	for (size_t i = 0; i < ARRAY_SIZE(troubles); i++)
		if (strstr(line, troubles[i].text))
			return troubles[i].type;
	return NULL;
}
