/* SPDX-License-Identifier: Apache-2.0 */
/* Where an installed node keeps what ondol-noded reads and writes. */
#pragma once

#define NODE_INI "/etc/ondol/node.ini"
#define NODE_DESIRED "/etc/ondol/desired.json"
#define NODE_APPLIED "/var/lib/ondol/noded.json"
#define NODE_UPDATE "/var/lib/ondol/update.json" /* the image that is tried */
#define NODE_STATE "/run/ondol/noded.json" /* for `ondol-noded status` */
#define NODE_RUN_DIR "/run/ondol"

#define GUEST_KERNEL "/boot/vmlinuz"
#define GUEST_INITRD "/usr/lib/ondol/probe-initrd.img"
#define GUEST_LOG NODE_RUN_DIR "/probe-guest.log"

#define NODE_VAR "/var/lib/ondol"
#define NODE_DONE NODE_VAR "/done" /* markers of one-shot steps */
#define NODE_SCHEMAS "/usr/share/ondol/schema"
#define NODE_CLOUD NODE_RUN_DIR "/cloud.json" /* what the cloud's APIs said last */
/* Keystone's tokens, between workers; 0600 */
#define NODE_TOKEN NODE_RUN_DIR "/token-%s.json" /* of that user */
