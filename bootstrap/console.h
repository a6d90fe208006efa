/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The serial console of one node: ondold holds the BMC's only session, records it from
 * power-on until the node is ready, and lends it to operators: all may watch, one types.
 * Lines that mean trouble become events of source "console". Does not block.
 */
#pragma once

#include <jansson.h>
#include <systemd/sd-event.h>

#include "bootstrap/ipmi.h"

struct console;

/* What the consoles of all nodes share. */
struct consoles {
	unsigned max; /* sessions at once; 0: none at all */
	unsigned running;
	struct sol *stopped; /* owned: see sol.h */
};
void consoles_clear(struct consoles *all); /* after the consoles */

struct console_hooks {
	/* Something for the node's timeline. */
	void (*event)(const char *type, const char *text, void *userdata);
	/* There is something new for those who follow the console. */
	void (*kick)(void *userdata);
	void *userdata;
};

/* all and bmc are borrowed; dir: of the recordings. Nothing is read or written before it is used. */
struct console *console_new(sd_event *event, struct consoles *all, struct ipmi_bmc *bmc,
	const char *dir, const char *title, const struct console_hooks *hooks);
/* Before its bmc. NULL is fine. */
void console_free(struct console *c);

/* A new run begins; what is recorded from here on belongs to it. */
void console_new_run(struct console *c);
/* Is it to be recorded also while nobody watches? */
void console_record(struct console *c, bool on);
/* The login of the BMC has changed: a refused one may be tried again. */
void console_new_login(struct console *c);
/* Every few seconds: operators who went away without a word are forgotten. */
void console_pulse(struct console *c);

/*
 * An operator comes, and the session is opened for him; who: shown to others. Returns his
 * id, borrowed; NULL: too many are here. He must be heard of (console_read, console_type)
 * every 45 s.
 */
const char *console_attach(struct console *c, const char *who, bool read_only);
void console_detach(struct console *c, const char *id);
/* He types from now on, whoever did before. -ENOENT: no such id. */
int console_take(struct console *c, const char *id);
/* -ENOENT: no such id; -EPERM: another one types; -EAGAIN: no session, or too fast. */
int console_type(struct console *c, const char *id, const char *text, size_t len);

/*
 * What is to be told to one who has everything up to offset since (UINT64_MAX: the run from
 * its beginning): the body of GET console. *ret_new: there is text, or something turned
 * that id (may be NULL) has not been told. New reference.
 */
json_t *console_read(struct console *c, uint64_t since, const char *id, bool *ret_new);
/* The offset behind all that was said. */
uint64_t console_end(struct console *c);
/* Is id NULL, or that of an operator here? */
bool console_knows(struct console *c, const char *id);
