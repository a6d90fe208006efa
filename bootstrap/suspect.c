/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is to blame, from the last evidence: the further the boot got, the narrower. The words
 * go to people as they are; diagnose.c and the tests know some of them.
 */
#include "bootstrap/suspect.h"

/* clang-format off */
struct hint {
	enum fsm_event event;
	const char *text; /* after "within 6m00s: " */
	bool hopeless; /* another power cycle ends the same way */
};

/* The furthest the boot got comes first. */
static const struct hint netboot_hints[] = {
	{FSM_EV_BOOT_INITRD, "kernel and initramfs were fetched, the agent was not heard. Look at the server's console: a kernel panic, too little memory, or no driver for the NIC", false},
	{FSM_EV_BOOT_KERNEL, "the kernel was fetched, the initramfs was not. Look at the server's console for iPXE's error, and at the network for loss", false},
	{FSM_EV_BOOT_SCRIPT, "iPXE fetched its boot script but not the kernel. Look at the server's console for iPXE's error", false},
	{FSM_EV_DHCP_FOREIGN, "it was offered an address by another DHCP server too. Find that one on the provisioning VLAN and take it off", false},
	{FSM_EV_TFTP_SENT, "iPXE was sent by TFTP, but it did not fetch its boot script. Is TCP to the deployment host's HTTP port open, and Secure Boot off?", false},
	{FSM_EV_TFTP_FAILED, "the TFTP transfer of iPXE broke off. Check the MTU and loss on the provisioning VLAN", false},
	{FSM_EV_DHCP_BIOS, "it asked as a legacy BIOS. Set the server's boot mode to UEFI", true},
	{FSM_EV_DHCP_ACK, "DHCP was answered but nothing was fetched. Is UDP port 69 (TFTP) open to the deployment host?", false},
	{FSM_EV_DHCP_OFFER, "it was offered its address and did not take it. Is there another DHCP server on the provisioning VLAN?", false},
	{FSM_EV_DHCP_DISCOVER, "it asked by DHCP and got no offer. See `ondol why` for dnsmasq's messages", false},
	{FSM_EV_DHCP_OTHER_PORT, "another port of it asked for an address. Are the cables of its first and second NIC port swapped?", true},
};
/* clang-format on */

static const struct hint *netboot_hint(const struct fsm_node *f)
{
	for (size_t i = 0; i < ARRAY_SIZE(netboot_hints); i++)
		if (fsm_seen(f, netboot_hints[i].event))
			return &netboot_hints[i];
	return NULL;
}

bool fsm_is_mendable(const struct fsm_node *f)
{
	const struct hint *hint = f->state == FSM_NETBOOT ? netboot_hint(f) : NULL;

	return !fsm_seen(f, FSM_EV_POWER_REFUSED) && !fsm_seen(f, FSM_EV_ORDER_BLOCKED) &&
		!(hint && hint->hopeless);
}

static void suspect_netboot(const struct fsm_node *f, const struct fsm_names *names,
	const char *waited, char *buf, size_t size)
{
	const struct hint *hint;

	if (fsm_seen(f, FSM_EV_ORDER_BLOCKED)) {
		snprintf(buf, size,
			"it waited %s to boot, but the image cannot be read: see `ondol why`, build "
			"the image, then reinstall the node",
			waited);
		return;
	}
	hint = netboot_hint(f);
	if (hint)
		snprintf(buf, size, "the agent was not up within %s: %s", waited,
			hint->text);
	else
		snprintf(buf, size,
			"no DHCP request from %s within %s: is the NIC's first port cabled to the "
			"provisioning VLAN, and network boot (UEFI, IPv4) on?",
			names->mac, waited);
}

static void suspect_agent(const struct fsm_node *f, const struct fsm_names *names,
	const char *waited, char *buf, size_t size)
{
	if (fsm_seen(f, FSM_EV_ORDER_BLOCKED))
		snprintf(buf, size,
			"the agent waited %s for its order, but the image cannot be read: see "
			"`ondol why`, build the image, then reinstall the node",
			waited);
	else if (!fsm_seen(f, FSM_EV_INVENTORY))
		snprintf(buf, size,
			"the agent came up but sent no inventory within %s: a disk that does "
			"not answer? Look at the server's console",
			waited);
	else
		snprintf(buf, size,
			"the agent sent its inventory but did not fetch its order from %s "
			"within %s: look at the server's console",
			names->server, waited);
}

static void suspect_install(const struct fsm_node *f, const struct fsm_names *names,
	const char *waited, bool stalled, char *buf, size_t size)
{
	if (f->installed)
		snprintf(buf, size,
			"the image is written, but the agent did not start it within %s: "
			"look at the server's console",
			waited);
	else if (stalled)
		snprintf(buf, size,
			"the agent wrote nothing for %s: is the disk failing, or the way to "
			"%s broken? Look at the server's console",
			waited, names->server);
	else
		snprintf(buf, size,
			"the agent was not done within %s although it goes on: the disk or the "
			"network is too slow (or raise `installing` in [deadlines] of rack.ini)",
			waited);
}

/* Which of its two limits a state ran into. */
static bool is_stall(const struct fsm_node *f, const struct fsm_policy *policy)
{
	const struct fsm_limit *l = &policy->limits[f->state];

	return l->stall_ms &&
		(!l->total_ms ||
			f->moved_ms + fsm_stretch(l->stall_ms, policy) <
				f->entered_ms + fsm_stretch(l->total_ms, policy));
}

void fsm_suspect(const struct fsm_node *f, const struct fsm_names *names,
	const struct fsm_policy *policy, uint64_t now_ms, char *buf, size_t size)
{
	bool stalled = is_stall(f, policy);
	char waited[32];

	format_duration(now_ms - (stalled ? f->moved_ms : f->entered_ms), waited);
	switch (f->state) {
	case FSM_POWERING:
		snprintf(buf, size,
			"BMC %s did not say within %s that the server is on: is the server "
			"plugged in, and its BMC idle? See `ondol why`",
			names->bmc, waited);
		return;
	case FSM_NETBOOT:
		suspect_netboot(f, names, waited, buf, size);
		return;
	case FSM_AGENT:
		suspect_agent(f, names, waited, buf, size);
		return;
	case FSM_INSTALLING:
		suspect_install(f, names, waited, stalled, buf, size);
		return;
	case FSM_FIRST_BOOT:
		snprintf(buf, size,
			"the installed system was started but ondol-noded was not heard within "
			"%s: look at the server's console; does it reach %s?",
			waited, names->server);
		return;
	case FSM_CONFIGURING:
		if (names->waits)
			snprintf(
				buf, size, "%s (no change for %s)", names->waits, waited);
		else
			snprintf(buf, size,
				"ondol-noded did not prove the node ready, and told no progress for "
				"%s: `ondol why` shows its last step and which proof is missing",
				waited);
		return;
	case FSM_BMC_RESET:
		snprintf(buf, size, "BMC %s did not answer within %s of its reset",
			names->bmc, waited);
		return;
	case FSM_ENROL:
	case FSM_IDLE:
	case FSM_RETRY:
	case FSM_INVENTORIED:
	case FSM_READY:
	case FSM_FAILED:
	case FSM_MAINTENANCE:
	case FSM_CANCELLED:
	case FSM_N_STATES:
		break;
	}
	snprintf(buf, size, "deadline");
}
