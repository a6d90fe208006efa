/* SPDX-License-Identifier: Apache-2.0 */
#include "initramfs/statefs.h"

#include <sys/stat.h>

#define MAX_PEM 65536

char *statefs_node_ini(const struct statefs_node *node, const struct install_order *order)
{
	return xasprintf("[node]\nname = %s\nserver = %s\nimage = %s\n", node->name,
		node->api, order->image.version);
}

static int put(const char *upper, const char *name, const char *text, unsigned mode)
{
	_cleanup_free_ char *path = xasprintf("%s/etc/%s", upper, name);

	return write_file_atomic(path, text, strlen(text), mode);
}

static int copy(const char *upper, const char *name, const char *from)
{
	_cleanup_secret_ char *text = NULL;
	int r = read_file(from, MAX_PEM, &text, NULL);

	return r == 0 ? put(upper, name, text, 0600) : r;
}

static int put_identity(const char *upper, const struct http_identity *id)
{
	int r = copy(upper, "ondol/ca.pem", id->ca);

	return r == 0 ? copy(upper, "ondol/node.pem", id->cert) : r;
}

int statefs_fill(const char *state_dir, const struct statefs_node *node,
	const struct install_order *order, char **reterr_msg)
{
	_cleanup_free_ char *upper = xasprintf("%s/" STATEFS_UPPER, state_dir);
	_cleanup_free_ char *work = xasprintf("%s/" STATEFS_WORK, state_dir);
	_cleanup_free_ char *ondol = xasprintf("%s/etc/ondol", upper);
	_cleanup_free_ char *ini = statefs_node_ini(node, order);
	_cleanup_secret_ char *json = json_dumps(order->desired, JSON_INDENT(2));
	_cleanup_secret_ char *desired = xasprintf("%s\n", json ? json : "null");
	_cleanup_free_ char *hostname = xasprintf("%s\n", node->name);
	int r = mkdir_p(ondol, 0755);

	if (r == 0)
		r = mkdir_p(work, 0755);
	if (r == 0)
		r = put(upper, "ondol/node.ini", ini, 0600);
	if (r == 0)
		r = put_identity(upper, node->identity);
	if (r == 0)
		r = put(upper, "ondol/desired.json", desired, 0600);
	if (r == 0)
		r = put(upper, "hostname", hostname, 0644);
	if (r < 0)
		*reterr_msg =
			xasprintf("the node's identity cannot be written to the state "
				  "partition: %s",
				strerror(-r));
	return r;
}
