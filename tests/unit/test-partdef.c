/* SPDX-License-Identifier: Apache-2.0 */
/* Part files: what they may say, that each mistake is told, and that ours have none. */
#include "common/partdef.h"

#include <sys/stat.h>

#include "tests/unit/harness.h"

struct dir {
	char path[64];
};

static void dir_make(struct dir *d)
{
	strcpy(d->path, "/tmp/ondol-parts-XXXXXX");
	assert_non_null(mkdtemp(d->path));
}

static void dir_put(
	const struct dir *d, const char *sub, const char *name, const char *text)
{
	_cleanup_free_ char *folder = xasprintf("%s/%s", d->path, sub);
	_cleanup_free_ char *file = xasprintf("%s/%s", folder, name);

	assert_int_equal(mkdir_p(folder, 0755), 0);
	assert_int_equal(write_file_atomic(file, text, strlen(text), 0644), 0);
}

static void dir_free(struct dir *d)
{
	assert_int_equal(remove_tree(d->path), 0);
}

static const char glance[] =
	"[part]\ndescription = images\nservice = glance\nafter = keystone mariadb\n"
	"wait = storage:block/cinder-volume\nram = 300M\n"
	"[set /etc/glance/glance-api.conf default]\nworkers = ${workers}\n"
	"opt[2] = b\nopt[1] = a\n"
	"[set /etc/glance/glance-api.conf database]\n"
	"connection = \"mysql://glance:${secret:db.glance}@127.0.0.1/glance?a=b#c\"\n"
	"[unset /etc/glance/glance-api.conf database]\nkeys = sqlite backend\n"
	"[file /etc/glance/extra]\ntemplate = extra\nowner = root:glance\nmode = 0640\n"
	"[directory /srv/glance]\nmode = 0750\n"
	"[blob x.ring.gz]\npath = /etc/x.ring.gz\n"
	"[database glance]\n[user glance]\nroles = admin service\n"
	"[service image]\nname = glance\nurl = https://${public}:9292\n"
	"[step sync]\nrun = /usr/bin/glance-manage \"db sync\" now\nuser = glance\n"
	"env.1 = A=${secret:other}\nunless = /bin/true\nphase = after\nwhen = change\n"
	"[units]\nstart = a.service b.service\n"
	"[ready]\nhttp = http://127.0.0.1:9292/\ntimeout = 60\n[leave]\nop = nova-compute\n";

static void reads_everything(_unused_ void **state)
{
	_cleanup_(problems_clear) struct problems problems = {0};
	_cleanup_(partdefs_freep) struct partdefs *all = NULL;
	const struct partdef *p;
	struct dir d;

	dir_make(&d);
	dir_put(&d, "parts", "glance.ini", glance);
	assert_int_equal(partdefs_load(d.path, &problems, &all), 0);
	p = partdefs_find(all, "glance");
	assert_non_null(p);
	assert_string_equal(p->service, "glance");
	assert_string_equal(p->after[1], "mariadb");
	assert_int_equal(p->ram_bytes, 300ULL << 20);
	assert_int_equal(p->n_sets, 2);
	assert_string_equal(p->sets[0].section, "DEFAULT");
	assert_int_equal(p->sets[0].list[1].index, 2);
	assert_string_equal(p->sets[0].list[1].key, "opt");
	assert_string_equal(p->sets[1].list[0].value,
		"mysql://glance:${secret:db.glance}@127.0.0.1/glance?a=b#c");
	assert_null(p->sets[1].list[2].value);
	assert_int_equal(p->files[0].mode, 0640);
	assert_true(p->files[1].directory);
	assert_string_equal(p->databases[0].schema, "glance");
	assert_string_equal(p->databases[0].hosts[1], "%");
	assert_string_equal(p->steps[0].run[1], "db sync");
	assert_true(p->steps[0].after && p->steps[0].on_change);
	assert_string_equal(p->units[1], "b.service");
	assert_int_equal(p->ready_timeout_s, 60);
	assert_string_equal(p->leave_op, "nova-compute");
	dir_free(&d);
}

static void finds_secrets(_unused_ void **state)
{
	_cleanup_(problems_clear) struct problems problems = {0};
	_cleanup_(partdefs_freep) struct partdefs *all = NULL;
	_cleanup_(strv_freep) char **names = NULL;
	_cleanup_free_ char *msg = NULL;
	const struct partdef *list[2] = {NULL, NULL};
	struct dir d;

	dir_make(&d);
	dir_put(&d, "parts", "glance.ini", glance);
	dir_put(&d, "templates", "extra", "key = ${secret:fernet.0}\n$${secret:no\n");
	assert_int_equal(partdefs_load(d.path, &problems, &all), 0);
	list[0] = partdefs_find(all, "glance");
	assert_int_equal(partdefs_secrets(all, list, &names, &msg), 0);
	assert_int_equal(strv_len(names), 6);
	assert_string_equal(names[0], "admin");
	assert_string_equal(names[1], "db.glance");
	assert_string_equal(names[2], "fernet.0");
	assert_string_equal(names[3], "keystone.glance");
	assert_string_equal(names[4], "keystone.nova");
	assert_string_equal(names[5], "other");
	free(TAKE_PTR(msg));
	strv_free(TAKE_PTR(names));
	dir_put(&d, "templates", "other", "");
	{
		_cleanup_free_ char *gone = xasprintf("%s/templates/extra", d.path);

		assert_int_equal(unlink(gone), 0);
	}
	assert_int_equal(partdefs_secrets(all, list, &names, &msg), -ENOENT);
	assert_non_null(strstr(msg, "templates/extra"));
	dir_free(&d);
}

