/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `ondol image`: the images on the deployment host. It works on the images folder itself, as
 * ondold does: an image is what its manifest says, whoever made it.
 */
#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "bootstrap/cli.h"
#include "bootstrap/profile.h"
#include "common/jsonx.h"
#include "common/parse.h"

#define IMAGES "/var/lib/ondol/images"
#define SITE "/etc/ondol/image"
#define KIT "/usr/lib/ondol/image-kit"
#define LOCK ".lock"

struct images {
	const char *dir; /* borrowed */
	char **names; /* owned, sorted, NULL-terminated */
	size_t n, room;
};

static void images_clear(struct images *im)
{
	strv_free(im->names);
}

static bool has(const struct images *im, const char *profile, const char *name)
{
	_cleanup_free_ char *path = xasprintf("%s/%s/%s", im->dir, profile, name);

	return access(path, F_OK) == 0;
}

/* Folders with a manifest, or with what a build began. The guests' image is none of a node. */
static bool is_profile(const struct images *im, const char *name)
{
	return parse_token(name, 64) == 0 && *name != '.' &&
		!streq(name, PROFILE_GUEST) &&
		(has(im, name, "manifest.json") || has(im, name, LOCK));
}

/*
 * A build holds its folder's lock, as build-image and build-guest take it. A file descriptor;
 * -EAGAIN: one does; -ENOENT: none ever did.
 */
static int lock(const struct images *im, const char *profile)
{
	_cleanup_free_ char *path = xasprintf("%s/%s/" LOCK, im->dir, profile);
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? -EAGAIN : -errno;
	return TAKE_FD(fd);
}

static bool is_being_built(const struct images *im, const char *profile)
{
	_cleanup_close_ int fd = lock(im, profile);

	return fd == -EAGAIN;
}

static int find_images(const struct cli *cli, struct images *ret)
{
	_cleanup_closedir_ DIR *d = NULL;
	const struct dirent *e;

	ret->dir = cli->opt.images ? cli->opt.images : IMAGES;
	d = opendir(ret->dir);
	if (!d && errno == ENOENT && !cli->opt.images)
		return CLI_DONE;
	if (!d) {
		cli_error(cli, "%s: %s", ret->dir, strerror(errno));
		return CLI_USAGE;
	}
	while ((e = readdir(d))) {
		if (!is_profile(ret, e->d_name))
			continue;
		GROW(ret->names, ret->n, ret->room);
		ret->names[ret->n++] = xstrdup(e->d_name);
	}
	GROW(ret->names, ret->n, ret->room);
	ret->names[ret->n] = NULL;
	strv_sort(ret->names);
	return CLI_DONE;
}

static int no_images(const struct cli *cli, const struct images *im)
{
	cli_error(cli,
		"%s has no image: `ondol image build core` makes one, `build full` that of a "
		"rack with [cloud]",
		im->dir);
	return CLI_DONE;
}

/* ---- list ---- */

struct entry {
	struct image_manifest *m; /* owned; NULL: it cannot be used */
	char *why; /* owned: then */
	bool unfinished; /* a build has begun it, and that is all */
	unsigned nodes; /* that run it */
};

static void entry_clear(struct entry *e)
{
	image_manifest_free(e->m);
	free(e->why);
}

/* Nodes are counted where ondold answers; a list of images is one without it too. */
static struct status_view *nodes_of(const struct cli *cli)
{
	_cleanup_(jx_freep) json_t *answer = NULL;
	_cleanup_free_ char *ignored = NULL;
	struct status_view *s = NULL;

	if (client_call(cli->socket, "GET", "/v1/status", NULL, CLIENT_TIMEOUT_MS,
		    &answer, &ignored) == 0 &&
		status_view_parse(answer, &s, &ignored) < 0)
		return NULL;
	return s;
}

static void load_entry(const struct images *im, const char *name,
	const struct status_view *s, struct entry *e)
{
	e->unfinished = !has(im, name, "manifest.json");
	if (e->unfinished) {
		e->why = xstrdup(is_being_built(im, name)
				? "is being built"
				: "not built: a build was begun and not ended");
		return;
	}
	if (profile_load(im->dir, name, &e->m, &e->why) < 0)
		return;
	for (size_t i = 0; s && i < s->n_nodes; i++)
		e->nodes += streq(s->nodes[i].image, e->m->version);
}

