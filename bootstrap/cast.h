/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The image for several nodes at once: sent by multicast (images/cast.h) to those whose agents
 * listen, round and round until each that listens has been sent all of it, and once more while they
 * lack more than one image together. What a node did not get it fetches by itself; nothing here
 * waits for anybody. The pace follows what most of them take in. In sd-event; the only thing that
 * may block is reading the image file.
 */
#pragma once

#include "bootstrap/ondold.h"
#include "images/cast.h"
#include "common/orderimage.h"
#include "images/manifest.h"

struct caster;

struct caster *caster_new(struct ondold *o);
void caster_free(struct caster *c); /* NULL is fine */
/*
 * Are there others to whom it would go as well? Then where to listen goes into the order's
 * image, for order_image_clear.
 */
void caster_offer(
	struct node *n, const struct image_manifest *m, struct order_image *image);
/* Its agent listens. Sending begins when nobody has come for a while. */
void caster_listens(struct node *n);
/* Datagrams that came to it and that did not, since it began to listen. */
void caster_heard(struct node *n, uint64_t come, uint64_t lost);
/* It listens no more, for whatever reason; also for a node that never did. */
void caster_left(const struct node *n);
