/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ondold.c is taken in as it is, its main() under another name: so the world begins and
 * ends by the daemon's own functions. Three things are put in the place of others: children
 * (this file instead of common/child.c), SQLite's file (a database in memory that is wiped
 * between inputs), and the kernel's randomness (always the same, so that an input can hold
 * a token).
 *
 * After each input the events are replayed: what comes out must be what is there, or a
 * restarted ondold would know another rack. Then all events are old: what is replayed from
 * those that stay must be the same in all that operators are told.
 */
#include "tests/fuzz/world.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sqlite3.h>
#include <sys/random.h>
#include <sys/socket.h>

#include "tests/fuzz/place.h"

int ondold_main(int argc, char **argv);
#define main ondold_main
#include "bootstrap/ondold.c"
#undef main
#include "bootstrap/httpd_internal.h"
#include "tests/unit/retain-all.h"
#include "common/child.h"

#define MAX_CONNECTIONS 32
#define MAX_TURNS 200

/* ---- in the place of the kernel's randomness ---- */

ssize_t getrandom(void *buf, size_t len, _unused_ unsigned flags)
{
	memset(buf, 0x5a, len);
	return (ssize_t)len;
}

/* ---- beside rackca_is_good() (-Wl,--wrap) ---- */

bool __real_rackca_is_good(
	const char *ca_cert, const char *cert, char *const *names, uint64_t now_s);
bool __wrap_rackca_is_good(
	const char *ca_cert, const char *cert, char *const *names, uint64_t now_s);

/* The world's own certificates are asked about a dozen times an input: half of all the time. */
bool __wrap_rackca_is_good(
	const char *ca_cert, const char *cert, char *const *names, uint64_t now_s)
{
	static char *good[3]; /* the last ones; with the process */
	static unsigned next;
	_cleanup_free_ char *hosts = strv_join(names, " ");
	char *now =
		xasprintf("%s\n%s\n%s", ca_cert ? ca_cert : "", cert ? cert : "", hosts);

	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		if (streq_ptr(good[i], now)) {
			free(now);
			return true;
		}
	if (!__real_rackca_is_good(ca_cert, cert, names, now_s)) {
		free(now);
		return false;
	}
	free(good[next % ARRAY_SIZE(good)]);
	good[next++ % ARRAY_SIZE(good)] = now;
	return true;
}

/* ---- in the place of httpd_client() and of the digest of a new certificate (-Wl,--wrap) ---- */

/* "X-Client: 5a" shows the certificate of the node, anything else that of a stranger. */
const char *__wrap_httpd_client(const struct http_req *req);
const char *__wrap_httpd_client(const struct http_req *req)
{
	return httpd_header(req, "X-Client");
}

int __real_rackca_certify(const char *ca_cert, const char *ca_key, const char *request,
	const char *name, uint64_t now_s, char **ret_cert, char ret_digest[static 65],
	char **reterr_msg);
int __wrap_rackca_certify(const char *ca_cert, const char *ca_key, const char *request,
	const char *name, uint64_t now_s, char **ret_cert, char ret_digest[static 65],
	char **reterr_msg);
int __wrap_rackca_certify(const char *ca_cert, const char *ca_key, const char *request,
	const char *name, uint64_t now_s, char **ret_cert, char ret_digest[static 65],
	char **reterr_msg)
{
	int r = __real_rackca_certify(
		ca_cert, ca_key, request, name, now_s, ret_cert, ret_digest, reterr_msg);

	if (r == 0)
		strcpy(ret_digest, "5a"); /* an input can hold it */
	return r;
}

/* ---- in the place of SQLite's file ---- */

static sqlite3 *database; /* for the life of the process */

int sqlite3_open(_unused_ const char *path, sqlite3 **ret)
{
	static const char wipe[] =
		"DELETE FROM event; DELETE FROM rack; DELETE FROM doc; DELETE FROM token;";

	*ret = database;
	if (database)
		return sqlite3_exec(database, wipe, NULL, NULL, NULL);
	return sqlite3_open_v2(
		":memory:", ret, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL);
}

int sqlite3_close(sqlite3 *db)
{
	database = db;
	return SQLITE_OK;
}

/* ---- in the place of common/child.c ---- */

struct child {
	struct child_spec spec;
	struct child *next;
};

static struct child *children; /* the oldest first */

int child_spawn(
	_unused_ sd_event *event, const struct child_spec *spec, struct child **ret)
{
	struct child *c = xcalloc(1, sizeof(*c)), **at = &children;

	c->spec = *spec;
	while (*at)
		at = &(*at)->next;
	*at = c;
	if (ret)
		*ret = c;
	return 0;
}

pid_t child_pid(_unused_ const struct child *c)
{
	return INT32_MAX; /* nobody's */
}

