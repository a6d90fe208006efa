/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two tables. The first turns events into signals: an event of this type, with these words
 * in it, was seen. The second turns signals into causes: these were seen, those were not,
 * and the node is in such a state. A new kind of trouble is a line in each. Everything is
 * forgotten when a new run begins, but for what concerns the deployment host.
 */
#include "bootstrap/diagnose.h"

/* noded that came up so often within this time is in a loop */
#define LOOP_UPS 3
#define LOOP_MS 600000
/* A network boot that nobody heard of for so long deserves a word before its deadline. */
#define QUIET_MS 90000

/* clang-format off */
#define SIGNALS(X)                                                                       \
	X(BMC_SILENT) X(BMC_PASSWORD) X(BMC_USER) X(BMC_CIPHER) X(BMC_PRIVILEGE) X(BMC_BUSY) \
	X(POWER_IGNORED) X(BOOT_NOT_KEPT) X(POWERED) X(POWER_OFF)                           \
	X(DISCOVER) X(OFFER) X(ACK) X(BIOS) X(OTHER_PORT) X(FOREIGN_DHCP)                   \
	X(TFTP_SENT) X(TFTP_FAILED) X(SCRIPT) X(KERNEL) X(INITRD)                           \
	X(NO_OFFER) X(PXE_TIMEOUT) X(PANIC) X(OOM) X(IO_ERROR)                              \
	X(AGENT_UP) X(ORDER) X(KEXEC) X(NODED_UP) X(FROM_DISK)                              \
	X(DISK_MISSING) X(DISK_FOREIGN) X(DISK_CHANGED) X(DISK_WRITE)                       \
	X(IMAGE_BAD) X(IMAGE_CUT) X(BLOCKED)                                               \
	X(CLOCK) X(TWICE) X(WRONG_BAY) X(MISMATCH)                                          \
	X(SILENT) X(HEARD) X(SPACE_LOW) X(SPACE_OK) X(DHCP_DOWN) X(DHCP_UP)                 \
	X(NO_ADDRESS) X(ADDRESS) X(STARTED)                                                 \
	X(RETRY) X(BMC_RESET) X(BMC_BACK) X(RESET_IN_VAIN) X(TAKEN_BACK)                    \
	X(ECC) X(CPU) X(POST) X(HEAT) X(COOL) X(PSU) X(PSU_WELL) X(DRIVE)
/* clang-format on */

#define AS_ENUM(id) SIG_##id,
enum signal_ { SIGNALS(AS_ENUM) N_SIGNALS };
#undef AS_ENUM
_Static_assert(N_SIGNALS <= 64, "signals are bits");
#define BIT(id) (UINT64_C(1) << SIG_##id)

struct diagnosis {
	uint64_t seen;
	struct diag_evidence last[N_SIGNALS];
	uint64_t ups_ms[LOOP_UPS]; /* noded's last starts, the newest first */
	uint64_t began_ms; /* of the run; 0: not known */
};

/* ---- events to signals ---- */

