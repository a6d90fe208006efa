/* SPDX-License-Identifier: Apache-2.0 */
#include "bootstrap/range.h"

#include "common/parse.h"

/* Several ranges in one request are answered with the whole file, which the RFC allows. */

static enum range_result part(
	uint64_t from, uint64_t to, uint64_t size, uint64_t *ret_from, uint64_t *ret_len)
{
	if (from >= size)
		return RANGE_UNSATISFIABLE;
	*ret_from = from;
	*ret_len = MIN(to, size - 1) - from + 1;
	return RANGE_PART;
}

enum range_result range_parse(
	const char *header, uint64_t size, uint64_t *ret_from, uint64_t *ret_len)
{
	_cleanup_free_ char *copy = NULL;
	uint64_t from, to = UINT64_MAX;
	char *dash;

	if (!str_startswith(header, "bytes="))
		return RANGE_WHOLE;
	copy = xstrdup(header + strlen("bytes="));
	dash = strchr(copy, '-');
	if (!dash)
		return RANGE_WHOLE;
	*dash++ = 0;
	if (*dash && parse_u64(dash, 0, UINT64_MAX, &to) < 0)
		return RANGE_WHOLE;
	if (!*copy && *dash)
		return to == 0
			? RANGE_UNSATISFIABLE
			: part(size - MIN(to, size), UINT64_MAX, size, ret_from, ret_len);
	if (parse_u64(copy, 0, UINT64_MAX, &from) < 0 || to < from)
		return RANGE_WHOLE;
	return part(from, to, size, ret_from, ret_len);
}
