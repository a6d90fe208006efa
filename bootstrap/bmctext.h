/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What ipmitool tells of a BMC's sensors and event log, read strictly into the JSON that
 * docs/protocol.md shows. Pure. Names are the BMC's own: bytes beyond ASCII become \xNN.
 */
#pragma once

#include <jansson.h>

#include "common/util.h"

/*
 * `ipmitool sensor`: an array, in the BMC's order. Lines that are not a sensor's row (a
 * complaint about one) are left out and counted in *ret_unread. -EBADMSG: not one row in a
 * text that is not empty.
 */
int sensors_parse(const char *text, json_t **ret, size_t *ret_unread);
/*
 * `ipmitool -c -Z sel elist`, in UTC and the C locale: an array, oldest first. As above;
 * an empty log is an empty array.
 */
int sel_parse(const char *text, json_t **ret, size_t *ret_unread);
