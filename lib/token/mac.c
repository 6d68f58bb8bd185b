/* SPDX-License-Identifier: Apache-2.0 */
/* Secret keys for HMAC. */
#include "mac.h"

#include <openssl/crypto.h>
#include <string.h>

#include "base/err.h"

/* The types of key that HMAC mechanisms take (PKCS#11 2.40, 2.21). */
static const struct {
	CK_KEY_TYPE type;
	enum j11_hash hash; /* NONE: any */
} types[] = {
	{ CKK_GENERIC_SECRET, J11_HASH_NONE },
	{ CKK_SHA256_HMAC, J11_HASH_SHA256 },
	{ CKK_SHA384_HMAC, J11_HASH_SHA384 },
	{ CKK_SHA512_HMAC, J11_HASH_SHA512 },
};

static bool is_there(CK_RV rv)
{
	return rv == CKR_OK || rv == CKR_ATTRIBUTE_TYPE_INVALID || rv == CKR_ATTRIBUTE_SENSITIVE || rv == CKR_BUFFER_TOO_SMALL;
}

enum jwk11_rc j11_mac_read(struct jwk11_token *token, CK_SESSION_HANDLE session, const struct j11_object *obj, struct j11_mac *ret_mac,
	struct jwk11_err *err)
{
	struct j11_mac mac = { .type = obj->has_key_type ? obj->key_type : J11_CK_ABSENT, .may_sign = (obj->yes & J11_SAYS_SIGN) != 0 };
	CK_BBOOL verify = CK_FALSE;
	CK_ULONG len = 0;
	CK_ATTRIBUTE t[] = {
		{ CKA_VERIFY, &verify, sizeof(verify) },
		{ CKA_VALUE_LEN, &len, sizeof(len) },
		{ CKA_CHECK_VALUE, mac.check, sizeof(mac.check) },
	};
	CK_RV rv = token->fl->C_GetAttributeValue(session, obj->handle, t, J11_COUNT(t));

	if (!is_there(rv))
		return j11_token_failed(token, rv, "C_GetAttributeValue", err);
	mac.may_verify = t[0].ulValueLen == sizeof(verify) && verify != CK_FALSE;
	if (t[1].ulValueLen == sizeof(len) && len != J11_CK_ABSENT)
		mac.len = len;
	if (t[2].ulValueLen <= sizeof(mac.check))
		mac.check_len = t[2].ulValueLen;
	*ret_mac = mac;
	return JWK11_OK;
}

static bool takes_hash(const struct j11_mac *mac, enum j11_hash hash)
{
	for (size_t i = 0; i < J11_COUNT(types); i++)
		if (types[i].type == mac->type)
			return types[i].hash == J11_HASH_NONE || types[i].hash == hash;
	return false;
}

static bool fits(const struct j11_mac *mac, const struct j11_alg *alg)
{
	return alg->scheme == J11_SCHEME_HMAC && takes_hash(mac, alg->hash) && (mac->len == 0 || mac->len >= j11_hash_len(alg->hash));
}

const struct j11_alg *j11_mac_default(const struct j11_mac *mac)
{
	for (size_t i = 0; j11_alg_at(i) != NULL; i++)
		if (fits(mac, j11_alg_at(i)))
			return j11_alg_at(i);
	return NULL;
}

static bool allows_one(const struct j11_mac *mac, j11_mech_set allowed)
{
	for (size_t i = 0; j11_alg_at(i) != NULL; i++)
		if (fits(mac, j11_alg_at(i)) && j11_mech_can(allowed, j11_alg_at(i)))
			return true;
	return false;
}

const char *j11_mac_problem(const struct j11_mac *mac, j11_mech_set allowed)
{
	struct j11_mac longer = { .type = mac->type };

	if (j11_mac_default(&longer) == NULL)
		return "it is no key for HMAC";
	if (j11_mac_default(mac) == NULL)
		return "it is shorter than the hash (RFC 7518 section 3.2)";
	if (!allows_one(mac, allowed))
		return "its CKA_ALLOWED_MECHANISMS has none that makes MACs with it";
	return mac->may_sign || mac->may_verify ? NULL : "the token lets it neither sign nor verify (CKA_SIGN, CKA_VERIFY)";
}

