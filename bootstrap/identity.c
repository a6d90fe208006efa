/* SPDX-License-Identifier: Apache-2.0 */
#include "bootstrap/identity.h"

/*
 * Several fields are compared, since any one of them lies on some board: serials such as
 * 1234567890, UUIDs of all F. What rack.ini does not say is not compared; the MACs it
 * always says. SMBIOS stores the first three groups of a UUID little-endian, and firmware
 * older than 2.6 did not: both readings are the same server.
 */

static void swap_uuid(const char *uuid, char ret[static 37])
{
	static const unsigned char from[36] = {6, 7, 4, 5, 2, 3, 0, 1, 8, 11, 12, 9, 10,
		13, 16, 17, 14, 15, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30,
		31, 32, 33, 34, 35};

	for (size_t i = 0; i < 36; i++)
		ret[i] = uuid[from[i]];
	ret[36] = 0;
}

static bool same_uuid(const char *a, const char *b)
{
	char swapped[37];

	if (streq(a, b))
		return true;
	if (strlen(a) != 36 || strlen(b) != 36)
		return false;
	swap_uuid(b, swapped);
	return streq(a, swapped);
}

static bool has_mac(const struct inventory *inv, const struct mac_addr *mac)
{
	for (size_t i = 0; i < inv->n_nics; i++)
		if (mac_equal(&inv->nics[i].mac, mac))
			return true;
	return false;
}

/* Adds "; more" to *text. */
static void add(char **text, char *more)
{
	char *joined = *text ? xasprintf("%s; %s", *text, more) : xstrdup(more);

	free(*text);
	free(more);
	*text = joined;
}

/* Which other node of the rack this is, by its serial number or one of its MACs; NULL: none. */
static const struct rack_node *who_is(const struct rack *rack,
	const struct rack_node *not_this, const struct inventory *inv)
{
	for (size_t i = 0; rack && i < rack->n_nodes; i++) {
		const struct rack_node *n = &rack->nodes[i];

		if (n == not_this)
			continue;
		if (n->serial && *n->serial && streq(n->serial, inv->serial))
			return n;
		for (size_t m = 0; m < n->profile->n_nics; m++)
			if (has_mac(inv, &n->macs[m]))
				return n;
	}
	return NULL;
}

static bool is_unset(const char *s)
{
	static const char *const unset[] = {"1234567890", "0123456789", "0", "None",
		"Default string", "To be filled by O.E.M.", "System Serial Number", NULL};

	for (size_t i = 0; unset[i]; i++)
		if (streq(s, unset[i]))
			return true;
	/* of one character alone: "", all F, all 0, dashes aside */
	return strspn(s, "0-") == strlen(s) || strspn(s, "fF-") == strlen(s);
}

char *identity_twice(const char *name, const struct inventory *inv,
	const char *other_name, const struct inventory *other)
{
	for (size_t i = 0; i < other->n_nics; i++)
		if (has_mac(inv, &other->nics[i].mac))
			return NULL; /* the same board, seen in two places */
	if (!is_unset(inv->serial) && streq(inv->serial, other->serial))
		return xasprintf(
			"two servers say that they are serial %s: %s and %s. Nothing was "
			"written; set the right serial number in the firmware of the one "
			"whose board was replaced",
			inv->serial, name, other_name);
	if (!is_unset(inv->uuid) && streq(inv->uuid, other->uuid))
		return xasprintf(
			"two servers say that they are UUID %s: %s and %s. Nothing was "
			"written; set the UUID in the firmware of the one whose board was "
			"replaced",
			inv->uuid, name, other_name);
	return NULL;
}

char *identity_check(const struct rack *rack, const struct rack_node *node,
	const struct inventory *inv)
{
	const struct rack_node *is;
	_cleanup_free_ char *diff = NULL;
	char mac[18];

	if (node->serial && !streq(node->serial, inv->serial))
		add(&diff,
			xasprintf("rack.ini says serial %s, the server says %s",
				node->serial, inv->serial));
	if (*node->uuid && !same_uuid(node->uuid, inv->uuid))
		add(&diff,
			xasprintf("rack.ini says UUID %s, the server says %s", node->uuid,
				inv->uuid));
	for (size_t i = 0; i < node->profile->n_nics; i++) {
		if (has_mac(inv, &node->macs[i]))
			continue;
		format_mac(&node->macs[i], mac);
		add(&diff,
			xasprintf("the server has no NIC with mac.%zu %s", i + 1, mac));
	}
	is = diff ? who_is(rack, node, inv) : NULL;
	if (is)
		add(&diff, xasprintf("it is what rack.ini gives to %s", is->name));
	return diff
		? xasprintf(
			  "this is not %s as rack.ini has it: %s. Nothing was written; correct "
			  "rack.ini or the cabling",
			  node->name, diff)
		: NULL;
}
