/* SPDX-License-Identifier: Apache-2.0 */
#include "bootstrap/nodeprint.h"

#include <stdarg.h>

#include "bootstrap/table.h"
#include "common/inventory.h"

static _printf_(3, 4) void line(
	const struct cli *cli, const char *what, const char *fmt, ...)
{
	_cleanup_free_ char *clean = NULL;
	char *text;
	va_list ap;

	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	clean = text_clean(text, cli->out.utf8);
	free(text);
	if (*clean)
		printf("%-10s  %s\n", what, clean);
}

void nodeprint_state(const struct cli *cli, const struct node_view *n)
{
	_cleanup_free_ char *role = node_view_role(n),
			    *try = node_view_try(n, now_real_ms());
	char since[32], seen[32] = "never", duration[32];

	cli_date_time(n->since_ms, since);
	if (n->last_seen_ms)
		cli_date_time(n->last_seen_ms, seen);
	printf("%s%s%s\n", style_on(STYLE_BOLD, cli->out.color), n->name,
		style_off(STYLE_BOLD, cli->out.color));
	line(cli, "state", "%s since %s", n->state, since);
	line(cli, "reason", "%s", n->reason);
	line(cli, "step", "%s", n->step);
	if (n->try)
		line(cli, "tries", "%s, of %u%s%s", try, n->try_of,
			n->try_ms ? "" : "; the one before: ", n->try_ms ? "" : n->cause);
	line(cli, "role", "%s", role);
	line(cli, "address", "%s", n->address);
	line(cli, "BMC", "%s, power %s", n->bmc, *n->power ? n->power : "unknown");
	line(cli, "serial", "%s", n->serial);
	line(cli, "image", "%s", n->image);
	line(cli, "revision", "%llu wanted, %llu reported",
		(unsigned long long)n->revision, (unsigned long long)n->reported);
	line(cli, "last seen", "%s", seen);
	if (n->has_disk)
		line(cli, "written", "%s (WWN %s)",
			*n->disk_serial ? n->disk_serial : "-",
			*n->disk_wwn ? n->disk_wwn : "-");
	for (size_t i = 0; i < n->n_phases; i++) {
		format_duration(n->phases[i].ms, duration);
		line(cli, i ? "" : "last run", "%-16s %s", n->phases[i].state, duration);
	}
}

void nodeprint_proofs(const struct cli *cli, const struct proof_view *list, size_t n)
{
	static const char *const headings[] = {"proof", "ok", "at", "text", NULL};
	_cleanup_(table_freep) struct table *t = table_new(headings);
	char at[32];

	if (n == 0)
		return;
	for (size_t i = 0; i < n; i++) {
		strcpy(at, "-");
		if (list[i].time_ms)
			cli_date_time(list[i].time_ms, at);
		table_add(t, STYLE_BOLD, "%s", list[i].name);
		table_add(t, list[i].ok ? STYLE_GOOD : STYLE_BAD, "%s",
			list[i].ok ? "ok" : "FAILED");
		table_add(t, STYLE_PLAIN, "%s", at);
		table_add(t, STYLE_PLAIN, "%s", list[i].text);
	}
	putchar('\n');
	table_print(t, &cli->out);
}

static void put_disks(const struct cli *cli, const struct inventory *inv)
{
	static const char *const headings[] = {
		"disk", "bay", "bus", "size", "serial", "WWN", "model", "on it", NULL};
	_cleanup_(table_freep) struct table *t = table_new(headings);
	char size[32];

	for (size_t i = 0; i < inv->n_disks; i++) {
		const struct inv_disk *d = &inv->disks[i];
		_cleanup_free_ char *contents =
			inv_disk_is_blank(d) ? xstrdup("blank") : inv_disk_contents(d);

		format_size(d->size_bytes, size);
		table_add(t, STYLE_BOLD, "%s", d->name);
		if (d->bay < 0)
			table_add(t, STYLE_DIM, "-");
		else
			table_add(t, STYLE_PLAIN, "%d", d->bay);
		table_add(t, STYLE_PLAIN, "%s", disk_bus_str(d->bus));
		table_add(t, STYLE_PLAIN, "%s", size);
		table_add(t, STYLE_PLAIN, "%s", *d->serial ? d->serial : "-");
		table_add(t, STYLE_PLAIN, "%s", *d->wwn ? d->wwn : "-");
		table_add(t, STYLE_PLAIN, "%s", d->model);
		table_add(t, STYLE_PLAIN, "%s", contents);
	}
	putchar('\n');
	table_print(t, &cli->out);
}

static void put_nics(const struct cli *cli, const struct inventory *inv)
{
	static const char *const headings[] = {"NIC", "MAC", "driver", "link", NULL};
	_cleanup_(table_freep) struct table *t = table_new(headings);
	char mac[18];

	for (size_t i = 0; i < inv->n_nics; i++) {
		const struct inv_nic *n = &inv->nics[i];

		format_mac(&n->mac, mac);
		table_add(t, STYLE_BOLD, "%s", n->name);
		table_add(t, STYLE_PLAIN, "%s", mac);
		table_add(t, STYLE_PLAIN, "%s", n->driver);
		if (n->link && n->speed_mbps)
			table_add(t, STYLE_GOOD, "%u Mbit/s", n->speed_mbps);
		else
			table_add(t, n->link ? STYLE_GOOD : STYLE_WARN,
				n->link ? "up" : "down");
	}
	putchar('\n');
	table_print(t, &cli->out);
}

void nodeprint_inventory(const struct cli *cli, const struct node_view *n)
{
	_cleanup_(inventory_freep) struct inventory *inv = NULL;
	_cleanup_free_ char *msg = NULL;
	char memory[32];

	putchar('\n');
	if (!n->inventory) {
		printf("No inventory yet: the agent has not run on it.\n");
		return;
	}
	if (inventory_from_json(n->inventory, &inv, &msg) < 0) {
		cli_error(cli, "%s: its inventory is not understood: %s", n->name, msg);
		return;
	}
	format_size(inv->memory_bytes, memory);
	line(cli, "server", "%s %s, serial %s, UUID %s", inv->vendor, inv->product,
		inv->serial, inv->uuid);
	line(cli, "firmware", "%s, %s", inv->bios_version,
		inv->uefi ? "UEFI" : "legacy BIOS");
	line(cli, "CPUs", "%u, %s, virtualisation %s", inv->cpus, inv->cpu_model,
		inv->cpu_virt ? "yes" : "no");
	line(cli, "memory", "%s", memory);
	put_disks(cli, inv);
	put_nics(cli, inv);
}
