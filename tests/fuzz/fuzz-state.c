/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What ondold reads again from its own state folder, after a power cut, a full disk or a
 * restore from who knows where: recordings of consoles, tokens, the cloud's secrets. The
 * first byte says which.
 */
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/place.h"

#include "bootstrap/access.h"
#include "bootstrap/cloudsecrets.h"
#include "bootstrap/conrec.h"
#include "common/jsonx.h"
#include "common/log.h"

/* Read from anywhere it ends, and goes forwards. */
static void read_all(struct conrec *r)
{
	uint64_t at = conrec_begin_of_run(r), end = conrec_end(r);
	_cleanup_(jx_freep) json_t *chunks = json_array();

	if (at > end)
		abort();
	for (uint64_t next; at < end; at = next) {
		next = conrec_read(r, at, 100, chunks);
		if (next <= at)
			abort();
	}
	(void)conrec_read(r, end / 2 + 1, 1000, chunks);
}

/* Two parts, cut at a line that says "--". */
static void fuzz_recording(const char *text, size_t len)
{
	_cleanup_free_ char *dir = xasprintf("%s/console", fuzz_place());
	const char *cut = memmem(text, len, "\n--\n", 4);
	size_t first = cut ? (size_t)(cut + 1 - text) : len;
	struct conrec *r;
	uint64_t end;

	remove_tree(dir);
	fuzz_mkdir("console");
	fuzz_put("console/000001-001.cast", text, first);
	if (cut)
		fuzz_put("console/000001-002.cast", cut + 4, len - first - 3);
	r = conrec_open(dir, "hp02");
	read_all(r);
	conrec_write(r, "hello\n", 6, 1800000000000);
	end = conrec_end(r);
	conrec_close(r);
	r = conrec_open(dir, "hp02");
	if (conrec_end(r) != end)
		abort(); /* what was written is behind what was there, in every life */
	conrec_close(r);
}

static void fuzz_tokens(const char *text, size_t len)
{
	_cleanup_free_ char *msg = NULL, *why = NULL;
	_cleanup_(jx_freep) json_t *doc = jx_parse(text, len, &msg), *again = NULL;
	struct access *a = access_new();

	if (doc && access_load(a, doc, &why) == 0) {
		again = access_to_json(a);
		if (access_load(a, again, &why) < 0)
			abort(); /* what it writes it must understand itself */
	} else if (doc && !why) {
		abort(); /* refused without a word */
	}
	access_free(a);
}

static void fuzz_secrets(const char *text, size_t len)
{
	static char *const hosts[] = {(char *)"10.77.20.11", NULL};
	struct cloudsecrets *s = NULL;
	_cleanup_free_ char *msg = NULL;

	fuzz_put("cloud-secrets", text, len);
	if (cloudsecrets_load(fuzz_place(), CLOUDSECRETS_FILE, &s, &msg) == 0)
		(void)cloudsecrets_tls_is_good(s, hosts, 1800000000);
	else if (!msg)
		abort();
	cloudsecrets_free(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = NULL;

	if (size == 0)
		return 0;
	log_set_level(LOG_L_ERROR);
	text = xstrndup((const char *)data + 1, size - 1);
	if (data[0] == 'r')
		fuzz_recording((const char *)data + 1, size - 1);
	else if (data[0] == 't')
		fuzz_tokens(text, strlen(text));
	else
		fuzz_secrets((const char *)data + 1, size - 1);
	return 0;
}
