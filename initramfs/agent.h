/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Install mode: from the first driver to an order carried out. Never returns while the
 * node runs: what fails is told, on the console and to ondold, and tried again.
 */
#pragma once

#include "images/cmdline.h"

void agent_run(const struct boot_args *args) __attribute__((noreturn));
