// SPDX-License-Identifier: Apache-2.0
// The document. What nodes say is shown as text and never becomes markup: the only way into
// the document is el().
export const $ = (id) => document.getElementById(id);

export function el(tag, props, ...children) {
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

export function setText(e, text) {
	if (e.textContent !== text) e.textContent = text;
}

export function show(e, on) {
	if (e.hidden === on) e.hidden = !on;
}

export function say(text) {
	setText($("say"), text);
}

export function facts(pairs) {
	return el("dl", {}, pairs.filter(([, v]) => v).map(([k, v]) => el("div", {}, el("dt", {}, k), el("dd", {}, v))));
}

export function table(headings, rows) {
	return el("div", {class: "wide"}, el("table", {},
		el("thead", {}, el("tr", {}, headings.map((h) => el("th", {scope: "col"}, h)))),
		el("tbody", {}, rows.map((r) => el("tr", {}, r.map((c) => el("td", {}, c)))))));
}

export const mark = (ok, yes, no) => el("span", {class: ok ? "ok" : "no"}, ok ? `✓ ${yes}` : `✗ ${no}`);
export const section = (title, ...content) => [el("h3", {}, title), ...content];

// Is somebody there: marking text, or with the keyboard on something that would be made anew?
export function inUse(e) {
	const marked = getSelection();
	return e.contains(document.activeElement) || (!marked.isCollapsed && e.contains(marked.anchorNode));
}
