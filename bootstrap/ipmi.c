/* SPDX-License-Identifier: Apache-2.0 */
#include "bootstrap/ipmi.h"

#include "bootstrap/ipmicall.h"
#include "bootstrap/ipmisteps.h"
#include "common/child.h"
#include "common/log.h"
#include "common/parse.h"
#include "common/run.h"

/*
 * Why so careful: BMCs hang or drop sessions when they are asked fast or by two at once,
 * acknowledge commands they do not carry out, and differ in cipher suites. So an
 * operation is a list of small steps (table below), one ipmitool a step, at least
 * PACE_MS apart; a step that waits for a power state reads it back until it is so, sends
 * the command once more half-way, and gives up at its deadline. A refused login is never
 * tried again by itself: iLOs lock the account.
 *
 * Cipher suite: 17, then 3 (ipmi_sim and old iLOs); the one that worked is kept, and tried
 * first in the next life. Always named with -C: without it ipmitool asks the BMC, and
 * several do not answer that. Never 0.
 *
 * What is asked for its text runs without -v, which changes its form; the reading of the
 * power before it is what finds out why a BMC does not let one in.
 */

#define PACE_MS 200
#define POLL_MS 1000
#define TURN_GOOD_MS 200
#define COMMAND_MS 20000
#define RETRY_MS 2000
#define MAX_TRIES 3
#define WAIT_MS 30000
#define WAIT_SOFT_MS 180000
#define TEXT_MS 90000 /* an iLO takes half a minute to tell its sensors */
#define COLD_SETTLE_MS 5000 /* it may answer once more before it goes */
#define COLD_POLL_MS 3000
#define COLD_WAIT_MS 300000
#define COLD_ANSWERS 2 /* in a row: it is back */

struct ipmi_job {
	struct ipmi_bmc *bmc; /* borrowed */
	struct ipmi_job *next; /* owned by the queue */
	enum ipmi_op op;
	const enum ipmi_step *step; /* borrowed from the table */
	uint64_t step_began_ms; /* mono; 0: not begun */
	uint64_t turn_ms; /* mono: when its power-on may be sent; 0: not asked yet */
	unsigned tries; /* of this command */
	unsigned answers; /* in a row, of a BMC that was reset */
	bool resent, pxe_again;
	bool cancelled;
	char arg[8];
	const char *identify[4]; /* words, the last one arg */
	char *out; /* owned: what a STEP_TEXT said */
	ipmi_done_fn done; /* or */
	ipmi_text_fn text_done;
	void *userdata;
};

struct ipmi_bmc {
	sd_event *event; /* borrowed */
	struct ipmi_hooks hooks;
	char address[16];
	char *user, *password; /* owned, may be NULL before ipmi_bmc_set */
	unsigned cipher; /* in use; 17 or 3 */
	unsigned first_cipher; /* with which one begins */
	unsigned told_cipher; /* to the hook; 0: none */
	bool cipher_known; /* it has worked */
	bool other_cipher_tried;
	enum ipmi_power power;
	struct ipmi_job *queue; /* owned; the head runs */
	struct child *child; /* owned: running ipmitool */
	struct ipmi_line *line; /* borrowed; NULL: no limit */
	struct ipmi_place place; /* in line */
	sd_event_source *timer; /* owned */
	uint64_t not_before_ms; /* mono */
	uint64_t spawned_ms; /* mono: child */
};

static void pump(struct ipmi_bmc *b);

/* ---- the BMC ---- */

static void run_at(struct ipmi_bmc *b, uint64_t mono_ms)
{
	sd_event_source_set_time(b->timer, mono_ms * 1000);
	sd_event_source_set_enabled(b->timer, SD_EVENT_ONESHOT);
}

static int on_timer(_unused_ sd_event_source *s, _unused_ uint64_t usec, void *userdata)
{
	pump(userdata);
	return 0;
}

static void on_called(void *userdata)
{
	run_at(userdata, now_mono_ms());
}

static void child_is_gone(struct ipmi_bmc *b)
{
	b->child = NULL;
	ipmi_line_end(b->line);
}

struct ipmi_bmc *ipmi_bmc_new(
	sd_event *event, struct ipmi_line *line, const struct ipmi_hooks *hooks)
{
	struct ipmi_bmc *b = xcalloc(1, sizeof(*b));

	b->event = event;
	b->line = line;
	b->place = (struct ipmi_place){.call = on_called, .userdata = b};
	b->hooks = *hooks;
	b->cipher = b->first_cipher = 17;
	if (sd_event_add_time(event, &b->timer, CLOCK_MONOTONIC, UINT64_MAX, 10000,
		    on_timer, b) < 0)
		abort(); /* no memory */
	return b;
}

