/* SPDX-License-Identifier: Apache-2.0 */
#include "twin/node.h"

#include <limits.h>

#include "common/log.h"
#include "twin/bmc.h"
#include "twin/relay.h"
#include "twin/vehicle.h"

struct node {
	const struct twin_node *node; /* borrowed */
	enum power_state state;
	enum boot_device next, current;
	unsigned starts;
	uint64_t identify_until_ms; /* monotonic */
	const struct vehicle_ops *ops;
	struct vehicle *vehicle; /* owned */
	struct relay *relay; /* owned */
	void (*ended)(struct node *n, void *userdata);
	void *userdata;
};

static int act(struct node *n, enum power_event event);

static const char *name_of(const struct node *n)
{
	return n->node->rack->name;
}

static void on_alive(void *userdata)
{
	act(userdata, POWER_EV_ALIVE);
}

static bool end_was_ordered(const struct node *n, bool rebooted, int status)
{
	return status == 0 || rebooted || n->state == POWER_STOPPING ||
		n->state == POWER_RESTARTING;
}

static void on_end(bool rebooted, int status, const char *why, void *userdata)
{
	struct node *n = userdata;

	if (!end_was_ordered(n, rebooted, status))
		log_error("%s: its %s ended with status %d%s%s; the node is off",
			name_of(n), n->ops->name, status, why ? ": " : "",
			why ? why : "");
	act(n, rebooted ? POWER_EV_REBOOTED : POWER_EV_ENDED);
	if (n->ended)
		n->ended(n, n->userdata);
}

static int start(struct node *n)
{
	int r;

	n->current = boot_device_take(&n->next);
	if (n->node->fault->boot_ignored)
		n->current = BOOT_DISK;
	r = n->ops->start(n->vehicle, n->current);
	if (r < 0) {
		log_error("%s: %s could not be started: %s; the node stays off",
			name_of(n), n->ops->name, strerror(-r));
		act(n, POWER_EV_ENDED);
		return r;
	}
	n->starts++;
	log_info("%s: starts, %s first", name_of(n),
		n->current == BOOT_NETWORK ? "network" : "disk");
	return 0;
}

static void log_change(const struct node *n, enum power_state before)
{
	if (before == n->state)
		return;
	log_debug("%s: power %s -> %s", name_of(n), power_state_str(before),
		power_state_str(n->state));
	if (n->state == POWER_OFF)
		log_info("%s: is off", name_of(n));
}

static int act(struct node *n, enum power_event event)
{
	enum power_state before = n->state;
	enum power_action action = power_step(&n->state, event);
	int r = 0;

	log_change(n, before);
	if (power_is_on(before) != power_is_on(n->state))
		bmc_set_readings(n->node, power_is_on(n->state));
	switch (action) {
	case POWER_DO_START:
		r = start(n);
		break;
	case POWER_DO_KILL:
		r = n->ops->kill(n->vehicle);
		break;
	case POWER_DO_ACPI:
		log_info("%s: power button pressed", name_of(n));
		r = n->ops->button(n->vehicle);
		break;
	case POWER_DO_REFUSE:
		r = -EHOSTDOWN;
		break;
	case POWER_DO_NOTHING:
		break;
	}
	return r;
}

int node_power(struct node *n, enum power_event event)
{
	return act(n, event);
}

void node_set_boot(struct node *n, enum boot_device next)
{
	n->next = next;
	log_info("%s: next boot device: %s", name_of(n),
		next == BOOT_NETWORK        ? "network"
			: next == BOOT_DISK ? "disk"
					    : "default");
}

enum boot_device node_next_boot(const struct node *n)
{
	return n->next;
}

bool node_is_on(const struct node *n)
{
	return power_is_on(n->state);
}

void node_identify(struct node *n, unsigned seconds)
{
	n->identify_until_ms = seconds == UINT_MAX
		? UINT64_MAX
		: now_mono_ms() + (uint64_t)seconds * 1000;
	log_info("%s: UID light %s", name_of(n), seconds ? "on" : "off");
}

const struct twin_node *node_plan(const struct node *n)
{
	return n->node;
}

static json_t *disks_to_json(const struct twin_node *n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n->n_disks; i++) {
		const struct twin_disk *d = &n->disks[i];

		json_array_append_new(list,
			json_pack("{s:i, s:s, s:s, s:s, s:I, s:s}", "bay", (int)d->bay,
				"bus", disk_bus_str(d->bus), "serial", d->serial, "wwn",
				d->wwn, "size_bytes", (json_int_t)d->size_bytes, "file",
				d->path));
	}
	return list;
}

json_t *node_to_json(const struct node *n)
{
	const struct rack_node *rn = n->node->rack;
	char bmc[16];

	format_ipv4(rn->bmc, bmc);
	return json_pack("{s:s, s:s, s:s, s:s, s:i, s:s?, s:s, s:s, s:s, s:b, s:i, s:o}",
		"name", rn->name, "role", rn->role, "kind", rn->kind ? rn->kind : "",
		"power", node_is_on(n) ? "on" : "off", "pid",
		(int)n->ops->pid(n->vehicle), "boot",
		!node_is_on(n)                       ? NULL
			: n->current == BOOT_NETWORK ? "network"
						     : "disk",
		"next_boot", boot_device_ipmi(n->next), "bmc", bmc, "console",
		n->node->console, "identify", n->identify_until_ms > now_mono_ms(),
		"starts", (int)n->starts, "disks", disks_to_json(n->node));
}

static int open_parts(struct node *n, sd_event *event, const struct twin_plan *p,
	enum twin_accel accel, char **reterr_msg)
{
	static const struct vehicle_events events = {.alive = on_alive, .ended = on_end};
	_cleanup_free_ char *serial = xasprintf("%s/serial.sock", n->node->dir);
	int r = n->ops->open(
		event, p, n->node, accel, &events, n, &n->vehicle, reterr_msg);

	if (r < 0)
		return r;
	r = relay_new(event, serial, n->node->sol_port, n->node->console, &n->relay);
	if (r < 0)
		*reterr_msg = xasprintf("the sockets of %s could not be made in %s: %s",
			name_of(n), n->node->dir, strerror(-r));
	return r;
}

int node_new(sd_event *event, const struct twin_plan *p, const struct twin_node *tn,
	enum twin_accel accel, void (*ended)(struct node *n, void *userdata),
	void *userdata, struct node **ret, char **reterr_msg)
{
	struct node *n = xcalloc(1, sizeof(*n));
	int r;

	n->node = tn;
	n->ops = p->form == TWIN_CONTAINERS ? &vehicle_container : &vehicle_qemu;
	n->ended = ended;
	n->userdata = userdata;
	r = open_parts(n, event, p, accel, reterr_msg);
	if (r < 0) {
		node_free(n);
		return r;
	}
	*ret = n;
	return 0;
}

void node_free(struct node *n)
{
	if (!n)
		return;
	n->ops->free(n->vehicle);
	relay_free(n->relay);
	free(n);
}
