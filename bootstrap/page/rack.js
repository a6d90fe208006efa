// SPDX-License-Identifier: Apache-2.0
// The rack as an elevation: a button for each node, which app.js listens to.
import {$, el, setText, show} from "/dom.js";
import {ASKS, page, STAGES} from "/state.js";
import {roleOf, stateWord, tone, whatNow} from "/words.js";

function makeRow(n) {
	const row = {
		name: el("span", {class: "name"}, n.name),
		role: el("span", {class: "role"}),
		badge: el("span", {class: "badge"}),
		what: el("span", {class: "what"}),
		bar: el("span", {class: "bar", "aria-hidden": "true"}, STAGES.map(() => el("span", {}, el("i")))),
	};
	row.button = el("button", {type: "button", class: "unit rest", "aria-pressed": "false"},
		row.name, row.role, row.badge, row.what, row.bar);
	row.button.dataset.node = n.name;
	return row;
}

function fillBar(bar, n) {
	const at = n.state === "ready" ? STAGES.length : STAGES.indexOf(n.state === ASKS ? "agent" : n.state);
	[...bar.children].forEach((segment, i) => {
		const p = n.progress;
		const part = n.state === "installing" && p && p.total > 0 ? (100 * p.done) / p.total : 12;
		segment.className = i === at ? "now" : "";
		segment.firstChild.style.width = i < at ? "100%" : i === at ? `${part}%` : "0";
	});
}

export function updateRow(n) {
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

export function drawRack() {
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

export function drawSums() {
	const counts = {good: 0, busy: 0, warn: 0, bad: 0, rest: 0};
	const words = {good: "ready", busy: "on the way", warn: "need a look", bad: "failed", rest: "at rest"};
	for (const n of page.nodes.values()) counts[tone(n)]++;
	$("sums").replaceChildren(...Object.keys(counts).filter((t) => counts[t]).map((t) =>
		el("span", {class: `badge ${t}`}, `${counts[t]} ${words[t]}`)));
	setText($("rack-name"), page.rack || "ondol");
	document.title = counts.bad ? `(${counts.bad} failed) ${page.rack || "ondol"}` : page.rack || "ondol";
}
