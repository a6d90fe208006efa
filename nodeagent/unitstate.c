/* SPDX-License-Identifier: Apache-2.0 */
#include "nodeagent/unitstate.h"

bool unit_state_is_up(const struct unit_state *s)
{
	if (!streq(s->active, "active"))
		return false;
	return !streq(s->sub, "exited") || streq(s->type, "oneshot");
}

char *unit_state_text(const char *unit, const struct unit_state *s)
{
	if (!streq(s->load, "loaded"))
		return xasprintf("%s is %s on this image", unit, s->load);
	if (unit_state_is_up(s))
		return xasprintf("%s %s", unit, s->sub);
	return xasprintf("%s is %s (%s%s%s); see: journalctl -b -u %s", unit, s->active,
		s->sub, *s->result && !streq(s->result, "success") ? ", " : "",
		streq(s->result, "success") ? "" : s->result, unit);
}
