/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates of a key that lie in a file, for tokens that take no certificate objects: they go before those of the token. */
#ifndef J11_CERT_FILE_H
#define J11_CERT_FILE_H

#include "jose/bundle.h"
#include "jwk11.h"

/* One file, read once for the keys that are in it. Start with { .path = NULL }; j11_cert_file_done. */
struct j11_cert_file {
	const char *path; /* borrowed */
	struct jwk11_certs certs;
	struct jwk11_err why; /* why it gave none */
};
void j11_cert_file_done(struct j11_cert_file *file);

/* Reads the file, unless `file` holds it already, and gives the key its chain from it, or the reason why there is none: the file cannot be read, is
 * longer than J11_BUNDLE_LEN_MAX, cannot be understood, or none in it holds this public key. Once in a key's life, before others have it. Without memory
 * the key is as if it had no file. A secret key is left alone. */
void j11_key_take_file(struct jwk11_key *key, const char *path, struct j11_cert_file *file);
bool j11_key_has_file_chain(const struct jwk11_key *key);
/* Why its file gave it no chain; "": it did, or it has none. */
const char *j11_key_file_why(const struct jwk11_key *key);
/* The sentence for people on a key for which jwk11_key_chain found nothing; "" when there is nothing to say but that. */
void j11_key_no_chain(const struct jwk11_key *key, const struct jwk11_err *err, char ret_note[JWK11_TEXT_MAX]);

/* For jwk11_key_chain: a copy of the chain in the file. */
enum jwk11_rc j11_key_file_chain(const struct jwk11_key *key, struct jwk11_chain **ret_chain, struct jwk11_err *err) J11_MUST_USE;
/* The reason before what is to be said of the token's chain, or of there being none (rc, which is returned). */
enum jwk11_rc j11_key_file_note(const struct jwk11_key *key, enum jwk11_rc rc, struct jwk11_chain *chain, struct jwk11_err *err);

#endif
