/* SPDX-License-Identifier: Apache-2.0 */
/* Unit files where systemd looks for them: the first folder that has the unit gives it, drop-ins come from all. */
#include "unit_files.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "cmd.h"

enum { MAX_TEXT = 256 * 1024, MAX_FOLDERS = 16 };

/* systemd.unit(5): the variable, else these. */
static const char places[] = "/etc/systemd/system:/run/systemd/system:/usr/local/lib/systemd/system:/usr/lib/systemd/system:/lib/systemd/system";

struct folders {
	char text[4096];
	const char *list[MAX_FOLDERS];
	size_t n;
};

static void find_folders(struct folders *f)
{
	const char *path = getenv("SYSTEMD_UNIT_PATH");
	char *rest = f->text, *folder;

	snprintf(f->text, sizeof(f->text), "%s", path != NULL && path[0] != '\0' ? path : places);
	f->n = 0;
	while (f->n < MAX_FOLDERS && (folder = strsep(&rest, ":")) != NULL)
		if (folder[0] != '\0')
			f->list[f->n++] = folder;
}

static bool add_file(const char *path, struct jwk11_buf *out)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf text = J11_BUF(MAX_TEXT);

	if (cmd_read_input(path, MAX_TEXT, &text, NULL) != JWK11_OK)
		return false;
	j11_buf_add(out, text.data, text.len);
	j11_buf_add_byte(out, '\n');
	return true;
}

static int is_drop_in(const struct dirent *entry)
{
	size_t len = strlen(entry->d_name);

	return entry->d_name[0] != '.' && len > 5 && j11_text_equal(entry->d_name + len - 5, ".conf");
}

static void add_drop_ins(const char *folder, const char *unit, struct jwk11_buf *out)
{
	struct dirent **entries = NULL;
	char path[5000], file[5300];
	int n;

	snprintf(path, sizeof(path), "%s/%s.d", folder, unit);
	n = scandir(path, &entries, is_drop_in, alphasort);
	for (int i = 0; i < n; i++) {
		snprintf(file, sizeof(file), "%s/%s", path, entries[i]->d_name);
		(void)add_file(file, out);
		free(entries[i]);
	}
	free(entries);
}

bool unit_files_read(const char *unit, struct jwk11_buf *ret_text)
{
	struct folders folders;
	char path[4400];
	bool found = false;

	find_folders(&folders);
	for (size_t i = 0; !found && i < folders.n; i++) {
		snprintf(path, sizeof(path), "%s/%s", folders.list[i], unit);
		found = add_file(path, ret_text);
	}
	for (size_t i = folders.n; found && i > 0; i--) /* what the administrator has comes last */
		add_drop_ins(folders.list[i - 1], unit, ret_text);
	return found && ret_text->failed == JWK11_OK;
}

/* The next line of the text, without its end; false: there is none. */
static bool next_line(struct jwk11_view *text, struct jwk11_view *ret_line)
{
	const char *end = text->len > 0 ? memchr(text->data, '\n', text->len) : NULL;

	if (text->len == 0)
		return false;
	ret_line->data = text->data;
	ret_line->len = end != NULL ? (size_t)(end - (const char *)text->data) : text->len;
	text->data = (const char *)text->data + ret_line->len + (end != NULL);
	text->len -= ret_line->len + (end != NULL);
	return true;
}

static bool begins(struct jwk11_view v, const char *start)
{
	size_t len = strlen(start);

	return v.len >= len && memcmp(v.data, start, len) == 0;
}

struct jwk11_view unit_files_last(struct jwk11_view text, const char *name)
{
	struct jwk11_view line, value = { 0 };

	while (next_line(&text, &line))
		if (begins(line, name))
			value = (struct jwk11_view){ (const char *)line.data + strlen(name), line.len - strlen(name) };
	return value;
}

int unit_files_say(const char *unit, const char *name, const char *start)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf text = J11_BUF(MAX_TEXT);
	struct jwk11_view rest, line;

	if (!unit_files_read(unit, &text))
		return -1;
	rest = j11_buf_view(&text);
	while (next_line(&rest, &line))
		if (begins(line, name) && begins((struct jwk11_view){ (const char *)line.data + strlen(name), line.len - strlen(name) }, start))
			return 1;
	return 0;
}
