/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `ondol cloud backup` and `restore`. The archive is a tar: manifest.json with the digest of
 * each member, keys.json with the cloud's secrets, and the blobs. It is complete under its
 * name or not there; a restore reads it whole and checks every digest before it changes
 * anything.
 */
#include <fcntl.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <sys/stat.h>

#include "bootstrap/backup.h"
#include "bootstrap/cli.h"
#include "bootstrap/tar.h"
#include "common/digest.h"
#include "common/http.h"
#include "common/jsonx.h"

#define BACKUP_BLOB "controller-backup.tar.gz"
#define DEFAULT_TIMEOUT_MS (2 * 3600 * 1000)
#define STALL_MS 120000
#define WAIT_S 30u

static int call(const struct cli *cli, const char *method, const char *path, json_t *body,
	json_t **ret)
{
	_cleanup_free_ char *msg = NULL;
	int r = client_call(cli->socket, method, path, body,
		CLIENT_TIMEOUT_MS + WAIT_S * 1000, ret, &msg);

	if (r == 0)
		return CLI_DONE;
	json_decref(r > 0 ? *ret : NULL);
	*ret = NULL;
	cli_error(cli, "%s", msg);
	return CLI_FAILED;
}

/* ---- the controller's part ---- */

/* Is the task's end among the events? *since becomes the last one's id. */
static const json_t *find_end(const json_t *answer, int64_t task, int64_t *since)
{
	const json_t *ev;
	size_t i;

	*since = json_integer_value(json_object_get(answer, "last"));
	json_array_foreach(json_object_get(answer, "events"), i, ev)
	{
		const char *type = json_string_value(json_object_get(ev, "type"));
		const json_t *id = json_object_get(json_object_get(ev, "data"), "id");

		if (type && (streq(type, "noded.done") || streq(type, "noded.undone")) &&
			json_integer_value(id) == task)
			return ev;
	}
	return NULL;
}

static int await_task(const struct cli *cli, const char *node, int64_t task)
{
	uint64_t until = now_mono_ms() +
		(cli->opt.timeout_ms ? cli->opt.timeout_ms : DEFAULT_TIMEOUT_MS);
	int64_t since = task - 1; /* a task's id is that of its event */

	while (now_mono_ms() < until) {
		_cleanup_free_ char *path =
			xasprintf("/v1/events?node=%s&since=%lld&wait=%u", node,
				(long long)since, WAIT_S);
		_cleanup_(jx_freep) json_t *answer = NULL;
		const json_t *end;

		if (call(cli, "GET", path, NULL, &answer) != CLI_DONE)
			return CLI_FAILED;
		end = find_end(answer, task, &since);
		if (!end)
			continue;
		if (streq(json_string_value(json_object_get(end, "type")), "noded.done"))
			return CLI_DONE;
		cli_error(cli,
			"the controller %s could not make its part of the backup: %s",
			node, json_string_value(json_object_get(end, "text")));
		return CLI_FAILED;
	}
	cli_error(cli,
		"the controller %s did not finish in time; `ondol why %s` shows what it does",
		node, node);
	return CLI_FAILED;
}

static int ask_controller(const struct cli *cli)
{
	_cleanup_(jx_freep) json_t *answer = NULL;
	const char *node;

	if (call(cli, "POST", "/v1/cloud/backup", NULL, &answer) != CLI_DONE)
		return CLI_FAILED;
	node = json_string_value(json_object_get(answer, "node"));
	if (!node) {
		cli_error(cli, "ondold's answer is not understood");
		return CLI_FAILED;
	}
	fprintf(stderr, "The controller %s writes down its databases and images...\n",
		node);
	return await_task(cli, node, json_integer_value(json_object_get(answer, "task")));
}

/* ---- writing ---- */

struct archive {
	const struct cli *cli; /* borrowed */
	const char *name; /* borrowed: of the file, for messages */
	int fd; /* owned */
	uint64_t left; /* bytes that the member still gets */
	gnutls_hash_hd_t hash; /* owned while a blob comes */
};

static int put(struct archive *a, const void *data, size_t len)
{
	int r = write_all(a->fd, data, len);

	if (r < 0)
		cli_error(a->cli, "%s: %s", a->name, strerror(-r));
	return r < 0 ? CLI_FAILED : CLI_DONE;
}

static int begin_member(struct archive *a, const char *name, uint64_t size)
{
	unsigned char block[TAR_BLOCK];

	tar_header(name, size, now_real_ms() / 1000, block);
	return put(a, block, sizeof(block));
}

static int end_member(struct archive *a, uint64_t size)
{
	static const unsigned char zeros[TAR_BLOCK];

	return put(a, zeros, tar_padding(size));
}

