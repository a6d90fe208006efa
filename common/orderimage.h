/* SPDX-License-Identifier: Apache-2.0 */
/* What an install order, and a task "update", say of the image. JSON form: docs/protocol.md. */
#pragma once

#include <jansson.h>

#include "common/util.h"

struct order_image {
	char *path; /* URL path on ondold: "/files/core/root.erofs.zst" */
	char *version;
	char *sha256; /* of the compressed bytes, 64 hex digits */
	uint64_t size_bytes; /* compressed */
	uint64_t raw_bytes; /* written to the slot */
	/* its list of blocks (images/blocks.h), and what they make; NULL: it has none */
	char *blocks_path, *blocks_sha256, *raw_sha256;
	/* what its builder signed (images/signature.h): manifest.json as it stands, and the
	 * signature in 128 hex digits; NULL: it is not signed */
	char *manifest, *signature;
	/* where it may come by multicast (images/cast.h), host order; group 0: nowhere */
	uint32_t cast_group;
	uint16_t cast_port;
};

#define ORDER_MAX_MANIFEST 65536

/* Its JSON form; both are the caller's. from_json: -EINVAL with *reterr_msg. */
json_t *order_image_to_json(const struct order_image *im);
int order_image_from_json(const json_t *obj, struct order_image *ret, char **reterr_msg);
void order_image_clear(struct order_image *im);
