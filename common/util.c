/* SPDX-License-Identifier: Apache-2.0 */
#include "common/util.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>

void util_freep(void *p)
{
	void **pp = p;

	free(*pp);
	*pp = NULL;
}

void util_closep(int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	errno = saved;
}

void util_closedirp(DIR **d)
{
	if (*d)
		closedir(*d);
}

void util_fclosep(FILE **f)
{
	if (*f)
		fclose(*f);
	*f = NULL;
}

static void *check_memory(void *p)
{
	if (!p) {
		static const char text[] = "out of memory\n";

		(void)!write(STDERR_FILENO, text, sizeof(text) - 1);
		abort();
	}
	return p;
}

void *xmalloc(size_t n)
{
	return check_memory(malloc(n ? n : 1));
}

void *xcalloc(size_t n, size_t size)
{
	return check_memory(calloc(n ? n : 1, size ? size : 1));
}

void *xrealloc(void *p, size_t n, size_t size)
{
	return check_memory(reallocarray(p, n ? n : 1, size ? size : 1));
}

char *xstrdup(const char *s)
{
	return s ? check_memory(strdup(s)) : NULL;
}

char *xstrndup(const char *s, size_t n)
{
	return check_memory(strndup(s, n));
}

char *xvasprintf(const char *fmt, va_list ap)
{
	char *s = NULL;

	if (vasprintf(&s, fmt, ap) < 0)
		s = NULL;
	return check_memory(s);
}

char *xasprintf(const char *fmt, ...)
{
	va_list ap;
	char *s;

	va_start(ap, fmt);
	s = xvasprintf(fmt, ap);
	va_end(ap);
	return s;
}

bool streq_ptr(const char *a, const char *b)
{
	return a == b || (a && b && streq(a, b));
}