static json_t *entry_json(const char *name, const struct entry *e, bool counted)
{
	const struct image_manifest *m = e->m;
	json_t *obj = json_pack(
		"{s:s, s:b, s:s*}", "profile", name, "ok", m != NULL, "error", e->why);

	if (!m || !obj)
		return obj;
	json_object_update_new(obj,
		json_pack("{s:s, s:I, s:s?, s:I, s:I, s:i}", "version", m->version,
			"serial", (json_int_t)m->serial, "signed_by", m->signer,
			"size_bytes", (json_int_t)m->root.size_bytes, "raw_bytes",
			(json_int_t)m->raw_bytes, "packages", (int)m->packages));
	if (counted)
		json_object_set_new(obj, "nodes", json_integer(e->nodes));
	return obj;
}

static void add_row(
	struct table *t, const char *name, const struct entry *e, bool counted)
{
	const struct image_manifest *m = e->m;
	char size[32] = "";

	table_add(t, STYLE_BOLD, "%s", name);
	if (!m) {
		for (size_t i = 0; i < 5; i++)
			table_add(t, STYLE_PLAIN, "-");
		table_add(t, e->unfinished ? STYLE_DIM : STYLE_BAD, "%s", e->why);
		return;
	}
	format_size(m->root.size_bytes, size);
	table_add(t, STYLE_PLAIN, "%s", m->version);
	if (m->serial)
		table_add(t, STYLE_PLAIN, "%llu", (unsigned long long)m->serial);
	else
		table_add(t, STYLE_PLAIN, "-");
	table_add(t, STYLE_PLAIN, "%s", size);
	table_add(t, STYLE_PLAIN, "%u", m->packages);
	if (counted)
		table_add(t, STYLE_PLAIN, "%u", e->nodes);
	else
		table_add(t, STYLE_PLAIN, "?");
	if (m->signer)
		table_add(t, STYLE_GOOD, "signed by %s", m->signer);
	else
		table_add(t, STYLE_WARN, "not signed: its nodes take any image");
}

static int image_list(struct cli *cli, const struct images *im)
{
	static const char *const headings[] = {"PROFILE", "VERSION", "SERIAL", "SIZE",
		"PACKAGES", "NODES", "SIGNATURE", NULL};
	_cleanup_(status_view_freep) struct status_view *s = nodes_of(cli);
	_cleanup_(table_freep) struct table *t = table_new(headings);
	json_t *list = json_array();
	int r = CLI_DONE;

	table_right(t, 3);
	table_right(t, 4);
	table_right(t, 5);
	for (size_t i = 0; i < im->n; i++) {
		_cleanup_(entry_clear) struct entry e = {0};

		load_entry(im, im->names[i], s, &e);
		if (!e.m && !e.unfinished)
			r = CLI_FAILED;
		add_row(t, im->names[i], &e, s != NULL);
		json_array_append_new(list, entry_json(im->names[i], &e, s != NULL));
	}
	if (cli->opt.json) {
		cli_print_json(json_pack("{s:o}", "images", list));
		return r;
	}
	json_decref(list);
	if (im->n == 0)
		return no_images(cli, im);
	table_print(t, &cli->out);
	return r;
}

/* ---- verify ---- */