static void wrong_says(const char *text, const char *words)
{
	_cleanup_(problems_clear) struct problems problems = {0};
	_cleanup_(partdefs_freep) struct partdefs *all = NULL;
	_cleanup_free_ char *said = NULL;
	struct dir d;

	dir_make(&d);
	dir_put(&d, "parts", "x.ini", text);
	assert_int_equal(partdefs_load(d.path, &problems, &all), -EINVAL);
	assert_null(all);
	assert_true(problems.n > 0);
	said = problem_format(&problems.list[0]);
	if (!strstr(said, words))
		fail_msg("expected \"%s\" in \"%s\"", words, said);
	dir_free(&d);
}

#define PART "[part]\ndescription = x\n"

static void tells_mistakes(_unused_ void **state)
{
	wrong_says("[part]\n", "what the part is");
	wrong_says(PART "wait = keystone\n", "ROLE/PROOF");
	wrong_says(PART "ram = much\n", "expected a size");
	wrong_says(PART "[set relative x]\na = b\n", "absolute path");
	wrong_says(PART "[set /etc/x]\na = b\n", "absolute path");
	wrong_says(PART "[set /etc/x y]\na[0] = b\n", "KEY[N]");
	wrong_says(PART "[set /etc/x y]\na[33] = b\n", "KEY[N]");
	wrong_says(PART "[file /etc/x]\nowner = root\n", "USER:GROUP");
	wrong_says(PART "[file /etc/x]\nmode = 644\n", "octal");
	wrong_says(PART "[file /etc/x]\nmode = 0888\n", "octal");
	wrong_says(PART "[file /etc/../x]\n", "absolute path");
	wrong_says(PART "[file /etc/x]\ntemplate = ../../etc/shadow\n", "templates/");
	wrong_says(PART "[database a`b]\n", "section name");
	wrong_says(PART "[database a-b]\n", "expected names");
	wrong_says(PART "[service image]\nname = glance\n", "name and url");
	wrong_says(PART "[step a]\n", "expected run");
	wrong_says(PART "[step a]\nrun = ls\n", "expected run");
	wrong_says(PART "[step a]\nrun = /bin/ls\nop = rings\n", "expected run");
	wrong_says(PART "[step a]\nop = rings\nwhen = never\n", "once or change");
	wrong_says(PART "[step a]\nop = rings\nenv.1 = x\n", "NAME=VALUE");
	wrong_says(PART "[step a]\nop = rings\ntimeout = 0\n", "seconds");
	wrong_says(PART "[nonsense]\n", "no such section");
	wrong_says(PART "[units]\nstop = a\n", "no such key");
}

static void picks_by_service(_unused_ void **state)
{
	_cleanup_(problems_clear) struct problems problems = {0};
	_cleanup_(partdefs_freep) struct partdefs *all = NULL;
	_cleanup_(strv_freep) char **parts = strv_split("base extra"),
				   **services = strv_split("a heat");
	struct roledef def = {.name = (char *)"controller", .parts = parts};
	const struct partdef **list = NULL;
	struct dir d;

	dir_make(&d);
	dir_put(&d, "parts", "base.ini", PART);
	dir_put(&d, "parts", "extra.ini", PART "service = heat\n");
	assert_int_equal(partdefs_load(d.path, &problems, &all), 0);
	assert_int_equal(partdefs_of(all, &def, NULL, &problems, &list), 0);
	assert_string_equal(list[0]->name, "base");
	assert_null(list[1]);
	free(TAKE_PTR(list));
	assert_int_equal(partdefs_of(all, &def, services, &problems, &list), 0);
	assert_string_equal(list[1]->name, "extra");
	free(TAKE_PTR(list));
	strv_add(&parts, "missing");
	def.parts = parts;
	assert_int_equal(partdefs_of(all, &def, services, &problems, &list), -ENOENT);
	assert_int_equal(problems.n, 1);
	dir_free(&d);
}

/* The role files that are shipped: no problem, no secret without a template, no part lost. */
static void ours_are_whole(_unused_ void **state)
{
	_cleanup_(problems_clear) struct problems problems = {0};
	_cleanup_(partdefs_freep) struct partdefs *all = NULL;
	_cleanup_(roledefs_freep) struct roledefs *roles = NULL;
	_cleanup_(strv_freep) char **services =
		strv_split("horizon cinder swift heat telemetry trove manila");
	int r = roledefs_load("roles", &problems, &roles);

	if (r == 0)
		r = partdefs_load("roles", &problems, &all);
	problems_print(&problems, stderr);
	assert_int_equal(r, 0);
	for (size_t i = 0; i < roles->n; i++) {
		const struct partdef **list = NULL;
		_cleanup_(strv_freep) char **names = NULL;
		_cleanup_free_ char *msg = NULL;

		assert_int_equal(
			partdefs_of(all, &roles->list[i], services, &problems, &list), 0);
		assert_int_equal(partdefs_secrets(all, list, &names, &msg), 0);
		free(list);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_everything),
		cmocka_unit_test(finds_secrets),
		cmocka_unit_test(tells_mistakes),
		cmocka_unit_test(picks_by_service),
		cmocka_unit_test(ours_are_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
