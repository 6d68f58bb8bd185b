/* SPDX-License-Identifier: Apache-2.0 */
/* Reading configuration files and asking the system who the named users and groups are. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "conf_table.h"

enum { MAX_FILE = 1024 * 1024 };

static enum jwk11_rc read_file(const char *path, struct jwk11_buf *out, struct jwk11_err *err)
{
	char room[8192];
	ssize_t n;
	int fd = open(path, O_RDONLY | O_CLOEXEC), why;

	if (fd < 0)
		return j11_err_set(err, JWK11_ERR_NOT_FOUND, J11_CODE_CONFIG_INVALID, "%s: %s", path, strerror(errno));
	while ((n = read(fd, room, sizeof(room))) > 0 || (n < 0 && errno == EINTR))
		if (n > 0)
			j11_buf_add(out, room, (size_t)n);
	why = errno;
	close(fd);
	if (n < 0)
		return j11_err_set(err, JWK11_ERR_NOT_FOUND, J11_CODE_CONFIG_INVALID, "%s: %s", path, strerror(why));
	j11_buf_add_byte(out, '\n');
	return j11_buf_check(out, path, err);
}

static int is_drop_in(const struct dirent *entry)
{
	size_t len = strlen(entry->d_name);

	return entry->d_name[0] != '.' && len > 5 && j11_text_equal(entry->d_name + len - 5, ".conf");
}

/* The drop-ins in name order. */
static enum jwk11_rc read_drop_ins(const char *path, struct jwk11_buf *out, struct jwk11_err *err)
{
	const char *slash = strrchr(path, '/');
	char folder[4096], file[4400];
	struct dirent **entries = NULL;
	enum jwk11_rc rc = JWK11_OK;
	int n;

	snprintf(folder, sizeof(folder), "%.*s/conf.d", slash ? (int)(slash - path) : 1, slash ? path : ".");
	n = scandir(folder, &entries, is_drop_in, alphasort);
	for (int i = 0; i < n; i++) {
		snprintf(file, sizeof(file), "%s/%s", folder, entries[i]->d_name);
		if (rc == JWK11_OK)
			j11_buf_add_fmt(out, "%c%s\n", CONF_FILE_MARK, file);
		if (rc == JWK11_OK)
			rc = read_file(file, out, err);
		free(entries[i]);
	}
	free(entries);
	return rc;
}

static enum jwk11_rc unknown(const char *kind, const char *name, const char *client, struct jwk11_err *err)
{
	return j11_err_set(err, JWK11_ERR_SYNTAX, J11_CODE_CONFIG_INVALID, "[%s]: there is no %s \"%s\"", client, kind, name);
}

static enum jwk11_rc add_id(struct conf *conf, uint32_t **ids, size_t *n, uint32_t id, struct jwk11_err *err)
{
	uint32_t *grown = conf_alloc(conf, (*n + 1) * sizeof(*grown));

	if (grown == NULL)
		return j11_err_memory(err);
	if (*n > 0)
		memcpy(grown, *ids, *n * sizeof(*grown));
	grown[(*n)++] = id;
	*ids = grown;
	return JWK11_OK;
}

static enum jwk11_rc resolve_client(struct conf *conf, struct conf_client *client, struct jwk11_err *err)
{
	enum jwk11_rc rc = JWK11_OK;

	for (const char **u = client->users; rc == JWK11_OK && *u != NULL; u++) {
		const struct passwd *pw = j11_text_equal(*u, "*") ? NULL : getpwnam(*u);

		if (pw == NULL && !j11_text_equal(*u, "*"))
			return unknown("user", *u, client->name, err);
		if (pw != NULL)
			rc = add_id(conf, &client->uids, &client->n_uids, pw->pw_uid, err);
	}
	for (const char **g = client->groups; rc == JWK11_OK && *g != NULL; g++) {
		const struct group *gr = getgrnam(*g);

		if (gr == NULL)
			return unknown("group", *g, client->name, err);
		rc = add_id(conf, &client->gids, &client->n_gids, gr->gr_gid, err);
	}
	return rc;
}

static enum jwk11_rc resolve(struct conf *conf, struct jwk11_err *err)
{
	const struct group *gr;
	enum jwk11_rc rc = JWK11_OK;

	if (conf->socket_group != NULL) {
		gr = getgrnam(conf->socket_group);
		if (gr == NULL)
			return unknown("group", conf->socket_group, "daemon", err);
		conf->socket_gid = gr->gr_gid;
	}
	for (size_t i = 0; i < conf->n_sockets; i++) {
		gr = conf->sockets[i].group != NULL ? getgrnam(conf->sockets[i].group) : NULL;
		if (conf->sockets[i].group != NULL && gr == NULL)
			return unknown("group", conf->sockets[i].group, conf->sockets[i].name, err);
		if (gr != NULL)
			conf->sockets[i].gid = gr->gr_gid;
	}
	if (conf->kubernetes.group != NULL) {
		gr = getgrnam(conf->kubernetes.group);
		if (gr == NULL)
			return unknown("group", conf->kubernetes.group, CONF_KUBERNETES, err);
		conf->kubernetes.gid = gr->gr_gid;
	}
	for (size_t i = 0; i < conf->n_clients && rc == JWK11_OK; i++)
		rc = resolve_client(conf, &conf->clients[i], err);
	return rc;
}

enum jwk11_rc conf_load(const char *path, struct conf **ret_conf, struct jwk11_err *err)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf text = J11_BUF(MAX_FILE);
	J11_AUTO(conf_free_auto) struct conf *conf = NULL;
	enum jwk11_rc rc = read_file(path, &text, err);

	if (rc == JWK11_OK)
		rc = read_drop_ins(path, &text, err);
	if (rc == JWK11_OK)
		rc = conf_parse(j11_buf_view(&text), path, &conf, err);
	if (rc == JWK11_OK && conf->n_verify_only > 0)
		rc = j11_err_set(err, JWK11_ERR_SYNTAX, J11_CODE_CONFIG_INVALID, "%s: [verify-only %s] is made of a file with a key in it; name its folder in a [set]",
			path, conf->verify_only[0].name);
	if (rc == JWK11_OK)
		rc = resolve(conf, err);
	if (rc == JWK11_OK)
		*ret_conf = J11_STEAL(conf);
	return rc;
}
