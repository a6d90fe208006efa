/* SPDX-License-Identifier: Apache-2.0 */
#include "bootstrap/conrec.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "common/log.h"
#include "common/parse.h"

/*
 * A part's header holds the offset of its first byte, so only the newest part has to be
 * read through to know where the next byte stands. A line that a killed ondold did not
 * finish is cut off. A disk that is full loses the recording and nothing else.
 */

#define MEMORY_BYTES (64 * 1024)
#define HEADER_MAX 4096
#define FILE_MAX (CONREC_PART_BYTES * 8u)
/* Since the part began: it may have begun in 1970, before the clock was set. */
#define MAX_SECONDS 1e12
#define MAX_OFFSET (INT64_C(1) << 53)

struct part {
	unsigned run, part;
	uint64_t from;
	uint64_t began_ms; /* since 1970 */
};

struct chunk {
	struct chunk *next;
	uint64_t from, time_ms;
	size_t len;
	char text[];
};

struct conrec {
	char *dir, *title; /* owned */
	struct part *parts; /* owned, oldest first */
	size_t n_parts, cap;
	unsigned run;
	uint64_t run_from, end;
	int fd; /* owned: of the newest part; -1: none open */
	uint64_t written; /* bytes of that file */
	bool new_run, lost;
	struct chunk *first, *last; /* owned: the newest text */
	size_t in_memory;
};

static char *part_path(const struct conrec *r, const struct part *p)
{
	return xasprintf("%s/%06u-%03u.cast", r->dir, p->run, p->part);
}

static bool parse_name(const char *name, struct part *ret)
{
	char run[7], part[4];

	if (strlen(name) != strlen("000001-001.cast") || name[6] != '-' ||
		!streq(name + 10, ".cast"))
		return false;
	memcpy(run, name, 6);
	memcpy(part, name + 7, 3);
	run[6] = part[3] = 0;
	return strspn(run, "0123456789") == 6 && strspn(part, "0123456789") == 3 &&
		(ret->run = (unsigned)strtoul(run, NULL, 10)) > 0 &&
		(ret->part = (unsigned)strtoul(part, NULL, 10)) > 0;
}

static int by_name(const void *a, const void *b)
{
	const struct part *x = a, *y = b;

	if (x->run != y->run)
		return x->run < y->run ? -1 : 1;
	return x->part < y->part ? -1 : x->part > y->part;
}

/* ---- reading files ---- */

static json_t *parse_line(const char *line, size_t len)
{
	return json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL);
}

/* A whole line: what a power cut left of one, zeros after it or not, is nobody's header. */
static bool read_header(const char *text, size_t len, struct part *p)
{
	const char *end = memchr(text, '\n', len);
	json_t *h = end ? parse_line(text, (size_t)(end - text)) : NULL;
	const json_t *offset = json_object_get(h, "ondol_offset"),
		     *began = json_object_get(h, "ondol_began");
	bool good = json_is_integer(offset) && json_is_integer(began) &&
		json_integer_value(offset) >= 0 &&
		json_integer_value(offset) <= MAX_OFFSET;

	if (good) {
		p->from = (uint64_t)json_integer_value(offset);
		p->began_ms = (uint64_t)json_integer_value(began);
	}
	json_decref(h);
	return good;
}

typedef bool (*event_fn)(const char *text, size_t len, uint64_t time_ms, void *userdata);

static bool read_event(
	const struct part *p, const char *line, size_t len, event_fn fn, void *userdata)
{
	json_t *e = parse_line(line, len);
	const json_t *text = json_array_get(e, 2);
	const char *kind = json_string_value(json_array_get(e, 1));
	double at = json_number_value(json_array_get(e, 0));
	bool more = true;

	if (kind && streq(kind, "o") && json_is_string(text) && at >= 0 &&
		at < MAX_SECONDS)
		more = fn(json_string_value(text), json_string_length(text),
			p->began_ms + (uint64_t)(at * 1000), userdata);
	json_decref(e);
	return more;
}

/* Each text of a part, until fn says false. Returns the length of its whole lines. */
static size_t each_event(
	const struct conrec *r, const struct part *p, event_fn fn, void *userdata)
{
	_cleanup_free_ char *path = part_path(r, p), *text = NULL;
	const char *header;
	size_t len = 0, at;

	if (read_file(path, FILE_MAX, &text, &len) < 0)
		return 0;
	header = memchr(text, '\n', len);
	at = header ? (size_t)(header - text) + 1 : 0;
	while (at < len) {
		const char *end = memchr(text + at, '\n', len - at);

		if (!end)
			break;
		if (!read_event(p, text + at, (size_t)(end - text) - at, fn, userdata))
			break;
		at = (size_t)(end - text) + 1;
	}
	return at;
}

static bool add_length(
	_unused_ const char *text, size_t len, _unused_ uint64_t time_ms, void *userdata)
{
	*(uint64_t *)userdata += len;
	return true;
}

