/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ipmi_sim's own grammar has traps that its manual does not tell: chassis_control counts
 * only after endlan; the words of a user line are split at blanks even inside quotes, and
 * a password past 19 bytes is cut; sensor 0 must be the watchdog.
 */
#include "twin/bmcconf.h"

#include <ctype.h>

#include "twin/fru.h"

#define SIM_MAX_USER 15
#define SIM_MAX_PASSWORD 19
#define HP_MANUFACTURER 11
#define ILO_PRODUCT 0x2000
#define ILO_DEVICE 0x13

/*
 * Those of a DL360 Gen10 that one looks at. Readings are polled from files, so that a test
 * can heat a server up.
 */
/* clang-format off */
const struct bmc_sensor bmc_sensors[] = {
	{1, "01-Inlet Ambient", "inlet", 21, 21},
	{2, "02-CPU 1", "cpu1", 22, 40},
	{3, "Fan 1", "fan1", 0, 29},
	{4, "Fan 2", "fan2", 0, 29},
	{5, "Fan 3", "fan3", 0, 29},
	{6, "Fan 4", "fan4", 0, 29},
	{7, "Fan 5", "fan5", 0, 29},
	{8, "Fan 6", "fan6", 0, 29},
	{9, "Fan 7", "fan7", 0, 29},
	{10, "03-CPU 2", "cpu2", 22, 40},
	{11, "04-P1 DIMM 1-6", "dimm1", 22, 31},
	{12, "05-P2 DIMM 1-6", "dimm2", 22, 30},
	{13, "06-Chipset", "chipset", 25, 44},
	{14, "07-PS 1", "ps1-temp", 22, 40},
	{15, "08-PS 2", "ps2-temp", 22, 39},
	{16, "Power Supply 1", "ps1", 8, 92},
	{17, "Power Supply 2", "ps2", 8, 88},
	{18, "Power Meter", "power", 16, 180},
};
const size_t n_bmc_sensors = ARRAY_SIZE(bmc_sensors);

static const struct sdr_sensor sdrs[] = {
	{1, 0x37, 1, 0x01, SDR_CELSIUS, 42, 46, "01-Inlet Ambient"},
	{2, 0x03, 1, 0x01, SDR_CELSIUS, 70, 85, "02-CPU 1"},
	{3, 0x1d, 1, 0x04, SDR_PERCENT, 0, 0, "Fan 1"},
	{4, 0x1d, 2, 0x04, SDR_PERCENT, 0, 0, "Fan 2"},
	{5, 0x1d, 3, 0x04, SDR_PERCENT, 0, 0, "Fan 3"},
	{6, 0x1d, 4, 0x04, SDR_PERCENT, 0, 0, "Fan 4"},
	{7, 0x1d, 5, 0x04, SDR_PERCENT, 0, 0, "Fan 5"},
	{8, 0x1d, 6, 0x04, SDR_PERCENT, 0, 0, "Fan 6"},
	{9, 0x1d, 7, 0x04, SDR_PERCENT, 0, 0, "Fan 7"},
	{10, 0x03, 2, 0x01, SDR_CELSIUS, 70, 85, "03-CPU 2"},
	{11, 0x20, 1, 0x01, SDR_CELSIUS, 90, 95, "04-P1 DIMM 1-6"},
	{12, 0x20, 2, 0x01, SDR_CELSIUS, 90, 95, "05-P2 DIMM 1-6"},
	{13, 0x07, 1, 0x01, SDR_CELSIUS, 100, 110, "06-Chipset"},
	{14, 0x0a, 1, 0x01, SDR_CELSIUS, 0, 0, "07-PS 1"},
	{15, 0x0a, 2, 0x01, SDR_CELSIUS, 0, 0, "08-PS 2"},
	{16, 0x0a, 1, 0x0b, SDR_WATTS, 0, 0, "Power Supply 1"},
	{17, 0x0a, 2, 0x0b, SDR_WATTS, 0, 0, "Power Supply 2"},
	{18, 0x07, 1, 0x0b, SDR_WATTS, 0, 0, "Power Meter"},
};
/* clang-format on */

_Static_assert(ARRAY_SIZE(sdrs) == ARRAY_SIZE(bmc_sensors), "a record for each sensor");

static int check_word(const char *node, const char *what, const char *word, size_t max,
	char **reterr_msg)
{
	if (strlen(word) > max) {
		*reterr_msg = xasprintf(
			"secrets.ini: the %s of %s has %zu characters; the twin's "
			"BMCs take %zu",
			what, node, strlen(word), max);
		return -EINVAL;
	}
	for (const char *c = word; *c; c++)
		if (!isgraph((unsigned char)*c)) {
			*reterr_msg = xasprintf(
				"secrets.ini: the %s of %s has a blank or a "
				"character outside ASCII; the twin's BMCs cannot take it",
				what, node);
			return -EINVAL;
		}
	return 0;
}

