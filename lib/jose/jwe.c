/* SPDX-License-Identifier: Apache-2.0 */
/* From a parsed JWE to its content. Nothing here tells one failure from another. */
#include "jwe.h"

#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "kdf.h"

void j11_jwe_done(struct j11_jwe *jwe)
{
	for (size_t i = 0; i < jwe->n_recipients; i++) {
		jwk11_pub_unref(jwe->recipients[i].epk);
		j11_buf_done(&jwe->recipients[i].apu);
		j11_buf_done(&jwe->recipients[i].apv);
		j11_buf_done(&jwe->recipients[i].key);
	}
	j11_mem_free(jwe->recipients);
	jwe->recipients = NULL;
	jwe->n_recipients = 0;
	j11_buf_done(&jwe->aad);
	j11_buf_done(&jwe->iv);
	j11_buf_done(&jwe->ciphertext);
	j11_buf_done(&jwe->tag);
}

/* How well a recipient matches: 0 not at all. The kid is a hint (RFC 7516 4.1.6), but a better one than the algorithm. */
static int rank(const struct j11_jwe_recipient *r, const struct j11_kma *kma, const char *kid)
{
	if (r->kma != kma)
		return 0;
	if (r->kid[0] == '\0')
		return 2;
	return kid != NULL && j11_text_equal(r->kid, kid) ? 3 : 1;
}

enum jwk11_rc j11_jwe_choose(const struct j11_jwe *jwe, const struct jwk11_pub *pub, const struct j11_kma *kma, const char *kid,
	const struct j11_jwe_recipient **ret_recipient, struct jwk11_err *err)
{
	const struct j11_jwe_recipient *best = NULL;
	enum jwk11_rc rc = j11_kma_fits(pub, kma, err);

	if (rc != JWK11_OK)
		return rc;
	for (size_t i = 0; i < jwe->n_recipients; i++) {
		const struct j11_jwe_recipient *r = &jwe->recipients[i];

		if (r->epk != NULL && r->epk->curve != pub->curve)
			continue;
		if (rank(r, kma, kid) > (best ? rank(best, kma, kid) : 0))
			best = r;
	}
	if (best == NULL) {
		j11_err_set(err, JWK11_ERR_MISMATCH, J11_CODE_ALG_MISMATCH, "JWE: no recipient has algorithm %s%s", kma->name,
			kma->way == J11_KMA_ECDH ? " and an ephemeral key of this key's curve" : "");
		j11_err_hint(err, "the sender must use the \"alg\" of the key's JWK");
		return JWK11_ERR_MISMATCH;
	}
	*ret_recipient = best;
	return JWK11_OK;
}

enum jwk11_rc j11_jwe_cek_agreed(const struct j11_jwe *jwe, const struct j11_jwe_recipient *r, const struct j11_keymat *z,
	struct j11_keymat *ret_cek, struct jwk11_err *err)
{
	J11_AUTO(j11_keymat_wipe) struct j11_keymat kek = { .len = 0 };
	bool direct = r->kma->kek_len == 0, ok = false;
	enum jwk11_rc rc = j11_kdf_concat(z, direct ? jwe->enc->name : r->kma->name, j11_buf_view(&r->apu), j11_buf_view(&r->apv),
		direct ? jwe->enc->key_len : r->kma->kek_len, &kek, err);

	if (rc == JWK11_OK && direct)
		*ret_cek = kek;
	if (rc != JWK11_OK || direct)
		return rc;
	rc = j11_keymat_random(ret_cek, jwe->enc->key_len, err);
	return rc == JWK11_OK ? j11_kdf_unwrap(&kek, j11_buf_view(&r->key), jwe->enc->key_len, ret_cek, &ok, err) : rc;
}

enum jwk11_rc j11_jwe_cek_unpadded(const struct j11_jwe *jwe, bool good, const unsigned char *octets, size_t len, struct j11_keymat *ret_cek,
	struct jwk11_err *err)
{
	enum jwk11_rc rc = j11_keymat_random(ret_cek, jwe->enc->key_len, err);
	unsigned char take = (unsigned char)-(good & (len == jwe->enc->key_len));

	for (size_t i = 0; rc == JWK11_OK && i < ret_cek->len; i++)
		ret_cek->octets[i] = (unsigned char)((octets[i] & take) | (ret_cek->octets[i] & ~take));
	return rc;
}

enum jwk11_rc j11_jwe_open(const struct j11_jwe *jwe, const struct j11_keymat *cek, struct jwk11_buf *out, struct jwk11_err *err)
{
	return j11_enc_open(jwe->enc, cek, j11_buf_view(&jwe->iv), j11_buf_view(&jwe->aad), j11_buf_view(&jwe->ciphertext),
		j11_buf_view(&jwe->tag), out, err);
}
