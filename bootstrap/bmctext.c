/* SPDX-License-Identifier: Apache-2.0 */
#include "bootstrap/bmctext.h"

#include <math.h>
#include <time.h>

/*
 * Sensors come as ipmitool's table and not as its CSV, which leaves the discrete ones out.
 * A name may hold anything, also the separator, so a row's fixed fields are counted from
 * its end; those of the event log from the start, where the free text is last.
 */

#define MAX_ROWS 4096
#define SENSOR_FIELDS 9 /* behind the name */
#define SEL_FIELDS 7

static const char *const limit_names[] = {"lower_fatal", "lower_critical",
	"lower_warning", "upper_warning", "upper_critical", "upper_fatal"};

static json_t *ascii(const char *s)
{
	_cleanup_free_ char *clean = str_escape(s, 100);

	return json_string(clean);
}

/* "21.000", "-3.5"; nothing that strtod() knows beyond that. */
static bool read_number(const char *s, double *ret)
{
	char *end;

	if (!*s || strspn(s, "0123456789.-") != strlen(s))
		return false;
	*ret = strtod(s, &end);
	return *end == 0 && isfinite(*ret);
}

/* "na" is null. */
static int put_number(json_t *row, const char *key, const char *s)
{
	double v;

	if (streq(s, "na"))
		return json_object_set_new(row, key, json_null());
	if (!read_number(s, &v))
		return -EBADMSG;
	return json_object_set_new(row, key, json_real(v));
}

static bool is_hex(const char *s, size_t max_digits)
{
	size_t n = strlen(s);

	return n > 2 && n <= max_digits + 2 && str_startswith(s, "0x") &&
		strspn(s + 2, "0123456789abcdefABCDEF") == n - 2;
}

struct status_word {
	const char *word;
	bool well;
};

static const struct status_word status_words[] = {
	{"ok", true},
	{"ns", true}, /* nothing there to be read: an empty slot, or the server is off */
	{"na", true},
	{"nc", false},
	{"cr", false},
	{"nr", false},
	{"lnc", false},
	{"lcr", false},
	{"lnr", false},
	{"unc", false},
	{"ucr", false},
	{"unr", false},
};

static const struct status_word *find_status(const char *word)
{
	for (size_t i = 0; i < ARRAY_SIZE(status_words); i++)
		if (streq(word, status_words[i].word))
			return &status_words[i];
	return NULL;
}

/* reading | "discrete" | states: which state bit means what depends on the kind. */
static int put_discrete(json_t *row, char *const f[])
{
	if (!(is_hex(f[0], 8) || streq(f[0], "na")) ||
		!(is_hex(f[2], 4) || streq(f[2], "na")))
		return -EBADMSG;
	json_object_set_new(row, "discrete", json_true());
	json_object_set_new(row, "reading", json_null());
	json_object_set_new(row, "unit", json_string(""));
	json_object_set_new(row, "status", ascii(f[2]));
	json_object_set_new(row, "well", json_true());
	return 0;
}

static int put_analog(json_t *row, char *const f[])
{
	const struct status_word *status = find_status(f[2]);

	if (!status || put_number(row, "reading", f[0]) < 0)
		return -EBADMSG;
	json_object_set_new(row, "discrete", json_false());
	json_object_set_new(
		row, "unit", streq(f[1], "na") ? json_string("") : ascii(f[1]));
	json_object_set_new(row, "status", json_string(status->word));
	json_object_set_new(row, "well", json_boolean(status->well));
	return 0;
}

/* f: the fields behind the name. New reference, or NULL. */
static json_t *sensor_row(const char *name, char *const f[])
{
	json_t *row = json_object();
	int r;

	json_object_set_new(row, "name", ascii(name));
	r = streq(f[1], "discrete") ? put_discrete(row, f) : put_analog(row, f);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(limit_names); i++)
		r = put_number(row, limit_names[i], f[3 + i]);
	if (r == 0 && *name)
		return row;
	json_decref(row);
	return NULL;
}

static json_t *sensor_line(char *line)
{
	char *f[SENSOR_FIELDS];

	for (size_t i = SENSOR_FIELDS; i > 0; i--) {
		char *bar = strrchr(line, '|');

		if (!bar)
			return NULL;
		*bar = 0;
		f[i - 1] = str_strip(bar + 1);
	}
	return sensor_row(str_strip(line), f);
}

/* ---- the event log ---- */

static bool read_two(const char *s, int min, int max, int *ret)
{
	if (s[0] < '0' || s[0] > '9' || s[1] < '0' || s[1] > '9')
		return false;
	*ret = (s[0] - '0') * 10 + s[1] - '0';
	return *ret >= min && *ret <= max;
}

