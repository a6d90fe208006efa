/* SPDX-License-Identifier: Apache-2.0 */
#include "twin/ipxe.h"

#include "common/parse.h"

#define MAX_PAUSE_S 600

struct variable {
	char *name, *value; /* owned */
};

struct reader {
	struct ipxe *out;
	struct variable *vars; /* owned */
	size_t n, cap;
	bool done;
};

void ipxe_clear(struct ipxe *s)
{
	free(s->kernel);
	free(s->initrd);
	free(s->cmdline);
	free(s->chain);
	*s = (struct ipxe){0};
}

static void reader_clear(struct reader *r)
{
	for (size_t i = 0; i < r->n; i++) {
		free(r->vars[i].name);
		free(r->vars[i].value);
	}
	free(r->vars);
}

static const char *value_of(const struct reader *r, const char *name, size_t len)
{
	for (size_t i = r->n; i > 0; i--)
		if (strlen(r->vars[i - 1].name) == len &&
			memcmp(r->vars[i - 1].name, name, len) == 0)
			return r->vars[i - 1].value;
	return "";
}

/* ${name} replaced; caller frees. */
static __attribute__((noinline)) char *expand(const struct reader *r, const char *s)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	if (!f)
		abort();
	while (*s) {
		const char *end = str_startswith(s, "${") ? strchr(s, '}') : NULL;

		if (!end) {
			fputc(*s++, f);
			continue;
		}
		fputs(value_of(r, s + 2, (size_t)(end - s - 2)), f);
		s = end + 1;
	}
	fclose(f);
	return text;
}

/* The next word of *s, cut out of it; NULL at the end. */
static char *word(char **s)
{
	char *w = *s + strspn(*s, " \t");

	if (!*w)
		return NULL;
	*s = w + strcspn(w, " \t");
	if (**s)
		*(*s)++ = '\0';
	return w;
}

/* The first word that is neither an option nor its value ("--name kernel", "--replace"). */
static char *first_operand(char **s)
{
	char *w;

	while ((w = word(s)) && str_startswith(w, "--"))
		if (streq(w, "--name"))
			(void)word(s);
	return w;
}

static int do_set(struct reader *r, char *rest)
{
	char *name = word(&rest);

	if (!name)
		return -EINVAL;
	GROW(r->vars, r->n, r->cap);
	r->vars[r->n++] = (struct variable){xstrdup(name), xstrdup(str_strip(rest))};
	return 0;
}

static int do_kernel(struct reader *r, char *rest)
{
	char *url = first_operand(&rest);

	if (!url)
		return -EINVAL;
	free(r->out->kernel);
	free(r->out->cmdline);
	r->out->kernel = xstrdup(url);
	r->out->cmdline = xstrdup(str_strip(rest));
	return 0;
}

static int do_initrd(struct reader *r, char *rest)
{
	char *url = first_operand(&rest);

	if (!url)
		return -EINVAL;
	free(r->out->initrd);
	r->out->initrd = xstrdup(url);
	return 0;
}

static int do_boot(struct reader *r, _unused_ char *rest)
{
	r->out->end = IPXE_BOOT;
	r->done = true;
	return r->out->kernel ? 0 : -EINVAL;
}

static int do_chain(struct reader *r, char *rest)
{
	char *url = first_operand(&rest);

	if (!url)
		return -EINVAL;
	r->out->chain = xstrdup(url);
	r->out->end = IPXE_CHAIN;
	r->done = true;
	return 0;
}

static int do_sleep(struct reader *r, char *rest)
{
	return parse_unsigned(str_strip(rest), 0, MAX_PAUSE_S, &r->out->pause_s);
}

static int do_exit(struct reader *r, _unused_ char *rest)
{
	r->out->end = IPXE_EXIT;
	r->done = true;
	return 0;
}

static int do_nothing(_unused_ struct reader *r, _unused_ char *rest)
{
	return 0;
}

static const struct {
	const char *name;
	int (*run)(struct reader *r, char *rest);
} commands[] = {
	{"set", do_set},
	{"kernel", do_kernel},
	{"initrd", do_initrd},
	{"boot", do_boot},
	{"chain", do_chain},
	{"sleep", do_sleep},
	{"exit", do_exit},
	{"echo", do_nothing},
};

/* Bytes before the first mark, all of them when there is none. */
static size_t first_of(const char *s, const char *mark)
{
	const char *at = strstr(s, mark);

	return at ? (size_t)(at - s) : strlen(s);
}

static int run_line(struct reader *r, const char *line, char **reterr_msg)
{
	_cleanup_free_ char *whole = expand(r, line);
	/* what is done "||" otherwise is of no interest */
	_cleanup_free_ char *text = xstrndup(whole, first_of(whole, "||"));
	char *rest = text, *name = word(&rest);

	if (!name || *name == '#' || *name == ':')
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (streq(name, commands[i].name) && commands[i].run(r, rest) == 0)
			return 0;
	*reterr_msg = xasprintf("the boot script has a line that this firmware does not "
				"understand: \"%.60s\"",
		line);
	return -EINVAL;
}

int ipxe_parse(const char *script, struct ipxe *ret, char **reterr_msg)
{
	_cleanup_free_ char *copy = xstrdup(script);
	_cleanup_(ipxe_clear) struct ipxe out = {.end = IPXE_EXIT};
	_cleanup_(reader_clear) struct reader r = {.out = &out};
	char *save = NULL;
	int e = 0;

	if (!str_startswith(script, "#!ipxe")) {
		*reterr_msg = xstrdup("what came is not an iPXE script");
		return -EINVAL;
	}
	for (char *line = strtok_r(copy, "\n", &save); line && !r.done && e == 0;
		line = strtok_r(NULL, "\n", &save))
		e = run_line(&r, line, reterr_msg);
	if (e < 0)
		return e;
	*ret = out;
	out = (struct ipxe){0};
	return 0;
}
