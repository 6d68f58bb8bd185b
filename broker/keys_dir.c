/* SPDX-License-Identifier: Apache-2.0 */
/* Folders and files; what is in them is keys_file.c's. */
#include "keys_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "keys_file.h"

enum { FILES_MAX = 1024, PATH_ROOM = 4096, ALL_MAX = 16 * 1024 * 1024 };

static enum jwk11_rc refuse(const struct conf_set *set, const char *path, const char *why, struct jwk11_err *err)
{
	return j11_err_set(err, JWK11_ERR_SYNTAX, J11_CODE_CONFIG_INVALID, "[set %s] verify-only: %s: %s", set->name, path, why);
}

static enum jwk11_rc check_mode(const struct conf_set *set, const char *path, const struct stat *st, struct jwk11_err *err)
{
	if ((st->st_mode & S_IWOTH) == 0)
		return JWK11_OK;
	(void)refuse(set, path, "anybody may write there, and so have keys of their own trusted", err);
	j11_err_hint(err, "chmod o-w %s", path);
	return JWK11_ERR_SYNTAX;
}

static enum jwk11_rc read_octets(const struct conf_set *set, const char *path, int fd, struct jwk11_buf *out, struct jwk11_err *err)
{
	char room[8192];
	ssize_t n;

	while ((n = read(fd, room, sizeof(room))) > 0 || (n < 0 && errno == EINTR))
		if (n > 0)
			j11_buf_add(out, room, (size_t)n);
	if (n < 0)
		return refuse(set, path, strerror(errno), err);
	return out->failed == JWK11_ERR_LIMIT ? refuse(set, path, "it is longer than 1048576 bytes", err) : j11_buf_check(out, path, err);
}

/* Whatever a name leads to: a FIFO must not hold us up. */
static enum jwk11_rc read_file(const struct conf_set *set, const char *path, struct jwk11_buf *out, struct jwk11_err *err)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat st;
	enum jwk11_rc rc;

	if (fd < 0)
		return refuse(set, path, strerror(errno), err);
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		rc = refuse(set, path, "it is not a plain file", err);
	else
		rc = check_mode(set, path, &st, err);
	if (rc == JWK11_OK)
		rc = read_octets(set, path, fd, out, err);
	close(fd);
	return rc;
}

static int is_wanted(const struct dirent *entry)
{
	return keys_file_is_named(entry->d_name);
}

/* By their octets: two machines with other locales list the same files in one order. */
static int compare(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

/* Its path becomes a line of text. */
static bool is_plain(const char *path)
{
	for (const char *p = path; *p != '\0'; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			return false;
	return j11_text_is_utf8(j11_view_str(path)) && path[strlen(path) - 1] != ' ';
}

/* A folder of a set. */
struct folder {
	const struct conf_set *set;
	const char *path;
	enum conf_yes discovery;
};

static enum jwk11_rc add_file(const struct folder *folder, const char *name, struct keys_files *files, struct jwk11_err *err)
{
	char path[PATH_ROOM], shown[PATH_ROOM];
	struct keys_file *file;

	if ((size_t)snprintf(path, sizeof(path), "%s/%s", folder->path, name) >= sizeof(path))
		return refuse(folder->set, folder->path, "a path in it is too long", err);
	if (!is_plain(path)) {
		j11_text_printable(j11_view_str(path), shown, sizeof(shown));
		return refuse(folder->set, shown, "its name is not plain text", err);
	}
	if (files->n == FILES_MAX)
		return refuse(folder->set, folder->path, "more than 1024 files in all", err);
	file = &files->list[files->n];
	*file = (struct keys_file){ .set = folder->set, .path = j11_mem_dup(path), .discovery = folder->discovery, .octets = J11_BUF(KEYS_FILE_MAX) };
	files->n++;
	return file->path != NULL ? read_file(folder->set, path, &file->octets, err) : j11_err_memory(err);
}

static enum jwk11_rc read_folder(const struct folder *folder, struct keys_files *files, struct jwk11_err *err)
{
	struct dirent **entries = NULL;
	struct stat st;
	enum jwk11_rc rc;
	int n;

	if (stat(folder->path, &st) != 0)
		return refuse(folder->set, folder->path, strerror(errno), err);
	rc = check_mode(folder->set, folder->path, &st, err);
	if (rc != JWK11_OK)
		return rc;
	n = scandir(folder->path, &entries, is_wanted, compare);
	if (n < 0)
		return refuse(folder->set, folder->path, strerror(errno), err);
	for (int i = 0; i < n; i++) {
		if (rc == JWK11_OK)
			rc = add_file(folder, entries[i]->d_name, files, err);
		free(entries[i]);
	}
	free(entries);
	return rc;
}

static enum jwk11_rc read_set(const struct conf_set *set, struct keys_files *files, struct jwk11_err *err)
{
	enum jwk11_rc rc = JWK11_OK;

	for (const char **f = set->verify_only; *f != NULL && rc == JWK11_OK; f++)
		rc = read_folder(&(struct folder){ set, *f, CONF_YES }, files, err);
	for (const char **f = set->verify_only_no_discovery; *f != NULL && rc == JWK11_OK; f++)
		rc = read_folder(&(struct folder){ set, *f, CONF_NO }, files, err);
	return rc;
}

static size_t count_octets(const struct keys_files *files)
{
	size_t n = 0;

	for (size_t i = 0; i < files->n; i++)
		n += files->list[i].octets.len;
	return n;
}

enum jwk11_rc keys_dir_read(const struct conf *conf, struct keys_files *ret_files, struct jwk11_err *err)
{
	struct keys_files files = { .list = j11_mem_new_array(FILES_MAX, sizeof(*files.list)) };
	enum jwk11_rc rc = files.list != NULL ? JWK11_OK : j11_err_memory(err);

	for (size_t i = 0; i < conf->n_sets && rc == JWK11_OK; i++) {
		rc = read_set(&conf->sets[i], &files, err);
		if (rc == JWK11_OK && count_octets(&files) > ALL_MAX)
			rc = refuse(&conf->sets[i], "its files", "more than 16 MiB in all", err);
	}
	if (rc == JWK11_OK)
		*ret_files = files;
	else
		keys_dir_done(&files);
	return rc;
}

enum jwk11_rc keys_dir_take(const struct keys_files *files, struct conf *conf, struct jwk11_err *err)
{
	enum jwk11_rc rc = JWK11_OK;

	for (size_t i = 0; i < files->n && rc == JWK11_OK; i++)
		rc = keys_file_take(conf, files->list[i].set, files->list[i].path, files->list[i].discovery, j11_buf_view(&files->list[i].octets), err);
	return rc;
}

void keys_dir_done(struct keys_files *files)
{
	for (size_t i = 0; i < files->n; i++) {
		j11_mem_free(files->list[i].path);
		j11_buf_done(&files->list[i].octets);
	}
	j11_mem_free(files->list);
	*files = (struct keys_files){ 0 };
}

enum jwk11_rc keys_dir_load(struct conf *conf, struct jwk11_err *err)
{
	struct keys_files files = { 0 };
	enum jwk11_rc rc = conf_wants_verify_only(conf) ? keys_dir_read(conf, &files, err) : JWK11_OK;

	if (rc == JWK11_OK)
		rc = keys_dir_take(&files, conf, err);
	keys_dir_done(&files);
	return rc;
}
