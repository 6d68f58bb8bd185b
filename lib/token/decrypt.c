/* SPDX-License-Identifier: Apache-2.0 */
/* JWE with the key on a token: C_Decrypt for RSA-OAEP, C_DeriveKey for ECDH-ES. The token does the step that needs the private key; all that
 * comes after it is libcrypto's. */
#include "key.h"

#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "jose/jwe.h"
#include "jose/jwe_make.h"
#include "run.h"
#include "use.h"

enum { MAX_MODULUS = J11_RSA_MAX_BITS / 8, MAX_POINT = 1 + 2 * J11_KEYMAT_MAX };

/* ---- RSA-OAEP ---- */

struct unpadding {
	CK_MECHANISM mechanism;
	CK_RSA_PKCS_OAEP_PARAMS oaep;
	struct jwk11_view key;
	bool good;
	size_t len;
	unsigned char octets[MAX_MODULUS];
};

/* What C_Decrypt may say without having looked at the padding. Everything else, vague codes too (SoftHSM: CKR_GENERAL_ERROR), is a padding
 * that was not right: to treat it otherwise would tell the sender (RFC 7516 11.5, RFC 8017 7.1.2). A token that is really gone says so at the
 * next C_DecryptInit. */
static bool is_about_the_token(CK_RV rv)
{
	static const CK_RV codes[] = { CKR_SESSION_HANDLE_INVALID, CKR_SESSION_CLOSED, CKR_DEVICE_REMOVED, CKR_TOKEN_NOT_PRESENT,
		CKR_USER_NOT_LOGGED_IN, CKR_CRYPTOKI_NOT_INITIALIZED, CKR_KEY_HANDLE_INVALID, CKR_OPERATION_NOT_INITIALIZED, CKR_HOST_MEMORY,
		CKR_DEVICE_MEMORY, CKR_MECHANISM_INVALID, CKR_MECHANISM_PARAM_INVALID, CKR_KEY_FUNCTION_NOT_PERMITTED, CKR_FUNCTION_NOT_SUPPORTED };

	for (size_t i = 0; i < J11_COUNT(codes); i++)
		if (rv == codes[i])
			return true;
	return false;
}

static CK_RV unpad_once(struct j11_try *t, void *arg)
{
	CK_FUNCTION_LIST *fl = t->token->fl;
	struct unpadding *u = arg;
	CK_ULONG len = sizeof(u->octets);
	CK_RV rv = fl->C_DecryptInit(t->session, &u->mechanism, t->handle);

	if (rv == CKR_OK)
		rv = j11_run_login(t);
	if (rv != CKR_OK)
		return rv;
	rv = fl->C_Decrypt(t->session, (CK_BYTE_PTR)u->key.data, u->key.len, u->octets, &len);
	if (rv != CKR_OK && is_about_the_token(rv))
		return rv;
	u->good = rv == CKR_OK;
	u->len = len;
	return CKR_OK;
}

/* PKCS#11 2.1.8: an empty label is said by CKZ_DATA_SPECIFIED without data. */
static void set_oaep(struct unpadding *u, const struct j11_kma *kma)
{
	u->oaep.hashAlg = kma->sha256 ? CKM_SHA256 : CKM_SHA_1;
	u->oaep.mgf = kma->sha256 ? CKG_MGF1_SHA256 : CKG_MGF1_SHA1;
	u->oaep.source = CKZ_DATA_SPECIFIED;
	u->mechanism = (CK_MECHANISM){ CKM_RSA_PKCS_OAEP, &u->oaep, sizeof(u->oaep) };
}

/* What came of the encrypted key. One of another length than the modulus never reaches the token. */
enum padding { NOT_ASKED, PADDING_WRONG, PADDING_RIGHT };

