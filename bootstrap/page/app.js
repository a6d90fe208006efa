// SPDX-License-Identifier: Apache-2.0
// The page of ondold. What nodes say is shown as text and never becomes markup: the only way
// into the document is el(). State comes with GET /v1/status and then, change by change, over
// GET /v1/stream; when that stream ends it is begun anew and all is read again.
"use strict";

const $ = (id) => document.getElementById(id);
const STAGES = ["powering", "network-booting", "agent", "installing", "first-boot", "configuring"];
const PAUSES = ["retrying", "resetting-bmc"]; // between two tries of a run
const SILENCE_MS = 40000; // the stream beats every 15 s
const MAX_EVENTS = 200;

const page = {
	who: null, // {name, role}
	rack: null,
	nodes: new Map(), // name → NODE
	rows: new Map(), // name → the elements of its unit
	cloud: null,
	selected: "",
	detail: null, // NODE with inventory, of the selected one
	detailEvents: [],
	console: null, // the element of the selected one's recording
	why: [], // what is the matter with it, as `ondol why` says
	events: [],
	clockOffset: 0, // ondold's clock minus ours
	stream: null,
	heardAt: 0,
	retryMs: 1000,
};

// ---- the document ----

function el(tag, props, ...children) {
	const e = document.createElement(tag);
	for (const [key, value] of Object.entries(props || {})) {
		if (key === "class") e.className = value;
		else if (key.startsWith("on")) e.addEventListener(key.slice(2), value);
		else if (value === true) e.setAttribute(key, "");
		else if (value !== false && value !== null && value !== undefined) e.setAttribute(key, value);
	}
	for (const c of children.flat()) if (c !== null && c !== undefined) e.append(c);
	return e;
}

function setText(e, text) {
	if (e.textContent !== text) e.textContent = text;
}

function show(e, on) {
	if (e.hidden === on) e.hidden = !on;
}

function say(text) {
	setText($("say"), text);
}

// ---- words ----

const now = () => Date.now() + page.clockOffset;
const plural = (n, word) => `${n} ${word}${n === 1 ? "" : "s"}`;

function age(ms) {
	const s = Math.max(0, Math.round(ms / 1000));
	if (s < 60) return `${s} s`;
	if (s < 3600) return `${Math.floor(s / 60)} min ${s % 60} s`;
	if (s < 86400) return `${Math.floor(s / 3600)} h ${Math.floor(s / 60) % 60} min`;
	return `${Math.floor(s / 86400)} d ${Math.floor(s / 3600) % 24} h`;
}

const ago = (then) => (then ? `${age(now() - then)} ago` : "never");

function size(bytes) {
	const units = ["B", "kB", "MB", "GB", "TB", "PB"];
	let i = 0;
	while (bytes >= 1000 && i < units.length - 1) {
		bytes /= 1000;
		i++;
	}
	return `${i ? bytes.toFixed(1) : bytes} ${units[i]}`;
}

const memory = (bytes) => `${(bytes / 2 ** 30).toFixed(bytes < 2 ** 33 ? 1 : 0)} GiB`;

function clock(ms) {
	return new Date(ms).toLocaleTimeString([], {hour: "2-digit", minute: "2-digit", second: "2-digit",
		hour12: false});
}

function timeEl(ms) {
	const d = new Date(ms);
	return el("time", {datetime: d.toISOString(), title: d.toLocaleString()}, clock(ms));
}

const roleOf = (n) => (n.kind ? `${n.role}/${n.kind}` : n.role);

function tone(n) {
	if (n.state === "failed") return "bad";
	if (n.state === "ready") return n.silent || n.proofs.some((p) => !p.ok) ? "warn" : "good";
	return STAGES.includes(n.state) || PAUSES.includes(n.state) ? "busy" : "rest";
}

function stateWord(n) {
	if (n.state === "ready" && n.silent) return "silent";
	const p = n.progress;
	if (n.state === "installing" && p && p.total > 0)
		return `installing ${Math.floor((100 * p.done) / p.total)} %`;
	return n.state;
}

// Where a node says nothing of what it does, its state does.
const WORDS = {
	"enrol": "known; nothing was asked of it yet",
	"idle": "waits for its turn",
	"retrying": "a try failed; the next one follows",
	"resetting-bmc": "its BMC is reset, the last thing to try",
	"powering": "is switched on",
	"network-booting": "boots over the network",
	"agent": "the agent looks at the hardware",
	"installing": "its system disk is written",
	"first-boot": "the installed system starts",
	"configuring": "is brought into its role",
	"maintenance": "an operator has it; ondold leaves it alone",
	"cancelled": "its run was cancelled",
};

