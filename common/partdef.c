/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A section's first word says what it is, the rest is its name: a table of readers, one
 * for each word. Everything wrong in all files is told at once.
 */
#include "common/partdef.h"

#include <ctype.h>
#include <dirent.h>

#include "common/conf.h"
#include "common/parse.h"

#define DEFAULT_STEP_S 300
#define DEFAULT_READY_S 300

struct reader {
	struct conf *conf;
	struct problems *problems;
	struct partdef *part;
	struct conf_section *section; /* the current one */
	const char *rest; /* of its name, after the first word */
};

static void wrong(struct reader *rd, const struct conf_key *k, const char *text)
{
	problems_add(rd->problems, rd->conf->file, k ? k->line : rd->section->line,
		rd->section->name, k ? k->name : NULL, "%s", text);
}

/* ---- values ---- */

static const char *text_of(struct reader *rd, const char *name)
{
	const struct conf_key *k = conf_key(rd->section, name);

	return k && *k->value ? k->value : NULL;
}

static char **words_of(struct reader *rd, const char *name)
{
	const char *text = text_of(rd, name);

	return strv_split(text ? text : "");
}

/* Words as a command line has them: blanks part them, "double quotes" keep them together. */
static char **argv_of(struct reader *rd, const char *name)
{
	const char *p = text_of(rd, name);
	char **list = NULL;

	while (p && *(p += strspn(p, " \t"))) {
		bool quoted = *p == '"';
		size_t n = quoted ? strcspn(p + 1, "\"") : strcspn(p, " \t");
		_cleanup_free_ char *word = xstrndup(p + quoted, n);

		strv_add(&list, word);
		p += n + quoted;
		p += *p == '"';
	}
	return list;
}

static unsigned seconds_of(struct reader *rd, const char *name, unsigned dflt)
{
	const struct conf_key *k = conf_key(rd->section, name);
	unsigned v = dflt;

	if (k && parse_unsigned(k->value, 1, 7200, &v) < 0)
		wrong(rd, k, "expected seconds, 1 to 7200");
	return v;
}

static void owner_of(struct reader *rd, char **ret_user, char **ret_group)
{
	const struct conf_key *k = conf_key(rd->section, "owner");
	const char *colon = k ? strchr(k->value, ':') : NULL;

	if (!k)
		return;
	if (!colon || colon == k->value || !colon[1]) {
		wrong(rd, k, "expected USER:GROUP");
		return;
	}
	*ret_user = xstrndup(k->value, (size_t)(colon - k->value));
	*ret_group = xstrdup(colon + 1);
}

static int mode_of(struct reader *rd)
{
	const struct conf_key *k = conf_key(rd->section, "mode");
	unsigned mode;
	char end;

	if (!k)
		return -1;
	if (strlen(k->value) == 4 && sscanf(k->value, "%o%c", &mode, &end) == 1)
		return (int)mode;
	wrong(rd, k, "expected four octal digits, as 0640");
	return -1;
}

/* An absolute path without "..", so that no part writes where nobody looks for it. */
static char *path_of(struct reader *rd, const struct conf_key *k, const char *text)
{
	if (!text || *text != '/' || strstr(text, "/../") || strchr(text, ' '))
		wrong(rd, k, "expected an absolute path");
	return xstrdup(text ? text : "");
}

/* ---- sections ---- */

static void read_part(struct reader *rd)
{
	struct partdef *p = rd->part;
	const struct conf_key *ram;

	p->description = xstrdup(text_of(rd, "description"));
	p->service = xstrdup(text_of(rd, "service"));
	strv_free(p->after);
	strv_free(p->wait);
	p->after = words_of(rd, "after");
	p->wait = words_of(rd, "wait");
	for (char **w = p->wait; *w; w++)
		if (!strchr(*w, '/'))
			wrong(rd, conf_key(rd->section, "wait"),
				"expected ROLE/PROOF or ROLE:KIND/PROOF");
	ram = conf_key(rd->section, "ram");
	if (ram && parse_memory(ram->value, &p->ram_bytes) < 0)
		wrong(rd, ram, "expected a size, as 300M");
}

