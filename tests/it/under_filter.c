/* SPDX-License-Identifier: Apache-2.0 */
/* under_filter NAMES PROGRAM ARGUMENT…: runs a program with the system calls that the file NAMES lists, one a line; all others are EPERM, as
 * with a unit's SystemCallFilter. Names that this machine does not have are passed over. */
#include <errno.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int allow(scmp_filter_ctx filter, const char *name)
{
	int call = seccomp_syscall_resolve_name(name);

	return call == __NR_SCMP_ERROR ? 0 : seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 0);
}

int main(int argc, char **argv)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	FILE *names = argc > 2 ? fopen(argv[1], "re") : NULL;
	char name[64];
	int bad = names == NULL || filter == NULL;

	while (!bad && fgets(name, sizeof(name), names) != NULL) {
		name[strcspn(name, "\n")] = '\0';
		bad = allow(filter, name) != 0;
	}
	if (bad || fclose(names) != 0 || seccomp_load(filter) != 0) {
		fputs("usage: under_filter NAMES PROGRAM ARGUMENT\n", stderr);
		return 64;
	}
	seccomp_release(filter);
	execv(argv[2], argv + 2);
	perror(argv[2]);
	return 70;
}
