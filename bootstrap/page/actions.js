// SPDX-License-Identifier: Apache-2.0
// What an operator can do to a node. What may lose something is asked first.
import {call} from "/api.js";
import {$, el, setText, show} from "/dom.js";
import {diskItems, getPlan} from "/plan.js";
import {ASKS, page, PAUSES, STAGES} from "/state.js";
import {roleOf} from "/words.js";

const ACTIONS = [
	["on", "Power on", "The server starts from its own disk.", "busy"],
	["soft", "Shut down", "The system is asked to end. Guests on it are shut down with it.", "danger"],
	["off", "Power off", "Power is taken away without a shutdown. What runs on it is lost.", "danger"],
	["reset", "Reset", "The server starts anew without a shutdown. What runs on it is lost.", "danger"],
	["cycle", "Power cycle", "Power is taken away and given again. What runs on it is lost.", "danger"],
];

export function actionPart(n) {
	if (page.who.role !== "operator") return null;
	const buttons = ACTIONS.map(([action, title, loss]) =>
		el("button", {type: "button", class: "quiet", "data-action": action, onclick: () => power(n, action, title, loss)}, title));
	buttons.push(el("button", {type: "button", class: "quiet", "data-action": "prove",
		disabled: !["ready", "configuring"].includes(n.state), onclick: () => prove(n)}, "Prove again"));
	buttons.push(el("button", {type: "button", class: "quiet", "data-action": "identify", onclick: () =>
		act(`Light of ${n.name}`, `/v1/nodes/${n.name}/identify`, {seconds: 60}, () => `${n.name}: its UID light is on for a minute`)}, "Light for a minute"));
	if (["idle", ASKS, ...PAUSES, ...STAGES].includes(n.state))
		buttons.push(el("button", {type: "button", class: "quiet", "data-action": "cancel", onclick: () => cancel(n)}, "Cancel the run"));
	buttons.push(el("button", {type: "button", class: "quiet", "data-action": "maintenance", onclick: () => maintenance(n)},
		n.state === "maintenance" ? "Take back" : "Set aside…"));
	buttons.push(el("button", {type: "button", class: "danger", "data-action": "reinstall", disabled: n.state === "maintenance", onclick: () => reinstall(n)},
		n.asks ? "Install…" : "Reinstall…"));
	return el("div", {}, el("h3", {}, "Do"), el("div", {class: "buttons"}, buttons),
		el("p", {id: "did", class: "error", role: "status"}, page.did || ""));
}

// ---- asking first ----

// Resolves to true, or with free (the label of a text to be given) to that text; false: no.
// word: has to be typed, as label says; list: items under the text.
function ask({title, text, list, yes, word, label, free}) {
	const dialog = $("ask"), input = $("ask-word");
	const good = () => (word ? input.value === word : !free || input.value.trim() !== "");
	setText($("ask-title"), title);
	setText($("ask-text"), text);
	$("ask-list").replaceChildren(...(list || []));
	show($("ask-list"), Boolean(list));
	setText($("ask-yes"), yes);
	show($("ask-name"), Boolean(word || free));
	setText($("ask-label"), word ? label || `Type ${word} to go on` : free || "");
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
		dialog.scrollTop = 0;
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
	if (await ask({title: `${title}: ${n.name}?`, text: `${n.name} (${roleOf(n)}) is ${n.state}. ${loss}`, yes: `${title} ${n.name}`}))
		act(`${title} ${n.name}`, `/v1/nodes/${n.name}/power`, {action}, (a) => `${n.name}: power is ${a.power}`);
}

// Nobody agrees to what he has not seen: without the plan there is no question. A disk that
// holds what is not this rack's is given up by its serial number, as with `ondol reinstall --wipe`.
async function reinstall(n) {
	let plan;
	did(`Reading what a reinstall of ${n.name} would do…`);
	try {
		plan = await getPlan(n.name);
	} catch (e) {
		did(`Reinstall ${n.name}: ${e.message}`);
		return;
	}
	did("");
	const serials = plan.disks.filter((d) => d.fate === "refused").map((d) => d.found.serial || d.found.wwn).filter(Boolean);
	const word = serials.join(" ");
	const verb = n.asks ? "Install" : "Reinstall";
	const before = n.asks ? "was looked at for the first time, and its agent waits."
		: `is ${n.state}. It is powered off now. Guests that run on it end.` +
			(plan.seen ? "" : " It is looked at first, and asks before anything is written.");
	if (await ask({title: `${verb} ${n.name}?`, text: `${n.name} (${roleOf(n)}) ${before} To its disks this happens:`,
		list: diskItems(plan), yes: `${verb} ${n.name}`, word: word || n.name,
		label: !word ? "" : serials.length > 1 ? `Type the disks' serials ${word} to destroy what is on them`
			: `Type the disk's serial ${word} to destroy what is on it`}))
		act(`${verb} ${n.name}`, `/v1/nodes/${n.name}/${n.asks ? "agree" : "reinstall"}`, {wipe: serials, lock: plan.lock},
			(a) => (a.action === "look" ? `${n.name} is looked at` : `${n.name} will be installed${n.asks ? "" : " again"}`));
}

async function cancel(n) {
	if (await ask({title: `Cancel the run of ${n.name}?`, text: `${n.name} (${roleOf(n)}) is ${n.state}. ondold stops where it is: ` +
		"its power stays as it is, and a disk that is half written cannot be started from.", yes: `Cancel ${n.name}`}))
		act(`Cancel ${n.name}`, `/v1/nodes/${n.name}/cancel`, {}, (a) => `${n.name} is ${a.state}`);
}

async function maintenance(n) {
	const path = `/v1/nodes/${n.name}/maintenance`;
	if (n.state === "maintenance") {
		act(`Take ${n.name} back`, path, {on: false, reason: ""}, (a) => `${n.name} is ${a.state}`);
		return;
	}
	const reason = await ask({title: `Set ${n.name} aside?`, text: `${n.name} (${roleOf(n)}) is ${n.state}. ondold leaves it alone until ` +
		"you take it back: it is not installed and not switched.", yes: `Set ${n.name} aside`, free: "What for? Others read this"});
	if (reason) act(`Set ${n.name} aside`, path, {on: true, reason}, (a) => `${n.name} is in ${a.state}`);
}

function prove(n) {
	act(`Prove ${n.name}`, `/v1/nodes/${n.name}/prove`, {}, () => `${n.name} proves everything again`);
}