static enum jwk11_rc cek_by_rsa(struct jwk11_key *key, const struct j11_jwe *jwe, const struct j11_jwe_recipient *r, struct j11_keymat *ret_cek,
	enum padding *ret_padding, struct jwk11_err *err)
{
	struct unpadding u = { .key = j11_buf_view(&r->key) };
	struct j11_run run = { unpad_once, &u, "C_Decrypt", "decrypt with" };
	enum jwk11_rc rc = JWK11_OK;

	set_oaep(&u, r->kma);
	*ret_padding = NOT_ASKED;
	if (u.key.len == key->pub->n.len) {
		rc = j11_run_key(key, &run, err);
		*ret_padding = (enum padding)(PADDING_WRONG + u.good);
	}
	if (rc == JWK11_ERR_UNSUPPORTED)
		j11_err_hint(err, r->kma->sha256 ? "this token's OAEP may take SHA-1 only; use alg = RSA-OAEP" : "another token, or an EC key with ECDH-ES");
	if (rc == JWK11_OK)
		rc = j11_jwe_cek_unpadded(jwe, u.good, u.octets, u.len, ret_cek, err);
	j11_mem_wipe(&u, sizeof(u));
	return rc;
}

/* Modules take another time over a wrong padding than over a right one (SoftHSM writes to syslog), and no code after them can hide that. So
 * a message that is refused costs both, one after the other: the padding it did not have is that of a key made here. Whoever sends good
 * messages does not pay for it. What comes of it does not matter. */
static void even_out(struct jwk11_key *key, const struct j11_kma *kma, enum padding had)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf made = J11_BUF(MAX_MODULUS);
	J11_AUTO(j11_keymat_wipe) struct j11_keymat cek = { .len = 0 };
	struct unpadding u = { .good = false };
	struct j11_run run = { unpad_once, &u, "C_Decrypt", "decrypt with" };
	enum jwk11_rc rc = j11_keymat_random(&cek, 32, NULL);

	if (rc == JWK11_OK)
		rc = j11_jwe_encrypt_key(key->pub, kma, &cek, &made, NULL);
	if (rc == JWK11_OK) {
		made.data[made.len - 1] = (char)(made.data[made.len - 1] ^ (had == PADDING_RIGHT));
		set_oaep(&u, kma);
		u.key = j11_buf_view(&made);
		rc = j11_run_key(key, &run, NULL);
	}
	j11_mem_wipe(&u, sizeof(u));
}

/* ---- ECDH-ES ---- */

struct agreeing {
	const struct jwk11_pub *epk;
	struct j11_keymat z;
	bool kept; /* the token keeps the secret to itself */
};

static size_t raw_point(const struct jwk11_pub *pub, unsigned char out[MAX_POINT])
{
	size_t at = 0;

	if (pub->kty == J11_KTY_EC)
		out[at++] = 0x04;
	memcpy(out + at, pub->x.data, pub->x.len);
	if (pub->kty == J11_KTY_EC)
		memcpy(out + at + pub->x.len, pub->y.data, pub->y.len);
	return at + pub->x.len + pub->y.len;
}

/* The same in a DER OCTET STRING. */
static size_t der_point(const unsigned char *raw, size_t len, unsigned char out[MAX_POINT + 3])
{
	size_t at = 0;

	out[at++] = 0x04;
	if (len > 127)
		out[at++] = 0x81;
	out[at++] = (unsigned char)len;
	memcpy(out + at, raw, len);
	return at + len;
}

/* PKCS#11 2.3.18: the x-coordinate as a session object that may be read, because the KDF of JOSE is none of PKCS#11's. CKA_VALUE_LEN:
 * SoftHSM insists. */
