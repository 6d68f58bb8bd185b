/* SPDX-License-Identifier: Apache-2.0 */
/* Making things on a token: initialising one, generating keys. Used by `jwk11 setup` and the tests' loaders. */
#ifndef J11_PROVISION_H
#define J11_PROVISION_H

#include "base/secret.h"
#include "jwk11.h"

/* C_InitToken on the first uninitialised slot of a loaded module (`module` as in jwk11_context_load), then C_InitPIN. Errors: NOT_FOUND
 * (no uninitialised slot), AMBIGUOUS (a token of that label exists), DEVICE. No token of the context may be open. PKCS#11 section 5.5. */
enum jwk11_rc j11_provision_token(struct jwk11_context *ctx, const char *module, const char *label, const struct j11_secret *so_pin,
	const struct j11_secret *pin, struct jwk11_err *err) J11_MUST_USE;
enum { J11_PROVISION_ID = 16 }; /* octets of a CKA_ID */
/* C_GenerateKeyPair for a JWA algorithm: RSA 2048 for RS and PS (or `rsa_bits` when not 0), the algorithm's curve else. Private half:
 * token, private, sensitive, not extractable, sign only, as far as the token takes these attributes; read back and destroyed again when it turns out
 * extractable or readable. `label` and a random CKA_ID, which goes to ret_id (NULL: nowhere), on both halves. HS256, HS384, HS512: C_GenerateKey of a generic secret as long as the hash, to sign and verify. Refuses
 * (AMBIGUOUS) a label that a key of this kind has on the token already. PKCS#11 section 5.13. */
enum jwk11_rc j11_provision_key(struct jwk11_token *token, const char *alg, unsigned rsa_bits, const char *label, unsigned char ret_id[J11_PROVISION_ID],
	struct jwk11_err *err) J11_MUST_USE;

/* C_DestroyObject for a key pair: the private half, then what is public of it. Refuses (AMBIGUOUS) when label and CKA_ID name more than one private
 * key. PKCS#11 section 5.7. */
enum jwk11_rc j11_provision_destroy(struct jwk11_key *key, struct jwk11_err *err) J11_MUST_USE;

#endif
