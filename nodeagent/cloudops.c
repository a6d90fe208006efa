/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The controller signs in as Keystone's admin; any other node as its service's own user,
 * whose password is kept for the day the role is left.
 */
#include "nodeagent/cloudops.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#include "cloud/identity.h"
#include "cloud/reconcile.h"
#include "cloud/setup.h"
#include "cloud/status.h"
#include "common/digest.h"
#include "common/jsonx.h"
#include "common/log.h"
#include "common/run.h"
#include "nodeagent/backup.h"
#include "nodeagent/guestimage.h"
#include "nodeagent/paths.h"
#include "nodeagent/patience.h"
#include "nodeagent/rings.h"
#include "nodeagent/trust.h"
#include "nodeagent/work.h"

#define READY_CALL_MS 60000
#define CALL_MS 120000u /* of an admin's; stretched like all deadlines */
#define STATUS_CALL_MS 20000
#define TCP_MS 3000

/* ---- sessions ---- */

static int admin_session(const struct partwork *w, unsigned timeout_ms,
	struct cloud_session **ret, char **reterr_msg)
{
	const struct desired_cloud *c = w->desired->cloud;
	const char *password = desired_secret(w->desired, "admin");
	_cleanup_free_ char *url = xasprintf("https://%s:5000/v3", c->public),
			    *token_file = xasprintf(NODE_TOKEN, "admin");

	if (!password) {
		*reterr_msg = xstrdup(
			"ondold gave this node no secret admin: only the controller has it");
		return -ENOKEY;
	}
	*ret = cloud_session_new(&(struct cloud_login){.auth_url = url,
		.user = "admin",
		.password = password,
		.project = "admin",
		.region = c->region,
		.ca_file = TRUST_CA,
		.token_file = token_file,
		.timeout_ms = patience_ms(timeout_ms)});
	return 0;
}

static char *login_path(const struct partwork *w)
{
	return xasprintf(NODE_DONE "/%s.login", w->part->name);
}

/* A role that is being left has no secrets in the desired state any more: what was kept. */
static char *kept_password(const struct partwork *w)
{
	_cleanup_free_ char *path = login_path(w);
	char *password = NULL;

	return read_line_file(path, &password) == 0 ? password : NULL;
}

/* As the user that the service itself is to Keystone. */
static int service_session(const struct partwork *w, const char *op,
	struct cloud_session **ret, char **reterr_msg)
{
	const char *user = part_op_user(op);
	_cleanup_free_ char *secret = xasprintf("keystone.%s", user ? user : "");
	_cleanup_free_ char *url =
		xasprintf("https://%s:5000/v3", w->desired->cloud->public);
	const char *given = desired_secret(w->desired, secret);
	_cleanup_secret_ char *password = given ? xstrdup(given) : kept_password(w);
	_cleanup_free_ char *token_file = xasprintf(NODE_TOKEN, user ? user : "");

	if (!user || !password) {
		*reterr_msg = xasprintf("%s: there is no password for Keystone's user %s",
			op, user ? user : "of that name");
		return -ENOKEY;
	}
	*ret = cloud_session_new(&(struct cloud_login){.auth_url = url,
		.user = user,
		.password = password,
		.project = "service",
		.region = w->desired->cloud->region,
		.ca_file = TRUST_CA,
		.token_file = token_file,
		.timeout_ms = patience_ms(READY_CALL_MS)});
	return 0;
}

/* ---- what a part's services are called by their API ---- */

static const char *service_of(const char *op)
{
	return streq(op, "neutron-agent") ? "neutron-openvswitch-agent" : op;
}

int cloudops_ready(const struct partwork *w, const char *op, char **ret_text)
{
	_cleanup_(cloud_session_freep) struct cloud_session *s = NULL;
	int r = service_session(w, op, &s, ret_text);

	if (r < 0)
		return r;
	r = cloud_service_up(s, service_of(op), w->desired->node, ret_text);
	return r > 0 ? 0 : -EAGAIN;
}

