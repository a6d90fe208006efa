/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The daemon: keeps this node what its desired state says, proves it, and reports. It
 * goes on doing so while ondold is away.
 */
#pragma once

#include <stdbool.h>

int noded_run(void); /* the daemon; exit status */
/* All proofs of the role, once, for a person at the console; 0 when all hold. */
int noded_prove(bool json);
