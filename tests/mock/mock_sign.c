/* SPDX-License-Identifier: Apache-2.0 */
/* Mechanisms, signatures that verify, and MACs verified. */
#include "mock.h"

#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/hmac.h>
#include <openssl/rsa.h>
#include <string.h>

enum scheme { PKCS1, PSS, RAW_RSA, ECDSA, EDDSA, HMAC_, MLDSA };

static const struct mech {
	CK_MECHANISM_TYPE type;
	enum mock_kind kind;
	enum scheme scheme;
	const EVP_MD *(*md)(void); /* NULL: the input is signed as it comes */
} mechs[] = {
	{ CKM_RSA_PKCS, MOCK_RSA, PKCS1, NULL },
	{ CKM_SHA256_RSA_PKCS, MOCK_RSA, PKCS1, EVP_sha256 },
	{ CKM_SHA384_RSA_PKCS, MOCK_RSA, PKCS1, EVP_sha384 },
	{ CKM_SHA512_RSA_PKCS, MOCK_RSA, PKCS1, EVP_sha512 },
	{ CKM_RSA_PKCS_PSS, MOCK_RSA, PSS, NULL },
	{ CKM_SHA256_RSA_PKCS_PSS, MOCK_RSA, PSS, EVP_sha256 },
	{ CKM_SHA384_RSA_PKCS_PSS, MOCK_RSA, PSS, EVP_sha384 },
	{ CKM_SHA512_RSA_PKCS_PSS, MOCK_RSA, PSS, EVP_sha512 },
	{ CKM_RSA_X_509, MOCK_RSA, RAW_RSA, NULL },
	{ CKM_ECDSA, MOCK_EC, ECDSA, NULL },
	{ CKM_ECDSA_SHA256, MOCK_EC, ECDSA, EVP_sha256 },
	{ CKM_ECDSA_SHA384, MOCK_EC, ECDSA, EVP_sha384 },
	{ CKM_ECDSA_SHA512, MOCK_EC, ECDSA, EVP_sha512 },
	{ MOCK_CKM_EDDSA, MOCK_EDWARDS, EDDSA, NULL },
	{ CKM_SHA256_HMAC, MOCK_SECRET, HMAC_, EVP_sha256 },
	{ CKM_SHA384_HMAC, MOCK_SECRET, HMAC_, EVP_sha384 },
	{ CKM_SHA512_HMAC, MOCK_SECRET, HMAC_, EVP_sha512 },
	{ MOCK_CKM_ML_DSA, MOCK_MLDSA, MLDSA, NULL },
};

enum { MAX_SIG = 8192 };

static const struct mech *mech_of(CK_MECHANISM_TYPE type)
{
	for (size_t i = 0; i < MOCK_COUNT(mechs); i++)
		if (mechs[i].type == type)
			return &mechs[i];
	return NULL;
}

bool mock_mechanism_known(CK_MECHANISM_TYPE type)
{
	return mech_of(type) != NULL || mock_decrypt_flag(type) != 0;
}

CK_MECHANISM_TYPE mock_mechanism_at(size_t i)
{
	return i < MOCK_COUNT(mechs) ? mechs[i].type : mock_decrypt_at(i - MOCK_COUNT(mechs));
}

bool mock_mechanism_offered(const struct mock_token *t, CK_MECHANISM_TYPE type)
{
	for (size_t i = 0; t->mechanisms != NULL && i < t->n_mechanisms; i++)
		if (t->mechanisms[i] == type)
			return mock_mechanism_known(type);
	return t->mechanisms == NULL && mock_mechanism_known(type);
}

/* CKA_ALLOWED_MECHANISMS: absent and empty allow everything. */
bool mock_mechanism_allowed(const struct mock_object *o, CK_MECHANISM_TYPE type)
{
	const struct mock_attr *a = mock_attr_find(o, CKA_ALLOWED_MECHANISMS);
	size_t n = a && a->how == MOCK_GIVEN ? a->value.len / sizeof(CK_MECHANISM_TYPE) : 0;

	for (size_t i = 0; i < n; i++) {
		CK_MECHANISM_TYPE one;

		memcpy(&one, a->value.data + i * sizeof(one), sizeof(one));
		if (one == type)
			return true;
	}
	return n == 0;
}

/* PKCS#11 3.0 2.3.14: CK_EDDSA_PARAMS, which Ed448 must have and plain Ed25519 must not. */
static CK_RV take_eddsa(const struct mock_key *key, const CK_MECHANISM *mechanism)
{
	struct {
		CK_BBOOL ph;
		CK_ULONG context_len;
		CK_BYTE *context;
	} params;

	if (strcmp(key->type->openssl, "ED448") != 0)
		return mechanism->ulParameterLen == 0 ? CKR_OK : CKR_MECHANISM_PARAM_INVALID;
	if (mechanism->pParameter == NULL || mechanism->ulParameterLen != sizeof(params))
		return CKR_MECHANISM_PARAM_INVALID;
	memcpy(&params, mechanism->pParameter, sizeof(params));
	return params.ph == CK_FALSE && params.context_len == 0 ? CKR_OK : CKR_MECHANISM_PARAM_INVALID;
}

