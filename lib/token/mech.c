/* SPDX-License-Identifier: Apache-2.0 */
/* Mechanism table and routes. */
#include "mech.h"

#include <string.h>

#include "base/err.h"
#include "jose/der.h"

enum { BIT_RAW_PKCS1 = 1u << 0, BIT_RAW_PSS = 1u << 1, BIT_RAW_ECDSA = 1u << 2, BIT_EDDSA = 1u << 3, BIT_MLDSA = 1u << 16 };

/* One row per scheme and hash: the mechanism over a digest, and the one that hashes on the token. */
static const struct row {
	enum j11_scheme scheme;
	enum j11_hash hash;
	CK_MECHANISM_TYPE raw, whole;
	j11_mech_set raw_bit, whole_bit;
} rows[] = {
	{ J11_SCHEME_PKCS1, J11_HASH_SHA256, CKM_RSA_PKCS, CKM_SHA256_RSA_PKCS, BIT_RAW_PKCS1, 1u << 4 },
	{ J11_SCHEME_PKCS1, J11_HASH_SHA384, CKM_RSA_PKCS, CKM_SHA384_RSA_PKCS, BIT_RAW_PKCS1, 1u << 5 },
	{ J11_SCHEME_PKCS1, J11_HASH_SHA512, CKM_RSA_PKCS, CKM_SHA512_RSA_PKCS, BIT_RAW_PKCS1, 1u << 6 },
	{ J11_SCHEME_PSS, J11_HASH_SHA256, CKM_RSA_PKCS_PSS, CKM_SHA256_RSA_PKCS_PSS, BIT_RAW_PSS, 1u << 7 },
	{ J11_SCHEME_PSS, J11_HASH_SHA384, CKM_RSA_PKCS_PSS, CKM_SHA384_RSA_PKCS_PSS, BIT_RAW_PSS, 1u << 8 },
	{ J11_SCHEME_PSS, J11_HASH_SHA512, CKM_RSA_PKCS_PSS, CKM_SHA512_RSA_PKCS_PSS, BIT_RAW_PSS, 1u << 9 },
	{ J11_SCHEME_ECDSA, J11_HASH_SHA256, CKM_ECDSA, CKM_ECDSA_SHA256, BIT_RAW_ECDSA, 1u << 10 },
	{ J11_SCHEME_ECDSA, J11_HASH_SHA384, CKM_ECDSA, CKM_ECDSA_SHA384, BIT_RAW_ECDSA, 1u << 11 },
	{ J11_SCHEME_ECDSA, J11_HASH_SHA512, CKM_ECDSA, CKM_ECDSA_SHA512, BIT_RAW_ECDSA, 1u << 12 },
	{ J11_SCHEME_EDDSA, J11_HASH_NONE, J11_CKM_EDDSA, J11_CKM_EDDSA, 0, BIT_EDDSA },
	{ J11_SCHEME_MLDSA, J11_HASH_NONE, J11_CKM_ML_DSA, J11_CKM_ML_DSA, 0, BIT_MLDSA }, /* no parameter: the empty context */
	{ J11_SCHEME_HMAC, J11_HASH_SHA256, CKM_SHA256_HMAC, CKM_SHA256_HMAC, 0, 1u << 13 },
	{ J11_SCHEME_HMAC, J11_HASH_SHA384, CKM_SHA384_HMAC, CKM_SHA384_HMAC, 0, 1u << 14 },
	{ J11_SCHEME_HMAC, J11_HASH_SHA512, CKM_SHA512_HMAC, CKM_SHA512_HMAC, 0, 1u << 15 },
};

static const struct {
	enum j11_hash hash;
	CK_MECHANISM_TYPE mechanism;
	CK_RSA_PKCS_MGF_TYPE mgf;
} pss_hashes[] = {
	{ J11_HASH_SHA256, CKM_SHA256, CKG_MGF1_SHA256 },
	{ J11_HASH_SHA384, CKM_SHA384, CKG_MGF1_SHA384 },
	{ J11_HASH_SHA512, CKM_SHA512, CKG_MGF1_SHA512 },
};

static bool offers(CK_FUNCTION_LIST *fl, CK_SLOT_ID slot, CK_MECHANISM_TYPE type)
{
	CK_MECHANISM_INFO info;

	memset(&info, 0, sizeof(info));
	return fl->C_GetMechanismInfo(slot, type, &info) == CKR_OK && (info.flags & CKF_SIGN) != 0;
}

j11_mech_set j11_mech_probe(CK_FUNCTION_LIST *fl, CK_SLOT_ID slot)
{
	j11_mech_set set = 0;

	for (size_t i = 0; i < J11_COUNT(rows); i++) {
		if ((set & rows[i].raw_bit) == 0 && rows[i].raw_bit != 0 && offers(fl, slot, rows[i].raw))
			set |= rows[i].raw_bit;
		if (offers(fl, slot, rows[i].whole))
			set |= rows[i].whole_bit;
	}
	return set;
}