int child_signal(_unused_ struct child *c, _unused_ int sig)
{
	return 0;
}

void child_kill(struct child *c)
{
	struct child **at = &children;

	if (!c)
		return;
	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	free(c);
}

static void say_lines(struct child *c, char *text)
{
	for (char *line = text, *end; line; line = end) {
		end = strchr(line, '\n');
		if (end)
			*end++ = 0;
		c->spec.on_line(c, line, c->spec.userdata);
	}
}

static void child_says(uint8_t which, uint8_t how, const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = xstrndup((const char *)data, size);
	struct child *c = children;

	for (; c && which > '0'; which--)
		c = c->next;
	if (!c)
		return;
	if (c->spec.on_line)
		say_lines(c, text);
	if (how == '-')
		return;
	if (c->spec.on_exit)
		c->spec.on_exit(c, how == 'T' ? 143 : (uint8_t)(how - '0'), how == 'T',
			c->spec.on_line ? "" : text, c->spec.userdata);
	child_kill(c);
}

/* ---- connections ---- */

struct world {
	struct ondold o;
	struct httpd *page; /* owned */
	int fds[MAX_CONNECTIONS]; /* owned: our ends */
	size_t n_fds;
};

/* What is answered must be HTTP; nothing is told of an error of ours. */
static void read_answers(struct world *w)
{
	char buf[65536];

	for (size_t i = 0; i < w->n_fds; i++) {
		ssize_t n = read(w->fds[i], buf, sizeof(buf) - 1);

		if (n <= 0)
			continue;
		buf[n] = 0;
		if (getenv("FUZZ_TELL")) /* for who looks into an input */
			fprintf(stderr, "%s\n", buf);
		/* an input that has these words is quoted with its quotes escaped */
		if (strstr(buf,
			    "{\"error\": \"an answer that cannot be written as JSON\"}"))
			abort();
	}
}

static void run_loop(struct world *w)
{
	for (int i = 0; i < MAX_TURNS && sd_event_run(w->o.event, 0) > 0; i++)
		read_answers(w);
	read_answers(w);
}

/*
 * "Content-Length: *" becomes the number of bytes behind the head, or hardly an input whose
 * body has changed would come to an end.
 */
static void send_request(int fd, const uint8_t *data, size_t size)
{
	static const char word[] = "Content-Length: *";
	const uint8_t *at = memmem(data, size, word, strlen(word)),
		      *body = memmem(data, size, "\r\n\r\n", 4);
	_cleanup_free_ char *length = NULL;
	size_t before;

	if (!at || !body || at > body) {
		(void)!write(fd, data, size);
		return;
	}
	before = (size_t)(at - data) + strlen(word) - 1;
	length = xasprintf("%zu", size - (size_t)(body + 4 - data));
	(void)!write(fd, data, before);
	(void)!write(fd, length, strlen(length));
	(void)!write(fd, data + before + 1, size - before - 1);
}

static void speak(
	struct world *w, struct httpd *h, uint32_t peer, const uint8_t *data, size_t size)
{
	struct sockaddr_in sin = {.sin_family = AF_INET,
		.sin_port = htons(1024),
		.sin_addr.s_addr = htonl(peer)};
	int ends[2];

	if (!h || w->n_fds == MAX_CONNECTIONS)
		return;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) < 0)
		abort();
	w->fds[w->n_fds++] = ends[0];
	send_request(ends[0], data, size);
	if (MHD_add_connection(
		    h->daemon, ends[1], (struct sockaddr *)&sin, sizeof(sin)) != MHD_YES)
		return;
	MHD_run(h->daemon);
	run_loop(w);
}

/* ---- files, for what is no database ---- */

static void put_image(void)
{
	static const char manifest[] =
		"{\"schema\": 1, \"profile\": \"full\", \"version\": \"0.1.0-fuzz\","
		" \"kernel\": {\"file\": \"vmlinuz\", \"sha256\": \"%064d\", \"size_bytes\": 3},"
		" \"initrd\": {\"file\": \"initrd.img\", \"sha256\": \"%064d\", \"size_bytes\": 3},"
		" \"root\": {\"file\": \"root.erofs.zst\", \"format\": \"erofs\","
		" \"sha256\": \"%064d\", \"size_bytes\": 3, \"raw_bytes\": 4096}, \"packages\": 1}";
	_cleanup_free_ char *text = xasprintf(manifest, 1, 2, 3);

	fuzz_mkdir("images/full");
	fuzz_put("images/full/manifest.json", text, strlen(text));
	fuzz_put("images/full/vmlinuz", "abc", 3);
	fuzz_put("images/full/initrd.img", "abc", 3);
	fuzz_put("images/full/root.erofs.zst", "abc", 3);
}