static int load_header(const struct conrec *r, struct part *p)
{
	_cleanup_free_ char *path = part_path(r, p);
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	char text[HEADER_MAX];
	ssize_t n = fd < 0 ? -1 : read(fd, text, HEADER_MAX);

	if (n <= 0)
		return -ENODATA;
	return read_header(text, (size_t)n, p) ? 0 : -EBADMSG;
}

/*
 * Offsets only grow. Parts that claim to lie behind a newer one are of another record, in a
 * folder that somebody put together: they are left alone, and they and what is older not shown.
 */
static void leave_out_strangers(struct conrec *r)
{
	size_t i = r->n_parts;

	while (i > 1 && r->parts[i - 2].from <= r->parts[i - 1].from)
		i--;
	if (i <= 1)
		return;
	log_warn("%s: %zu older parts do not belong to the newest one, and are not shown",
		r->dir, i - 1);
	r->n_parts -= i - 1;
	memmove(r->parts, r->parts + i - 1, r->n_parts * sizeof(*r->parts));
}

static void list_parts(struct conrec *r)
{
	DIR *dir = opendir(r->dir);
	struct part p = {0};

	for (struct dirent *d; dir && (d = readdir(dir));)
		if (parse_name(d->d_name, &p) && load_header(r, &p) == 0) {
			GROW(r->parts, r->n_parts, r->cap);
			r->parts[r->n_parts++] = p;
		}
	if (dir)
		closedir(dir);
	if (r->n_parts)
		qsort(r->parts, r->n_parts, sizeof(*r->parts), by_name);
	leave_out_strangers(r);
}

static void find_run_begin(struct conrec *r)
{
	r->run_from = r->end;
	for (size_t i = r->n_parts; i > 0 && r->parts[i - 1].run == r->run; i--)
		r->run_from = r->parts[i - 1].from;
}

/* The newest part is gone on with, behind its last whole line. */
static void take_up_newest(struct conrec *r)
{
	const struct part *p = &r->parts[r->n_parts - 1];
	_cleanup_free_ char *path = part_path(r, p);
	size_t whole;

	r->run = p->run;
	r->end = p->from;
	whole = each_event(r, p, add_length, &r->end);
	r->fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW);
	if (r->fd >= 0 && ftruncate(r->fd, (off_t)whole) < 0)
		util_closep(&r->fd), r->fd = -1;
	r->written = whole;
}

struct conrec *conrec_open(const char *dir, const char *title)
{
	struct conrec *r = xcalloc(1, sizeof(*r));

	r->dir = xstrdup(dir);
	r->title = xstrdup(title);
	r->fd = -1;
	list_parts(r);
	if (r->n_parts)
		take_up_newest(r);
	find_run_begin(r);
	return r;
}

void conrec_forget_memory(struct conrec *r)
{
	while (r->first) {
		struct chunk *c = r->first;

		r->first = c->next;
		free(c);
	}
	r->last = NULL;
	r->in_memory = 0;
}

void conrec_close(struct conrec *r)
{
	if (!r)
		return;
	conrec_forget_memory(r);
	util_closep(&r->fd);
	free(r->parts);
	free(r->dir);
	free(r->title);
	free(r);
}

/* ---- writing ---- */

static void drop_part(struct conrec *r, size_t i)
{
	_cleanup_free_ char *path = part_path(r, &r->parts[i]);

	(void)unlink(path);
	memmove(&r->parts[i], &r->parts[i + 1], (r->n_parts - i - 1) * sizeof(*r->parts));
	r->n_parts--;
}

/* Room for one part more of the present run. */
static void prune(struct conrec *r)
{
	size_t of_run = 0;

	while (r->n_parts && r->parts[0].run + CONREC_RUNS <= r->run)
		drop_part(r, 0);
	for (size_t i = 0; i < r->n_parts; i++)
		of_run += r->parts[i].run == r->run;
	for (size_t i = 0; i < r->n_parts && of_run >= CONREC_PARTS;)
		if (r->parts[i].run == r->run) {
			drop_part(r, i);
			of_run--;
		} else {
			i++;
		}
}

static void lose(struct conrec *r, int error)
{
	if (!r->lost)
		log_warn("%s: the console's recording cannot be written: %s; going on "
			 "without it",
			r->dir, strerror(-error));
	r->lost = true;
	util_closep(&r->fd);
	r->fd = -1;
}

static int put_line(struct conrec *r, json_t *line)
{
	_cleanup_free_ char *text = json_dumps(line, JSON_COMPACT), *whole = NULL;
	size_t len;
	int e;

	json_decref(line);
	if (!text)
		return -EINVAL;
	whole = xasprintf("%s\n", text);
	len = strlen(whole);
	e = write_all(
		r->fd, whole, len); /* one write: a killed ondold cuts at most one line */
	r->written += len;
	return e;
}

