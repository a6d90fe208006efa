/* SPDX-License-Identifier: Apache-2.0 */
/* manifest.json of an image profile: what is accepted is safe to make paths of. */
#include "tests/fuzz/fuzz.h"

#include "images/manifest.h"

static void check_file(const struct image_manifest *m, const struct image_file *f)
{
	if (strchr(f->name, '/') || f->name[0] == '.' || f->name[0] == '\0')
		abort();
	if (strlen(f->sha256) != 64 || f->size_bytes == 0)
		abort();
	if (image_manifest_file(m, f->name) != f)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(image_manifest_freep) struct image_manifest *m = NULL;
	_cleanup_free_ char *msg = NULL;

	if (image_manifest_parse((const char *)data, size, &m, &msg) != 0) {
		if (!msg || m)
			abort(); /* refused without a word */
		return 0;
	}
	check_file(m, &m->kernel);
	check_file(m, &m->initrd);
	check_file(m, &m->root);
	if (m->blocks.name)
		check_file(m, &m->blocks);
	if (m->raw_bytes % 4096 != 0)
		abort();
	return 0;
}
