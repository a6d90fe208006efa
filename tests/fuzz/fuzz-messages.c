/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON documents of docs/protocol.md that common/ reads: what is accepted must survive a round trip. */
#include "tests/fuzz/fuzz.h"

#include "common/jsonx.h"
#include "common/order.h"

static void try_inventory(const json_t *root)
{
	_cleanup_(inventory_freep) struct inventory *inv = NULL, *again = NULL;
	_cleanup_free_ char *msg = NULL, *msg2 = NULL;
	_cleanup_(jx_freep) json_t *out = NULL;

	if (inventory_from_json(root, &inv, &msg) < 0)
		return;
	out = inventory_to_json(inv);
	if (!out || inventory_from_json(out, &again, &msg2) < 0)
		abort();
	for (size_t i = 0; i < inv->n_disks; i++)
		free(inv_disk_contents(&inv->disks[i]));
}

static void try_desired(const json_t *root)
{
	_cleanup_(desired_freep) struct desired *d = NULL, *again = NULL;
	_cleanup_free_ char *msg = NULL, *msg2 = NULL;
	_cleanup_(jx_freep) json_t *out = NULL;

	if (desired_from_json(root, &d, &msg) < 0)
		return;
	out = desired_to_json(d);
	if (!out || desired_from_json(out, &again, &msg2) < 0)
		abort();
}

static void try_order(const json_t *root)
{
	_cleanup_(install_order_freep) struct install_order *o = NULL;
	_cleanup_free_ char *msg = NULL;
	_cleanup_(jx_freep) json_t *out = NULL;

	if (install_order_from_json(root, &o, &msg) == 0)
		out = install_order_to_json(o);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *msg = NULL;
	_cleanup_(jx_freep) json_t *root = jx_parse((const char *)data, size, &msg);

	if (!root)
		return 0;
	try_inventory(root);
	try_desired(root);
	try_order(root);
	return 0;
}
