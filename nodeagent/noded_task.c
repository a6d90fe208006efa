/* SPDX-License-Identifier: Apache-2.0 */
/* What ondold asks for beside the desired state: one task at a time, answered in the reports. */
#include "nodeagent/noded_internal.h"

#include "common/jsonx.h"
#include "common/log.h"
#include "images/cmdline.h"
#include "images/kexec.h"
#include "nodeagent/patience.h"
#include "nodeagent/paths.h"

#define BACKUP_TIMEOUT_MS 7200000
#define WRITE_TIMEOUT_MS 3600000
#define KEXEC_TIMEOUT_MS 600000
#define KEEP_TIMEOUT_MS 60000

static void on_task_proved(
	enum prover_outcome outcome, _unused_ bool changed, void *userdata)
{
	struct noded *n = userdata;

	n->proved = true;
	proofs_put_all(&n->proofs, &n->task.found, n->needed);
	task_end(&n->task, outcome == PROVER_ALL_OK);
	noded_set_step(n, "");
	noded_tell_ready(n);
	noded_step(n, noded_outcome_event(outcome));
}

static void end_with(struct noded *n, const char *proof, bool ok, const char *text)
{
	proofs_put(&n->task.found, proof, ok, text, now_real_ms());
	task_end(&n->task, ok);
	noded_set_step(n, "");
	noded_tell_ready(n);
}

/* ---- a backup ---- */

static void on_backed_up(bool ok, const char *text, void *userdata)
{
	struct noded *n = userdata;

	n->work = NULL;
	end_with(n, TASK_BACKUP, ok, text);
	noded_step(n, SCHED_E_DONE);
}

static void do_backup(struct noded *n)
{
	int r;

	noded_set_step(n, "making a backup");
	r = work_start_op(n->event, "cloud-backup", NULL, BACKUP_TIMEOUT_MS, on_backed_up,
		n, &n->work);
	if (r < 0)
		on_backed_up(false, strerror(-r), n);
}

/* ---- another image ---- */

static void on_now(const char *text, void *userdata)
{
	struct noded *n = userdata;

	noded_set_step(n, text);
	link_event(n->link, "noded.step", text, NULL);
}

static void end_update(struct noded *n, bool ok, const char *text)
{
	end_with(n, TASK_UPDATE, ok, text);
	noded_step(n, SCHED_E_DONE);
}

/* It goes down now; the system that comes up tells what became of it. */
static void on_kexec(bool ok, const char *text, void *userdata)
{
	if (ok)
		return;
	kexec_unload();
	(void)update_forget(NODE_UPDATE);
	end_update(userdata, false, text);
}

static void on_written(bool ok, const char *text, void *userdata)
{
	struct noded *n = userdata;
	int r;

	n->work = NULL;
	if (!ok) {
		kexec_unload(); /* should it have come so far */
		end_update(n, false, text);
		return;
	}
	on_now(text, n);
	on_now("restarting with it, on trial", n);
	r = units_start_last(n->units, "kexec.target", KEXEC_TIMEOUT_MS, on_kexec, n);
	if (r < 0)
		on_kexec(false, strerror(-r), n);
}

static bool runs_already(const struct noded *n)
{
	_cleanup_free_ char *why = NULL;
	_cleanup_(jx_freep) json_t *arg =
		n->task.arg ? jx_parse(n->task.arg, strlen(n->task.arg), &why) : NULL;
	const char *version = json_string_value(
		json_object_get(json_object_get(arg, "image"), "version"));

	return streq_ptr(version, n->conf->image);
}

static void do_update(struct noded *n)
{
	int r;

	if (runs_already(n)) {
		end_update(n, true, "this image runs already");
		return;
	}
	r = work_start_op(n->event, "image-write", n->task.arg ? n->task.arg : "",
		WRITE_TIMEOUT_MS, on_written, n, &n->work);
	noded_set_step(n, "preparing another image");
	if (r < 0)
		on_written(false, strerror(-r), n);
	else
		work_on_now(n->work, on_now);
}

static void on_trial_over(bool ok, const char *text, _unused_ void *userdata)
{
	if (!ok)
		log_warn("%s: %s", BOOT_TRIAL_TIMER, text);
}

/* What became of an update is kept: ondold may not have it yet when the node starts again. */
static void keep_end(struct noded *n, bool ok, const char *text)
{
	_cleanup_free_ char *why = NULL;

	if (update_end(NODE_UPDATE, &n->update, ok, text, &why) < 0)
		log_warn("%s", why);
	proofs_put(&n->task.found, TASK_UPDATE, ok, text, now_real_ms());
	task_end(&n->task, ok);
}