static struct part_set *set_of(struct reader *rd, const char *path, const char *section)
{
	struct partdef *p = rd->part;

	for (size_t i = 0; i < p->n_sets; i++)
		if (streq(p->sets[i].path, path) && streq(p->sets[i].section, section))
			return &p->sets[i];
	GROW(p->sets, p->n_sets, p->cap_sets);
	p->sets[p->n_sets] =
		(struct part_set){.path = xstrdup(path), .section = xstrdup(section)};
	return &p->sets[p->n_sets++];
}

/* "FILE SECTION" of the section's name. */
static struct part_set *set_named(struct reader *rd)
{
	const char *blank = strchr(rd->rest, ' ');
	_cleanup_free_ char *path = NULL;

	if (*rd->rest != '/' || !blank) {
		wrong(rd, NULL,
			"expected the file's absolute path and the section in it");
		return NULL;
	}
	path = xstrndup(rd->rest, (size_t)(blank - rd->rest));
	return set_of(rd, path, streq(blank + 1, "default") ? "DEFAULT" : blank + 1);
}

static void add_setting(struct part_set *set, struct part_setting s)
{
	GROW(set->list, set->n, set->cap);
	set->list[set->n++] = s;
}

/* "opt" or "opt[3]". */
static bool split_key(const char *name, char **ret_key, unsigned *ret_index)
{
	const char *open = strchr(name, '[');
	_cleanup_free_ char *number = NULL;

	*ret_index = 0;
	if (!open) {
		*ret_key = xstrdup(name);
		return true;
	}
	if (open == name || name[strlen(name) - 1] != ']')
		return false;
	number = xstrndup(open + 1, strlen(open) - 2);
	if (parse_unsigned(number, 1, PART_MAX_VALUES, ret_index) < 0)
		return false;
	*ret_key = xstrndup(name, (size_t)(open - name));
	return true;
}

static void read_set(struct reader *rd)
{
	struct part_set *set = set_named(rd);

	for (size_t i = 0; set && i < rd->section->n_keys; i++) {
		struct conf_key *k = &rd->section->keys[i];
		struct part_setting s = {.line = k->line};

		k->used = true;
		if (!split_key(k->name, &s.key, &s.index)) {
			wrong(rd, k, "expected a key, or KEY[N] with N from 1 to 32");
			continue;
		}
		s.value = xstrdup(k->value);
		add_setting(set, s);
	}
}

static void read_unset(struct reader *rd)
{
	struct part_set *set = set_named(rd);
	_cleanup_(strv_freep) char **keys = words_of(rd, "keys");

	for (char **k = keys; set && *k; k++)
		add_setting(set,
			(struct part_setting){
				.key = xstrdup(*k), .line = rd->section->line});
}

static void add_file(struct reader *rd, bool directory)
{
	struct partdef *p = rd->part;
	struct part_file f = {.directory = directory};

	f.path = path_of(rd, NULL, rd->rest);
	f.template = directory ? NULL : xstrdup(text_of(rd, "template"));
	if (f.template && (strchr(f.template, '/') || f.template[0] == '.'))
		wrong(rd, conf_key(rd->section, "template"),
			"expected the name of a file in templates/");
	owner_of(rd, &f.user, &f.group);
	f.mode = mode_of(rd);
	GROW(p->files, p->n_files, p->cap_files);
	p->files[p->n_files++] = f;
}

static void read_file_section(struct reader *rd)
{
	add_file(rd, false);
}

static void read_directory(struct reader *rd)
{
	add_file(rd, true);
}

static void read_blob(struct reader *rd)
{
	struct partdef *p = rd->part;
	struct part_blob b = {.name = xstrdup(rd->rest)};

	if (parse_token(b.name, 64) < 0)
		wrong(rd, NULL, "expected the blob's name");
	b.path = path_of(rd, conf_key(rd->section, "path"), text_of(rd, "path"));
	owner_of(rd, &b.user, &b.group);
	b.mode = mode_of(rd);
	GROW(p->blobs, p->n_blobs, p->cap_blobs);
	p->blobs[p->n_blobs++] = b;
}