/* The authority is made once; what an input did to the secrets is undone. */
static void restore_secrets(bool keep)
{
	static char *first; /* with the process */
	_cleanup_free_ char *path = xasprintf("%s/cloud-secrets", fuzz_place()),
			    *now = NULL;

	if (keep && !first && read_file(path, 1 << 20, &first, NULL) < 0)
		abort();
	if (!first || (read_file(path, 1 << 20, &now, NULL) == 0 && streq(now, first)))
		return;
	fuzz_put("cloud-secrets", first, strlen(first));
}

/* ---- the beginning of a world ---- */

static const char secrets_ini[] = "[bmc]\nuser = ondol\npassword = sesame-1\n";

/* Loaded once: forty files. NULL while a world has it. */
static struct cloudparts *spare_parts;

static void tell_problems(const struct problems *p)
{
	for (size_t i = 0; i < p->n; i++) {
		_cleanup_free_ char *text = problem_format(&p->list[i]);

		fprintf(stderr, "%s\n", text);
	}
}

static void take_rack(struct ondold *o)
{
	struct problems problems = {0};
	_cleanup_free_ char *text = NULL;
	size_t len;

	bool fresh = !spare_parts;

	if (fresh)
		spare_parts = cloudparts_load("roles", &problems);
	if (!spare_parts || read_file("tests/fuzz/world.ini", 65536, &text, &len) < 0 ||
		rack_parse("rack.ini", text, len, spare_parts->roles, &problems,
			&o->rack) < 0 ||
		secrets_parse("secrets.ini", secrets_ini, strlen(secrets_ini), o->rack,
			&problems, &o->secrets) < 0) {
		tell_problems(&problems);
		abort();
	}
	if (fresh)
		cloudparts_fit(spare_parts, o->rack, &problems);
	if (fresh)
		spare_parts->peers = peers_new(o->rack);
	tell_problems(&problems);
	o->rack_revision = 1;
	o->tcp_address = o->rack->address;
	o->tcp_port = o->rack->http_port;
	cloud_take(o, TAKE_PTR(spare_parts));
	if (cloud_prepare(o, o->rack, o->cloud->parts) < 0)
		abort();
}

/*
 * They are powered on only when ipmitool says so; here it has. Every other one had been seen
 * before it was asked for; the rest ask.
 */
static void start_nodes(struct ondold *o)
{
	o->nodes = xcalloc(o->rack->n_nodes, sizeof(struct node *));
	for (size_t i = 0; i < o->rack->n_nodes; i++) {
		struct node *n = node_new(o, &o->rack->nodes[i]);

		o->nodes[o->n_nodes++] = n;
		node_refresh_desired(n);
		node_want_install(n, "new in the rack", NULL);
		if (i % 2 == 0)
			node_step(n, FSM_EV_INSTALL, "known");
		node_step(n, FSM_EV_SLOT, "");
		ipmi_cancel(n->boot_job);
		n->boot_job = NULL;
		node_event(n, "ipmi", FSM_EV_POWERED, "powered on", NULL);
	}
}

static void give_tokens(struct ondold *o)
{
	char *token = NULL;

	if (access_add(page_access(o), "help-desk", ACCESS_OPERATOR, 1, &token) < 0)
		abort();
	free(token);
}

/* Both servers of nodes at one socket, without TLS: who speaks is said by X-Client below. */
static void node_handle(struct http_req *req, void *ondold)
{
	if (str_startswith(httpd_path(req), "/v1/nodes/"))
		api_node_handle(req, ondold);
	else
		api_boot_handle(req, ondold);
}

static void listen_all(struct world *w)
{
	struct ondold *o = &w->o;

	if (open_socket(o) < 0 ||
		httpd_listen_tcp(
			o->event, INADDR_LOOPBACK, 0, node_handle, o, &o->tcp_http) < 0 ||
		httpd_listen_tcp(
			o->event, INADDR_LOOPBACK, 0, api_page_handle, o, &w->page) < 0)
		abort();
	httpd_on_upload(o->tcp_http, api_node_upload);
}

static void begin(struct world *w, const char *socket, const char *images)
{
	struct ondold *o = &w->o;
	_cleanup_free_ char *msg = NULL;

	o->opts = (struct ondold_options){.state_dir = fuzz_place(),
		.socket = socket,
		.images_dir = images,
		.roles_dir = "roles",
		.tftp_dir = fuzz_place(),
		.patience_percent = 100};
	o->ipmi_line.max = IPMI_AT_ONCE;
	restore_secrets(false);
	if (sd_event_new(&o->event) < 0 || add_timers(o) < 0 ||
		store_open(fuzz_place(), &o->store, &msg) < 0 ||
		cloudsecrets_load(fuzz_place(), CLOUDSECRETS_NODES, &o->authority, &msg) <
			0 ||
		cloud_open(o, &msg) < 0 || page_open(o, &msg) < 0 || serve_new(o) < 0)
		abort();
	o->caster = caster_new(o);
	take_rack(o);
	restore_secrets(true);
	listen_all(w);
	serve_rack(o);
	start_nodes(o);
	give_tokens(o);
}

