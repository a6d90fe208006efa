/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Texts of the network boot: dnsmasq's configuration, its log lines, iPXE's script. Pure.
 */
#pragma once

#include "common/rack.h"

struct pxe_paths {
	const char *pid_file; /* written by dnsmasq */
	const char *tftp_root; /* has the boot loader below */
};

/* The boot loader of UEFI x86-64: FACTS of HPE: snponly works where ipxe.efi stalls. */
#define PXE_LOADER "snponly.efi"

/* dnsmasq.conf for the rack: known MACs only, DHCP and TFTP, no DNS. Caller frees. */
char *pxe_config(const struct rack *rack, const struct pxe_paths *paths);

#define PXE_ARCH_BIOS 0u
#define PXE_ARCH_UNKNOWN UINT32_MAX

enum pxe_line_kind {
	PXE_LINE_OTHER, /* of no interest */
	PXE_LINE_DISCOVER,
	PXE_LINE_OFFER,
	PXE_LINE_REQUEST,
	PXE_LINE_ACK,
	PXE_LINE_FOREIGN, /* a REQUEST for what another DHCP server has offered */
	PXE_LINE_IGNORED, /* a DISCOVER from a MAC that is not configured */
	PXE_LINE_ARCH, /* which firmware asks, by the vendor class of the transaction */
	PXE_LINE_SENT, /* TFTP */
	PXE_LINE_TFTP_FAILED,
	PXE_LINE_TROUBLE, /* dnsmasq itself has a problem: text */
};

struct pxe_line {
	enum pxe_line_kind kind;
	struct mac_addr mac; /* DHCP kinds but ARCH */
	/* OFFER, REQUEST, ACK, FOREIGN: the client's; TFTP: likewise; 0: none */
	uint32_t address;
	unsigned arch; /* ARCH: RFC 4578; else PXE_ARCH_UNKNOWN */
	uint32_t transaction; /* DHCP kinds */
	const char *text; /* borrowed from the line: the message without its prefix */
};

/* Any line is accepted; what is not understood is PXE_LINE_OTHER. */
void pxe_parse_line(const char *line, struct pxe_line *ret);

struct pxe_boot {
	const char *profile; /* image profile */
	const char *kernel, *initrd; /* file names of its manifest */
	const char *token; /* for one enrolment */
	const char *ca_digest; /* SHA-256 of what GET /v1/ca gives, in hex */
	uint64_t time_s; /* ondold's clock */
};

/* The script that starts the agent on a node; caller frees. */
char *pxe_install_script(const struct rack *rack, const struct rack_node *node,
	const struct pxe_boot *boot);
/* The script that has it ask again in a while; caller frees. */
char *pxe_wait_script(const struct rack *rack, const struct rack_node *node);
/* The script that sends a node on to its next boot device. */
const char *pxe_exit_script(void);
