/* SPDX-License-Identifier: Apache-2.0 */
#include "bootstrap/ipmitext.h"

/*
 * ipmitool has no output for programs, and its exit status is 0 for some failures (a
 * refused "chassis bootdev" among them), so its sentences are matched. They are those of
 * version 1.8.19 with -v, against ipmi_sim and iLO 4 and 5.
 */

const char *ipmi_power_str(enum ipmi_power p)
{
	switch (p) {
	case IPMI_POWER_UNKNOWN:
		return "unknown";
	case IPMI_POWER_OFF:
		return "off";
	case IPMI_POWER_ON:
		return "on";
	}
	return "unknown";
}

const char *ipmi_fault_str(enum ipmi_fault fault)
{
	static const char *const words[IPMI_N_FAULTS] = {"ok", "unreachable", "cipher",
		"user", "password", "privilege", "busy", "no-tool", "other"};

	return words[fault];
}

/* The rest of the first line that begins with prefix (blanks before it skipped), or NULL. */
static const char *find_line(const char *out, const char *prefix, size_t *ret_len)
{
	for (const char *p = out; *p;) {
		size_t len = strcspn(p, "\n"), skip = strspn(p, " \t");

		if (skip < len && str_startswith(p + skip, prefix)) {
			*ret_len = len - skip - strlen(prefix);
			return p + skip + strlen(prefix);
		}
		p += len + (p[len] == '\n');
	}
	return NULL;
}

static bool line_is(const char *s, size_t len, const char *word)
{
	while (len && (s[len - 1] == ' ' || s[len - 1] == '\r'))
		len--;
	return len == strlen(word) && memcmp(s, word, len) == 0;
}

int ipmi_parse_power(const char *out, enum ipmi_power *ret)
{
	size_t len;
	const char *s = find_line(out, "Chassis Power is ", &len);

	if (!s)
		return -EBADMSG;
	if (line_is(s, len, "on"))
		*ret = IPMI_POWER_ON;
	else if (line_is(s, len, "off"))
		*ret = IPMI_POWER_OFF;
	else
		return -EBADMSG;
	return 0;
}

/*
 * The device counts whether or not the flags are said to be valid: ipmi_sim drops that bit
 * (and the UEFI one with it), and BMCs clear it after a minute. The selector is what tells
 * a BMC that ignored the command.
 */
int ipmi_parse_bootparam(const char *out, struct ipmi_bootflags *ret)
{
	size_t len, ignored;
	const char *s = find_line(out, "- Boot Device Selector : ", &len);

	if (!s)
		return -EBADMSG;
	ret->pxe = line_is(s, len, "Force PXE");
	ret->efi = find_line(out, "- BIOS EFI boot", &ignored) != NULL;
	ret->valid = find_line(out, "- Boot Flag Valid", &ignored) != NULL;
	return 0;
}

struct phrase {
	const char *text;
	enum ipmi_fault fault;
};

/* The first that is found decides: the more telling ones come first. */
static const struct phrase phrases[] = {
	{"RAKP 2 HMAC is invalid", IPMI_FAULT_PASSWORD},
	{"password is longer than", IPMI_FAULT_PASSWORD},
	{"unauthorized name", IPMI_FAULT_USER},
	{"unauthorized role", IPMI_FAULT_PRIVILEGE},
	{"Insufficient privilege level", IPMI_FAULT_PRIVILEGE},
	{"invalid authentication algorithm", IPMI_FAULT_CIPHER},
	{"invalid integrity algorithm", IPMI_FAULT_CIPHER},
	{"invalid confidentiality algorithm", IPMI_FAULT_CIPHER},
	{"no matching authentication", IPMI_FAULT_CIPHER},
	{"no matching cipher suite", IPMI_FAULT_CIPHER},
	{"Unable to Get Channel Cipher Suites", IPMI_FAULT_CIPHER},
	{"Insufficient resources", IPMI_FAULT_BUSY},
	{"insufficient resources", IPMI_FAULT_BUSY},
	{"Node busy", IPMI_FAULT_BUSY},
	{"Out of space", IPMI_FAULT_BUSY},
	{"Could not open socket", IPMI_FAULT_UNREACHABLE},
	{"Address lookup for", IPMI_FAULT_UNREACHABLE},
	{"Get Auth Capabilities error", IPMI_FAULT_UNREACHABLE},
	{"Unable to establish", IPMI_FAULT_UNREACHABLE},
	{"No response from remote controller", IPMI_FAULT_UNREACHABLE},
	{"Invalid completion code received", IPMI_FAULT_NONE}, /* noise of -v */
	{" failed: ", IPMI_FAULT_OTHER},
};

