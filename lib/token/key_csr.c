/* SPDX-License-Identifier: Apache-2.0 */
/* Certificate requests and self-signed certificates by a key on a token: jwk11_key_csr and jwk11_key_self_cert of jwk11.h. */
#include <openssl/rand.h>

#include "base/err.h"
#include "jose/csr.h"
#include "key.h"

struct by_key {
	struct jwk11_key *key;
	const char *alg;
};

static enum jwk11_rc sign(void *arg, struct jwk11_view input, struct jwk11_buf *ret_sig, struct jwk11_err *err)
{
	struct by_key *by = arg;

	return jwk11_key_sign(by->key, by->alg, JWK11_INPUT_MESSAGE, input, ret_sig, err);
}

/* The algorithm, for a key that can have a certificate. */
static enum jwk11_rc find_alg(const struct jwk11_key *key, const char *name, const void *what, const struct jwk11_buf *out, const struct j11_alg **ret_alg,
	struct jwk11_err *err)
{
	if (key == NULL || what == NULL || out == NULL)
		return j11_err_set(err, JWK11_ERR_ARGUMENT, J11_CODE_ARGUMENT, "certificate request: key, description or place is missing");
	if (key->pub == NULL)
		return j11_err_set(err, JWK11_ERR_MISMATCH, J11_CODE_KEY_SECRET, "key \"%s\" is a secret key: it has no public half to certify", key->label);
	if (key->use != JWK11_USE_SIG)
		return j11_err_set(err, JWK11_ERR_MISMATCH, J11_CODE_ALG_MISMATCH, "key \"%s\" decrypts and does not sign", key->label);
	*ret_alg = j11_alg_find_str(name ? name : jwk11_key_default_alg(key));
	return *ret_alg != NULL ? JWK11_OK : j11_alg_unknown("", err);
}

enum jwk11_rc jwk11_key_csr(struct jwk11_key *key, const char *alg, const struct jwk11_csr *csr, struct jwk11_buf *ret_der, struct jwk11_err *err)
{
	const struct j11_alg *row = NULL;
	enum jwk11_rc rc = find_alg(key, alg, csr, ret_der, &row, err);
	struct by_key by = { key, row ? row->name : NULL };
	struct j11_csr_signer signer = { sign, &by };

	return rc == JWK11_OK ? j11_csr_make(key->pub, row, csr, &signer, ret_der, err) : rc;
}

enum jwk11_rc jwk11_key_self_cert(struct jwk11_key *key, const char *alg, const struct jwk11_csr *what, int64_t not_before, int64_t not_after,
	struct jwk11_buf *ret_der, struct jwk11_err *err)
{
	struct j11_self_spec spec = { .not_before = not_before, .not_after = not_after };
	const struct j11_alg *row = NULL;
	enum jwk11_rc rc = find_alg(key, alg, what, ret_der, &row, err);
	struct by_key by = { key, row ? row->name : NULL };
	struct j11_csr_signer signer = { sign, &by };

	if (rc == JWK11_OK && RAND_bytes(spec.serial, sizeof(spec.serial)) != 1)
		return j11_err_set(err, JWK11_ERR_INTERNAL, J11_CODE_INTERNAL, "no random numbers are to be had");
	return rc == JWK11_OK ? j11_self_make(key->pub, row, what, &spec, &signer, ret_der, err) : rc;
}
