/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libvirt's event handles and timers inside sd-event. libvirt keeps one implementation a
 * process, without userdata, so the loop is set once, before the first connection, and
 * is never changed after. For programs with one thread.
 */
#pragma once

#include <systemd/sd-event.h>

int virtloop_register(sd_event *event); /* 0 or -errno; keeps a reference */
