/* SPDX-License-Identifier: Apache-2.0 */
#include "initramfs/statefs.h"

#include <sys/stat.h>

char *statefs_node_ini(
	const char *node, const char *server, const struct install_order *order)
{
	return xasprintf("[node]\nname = %s\nserver = %s\ntoken = %s\nimage = %s\n", node,
		server, order->node_token, order->image.version);
}

static int put(const char *upper, const char *name, const char *text, unsigned mode)
{
	_cleanup_free_ char *path = xasprintf("%s/etc/%s", upper, name);

	return write_file_atomic(path, text, strlen(text), mode);
}

int statefs_fill(const char *state_dir, const char *slot, const char *node,
	const char *server, const struct install_order *order, char **reterr_msg)
{
	_cleanup_free_ char *upper = xasprintf("%s/root/%s/upper", state_dir, slot);
	_cleanup_free_ char *work = xasprintf("%s/root/%s/work", state_dir, slot);
	_cleanup_free_ char *ondol = xasprintf("%s/etc/ondol", upper);
	_cleanup_free_ char *ini = statefs_node_ini(node, server, order);
	_cleanup_free_ char *json = json_dumps(order->desired, JSON_INDENT(2));
	_cleanup_free_ char *desired = xasprintf("%s\n", json ? json : "null");
	_cleanup_free_ char *hostname = xasprintf("%s\n", node);
	int r = mkdir_p(ondol, 0755);

	if (r == 0)
		r = mkdir_p(work, 0755);
	if (r == 0)
		r = put(upper, "ondol/node.ini", ini, 0600);
	if (r == 0)
		r = put(upper, "ondol/desired.json", desired, 0600);
	if (r == 0)
		r = put(upper, "hostname", hostname, 0644);
	explicit_bzero(ini, strlen(ini));
	explicit_bzero(desired, strlen(desired)); /* it may hold secrets */
	if (json)
		explicit_bzero(json, strlen(json));
	if (r < 0)
		*reterr_msg =
			xasprintf("the node's identity cannot be written to the state "
				  "partition: %s",
				strerror(-r));
	return r;
}