enum jwk11_rc j11_mac_fits(const struct j11_mac *mac, const struct j11_alg *alg, struct jwk11_err *err)
{
	struct jwk11_buf list = J11_BUF(JWK11_HINT_MAX - 40);

	if (fits(mac, alg))
		return JWK11_OK;
	if (alg->scheme == J11_SCHEME_HMAC && takes_hash(mac, alg->hash))
		j11_err_set(err, JWK11_ERR_MISMATCH, J11_CODE_ALG_MISMATCH, "%s needs a key of %zu octets or more, this one has %zu", alg->name,
			j11_hash_len(alg->hash), mac->len);
	else
		j11_err_set(err, JWK11_ERR_MISMATCH, J11_CODE_ALG_MISMATCH, "algorithm %s does not fit this secret key", alg->name);
	for (size_t i = 0; j11_alg_at(i) != NULL; i++)
		if (fits(mac, j11_alg_at(i)))
			j11_buf_add_fmt(&list, "%s%s", list.len ? ", " : "", j11_alg_at(i)->name);
	j11_err_hint(err, "this key can do %s", jwk11_buf_data(&list));
	j11_buf_done(&list);
	return JWK11_ERR_MISMATCH;
}

bool j11_mac_equal(const struct j11_mac *a, const struct j11_mac *b)
{
	return a->type == b->type && a->len == b->len && a->check_len == b->check_len && memcmp(a->check, b->check, a->check_len) == 0;
}

static CK_RV compare(struct jwk11_token *token, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE handle, struct j11_mech *mech, struct jwk11_view sig,
	bool *ret_differs)
{
	unsigned char again[J11_HASH_MAX] = { 0 };
	CK_ULONG len = sizeof(again);
	CK_RV rv = token->fl->C_SignInit(session, &mech->mechanism, handle);

	if (rv == CKR_OK)
		rv = token->fl->C_Sign(session, (CK_BYTE_PTR)mech->data.data, mech->data.len, again, &len);
	*ret_differs = len != sig.len || CRYPTO_memcmp(again, sig.data, len) != 0;
	return rv;
}

/* NSS answers CKR_DEVICE_ERROR to a MAC that is wrong. If the token can make the MAC it is well, and the MAC tells; if not, the code stands. */
static CK_RV ask_again(struct jwk11_token *token, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE handle, struct j11_mech *mech, struct jwk11_view sig,
	CK_RV rv, bool *ret_differs)
{
	bool differs = false;

	if (compare(token, session, handle, mech, sig, &differs) != CKR_OK || !differs)
		return rv;
	*ret_differs = true;
	return CKR_OK;
}

CK_RV j11_mac_check(struct jwk11_token *token, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE handle, struct j11_mech *mech,
	const struct j11_mac *mac, struct jwk11_view sig, bool *ret_differs)
{
	CK_RV rv;

	*ret_differs = false;
	if (!mac->may_verify)
		return compare(token, session, handle, mech, sig, ret_differs);
	rv = token->fl->C_VerifyInit(session, &mech->mechanism, handle);
	if (rv != CKR_OK)
		return rv;
	rv = token->fl->C_Verify(session, (CK_BYTE_PTR)mech->data.data, mech->data.len, (CK_BYTE_PTR)sig.data, sig.len);
	*ret_differs = rv == CKR_SIGNATURE_INVALID || rv == CKR_SIGNATURE_LEN_RANGE;
	if (rv == CKR_OK || *ret_differs)
		return CKR_OK;
	return mac->may_sign ? ask_again(token, session, handle, mech, sig, rv, ret_differs) : rv;
}
