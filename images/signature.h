/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who made an image, and that none older than allowed is taken. An image's manifest.json is
 * signed (Ed25519, RFC 8032), manifest.sig is the signature. A node takes only what a key has
 * signed that the image it runs carries (the agent: its initramfs), and nothing older than that
 * image's floor. Small files, no blocking but theirs.
 */
#pragma once

#include "common/orderimage.h"

#define IMAGE_SIGNATURE_BYTES 64
#define IMAGE_MANIFEST_SIG "manifest.sig" /* beside manifest.json */
#define IMAGE_MAX_KEYS (16 * 1024) /* bytes of a file of public keys */
#define IMAGE_MAX_SERIAL UINT64_C(999912312359) /* minutes of UTC: YYYYMMDDhhmm */
/* in an image and in its initramfs: public keys (PEM), and the lowest serial (digits) */
#define IMAGE_KEYS "usr/share/ondol/image-keys.pem"
#define IMAGE_FLOOR "usr/share/ondol/image-floor"

enum image_signature_error { /* positive results of this module */
	IMAGE_SIGNATURE_E_KEYS = 1, /* keys cannot be read as public keys in PEM */
	IMAGE_SIGNATURE_E_WRONG, /* none of the keys made it over these bytes */
};

/*
 * keys: public keys in PEM (RFC 7468), one after the other; *ret_key (may be NULL) is the
 * id of the one that signed, caller frees. 0, an image_signature_error or -errno.
 */
int image_signature_check(const char *keys, const void *data, size_t len,
	const uint8_t signature[static IMAGE_SIGNATURE_BYTES], char **ret_key);
/*
 * May this image be made bootable here? The keys and the floor are those below root ("" or a
 * folder). An image that was built without keys demands nothing. 0, -EKEYREJECTED (not signed,
 * by another key, or something of the order is not what was signed), -ESTALE (older than the
 * floor) or another -errno, with *reterr_msg.
 */
int image_trusted(const char *root, const struct order_image *im, char **reterr_msg);
