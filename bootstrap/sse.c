/* SPDX-License-Identifier: Apache-2.0 */
#include "bootstrap/sse.h"

#include "common/parse.h"

/*
 * A line may end with CR, LF or both for the reader: none of them may get out of a "data:"
 * line, or a text from a node could begin a message of its own.
 */

static void put_data(FILE *f, const char *data)
{
	for (;;) {
		size_t len = strcspn(data, "\r\n");

		fprintf(f, "data: %.*s\n", (int)len, data);
		data += len;
		if (!*data)
			return;
		data += data[0] == '\r' && data[1] == '\n' ? 2 : 1;
	}
}

char *sse_message(const char *type, int64_t id, const char *data)
{
	char *out = NULL;
	size_t size;
	FILE *f = open_memstream(&out, &size);

	if (!f)
		abort(); /* no memory */
	fprintf(f, "event: %s\n", type);
	if (id >= 0)
		fprintf(f, "id: %lld\n", (long long)id);
	put_data(f, data);
	fputc('\n', f);
	if (fclose(f) != 0)
		abort(); /* no memory */
	return out;
}

int64_t sse_last_id(const char *header)
{
	uint64_t id;

	return header && parse_u64(header, 0, INT64_MAX, &id) == 0 ? (int64_t)id : -1;
}
