/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many ipmitools run at once, of all BMCs together: at ondold's start every server of a
 * rack is asked for its power, be they ten or ten thousand. Pure.
 */
#pragma once

#include "common/util.h"

#define IPMI_AT_ONCE 64

struct ipmi_place { /* of one who may have to wait; zeroed but for the first two */
	void (*call)(
		void *userdata); /* there may be room now; must not run anything at once */
	void *userdata;
	struct ipmi_place *prev, *next; /* borrowed */
	bool waits;
};

struct ipmi_line { /* zeroed but for max; lives longer than the places in it */
	unsigned max, running;
	struct ipmi_place *first,
		*last; /* borrowed: those that wait, the longest first */
};

/* All take NULL for a line without limit. */
/* Is there no room? Then p stands in line and is called. */
bool ipmi_line_wait(struct ipmi_line *l, struct ipmi_place *p);
/* p goes away. */
void ipmi_line_leave(struct ipmi_line *l, struct ipmi_place *p);
void ipmi_line_begin(struct ipmi_line *l); /* one more runs */
void ipmi_line_end(struct ipmi_line *l); /* one has ended */
/* For whoever was called, or may have been, and runs nothing: the next one is called. */
void ipmi_line_pass(struct ipmi_line *l);
