/* SPDX-License-Identifier: Apache-2.0 */
/* The example rack for the twin's tests, and a plan made from it. */
#pragma once

#include "common/roledef.h"
#include "twin/plan.h"

static struct roledefs *twin_roles;
static char *twin_text;
static struct rack *twin_rack;

static _unused_ int twin_setup(void **state)
{
	struct problems p = {0};
	int r = roledefs_load("roles", &p, &twin_roles);

	if (r == 0)
		r = read_file("examples/dl360-rack.ini", 1 << 20, &twin_text, NULL);
	if (r == 0)
		r = rack_parse("rack.ini", twin_text, strlen(twin_text), twin_roles, &p,
			&twin_rack);
	problems_print(&p, stderr);
	problems_clear(&p);
	return r == 0 ? 0 : -1;
}

static _unused_ int twin_teardown(void **state)
{
	rack_freep(&twin_rack);
	roledefs_freep(&twin_roles);
	util_freep(&twin_text);
	return 0;
}

/* The example with from replaced by to. */
static _unused_ struct rack *twin_changed(const char *from, const char *to)
{
	const char *at = strstr(twin_text, from);
	struct problems p = {0};
	struct rack *rack = NULL;
	char *text;

	assert_non_null(at);
	text = xasprintf(
		"%.*s%s%s", (int)(at - twin_text), twin_text, to, at + strlen(from));
	rack_parse("rack.ini", text, strlen(text), twin_roles, &p, &rack);
	problems_print(&p, stderr);
	problems_clear(&p);
	free(text);
	assert_non_null(rack);
	return rack;
}

static _unused_ struct twin_plan *twin_plan_of(const struct rack *rack, unsigned n_nodes)
{
	struct twin_options opt = {.n_nodes = n_nodes,
		.memory_mib = 512,
		.cpus = 2,
		.dir = "/run/t",
		.disks = "/var/t"};
	struct twin_plan *p = NULL;
	char *msg = NULL;

	if (twin_plan_new(rack, &opt, &p, &msg) < 0)
		fail_msg("%s", msg);
	return p;
}
