/* SPDX-License-Identifier: Apache-2.0 */
#include "bootstrap/conescape.h"

void conescape_init(struct conescape *e)
{
	*e = (struct conescape){.line_start = true};
}

enum conescape_act conescape_feed(
	struct conescape *e, char c, char out[static 2], size_t *ret_n)
{
	bool tilde = e->tilde;

	*ret_n = 0;
	e->tilde = !tilde && e->line_start && c == '~';
	if (e->tilde)
		return CONESCAPE_NONE;
	e->line_start = c == '\r' || c == '\n';
	if (tilde && (c == '.' || c == '?' || c == 't')) {
		e->line_start = true;
		return c == '.'    ? CONESCAPE_LEAVE
			: c == 't' ? CONESCAPE_TAKE
				   : CONESCAPE_HELP;
	}
	if (tilde && c != '~')
		out[(*ret_n)++] = '~';
	out[(*ret_n)++] = c;
	return CONESCAPE_NONE;
}