static CK_RV take_parameter(struct mock_session *s, const struct mech *m, const CK_MECHANISM *mechanism)
{
	if (m->scheme == EDDSA)
		return take_eddsa(s->object->key, mechanism);
	if (m->scheme != PSS)
		return mechanism->ulParameterLen == 0 ? CKR_OK : CKR_MECHANISM_PARAM_INVALID;
	if (mechanism->pParameter == NULL || mechanism->ulParameterLen != sizeof(s->pss))
		return CKR_MECHANISM_PARAM_INVALID;
	memcpy(&s->pss, mechanism->pParameter, sizeof(s->pss));
	return CKR_OK;
}

/* What C_SignInit and C_VerifyInit have in common. */
static CK_RV begin(struct mock_session *s, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE handle, CK_ATTRIBUTE_TYPE usage, bool *ret_active)
{
	struct mock_token *t = mock_token_at(s->slot);
	const struct mech *m = mech_of(mechanism->mechanism);
	const struct mock_object *o = t ? mock_object_find(t, handle) : NULL;
	CK_RV rv;

	if (*ret_active)
		return CKR_OPERATION_ACTIVE;
	if (o == NULL || (o->class != CKO_PRIVATE_KEY && o->class != CKO_SECRET_KEY))
		return CKR_KEY_HANDLE_INVALID;
	if (!t->logged_in && (t->info.flags & CKF_LOGIN_REQUIRED) && mock_attr_is_true(o, CKA_PRIVATE))
		return CKR_USER_NOT_LOGGED_IN;
	if (m == NULL || !mock_mechanism_offered(t, m->type) || !mock_mechanism_allowed(o, m->type))
		return CKR_MECHANISM_INVALID;
	if (m->kind != o->key->type->kind)
		return CKR_KEY_TYPE_INCONSISTENT;
	if (!mock_attr_is_true(o, usage))
		return CKR_KEY_FUNCTION_NOT_PERMITTED;
	s->object = o;
	rv = take_parameter(s, m, mechanism);
	*ret_active = rv == CKR_OK;
	s->context_login = false;
	s->mechanism = m->type;
	return rv;
}

CK_RV mock_SignInit(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE handle)
{
	struct mock_session *s = mock_session_find(session);

	return s ? begin(s, mechanism, handle, CKA_SIGN, &s->signing) : CKR_SESSION_HANDLE_INVALID;
}

/* Public keys verify in software; the mock leaves it at secret ones. */
CK_RV mock_VerifyInit(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE handle)
{
	struct mock_session *s = mock_session_find(session);
	const struct mech *m = mech_of(mechanism->mechanism);

	if (s != NULL && m != NULL && m->scheme != HMAC_)
		return CKR_FUNCTION_NOT_SUPPORTED;
	return s ? begin(s, mechanism, handle, CKA_VERIFY, &s->verifying) : CKR_SESSION_HANDLE_INVALID;
}

static const EVP_MD *pss_md(CK_MECHANISM_TYPE hash)
{
	return hash == CKM_SHA256 ? EVP_sha256() : hash == CKM_SHA384 ? EVP_sha384() : hash == CKM_SHA512 ? EVP_sha512() : NULL;
}

static bool set_padding(EVP_PKEY_CTX *ctx, const struct mech *m, const struct mock_session *s)
{
	if (m->scheme == ECDSA)
		return true;
	if (m->scheme != PSS)
		return EVP_PKEY_CTX_set_rsa_padding(ctx, m->scheme == PKCS1 ? RSA_PKCS1_PADDING : RSA_NO_PADDING) == 1;
	return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) == 1 && EVP_PKEY_CTX_set_signature_md(ctx, pss_md(s->pss.hashAlg)) == 1 &&
		EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, pss_md(s->pss.hashAlg)) == 1 && EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, (int)s->pss.sLen) == 1;
}

/* RSA and ECDSA: the digest, or the input as it came, through the private key. */
static bool sign_short(const struct mech *m, const struct mock_session *s, struct mock_bytes in, unsigned char *sig, size_t *len)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(s->object->key->pkey, NULL);
	bool ok = ctx != NULL && EVP_PKEY_sign_init(ctx) == 1 && set_padding(ctx, m, s);

	if (ok && m->md != NULL) {
		ok = EVP_Digest(in.data, in.len, digest, &n, m->md(), NULL) == 1;
		in = (struct mock_bytes){ digest, n };
		ok = ok && (m->scheme != PKCS1 || EVP_PKEY_CTX_set_signature_md(ctx, m->md()) == 1);
	}
	ok = ok && EVP_PKEY_sign(ctx, sig, len, in.data, in.len) == 1;
	EVP_PKEY_CTX_free(ctx);
	return ok;
}