/* type: whole, or up to the dot when it ends in one; words NULL: any text. */
static const struct {
	enum signal_ signal;
	const char *type, *words;
} signs[] = {
	{SIG_BMC_SILENT, "power.", "does not answer: is it powered"},
	{SIG_BMC_PASSWORD, "power.", "refuses the password"},
	{SIG_BMC_USER, "power.", "does not know the user"},
	{SIG_BMC_CIPHER, "power.", "refuses cipher suites"},
	{SIG_BMC_PRIVILEGE, "power.", "may not do this"},
	{SIG_BMC_BUSY, "power.", "is busy and stayed so"},
	{SIG_POWER_IGNORED, "power.", "took the command, but after"},
	{SIG_BOOT_NOT_KEPT, "power.", "did not keep \"boot from the network once\""},
	{SIG_POWER_OFF, "power.is", "off"},
	{SIG_POWERED, "power.netboot", NULL},
	{SIG_FOREIGN_DHCP, "dhcp.foreign", NULL},
	{SIG_DISCOVER, "dhcp.discover", NULL},
	{SIG_OFFER, "dhcp.offer", NULL},
	{SIG_ACK, "dhcp.ack", NULL},
	{SIG_BIOS, "dhcp.bios", NULL},
	{SIG_OTHER_PORT, "dhcp.other-port", NULL},
	{SIG_TFTP_SENT, "tftp.sent", NULL},
	{SIG_TFTP_FAILED, "tftp.failed", NULL},
	{SIG_SCRIPT, "boot.script", NULL},
	{SIG_KERNEL, "boot.kernel", NULL},
	{SIG_INITRD, "boot.initrd", NULL},
	{SIG_PANIC, "console.", "Kernel panic"},
	{SIG_OOM, "console.", "Out of memory"},
	{SIG_IO_ERROR, "console.", "I/O error"},
	{SIG_NO_OFFER, "console.", "PXE-E16"},
	/* of DHCP or of TFTP: it says the same of both */
	{SIG_PXE_TIMEOUT, "console.", "PXE-E18"},
	{SIG_NO_OFFER, "console.", "No configuration methods succeeded"},
	/* iPXE's number of a time-out goes on with who waited: 1060 is DHCP, 1260 TFTP, 0a60 TCP */
	{SIG_NO_OFFER, "console.", "Connection timed out (http://ipxe.org/4c1060"},
	{SIG_AGENT_UP, "agent.up", NULL},
	{SIG_ORDER, "order.sent", NULL},
	{SIG_BLOCKED, "order.blocked", NULL},
	{SIG_KEXEC, "agent.kexec", NULL},
	{SIG_CLOCK, "agent.up", "; the clock was"},
	{SIG_NODED_UP, "noded.up", NULL},
	{SIG_FROM_DISK, "state",
		"started its installed system instead of booting from the network"},
	{SIG_DISK_MISSING, "agent.failed", "expected exactly one disk"},
	{SIG_DISK_MISSING, "install.refused", "no disk"},
	{SIG_DISK_FOREIGN, "install.refused", "holds something that is not this rack's"},
	{SIG_DISK_FOREIGN, "agent.failed", "the operator has not named it to be wiped"},
	{SIG_DISK_CHANGED, "install.refused", "since then came"},
	{SIG_DISK_CHANGED, "agent.failed", "has changed since it was looked at"},
	{SIG_DISK_WRITE, "agent.failed", "the disk did not take the image"},
	{SIG_DISK_WRITE, "agent.failed", "cannot be written"},
	{SIG_DISK_WRITE, "agent.failed", "may be failing"},
	{SIG_IMAGE_BAD, "agent.failed", "the image that came is another"},
	{SIG_IMAGE_BAD, "agent.failed", "the image is damaged"},
	{SIG_IMAGE_CUT, "agent.failed", "the image could not be fetched"},
	{SIG_IMAGE_CUT, "agent.failed", "the image ended early"},
	{SIG_TWICE, "identity.mismatch", "two servers say that they are"},
	{SIG_WRONG_BAY, "identity.mismatch", "rack.ini gives to"},
	{SIG_MISMATCH, "identity.mismatch", NULL},
	{SIG_SILENT, "node.silent", NULL},
	{SIG_HEARD, "node.heard", NULL},
	{SIG_SPACE_LOW, "deploy.space-low", NULL},
	{SIG_SPACE_OK, "deploy.space-ok", NULL},
	{SIG_DHCP_DOWN, "dnsmasq.down", NULL},
	{SIG_DHCP_UP, "dnsmasq.up", NULL},
	{SIG_NO_ADDRESS, "http.waiting", NULL},
	{SIG_ADDRESS, "http.up", NULL},
	{SIG_STARTED, "ondold.started", NULL},
	{SIG_RETRY, "state", " -> retrying: "},
	{SIG_BMC_RESET, "state", " -> resetting-bmc"},
	{SIG_BMC_BACK, "bmc.back", NULL},
	{SIG_RESET_IN_VAIN, "state", "resetting its BMC was the last thing to try"},
	{SIG_TAKEN_BACK, "maintenance.off", NULL},
};

/*
 * What of a BMC's event log explains something: the words are those of ipmitool 1.8.19
 * (include/ipmitool/ipmi_sel.h), with selnews.c's around them. also: must be there too,
 * NULL: nothing.
 */
