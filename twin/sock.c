/* SPDX-License-Identifier: Apache-2.0 */
#include "twin/sock.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#define STREAM (SOCK_STREAM | SOCK_CLOEXEC)

static int unix_address(const char *path, struct sockaddr_un *ret)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};

	if (strlen(path) >= sizeof(sa.sun_path))
		return -ENAMETOOLONG;
	memcpy(sa.sun_path, path, strlen(path));
	*ret = sa;
	return 0;
}

int sock_listen_unix(const char *path)
{
	_cleanup_close_ int fd = socket(AF_UNIX, STREAM | SOCK_NONBLOCK, 0);
	struct sockaddr_un sa;
	int r = unix_address(path, &sa);

	if (fd < 0 || r < 0)
		return fd < 0 ? -errno : r;
	if (unlink(path) < 0 && errno != ENOENT)
		return -errno;
	if (bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 || chmod(path, 0600) < 0 ||
		listen(fd, 16) < 0)
		return -errno;
	return TAKE_FD(fd);
}

int sock_listen_loopback(unsigned port)
{
	_cleanup_close_ int fd = socket(AF_INET, STREAM | SOCK_NONBLOCK, 0);
	struct sockaddr_in sa = {.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int yes = 1;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) < 0 ||
		bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 || listen(fd, 4) < 0)
		return -errno;
	return TAKE_FD(fd);
}

int sock_connect_unix(const char *path)
{
	_cleanup_close_ int fd = socket(AF_UNIX, STREAM, 0);
	struct sockaddr_un sa;
	int r = unix_address(path, &sa);

	if (fd < 0 || r < 0)
		return fd < 0 ? -errno : r;
	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0)
		return -errno;
	return TAKE_FD(fd);
}

int sock_accept(int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	return fd < 0 ? -errno : fd;
}

static int take_byte(
	struct lines *l, char c, int (*on_line)(const char *, void *), void *userdata)
{
	bool whole = c == '\n' && !l->skipping;

	if (c != '\n') {
		l->skipping = l->skipping || l->len == LINES_MAX;
		if (!l->skipping)
			l->buf[l->len++] = c;
		return 0;
	}
	l->buf[l->len] = '\0';
	l->len = 0;
	l->skipping = false;
	return whole ? on_line(l->buf, userdata) : 0;
}

int lines_read(struct lines *l, int fd, int (*on_line)(const char *line, void *userdata),
	void *userdata)
{
	if (!l->buf)
		l->buf = xmalloc(LINES_MAX + 1);
	for (;;) {
		char chunk[4096];
		ssize_t n = read(fd, chunk, sizeof(chunk));

		if (n == 0)
			return 1;
		if (n < 0)
			return errno == EAGAIN || errno == EINTR ? 0 : -errno;
		for (ssize_t i = 0; i < n; i++) {
			int r = take_byte(l, chunk[i], on_line, userdata);

			if (r < 0)
				return r;
		}
	}
}

void lines_clear(struct lines *l)
{
	free(l->buf);
	*l = (struct lines){0};
}
