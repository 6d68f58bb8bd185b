/* SPDX-License-Identifier: Apache-2.0 */
/* Written beside, on the disk, then renamed. The name beside is always the same one, so that whoever was killed leaves one file at most; a lock on it keeps
 * two writers of one file apart. The folder is not synchronised: after a power cut the old token is as good as none, and the new one is written again. */
#include "token_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"

enum { TRIES = 8, PATH_ROOM = 4200 };

/* The file that is there; false: none is. */
static enum jwk11_rc look_at(const char *path, bool *ret_there, struct stat *ret_st, struct jwk11_err *err)
{
	*ret_there = lstat(path, ret_st) == 0;
	if (!*ret_there)
		return errno == ENOENT ? JWK11_OK : cmd_file_failed(path, err);
	if (!S_ISREG(ret_st->st_mode))
		return j11_err_set(err, JWK11_ERR_DEVICE, J11_CODE_FILE_FAILED, "%s: is there already and is no regular file", path);
	return JWK11_OK;
}

enum beside { BESIDE_OURS, BESIDE_RENAMED, BESIDE_FOREIGN };

/* Whoever had the lock before has renamed it meanwhile; or it is somebody else's: in a folder where others write, they might hold it open. */
static enum beside judge(int fd, const char *temp)
{
	struct stat ours, there;

	if (fstat(fd, &ours) != 0 || lstat(temp, &there) != 0 || ours.st_ino != there.st_ino || ours.st_dev != there.st_dev)
		return BESIDE_RENAMED;
	return S_ISREG(ours.st_mode) && ours.st_uid == geteuid() && ours.st_nlink == 1 ? BESIDE_OURS : BESIDE_FOREIGN;
}

/* A locked, empty file; -1 with errno. What is of another user is removed, where the folder lets us. */
static int open_beside(const char *temp)
{
	for (int i = 0; i < TRIES; i++) {
		int fd = open(temp, O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
		enum beside beside = BESIDE_FOREIGN;

		if (fd < 0 && errno != ELOOP && errno != EACCES && errno != ENXIO)
			return -1;
		if (fd >= 0 && flock(fd, LOCK_EX) == 0)
			beside = judge(fd, temp);
		if (beside == BESIDE_OURS && fchmod(fd, 0600) == 0 && ftruncate(fd, 0) == 0)
			return fd;
		if (beside == BESIDE_FOREIGN && unlink(temp) != 0) {
			if (fd >= 0)
				close(fd);
			errno = EACCES;
			return -1;
		}
		if (fd >= 0)
			close(fd);
	}
	errno = EBUSY;
	return -1;
}

static bool write_all(int fd, struct jwk11_view data)
{
	const char *p = data.data;

	for (size_t left = data.len; left > 0;) {
		ssize_t n = write(fd, p, left);

		if (n < 0 && errno != EINTR)
			return false;
		if (n > 0) {
			p += n;
			left -= (size_t)n;
		}
	}
	return fsync(fd) == 0;
}

/* The owner first: changing it may take mode bits away. */
static bool dress(int fd, const struct stat *was, unsigned mode)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return false;
	if (was != NULL && (st.st_uid != was->st_uid || st.st_gid != was->st_gid) &&
		fchown(fd, st.st_uid != was->st_uid ? was->st_uid : (uid_t)-1, st.st_gid != was->st_gid ? was->st_gid : (gid_t)-1) != 0)
		return false;
	return fchmod(fd, (mode_t)mode) == 0;
}

enum jwk11_rc token_file_write(const char *path, struct jwk11_view text, unsigned mode, struct jwk11_err *err)
{
	char temp[PATH_ROOM];
	struct stat was;
	bool there = false;
	enum jwk11_rc rc = look_at(path, &there, &was, err);
	int fd;

	if (rc != JWK11_OK)
		return rc;
	if (mode == 0)
		mode = there ? (unsigned)was.st_mode & 0777 : TOKEN_FILE_MODE;
	errno = ENAMETOOLONG;
	fd = (size_t)snprintf(temp, sizeof(temp), "%s.jwk11-new", path) < sizeof(temp) ? open_beside(temp) : -1;
	if (fd < 0)
		return cmd_file_failed(path, err);
	if (!write_all(fd, text)) {
		rc = cmd_file_failed(path, err);
	} else if (!dress(fd, there ? &was : NULL, mode)) {
		rc = j11_err_set(err, JWK11_ERR_DEVICE, J11_CODE_FILE_FAILED, "%s: its owner, group and mode cannot be kept: %s", path, strerror(errno));
		j11_err_hint(err, "remove the file, or run as its owner");
	} else if (rename(temp, path) != 0) {
		rc = cmd_file_failed(path, err);
	}
	if (rc != JWK11_OK)
		unlink(temp);
	close(fd);
	return rc;
}