static const struct {
	enum signal_ signal;
	const char *words, *also;
} log_signs[] = {
	{SIG_ECC, "Uncorrectable ECC, asserted", NULL},
	{SIG_ECC, "Memory Device Disabled, asserted", NULL},
	{SIG_CPU, "IERR, asserted", NULL},
	{SIG_CPU, "ncorrectable machine check exception, asserted", NULL},
	{SIG_CPU, "Uncorrectable CPU-complex Error, asserted", NULL},
	{SIG_CPU, "Bus Fatal Error, asserted", NULL},
	{SIG_CPU, "Bus Uncorrectable error, asserted", NULL},
	{SIG_POST, "Hang in POST failure, asserted", NULL},
	{SIG_POST, "BIST failure, asserted", NULL},
	{SIG_POST, "startup/init failure, asserted", NULL},
	{SIG_POST, "Post Error", ", asserted"},
	/* the sensor System Firmwares also tells how far the firmware is, which is no error */
	{SIG_POST, "No system memory installed, asserted", NULL},
	{SIG_POST, "No usable system memory, asserted", NULL},
	{SIG_POST, "Unrecoverable ", ", asserted"},
	{SIG_POST, "BIOS corruption detected, asserted", NULL},
	{SIG_POST, "CPU voltage mismatch, asserted", NULL},
	{SIG_POST, "CPU speed mismatch failure, asserted", NULL},
	{SIG_POST, "Unknown Error, asserted", "System Firmware"},
	{SIG_POST, "Unknown Hang, asserted", "System Firmware"},
	{SIG_HEAT, "Thermal Trip, asserted", NULL},
	{SIG_HEAT, "Critical Overtemperature, asserted", NULL},
	{SIG_HEAT, "Upper Critical going high, asserted", "Temperature"},
	{SIG_HEAT, "Upper Non-recoverable going high, asserted", "Temperature"},
	{SIG_COOL, "Upper Critical going high, deasserted", "Temperature"},
	{SIG_PSU, "Failure detected, asserted", "Power "},
	{SIG_PSU, "AC lost, asserted", NULL},
	{SIG_PSU, "AC lost or out-of-range, asserted", NULL},
	{SIG_PSU, "Redundancy Lost, asserted", "Power "},
	{SIG_PSU, "Soft-power control failure, asserted", NULL},
	{SIG_PSU_WELL, "Fully Redundant, asserted", "Power "},
	{SIG_PSU_WELL, "AC lost, deasserted", NULL},
	{SIG_PSU_WELL, "Failure detected, deasserted", "Power "},
	{SIG_DRIVE, "Drive Fault, asserted", NULL},
	{SIG_DRIVE, "Predictive Failure, asserted", "Drive Slot"},
	{SIG_DRIVE, "In Failed Array, asserted", NULL},
};

/* What was good again makes what was bad before it forgotten. */
static const struct {
	enum signal_ good, bad;
} cures[] = {
	{SIG_HEARD, SIG_SILENT},
	{SIG_SPACE_OK, SIG_SPACE_LOW},
	{SIG_DHCP_UP, SIG_DHCP_DOWN},
	{SIG_ADDRESS, SIG_NO_ADDRESS},
	/* a new ondold looks itself, and says what is still so */
	{SIG_STARTED, SIG_SPACE_LOW},
	{SIG_STARTED, SIG_DHCP_DOWN},
	{SIG_STARTED, SIG_NO_ADDRESS},
	{SIG_POWERED, SIG_POWER_OFF},
	/* of transfers the last counts: firmware asks for the size first, which looks like one */
	{SIG_TFTP_FAILED, SIG_TFTP_SENT},
	{SIG_TFTP_SENT, SIG_TFTP_FAILED},
	{SIG_POWERED, SIG_BMC_SILENT},
	{SIG_POWERED, SIG_BMC_BUSY},
	{SIG_POWERED, SIG_POWER_IGNORED},
	{SIG_TAKEN_BACK, SIG_RESET_IN_VAIN},
	{SIG_COOL, SIG_HEAT},
	{SIG_PSU_WELL, SIG_PSU},
};

#define OF_HOST                                                           \
	(BIT(SPACE_LOW) | BIT(SPACE_OK) | BIT(DHCP_DOWN) | BIT(DHCP_UP) | \
		BIT(NO_ADDRESS) | BIT(ADDRESS))

/* How far a network boot got: of each try anew. */
#define OF_TRY                                                               \
	(BIT(POWERED) | BIT(DISCOVER) | BIT(OFFER) | BIT(ACK) | BIT(BIOS) |  \
		BIT(OTHER_PORT) | BIT(FOREIGN_DHCP) | BIT(TFTP_SENT) |       \
		BIT(TFTP_FAILED) | BIT(SCRIPT) | BIT(KERNEL) | BIT(INITRD) | \
		BIT(NO_OFFER) | BIT(PXE_TIMEOUT) | BIT(PANIC) | BIT(OOM) |   \
		BIT(AGENT_UP) | BIT(BOOT_NOT_KEPT))

static bool type_fits(const char *pattern, const char *type)
{
	size_t len = strlen(pattern);

	return pattern[len - 1] == '.' ? str_startswith(type, pattern)
				       : streq(pattern, type);
}

static void keep(struct diagnosis *d, enum signal_ s, const struct store_event *ev)
{
	struct diag_evidence *e = &d->last[s];

	free(e->type);
	free(e->text);
	*e = (struct diag_evidence){.id = ev->id,
		.time_ms = ev->time_ms,
		.type = xstrdup(ev->type),
		.text = xstrdup(ev->text)};
	d->seen |= UINT64_C(1) << s;
	for (size_t i = 0; i < ARRAY_SIZE(cures); i++)
		if (cures[i].good == s)
			d->seen &= ~(UINT64_C(1) << cures[i].bad);
}

