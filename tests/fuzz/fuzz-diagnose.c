/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `ondol why`: events, one a line as "TYPE TEXT" with texts that nodes and BMCs made up, to
 * findings. Whatever they say, a finding has its words and what it is founded upon.
 */
#include "tests/fuzz/fuzz.h"

#include "bootstrap/diagnose.h"

static void check_finding(const struct diag_finding *f, size_t fed)
{
	if (!f->cause || !*f->cause || !f->title || !f->todo || !f->n_evidence)
		abort();
	for (size_t i = 0; i < f->n_evidence; i++)
		if (!f->evidence[i]->type || !f->evidence[i]->text ||
			f->evidence[i]->id < 1 || (size_t)f->evidence[i]->id > fed)
			abort(); /* an event that was not there */
}

static void look(const struct diagnosis *d, uint64_t now_ms, size_t fed)
{
	struct diag_finding found[DIAG_MAX_FINDINGS];

	for (unsigned state = 0; state < FSM_N_STATES; state++) {
		size_t n = diagnosis_findings(d, (enum fsm_state)state, now_ms, found);

		if (n > DIAG_MAX_FINDINGS)
			abort();
		for (size_t i = 0; i < n; i++)
			check_finding(&found[i], fed);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *copy = xstrndup((const char *)data, size);
	_cleanup_(diagnosis_freep) struct diagnosis *d = diagnosis_new();
	uint64_t now_ms = 1800000000000;
	size_t fed = 0;

	for (char *line = copy, *end; line; line = end) {
		struct store_event ev = {.node = "hp02", .source = "agent"};
		char *text;

		end = strchr(line, '\n');
		if (end)
			*end++ = 0;
		text = strchr(line, ' ');
		if (text)
			*text++ = 0;
		now_ms += strlen(line) * 1000;
		ev.id = (int64_t)++fed;
		ev.time_ms = now_ms;
		ev.type = line;
		ev.text = text ? text : "";
		diagnosis_feed(d, &ev);
	}
	look(d, now_ms, fed);
	look(d, now_ms + 3600000, fed);
	return 0;
}
