/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A session with an OpenStack cloud's REST APIs: a token of Keystone's, renewed before it
 * ends, and the catalogue that came with it. Everything here blocks, up to the session's
 * timeout a call, and is for a worker child or a command.
 *
 * Messages name the API, the call, the status and the API's own words, never a token or
 * a password. What an API answers is read strictly and is never trusted to be of a form.
 */
#pragma once

#include <jansson.h>

#include "common/http.h"
#include "common/jsonx.h"

struct cloud_login {
	const char *auth_url; /* "https://cloud.school.example:5000/v3" */
	const char *user, *password;
	const char *project; /* NULL: an unscoped token, without a catalogue */
	const char *domain; /* of the user and the project; NULL: "Default" */
	const char *region; /* NULL: the first endpoint of a service is taken */
	const char *interface; /* NULL: "public" */
	const char *ca_file; /* PEM; NULL: the system's */
	unsigned timeout_ms; /* of a call; 0: 120 s */
	/* where sessions of this login leave their token for the next one (0600); NULL: nowhere */
	const char *token_file;
};

struct cloud_session;
/* Copies what it needs; no traffic yet. */
struct cloud_session *cloud_session_new(const struct cloud_login *login);
void cloud_session_free(struct cloud_session *s); /* NULL is fine; wipes the secrets */
void cloud_session_freep(struct cloud_session **s);
/* How requests travel; http_do when never called. For tests: an API without a network. */
typedef int (*cloud_transport_fn)(const struct http_request *req,
	struct http_response *ret, char **reterr_msg, void *userdata);
void cloud_session_transport(
	struct cloud_session *s, cloud_transport_fn fn, void *userdata);

/*
 * Takes a token when there is none or it ends within five minutes: the one that was left in
 * the token_file, with the catalogue as it is now, or else a new one. The calls below do it
 * themselves. 0, -EACCES (user or password refused), or another negative errno.
 */
int cloud_authenticate(struct cloud_session *s, char **reterr_msg);
/*
 * May that user of that domain (NULL: the session's) sign in, at the same Keystone? 1: yes;
 * 0: refused; negative errno: nobody knows. The session stays who it is.
 */
int cloud_can_sign_in(struct cloud_session *s, const char *user, const char *password,
	const char *domain, char **reterr_msg);
/* The service's URL in the catalogue, no '/' at its end; NULL: none (or no token yet). */
const char *cloud_url(struct cloud_session *s, const char *type);
const char *cloud_project_id(const struct cloud_session *s); /* "" before a token */
const char *cloud_user_id(const struct cloud_session *s);
const char *cloud_region(const struct cloud_session *s); /* NULL: not said at login */

struct cloud_request {
	const char *method; /* "GET", "POST", "PUT", "PATCH", "DELETE", "HEAD" */
	/* type in the catalogue: "compute"; "identity" is the auth_url */
	const char *service;
	const char *path; /* after the service's URL: "/servers/detail?limit=10" */
	bool from_root; /* path begins after host:port instead */
	const char *version; /* microversion, as "2.53"; NULL: the service's lowest */
	const json_t *body; /* borrowed; NULL: none */
	const char *content_type; /* NULL: application/json */
	const char *file; /* the body is this file's bytes, streamed; NULL: no file */
	unsigned timeout_ms; /* 0: the session's */
};

struct cloud_answer {
	unsigned status;
	json_t *json; /* owned; NULL: the answer had no JSON body */
	char *text; /* owned: a body that is not JSON; NULL: none */
};
void cloud_answer_clear(struct cloud_answer *a);

/*
 * 0: a status below 300, and *ret (may be NULL) is set. Else *reterr_msg (may be NULL)
 * says what happened and the result is -EINVAL (400), -EACCES (401, 403), -ENOENT (404),
 * -EEXIST (409), -E2BIG (413), -EAGAIN (429, 503), -EREMOTEIO (any other status), -ENODEV
 * (the catalogue has no such service), -EBADMSG (a body that breaks the rules), or what
 * http_do said. A token that is refused (401) is renewed once; a 502 or 503 is asked once
 * more after a second, unless it was a POST or a file.
 */
int cloud_call(struct cloud_session *s, const struct cloud_request *req,
	struct cloud_answer *ret, char **reterr_msg);
/* GET of a path after the service's URL; *ret: the answer's object, owned by the caller. */
int cloud_get(struct cloud_session *s, const char *service, const char *path,
	const char *version, json_t **ret, char **reterr_msg);
/* With a body, which is taken (also on failure); ret may be NULL. */
int cloud_send(struct cloud_session *s, const char *method, const char *service,
	const char *path, const char *version, json_t *body, json_t **ret,
	char **reterr_msg);
int cloud_post(struct cloud_session *s, const char *service, const char *path,
	const char *version, json_t *body, json_t **ret, char **reterr_msg);
/* A 404 counts as done. */
int cloud_delete(struct cloud_session *s, const char *service, const char *path,
	const char *version, char **reterr_msg);
/*
 * The array `key` of all pages of a listing, owned by the caller; only its objects are
 * kept. Later pages are asked for at the service's own host, whatever a link says.
 */
int cloud_list(struct cloud_session *s, const char *service, const char *path,
	const char *version, const char *key, json_t **ret, char **reterr_msg);

struct cloud_wait { /* code in wait.c */
	const char *service, *path, *version; /* what is asked again and again */
	const char *object; /* the key its object is under; NULL: the answer itself */
	const char *field; /* of the object: "status" */
	/* until it is this, in any case ("" : until the answer is 404) */
	const char *want;
	const char *fail; /* -EREMOTEIO when it is this; NULL: none */
	unsigned deadline_ms; /* -ETIMEDOUT after */
	unsigned interval_ms; /* between two questions; 0: 1000 */
};
int cloud_wait(struct cloud_session *s, const struct cloud_wait *w, char **reterr_msg);

/* A URL's host has to answer at all: 0 and its status; no token is sent. timeout_ms 0: the
 * session's. */
int cloud_probe(struct cloud_session *s, const char *url, unsigned timeout_ms,
	unsigned *ret_status, char **ret_body, char **reterr_msg);

/* Pure parts, for the other files here and for tests; code in answer.c. */

/* What an error body says, in one line: "" when it says nothing; caller frees. */
char *cloud_error_text(const char *body, size_t len);
/* Where the next page is, from the root of the service's host: owned; NULL: none. */
char *cloud_next_page(const json_t *page, const char *key);
/* "2026-11-23T03:07:52.123456", with a blank for T, with Z or without: seconds, UTC. */
int cloud_time(const char *text, int64_t *ret_s);
/* The member as a string without control bytes, at most 4 KiB; "" when it is none. Borrowed. */
const char *cloud_str(const json_t *obj, const char *key);
/* The member as an id that may stand in a path ([A-Za-z0-9._:-]); "" when it is none. Borrowed. */
const char *cloud_id(const json_t *obj, const char *key);
/* The first object of list whose member key is value; NULL: none. Borrowed. */
const json_t *cloud_find(const json_t *list, const char *key, const char *value);
/* value with everything but letters, digits and -._~ as %XX; caller frees. */
char *cloud_quote(const char *value);
