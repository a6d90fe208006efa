/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/harness.h"

#include <zstd.h>

#include "bootstrap/peers.h"
#include "common/order.h"
#include "common/roledef.h"

static struct roledefs *roles;

static struct rack *load(const char *from, const char *to)
{
	_cleanup_free_ char *text = NULL;
	struct problems p = {0};
	struct rack *r = NULL;
	char *at;

	assert_int_equal(read_file("examples/dl360-rack.ini", 1 << 20, &text, NULL), 0);
	at = from ? strstr(text, from) : NULL;
	if (from) {
		assert_non_null(at);
		memcpy(at, to, strlen(to));
	}
	assert_int_equal(rack_parse("rack.ini", text, strlen(text), roles, &p, &r), 0);
	return r;
}

/* What is left out and put in again is what a desired state has by itself. */
static void whole(void **state)
{
	_cleanup_(rack_freep) struct rack *r = load(NULL, NULL);
	const struct rack_node *n = rack_node(r, "hp08");
	_cleanup_(desired_freep) struct desired *all = desired_from_rack(r, n, NULL, 7);
	_cleanup_(desired_freep) struct desired *alone = desired_alone(r, n, NULL, 7);
	json_t *a = desired_to_json(all), *b = desired_to_json(alone);
	struct peers *p = peers_new(r);

	assert_int_equal(strlen(p->text), p->len);
	assert_false(json_equal(a, b));
	json_object_set_new(b, "peers", json_loads(p->text, 0, NULL));
	assert_true(json_equal(a, b));
	assert_int_equal(json_array_size(json_object_get(b, "peers")), r->n_nodes);
	json_decref(a);
	json_decref(b);
	peers_unref(p);
}

/* Frames one behind the other unpack to what they were made of, one behind the other. */
static void packed(void **state)
{
	_cleanup_(rack_freep) struct rack *r = load(NULL, NULL);
	struct peers *small = peers_new(r), *p;
	_cleanup_free_ char *whole = NULL, *unpacked = NULL, *stream = NULL;
	_cleanup_free_ void *head = NULL, *tail = NULL;
	struct rack_node *few = r->nodes;
	size_t n_few = r->n_nodes, head_len, tail_len, len;

	assert_false(peers_pack_text(small));
	r->nodes = xcalloc(60 * n_few, sizeof(*r->nodes));
	r->n_nodes = 60 * n_few;
	for (size_t i = 0; i < r->n_nodes; i++)
		r->nodes[i] = few[i % n_few];
	p = peers_new(r);
	free(r->nodes);
	r->nodes = few;
	r->n_nodes = n_few;
	assert_true(peers_pack_text(p));
	assert_true(p->packed_len < p->len / 10);
	head = peers_frame("{\"peers\":", &head_len);
	tail = peers_frame("}", &tail_len);
	whole = xasprintf("{\"peers\":%s}", p->text);
	len = head_len + p->packed_len + tail_len;
	stream = xmalloc(len);
	memcpy(stream, head, head_len);
	memcpy(stream + head_len, p->packed, p->packed_len);
	memcpy(stream + head_len + p->packed_len, tail, tail_len);
	unpacked = xcalloc(1, strlen(whole) + 1);
	assert_int_equal(
		ZSTD_decompress(unpacked, strlen(whole), stream, len), strlen(whole));
	assert_string_equal(unpacked, whole);
	peers_unref(small);
	peers_unref(p);
}

static void kept(void **state)
{
	_cleanup_(rack_freep) struct rack *r = load(NULL, NULL);
	_cleanup_(rack_freep) struct rack *other =
		load("role    = compute", "role = controller");
	struct peers *p = peers_new(r), *q = peers_new(other);
	json_t *doc = json_pack("{s:i}", "revision", 3);

	assert_false(peers_are_of(p, doc));
	peers_pack(p, doc);
	assert_true(peers_are_of(p, doc));
	assert_false(peers_are_of(q, doc));
	peers_pack(q, doc); /* it was kept with the other ones */
	assert_false(peers_are_of(q, doc));
	peers_forget(doc);
	assert_int_equal(json_object_size(doc), 1);
	json_decref(doc);
	peers_unref(p);
	peers_unref(q);
}

static void kept_by_an_older_one(void **state)
{
	_cleanup_(rack_freep) struct rack *r = load(NULL, NULL);
	_cleanup_(desired_freep) struct desired *d =
		desired_from_rack(r, rack_node(r, "hp08"), NULL, 7);
	_cleanup_(rack_freep) struct rack *other =
		load("role    = compute", "role = controller");
	struct peers *p = peers_new(r), *q = peers_new(other);
	json_t *doc = desired_to_json(d), *same = json_deep_copy(doc);

	peers_pack(p, doc);
	assert_null(json_object_get(doc, "peers"));
	assert_true(peers_are_of(p, doc));
	peers_pack(q, same);
	assert_false(peers_are_of(q, same));
	json_decref(doc);
	json_decref(same);
	peers_unref(p);
	peers_unref(q);
}

static void referenced(void **state)
{
	_cleanup_(rack_freep) struct rack *r = load(NULL, NULL);
	struct peers *p = peers_new(r);

	peers_unref(peers_ref(p));
	assert_int_equal(p->refs, 1);
	peers_unref(p);
	peers_unref(NULL);
}

static int load_roles(void **state)
{
	struct problems p = {0};

	return roledefs_load("roles", &p, &roles);
}

static int free_roles(void **state)
{
	roledefs_free(roles);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(whole),
		cmocka_unit_test(packed), cmocka_unit_test(kept),
		cmocka_unit_test(kept_by_an_older_one), cmocka_unit_test(referenced)};

	return cmocka_run_group_tests(tests, load_roles, free_roles);
}