static int keep_login(const struct partwork *w, const char *op)
{
	_cleanup_free_ char *path = login_path(w),
			    *secret = xasprintf("keystone.%s", part_op_user(op));
	const char *password = desired_secret(w->desired, secret);
	int r = mkdir_p(NODE_DONE, 0700);

	return r < 0 || !password
		? r
		: write_file_atomic(path, password, strlen(password), 0600);
}

int cloudops_enter(const struct partwork *w, const char *op, char **ret_text)
{
	_cleanup_(cloud_session_freep) struct cloud_session *s = NULL;
	int r = service_session(w, op, &s, ret_text);

	if (r == 0)
		r = keep_login(w, op);
	if (r < 0 || streq(op, "neutron-agent"))
		return r;
	if (streq(op, "nova-compute"))
		return cloud_enter_compute(s, w->desired->node, ret_text);
	return cloud_enter_storage(s, service_of(op), w->desired->node, ret_text);
}

/* No secret any more and no password kept: the part never came to where it is entered. */
static bool never_entered(const struct partwork *w, const char *op)
{
	const char *user = part_op_user(op);
	_cleanup_free_ char *path = login_path(w),
			    *secret = xasprintf("keystone.%s", user ? user : "");

	return user && !desired_secret(w->desired, secret) && access(path, F_OK) < 0 &&
		errno == ENOENT;
}

int cloudops_leave(const struct partwork *w, const char *op, char **ret_text)
{
	_cleanup_(cloud_session_freep) struct cloud_session *s = NULL;
	_cleanup_free_ char *why = xasprintf("%s takes another role", w->desired->node);
	int r;

	if (never_entered(w, op)) {
		*ret_text = xasprintf("%s: was never entered, nothing is owed", op);
		return 0;
	}
	r = service_session(w, op, &s, ret_text);
	if (r < 0)
		return r;
	if (streq(op,
		    "neutron-agent")) /* forgotten once the node is no compute node any more */
		return 0;
	if (streq(op, "nova-compute"))
		return cloud_leave_compute(s, w->desired->node, why, ret_text);
	return cloud_leave_storage(s, service_of(op), w->desired->node, why, ret_text);
}

int cloudops_tcp(const char *address, char **ret_text)
{
	struct sockaddr_in sa = {.sin_family = AF_INET};
	_cleanup_close_ int fd =
		socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct pollfd p = {.fd = fd, .events = POLLOUT};
	uint32_t ip;
	unsigned port;
	int err = 0;
	socklen_t len = sizeof(err);

	if (parse_ipv4_port(address, &ip, &port) < 0 || fd < 0) {
		*ret_text = xasprintf("%s: expected A.B.C.D:PORT", address);
		return -EINVAL;
	}
	sa.sin_addr.s_addr = htonl(ip);
	sa.sin_port = htons((uint16_t)port);
	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0) {
		if (errno != EINPROGRESS)
			err = errno;
		else if (poll(&p, 1, TCP_MS) != 1)
			err = ETIMEDOUT;
		else
			getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len);
	}
	if (err)
		*ret_text =
			xasprintf("nothing answers at %s: %s", address, strerror(err));
	return err ? -EAGAIN : 0;
}

/* ---- Keystone's content ---- */

struct identity {
	struct cloud_user *users;
	char **roles; /* joined, one per user */
	char **secrets; /* names */
	struct cloud_service *services;
	char **urls; /* expanded, one per service */
};

static char *joined(char *const *list)
{
	char *out = xstrdup("");

	for (; *list; list++) {
		char *more = xasprintf("%s%s%s", out, *out ? " " : "", *list);

		free(out);
		out = more;
	}
	return out;
}

static void identity_clear(struct identity *id)
{
	free(id->users);
	free(id->services);
	strv_free(id->roles);
	strv_free(id->urls);
}

