/* SPDX-License-Identifier: Apache-2.0 */
#include "bootstrap/httpd_internal.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

/*
 * The sockets are made here and not by libmicrohttpd, so that a reason can be told when an
 * address is not there, and the UNIX socket is never open to others.
 */

/* Nodes send heads of some hundred bytes, and each holds one or two connections all the time. */
#define NODE_HEAD_BYTES 2048u

static int listen_inet(uint32_t address, unsigned port)
{
	struct sockaddr_in sin = {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(address),
	};
	_cleanup_close_ int fd =
		socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int on = 1;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
		bind(fd, (struct sockaddr *)&sin, sizeof(sin)) < 0 ||
		listen(fd, SOMAXCONN) < 0)
		return -errno;
	return TAKE_FD(fd);
}

int httpd_listen_tcp(sd_event *event, uint32_t address, unsigned port,
	httpd_handler handler, void *userdata, struct httpd **ret)
{
	struct httpd_serve_options options = {.head_bytes = NODE_HEAD_BYTES};
	int fd = listen_inet(address, port);

	return fd < 0 ? fd : httpd_serve(event, fd, &options, handler, userdata, ret);
}

int httpd_listen_tls(sd_event *event, uint32_t address, unsigned port,
	const struct httpd_tls *tls, httpd_handler handler, void *userdata,
	struct httpd **ret)
{
	struct httpd_serve_options options = {.cert = tls->cert,
		.key = tls->key,
		.headers = tls->headers,
		.clients = tls->clients,
		.head_bytes = tls->clients ? NODE_HEAD_BYTES : 0};
	int fd = listen_inet(address, port);

	return fd < 0 ? fd : httpd_serve(event, fd, &options, handler, userdata, ret);
}

/* Nobody else may connect in between: the umask makes the socket 0600 from the start. */
static int bind_private(int fd, const struct sockaddr_un *sun)
{
	mode_t old = umask(0177);
	int r = bind(fd, (const struct sockaddr *)sun, sizeof(*sun)) < 0 ? -errno : 0;

	umask(old);
	return r;
}

int httpd_listen_unix(sd_event *event, const char *path, httpd_handler handler,
	void *userdata, struct httpd **ret)
{
	struct httpd_serve_options options = {.unix_path = path};
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	_cleanup_close_ int fd =
		socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int r;

	if (fd < 0)
		return -errno;
	if (strlen(path) >= sizeof(sun.sun_path))
		return -ENAMETOOLONG;
	strcpy(sun.sun_path, path);
	if (unlink(path) < 0 && errno != ENOENT)
		return -errno;
	r = bind_private(fd, &sun);
	if (r < 0)
		return r;
	if (listen(fd, SOMAXCONN) < 0)
		return -errno;
	return httpd_serve(event, TAKE_FD(fd), &options, handler, userdata, ret);
}
