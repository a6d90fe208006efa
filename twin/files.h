/* SPDX-License-Identifier: Apache-2.0 */
/* The files that must be there before a node can start: drives, NVRAM, directories. */
#pragma once

#include "twin/plan.h"

/* Drives and NVRAM that are there from an earlier time are kept. *reterr_msg on failure. */
int files_make(const struct twin_plan *p, char **reterr_msg);
/* A fresh copy of the firmware's variables at path, unless one is there. */
int files_make_nvram(const char *path, char **reterr_msg);