static int identity_fill(const struct partwork *w, struct identity *id, char **reterr_msg)
{
	const struct partdef *p = w->part;

	id->users = xcalloc(p->n_users + 1, sizeof(*id->users));
	id->services = xcalloc(p->n_services + 1, sizeof(*id->services));
	id->roles = xcalloc(p->n_users + 1, sizeof(char *));
	id->urls = xcalloc(p->n_services + 1, sizeof(char *));
	for (size_t i = 0; i < p->n_users; i++) {
		_cleanup_free_ char *secret = xasprintf("keystone.%s", p->users[i].name);

		id->roles[i] = joined(p->users[i].roles);
		id->users[i] = (struct cloud_user){.name = p->users[i].name,
			.password = desired_secret(w->desired, secret),
			.roles = id->roles[i],
			.project = "service"};
		if (!id->users[i].password) {
			*reterr_msg = xasprintf("ondold gave no secret %s", secret);
			return -ENOKEY;
		}
	}
	for (size_t i = 0; i < p->n_services; i++) {
		int r = vars_expand(
			w->vars, p->services[i].url, &id->urls[i], reterr_msg);

		if (r < 0)
			return r;
		id->services[i] = (struct cloud_service){
			p->services[i].type, p->services[i].name, id->urls[i]};
	}
	return 0;
}

static int step_identity(const struct partwork *w, char **ret_text)
{
	_cleanup_(cloud_session_freep) struct cloud_session *s = NULL;
	_cleanup_(identity_clear) struct identity id = {0};
	int r = identity_fill(w, &id, ret_text);

	if (r == 0)
		r = admin_session(w, CALL_MS, &s, ret_text);
	if (r < 0)
		return r;
	return cloud_identity_ensure(s,
		&(struct cloud_identity){.region = w->desired->cloud->region,
			.users = id.users,
			.n_users = w->part->n_users,
			.services = id.services,
			.n_services = w->part->n_services},
		NULL, ret_text);
}

static int step_heat_domain(const struct partwork *w, char **ret_text)
{
	_cleanup_(cloud_session_freep) struct cloud_session *s = NULL;
	const char *password = desired_secret(w->desired, "keystone.heat_domain_admin");
	int r = admin_session(w, CALL_MS, &s, ret_text);

	if (r == 0 && !password) {
		*ret_text = xstrdup(
			"ondold gave no secret keystone.heat_domain_admin: no setting of the part names it");
		return -ENOKEY;
	}
	return r < 0 ? r : cloud_identity_heat(s, password, ret_text);
}

/* ---- a cloud that can be used ---- */

static void say(const char *text, _unused_ void *userdata)
{
	work_now("%s", text);
}

static int step_setup(const struct partwork *w, char **ret_text)
{
	_cleanup_(cloud_session_freep) struct cloud_session *s = NULL;
	_cleanup_(guestimage_clear) struct guestimage image = {0};
	struct cloud_setup setup = {.desired = w->desired,
		.student_password = desired_secret(w->desired, "student"),
		.say = say};
	int r = admin_session(w, CALL_MS, &s, ret_text);

	if (r == 0)
		r = guestimage_fetch(&image, ret_text);
	if (r < 0)
		return r;
	setup.guest = (struct cloud_guest){.name = image.name,
		.file = image.path,
		.version = image.version,
		.min_disk_gb = image.min_disk_gb,
		.min_ram_mb = image.min_ram_mb,
		.properties = image.properties};
	r = cloud_setup(s, &setup, ret_text);
	if (r == 0)
		guestimage_forget(&image);
	return r;
}

static const struct {
	const char *op;
	int (*run)(const struct partwork *w, char **ret_text);
} steps[] = {
	{"identity", step_identity},
	{"heat-domain", step_heat_domain},
	{"setup", step_setup},
};

int cloudops_step(const struct partwork *w, const char *op, char **ret_text)
{
	if (streq(op, "rings"))
		return rings_ensure(w->desired, ret_text);
	if (streq(op, "restore"))
		return backup_restore(w->desired->restore, ret_text);
	if (streq(op, "trust"))
		return trust_store("", ret_text);
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++)
		if (streq(steps[i].op, op))
			return steps[i].run(w, ret_text);
	*ret_text = xasprintf("there is no op %s", op);
	return -EINVAL;
}

