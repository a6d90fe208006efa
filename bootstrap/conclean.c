/* SPDX-License-Identifier: Apache-2.0 */
#include "bootstrap/conclean.h"

/*
 * The boot token stands on the kernel's command line, which iPXE and the kernel show. A
 * token is 32 hexadecimal digits behind one of a few words: its digits become asterisks,
 * one for one, so that nothing moves. A terminal driver breaks long lines: CR, LF and
 * escape sequences count neither within a word nor within the digits.
 */

#define TOKEN_DIGITS 32

/* None has its first byte a second time, so that a mismatch begins anew with this byte. */
static const char *const words[CONCLEAN_WORDS] = {
	"token=", "token = ", "token\": \"", "Bearer "};

enum { NO_ESCAPE, AFTER_ESC, IN_CSI };

/* Is c part of what does not count? */
static bool is_transparent(struct conclean *c, unsigned char b)
{
	if (b == 0x1b) {
		c->escape = AFTER_ESC;
		return true;
	}
	if (c->escape == AFTER_ESC) {
		c->escape = b == '[' ? IN_CSI : NO_ESCAPE;
		return true;
	}
	if (c->escape == IN_CSI) {
		if (b >= 0x40 && b <= 0x7e)
			c->escape = NO_ESCAPE;
		return true;
	}
	return b == '\r' || b == '\n';
}

static bool is_hex(unsigned char b)
{
	return (b >= '0' && b <= '9') || (b >= 'a' && b <= 'f') || (b >= 'A' && b <= 'F');
}

static void match(struct conclean *c, unsigned char b)
{
	for (size_t i = 0; i < CONCLEAN_WORDS; i++) {
		const char *word = words[i];

		if (b == (unsigned char)word[c->matched[i]])
			c->matched[i]++;
		else
			c->matched[i] = b == (unsigned char)word[0];
		if (!word[c->matched[i]]) {
			c->matched[i] = 0;
			c->masks = TOKEN_DIGITS;
		}
	}
}

static unsigned char mask(struct conclean *c, unsigned char b)
{
	if (is_transparent(c, b))
		return b;
	if (c->masks && is_hex(b)) {
		c->masks--;
		return '*';
	}
	c->masks = 0;
	match(c, b);
	return b;
}

/* ---- UTF-8 ---- */

/* How long the character is that begins with b; 0: none does. */
static unsigned length_of(unsigned char b)
{
	return b < 0x80                 ? 1
		: b >= 0xc2 && b < 0xe0 ? 2
		: b >= 0xe0 && b < 0xf0 ? 3
		: b >= 0xf0 && b < 0xf5 ? 4
					: 0;
}

/* May b follow what is held? Overlong forms, surrogates and beyond U+10FFFF may not. */
static bool may_follow(const struct conclean *c, unsigned char b)
{
	unsigned char first = c->held[0], low = 0x80, high = 0xbf;

	if (c->n_held == 1) {
		low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
		high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
	}
	return b >= low && b <= high;
}

static size_t put_unknown(char *out)
{
	static const char replacement[3] = {'\xef', '\xbf', '\xbd'}; /* U+FFFD */

	memcpy(out, replacement, sizeof(replacement));
	return sizeof(replacement);
}

/* Writes at most 6 bytes: a mark for what was held, and one character. */
static size_t take(struct conclean *c, unsigned char b, char *out)
{
	size_t n = 0;

	if (c->n_held && !may_follow(c, b)) {
		n += put_unknown(out);
		c->n_held = 0;
	}
	if (!c->n_held && length_of(b) == 0)
		return n + put_unknown(out + n);
	c->held[c->n_held++] = b;
	if (c->n_held < length_of(c->held[0]))
		return n;
	memcpy(out + n, c->held, c->n_held);
	n += c->n_held;
	c->n_held = 0;
	return n;
}

char *conclean_feed(struct conclean *c, const void *data, size_t len, size_t *ret_len)
{
	const unsigned char *in = data;
	char *out = xmalloc(len * 6 + 1);
	size_t n = 0;

	for (size_t i = 0; i < len; i++)
		if (in[i])
			n += take(c, mask(c, in[i]), out + n);
	out[n] = 0;
	*ret_len = n;
	return out;
}
