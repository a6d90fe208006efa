/* SPDX-License-Identifier: Apache-2.0 */
/* For programs whose memory holds passwords and private keys: they leave no core dump. */
#pragma once

/*
 * From here on a crash of this process writes no core dump, and none of a program that it
 * starts does, ipmitool with a password in its environment among them. The first thing in
 * main(). Cannot fail in a way that anybody could mend; what the kernel refuses is logged.
 */
void nodump(void);
