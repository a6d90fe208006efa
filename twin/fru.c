/* SPDX-License-Identifier: Apache-2.0 */
#include "twin/fru.h"

#define TYPE_ASCII 0xc0
#define END_OF_FIELDS 0xc1
#define LANGUAGE_ENGLISH 25
#define CHASSIS_RACK_MOUNT 0x17

struct area {
	uint8_t b[512]; /* four of the longest fields and the rest */
	size_t n;
};

static void put(struct area *a, uint8_t v)
{
	a->b[a->n++] = v;
}

static void put_field(struct area *a, const char *s)
{
	size_t len = MIN(strlen(s), (size_t)FRU_MAX_FIELD);

	/* One character would be taken for the end marker: a blank makes it two. */
	put(a, (uint8_t)(TYPE_ASCII | (len == 1 ? 2 : len)));
	memcpy(a->b + a->n, s, len);
	a->n += len;
	if (len == 1)
		put(a, ' ');
}

static uint8_t zero_sum(const uint8_t *b, size_t n)
{
	uint8_t sum = 0;

	for (size_t i = 0; i < n; i++)
		sum = (uint8_t)(sum + b[i]);
	return (uint8_t)-sum;
}

/* Ends the fields, pads to a multiple of 8 with the checksum last, sets the length. */
static void finish(struct area *a)
{
	put(a, END_OF_FIELDS);
	while (a->n % 8 != 7)
		put(a, 0);
	a->b[1] = (uint8_t)((a->n + 1) / 8);
	put(a, zero_sum(a->b, a->n));
}

static struct area chassis_area(const struct fru_info *f)
{
	struct area a = {.b = {1, 0, CHASSIS_RACK_MOUNT}, .n = 3};

	put_field(&a, f->part);
	put_field(&a, f->serial);
	finish(&a);
	return a;
}

static struct area board_area(const struct fru_info *f)
{
	struct area a = {.b = {1, 0, LANGUAGE_ENGLISH, 0, 0, 0}, .n = 6};

	put_field(&a, f->vendor);
	put_field(&a, f->product);
	put_field(&a, f->serial);
	put_field(&a, f->part);
	put_field(&a, "");
	finish(&a);
	return a;
}

static struct area product_area(const struct fru_info *f)
{
	struct area a = {.b = {1, 0, LANGUAGE_ENGLISH}, .n = 3};

	put_field(&a, f->vendor);
	put_field(&a, f->product);
	put_field(&a, f->part);
	put_field(&a, "");
	put_field(&a, f->serial);
	put_field(&a, "");
	put_field(&a, "");
	finish(&a);
	return a;
}

void fru_build(const struct fru_info *info, uint8_t ret[static FRU_SIZE])
{
	const struct area areas[] = {
		chassis_area(info), board_area(info), product_area(info)};
	uint8_t out[FRU_SIZE] = {1};
	size_t n = 8;

	for (size_t i = 0; i < ARRAY_SIZE(areas) && n + areas[i].n <= FRU_SIZE; i++) {
		out[2 + i] = (uint8_t)(n / 8);
		memcpy(out + n, areas[i].b, areas[i].n);
		n += areas[i].n;
	}
	out[7] = zero_sum(out, 7);
	memcpy(ret, out, FRU_SIZE);
}

#define UNIT_PERCENTAGE 1 /* bit 0 of sensor units 1 */

static const uint8_t base_units[] = {
	[SDR_CELSIUS] = 1, [SDR_PERCENT] = 0, [SDR_WATTS] = 6};

size_t sdr_build(const struct sdr_sensor *s, uint8_t ret[static SDR_MAX])
{
	size_t name = MIN(strlen(s->name), (size_t)16);
	bool limits = s->critical || s->fatal;
	/* bits: upper non-recoverable, upper critical */
	uint8_t events_hi = limits ? 0x0a : 0, readable = limits ? 0x30 : 0;
	uint8_t b[SDR_MAX] = {0, 0, 0x51, 0x01,
		0, /* record id, version, full sensor, length below */
		0x20, 0, s->number, s->entity, s->instance, 0x7f,
		(uint8_t)(limits ? 0x68 : 0x40), s->type, 0x01, 0x00, events_hi, 0x00,
		events_hi, 0x00, readable,
		(uint8_t)(s->unit == SDR_PERCENT ? UNIT_PERCENTAGE : 0),
		base_units[s->unit], 0, 0, 1, 0, 0, 0, 0,
		0, /* linear, M = 1, B = 0, exponents 0 */
		0, 0, 0, 0, 0xff, 0, s->fatal, s->critical, 0, 0, 0,
		0, /* thresholds, upper then lower */
		1, 1, 0, 0, 0, (uint8_t)(TYPE_ASCII | name)};

	memcpy(b + 48, s->name, name);
	b[4] = (uint8_t)(48 + name - 5);
	memcpy(ret, b, SDR_MAX);
	return 48 + name;
}
