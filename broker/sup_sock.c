/* SPDX-License-Identifier: Apache-2.0 */
/* Locks and sockets. */
#include "sup_sock.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/err.h"
#include "base/text.h"
#include "peer.h"

enum { BACKLOG = 1024 };

static enum jwk11_rc failed(const char *path, const char *step, struct jwk11_err *err)
{
	return j11_err_set(err, JWK11_ERR_DEVICE, J11_CODE_FILE_FAILED, "%s: %s: %s", path, step, strerror(errno));
}

/* ---- locks ---- */

static enum jwk11_rc lock_file(int fd, const char *path, const char *what, struct jwk11_err *err)
{
	struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	char pid[24] = "";
	ssize_t n;

	/* This kind of lock is not inherited: a child between fork and exec, which outlives a killed supervisor, does not hold it. */
	if (fcntl(fd, F_SETLK, &whole) != 0) {
		n = read(fd, pid, sizeof(pid) - 1);
		pid[n > 0 ? n : 0] = '\0';
		pid[strcspn(pid, "\n")] = '\0';
		return j11_err_set(err, JWK11_ERR_BUSY, J11_CODE_BUSY, "another jwk11d (pid %s) has this %s directory: it holds %s", pid[0] ? pid : "unknown",
			what, path);
	}
	n = snprintf(pid, sizeof(pid), "%ld\n", (long)getpid());
	if (ftruncate(fd, 0) != 0 || write(fd, pid, (size_t)n) != n)
		return failed(path, "write", err);
	return JWK11_OK;
}

static enum jwk11_rc take_lock(const char *dir, const char *what, mode_t mode, int *ret_fd, struct jwk11_err *err)
{
	char path[4352];
	enum jwk11_rc rc;
	int fd;

	if (mkdir(dir, mode) != 0 && errno != EEXIST)
		return failed(dir, "mkdir", err);
	snprintf(path, sizeof(path), "%s/jwk11d.lock", dir);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0)
		return failed(path, "open", err);
	rc = lock_file(fd, path, what, err);
	if (rc == JWK11_OK)
		*ret_fd = fd;
	else
		close(fd);
	return rc;
}

/* ---- sockets ---- */

/* Without a file there is nothing to give a mode to: who may do what is for policy alone to say. */
static enum jwk11_rc listen_abstract(const char *path, struct sup_sock_end *end, struct jwk11_err *err)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	size_t len = strlen(path); /* of "@name", whose "@" stands for a NUL; none follows */
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	enum jwk11_rc rc = JWK11_OK;

	memcpy(addr.sun_path + 1, path + 1, len - 1);
	if (fd < 0)
		return failed(path, "socket", err);
	if (bind(fd, (struct sockaddr *)&addr, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) != 0)
		rc = failed(path, "bind", err);
	if (rc == JWK11_OK && listen(fd, BACKLOG) != 0)
		rc = failed(path, "listen", err);
	if (rc != JWK11_OK) {
		close(fd);
		return rc;
	}
	snprintf(end->path, sizeof(end->path), "%s", path);
	end->fd = fd;
	return JWK11_OK;
}

/* Bound under another name, given its mode, then renamed: nobody ever finds it with the wrong mode or not listening. */
static enum jwk11_rc listen_on(const char *path, unsigned mode, gid_t gid, int *ret_fd, struct jwk11_err *err)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int n = snprintf(addr.sun_path, sizeof(addr.sun_path), "%s.new", path);
	enum jwk11_rc rc = JWK11_OK;

	if (fd < 0)
		return failed(path, "socket", err);
	if (n < 0 || (size_t)n >= sizeof(addr.sun_path)) {
		errno = ENAMETOOLONG;
		rc = failed(path, "bind", err);
	}
	(void)unlink(addr.sun_path);
	if (rc == JWK11_OK && bind(fd, (struct sockaddr *)&addr, sizeof(addr)) != 0)
		rc = failed(path, "bind", err);
	if (rc == JWK11_OK && gid != (gid_t)-1 && chown(addr.sun_path, (uid_t)-1, gid) != 0)
		rc = failed(path, "chown", err);
	if (rc == JWK11_OK && chmod(addr.sun_path, mode) != 0)
		rc = failed(path, "chmod", err);
	if (rc == JWK11_OK && listen(fd, BACKLOG) != 0)
		rc = failed(path, "listen", err);
	if (rc == JWK11_OK && rename(addr.sun_path, path) != 0)
		rc = failed(path, "rename", err);
	if (rc != JWK11_OK)
		close(fd);
	else
		*ret_fd = fd;
	return rc;
}

static enum jwk11_rc make_at(const char *path, unsigned mode, gid_t gid, struct sup_sock_end *end, struct jwk11_err *err)
{
	enum jwk11_rc rc;

	snprintf(end->path, sizeof(end->path), "%s", path);
	rc = listen_on(end->path, mode, gid, &end->fd, err);
	end->ours = rc == JWK11_OK;
	return rc;
}

static enum jwk11_rc make(const char *dir, const char *name, unsigned mode, gid_t gid, struct sup_sock_end *end, struct jwk11_err *err)
{
	char path[sizeof(end->path)];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return make_at(path, mode, gid, end, err);
}

static enum jwk11_rc make_kubernetes(const struct conf *conf, struct sup_sock_end *end, struct jwk11_err *err)
{
	const struct conf_kubernetes *k = &conf->kubernetes;

