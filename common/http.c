/* SPDX-License-Identifier: Apache-2.0 */
/* One libcurl easy handle per exchange; http_do drives it with curl_easy_perform. */
#include "common/http_exchange.h"

void http_exchange_clear(struct http_exchange *x)
{
	if (x->easy)
		curl_easy_cleanup(x->easy);
	curl_slist_free_all(x->headers);
	free(x->resp.body);
	*x = (struct http_exchange){0};
}

static int keep(struct http_exchange *x, const char *data, size_t n)
{
	if (n > x->max_body || x->resp.body_len > x->max_body - n)
		return -EFBIG;
	if (x->resp.body_len + n + 1 > x->cap) {
		x->cap = (x->resp.body_len + n + 1) * 2;
		x->resp.body = xrealloc(x->resp.body, x->cap, 1);
	}
	memcpy(x->resp.body + x->resp.body_len, data, n);
	x->resp.body_len += n;
	x->resp.body[x->resp.body_len] = '\0';
	return 0;
}

static size_t on_body(char *data, _unused_ size_t one, size_t n, void *userdata)
{
	struct http_exchange *x = userdata;
	long status = 0;
	int r;

	curl_easy_getinfo(x->easy, CURLINFO_RESPONSE_CODE, &status);
	if (x->on_data && status >= 200 && status < 300)
		r = x->on_data(data, n, x->userdata);
	else
		r = keep(x, data, n);
	if (r < 0) {
		x->data_error = r;
		return 0;
	}
	return n;
}

static void add_header(struct http_exchange *x, const char *fmt, const char *arg)
{
	_cleanup_free_ char *line = xasprintf("%s%s", fmt, arg);

	x->headers = curl_slist_append(x->headers, line);
	explicit_bzero(line, strlen(line));
}

static void set_body(struct http_exchange *x, const struct http_request *req)
{
	if (streq(req->method, "POST")) {
		curl_easy_setopt(x->easy, CURLOPT_POST, 1L);
		curl_easy_setopt(x->easy, CURLOPT_POSTFIELDSIZE_LARGE,
			(curl_off_t)(req->body ? req->body_len : 0));
		curl_easy_setopt(x->easy, CURLOPT_COPYPOSTFIELDS, req->body ? req->body : "");
		add_header(x, "Content-Type: ", "application/json");
		add_header(x, "Expect:", "");
	} else if (!streq(req->method, "GET")) {
		curl_easy_setopt(x->easy, CURLOPT_CUSTOMREQUEST, req->method);
	}
}

int http_exchange_init(struct http_exchange *x, const struct http_request *req)
{
	x->easy = curl_easy_init();
	if (!x->easy)
		return -ENOMEM;
	x->max_body = req->max_body ? req->max_body : 4 * 1024 * 1024;
	x->on_data = req->on_data;
	x->userdata = req->userdata;
	x->resp.body = xcalloc(1, 1);
	x->cap = 1;
	curl_easy_setopt(x->easy, CURLOPT_URL, req->url);
	curl_easy_setopt(x->easy, CURLOPT_ERRORBUFFER, x->error);
	curl_easy_setopt(x->easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(x->easy, CURLOPT_PROXY, "");
	curl_easy_setopt(x->easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(x->easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(x->easy, CURLOPT_WRITEDATA, x);
	curl_easy_setopt(x->easy, CURLOPT_CONNECTTIMEOUT_MS,
		(long)(req->connect_timeout_ms ? req->connect_timeout_ms : 5000));
	curl_easy_setopt(x->easy, CURLOPT_TIMEOUT_MS, (long)req->timeout_ms);
	if (req->stall_timeout_ms) {
		curl_easy_setopt(x->easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
		curl_easy_setopt(x->easy, CURLOPT_LOW_SPEED_TIME,
			(long)(req->stall_timeout_ms + 999) / 1000);
	}
	if (req->unix_socket)
		curl_easy_setopt(x->easy, CURLOPT_UNIX_SOCKET_PATH, req->unix_socket);
	if (req->range_from)
		curl_easy_setopt(x->easy, CURLOPT_RESUME_FROM_LARGE, (curl_off_t)req->range_from);
	if (req->bearer)
		add_header(x, "Authorization: Bearer ", req->bearer);
	set_body(x, req);
	curl_easy_setopt(x->easy, CURLOPT_HTTPHEADER, x->headers);
	return 0;
}

static int error_of(CURLcode code)
{
	switch ((int)code) {
	case CURLE_COULDNT_RESOLVE_HOST:
		return -EHOSTUNREACH;
	case CURLE_COULDNT_CONNECT:
		return -ECONNREFUSED;
	case CURLE_OPERATION_TIMEDOUT:
		return -ETIMEDOUT;
	case CURLE_RECV_ERROR:
	case CURLE_SEND_ERROR:
	case CURLE_GOT_NOTHING:
	case CURLE_PARTIAL_FILE:
		return -ECONNRESET;
	case CURLE_OUT_OF_MEMORY:
		return -ENOMEM;
	default:
		return -EPROTO;
	}
}

int http_exchange_result(struct http_exchange *x, CURLcode code, const char *url, char **ret_msg)
{
	long status = 0;
	int r = 0;

	curl_easy_getinfo(x->easy, CURLINFO_RESPONSE_CODE, &status);
	x->resp.status = (unsigned)status;
	if (x->data_error)
		r = x->data_error;
	else if (code != CURLE_OK)
		r = error_of(code);
	if (r < 0 && ret_msg)
		*ret_msg = xasprintf("%s: %s", url,
			x->data_error ? strerror(-r) : *x->error ? x->error : curl_easy_strerror(code));
	return r;
}

void http_response_clear(struct http_response *r)
{
	free(r->body);
	*r = (struct http_response){0};
}

int http_do(const struct http_request *req, struct http_response *ret, char **reterr_msg)
{
	_cleanup_(http_exchange_clear) struct http_exchange x = {0};
	int r = http_exchange_init(&x, req);

	if (r < 0)
		return r;
	r = http_exchange_result(&x, curl_easy_perform(x.easy), req->url, reterr_msg);
	if (r < 0)
		return r;
	*ret = x.resp;
	x.resp.body = NULL;
	return 0;
}
