// SPDX-License-Identifier: Apache-2.0
// The services of an OpenStack cloud, as its own APIs say they are.
import {call} from "/api.js";
import {$, el, show} from "/dom.js";
import {page} from "/state.js";
import {age, ago, now, plural, roleOf, WORDS} from "/words.js";

function cloudMissing(c) {
	const out = [];
	for (const n of c.nodes) {
		const who = `${n.name} (${roleOf(n)})`;
		const why = (n.state === "failed" || n.state === "retrying" || !n.step ? n.reason : n.step) || WORDS[n.state];
		if (n.state !== "ready") out.push(`${who} is ${n.state}${why ? `: ${why}` : ""}`);
		else if (!n.heard) out.push(`${who} has been silent for ${age(now() - n.last_seen)}: is the server on?`);
	}
	if (!c.time) out.push(`the controller ${c.controller} has said nothing of the services yet`);
	else if (cloudIsOld(c)) out.push(`the controller ${c.controller} last spoke of the services ${ago(c.time)}: what it said then may not be true any more`);
	for (const s of c.status) if (!s.ok) out.push(`${s.service} on ${s.node}: ${s.text}`);
	return out;
}

const cloudIsOld = (c) => c.time > 0 && now() > c.time + c.old_after_ms;

function serviceItem(s, old) {
	const [cls, glyph, word] = old ? ["unsure", "?", "not known"] : s.ok ? ["ok", "✓", "well"] : ["no", "✗", "not well"];
	return el("li", {}, el("span", {class: cls, role: "img", "aria-label": word}, glyph),
		el("span", {}, s.service, " ", el("span", {class: s.ok ? "dim" : "no-text"}, s.text)));
}

function cloudHosts(c) {
	const names = c.nodes.map((n) => n.name), hosts = new Map(names.map((n) => [n, []]));
	for (const s of c.status) {
		if (!hosts.has(s.node)) hosts.set(s.node, []);
		hosts.get(s.node).push(s);
	}
	return [...hosts].filter(([, list]) => list.length).map(([name, list]) => {
		const node = c.nodes.find((n) => n.name === name), bad = list.filter((s) => !s.ok).length;
		return el("div", {class: "host"}, el("h3", {}, name, " ", el("span", {class: "dim"}, node ? roleOf(node) : "not in the rack"),
			bad ? el("span", {class: "no"}, ` ${bad} not well`) : ""),
		el("ol", {}, list.slice().sort((a, b) => a.ok - b.ok).map((s) => serviceItem(s, cloudIsOld(c)))));
	});
}

export function drawCloud() {
	const c = page.cloud;
	show($("cloud"), Boolean(c));
	if (!c) return;
	const missing = cloudMissing(c), bad = c.status.filter((s) => !s.ok).length;
	const hosts = new Set(c.status.map((s) => s.node)).size, well = !missing.length && c.status.length;
	const link = /^https:\/\//.test(c.dashboard) ? el("a", {href: c.dashboard, rel: "noopener noreferrer"}, "Dashboard") : null;
	const sums = c.status.length ? ` ${plural(c.status.length, "service")} on ${plural(hosts, "node")}: ${c.status.length - bad} well, ${bad} not.` : "";
	$("cloud-body").replaceChildren(
		el("p", {}, el("span", {class: `badge ${well ? "good" : cloudIsOld(c) ? "warn" : "bad"}`}, well ? "well" : "not well"), sums,
			" ", el("span", {class: "dim"}, c.time ? `The controller ${c.controller} spoke ${ago(c.time)}.` : ""), " ", link || ""),
		missing.length ? el("ul", {class: "missing"}, missing.map((m) => el("li", {}, m))) : "",
		el("div", {class: "hosts"}, cloudHosts(c)));
}

let cloudTimer = 0;
export function loadCloud() {
	clearTimeout(cloudTimer);
	cloudTimer = setTimeout(async () => {
		try {
			page.cloud = (await call("GET", "/v1/cloud")).cloud;
			drawCloud();
		} catch {
			// the stream tells when the connection is lost
		}
	}, 200);
}