/* A new run begins; only what concerns the deployment host is still true. */
static void begin_run(struct diagnosis *d, uint64_t time_ms)
{
	d->seen &= OF_HOST;
	d->began_ms = time_ms;
	memset(d->ups_ms, 0, sizeof(d->ups_ms));
}

static void count_up(struct diagnosis *d, uint64_t time_ms)
{
	memmove(d->ups_ms + 1, d->ups_ms, sizeof(d->ups_ms) - sizeof(d->ups_ms[0]));
	d->ups_ms[0] = time_ms;
}

void diagnosis_feed(struct diagnosis *d, const struct store_event *ev)
{
	if (streq(ev->type, "install.wanted") || streq(ev->type, "look.wanted") ||
		streq(ev->type, "converge.wanted"))
		begin_run(d, ev->time_ms);
	if (streq(ev->type, "state") && strstr(ev->text, " -> powering"))
		d->seen &= ~OF_TRY;
	for (size_t i = 0; i < ARRAY_SIZE(signs); i++)
		if (type_fits(signs[i].type, ev->type) &&
			(!signs[i].words || strstr(ev->text, signs[i].words)))
			keep(d, signs[i].signal, ev);
	for (size_t i = 0; streq(ev->type, "sel.entry") && i < ARRAY_SIZE(log_signs); i++)
		if (strstr(ev->text, log_signs[i].words) &&
			(!log_signs[i].also || strstr(ev->text, log_signs[i].also)))
			keep(d, log_signs[i].signal, ev);
	if (streq(ev->type, "noded.up"))
		count_up(d, ev->time_ms);
}

/* ---- signals to findings ---- */

#define S(id) (1u << FSM_##id)
#define ANY ((1u << FSM_N_STATES) - 1)
#define PAUSED (S(RETRY) | S(BMC_RESET))
#define RUNNING                                                                          \
	(PAUSED | S(POWERING) | S(NETBOOT) | S(AGENT) | S(INVENTORIED) | S(INSTALLING) | \
		S(FIRST_BOOT) | S(CONFIGURING))
#define UNWELL (RUNNING | S(FAILED) | S(MAINTENANCE))
#define ENDED (S(FAILED) | S(MAINTENANCE) | S(RETRY))

struct rule {
	const char *cause;
	uint64_t needs, lacks; /* signals */
	unsigned states;
	bool (*guard)(const struct diagnosis *d, enum fsm_state state, uint64_t now_ms);
	bool is_note;
	const char *title, *todo;
};

static bool is_looping(
	const struct diagnosis *d, _unused_ enum fsm_state state, uint64_t now_ms)
{
	uint64_t oldest = d->ups_ms[LOOP_UPS - 1];

	return oldest && now_ms - oldest < LOOP_MS;
}

/* Powered on, and for long enough nothing followed; or it was given up. */
static bool is_quiet(const struct diagnosis *d, enum fsm_state state, uint64_t now_ms)
{
	return state != FSM_NETBOOT || now_ms - d->last[SIG_POWERED].time_ms >= QUIET_MS;
}

/* Since the boot from the network was ordered, ondold was started anew. */
static bool in_run(const struct diagnosis *d, _unused_ enum fsm_state state,
	_unused_ uint64_t now_ms)
{
	return d->began_ms && d->last[SIG_STARTED].time_ms > d->began_ms;
}

/* clang-format off */
#define NOT_FORWARDING                                                              \
	"The firmware gave up asking for an address before the switch port carried its " \
	"frames.",                                                                  \
		"Make the port an edge port (spanning-tree portfast) and check its native " \
		"VLAN; a port takes 30 s to forward otherwise. Then reinstall the node."