/* ---- digests ---- */

static char *identity_text(const struct partwork *w)
{
	_cleanup_(identity_clear) struct identity id = {0};
	_cleanup_free_ char *ignored = NULL;
	char *out = xstrdup(w->desired->cloud->region);

	if (identity_fill(w, &id, &ignored) < 0)
		return out;
	for (size_t i = 0; i < w->part->n_users; i++) {
		char *more = xasprintf("%s\n%s %s %s", out, id.users[i].name,
			id.users[i].password, id.roles[i]);

		free(out);
		out = more;
	}
	for (size_t i = 0; i < w->part->n_services; i++) {
		char *more = xasprintf("%s\n%s %s %s", out, id.services[i].type,
			id.services[i].name, id.services[i].url);

		free(out);
		out = more;
	}
	return out;
}

static char *setup_text(const struct partwork *w)
{
	const struct desired_cloud *c = w->desired->cloud;
	_cleanup_free_ char *words = joined(c->services), *dns = joined(c->dns);
	const struct desired_external *e = c->external;
	/* That ondold is away is no other guest image: what was set up stays as it is. */
	_cleanup_free_ char *version = guestimage_version();

	return xasprintf("%s\n%s\n%s\n%s\n%s %x/%u %x %x-%x", version, words, dns,
		c->student, e ? e->name : "", e ? e->subnet : 0, e ? e->prefix : 0,
		e ? e->gateway : 0, e ? e->first : 0, e ? e->last : 0);
}

char *cloudops_digest(const struct partwork *w, const char *op)
{
	_cleanup_free_ char *text = streq(op, "identity") ? identity_text(w)
		: streq(op, "rings")                      ? rings_devices(w->desired)
		: streq(op, "setup")                      ? setup_text(w)
		: streq(op, "restore") && w->desired->restore
		? xstrdup(w->desired->restore->sha256)
		: xstrdup("");
	char *hex = xmalloc(DIGEST_HEX);

	digest_hex(text, strlen(text), hex);
	return hex;
}

/* ---- the cloud as a whole ---- */

/* Records of hosts that are gone; what only a program on this node can take away, it takes. */
static void reconcile(struct cloud_session *s, const struct desired *d)
{
	_cleanup_(jx_freep) json_t *list = NULL;
	_cleanup_free_ char *msg = NULL;
	size_t i;
	json_t *e;

	if (cloud_reconcile(s, d, &list, &msg) < 0) {
		log_debug("records of nodes that left were not looked at: %s", msg);
		return;
	}
	json_array_foreach(list, i, e)
	{
		const json_t *manual = json_object_get(e, "manual");
		const char *argv[16] = {NULL};
		_cleanup_free_ char *why = NULL;

		log_info("%s", cloud_str(e, "text"));
		for (size_t k = 0;
			k < json_array_size(manual) && k < ARRAY_SIZE(argv) - 1; k++)
			argv[k] = json_string_value(json_array_get(manual, k));
		if (argv[0] && run_ok(argv, READY_CALL_MS, &why) < 0)
			log_warn("%s", why);
	}
}

int cloudops_status(struct partwork *w, char **ret_text)
{
	_cleanup_(cloud_session_freep) struct cloud_session *s = NULL;
	_cleanup_(jx_freep) json_t *status = NULL;
	_cleanup_free_ char *text = NULL;
	int r = admin_session(w, STATUS_CALL_MS, &s, ret_text);

	if (r < 0)
		return r;
	reconcile(s, w->desired);
	cloud_status(s, w->desired, &status);
	text = json_dumps(status, JSON_COMPACT);
	r = text ? write_file_atomic(NODE_CLOUD, text, strlen(text), 0600) : -ENOMEM;
	if (r < 0)
		*ret_text = xasprintf(NODE_CLOUD ": %s", strerror(-r));
	return r;
}

int cloudops_backup(_unused_ struct partwork *w, char **ret_text)
{
	return backup_make(ret_text);
}
