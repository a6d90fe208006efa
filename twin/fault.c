/* SPDX-License-Identifier: Apache-2.0 */
#include "twin/fault.h"

#include <ctype.h>
#include <time.h>

#include "common/parse.h"

const char fault_help[] =
	"  power-ignored   the BMC takes power commands, the server does not follow\n"
	"  boot-ignored    the BMC keeps the boot device, the server starts its disks first\n"
	"  no-disk=BAY     the drive is not there                          (from the next start)\n"
	"  bad-disk=BAY    every write to the drive fails                  (from the next start)\n"
	"  clock=DATE      the clock says YYYY-MM-DD                       (from the next start)\n"
	"  serial=TEXT     the firmware's serial number                    (from the next start)\n"
	"  uuid=UUID       the firmware's UUID                             (from the next start)\n";

static int bad(char **reterr_msg, const char *word, const char *expected)
{
	*reterr_msg = xasprintf("%s: expected %s", word, expected);
	return -EINVAL;
}

static int take_bay(
	const char *word, const char *value, uint32_t *bits, char **reterr_msg)
{
	unsigned bay;

	if (parse_unsigned(value, 1, FAULT_MAX_BAY, &bay) < 0)
		return bad(reterr_msg, word, "the number of a bay behind the \"=\"");
	*bits |= UINT32_C(1) << bay;
	return 0;
}

static int take_clock(
	const char *word, const char *value, struct twin_fault *f, char **reterr_msg)
{
	struct tm tm = {0};
	const char *end = strptime(value, "%Y-%m-%d", &tm);

	if (!end || *end || strlen(value) != 10)
		return bad(reterr_msg, word, "a date such as clock=2011-03-01");
	snprintf(f->clock, sizeof(f->clock), "%.10sT00:00:00", value);
	return 0;
}

static int take_serial(
	const char *word, const char *value, struct twin_fault *f, char **reterr_msg)
{
	for (const char *c = value; *c; c++)
		if (!isgraph((unsigned char)*c))
			return bad(reterr_msg, word, "letters, digits and signs");
	if (!*value || strlen(value) > FAULT_MAX_SERIAL)
		return bad(reterr_msg, word, "1 to 32 characters behind the \"=\"");
	snprintf(f->serial, sizeof(f->serial), "%s", value);
	return 0;
}

static int take_uuid(
	const char *word, const char *value, struct twin_fault *f, char **reterr_msg)
{
	static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";

	if (strlen(value) != strlen(form))
		return bad(reterr_msg, word, "a UUID in five groups");
	for (size_t i = 0; form[i]; i++)
		if (form[i] == '-' ? value[i] != '-' : !isxdigit((unsigned char)value[i]))
			return bad(reterr_msg, word, "a UUID in five groups");
	snprintf(f->uuid, sizeof(f->uuid), "%s", value);
	return 0;
}

/* The words with a value behind "=". */
static int take_pair(const char *word, struct twin_fault *f, char **reterr_msg)
{
	const char *eq = strchr(word, '='), *value = eq ? eq + 1 : "";

	if (str_startswith(word, "no-disk="))
		return take_bay(word, value, &f->no_disks, reterr_msg);
	if (str_startswith(word, "bad-disk="))
		return take_bay(word, value, &f->bad_disks, reterr_msg);
	if (str_startswith(word, "clock="))
		return take_clock(word, value, f, reterr_msg);
	if (str_startswith(word, "serial="))
		return take_serial(word, value, f, reterr_msg);
	if (str_startswith(word, "uuid="))
		return take_uuid(word, value, f, reterr_msg);
	return bad(reterr_msg, word, "a fault that `ondol-twin fault --help` names");
}

static int take_word(const char *word, struct twin_fault *f, char **reterr_msg)
{
	if (streq(word, "power-ignored"))
		f->power_ignored = true;
	else if (streq(word, "boot-ignored"))
		f->boot_ignored = true;
	else
		return take_pair(word, f, reterr_msg);
	return 0;
}

int fault_parse(const char *words, struct twin_fault *ret, char **reterr_msg)
{
	_cleanup_free_ char *copy = xstrdup(words);
	struct twin_fault f = {0};
	char *rest = copy, *word;

	while ((word = strsep(&rest, " "))) {
		int r = *word ? take_word(word, &f, reterr_msg) : 0;

		if (r < 0)
			return r;
	}
	*ret = f;
	return 0;
}

bool fault_changes_machine(const struct twin_fault *f)
{
	return f->no_disks || f->bad_disks || *f->clock || *f->serial || *f->uuid;
}