/* "11/27/26" or "11/27/2026" */
static bool read_date(const char *s, struct tm *tm)
{
	size_t n = strlen(s);
	int century = 20, year;

	if ((n != 8 && n != 10) || s[2] != '/' || s[5] != '/' ||
		!read_two(s, 1, 12, &tm->tm_mon) || !read_two(s + 3, 1, 31, &tm->tm_mday))
		return false;
	if (n == 10 && !read_two(s + 6, 19, 21, &century))
		return false;
	if (!read_two(s + n - 2, 0, 99, &year))
		return false;
	tm->tm_mon--;
	tm->tm_year = century * 100 + year - 1900;
	return true;
}

/* "19:45:16", "19:45:16 UTC", "19:45:16 GMT" */
static bool read_clock(const char *s, struct tm *tm)
{
	return strlen(s) >= 8 && read_two(s, 0, 23, &tm->tm_hour) && s[2] == ':' &&
		read_two(s + 3, 0, 59, &tm->tm_min) && s[5] == ':' &&
		read_two(s + 6, 0, 60, &tm->tm_sec) &&
		(!s[8] || streq(s + 8, " UTC") || streq(s + 8, " GMT"));
}

static bool all_digits(const char *s)
{
	return *s && strspn(s, "0123456789") == strlen(s);
}

/* A BMC whose clock was never set counts seconds from its own start: no time then. */
static int put_time(json_t *row, const char *date, const char *clock)
{
	struct tm tm = {0};
	time_t t;

	if (streq(date, "Pre-Init") && all_digits(clock))
		return json_object_set_new(row, "time", json_null());
	if (!read_date(date, &tm) || !read_clock(clock, &tm))
		return -EBADMSG;
	t = timegm(&tm);
	return json_object_set_new(row, "time", json_integer((json_int_t)t * 1000));
}

static int put_id(json_t *row, const char *s)
{
	size_t n = strlen(s);

	if (n < 1 || n > 4 || strspn(s, "0123456789abcdefABCDEF") != n)
		return -EBADMSG;
	return json_object_set_new(
		row, "id", json_integer((json_int_t)strtoul(s, NULL, 16)));
}

static json_t *sel_line(char *line)
{
	const char *f[SEL_FIELDS] = {"", "", "", "", "", "", ""}, *direction;
	json_t *row = json_object();
	size_t n = 0;

	for (char *at = line; at && n < SEL_FIELDS; n++) {
		char *comma = n < SEL_FIELDS - 1 ? strchr(at, ',') : NULL;

		if (comma)
			*comma = 0;
		f[n] = str_strip(at);
		at = comma ? comma + 1 : NULL;
	}
	direction = streq(f[5], "Asserted") ? "asserted"
		: streq(f[5], "Deasserted") ? "deasserted"
					    : "";
	json_object_set_new(row, "sensor", ascii(f[3]));
	json_object_set_new(row, "event", ascii(f[4]));
	json_object_set_new(row, "direction", json_string(direction));
	json_object_set_new(row, "detail", ascii(*direction ? f[6] : f[5]));
	if (n >= 4 && *f[3] && put_id(row, f[0]) == 0 && put_time(row, f[1], f[2]) == 0)
		return row;
	json_decref(row);
	return NULL;
}

/* ---- lines ---- */

static int parse_lines(
	const char *text, json_t *(*parse)(char *line), json_t **ret, size_t *ret_unread)
{
	_cleanup_free_ char *copy = xstrdup(text);
	json_t *list = json_array();
	size_t unread = 0;
	char *rest = NULL;

	for (char *line = strtok_r(copy, "\r\n", &rest); line;
		line = strtok_r(NULL, "\r\n", &rest)) {
		json_t *row;

		if (!*str_strip(line))
			continue;
		row = json_array_size(list) < MAX_ROWS ? parse(line) : NULL;
		if (row)
			json_array_append_new(list, row);
		else
			unread++;
	}
	if (unread && json_array_size(list) == 0) {
		json_decref(list);
		return -EBADMSG;
	}
	*ret = list;
	*ret_unread = unread;
	return 0;
}

int sensors_parse(const char *text, json_t **ret, size_t *ret_unread)
{
	return parse_lines(text, sensor_line, ret, ret_unread);
}

int sel_parse(const char *text, json_t **ret, size_t *ret_unread)
{
	if (strstr(text, "SEL has no entries"))
		text = "";
	return parse_lines(text, sel_line, ret, ret_unread);
}
