/* SPDX-License-Identifier: Apache-2.0 */
/* Lock and sockets. The lock decides who is the daemon; with it held, a socket file that is there already is stale. */
#include "sup_sock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/err.h"

static enum jwk11_rc failed(const char *path, const char *step, struct jwk11_err *err)
{
	return j11_err_set(err, JWK11_ERR_DEVICE, J11_CODE_FILE_FAILED, "%s: %s: %s", path, step, strerror(errno));
}

static enum jwk11_rc take_lock(struct sup_sock *s, struct jwk11_err *err)
{
	char pid[24] = "";
	ssize_t n;

	s->lock = open(s->lock_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (s->lock < 0)
		return failed(s->lock_path, "open", err);
	if (flock(s->lock, LOCK_EX | LOCK_NB) != 0) {
		n = read(s->lock, pid, sizeof(pid) - 1);
		pid[n > 0 ? n : 0] = '\0';
		pid[strcspn(pid, "\n")] = '\0';
		return j11_err_set(err, JWK11_ERR_BUSY, J11_CODE_BUSY, "another jwk11d (pid %s) serves this run directory: it holds %s",
			pid[0] ? pid : "unknown", s->lock_path);
	}
	n = snprintf(pid, sizeof(pid), "%ld\n", (long)getpid());
	if (ftruncate(s->lock, 0) != 0 || write(s->lock, pid, (size_t)n) != n)
		return failed(s->lock_path, "write", err);
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
	if (rc == JWK11_OK && listen(fd, 1024) != 0)
		rc = failed(path, "listen", err);
	if (rc == JWK11_OK && rename(addr.sun_path, path) != 0)
		rc = failed(path, "rename", err);
	if (rc != JWK11_OK)
		close(fd);
	else
		*ret_fd = fd;
	return rc;
}

enum jwk11_rc sup_sock_open(const struct conf *conf, struct sup_sock *ret_sock, struct jwk11_err *err)
{
	struct sup_sock s = { .lock = -1, .api = -1, .public = -1 };
	enum jwk11_rc rc;

	if (strlen(conf->run_dir) > 90)
		return j11_err_set(err, JWK11_ERR_LIMIT, J11_CODE_LIMIT, "run-dir %s is too long for socket paths (90 bytes)", conf->run_dir);
	snprintf(s.api_path, sizeof(s.api_path), "%s/api.sock", conf->run_dir);
	snprintf(s.public_path, sizeof(s.public_path), "%s/public.sock", conf->run_dir);
	snprintf(s.lock_path, sizeof(s.lock_path), "%s/jwk11d.lock", conf->run_dir);
	if (mkdir(conf->run_dir, 0755) != 0 && errno != EEXIST)
		return failed(conf->run_dir, "mkdir", err);
	rc = take_lock(&s, err);
	if (rc == JWK11_OK)
		rc = listen_on(s.api_path, conf->api_mode, conf->socket_gid, &s.api, err);
	if (rc == JWK11_OK)
		rc = listen_on(s.public_path, conf->public_mode, (gid_t)-1, &s.public, err);
	if (rc == JWK11_OK) {
		*ret_sock = s;
		return JWK11_OK;
	}
	if (s.api >= 0)
		(void)unlink(s.api_path);
	if (s.api >= 0)
		close(s.api);
	if (s.lock >= 0)
		close(s.lock);
	return rc;
}

void sup_sock_close(struct sup_sock *s)
{
	(void)unlink(s->api_path);
	(void)unlink(s->public_path);
	close(s->api);
	close(s->public);
	close(s->lock);
}
