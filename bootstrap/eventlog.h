/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events in the log. Each goes to the journal, with ONDOL_NODE=, ONDOL_EVENT= and
 * ONDOL_SOURCE=; those that people are to see without asking have a level over debug, and
 * those that one searches for have a MESSAGE_ID=: docs/ondold.8.scd names them.
 */
#pragma once

#include "bootstrap/store.h"

/* Made once with `systemd-id128 new`; never to be changed. */
#define EVENTLOG_STARTED "a172bb3853884083a5e3ebf1c43170ee"
#define EVENTLOG_RACK_TAKEN "56d8e788c1f1485e8879eea875bf34e8"
#define EVENTLOG_NODE_READY "4a844eac86ac4365be73e6b43a0247b3"
#define EVENTLOG_NODE_FAILED "177e3197d7494de9830aadd0d4164e67"
#define EVENTLOG_NODE_SILENT "c1e7a899f4d5422e9a152f125779ed40"
#define EVENTLOG_SPACE_LOW "a372f22be2854628a58b66b586aa5d62"

void eventlog(const struct store_event *ev);
