/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How much longer than usual this node may take for what it does: ondold's ONDOL_PATIENCE,
 * which comes with the desired state, for machines that are emulated or very busy. It is
 * kept in the environment, so that the children that do the work have it too.
 */
#pragma once

#include "common/order.h"

#define PATIENCE_VARIABLE "ONDOL_PATIENCE"

/* From now on, for this process and the children it starts. Not for use beside threads. */
void patience_set(unsigned percent);
/* A deadline of so long, stretched; unchanged when nothing (or nonsense) is set. */
unsigned patience_ms(unsigned ms);
