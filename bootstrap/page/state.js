// SPDX-License-Identifier: Apache-2.0
// What the page knows, in one place; and the words of the protocol that several views use.
export const STAGES = ["powering", "network-booting", "agent", "installing", "first-boot", "configuring"];
export const PAUSES = ["retrying", "resetting-bmc"]; // between two tries of a run
export const ASKS = "inventoried"; // seen for the first time; nothing is written until it is agreed to
export const MAX_EVENTS = 200;

export const page = {
	who: null, // {name, role}
	rack: null,
	nodes: new Map(), // name → NODE
	rows: new Map(), // name → the elements of its unit
	plans: new Map(), // name → PLAN, while they are shown
	cloud: null,
	selected: "",
	detail: null, // NODE with inventory, of the selected one
	detailEvents: [],
	console: null, // the element of the selected one's recording
	plan: null, // what a reinstall would do to its disks: PLAN
	why: [], // what is the matter with it, as `ondol why` says
	events: [],
	clockOffset: 0, // ondold's clock minus ours
	stream: null,
	heardAt: 0,
	retryMs: 1000,
};
