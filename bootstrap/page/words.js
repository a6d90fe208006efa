// SPDX-License-Identifier: Apache-2.0
// Numbers, times and states as people say them.
import {el} from "/dom.js";
import {ASKS, page, PAUSES, STAGES} from "/state.js";

export const now = () => Date.now() + page.clockOffset;
export const plural = (n, word) => `${n} ${word}${n === 1 ? "" : "s"}`;

export function age(ms) {
	const s = Math.max(0, Math.round(ms / 1000));
	if (s < 60) return `${s} s`;
	if (s < 3600) return `${Math.floor(s / 60)} min ${s % 60} s`;
	if (s < 86400) return `${Math.floor(s / 3600)} h ${Math.floor(s / 60) % 60} min`;
	return `${Math.floor(s / 86400)} d ${Math.floor(s / 3600) % 24} h`;
}

export const ago = (then) => (then ? `${age(now() - then)} ago` : "never");

export function size(bytes) {
	const units = ["B", "kB", "MB", "GB", "TB", "PB"];
	let i = 0;
	while (bytes >= 1000 && i < units.length - 1) {
		bytes /= 1000;
		i++;
	}
	return `${i ? bytes.toFixed(1) : bytes} ${units[i]}`;
}

export const memory = (bytes) => `${(bytes / 2 ** 30).toFixed(bytes < 2 ** 33 ? 1 : 0)} GiB`;

export function clock(ms) {
	return new Date(ms).toLocaleTimeString([], {hour: "2-digit", minute: "2-digit", second: "2-digit",
		hour12: false});
}

export function timeEl(ms) {
	const d = new Date(ms);
	return el("time", {datetime: d.toISOString(), title: d.toLocaleString()}, clock(ms));
}

export const roleOf = (n) => (n.kind ? `${n.role}/${n.kind}` : n.role);

export function tone(n) {
	if (n.state === "failed") return "bad";
	if (n.state === "ready") return n.silent || n.proofs.some((p) => !p.ok) ? "warn" : "good";
	if (n.state === ASKS) return n.asks ? "warn" : "busy";
	return STAGES.includes(n.state) || PAUSES.includes(n.state) ? "busy" : "rest";
}

export function stateWord(n) {
	if (n.state === "ready" && n.silent) return "silent";
	const p = n.progress;
	if (n.state === "installing" && p && p.total > 0)
		return `installing ${Math.floor((100 * p.done) / p.total)} %`;
	return n.state;
}

// Where a node says nothing of what it does, its state does.
export const WORDS = {
	"enrol": "known; nothing was asked of it yet",
	"idle": "waits for its turn",
	"retrying": "a try failed; the next one follows",
	"resetting-bmc": "its BMC is reset, the last thing to try",
	"powering": "is switched on",
	"network-booting": "boots over the network",
	"agent": "the agent looks at the hardware",
	"inventoried": "was looked at, and waits to be agreed to",
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

export function whatNow(n) {
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
