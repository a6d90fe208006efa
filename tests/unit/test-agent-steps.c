/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/harness.h"

#include "initramfs/steps.h"

static char done[2 * INSTALL_N_STEPS + 1];

static void note(char letter)
{
	char word[2] = {letter};

	strcat(done, word);
}

static int measure(void *userdata, char **reterr_msg)
{
	note('M');
	return 0;
}

static int wipe(void *userdata, char **reterr_msg)
{
	note('W');
	return 0;
}

static int erase(void *userdata, char **reterr_msg)
{
	note('E');
	return 0;
}

static bool erases, mirrors;

static bool is_wanted(const void *userdata, enum install_step step)
{
	return (step != INSTALL_ERASE || erases) && (step != INSTALL_MIRROR || mirrors);
}

static int partition(void *userdata, char **reterr_msg)
{
	note('P');
	return *(int *)userdata;
}

static int mirror(void *userdata, char **reterr_msg)
{
	note('J');
	return 0;
}

static int format(void *userdata, char **reterr_msg)
{
	note('F');
	return 0;
}

static int image(void *userdata, char **reterr_msg)
{
	note('I');
	*reterr_msg = xstrdup("its digest is wrong");
	return -EBADMSG;
}

static int never(void *userdata, char **reterr_msg)
{
	note('!');
	return 0;
}

static void tell(void *userdata, const char *step)
{
	note(step[0]);
}

static const struct install_how how = {
	.tell = tell,
	.run[INSTALL_MEASURE] = measure,
	.is_wanted = is_wanted,
	.run[INSTALL_WIPE] = wipe,
	.run[INSTALL_ERASE] = erase,
	.run[INSTALL_PARTITION] = partition,
	.run[INSTALL_MIRROR] = mirror,
	.run[INSTALL_FORMAT] = format,
	.run[INSTALL_IMAGE] = image,
	.run[INSTALL_IDENTITY] = never,
	.run[INSTALL_BOOTABLE] = never,
};

/* Each told and then done, in their order, and none after one that fails. */
static void test_run(void **state)
{
	_cleanup_free_ char *why = NULL, *bare = NULL;
	int r = 0;

	assert_int_equal(install_steps(&how, &r, &why), -EBADMSG);
	assert_string_equal(why, "writing the image: its digest is wrong");
	assert_string_equal(done, "mMwWpPmFwI");

	done[0] = '\0';
	r = -EIO;
	assert_int_equal(install_steps(&how, &r, &bare), -EIO);
	assert_string_equal(bare, "partitioning: Input/output error");
	assert_string_equal(done, "mMwWpP");

	done[0] = '\0';
	erases = true;
	free(bare);
	bare = NULL;
	assert_int_equal(install_steps(&how, &r, &bare), -EIO);
	assert_string_equal(done, "mMwWeEpP");

	done[0] = '\0';
	mirrors = true;
	r = 0;
	free(bare);
	bare = NULL;
	assert_int_equal(install_steps(&how, &r, &bare), -EBADMSG);
	assert_string_equal(done, "mMwWeEpPjJmFwI");
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_run)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