static char *text_or(struct reader *rd, const char *name, const char *dflt)
{
	const char *text = text_of(rd, name);

	return xstrdup(text ? text : dflt);
}

/* Names that become SQL identifiers and file names. */
static bool plain_name(const char *s)
{
	size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789_");

	return n > 0 && n < 48 && !s[n];
}

static void read_database(struct reader *rd)
{
	struct partdef *p = rd->part;
	struct part_database d = {.name = xstrdup(rd->rest)};
	_cleanup_free_ char *hosts = text_or(rd, "hosts", "localhost %");

	d.user = text_or(rd, "user", d.name);
	d.schema = text_or(rd, "schema", d.name);
	d.hosts = strv_split(hosts);
	if (!plain_name(d.name) || !plain_name(d.user) || !plain_name(d.schema))
		wrong(rd, NULL, "expected names of lower-case letters, digits and _");
	GROW(p->databases, p->n_databases, p->cap_databases);
	p->databases[p->n_databases++] = d;
}

static void read_user(struct reader *rd)
{
	struct partdef *p = rd->part;
	struct part_user u = {.name = xstrdup(rd->rest), .roles = words_of(rd, "roles")};

	if (parse_token(u.name, 64) < 0)
		wrong(rd, NULL, "expected the user's name");
	GROW(p->users, p->n_users, p->cap_users);
	p->users[p->n_users++] = u;
}

static void read_service(struct reader *rd)
{
	struct partdef *p = rd->part;
	struct part_service s = {.type = xstrdup(rd->rest)};

	s.name = text_or(rd, "name", NULL);
	s.url = text_or(rd, "url", NULL);
	if (!s.name || !s.url)
		wrong(rd, NULL, "expected the keys name and url");
	GROW(p->services, p->n_services, p->cap_services);
	p->services[p->n_services++] = s;
}

static char **env_of(struct reader *rd)
{
	char **env = NULL;

	for (unsigned i = 1; i <= PART_MAX_VALUES; i++) {
		_cleanup_free_ char *name = xasprintf("env.%u", i);
		const struct conf_key *k = conf_key(rd->section, name);

		if (!k)
			break;
		if (!strchr(k->value, '='))
			wrong(rd, k, "expected NAME=VALUE");
		strv_add(&env, k->value);
	}
	return env;
}

/* One of two words, the first by default. */
static bool second_word(
	struct reader *rd, const char *name, const char *first, const char *second)
{
	const struct conf_key *k = conf_key(rd->section, name);

	if (!k || streq(k->value, first))
		return false;
	if (!streq(k->value, second))
		problems_add(rd->problems, rd->conf->file, k->line, rd->section->name,
			name, "expected %s or %s, found \"%s\"", first, second, k->value);
	return true;
}

static void read_step(struct reader *rd)
{
	struct partdef *p = rd->part;
	struct part_step s = {.name = xstrdup(rd->rest)};

	s.run = argv_of(rd, "run");
	s.op = text_or(rd, "op", NULL);
	s.user = text_or(rd, "user", NULL);
	s.env = env_of(rd);
	s.input = text_or(rd, "input", NULL);
	s.unless = argv_of(rd, "unless");
	s.unless_output = text_or(rd, "unless_output", NULL);
	s.timeout_s = seconds_of(rd, "timeout", DEFAULT_STEP_S);
	s.on_change = second_word(rd, "when", "once", "change");
	s.after = second_word(rd, "phase", "before", "after");
	if (parse_token(s.name, 48) < 0)
		wrong(rd, NULL, "expected the step's name");
	if (!s.run == !s.op || (s.run && s.run[0][0] != '/'))
		wrong(rd, NULL, "expected run = /PROGRAM … or op = NAME");
	GROW(p->steps, p->n_steps, p->cap_steps);
	p->steps[p->n_steps++] = s;
}

