/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An ipmitool that is a script in a folder of its own, and a BMC that is asked by it. The script
 * finds the folder in $SOL_DIR and does there, among other things, what the file `does` says.
 */
#pragma once

#include <signal.h>
#include <sys/stat.h>

#include "bootstrap/ipmi.h"

#define BANNER "[SOL Session operational.  Use ^? for help]\\r\\n"

struct fake_ipmitool {
	char dir[64];
	sd_event *event; /* owned */
	struct ipmi_bmc *bmc; /* owned */
};

static _unused_ void fake_put(
	struct fake_ipmitool *f, const char *name, const void *data, size_t len)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", f->dir, name);

	assert_int_equal(write_file_atomic(path, data, len, 0755), 0);
}

static _unused_ void fake_does(struct fake_ipmitool *f, const char *text)
{
	fake_put(f, "does", text, strlen(text));
}

/* Where the script waits for a word. Caller frees. */
static _unused_ char *fake_fifo(struct fake_ipmitool *f)
{
	char *path = xasprintf("%s/go", f->dir);

	assert_int_equal(mkfifo(path, 0600), 0);
	return path;
}

/* *f is set; changes the environment of all that is started from now on. */
static _unused_ void fake_ipmitool_open(struct fake_ipmitool *f, const char *script)
{
	_cleanup_free_ char *path = NULL;

	*f = (struct fake_ipmitool){.dir = "/tmp/fake-ipmitool.XXXXXX"};
	assert_non_null(mkdtemp(f->dir));
	fake_put(f, "ipmitool", script, strlen(script));
	path = xasprintf("%s:/usr/bin:/bin", f->dir);
	setenv("PATH", path, 1);
	setenv("SOL_DIR", f->dir, 1);
	signal(SIGPIPE, SIG_IGN); /* as ondold */
	assert_true(sd_event_new(&f->event) >= 0);
	f->bmc = ipmi_bmc_new(f->event, NULL, &(struct ipmi_hooks){0});
	ipmi_bmc_set(f->bmc, 0x0a4d010c, "ondol", "sesame");
}

static _unused_ void fake_ipmitool_close(struct fake_ipmitool *f)
{
	ipmi_bmc_free(f->bmc);
	sd_event_unref(f->event);
	remove_tree(f->dir);
}
