/* SPDX-License-Identifier: Apache-2.0 */
/* Checking one signature in JOSE form: always over a digest where the algorithm has one, so both inputs share a path. */
#include <openssl/err.h>
#include <openssl/evp.h>

#include "base/err.h"
#include "der.h"
#include "pub.h"
#include "ready.h"

enum result { VERIFIES, DIFFERS, CANNOT_TRY };

/* Of a message or an already hashed one. ECDSA goes to libcrypto as DER (RFC 7518 3.4: JOSE has r || s). */
static enum result verify_digest(const struct jwk11_pub *pub, const struct j11_alg *alg, enum jwk11_input kind, struct jwk11_view input,
	struct jwk11_view sig)
{
	unsigned char der[J11_DER_ECDSA_MAX], digest[EVP_MAX_MD_SIZE];
	enum result result = CANNOT_TRY;
	const EVP_MD *md = NULL;
	EVP_PKEY_CTX *ctx = j11_ready_verify(pub->ready, alg, &md);
	unsigned len = 0;

	if (ctx == NULL)
		return CANNOT_TRY;
	if (alg->scheme == J11_SCHEME_ECDSA)
		sig = (struct jwk11_view){ .data = der, .len = j11_der_from_raw(sig, der) };
	if (kind == JWK11_INPUT_MESSAGE && EVP_Digest(input.data, input.len, digest, &len, md, NULL) == 1)
		input = (struct jwk11_view){ .data = digest, .len = len };
	if (input.len == j11_hash_len(alg->hash) && (kind == JWK11_INPUT_DIGEST || len != 0))
		result = EVP_PKEY_verify(ctx, sig.data, sig.len, input.data, input.len) == 1 ? VERIFIES : DIFFERS;
	EVP_PKEY_CTX_free(ctx);
	return result;
}

static enum result verify_message(const struct jwk11_pub *pub, struct jwk11_view message, struct jwk11_view sig)
{
	EVP_MD_CTX *ctx = j11_ready_verify_message(pub->ready);
	enum result result = CANNOT_TRY;

	if (ctx != NULL)
		result = EVP_DigestVerify(ctx, sig.data, sig.len, message.data, message.len) == 1 ? VERIFIES : DIFFERS;
	EVP_MD_CTX_free(ctx);
	return result;
}

/* Everything that can be said before any mathematics. */
static enum jwk11_rc check(const struct jwk11_pub *pub, const struct j11_alg *alg, enum jwk11_input kind, struct jwk11_view input,
	struct jwk11_view sig, struct jwk11_err *err)
{
	enum jwk11_rc rc = j11_pub_fits(pub, alg, err);

	if (rc != JWK11_OK)
		return rc;
	if (kind == JWK11_INPUT_DIGEST && !j11_alg_takes_digests(alg))
		return j11_err_set(err, JWK11_ERR_MISMATCH, J11_CODE_ALG_MISMATCH, "%s signs messages, not digests", alg->name);
	if (kind == JWK11_INPUT_DIGEST && input.len != j11_hash_len(alg->hash))
		return j11_err_set(err, JWK11_ERR_MISMATCH, J11_CODE_DIGEST_LENGTH, "%s signs a digest of %zu octets, not %zu", alg->name,
			j11_hash_len(alg->hash), input.len);
	if (sig.len != j11_pub_sig_len(pub))
		return j11_err_set(err, JWK11_ERR_SIGNATURE, J11_CODE_SIGNATURE_INVALID, "the signature has %zu octets; %s by this key has %zu", sig.len,
			alg->name, j11_pub_sig_len(pub));
	return JWK11_OK;
}

enum jwk11_rc jwk11_pub_verify(const struct jwk11_pub *pub, const char *alg_name, enum jwk11_input kind, struct jwk11_view input,
	struct jwk11_view sig, struct jwk11_err *err)
{
	const struct j11_alg *alg;
	enum result result;
	enum jwk11_rc rc;

	if (pub == NULL || alg_name == NULL || (kind != JWK11_INPUT_MESSAGE && kind != JWK11_INPUT_DIGEST))
		return j11_err_set(err, JWK11_ERR_ARGUMENT, J11_CODE_ARGUMENT, "verify: key, algorithm or kind of input is missing");
	if ((input.data == NULL && input.len != 0) || (sig.data == NULL && sig.len != 0))
		return j11_err_set(err, JWK11_ERR_ARGUMENT, J11_CODE_ARGUMENT, "verify: bytes without an address");
	alg = j11_alg_find_str(alg_name);
	if (alg == NULL)
		return j11_alg_unknown("verify: ", err);
	rc = check(pub, alg, kind, input, sig, err);
	if (rc != JWK11_OK)
		return rc;
	if (alg->scheme == J11_SCHEME_MLDSA)
		return j11_mldsa_verify(pub->set, pub->x, input, sig, err);
	result = alg->hash == J11_HASH_NONE ? verify_message(pub, input, sig) : verify_digest(pub, alg, kind, input, sig);
	if (result == VERIFIES)
		return JWK11_OK;
	ERR_clear_error();
	if (result == CANNOT_TRY) /* each step before the mathematics only allocates */
		return j11_err_memory(err);
	return j11_err_set(err, JWK11_ERR_SIGNATURE, J11_CODE_SIGNATURE_INVALID, "the signature does not verify");
}