static const struct rule rules[] = {
	/* the deployment host first: with it everything else fails */
	{"deploy-disk-full", BIT(SPACE_LOW), 0, ANY, NULL, false,
	 "The deployment host is running out of disk space.",
	 "Free space where ondold keeps its state and images (`df -h`; old images, logs). Events cannot be kept and images not built until then."},
	{"dhcp-down", BIT(DHCP_DOWN), 0, UNWELL, NULL, false,
	 "DHCP and TFTP are not served: dnsmasq does not run on the deployment host.",
	 "See the message above. Is another DHCP server already bound to port 67 here (`ss -lunp sport = 67`)? ondold starts dnsmasq again by itself."},
	{"no-address", BIT(NO_ADDRESS), 0, UNWELL, NULL, false,
	 "ondold cannot serve nodes: this host does not have the address of [deploy].",
	 "Give the deployment host the address of [deploy] on its provisioning interface, or correct it in rack.ini."},
	/* the BMC */
	{"bmc-reset-in-vain", BIT(RESET_IN_VAIN), 0, S(MAINTENANCE), NULL, false,
	 "The BMC was reset, the last thing that ondold tries, and still does not do its work. The node is set aside.",
	 "Check the BMC's cable and address, and whether its web page answers. Take the power from the whole server for a minute, at its plugs; that starts a BMC that hangs. Then `ondol maintenance NODE off` and `ondol reinstall NODE`."},
	{"bmc-password", BIT(BMC_PASSWORD), 0, UNWELL, NULL, false,
	 "The BMC refuses the password.",
	 "Correct [bmc] in secrets.ini and `ondol apply`. Sign in to the iLO's web page once with the same user and password; after several refusals it locks the account for a while."},
	{"bmc-user", BIT(BMC_USER), 0, UNWELL, NULL, false,
	 "The BMC does not know the user.",
	 "Create the user in the iLO, or name another one in secrets.ini, then `ondol apply`."},
	{"bmc-privilege", BIT(BMC_PRIVILEGE), 0, UNWELL, NULL, false,
	 "The BMC's user may not switch the power.",
	 "Give the user the privilege ADMINISTRATOR for IPMI over LAN in the iLO."},
	{"bmc-cipher", BIT(BMC_CIPHER), 0, UNWELL, NULL, false,
	 "The BMC refuses the cipher suites that ondold offers (17, then 3).",
	 "Allow cipher suite 17 or 3 in the BMC's IPMI settings; on an iLO 5, Security > Encryption must not be FIPS or CNSA for IPMI. Update its firmware."},
	{"bmc-unreachable", BIT(BMC_SILENT), 0, UNWELL, NULL, false,
	 "The BMC does not answer.",
	 "Ping its address from the deployment host. Is the iLO's cable plugged and its address the one in rack.ini? Is IPMI over LAN (UDP 623) switched on in the iLO, and not blocked between here and there?"},
	{"bmc-busy", BIT(BMC_BUSY), 0, UNWELL, NULL, false,
	 "The BMC is busy and stays so.",
	 "End other IPMI sessions, or reset the BMC from the iLO's web page; the server itself goes on."},
	{"power-ignored", BIT(POWER_IGNORED), 0, UNWELL, NULL, false,
	 "The BMC takes the power command but the server does not follow.",
	 "Is the server plugged in, are both power supplies good (amber light)? Reset the BMC. A DL360 that is still in its power-on delay follows after a minute."},
	/* what the hardware says of itself */
	{"memory-error", BIT(ECC), 0, UNWELL, NULL, false,
	 "The server's memory has an error that it cannot correct.",
	 "Replace the DIMM that the BMC's event log names (`ondol sel NODE`), or take it out and try without; then `ondol reinstall NODE`."},
	{"processor-error", BIT(CPU), 0, UNWELL, NULL, false,
	 "A processor, or the bus behind it, reported a fatal error.",
	 "Take the power from the server for a minute and try again. If it comes back: reseat or replace what the event log names (`ondol sel NODE`), and update the system ROM."},
	{"overheated", BIT(HEAT), 0, UNWELL, NULL, false,
	 "The server is too hot, and may have switched itself off.",
	 "`ondol sensors NODE` shows which sensor. Are all fans turning, the air flow free, the blanks in the empty bays, the room cool? Then power it on again."},
	{"post-error", BIT(POST), 0, UNWELL, NULL, false,
	 "The server's power-on self-test failed.",
	 "Its screen or `ondol console NODE --log` says what it found; the event log names the part (`ondol sel NODE`)."},
	/* who it is */
	{"duplicate-identity", BIT(TWICE), 0, UNWELL, NULL, false,
	 "Two servers say that they are the same one: a serial number or UUID is there twice.",
	 "Set the serial number and product ID in the system firmware (RBSU, Advanced, Advanced Service Options) of the one whose board was replaced. Nothing was written."},
	{"wrong-bay", BIT(WRONG_BAY), 0, UNWELL, NULL, false,
	 "This server is another one of the rack: two of them are swapped, or their cables are.",
	 "`ondol identify` lights both. Swap the servers or their cables, or correct unit, serial and MACs in rack.ini. Nothing was written."},
	{"identity-mismatch", BIT(MISMATCH), BIT(TWICE) | BIT(WRONG_BAY), UNWELL, NULL, false,
	 "The server that came up is not the one that rack.ini describes.",
	 "Compare serial, UUID and MACs with rack.ini; correct it when a board was replaced. Nothing was written."},
	/* the network boot, the furthest it got first */
	{"agent-panic", BIT(PANIC), BIT(NODED_UP), UNWELL, NULL, false,
	 "The kernel panicked.",
	 "The console's lines before the panic say why: `ondol console NODE --log`. A module that is missing, memory that fails, or too little of it (512 MiB are needed)."},
	{"agent-memory", BIT(OOM), BIT(NODED_UP), UNWELL, NULL, false,
	 "The server ran out of memory.",
	 "Does it have the memory that its profile promises? A DIMM that failed its test is left out: see `ondol sel NODE`."},
	{"boots-from-disk", BIT(FROM_DISK), 0, UNWELL, NULL, false,
	 "The server booted its disk instead of the network.",
	 "Put the network first in the server's boot order (RBSU, Boot Options, UEFI Boot Order), then `ondol reinstall NODE`."},
	{"boots-from-disk", BIT(BOOT_NOT_KEPT), BIT(DISCOVER), UNWELL, NULL, false,
	 "The BMC did not keep \"boot from the network once\", and the server did not ask for an address.",
	 "Put the network first in the server's boot order (RBSU, Boot Options, UEFI Boot Order), then `ondol reinstall NODE`."},
	{"legacy-bios", BIT(BIOS), BIT(AGENT_UP), UNWELL, NULL, false,
	 "The server boots as a legacy BIOS.",
	 "Set Boot Mode to UEFI in the server's firmware (RBSU, Boot Options)."},
	{"image-unreadable", BIT(BLOCKED), BIT(ORDER), UNWELL, NULL, false,
	 "The node waits, but its image cannot be read on the deployment host.",
	 "Build the image (`ondol image build`), or correct `image` in rack.ini; a waiting node goes on by itself."},
	{"second-dhcp", BIT(FOREIGN_DHCP), BIT(AGENT_UP), UNWELL, NULL, false,
	 "Another DHCP server answers on the provisioning VLAN.",
	 "Find it: `tcpdump -eni IF port 67` on the deployment host shows its offers with its MAC, by which the switch knows its port. Take it off this VLAN; DHCP snooping keeps it off."},
	{"second-dhcp", BIT(OFFER), BIT(ACK) | BIT(FOREIGN_DHCP) | BIT(SCRIPT) | BIT(AGENT_UP), UNWELL, is_quiet, false,
	 "The server was offered its address and took another: there is a second DHCP server on the provisioning VLAN.",
	 "Find it (`tcpdump -eni IF port 67` shows every offer with the sender's MAC) and take it off this VLAN."},
	{"swapped-ports", BIT(OTHER_PORT), BIT(AGENT_UP), UNWELL, NULL, false,
	 "Another port of the server asks for an address, not its first.",
	 "Swap the cables of its first and second NIC port, or the MACs in rack.ini."},
	{"port-not-forwarding", BIT(NO_OFFER) | BIT(POWERED), BIT(AGENT_UP), UNWELL, NULL, false,
	 NOT_FORWARDING},
	{"port-not-forwarding", BIT(PXE_TIMEOUT) | BIT(POWERED), BIT(ACK) | BIT(AGENT_UP), UNWELL, NULL, false,
	 NOT_FORWARDING},
	{"tftp-blocked", BIT(ACK), BIT(TFTP_SENT) | BIT(TFTP_FAILED) | BIT(SCRIPT) | BIT(AGENT_UP), UNWELL, is_quiet, false,
	 "DHCP was answered, but the server fetched nothing by TFTP.",
	 "Open UDP port 69, and the high ports that TFTP answers from, between this VLAN and the deployment host; is a firewall on (`nft list ruleset`)?"},
	{"tftp-broken", BIT(TFTP_FAILED), BIT(SCRIPT) | BIT(AGENT_UP), UNWELL, is_quiet, false,
	 "The transfer of the boot loader by TFTP broke off.",
	 "Look for loss or an MTU mismatch on the provisioning VLAN (`ping -M do -s 1472` both ways)."},
	{"http-blocked", BIT(TFTP_SENT), BIT(SCRIPT) | BIT(AGENT_UP), UNWELL, is_quiet, false,
	 "The boot loader was sent, but it fetched no boot script over HTTP.",
	 "Open the TCP port of [deploy] on the deployment host. Is Secure Boot on? Then the firmware refuses the loader: switch it off."},
	{"kernel-not-fetched", BIT(SCRIPT), BIT(KERNEL) | BIT(BLOCKED) | BIT(AGENT_UP), UNWELL, is_quiet, false,
	 "The boot script was fetched, the kernel was not.",
	 "The console shows iPXE's error: `ondol console NODE --log`."},
	{"agent-not-heard", BIT(INITRD), BIT(AGENT_UP) | BIT(PANIC) | BIT(OOM), ENDED, NULL, false,
	 "Kernel and agent were fetched, but the agent was never heard.",
	 "The console says why: `ondol console NODE --log`. A NIC without a driver in the initramfs, or too little memory, are the usual causes."},
	{"no-dhcp", BIT(POWERED), BIT(DISCOVER) | BIT(OTHER_PORT) | BIT(SCRIPT) | BIT(NO_OFFER) | BIT(PXE_TIMEOUT) | BIT(AGENT_UP) | BIT(FROM_DISK) | BIT(BOOT_NOT_KEPT), S(NETBOOT) | S(RETRY) | S(FAILED), is_quiet, false,
	 "The server is on, but no DHCP request from it was seen.",
	 "Is the first NIC port cabled to the provisioning VLAN, its link up, its MAC the one in rack.ini, and network boot (UEFI, IPv4) on? `ondol console NODE` shows where it stands."},
	{"power-supply", BIT(PSU), 0, UNWELL, NULL, false,
	 "A power supply has failed, or gets no current.",
	 "Are both plugs in, and on circuits that are live? Replace the supply whose light is amber; the other carries the server meanwhile, but not always through its start."},
	/* the install */
	{"disk-missing", BIT(DISK_MISSING), 0, UNWELL, NULL, false,
	 "The disk that is to be installed is not there, or not the one it was.",
	 "Compare the disks found with rack.ini; reseat the drive, or correct its serial or WWN. Nothing was written."},
	{"disk-changed", BIT(DISK_CHANGED), 0, UNWELL, NULL, false,
	 "The system disk does not hold what it held when it was looked at.",
	 "Who wrote to it in between? Is it the drive that was there before? If what is on it now may be destroyed, name it again with `--wipe`. Nothing was written."},
	{"first-seen", BIT(AGENT_UP), 0, S(INVENTORIED), NULL, true,
	 "An agent has seen its disks for the first time. Nothing is written until that is agreed to and it is its turn.",
	 "Unless that is done: `ondol reinstall NODE` shows its disks and asks; `ondol apply` asks for all that wait; `ondol cancel NODE` ends it."},
	{"disk-foreign", BIT(DISK_FOREIGN), BIT(DISK_CHANGED), UNWELL, NULL, false,
	 "The system disk holds data that is not this rack's.",
	 "Look at what it is. If it may be destroyed, name it: the event says the command. Nothing was written."},
	{"disk-write-error", BIT(DISK_WRITE), 0, UNWELL, NULL, false,
	 "The disk refuses writes: it is failing, or write-protected.",
	 "Replace it (`ondol identify NODE` lights the server; the bay is in the event), then `ondol reinstall NODE`."},
	{"drive-fault", BIT(DRIVE), BIT(DISK_WRITE), UNWELL, NULL, false,
	 "The BMC reports that a drive has failed, or is about to.",
	 "Replace the drive that the event log names (`ondol sel NODE`; its light is amber), then `ondol reinstall NODE`."},
	{"disk-io-error", BIT(IO_ERROR), BIT(DISK_WRITE), UNWELL, NULL, false,
	 "The kernel reports I/O errors of a disk.",
	 "Replace the disk that the console names, then `ondol reinstall NODE`."},
	{"image-checksum", BIT(IMAGE_BAD), 0, UNWELL, NULL, false,
	 "The image that arrived is not the one in the manifest. The node was not made bootable.",
	 "Build the image again (`ondol image build`), then `ondol reinstall NODE`. If it repeats on this node alone, its memory or NIC damages data."},
	{"image-cut", BIT(IMAGE_CUT), 0, UNWELL, NULL, false,
	 "The image broke off on its way.",
	 "Is the link of the node or of the deployment host flapping? `ondol reinstall NODE` begins again."},
	/* the installed system */
	{"noded-loop", BIT(NODED_UP), 0, ANY, is_looping, false,
	 "ondol-noded starts again and again: it crashes, or the server restarts.",
	 "On the node: `journalctl -u ondol-noded -b`; `ondol console NODE --log` shows whether the whole server restarts."},
	{"never-reports", BIT(KEXEC), BIT(NODED_UP) | BIT(PANIC), ENDED, NULL, false,
	 "The installed system was started and never reported.",
	 "`ondol console NODE --log` shows how far it came. Does the node's network in rack.ini reach the deployment host (VLAN, uplink port)?"},
	{"switched-off", BIT(SILENT) | BIT(POWER_OFF), 0, ANY, NULL, false,
	 "The server is off.",
	 "Somebody pressed its button, or it lost power: see `ondol sel NODE`, then `ondol power NODE on`."},
	{"silent", BIT(SILENT), BIT(POWER_OFF), ANY, NULL, false,
	 "The node does not report any more.",
	 "Is its provisioning network up? `ondol console NODE` shows whether the system runs."},
	/* nothing wrong, but good to know */
	{"memory-error", BIT(ECC), 0, S(READY), NULL, true,
	 "The server works, but its memory had an error that it could not correct.",
	 "Replace the DIMM that the event log names (`ondol sel NODE`) before it takes the node down."},
	{"power-supply", BIT(PSU), 0, S(READY), NULL, true,
	 "The server works, but on one power supply.",
	 "Replace the supply whose light is amber, or give it current, before the other fails."},
	{"drive-fault", BIT(DRIVE), 0, S(READY), NULL, true,
	 "The server works, but one of its drives has failed, or is about to.",
	 "Replace the drive that the event log names (`ondol sel NODE`; its light is amber)."},
	{"retrying", BIT(RETRY), 0, S(RETRY), NULL, true,
	 "The node is tried again by itself.",
	 "Nothing yet: `ondol status` says when. `ondol cancel NODE` ends it; rack.ini's `retries` says how often."},
	{"earlier-try-failed", BIT(RETRY), 0, S(IDLE) | S(POWERING) | S(NETBOOT) | S(AGENT) | S(INSTALLING), NULL, true,
	 "This is not the run's first try.",
	 "Nothing, when this one succeeds. When the first of every run fails, look at what the evidence says: a deadline in rack.ini's [deadlines] may be too short."},
	{"bmc-resetting", BIT(BMC_RESET), 0, S(BMC_RESET), NULL, true,
	 "The BMC does not do its work and is being reset, the last thing to try.",
	 "Wait: it takes at most five minutes, and the server itself is not touched. Then the node is powered once more."},
	{"bmc-was-reset", BIT(BMC_BACK), BIT(RESET_IN_VAIN), ANY, NULL, true,
	 "The BMC hung during this run, was reset and came back.",
	 "Nothing once. If it happens again, update the BMC's firmware."},
	{"clock-off", BIT(CLOCK), 0, ANY, NULL, true,
	 "The server's clock was far off; the agent set it.",
	 "If it happens again the board's battery is empty."},
	{"ondold-restarted", BIT(STARTED), 0, ANY, in_run, true,
	 "ondold was restarted during this run, and went on from where it was.",
	 "Nothing: no step is repeated that writes to a disk."},
};
/* clang-format on */

