/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The queue of a BMC against an ipmitool that is a script: it keeps power and boot device
 * in files, writes what it was asked to a log, and misbehaves as files tell it to.
 */
#include "tests/unit/harness.h"

#include <signal.h>

#include "bootstrap/ipmi.h"
#include "bootstrap/ipmiline.h"

static const char script[] =
	"#!/bin/sh\n"
	"cd \"$IPMI_DIR\" || exit 1\n"
	"[ \"$IPMI_PASSWORD\" = sesame ] || { echo 'RAKP 2 HMAC is invalid'; exit 1; }\n"
	"while [ \"$1\" != -C ]; do shift; done\n"
	"suite=$2; shift 2\n"
	"tr '\\0' ' ' </proc/$$/cmdline >>argv\n"
	"echo \"$suite $*\" >>log\n"
	"[ -e running ] && echo overlap >>log\n"
	"touch running; trap 'rm -f running' EXIT\n"
	"[ ! -e only ] || [ \"$suite\" = \"$(cat only)\" ] ||"
	" { echo 'Error in open session response message : no matching cipher suite'; exit 1; }\n"
	"[ ! -e away ] || { n=$(cat away); n=$((n - 1)); echo $n >away; [ $n -gt 0 ] || rm away;"
	" echo 'Get Auth Capabilities error'; exit 1; }\n"
	"[ ! -s busy ] || { sed -i 1d busy; echo 'Get failed: Node busy'; exit 1; }\n"
	"case \"$*\" in\n"
	"*'power status') echo \"Chassis Power is $(cat power)\" ;;\n"
	"*'power on') [ -s deaf ] && sed -i 1d deaf || echo on >power; echo 'Up/On' ;;\n"
	"*'power off' | *'power soft') echo off >power ;;\n"
	"*'power reset') echo Reset ;;\n"
	"*'bootdev pxe'*) [ ! -e refuses ] || { echo 'Set Chassis Boot Parameter 4 failed: x'; exit 0; }\n"
	" [ -e forgets ] || echo 'Force PXE' >boot; echo Set ;;\n"
	"'raw 0 8 5 '*) [ -e forgets ] || echo 'Force PXE' >boot ;;\n"
	"*'get 5') [ -e legacy ] && echo '   - Boot Flag Valid'\n"
	" echo \"   - Boot Device Selector : $(cat boot)\" ;;\n"
	"'mc reset cold') [ -e stays ] || echo 3 >away; echo Sent ;;\n"
	"sensor) echo 'a | 1.0' ;;\n"
	"*' sel elist '*) echo 'Get SEL Info command failed'; exit 1 ;;\n"
	"'sol deactivate') echo 'Info: SOL payload already de-activated'; exit 1 ;;\n"
	"esac\n";

struct world {
	char dir[64];
	sd_event *event;
	struct ipmi_bmc *bmc;
	int pending, last_r;
	enum ipmi_power last_power, hook_power;
	char *last_msg, *note;
	unsigned cipher; /* as told by the hook */
	uint64_t turn_ms; /* the hook answers no earlier time */
	unsigned turns; /* taken */
	struct ipmi_line *busy_line; /* to be filled when a turn is taken; NULL: none */
	unsigned ran[IPMI_N_FAULTS]; /* as told by the hook */
};

static void put(struct world *w, const char *name, const char *text)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", w->dir, name);

	assert_int_equal(write_file_atomic(path, text, strlen(text), 0755), 0);
}

static char *get(struct world *w, const char *name)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", w->dir, name);
	char *text = NULL;

	return read_file(path, 1 << 20, &text, NULL) < 0 ? xstrdup("") : text;
}

static void on_power(enum ipmi_power power, void *userdata)
{
	((struct world *)userdata)->hook_power = power;
}

static void on_note(const char *text, void *userdata)
{
	struct world *w = userdata;

	free(w->note);
	w->note = xstrdup(text);
}

