/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The schema's dump has tables only of its own; while it is loaded, one more table stands
 * in the database as the mark that it is not whole. MariaDB has no transaction around
 * table definitions, so a database with that mark is dropped and loaded again: nothing of
 * a user's can be in it yet.
 */
#include "nodeagent/database.h"

#include <mysql.h>
#include <zlib.h>

#define SOCKET "/run/mysqld/mysqld.sock"
#define MARK "ondol_loading"
#define MAX_SCHEMA (64 * 1024 * 1024)

static int failed(MYSQL *my, const char *what, char **reterr_msg)
{
	if (!*reterr_msg)
		*reterr_msg = xasprintf("%s: MariaDB says: %s", what, mysql_error(my));
	return -EIO;
}

/* All statements of a text; their results are of no interest. */
static int run_sql(MYSQL *my, const char *sql, size_t len)
{
	int r = mysql_real_query(my, sql, len);

	while (r == 0) {
		MYSQL_RES *res = mysql_store_result(my);

		if (res)
			mysql_free_result(res);
		else if (mysql_errno(my))
			return -EIO;
		r = mysql_next_result(my);
	}
	return r > 0 ? -EIO : 0; /* -1: there was no further one */
}

static int query(MYSQL *my, char *sql)
{
	_cleanup_free_ char *owned = sql;

	return run_sql(my, owned, strlen(owned));
}

/* The first field of the first row as a number; -1: none, or it could not be asked. */
static long number(MYSQL *my, char *sql)
{
	_cleanup_free_ char *owned = sql;
	MYSQL_RES *res;
	MYSQL_ROW row;
	long n = -1;

	if (mysql_query(my, owned) != 0)
		return -1;
	res = mysql_store_result(my);
	row = res ? mysql_fetch_row(res) : NULL;
	if (row && row[0])
		n = strtol(row[0], NULL, 10);
	if (res)
		mysql_free_result(res);
	return n;
}

static char *quoted(MYSQL *my, const char *s)
{
	size_t len = strlen(s);
	char *out = xmalloc(2 * len + 1);

	mysql_real_escape_string(my, out, s, len);
	return out;
}

static int ensure_user(MYSQL *my, const struct database_want *w)
{
	_cleanup_free_ char *password = quoted(my, w->password);
	int r = 0;

	for (char *const *h = w->hosts; r == 0 && *h; h++) {
		_cleanup_free_ char *host = quoted(my, *h);

		r = query(my,
			xasprintf(
				"CREATE USER IF NOT EXISTS '%s'@'%s' IDENTIFIED BY '%s'; "
				"ALTER USER '%s'@'%s' IDENTIFIED BY '%s'; "
				"GRANT ALL ON `%s`.* TO '%s'@'%s'",
				w->user, host, password, w->user, host, password, w->name,
				w->user, host));
	}
	return r;
}

static int read_gz(const char *path, char **ret, size_t *ret_len)
{
	gzFile f = gzopen(path, "rbe");
	_cleanup_free_ char *buf = NULL;
	size_t len = 0, cap = 0;
	int n = 0;

	if (!f)
		return errno ? -errno : -ENOMEM;
	do {
		len += (size_t)n;
		if (len + 65536 > cap) {
			cap = cap ? cap * 2 : 1024 * 1024;
			buf = xrealloc(buf, cap, 1);
		}
		n = gzread(f, buf + len, 65536);
	} while (n > 0 && len < MAX_SCHEMA);
	gzclose(f);
	if (n != 0)
		return n < 0 ? -EBADMSG : -EFBIG;
	*ret = TAKE_PTR(buf);
	*ret_len = len;
	return 0;
}

static long tables(MYSQL *my, const char *database, const char *like)
{
	return number(my,
		xasprintf("SELECT COUNT(*) FROM information_schema.tables WHERE "
			  "table_schema = '%s' AND table_name LIKE '%s'",
			database, like));
}

static int make_database(MYSQL *my, const char *name)
{
	return query(my,
		xasprintf("CREATE DATABASE IF NOT EXISTS `%s` CHARACTER SET utf8 "
			  "COLLATE utf8_general_ci",
			name));
}

static int load(MYSQL *my, const struct database_want *w, char **reterr_msg)
{
	_cleanup_free_ char *sql = NULL;
	size_t len = 0;
	int r = read_gz(w->schema, &sql, &len);

	if (r < 0) {
		*reterr_msg = xasprintf(
			"%s cannot be read: %s; it comes with the image profile full",
			w->schema, strerror(-r));
		return r;
	}
	if (query(my, xasprintf("USE `%s`; CREATE TABLE " MARK " (at INT)", w->name)) <
			0 ||
		run_sql(my, sql, len) < 0 ||
		query(my, xasprintf("USE `%s`; DROP TABLE " MARK, w->name)) < 0)
		return failed(my, w->name, reterr_msg);
	return 0;
}

static int ensure(MYSQL *my, const void *want, bool *ret_loaded, char **reterr_msg)
{
	const struct database_want *w = want;
	long n = tables(my, w->name, MARK);

	if (n < 0 || (n > 0 && query(my, xasprintf("DROP DATABASE `%s`", w->name)) < 0))
		return failed(my, w->name, reterr_msg);
	if (make_database(my, w->name) < 0 || ensure_user(my, w) < 0)
		return failed(my, w->name, reterr_msg);
	n = tables(my, w->name, "%");
	if (n < 0)
		return failed(my, w->name, reterr_msg);
	*ret_loaded = n == 0;
	return *ret_loaded ? load(my, w, reterr_msg) : 0;
}

static int with_server(
	int (*run)(MYSQL *my, const void *want, bool *ret, char **reterr_msg),
	const void *want, bool *ret, char **reterr_msg)
{
	MYSQL *my = mysql_init(NULL);
	int r;

	if (!my)
		abort();
	if (mysql_real_connect(
		    my, NULL, "root", NULL, NULL, 0, SOCKET, CLIENT_MULTI_STATEMENTS))
		r = run(my, want, ret, reterr_msg);
	else
		r = failed(my, SOCKET, reterr_msg);
	mysql_close(my);
	return r;
}

static int exists(MYSQL *my, const void *name, bool *ret, char **reterr_msg)
{
	long n = number(my,
		xasprintf("SELECT COUNT(*) FROM information_schema.schemata WHERE "
			  "schema_name = '%s'",
			(const char *)name));

	if (n < 0)
		return failed(my, name, reterr_msg);
	*ret = n > 0;
	return 0;
}

int database_ensure(const struct database_want *want, bool *ret_loaded, char **reterr_msg)
{
	return with_server(ensure, want, ret_loaded, reterr_msg);
}

int database_exists(const char *name, bool *ret, char **reterr_msg)
{
	return with_server(exists, name, ret, reterr_msg);
}
