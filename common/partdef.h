/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Part files, roles/parts/NAME.ini: one service of a role, declared: which files it needs
 * with which settings, its databases, one-shot steps, units, and what proves that it is
 * up. Read by ondold (which secrets a node needs, how much memory) and by ondol-noded,
 * which carries them out. The format is documented in docs/ondol-role.5.scd.
 *
 * The definitions own all they point to. Values are as written, variables not expanded.
 */
#pragma once

#include "common/problems.h"
#include "common/roledef.h"

#define PART_MAX_VALUES 32 /* of one multi-valued option */

struct part_setting {
	char *key;
	char *value; /* NULL: the key is taken out */
	unsigned index; /* 0: has one value; 1..: the place among several */
	unsigned line;
};

struct part_set { /* [set FILE SECTION] and [unset FILE SECTION] */
	char *path, *section; /* "DEFAULT" in capitals, all else lower case */
	struct part_setting *list;
	size_t n, cap;
};

struct part_file { /* [file PATH] and [directory PATH] */
	char *path;
	char *template; /* NULL: the file is made by [set] alone; a name below templates/ */
	char *user, *group; /* NULL: as they are, root for a new one */
	int mode; /* -1: as it is, 0644 for a new one */
	bool directory;
};

struct part_blob {
	char *name, *path;
	char *user, *group; /* NULL: root */
	int mode;
};

struct part_database {
	char *name, *user, *schema;
	char **hosts; /* NULL-terminated */
};

struct part_user { /* of Keystone, in its project "service" */
	char *name;
	char **roles; /* NULL-terminated */
};

struct part_service { /* of Keystone's catalogue */
	char *type, *name, *url;
};

struct part_step {
	char *name;
	char **run; /* NULL-terminated words; NULL: op is built in */
	char *op; /* NULL: run */
	char *user; /* NULL: root */
	char **env; /* NULL-terminated "NAME=VALUE" */
	char *input; /* NULL: none */
	char **unless; /* NULL: no guard */
	char *unless_output; /* NULL: exit status 0 is enough */
	unsigned timeout_s;
	bool on_change; /* each time a file of the part changed; else once */
	bool after; /* when the units are up; else before them */
};

struct partdef {
	char *name; /* the file's name without .ini */
	char *file; /* its path, for messages */
	char *description;
	char *service; /* optional service of [cloud] services; NULL: always */
	char **after; /* parts of the same node; these lists are NULL-terminated, never NULL */
	char **wait; /* "controller/keystone", "storage:block/cinder-volume" */
	uint64_t ram_bytes;
	struct part_set *sets;
	size_t n_sets, cap_sets;
	struct part_file *files;
	size_t n_files, cap_files;
	struct part_blob *blobs;
	size_t n_blobs, cap_blobs;
	struct part_database *databases;
	size_t n_databases, cap_databases;
	struct part_user *users;
	size_t n_users, cap_users;
	struct part_service *services;
	size_t n_services, cap_services;
	struct part_step *steps;
	size_t n_steps, cap_steps;
	char **units, **reload;
	char **ready_http, **ready_tcp;
	char *ready_op; /* NULL: none */
	unsigned ready_timeout_s;
	char *leave_op; /* NULL: none */
};

struct partdefs {
	char *dir; /* the roles' folder; templates are in templates/ below it */
	struct partdef *list; /* in name order */
	size_t n, cap;
};

/*
 * Loads every file of parts/ below the roles' folder; a folder without any is empty, not wrong.
 * -EINVAL when there are problems.
 */
int partdefs_load(
	const char *roles_dir, struct problems *problems, struct partdefs **ret);
void partdefs_free(struct partdefs *p);
void partdefs_freep(struct partdefs **p);
const struct partdef *partdefs_find(const struct partdefs *p, const char *name);

/*
 * The parts that a node of that role runs, with these optional services (NULL-terminated;
 * NULL: none), in the role's order. A part that the role names and that does not exist is a
 * problem. *ret: NULL-terminated array of borrowed pointers; the caller frees the array.
 */
int partdefs_of(const struct partdefs *p, const struct roledef *def,
	char *const *services, struct problems *problems, const struct partdef ***ret);

/*
 * The names of the secrets that the parts mention, in settings, templates, steps, and as
 * passwords of their databases ("db.USER") and users ("keystone.USER"). Sorted, without
 * doubles, NULL-terminated; free with strv_free(). -errno: a template cannot be read.
 */
int partdefs_secrets(const struct partdefs *p, const struct partdef *const *parts,
	char ***ret, char **reterr_msg);
/* The user of Keystone as which a node asks for an op of [ready] or [leave]; NULL: no such op. */
const char *part_op_user(const char *op);