static void job_free(struct ipmi_job *j)
{
	free(j->out);
	free(j);
}

/* Tells the one who asked, unless it went away. */
static void job_tell(struct ipmi_job *j, int r, const char *msg)
{
	if (j->cancelled)
		return;
	if (j->done)
		j->done(r, j->bmc->power, msg, j->userdata);
	if (j->text_done)
		j->text_done(r, r == 0 && j->out ? j->out : msg, j->userdata);
}

void ipmi_bmc_free(struct ipmi_bmc *b)
{
	if (!b)
		return;
	ipmi_line_leave(b->line, &b->place);
	child_kill(b->child);
	if (b->child)
		child_is_gone(b);
	ipmi_line_pass(b->line); /* it may have been called */
	while (b->queue) {
		struct ipmi_job *j = b->queue;

		b->queue = j->next;
		job_tell(j, -ECANCELED,
			"given up: the node was taken out, or ondold ends");
		job_free(j);
	}
	sd_event_source_disable_unref(b->timer);
	free(b->user);
	secret_free(b->password);
	free(b);
}

bool ipmi_bmc_set(
	struct ipmi_bmc *b, uint32_t address, const char *user, const char *password)
{
	char text[16];

	format_ipv4(address, text);
	if (streq(text, b->address) && streq_ptr(user, b->user) &&
		streq_ptr(password, b->password))
		return false;
	memcpy(b->address, text, sizeof(text));
	free(b->user);
	b->user = xstrdup(user);
	secret_free(b->password);
	b->password = xstrdup(password);
	b->cipher = b->first_cipher = 17;
	b->cipher_known = false;
	b->told_cipher = 0;
	return true;
}

void ipmi_bmc_hint_cipher(struct ipmi_bmc *b, unsigned suite)
{
	if (b->cipher_known || (suite != 17 && suite != 3))
		return;
	b->cipher = b->first_cipher = b->told_cipher = suite;
}

static void cipher_worked(struct ipmi_bmc *b)
{
	b->cipher_known = true;
	b->first_cipher = b->cipher;
	if (b->told_cipher == b->cipher)
		return;
	b->told_cipher = b->cipher;
	if (b->hooks.cipher)
		b->hooks.cipher(b->cipher, b->hooks.userdata);
}

/* What somebody wants to see lets what is done to the server go first. */
static bool can_wait(const struct ipmi_job *j)
{
	return j->text_done && j->op != IPMI_SOL_OFF;
}

static struct ipmi_job **place(struct ipmi_bmc *b, bool last)
{
	struct ipmi_job **at = &b->queue;

	if (*at) /* it may be running */
		at = &(*at)->next;
	while (*at && (last || !can_wait(*at)))
		at = &(*at)->next;
	return at;
}

static struct ipmi_job *enqueue(
	struct ipmi_bmc *b, enum ipmi_op op, bool last, void *userdata)
{
	struct ipmi_job *j = xcalloc(1, sizeof(*j)), **at = place(b, last);

	j->bmc = b;
	j->op = op;
	j->step = ipmi_op_steps(op);
	j->userdata = userdata;
	j->next = *at;
	*at = j;
	run_at(b, MAX(b->not_before_ms, now_mono_ms()));
	return j;
}

struct ipmi_job *ipmi_submit(
	struct ipmi_bmc *b, enum ipmi_op op, ipmi_done_fn done, void *userdata)
{
	struct ipmi_job *j = enqueue(b, op, false, userdata);

	j->done = done;
	return j;
}

struct ipmi_job *ipmi_ask(struct ipmi_bmc *b, enum ipmi_op op, const char *arg,
	ipmi_text_fn done, void *userdata)
{
	struct ipmi_job *j = enqueue(b, op, op != IPMI_SOL_OFF, userdata);

	if (arg)
		snprintf(j->arg, sizeof(j->arg), "%s", arg);
	j->identify[0] = "chassis";
	j->identify[1] = "identify";
	j->identify[2] = j->arg;
	j->text_done = done;
	return j;
}

unsigned ipmi_asked(const struct ipmi_bmc *b)
{
	unsigned n = 0;

	for (const struct ipmi_job *j = b->queue; j; j = j->next)
		n += can_wait(j) && !j->cancelled;
	return n;
}

/* The head may have an ipmitool running: it ends by itself and the job is dropped then. */
void ipmi_cancel(struct ipmi_job *j)
{
	if (!j)
		return;
	j->cancelled = true;
	if (!j->bmc->child)
		run_at(j->bmc, now_mono_ms());
}

