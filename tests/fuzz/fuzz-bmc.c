/* SPDX-License-Identifier: Apache-2.0 */
/* What a BMC has ipmitool say: sensors and the event log. */
#include "tests/fuzz/fuzz.h"

#include "bootstrap/bmctext.h"
#include "common/jsonx.h"

typedef int parse_fn(const char *text, json_t **ret, size_t *ret_unread);

static void parse(parse_fn *fn, const char *text)
{
	_cleanup_(jx_freep) json_t *list = NULL;
	const json_t *row, *v;
	const char *key;
	size_t unread = 0, i;

	if (fn(text, &list, &unread) < 0)
		return;
	json_array_foreach(list, i, row)
	{
		json_object_foreach((json_t *)row, key, v) if (!v) abort();
		if (json_object_size(row) < 6)
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = xstrndup((const char *)data, size);

	parse(sensors_parse, text);
	parse(sel_parse, text);
	return 0;
}
