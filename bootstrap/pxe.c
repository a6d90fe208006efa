/* SPDX-License-Identifier: Apache-2.0 */
#include "bootstrap/pxe.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>

#include "common/child.h"
#include "common/log.h"

/*
 * Why the pid file: when ondold is killed hard, dnsmasq lives on (it changes its user, so
 * the kernel forgets the parent-death signal) and holds port 67. The next ondold ends it
 * first, and only after /proc says that it is a dnsmasq with this very configuration.
 *
 * No lease file: every address is fixed by rack.ini, so there is nothing to remember.
 */

#define BACKOFF_MIN_MS 500
#define BACKOFF_MAX_MS 30000
#define STABLE_MS 30000
#define SETTLE_MS 500 /* it is up when it has not ended by then */

struct pxe {
	sd_event *event; /* borrowed */
	struct pxe_hooks hooks;
	char *config_path, *pid_path, *tftp_root; /* owned */
	char *config; /* owned; in force, NULL: no rack yet */
	char *told; /* owned: the last end that was told */
	char *trouble; /* owned: dnsmasq's last complaint */
	struct child *child; /* owned */
	struct pxe_line arch; /* the last ARCH line; text not valid */
	bool restarting; /* it was told to end, for a new config */
	sd_event_source *timer; /* owned */
	unsigned backoff_ms;
	uint64_t started_ms; /* mono */
};

static void start(struct pxe *p);

/* Is pid a dnsmasq that was started with our configuration? */
static bool is_ours(struct pxe *p, pid_t pid)
{
	_cleanup_free_ char *path = xasprintf("/proc/%d/cmdline", (int)pid), *line = NULL;
	size_t len;

	if (read_file(path, 65536, &line, &len) < 0 || len == 0)
		return false;
	for (size_t i = 0; i + 1 < len; i++)
		if (!line[i])
			line[i] = ' ';
	return strstr(line, "dnsmasq") && strstr(line, p->config_path);
}

static void await_end(pid_t pid)
{
	_cleanup_close_ int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd p = {.fd = fd, .events = POLLIN};

	if (fd < 0)
		return;
	kill(pid, SIGTERM);
	if (poll(&p, 1, 3000) == 0) {
		kill(pid, SIGKILL);
		poll(&p, 1, 1000);
	}
}

/* At the start only, before anything is served: may wait. */
static void end_leftover(struct pxe *p)
{
	_cleanup_free_ char *text = NULL;
	unsigned pid;

	if (read_line_file(p->pid_path, &text) < 0 ||
		parse_unsigned(text, 2, INT32_MAX, &pid) < 0)
		return;
	if (!is_ours(p, (pid_t)pid))
		return;
	log_info("ending dnsmasq %u, left by an ondold that was killed", pid);
	await_end((pid_t)pid);
	unlink(p->pid_path);
}

static int on_timer(_unused_ sd_event_source *s, _unused_ uint64_t usec, void *userdata)
{
	struct pxe *p = userdata;

	if (!p->child) {
		start(p);
	} else {
		free(p->told);
		p->told = NULL;
		p->hooks.up(p->hooks.userdata);
	}
	return 0;
}

/* dnsmasq changes to /: a path given relative to ours would lead it elsewhere. */
static char *absolute(const char *path)
{
	char *real = realpath(path, NULL);

	return real ? real : xstrdup(path);
}

struct pxe *pxe_new(sd_event *event, const char *state_dir, const char *tftp_root,
	const struct pxe_hooks *hooks)
{
	_cleanup_free_ char *dir = absolute(state_dir);
	struct pxe *p = xcalloc(1, sizeof(*p));

	p->event = event;
	p->hooks = *hooks;
	p->config_path = xasprintf("%s/dnsmasq.conf", dir);
	p->pid_path = xasprintf("%s/dnsmasq.pid", dir);
	p->tftp_root = absolute(tftp_root);
	p->backoff_ms = BACKOFF_MIN_MS;
	if (sd_event_add_time(event, &p->timer, CLOCK_MONOTONIC, UINT64_MAX, 10000,
		    on_timer, p) < 0)
		abort(); /* no memory */
	end_leftover(p);
	return p;
}

