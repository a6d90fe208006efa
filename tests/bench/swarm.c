/* SPDX-License-Identifier: Apache-2.0 */
/*
 * N servers in one process against one real ondold: each with its own address plays firmware,
 * agent and noded, from the boot script over its certificate to held polls and heartbeats,
 * with as many connections as the real ones have: the firmware one for each request, the agent
 * one to be enrolled and one for all else, noded one that reports and asks, and for a while one
 * for what cannot wait.
 *
 *   swarm SERVER BOOT_PORT API_PORT BASE N LEDGER
 *
 * SERVER is ondold; server i (from 1) has the address BASE + 10 + i, the name nI with
 * five digits and the MAC 94:40:c9:HH:LL:01 of its number. What is to be done is read from
 * standard input, a line each, and answered with a line of JSON: see `commands`. LEDGER gets
 * the text of every event that was acknowledged, so that the table can be held against it.
 *
 * tests/bench/bench.py drives it.
 */
#include <arpa/inet.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <zstd.h>

#include "common/jsonx.h"
#include "common/parse.h"
#include "tests/bench/agent.h"

#define FIRST_HOST 10 /* host number of server 0 */
#define MAX_BOOTING 500 /* between power-on and enrolled at the same time */
#define HEARTBEAT_S 15
#define LATENCIES 24 /* powers of two, in microseconds */

#define AGAIN_MS 1000

struct queue { /* agents that wait, all as long: first in, first out */
	struct agent *first, *last;
};

struct counts {
	uint64_t requests, answered, refused,
		failed; /* refused: not 2xx; failed: no answer */
	uint64_t events_acked, progress_acked, reports_acked;
	uint64_t latency[LATENCIES];
};

struct swarm {
	struct sockaddr_in boot, api;
	gnutls_certificate_credentials_t nobody; /* who shows no certificate */
	uint32_t base;
	unsigned n;
	struct agent_ways ways;
	struct agent *agents;
	struct conn_net net;
	FILE *ledger_file;
	unsigned started, enrolled, n_ready;
	bool hammers; /* those that are ready post again as soon as they are answered */
	struct queue second;
	struct counts c;
};

/* ---- queues ---- */

static void enqueue(struct queue *q, struct agent *a)
{
	a->due_ms = now_mono_ms() + AGAIN_MS;
	a->next = NULL;
	if (q->last)
		q->last->next = a;
	else
		q->first = a;
	q->last = a;
}

static struct agent *take_due(struct queue *q, uint64_t now_ms)
{
	struct agent *a = q->first;

	if (!a || a->due_ms > now_ms)
		return NULL;
	q->first = a->next;
	if (!q->first)
		q->last = NULL;
	return a;
}

/* ---- asking ---- */

static bool is_firmware(const struct agent *a)
{
	return a->step <= ST_INITRD;
}

/* From the agent's own address; takes request. */
static void ask(struct swarm *s, struct conn *c, char *request)
{
	struct agent *a = c->owner;
	gnutls_certificate_credentials_t cred = a->cred ? a->cred : s->nobody;
	struct conn_way way = {
		.from = {.sin_family = AF_INET,
			.sin_addr.s_addr = htonl(s->base + FIRST_HOST + a->number)},
		.to = is_firmware(a) ? s->boot : s->api,
		.cred = is_firmware(a) ? NULL : cred};

	s->c.requests++;
	conn_ask(&s->net, c, &way, request);
}

static void count_latency(struct swarm *s, uint64_t us)
{
	unsigned i = 0;

	while (us > 1 && i < LATENCIES - 1) {
		us >>= 1;
		i++;
	}
	s->c.latency[i]++;
}

/* ---- requests ---- */

static void go_on(struct swarm *s, struct agent *a)
{
	ask(s, a->step == ST_DESIRED ? &a->poll : &a->post, agent_request(a));
}

static void poll_on(struct swarm *s, struct agent *a)
{
	ask(s, &a->poll, agent_poll(a, HEARTBEAT_S));
}

/* ---- answers ---- */

