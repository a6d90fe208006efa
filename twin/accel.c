/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /dev/kvm can be there and openable on a machine whose KVM does not get through the
 * first instructions of a firmware (seen: "KVM internal error" in OVMF, while a small
 * BIOS guest ran). So the probe is the firmware that the nodes will run.
 */
#include "twin/accel.h"

#include <systemd/sd-event.h>

#include "common/child.h"
#include "common/log.h"
#include "twin/qemu.h"

#define PROBE_MS 20000

struct probe {
	sd_event *event; /* borrowed */
	bool spoke;
	char *why; /* owned */
};

/* The firmware's boot manager names itself on the serial line. */
static void on_line(_unused_ struct child *c, const char *line, void *userdata)
{
	struct probe *p = userdata;

	if (strstr(line, "BdsDxe")) {
		p->spoke = true;
		sd_event_exit(p->event, 0);
	} else if (strstr(line, "KVM internal error") || strstr(line, TWIN_QEMU)) {
		free(p->why);
		p->why = str_escape(line, 200);
		sd_event_exit(p->event, 0);
	}
}

static void on_end(_unused_ struct child *c, int status, bool timed_out,
	_unused_ const char *out, void *userdata)
{
	struct probe *p = userdata;

	if (!p->why)
		p->why = timed_out ? xstrdup("the guest's firmware said nothing for 20 s")
				   : xasprintf("QEMU ended with status %d", status);
	sd_event_exit(p->event, 1);
}

static int run_probe(struct probe *p, const char *nvram)
{
	_cleanup_free_ char *vars =
		xasprintf("if=pflash,unit=1,format=raw,file=%s", nvram);
	const char *argv[] = {TWIN_QEMU, "-accel", "kvm", "-machine", "q35,smm=off",
		"-cpu", "max", "-m", "128", "-nodefaults", "-no-user-config", "-display",
		"none", "-serial", "stdio", "-drive",
		"if=pflash,unit=0,format=raw,readonly=on,file=" TWIN_FIRMWARE_CODE,
		"-drive", vars, NULL};
	struct child_spec spec = {.argv = argv,
		.timeout_ms = PROBE_MS,
		.on_line = on_line,
		.on_exit = on_end,
		.userdata = p};
	struct child *c;
	int r = child_spawn(p->event, &spec, &c);

	if (r < 0)
		return r;
	if (sd_event_loop(p->event) == 0)
		child_kill(c);
	return 0;
}

int accel_choose(
	enum twin_accel want, const char *nvram, enum twin_accel *ret, char **reterr_msg)
{
	struct probe p = {0};
	int r = 0;

	if (want == TWIN_ACCEL_TCG ||
		(want == TWIN_ACCEL_AUTO && access("/dev/kvm", R_OK | W_OK) < 0)) {
		*ret = TWIN_ACCEL_TCG;
		return 0;
	}
	r = sd_event_new(&p.event);
	if (r >= 0)
		r = run_probe(&p, nvram);
	sd_event_unref(p.event);
	if (!p.spoke && want == TWIN_ACCEL_KVM) {
		*reterr_msg = xasprintf(
			"a guest does not run under KVM here: %s; try --accel tcg",
			p.why ? p.why : strerror(-r));
		free(p.why);
		return -ENODEV;
	}
	if (!p.spoke)
		log_info("KVM does not run a guest here (%s): emulating the CPU",
			p.why ? p.why : strerror(-r));
	free(p.why);
	*ret = p.spoke ? TWIN_ACCEL_KVM : TWIN_ACCEL_TCG;
	return 0;
}