// "2nd try in 43 s: no DHCP request…" in the pause before it, later "2nd try".
function tryWords(n) {
	const r = n.retry;
	if (!r) return "";
	const nth = `${r.try}${{2: "nd", 3: "rd"}[r.try] || "th"} try`;
	return r.at ? `${nth} in ${Math.max(0, Math.ceil((r.at - now()) / 1000))} s: ${r.cause}` : nth;
}

function whatNow(n) {
	if (n.retry && n.retry.at) return tryWords(n);
	if (n.state === "failed") return n.reason;
	if (n.state === "ready" && n.silent) return `last heard ${ago(n.last_seen)}: is the server on?`;
	if (n.state === "ready") {
		const bad = n.proofs.find((p) => !p.ok);
		return bad ? `${bad.name}: ${bad.text}` : `${plural(n.proofs.length, "proof")} given`;
	}
	const what = n.step || n.reason || WORDS[n.state] || "";
	return n.retry ? `${what} (${tryWords(n)})` : what;
}

// ---- requests ----

class Refused extends Error {
	constructor(status, text) {
		super(text);
		this.status = status;
	}
}

async function call(method, path, body) {
	const headers = {"X-Ondol": "page"};
	if (body) headers["Content-Type"] = "application/json";
	const r = await fetch(path, {method, headers, body: body && JSON.stringify(body),
		credentials: "same-origin", cache: "no-store"});
	let answer = {};
	try {
		answer = await r.json();
	} catch {
		// an answer without a body
	}
	if (r.ok) return answer;
	if (r.status === 401 && path !== "/v1/session") signedOut("The session has ended. Sign in again.");
	throw new Refused(r.status, answer.error || `ondold answered with status ${r.status}`);
}

// ---- the rack ----

function makeRow(n) {
	const row = {
		name: el("span", {class: "name"}, n.name),
		role: el("span", {class: "role"}),
		badge: el("span", {class: "badge"}),
		what: el("span", {class: "what"}),
		bar: el("span", {class: "bar", "aria-hidden": "true"}, STAGES.map(() => el("span", {}, el("i")))),
	};
	row.button = el("button", {type: "button", class: "unit rest", "aria-pressed": "false",
		onclick: () => select(page.selected === n.name ? "" : n.name)},
	row.name, row.role, row.badge, row.what, row.bar);
	row.button.dataset.node = n.name;
	return row;
}

function fillBar(bar, n) {
	const at = n.state === "ready" ? STAGES.length : STAGES.indexOf(n.state);
	[...bar.children].forEach((segment, i) => {
		const p = n.progress;
		const part = n.state === "installing" && p && p.total > 0 ? (100 * p.done) / p.total : 12;
		segment.className = i === at ? "now" : "";
		segment.firstChild.style.width = i < at ? "100%" : i === at ? `${part}%` : "0";
	});
}

function updateRow(n) {
	const row = page.rows.get(n.name);
	if (!row) return;
	const word = stateWord(n);
	row.button.className = `unit ${tone(n)}`;
	row.button.setAttribute("aria-pressed", String(page.selected === n.name));
	setText(row.role, roleOf(n));
	setText(row.badge, word);
	setText(row.what, whatNow(n));
	fillBar(row.bar, n);
}

function drawRack() {
	const placed = new Map(), loose = [], list = [];
	page.rows = new Map();
	for (const n of page.nodes.values()) {
		page.rows.set(n.name, makeRow(n));
		if (n.unit && !placed.has(n.unit)) placed.set(n.unit, n);
		else loose.push(n);
	}
	const units = [...placed.keys()];
	const unit = (label, content) => el("li", {}, el("span", {class: "u", "aria-hidden": "true"}, label), content);
	for (let u = Math.max(0, ...units); u >= Math.min(...units) && u > 0; u--) {
		const n = placed.get(u);
		list.push(unit(String(u), n ? page.rows.get(n.name).button : el("span", {class: "blank"})));
		if (n) page.rows.get(n.name).name.title = `unit ${u}`;
	}
	for (const n of loose) list.push(unit("–", page.rows.get(n.name).button));
	$("rack").replaceChildren(...list);
	show($("no-rack"), !page.nodes.size);
	show($("rack"), page.nodes.size > 0);
	for (const n of page.nodes.values()) updateRow(n);
}