/* len characters behind word in the answer; false: it is not there. */
static bool find_word(const struct conn *c, const char *word, char *ret, size_t len)
{
	const char *at = strstr(c->in + c->head_len, word);

	if (!at || strlen(at) < strlen(word) + len)
		return false;
	memcpy(ret, at + strlen(word), len);
	ret[len] = 0;
	return true;
}

/* In the first of the frames, which the peers of the rack follow. */
static void unpack_beginning(const struct conn *c, char *ret, size_t size)
{
	ZSTD_inBuffer in = {c->in + c->head_len, c->in_len - c->head_len, 0};
	ZSTD_outBuffer out = {ret, size - 1, 0};
	static ZSTD_DStream *z;

	if (!z)
		z = ZSTD_createDStream();
	ZSTD_initDStream(z);
	while (in.pos < in.size && out.pos < out.size) {
		size_t left = ZSTD_decompressStream(z, &out, &in);

		if (left == 0 || ZSTD_isError(left))
			break;
	}
	ret[out.pos] = 0;
}

static void learn_revision(struct agent *a, const struct conn *c)
{
	static const char word[] = "\"revision\":";
	const char *text = c->in + c->head_len, *at;
	static char unpacked[65536];

	if (c->status != 200)
		return;
	if (memmem(c->in, c->head_len, "Content-Encoding: zstd", 22)) {
		unpack_beginning(c, unpacked, sizeof(unpacked));
		text = unpacked;
	}
	at = strstr(text, word);
	if (!at) {
		fprintf(stderr, "swarm: n%05u got no revision\n", a->number);
		abort();
	}
	a->revision = strtoull(at + strlen(word), NULL, 10);
}

static void take_cert(struct swarm *s, struct agent *a)
{
	const char *text = a->post.in + a->post.head_len;
	_cleanup_free_ char *msg = NULL;
	_cleanup_(jx_freep) json_t *doc = jx_parse(text, strlen(text), &msg);
	const char *cert = json_string_value(json_object_get(doc, "cert"));

	a->cred = cert ? tls_credentials(s->ways.maker, cert) : NULL;
	if (!a->cred) {
		fprintf(stderr, "swarm: n%05u got no certificate: %.200s\n", a->number,
			text);
		abort();
	}
}

static void acknowledged(struct swarm *s, struct agent *a)
{
	if (a->step == ST_PROGRESS) {
		s->c.progress_acked++;
	} else if (*a->said) {
		s->c.events_acked++;
		fprintf(s->ledger_file, "%s\n", a->said);
	}
	a->said[0] = 0;
}

/* A step was answered well: what is next? */
static void step_done(struct swarm *s, struct agent *a)
{
	const struct conn *c = &a->post;

	acknowledged(s, a);
	if (a->step == ST_BOOT && !find_word(c, "ondol.token=", a->boot_token, 32)) {
		enqueue(&s->second, a); /* not now: it is asked again, as iPXE does */
		return;
	}
	if (a->step == ST_ENROL) {
		take_cert(s, a);
		s->enrolled++;
	}
	if (a->step == ST_ORDER && c->status != 200) {
		go_on(s, a); /* 204: none yet */
		return;
	}
	if (a->step == ST_ORDER)
		learn_revision(a, c);
	if (a->step == ST_PROGRESS && ++a->progress < s->ways.n_progress) {
		enqueue(&s->second, a);
		return;
	}
	if (a->step == ST_READY) {
		s->c.reports_acked += !s->ways.talks;
		if (s->hammers)
			go_on(s, a);
		return;
	}
	if (++a->step == ST_READY)
		s->n_ready++;
	else
		go_on(s, a);
	if (a->step == ST_REPORT)
		poll_on(s, a);
}

static void poll_done(struct swarm *s, struct agent *a)
{
	s->c.reports_acked++;
	learn_revision(a, &a->poll);
	if (a->step == ST_DESIRED)
		step_done(s, a);
	else
		poll_on(s, a);
}

