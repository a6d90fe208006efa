/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a container is no machine: files laid into a freshly installed node so that its
 * hypervisor works there. The product does not know of them.
 */
#pragma once

/* upper: the upper half of the root's overlay. -errno with *reterr_msg; caller frees. */
int fit_apply(const char *upper, char **reterr_msg);
