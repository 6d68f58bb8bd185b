/* SPDX-License-Identifier: Apache-2.0 */
/* What the workers told about tokens and keys, per module. A module's part is replaced in one step when its last message is in. Public
 * halves stay known when their token goes away. Holds public values only: a JWK with a private member is not taken. */
#ifndef CATALOG_H
#define CATALOG_H

#include "catalog_entry.h"

#define CATALOG_MAX_ENTRIES 65536 /* tokens or keys of one module */

struct catalog;

struct catalog *catalog_new(void); /* NULL: no memory */
void catalog_free(struct catalog *catalog);

/* Takes one CATALOG_* message of a module. True when the catalogue has changed (at CATALOG_END). A message out of order, an entry past
 * the limit, or a lack of memory spoils the running update: its END then changes nothing and *err says why. */
bool catalog_take(struct catalog *catalog, const char *module, const struct wire_msg *msg, struct jwk11_err *err);
/* Forgets a key whose [key] section is gone or means something else now. */
void catalog_forget(struct catalog *catalog, const char *key_name);
/* The same key is called by another kid now: it stays as it is until its module has said how, and is not kept beyond that. */
void catalog_outdate(struct catalog *catalog, const char *key_name);
/* The modules in the order of the configuration, NULL-terminated, borrowed until the next call: when two have the same key, the first one
 * serves it. Modules that it does not name come last. */
void catalog_set_order(struct catalog *catalog, const char *const *modules);
/* Grows with each change. */
uint64_t catalog_generation(const struct catalog *catalog);

/* Borrowed until the next change. Of a key with versions the one that signs, as catalog_settle found. When two modules know the name, the one where the key can be used comes first, then the order decides. NULL:
 * unknown. */
const struct catalog_key *catalog_key_named(const struct catalog *catalog, const char *name);
/* The first version of a key with versions, further ones in next_version; NULL: it has none. */
const struct catalog_key *catalog_versions(const struct catalog *catalog, const char *name);
/* Settles what each version of a key is at this moment. Returns the next one at which that changes; INT64_MAX: none is known. */
int64_t catalog_settle(struct catalog *catalog, const char *name, int64_t now, int64_t overlap);
/* Is it what its name, or its version, stands for, and not the same in a later module? */
bool catalog_key_stands(const struct catalog *catalog, const struct catalog_key *key);
/* By kid; further names of it in next_kid. */
const struct catalog_key *catalog_key_of_kid(const struct catalog *catalog, const char *kid);
/* *ret_module: the module that said so. When several know the name, a ready one comes first, an absent one last. */
const struct catalog_token *catalog_token_named(const struct catalog *catalog, const char *name, const char **ret_module);

#endif