static int verify_one(
	const struct cli *cli, const struct images *im, const char *name, json_t *list)
{
	_cleanup_(image_manifest_freep) struct image_manifest *m = NULL;
	_cleanup_free_ char *why = NULL;
	int r;

	if (streq(name, PROFILE_GUEST))
		return cli_usage(cli,
			"image verify: the guests' image is not signed: the controller checks "
			"it against its manifest");
	if (cli->err.tty && !cli->opt.json)
		fprintf(stderr, "%s: reading it ...\r", name);
	r = profile_load(im->dir, name, &m, &why);
	if (r == 0)
		r = image_manifest_verify(m, &why);
	if (cli->err.tty && !cli->opt.json)
		fprintf(stderr, "%*s\r", (int)strlen(name) + 16, "");
	json_array_append_new(list,
		json_pack("{s:s, s:b, s:s*, s:s*, s:s*}", "profile", name, "ok", r == 0,
			"version", m ? m->version : NULL, "signed_by",
			m ? m->signer : NULL, "error", r == 0 ? NULL : why));
	if (cli->opt.json)
		return r == 0 ? CLI_DONE : CLI_FAILED;
	if (r != 0) {
		cli_error(cli, "%s: %s", name, why);
		return CLI_FAILED;
	}
	printf("%s: %s is whole, %s%s\n", name, m->version,
		m->signer ? "signed by " : "but not signed", m->signer ? m->signer : "");
	return CLI_DONE;
}

static int image_verify(struct cli *cli, const struct images *im)
{
	size_t n = cli->opt.n_args - 1;
	const char *const *names = n ? cli->opt.args + 1 : (const char *const *)im->names;
	json_t *list = json_array();
	int r = CLI_DONE;

	n = n ? n : im->n;
	for (size_t i = 0; i < n; i++) {
		int one = verify_one(cli, im, names[i], list);

		r = one == CLI_DONE ? r : one;
	}
	if (cli->opt.json)
		cli_print_json(json_pack("{s:o}", "images", list));
	else
		json_decref(list);
	return n || cli->opt.json ? r : no_images(cli, im);
}

/* ---- prune ---- */

/* No build goes on while it works, and none can begin. *ret_locks: file descriptors, owned. */
static int lock_all(const struct cli *cli, const struct images *im, int *ret_locks)
{
	for (size_t i = 0; i <= im->n; i++) {
		const char *name = i < im->n ? im->names[i] : PROFILE_GUEST;

		ret_locks[i] = lock(im, name);
		if (ret_locks[i] == -EAGAIN) {
			cli_error(cli, "%s is being built: wait for it", name);
			return CLI_FAILED;
		}
	}
	return CLI_DONE;
}

/* What build-image and make-tree make on their way, and make again when it is not there. */
static const char *const leftovers[] = {"tree", "tree.new", "tree.key", "tree.log",
	"schema", "boot", "work", "root", NULL};

/* Bytes that a tree takes on the disk; what cannot be read counts for nothing. */
static uint64_t bytes_below(const char *path)
{
	_cleanup_closedir_ DIR *d = NULL;
	const struct dirent *e;
	struct stat st;
	uint64_t sum;

	if (lstat(path, &st) < 0)
		return 0;
	sum = (uint64_t)st.st_blocks * 512 /
		(st.st_nlink && !S_ISDIR(st.st_mode) ? st.st_nlink : 1);
	if (!S_ISDIR(st.st_mode) || !(d = opendir(path)))
		return sum;
	while ((e = readdir(d))) {
		_cleanup_free_ char *below = xasprintf("%s/%s", path, e->d_name);

		if (!streq(e->d_name, ".") && !streq(e->d_name, ".."))
			sum += bytes_below(below);
	}
	return sum;
}

static char **prunable(const struct images *im, uint64_t *ret_bytes)
{
	char **paths = xcalloc((im->n + 1) * ARRAY_SIZE(leftovers) + 2, sizeof(*paths));
	size_t n = 0;

	for (size_t i = 0; i <= im->n; i++) {
		const char *name = i < im->n ? im->names[i] : PROFILE_GUEST;

		for (size_t k = 0; leftovers[k]; k++) {
			char *path = xasprintf("%s/%s/%s", im->dir, name, leftovers[k]);

			if (access(path, F_OK) == 0)
				paths[n++] = path;
			else
				free(path);
		}
	}
	paths[n] = xasprintf("%s/debs", im->dir);
	if (access(paths[n], F_OK) < 0)
		free(TAKE_PTR(paths[n]));
	for (char **p = paths; *p; p++)
		*ret_bytes += bytes_below(*p);
	return paths;
}

