/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>

#include "bootstrap/httpd_internal.h"
#include "bootstrap/range.h"

/* Each answer is made here and kept in the request; httpd.c says when it is queued. */

/* ---- answers ---- */

void httpd_set_header(struct http_req *req, const char *name, const char *value)
{
	for (size_t i = 0; i < HTTPD_MAX_HEADERS; i++)
		if (!req->header_names[i]) {
			req->header_names[i] = xstrdup(name);
			req->header_values[i] = xstrdup(value);
			return;
		}
	abort(); /* more than any handler sets */
}

static void add_headers(struct http_req *req, struct MHD_Response *response)
{
	for (const struct httpd_header *h = req->httpd->headers; h && h->name; h++)
		MHD_add_response_header(response, h->name, h->value);
	for (size_t i = 0; i < HTTPD_MAX_HEADERS && req->header_names[i]; i++)
		MHD_add_response_header(
			response, req->header_names[i], req->header_values[i]);
}

static void reply(struct http_req *req, unsigned status, struct MHD_Response *response,
	const char *type)
{
	if (!response)
		abort(); /* no memory */
	if (req->replied) {
		MHD_destroy_response(response);
		return;
	}
	if (type)
		MHD_add_response_header(response, "Content-Type", type);
	add_headers(req, response);
	req->replied = true;
	if (req->slot)
		*req->slot = NULL;
	req->slot = NULL;
	req->response = response;
	req->status = status;
	if (req->httpd->counts && status / 100 < ARRAY_SIZE(req->httpd->counts->answered))
		req->httpd->counts->answered[status / 100]++;
	httpd_wait_no_more(req);
	req->timer = sd_event_source_disable_unref(req->timer);
	if (req->suspended)
		httpd_resume(req);
}

static struct MHD_Response *response_of(char *owned, size_t len)
{
	return MHD_create_response_from_buffer(len, owned, MHD_RESPMEM_MUST_FREE);
}

void httpd_reply_json(struct http_req *req, unsigned status, json_t *body)
{
	char *text = json_dumps(body, JSON_COMPACT);

	json_decref(body);
	if (!text)
		text = xstrdup(
			"{\"error\": \"an answer that cannot be written as JSON\"}");
	reply(req, status, response_of(text, strlen(text)), "application/json");
}

static void free_shared(void *cls)
{
	struct httpd_shared *s = cls;

	s->drop(s->owner);
	free(s->head);
	free(s);
}

void httpd_reply_shared(struct http_req *req, const struct httpd_shared *answer)
{
	struct httpd_shared *s = xmalloc(sizeof(*s));
	const struct MHD_IoVec parts[] = {{answer->head, answer->head_len},
		{answer->middle, answer->middle_len}, {answer->tail, answer->tail_len}};
	struct MHD_Response *response;

	*s = *answer;
	response =
		MHD_create_response_from_iovec(parts, ARRAY_SIZE(parts), free_shared, s);
	if (response && answer->encoding)
		MHD_add_response_header(response, "Content-Encoding", answer->encoding);
	reply(req, 200, response, "application/json");
}

void httpd_reply_error(struct http_req *req, unsigned status, const char *fmt, ...)
{
	_cleanup_free_ char *text = NULL;
	va_list ap;
	json_t *body;

	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	body = json_pack("{s:s}", "error", text);
	httpd_reply_json(
		req, status, body ? body : json_pack("{s:s}", "error", "(not UTF-8)"));
}

void httpd_reply_text(struct http_req *req, unsigned status, const char *text)
{
	httpd_reply_typed(req, status, "text/plain; charset=utf-8", xstrdup(text));
}

void httpd_reply_typed(
	struct http_req *req, unsigned status, const char *type, char *text)
{
	reply(req, status, response_of(text, strlen(text)), type);
}

void httpd_reply_empty(struct http_req *req, unsigned status)
{
	reply(req, status, response_of(xstrdup(""), 0), NULL);
}

void httpd_reply_static(
	struct http_req *req, const char *type, const void *data, size_t len)
{
	reply(req, 200,
		MHD_create_response_from_buffer(
			len, (void *)data, MHD_RESPMEM_PERSISTENT),
		type);
}

/* ---- files ---- */

