/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel hands the line over as it got it. A server that boots with a wrong word is
 * a server that nobody can reach, so each message says which word and what it should be.
 */
#include "images/cmdline.h"

#define IMAGE_VERSION_MAX 128
#define PANIC_REBOOT_S 30

void boot_args_free(struct boot_args *a)
{
	if (!a)
		return;
	free(a->node);
	free(a->consoles);
	free(a->server);
	free(a->api);
	free(a->ca);
	free(a->token);
	free(a->image);
	free(a);
}

void boot_args_freep(struct boot_args **a)
{
	boot_args_free(*a);
	*a = NULL;
}

/* Next word from *s on, blanks skipped; its length, 0 at the end. */
static size_t next_word(const char **s)
{
	*s += strspn(*s, " \t\n");
	return strcspn(*s, " \t\n");
}

char *cmdline_word(const char *cmdline, const char *key, unsigned *ret_count)
{
	size_t key_len = strlen(key), len;
	char *value = NULL;
	unsigned count = 0;

	for (const char *s = cmdline; (len = next_word(&s)) > 0; s += len) {
		if (len <= key_len || memcmp(s, key, key_len) != 0 || s[key_len] != '=')
			continue;
		count++;
		free(value);
		value = xstrndup(s + key_len + 1, len - key_len - 1);
	}
	if (ret_count)
		*ret_count = count;
	return value;
}

static char *console_words(const char *cmdline)
{
	char *all = xstrdup("");
	size_t len;

	for (const char *s = cmdline; (len = next_word(&s)) > 0; s += len) {
		char *joined;

		if (!str_startswith(s, "console="))
			continue;
		joined = xasprintf("%s%s%.*s", all, *all ? " " : "", (int)len, s);
		free(all);
		all = joined;
	}
	return all;
}

int cmdline_address(const char *s, uint32_t *ret_address, unsigned *ret_prefix)
{
	_cleanup_free_ char *text = xstrdup(s);
	char *slash = strchr(text, '/');
	uint32_t address;
	unsigned prefix;
	int r;

	if (!slash)
		return -EINVAL;
	*slash = '\0';
	r = parse_ipv4(text, &address);
	if (r == 0)
		r = parse_unsigned(slash + 1, 8, 30, &prefix);
	if (r < 0)
		return r;
	*ret_address = address;
	*ret_prefix = prefix;
	return 0;
}

/* ---- one parser a word; each gets a value that is there ---- */

static int word_place(char **ret, const char *v)
{
	uint32_t address;
	unsigned port;
	int r = parse_ipv4_port(v, &address, &port);

	if (r == 0)
		*ret = xstrdup(v);
	return r;
}

static int word_server(struct boot_args *a, const char *v)
{
	return word_place(&a->server, v);
}

static int word_api(struct boot_args *a, const char *v)
{
	return word_place(&a->api, v);
}

static int word_ca(struct boot_args *a, const char *v)
{
	uint8_t bytes[32];
	int r = parse_hex(v, sizeof(bytes), bytes);

	if (r == 0)
		a->ca = xstrdup(v);
	return r;
}

static int word_node(struct boot_args *a, const char *v)
{
	int r = parse_hostname(v);

	if (r == 0)
		a->node = xstrdup(v);
	return r;
}

static int word_token(struct boot_args *a, const char *v)
{
	uint8_t bytes[16];
	int r = parse_hex(v, sizeof(bytes), bytes);

	if (r == 0)
		a->token = xstrdup(v);
	return r;
}

static int word_nic(struct boot_args *a, const char *v)
{
	return parse_mac(v, &a->nic);
}

static int word_ip(struct boot_args *a, const char *v)
{
	return cmdline_address(v, &a->address, &a->prefix);
}

static int word_mtu(struct boot_args *a, const char *v)
{
	return parse_unsigned(v, 1280, 9216, &a->mtu);
}

static int word_time(struct boot_args *a, const char *v)
{
	return parse_u64(v, 0, UINT32_MAX, &a->time);
}

/* "PARTUUID" or "PARTUUID,PARTUUID" */
static int parts_word(struct boot_parts *ret, const char *v)
{
	_cleanup_free_ char *text = xstrdup(v);
	char *comma = strchr(text, ',');
	int r;

	if (comma)
		*comma++ = '\0';
	r = parse_uuid(text, ret->uuid[0]);
	if (r == 0 && comma)
		r = parse_uuid(comma, ret->uuid[1]);
	ret->n = comma ? 2 : 1;
	return r == 0 && comma && streq(ret->uuid[0], ret->uuid[1]) ? -EINVAL : r;
}

static int word_slot(struct boot_args *a, const char *v)
{
	return parts_word(&a->slot, v);
}

static int word_state(struct boot_args *a, const char *v)
{
	return parts_word(&a->state, v);
}

static int word_swap(struct boot_args *a, const char *v)
{
	return parts_word(&a->swap, v);
}

static int word_other(struct boot_args *a, const char *v)
{
	return parts_word(&a->other, v);
}

static int word_image(struct boot_args *a, const char *v)
{
	int r = parse_token(v, IMAGE_VERSION_MAX);

	if (r == 0)
		a->image = xstrdup(v);
	return r;
}

