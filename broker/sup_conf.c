/* SPDX-License-Identifier: Apache-2.0 */
/* Loading, sealing, replacing. */
#include "sup_conf.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/err.h"
#include "sup_keys.h"

enum { TEXT_MAX = 4 * 1024 * 1024 };

static enum jwk11_rc make_memory(const struct conf *conf, int *ret_fd, struct jwk11_err *err)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf text = J11_BUF(TEXT_MAX);
	int fd;

	conf_emit(conf, &text);
	if (text.failed != JWK11_OK)
		return j11_buf_check(&text, "the configuration", err);
	fd = memfd_create("jwk11.conf", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd >= 0 && write(fd, text.data, text.len) == (ssize_t)text.len &&
		fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) == 0) {
		*ret_fd = fd;
		return JWK11_OK;
	}
	j11_err_set(err, JWK11_ERR_INTERNAL, J11_CODE_INTERNAL, "memory file for the configuration: %s", strerror(errno));
	if (fd >= 0)
		close(fd);
	return JWK11_ERR_INTERNAL;
}

/* With the keys of files in it, as the others get it. */
static enum jwk11_rc make_whole(struct conf *conf, int *ret_memory, struct jwk11_err *err)
{
	int bare = -1;
	enum jwk11_rc rc;

	if (!conf_wants_verify_only(conf))
		return make_memory(conf, ret_memory, err);
	rc = make_memory(conf, &bare, err);
	if (rc != JWK11_OK)
		return rc;
	rc = sup_keys_read(conf, bare, err);
	close(bare);
	return rc == JWK11_OK ? make_memory(conf, ret_memory, err) : rc;
}

static enum jwk11_rc load(const char *path, const struct sup_sock *sock, struct conf **ret_conf, int *ret_memory, struct jwk11_err *err)
{
	J11_AUTO(conf_free_auto) struct conf *conf = NULL;
	enum jwk11_rc rc = conf_load(path, &conf, err);

	if (rc == JWK11_OK && sock != NULL)
		rc = sup_sock_note(sock, conf, err);
	if (rc == JWK11_OK)
		rc = make_whole(conf, ret_memory, err);
	if (rc == JWK11_OK)
		*ret_conf = J11_STEAL(conf);
	return rc;
}

enum jwk11_rc sup_conf_check(const char *path, struct conf **ret_conf, struct jwk11_err *err)
{
	int memory = -1;
	enum jwk11_rc rc = load(path, NULL, ret_conf, &memory, err);

	if (rc == JWK11_OK)
		close(memory);
	return rc;
}

enum jwk11_rc sup_conf_open(const char *path, struct sup_conf *ret_conf, struct jwk11_err *err)
{
	struct sup_conf conf = { .path = path, .memory = -1, .audit = SUP_AUDIT_NONE, .generation = 1 };
	enum jwk11_rc rc = load(path, NULL, &conf.first, &conf.memory, err);

	conf.now = conf.first;
	if (rc == JWK11_OK)
		*ret_conf = conf;
	return rc;
}

enum jwk11_rc sup_conf_listen(struct sup_conf *conf, const struct sup_sock *sock, struct jwk11_err *err)
{
	enum jwk11_rc rc = sup_sock_note(sock, conf->first, err);
	int memory = -1;

	if (rc == JWK11_OK)
		rc = make_memory(conf->first, &memory, err);
	if (rc != JWK11_OK)
		return rc;
	close(conf->memory);
	conf->memory = memory;
	conf->sock = sock;
	return JWK11_OK;
}

enum jwk11_rc sup_conf_reload(struct sup_conf *conf, struct jwk11_err *err)
{
	struct conf *now = NULL;
	int memory = -1;
	enum jwk11_rc rc = load(conf->path, conf->sock, &now, &memory, err);

	if (rc != JWK11_OK)
		return rc;
	close(conf->memory);
	if (conf->now != conf->first)
		conf_free(conf->now);
	conf->now = now;
	conf->memory = memory;
	conf->generation++;
	return JWK11_OK;
}

void sup_conf_close(struct sup_conf *conf)
{
	if (conf->now != conf->first)
		conf_free(conf->now);
	conf_free(conf->first);
	if (conf->first != NULL)
		close(conf->memory);
	sup_audit_close(&conf->audit);
	sup_login_done(&conf->logins);
	*conf = (struct sup_conf){ .memory = -1, .audit = SUP_AUDIT_NONE };
}
