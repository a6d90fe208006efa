/* SPDX-License-Identifier: Apache-2.0 */
/* What is served is what is in bootstrap/page/, all of it, and as what it is. */
#include "tests/unit/harness.h"

#include <dirent.h>

#include "bootstrap/page.h"

static const char *type_of(const char *name)
{
	const char *end = strrchr(name, '.');

	return streq(end, ".js")     ? "text/javascript; charset=utf-8"
		: streq(end, ".css") ? "text/css; charset=utf-8"
		: streq(end, ".svg") ? "image/svg+xml"
				     : "text/html; charset=utf-8";
}

static void all_files_are_served(void **state)
{
	DIR *dir = opendir("bootstrap/page");
	struct dirent *e;
	size_t n = 0;

	assert_non_null(dir);
	while ((e = readdir(dir))) {
		_cleanup_free_ char *path = xasprintf("bootstrap/page/%s", e->d_name),
				    *url = xasprintf("/%s", e->d_name), *text = NULL;
		const struct page_file *f;
		size_t len;

		if (e->d_name[0] == '.')
			continue;
		f = page_file(streq(e->d_name, "index.html") ? "/" : url);
		if (!f || !streq(f->type, type_of(e->d_name)))
			fail_msg("%s is not served as %s: list it in pagefiles.c",
				e->d_name, type_of(e->d_name));
		assert_int_equal(read_file(path, 1 << 20, &text, &len), 0);
		assert_int_equal((size_t)(f->end - f->data), len);
		assert_memory_equal(f->data, text, len);
		n++;
	}
	closedir(dir);
	assert_true(n > 10);
}

static void nothing_else_is(void **state)
{
	static const char *const paths[] = {"", "/index.html", "/app.js/", "/page.c",
		"/../page.c", "/.", "/App.js", "/v1/status"};

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
		assert_null(page_file(paths[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_files_are_served),
		cmocka_unit_test(nothing_else_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
