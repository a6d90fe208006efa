/* SPDX-License-Identifier: Apache-2.0 */
/* Where ondold puts the certificate of the rack's authority: beside its socket. */
#pragma once

#include "common/util.h"

static inline char *cloud_ca_path(const char *socket)
{
	const char *slash = strrchr(socket, '/');

	return xasprintf("%.*sca.pem", slash ? (int)(slash - socket + 1) : 0, socket);
}
