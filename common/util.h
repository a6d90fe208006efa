/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Small helpers that every layer uses: cleanup attributes, allocation, files, time.
 *
 * Allocation: the x-functions abort when memory runs out, as glib and libvirt do; no
 * caller checks for NULL. Everything else returns 0 or a negative errno.
 */
#pragma once

#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define _cleanup_(fn) __attribute__((cleanup(fn)))
#define _printf_(a, b) __attribute__((format(printf, a, b)))
#define _unused_ __attribute__((unused))

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
/* Each argument is evaluated once. */
#define MIN(a, b)                                   \
	({                                          \
		__typeof__((a) + (b)) _min_a = (a); \
		__typeof__((a) + (b)) _min_b = (b); \
		_min_a < _min_b ? _min_a : _min_b;  \
	})
#define MAX(a, b)                                   \
	({                                          \
		__typeof__((a) + (b)) _max_a = (a); \
		__typeof__((a) + (b)) _max_b = (b); \
		_max_a > _max_b ? _max_a : _max_b;  \
	})

/* Ownership leaves a variable that has a cleanup attribute. */
#define TAKE_PTR(p)                         \
	({                                  \
		__typeof__(p) _taken = (p); \
		(p) = NULL;                 \
		_taken;                     \
	})
#define TAKE_FD(fd)                \
	({                         \
		int _taken = (fd); \
		(fd) = -1;         \
		_taken;            \
	})

void util_freep(void *p); /* for _cleanup_(util_freep) char *x */
void util_closep(int *fd); /* closes when >= 0, keeps errno */
void util_fclosep(FILE **f);
void util_closedirp(DIR **d);
#define _cleanup_free_ _cleanup_(util_freep)
#define _cleanup_close_ _cleanup_(util_closep)
#define _cleanup_fclose_ _cleanup_(util_fclosep)
#define _cleanup_closedir_ _cleanup_(util_closedirp)

void *xmalloc(size_t n);
void *xcalloc(size_t n, size_t size);
void *xrealloc(void *p, size_t n, size_t size); /* overflow of n * size aborts */
char *xstrdup(const char *s); /* NULL stays NULL */
char *xstrndup(const char *s, size_t n);
char *xasprintf(const char *fmt, ...) _printf_(1, 2);
char *xvasprintf(const char *fmt, va_list ap) _printf_(1, 0);

/* Makes room for one more element in a growing array; *n is not changed. */
#define GROW(array, n, cap)                                                   \
	do {                                                                  \
		if ((n) == (cap)) {                                           \
			(cap) = (cap) ? (cap)*2 : 8;                          \
			(array) = xrealloc((array), (cap), sizeof(*(array))); \
		}                                                             \
	} while (0)

static inline bool streq(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}
bool streq_ptr(const char *a, const char *b); /* NULL equals only NULL */
bool str_startswith(const char *s, const char *prefix);
char *str_strip(char *s); /* in place: returns first non-blank, cuts trailing blanks */
/* Copies s with every byte outside printable ASCII shown as \xNN; for messages. */
char *str_escape(const char *s, size_t max);

/* NULL-terminated lists of strings that own both; NULL stands for an empty one. */
char **strv_split(const char *text); /* at blanks and commas; never NULL */
void strv_add(char ***list, const char *s); /* *list may be NULL */
void strv_free(char **list);
void strv_freep(char ***list);
size_t strv_len(char *const *list);
void strv_sort(char **list); /* by bytes */
bool strv_has(char *const *list, const char *s);
char **strv_copy(char *const *list); /* never NULL */
char *strv_join(char *const *list, const char *between); /* caller frees */

uint64_t now_mono_ms(void);
uint64_t now_real_ms(void); /* since 1970-01-01 UTC */
/* "2026-11-23T03:07:52.123Z" */
void format_time(uint64_t real_ms, char buf[static 32]);
/* "480.1 GB", decimal units as disks are sold */
void format_size(uint64_t bytes, char buf[static 32]);
/* "1m32s", "8.4s" */
void format_duration(uint64_t ms, char buf[static 32]);
const char *ordinal_suffix(unsigned n); /* "st" of 1, "nd" of 2, "th" of 11 */

int write_all(int fd, const void *data, size_t len); /* 0 or -errno */
/*
 * Reads a whole file; -EFBIG when it is longer than max bytes. *ret is NUL-terminated
 * (the NUL is not in *ret_len); the caller frees. ret_len may be NULL.
 */
int read_file(const char *path, size_t max, char **ret, size_t *ret_len);
int read_fd(int fd, size_t max, char **ret, size_t *ret_len);
/* Reads a one-line file such as those of sysfs, trailing blanks cut; caller frees. */
int read_line_file(const char *path, char **ret);
/* Writes to a temporary name beside path, fsync, rename. */
int write_file_atomic(const char *path, const void *data, size_t len, unsigned mode);
/* The directory that path is in: its names are on the disk then. 0 or -errno. */
int sync_parent(const char *path);
int mkdir_p(const char *path, unsigned mode);
/* Removes a tree below path, path included; never crosses a mount point or a link. */
int remove_tree(const char *path);
int set_nonblock(int fd);

void hex_encode(const uint8_t *data, size_t len, char *out); /* out: 2*len+1 bytes */
/* A number of so many bytes (at most 8), the least significant first. */
uint64_t read_le(const uint8_t *p, unsigned bytes);
uint8_t *write_le(uint8_t *p, uint64_t v, size_t len); /* the same; behind it */
/* len random bytes from the kernel as hex; caller frees. */
char *random_hex(size_t len);
/* Comparison whose time does not depend on where the strings differ. */
bool secret_equal(const char *a, const char *b);
/* "a", then "a; b": more is taken. */
void text_add(char **all, char *more);
void secret_free(char *s); /* overwritten first; NULL is left alone */
void secret_freep(char **s);
#define _cleanup_secret_ _cleanup_(secret_freep)