/* ---- its end ---- */

static int replay_into(const struct store_event *ev, void *userdata)
{
	node_replay(userdata, ev);
	return 0;
}

static struct node *come_back(struct ondold *o, const struct node *n)
{
	struct node *again = node_new(o, n->conf);

	node_load_docs(again);
	store_event_each(o->store, 0, n->name, 0, replay_into, again);
	return again;
}

static json_t *told_of(struct ondold *o, const struct node *n)
{
	struct node *again = come_back(o, n);
	json_t *told = node_to_json(again, false);

	json_object_del(told, "phases"); /* their times run on */
	node_free(again);
	return told;
}

static void drop_old(struct ondold *o, const struct node *n)
{
	json_t *before = told_of(o, n), *after;

	if (retain_all(o->store, n->name, true, UINT64_MAX, INT32_MAX) < 0)
		abort();
	after = told_of(o, n);
	if (!json_equal(before, after))
		abort(); /* its past was needed */
	json_decref(before);
	json_decref(after);
}

static void check_node(struct ondold *o, const struct node *n)
{
	struct node *again = come_back(o, n);

	if (again->fsm.state != n->fsm.state ||
		again->fsm.installed != n->fsm.installed ||
		again->fsm.tries != n->fsm.tries ||
		again->fsm.ordered != n->fsm.ordered ||
		again->fsm.bmc_was_reset != n->fsm.bmc_was_reset ||
		!streq_ptr(again->desired, n->desired))
		abort(); /* killed now, it would come back as another */
	node_free(again);
}

static void end(struct world *w)
{
	for (size_t i = 0; i < w->o.n_nodes; i++)
		check_node(&w->o, w->o.nodes[i]);
	for (size_t i = 0; i < w->o.n_nodes; i++)
		drop_old(&w->o, w->o.nodes[i]);
	for (size_t i = 0; i < w->n_fds; i++)
		close(w->fds[i]);
	w->n_fds = 0;
	run_loop(w);
	httpd_free(w->page);
	if (!spare_parts && w->o.rack && w->o.rack_revision == 1)
		spare_parts = TAKE_PTR(w->o.cloud->parts);
	stop(&w->o);
	if (children)
		abort(); /* one that nobody ended */
}

/* ---- pieces ---- */

/* The deadlines of its state are over, and nothing was heard of it. */
static void time_passes(struct node *n)
{
	n->heard_ms = 0;
	n->fsm.entered_ms = n->fsm.moved_ms = n->fsm.not_before_ms = 0;
	node_pulse(n);
	node_step(n, FSM_EV_TIMEOUT, "");
}

static void piece(struct world *w, const uint8_t *data, size_t size, const char *speakers)
{
	struct ondold *o = &w->o;
	size_t node;

	if (size < 2 || !data[0] || !strchr(speakers, data[0]))
		return;
	node = (size_t)(uint8_t)(data[1] - '1');
	if (data[0] == 'n')
		speak(w, o->tcp_http, 0x0a4d000a + (uint8_t)(data[1] - '0'), data + 2,
			size - 2);
	else if (data[0] == 'o')
		speak(w, o->unix_http, 0, data + 1, size - 1);
	else if (data[0] == 'p')
		speak(w, w->page, 0xc0000201, data + 1, size - 1);
	else if (data[0] == 'c' && size > 2)
		child_says(data[1], data[2], data + 3, size - 3);
	else if (data[0] == 't' && node < o->n_nodes)
		time_passes(o->nodes[node]);
	run_loop(w);
}

void world_play(const uint8_t *data, size_t size, const char *speakers)
{
	static bool made;
	struct world w = {0};
	_cleanup_free_ char *socket = NULL, *images = NULL;

	log_set_level(LOG_L_ERROR);
	if (!made)
		put_image();
	made = true;
	socket = xasprintf("%s/ondold.sock", fuzz_place());
	images = xasprintf("%s/images", fuzz_place());
	begin(&w, socket, images);
	while (size) {
		const uint8_t *mark = memchr(data, WORLD_MARK, size);
		size_t len = mark ? (size_t)(mark - data) : size;

		piece(&w, data, len, speakers);
		size -= MIN(size, len + 1);
		data += len + 1;
	}
	end(&w);
}
