/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kernel names of NICs move with BIOS updates and cards; the MAC printed on the card does
 * not. The present MAC may have been changed by whoever took the NIC into a bond, so the
 * permanent one counts where the driver has it.
 */
#include "netconf/nic.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

int nic_permanent_mac(const char *name, struct mac_addr *ret)
{
	static const struct mac_addr none;
	_cleanup_close_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	union {
		struct ethtool_perm_addr head;
		uint8_t space[sizeof(struct ethtool_perm_addr) + 32];
	} req = {.head = {.cmd = ETHTOOL_GPERMADDR, .size = 32}};
	struct ifreq ifr = {.ifr_data = (void *)&req};
	struct mac_addr mac;

	if (fd < 0)
		return -errno;
	if (strlen(name) >= sizeof(ifr.ifr_name))
		return -EINVAL;
	memcpy(ifr.ifr_name, name, strlen(name) + 1);
	if (ioctl(fd, SIOCETHTOOL, &ifr) < 0)
		return -errno;
	if (req.head.size != sizeof(mac.b))
		return -ENODATA;
	memcpy(mac.b, req.space + sizeof(struct ethtool_perm_addr), sizeof(mac.b));
	if (mac_equal(&mac, &none))
		return -ENODATA;
	*ret = mac;
	return 0;
}

static bool has(const char *dir, const char *name, const char *file)
{
	_cleanup_free_ char *path = xasprintf("%s/%s/%s", dir, name, file);

	return access(path, F_OK) == 0;
}

static bool read_attr(const char *dir, const char *name, const char *file, char **ret)
{
	_cleanup_free_ char *path = xasprintf("%s/%s/%s", dir, name, file);

	return read_line_file(path, ret) == 0;
}

/* DEVTYPE= of uevent: "vlan", "bridge", "bond", "vxlan", "wlan", ...; NICs have none. */
static bool has_devtype(const char *dir, const char *name)
{
	_cleanup_free_ char *path = xasprintf("%s/%s/uevent", dir, name), *text = NULL;

	return read_file(path, 4096, &text, NULL) == 0 && strstr(text, "DEVTYPE=");
}

static bool is_ethernet(const char *dir, const char *name)
{
	_cleanup_free_ char *type = NULL;

	return read_attr(dir, name, "type", &type) && atoi(type) == ARPHRD_ETHER;
}

static bool is_nic(const char *dir, const char *name)
{
	if (!is_ethernet(dir, name))
		return false;
	if (has(dir, name, "device"))
		return true;
	return !has(dir, name, "tun_flags") && !has(dir, name, "bridge") &&
		!has(dir, name, "bonding") && !has_devtype(dir, name);
}

static bool nic_mac(const char *dir, const char *name, nic_permanent_fn permanent,
	struct mac_addr *ret)
{
	_cleanup_free_ char *text = NULL;

	if (permanent && permanent(name, ret) == 0)
		return true;
	return read_attr(dir, name, "address", &text) && parse_mac(text, ret) == 0;
}

struct search {
	char *device, *other; /* owned: the match with and without a device below it */
	unsigned n_device, n_other;
	char *seen; /* owned: "eth0 94:40:..., eth1 ..." */
};

static void search_clear(struct search *s)
{
	free(s->device);
	free(s->other);
	free(s->seen);
}

static void remember(char **slot, const char *fmt_sep, const char *text)
{
	char *longer =
		xasprintf("%s%s%s", *slot ? *slot : "", *slot ? fmt_sep : "", text);

	free(*slot);
	*slot = longer;
}

static void look_at(struct search *s, const char *dir, const char *name,
	const struct mac_addr *mac, nic_permanent_fn permanent)
{
	_cleanup_free_ char *text = NULL;
	struct mac_addr found;
	char buf[18];

	if (!is_nic(dir, name) || !nic_mac(dir, name, permanent, &found))
		return;
	format_mac(&found, buf);
	text = xasprintf("%s %s", name, buf);
	remember(&s->seen, ", ", text);
	if (!mac_equal(&found, mac))
		return;
	if (has(dir, name, "device")) {
		remember(&s->device, ", ", name);
		s->n_device++;
	} else {
		remember(&s->other, ", ", name);
		s->n_other++;
	}
}

static int judge(
	struct search *s, const struct mac_addr *mac, char **ret, char **reterr_msg)
{
	char buf[18];

	format_mac(mac, buf);
	if (s->n_device == 1 || (s->n_device == 0 && s->n_other == 1)) {
		*ret = s->n_device ? TAKE_PTR(s->device) : TAKE_PTR(s->other);
		return 0;
	}
	if (s->n_device + s->n_other == 0) {
		*reterr_msg = xasprintf("no NIC has the MAC %s; this server has: %s", buf,
			s->seen ? s->seen : "none");
		return -ENOENT;
	}
	*reterr_msg = xasprintf("several NICs have the MAC %s: %s", buf,
		s->n_device ? s->device : s->other);
	return -ENOTUNIQ;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

int nic_find(const char *sysfs, const struct mac_addr *mac, nic_permanent_fn permanent,
	bool (*is_virtual)(const char *name, void *userdata), void *userdata, char **ret,
	char **reterr_msg)
{
	_cleanup_free_ char *dir = xasprintf("%s/class/net", sysfs);
	_cleanup_(search_clear) struct search s = {0};
	struct dirent **entries;
	int n = scandir(dir, &entries, NULL, by_name);

	if (n < 0) {
		n = -errno;
		*reterr_msg =
			xasprintf("cannot list the NICs in %s: %s", dir, strerror(-n));
		return n;
	}
	for (int i = 0; i < n; i++) {
		const char *name = entries[i]->d_name;

		if (name[0] != '.' && !(is_virtual && is_virtual(name, userdata)))
			look_at(&s, dir, name, mac, permanent);
		free(entries[i]);
	}
	free(entries);
	return judge(&s, mac, ret, reterr_msg);
}