static CK_RV derive(const struct j11_try *t, unsigned char *point, size_t len, size_t z_len, CK_OBJECT_HANDLE *ret_secret)
{
	CK_ECDH1_DERIVE_PARAMS params = { CKD_NULL, 0, NULL, len, point };
	CK_MECHANISM mechanism = { CKM_ECDH1_DERIVE, &params, sizeof(params) };
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_KEY_TYPE type = CKK_GENERIC_SECRET;
	CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
	CK_ULONG value_len = z_len;
	CK_ATTRIBUTE template[] = {
		{ CKA_CLASS, &class, sizeof(class) },
		{ CKA_KEY_TYPE, &type, sizeof(type) },
		{ CKA_TOKEN, &no, sizeof(no) },
		{ CKA_SENSITIVE, &no, sizeof(no) },
		{ CKA_EXTRACTABLE, &yes, sizeof(yes) },
		{ CKA_VALUE_LEN, &value_len, sizeof(value_len) },
	};

	return t->token->fl->C_DeriveKey(t->session, &mechanism, t->handle, template, J11_COUNT(template), ret_secret);
}

/* Full width again, should a token drop leading zeros; anything longer is no x-coordinate. */
static bool widen(struct j11_keymat *z, size_t len, size_t want)
{
	if (len > want)
		return false;
	memmove(z->octets + want - len, z->octets, len);
	memset(z->octets, 0, want - len);
	z->len = want;
	return true;
}

static CK_RV take(const struct j11_try *t, CK_OBJECT_HANDLE secret, struct agreeing *a)
{
	CK_ATTRIBUTE value = { CKA_VALUE, a->z.octets, sizeof(a->z.octets) };
	CK_RV rv = t->token->fl->C_GetAttributeValue(t->session, secret, &value, 1);

	a->kept = rv == CKR_ATTRIBUTE_SENSITIVE || rv == CKR_ATTRIBUTE_TYPE_INVALID;
	if (rv == CKR_OK && (value.ulValueLen == J11_CK_ABSENT || !widen(&a->z, value.ulValueLen, a->epk->curve->coord_len)))
		return CKR_DATA_LEN_RANGE;
	return a->kept ? CKR_OK : rv;
}

/* The raw point first, DER second: tokens want one or the other (PKCS#11 says raw, 3.0 allows both). */
static CK_RV derive_either(const struct j11_try *t, const struct agreeing *a, CK_OBJECT_HANDLE *ret_secret)
{
	unsigned char raw[MAX_POINT], der[MAX_POINT + 3];
	size_t len = raw_point(a->epk, raw), z_len = a->epk->curve->coord_len;
	CK_RV rv = derive(t, raw, len, z_len, ret_secret);

	if (rv == CKR_ARGUMENTS_BAD || rv == CKR_MECHANISM_PARAM_INVALID || rv == CKR_DATA_INVALID || rv == CKR_DATA_LEN_RANGE ||
		rv == CKR_DOMAIN_PARAMS_INVALID || rv == CKR_GENERAL_ERROR || rv == CKR_FUNCTION_FAILED)
		rv = derive(t, der, der_point(raw, len, der), z_len, ret_secret);
	return rv;
}

/* There is no C_DeriveKeyInit: the PIN of a key that wants it each time goes in front, and only when the token says that it is missing. */
static CK_RV agree_once(struct j11_try *t, void *arg)
{
	struct agreeing *a = arg;
	CK_OBJECT_HANDLE secret = 0;
	CK_RV rv = derive_either(t, a, &secret);

	if (rv == CKR_USER_NOT_LOGGED_IN && t->key->wants_pin) {
		rv = j11_run_login(t);
		if (rv == CKR_OK)
			rv = derive_either(t, a, &secret);
	}
	a->kept = rv == CKR_TEMPLATE_INCONSISTENT || rv == CKR_ATTRIBUTE_VALUE_INVALID;
	if (rv != CKR_OK)
		return a->kept ? CKR_OK : rv;
	rv = take(t, secret, a);
	t->token->fl->C_DestroyObject(t->session, secret);
	return rv;
}

/* RFC 7748 6.1: a peer's point of small order makes X25519 and X448 give zero, whatever the key. */
static bool is_zero(const struct j11_keymat *z)
{
	unsigned char any = 0;

	for (size_t i = 0; i < z->len; i++)
		any |= z->octets[i];
	return any == 0;
}