static void ran(struct ipmi_bmc *b, enum ipmi_fault fault, uint64_t took_ms)
{
	if (b->hooks.ran)
		b->hooks.ran(fault, took_ms, b->hooks.userdata);
}

/* ---- the end of a job ---- */

static void job_end(struct ipmi_job *j, int r, const char *msg)
{
	struct ipmi_bmc *b = j->bmc;

	b->queue = j->next;
	b->other_cipher_tried = false;
	job_tell(j, r, msg);
	job_free(j);
	if (b->queue)
		run_at(b, b->not_before_ms);
}

static int fault_errno(enum ipmi_fault fault)
{
	switch (fault) {
	case IPMI_FAULT_UNREACHABLE:
		return -EHOSTUNREACH;
	case IPMI_FAULT_USER:
	case IPMI_FAULT_PASSWORD:
	case IPMI_FAULT_PRIVILEGE:
		return -EACCES;
	case IPMI_FAULT_CIPHER:
		return -EPROTONOSUPPORT;
	case IPMI_FAULT_NO_TOOL:
		return -ENOENT;
	case IPMI_FAULT_NONE:
	case IPMI_FAULT_BUSY:
	case IPMI_FAULT_OTHER:
		break;
	}
	return -EIO;
}

bool ipmi_is_refusal(int r)
{
	return r == -EACCES || r == -EPROTONOSUPPORT || r == -ENOENT;
}

static void job_fail(struct ipmi_job *j, enum ipmi_fault fault, const char *out)
{
	struct ipmi_bmc *b = j->bmc;
	_cleanup_free_ char *msg = ipmi_fault_words(fault, b->address, b->user, out);

	job_end(j, fault_errno(fault), msg);
}

static void next_step(struct ipmi_job *j)
{
	j->step++;
	j->step_began_ms = j->turn_ms = 0;
	j->tries = 0;
}

static void again_from(struct ipmi_job *j, enum ipmi_step step)
{
	while (*j->step != step)
		j->step--;
	j->step_began_ms = j->turn_ms = 0;
	j->tries = 0;
}

/* ---- the steps ---- */

static unsigned wait_limit(enum ipmi_step step)
{
	return step == STEP_WAIT_OFF_SOFT ? WAIT_SOFT_MS : WAIT_MS;
}

/* The power was read in a step that waits for one. */
static void waited(struct ipmi_job *j, enum ipmi_power want, enum ipmi_step command)
{
	struct ipmi_bmc *b = j->bmc;
	uint64_t age = now_mono_ms() - j->step_began_ms;

	if (b->power == want) {
		next_step(j);
		return;
	}
	if (age >= wait_limit(*j->step)) {
		_cleanup_free_ char *msg = xasprintf(
			"BMC %s took the command, but after %u s the server is still %s",
			b->address, wait_limit(*j->step) / 1000,
			ipmi_power_str(b->power));

		job_end(j, -ETIMEDOUT, msg);
	} else if (age >= wait_limit(*j->step) / 2 && !j->resent && command != STEP_END) {
		j->resent = true;
		again_from(j, command);
	} else {
		b->not_before_ms = now_mono_ms() + POLL_MS;
	}
}

static void note(struct ipmi_bmc *b, const char *what)
{
	_cleanup_free_ char *text = xasprintf("BMC %s %s", b->address, what);

	if (b->hooks.note)
		b->hooks.note(text, b->hooks.userdata);
}

/* A BMC that has dropped the flags' valid bit no longer tells about UEFI. */
static void checked_pxe(struct ipmi_job *j, const char *out)
{
	struct ipmi_bootflags f = {0};

	ipmi_parse_bootparam(out, &f);
	if ((!f.pxe || (f.valid && !f.efi)) && !j->pxe_again) {
		j->pxe_again = true;
		again_from(j, STEP_SET_PXE);
		return;
	}
	if (!f.pxe)
		note(j->bmc,
			"did not keep \"boot from the network once\": the server boots as its "
			"own boot order says; put the network first there");
	else if (f.valid && !f.efi)
		note(j->bmc,
			"did not keep the UEFI flag of the boot device: the server may boot as a "
			"legacy BIOS; set its boot mode to UEFI");
	next_step(j);
}

static void bmc_answered(struct ipmi_job *j)
{
	if (++j->answers >= COLD_ANSWERS)
		next_step(j);
	else
		j->bmc->not_before_ms = now_mono_ms() + COLD_POLL_MS;
}

