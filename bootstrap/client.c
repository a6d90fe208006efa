/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The most frequent failure is that ondold is not there, or that the operator is not root.
 * libcurl says of both "couldn't connect"; so the socket is tried once more by hand, only
 * to learn the reason, and the message says what to start.
 */
#include "bootstrap/client.h"

#include <sys/socket.h>
#include <sys/un.h>

#include "common/http.h"
#include "common/jsonx.h"

const char *client_socket(const char *option)
{
	const char *env = getenv("ONDOL_SOCKET");

	if (option)
		return option;
	return env && *env ? env : CLIENT_DEFAULT_SOCKET;
}

static int try_connect(const char *path)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	_cleanup_close_ int fd = -1;

	if (strlen(path) >= sizeof(sa.sun_path))
		return -ENAMETOOLONG;
	strcpy(sa.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	return connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 ? -errno : 0;
}

char *client_unreachable(const char *socket, int r, const char *said)
{
	switch (try_connect(socket)) {
	case -ENOENT:
		return xasprintf(
			"ondold does not run here: there is no %s. Start it with "
			"`systemctl start ondold`, or say where its socket is with "
			"--socket PATH or $ONDOL_SOCKET.",
			socket);
	case -ECONNREFUSED:
		return xasprintf(
			"ondold does not run: nobody listens on %s. Start it with "
			"`systemctl start ondold`; `journalctl -u ondold` says why it "
			"ended.",
			socket);
	case -EACCES:
	case -EPERM:
		return xasprintf(
			"no permission for %s: run ondol as root (`sudo ondol ...`).",
			socket);
	case -ENAMETOOLONG:
		return xasprintf("%s: too long for a socket's path (107 bytes).", socket);
	}
	if (r == -ETIMEDOUT)
		return xasprintf(
			"ondold did not answer in time on %s. It may be busy or stuck; "
			"`journalctl -u ondold` shows what it does.",
			socket);
	return xasprintf(
		"ondold did not answer on %s: %s.", socket, said ? said : strerror(-r));
}

/* What a refusal says: "error", or the first of "problems", or nothing. */
static char *refusal_text(unsigned status, const json_t *body)
{
	const char *error = json_string_value(json_object_get(body, "error"));
	const json_t *problems = json_object_get(body, "problems");

	if (error && *error)
		return xstrdup(error);
	if (json_array_size(problems) > 0)
		return xasprintf("ondold refused the files: %zu problems",
			json_array_size(problems));
	return xasprintf("ondold answered with HTTP status %u and no reason", status);
}

int client_judge(
	unsigned status, const char *body, size_t len, json_t **ret, char **reterr_msg)
{
	_cleanup_free_ char *wrong = NULL;
	_cleanup_(jx_freep) json_t *json = NULL;
	bool good = status >= 200 && status <= 299;

	json = jx_parse(body, len, &wrong);
	if (json && !json_is_object(json)) {
		json_decref(TAKE_PTR(json));
		wrong = xstrdup("not a JSON object");
	}
	if (good && !json) {
		*reterr_msg =
			xasprintf("ondold's answer is not understood: %s. Are ondol and "
				  "ondold of the same version?",
				wrong);
		return -EPROTO;
	}
	if (!good)
		*reterr_msg = refusal_text(status, json);
	*ret = TAKE_PTR(json);
	return good ? 0 : (int)status;
}

int client_get_text(const char *socket, const char *path, unsigned timeout_ms, char **ret,
	char **reterr_msg)
{
	_cleanup_free_ char *url = xasprintf("http://ondold%s", path), *said = NULL;
	struct http_request req = {.method = "GET",
		.url = url,
		.unix_socket = socket,
		.timeout_ms = timeout_ms,
		.max_body = 64u << 20};
	struct http_response resp = {0};
	_cleanup_(jx_freep) json_t *refusal = NULL;
	int r = http_do(&req, &resp, &said);

	if (r < 0) {
		*reterr_msg = client_unreachable(socket, r, said);
		return r;
	}
	if (resp.status == 200)
		*ret = TAKE_PTR(resp.body);
	else
		r = client_judge(
			resp.status, resp.body, resp.body_len, &refusal, reterr_msg);
	http_response_clear(&resp);
	return r;
}

int client_call(const char *socket, const char *method, const char *path, json_t *body,
	unsigned timeout_ms, json_t **ret, char **reterr_msg)
{
	_cleanup_free_ char *url = xasprintf("http://ondold%s", path), *said = NULL;
	_cleanup_secret_ char *text = NULL; /* it may hold secrets.ini */
	struct http_request req = {.method = method,
		.url = url,
		.unix_socket = socket,
		.timeout_ms = timeout_ms};
	struct http_response resp = {0};
	int r;

	if (body) {
		text = json_dumps(body, JSON_COMPACT);
		json_decref(body);
		if (!text)
			abort();
		req.body = text;
		req.body_len = strlen(text);
	}
	r = http_do(&req, &resp, &said);
	if (r < 0) {
		*reterr_msg = client_unreachable(socket, r, said);
		return r;
	}
	r = client_judge(resp.status, resp.body, resp.body_len, ret, reterr_msg);
	http_response_clear(&resp);
	return r;
}
