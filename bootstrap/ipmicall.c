/* SPDX-License-Identifier: Apache-2.0 */
#include "bootstrap/ipmicall.h"

void ipmi_call_clear(struct ipmi_call *c)
{
	secret_free(c->password);
}

void ipmi_call_make(struct ipmi_call *c, const char *address, const char *user,
	const char *password, unsigned cipher, bool verbose, const char *const words[])
{
	const char *const head[] = {"ipmitool", "-I", "lanplus", "-N", "2", "-R", "2",
		"-H", address, "-U", user ? user : "", "-E", "-C", c->suite};
	size_t n = 0;

	*c = (struct ipmi_call){0};
	snprintf(c->suite, sizeof(c->suite), "%u", cipher);
	c->password = xasprintf("IPMI_PASSWORD=%s", password ? password : "");
	c->env[0] = c->password;
	c->env[1] = "LC_ALL=C";
	c->env[2] = "TZ=UTC";
	for (size_t i = 0; i < ARRAY_SIZE(head); i++) {
		c->argv[n++] = head[i];
		if (i == 0 && verbose)
			c->argv[n++] = "-v";
	}
	for (size_t i = 0; words[i] && n < ARRAY_SIZE(c->argv) - 1; i++)
		c->argv[n++] = words[i];
}
