/* SPDX-License-Identifier: Apache-2.0 */
/* Standard error is a file here; that it is the journal is said as systemd says it. */
#include "tests/unit/harness.h"

#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "common/log.h"

struct world {
	char path[64];
	int stderr_fd; /* the real one, meanwhile */
	char *sent; /* what went to journald, a line for each field; NULL: nothing */
};

static struct world *the_world;
static int journald_answers;

/* In the place of journald (-Wl,--wrap). */
int __wrap_sd_journal_sendv(const struct iovec *iov, int n);
int __wrap_sd_journal_sendv(const struct iovec *iov, int n)
{
	char *text = xstrdup("");

	for (int i = 0; i < n; i++) {
		char *more = xasprintf("%s%.*s\n", text, (int)iov[i].iov_len,
			(const char *)iov[i].iov_base);

		free(text);
		text = more;
	}
	free(the_world->sent);
	the_world->sent = text;
	return journald_answers;
}

static int setup(void **state)
{
	struct world *w = xcalloc(1, sizeof(*w));
	int fd;

	strcpy(w->path, "/tmp/test-log.XXXXXX");
	fd = mkstemp(w->path);
	assert_true(fd >= 0);
	w->stderr_fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	assert_int_equal(dup2(fd, STDERR_FILENO), STDERR_FILENO);
	close(fd);
	unsetenv("JOURNAL_STREAM");
	unsetenv("ONDOL_LOG");
	journald_answers = 0;
	*state = the_world = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	dup2(w->stderr_fd, STDERR_FILENO);
	close(w->stderr_fd);
	unlink(w->path);
	free(w->sent);
	free(w);
	log_set_sink(NULL);
	log_set_node(NULL);
	log_set_level(LOG_L_INFO);
	return 0;
}

/* JOURNAL_STREAM as systemd sets it, off by so much in the inode. */
static void stderr_is_the_journal(uint64_t off)
{
	_cleanup_free_ char *text = NULL;
	struct stat st;

	assert_int_equal(fstat(STDERR_FILENO, &st), 0);
	text = xasprintf(
		"%" PRIu64 ":%" PRIu64, (uint64_t)st.st_dev, (uint64_t)st.st_ino + off);
	setenv("JOURNAL_STREAM", text, 1);
}

static void written(const struct world *w, const char *want)
{
	_cleanup_free_ char *text = NULL;

	assert_int_equal(read_file(w->path, 65536, &text, NULL), 0);
	assert_string_equal(text, want);
}

static void plain(void **state)
{
	struct log_fields fields = {.node = "hp02", .event = "state", .source = "ondold"};

	log_open_journal("prog");
	log_info("a %d", 1);
	log_warn("b");
	log_error("c");
	log_debug("d");
	log_with(LOG_L_INFO, &fields, "hp02: e");
	log_with(LOG_L_DEBUG, &fields, "hp02: f");
	written(*state, "prog: a 1\nprog: warning: b\nprog: c\nprog: hp02: e\n");
	assert_null(((struct world *)*state)->sent);
}

static void levels(void **state)
{
	setenv("ONDOL_LOG", "warn", 1);
	log_open("prog");
	log_info("a");
	log_warn("b");
	log_set_level(LOG_L_DEBUG);
	log_debug("c");
	written(*state, "prog: warning: b\nprog: c\n");
}

/* A program without libsystemd says its priorities to the stream. */
static void stream(void **state)
{
	stderr_is_the_journal(0);
	log_open("prog");
	log_info("a");
	log_warn("b");
	written(*state, "<6>a\n<4>b\n");
}

static void fields(void **state)
{
	struct log_fields all = {.node = "hp02",
		.event = "power.failed",
		.source = "ipmi",
		.message_id = "0123456789abcdef0123456789abcdef"};
	struct world *w = *state;

	stderr_is_the_journal(0);
	log_open_journal("prog");
	log_warn("plain");
	assert_string_equal(
		w->sent, "MESSAGE=plain\nPRIORITY=4\nSYSLOG_IDENTIFIER=prog\n");
	log_with(LOG_L_ERROR, &all, "two\nlines");
	assert_string_equal(w->sent,
		"MESSAGE=two\nlines\nPRIORITY=3\nSYSLOG_IDENTIFIER=prog\nONDOL_NODE=hp02\n"
		"ONDOL_EVENT=power.failed\nONDOL_SOURCE=ipmi\n"
		"MESSAGE_ID=0123456789abcdef0123456789abcdef\n");
	all = (struct log_fields){.node = "", .event = "rack.taken"};
	log_with(LOG_L_DEBUG, &all, "an event, whatever its level");
	assert_string_equal(w->sent,
		"MESSAGE=an event, whatever its level\nPRIORITY=7\nSYSLOG_IDENTIFIER=prog\n"
		"ONDOL_EVENT=rack.taken\n");
	log_debug("too much said");
	assert_non_null(strstr(w->sent, "an event"));
	written(w, "");
}

static void of_one_node(void **state)
{
	struct log_fields other = {.node = "hp03"};
	struct world *w = *state;

	stderr_is_the_journal(0);
	log_open_journal("prog");
	log_set_node("hp02");
	log_info("a");
	assert_non_null(strstr(w->sent, "ONDOL_NODE=hp02\n"));
	log_with(LOG_L_INFO, &other, "b");
	assert_non_null(strstr(w->sent, "ONDOL_NODE=hp03\n"));
}

/* journald is away: the stream may still be read. */
static void no_journald(void **state)
{
	stderr_is_the_journal(0);
	journald_answers = -ECONNREFUSED;
	log_open_journal("prog");
	log_info("a");
	written(*state, "<6>a\n");
}

/* The variable is inherited; standard error was led elsewhere since. */
static void another_stream(void **state)
{
	stderr_is_the_journal(1);
	log_open_journal("prog");
	log_info("a");
	setenv("JOURNAL_STREAM", "nonsense", 1);
	log_open_journal("prog");
	log_info("b");
	written(*state, "prog: a\nprog: b\n");
	assert_null(((struct world *)*state)->sent);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(plain),
		T(levels),
		T(stream),
		T(fields),
		T(of_one_node),
		T(no_journald),
		T(another_stream),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
