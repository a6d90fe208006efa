// SPDX-License-Identifier: Apache-2.0
// The page of ondold: signing in, and what is pressed. The views are in modules of their own:
// rack.js, node.js (with console.js and actions.js), plan.js, cloud.js, events.js.
import {call, Refused, sessionBegins, whenSessionEnds} from "/api.js";
import {drawCloud} from "/cloud.js";
import {$, setText, show} from "/dom.js";
import {drawEvents} from "/events.js";
import {closeStream, connected, countDown, openStream, runOn} from "/live.js";
import {drawPanel, select} from "/node.js";
import {showPlans} from "/plan.js";
import {drawRack} from "/rack.js";
import {page} from "/state.js";

function signedIn(who) {
	sessionBegins();
	page.who = who;
	setText($("who-name"), `${who.name} (${who.role})`);
	show($("who"), true);
	show($("sign-in"), false);
	show($("main"), true);
	openStream();
}

// Whoever sits here next sees nothing of it.
function forget() {
	showPlans(false);
	page.nodes = new Map();
	page.events = [];
	page.detail = page.cloud = null;
	drawRack();
	drawPanel();
	drawCloud();
	drawEvents();
}

function signedOut(why) {
	closeStream();
	page.who = null;
	forget();
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

$("rack").addEventListener("click", (ev) => {
	const button = ev.target.closest("button.unit");
	if (button) select(page.selected === button.dataset.node ? "" : button.dataset.node);
});

window.addEventListener("hashchange", () => select(location.hash.slice(1)));
document.addEventListener("keydown", (ev) => {
	if (ev.key === "Escape" && page.selected && !$("ask").open) select("");
});
whenSessionEnds(signedOut);
setInterval(runOn, 5000);
setInterval(countDown, 1000);
call("GET", "/v1/session").then(signedIn).catch((e) => signedOut(e.status === 401 ? "" : "ondold does not answer. Load the page again."));
