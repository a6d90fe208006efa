// SPDX-License-Identifier: Apache-2.0
// The plan: what is still to be done to a node, and what a reinstall would do to its disks.
// Of one node beside what it is; of the whole rack in a card that is read when it is opened.
import {call} from "/api.js";
import {$, el, inUse, section, setText, show} from "/dom.js";
import {page} from "/state.js";
import {ago, roleOf, size} from "/words.js";

const FATES = { // of a disk → tone and word
	written: ["bad", "overwritten"],
	refused: ["warn", "refused"],
	used: ["busy", "the role's"],
	kept: ["rest", "left alone"],
	missing: ["warn", "not found"],
	unseen: ["rest", "not seen yet"],
};
const ACTIONS = { // of an apply of the same file
	none: ["rest", "nothing to apply"],
	look: ["busy", "to be looked at"],
	asks: ["warn", "waits to be agreed to"],
	install: ["busy", "to be installed"],
	held: ["warn", "left as it is"],
	converge: ["busy", "to be converged"],
	refused: ["bad", "refused"],
};

export const getPlan = (name) => call("GET", `/v1/nodes/${name}/plan`);

// ---- one node ----

function diskName(d) {
	const at = d.declared || d.found;
	return `${at.bay < 0 ? "bay unknown" : `bay ${at.bay}`}, ${d.declared ? d.declared.use : "not in rack.ini"}`;
}

function diskFacts(d) {
	const f = d.found || d.declared;
	return [f.model, f.bus.toUpperCase(), size(f.size_bytes), f.serial && `serial ${f.serial}`, f.wwn && `WWN ${f.wwn}`]
		.filter(Boolean).join(", ");
}

function diskItem(d) {
	const [tone, word] = d.fate === "written" && d.holds === "blank" ? ["busy", "written"] : FATES[d.fate];
	return el("li", {class: tone},
		el("p", {}, el("strong", {}, diskName(d)), " ", el("span", {class: `badge ${tone}`}, word)),
		el("p", {class: "dim"}, diskFacts(d)),
		d.holds ? el("p", {}, `On it: ${d.holds}.`) : null,
		el("p", {}, d.fate === "missing" ? `${d.what}.` : `It ${d.what}.`));
}

export const diskItems = (plan) => plan.disks.map(diskItem);

function needList(plan) {
	if (!plan.needs.length) return "";
	return el("div", {}, el("p", {}, "A reinstall needs"), el("ul", {class: "missing"}, plan.needs.map((w) => el("li", {}, w))));
}

function seenWords(plan) {
	return plan.seen ? `As the agent saw the server ${ago(plan.seen)}; what the role has written to its disks since is not in it.`
		: "No agent has seen this server yet.";
}

export function planPart(plan) {
	if (!plan) return [];
	const [tone, word] = ACTIONS[plan.action];
	return section("Plan", el("p", {}, el("span", {class: `badge ${tone}`}, word), " ", plan.why),
		needList(plan), el("p", {}, "What a reinstall would do to its disks"),
		el("ol", {class: "disks", id: "plan-disks"}, diskItems(plan)), el("p", {class: "dim"}, seenWords(plan)));
}

// ---- the whole rack ----

const SYSTEM = {
	written: (d) => `A reinstall overwrites ${diskName(d)}, serial ${d.found.serial || d.found.wwn}: ${d.holds}`,
	refused: (d) => `A reinstall is refused at ${diskName(d)}, serial ${d.found.serial || d.found.wwn}: ${d.holds}`,
	missing: (d) => `A reinstall finds no disk for ${diskName(d)}`,
	unseen: (d) => `A reinstall writes ${diskName(d)}, which nobody has seen yet`,
};

function systemWords(plan) {
	const disks = plan.disks.filter((x) => x.declared && ["system", "mirror"].includes(x.declared.use));
	return disks.map((d) => SYSTEM[d.fate](d)).join(". ");
}

function planRow(n) {
	const plan = page.plans.get(n.name);
	const [tone, word] = plan ? ACTIONS[plan.action] : ["rest", "not read yet"];
	return el("li", {"data-plan": n.name},
		el("p", {}, el("a", {href: `#${n.name}`}, n.name), " ", el("span", {class: "dim"}, roleOf(n)), " ",
			el("span", {class: `badge ${tone}`}, word), " ", plan ? plan.why : ""),
		plan ? el("details", {}, el("summary", {}, systemWords(plan)), needList(plan),
			el("ol", {class: "disks"}, diskItems(plan)), el("p", {class: "dim"}, seenWords(plan))) : "");
}

// What is open stays open, and who is there with the keyboard stays there.
function replaceRow(old, row) {
	const focused = inUse(old) && document.activeElement.tagName;
	const was = old.querySelector("details"), is = row.querySelector("details");
	if (was && is) is.open = was.open;
	old.replaceWith(row);
	if (focused && row.querySelector(focused)) row.querySelector(focused).focus({preventScroll: true});
}

function drawPlan(name) {
	const old = document.querySelector(`#plan-body [data-plan="${name}"]`), n = page.nodes.get(name);
	if (old && n) replaceRow(old, planRow(n));
}

const wanted = new Set();
let reading = false;

// One after the other: who looks is not to hold up who is installed.
async function readPlans() {
	if (reading) return;
	reading = true;
	for (const name of wanted) {
		wanted.delete(name);
		try {
			const plan = await getPlan(name), before = page.plans.get(name);
			page.plans.set(name, plan);
			if (JSON.stringify(plan) !== JSON.stringify(before)) drawPlan(name);
		} catch {
			// it left the rack, or the stream tells when the connection is lost
		}
	}
	reading = false;
}

const areShown = () => !$("plan-body").hidden;

// Something of the node has changed that may change its plan.
export function freshenPlan(name) {
	if (!areShown()) return;
	wanted.add(name);
	readPlans();
}

// The rack was read anew.
export function drawPlans() {
	if (!areShown()) return;
	$("plan-body").replaceChildren(el("ol", {class: "plans"}, [...page.nodes.values()].map(planRow)));
	for (const name of page.nodes.keys()) wanted.add(name);
	readPlans();
}

export function showPlans(on) {
	show($("plan-body"), on);
	$("plan-show").setAttribute("aria-expanded", String(on));
	setText($("plan-show"), on ? "Hide" : "Show");
	drawPlans();
	if (on) return;
	page.plans.clear();
	$("plan-body").replaceChildren();
}

$("plan-show").addEventListener("click", () => showPlans(!areShown()));
