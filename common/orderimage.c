/* SPDX-License-Identifier: Apache-2.0 */
#include "common/orderimage.h"

#include "common/jsonx.h"
#include "common/parse.h"

json_t *order_image_to_json(const struct order_image *im)
{
	json_t *obj = json_pack("{s:s, s:s, s:s, s:I, s:I}", "path", im->path, "version",
		im->version, "sha256", im->sha256, "size_bytes",
		(json_int_t)im->size_bytes, "raw_bytes", (json_int_t)im->raw_bytes);

	if (obj && im->blocks_path)
		json_object_set_new(obj, "blocks",
			json_pack("{s:s, s:s, s:s}", "path", im->blocks_path, "sha256",
				im->blocks_sha256, "raw_sha256", im->raw_sha256));
	if (obj && im->cast_group) {
		char group[16];

		format_ipv4(im->cast_group, group);
		json_object_set_new(obj, "multicast",
			json_pack("{s:s, s:i}", "group", group, "port", im->cast_port));
	}
	if (obj && im->manifest)
		json_object_set_new(obj, "signed",
			json_pack("{s:s, s:s}", "manifest", im->manifest, "signature",
				im->signature));
	return obj;
}

/* So many bytes in hex. */
static char *read_hex(struct jx *j, const char *key, size_t bytes)
{
	const char *s = jx_str(j, key, 2 * bytes);
	uint8_t raw[64];

	if (!j->error && parse_hex(s, bytes, raw) < 0)
		jx_fail(j, key, "expected %zu hex digits", 2 * bytes);
	return xstrdup(s);
}

static char *read_sha256(struct jx *j, const char *key)
{
	return read_hex(j, key, 32);
}

static char *read_path(struct jx *j)
{
	const char *s = jx_str(j, "path", 256);

	if (!j->error && s[0] != '/')
		jx_fail(j, "path", "expected an absolute path");
	return xstrdup(s);
}

static void read_blocks(struct jx *outer, struct order_image *im)
{
	struct jx j = {.obj = json_object_get(outer->obj, "blocks")};

	if (!j.obj || !jx_object(outer, "blocks"))
		return;
	im->blocks_path = read_path(&j);
	im->blocks_sha256 = read_sha256(&j, "sha256");
	im->raw_sha256 = read_sha256(&j, "raw_sha256");
	jx_merge(outer, "blocks", &j);
}

static void read_signed(struct jx *outer, struct order_image *im)
{
	struct jx j = {.obj = json_object_get(outer->obj, "signed")};

	if (!j.obj || !jx_object(outer, "signed"))
		return;
	im->manifest = xstrdup(jx_str(&j, "manifest", ORDER_MAX_MANIFEST));
	im->signature = read_hex(&j, "signature", 64);
	jx_merge(outer, "signed", &j);
}

static void read_cast(struct jx *outer, struct order_image *im)
{
	struct jx j = {.obj = json_object_get(outer->obj, "multicast")};

	if (!j.obj || !jx_object(outer, "multicast"))
		return;
	if (parse_ipv4(jx_str(&j, "group", 15), &im->cast_group) < 0 ||
		im->cast_group >> 28 != 0xe)
		jx_fail(&j, "group", "expected a group of multicast, 224.0.0.0/4");
	im->cast_port = (uint16_t)jx_uint(&j, "port", 1, 65535);
	jx_merge(outer, "multicast", &j);
}

static void read_image(struct jx *j, struct order_image *im)
{
	im->path = read_path(j);
	im->version = xstrdup(jx_str(j, "version", 128));
	im->sha256 = read_sha256(j, "sha256");
	im->size_bytes = jx_uint(j, "size_bytes", 1, INT64_MAX);
	im->raw_bytes = jx_uint(j, "raw_bytes", 1, INT64_MAX);
	read_blocks(j, im);
	read_signed(j, im);
	read_cast(j, im);
}

int order_image_from_json(const json_t *obj, struct order_image *ret, char **reterr_msg)
{
	struct jx j = {.obj = obj};

	*ret = (struct order_image){0};
	read_image(&j, ret);
	if (!j.error)
		return 0;
	order_image_clear(ret);
	*reterr_msg = TAKE_PTR(j.error);
	return -EINVAL;
}

void order_image_clear(struct order_image *im)
{
	free(im->path);
	free(im->version);
	free(im->sha256);
	free(im->blocks_path);
	free(im->blocks_sha256);
	free(im->raw_sha256);
	free(im->manifest);
	free(im->signature);
	*im = (struct order_image){0};
}
