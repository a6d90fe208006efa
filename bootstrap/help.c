/* SPDX-License-Identifier: Apache-2.0 */
#include "bootstrap/help.h"

#include <stddef.h>

const char help_overview_head[] =
	"ondol turns a rack of servers into the roles that a file, rack.ini, gives them.\n"
	"\n"
	"Usage: ondol COMMAND [OPTIONS] [ARGUMENTS]\n"
	"\n";

const char help_overview_tail[] =
	"\n"
	"Every command takes --socket PATH (or $ONDOL_SOCKET; default /run/ondol/ondold.sock),\n"
	"--help, and, where it prints a table, --json.\n"
	"\n"
	"First steps:\n"
	"  ondol check rack.ini        is the file good? Changes nothing, talks to nobody\n"
	"  ondol plan rack.ini         what would happen, to which disk of which server?\n"
	"  ondol apply rack.ini        do it, and watch until every node is ready\n"
	"  ondol status                how is the rack?\n"
	"  ondol why hp02              how did hp02 come to be as it is?\n"
	"\n"
	"Exit status: 0 done, 1 failed, 2 wrong usage or configuration (nothing was changed),\n"
	"130 Ctrl-C while watching (the work goes on).\n"
	"\n"
	"`ondol help COMMAND` explains one command; ondol(1) and rack.ini(5) have everything.\n";

