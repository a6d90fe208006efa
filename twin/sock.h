/* SPDX-License-Identifier: Apache-2.0 */
/* Sockets of the supervisor: listening, accepting, reading line by line. Non-blocking. */
#pragma once

#include "common/util.h"

/* A stream socket at path (what was there is replaced), mode 0600. Returns the fd or -errno. */
int sock_listen_unix(const char *path);
int sock_listen_loopback(unsigned port); /* TCP, 127.0.0.1 */
int sock_connect_unix(const char *path); /* blocking connection */
int sock_accept(int listener); /* non-blocking connection; -EAGAIN: none waits */

struct lines { /* a line under construction; zero is empty */
	char *buf; /* owned */
	size_t len;
	bool skipping; /* the line was too long: its rest is dropped too */
};

#define LINES_MAX 65536
/*
 * Takes what can be read now and calls on_line for each whole line without its newline. 0:
 * nothing more for now, 1: end of file, negative: errno, or what on_line returned below 0.
 */
int lines_read(struct lines *l, int fd, int (*on_line)(const char *line, void *userdata),
	void *userdata);
void lines_clear(struct lines *l);