static void on_kept(bool ok, const char *text, void *userdata)
{
	struct noded *n = userdata;
	_cleanup_free_ char *words = NULL;

	n->keep = NULL;
	if (!ok) { /* tried again with the next report; else its time ends, and the node goes back */
		words = xasprintf("image %s is ready, but cannot be kept: %s",
			n->conf->image, text);
		link_event(n->link, "noded.warning", words, NULL);
		return;
	}
	words = xasprintf("image %s became ready and is kept: %s", n->conf->image, text);
	(void)units_stop(n->units, BOOT_TRIAL_TIMER, KEXEC_TIMEOUT_MS, on_trial_over, n);
	keep_end(n, true, words);
	noded_tell_ready(n);
}

static bool is_on_trial(const struct noded *n)
{
	return n->update.version && !update_has_ended(&n->update);
}

void noded_keep_update(struct noded *n)
{
	int r;

	if (!is_on_trial(n) || n->keep)
		return;
	r = work_start_op(
		n->event, "image-keep", NULL, KEEP_TIMEOUT_MS, on_kept, n, &n->keep);
	if (r < 0)
		on_kept(false, strerror(-r), n);
}

static void on_kept_again(bool ok, const char *text, void *userdata)
{
	struct noded *n = userdata;

	n->keep = NULL;
	if (!ok)
		log_warn(
			"the slot that runs may not be what every disk starts: %s", text);
}

/* The command line says what is in the slot, node.ini what was installed. */
static bool learn_image(struct noded *n)
{
	_cleanup_free_ char *line = NULL, *why = NULL;
	_cleanup_(boot_args_freep) struct boot_args *args = NULL;

	if (read_line_file("/proc/cmdline", &line) < 0 ||
		boot_args_parse(line, &args, &why) < 0 || !args->image)
		return false;
	free(n->conf->image);
	n->conf->image = TAKE_PTR(args->image);
	return args->trial_s > 0;
}

void noded_recall_update(struct noded *n)
{
	bool on_trial = learn_image(n);
	_cleanup_free_ char *msg = NULL, *words = NULL;
	enum update_outcome outcome;
	int r;

	if (!on_trial)
		kexec_unload(); /* what a process before this one may have left loaded */
	r = update_load(NODE_UPDATE, &n->update, &msg);
	if (r == -ENOENT)
		return;
	if (r < 0) {
		log_warn("%s; what became of an update is not known", msg);
		(void)update_forget(NODE_UPDATE);
		return;
	}
	task_resume(&n->task, n->update.task, TASK_UPDATE);
	if (update_has_ended(&n->update)) { /* ondold may not have it yet */
		proofs_put(&n->task.found, TASK_UPDATE, n->update.ok, n->update.text,
			now_real_ms());
		task_end(&n->task, n->update.ok);
		return;
	}
	outcome = update_judge(&n->update, n->conf->image, on_trial);
	if (outcome == UPDATE_ON_TRIAL)
		return;
	words = outcome == UPDATE_KEPT
		? xasprintf("image %s runs and is kept", n->update.version)
		: xasprintf(
			  "image %s did not become ready in time, or could not be started: the "
			  "node is back at %s. Its console has the attempt",
			  n->update.version, n->conf->image);
	keep_end(n, outcome == UPDATE_KEPT, words);
	/* of a mirror, one EFI partition may have been told and the other not */
	if (outcome == UPDATE_KEPT &&
		work_start_op(n->event, "image-keep", NULL, KEEP_TIMEOUT_MS,
			on_kept_again, n, &n->keep) < 0)
		on_kept_again(false, "no process for it", n);
}

/* ---- */

void noded_do_task(struct noded *n)
{
	if (!task_begin(&n->task)) {
		noded_step(n, SCHED_E_DONE);
		return;
	}
	if (!n->def) {
		task_refuse(&n->task,
			*n->failure.text ? n->failure.text : "this node has no role yet");
		noded_tell_ready(n);
		noded_step(n, SCHED_E_FAILED);
		return;
	}
	if (is_on_trial(n)) {
		task_refuse(&n->task,
			"the image that runs is on trial: ask again when it is kept");
		noded_step(n, SCHED_E_DONE);
		return;
	}
	if (streq(n->task.type, TASK_BACKUP)) {
		do_backup(n);
		return;
	}
	if (streq(n->task.type, TASK_UPDATE)) {
		do_update(n);
		return;
	}
	noded_set_step(n, "proving everything");
	prover_start(n->prover,
		&(struct prover_run){.desired = n->wish.held.desired,
			.def = n->def,
			.into = &n->task.found,
			.names = n->needed,
			.also = n->def->hypervisor ? "guest" : NULL,
			.done = on_task_proved,
			.userdata = n});
}
