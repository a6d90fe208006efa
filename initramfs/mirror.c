/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Metadata 1.2 lies at the beginning of a partition: none of the halves passes for a file
 * system by itself, so nobody mounts one and writes to it. The arrays have fixed numbers;
 * nothing else assembles any in the initramfs.
 */
#include "initramfs/mirror.h"

#include "common/log.h"
#include "common/run.h"
#include "common/sysfs.h"

#define MDADM_TIMEOUT_MS 60000

static const struct array {
	const char *device;
	const char *block; /* below /sys/block */
	const char *name; /* in the metadata: for people, and mdadm --detail */
	const char *bitmap; /* what was being written is known after a crash */
} arrays[PART_COUNT] = {
	[PART_A] = {"/dev/md1", "md1", "ondol-a", "none"},
	[PART_B] = {"/dev/md2", "md2", "ondol-b", "none"},
	[PART_STATE] = {"/dev/md3", "md3", "ondol-state", "internal"},
	[PART_SWAP] = {"/dev/md4", "md4", "ondol-swap", "none"},
};

const char *mirror_device(enum part_id id)
{
	return arrays[id].device;
}

int mirror_create(enum part_id id, const char *const halves[static MIRROR_HALVES],
	char **reterr_msg)
{
	const struct array *a = &arrays[id];
	_cleanup_free_ char *name = xasprintf("--name=%s", a->name),
			    *bitmap = xasprintf("--bitmap=%s", a->bitmap);
	const char *const argv[] = {"mdadm", "--create", a->device, "--run", "--quiet",
		"--level=1", "--raid-devices=2", "--metadata=1.2", "--homehost=any",
		"--assume-clean", name, bitmap, halves[0], halves[1], NULL};

	return run_ok(argv, MDADM_TIMEOUT_MS, reterr_msg);
}

static int start_from(
	enum part_id id, const char *const halves[], size_t n, char **reterr_msg)
{
	const char *const argv[] = {"mdadm", "--assemble", "--run", "--quiet",
		arrays[id].device, halves[0], n > 1 ? halves[1] : NULL, NULL};

	return run_ok(argv, MDADM_TIMEOUT_MS, reterr_msg);
}

static void stop(enum part_id id)
{
	const struct array *a = &arrays[id];
	const char *const argv[] = {"mdadm", "--stop", "--quiet", a->device, NULL};
	_cleanup_free_ char *why = NULL;

	if (a->device && sysfs_exists("/sys/block", a->block) &&
		run_ok(argv, MDADM_TIMEOUT_MS, &why) < 0)
		log_warn("%s", why);
}

/* mdadm gives both up when it cannot read the metadata of one. */
int mirror_start(enum part_id id, const char *const halves[], size_t n, char **reterr_msg)
{
	int r = start_from(id, halves, n, reterr_msg);

	for (size_t i = 0; r < 0 && n > 1 && i < n; i++) {
		_cleanup_free_ char *why = NULL;

		stop(id);
		r = start_from(id, &halves[i], 1, &why);
		if (r < 0)
			continue;
		log_warn("%s: %s; started with %s alone", arrays[id].device, *reterr_msg,
			halves[i]);
		free(*reterr_msg);
		*reterr_msg = NULL;
	}
	return r;
}

void mirror_stop_all(void)
{
	for (int i = 0; i < PART_COUNT; i++)
		stop((enum part_id)i);
}