void pxe_free(struct pxe *p)
{
	if (!p)
		return;
	if (p->child) {
		await_end(child_pid(p->child));
		child_kill(p->child);
		unlink(p->pid_path);
	}
	sd_event_source_disable_unref(p->timer);
	free(p->config_path);
	free(p->pid_path);
	free(p->tftp_root);
	free(p->config);
	free(p->trouble);
	free(p->told);
	free(p);
}

/* ---- running it ---- */

static void wake_after(struct pxe *p, unsigned ms)
{
	sd_event_source_set_time_relative(p->timer, (uint64_t)ms * 1000);
	sd_event_source_set_enabled(p->timer, SD_EVENT_ONESHOT);
}

/* The same trouble over and over is told once. */
static void gone(struct pxe *p, const char *why)
{
	_cleanup_free_ char *text = xasprintf(
		"%s; no server can boot from the network until it runs; trying on", why);

	if (now_mono_ms() - p->started_ms > STABLE_MS)
		p->backoff_ms = BACKOFF_MIN_MS;
	wake_after(p, p->backoff_ms);
	p->backoff_ms = MIN(p->backoff_ms * 2, BACKOFF_MAX_MS);
	if (streq_ptr(text, p->told))
		return;
	free(p->told);
	p->told = xstrdup(text);
	log_warn("%s", text);
	p->hooks.down(text, p->hooks.userdata);
}

static void on_line(_unused_ struct child *c, const char *line, void *userdata)
{
	struct pxe *p = userdata;
	struct pxe_line parsed;

	log_debug("%s", line);
	/* A complaint over the start comes with an empty line before it. */
	while (*line == ' ')
		line++;
	pxe_parse_line(line, &parsed);
	if (parsed.kind == PXE_LINE_TROUBLE) {
		free(p->trouble);
		p->trouble = str_escape(parsed.text, 300);
	}
	if (parsed.kind == PXE_LINE_ARCH) {
		p->arch = parsed;
		return;
	}
	if (parsed.transaction == p->arch.transaction && p->arch.kind == PXE_LINE_ARCH)
		parsed.arch = p->arch.arch;
	if (parsed.kind != PXE_LINE_OTHER)
		p->hooks.line(&parsed, p->hooks.userdata);
}

static void on_exit_(_unused_ struct child *c, int status, _unused_ bool timed_out,
	_unused_ const char *out, void *userdata)
{
	struct pxe *p = userdata;
	_cleanup_free_ char *why = NULL;

	p->child = NULL;
	if (p->restarting) {
		p->restarting = false;
		start(p);
		return;
	}
	why = p->trouble ? xasprintf("dnsmasq ended: %s", p->trouble)
			 : xasprintf("dnsmasq ended with status %d", status);
	gone(p, why);
}

static void start(struct pxe *p)
{
	_cleanup_free_ char *arg = xasprintf("--conf-file=%s", p->config_path),
			    *why = NULL;
	const char *argv[] = {
		"dnsmasq", "--keep-in-foreground", "--log-facility=-", arg, NULL};
	struct child_spec spec = {
		.argv = argv, .on_line = on_line, .on_exit = on_exit_, .userdata = p};
	int r;

	free(p->trouble);
	p->trouble = NULL;
	p->started_ms = now_mono_ms();
	r = child_spawn(p->event, &spec, &p->child);
	if (r == 0) {
		wake_after(p, SETTLE_MS);
		return;
	}
	why = r == -ENOENT
		? xstrdup("dnsmasq could not be started: install package dnsmasq-base")
		: xasprintf("dnsmasq could not be started: %s", strerror(-r));
	gone(p, why);
}

int pxe_set_rack(struct pxe *p, const struct rack *rack)
{
	struct pxe_paths paths = {.pid_file = p->pid_path, .tftp_root = p->tftp_root};
	_cleanup_free_ char *text = pxe_config(rack, &paths);
	int r;

	if (streq_ptr(text, p->config))
		return 0;
	r = write_file_atomic(p->config_path, text, strlen(text), 0644);
	if (r < 0) {
		log_error("cannot write %s: %s; network boot stays as it was",
			p->config_path, strerror(-r));
		return r;
	}
	free(p->config);
	p->config = TAKE_PTR(text);
	p->backoff_ms = BACKOFF_MIN_MS;
	if (p->child) {
		p->restarting = true;
		child_signal(p->child, SIGTERM);
	} else {
		start(p);
	}
	return 0;
}