const struct help_text help_texts[] = {
	{"init", "begin: files to edit, and the authorities that the rack will trust",
		"Usage: ondol init [DIRECTORY]\n"
		"\n"
		"Begins rack.ini and secrets.ini in the directory (default /etc/ondol), from the\n"
		"commented example, and has ondold make the authorities: the one by which it and its\n"
		"nodes know one another, and the one of the page and the cloud. Nothing that is there\n"
		"is changed, so it can be run again. Prints the authorities' SHA-256, to compare with\n"
		"what a browser or a server says.\n"
		"\n"
		"Example:\n"
		"  ondol init\n"},
	{"check", "check rack.ini and secrets.ini; tells every problem at once",
		"Usage: ondol check FILE [--secrets FILE | --no-secrets] [--roles DIR] [--json]\n"
		"\n"
		"Reads rack.ini and the secrets.ini beside it and tells every problem with its\n"
		"line. Talks to nobody and changes nothing. Exit status 2 when there is a problem.\n"
		"\n"
		"  --secrets FILE   the passwords are in this file (default: secrets.ini beside FILE)\n"
		"  --no-secrets     do not look at passwords\n"
		"  --roles DIR      role files are here (default: $ONDOL_ROLES, else as installed)\n"
		"  --json           {\"ok\", \"problems\", \"rack\"}\n"
		"\n"
		"Examples:\n"
		"  ondol check rack.ini\n"
		"  ondol check rack.ini --no-secrets --json | jq .problems\n"},
	{"plan", "show what apply would do to each node and disk",
		"Usage: ondol plan FILE [--secrets FILE] [--wipe SERIAL]... [--json]\n"
		"\n"
		"Checks the files as `ondol check` does and asks ondold what it would do: for each\n"
		"node the action, the disk that would be written and what was on it when it was\n"
		"last seen. Nothing is changed.\n"
		"\n"
		"Actions: install (over the network, the system disk is written), converge (its\n"
		"configuration changes while it runs), none, remove (ondold forgets it), refused.\n"
		"\n"
		"  --wipe SERIAL    this disk may be overwritten although something foreign is on it\n"
		"\n"
		"Example:\n"
		"  ondol plan rack.ini\n"},
	{"apply", "bring the rack to what the file says, and watch",
		"Usage: ondol apply FILE [--secrets FILE] [--wipe SERIAL]... [--yes] [--no-wait]\n"
		"                   [--timeout TIME] [--json]\n"
		"\n"
		"Checks the files, shows the plan, asks when a disk will be written, hands the file\n"
		"to ondold and watches until every node is ready or has failed. Ctrl-C ends only the\n"
		"watching.\n"
		"\n"
		"  --wipe SERIAL    this disk may be overwritten although something foreign is on\n"
		"                   it; once for each disk\n"
		"  --yes            do not ask (for scripts)\n"
		"  --no-wait        do not watch\n"
		"  --timeout TIME   watch at most so long: 90s, 30m, 2h\n"
		"  --json           the result as JSON; progress goes to standard error\n"
		"\n"
		"Examples:\n"
		"  ondol apply rack.ini\n"
		"  ondol apply rack.ini --yes --timeout 45m\n"
		"  ondol apply rack.ini --wipe S4EVNX0R123456\n"},
	{"status", "the rack in a table, or one node in full",
		"Usage: ondol status [NODE] [--json]\n"
		"       ondol status [NODE...] --watch [--timeout TIME]\n"
		"\n"
		"Without NODE a line per node. With NODE all that is known of it: inventory, disks\n"
		"and what is on them, proofs with their times, how long each phase took.\n"
		"\n"
		"  --watch          go on showing, until Ctrl-C\n"
		"\n"
		"Examples:\n"
		"  ondol status\n"
		"  ondol status hp02\n"
		"  ondol status --watch\n"
		"  ondol status --json | jq -r '.nodes[] | select(.state == \"failed\") | .name'\n"},
	{"why", "how a node came to be as it is: its events as a timeline",
		"Usage: ondol why NODE [--all] [--json]\n"
		"\n"
		"The present state and its reason; causes, each with what was seen and what to do; then\n"
		"the events of the last run: when, how long after the one before, who says so, what\n"
		"happened.\n"
		"\n"
		"  --all            from the first event on\n"
		"\n"
		"Example:\n"
		"  ondol why hp02\n"},
	{"reinstall", "install nodes again, over IPMI and PXE",
		"Usage: ondol reinstall NODE... [--wipe SERIAL]... [--yes] [--no-wait]\n"
		"                       [--timeout TIME] [--json]\n"
		"\n"
		"Powers the nodes off, boots them from the network, writes their system disks and\n"
		"brings them into their roles. Data disks are left alone. Asks for each node's name.\n"
		"Options are those of `ondol apply`.\n"
		"\n"
		"Examples:\n"
		"  ondol reinstall hp02\n"
		"  ondol reinstall hp02 hp03 --yes --no-wait\n"},
	{"cancel", "end what goes on with a node; its power is left as it is",
		"Usage: ondol cancel NODE [--json]\n"
		"\n"
		"Ends the run of a node that is on its way: it is not powered, booted or written any\n"
		"more, and its boot token is good no longer. Says what is left on its disk. The next\n"
		"`ondol apply` or `ondol reinstall` begins anew.\n"
		"\n"
		"Example:\n"
		"  ondol cancel hp02\n"},
	{"maintenance", "leave a node alone while people work on it",
		"Usage: ondol maintenance NODE on [REASON] [--json]\n"
		"       ondol maintenance NODE off [--json]\n"
		"\n"
		"While it is on, ondold does not install, power or change the node, and does not\n"
		"call it failed; a run that goes on is ended. What runs on it goes on. Off: an\n"
		"installed node proves itself again, another waits for `ondol apply`.\n"
		"\n"
		"Examples:\n"
		"  ondol maintenance hp04 on 'DIMM 3 is being replaced'\n"
		"  ondol maintenance hp04 off\n"},
	{"power", "power of a node, over its BMC",
		"Usage: ondol power NODE status|on|off|cycle|reset|soft|bmc-reset [--yes] [--json]\n"
		"\n"
		"Done when the BMC says that it is so. off, cycle and reset take a running system\n"
		"away; they ask unless --yes. soft asks the system to shut down. bmc-reset starts the\n"
		"BMC itself anew, not the server, and waits until it answers again: the last thing\n"
		"to try with a BMC that takes commands and does not carry them out.\n"
		"\n"
		"Examples:\n"
		"  ondol power hp02 status\n"
		"  ondol power hp02 soft\n"},
	{"identify", "switch on a node's UID light, to find it in the rack",
		"Usage: ondol identify NODE [SECONDS|on|off] [--json]\n"
		"\n"
		"For so many seconds (1 to 255, default 240), or on until it is told off.\n"
		"\n"
		"Example:\n"
		"  ondol identify hp02\n"},
	{"sensors", "temperatures, fans and power of a node, with their limits",
		"Usage: ondol sensors NODE [--json]\n"
		"\n"
		"As the BMC measures them now. LOWER and UPPER are the limits for warning /\n"
		"critical / fatal. A discrete sensor has no reading; its STATUS is its state bits.\n"
		"\n"
		"Examples:\n"
		"  ondol sensors hp02\n"
		"  ondol sensors hp02 --json | jq '.sensors[] | select(.well | not)'\n"},
	{"sel", "a node's system event log, as its BMC keeps it",
		"Usage: ondol sel NODE [--json]\n"
		"       ondol sel NODE --clear [--yes]\n"
		"\n"
		"The newest 1000 entries, in local time.\n"
		"\n"
		"  --clear          have the BMC forget them; asks unless --yes\n"
		"\n"
		"Example:\n"
		"  ondol sel hp02\n"},
	{"console", "a node's serial console, and what it said",
		"Usage: ondol console NODE [--read-only]\n"
		"       ondol console NODE --log [--json]\n"
		"\n"
		"Types and reads on the node's serial line, over its BMC. ondold holds the BMC's only\n"
		"session: several may watch, one types. Leave with Enter ~ . ; Enter ~ t takes the\n"
		"typing over, Enter ~ ? helps. What the node says is recorded while somebody is here,\n"
		"and from its power-on until it is ready.\n"
		"\n"
		"  --read-only      only watch\n"
		"  --log            print the recording of the last run, without escape sequences\n"
		"                   unless on a terminal\n"
		"\n"
		"Examples:\n"
		"  ondol console hp02\n"
		"  ondol console hp02 --log | less\n"},
	{"prove", "have nodes prove that their roles work",
		"Usage: ondol prove NODE... [--timeout TIME] [--json]\n"
		"\n"
		"Each node checks anew all that its role promises: network, units, disks; a\n"
		"hypervisor also starts a guest. Prints the proofs; exit status 1 when one is not ok.\n"
		"\n"
		"  --timeout TIME   wait at most so long (default 10m)\n"
		"\n"
		"Example:\n"
		"  ondol prove hp02 hp08\n"},
	{"cloud", "the cloud on the rack: its services, its keys, its backup",
		"Usage: ondol cloud status [--wait[=TIME]] [--json]\n"
		"       ondol cloud openrc [--student] [--ca FILE]\n"
		"       ondol cloud dashboard\n"
		"       ondol cloud ca\n"
		"       ondol cloud backup FILE [--timeout TIME]\n"
		"       ondol cloud restore FILE [--yes]\n"
		"\n"
		"status     each service of each node by what the cloud's own API says of it, with\n"
		"           the reason when it is not well. Exit status 1 when something is not well.\n"
		"openrc     OS_* variables for the openstack command, as lines for a shell; they\n"
		"           hold a password\n"
		"dashboard  the address of Horizon, and how one signs in\n"
		"ca         the certificate of the rack's authority, which signs all endpoints\n"
		"backup     secrets, rings, databases and images into FILE (mode 0600)\n"
		"restore    puts FILE back; the controller comes up from it when it is installed next\n"
		"\n"
		"  --wait[=TIME]    show what is missing until everything is well, at most so long\n"
		"                   (seconds, or 90s, 30m, 2h; without a time: for ever)\n"
		"  --student        the first user's variables instead of the administrator's\n"
		"  --ca FILE        write the authority's certificate to FILE and name it in OS_CACERT\n"
		"  --timeout TIME   the controller may take so long for the backup (default 2h)\n"
		"  --yes            do not ask\n"
		"\n"
		"Examples:\n"
		"  ondol cloud status --wait=30m\n"
		"  eval \"$(ondol cloud openrc)\" && openstack hypervisor list\n"
		"  ondol cloud backup /root/cloud.tar\n"},
	{"token", "who may use the page",
		"Usage: ondol token add NAME --role viewer|operator\n"
		"       ondol token list [--json]\n"
		"       ondol token revoke NAME\n"
		"\n"
		"The page (rack.ini: [deploy] page) and the API behind it are used with a token. A\n"
		"viewer sees; an operator may also switch power, reinstall and prove. add prints the\n"
		"token, once: ondold keeps only its digest. revoke ends its sessions at once.\n"
		"\n"
		"Examples:\n"
		"  ondol token add anna --role operator\n"
		"  ondol token revoke anna\n"},
	{"ca", "the certificate of the rack's authority, for browsers",
		"Usage: ondol ca\n"
		"\n"
		"Prints the certificate that signs the page's and the cloud's endpoints' own. Staff\n"
		"import it into their browsers once, as an authority for websites.\n"
		"\n"
		"Example:\n"
		"  ondol ca >rack-ca.pem\n"},
	{"metrics", "counters and gauges of ondold, for a monitoring system",
		"Usage: ondol metrics\n"
		"\n"
		"Prints them in Prometheus' text format: nodes by state, each node's state, power\n"
		"and progress, installs, events, IPMI commands, requests, and ondold's own memory\n"
		"and processor time. Prometheus fetches the same from the page's address, path\n"
		"/metrics, with a viewer's token; ondold(8) shows how.\n"
		"\n"
		"Example:\n"
		"  ondol metrics | grep ondol_nodes\n"},
	{"version", "print the version", "Usage: ondol version\n"},
	{"help", "explain a command", "Usage: ondol help [COMMAND]\n"},
	{NULL, NULL, NULL},
};