bool str_startswith(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

char *str_strip(char *s)
{
	size_t n;

	while (isspace((unsigned char)*s))
		s++;
	n = strlen(s);
	while (n && isspace((unsigned char)s[n - 1]))
		s[--n] = '\0';
	return s;
}

char *str_escape(const char *s, size_t max)
{
	size_t len = strlen(s), n = MIN(len, max), o = 0;
	char *out = xmalloc(n * 4 + 4);

	for (size_t i = 0; i < n; i++) {
		unsigned char c = s[i];

		if (c >= 0x20 && c < 0x7f)
			out[o++] = (char)c;
		else
			o += (size_t)sprintf(out + o, "\\x%02x", c);
	}
	strcpy(out + o, len > n ? "..." : "");
	return out;
}

static uint64_t clock_ms(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

char **strv_split(const char *text)
{
	_cleanup_free_ char *copy = xstrdup(text);
	char **list = xcalloc(1, sizeof(char *)), *save = NULL;

	for (char *w = strtok_r(copy, " \t,", &save); w;
		w = strtok_r(NULL, " \t,", &save))
		strv_add(&list, w);
	return list;
}

void strv_add(char ***list, const char *s)
{
	size_t n = strv_len(*list);

	*list = xrealloc(*list, n + 2, sizeof(char *));
	(*list)[n] = xstrdup(s);
	(*list)[n + 1] = NULL;
}

void strv_free(char **list)
{
	for (char **s = list; s && *s; s++)
		free(*s);
	free(list);
}

void strv_freep(char ***list)
{
	strv_free(*list);
	*list = NULL;
}

static int compare_strings(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void strv_sort(char **list)
{
	qsort(list, strv_len(list), sizeof(*list), compare_strings);
}

size_t strv_len(char *const *list)
{
	size_t n = 0;

	while (list && list[n])
		n++;
	return n;
}

bool strv_has(char *const *list, const char *s)
{
	for (char *const *p = list; p && *p; p++)
		if (streq(*p, s))
			return true;
	return false;
}

char **strv_copy(char *const *list)
{
	size_t n = strv_len(list);
	char **out = xcalloc(n + 1, sizeof(*out));

	for (size_t i = 0; i < n; i++)
		out[i] = xstrdup(list[i]);
	return out;
}

char *strv_join(char *const *list, const char *between)
{
	char *out = xstrdup("");

	for (char *const *p = list; p && *p; p++) {
		char *more = xasprintf("%s%s%s", out, p == list ? "" : between, *p);

		free(out);
		out = more;
	}
	return out;
}

uint64_t now_mono_ms(void)
{
	return clock_ms(CLOCK_MONOTONIC);
}

uint64_t now_real_ms(void)
{
	return clock_ms(CLOCK_REALTIME);
}

void format_time(uint64_t real_ms, char buf[static 32])
{
	time_t t = (time_t)(real_ms / 1000);
	char date[24];
	struct tm tm;

	if (!gmtime_r(&t, &tm) || !strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm))
		strcpy(date, "?");
	snprintf(buf, 32, "%.20s.%03uZ", date, (unsigned)(real_ms % 1000));
}

void format_size(uint64_t bytes, char buf[static 32])
{
	static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB"};
	double v = (double)bytes;
	size_t u = 0;

	while (v >= 999.95 && u + 1 < ARRAY_SIZE(units)) {
		v /= 1000;
		u++;
	}
	snprintf(buf, 32, u ? "%.1f %s" : "%.0f %s", v, units[u]);
}

void format_duration(uint64_t ms, char buf[static 32])
{
	uint64_t s = ms / 1000;

	if (ms < 60000)
		snprintf(buf, 32, "%u.%us", (unsigned)s, (unsigned)(ms % 1000 / 100));
	else if (s < 3600)
		snprintf(buf, 32, "%um%02us", (unsigned)(s / 60), (unsigned)(s % 60));
	else
		snprintf(buf, 32, "%lluh%02um", (unsigned long long)(s / 3600),
			(unsigned)(s / 60 % 60));
}

const char *ordinal_suffix(unsigned n)
{
	static const char *const suffixes[] = {"th", "st", "nd", "rd"};

	return n % 10 > 3 || n / 10 % 10 == 1 ? "th" : suffixes[n % 10];
}

int write_all(int fd, const void *data, size_t len)
{
	const char *p = data;

	while (len) {
		ssize_t n = write(fd, p, len);

		if (n < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

int read_fd(int fd, size_t max, char **ret, size_t *ret_len)
{
	_cleanup_free_ char *buf = NULL;
	size_t len = 0, cap = 0;

	for (;;) {
		ssize_t n;

		if (cap - len < 2) {
			cap = cap ? cap * 2 : 4096;
			buf = xrealloc(buf, cap, 1);
		}
		n = read(fd, buf + len, cap - len - 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		len += (size_t)n;
		if (len > max)
			return -EFBIG;
	}
	buf[len] = '\0';
	if (ret_len)
		*ret_len = len;
	*ret = TAKE_PTR(buf);
	return 0;
}

int read_file(const char *path, size_t max, char **ret, size_t *ret_len)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	if (fd < 0)
		return -errno;
	return read_fd(fd, max, ret, ret_len);
}

int read_line_file(const char *path, char **ret)
{
	_cleanup_free_ char *text = NULL;
	int r = read_file(path, 64 * 1024, &text, NULL);

	if (r < 0)
		return r;
	text[strcspn(text, "\n")] = '\0';
	*ret = xstrdup(str_strip(text));
	return 0;
}

int sync_parent(const char *path)
{
	_cleanup_free_ char *dir = xstrdup(path);
	char *slash = strrchr(dir, '/');
	_cleanup_close_ int fd = -1;

	if (slash)
		slash[slash == dir] = '\0';
	fd = open(slash ? dir : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) < 0)
		return -errno;
	return 0;
}

int write_file_atomic(const char *path, const void *data, size_t len, unsigned mode)
{
	_cleanup_free_ char *tmp = xasprintf("%s.XXXXXX", path);
	_cleanup_close_ int fd = mkostemp(tmp, O_CLOEXEC);
	int r;

	if (fd < 0)
		return -errno;
	r = write_all(fd, data, len);
	if (r == 0 && (fchmod(fd, mode) < 0 || fsync(fd) < 0 || rename(tmp, path) < 0))
		r = -errno;
	if (r < 0) {
		(void)unlink(tmp);
		return r;
	}
	return sync_parent(path);
}

int mkdir_p(const char *path, unsigned mode)
{
	_cleanup_free_ char *copy = xstrdup(path);

	for (char *p = copy + 1; *copy && *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		if (mkdir(copy, 0755) < 0 && errno != EEXIST)
			return -errno;
		*p = '/';
	}
	if (mkdir(copy, mode) < 0 && errno != EEXIST)
		return -errno;
	return 0;
}

static int remove_children(int dirfd, dev_t dev)
{
	DIR *d = fdopendir(dirfd); /* takes dirfd */
	struct dirent *e;
	int r = 0;

	if (!d) {
		close(dirfd);
		return -errno;
	}
	while (r == 0 && (e = readdir(d))) {
		struct stat st;
		int fd;

		if (streq(e->d_name, ".") || streq(e->d_name, ".."))
			continue;
		if (unlinkat(dirfd, e->d_name, 0) == 0)
			continue;
		if (errno != EISDIR && errno != EPERM) {
			r = -errno;
			break;
		}
		fd = openat(dirfd, e->d_name,
			O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0) {
			r = -errno;
			break;
		}
		if (fstat(fd, &st) < 0 || st.st_dev != dev) {
			close(fd);
			r = -EXDEV;
			break;
		}
		r = remove_children(fd, dev);
		if (r == 0 && unlinkat(dirfd, e->d_name, AT_REMOVEDIR) < 0)
			r = -errno;
	}
	closedir(d);
	return r;
}

int remove_tree(const char *path)
{
	struct stat st;
	int fd, r;

	if (lstat(path, &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISDIR(st.st_mode))
		return unlink(path) < 0 ? -errno : 0;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = remove_children(fd, st.st_dev);
	if (r == 0 && rmdir(path) < 0)
		r = -errno;
	return r;
}

int set_nonblock(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
		return -errno;
	return 0;
}

void hex_encode(const uint8_t *data, size_t len, char *out)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < len; i++) {
		out[2 * i] = digits[data[i] >> 4];
		out[2 * i + 1] = digits[data[i] & 15];
	}
	out[2 * len] = '\0';
}

uint8_t *write_le(uint8_t *p, uint64_t v, size_t len)
{
	for (size_t i = 0; i < len; i++)
		p[i] = (uint8_t)(v >> 8 * i);
	return p + len;
}

uint64_t read_le(const uint8_t *p, unsigned bytes)
{
	uint64_t v = 0;

	while (bytes-- > 0)
		v = v << 8 | p[bytes];
	return v;
}

char *random_hex(size_t len)
{
	_cleanup_free_ uint8_t *raw = xmalloc(len);
	char *out = xmalloc(2 * len + 1);

	for (size_t got = 0; got < len;) {
		ssize_t n = getrandom(raw + got, len - got, 0);

		if (n > 0)
			got += (size_t)n;
		else if (errno != EINTR)
			abort(); /* a token that can be guessed must never leave here */
	}
	hex_encode(raw, len, out);
	return out;
}

bool secret_equal(const char *a, const char *b)
{
	size_t la = strlen(a), lb = strlen(b);
	unsigned diff = la != lb;

	for (size_t i = 0; i < la; i++)
		diff |= (unsigned)(unsigned char)a[i] ^ (unsigned char)b[lb ? i % lb : 0];
	return diff == 0;
}

void text_add(char **all, char *more)
{
	char *next = *all ? xasprintf("%s; %s", *all, more) : xstrdup(more);

	free(*all);
	free(more);
	*all = next;
}

void secret_free(char *s)
{
	if (s)
		explicit_bzero(s, strlen(s));
	free(s);
}

void secret_freep(char **s)
{
	secret_free(*s);
}