static void on_cipher(unsigned suite, void *userdata)
{
	((struct world *)userdata)->cipher = suite;
}

static void on_ran(enum ipmi_fault fault, uint64_t took_ms, void *userdata)
{
	((struct world *)userdata)->ran[fault]++;
	assert_true(took_ms < 60000);
}

static uint64_t on_power_on(void *userdata)
{
	struct world *w = userdata;

	w->turns++;
	if (w->busy_line) { /* from now on another one runs */
		ipmi_line_begin(w->busy_line);
		w->busy_line = NULL;
	}
	return MAX(now_mono_ms(), w->turn_ms);
}

static int setup(void **state)
{
	struct world *w = xcalloc(1, sizeof(*w));
	struct ipmi_hooks hooks = {.power = on_power,
		.note = on_note,
		.cipher = on_cipher,
		.power_on = on_power_on,
		.ran = on_ran,
		.userdata = w};
	_cleanup_free_ char *path = NULL;

	strcpy(w->dir, "/tmp/test-ipmi.XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	put(w, "ipmitool", script);
	put(w, "power", "off\n");
	put(w, "boot", "No override\n");
	path = xasprintf("%s:/usr/bin:/bin", w->dir);
	setenv("PATH", path, 1);
	setenv("IPMI_DIR", w->dir, 1);
	assert_true(sd_event_new(&w->event) >= 0);
	w->bmc = ipmi_bmc_new(w->event, NULL, &hooks);
	ipmi_bmc_set(w->bmc, 0x0a4d010c, "ondol", "sesame");
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	ipmi_bmc_free(w->bmc);
	sd_event_unref(w->event);
	remove_tree(w->dir);
	free(w->last_msg);
	free(w->note);
	free(w);
	return 0;
}

static void on_done(int r, enum ipmi_power power, const char *msg, void *userdata)
{
	struct world *w = userdata;

	w->pending--;
	w->last_r = r;
	w->last_power = power;
	free(w->last_msg);
	w->last_msg = xstrdup(msg);
}

static void on_text(int r, const char *text, void *userdata)
{
	on_done(r, IPMI_POWER_UNKNOWN, text, userdata);
}

static void wait_done(struct world *w)
{
	uint64_t end = now_mono_ms() + 60000;

	while (w->pending && now_mono_ms() < end)
		sd_event_run(w->event, 1000000);
	assert_int_equal(w->pending, 0);
}

static struct ipmi_job *submit(struct world *w, enum ipmi_op op)
{
	w->pending++;
	return ipmi_submit(w->bmc, op, on_done, w);
}

static void run(struct world *w, enum ipmi_op op)
{
	submit(w, op);
	wait_done(w);
}

static void expect_log(struct world *w, const char *want)
{
	_cleanup_free_ char *log = get(w, "log");

	assert_string_equal(log, want);
}

static void status(void **state)
{
	struct world *w = *state;

	run(w, IPMI_STATUS);
	assert_int_equal(w->last_r, 0);
	assert_int_equal(w->last_power, IPMI_POWER_OFF);
	assert_int_equal(w->hook_power, IPMI_POWER_OFF);
	expect_log(w, "17 chassis power status\n");
}

static void netboot_from_off(void **state)
{
	struct world *w = *state;

	run(w, IPMI_NETBOOT);
	assert_int_equal(w->last_r, 0);
	assert_int_equal(w->last_power, IPMI_POWER_ON);
	assert_null(w->note);
	expect_log(w,
		"17 chassis power status\n17 chassis power status\n"
		"17 chassis bootdev pxe options=efiboot\n17 chassis bootparam get 5\n"
		"17 chassis power on\n17 chassis power status\n");
}

static void netboot_from_on(void **state)
{
	struct world *w = *state;
	_cleanup_free_ char *log = NULL;

	put(w, "power", "on\n");
	run(w, IPMI_NETBOOT);
	assert_int_equal(w->last_r, 0);
	log = get(w, "log");
	assert_non_null(strstr(log, "power off\n"));
	assert_true(strstr(log, "power off\n") < strstr(log, "bootdev pxe"));
	assert_true(strstr(log, "bootdev pxe") < strstr(log, "power on\n"));
}

static void cipher_is_found_once(void **state)
{
	struct world *w = *state;

	put(w, "only", "3");
	run(w, IPMI_STATUS);
	assert_int_equal(w->last_r, 0);
	run(w, IPMI_STATUS);
	expect_log(w,
		"17 chassis power status\n3 chassis power status\n3 chassis power status\n");
	assert_int_equal(w->ran[IPMI_FAULT_NONE], 2);
	assert_int_equal(w->ran[IPMI_FAULT_CIPHER], 1);
}

static void no_cipher(void **state)
{
	struct world *w = *state;

	put(w, "only", "8");
	run(w, IPMI_STATUS);
	assert_int_equal(w->last_r, -EPROTONOSUPPORT);
	assert_true(ipmi_is_refusal(w->last_r));
	assert_non_null(strstr(w->last_msg, "cipher suites 17 and 3"));
	expect_log(w, "17 chassis power status\n3 chassis power status\n");
}

static void wrong_password_is_not_tried_again(void **state)
{
	struct world *w = *state;

	ipmi_bmc_set(w->bmc, 0x0a4d010c, "ondol", "guess");
	run(w, IPMI_ON);
	assert_int_equal(w->last_r, -EACCES);
	assert_true(ipmi_is_refusal(w->last_r));
	assert_non_null(strstr(w->last_msg, "password"));
	assert_null(strstr(w->last_msg, "guess"));
	expect_log(w, "");
	ipmi_bmc_set(w->bmc, 0x0a4d010c, "ondol", "sesame");
	run(w, IPMI_ON);
	assert_int_equal(w->last_r, 0);
}

static void busy_is_tried_again(void **state)
{
	struct world *w = *state;

	put(w, "busy", "1\n2\n");
	run(w, IPMI_STATUS);
	assert_int_equal(w->last_r, 0);
	put(w, "busy", "1\n2\n3\n4\n5\n");
	run(w, IPMI_STATUS);
	assert_true(w->last_r < 0 && !ipmi_is_refusal(w->last_r));
	assert_non_null(strstr(w->last_msg, "busy"));
}

static void boot_device_that_does_not_stick(void **state)
{
	struct world *w = *state;

	put(w, "forgets", "");
	run(w, IPMI_NETBOOT);
	assert_int_equal(
		w->last_r, 0); /* the server's own order may have the network first */
	assert_non_null(w->note);
	assert_non_null(strstr(w->note, "10.77.1.12"));
}

/* The BMC says yes and does nothing: half-way through the wait it is told again. */
static void command_is_sent_again(void **state)
{
	struct world *w = *state;
	uint64_t began = now_mono_ms();

	put(w, "deaf", "1\n");
	run(w, IPMI_ON);
	assert_int_equal(w->last_r, 0);
	assert_int_equal(w->last_power, IPMI_POWER_ON);
	assert_true(now_mono_ms() - began >= 14000);
}

static void one_at_a_time_and_paced(void **state)
{
	struct world *w = *state;
	_cleanup_free_ char *log = NULL;
	uint64_t began = now_mono_ms();

	for (int i = 0; i < 5; i++)
		submit(w, IPMI_STATUS);
	wait_done(w);
	assert_true(now_mono_ms() - began >= 4 * 200);
	log = get(w, "log");
	assert_null(strstr(log, "overlap"));
}

/* A turn for each power-on that is sent, and none for what is on; it is waited for. */
static void power_on_waits_for_its_turn(void **state)
{
	struct world *w = *state;
	struct ipmi_job *job;
	uint64_t began = now_mono_ms();
	unsigned turns;

	w->turn_ms = began + 3000;
	run(w, IPMI_ON);
	assert_int_equal(w->last_r, 0);
	assert_true(w->turns > 0 && now_mono_ms() - began >= 3000);
	turns = w->turns;
	run(w, IPMI_ON);
	assert_int_equal(w->turns, turns);
	run(w, IPMI_CYCLE);
	assert_true(w->turns > turns);
	turns = w->turns;
	put(w, "power", "off\n");
	put(w, "deaf", "1\n"); /* it is sent twice */
	run(w, IPMI_NETBOOT);
	assert_int_equal(w->last_r, 0);
	assert_true(w->turns >= turns + 2);
	/* given up while it waits */
	turns = w->turns;
	put(w, "power", "off\n");
	put(w, "log", "");
	w->turn_ms = now_mono_ms() + 3600000;
	job = submit(w, IPMI_ON);
	while (w->turns == turns)
		sd_event_run(w->event, 1000000);
	ipmi_cancel(job);
	w->pending--;
	run(w, IPMI_STATUS);
	assert_int_equal(w->last_power, IPMI_POWER_OFF);
	expect_log(w, "17 chassis power status\n17 chassis power status\n");
}

/* All ipmitools are busy when its turn comes: it takes another, so that those who waited do
 * not go together. */
static void late_power_on_takes_another_turn(void **state)
{
	struct world *w = *state;
	struct ipmi_hooks hooks = {.power_on = on_power_on, .userdata = w};
	struct ipmi_line line = {.max = 1};
	struct ipmi_bmc *bmc = w->bmc;
	uint64_t began;

	w->bmc = ipmi_bmc_new(w->event, &line, &hooks);
	ipmi_bmc_set(w->bmc, 0x0a4d010c, "ondol", "sesame");
	w->busy_line = &line;
	submit(w, IPMI_ON);
	while (w->turns == 0)
		sd_event_run(w->event, 1000000);
	began = now_mono_ms();
	while (now_mono_ms() < began + 500)
		sd_event_run(w->event, 100000);
	assert_int_equal(w->turns, 1);
	assert_int_equal(w->pending, 1);
	ipmi_line_end(&line);
	wait_done(w);
	assert_int_equal(w->last_r, 0);
	assert_true(w->turns >= 2);
	ipmi_bmc_free(w->bmc);
	w->bmc = bmc;
}

static void reset_needs_power(void **state)
{
	struct world *w = *state;

	run(w, IPMI_RESET);
	assert_int_equal(w->last_r, -EINVAL);
	assert_non_null(strstr(w->last_msg, "off"));
	put(w, "power", "on\n");
	run(w, IPMI_RESET);
	assert_int_equal(w->last_r, 0);
}

static void cancel(void **state)
{
	struct world *w = *state;
	struct ipmi_job *first = submit(w, IPMI_NETBOOT), *second = submit(w, IPMI_OFF);

	sd_event_run(w->event, 1000000); /* the first one's ipmitool runs */
	ipmi_cancel(second);
	ipmi_cancel(first);
	w->pending -= 2;
	run(w, IPMI_STATUS);
	assert_int_equal(w->last_r, 0);
	assert_int_equal(w->last_power, IPMI_POWER_OFF);
	expect_log(w, "17 chassis power status\n17 chassis power status\n");
}

static void freed_with_work(void **state)
{
	struct world *w = *state;
	struct ipmi_hooks hooks = {0};

	submit(w, IPMI_NETBOOT);
	submit(w, IPMI_STATUS);
	sd_event_run(w->event, 1000000);
	ipmi_bmc_free(w->bmc);
	assert_int_equal(w->pending, 0);
	assert_int_equal(w->last_r, -ECANCELED);
	w->bmc = ipmi_bmc_new(w->event, NULL, &hooks);
}

static void ask(struct world *w, enum ipmi_op op, const char *arg)
{
	w->pending++;
	ipmi_ask(w->bmc, op, arg, on_text, w);
	wait_done(w);
}

static void text_is_handed_over(void **state)
{
	struct world *w = *state;

	ask(w, IPMI_SENSORS, NULL);
	assert_int_equal(w->last_r, 0);
	assert_string_equal(w->last_msg, "a | 1.0\n");
	ask(w, IPMI_IDENTIFY, "force");
	assert_int_equal(w->last_r, 0);
	ask(w, IPMI_SOL_OFF, NULL); /* nobody had it: as well */
	assert_int_equal(w->last_r, 0);
	ask(w, IPMI_SEL, NULL); /* it keeps no log, and is not asked again */
	assert_int_equal(w->last_r, -EIO);
	expect_log(w,
		"17 chassis power status\n17 sensor\n"
		"17 chassis power status\n17 chassis identify force\n"
		"17 sol deactivate\n"
		"17 chassis power status\n17 -c -Z sel elist last 1000\n");
	ipmi_bmc_set(w->bmc, 0x0a4d010c, "ondol", "guess");
	ask(w, IPMI_SENSORS, NULL);
	assert_true(w->last_r < 0);
	assert_non_null(strstr(w->last_msg, "password"));
}

/* Who looks at the sensors all day does not keep a server from being switched. */
static void what_is_done_goes_first(void **state)
{
	struct world *w = *state;

	w->pending += 3;
	ipmi_ask(w->bmc, IPMI_SENSORS, NULL, on_text, w);
	ipmi_ask(w->bmc, IPMI_SENSORS, NULL, on_text, w);
	ipmi_ask(w->bmc, IPMI_SOL_OFF, NULL, on_text, w);
	assert_int_equal(ipmi_asked(w->bmc), 2);
	submit(w, IPMI_STATUS);
	wait_done(w);
	assert_int_equal(ipmi_asked(w->bmc), 0);
	expect_log(w,
		"17 chassis power status\n17 sensor\n17 sol deactivate\n"
		"17 chassis power status\n17 chassis power status\n17 sensor\n");
}

/* It stands before the power-on: a BMC that is busy, absent or odd must not hold it up. */
static void taking_the_console_is_tried_once(void **state)
{
	struct world *w = *state;
	_cleanup_free_ char *path = xasprintf("%s/away", w->dir);

	put(w, "busy", "1\n2\n3\n");
	ask(w, IPMI_SOL_OFF, NULL);
	assert_int_equal(w->last_r, 0);
	put(w, "busy", "");
	put(w, "away", "9");
	ask(w, IPMI_SOL_OFF, NULL);
	assert_int_equal(w->last_r, -EHOSTUNREACH);
	expect_log(w, "17 sol deactivate\n17 sol deactivate\n");
	assert_int_equal(unlink(path), 0);
	put(w, "log", "");
	put(w, "only", "3");
	ipmi_bmc_set(w->bmc, 0x0a4d010d, "ondol", "sesame");
	ask(w, IPMI_SOL_OFF, NULL);
	assert_int_equal(w->last_r, 0);
	expect_log(w, "17 sol deactivate\n3 sol deactivate\n");
	ipmi_bmc_set(w->bmc, 0x0a4d010d, "ondol", "guess");
	ask(w, IPMI_SOL_OFF, NULL);
	assert_int_equal(w->last_r, -EACCES);
}

static void bmc_comes_back_from_its_reset(void **state)
{
	struct world *w = *state;
	uint64_t began = now_mono_ms();

	run(w, IPMI_COLD_RESET);
	assert_int_equal(w->last_r, 0);
	assert_true(now_mono_ms() - began >= 5000 + 3 * 3000);
	expect_log(w,
		"17 mc reset cold\n17 chassis power status\n17 chassis power status\n"
		"17 chassis power status\n17 chassis power status\n17 chassis power status\n");
}

static void cipher_outlives_its_finder(void **state)
{
	struct world *w = *state;

	put(w, "only", "3");
	run(w, IPMI_STATUS);
	assert_int_equal(w->cipher, 3);
	w->cipher = 0;
	ipmi_bmc_set(w->bmc, 0x0a4d010d, "ondol", "sesame"); /* another life */
	put(w, "log", "");
	ipmi_bmc_hint_cipher(w->bmc, 0); /* never */
	ipmi_bmc_hint_cipher(w->bmc, 3);
	run(w, IPMI_STATUS);
	expect_log(w, "3 chassis power status\n");
	assert_int_equal(w->cipher, 0); /* nothing new */
	ipmi_bmc_set(w->bmc, 0x0a4d010e, "ondol", "sesame");
	ipmi_bmc_hint_cipher(w->bmc, 3);
	put(w, "only", "17"); /* the BMC was exchanged: the hint only goes first */
	run(w, IPMI_STATUS);
	assert_int_equal(w->last_r, 0);
	assert_int_equal(w->cipher, 17);
}

static void boot_device_by_hand(void **state)
{
	struct world *w = *state;
	_cleanup_free_ char *log = NULL;

	put(w, "refuses", "");
	run(w, IPMI_NETBOOT);
	assert_int_equal(w->last_r, 0);
	assert_null(w->note);
	log = get(w, "log");
	assert_non_null(strstr(log, "17 raw 0 8 5 0xe0 0x04 0 0 0\n"));
}

static void legacy_boot_is_told(void **state)
{
	struct world *w = *state;

	put(w, "legacy", "");
	run(w, IPMI_NETBOOT);
	assert_int_equal(w->last_r, 0);
	assert_non_null(w->note);
	assert_non_null(strstr(w->note, "UEFI"));
}

static void no_secret_in_argv(void **state)
{
	struct world *w = *state;
	_cleanup_free_ char *argv = NULL;

	run(w, IPMI_NETBOOT);
	ask(w, IPMI_SENSORS, NULL);
	argv = get(w, "argv");
	assert_non_null(strstr(argv, "lanplus"));
	assert_null(strstr(argv, "sesame"));
}

static void no_ipmitool(void **state)
{
	struct world *w = *state;

	setenv("PATH", "/nonexistent", 1);
	run(w, IPMI_STATUS);
	assert_true(ipmi_is_refusal(w->last_r));
	assert_non_null(strstr(w->last_msg, "install package ipmitool"));
}

static void names(void **state)
{
	enum ipmi_op op;

	assert_int_equal(ipmi_op_parse("cycle", &op), 0);
	assert_int_equal(op, IPMI_CYCLE);
	assert_int_equal(ipmi_op_parse("bmc-reset", &op), 0);
	assert_int_equal(op, IPMI_COLD_RESET);
	assert_int_equal(ipmi_op_parse("netboot", &op), -EINVAL);
	assert_int_equal(ipmi_op_parse("", &op), -EINVAL);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(status),
		T(netboot_from_off),
		T(netboot_from_on),
		T(cipher_is_found_once),
		T(no_cipher),
		T(wrong_password_is_not_tried_again),
		T(busy_is_tried_again),
		T(boot_device_that_does_not_stick),
		T(command_is_sent_again),
		T(one_at_a_time_and_paced),
		T(power_on_waits_for_its_turn),
		T(late_power_on_takes_another_turn),
		T(reset_needs_power),
		T(cancel),
		T(freed_with_work),
		T(text_is_handed_over),
		T(what_is_done_goes_first),
		T(taking_the_console_is_tried_once),
		T(bmc_comes_back_from_its_reset),
		T(cipher_outlives_its_finder),
		T(boot_device_by_hand),
		T(legacy_boot_is_told),
		T(no_secret_in_argv),
		T(no_ipmitool),
		T(names),
	};
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