static int remove_all(const struct cli *cli, char *const *paths)
{
	int r = CLI_DONE;

	for (char *const *p = paths; *p; p++) {
		int one = remove_tree(*p);

		if (one < 0) {
			cli_error(cli, "%s: %s", *p, strerror(-one));
			r = CLI_FAILED;
		}
	}
	return r;
}

static int ask_and_prune(struct cli *cli, const struct images *im)
{
	uint64_t bytes = 0;
	_cleanup_(strv_freep) char **paths = prunable(im, &bytes);
	_cleanup_free_ char *question = NULL;
	char size[32];
	int r;

	if (!paths[0]) {
		printf("Nothing is there that building left.\n");
		return CLI_DONE;
	}
	format_size(bytes, size);
	for (char **p = paths; *p; p++)
		printf("%s\n", *p);
	question = xasprintf("%s; the next build makes them again, which takes minutes.\n"
			     "Type yes to remove them: ",
		size);
	r = cli_confirm(cli, question, "yes");
	if (r == CLI_DONE)
		r = remove_all(cli, paths);
	if (r == CLI_DONE)
		printf("%s are free again.\n", size);
	return r;
}

static int image_prune(struct cli *cli, const struct images *im)
{
	int *locks = xcalloc(im->n + 1, sizeof(*locks)), r;

	memset(locks, -1, (im->n + 1) * sizeof(*locks));
	r = lock_all(cli, im, locks);
	if (r == CLI_DONE)
		r = ask_and_prune(cli, im);
	for (size_t i = 0; i <= im->n; i++)
		if (locks[i] >= 0)
			close(locks[i]);
	free(locks);
	return r;
}

/* ---- build ---- */

/* The builder talks to the terminal itself, and Ctrl-C is its own to clean up after. */
static int image_build(struct cli *cli)
{
	const char *dir = cli->opt.images ? cli->opt.images : IMAGES,
		   *kit = cli->opt.kit ? cli->opt.kit : KIT,
		   *site = cli->opt.site ? cli->opt.site : SITE,
		   *profile = cli->opt.args[1];
	bool guest = profile && streq(profile, PROFILE_GUEST);
	_cleanup_free_ char *program = xasprintf("%s/images/%s", kit,
				    guest ? "build-guest" : "build-image"),
			    *out = xasprintf("%s/%s", dir, profile ? profile : ""),
			    *programs = xasprintf("%s/bin", kit);

	if (cli->opt.n_args != 2)
		return cli_usage(
			cli, "image build: expected one profile: core, full or guest");
	if (parse_token(profile, 64) < 0 || *profile == '.')
		return cli_usage(cli,
			"image build: a profile is a plain word, not \"%s\"", profile);
	if (geteuid() != 0) {
		cli_error(cli,
			"building an image takes root: it makes files of other users");
		return CLI_USAGE;
	}
	if (setenv("ONDOL_IMAGE_SITE", site, 1) < 0)
		abort();
	fflush(stdout);
	if (guest)
		execl(program, program, out, (char *)NULL);
	else
		execl(program, program, profile, out, programs, (char *)NULL);
	cli_error(cli, "%s: %s: `make install` brings it, or --kit says where it is",
		program, strerror(errno));
	return CLI_FAILED;
}

int cmd_image(struct cli *cli)
{
	const char *word = cli->opt.args[0];
	_cleanup_(images_clear) struct images im = {0};
	int r;

	if (!word)
		return cli_usage(cli, "image: expected build, list, verify or prune");
	if (streq(word, "build"))
		return image_build(cli);
	if (!streq(word, "list") && !streq(word, "verify") && !streq(word, "prune"))
		return cli_usage(cli,
			"image: no \"%s\"; expected build, list, verify or prune", word);
	if (!streq(word, "verify") && cli->opt.n_args > 1)
		return cli_usage(cli, "image %s: takes no argument", word);
	r = find_images(cli, &im);
	if (r != CLI_DONE)
		return r;
	if (streq(word, "list"))
		return image_list(cli, &im);
	return streq(word, "verify") ? image_verify(cli, &im) : image_prune(cli, &im);
}
