/* SPDX-License-Identifier: Apache-2.0 */
#include "nodeagent/fetch.h"

#include <fcntl.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>

#include "common/digest.h"
#include "common/http.h"
#include "common/util.h"
#include "nodeagent/work.h"

struct sink {
	const struct fetch *f;
	int fd;
	gnutls_hash_hd_t hash;
	uint64_t have; /* bytes */
	unsigned said; /* tenths */
};

static int take(const void *data, size_t len, void *userdata)
{
	struct sink *s = userdata;

	gnutls_hash(s->hash, data, len);
	s->have += len;
	if (s->f->what && s->f->size_bytes && s->have * 10 / s->f->size_bytes > s->said) {
		s->said = (unsigned)(s->have * 10 / s->f->size_bytes);
		work_now("fetching %s, %u %%", s->f->what, s->said * 10);
	}
	return write_all(s->fd, data, len);
}

static int receive(const struct nodeconf *conf, struct sink *s,
	char hex[static DIGEST_HEX], char **reterr_msg)
{
	_cleanup_(http_response_clear) struct http_response res = {0};
	uint8_t bytes[32];
	int r;

	if (gnutls_hash_init(&s->hash, GNUTLS_DIG_SHA256) < 0)
		abort(); /* no memory */
	r = http_do(&(struct http_request){.method = "GET",
			    .url = s->f->url,
			    .identity = &conf->identity,
			    .stall_timeout_ms = s->f->stall_ms,
			    .on_data = take,
			    .userdata = s},
		&res, reterr_msg);
	gnutls_hash_deinit(s->hash, bytes);
	hex_encode(bytes, sizeof(bytes), hex);
	if (r < 0 || res.status == 200)
		return r;
	*reterr_msg = xasprintf("%s answers %u", s->f->url, res.status);
	return -EIO;
}

int fetch_file(const struct nodeconf *conf, const struct fetch *f, char **reterr_msg)
{
	_cleanup_close_ int fd =
		open(f->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	struct sink sink = {.f = f, .fd = fd};
	char hex[DIGEST_HEX];
	int r;

	if (fd < 0) {
		r = -errno;
		*reterr_msg = xasprintf("%s: %s", f->path, strerror(-r));
		return r;
	}
	r = receive(conf, &sink, hex, reterr_msg);
	if (r == 0 && !streq(hex, f->sha256)) {
		*reterr_msg = xasprintf(
			"%s: expected sha256 %s, found %s", f->url, f->sha256, hex);
		r = -EBADMSG;
	}
	if (r == 0 && fsync(fd) < 0) {
		r = -errno;
		*reterr_msg = xasprintf("%s: %s", f->path, strerror(-r));
	}
	if (r < 0)
		(void)unlink(f->path);
	return r;
}
