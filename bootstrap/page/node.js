// SPDX-License-Identifier: Apache-2.0
// One node: what it is, how it is, what can be done about it.
import {actionPart} from "/actions.js";
import {call} from "/api.js";
import {consolePart} from "/console.js";
import {$, el, facts, mark, section, show, table} from "/dom.js";
import {eventItem} from "/events.js";
import {getPlan, planPart} from "/plan.js";
import {updateRow} from "/rack.js";
import {MAX_EVENTS, page} from "/state.js";
import {age, ago, memory, now, roleOf, size, stateWord, timeEl, tone, whatNow} from "/words.js";

function inventoryPart(inv) {
	if (!inv) return section("Inventory", el("p", {class: "dim"}, "Never seen yet: the agent reports it when the server has booted from the network."));
	return section("Inventory", facts([
		["Model", `${inv.vendor} ${inv.product}`], ["BIOS", inv.bios_version],
		["Processors", `${inv.cpus} × ${inv.cpu_model}`],
		["Virtualization", inv.cpu_virt ? "yes" : "no"],
		["Memory", memory(inv.memory_bytes)], ["Firmware", inv.uefi ? "UEFI" : "legacy BIOS"],
		["UUID", inv.uuid]]));
}

const TABLES = new Set(["gpt", "PMBR", "dos"]); // whose label is an identifier

function diskPart(n) {
	const rows = (n.inventory ? n.inventory.disks : []).map((d) => [
		d.bay < 0 ? "?" : String(d.bay), d.name, `${d.bus.toUpperCase()}${d.rotational ? "" : " SSD"}`, size(d.size_bytes),
		el("span", {class: "mono"}, d.serial),
		n.disk && n.disk.serial === d.serial ? "system, as written by the last install"
			: d.signatures.map((s) => [s.where, s.type, TABLES.has(s.type) ? "" : s.label].filter(Boolean).join(" ")).join(", ") || "blank"]);
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

function phasePart(n) {
	if (!n.phases || !n.phases.length) return [];
	return section("The last run", facts(n.phases.map((p) => [p.state, age(p.ms)])));
}

export function drawPanel() {
	const n = page.detail, focused = document.activeElement && document.activeElement.dataset.action;
	show($("panel"), Boolean(n));
	if (!n) {
		$("panel").replaceChildren(); // no button of the one before is there any more
		return;
	}
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
		...whyPart(), actionPart(n) || "", ...proofPart(n), ...planPart(page.plan), ...diskPart(n), ...networkPart(n), ...inventoryPart(n.inventory), ...phasePart(n),
		...section("Console", page.console), ...section("Events", el("ol", {class: "events", tabindex: "0", "aria-label": `Events of ${n.name}`},
			page.detailEvents.slice().reverse().map((ev) => eventItem(ev, false)))));
	const list = document.querySelector("#panel .events");
	if (list) list.scrollTop = top;
	const again = focused && document.querySelector(`#panel [data-action="${focused}"]`);
	if (again) again.focus({preventScroll: true});
}

// false: ondold did not say
async function readDetail(name) {
	let node, events, why, plan;
	try {
		[node, events, why, plan] = await Promise.all([call("GET", `/v1/nodes/${name}`),
			call("GET", `/v1/events?last=${MAX_EVENTS}&node=${name}`), call("GET", `/v1/nodes/${name}/why`), getPlan(name)]);
	} catch (e) {
		if (e.status === 404) select("");
		return false;
	}
	if (page.selected !== name || !page.who) return false;
	page.detail = node;
	page.detailEvents = events.events;
	page.why = why.findings;
	page.plan = plan;
	return true;
}

let detailBusy = false, detailAgain = false;
export async function loadDetail(focus) {
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
	const good = await readDetail(name);
	detailBusy = false;
	if (good) {
		drawPanel();
		if (focus) {
			$("panel-title").focus({preventScroll: true});
			if (!matchMedia("(min-width: 1000px)").matches) $("panel").scrollIntoView();
		}
	}
	if (detailAgain || page.selected !== name) {
		detailAgain = false;
		loadDetail(page.selected !== name);
	}
}

export function select(name) {
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
