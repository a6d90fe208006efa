// SPDX-License-Identifier: Apache-2.0
// State comes with GET /v1/status and then, change by change, over GET /v1/stream; when that
// stream ends it is begun anew and all is read again.
import {call, sessionEnded} from "/api.js";
import {drawCloud, loadCloud} from "/cloud.js";
import {$, inUse, say, setText, show} from "/dom.js";
import {addEvent, drawEvents} from "/events.js";
import {drawPanel, loadDetail, select} from "/node.js";
import {drawPlans, freshenPlan} from "/plan.js";
import {drawRack, drawSums, updateRow} from "/rack.js";
import {MAX_EVENTS, page} from "/state.js";
import {clock} from "/words.js";

const SILENCE_MS = 40000; // the stream beats every 15 s

function takeNode(n) {
	const old = page.nodes.get(n.name);
	if (!old) return;
	const merged = {...old, ...n};
	page.nodes.set(n.name, merged);
	updateRow(merged);
	drawSums();
	if (old.state !== n.state) say(`${n.name} is ${n.state}${n.state === "failed" ? `: ${n.reason}` : ""}`);
	if (old.state !== n.state || old.revision !== n.revision) freshenPlan(n.name);
	if (page.selected === n.name) loadDetail();
}

function takeEvent(ev) {
	if (!addEvent(ev)) return;
	if (page.selected && ev.node === page.selected) loadDetail();
	if (page.cloud) loadCloud();
}

// While all is read: what the stream tells, which is newer than the answer.
let newer = null;

async function loadAll() {
	const told = (newer = []);
	const [status, events] = await Promise.all([call("GET", "/v1/status"), call("GET", `/v1/events?last=${MAX_EVENTS}`)]);
	page.clockOffset = status.now - Date.now();
	page.rack = status.rack;
	page.nodes = new Map(status.nodes.map((n) => [n.name, n]));
	page.events = events.events;
	drawRack();
	drawSums();
	drawPlans();
	drawEvents();
	if (newer === told) newer = null;
	for (const take of told) take();
	page.cloud = (await call("GET", "/v1/cloud")).cloud;
	drawCloud();
	const wanted = location.hash.slice(1);
	if (page.nodes.has(wanted) && wanted !== page.selected) select(wanted);
	else if (page.selected && !page.nodes.has(page.selected)) select("");
	else loadDetail();
	connected(true);
}

export function connected(on) {
	const lost = !on && page.who;
	show($("lost"), Boolean(lost));
	setText($("lost"), lost ? `The connection to ondold is lost since ${clock(page.heardAt || Date.now())}. What is shown may be old. Trying again…` : "");
	show($("link"), Boolean(page.who));
	$("link").className = on ? "link" : "link off";
	setText($("link"), on ? "live" : "not connected");
}

function hear() {
	page.heardAt = Date.now();
}

let retryTimer = 0;
export function closeStream() {
	clearTimeout(retryTimer);
	if (page.stream) page.stream.close();
	page.stream = null;
}

function retry() {
	closeStream();
	connected(false);
	retryTimer = setTimeout(openStream, page.retryMs);
	page.retryMs = Math.min(page.retryMs * 2, 10000);
}

export async function openStream() {
	closeStream();
	try {
		await call("GET", "/v1/session"); // an EventSource does not tell a refusal from a loss
	} catch (e) {
		if (e.status === 401) sessionEnded();
		else retry();
		return;
	}
	const stream = (page.stream = new EventSource("/v1/stream"));
	const on = (type, take) => stream.addEventListener(type, (ev) => {
		hear();
		take(JSON.parse(ev.data));
	});
	page.heardAt = page.heardAt || Date.now();
	on("hello", () => {
		page.retryMs = 1000;
		loadAll().catch(retry);
	});
	const inTurn = (take) => (data) => { if (newer) newer.push(() => take(data)); else take(data); };
	on("node", inTurn(takeNode));
	on("event", inTurn(takeEvent));
	on("cloud", loadCloud);
	on("beat", () => {});
	stream.onerror = () => { if (page.stream === stream) retry(); };
}

// Ages run on, and a controller's word grows old, also when nothing comes.
export function runOn() {
	if (page.stream && page.heardAt && Date.now() - page.heardAt > SILENCE_MS) retry();
	if (document.hidden) return;
	if (page.cloud && !inUse($("cloud"))) drawCloud();
	if (page.detail && !inUse($("panel"))) drawPanel();
	for (const n of page.nodes.values()) if (n.silent) updateRow(n);
}

export function countDown() {
	if (document.hidden) return;
	for (const n of page.nodes.values()) if (n.retry && n.retry.at) updateRow(n);
}
