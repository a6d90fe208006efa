/* SPDX-License-Identifier: Apache-2.0 */
#include "initramfs/nics.h"

#include <net/if_arp.h>

#include "common/sysfs.h"

#define NICS_MAX 64

static int read_mac(const char *dir, struct mac_addr *ret)
{
	_cleanup_free_ char *text = sysfs_attr(dir, "address");

	return text ? parse_mac(text, ret) : -ENOENT;
}

/* A device behind it and Ethernet on it; virtual interfaces have no device. */
static bool is_physical(const char *dir)
{
	return sysfs_exists(dir, "device") &&
		sysfs_attr_u64(dir, "type", 0) == ARPHRD_ETHER;
}

bool nics_has_link(const char *root, const char *interface)
{
	_cleanup_free_ char *dir = xasprintf("%s/sys/class/net/%s", root, interface);

	return sysfs_attr_u64(dir, "carrier", 0) == 1;
}

static void collect(const char *root, const char *dir, const char *name,
	const struct mac_addr *mac, struct inv_nic *nic)
{
	_cleanup_free_ char *device = xasprintf("%s/device", dir);
	uint64_t speed = sysfs_attr_u64(dir, "speed", 0); /* "-1" while unknown: 0 */

	*nic = (struct inv_nic){.name = xstrdup(name),
		.mac = *mac,
		.driver = sysfs_link_name(device, "driver"),
		.link = nics_has_link(root, name),
		.speed_mbps = speed <= 10000000 ? (unsigned)speed : 0};
	if (!nic->driver)
		nic->driver = xstrdup("");
	sysfs_clean(nic->driver, 32);
}

void nics_collect(const char *root, struct inventory *inv)
{
	_cleanup_free_ char *net = xasprintf("%s/sys/class/net", root);
	_cleanup_(sysfs_list_freep) char **names = sysfs_list(net);
	size_t cap = 0;

	for (size_t i = 0; names[i] && inv->n_nics < NICS_MAX; i++) {
		_cleanup_free_ char *dir = xasprintf("%s/%s", net, names[i]);
		struct mac_addr mac;

		if (!is_physical(dir) || read_mac(dir, &mac) < 0)
			continue;
		GROW(inv->nics, inv->n_nics, cap);
		collect(root, dir, names[i], &mac, &inv->nics[inv->n_nics++]);
	}
}

char *nics_name_of(const char *root, const struct mac_addr *mac)
{
	_cleanup_free_ char *net = xasprintf("%s/sys/class/net", root);
	_cleanup_(sysfs_list_freep) char **names = sysfs_list(net);

	for (size_t i = 0; names[i]; i++) {
		_cleanup_free_ char *dir = xasprintf("%s/%s", net, names[i]);
		struct mac_addr found;

		if (is_physical(dir) && read_mac(dir, &found) == 0 &&
			mac_equal(mac, &found))
			return xstrdup(names[i]);
	}
	return NULL;
}