function drawSums() {
	const counts = {good: 0, busy: 0, warn: 0, bad: 0, rest: 0};
	const words = {good: "ready", busy: "on the way", warn: "need a look", bad: "failed", rest: "at rest"};
	for (const n of page.nodes.values()) counts[tone(n)]++;
	$("sums").replaceChildren(...Object.keys(counts).filter((t) => counts[t]).map((t) =>
		el("span", {class: `badge ${t}`}, `${counts[t]} ${words[t]}`)));
	setText($("rack-name"), page.rack || "ondol");
	document.title = counts.bad ? `(${counts.bad} failed) ${page.rack || "ondol"}` : page.rack || "ondol";
}

function takeNode(n) {
	const old = page.nodes.get(n.name);
	if (!old) return;
	const merged = {...old, ...n};
	page.nodes.set(n.name, merged);
	updateRow(merged);
	drawSums();
	if (old.state !== n.state) say(`${n.name} is ${n.state}${n.state === "failed" ? `: ${n.reason}` : ""}`);
	if (page.selected === n.name) loadDetail();
}

// ---- one node ----

function facts(pairs) {
	return el("dl", {}, pairs.filter(([, v]) => v).map(([k, v]) => el("div", {}, el("dt", {}, k), el("dd", {}, v))));
}

function table(headings, rows) {
	return el("div", {class: "wide"}, el("table", {},
		el("thead", {}, el("tr", {}, headings.map((h) => el("th", {scope: "col"}, h)))),
		el("tbody", {}, rows.map((r) => el("tr", {}, r.map((c) => el("td", {}, c)))))));
}

const mark = (ok, yes, no) => el("span", {class: ok ? "ok" : "no"}, ok ? `✓ ${yes}` : `✗ ${no}`);
const section = (title, ...content) => [el("h3", {}, title), ...content];

function inventoryPart(inv) {
	if (!inv) return section("Inventory", el("p", {class: "dim"}, "Never seen yet: the agent reports it when the server has booted from the network."));
	return section("Inventory", facts([
		["Model", `${inv.vendor} ${inv.product}`], ["BIOS", inv.bios_version],
		["Processors", `${inv.cpus} × ${inv.cpu_model}`],
		["Virtualization", inv.cpu_virt ? "yes" : "no"],
		["Memory", memory(inv.memory_bytes)], ["Firmware", inv.uefi ? "UEFI" : "legacy BIOS"],
		["UUID", inv.uuid]]));
}

function diskPart(n) {
	const rows = (n.inventory ? n.inventory.disks : []).map((d) => [
		d.bay < 0 ? "?" : String(d.bay), d.name, `${d.bus.toUpperCase()}${d.rotational ? "" : " SSD"}`, size(d.size_bytes),
		el("span", {class: "mono"}, d.serial),
		n.disk && n.disk.serial === d.serial ? "system, as written by the last install"
			: d.signatures.map((s) => [s.where, s.type, s.label].filter(Boolean).join(" ")).join(", ") || "blank"]);
	return rows.length ? section("Disks", table(["Bay", "Name", "Kind", "Size", "Serial", "What is on it"], rows)) : [];
}

function networkPart(n) {
	const rows = (n.inventory ? n.inventory.nics : []).map((p) => [p.name, el("span", {class: "mono"}, p.mac), p.driver,
		mark(p.link, p.speed_mbps ? `${p.speed_mbps / 1000} Gbit/s` : "link", "no link")]);
	return rows.length ? section("Network ports", table(["Port", "MAC", "Driver", "Link"], rows)) : [];
}

function proofPart(n) {
	if (!n.proofs.length) return [];
	return section("Proofs", table(["Proof", "Holds", "What was found", "When"], n.proofs.map((p) =>
		[p.name, mark(p.ok, "yes", "no"), p.text, ago(p.time)])));
}

function whyPart() {
	if (!page.why.length) return [];
	return section("Why", el("ol", {class: "why"}, page.why.map((f) => el("li", {class: f.note ? "rest" : "warn"},
		el("strong", {}, f.title), " ", f.todo,
		el("ol", {class: "dim"}, f.evidence.map((e) => el("li", {}, timeEl(e.time), " ", e.text)))))));
}

// ---- its console ----

