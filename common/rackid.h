/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whose a system disk is. The disk GUID of its GPT (UEFI 2.10, 5.3.2) is a UUID of version 8
 * (RFC 9562, 5.8) that begins with the rack's identity: 60 bits of the digest of the authority
 * that the rack's nodes trust, which never leaves its deployment host. So a disk that another
 * rack's ondol has written is not taken for one of this rack's. Pure, but for the random end.
 */
#pragma once

#include "common/util.h"

#define RACKID_TEXT \
	19 /* "3f2a9c01-77de-8b04" and its end: the first 18 characters of a UUID */

/* authority: SHA-256 of its certificate, hex. -EINVAL */
int rackid_of_authority(const char *authority, char ret[static RACKID_TEXT]);
/* Is it the form of one? */
bool rackid_is_valid(const char *id);
/* A new disk GUID of that rack, lower case. */
void rackid_disk_guid(const char *id, char ret[static 37]);
/* Was the GUID made of this identity? */
bool rackid_made(const char *id, const char *guid);
