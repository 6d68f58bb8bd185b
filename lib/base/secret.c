/* SPDX-License-Identifier: Apache-2.0 */
/* PINs in memory of their own: one locked page run each, kept out of core dumps and of children, wiped before it goes. */
#include "secret.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "err.h"
#include "mem.h"

struct j11_secret {
	size_t len;
	unsigned char bytes[J11_SECRET_MAX];
};

/* A failing mlock (RLIMIT_MEMLOCK) is borne: the page still stays out of dumps and of forked children. */
static struct j11_secret *secret_new(void)
{
	void *p = mmap(NULL, sizeof(struct j11_secret), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	if (madvise(p, sizeof(struct j11_secret), MADV_DONTDUMP) != 0 || madvise(p, sizeof(struct j11_secret), MADV_DONTFORK) != 0) {
		munmap(p, sizeof(struct j11_secret));
		return NULL;
	}
	(void)mlock(p, sizeof(struct j11_secret));
	return p;
}

void j11_secret_free(struct j11_secret *secret)
{
	if (secret == NULL)
		return;
	j11_mem_wipe(secret, sizeof(*secret));
	munmap(secret, sizeof(*secret));
}

/* The file and what it holds, for sentences. */
struct source {
	const char *what, *path;
	enum j11_code code;
};

static enum jwk11_rc refuse(const struct source *from, const char *why, struct jwk11_err *err)
{
	return j11_err_set(err, JWK11_ERR_LOGIN, from->code, "%s file %s %s", from->what, from->path, why);
}

/* An access list as the kernel keeps it: a version, then entries, in little-endian order (include/uapi/linux/posix_acl_xattr.h). */
enum { ACL_VERSION = 2, ACL_USER = 0x02, ACL_GROUP_OBJ = 0x04, ACL_GROUP = 0x08, ACL_MAX = 4096 };
struct acl_entry {
	uint16_t tag, perm;
	uint32_t id;
};

/* systemd gives a credential to a service's user by an access list where its file system has them. The mode's bits of the group then tell the
 * most that any entry may have, and only the entries say who that is: nobody, if they are for us and root alone. */
static bool only_listed_for_us(int fd)
{
	unsigned char acl[ACL_MAX];
	ssize_t n = fgetxattr(fd, "system.posix_acl_access", acl, sizeof(acl));
	uint32_t version;

	if (n < (ssize_t)sizeof(version) || ((size_t)n - sizeof(version)) % sizeof(struct acl_entry) != 0)
		return false;
	memcpy(&version, acl, sizeof(version));
	if (le32toh(version) != ACL_VERSION)
		return false;
	for (size_t at = sizeof(version); at < (size_t)n; at += sizeof(struct acl_entry)) {
		struct acl_entry e;

		memcpy(&e, acl + at, sizeof(e));
		if (e.perm == 0)
			continue;
		if (le16toh(e.tag) == ACL_GROUP_OBJ || le16toh(e.tag) == ACL_GROUP)
			return false;
		if (le16toh(e.tag) == ACL_USER && le32toh(e.id) != geteuid() && e.id != 0)
			return false;
	}
	return true;
}

/* Whose file it is and who else can read it. */
static enum jwk11_rc check_file(int fd, const struct source *from, struct jwk11_err *err)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return refuse(from, strerror(errno), err);
	if (!S_ISREG(st.st_mode))
		return refuse(from, "is not a regular file", err);
	if (st.st_uid != geteuid() && st.st_uid != 0)
		return refuse(from, "belongs to another user", err);
	if ((st.st_mode & S_IRWXO) != 0 || ((st.st_mode & S_IRWXG) != 0 && !only_listed_for_us(fd))) {
		refuse(from, "can be read by group or others", err);
		j11_err_hint(err, "chmod 0400 %s", from->path);
		return JWK11_ERR_LOGIN;
	}
	return JWK11_OK;
}

/* Reads at most one octet more than fits, so that a file that is too long is noticed. */
static enum jwk11_rc read_file(int fd, const struct source *from, struct j11_secret *secret, struct jwk11_err *err)
{
	unsigned char spare;
	ssize_t n;

