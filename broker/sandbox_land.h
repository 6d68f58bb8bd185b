/* SPDX-License-Identifier: Apache-2.0 */
/* Landlock, by raw system calls: the C library has no wrappers and the headers of Debian 12 are older than most kernels it runs on. What
 * the kernel does not know yet is left out. */
#ifndef SANDBOX_LAND_H
#define SANDBOX_LAND_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

/* What is taken away, but for the rules. */
enum sandbox_land {
	SANDBOX_LAND_READ = 1,    /* reading, listing and executing files */
	SANDBOX_LAND_WRITE = 2,   /* changing the file system in any way */
	SANDBOX_LAND_OUTSIDE = 4  /* TCP, abstract sockets and processes of others */
};
/* What is kept, beneath a folder or of one file: READ, or READ and WRITE. */
struct sandbox_land_rule {
	const char *path;
	unsigned kept;
	bool its_folder; /* of the folder that path lies in: the kernel knows files by what they are, and this one may be replaced */
};

/* The version of the interface, 0 when the kernel has none. */
int sandbox_land_abi(void);
/* Binds the calling thread and what it starts later. `taken` is of enum sandbox_land. A rule whose path is not there is skipped. False: the
 * kernel refused. */
bool sandbox_land_restrict(unsigned taken, const struct sandbox_land_rule *rules, size_t n) J11_MUST_USE;

#endif