j11_mech_set j11_mech_allowed(const CK_MECHANISM_TYPE *list, size_t n)
{
	j11_mech_set set = n == 0 ? ~0u : 0;

	for (size_t a = 0; a < n; a++)
		for (size_t i = 0; i < J11_COUNT(rows); i++)
			set |= (list[a] == rows[i].raw ? rows[i].raw_bit : 0) | (list[a] == rows[i].whole ? rows[i].whole_bit : 0);
	return set;
}

static const struct row *row_of(const struct j11_alg *alg)
{
	for (size_t i = 0; i < J11_COUNT(rows); i++)
		if (rows[i].scheme == alg->scheme && rows[i].hash == alg->hash)
			return &rows[i];
	return NULL;
}

bool j11_mech_can(j11_mech_set offered, const struct j11_alg *alg)
{
	const struct row *row = row_of(alg);

	return row != NULL && (offered & (row->raw_bit | row->whole_bit)) != 0;
}

/* RFC 7518 3.5: MGF1 with the same hash, salt as long as the hash. */
static void set_pss(struct j11_mech *m, const struct j11_alg *alg)
{
	for (size_t i = 0; i < J11_COUNT(pss_hashes); i++) {
		if (pss_hashes[i].hash != alg->hash)
			continue;
		m->pss.hashAlg = pss_hashes[i].mechanism;
		m->pss.mgf = pss_hashes[i].mgf;
		m->pss.sLen = j11_hash_len(alg->hash);
	}
	m->mechanism.pParameter = &m->pss;
	m->mechanism.ulParameterLen = sizeof(m->pss);
}

/* The digest, behind its DigestInfo prefix for PKCS#1 v1.5 (RFC 8017 9.2). */
static enum jwk11_rc set_digest(struct j11_mech *m, const struct j11_alg *alg, enum jwk11_input kind, struct jwk11_view input,
	struct jwk11_err *err)
{
	struct jwk11_view prefix = alg->scheme == J11_SCHEME_PKCS1 ? j11_der_digest_info(alg->hash) : J11_VIEW("");
	size_t len = j11_hash_len(alg->hash);

	memcpy(m->room, prefix.data, prefix.len);
	m->data = (struct jwk11_view){ .data = m->room, .len = prefix.len + len };
	if (kind == JWK11_INPUT_MESSAGE)
		return j11_hash_digest(alg->hash, input, m->room + prefix.len, err);
	if (input.len != len)
		return j11_err_set(err, JWK11_ERR_MISMATCH, J11_CODE_DIGEST_LENGTH, "%s signs a digest of %zu octets, not %zu", alg->name, len, input.len);
	memcpy(m->room + prefix.len, input.data, len);
	return JWK11_OK;
}

/* PKCS#11 3.0 2.3.14: Ed25519 is signed without a parameter (one with phFlag false would be Ed25519ctx), Ed448 only with one. */
static void set_eddsa(struct j11_mech *m, const struct j11_curve *curve)
{
	if (curve == NULL || curve->crv != J11_CRV_ED448)
		return;
	m->mechanism.pParameter = &m->eddsa;
	m->mechanism.ulParameterLen = sizeof(m->eddsa);
}

enum jwk11_rc j11_mech_prepare(j11_mech_set offered, const struct j11_alg *alg, const struct j11_curve *curve, enum jwk11_input kind,
	struct jwk11_view input, struct j11_mech *ret_mech, struct jwk11_err *err)
{
	const struct row *row = row_of(alg);
	bool raw = row != NULL && (offered & row->raw_bit) != 0;

	if (!j11_mech_can(offered, alg))
		return j11_err_set(err, JWK11_ERR_UNSUPPORTED, J11_CODE_UNSUPPORTED, "the token offers no mechanism for %s", alg->name);
	if (kind == JWK11_INPUT_DIGEST && !j11_alg_takes_digests(alg))
		return j11_err_set(err, JWK11_ERR_MISMATCH, J11_CODE_ALG_MISMATCH, "%s signs messages, not digests", alg->name);
	if (!raw && kind == JWK11_INPUT_DIGEST)
		return j11_err_set(err, JWK11_ERR_UNSUPPORTED, J11_CODE_UNSUPPORTED, "the token signs %s over messages only, not over digests", alg->name);
	memset(ret_mech, 0, sizeof(*ret_mech));
	ret_mech->mechanism.mechanism = raw ? row->raw : row->whole;
	if (alg->scheme == J11_SCHEME_PSS)
		set_pss(ret_mech, alg);
	if (alg->scheme == J11_SCHEME_EDDSA)
		set_eddsa(ret_mech, curve);
	if (raw)
		return set_digest(ret_mech, alg, kind, input, err);
	ret_mech->data = input.data ? input : J11_VIEW(""); /* of nothing, but at an address: modules refuse NULL */
	return JWK11_OK;
}