static void on_answer(struct conn *c, void *userdata)
{
	struct swarm *s = userdata;
	struct agent *a = c->owner;
	bool good = c->status >= 200 && c->status < 300;

	s->c.answered++;
	if (!c->is_poll)
		count_latency(s, c->took_us);
	if (!good) {
		s->c.refused++;
		fprintf(stderr, "swarm: n%05u, step %d: %u %.200s\n", a->number,
			(int)a->step, c->status, c->in + c->head_len);
		if (c->is_poll) /* it would go without its heartbeats */
			exit(1);
	} else if (c->is_poll) {
		poll_done(s, a);
	} else {
		step_done(s, a);
	}
}

/* No answer: the same is asked again in a second, as agent and noded do. */
static void on_failure(struct conn *c, const char *what, void *userdata)
{
	struct swarm *s = userdata;
	struct agent *a = c->owner;

	if (s->c.failed++ < 10 || c->is_poll)
		fprintf(stderr, "swarm: n%05u, step %d, %s: %s\n", a->number,
			(int)a->step, what, strerror(errno));
	if (c->is_poll && a->step != ST_DESIRED)
		exit(1); /* ondold holds it: nothing but its end breaks it off */
	a->events -= *a->said != 0; /* it keeps its number */
	enqueue(&s->second, a);
}

/* ---- the loop ---- */

static void wake_due(struct swarm *s)
{
	uint64_t now = now_mono_ms();
	struct agent *a;

	while ((a = take_due(&s->second, now)))
		go_on(s, a);
}

static void boot_more(struct swarm *s)
{
	while (s->started < s->n && s->started - s->enrolled < MAX_BOOTING) {
		struct agent *a = &s->agents[s->started++];

		a->step = ST_BOOT;
		go_on(s, a);
	}
}

static int turn(struct swarm *s)
{
	struct epoll_event list[512];
	int n = epoll_wait(s->net.epoll, list, ARRAY_SIZE(list), 20);

	for (int i = 0; i < n; i++)
		conn_event(&s->net, list[i].data.ptr, list[i].events);
	wake_due(s);
	return n;
}

/* ---- commands ---- */

static void tell(struct swarm *s, uint64_t took_ms)
{
	const struct counts *c = &s->c;

	printf("{\"ms\":%llu,\"ready\":%u,\"requests\":%llu,\"answered\":%llu,\"refused\":%llu,"
	       "\"failed\":%llu,\"events\":%llu,\"progress\":%llu,\"reports\":%llu,"
	       "\"bytes\":%llu,\"latency\":[",
		(unsigned long long)took_ms, s->n_ready, (unsigned long long)c->requests,
		(unsigned long long)c->answered, (unsigned long long)c->refused,
		(unsigned long long)c->failed, (unsigned long long)c->events_acked,
		(unsigned long long)c->progress_acked,
		(unsigned long long)c->reports_acked, (unsigned long long)s->net.bytes);
	for (size_t i = 0; i < LATENCIES; i++)
		printf("%s%llu", i ? "," : "", (unsigned long long)c->latency[i]);
	printf("]}\n");
	fflush(stdout);
	fflush(s->ledger_file);
	s->c = (struct counts){0};
	s->net.bytes = 0;
}

/* Until all are ready, or for at most so many seconds. */
static void install(struct swarm *s, unsigned limit_s)
{
	uint64_t began = now_mono_ms(), until = began + (uint64_t)limit_s * 1000;

	while (s->n_ready < s->n && now_mono_ms() < until) {
		boot_more(s);
		turn(s);
	}
	tell(s, now_mono_ms() - began);
}

/* What those do that are ready, for so long. */
static void steady(struct swarm *s, unsigned seconds)
{
	uint64_t began = now_mono_ms(), until = began + (uint64_t)seconds * 1000;

	while (now_mono_ms() < until)
		turn(s);
	tell(s, now_mono_ms() - began);
}

static bool any_post(const struct swarm *s)
{
	for (unsigned i = 0; i < s->n; i++)
		if (s->agents[i].post.busy)
			return true;
	return false;
}

