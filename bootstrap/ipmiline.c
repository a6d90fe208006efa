/* SPDX-License-Identifier: Apache-2.0 */
#include "bootstrap/ipmiline.h"

bool ipmi_line_wait(struct ipmi_line *l, struct ipmi_place *p)
{
	if (!l || l->running < l->max)
		return false;
	if (p->waits)
		return true;
	p->prev = l->last;
	if (l->last)
		l->last->next = p;
	else
		l->first = p;
	l->last = p;
	p->waits = true;
	return true;
}

void ipmi_line_leave(struct ipmi_line *l, struct ipmi_place *p)
{
	if (!l || !p->waits)
		return;
	if (p->prev)
		p->prev->next = p->next;
	else
		l->first = p->next;
	if (p->next)
		p->next->prev = p->prev;
	else
		l->last = p->prev;
	p->prev = p->next = NULL;
	p->waits = false;
}

void ipmi_line_begin(struct ipmi_line *l)
{
	if (l)
		l->running++;
}

void ipmi_line_pass(struct ipmi_line *l)
{
	struct ipmi_place *p = l && l->running < l->max ? l->first : NULL;

	if (!p)
		return;
	ipmi_line_leave(l, p);
	p->call(p->userdata);
}

void ipmi_line_end(struct ipmi_line *l)
{
	if (l)
		l->running--;
	ipmi_line_pass(l);
}