static enum jwk11_rc cek_by_agreement(struct jwk11_key *key, const struct j11_jwe *jwe, const struct j11_jwe_recipient *r,
	struct j11_keymat *ret_cek, struct jwk11_err *err)
{
	struct agreeing a = { .epk = r->epk };
	struct j11_run run = { agree_once, &a, "C_DeriveKey", "agree on a key with" };
	enum jwk11_rc rc = j11_run_key(key, &run, err);

	if (rc == JWK11_OK && a.kept)
		rc = j11_err_set(err, JWK11_ERR_UNSUPPORTED, J11_CODE_UNSUPPORTED, "token \"%s\" does not let the agreed secret out, which ECDH-ES needs",
			key->token->info.label);
	if (rc == JWK11_OK && is_zero(&a.z))
		rc = j11_enc_failed(err);
	if (rc == JWK11_OK)
		rc = j11_jwe_cek_agreed(jwe, r, &a.z, ret_cek, err);
	j11_mem_wipe(&a, sizeof(a));
	return rc;
}

/* ---- both ---- */

static enum jwk11_rc check_request(struct jwk11_key *key, const char *name, const struct j11_kma **ret_kma, struct jwk11_err *err)
{
	const struct j11_kma *kma;
	enum jwk11_rc rc = j11_p11_check(key->token->ctx, err);

	if (rc == JWK11_OK)
		rc = jwk11_key_check(key, err);
	if (rc != JWK11_OK)
		return rc;
	if (key->use != JWK11_USE_ENC)
		return j11_err_set(err, JWK11_ERR_MISMATCH, J11_CODE_ALG_MISMATCH, "key \"%s\" is for signing", key->label);
	kma = name ? j11_kma_find(j11_view_str(name)) : j11_kma_default(key->pub);
	if (kma == NULL)
		return j11_kma_unknown("", err);
	rc = j11_kma_fits(key->pub, kma, err);
	if (rc == JWK11_OK && j11_use_can(key->token->enc_mechanisms, kma) && !j11_use_can(key->mechanisms, kma))
		rc = j11_err_set(err, JWK11_ERR_UNSUPPORTED, J11_CODE_UNSUPPORTED, "key \"%s\" does not allow %s (CKA_ALLOWED_MECHANISMS)", key->label, kma->name);
	if (rc == JWK11_OK && !j11_use_can(key->mechanisms, kma))
		rc = j11_err_set(err, JWK11_ERR_UNSUPPORTED, J11_CODE_UNSUPPORTED, "the token offers no mechanism for %s", kma->name);
	*ret_kma = kma;
	return rc;
}

enum jwk11_rc jwk11_key_decrypt(struct jwk11_key *key, const char *alg, const char *kid, struct jwk11_view text, struct jwk11_buf *ret_plaintext,
	struct jwk11_err *err)
{
	J11_AUTO(j11_jwe_done_auto) struct j11_jwe jwe = { 0 };
	J11_AUTO(j11_keymat_wipe) struct j11_keymat cek = { .len = 0 };
	const struct j11_jwe_recipient *r = NULL;
	const struct j11_kma *kma = NULL;
	enum padding padding = NOT_ASKED;
	enum jwk11_rc rc = check_request(key, alg, &kma, err);

	if (rc == JWK11_OK)
		rc = j11_jwe_parse(text, &jwe, err);
	if (rc == JWK11_OK)
		rc = j11_jwe_choose(&jwe, key->pub, kma, kid, &r, err);
	if (rc == JWK11_OK)
		rc = kma->way == J11_KMA_OAEP ? cek_by_rsa(key, &jwe, r, &cek, &padding, err) : cek_by_agreement(key, &jwe, r, &cek, err);
	if (rc == JWK11_OK)
		rc = j11_jwe_open(&jwe, &cek, ret_plaintext, err);
	if (rc == JWK11_ERR_SIGNATURE && padding != NOT_ASKED)
		even_out(key, kma, padding);
	return rc;
}