/* So many reports, from each server as fast as it is answered; at the end none is under way. */
static void hammer(struct swarm *s, unsigned requests)
{
	uint64_t began = now_mono_ms();

	s->hammers = true;
	for (unsigned i = 0; i < s->n; i++)
		go_on(s, &s->agents[i]);
	while (s->c.answered < requests)
		turn(s);
	s->hammers = false;
	while (any_post(s))
		turn(s);
	tell(s, now_mono_ms() - began);
}

/* The same with events, each of which is kept. */
static void talk(struct swarm *s, unsigned requests)
{
	s->ways.talks = true;
	hammer(s, requests);
	s->ways.talks = false;
}

/* What comes next goes to another server at this port, with the same certificates. */
static void aim(struct swarm *s, unsigned port)
{
	s->api.sin_port = htons((uint16_t)port);
	for (unsigned i = 0; i < s->n; i++)
		if (!s->agents[i].post.busy)
			conn_close(&s->agents[i].post);
	tell(s, 0);
}

static const struct {
	const char *name;
	void (*run)(struct swarm *s, unsigned argument);
} commands[] = {
	{"install", install}, /* boots all; argument: seconds at most */
	{"steady", steady}, /* argument: seconds */
	{"hammer", hammer}, /* argument: requests */
	{"talk", talk}, /* argument: requests */
	{"aim", aim}, /* argument: a port */
};

static int command(struct swarm *s, char *line)
{
	char *argument = strchr(line, ' ');
	unsigned number = 0;

	line[strcspn(line, "\n")] = 0;
	if (argument)
		*argument++ = 0;
	if (argument && parse_unsigned(argument, 0, 100000000, &number) < 0)
		return -EINVAL;
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (streq(commands[i].name, line)) {
			commands[i].run(s, number);
			return 0;
		}
	return -EINVAL;
}

static void make_agents(struct swarm *s)
{
	s->agents = xcalloc(s->n, sizeof(*s->agents));
	for (unsigned i = 0; i < s->n; i++) {
		struct agent *a = &s->agents[i];

		a->number = i + 1;
		a->ways = &s->ways;
		a->post = (struct conn){.owner = a, .fd = -1};
		a->poll = (struct conn){.owner = a, .fd = -1, .is_poll = true};
	}
}

static struct sockaddr_in address_of(uint32_t address, unsigned port)
{
	return (struct sockaddr_in){.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(address)};
}

static int read_args(int argc, char **argv, struct swarm *s)
{
	uint32_t server;
	unsigned boot, api;

	if (argc != 7 || parse_ipv4(argv[1], &server) < 0 ||
		parse_unsigned(argv[2], 1, 65535, &boot) < 0 ||
		parse_unsigned(argv[3], 1, 65535, &api) < 0 ||
		parse_ipv4(argv[4], &s->base) < 0 ||
		parse_unsigned(argv[5], 1, 60000, &s->n) < 0) {
		fputs("usage: swarm SERVER BOOT_PORT API_PORT BASE N LEDGER; see "
		      "tests/bench/bench.py\n",
			stderr);
		return -EINVAL;
	}
	s->boot = address_of(server, boot);
	s->api = address_of(server, api);
	s->ledger_file = fopen(argv[6], "we");
	return s->ledger_file ? 0 : -errno;
}

int main(int argc, char **argv)
{
	struct rlimit files = {200000, 200000};
	struct swarm s = {.ways.n_progress = 30,
		.net = {.answered = on_answer, .failed = on_failure}};
	_cleanup_free_ char *line = NULL;
	size_t size = 0;

	if (read_args(argc, argv, &s) < 0)
		return 2;
	if (setrlimit(RLIMIT_NOFILE, &files) < 0 &&
		getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &files);
	}
	s.ways.maker = tls_maker_new();
	s.net.maker = s.ways.maker;
	s.net.userdata = &s;
	s.net.epoll = epoll_create1(EPOLL_CLOEXEC);
	s.nobody = tls_credentials(s.ways.maker, NULL);
	make_agents(&s);
	while (getline(&line, &size, stdin) > 0)
		if (command(&s, line) < 0) {
			fprintf(stderr, "swarm: unknown command: %s\n", line);
			return 2;
		}
	return 0;
}