/*
 * Of a file in one turn of ondold's loop. libmicrohttpd's own answer from a file reads 4 KiB
 * a turn; and where the kernel may send it, a file that became shorter turns for ever.
 */
#define FILE_BLOCK 32768

struct part { /* of a file */
	int fd;
	uint64_t from, len;
};

static ssize_t read_part(void *cls, uint64_t pos, char *out, size_t max)
{
	const struct part *p = cls;
	ssize_t n = pread(p->fd, out, MIN(max, p->len - pos), (off_t)(p->from + pos));

	return n > 0 ? n : MHD_CONTENT_READER_END_WITH_ERROR;
}

static void free_part(void *cls)
{
	struct part *p = cls;

	close(p->fd);
	free(p);
}

/* Takes fd. */
static struct MHD_Response *response_of_part(int fd, uint64_t from, uint64_t len)
{
	struct part *p = xcalloc(1, sizeof(*p));

	*p = (struct part){fd, from, len};
	return MHD_create_response_from_callback(
		len, FILE_BLOCK, read_part, p, free_part);
}

void httpd_reply_file(struct http_req *req, int fd, uint64_t size)
{
	const char *header =
		MHD_lookup_connection_value(req->conn, MHD_HEADER_KIND, "Range");
	uint64_t from = 0, len = size;
	enum range_result r =
		header ? range_parse(header, size, &from, &len) : RANGE_WHOLE;
	struct MHD_Response *response;
	char text[80];

	if (r == RANGE_UNSATISFIABLE) {
		close(fd);
		response = response_of(xstrdup(""), 0);
		snprintf(text, sizeof(text), "bytes */%llu", (unsigned long long)size);
		MHD_add_response_header(response, "Content-Range", text);
		reply(req, 416, response, NULL);
		return;
	}
	response = response_of_part(fd, from, len);
	if (!response)
		abort();
	MHD_add_response_header(response, "Accept-Ranges", "bytes");
	if (r == RANGE_PART) {
		snprintf(text, sizeof(text), "bytes %llu-%llu/%llu",
			(unsigned long long)from, (unsigned long long)(from + len - 1),
			(unsigned long long)size);
		MHD_add_response_header(response, "Content-Range", text);
	}
	reply(req, r == RANGE_PART ? 206 : 200, response, "application/octet-stream");
}

/* ---- an answer that goes on ---- */

/* libmicrohttpd asks for more; with nothing to give the connection sleeps until there is. */
static ssize_t read_stream(void *cls, _unused_ uint64_t pos, char *out, size_t max)
{
	struct http_stream *s = cls;
	size_t n = MIN(max, s->len);

	if (!n && s->ended)
		return MHD_CONTENT_READER_END_OF_STREAM;
	if (!n) {
		s->asleep = true;
		MHD_suspend_connection(s->req->conn);
		return 0;
	}
	memcpy(out, s->buf, n);
	memmove(s->buf, s->buf + n, s->len - n);
	s->len -= n;
	return (ssize_t)n;
}

static void wake_stream(struct http_stream *s)
{
	if (!s->asleep)
		return;
	s->asleep = false;
	s->req->httpd->resumed = true;
	MHD_resume_connection(s->req->conn);
}

struct http_stream *httpd_reply_stream(struct http_req *req, const char *type,
	size_t size, void (*closed)(void *userdata), void *userdata)
{
	struct http_stream *s = xcalloc(1, sizeof(*s));

	*s = (struct http_stream){.req = req,
		.buf = xmalloc(size),
		.size = size,
		.closed = closed,
		.userdata = userdata};
	req->stream = s;
	reply(req, 200,
		MHD_create_response_from_callback(
			MHD_SIZE_UNKNOWN, 4096, read_stream, s, NULL),
		type);
	return s;
}

int httpd_stream_send(struct http_stream *s, const char *data, size_t len)
{
	if (s->ended)
		return -EPIPE;
	if (len > s->size - s->len)
		return -ENOBUFS;
	memcpy(s->buf + s->len, data, len);
	s->len += len;
	wake_stream(s);
	return 0;
}

size_t httpd_stream_waiting(const struct http_stream *s)
{
	return s->len;
}

void httpd_stream_end(struct http_stream *s)
{
	s->ended = true;
	wake_stream(s);
}
