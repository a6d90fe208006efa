/* SPDX-License-Identifier: Apache-2.0 */
#include "bootstrap/diskkeys.h"

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>

#include "bootstrap/cloudsecrets.h"
#include "bootstrap/ondold.h"
#include "common/order.h"

#define KEY_BYTES 32

/* HMAC-SHA-256 of the disk's identity; secret_free() it. */
static char *key_of(const char *master, const struct order_disk *d)
{
	_cleanup_free_ char *text = xasprintf("luks\n%s\n%s\n%llu", d->serial, d->wwn,
		(unsigned long long)d->size_bytes);
	uint8_t key[KEY_BYTES];
	char *hex = xmalloc(2 * KEY_BYTES + 1);

	if (gnutls_hmac_fast(GNUTLS_MAC_SHA256, master, strlen(master), text,
		    strlen(text), key) < 0)
		abort(); /* no memory */
	hex_encode(key, sizeof(key), hex);
	explicit_bzero(key, sizeof(key));
	return hex;
}

int diskkeys_of(const struct node *n, json_t **ret, char **reterr_msg)
{
	_cleanup_(desired_freep) struct desired *d = NULL;
	int r = cloudsecrets_need_key(n->o->authority, DISKKEYS_SECRET, reterr_msg);
	json_t *list;

	if (r < 0)
		return r;
	list = json_array();
	d = desired_alone(n->o->rack, n->conf, n->inv, 0);
	for (size_t i = 0; i < d->n_data_disks; i++) {
		const struct order_disk *disk = &d->data_disks[i];
		char *key =
			key_of(cloudsecrets_get(n->o->authority, DISKKEYS_SECRET), disk);

		json_array_append_new(list,
			json_pack("{s:s, s:s, s:s}", "serial", disk->serial, "wwn",
				disk->wwn, "key", key));
		secret_free(key);
	}
	*ret = json_pack("{s:o}", "keys", list);
	return 0;
}
