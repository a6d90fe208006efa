/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A cloud without a network: answers by method and end of URL, in the shapes that the
 * services of OpenStack Zed gave. What is asked is kept, so that a test can tell what
 * was done and what was not.
 */
#pragma once

#include "cloud/session.h"
#include "common/order.h"

struct fake_answer {
	const char *method, *path; /* the URL ends with it */
	unsigned status;
	const char *body;
	unsigned times; /* after so many it is passed over; 0: for ever */
};

struct fake_cloud {
	const struct fake_answer *answers; /* ends with a method NULL */
	unsigned used[64];
	char *log; /* "METHOD URL BODY\n" each, but for sign-ins and GETs */
	unsigned calls, sign_ins;
	unsigned drop; /* so many requests are not answered at all */
	bool refuse; /* sign-ins are answered 401 */
};

#define FAKE_ENDPOINT(type, url)                                                                         \
	"{\"type\":\"" type                                                                              \
	"\",\"name\":\"n\",\"endpoints\":[{\"interface\":\"internal\",\"region_id\":"                    \
	"\"RegionOne\",\"url\":\"http://wrong\"},{\"interface\":\"public\",\"region_id\":\"RegionOne\"," \
	"\"url\":\"" url "\"}]}"
#define FAKE_TOKEN                                                                                        \
	"{\"token\":{\"issued_at\":\"2026-11-23T06:00:00.000000Z\",\"expires_at\":\"2026-11-23T07:00:00." \
	"000000Z\",\"user\":{\"id\":\"u1\"},\"project\":{\"id\":\"p1\"},\"catalog\":[" FAKE_ENDPOINT(     \
		"compute", "http://c:8774/v2.1") "," FAKE_ENDPOINT("network",                             \
		"http://c:9696") "," FAKE_ENDPOINT("image",                                               \
		"http://c:9292/") "," FAKE_ENDPOINT("placement",                                          \
		"http://c:8778") "," FAKE_ENDPOINT("volumev3",                                            \
		"http://c:8776/v3/p1") "," FAKE_ENDPOINT("sharev2",                                       \
		"http://c:8786/v2") "," FAKE_ENDPOINT("orchestration",                                    \
		"http://c:8004/v1/p1") "," FAKE_ENDPOINT("metric",                                        \
		"http://c:8041") "," FAKE_ENDPOINT("database",                                            \
		"http://c:8779/v1.0/p1") "," FAKE_ENDPOINT("object-store",                                \
		"http://c:8080/v1/AUTH_p1") "]}}"

static inline bool str_endswith(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n >= m && streq(s + n - m, end);
}

static inline const struct fake_answer *fake_pick(
	struct fake_cloud *f, const struct http_request *req)
{
	for (size_t i = 0; f->answers && f->answers[i].method; i++) {
		const struct fake_answer *a = &f->answers[i];

		if (streq(a->method, req->method) && str_endswith(req->url, a->path) &&
			(!a->times || f->used[i] < a->times)) {
			f->used[i]++;
			return a;
		}
	}
	return NULL;
}

static inline void fake_log(struct fake_cloud *f, const struct http_request *req)
{
	char *before = f->log;

	if (streq(req->method, "GET"))
		return;
	f->log = xasprintf("%s%s %s %s\n", before ? before : "", req->method, req->url,
		req->body                ? req->body
			: req->body_file ? req->body_file
					 : "");
	free(before);
}

static inline int fake_transport(const struct http_request *req,
	struct http_response *ret, char **reterr_msg, void *userdata)
{
	struct fake_cloud *f = userdata;
	const struct fake_answer *a;

	f->calls++;
	if (f->drop && f->drop--) {
		*reterr_msg = xstrdup("connection refused");
		return -ECONNREFUSED;
	}
	a = fake_pick(f, req);
	if (!a && str_endswith(req->url, "/auth/tokens")) {
		f->sign_ins++;
		*ret = (struct http_response){
			.status = f->refuse ? 401 : 201, .body = xstrdup(FAKE_TOKEN)};
		if (f->refuse) {
			free(ret->body);
			ret->body =
				xstrdup("{\"error\":{\"code\":401,\"message\":\"No.\"}}");
		}
		ret->headers = xstrdup(
			"content-type: application/json\nx-subject-token: t0ken\n");
	} else {
		fake_log(f, req);
		*ret = (struct http_response){.status = a ? a->status : 404,
			.body = xstrdup(a ? a->body
					  : "{\"itemNotFound\":{\"message\":\"none\"}}")};
	}
	ret->body_len = strlen(ret->body);
	return 0;
}

static inline struct cloud_session *fake_session_kept(
	struct fake_cloud *f, const char *user, const char *token_file)
{
	struct cloud_login login = {.auth_url = "http://c:5000/v3/",
		.user = user,
		.password = "pw",
		.project = "admin",
		.region = "RegionOne",
		.token_file = token_file};
	struct cloud_session *s = cloud_session_new(&login);

	cloud_session_transport(s, fake_transport, f);
	return s;
}

static inline struct cloud_session *fake_session(struct fake_cloud *f)
{
	return fake_session_kept(f, "admin", NULL);
}

static inline void fake_clear(struct fake_cloud *f)
{
	free(f->log);
	*f = (struct fake_cloud){0};
}

#define FAKE_PEER(name, role, kind, host)                               \
	"{\"name\":\"" name "\",\"role\":\"" role "\",\"kind\":\"" kind \
	"\",\"management\":\"10.77.20." host                            \
	"\",\"addresses\":{\"storage\":\"10.77.30." host                \
	"\"},\"data_disks\":[{\"name\":\"d1\",\"size_bytes\":"          \
	"1000}]}"

/* ctl, hp02 and hp03 (compute), hp05 (block), hp06 (object) */
static inline struct desired *fake_rack(const char *services)
{
	_cleanup_free_ char *text = xasprintf(
		"{\"revision\":1,\"rack\":\"r\",\"node\":\"ctl\",\"role\":"
		"\"controller\",\"kind\":\"\",\"server\":\"10.77.0.2\",\"server_port\":8780,\"bridges\":[],"
		"\"ports\":[],\"data_disks\":[],\"ssh_keys\":[],\"peers\":[" FAKE_PEER(
			"ctl", "controller", "", "11") "," FAKE_PEER("hp02", "compute",
			"", "12") "," FAKE_PEER("hp03", "compute", "",
			"13") "," FAKE_PEER("hp05", "storage", "block",
			"15") "," FAKE_PEER("hp06", "storage", "object",
			"16") "],\"cloud\":{\"public\":\"c.example\","
			      "\"controller\":\"10.77.20.11\",\"network\":\"management\",\"region\":\"RegionOne\","
			      "\"virtualization\":\"auto\",\"services\":[%s],\"dns\":[\"9.9.9.9\"],\"student\":\"student\","
			      "\"external\":{\"name\":\"external\",\"subnet\":\"10.77.50.0\",\"prefix\":24,\"gateway\":"
			      "\"10.77.50.1\",\"first\":\"10.77.50.100\",\"last\":\"10.77.50.199\",\"mtu\":1500}}}",
		services);
	_cleanup_(jx_freep) json_t *root = NULL;
	_cleanup_free_ char *msg = NULL;
	struct desired *d = NULL;

	root = jx_parse(text, strlen(text), &msg);
	if (!root || desired_from_json(root, &d, &msg) < 0) {
		fprintf(stderr, "%s\n", msg);
		abort();
	}
	return d;
}
