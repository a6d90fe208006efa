/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The recording of one node's serial console: files RUN-PART.cast of asciicast v2 in a
 * directory of its own (docs/protocol.md). Every byte of text has an offset that goes up
 * for ever, over runs and lives of ondold. The newest text is in memory as well, so that
 * who follows it reads no file. Blocks for as long as a write to the page cache does.
 */
#pragma once

#include <jansson.h>

#include "common/util.h"

#define CONREC_PART_BYTES (1024 * 1024)
#define CONREC_PARTS 8 /* of a run; the oldest are dropped */
#define CONREC_RUNS 5

struct conrec;

/* dir is made with the first byte. title: in each file's header. Never fails: see log. */
struct conrec *conrec_open(const char *dir, const char *title);
void conrec_close(struct conrec *r); /* NULL is fine */

/* What follows belongs to a new run. */
void conrec_begin(struct conrec *r);
/* text: UTF-8 without NUL */
void conrec_write(struct conrec *r, const char *text, size_t len, uint64_t real_ms);
/* A remark of ours, that is not part of the text: "the session was lost". */
void conrec_mark(struct conrec *r, const char *text, uint64_t real_ms);
void conrec_forget_memory(struct conrec *r); /* nobody follows it now */

unsigned conrec_run(const struct conrec *r); /* 0: none yet */
uint64_t conrec_begin_of_run(const struct conrec *r); /* offset */
uint64_t conrec_end(const struct conrec *r); /* offset */
/*
 * Text from offset since on, at most about max bytes, appended to chunks as {"time": MS,
 * "text"}. Returns the offset behind it. What is no longer kept is left out.
 */
uint64_t conrec_read(struct conrec *r, uint64_t since, size_t max, json_t *chunks);
