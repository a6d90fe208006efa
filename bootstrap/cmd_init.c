/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `ondol init`: what a deployment host needs before its first rack. Files are begun, never
 * overwritten; the authorities are ondold's to make and keep.
 */
#include <fcntl.h>
#include <sys/stat.h>

#include "bootstrap/cli.h"
#include "common/conf.h"
#include "common/jsonx.h"
#include "common/problems.h"

#define DEFAULT_DIR "/etc/ondol"
#define MAX_RACK (1u << 20)

/* The assembler takes the example in as it is, so that there is one. */
__asm__(".section .rodata\n.global init_example\ninit_example:\n"
	".incbin \"examples/dl360-rack.ini\"\n.byte 0\n.previous\n");
extern const char init_example[];

static const char secrets_text[] =
	"; The logins of the servers' BMCs: secrets.ini(5). Keep the mode at 0600.\n"
	"[bmc]\n"
	"user = ondol\n"
	"; one that every BMC of the rack has; [bmc hp02] is for one server alone\n"
	"password =\n";

/* 1: made, 0: was there. */
static int begin_file(
	const struct cli *cli, const char *path, const char *text, mode_t mode)
{
	_cleanup_close_ int fd =
		open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
	size_t len = strlen(text);
	int r = 0;

	if (fd < 0 && errno == EEXIST) {
		printf("%s is there and stays as it is\n", path);
		return 0;
	}
	if (fd < 0 || fchmod(fd, mode) < 0 || write(fd, text, len) != (ssize_t)len ||
		fsync(fd) < 0)
		r = errno ? -errno : -EIO;
	if (r < 0) {
		if (fd >= 0)
			unlink(path);
		cli_error(cli, "%s: %s", path, strerror(-r));
		return r;
	}
	printf("%s: begun, from the example; it is yours to edit\n", path);
	return 1;
}

/* Of a rack.ini that need not be right yet; caller frees. */
static char *name_in(const char *path)
{
	_cleanup_(problems_clear) struct problems problems = {0};
	_cleanup_(conf_freep) struct conf *conf = NULL;
	_cleanup_free_ char *text = NULL;
	struct conf_section *s;
	const struct conf_key *k = NULL;
	size_t len;

	if (read_file(path, MAX_RACK, &text, &len) == 0 &&
		conf_parse(path, text, len, &problems, &conf) == 0 &&
		(s = conf_section(conf, "rack")))
		k = conf_key(s, "name");
	return xstrdup(k && *k->value ? k->value : "rack");
}

static void say_authority(const json_t *answer, const char *key, const char *what)
{
	const json_t *a = json_object_get(answer, key);
	const char *print = json_string_value(json_object_get(a, "sha256"));

	printf("%s: %s\n    SHA-256 %s\n", what,
		json_is_true(json_object_get(a, "made")) ? "made" : "is there and stays",
		print ? print : "?");
}

static int need_authorities(struct cli *cli, const char *rack_path)
{
	_cleanup_free_ char *name = name_in(rack_path), *msg = NULL;
	_cleanup_(jx_freep) json_t *answer = NULL;
	int r = client_call(cli->socket, "POST", "/v1/init",
		json_pack("{s:s}", "name", name), CLIENT_TIMEOUT_MS, &answer, &msg);

	if (r != 0) {
		cli_error(cli, "%s", msg);
		cli_error(cli,
			"the authorities are ondold's to make: start it, then `ondol init` again");
		return r == 400 ? CLI_USAGE : CLI_FAILED;
	}
	say_authority(answer, "nodes", "the authority that nodes trust");
	say_authority(
		answer, "rack", "the authority of the page and the cloud (`ondol ca`)");
	return CLI_DONE;
}

int cmd_init(struct cli *cli)
{
	const char *dir = cli->opt.n_args ? cli->opt.args[0] : DEFAULT_DIR;
	_cleanup_free_ char *rack = xasprintf("%s/rack.ini", dir);
	_cleanup_free_ char *secrets = xasprintf("%s/secrets.ini", dir);
	int r;

	if (cli->opt.n_args > 1)
		return cli_usage(cli, "init: takes one folder, or none");
	r = mkdir_p(dir, 0755);
	if (r < 0) {
		cli_error(cli, "%s: %s", dir, strerror(-r));
		return CLI_FAILED;
	}
	if (begin_file(cli, rack, init_example, 0644) < 0 ||
		begin_file(cli, secrets, secrets_text, 0600) < 0)
		return CLI_FAILED;
	r = need_authorities(cli, rack);
	if (r == CLI_DONE)
		printf("\nNext: edit %s and %s, then `ondol check %s`, `ondol apply %s`.\n",
			rack, secrets, rack, rack);
	return r;
}
