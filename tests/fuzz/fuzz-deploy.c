/* SPDX-License-Identifier: Apache-2.0 */
/* What ondold reads of others' text: dnsmasq's log, ipmitool's output, a Range header. */
#include "tests/fuzz/fuzz.h"

#include "bootstrap/fsm.h"
#include "bootstrap/ipmitext.h"
#include "bootstrap/pxetext.h"
#include "bootstrap/radvtext.h"
#include "bootstrap/range.h"

static void log_line(const char *line)
{
	struct pxe_line parsed;

	pxe_parse_line(line, &parsed);
	if (parsed.text < line || parsed.text > line + strlen(line))
		abort();
	if (parsed.kind > PXE_LINE_TROUBLE)
		abort();
}

static void tool_output(const char *text)
{
	enum ipmi_power power = IPMI_POWER_UNKNOWN;
	enum ipmi_fault fault = ipmi_classify(text[0] & 1, text[0] & 2, text);
	struct ipmi_bootflags flags;

	if (ipmi_parse_power(text, &power) == 0 && power == IPMI_POWER_UNKNOWN)
		abort();
	(void)ipmi_parse_bootparam(text, &flags);
	free(ipmi_fault_words(fault, "10.77.1.12", "ondol", text));
}

static void range(const char *header)
{
	uint64_t from = 0, len = 0, size = strlen(header) * 7;

	if (range_parse(header, size, &from, &len) == RANGE_PART &&
		(from >= size || len == 0 || len > size - from))
		abort(); /* bytes that are not in the file */
}

static void frame(const uint8_t *data, size_t size)
{
	_cleanup_free_ uint8_t *copy = xmalloc(size); /* its end is watched */
	uint8_t answer[RADV_FRAME_BYTES];
	struct mac_addr from;

	memcpy(copy, data, size);
	if (radv_is_solicitation(copy, size, &from))
		radv_answer(copy, &from, answer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = xstrndup((const char *)data, size);
	enum fsm_event event;
	enum fsm_state state;

	frame(data, size);
	tool_output(text);
	range(text);
	for (char *line = text, *end; line; line = end) {
		end = strchr(line, '\n');
		if (end)
			*end++ = 0;
		log_line(line);
		range(line);
		(void)fsm_event_parse(line, &event);
		(void)fsm_state_parse(line, &state);
	}
	return 0;
}
