/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Services name their host by its host name, with a domain or without, and backends as
 * host@backend#pool. Node names are host names without a dot, so the part up to the first
 * of these characters decides.
 */
#include "cloud/hosts.h"

bool cloud_has(const struct desired *d, const char *service)
{
	return d->cloud && strv_has(d->cloud->services, service);
}

bool cloud_peer_is(const struct desired_peer *p, const char *role, const char *kind)
{
	return streq(p->role, role) && (!kind || streq(p->kind, kind));
}

bool cloud_host_is(const char *host, const char *node)
{
	size_t n = strcspn(host, ".@#");

	return n > 0 && strlen(node) == n && strncmp(host, node, n) == 0;
}

const struct desired_peer *cloud_peer_of(const struct desired *d, const char *host)
{
	for (size_t i = 0; i < d->n_peers; i++)
		if (cloud_host_is(host, d->peers[i].name))
			return &d->peers[i];
	return NULL;
}

const struct desired_peer *cloud_controller(const struct desired *d)
{
	for (size_t i = 0; i < d->n_peers; i++)
		if (cloud_peer_is(&d->peers[i], "controller", NULL))
			return &d->peers[i];
	return NULL;
}

uint32_t cloud_address(const struct desired_peer *p, const char *network)
{
	uint32_t a = desired_peer_address(p, network);

	if (!a)
		a = desired_peer_address(p, "management");
	if (!a)
		a = p->management;
	return a;
}
