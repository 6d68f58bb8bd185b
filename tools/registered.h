/* SPDX-License-Identifier: Apache-2.0 */
/* The modules that p11-kit's configuration names, as it names them, without loading one. p11-kit(8), pkcs11.conf(5). */
#ifndef REGISTERED_H
#define REGISTERED_H

#include <stdbool.h>

#include "base/buf.h"

enum { REGISTERED_MAX = 64 };

struct registered {
	char name[128];      /* of its file, without .module */
	char file[4096];     /* absolute */
	char enable_in[256]; /* programs, with commas or blanks between; "": all */
	char disable_in[256];
	bool trust;          /* a source of certificates that are trusted, not of keys */
};
struct registered_list {
	struct registered list[REGISTERED_MAX];
	size_t n;
};

/* Takes the lines of one .module file; what was there before stays where it says nothing. Pure. */
void registered_take(struct registered *r, struct jwk11_view text);
/* Does p11-kit load it for a program of this name? Pure. */
bool registered_is_for(const struct registered *r, const char *program);
/* Those of the packages, with what the administrator's files change. */
void registered_read(struct registered_list *ret);
/* By name; NULL. */
const struct registered *registered_find(const struct registered_list *list, const char *name);

#endif
