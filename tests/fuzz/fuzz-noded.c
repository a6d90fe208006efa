/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What ondol-noded reads from ondold, its own disk, LVM, libvirt and its guests' consoles.
 * The first byte says which.
 */
#include "tests/fuzz/fuzz.h"

#include "common/jsonx.h"
#include "nodeagent/applied.h"
#include "nodeagent/guest.h"
#include "nodeagent/held.h"
#include "nodeagent/lvmreport.h"
#include "nodeagent/nodeconf.h"
#include "nodeagent/task.h"
#include "nodeagent/textblock.h"
#include "nodeagent/virtxml.h"
#include "nodeagent/work.h"
#include "nodeagent/xfsdisk.h"

static void fuzz_desired(const char *text)
{
	_cleanup_(held_clear) struct held h = {0};
	_cleanup_(jx_freep) json_t *doc = NULL;
	_cleanup_(task_clear) struct task task = {0};
	_cleanup_free_ char *msg = NULL, *why = NULL, *no_guest = NULL;
	static char *nets[] = {(char *)"storage", (char *)"tunnel", NULL};
	struct guest_place place;
	bool fresh;

	if (held_parse(text, strlen(text), "hp02", &h, &doc, &msg) == 0)
		(void)guest_choose(h.desired, nets, 0, &place, &no_guest);
	else if (!msg || h.doc)
		abort(); /* refused without a word */
	(void)task_take(&task, doc, &fresh, &why);
}

static void fuzz_applied(const char *text)
{
	_cleanup_(applied_freep) struct applied *a = NULL, *back = NULL;
	_cleanup_free_ char *msg = NULL, *again = NULL;

	if (applied_from_text(text, strlen(text), &a, &msg) != 0)
		return;
	again = applied_to_text(a);
	if (applied_from_text(again, strlen(again), &back, &msg) != 0)
		abort(); /* what it writes it must understand itself */
}

static void fuzz_lvm(const char *text)
{
	_cleanup_(lvm_report_clear) struct lvm_report r = {0};
	const struct lvm_disk disk = {"/dev/sdb", "D1", "LVM2_member", true};
	_cleanup_free_ char *a = NULL, *b = NULL, *why = NULL;
	_cleanup_free_ const char **devices = NULL;

	(void)lvm_report_add_vgs(&r, text, &a);
	(void)lvm_report_add_pvs(&r, text, &b);
	(void)lvm_decide(&r, "vg", &disk, 1, &devices, &why);
}

static void fuzz_xml(const char *text)
{
	const struct virt_net net = {"storage", "br-nic2", 40};
	free(virtxml_network_differs(text, &net));

	(void)virtxml_network_is_ours(text);
	(void)virtxml_caps_have_kvm(text);
}

/* Marker lines or not: a second look changes nothing more. */
static void fuzz_block(const char *text)
{
	_cleanup_free_ char *once = textblock_replace(text, "a line\n");
	_cleanup_free_ char *twice = textblock_replace(once, "a line\n");

	if (!streq(once, twice))
		abort();
}

static void fuzz_mounts(const char *text)
{
	_cleanup_(strv_freep) char **below = xfsdisk_mounts_below(text, "/srv/node");
	struct xfs_super super;
	struct xfs_mount m;

	for (char **place = below; *place; place++)
		if (!xfsdisk_mount_at(text, *place, &m))
			abort();
	if (xfsdisk_parse((const uint8_t *)text, strlen(text), &super))
		(void)xfsdisk_place(super.label);
}

static void fuzz_small(const char *text)
{
	_cleanup_(problems_clear) struct problems p = {0};
	_cleanup_(nodeconf_freep) struct nodeconf *c = NULL;
	_cleanup_free_ char *said_line = NULL, *said_log = NULL;
	bool ok;

	if (nodeconf_parse("node.ini", text, strlen(text), &p, &c) != 0 && c)
		abort();
	free(work_parse_now(text));
	(void)work_parse_line(text, &ok, &said_line);
	(void)guest_read_log(text, &said_log);
	fuzz_mounts(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = NULL;

	if (size == 0)
		return 0;
	text = xstrndup((const char *)data + 1, size - 1);
	if (data[0] == '0')
		fuzz_desired(text);
	else if (data[0] == '1')
		fuzz_applied(text);
	else if (data[0] == '2')
		fuzz_lvm(text);
	else if (data[0] == '3')
		fuzz_xml(text);
	else if (data[0] == '4')
		fuzz_block(text);
	else
		fuzz_small(text);
	return 0;
}
