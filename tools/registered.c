/* SPDX-License-Identifier: Apache-2.0 */
/* p11-kit has no call that lists its modules without loading them, and loading is what may be wrong with one. Lines are "name: value". */
#include "registered.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "cmd.h"

enum { MAX_TEXT = 64 * 1024 };

static struct jwk11_view trimmed(const char *from, const char *to)
{
	while (from < to && (*from == ' ' || *from == '\t' || *from == '\r'))
		from++;
	while (to > from && (to[-1] == ' ' || to[-1] == '\t' || to[-1] == '\r'))
		to--;
	return (struct jwk11_view){ from, (size_t)(to - from) };
}

static void copy(char *room, size_t room_len, struct jwk11_view value)
{
	snprintf(room, room_len, "%.*s", value.len < room_len ? (int)value.len : (int)room_len - 1, (const char *)value.data);
}

static void take_value(struct registered *r, struct jwk11_view name, struct jwk11_view value)
{
	if (j11_view_equals(name, "module") && value.len > 0 && *(const char *)value.data == '/')
		copy(r->file, sizeof(r->file), value);
	else if (j11_view_equals(name, "module") && value.len > 0)
		snprintf(r->file, sizeof(r->file), "%s/%.*s", JWK11_P11_MODULE_PATH, value.len < 3000 ? (int)value.len : 3000, (const char *)value.data);
	else if (j11_view_equals(name, "enable-in"))
		copy(r->enable_in, sizeof(r->enable_in), value);
	else if (j11_view_equals(name, "disable-in"))
		copy(r->disable_in, sizeof(r->disable_in), value);
	else if (j11_view_equals(name, "trust-policy"))
		r->trust = j11_view_equals(value, "yes");
}

void registered_take(struct registered *r, struct jwk11_view text)
{
	const char *line = text.data, *all = line + text.len;

	while (line < all) {
		const char *end = memchr(line, '\n', (size_t)(all - line)), *colon;

		if (end == NULL)
			end = all;
		colon = memchr(line, ':', (size_t)(end - line));
		if (colon != NULL && *line != '#')
			take_value(r, trimmed(line, colon), trimmed(colon + 1, end));
		line = end < all ? end + 1 : all;
	}
}

static bool has_word(const char *list, const char *word)
{
	while (*list != '\0') {
		size_t len = strcspn(list, ", \t");

		if (len == strlen(word) && memcmp(list, word, len) == 0)
			return true;
		list += len;
		list += strspn(list, ", \t");
	}
	return false;
}

/* As p11-kit has it: enable-in comes first. */
bool registered_is_for(const struct registered *r, const char *program)
{
	if (r->enable_in[0] != '\0')
		return has_word(r->enable_in, program);
	return !has_word(r->disable_in, program);
}

static int is_module_file(const struct dirent *entry)
{
	size_t len = strlen(entry->d_name);

	return entry->d_name[0] != '.' && len > 7 && j11_text_equal(entry->d_name + len - 7, ".module");
}

static struct registered *place_of(struct registered_list *list, const char *name)
{
	for (size_t i = 0; i < list->n; i++)
		if (j11_text_equal(list->list[i].name, name))
			return &list->list[i];
	if (list->n == REGISTERED_MAX)
		return NULL;
	list->list[list->n] = (struct registered){ .file = "" };
	snprintf(list->list[list->n].name, sizeof(list->list[0].name), "%s", name);
	return &list->list[list->n++];
}

static void read_folder(struct registered_list *list, const char *folder)
{
	struct dirent **entries = NULL;
	int n = scandir(folder, &entries, is_module_file, alphasort);

	for (int i = 0; i < n; i++) {
		J11_AUTO(j11_buf_done_auto) struct jwk11_buf text = J11_BUF(MAX_TEXT);
		char path[4400], name[128];
		struct registered *r;

		snprintf(path, sizeof(path), "%s/%s", folder, entries[i]->d_name);
		snprintf(name, sizeof(name), "%.*s", (int)strlen(entries[i]->d_name) - 7, entries[i]->d_name);
		r = place_of(list, name);
		if (r != NULL && cmd_read_input(path, MAX_TEXT, &text, NULL) == JWK11_OK)
			registered_take(r, j11_buf_view(&text));
		free(entries[i]);
	}
	free(entries);
}

void registered_read(struct registered_list *ret)
{
	ret->n = 0;
	read_folder(ret, JWK11_P11_MODULE_CONFIGS);
	read_folder(ret, JWK11_P11_SYSTEM_MODULES);
}

const struct registered *registered_find(const struct registered_list *list, const char *name)
{
	for (size_t i = 0; i < list->n; i++)
		if (j11_text_equal(list->list[i].name, name))
			return &list->list[i];
	return NULL;
}