static void read_units(struct reader *rd)
{
	strv_free(rd->part->units);
	strv_free(rd->part->reload);
	rd->part->units = words_of(rd, "start");
	rd->part->reload = words_of(rd, "reload");
}

static void read_ready(struct reader *rd)
{
	strv_free(rd->part->ready_http);
	strv_free(rd->part->ready_tcp);
	rd->part->ready_http = words_of(rd, "http");
	rd->part->ready_tcp = words_of(rd, "tcp");
	rd->part->ready_op = text_or(rd, "op", NULL);
	rd->part->ready_timeout_s = seconds_of(rd, "timeout", DEFAULT_READY_S);
}

static void read_leave(struct reader *rd)
{
	rd->part->leave_op = text_or(rd, "op", NULL);
}

static const struct {
	const char *word;
	void (*read)(struct reader *rd);
	bool named; /* takes a name */
} sections[] = {
	{"part", read_part, false},
	{"set", read_set, true},
	{"unset", read_unset, true},
	{"file", read_file_section, true},
	{"directory", read_directory, true},
	{"blob", read_blob, true},
	{"database", read_database, true},
	{"user", read_user, true},
	{"service", read_service, true},
	{"step", read_step, true},
	{"units", read_units, false},
	{"ready", read_ready, false},
	{"leave", read_leave, false},
};

static void read_section(struct reader *rd, struct conf_section *s)
{
	size_t len = strcspn(s->name, " ");

	rd->section = s;
	rd->rest = s->name[len] ? s->name + len + 1 : "";
	for (size_t i = 0; i < ARRAY_SIZE(sections); i++) {
		if (strlen(sections[i].word) != len ||
			strncmp(s->name, sections[i].word, len) != 0 ||
			sections[i].named != (*rd->rest != '\0'))
			continue;
		s->used = true;
		sections[i].read(rd);
		return;
	}
}

/* ---- one file, all files ---- */

static void partdef_init(struct partdef *p, const char *name, const char *file)
{
	*p = (struct partdef){.name = xstrdup(name), .file = xstrdup(file)};
	p->after = strv_split("");
	p->wait = strv_split("");
	p->units = strv_split("");
	p->reload = strv_split("");
	p->ready_http = strv_split("");
	p->ready_tcp = strv_split("");
	p->ready_timeout_s = DEFAULT_READY_S;
}

static void read_one(struct partdefs *all, const char *path, const char *name,
	struct problems *problems)
{
	_cleanup_(conf_freep) struct conf *c = NULL;
	_cleanup_free_ char *text = NULL;
	struct reader rd = {.problems = problems};
	size_t len;

	if (conf_read(path, problems, &text, &len) < 0 ||
		conf_parse_wide(path, text, len, problems, &c) < 0)
		return;
	GROW(all->list, all->n, all->cap);
	partdef_init(&all->list[all->n++], name, path);
	rd.conf = c;
	rd.part = &all->list[all->n - 1];
	for (size_t i = 0; i < c->n; i++)
		read_section(&rd, &c->sections[i]);
	if (!rd.part->description)
		problems_add(problems, path, 0, "part", "description",
			"expected what the part is, in words");
	conf_report_unused(c, problems);
}

static int is_part_file(const struct dirent *e)
{
	size_t n = strlen(e->d_name);

	return e->d_name[0] != '.' && n > 4 && streq(e->d_name + n - 4, ".ini");
}

int partdefs_load(const char *roles_dir, struct problems *problems, struct partdefs **ret)
{
	_cleanup_(partdefs_freep) struct partdefs *all = xcalloc(1, sizeof(*all));
	_cleanup_free_ char *dir = xasprintf("%s/parts", roles_dir);
	size_t before = problems->n;
	struct dirent **files = NULL;
	int n = scandir(dir, &files, is_part_file, alphasort);

	all->dir = xstrdup(roles_dir);
	for (int i = 0; i < n; i++) {
		_cleanup_free_ char *path = xasprintf("%s/%s", dir, files[i]->d_name);
		_cleanup_free_ char *name =
			xstrndup(files[i]->d_name, strlen(files[i]->d_name) - 4);

		read_one(all, path, name, problems);
		free(files[i]);
	}
	free(files);
	if (problems->n > before)
		return -EINVAL;
	*ret = TAKE_PTR(all);
	return 0;
}

