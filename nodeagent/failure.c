/* SPDX-License-Identifier: Apache-2.0 */
#include "nodeagent/failure.h"

void failure_init(struct failure *f)
{
	*f = (struct failure){.text = xstrdup(""), .told = xstrdup("")};
}

void failure_clear(struct failure *f)
{
	free(f->text);
	free(f->told);
}

static void set(char **s, const char *text)
{
	free(*s);
	*s = xstrdup(text);
}

void failure_forget(struct failure *f)
{
	set(&f->told, "");
	f->once = false;
}

bool failure_set(struct failure *f, struct link *link, const char *text, bool final)
{
	bool failed = *text != '\0', first = failed && !final && !f->once;

	set(&f->text, text);
	f->once = failed;
	if (first) {
		_cleanup_free_ char *words = xasprintf("%s; it is tried once more", text);

		link_event(link, "noded.warning", words, NULL);
		return true;
	}
	if (failed && !streq(text, f->told))
		link_event(link, "noded.failed", text, NULL);
	set(&f->told, text);
	return false;
}
