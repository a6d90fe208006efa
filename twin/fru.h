/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a BMC stores about its chassis, in the formats of IPMI: the FRU inventory
 * (Platform Management FRU Information Storage Definition 1.0) and a sensor's data
 * record (IPMI 2.0, table 43-1). Pure.
 */
#pragma once

#include "common/util.h"

#define FRU_SIZE 1024
#define FRU_MAX_FIELD 63

/* Longer fields are cut at FRU_MAX_FIELD. */
struct fru_info {
	const char *vendor, *product, *serial, *part;
};
void fru_build(const struct fru_info *info, uint8_t ret[static FRU_SIZE]);

#define SDR_MAX 64

enum sdr_unit { SDR_CELSIUS, SDR_PERCENT, SDR_WATTS };

struct sdr_sensor {
	uint8_t number;
	uint8_t entity, instance;
	uint8_t type; /* 1: temperature, 4: fan, 0x0b: another unit */
	enum sdr_unit unit;
	uint8_t critical, fatal; /* upper thresholds; 0: none */
	const char *name; /* at most 16 bytes */
};
/* Returns how many bytes of ret are used. */
size_t sdr_build(const struct sdr_sensor *s, uint8_t ret[static SDR_MAX]);
