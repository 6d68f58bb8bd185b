/* SPDX-License-Identifier: Apache-2.0 */
/* import-cert --dir: the chain into DIR/KEY.pem, for tokens that take no certificates. */
#ifndef CERT_DIR_H
#define CERT_DIR_H

#include <limits.h>

#include "put_cert.h"

struct cert_dir {
	char path[PATH_MAX];
	bool is_named; /* the key's section has `certificates` = path */
};

/* After put_cert_plan: writes the leaf and its issuers, whole or not at all, and fills in p->done. Of a key with versions the file keeps the chains of
 * the others. Unchanged when it says just that already, or with JWK11_IMPORT_DRY_RUN. `flags` of enum jwk11_import_flags. Errors: ARGUMENT (the name is
 * not that of a section), MISMATCH (what is there is of no such key; CERT_EXPIRED with JWK11_IMPORT_STRICT), FILE_FAILED. */
enum jwk11_rc cert_dir_write(struct put_cert *p, const char *dir, unsigned flags, struct cert_dir *ret_dir, struct jwk11_err *err) J11_MUST_USE;
/* What the configuration lacks, on standard error. Before put_cert_tell. */
void cert_dir_say(const struct put_cert *p, const struct cert_dir *dir);

#endif
