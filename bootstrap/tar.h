/* SPDX-License-Identifier: Apache-2.0 */
/*
 * As much of tar (ustar, with GNU's sizes over 8 GiB) as a backup needs: regular files with
 * plain names. What is written any tar reads; what is read must be of this kind, strictly.
 * Pure: one header of 512 bytes to and fro.
 */
#pragma once

#include "common/util.h"

#define TAR_BLOCK 512
#define TAR_MAX_NAME 99

struct tar_entry {
	char name[TAR_MAX_NAME + 1];
	uint64_t size_bytes;
};

/* name: at most TAR_MAX_NAME bytes. mode 0600, owner root. */
void tar_header(const char *name, uint64_t size_bytes, uint64_t mtime_s,
	unsigned char ret[static TAR_BLOCK]);
/* 1: an entry; 0: the end (a block of zeros); -EINVAL: not a header of this kind. */
int tar_read_header(const unsigned char block[static TAR_BLOCK], struct tar_entry *ret);
/* Bytes that fill up the last block of size_bytes. */
unsigned tar_padding(uint64_t size_bytes);
