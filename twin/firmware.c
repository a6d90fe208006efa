/* SPDX-License-Identifier: Apache-2.0 */
#include "twin/firmware.h"

#include <poll.h>

#include "common/http.h"
#include "common/log.h"
#include "twin/cable.h"
#include "twin/installer.h"
#include "twin/ipxe.h"

#define CONNECT_MS 5000
#define EXCHANGE_MS 15000
#define STALL_MS 15000
#define ROUND_PAUSE_MS 5000 /* nothing starts: the boot order again */

static void pause_ms(unsigned ms)
{
	(void)poll(NULL, 0, (int)ms);
}

static int fetch_script(const char *url, struct ipxe *ret)
{
	_cleanup_(http_response_clear) struct http_response resp = {0};
	_cleanup_free_ char *why = NULL;
	struct http_request req = {.method = "GET",
		.url = url,
		.connect_timeout_ms = CONNECT_MS,
		.timeout_ms = EXCHANGE_MS};
	int r = http_do(&req, &resp, &why);

	if (r == 0 && resp.status != 200) {
		why = xasprintf("the server answered %u", resp.status);
		r = -ENOENT;
	}
	if (r == 0)
		r = ipxe_parse(resp.body, ret, &why);
	if (r < 0)
		log_info("network boot: %s: %s", url, why ? why : strerror(-r));
	return r;
}

static int drop(_unused_ const void *data, _unused_ size_t len, _unused_ void *userdata)
{
	return 0;
}

/* A network boot loader has read what it starts; here that is all that comes of it. */
static int fetch_file(const char *url)
{
	_cleanup_(http_response_clear) struct http_response resp = {0};
	_cleanup_free_ char *why = NULL;
	struct http_request req = {.method = "GET",
		.url = url,
		.connect_timeout_ms = CONNECT_MS,
		.stall_timeout_ms = STALL_MS,
		.on_data = drop};
	int r = http_do(&req, &resp, &why);

	if (r == 0 && resp.status != 200)
		r = -ENOENT;
	if (r < 0)
		log_info("network boot: %s: %s", url, why ? why : strerror(-r));
	return r;
}

/* The kernel of the script is the agent's, or the server would be installed by a stranger. */
static int start_kernel(
	const struct twin_plan *p, const struct twin_node *n, const struct ipxe *script)
{
	_cleanup_(boot_args_freep) struct boot_args *args = NULL;
	_cleanup_free_ char *why = NULL;
	int r = fetch_file(script->kernel);

	if (r == 0 && script->initrd)
		r = fetch_file(script->initrd);
	if (r == 0) {
		r = boot_args_parse(script->cmdline, &args, &why);
		if (r == 0 && args->mode != BOOT_MODE_INSTALL)
			r = -EINVAL;
		if (r < 0)
			log_error(
				"the kernel cannot start: %s", why ? why : strerror(-r));
	}
	if (r == 0)
		installer_run(p, n, args);
	return r;
}

static bool boot_from_network(const struct twin_plan *p, const struct twin_node *n)
{
	_cleanup_free_ char *url = NULL, *why = NULL;
	char server[16], mac[18];
	bool started = false, again = true;

	format_ipv4(p->rack->address, server);
	format_mac(&n->nics[0].mac, mac);
	url = xasprintf("http://%s:%u/boot/%s", server, p->rack->http_port, mac);
	log_info("firmware: network boot on %s", mac);
	if (cable_address(p, n, &why) < 0) {
		log_error("%s", why);
		return false;
	}
	while (again && !started) {
		_cleanup_(ipxe_clear) struct ipxe script = {0};

		again = fetch_script(url, &script) == 0 && script.end != IPXE_EXIT;
		if (!again)
			break;
		started = script.end == IPXE_BOOT && start_kernel(p, n, &script) == 0;
		if (!started)
			pause_ms(MAX(script.pause_s * 1000, ROUND_PAUSE_MS));
	}
	if (cable_no_address(&why) < 0)
		log_error("%s", why);
	return started;
}

static bool boot_from_disk(const struct twin_node *n)
{
	if (installer_is_installed(n))
		return true;
	log_info("firmware: no system on the disks");
	return false;
}

void firmware_run(
	const struct twin_plan *p, const struct twin_node *n, enum boot_device first)
{
	for (;;) {
		if (first == BOOT_DISK && boot_from_disk(n))
			return;
		if (boot_from_network(p, n))
			return;
		if (first != BOOT_DISK && boot_from_disk(n))
			return;
		pause_ms(ROUND_PAUSE_MS);
	}
}