static int put_text(struct archive *a, const char *name, const char *text)
{
	size_t len = strlen(text);
	int r = begin_member(a, name, len);

	if (r == CLI_DONE)
		r = put(a, text, len);
	return r == CLI_DONE ? end_member(a, len) : r;
}

static int on_blob(const void *data, size_t len, void *userdata)
{
	struct archive *a = userdata;

	if (len > a->left)
		return -EFBIG;
	a->left -= len;
	gnutls_hash(a->hash, data, len);
	return write_all(a->fd, data, len);
}

static int fetch_blob(struct archive *a, const char *name)
{
	_cleanup_free_ char *url = xasprintf("http://ondold/v1/cloud/blobs/%s", name),
			    *msg = NULL;
	struct http_request req = {.method = "GET",
		.url = url,
		.unix_socket = a->cli->socket,
		.stall_timeout_ms = STALL_MS,
		.on_data = on_blob,
		.userdata = a};
	struct http_response resp = {0};
	int r = http_do(&req, &resp, &msg);

	if (r < 0)
		cli_error(a->cli, "%s: %s", name, msg ? msg : strerror(-r));
	else if (resp.status != 200)
		cli_error(a->cli, "%s: ondold answered with HTTP status %u", name,
			resp.status);
	r = r == 0 && resp.status == 200 ? CLI_DONE : CLI_FAILED;
	http_response_clear(&resp);
	return r;
}

static int put_blob(struct archive *a, const char *name, const json_t *entry)
{
	_cleanup_free_ char *member = xasprintf("blobs/%s", name);
	const char *want = json_string_value(json_object_get(entry, "sha256"));
	uint64_t size =
		(uint64_t)json_integer_value(json_object_get(entry, "size_bytes"));
	uint8_t raw[32];
	char hex[65];
	int r = begin_member(a, member, size);

	if (r != CLI_DONE)
		return r;
	a->left = size;
	if (gnutls_hash_init(&a->hash, GNUTLS_DIG_SHA256) < 0)
		abort(); /* no memory */
	r = fetch_blob(a, name);
	gnutls_hash_deinit(a->hash, raw);
	hex_encode(raw, sizeof(raw), hex);
	if (r == CLI_DONE && (a->left || !want || !streq(hex, want))) {
		cli_error(a->cli,
			"%s changed while it was copied: run the backup once more", name);
		r = CLI_FAILED;
	}
	return r == CLI_DONE ? end_member(a, size) : r;
}

static json_t *member_json(const char *text)
{
	char hex[DIGEST_HEX];

	digest_hex(text, strlen(text), hex);
	return json_pack(
		"{s:s, s:I}", "sha256", hex, "size_bytes", (json_int_t)strlen(text));
}

static char *manifest_of(const char *keys_text, const json_t *blobs)
{
	json_t *members = json_pack("{s:o}", "keys.json", member_json(keys_text)), *entry,
	       *doc;
	const char *name;
	char *text;

	json_object_foreach((json_t *)blobs, name, entry)
	{
		_cleanup_free_ char *member = xasprintf("blobs/%s", name);

		json_object_set(members, member, entry);
	}
	doc = json_pack("{s:s, s:i, s:s, s:I, s:o}", "format", BACKUP_FORMAT, "version",
		1, "ondol", ONDOL_VERSION, "time", (json_int_t)now_real_ms(), "members",
		members);
	text = json_dumps(doc, JSON_INDENT(1));
	json_decref(doc);
	if (!text)
		abort(); /* no memory */
	return text;
}

static int put_all(struct archive *a, const json_t *answer)
{
	static const unsigned char end[2 * TAR_BLOCK];
	json_t *blobs = json_object_get(answer, "blobs"), *entry;
	char *keys = json_dumps(json_object_get(answer, "secrets"), JSON_INDENT(1));
	_cleanup_free_ char *manifest = keys ? manifest_of(keys, blobs) : NULL;
	const char *name;
	int r;

	if (!keys) {
		cli_error(a->cli, "ondold's answer is not understood");
		return CLI_FAILED;
	}
	r = put_text(a, "manifest.json", manifest);
	if (r == CLI_DONE)
		r = put_text(a, "keys.json", keys);
	secret_free(keys);
	json_object_foreach(blobs, name, entry)
	{
		if (r == CLI_DONE)
			r = put_blob(a, name, entry);
	}
	return r == CLI_DONE ? put(a, end, sizeof(end)) : r;
}

static int finish(
	struct archive *a, const char *tmp, const char *file, const json_t *blobs)
{
	char size[32];
	struct stat st;

