/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/harness.h"

#include "common/problems.h"
#include "common/roledef.h"

static void shipped_roles(void **state)
{
	_cleanup_(roledefs_freep) struct roledefs *r = NULL;
	_cleanup_free_ char *names = NULL;
	struct problems p = {0};
	const struct roledef *d;

	assert_int_equal(roledefs_load("roles", &p, &r), 0);
	names = roledefs_names(r);
	assert_string_equal(names, "compute, controller, storage");
	assert_true(roledefs_role_has_kinds(r, "storage"));
	assert_false(roledefs_role_has_kinds(r, "compute"));
	assert_null(roledefs_find(r, "storage", NULL));
	d = roledefs_find(r, "storage", "block");
	assert_string_equal(d->data_vg, "cinder-volumes");
	assert_false(d->hypervisor);
	d = roledefs_find(r, "compute", NULL);
	assert_true(d->hypervisor);
	assert_string_equal(d->vm_networks[0], "tunnel");
	assert_null(d->data_vg);
}

static void broken_roles(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{"[disks]\ndata = none\n", "expected a section [role]"},
		{"[role]\n[disks]\ndata = raid\n",
			"[disks] data: expected lvm:VOLUMEGROUP, xfs:/DIRECTORY or none"},
		{"[role]\n[disks]\ndata = lvm:a/b\n", "expected lvm:VOLUMEGROUP"},
		{"[role]\n[disks]\ndata = xfs:srv\n", "found \"xfs:srv\""},
		{"[role]\n[disks]\ndata = xfs:/\n", "found \"xfs:/\""},
		{"[role]\n[disks]\ndata = xfs:/srv//a\n", "xfs:/DIRECTORY"},
		{"[role]\n[disks]\ndata = xfs:/srv/../etc\n", "xfs:/DIRECTORY"},
		{"[role]\n[disks]\ndata = xfs:/srv/a b\n", "xfs:/DIRECTORY"},
		{"[role]\n[hypervisor]\nenabled = maybe\n", "expected yes or no"},
		{"[role]\ncolour = red\n", "[role] colour: there is no such key"},
		{"[role]\nkinds = a b a\n", "expected names, each once, found \"a\""},
		{"[role]\nkinds = a) b\n", "expected names, each once, found \"a)\""},
		{"[role]\nkinds = a\n[kind b]\nstart = x\n",
			"[kind b]: there is no such section"},
	};
	char dir[] = "/tmp/ondol-roles.XXXXXX";

	assert_non_null(mkdtemp(dir));
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *path = xasprintf("%s/x.ini", dir), *line = NULL;
		struct problems p = {0};
		struct roledefs *r = NULL;

		assert_int_equal(write_file_atomic(path, cases[i].text,
					 strlen(cases[i].text), 0644),
			0);
		assert_int_equal(roledefs_load(dir, &p, &r), -EINVAL);
		assert_null(r);
		line = problem_format(&p.list[0]);
		if (!strstr(line, cases[i].want))
			fail_msg("expected \"%s\", got \"%s\"", cases[i].want, line);
		problems_clear(&p);
	}
	assert_int_equal(remove_tree(dir), 0);
}

static void data_on_xfs(void **state)
{
	static const char text[] = "[role]\nkinds = a b\n[kind a]\ndata = xfs:/srv/node\n"
				   "[kind b]\ndata = lvm:vg\n";
	char dir[] = "/tmp/ondol-roles.XXXXXX";
	_cleanup_(roledefs_freep) struct roledefs *r = NULL;
	_cleanup_free_ char *path = NULL;
	struct problems p = {0};

	assert_non_null(mkdtemp(dir));
	path = xasprintf("%s/x.ini", dir);
	assert_int_equal(write_file_atomic(path, text, strlen(text), 0644), 0);
	assert_int_equal(roledefs_load(dir, &p, &r), 0);
	assert_string_equal(roledefs_find(r, "x", "a")->data_dir, "/srv/node");
	assert_null(roledefs_find(r, "x", "a")->data_vg);
	assert_null(roledefs_find(r, "x", "b")->data_dir);
	assert_string_equal(roledefs_find(r, "x", "b")->data_vg, "vg");
	assert_int_equal(remove_tree(dir), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shipped_roles),
		cmocka_unit_test(broken_roles),
		cmocka_unit_test(data_on_xfs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
