/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keystone's content, ensured: what is there is listed once, only what is missing or other
 * is made. Safe to repeat and to be interrupted. Nothing is ever taken away. Blocks.
 */
#pragma once

#include "cloud/session.h"

struct cloud_user {
	const char *name, *password;
	/* names, separated by blanks; roles that don't exist are made */
	const char *roles;
	const char *domain; /* NULL: Default; made when missing */
	/* the roles' scope, made in that domain when missing; NULL: the domain itself */
	const char *project;
	bool keep_password; /* of a user that exists already: whatever it is now */
};

struct cloud_service {
	const char *type, *name;
	/* of all three interfaces; an endpoint with another is changed */
	const char *url;
};

struct cloud_identity {
	const char *region; /* of the endpoints */
	const struct cloud_user *users;
	size_t n_users;
	const struct cloud_service *services;
	size_t n_services;
	const char *const
		*roles; /* further roles to be there; NULL-terminated; may be NULL */
};

/*
 * s is an admin's session. A user that exists and cannot sign in with the password gets
 * it. Results as of cloud_call; *ret_changes (may be NULL): how many things were made.
 */
int cloud_identity_ensure(struct cloud_session *s, const struct cloud_identity *want,
	unsigned *ret_changes, char **reterr_msg);
/* The domain of Heat's stack users ("heat") and its administrator ("heat_domain_admin"). */
int cloud_identity_heat(struct cloud_session *s, const char *password, char **reterr_msg);
