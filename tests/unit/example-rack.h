/* SPDX-License-Identifier: Apache-2.0 */
/* The example rack, which many tests begin with. */
#pragma once

#include "common/rack.h"
#include "common/roledef.h"

static struct roledefs *example_roles;
static char *example_text;
static struct rack *example_rack;

static _unused_ int example_setup(void **state)
{
	static const char path[] = "examples/dl360-rack.ini";
	struct problems p = {0};
	int r = roledefs_load("roles", &p, &example_roles);

	if (r == 0)
		r = read_file(path, 1 << 20, &example_text, NULL);
	if (r == 0)
		r = rack_parse(path, example_text, strlen(example_text), example_roles,
			&p, &example_rack);
	problems_print(&p, stderr);
	problems_clear(&p);
	return r == 0 ? 0 : -1;
}

static _unused_ int example_teardown(void **state)
{
	rack_freep(&example_rack);
	roledefs_freep(&example_roles);
	util_freep(&example_text);
	return 0;
}

/* The example with the first "from" after section (NULL: of all) replaced. */
static _unused_ struct rack *example_with(
	const char *section, const char *from, const char *to)
{
	const char *at = section ? strstr(example_text, section) : example_text;
	struct problems p = {0};
	struct rack *rack = NULL;
	char *text;

	assert_non_null(at);
	at = strstr(at, from);
	assert_non_null(at);
	text = xasprintf("%.*s%s%s", (int)(at - example_text), example_text, to,
		at + strlen(from));
	rack_parse("rack.ini", text, strlen(text), example_roles, &p, &rack);
	problems_print(&p, stderr);
	problems_clear(&p);
	free(text);
	assert_non_null(rack);
	return rack;
}
