/* SPDX-License-Identifier: Apache-2.0 */
/* cgroups(7): lines of "number:controllers:path". */
#include "work_unit.h"

#include <string.h>

#include "base/text.h"

/* Takes what stands before the separator, and the separator, off the front of *rest; all of it when there is none. */
static struct jwk11_view take(struct jwk11_view *rest, char separator)
{
	const char *p = rest->data, *end = rest->len > 0 ? memchr(p, separator, rest->len) : NULL;
	struct jwk11_view taken = { .data = p, .len = end != NULL ? (size_t)(end - p) : rest->len };
	size_t used = taken.len + (end != NULL);

	*rest = (struct jwk11_view){ .data = p != NULL ? p + used : NULL, .len = rest->len - used };
	return taken;
}

static bool ends_with(struct jwk11_view text, const char *tail)
{
	size_t len = strlen(tail);

	return text.len > len && memcmp((const char *)text.data + text.len - len, tail, len) == 0;
}

static bool find_path(struct jwk11_view cgroup, struct jwk11_view *ret_path)
{
	bool found = false;

	while (cgroup.len > 0) {
		struct jwk11_view path = take(&cgroup, '\n'), number = take(&path, ':'), controllers = take(&path, ':');

		if (j11_view_equals(controllers, "name=systemd")) {
			*ret_path = path;
			return true;
		}
		if (j11_view_equals(number, "0") && controllers.len == 0) {
			*ret_path = path;
			found = true;
		}
	}
	return found;
}

static bool is_unit(struct jwk11_view name)
{
	return (ends_with(name, ".service") || ends_with(name, ".scope") || ends_with(name, ".socket") || ends_with(name, ".mount") ||
		ends_with(name, ".swap")) && j11_text_is_utf8(name);
}

bool work_unit_of(struct jwk11_view cgroup, char *ret_unit, size_t room)
{
	struct jwk11_view path, name = { .len = 0 };

	if (!find_path(cgroup, &path))
		return false;
	while (path.len > 0 && (name.len == 0 || ends_with(name, ".slice")))
		name = take(&path, '/');
	if (name.len > 1 && *(const char *)name.data == '_') /* systemd's mark before names that the kernel could take for its own files */
		name = (struct jwk11_view){ .data = (const char *)name.data + 1, .len = name.len - 1 };
	if (!is_unit(name) || name.len >= room)
		return false;
	for (size_t i = 0; i < name.len; i++)
		if ((unsigned char)((const char *)name.data)[i] < ' ')
			return false;
	memcpy(ret_unit, name.data, name.len);
	ret_unit[name.len] = '\0';
	return true;
}
