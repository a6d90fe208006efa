/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mariadb-dump is MariaDB's own way to a consistent copy of a running server, tar and gzip
 * keep owners and holes. The archive is written beside the state and sent as it is; both
 * files go again, whatever happens, and are looked for at the next run after a crash.
 */
#include "nodeagent/backup.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "common/http.h"
#include "common/log.h"
#include "common/run.h"
#include "nodeagent/database.h"
#include "nodeagent/fetch.h"
#include "nodeagent/link.h"
#include "nodeagent/paths.h"

#define DIR NODE_VAR "/backup"
#define DUMP DIR "/databases.sql"
#define ARCHIVE NODE_VAR "/" BACKUP_BLOB
#define BEGUN NODE_VAR "/restoring" /* holds the digest of what is being restored */
#define TIMEOUT_MS 3600000
#define STALL_MS 120000

static void tidy(void)
{
	(void)remove_tree(DIR);
	unlink(ARCHIVE);
}

static int program(const char *const argv[], char **reterr_msg)
{
	return run_ok(argv, TIMEOUT_MS, reterr_msg);
}

static int blob_url(struct nodeconf **ret_conf, char **ret_url, char **reterr_msg)
{
	_cleanup_free_ char *node = NULL;
	int r = nodeconf_load(NODE_INI, ret_conf, reterr_msg);

	if (r < 0)
		return r;
	node = link_node_url(*ret_conf);
	*ret_url = xasprintf("%s/blobs/" BACKUP_BLOB, node);
	return 0;
}

/* ---- making one ---- */

/* A member of the archive, only where it is there: not every cloud has Swift. */
static void member(const char *argv[], size_t *n, const char *path)
{
	_cleanup_free_ char *full = xasprintf("/%s", path);

	if (access(full, F_OK) == 0)
		argv[(*n)++] = path;
}

static int pack(char **reterr_msg)
{
	static const char *const dump[] = {"mariadb-dump", "--all-databases",
		"--single-transaction", "--routines", "--events", "--flush-privileges",
		"--result-file=" DUMP, NULL};
	const char *tar[16] = {"tar", "--gzip", "--sparse", "--numeric-owner", "-C", "/",
		"-cf", ARCHIVE};
	size_t n = 8;
	int r = mkdir_p(DIR, 0700);

	if (r < 0) {
		*reterr_msg = xasprintf(DIR ": %s", strerror(-r));
		return r;
	}
	r = program(dump, reterr_msg);
	if (r < 0)
		return r;
	member(tar, &n, &DUMP[1]);
	member(tar, &n, "var/lib/glance/images");
	member(tar, &n, "etc/swift");
	return program(tar, reterr_msg);
}

static int send_archive(char **reterr_msg)
{
	_cleanup_(nodeconf_freep) struct nodeconf *conf = NULL;
	_cleanup_(http_response_clear) struct http_response res = {0};
	_cleanup_free_ char *url = NULL;
	int r = blob_url(&conf, &url, reterr_msg);

	if (r < 0)
		return r;
	r = http_do(&(struct http_request){.method = "PUT",
			    .url = url,
			    .identity = &conf->identity,
			    .body_file = ARCHIVE,
			    .content_type = "application/octet-stream",
			    .stall_timeout_ms = STALL_MS},
		&res, reterr_msg);
	if (r == 0 && res.status >= 300) {
		*reterr_msg = xasprintf(
			"ondold answers %u to the backup: %s", res.status, res.body);
		return -EIO;
	}
	return r;
}

static uint64_t size_of(const char *path)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	off_t end = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);

	return end > 0 ? (uint64_t)end : 0;
}

int backup_make(char **ret_text)
{
	char size[32];
	int r;

	umask(077); /* of this worker and of what it runs: the files hold every password */
	tidy();
	r = pack(ret_text);
	format_size(size_of(ARCHIVE), size);
	if (r == 0)
		r = send_archive(ret_text);
	tidy();
	if (r == 0)
		*ret_text = xasprintf("databases, images and rings: %s", size);
	return r;
}

/* ---- taking one back ---- */

static int fetch_archive(const struct desired_restore *want, char **reterr_msg)
{
	_cleanup_(nodeconf_freep) struct nodeconf *conf = NULL;
	_cleanup_free_ char *url = NULL;
	int r = blob_url(&conf, &url, reterr_msg);

	if (r < 0)
		return r;
	return fetch_file(conf,
		&(struct fetch){.url = url,
			.path = ARCHIVE,
			.sha256 = want->sha256,
			.stall_ms = STALL_MS},
		reterr_msg);
}

/* tar and mariadb sync nothing; what they wrote is on the disk before anything says so. */
static int sync_root(char **reterr_msg)
{
	_cleanup_close_ int fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = fd < 0 || syncfs(fd) < 0 ? -errno : 0;

	if (r < 0)
		*reterr_msg = xasprintf("what the backup held is not safely on the disk: "
					"%s. Is it failing? See: dmesg",
			strerror(-r));
	return r;
}

static int unpack(char **reterr_msg)
{
	static const char *const tar[] = {
		"tar", "--gzip", "--numeric-owner", "-C", "/", "-xpf", ARCHIVE, NULL};
	static const char *const load[] = {"mariadb", "-e", "source " DUMP, NULL};
	static const char *const flush[] = {"mariadb", "-e", "FLUSH PRIVILEGES", NULL};
	int r = program(tar, reterr_msg);

	if (r == 0)
		r = program(load, reterr_msg);
	if (r == 0)
		r = program(flush, reterr_msg);
	return r < 0 ? r : sync_root(reterr_msg);
}

/* A restore that was cut short is begun again: every part of it may be repeated. */
enum restore_action backup_decide(bool there, const char *begun, const char *wanted)
{
	if (!there || streq_ptr(begun, wanted))
		return RESTORE_BEGIN;
	return begun ? RESTORE_REFUSE : RESTORE_NOTHING;
}

static int take_back(const struct desired_restore *restore, char **ret_text)
{
	int r;

	tidy();
	r = fetch_archive(restore, ret_text);
	if (r == 0)
		r = write_file_atomic(
			BEGUN, restore->sha256, strlen(restore->sha256), 0600);
	if (r == 0) {
		/* No umask here: tar makes the folders above Glance's images by it. */
		r = mkdir_p(DIR, 0700);
		if (r < 0)
			*ret_text = xasprintf(DIR ": %s", strerror(-r));
	}
	if (r == 0)
		r = unpack(ret_text);
	tidy();
	if (r == 0)
		unlink(BEGUN);
	if (r == 0)
		*ret_text = xstrdup("the controller's data came back from its backup");
	return r;
}

int backup_restore(const struct desired_restore *restore, char **ret_text)
{
	_cleanup_free_ char *begun = NULL;
	bool there = false;
	int r;

	if (!restore)
		return 0;
	r = database_exists("keystone", &there, ret_text);
	if (r < 0)
		return r;
	r = read_line_file(BEGUN, &begun);
	if (r < 0 && r != -ENOENT) {
		*ret_text = xasprintf(BEGUN ": %s", strerror(-r));
		return r;
	}
	switch (backup_decide(there, begun, restore->sha256)) {
	case RESTORE_NOTHING:
		log_info("this controller has a cloud already: the backup waits for its "
			 "next installation (ondol reinstall)");
		return 0;
	case RESTORE_REFUSE:
		*ret_text = xstrdup(
			"another backup was being taken back here and was cut short, so "
			"half of it is there: reinstall this controller (ondol reinstall)");
		return -EEXIST;
	case RESTORE_BEGIN:
		break;
	}
	return take_back(restore, ret_text);
}