	while (secret->len < sizeof(secret->bytes)) {
		n = read(fd, secret->bytes + secret->len, sizeof(secret->bytes) - secret->len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return refuse(from, strerror(errno), err);
		if (n == 0)
			break;
		secret->len += (size_t)n;
	}
	if (secret->len == sizeof(secret->bytes) && read(fd, &spare, 1) != 0)
		return refuse(from, "is longer than 1024 bytes", err);
	if (secret->len > 0 && secret->bytes[secret->len - 1] == '\n')
		secret->bytes[--secret->len] = '\0';
	return JWK11_OK;
}

static enum jwk11_rc from_file(const struct source *from, struct j11_secret **ret_secret, struct jwk11_err *err)
{
	struct j11_secret *secret;
	enum jwk11_rc rc;
	int fd = open(from->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	if (fd < 0) {
		refuse(from, strerror(errno), err);
		j11_err_hint(err, "the file must exist and belong to the user this program runs as");
		return JWK11_ERR_LOGIN;
	}
	rc = check_file(fd, from, err);
	secret = rc == JWK11_OK ? secret_new() : NULL;
	if (rc == JWK11_OK)
		rc = secret == NULL ? j11_err_memory(err) : read_file(fd, from, secret, err);
	close(fd);
	if (rc != JWK11_OK) {
		j11_secret_free(secret);
		return rc;
	}
	*ret_secret = secret;
	return JWK11_OK;
}

enum jwk11_rc j11_secret_from_file(const char *path, struct j11_secret **ret_secret, struct jwk11_err *err)
{
	return from_file(&(struct source){ "PIN", path, J11_CODE_PIN_FILE }, ret_secret, err);
}

enum jwk11_rc j11_secret_from_passphrase_file(const char *path, struct j11_secret **ret_secret, struct jwk11_err *err)
{
	return from_file(&(struct source){ "passphrase", path, J11_CODE_PIN_FILE }, ret_secret, err);
}

enum jwk11_rc j11_secret_from_challenge_file(const char *path, struct j11_secret **ret_secret, struct jwk11_err *err)
{
	return from_file(&(struct source){ "challenge", path, J11_CODE_CHALLENGE_FILE }, ret_secret, err);
}

enum jwk11_rc j11_secret_from_password_file(const char *path, struct j11_secret **ret_secret, struct jwk11_err *err)
{
	return from_file(&(struct source){ "password", path, J11_CODE_PASSWORD_FILE }, ret_secret, err);
}

enum jwk11_rc j11_secret_from_bytes(const void *data, size_t len, struct j11_secret **ret_secret, struct jwk11_err *err)
{
	struct j11_secret *secret;

	if (len > J11_SECRET_MAX)
		return j11_err_set(err, JWK11_ERR_LIMIT, J11_CODE_LIMIT, "a PIN is longer than 1024 bytes");
	secret = secret_new();
	if (secret == NULL)
		return j11_err_memory(err);
	if (len > 0)
		memcpy(secret->bytes, data, len);
	secret->len = len;
	*ret_secret = secret;
	return JWK11_OK;
}

int j11_secret_to_memory(const struct j11_secret *secret)
{
	int fd = memfd_create("jwk11.pin", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd >= 0 && write(fd, secret->bytes, secret->len) != (ssize_t)secret->len) {
		int why = errno;

		close(fd);
		errno = why;
		return -1;
	}
	return fd;
}

enum jwk11_rc j11_secret_from_memory(int fd, struct j11_secret **ret_secret, struct jwk11_err *err)
{
	struct j11_secret *secret = secret_new();
	ssize_t n = -1;

	if (secret != NULL)
		n = pread(fd, secret->bytes, sizeof(secret->bytes), 0);
	if (n < 0) {
		j11_secret_free(secret);
		return secret == NULL ? j11_err_memory(err) : j11_err_set(err, JWK11_ERR_INTERNAL, J11_CODE_INTERNAL, "a PIN's memory cannot be read");
	}
	secret->len = (size_t)n;
	*ret_secret = secret;
	return JWK11_OK;
}

struct jwk11_view j11_secret_expose(const struct j11_secret *secret)
{
	return (struct jwk11_view){ .data = secret->bytes, .len = secret->len };
}
