/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Role and part files, which an operator may write himself: 'r' and a role, 'p' and a part.
 * What is refused is refused with words; what is taken can be asked for its secrets.
 */
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/place.h"

#include "common/partdef.h"

static void tell(struct problems *p)
{
	problems_sort(p);
	for (size_t i = 0; i < p->n; i++)
		free(problem_format(&p->list[i]));
}

static void fuzz_role(const uint8_t *data, size_t size)
{
	_cleanup_(roledefs_freep) struct roledefs *roles = NULL;
	_cleanup_(problems_clear) struct problems p = {0};

	fuzz_put("web.ini", data, size);
	if (roledefs_load(fuzz_place(), &p, &roles) < 0) {
		if (!p.n || roles)
			abort(); /* refused without a word */
		tell(&p);
		return;
	}
	for (size_t i = 0; i < roles->n; i++)
		if (roledefs_find(roles, roles->list[i].name, roles->list[i].kind) !=
			&roles->list[i])
			abort();
	free(roledefs_names(roles));
}

static void ask_secrets(const struct partdefs *parts)
{
	const struct partdef *list[] = {&parts->list[0], NULL};
	_cleanup_(strv_freep) char **names = NULL;
	_cleanup_free_ char *msg = NULL;

	if (partdefs_secrets(parts, list, &names, &msg) < 0 && !msg)
		abort();
	for (size_t i = 0; names && names[i] && names[i + 1]; i++)
		if (strcmp(names[i], names[i + 1]) >= 0)
			abort(); /* sorted, each once */
}

static void fuzz_part(const uint8_t *data, size_t size)
{
	_cleanup_(partdefs_freep) struct partdefs *parts = NULL;
	_cleanup_(problems_clear) struct problems p = {0};

	fuzz_mkdir("parts");
	fuzz_put("parts/web.ini", data, size);
	if (partdefs_load(fuzz_place(), &p, &parts) == 0)
		ask_secrets(parts);
	else if (!p.n || parts)
		abort(); /* refused without a word */
	tell(&p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	if (data[0] == 'r')
		fuzz_role(data + 1, size - 1);
	else
		fuzz_part(data + 1, size - 1);
	return 0;
}
