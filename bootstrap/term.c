/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Widths are counted in columns and not in bytes, by wcwidth(), which needs a UTF-8 locale
 * to know anything beyond ASCII. So LC_CTYPE is C.UTF-8 where the environment's is not
 * UTF-8, and what is shown there is ASCII only (text_clean).
 */
#include "bootstrap/term.h"

#include <langinfo.h>
#include <locale.h>
#include <sys/ioctl.h>
#include <wchar.h>

void term_setup(bool *ret_utf8)
{
	*ret_utf8 = setlocale(LC_CTYPE, "") && streq(nl_langinfo(CODESET), "UTF-8");
	if (!*ret_utf8)
		setlocale(LC_CTYPE, "C.UTF-8");
}

void term_open(struct term *t, FILE *out, bool utf8)
{
	const char *no_color = getenv("NO_COLOR"), *name = getenv("TERM");

	t->out = out;
	t->tty = isatty(fileno(out)) && name && *name && !streq(name, "dumb");
	t->color = t->tty && !(no_color && *no_color);
	t->utf8 = utf8;
}

static bool window_size(const struct term *t, struct winsize *ret)
{
	return t->tty && ioctl(fileno(t->out), TIOCGWINSZ, ret) == 0;
}

unsigned term_columns(const struct term *t)
{
	struct winsize ws;

	if (window_size(t, &ws) && ws.ws_col > 0)
		return ws.ws_col;
	return t->tty ? 80 : 0;
}

unsigned term_rows(const struct term *t)
{
	struct winsize ws;

	if (window_size(t, &ws) && ws.ws_row > 0)
		return ws.ws_row;
	return t->tty ? 24 : 0;
}

const char *style_on(enum term_style style, bool color)
{
	if (!color)
		return "";
	switch (style) {
	case STYLE_PLAIN:
		return "";
	case STYLE_BOLD:
		return "\033[1m";
	case STYLE_DIM:
		return "\033[2m";
	case STYLE_GOOD:
		return "\033[32m";
	case STYLE_WARN:
		return "\033[33m";
	case STYLE_BAD:
		return "\033[1;31m";
	}
	return "";
}

const char *style_off(enum term_style style, bool color)
{
	return color && style != STYLE_PLAIN ? "\033[0m" : "";
}

/*
 * One character of s: its bytes, and its columns or -1 when it is not to be shown (a
 * control character, a byte that is not UTF-8). Never called at the end of s.
 */
static size_t next_char(const char *s, int *ret_columns)
{
	mbstate_t state = {0};
	wchar_t wc;
	size_t n = mbrtowc(&wc, s, strlen(s), &state);

	if (n == 0 || n == (size_t)-1 || n == (size_t)-2) {
		*ret_columns = -1;
		return 1;
	}
	*ret_columns = wcwidth(wc);
	return n;
}

/* The length of a colour sequence at s, 0: there is none. */
static size_t sgr_length(const char *s)
{
	size_t n;

	if (s[0] != '\033' || s[1] != '[')
		return 0;
	n = 2 + strspn(s + 2, "0123456789;");
	return s[n] == 'm' ? n + 1 : 0;
}

unsigned text_width(const char *s)
{
	unsigned width = 0;

	while (*s) {
		size_t skip = sgr_length(s);
		int columns;

		if (skip) {
			s += skip;
			continue;
		}
		s += next_char(s, &columns);
		width += columns < 0 ? 1 : (unsigned)columns;
	}
	return width;
}

char *text_clean(const char *s, bool utf8)
{
	char *out = xmalloc(strlen(s) * 4 + 1), *p = out;

	while (*s) {
		int columns;
		size_t n = next_char(s, &columns);

		if (columns >= 0 && (utf8 || n == 1)) {
			memcpy(p, s, n);
			p += n;
		} else {
			for (size_t i = 0; i < n; i++)
				p += snprintf(p, 5, "\\x%02x", (unsigned char)s[i]);
		}
		s += n;
	}
	*p = '\0';
	return out;
}

bool text_is_clean(const char *s, bool utf8)
{
	_cleanup_free_ char *clean = text_clean(s, utf8);

	return streq(clean, s);
}

size_t text_fit(const char *s, unsigned width)
{
	size_t len = 0;
	unsigned used = 0;

	while (s[len]) {
		int columns;
		size_t n = next_char(s + len, &columns);

		used += columns < 0 ? 1 : (unsigned)columns;
		if (used > width)
			break;
		len += n;
	}
	return len;
}

char *text_clip(const char *s, unsigned width, bool utf8)
{
	const char *mark = utf8 ? "…" : "~";

	if (text_width(s) <= width)
		return xstrdup(s);
	if (width == 0)
		return xstrdup("");
	return xasprintf("%.*s%s", (int)text_fit(s, width - 1), s, mark);
}

void text_pad(FILE *f, const char *s, unsigned width, bool right)
{
	unsigned have = text_width(s);
	int blanks = width > have ? (int)(width - have) : 0;

	if (right)
		fprintf(f, "%*s%s", blanks, "", s);
	else
		fprintf(f, "%s%*s", s, blanks, "");
}

bool term_can_ask(void)
{
	return isatty(STDIN_FILENO) && isatty(STDERR_FILENO);
}

int term_ask(const char *question, char **ret)
{
	_cleanup_free_ char *line = NULL;
	size_t cap = 0;

	fprintf(stderr, "%s", question);
	fflush(stderr);
	if (getline(&line, &cap, stdin) < 0) {
		fputc('\n', stderr);
		return -ENODATA;
	}
	*ret = xstrdup(str_strip(line));
	return 0;
}
