/* SPDX-License-Identifier: Apache-2.0 */
#include "common/rackid.h"

#include "common/parse.h"

static const char shape[] = "xxxxxxxx-xxxx-8xxx";

bool rackid_is_valid(const char *id)
{
	if (strlen(id) != RACKID_TEXT - 1)
		return false;
	for (size_t i = 0; i < RACKID_TEXT - 1; i++)
		if (shape[i] == 'x' ? !strchr("0123456789abcdef", id[i])
				    : id[i] != shape[i])
			return false;
	return true;
}

int rackid_of_authority(const char *authority, char ret[static RACKID_TEXT])
{
	uint8_t digest[32];

	if (parse_hex(authority, sizeof(digest), digest) < 0)
		return -EINVAL;
	for (size_t i = 0; i < RACKID_TEXT - 1; i++)
		ret[i] = shape[i] == 'x' ? *authority++ : shape[i];
	ret[RACKID_TEXT - 1] = '\0';
	return 0;
}

void rackid_disk_guid(const char *id, char ret[static 37])
{
	_cleanup_free_ char *end = random_hex(8);

	/* the variant of RFC 9562: the two highest bits are 10 */
	snprintf(ret, 37, "%s-%c%.3s-%s", id, "89ab"[end[0] & 3], end + 1, end + 4);
}

bool rackid_made(const char *id, const char *guid)
{
	return rackid_is_valid(id) && strlen(guid) == 36 &&
		strncmp(guid, id, RACKID_TEXT - 1) == 0;
}