static int word_trial(struct boot_args *a, const char *v)
{
	return parse_unsigned(v, 60, 86400, &a->trial_s);
}

static const char parts_expected[] = "a PARTUUID, or a mirror's two: UUID,UUID";

enum { IN_INSTALL = 1, IN_BOOT = 2, OPTIONAL = 4 };

static const struct word {
	const char *key;
	unsigned where;
	int (*parse)(struct boot_args *a, const char *value);
	const char *expected;
	bool secret;
} words[] = {
	{"ondol.node", IN_INSTALL | IN_BOOT, word_node, "a node's name", false},
	{"ondol.server", IN_INSTALL, word_server, "A.B.C.D:PORT", false},
	{"ondol.api", IN_INSTALL, word_api, "A.B.C.D:PORT", false},
	{"ondol.ca", IN_INSTALL, word_ca, "64 hex digits", false},
	{"ondol.token", IN_INSTALL, word_token, "32 hex digits", true},
	{"ondol.nic", IN_INSTALL, word_nic, "a MAC address", false},
	{"ondol.ip", IN_INSTALL, word_ip, "A.B.C.D/PREFIX", false},
	{"ondol.mtu", IN_INSTALL | OPTIONAL, word_mtu, "1280 to 9216", false},
	{"ondol.time", IN_INSTALL | OPTIONAL, word_time, "seconds since 1970", false},
	{"ondol.slot", IN_BOOT, word_slot, parts_expected, false},
	{"ondol.state", IN_BOOT, word_state, parts_expected, false},
	{"ondol.swap", IN_BOOT | OPTIONAL, word_swap, parts_expected, false},
	{"ondol.other", IN_BOOT | OPTIONAL, word_other, parts_expected, false},
	{"ondol.image", IN_BOOT | OPTIONAL, word_image, "an image's version", false},
	{"ondol.trial", IN_BOOT | OPTIONAL, word_trial, "60 to 86400 seconds", false},
};

static int read_word(
	struct boot_args *a, const char *cmdline, const struct word *w, char **reterr_msg)
{
	_cleanup_free_ char *value = NULL, *shown = NULL;
	unsigned count, mode = a->mode == BOOT_MODE_INSTALL ? IN_INSTALL : IN_BOOT;

	if (!(w->where & mode))
		return 0;
	value = cmdline_word(cmdline, w->key, &count);
	if (count == 0 && (w->where & OPTIONAL))
		return 0;
	if (count == 1 && w->parse(a, value) == 0)
		return 0;
	shown = count == 0  ? xstrdup("it is missing")
		: count > 1 ? xasprintf("it is there %u times", count)
		: w->secret ? xstrdup("found something else")
			    : xasprintf("found \"%s\"", value);
	*reterr_msg = xasprintf(
		"kernel command line: %s: expected %s, %s", w->key, w->expected, shown);
	return -EINVAL;
}

static int read_mode(const char *cmdline, enum boot_mode *ret, char **reterr_msg)
{
	_cleanup_free_ char *value = cmdline_word(cmdline, "ondol.mode", NULL);

	if (value && streq(value, "install")) {
		*ret = BOOT_MODE_INSTALL;
		return 0;
	}
	if (value && streq(value, "boot")) {
		*ret = BOOT_MODE_BOOT;
		return 0;
	}
	*reterr_msg = xasprintf(
		"kernel command line: ondol.mode: expected install or boot, %s%s",
		value ? "found " : "it is missing", value ? value : "");
	return -EINVAL;
}

int boot_args_parse(const char *cmdline, struct boot_args **ret, char **reterr_msg)
{
	_cleanup_(boot_args_freep) struct boot_args *a = xcalloc(1, sizeof(*a));
	int r = read_mode(cmdline, &a->mode, reterr_msg);

	a->mtu = 1500;
	a->consoles = console_words(cmdline);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(words); i++)
		r = read_word(a, cmdline, &words[i], reterr_msg);
	if (r == 0)
		*ret = TAKE_PTR(a);
	return r;
}

static void put_parts(FILE *f, const char *key, const struct boot_parts *p)
{
	fprintf(f, " %s=%s", key, p->uuid[0]);
	if (p->n > 1)
		fprintf(f, ",%s", p->uuid[1]);
}

char *cmdline_for_boot(const struct boot_args *a)
{
	char *line = NULL;
	size_t len;
	FILE *f = open_memstream(&line, &len);

	if (!f)
		abort();
	fputs("ondol.mode=boot", f);
	put_parts(f, "ondol.slot", &a->slot);
	put_parts(f, "ondol.state", &a->state);
	if (a->swap.n)
		put_parts(f, "ondol.swap", &a->swap);
	if (a->other.n)
		put_parts(f, "ondol.other", &a->other);
	fprintf(f, " ondol.node=%s", a->node);
	if (a->image)
		fprintf(f, " ondol.image=%s", a->image);
	if (a->trial_s) /* a kernel that panics goes back, too */
		fprintf(f, " ondol.trial=%u panic=%d", a->trial_s, PANIC_REBOOT_S);
	if (*a->consoles)
		fprintf(f, " %s", a->consoles);
	if (fclose(f) != 0)
		abort();
	return line;
}
