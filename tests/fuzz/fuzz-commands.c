/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whole commands of `ondol` against an ondold that answers anything: the first byte says
 * which command, the rest are answers, each after a byte 0x1e, that begin with a letter for
 * their status. Whatever they say, no byte may come out that steers a terminal, and each
 * command ends.
 *
 * ondol.c is taken in as it is, its main() under another name; this file stands in the
 * place of common/http.c.
 */
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/place.h"

int ondol_main(int argc, char *argv[]);
#define main ondol_main
#include "bootstrap/ondol.c"
#undef main
#include "common/http.h"

#define MARK 0x1e

/* ---- in the place of common/http.c ---- */

static const char *answers; /* what is left; NULL: no more */
static size_t answers_len;

void http_response_clear(struct http_response *r)
{
	free(r->body);
	*r = (struct http_response){0};
}

static unsigned status_of(char letter)
{
	switch (letter) {
	case 'n':
		return 404;
	case 'c':
		return 409;
	case 'p':
		return 422;
	case 'u':
		return 503;
	default:
		return 200;
	}
}

int http_do(const struct http_request *req, struct http_response *ret, char **reterr_msg)
{
	const char *mark = answers_len ? memchr(answers, MARK, answers_len) : NULL;
	size_t len = mark ? (size_t)(mark - answers) : answers_len;
	int r = 0;

	if (!answers_len || answers[0] == 'x') {
		*reterr_msg = xstrdup("it hung up");
		answers_len = 0;
		return -ECONNRESET;
	}
	ret->status = status_of(answers[0]);
	if (req->on_data && ret->status == 200) {
		r = req->on_data(answers + 1, MAX(len, 1u) - 1, req->userdata);
		len = 1;
	}
	ret->body_len = MAX(len, 1u) - 1;
	ret->body = xcalloc(1, ret->body_len + 1); /* NUL bytes within it too */
	memcpy(ret->body, answers + MIN(len, 1u), ret->body_len);
	answers_len -= mark ? (size_t)(mark + 1 - answers) : answers_len;
	answers = mark ? mark + 1 : answers;
	return r;
}

char *http_response_header(
	_unused_ const struct http_response *r, _unused_ const char *name)
{
	return NULL;
}

struct http_reuse *http_reuse_new(void)
{
	return NULL;
}

void http_reuse_free(_unused_ struct http_reuse *u)
{
}

int http_client_new(_unused_ sd_event *event, _unused_ struct http_client **ret)
{
	return -ENOSYS;
}

void http_client_free(_unused_ struct http_client *c)
{
}

int http_start(_unused_ struct http_client *c, _unused_ const struct http_request *req,
	_unused_ http_done_fn done, _unused_ void *userdata,
	_unused_ struct http_job **ret_job)
{
	return -ENOSYS;
}

void http_cancel(_unused_ struct http_job *j)
{
}

/* ---- commands ---- */

#define WORDS 8
static const char *const lines[][WORDS] = {
	{"status"},
	{"status", "hp02"},
	{"status", "hp02", "--json"},
	{"why", "hp02"},
	{"why", "hp02", "--all"},
	{"sensors", "hp02"},
	{"sel", "hp02"},
	{"sel", "hp02", "--clear", "--yes"},
	{"console", "hp02", "--log"},
	{"token", "list"},
	{"token", "add", "night-shift", "--role", "viewer"},
	{"cloud", "status"},
	{"cloud", "dashboard"},
	{"plan", "tests/data/lab.ini", "--secrets", "SECRETS"},
	{"apply", "tests/data/lab.ini", "--secrets", "SECRETS", "--yes", "--no-wait"},
	{"prove", "hp01", "hp02"},
	{"power", "hp02", "off", "--yes"},
	{"reinstall", "hp02", "--yes", "--no-wait"},
	{"cancel", "hp02"},
	{"maintenance", "hp02", "on"},
	{"identify", "hp02", "5"},
	{"cloud", "backup", "BACKUP"},
};

/* The file's name is of this process. */
static char *word(const char *s)
{
	if (streq(s, "SECRETS") || streq(s, "BACKUP"))
		return xasprintf("%s/%s", fuzz_place(), s);
	return xstrdup(s);
}

static void run(const char *const *line)
{
	struct cli cli = {0};
	char *argv[WORDS + 1] = {NULL};
	int argc = 0;

	for (; argc < WORDS && line[argc]; argc++)
		argv[argc] = word(line[argc]);
	term_open(&cli.out, stdout, true);
	term_open(&cli.err, stderr, true);
	(void)dispatch(&cli, argc, argv);
	for (int i = 0; i < argc; i++)
		free(argv[i]);
}

/* Nothing below 0x20 but the newlines of lines, and no DEL. */
static void must_be_harmless(const char *s)
{
	for (; *s; s++)
		if (((unsigned char)*s < 0x20 && *s != '\n') || *s == 0x7f)
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char secrets[] = "[bmc]\nuser = ondol\npassword = sesame-1\n";
	static bool made;
	FILE *out = stdout, *err = stderr;
	char *text = NULL;
	size_t len;
	bool utf8;

	if (!made) {
		term_setup(&utf8);
		fuzz_put("SECRETS", secrets, strlen(secrets));
	}
	made = true;
	if (size < 2 || data[0] < 'A' || data[0] - 'A' >= (int)ARRAY_SIZE(lines))
		return 0;
	answers = (const char *)data + 2;
	answers_len = size - 2;
	stdout = stderr = open_memstream(&text, &len);
	if (!stdout)
		abort();
	run(lines[data[0] - 'A']);
	fclose(stdout);
	stdout = out;
	stderr = err;
	if (getenv("FUZZ_TELL"))
		fputs(text, stderr);
	must_be_harmless(text);
	free(text);
	return 0;
}