	if (!conf_has_kubernetes(conf) || end->fd >= 0)
		return JWK11_OK;
	return k->path[0] == '@' ? listen_abstract(k->path, end, err) : make_at(k->path, k->mode, k->gid, end, err);
}

static struct sup_sock_end adopt(int fd)
{
	struct sup_sock_end end = { .fd = fd };
	char text[PEER_ADDRESS_MAX];

	if (peer_address_of(fd, text))
		snprintf(end.path, sizeof(end.path), "%s", text);
	return end;
}

static enum jwk11_rc make_missing(const struct conf *conf, struct sup_sock *s, struct jwk11_err *err)
{
	enum jwk11_rc rc;

	if (strlen(conf->run_dir) > 90)
		return j11_err_set(err, JWK11_ERR_LIMIT, J11_CODE_LIMIT, "run-dir %s is too long for socket paths (90 bytes)", conf->run_dir);
	rc = take_lock(conf->run_dir, "run", 0755, &s->run_lock, err);
	if (rc == JWK11_OK && s->api.fd < 0)
		rc = make(conf->run_dir, "api.sock", conf->api_mode, conf->socket_gid, &s->api, err);
	if (rc == JWK11_OK && s->public.fd < 0)
		rc = make(conf->run_dir, "public.sock", conf->public_mode, (gid_t)-1, &s->public, err);
	for (size_t i = 0; i < s->n_more && rc == JWK11_OK; i++)
		if (s->more[i].fd < 0)
			rc = make_at(conf->sockets[i].path, conf->sockets[i].mode, conf->sockets[i].gid, &s->more[i], err);
	return rc == JWK11_OK ? make_kubernetes(conf, &s->kubernetes, err) : rc;
}

/* Those that were handed over find their sections, in whose order all are. */
static enum jwk11_rc adopt_more(const struct conf *conf, const struct sup_listen *given, struct sup_sock *s, struct jwk11_err *err)
{
	for (s->n_more = 0; s->n_more < conf->n_sockets; s->n_more++) {
		s->names[s->n_more] = conf->sockets[s->n_more].name;
		s->more[s->n_more].fd = -1;
	}
	for (size_t i = 0; i < given->n_more; i++) {
		size_t k = 0;

		if (conf_has_kubernetes(conf) && j11_text_equal(given->more[i].name, CONF_KUBERNETES)) {
			s->kubernetes = adopt(given->more[i].fd);
			continue;
		}
		while (k < s->n_more && !j11_text_equal(s->names[k], given->more[i].name))
			k++;
		if (k == s->n_more)
			return j11_err_set(err, JWK11_ERR_ARGUMENT, J11_CODE_CONFIG_INVALID, "a socket was handed over as \"%s\", and there is no [socket %s]",
				given->more[i].name, given->more[i].name);
		s->more[k] = adopt(given->more[i].fd);
	}
	return JWK11_OK;
}

static bool lacks_some(const struct conf *conf, const struct sup_sock *s)
{
	bool lacks = s->api.fd < 0 || s->public.fd < 0 || (conf_has_kubernetes(conf) && s->kubernetes.fd < 0);

	for (size_t i = 0; i < s->n_more; i++)
		lacks = lacks || s->more[i].fd < 0;
	return lacks;
}

enum jwk11_rc sup_sock_open(const struct conf *conf, const struct sup_listen *given, struct sup_sock *ret_sock, struct jwk11_err *err)
{
	struct sup_sock s = { .state_lock = -1, .run_lock = -1, .api = adopt(given->api), .public = adopt(given->public),
		.kubernetes = { .fd = -1 } };
	enum jwk11_rc rc = adopt_more(conf, given, &s, err);

	if (rc == JWK11_OK)
		rc = take_lock(conf->state_dir, "state", 0700, &s.state_lock, err);
	if (rc == JWK11_OK && lacks_some(conf, &s))
		rc = make_missing(conf, &s, err);
	if (rc == JWK11_OK)
		*ret_sock = s;
	else
		sup_sock_close(&s);
	return rc;
}

static enum jwk11_rc note(const struct sup_sock_end *end, const char *name, struct conf *conf, struct jwk11_err *err)
{
	char text[PEER_ADDRESS_MAX];

	if (!peer_address_of(end->fd, text))
		return j11_err_set(err, JWK11_ERR_ARGUMENT, J11_CODE_CONFIG_INVALID, "the address of socket %s cannot be written into a configuration", name);
	return conf_set_address(conf, name, text, err);
}

enum jwk11_rc sup_sock_note(const struct sup_sock *s, struct conf *conf, struct jwk11_err *err)
{
	enum jwk11_rc rc = note(&s->api, CONF_API, conf, err);

	for (size_t i = 0; i < s->n_more && rc == JWK11_OK; i++)
		rc = note(&s->more[i], s->names[i], conf, err);
	if (rc == JWK11_OK && s->kubernetes.fd >= 0)
		rc = note(&s->kubernetes, CONF_KUBERNETES, conf, err);
	return rc;
}

static void close_end(struct sup_sock_end *end)
{
	if (end->ours)
		(void)unlink(end->path);
	if (end->fd >= 0)
		close(end->fd);
	end->fd = -1;
}

void sup_sock_close(struct sup_sock *s)
{
	close_end(&s->api);
	close_end(&s->public);
	close_end(&s->kubernetes);
	for (size_t i = 0; i < s->n_more; i++)
		close_end(&s->more[i]);
	if (s->run_lock >= 0)
		close(s->run_lock);
	if (s->state_lock >= 0)
		close(s->state_lock);
	s->run_lock = s->state_lock = -1;
}
