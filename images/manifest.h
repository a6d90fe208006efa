/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An image profile on the deployment host: the directory that build-image made, described
 * by its manifest.json (docs/protocol.md). Reads and stats files; image_manifest_verify
 * reads the whole image (a second for each 500 MB) and is for a thread or a command.
 */
#pragma once

#include "common/util.h"

#define IMAGE_MAX_RAW_BYTES (8ULL << 30) /* a root slot */
#define IMAGE_MAX_BOOT_BYTES \
	(200ULL << 20) /* kernel or initrd: two of each fit the ESP */

enum image_manifest_error { /* positive results of this module */
	IMAGE_MANIFEST_E_INVALID =
		1, /* manifest.json is not what docs/protocol.md says */
	IMAGE_MANIFEST_E_MISSING, /* the directory lacks a file (manifest.json too) */
	IMAGE_MANIFEST_E_SIZE, /* a file is not of the size stated */
	IMAGE_MANIFEST_E_DIGEST, /* a file is not the one stated */
	IMAGE_MANIFEST_E_SIGNATURE, /* not signed by a key that the image itself names */
};

struct image_file {
	char *name; /* owned; a plain file name: no '/', no leading dot */
	char sha256[65]; /* lower case */
	uint64_t size_bytes;
};

struct image_manifest {
	char *dir; /* owned; as given to image_manifest_load, NULL after _parse */
	char *profile; /* owned */
	char *version; /* owned */
	uint64_t
		serial; /* YYYYMMDDhhmm of its build, UTC; 0: built before there were any */
	struct image_file kernel, initrd, root;
	uint64_t raw_bytes; /* of the root, decompressed: what is written to a slot */
	char raw_sha256[65]; /* of that; "" when it has no list of blocks */
	struct image_file blocks; /* the list of its blocks (blocks.h); name NULL: none */
	struct image_file
		keys; /* the public keys that its nodes trust; name NULL: none */
	struct image_file
		sbom; /* its packages with versions, CycloneDX; name NULL: none */
	unsigned packages;
	char *text; /* owned: manifest.json as it stands; NULL after _parse */
	char *signature; /* owned: manifest.sig in hex; NULL: there is none */
	char *signer; /* owned: the id of the key that made it; NULL: not checked */
};

/*
 * All three: 0, an image_manifest_error, or a negative errno; then *reterr_msg (not NULL)
 * says what and what to do; caller frees it. *ret is freed with image_manifest_free.
 */
int image_manifest_parse(
	const char *text, size_t len, struct image_manifest **ret, char **reterr_msg);
/*
 * Reads DIR/manifest.json, and DIR/manifest.sig when it is there, and checks that its files are
 * there in the sizes stated.
 */
int image_manifest_load(const char *dir, struct image_manifest **ret, char **reterr_msg);
/*
 * Checks the signature of a loaded profile against the keys that it names, which its nodes will
 * ask for; 0 also when it names none.
 */
int image_manifest_check_signature(struct image_manifest *m, char **reterr_msg);
/* Checks the digests of a loaded profile's files. */
int image_manifest_verify(const struct image_manifest *m, char **reterr_msg);

/* The file of that name, borrowed from m; NULL: the manifest names none such. */
const struct image_file *image_manifest_file(
	const struct image_manifest *m, const char *name);
void image_manifest_free(struct image_manifest *m); /* NULL is fine */
void image_manifest_freep(struct image_manifest **m);
