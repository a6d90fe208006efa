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
	let answer = {};
	try {
		answer = await r.json();
	} catch {
		// an answer without a body
	}
	if (r.ok) return answer;
	if (r.status === 401 && path !== "/v1/session" && asked === session) sessionEnded();
	throw new Refused(r.status, answer.error || `ondold answered with status ${r.status}`);
}
