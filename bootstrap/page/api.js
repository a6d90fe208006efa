// SPDX-License-Identifier: Apache-2.0
// Requests to ondold (docs/protocol.md), with the session's cookie.

let whenEnded = () => {};
let session = 0; // counts them: what is answered to one that has ended says nothing of the next

// fn is called when ondold does not know the session any more.
export function whenSessionEnds(fn) {
	whenEnded = fn;
}

export function sessionBegins() {
	session++;
}

export function sessionEnded() {
	whenEnded("The session has ended. Sign in again.");
}

export class Refused extends Error {
	constructor(status, text) {
		super(text);
		this.status = status;
	}
}

export async function call(method, path, body) {
	const headers = {"X-Ondol": "page"}, asked = session;
	if (body) headers["Content-Type"] = "application/json";
	const r = await fetch(path, {method, headers, body: body && JSON.stringify(body),
		credentials: "same-origin", cache: "no-store"});
	let answer = null;
	try {
		answer = await r.json();
	} catch {
		// it broke off: ondold was restarted
	}
	if (r.ok && answer) return answer;
	if (r.status === 401 && path !== "/v1/session" && asked === session) sessionEnded();
	throw new Refused(r.ok ? 0 : r.status, (answer && answer.error) || (r.ok ? "ondold's answer broke off" : `ondold answered with status ${r.status}`));
}
