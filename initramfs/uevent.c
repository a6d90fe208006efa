/* SPDX-License-Identifier: Apache-2.0 */
#include "initramfs/uevent.h"

int uevent_parse(const char *msg, size_t len, struct uevent *ret)
{
	struct uevent e = {"", "", "", "", "", ""};
	const struct {
		const char *key;
		const char **value;
	} keys[] = {{"ACTION=", &e.action}, {"SUBSYSTEM=", &e.subsystem},
		{"DEVPATH=", &e.devpath}, {"DEVNAME=", &e.devname},
		{"INTERFACE=", &e.interface}, {"MODALIAS=", &e.modalias}};
	size_t first = strnlen(msg, len);

	/* Messages of udev begin with "libudev"; the kernel's have "@" in their first word. */
	if (first == len || !memchr(msg, '@', first))
		return -EBADMSG;
	for (size_t at = first + 1; at < len; at += strnlen(msg + at, len - at) + 1)
		for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
			if (str_startswith(msg + at, keys[i].key))
				*keys[i].value = msg + at + strlen(keys[i].key);
	if (!*e.action || !*e.devpath)
		return -EBADMSG;
	*ret = e;
	return 0;
}
