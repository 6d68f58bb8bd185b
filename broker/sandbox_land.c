/* SPDX-License-Identifier: Apache-2.0 */
/* The numbers of include/uapi/linux/landlock.h, and which version of the interface brought them. */
#include "sandbox_land.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The same on every architecture. */
enum { CREATE_RULESET = 444, ADD_RULE = 445, RESTRICT_SELF = 446, QUERY_VERSION = 1, RULE_PATH_BENEATH = 1 };

#define FS_EXECUTE (1u << 0)
#define FS_WRITE_FILE (1u << 1)
#define FS_READ_FILE (1u << 2)
#define FS_READ_DIR (1u << 3)
#define FS_REMOVE_AND_MAKE (0x1ffu << 4) /* REMOVE_DIR … MAKE_SYM */
#define FS_REFER (1u << 13)              /* version 2 */
#define FS_TRUNCATE (1u << 14)           /* version 3 */
#define FS_IOCTL_DEV (1u << 15)          /* version 5 */
#define NET_TCP 3u                       /* bind and connect: version 4 */
#define SCOPE_ALL 3u                     /* abstract sockets and signals: version 6 */

#define READS (FS_EXECUTE | FS_READ_FILE | FS_READ_DIR)
#define WRITES (FS_WRITE_FILE | FS_REMOVE_AND_MAKE | FS_REFER | FS_TRUNCATE | FS_IOCTL_DEV)
#define OF_FILES (FS_EXECUTE | FS_WRITE_FILE | FS_READ_FILE | FS_TRUNCATE | FS_IOCTL_DEV) /* the others are of folders only */

struct ruleset {
	uint64_t fs, net, scope;
};
struct beneath {
	uint64_t allowed;
	int32_t fd;
} __attribute__((packed));

int sandbox_land_abi(void)
{
	long version = syscall(CREATE_RULESET, NULL, 0, QUERY_VERSION);

	return version > 0 ? (int)version : 0;
}

static uint64_t rights(unsigned what, int abi)
{
	uint64_t fs = ((what & SANDBOX_LAND_READ) != 0 ? READS : 0) | ((what & SANDBOX_LAND_WRITE) != 0 ? WRITES : 0);

	if (abi < 2)
		fs &= ~(uint64_t)FS_REFER;
	if (abi < 3)
		fs &= ~(uint64_t)FS_TRUNCATE;
	if (abi < 5)
		fs &= ~(uint64_t)FS_IOCTL_DEV;
	return fs;
}

static int open_place(const struct sandbox_land_rule *rule)
{
	const char *slash = rule->its_folder ? strrchr(rule->path, '/') : NULL;
	char folder[PATH_MAX];

	if (slash == NULL || slash == rule->path) /* the root is not let through for a file that lies in it: a new one is seen after a restart */
		return open(rule->path, O_PATH | O_CLOEXEC);
	snprintf(folder, sizeof(folder), "%.*s/", (int)(slash - rule->path), rule->path);
	return open(folder, O_PATH | O_CLOEXEC);
}

static bool add_rule(int ruleset, const struct sandbox_land_rule *rule, const struct ruleset *taken, int abi)
{
	struct beneath beneath = { .allowed = rights(rule->kept, abi) & taken->fs, .fd = open_place(rule) };
	struct stat st;
	bool ok;

	if (beneath.fd < 0)
		return errno == ENOENT || errno == ENOTDIR || errno == EACCES;
	ok = fstat(beneath.fd, &st) == 0;
	if (ok && !S_ISDIR(st.st_mode))
		beneath.allowed &= OF_FILES;
	if (ok && beneath.allowed != 0)
		ok = syscall(ADD_RULE, ruleset, RULE_PATH_BENEATH, &beneath, 0) == 0;
	close(beneath.fd);
	return ok;
}

bool sandbox_land_restrict(unsigned taken, const struct sandbox_land_rule *rules, size_t n)
{
	int abi = sandbox_land_abi();
	bool outside = (taken & SANDBOX_LAND_OUTSIDE) != 0;
	struct ruleset all = { rights(taken, abi), outside && abi >= 4 ? NET_TCP : 0, outside && abi >= 6 ? SCOPE_ALL : 0 };
	size_t size = abi >= 6 ? sizeof(all) : abi >= 4 ? 2 * sizeof(uint64_t) : sizeof(uint64_t);
	int ruleset = (int)syscall(CREATE_RULESET, &all, size, 0);
	bool ok = ruleset >= 0;

	for (size_t i = 0; ok && i < n; i++)
		ok = add_rule(ruleset, &rules[i], &all, abi);
	ok = ok && syscall(RESTRICT_SELF, ruleset, 0) == 0;
	if (ruleset >= 0)
		close(ruleset);
	return ok;
}