static void step_clear(struct part_step *s)
{
	free(s->name);
	strv_free(s->run);
	free(s->op);
	free(s->user);
	strv_free(s->env);
	free(s->input);
	strv_free(s->unless);
	free(s->unless_output);
}

static void files_clear(struct partdef *p)
{
	for (size_t i = 0; i < p->n_sets; i++) {
		for (size_t k = 0; k < p->sets[i].n; k++) {
			free(p->sets[i].list[k].key);
			free(p->sets[i].list[k].value);
		}
		free(p->sets[i].list);
		free(p->sets[i].path);
		free(p->sets[i].section);
	}
	for (size_t i = 0; i < p->n_files; i++) {
		free(p->files[i].path);
		free(p->files[i].template);
		free(p->files[i].user);
		free(p->files[i].group);
	}
	for (size_t i = 0; i < p->n_blobs; i++) {
		free(p->blobs[i].name);
		free(p->blobs[i].path);
		free(p->blobs[i].user);
		free(p->blobs[i].group);
	}
	free(p->sets);
	free(p->files);
	free(p->blobs);
}

static void records_clear(struct partdef *p)
{
	for (size_t i = 0; i < p->n_databases; i++) {
		free(p->databases[i].name);
		free(p->databases[i].user);
		free(p->databases[i].schema);
		strv_free(p->databases[i].hosts);
	}
	for (size_t i = 0; i < p->n_users; i++) {
		free(p->users[i].name);
		strv_free(p->users[i].roles);
	}
	for (size_t i = 0; i < p->n_services; i++) {
		free(p->services[i].type);
		free(p->services[i].name);
		free(p->services[i].url);
	}
	for (size_t i = 0; i < p->n_steps; i++)
		step_clear(&p->steps[i]);
	free(p->databases);
	free(p->users);
	free(p->services);
	free(p->steps);
}

static void partdef_clear(struct partdef *p)
{
	files_clear(p);
	records_clear(p);
	free(p->name);
	free(p->file);
	free(p->description);
	free(p->service);
	strv_free(p->after);
	strv_free(p->wait);
	strv_free(p->units);
	strv_free(p->reload);
	strv_free(p->ready_http);
	strv_free(p->ready_tcp);
	free(p->ready_op);
	free(p->leave_op);
}

void partdefs_free(struct partdefs *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->n; i++)
		partdef_clear(&p->list[i]);
	free(p->list);
	free(p->dir);
	free(p);
}

void partdefs_freep(struct partdefs **p)
{
	partdefs_free(*p);
	*p = NULL;
}

const struct partdef *partdefs_find(const struct partdefs *p, const char *name)
{
	for (size_t i = 0; i < p->n; i++)
		if (streq(p->list[i].name, name))
			return &p->list[i];
	return NULL;
}

int partdefs_of(const struct partdefs *p, const struct roledef *def,
	char *const *services, struct problems *problems, const struct partdef ***ret)
{
	const struct partdef **list = xcalloc(strv_len(def->parts) + 1, sizeof(*list));
	size_t n = 0;
	int r = 0;

	for (char **name = def->parts; name && *name; name++) {
		const struct partdef *part = partdefs_find(p, *name);

		if (!part) {
			problems_add(problems, def->name, 0, "role", "parts",
				"there is no part %s in %s/parts", *name, p->dir);
			r = -ENOENT;
			continue;
		}
		if (!part->service || strv_has(services, part->service))
			list[n++] = part;
	}
	if (r < 0)
		free(list);
	else
		*ret = list;
	return r;
}