	if (fsync(a->fd) < 0 || fstat(a->fd, &st) < 0 || rename(tmp, file) < 0) {
		cli_error(a->cli, "%s: %s", file, strerror(errno));
		return CLI_FAILED;
	}
	format_size((uint64_t)st.st_size, size);
	printf("%s: %s, the cloud's secrets and %zu files. Whoever has it has the cloud: keep it "
	       "where nobody else reads.\n",
		file, size, json_object_size(blobs));
	return CLI_DONE;
}

int cmd_cloud_backup(struct cli *cli, const char *file)
{
	_cleanup_free_ char *tmp = xasprintf("%s.XXXXXX", file);
	_cleanup_(jx_freep) json_t *answer = NULL;
	struct archive a = {.cli = cli, .name = file, .fd = -1};
	int r;

	a.fd = mkostemp(
		tmp, O_CLOEXEC); /* mode 0600; made first: a wrong path is told at once */
	if (a.fd < 0) {
		cli_error(cli, "%s cannot be written: %s", file, strerror(errno));
		return CLI_FAILED;
	}
	r = ask_controller(cli);
	if (r == CLI_DONE)
		r = call(cli, "GET", "/v1/cloud/keys", NULL, &answer);
	if (r == CLI_DONE)
		r = put_all(&a, answer);
	if (r == CLI_DONE)
		r = finish(&a, tmp, file, json_object_get(answer, "blobs"));
	if (r != CLI_DONE)
		(void)unlink(tmp);
	close(a.fd);
	return r;
}

/* ---- reading ---- */

static int bad_archive(const struct cli *cli, const struct backup *b, const char *why)
{
	cli_error(cli,
		"%s is not a whole backup of `ondol cloud backup`: %s. Nothing was changed.",
		b->file, why);
	return CLI_USAGE;
}

static int put_keys(const struct cli *cli, struct backup *b)
{
	_cleanup_(jx_freep) json_t *answer = NULL;
	json_t *keys = backup_doc(b, "keys.json");

	if (!keys)
		return bad_archive(cli, b, "its keys cannot be read");
	return call(cli, "PUT", "/v1/cloud/keys", json_pack("{s:o}", "secrets", keys),
		&answer);
}

static int send_blob(
	const struct cli *cli, const struct backup *b, const struct backup_member *m)
{
	_cleanup_free_ char *url = xasprintf("http://ondold/v1/cloud/%s", m->name),
			    *msg = NULL;
	struct http_request req = {.method = "PUT",
		.url = url,
		.unix_socket = cli->socket,
		.stall_timeout_ms = STALL_MS,
		.content_type = "application/octet-stream",
		.body_file = b->file,
		.body_from = m->from,
		.body_size = m->size};
	_cleanup_(jx_freep) json_t *answer = NULL;
	struct http_response resp = {0};
	int r = http_do(&req, &resp, &msg);

	if (r == 0) {
		r = client_judge(resp.status, resp.body, resp.body_len, &answer, &msg);
		http_response_clear(&resp);
	}
	if (r != 0)
		cli_error(cli, "%s: %s", m->name, msg ? msg : "it could not be sent");
	return r == 0 ? CLI_DONE : CLI_FAILED;
}

static int put_back(const struct cli *cli, struct backup *b)
{
	_cleanup_(jx_freep) json_t *answer = NULL;
	bool has_backup = false;
	int r = put_keys(cli, b);

	for (size_t i = 0; r == CLI_DONE && i < b->n; i++) {
		if (!str_startswith(b->members[i].name, "blobs/"))
			continue;
		r = send_blob(cli, b, &b->members[i]);
		has_backup |= streq(b->members[i].name, "blobs/" BACKUP_BLOB);
	}
	if (r != CLI_DONE || !has_backup)
		return r;
	return call(cli, "POST", "/v1/cloud/restore", NULL, &answer);
}

int cmd_cloud_restore(struct cli *cli, const char *file)
{
	_cleanup_(backup_freep) struct backup *b = NULL;
	const char *bad;
	int r = backup_open(file, &b);

	if (r < 0) {
		cli_error(cli, "%s cannot be read: %s", file, strerror(-r));
		return CLI_USAGE;
	}
	bad = backup_check(b);
	r = bad ? bad_archive(cli, b, bad) : CLI_DONE;
	if (r == CLI_DONE)
		r = cli_confirm(cli,
			"The cloud's secrets are replaced by those of the backup. Type "
			"restore to go on: ",
			"restore");
	if (r == CLI_DONE)
		r = put_back(cli, b);
	if (r == CLI_DONE)
		puts("The backup is back in ondold. The controller comes up from it when it is "
		     "installed next: `ondol reinstall` it.");
	return r;
}
