/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes Prometheus' text exposition format, version 0.0.4:
 * https://prometheus.io/docs/instrumenting/exposition_formats/ (text-based format). Values are
 * whole numbers or thousandths, so no locale and no rounding is in the way. Pure.
 */
#pragma once

#include "common/util.h"

#define PROM_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"
#define PROM_MAX_LABEL 120 /* bytes of a label's value; the rest is cut */

enum prom_type { PROM_COUNTER, PROM_GAUGE, PROM_HISTOGRAM };

struct prom;

struct prom *prom_new(void);
/* The text; frees p. The caller frees. */
char *prom_end(struct prom *p);

/* Each name once; its samples follow. A counter's name ends with _total. */
void prom_family(struct prom *p, const char *name, enum prom_type type, const char *help);
/*
 * A sample of the family begun last. Labels follow as name, value, ..., NULL. Of a value all
 * that is not printable ASCII becomes "?", so that whatever it is, it stays in its quotes.
 */
void prom_add(struct prom *p, uint64_t value, ...) __attribute__((sentinel));
/* The same; value is in thousandths: 1500 is written 1.5. */
void prom_add_milli(struct prom *p, uint64_t value, ...) __attribute__((sentinel));
/*
 * The samples of a histogram without labels: counts has n + 1 entries, each of what was over
 * the bound before it and up to its own, the last of what was over all bounds.
 */
void prom_add_histogram(struct prom *p, const unsigned bounds_ms[], size_t n,
	const uint64_t counts[], uint64_t sum_ms);