static int start_part(struct conrec *r, uint64_t real_ms)
{
	struct part p = {
		.run = MAX(r->run, 1u), .part = 1, .from = r->end, .began_ms = real_ms};
	_cleanup_free_ char *path = NULL, *title = NULL;
	int e = mkdir_p(r->dir, 0700);

	if (e < 0)
		return e;
	if (r->n_parts && r->parts[r->n_parts - 1].run == p.run)
		p.part = r->parts[r->n_parts - 1].part + 1;
	if (p.part > 999)
		return -EFBIG;
	r->run = p.run;
	prune(r);
	path = part_path(r, &p);
	title = xasprintf("%s, run %u", r->title, p.run);
	util_closep(&r->fd);
	r->fd = open(path,
		O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (r->fd < 0)
		return -errno;
	r->written = 0;
	GROW(r->parts, r->n_parts, r->cap);
	r->parts[r->n_parts++] = p;
	return put_line(r,
		json_pack("{s:i, s:i, s:i, s:I, s:s, s:I, s:I}", "version", 2, "width",
			80, "height", 25, "timestamp", (json_int_t)(real_ms / 1000),
			"title", title, "ondol_offset", (json_int_t)p.from, "ondol_began",
			(json_int_t)real_ms));
}

void conrec_begin(struct conrec *r)
{
	r->run++;
	r->run_from = r->end;
	r->new_run = true;
	r->lost = false;
}

static void put_event(struct conrec *r, const char *kind, const char *text, size_t len,
	uint64_t real_ms)
{
	bool next = r->fd < 0 || r->new_run || r->written > CONREC_PART_BYTES;
	uint64_t began, age;
	int e = 0;

	if (r->lost)
		return;
	if (next)
		e = start_part(r, real_ms);
	r->new_run = false;
	if (e == 0) {
		began = r->parts[r->n_parts - 1].began_ms;
		age = real_ms > began ? real_ms - began
				      : 0; /* the clock may be set back */
		e = put_line(
			r, json_pack("[f, s, s%]", (double)age / 1000, kind, text, len));
	}
	if (e < 0)
		lose(r, e);
}

static void keep_in_memory(
	struct conrec *r, const char *text, size_t len, uint64_t real_ms)
{
	struct chunk *c = xmalloc(sizeof(*c) + len + 1);

	*c = (struct chunk){.from = r->end, .time_ms = real_ms, .len = len};
	memcpy(c->text, text, len);
	c->text[len] = 0;
	if (r->last)
		r->last->next = c;
	else
		r->first = c;
	r->last = c;
	r->in_memory += len;
	while (r->in_memory > MEMORY_BYTES && r->first != r->last) {
		c = r->first;
		r->first = c->next;
		r->in_memory -= c->len;
		free(c);
	}
}

void conrec_write(struct conrec *r, const char *text, size_t len, uint64_t real_ms)
{
	if (len == 0)
		return;
	put_event(r, "o", text, len, real_ms);
	keep_in_memory(r, text, len, real_ms);
	r->end += len;
}

void conrec_mark(struct conrec *r, const char *text, uint64_t real_ms)
{
	put_event(r, "m", text, strlen(text), real_ms);
}

/* ---- reading ---- */

unsigned conrec_run(const struct conrec *r)
{
	return r->run;
}

uint64_t conrec_begin_of_run(const struct conrec *r)
{
	return r->run_from;
}

uint64_t conrec_end(const struct conrec *r)
{
	return r->end;
}

struct reading {
	uint64_t since, at; /* at: offset of the next event */
	size_t max, taken;
	json_t *chunks; /* borrowed */
};

/* A since within a character begins with the next one. */
static bool take_text(const char *text, size_t len, uint64_t time_ms, void *userdata)
{
	struct reading *rd = userdata;
	size_t skip =
		rd->since > rd->at ? (size_t)MIN(rd->since - rd->at, (uint64_t)len) : 0;

	if (rd->taken >= rd->max)
		return false;
	while (skip < len && ((unsigned char)text[skip] & 0xc0) == 0x80)
		skip++;
	rd->at += len;
	if (skip == len)
		return true;
	json_array_append_new(rd->chunks,
		json_pack("{s:I, s:s%}", "time", (json_int_t)time_ms, "text", text + skip,
			len - skip));
	rd->taken += len - skip;
	return true;
}

static void read_parts(struct conrec *r, struct reading *rd, uint64_t until)
{
	for (size_t i = 0; i < r->n_parts && rd->taken < rd->max; i++) {
		uint64_t end = i + 1 < r->n_parts ? r->parts[i + 1].from : r->end;

		if (end <= rd->since || r->parts[i].from >= until)
			continue;
		rd->at = r->parts[i].from;
		each_event(r, &r->parts[i], take_text, rd);
	}
}

uint64_t conrec_read(struct conrec *r, uint64_t since, size_t max, json_t *chunks)
{
	struct reading rd = {.since = since, .at = since, .max = max, .chunks = chunks};

	if (since >= r->end)
		return r->end;
	if (!r->first || since < r->first->from) {
		read_parts(r, &rd, r->end);
		return rd.taken ? rd.at : r->end;
	}
	for (const struct chunk *c = r->first; c; c = c->next) {
		if (c->from + c->len <= since)
			continue;
		rd.at = c->from;
		if (!take_text(c->text, c->len, c->time_ms, &rd))
			break;
	}
	return rd.at;
}
