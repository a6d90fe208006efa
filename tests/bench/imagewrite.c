/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An agent's way of writing an image, alone: imagewrite DIRECTORY URL DEVICE. The directory has
 * the profile's manifest.json and files of these names; the URL is where they are served. Prints
 * what it took as JSON.
 */
#include <stdio.h>
#include <sys/resource.h>

#include "common/util.h"
#include "images/delta.h"
#include "images/manifest.h"

static void nothing(
	_unused_ void *userdata, _unused_ uint64_t done, _unused_ uint64_t total)
{
}

static void no_pause(
	_unused_ void *userdata, _unused_ unsigned ms, _unused_ const char *why)
{
}

static int write_image(
	const struct image_manifest *m, const char *base, const char *device, char **why)
{
	_cleanup_(slot_freep) struct slot *slot = NULL;
	_cleanup_free_ char *url = xasprintf("%s/%s", base, m->root.name);
	_cleanup_free_ char *blocks =
		m->blocks.name ? xasprintf("%s/%s", base, m->blocks.name) : NULL;
	struct delta d = {.image = {.url = url,
				  .size_bytes = m->root.size_bytes,
				  .raw_bytes = m->raw_bytes,
				  .sha256 = m->root.sha256,
				  .on_progress = nothing,
				  .on_pause = no_pause},
		.blocks_url = blocks,
		.blocks_sha256 = blocks ? m->blocks.sha256 : NULL,
		.raw_sha256 = blocks ? m->raw_sha256 : NULL,
		.source = -1};
	int r = slot_open(device, m->raw_bytes, &slot, why);

	return r < 0 ? r : delta_write(&d, slot, why);
}

int main(int argc, char **argv)
{
	_cleanup_(image_manifest_freep) struct image_manifest *m = NULL;
	_cleanup_free_ char *why = NULL;
	struct rusage used;
	uint64_t begin = now_mono_ms();
	int r;

	if (argc != 4) {
		fputs("usage: imagewrite DIRECTORY URL DEVICE\n", stderr);
		return 2;
	}
	r = image_manifest_load(argv[1], &m, &why);
	if (r == 0)
		r = write_image(m, argv[2], argv[3], &why);
	if (r != 0) {
		fprintf(stderr, "imagewrite: %s\n", why ? why : strerror(-r));
		return 1;
	}
	getrusage(RUSAGE_SELF, &used);
	printf("{\"ms\": %llu, \"peak_kib\": %ld}\n",
		(unsigned long long)(now_mono_ms() - begin), used.ru_maxrss);
	return 0;
}
