/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rack.ini is read once and both checked and sent from that one text, so that what was
 * checked is what ondold gets. secrets.ini is opened by secrets_load() (which looks at its
 * owner and mode) and its text is read after that.
 */
#include "bootstrap/input.h"

static char *beside(const char *file, const char *name)
{
	const char *slash = strrchr(file, '/');

	return slash ? xasprintf("%.*s/%s", (int)(slash - file), file, name)
		     : xstrdup(name);
}

static void load_roles(const struct input_spec *spec, struct input *in)
{
	_cleanup_free_ char *dir =
		spec->roles ? xstrdup(spec->roles) : roledefs_default_dir();

	in->parts = cloudparts_load(dir, &in->problems);
	in->roles = in->parts ? in->parts->roles : NULL;
}

static void load_rack(struct input *in)
{
	if (conf_read(in->file, &in->problems, &in->rack_ini, &in->rack_ini_len) < 0)
		return;
	if (rack_parse(in->file, in->rack_ini, in->rack_ini_len, in->parts->roles,
		    &in->problems, &in->rack) == 0)
		cloudparts_fit(in->parts, in->rack, &in->problems);
}

static void load_secrets(struct input *in)
{
	if (secrets_load(in->secrets_file, in->rack, &in->problems, &in->secrets) < 0)
		return;
	conf_read(
		in->secrets_file, &in->problems, &in->secrets_ini, &in->secrets_ini_len);
}

int input_load(const struct input_spec *spec, struct input *ret)
{
	*ret = (struct input){.file = spec->file};
	load_roles(spec, ret);
	if (ret->parts)
		load_rack(ret);
	if (!spec->no_secrets) {
		ret->secrets_file = spec->secrets ? xstrdup(spec->secrets)
						  : beside(spec->file, "secrets.ini");
		load_secrets(ret);
	}
	problems_sort(&ret->problems);
	return ret->problems.n ? -EINVAL : 0;
}

void input_tell(const struct input *in)
{
	problems_print(&in->problems, stderr);
	fprintf(stderr, "%zu problem%s; nothing was changed\n", in->problems.n,
		in->problems.n == 1 ? "" : "s");
}

void input_clear(struct input *in)
{
	if (in->secrets_ini)
		explicit_bzero(in->secrets_ini, in->secrets_ini_len);
	free(in->secrets_ini);
	free(in->rack_ini);
	free(in->secrets_file);
	rack_free(in->rack);
	secrets_free(in->secrets);
	cloudparts_free(in->parts);
	problems_clear(&in->problems);
	*in = (struct input){0};
}
