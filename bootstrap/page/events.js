// SPDX-License-Identifier: Apache-2.0
// What happened, newest first.
import {$, el} from "/dom.js";
import {MAX_EVENTS, page} from "/state.js";
import {timeEl} from "/words.js";

export function eventItem(ev, withNode) {
	return el("li", {}, timeEl(ev.time), withNode ? el("span", {class: "node"}, ev.node || "rack") : null,
		el("span", {class: "text"}, ev.text, " ", el("span", {class: "kind"}, `${ev.source} ${ev.type}`)));
}

export function drawEvents() {
	$("events").replaceChildren(...page.events.slice().reverse().map((ev) => eventItem(ev, true)));
}

// false: it is known already
export function addEvent(ev) {
	if (page.events.some((e) => e.id === ev.id)) return false;
	page.events.push(ev);
	if (page.events.length > MAX_EVENTS) page.events.shift();
	$("events").prepend(eventItem(ev, true));
	while ($("events").children.length > MAX_EVENTS) $("events").lastChild.remove();
	return true;
}
