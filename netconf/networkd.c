/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reload answers when the files have been read; the links are configured later, which is
 * seen in the kernel (kernel.h) and not asked for here.
 */
#include "netconf/networkd.h"

#include <jansson.h>

#define SERVICE "org.freedesktop.network1"
#define MANAGER_PATH "/org/freedesktop/network1"
#define MANAGER SERVICE ".Manager"
#define CALL_TIMEOUT_US (10 * 1000 * 1000)

static bool has_owner(sd_bus *bus)
{
	sd_bus_message *reply = NULL;
	int yes = 0;

	if (sd_bus_call_method(bus, "org.freedesktop.DBus", "/org/freedesktop/DBus",
		    "org.freedesktop.DBus", "NameHasOwner", NULL, &reply, "s",
		    SERVICE) < 0 ||
		sd_bus_message_read(reply, "b", &yes) < 0)
		yes = 0;
	sd_bus_message_unref(reply);
	return yes;
}

int networkd_connect(sd_bus **ret)
{
	sd_bus *bus = NULL;

	if (sd_bus_open_system(&bus) < 0)
		return -ENOENT;
	sd_bus_set_method_call_timeout(bus, CALL_TIMEOUT_US);
	if (!has_owner(bus)) {
		networkd_close(bus);
		return -ENOENT;
	}
	*ret = bus;
	return 0;
}

void networkd_close(sd_bus *bus)
{
	sd_bus_flush_close_unref(bus);
}

static int refused(int r, const char *what, sd_bus_error *e, char **reterr_msg)
{
	if (r >= 0)
		return 0;
	*reterr_msg = xasprintf("systemd-networkd refused to %s: %s", what,
		e->message ? e->message : strerror(-r));
	sd_bus_error_free(e);
	return r;
}

int networkd_reload(sd_bus *bus, char **reterr_msg)
{
	sd_bus_error e = SD_BUS_ERROR_NULL;
	int r = sd_bus_call_method(
		bus, SERVICE, MANAGER_PATH, MANAGER, "Reload", &e, NULL, "");

	return refused(r, "reload its files", &e, reterr_msg);
}

int networkd_reconfigure(sd_bus *bus, int ifindex, char **reterr_msg)
{
	sd_bus_error e = SD_BUS_ERROR_NULL;
	int r = sd_bus_call_method(bus, SERVICE, MANAGER_PATH, MANAGER, "ReconfigureLink",
		&e, NULL, "i", ifindex);

	/*
	 * A link so new that it does not know it yet is configured when it does. (The name
	 * of the error is resolved's; networkd borrows it.)
	 */
	if (sd_bus_error_has_name(&e, "org.freedesktop.resolve1.NoSuchLink")) {
		sd_bus_error_free(&e);
		return 0;
	}
	return refused(r, "configure a link again", &e, reterr_msg);
}

char *networkd_explain(sd_bus *bus, int ifindex)
{
	sd_bus_message *reply = NULL;
	const char *text, *state, *file;
	json_t *link = NULL;
	char *answer;

	if (sd_bus_call_method(bus, SERVICE, MANAGER_PATH, MANAGER, "DescribeLink", NULL,
		    &reply, "i", ifindex) >= 0 &&
		sd_bus_message_read(reply, "s", &text) >= 0)
		link = json_loads(text, 0, NULL);
	state = json_string_value(json_object_get(link, "AdministrativeState"));
	file = json_string_value(json_object_get(link, "NetworkFile"));
	answer = xasprintf(
		"%s, by %s", state ? state : "unknown", file ? file : "no file");
	json_decref(link);
	sd_bus_message_unref(reply);
	return answer;
}
