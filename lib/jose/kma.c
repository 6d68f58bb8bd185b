/* SPDX-License-Identifier: Apache-2.0 */
/* The table of key management algorithms. The first row that fits a key is its default. */
#include "kma.h"

#include <openssl/err.h>
#include <openssl/evp.h>

#include "base/err.h"
#include "enc.h"

static const struct j11_kma kmas[] = {
	{ "RSA-OAEP", J11_KMA_OAEP, false, 0, -40 },
	{ "RSA-OAEP-256", J11_KMA_OAEP, true, 0, -41 },
	{ "ECDH-ES", J11_KMA_ECDH, false, 0, 0 },
	{ "ECDH-ES+A128KW", J11_KMA_ECDH, false, 16, 0 },
	{ "ECDH-ES+A192KW", J11_KMA_ECDH, false, 24, 0 },
	{ "ECDH-ES+A256KW", J11_KMA_ECDH, false, 32, 0 },
};

const struct j11_kma *j11_kma_find(struct jwk11_view name)
{
	for (size_t i = 0; i < J11_COUNT(kmas); i++)
		if (j11_view_equals(name, kmas[i].name))
			return &kmas[i];
	return NULL;
}

const struct j11_kma *j11_kma_at(size_t i)
{
	return i < J11_COUNT(kmas) ? &kmas[i] : NULL;
}

enum jwk11_rc j11_kma_unknown(const char *what, struct jwk11_err *err)
{
	struct jwk11_buf names = J11_BUF(JWK11_HINT_MAX);

	j11_err_set(err, JWK11_ERR_UNSUPPORTED, J11_CODE_ALG_UNKNOWN, "%sthis algorithm is not known", what);
	for (size_t i = 0; i < J11_COUNT(kmas); i++)
		j11_buf_add_fmt(&names, "%s%s", i > 0 ? ", " : "", kmas[i].name);
	j11_err_hint(err, "one of %s", jwk11_buf_data(&names));
	j11_buf_done(&names);
	return JWK11_ERR_UNSUPPORTED;
}

static bool agrees(const struct jwk11_pub *pub)
{
	return pub->curve != NULL && pub->curve->agrees;
}

static bool fits(const struct jwk11_pub *pub, const struct j11_kma *kma)
{
	if (kma->way == J11_KMA_OAEP ? pub->kty != J11_KTY_RSA : !agrees(pub))
		return false;
	return pub->kma == NULL || pub->kma == kma;
}

enum jwk11_rc j11_kma_fits(const struct jwk11_pub *pub, const struct j11_kma *kma, struct jwk11_err *err)
{
	char what[32];

	if (fits(pub, kma))
		return JWK11_OK;
	if (pub->kma != NULL)
		j11_err_set(err, JWK11_ERR_MISMATCH, J11_CODE_ALG_MISMATCH, "algorithm %s does not fit: this %s is for %s", kma->name,
			j11_pub_describe(pub, what), pub->kma->name);
	else
		j11_err_set(err, JWK11_ERR_MISMATCH, J11_CODE_ALG_MISMATCH, "algorithm %s does not fit a %s", kma->name, j11_pub_describe(pub, what));
	return JWK11_ERR_MISMATCH;
}

const struct j11_kma *j11_kma_default(const struct jwk11_pub *pub)
{
	for (size_t i = 0; i < J11_COUNT(kmas); i++)
		if (fits(pub, &kmas[i]))
			return &kmas[i];
	return NULL;
}

/* With a scalar of our own, which libcrypto brings into shape: it refuses a result of zero, and no other. */
enum jwk11_rc j11_kma_check_peer(const struct jwk11_pub *peer, struct jwk11_err *err)
{
	static const unsigned char scalar[J11_KEYMAT_MAX] = { 8 };
	unsigned char z[J11_KEYMAT_MAX];
	size_t len = sizeof(z);
	EVP_PKEY *own;
	EVP_PKEY_CTX *ctx;
	bool ready, good;

	if (peer->kty != J11_KTY_OKP || !agrees(peer))
		return JWK11_OK;
	own = EVP_PKEY_new_raw_private_key_ex(NULL, peer->curve->group, NULL, scalar, peer->curve->coord_len);
	ctx = own ? EVP_PKEY_CTX_new_from_pkey(NULL, own, NULL) : NULL;
	ready = ctx != NULL && EVP_PKEY_derive_init(ctx) == 1 && EVP_PKEY_derive_set_peer(ctx, peer->evp) == 1;
	good = ready && EVP_PKEY_derive(ctx, z, &len) == 1;
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(own);
	ERR_clear_error();
	if (!ready)
		return j11_err_memory(err);
	return good ? JWK11_OK : j11_err_set(err, JWK11_ERR_SYNTAX, J11_CODE_JWE_INVALID, "JWE: its ephemeral key is a point of small order");
}

const char *jwk11_pub_default_enc_alg(const struct jwk11_pub *pub)
{
	const struct j11_kma *kma = pub ? j11_kma_default(pub) : NULL;

	return kma != NULL ? kma->name : "";
}