static void plain_uuid(const char *uuid, char ret[static 33])
{
	size_t n = 0;

	for (; *uuid && n < 32; uuid++)
		if (*uuid != '-')
			ret[n++] = *uuid;
	ret[n] = '\0';
}

int bmc_lan_conf(const struct twin_plan *p, const struct twin_node *n,
	const struct bmc_login *login, char **ret, char **reterr_msg)
{
	char addr[16], guid[33];
	int r = check_word(
		n->rack->name, "user name", login->user, SIM_MAX_USER, reterr_msg);

	if (r == 0)
		r = check_word(n->rack->name, "password", login->password,
			SIM_MAX_PASSWORD, reterr_msg);
	if (r < 0)
		return r;
	format_ipv4(n->rack->bmc, addr);
	plain_uuid(n->uuid, guid);
	*ret = xasprintf("name \"%s\"\n"
			 "set_working_mc 0x20\n"
			 "startlan 1\n"
			 "  addr %s %d\n"
			 "  priv_limit admin\n"
			 "  allowed_auths_callback md5\n"
			 "  allowed_auths_user md5\n"
			 "  allowed_auths_operator md5\n"
			 "  allowed_auths_admin md5\n"
			 "  guid %s\n"
			 "endlan\n"
			 "chassis_control \"%s/ondol-twin chassis %s %s\"\n"
			 "serial kcs 127.0.0.1 %u codec VM\n"
			 "sol \"tcp:127.0.0.1:%u\" 115200\n"
			 "user 2 true \"%s\" \"%s\" admin 10\n",
		n->rack->name, addr, TWIN_IPMI_PORT, guid, p->dir, p->dir, n->rack->name,
		n->kcs_port, n->sol_port, login->user, login->password);
	return 0;
}

static void add_sensor(FILE *f, const struct twin_node *n, const struct bmc_sensor *s,
	const struct sdr_sensor *d)
{
	uint8_t record[SDR_MAX];
	size_t len = sdr_build(d, record);

	fprintf(f, "sensor_add 0x20 0 %u %u 1 poll 1000 file \"%s/sensors/%s\"\n",
		d->number, d->type, n->dir, s->file);
	fprintf(f, "sensor_set_value 0x20 0 %u %u 0\n", d->number, s->off);
	if (d->critical) {
		fprintf(f,
			"sensor_set_threshold 0x20 0 %u settable 110000 %u %u 0 0 0 0\n",
			d->number, d->fatal, d->critical);
		fprintf(f,
			"sensor_set_event_support 0x20 0 %u enable scanning per-state "
			"000101000000000 000101000000000 000101000000000 000101000000000\n",
			d->number);
	} else {
		fprintf(f,
			"sensor_set_event_support 0x20 0 %u disable scanning none "
			"000000000000000 000000000000000 000000000000000 000000000000000\n",
			d->number);
	}
	fprintf(f, "main_sdr_add 0x20");
	for (size_t i = 0; i < len; i++)
		fprintf(f, " 0x%02x", record[i]);
	fputc('\n', f);
}

char *bmc_commands(const struct twin_node *n, const char *fru_path)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	if (!f)
		abort();
	fprintf(f, "mc_setbmc 0x20\n");
	fprintf(f, "mc_add 0x20 0x%02x no-device-sdrs 1 2 0x90 0x8f %d 0x%x\n",
		ILO_DEVICE, HP_MANUFACTURER, ILO_PRODUCT);
	fprintf(f, "sel_enable 0x20 1000 0x0a\n");
	fprintf(f, "sensor_add 0x20 0 0 35 0x6f event-only\n");
	fprintf(f,
		"sensor_set_event_support 0x20 0 0 enable scanning per-state "
		"000000000001111 000000000000000 000000000001111 000000000000000\n");
	/* the log's first entry: it was cleared, in the factory */
	fprintf(f, "sel_add 0x20 2 0 0 0 0 0x20 0 0x04 0x10 0xe1 0x6f 0x02 0xff 0xff\n");
	for (size_t i = 0; i < ARRAY_SIZE(sdrs); i++)
		add_sensor(f, n, &bmc_sensors[i], &sdrs[i]);
	fprintf(f, "mc_add_fru_data 0x20 0 %d file 0 \"%s\"\n", FRU_SIZE, fru_path);
	fprintf(f, "mc_enable 0x20\n");
	fclose(f);
	return text;
}
