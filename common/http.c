/* SPDX-License-Identifier: Apache-2.0 */
/* One libcurl easy handle per exchange; http_do drives it with curl_easy_perform. */
#include "common/http_exchange.h"

#include <strings.h>
#include <sys/stat.h>

#define MAX_HEADERS (64 * 1024)

void http_exchange_clear(struct http_exchange *x)
{
	if (x->easy)
		curl_easy_cleanup(x->easy);
	for (struct curl_slist *h = x->headers; h; h = h->next)
		explicit_bzero(h->data, strlen(h->data));
	curl_slist_free_all(x->headers);
	http_response_clear(&x->resp);
	util_fclosep(&x->upload);
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
	_cleanup_secret_ char *line = xasprintf("%s%s", fmt, arg);

	x->headers = curl_slist_append(x->headers, line);
}

/* Not more than was announced, although the file may have more. */
static size_t read_upload(char *to, size_t size, size_t n, void *userdata)
{
	struct http_exchange *x = userdata;
	size_t got = fread(
		to, 1, (size_t)MIN((uint64_t)(size * n), x->upload_left), x->upload);

	x->upload_left -= got;
	return got;
}

static int set_upload(struct http_exchange *x, const struct http_request *req)
{
	struct stat st;

	x->upload = fopen(req->body_file, "re");
	if (!x->upload || fstat(fileno(x->upload), &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if (req->body_size) {
		if (fseeko(x->upload, (off_t)req->body_from, SEEK_SET) < 0)
			return -errno;
		st.st_size = (off_t)req->body_size;
	}
	x->upload_left = (uint64_t)st.st_size;
	curl_easy_setopt(x->easy, CURLOPT_UPLOAD, 1L);
	curl_easy_setopt(x->easy, CURLOPT_READFUNCTION, read_upload);
	curl_easy_setopt(x->easy, CURLOPT_READDATA, x);
	curl_easy_setopt(x->easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)st.st_size);
	curl_easy_setopt(x->easy, CURLOPT_CUSTOMREQUEST, req->method);
	return 0;
}

static int set_body(struct http_exchange *x, const struct http_request *req)
{
	if (req->body || req->body_file || streq(req->method, "POST")) {
		add_header(x, "Content-Type: ",
			req->content_type ? req->content_type : "application/json");
		add_header(x, "Expect:", "");
	}
	if (req->body_file)
		return set_upload(x, req);
	if (req->body || streq(req->method, "POST")) {
		curl_easy_setopt(x->easy, CURLOPT_POST, 1L);
		curl_easy_setopt(x->easy, CURLOPT_POSTFIELDSIZE_LARGE,
			(curl_off_t)(req->body ? req->body_len : 0));
		curl_easy_setopt(
			x->easy, CURLOPT_COPYPOSTFIELDS, req->body ? req->body : "");
	}
	if (streq(req->method, "HEAD"))
		curl_easy_setopt(x->easy, CURLOPT_NOBODY, 1L);
	else if (!streq(req->method, "GET") && !streq(req->method, "POST"))
		curl_easy_setopt(x->easy, CURLOPT_CUSTOMREQUEST, req->method);
	return 0;
}

/* The system's CAs are in a directory as well, which is believed beside the file. */
static void trust_only(struct http_exchange *x, const char *ca_file)
{
	curl_easy_setopt(x->easy, CURLOPT_CAINFO, ca_file);
	curl_easy_setopt(x->easy, CURLOPT_CAPATH, NULL);
}

static void set_identity(struct http_exchange *x, const struct http_identity *id)
{
	curl_easy_setopt(x->easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_3);
	trust_only(x, id->ca);
	if (!id->cert)
		return;
	curl_easy_setopt(x->easy, CURLOPT_SSLCERT, id->cert);
	curl_easy_setopt(x->easy, CURLOPT_SSLKEY, id->cert);
}

/* A libcurl without zstd would refuse what it has asked for. */
static void accept_packed(struct http_exchange *x)
{
	if (curl_version_info(CURLVERSION_NOW)->features & CURL_VERSION_ZSTD)
		curl_easy_setopt(x->easy, CURLOPT_ACCEPT_ENCODING, "zstd");
}

static void set_options(struct http_exchange *x, const struct http_request *req)
{
	if (req->stall_timeout_ms) {
		curl_easy_setopt(x->easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
		curl_easy_setopt(x->easy, CURLOPT_LOW_SPEED_TIME,
			(long)(req->stall_timeout_ms + 999) / 1000);
	}
	if (req->packed)
		accept_packed(x);
	if (req->close)
		curl_easy_setopt(x->easy, CURLOPT_FORBID_REUSE, 1L);
	if (req->unix_socket)
		curl_easy_setopt(x->easy, CURLOPT_UNIX_SOCKET_PATH, req->unix_socket);
	if (req->range_bytes) {
		char range[48];

		snprintf(range, sizeof(range), "%llu-%llu",
			(unsigned long long)req->range_from,
			(unsigned long long)(req->range_from + req->range_bytes - 1));
		curl_easy_setopt(x->easy, CURLOPT_RANGE, range); /* copied */
	} else if (req->range_from) {
		curl_easy_setopt(
			x->easy, CURLOPT_RESUME_FROM_LARGE, (curl_off_t)req->range_from);
	}
	if (req->ca_file)
		trust_only(x, req->ca_file);
	if (req->identity)
		set_identity(x, req->identity);
	if (req->reuse)
		curl_easy_setopt(x->easy, CURLOPT_SHARE, (CURLSH *)req->reuse);
	if (req->bearer)
		add_header(x, "Authorization: Bearer ", req->bearer);
	for (size_t i = 0; req->headers && req->headers[i]; i++)
		add_header(x, "", req->headers[i]);
}

int http_exchange_init(struct http_exchange *x, const struct http_request *req)
{
	int r;

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
	set_options(x, req);
	r = set_body(x, req);
	curl_easy_setopt(x->easy, CURLOPT_HTTPHEADER, x->headers);
	return r;
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

/* curl unfolds and trims them; what is left is lines that cannot contain a newline. */
static void keep_headers(struct http_exchange *x)
{
	size_t len = 0, size = 0;
	struct curl_header *h = NULL;
	FILE *f;

	f = open_memstream(&x->resp.headers, &size);
	if (!f)
		abort();
	while ((h = curl_easy_nextheader(x->easy, CURLH_HEADER, -1, h))) {
		len += strlen(h->name) + strlen(h->value) + 3;
		if (len > MAX_HEADERS)
			break;
		fprintf(f, "%s: %s\n", h->name, h->value);
	}
	fclose(f);
}

int http_exchange_result(
	struct http_exchange *x, CURLcode code, const char *url, char **ret_msg)
{
	long status = 0;
	int r = 0;

	curl_easy_getinfo(x->easy, CURLINFO_RESPONSE_CODE, &status);
	x->resp.status = (unsigned)status;
	keep_headers(x);
	if (x->data_error)
		r = x->data_error;
	else if (code != CURLE_OK)
		r = error_of(code);
	if (r < 0 && ret_msg)
		*ret_msg = xasprintf("%s: %s", url,
			x->data_error       ? strerror(-r)
				: *x->error ? x->error
					    : curl_easy_strerror(code));
	return r;
}

void http_response_clear(struct http_response *r)
{
	free(r->body);
	secret_free(r->headers);
	*r = (struct http_response){0};
}

char *http_response_header(const struct http_response *r, const char *name)
{
	size_t n = strlen(name);

	for (const char *p = r->headers; p && *p; p += strcspn(p, "\n") + 1) {
		size_t len = strcspn(p, "\n");

		if (len > n + 1 && p[n] == ':' && strncasecmp(p, name, n) == 0)
			return xstrndup(p + n + 2, len - n - 2);
		if (p[len] == '\0')
			break;
	}
	return NULL;
}

/* It is curl's own shared handle: no locks, since one thread has it. */
struct http_reuse *http_reuse_new(void)
{
	CURLSH *share = curl_share_init();

	if (!share)
		abort();
	curl_share_setopt(share, CURLSHOPT_SHARE, CURL_LOCK_DATA_CONNECT);
	curl_share_setopt(share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
	curl_share_setopt(share, CURLSHOPT_SHARE, CURL_LOCK_DATA_DNS);
	return (struct http_reuse *)share;
}

void http_reuse_free(struct http_reuse *u)
{
	if (u)
		curl_share_cleanup((CURLSH *)u);
}

int http_do(const struct http_request *req, struct http_response *ret, char **reterr_msg)
{
	_cleanup_(http_exchange_clear) struct http_exchange x = {0};
	int r = http_exchange_init(&x, req);

	if (r < 0) {
		if (reterr_msg)
			*reterr_msg = xasprintf("%s: %s",
				req->body_file ? req->body_file : req->url, strerror(-r));
		return r;
	}
	r = http_exchange_result(&x, curl_easy_perform(x.easy), req->url, reterr_msg);
	if (r < 0)
		return r;
	*ret = x.resp;
	x.resp = (struct http_response){0};
	return 0;
}