// A terminal's text as lines: colours and cursor movements go, a CR begins the line anew.
function consoleText(raw) {
	const plain = raw.replace(/\x1b\[[0-?]*[ -/]*[@-~]|\x1b[ -/]*[0-~]|\x1b\][^\x07\x1b]*\x07?/g, "").replace(/\r+\n/g, "\n");
	return plain.split("\n").map((line) => line.slice(line.lastIndexOf("\r") + 1).replace(/[\x00-\x08\x0b-\x1f\x7f]/g, "")).join("\n");
}

async function consoleChunks(name) {
	const chunks = [];
	let at = "", c;
	do {
		c = await call("GET", `/v1/nodes/${name}/console${at}`);
		chunks.push(...c.chunks);
		at = `?since=${c.next}`;
	} while (c.next < c.end && chunks.length < 20000);
	return chunks;
}

// The recording of the last run, to be looked at from any moment of it on.
function consolePart(name) {
	const text = el("pre", {class: "console", tabindex: "0", "aria-label": `Console of ${name}`, hidden: true});
	const when = el("span", {class: "dim"});
	const slider = el("input", {type: "range", min: "0", value: "0", "aria-label": "Moment of the recording", "data-action": "moment"});
	const play = el("button", {type: "button", class: "quiet", "data-action": "play"}, "Play");
	const bar = el("div", {class: "buttons", hidden: true}, play, slider, when);
	let chunks = [], timer = 0;
	const draw = () => {
		const n = Number(slider.value);
		text.textContent = consoleText(chunks.slice(0, n).map((c) => c.text).join("").slice(-65536));
		text.scrollTop = text.scrollHeight;
		setText(when, n ? clock(chunks[n - 1].time) : "");
	};
	const stop = () => { clearTimeout(timer); timer = 0; setText(play, "Play"); };
	const step = () => {
		const n = Number(slider.value);
		if (n >= chunks.length || page.selected !== name) return stop();
		slider.value = String(n + 1);
		draw();
		timer = setTimeout(step, n + 1 < chunks.length ? Math.min(500, Math.max(20, chunks[n + 1].time - chunks[n].time)) : 0);
		return undefined;
	};
	slider.oninput = () => { stop(); draw(); };
	play.onclick = () => {
		if (timer) return stop();
		if (Number(slider.value) >= chunks.length) slider.value = "0";
		setText(play, "Pause");
		return step();
	};
	const load = el("button", {type: "button", class: "quiet", "data-action": "console", onclick: async () => {
		stop();
		try {
			chunks = await consoleChunks(name);
		} catch (e) {
			setText(when, e.message);
		}
		slider.max = slider.value = String(chunks.length);
		show(bar, chunks.length > 0);
		show(text, true);
		if (chunks.length) draw();
		else setText(text, "Nothing was recorded in the last run.");
	}}, "Read the recording");
	return el("div", {class: "recording"}, load, bar, text);
}

function phasePart(n) {
	if (!n.phases || !n.phases.length) return [];
	return section("The last run", facts(n.phases.map((p) => [p.state, age(p.ms)])));
}

function eventItem(ev, withNode) {
	return el("li", {}, timeEl(ev.time), withNode ? el("span", {class: "node"}, ev.node || "rack") : null,
		el("span", {class: "text"}, ev.text, " ", el("span", {class: "kind"}, `${ev.source} ${ev.type}`)));
}

const ACTIONS = [
	["on", "Power on", "The server starts from its own disk.", "busy"],
	["soft", "Shut down", "The system is asked to end. Guests on it are shut down with it.", "danger"],
	["off", "Power off", "Power is taken away without a shutdown. What runs on it is lost.", "danger"],
	["reset", "Reset", "The server starts anew without a shutdown. What runs on it is lost.", "danger"],
	["cycle", "Power cycle", "Power is taken away and given again. What runs on it is lost.", "danger"],
];

