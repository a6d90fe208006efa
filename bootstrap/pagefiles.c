/* SPDX-License-Identifier: Apache-2.0 */
#include "bootstrap/page.h"

/* The assembler takes the files in as they are: no generator, no escaping, no copy. */
#define EMBED(name, file)                                                      \
	__asm__(".section .rodata\n"                                           \
		".global pagefile_" #name "\n.global pagefile_" #name "_end\n" \
		"pagefile_" #name ":\n.incbin \"bootstrap/page/" file "\"\n"   \
		"pagefile_" #name "_end:\n.byte 0\n.previous\n");              \
	extern const char pagefile_##name[], pagefile_##name##_end[];

/* clang-format off */
#define SCRIPTS(X) \
	X(actions) X(api) X(app) X(cloud) X(console) X(dom) X(events) X(live) X(node) X(plan) \
	X(rack) X(state) X(words)
/* clang-format on */
#define EMBED_SCRIPT(name) EMBED(name, #name ".js")
#define FILE_OF(path, type, name) {path, type, pagefile_##name, pagefile_##name##_end},
#define SCRIPT(name) FILE_OF("/" #name ".js", "text/javascript; charset=utf-8", name)

EMBED(index, "index.html")
EMBED(style, "style.css")
EMBED(icon, "icon.svg")
SCRIPTS(EMBED_SCRIPT)

static const struct page_file files[] = {FILE_OF("/", "text/html; charset=utf-8", index)
		FILE_OF("/style.css", "text/css; charset=utf-8", style)
			FILE_OF("/icon.svg", "image/svg+xml", icon) SCRIPTS(SCRIPT)};

const struct page_file *page_file(const char *path)
{
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		if (streq(files[i].path, path))
			return &files[i];
	return NULL;
}
