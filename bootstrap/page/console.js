// SPDX-License-Identifier: Apache-2.0
// The recording of a node's serial console.
import {call} from "/api.js";
import {el, setText, show} from "/dom.js";
import {page} from "/state.js";
import {clock} from "/words.js";

// A terminal's text as lines: colours and cursor movements go, a CR begins the line anew.
export function consoleText(raw) {
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
export function consolePart(name) {
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