function actionPart(n) {
	if (page.who.role !== "operator") return null;
	const buttons = ACTIONS.map(([action, title, loss]) =>
		el("button", {type: "button", class: "quiet", "data-action": action, onclick: () => power(n, action, title, loss)}, title));
	buttons.push(el("button", {type: "button", class: "quiet", "data-action": "prove",
		disabled: !["ready", "configuring"].includes(n.state), onclick: () => prove(n)}, "Prove again"));
	buttons.push(el("button", {type: "button", class: "quiet", "data-action": "identify", onclick: () =>
		act(`Light of ${n.name}`, `/v1/nodes/${n.name}/identify`, {seconds: 60}, () => `${n.name}: its UID light is on for a minute`)}, "Light for a minute"));
	if (["idle", ...PAUSES, ...STAGES].includes(n.state))
		buttons.push(el("button", {type: "button", class: "quiet", "data-action": "cancel", onclick: () => cancel(n)}, "Cancel the run"));
	buttons.push(el("button", {type: "button", class: "quiet", "data-action": "maintenance", onclick: () => maintenance(n)},
		n.state === "maintenance" ? "Take back" : "Set aside…"));
	buttons.push(el("button", {type: "button", class: "danger", "data-action": "reinstall", disabled: n.state === "maintenance", onclick: () => reinstall(n)}, "Reinstall…"));
	return el("div", {}, el("h3", {}, "Do"), el("div", {class: "buttons"}, buttons),
		el("p", {id: "did", class: "error", role: "status"}, page.did || ""));
}

function drawPanel() {
	const n = page.detail, focused = document.activeElement && document.activeElement.dataset.action;
	show($("panel"), Boolean(n));
	if (!n) return;
	n.silent = (page.nodes.get(n.name) || n).silent;
	const why = n.state === "failed" ? n.reason : n.retry ? whatNow(n) : n.step || n.reason;
	$("panel").className = `card panel ${tone(n)}`;
	const scroll = document.querySelector("#panel .events");
	const top = scroll ? scroll.scrollTop : 0;
	$("panel").replaceChildren(
		el("div", {class: "panel-head"}, el("h2", {id: "panel-title", tabindex: "-1"}, n.name),
			el("span", {class: `badge ${tone(n)}`}, stateWord(n)), el("span", {class: "dim"}, `since ${age(now() - n.since)}`),
			el("button", {type: "button", class: "quiet", "data-action": "close", onclick: () => select("")}, "Close")),
		why ? el("p", {class: "reason"}, why) : "",
		facts([["Role", roleOf(n)], ["Rack unit", n.unit ? String(n.unit) : ""], ["Address", n.address], ["BMC", n.bmc],
			["Power", n.power], ["Serial", n.serial], ["Image", n.image],
			["The try before", n.retry && !n.retry.at ? n.retry.cause : ""], ["Last heard", ago(n.last_seen)],
			["Configuration", n.revision ? (n.reported === n.revision ? `revision ${n.revision}, in force`
				: `revision ${n.revision} wanted, ${n.reported || "none"} in force`) : ""]]),
		...whyPart(), actionPart(n) || "", ...proofPart(n), ...diskPart(n), ...networkPart(n), ...inventoryPart(n.inventory), ...phasePart(n),
		...section("Console", page.console), ...section("Events", el("ol", {class: "events", tabindex: "0", "aria-label": `Events of ${n.name}`},
			page.detailEvents.slice().reverse().map((ev) => eventItem(ev, false)))));
	const list = document.querySelector("#panel .events");
	if (list) list.scrollTop = top;
	const again = focused && document.querySelector(`#panel [data-action="${focused}"]`);
	if (again) again.focus({preventScroll: true});
}

let detailBusy = false, detailAgain = false;
async function loadDetail(focus) {
	const name = page.selected, marked = getSelection();
	if (!name) return;
	if (!focus && !marked.isCollapsed && $("panel").contains(marked.anchorNode)) {
		setTimeout(loadDetail, 3000); // what somebody is copying stays
		return;
	}
	if (detailBusy) {
		detailAgain = true;
		return;
	}
	detailBusy = true;
	try {
		const [node, events, why] = await Promise.all([call("GET", `/v1/nodes/${name}`),
			call("GET", `/v1/events?last=${MAX_EVENTS}&node=${name}`), call("GET", `/v1/nodes/${name}/why`)]);
		if (page.selected === name) {
			page.detail = node;
			page.detailEvents = events.events;
			page.why = why.findings;
			drawPanel();
			if (focus) {
				$("panel-title").focus({preventScroll: true});
				if (!matchMedia("(min-width: 1000px)").matches) $("panel").scrollIntoView();
			}
		}
	} catch (e) {
		if (e.status === 404) select("");
	}
	detailBusy = false;
	if (detailAgain || page.selected !== name) {
		detailAgain = false;
		loadDetail(page.selected !== name);
	}
}