/* It is still away: asked again later, or given up. */
static void bmc_away(struct ipmi_job *j)
{
	struct ipmi_bmc *b = j->bmc;
	_cleanup_free_ char *msg = NULL;

	j->answers = 0;
	if (now_mono_ms() - j->step_began_ms < COLD_WAIT_MS) {
		b->not_before_ms = now_mono_ms() + COLD_POLL_MS;
		return;
	}
	msg = xasprintf(
		"BMC %s did not come back within %u s of its reset: take the power "
		"from the whole server for a minute, at its plugs",
		b->address, COLD_WAIT_MS / 1000);
	job_end(j, -ETIMEDOUT, msg);
}

/* An ipmitool for the present step ended well. */
static void step_done(struct ipmi_job *j, const char *out)
{
	switch (*j->step) {
	case STEP_QUERY:
		next_step(j);
		return;
	case STEP_WAIT_OFF:
		waited(j, IPMI_POWER_OFF, STEP_OFF);
		return;
	case STEP_WAIT_OFF_SOFT:
		waited(j, IPMI_POWER_OFF, STEP_END);
		return;
	case STEP_WAIT_ON:
		waited(j, IPMI_POWER_ON, j->op == IPMI_RESET ? STEP_END : STEP_ON);
		return;
	case STEP_CHECK_PXE:
		checked_pxe(j, out);
		return;
	case STEP_WAIT_BMC:
		bmc_answered(j);
		return;
	case STEP_TEXT:
		free(j->out);
		j->out = xstrdup(out);
		next_step(j);
		return;
	case STEP_COLD:
		j->bmc->not_before_ms = now_mono_ms() + COLD_SETTLE_MS;
		next_step(j);
		return;
	case STEP_OFF:
	case STEP_ON:
	case STEP_SOFT:
	case STEP_RESET:
	case STEP_SET_PXE:
	case STEP_END:
		next_step(j);
		return;
	}
}

static bool reads_power(enum ipmi_step step)
{
	return step == STEP_QUERY || step == STEP_WAIT_OFF ||
		step == STEP_WAIT_OFF_SOFT || step == STEP_WAIT_ON ||
		step == STEP_WAIT_BMC;
}

/* Does the other cipher suite deserve a try? Then it is set. */
static bool switch_cipher(struct ipmi_bmc *b, enum ipmi_fault fault)
{
	if (b->other_cipher_tried ||
		!(fault == IPMI_FAULT_CIPHER ||
			(fault == IPMI_FAULT_UNREACHABLE && !b->cipher_known)))
		return false;
	b->other_cipher_tried = true;
	b->cipher = b->cipher == 17 ? 3 : 17;
	return true;
}

/*
 * It stands before the power-on in the queue and must not hold it up: it is tried once,
 * and a BMC that knows no such command is as good as one that has done it.
 */
static void sol_off_failed(struct ipmi_job *j, enum ipmi_fault fault, const char *out)
{
	if (fault == IPMI_FAULT_BUSY || fault == IPMI_FAULT_OTHER)
		next_step(j);
	else if (fault != IPMI_FAULT_CIPHER || !switch_cipher(j->bmc, fault))
		job_fail(j, fault, out);
}

static void step_failed(struct ipmi_job *j, enum ipmi_fault fault, const char *out)
{
	struct ipmi_bmc *b = j->bmc;
	bool no_log =
		*j->step == STEP_TEXT && j->op == IPMI_SEL; /* it will say so again */
	bool worth_it = fault == IPMI_FAULT_UNREACHABLE || fault == IPMI_FAULT_BUSY ||
		(fault == IPMI_FAULT_OTHER && !no_log);

	if (*j->step == STEP_WAIT_BMC && worth_it) {
		bmc_away(j);
		return;
	}
	if (j->op == IPMI_SOL_OFF) {
		sol_off_failed(j, fault, out);
		return;
	}
	if (switch_cipher(b, fault))
		return;
	if (*j->step == STEP_SET_PXE && fault == IPMI_FAULT_OTHER && !j->pxe_again) {
		j->pxe_again = true;
		return;
	}
	if (worth_it && ++j->tries < MAX_TRIES) {
		b->not_before_ms = now_mono_ms() + RETRY_MS;
		return;
	}
	/* After a try with the other suite, which one is right is as open as before. */
	if (!b->cipher_known)
		b->cipher = b->first_cipher;
	job_fail(j, fault, out);
}

/* Text that came with status 0 may speak of one sensor that "failed: ". */
static enum ipmi_fault judge(
	const struct ipmi_job *j, int status, bool timed_out, const char *out)
{
	if (*j->step == STEP_TEXT && status == 0)
		return IPMI_FAULT_NONE;
	return ipmi_classify(status, timed_out, out);
}

