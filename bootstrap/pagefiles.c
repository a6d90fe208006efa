/* SPDX-License-Identifier: Apache-2.0 */
#include "bootstrap/page.h"

/* The assembler takes the files in as they are: no generator, no escaping, no copy. */
#define EMBED(name, file)                                                \
	__asm__(".section .rodata\n"                                     \
		".global page_" #name "\n.global page_" #name "_end\n"   \
		"page_" #name ":\n.incbin \"bootstrap/page/" file "\"\n" \
		"page_" #name "_end:\n.byte 0\n.previous\n");            \
	extern const char page_##name[], page_##name##_end[]

EMBED(index, "index.html");
EMBED(style, "style.css");
EMBED(app, "app.js");
EMBED(icon, "icon.svg");

static const struct page_file files[] = {
	{"/", "text/html; charset=utf-8", page_index, page_index_end},
	{"/style.css", "text/css; charset=utf-8", page_style, page_style_end},
	{"/app.js", "text/javascript; charset=utf-8", page_app, page_app_end},
	{"/icon.svg", "image/svg+xml", page_icon, page_icon_end},
};

const struct page_file *page_file(const char *path)
{
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		if (streq(files[i].path, path))
			return &files[i];
	return NULL;
}