function select(name) {
	const before = page.selected;
	page.selected = page.nodes.has(name) ? name : "";
	page.did = "";
	page.console = page.selected ? consolePart(page.selected) : null;
	if (location.hash.slice(1) !== page.selected) history.replaceState(null, "", page.selected ? `#${page.selected}` : location.pathname);
	for (const n of page.nodes.values()) updateRow(n);
	// until the new node is loaded, no button of the one before may be pressed
	if (before !== page.selected) {
		page.detail = null;
		drawPanel();
	}
	if (page.selected) {
		loadDetail(true);
		return;
	}
	if (before && page.rows.has(before)) page.rows.get(before).button.focus();
}

// ---- doing ----

// Resolves to true, or with free (the label of a text to be given) to that text; false: no.
function ask(title, text, yes, word, free) {
	const dialog = $("ask"), input = $("ask-word");
	const good = () => (word ? input.value === word : !free || input.value.trim() !== "");
	setText($("ask-title"), title);
	setText($("ask-text"), text);
	setText($("ask-yes"), yes);
	show($("ask-name"), Boolean(word || free));
	setText($("ask-label"), word ? `Type ${word} to go on` : free || "");
	input.value = "";
	input.maxLength = 200;
	$("ask-yes").disabled = !good();
	input.oninput = () => { $("ask-yes").disabled = !good(); };
	return new Promise((done) => {
		let answer = false;
		$("ask-form").onsubmit = (ev) => {
			if (good()) answer = free ? input.value.trim() : true;
			else ev.preventDefault();
		};
		$("ask-no").onclick = () => dialog.close();
		dialog.onclose = () => done(answer);
		dialog.showModal();
		(word || free ? input : $("ask-no")).focus();
	});
}

function did(text) {
	page.did = text;
	const e = $("did");
	if (e) setText(e, text);
}

async function act(what, path, body, told) {
	did(`${what}…`);
	try {
		did(told(await call("POST", path, body)));
	} catch (e) {
		did(`${what}: ${e.message}`);
	}
}

async function power(n, action, title, loss) {
	if (await ask(`${title}: ${n.name}?`, `${n.name} (${roleOf(n)}) is ${n.state}. ${loss}`, `${title} ${n.name}`))
		act(`${title} ${n.name}`, `/v1/nodes/${n.name}/power`, {action}, (a) => `${n.name}: power is ${a.power}`);
}

async function reinstall(n) {
	const disk = n.disk ? `the system disk ${n.disk.serial}` : "the system disk";
	if (await ask(`Reinstall ${n.name}?`, `${n.name} (${roleOf(n)}) is ${n.state}. It is powered off now, and ${disk} ` +
		"is overwritten: everything on it is lost. Data disks are left alone. Guests that run on it end.",
	`Reinstall ${n.name}`, n.name))
		act(`Reinstall ${n.name}`, `/v1/nodes/${n.name}/reinstall`, {wipe: []}, () => `${n.name} will be installed again`);
}

async function cancel(n) {
	if (await ask(`Cancel the run of ${n.name}?`, `${n.name} (${roleOf(n)}) is ${n.state}. ondold stops where it is: its power stays as ` +
		"it is, and a disk that is half written cannot be started from.", `Cancel ${n.name}`))
		act(`Cancel ${n.name}`, `/v1/nodes/${n.name}/cancel`, {}, (a) => `${n.name} is ${a.state}`);
}

async function maintenance(n) {
	const path = `/v1/nodes/${n.name}/maintenance`;
	if (n.state === "maintenance") {
		act(`Take ${n.name} back`, path, {on: false, reason: ""}, (a) => `${n.name} is ${a.state}`);
		return;
	}
	const reason = await ask(`Set ${n.name} aside?`, `${n.name} (${roleOf(n)}) is ${n.state}. ondold leaves it alone until you take it back: ` +
		"it is not installed and not switched.", `Set ${n.name} aside`, "", "What for? Others read this");
	if (reason) act(`Set ${n.name} aside`, path, {on: true, reason}, (a) => `${n.name} is in ${a.state}`);
}

function prove(n) {
	act(`Prove ${n.name}`, `/v1/nodes/${n.name}/prove`, {}, () => `${n.name} proves everything again`);
}

// ---- the cloud ----

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

