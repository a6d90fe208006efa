/* SPDX-License-Identifier: Apache-2.0 */
#include "twin/vehicle.h"

#include <signal.h>

#include "common/child.h"
#include "common/log.h"
#include "twin/qemu.h"
#include "twin/qmp.h"

struct vehicle {
	sd_event *event; /* borrowed */
	const struct twin_plan *plan; /* borrowed */
	const struct twin_node *node; /* borrowed */
	enum twin_accel accel;
	struct vehicle_events events;
	void *userdata;
	struct child *qemu; /* owned */
	struct qmp *qmp; /* owned */
	char *last_line; /* owned: what QEMU said last, to explain an early end */
};

static void on_alive(void *userdata)
{
	struct vehicle *v = userdata;

	v->events.alive(v->userdata);
}

static void on_line(_unused_ struct child *c, const char *line, void *userdata)
{
	struct vehicle *v = userdata;

	free(v->last_line);
	v->last_line = str_escape(line, 300);
	log_debug("%s: %s", v->node->rack->name, v->last_line);
}

static void on_end(_unused_ struct child *c, int status, _unused_ bool timed_out,
	_unused_ const char *out, void *userdata)
{
	struct vehicle *v = userdata;
	bool reset = qmp_ended_by_reset(v->qmp);

	v->qemu = NULL;
	v->events.ended(reset, status, v->last_line, v->userdata);
}

static int start(struct vehicle *v, enum boot_device first)
{
	_cleanup_(args_clear) struct args a = {0};
	struct child_spec spec = {.on_line = on_line, .on_exit = on_end, .userdata = v};

	free(v->last_line);
	v->last_line = NULL;
	qemu_args(&a, v->plan, v->node, v->accel, first);
	spec.argv = args_argv(&a);
	return child_spawn(v->event, &spec, &v->qemu);
}

static int kill_it(struct vehicle *v)
{
	return child_signal(v->qemu, SIGKILL);
}

static int button(struct vehicle *v)
{
	return qmp_command(v->qmp, "system_powerdown");
}

static pid_t pid_of(const struct vehicle *v)
{
	return v->qemu ? child_pid(v->qemu) : 0;
}

static void free_it(struct vehicle *v)
{
	if (!v)
		return;
	child_kill(v->qemu);
	qmp_free(v->qmp);
	free(v->last_line);
	free(v);
}

static int open_it(sd_event *event, const struct twin_plan *p, const struct twin_node *n,
	enum twin_accel accel, const struct vehicle_events *events, void *userdata,
	struct vehicle **ret, char **reterr_msg)
{
	static const struct qmp_ops ops = {.alive = on_alive};
	_cleanup_free_ char *monitor = xasprintf("%s/monitor.sock", n->dir);
	struct vehicle *v = xcalloc(1, sizeof(*v));
	int r;

	v->event = event;
	v->plan = p;
	v->node = n;
	v->accel = accel;
	v->events = *events;
	v->userdata = userdata;
	r = qmp_new(event, monitor, &ops, v, &v->qmp);
	if (r < 0) {
		*reterr_msg = xasprintf("%s: %s", monitor, strerror(-r));
		free_it(v);
		return r;
	}
	*ret = v;
	return 0;
}

const struct vehicle_ops vehicle_qemu = {
	.name = "QEMU",
	.open = open_it,
	.start = start,
	.kill = kill_it,
	.button = button,
	.pid = pid_of,
	.free = free_it,
};