/* The events of the needed signals, oldest first. */
static void add_evidence(
	const struct diagnosis *d, uint64_t needs, struct diag_finding *f)
{
	for (unsigned s = 0; s < N_SIGNALS && f->n_evidence < DIAG_MAX_EVIDENCE; s++) {
		const struct diag_evidence *e = &d->last[s];
		size_t at = f->n_evidence;

		if (!(needs & (UINT64_C(1) << s)))
			continue;
		for (; at > 0 && f->evidence[at - 1]->id > e->id; at--)
			f->evidence[at] = f->evidence[at - 1];
		f->evidence[at] = e;
		f->n_evidence++;
	}
}

static bool has(const struct diag_finding *list, size_t n, const char *cause)
{
	for (size_t i = 0; i < n; i++)
		if (streq(list[i].cause, cause))
			return true;
	return false;
}

size_t diagnosis_findings(const struct diagnosis *d, enum fsm_state state,
	uint64_t now_ms, struct diag_finding ret[static DIAG_MAX_FINDINGS])
{
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(rules) && n < DIAG_MAX_FINDINGS; i++) {
		const struct rule *r = &rules[i];

		if ((d->seen & r->needs) != r->needs || (d->seen & r->lacks) ||
			!(r->states & (1u << state)) || has(ret, n, r->cause) ||
			(r->guard && !r->guard(d, state, now_ms)))
			continue;
		ret[n] = (struct diag_finding){.cause = r->cause,
			.title = r->title,
			.todo = r->todo,
			.is_note = r->is_note};
		add_evidence(d, r->needs, &ret[n]);
		n++;
	}
	return n;
}

/* ---- life ---- */

struct diagnosis *diagnosis_new(void)
{
	return xcalloc(1, sizeof(struct diagnosis));
}

void diagnosis_free(struct diagnosis *d)
{
	if (!d)
		return;
	for (unsigned s = 0; s < N_SIGNALS; s++) {
		free(d->last[s].type);
		free(d->last[s].text);
	}
	free(d);
}

void diagnosis_freep(struct diagnosis **d)
{
	diagnosis_free(*d);
}