/* Without its list of vendors ipmitool says that opening it failed, and goes on. */
static bool is_noise(const char *out, const char *at)
{
	static const char words[] = "IANA PEN registry";
	const char *line = at;

	while (line > out && line[-1] != '\n')
		line--;
	return strncmp(line, words, strlen(words)) == 0;
}

static bool says(const char *out, const char *phrase)
{
	for (const char *at = out; (at = strstr(at, phrase)); at++)
		if (!is_noise(out, at))
			return true;
	return false;
}

enum ipmi_fault ipmi_classify(int status, bool timed_out, const char *out)
{
	if (status == 127)
		return IPMI_FAULT_NO_TOOL;
	for (size_t i = 0; i < ARRAY_SIZE(phrases); i++)
		if (phrases[i].fault != IPMI_FAULT_NONE && says(out, phrases[i].text))
			return phrases[i].fault;
	if (timed_out)
		return IPMI_FAULT_UNREACHABLE;
	return status == 0 ? IPMI_FAULT_NONE : IPMI_FAULT_OTHER;
}

bool ipmi_fault_is_login(enum ipmi_fault fault)
{
	return fault == IPMI_FAULT_USER || fault == IPMI_FAULT_PASSWORD ||
		fault == IPMI_FAULT_PRIVILEGE;
}

/* The last line that says something, for faults that have no words of their own. */
char *ipmi_last_line(const char *out)
{
	_cleanup_free_ char *copy = xstrdup(out);
	char *end = copy + strlen(copy), *s;

	while (end > copy && (end[-1] == '\n' || end[-1] == ' ' || end[-1] == '\r'))
		*--end = 0;
	s = strrchr(copy, '\n');
	return str_escape(s ? s + 1 : copy, 200);
}

char *ipmi_fault_words(
	enum ipmi_fault fault, const char *bmc, const char *user, const char *out)
{
	_cleanup_free_ char *said = NULL;

	switch (fault) {
	case IPMI_FAULT_NONE:
		return xstrdup("");
	case IPMI_FAULT_UNREACHABLE:
		return xasprintf(
			"BMC %s does not answer: is it powered and cabled, its address "
			"right in rack.ini, IPMI over LAN switched on, and UDP 623 open?",
			bmc);
	case IPMI_FAULT_CIPHER:
		return xasprintf(
			"BMC %s refuses cipher suites 17 and 3: allow one of them in its "
			"IPMI settings",
			bmc);
	case IPMI_FAULT_USER:
		return xasprintf(
			"BMC %s does not know the user \"%s\" of secrets.ini", bmc, user);
	case IPMI_FAULT_PASSWORD:
		return xasprintf(
			"BMC %s refuses the password of user \"%s\": check secrets.ini "
			"(IPMI allows at most 20 bytes)",
			bmc, user);
	case IPMI_FAULT_PRIVILEGE:
		return xasprintf(
			"BMC %s: user \"%s\" may not do this: give it the administrator "
			"privilege",
			bmc, user);
	case IPMI_FAULT_BUSY:
		return xasprintf(
			"BMC %s is busy and stayed so: try again, or reset the BMC", bmc);
	case IPMI_FAULT_NO_TOOL:
		return xstrdup(
			"ipmitool could not be started: install package ipmitool here");
	case IPMI_FAULT_OTHER:
		break;
	}
	said = ipmi_last_line(out);
	return xasprintf(
		"BMC %s: ipmitool failed: %s", bmc, *said ? said : "(it said nothing)");
}
