/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/agent.h"

#include "common/jsonx.h"

static void name_of(const struct agent *a, char buf[static 16])
{
	snprintf(buf, 16, "n%05u", a->number);
}

static void mac_of(const struct agent *a, unsigned port, char buf[static 18])
{
	snprintf(buf, 18, "94:40:c9:%02x:%02x:%02x", a->number >> 8 & 0xff,
		a->number & 0xff, port);
}

/*
 * Firmware and enrolment: one for each; the agent's last word ends its own, and so does noded's,
 * which closes what is idle for long.
 */
static const char *closing(const struct agent *a)
{
	return a->step <= ST_ENROL || a->step == ST_KEXEC || a->step == ST_REPORT
		? "Connection: close\r\n"
		: "";
}

static char *get(const struct agent *a, const char *path)
{
	return xasprintf(
		"GET %s HTTP/1.1\r\nHost: ondold\r\nAccept-Encoding: zstd\r\n%s\r\n",
		path, closing(a));
}

static char *post(const struct agent *a, const char *what, const char *body)
{
	_cleanup_free_ char *bearer = a->step == ST_ENROL
		? xasprintf("Authorization: Bearer %s\r\n", a->boot_token)
		: xstrdup("");
	char name[16];

	name_of(a, name);
	return xasprintf(
		"POST /v1/nodes/%s/%s HTTP/1.1\r\nHost: ondold\r\nAccept-Encoding: zstd\r\n%s%s"
		"Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
		name, what, bearer, closing(a), strlen(body), body);
}

/* One event with a text that no other has; data is JSON or NULL. */
static char *event(struct agent *a, const char *type, const char *data)
{
	_cleanup_free_ char *body = NULL;

	snprintf(a->said, sizeof(a->said), "swarm %u.%u", a->number, ++a->events);
	body = xasprintf("{\"events\":[{\"type\":\"%s\",\"text\":\"%s\"%s%s}]}", type,
		a->said, data ? ",\"data\":" : "", data ? data : "");
	return post(a, "events", body);
}

static char *inventory(struct agent *a)
{
	_cleanup_free_ char *body = NULL;
	char m1[18], m2[18];

	mac_of(a, 1, m1);
	mac_of(a, 2, m2);
	body = xasprintf(
		"{\"vendor\":\"HPE\",\"product\":\"ProLiant DL360 Gen10\",\"serial\":\"CZJ%07u\","
		"\"uuid\":\"39383838-3738-5a43-4a30-%012u\",\"bios_version\":\"U32\",\"cpus\":64,"
		"\"cpu_model\":\"Intel(R) Xeon(R) Gold 6130\",\"cpu_virt\":true,"
		"\"memory_bytes\":137438953472,\"uefi\":true,\"disks\":["
		"{\"name\":\"sda\",\"serial\":\"S%uA\",\"wwn\":\"5000c500a1%06x\",\"model\":\"MB0480\","
		"\"bus\":\"sata\",\"bay\":1,\"size_bytes\":480103981056,\"sector_bytes\":512,"
		"\"rotational\":false,\"removable\":false,\"read_only\":false,\"signatures\":[]},"
		"{\"name\":\"nvme0n1\",\"serial\":\"N%u\",\"wwn\":\"\",\"model\":\"MO1920\","
		"\"bus\":\"nvme\",\"bay\":3,\"size_bytes\":1920383410176,\"sector_bytes\":512,"
		"\"rotational\":false,\"removable\":false,\"read_only\":false,\"signatures\":[]}],"
		"\"nics\":[{\"name\":\"eth0\",\"mac\":\"%s\",\"driver\":\"tg3\",\"link\":true,"
		"\"speed_mbps\":1000},{\"name\":\"eth1\",\"mac\":\"%s\",\"driver\":\"tg3\",\"link\":true,"
		"\"speed_mbps\":1000}]}",
		a->number, a->number, a->number, a->number, a->number, m1, m2);
	return post(a, "inventory", body);
}

static char *progress(struct agent *a)
{
	_cleanup_free_ char *data = xasprintf("{\"done\":%u,\"total\":%u}",
		(a->progress + 1) * 1000000, a->ways->n_progress * 1000000);
	_cleanup_free_ char *body = xasprintf(
		"{\"events\":[{\"type\":\"agent.progress\",\"text\":\"\",\"data\":%s}]}",
		data);

	return post(a, "events", body);
}

static char *report(struct agent *a, const char *what)
{
	const char *ready = a->step >= ST_REPORT ? "true" : "false";
	_cleanup_free_ char *body = xasprintf(
		"{\"revision\":%llu,\"ready\":%s,\"boot_id\":\"b%u\",\"image\":\"0.1.0-bench\","
		"\"proofs\":[{\"name\":\"network\",\"ok\":%s,\"text\":\"as declared\",\"time\":%llu},"
		"{\"name\":\"units\",\"ok\":true,\"text\":\"all up\",\"time\":1}],\"task\":null}",
		(unsigned long long)a->revision, ready, a->number, ready,
		(unsigned long long)now_real_ms());

	return post(a, what, body);
}

static char *installed(struct agent *a)
{
	_cleanup_free_ char *data = xasprintf(
		"{\"serial\":\"S%uA\",\"wwn\":\"\",\"bytes\":4096000}", a->number);

	return event(a, "agent.installed", data);
}

char *agent_poll(struct agent *a, unsigned wait_s)
{
	char what[96];

	snprintf(what, sizeof(what), "desired?rev=%llu&task=0&facts=0&wait=%u",
		(unsigned long long)a->revision, wait_s);
	return report(a, what);
}

static char *get_named(struct agent *a, const char *what)
{
	_cleanup_free_ char *path = NULL;
	char name[16];

	name_of(a, name);
	path = xasprintf("/v1/nodes/%s/%s", name, what);
	return get(a, path);
}

static char *get_script(struct agent *a)
{
	_cleanup_free_ char *path = NULL;
	char mac[18];

	mac_of(a, 1, mac);
	path = xasprintf("/boot/%s", mac);
	return get(a, path);
}

static char *enrol(struct agent *a)
{
	_cleanup_(jx_freep) json_t *doc =
		json_pack("{s:s}", "request", tls_request(a->ways->maker));
	_cleanup_free_ char *body = json_dumps(doc, JSON_COMPACT);

	return post(a, "enrol", body);
}

char *agent_request(struct agent *a)
{
	switch (a->step) {
	case ST_BOOT:
		return get_script(a);
	case ST_KERNEL:
		return get(a, "/files/core/vmlinuz");
	case ST_INITRD:
		return get(a, "/files/core/initrd.img");
	case ST_ENROL:
		return enrol(a);
	case ST_UP:
		return event(a, "agent.up", NULL);
	case ST_INVENTORY:
		return inventory(a);
	case ST_ORDER:
		return get_named(a, "order?wait=30");
	case ST_PROGRESS:
		return progress(a);
	case ST_INSTALLED:
		return installed(a);
	case ST_KEXEC:
		return event(a, "agent.kexec", NULL);
	case ST_NODED_UP:
		return event(a, "noded.up", NULL);
	case ST_DESIRED:
		return agent_poll(a, 0); /* it has it from the order */
	case ST_REPORT:
		return report(a, "report");
	case ST_READY: /* in the bench's talk alone */
		return a->ways->talks ? event(a, "noded.step", NULL)
				      : report(a, "report");
	case ST_OFF:
		break;
	}
	abort();
}