function drawCloud() {
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
function loadCloud() {
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

// ---- events ----

function takeEvent(ev) {
	if (page.events.some((e) => e.id === ev.id)) return;
	page.events.push(ev);
	if (page.events.length > MAX_EVENTS) page.events.shift();
	$("events").prepend(eventItem(ev, true));
	while ($("events").children.length > MAX_EVENTS) $("events").lastChild.remove();
	if (page.selected && ev.node === page.selected) loadDetail();
	if (page.cloud) loadCloud();
}

// ---- live ----

async function loadAll() {
	const [status, events] = await Promise.all([call("GET", "/v1/status"), call("GET", `/v1/events?last=${MAX_EVENTS}`)]);
	page.clockOffset = status.now - Date.now();
	page.rack = status.rack;
	page.nodes = new Map(status.nodes.map((n) => [n.name, n]));
	page.events = events.events;
	drawRack();
	drawSums();
	$("events").replaceChildren(...page.events.slice().reverse().map((ev) => eventItem(ev, true)));
	page.cloud = (await call("GET", "/v1/cloud")).cloud;
	drawCloud();
	const wanted = location.hash.slice(1);
	if (page.nodes.has(wanted) && wanted !== page.selected) select(wanted);
	else if (page.selected && !page.nodes.has(page.selected)) select("");
	else loadDetail();
	connected(true);
}

function connected(on) {
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

function closeStream() {
	if (page.stream) page.stream.close();
	page.stream = null;
}

let retryTimer = 0;
function retry() {
	closeStream();
	connected(false);
	clearTimeout(retryTimer);
	retryTimer = setTimeout(openStream, page.retryMs);
	page.retryMs = Math.min(page.retryMs * 2, 10000);
}

async function openStream() {
	closeStream();
	try {
		await call("GET", "/v1/session"); // an EventSource does not tell a refusal from a loss
	} catch (e) {
		if (e.status === 401) signedOut("The session has ended. Sign in again.");
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
	on("node", takeNode);
	on("event", takeEvent);
	on("cloud", loadCloud);
	on("beat", () => {});
	stream.onerror = () => { if (page.stream === stream) retry(); };
}

// Is somebody there: marking text, or with the keyboard on something that would be made anew?
function inUse(e) {
	const marked = getSelection();
	return e.contains(document.activeElement) || (!marked.isCollapsed && e.contains(marked.anchorNode));
}

// Ages run on, and a controller's word grows old, also when nothing comes.
function runOn() {
	if (page.stream && page.heardAt && Date.now() - page.heardAt > SILENCE_MS) retry();
	if (document.hidden) return;
	if (page.cloud && !inUse($("cloud"))) drawCloud();
	if (page.detail && !inUse($("panel"))) drawPanel();
	for (const n of page.nodes.values()) if (n.silent) updateRow(n);
}

function countDown() {
	if (document.hidden) return;
	for (const n of page.nodes.values()) if (n.retry && n.retry.at) updateRow(n);
}

// ---- signing in ----

function signedIn(who) {
	page.who = who;
	setText($("who-name"), `${who.name} (${who.role})`);
	show($("who"), true);
	show($("sign-in"), false);
	show($("main"), true);
	openStream();
}

function signedOut(why) {
	closeStream();
	clearTimeout(retryTimer);
	page.who = null;
	connected(true);
	show($("who"), false);
	show($("main"), false);
	show($("sign-in"), true);
	$("sums").replaceChildren();
	setText($("sign-in-error"), why || "");
	$("token").focus();
}

$("sign-in").addEventListener("submit", async (ev) => {
	ev.preventDefault();
	const token = $("token").value.trim();
	$("token").value = "";
	setText($("sign-in-error"), "");
	try {
		signedIn(await call("POST", "/v1/session", {token}));
	} catch (e) {
		setText($("sign-in-error"), e instanceof Refused ? e.message : "ondold does not answer.");
		$("token").focus();
	}
});

$("sign-out").addEventListener("click", async () => {
	try {
		await call("DELETE", "/v1/session");
	} catch {
		// the cookie ends by itself
	}
	signedOut("");
});

window.addEventListener("hashchange", () => select(location.hash.slice(1)));
document.addEventListener("keydown", (ev) => {
	if (ev.key === "Escape" && page.selected && !$("ask").open) select("");
});
setInterval(runOn, 5000);
setInterval(countDown, 1000);
call("GET", "/v1/session").then(signedIn).catch((e) => signedOut(e.status === 401 ? "" : "ondold does not answer. Load the page again."));