static bool sign_message(EVP_PKEY *pkey, struct mock_bytes in, unsigned char *sig, size_t *len)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool ok = ctx != NULL && EVP_DigestSignInit(ctx, NULL, NULL, NULL, pkey) == 1 && EVP_DigestSign(ctx, sig, len, in.data, in.len) == 1;

	EVP_MD_CTX_free(ctx);
	return ok;
}

/* libcrypto's DER as r and s at full width. */
static bool to_raw(size_t half, unsigned char *sig, size_t *len)
{
	const unsigned char *p = sig;
	ECDSA_SIG *parsed = d2i_ECDSA_SIG(NULL, &p, (long)*len);
	bool ok = parsed != NULL && BN_bn2binpad(ECDSA_SIG_get0_r(parsed), sig, (int)half) > 0 &&
		BN_bn2binpad(ECDSA_SIG_get0_s(parsed), sig + half, (int)half) > 0;

	ECDSA_SIG_free(parsed);
	*len = 2 * half;
	return ok;
}

static bool sign(const struct mock_session *s, const struct mock_call *call, struct mock_bytes in, unsigned char sig[MAX_SIG], size_t *len)
{
	const struct mech *m = mech_of(s->mechanism);
	const struct mock_key *key = s->object->key;
	unsigned n = 0;
	bool ok;

	switch (m->scheme) {
	case EDDSA:
		return sign_message(key->pkey, in, sig, len);
	case HMAC_:
		ok = HMAC(m->md(), key->value.data, (int)key->value.len, in.data, in.len, sig, &n) != NULL;
		*len = n;
		return ok;
	case MLDSA:
		*len = key->answer.len < MAX_SIG ? key->answer.len : MAX_SIG;
		memcpy(sig, key->answer.data, *len);
		return true;
	case ECDSA:
		return sign_short(m, s, in, sig, len) && (call->der || to_raw(key->type->size, sig, len));
	default:
		return sign_short(m, s, in, sig, len);
	}
}

/* Octets a caller must have room for. */
static size_t room_for(const struct mock_session *s)
{
	const struct mech *m = mech_of(s->mechanism);
	const struct mock_key *key = s->object->key;

	if (m->scheme == HMAC_)
		return (size_t)EVP_MD_get_size(m->md());
	return m->scheme == MLDSA ? key->answer.len : m->scheme == ECDSA ? 2 * (size_t)key->type->size : (size_t)EVP_PKEY_get_size(key->pkey);
}

CK_RV mock_Sign(CK_SESSION_HANDLE session, CK_BYTE *data, CK_ULONG data_len, CK_BYTE *sig, CK_ULONG *sig_len, const struct mock_call *call)
{
	struct mock_session *s = mock_session_find(session);
	unsigned char room[MAX_SIG];
	size_t len = sizeof(room), given;

	if (s == NULL)
		return CKR_SESSION_HANDLE_INVALID;
	if (!s->signing)
		return CKR_OPERATION_NOT_INITIALIZED;
	given = *sig_len;
	if (sig == NULL || given < room_for(s)) {
		*sig_len = room_for(s);
		return sig == NULL ? CKR_OK : CKR_BUFFER_TOO_SMALL;
	}
	s->signing = false;
	if (mock_attr_is_true(s->object, CKA_ALWAYS_AUTHENTICATE) && !s->context_login)
		return CKR_USER_NOT_LOGGED_IN;
	if (!sign(s, call, (struct mock_bytes){ data, data_len }, room, &len)) {
		ERR_clear_error();
		return CKR_DATA_LEN_RANGE;
	}
	if (call->flip)
		room[len / 2] ^= 0x10;
	memcpy(sig, room, len < given ? len : given);
	*sig_len = call->lie ? call->length : len;
	return CKR_OK;
}

CK_RV mock_Verify(CK_SESSION_HANDLE session, CK_BYTE *data, CK_ULONG data_len, CK_BYTE *sig, CK_ULONG sig_len, const struct mock_call *call)
{
	struct mock_session *s = mock_session_find(session);
	unsigned char room[MAX_SIG];
	size_t len = sizeof(room);

	if (s == NULL)
		return CKR_SESSION_HANDLE_INVALID;
	if (!s->verifying)
		return CKR_OPERATION_NOT_INITIALIZED;
	s->verifying = false;
	if (!sign(s, call, (struct mock_bytes){ data, data_len }, room, &len))
		return CKR_DATA_LEN_RANGE;
	if (sig_len != len)
		return CKR_SIGNATURE_LEN_RANGE;
	return memcmp(room, sig, len) == 0 ? CKR_OK : CKR_SIGNATURE_INVALID;
}