static void on_exit_(_unused_ struct child *c, int status, bool timed_out,
	const char *out, void *userdata)
{
	struct ipmi_bmc *b = userdata;
	struct ipmi_job *j = b->queue;
	enum ipmi_fault fault = judge(j, status, timed_out, out);

	child_is_gone(b);
	b->not_before_ms = now_mono_ms() + PACE_MS;
	if (fault == IPMI_FAULT_NONE) {
		cipher_worked(b);
		if (reads_power(*j->step) && ipmi_parse_power(out, &b->power) < 0)
			fault = IPMI_FAULT_OTHER;
		else if (reads_power(*j->step) && b->hooks.power)
			b->hooks.power(b->power, b->hooks.userdata);
	}
	ran(b, fault, now_mono_ms() - b->spawned_ms);
	if (j->cancelled)
		job_end(j, -ECANCELED, "");
	else if (fault == IPMI_FAULT_NONE)
		step_done(j, out);
	else
		step_failed(j, fault, out);
	pump(b);
}

static int spawn(struct ipmi_job *j, const char *const words[])
{
	struct ipmi_bmc *b = j->bmc;
	bool text = *j->step == STEP_TEXT && j->op != IPMI_SOL_OFF;
	struct child_spec spec = {
		.timeout_ms = text ? TEXT_MS : COMMAND_MS,
		.on_exit = on_exit_,
		.userdata = b,
	};
	_cleanup_(ipmi_call_clear) struct ipmi_call c;

	ipmi_call_make(&c, b->address, b->user, b->password, b->cipher, !text, words);
	spec.argv = c.argv;
	spec.env = c.env;
	return child_spawn(b->event, &spec, &b->child);
}

int ipmi_sol_spawn(struct ipmi_bmc *b, int in, int out, pid_t *ret)
{
	static const char escape[] = {IPMI_SOL_ESCAPE, 0};
	static const char *const words[] = {"-e", escape, "sol", "activate", NULL};
	_cleanup_(ipmi_call_clear) struct ipmi_call c;

	ipmi_call_make(&c, b->address, b->user, b->password, b->cipher, false, words);
	return run_spawn(c.argv, c.env, in, out, ret);
}

static bool reset_while_off(const struct ipmi_job *j)
{
	return *j->step == STEP_RESET && j->bmc->power == IPMI_POWER_OFF;
}

/*
 * From when on its command may be sent: the BMC's pace, and for a power-on the rack's. Who
 * could not go when it was his turn takes another, or those that waited would go together.
 */
static uint64_t may_run_ms(struct ipmi_job *j)
{
	struct ipmi_bmc *b = j->bmc;
	uint64_t now = now_mono_ms();

	if (*j->step == STEP_ON && b->hooks.power_on && now >= b->not_before_ms &&
		now > j->turn_ms + TURN_GOOD_MS)
		j->turn_ms = b->hooks.power_on(b->hooks.userdata);
	return MAX(b->not_before_ms, j->turn_ms);
}

static void send_words(struct ipmi_job *j, const char *const *words)
{
	struct ipmi_bmc *b = j->bmc;
	int r;

	if (!j->step_began_ms)
		j->step_began_ms = now_mono_ms();
	b->spawned_ms = now_mono_ms();
	r = spawn(j, words);
	if (r == 0)
		ipmi_line_begin(b->line);
	if (r < 0)
		ran(b, IPMI_FAULT_NO_TOOL, 0);
	if (r == -ENOENT)
		job_fail(j, IPMI_FAULT_NO_TOOL, "");
	else if (r < 0)
		job_end(j, r, strerror(-r));
}

/* The head of the queue goes one step. False: it has to wait. */
static bool go(struct ipmi_job *j)
{
	struct ipmi_bmc *b = j->bmc;
	const char *const *words =
		ipmi_step_words(*j->step, j->op, b->power, j->pxe_again, j->identify);
	uint64_t at_ms;

	if (j->cancelled || *j->step == STEP_END) {
		job_end(j, 0, "");
	} else if (reset_while_off(j)) {
		job_end(j, -EINVAL,
			"the server is off and cannot be reset: use power on");
	} else if (!words) {
		next_step(j);
	} else if (now_mono_ms() < (at_ms = may_run_ms(j))) {
		run_at(b, at_ms);
		return false;
	} else if (ipmi_line_wait(b->line, &b->place)) {
		return false;
	} else {
		send_words(j, words);
	}
	return true;
}

/* Takes the head of the queue as far as it goes without waiting. */
static void pump(struct ipmi_bmc *b)
{
	while (!b->child && b->queue && go(b->queue))
		;
	if (!b->child)
		ipmi_line_pass(b->line);
}
