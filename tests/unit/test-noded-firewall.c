/* SPDX-License-Identifier: Apache-2.0 */
/* What is guarded, and that a node with nothing outside is left as it is. */
#include "tests/unit/harness.h"

#include <sched.h>
#include <sys/wait.h>

#include "nodeagent/firewall.h"
#include "tests/unit/fakefs.h"

static struct desired_external external = {.name = (char *)"floating"};
static struct desired_cloud cloud = {.external = &external};
static struct desired_port ports[] = {
	{.name = (char *)"management", .address = 0x0a4d140c, .prefix = 24},
	{.name = (char *)"floating", .address = 0x0a4d320c, .prefix = 24}};
static struct desired outside = {.cloud = &cloud, .ports = ports, .n_ports = 2},
		      inside = {.cloud = &cloud, .ports = ports, .n_ports = 1},
		      no_cloud = {.ports = ports, .n_ports = 2};

static char *conf(const char *root)
{
	_cleanup_free_ char *path = xasprintf("%s/etc/nftables.conf", root);
	char *text = NULL;

	return read_file(path, 1 << 16, &text, NULL) < 0 ? NULL : text;
}

static int writes(const struct desired *d, const char *root)
{
	_cleanup_free_ char *why = NULL;
	int r = firewall_write(d, root, &why);

	if (r < 0)
		fail_msg("%s", why);
	return r;
}

static void put(const char *root, const char *text)
{
	_cleanup_free_ char *dir = xasprintf("%s/etc", root),
			    *path = xasprintf("%s/nftables.conf", dir);

	assert_int_equal(mkdir_p(dir, 0755), 0);
	if (text)
		assert_int_equal(write_file_atomic(path, text, strlen(text), 0644), 0);
}

static void guards(void **state)
{
	_cleanup_free_ char *text = NULL, *away = NULL;

	put(*state, "#!/usr/sbin/nft -f\n\nflush ruleset\n");
	assert_int_equal(writes(&outside, *state), 1);
	text = conf(*state);
	assert_non_null(strstr(text, "iifname != \"floating\" accept"));
	assert_non_null(strstr(text, "ip daddr != 10.77.50.12 drop"));
	assert_null(strstr(text, "flush"));
	assert_int_equal(writes(&outside, *state), 1); /* loading it again does no harm */
	/* it has no address there any more */
	assert_int_equal(writes(&inside, *state), 1);
	away = conf(*state);
	assert_null(strstr(away, "chain"));
	assert_non_null(strstr(away, "delete table inet ondol"));
}

static void leaves_alone(void **state)
{
	static const char debians[] = "#!/usr/sbin/nft -f\n\nflush ruleset\n";
	_cleanup_free_ char *text = NULL;

	put(*state, NULL);
	assert_int_equal(writes(&inside, *state), 0);
	assert_null(conf(*state));
	put(*state, debians);
	assert_int_equal(writes(&inside, *state), 0);
	assert_int_equal(writes(&no_cloud, *state), 0);
	text = conf(*state);
	assert_string_equal(text, debians);
	assert_null(firewall_outside(&no_cloud));
	assert_ptr_equal(firewall_outside(&outside), &ports[1]);
}

/* Who is not root is it in a user namespace of his own. */
static bool own_network(void)
{
	_cleanup_free_ char *map = xasprintf("0 %u 1\n", (unsigned)geteuid());
	_cleanup_close_ int fd = -1;

	if (geteuid() == 0)
		return unshare(CLONE_NEWNET) == 0;
	if (unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0)
		return false;
	fd = open("/proc/self/uid_map", O_WRONLY | O_CLOEXEC);
	return fd >= 0 && write_all(fd, map, strlen(map)) == 0;
}

#define NFT "/usr/sbin/nft"
#define CANNOT 77

/* Loaded where there is nothing, and once more. */
static int load_twice(const char *path)
{
	const char *const argv[] = {"nft", "-f", path, "-f", path, NULL};
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		if (access(NFT, X_OK) == 0 && own_network())
			execv(NFT, (char *const *)argv);
		_exit(CANNOT);
	}
	assert_true(pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void the_kernel_takes_it(void **state)
{
	_cleanup_free_ char *path = xasprintf("%s/etc/nftables.conf", (char *)*state);
	int status;

	put(*state, NULL);
	assert_int_equal(writes(&outside, *state), 1);
	status = load_twice(path);
	if (status == CANNOT)
		skip(); /* no nft, or a kernel that gives nobody a network of his own */
	assert_int_equal(status, 0);
	assert_int_equal(writes(&inside, *state), 1);
	assert_int_equal(load_twice(path), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(guards, fakefs_setup, fakefs_teardown),
		cmocka_unit_test_setup_teardown(
			leaves_alone, fakefs_setup, fakefs_teardown),
		cmocka_unit_test_setup_teardown(
			the_kernel_takes_it, fakefs_setup, fakefs_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
