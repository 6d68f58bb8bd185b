/* SPDX-License-Identifier: Apache-2.0 */
/* Initialising a token and generating keys on it. */
#include "provision.h"

#include <openssl/rand.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "key.h"
#include "kind.h"
#include "made.h"
#include "uri.h"

enum { MAX_SLOTS = 256, ID_LEN = J11_PROVISION_ID, TRIES = 3 };

static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;

/* The first slot whose token is not initialised. */
static enum jwk11_rc free_slot(const struct j11_module *m, CK_SLOT_ID *ret_slot, struct jwk11_err *err)
{
	CK_SLOT_ID slots[MAX_SLOTS];
	CK_ULONG n = MAX_SLOTS;
	CK_TOKEN_INFO info;
	CK_RV rv = m->fl->C_GetSlotList(CK_TRUE, slots, &n);

	for (CK_ULONG i = 0; rv == CKR_OK && i < n && i < MAX_SLOTS; i++) {
		if (m->fl->C_GetTokenInfo(slots[i], &info) == CKR_OK && (info.flags & CKF_TOKEN_INITIALIZED) == 0) {
			*ret_slot = slots[i];
			return JWK11_OK;
		}
	}
	return j11_err_set(err, JWK11_ERR_NOT_FOUND, J11_CODE_NOT_FOUND, "module \"%s\" has no uninitialised token", m->name);
}

/* C_InitPIN needs a read/write session of the security officer. */
static CK_RV init_pin(const struct j11_module *m, CK_SLOT_ID slot, struct jwk11_view so, struct jwk11_view user)
{
	CK_SESSION_HANDLE session;
	CK_RV rv = m->fl->C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session);

	if (rv != CKR_OK)
		return rv;
	rv = m->fl->C_Login(session, CKU_SO, (CK_UTF8CHAR_PTR)so.data, so.len);
	if (rv == CKR_OK) {
		rv = m->fl->C_InitPIN(session, (CK_UTF8CHAR_PTR)user.data, user.len);
		m->fl->C_Logout(session);
	}
	m->fl->C_CloseSession(session);
	return rv;
}

static bool count_one(const struct jwk11_token_info *info, void *arg)
{
	(void)info;
	++*(unsigned *)arg;
	return true;
}

enum jwk11_rc j11_provision_token(struct jwk11_context *ctx, const char *module, const char *label, const struct j11_secret *so_pin,
	const struct j11_secret *pin, struct jwk11_err *err)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf uri = J11_BUF(512);
	const struct j11_module *m = j11_p11_find(ctx, module);
	struct jwk11_view so = j11_secret_expose(so_pin);
	CK_UTF8CHAR padded[32];
	CK_SLOT_ID slot = 0;
	unsigned same = 0;
	enum jwk11_rc rc;
	CK_RV rv;

	if (m == NULL)
		return j11_err_set(err, JWK11_ERR_NOT_FOUND, J11_CODE_MODULE_UNKNOWN, "module \"%s\" is not loaded", module);
	if (strlen(label) > sizeof(padded) || label[0] == '\0')
		return j11_err_set(err, JWK11_ERR_LIMIT, J11_CODE_LIMIT, "a token label has 1 to 32 bytes");
	j11_buf_add_str(&uri, "pkcs11:");
	j11_uri_add(&uri, "token", j11_view_str(label), true);
	rc = jwk11_context_tokens(ctx, jwk11_buf_data(&uri), count_one, &same, err);
	if (rc == JWK11_OK && same > 0)
		rc = j11_err_set(err, JWK11_ERR_AMBIGUOUS, J11_CODE_TOKEN_AMBIGUOUS, "a token named \"%s\" exists", label);
	if (rc == JWK11_OK)
		rc = free_slot(m, &slot, err);
	if (rc != JWK11_OK)
		return rc;
	memset(padded, ' ', sizeof(padded));
	memcpy(padded, label, strlen(label));
	rv = m->fl->C_InitToken(slot, (CK_UTF8CHAR_PTR)so.data, so.len, padded);
	if (rv != CKR_OK)
		return j11_err_set_ckr(err, JWK11_ERR_DEVICE, J11_CODE_TOKEN_FAILED, rv, "token \"%s\": C_InitToken", label);
	rv = init_pin(m, slot, so, j11_secret_expose(pin));
	if (rv != CKR_OK)
		return j11_err_set_ckr(err, JWK11_ERR_DEVICE, J11_CODE_TOKEN_FAILED, rv, "token \"%s\": C_InitPIN", label);
	return JWK11_OK;
}

struct plan {
	CK_OBJECT_CLASS class;         /* of what signs */
	const struct j11_kind *kind;   /* of a pair */
	CK_ULONG bits;                 /* RSA */
	const struct j11_curve *curve; /* other pairs */
	CK_ULONG len;                  /* octets of a secret key */
};

/* The algorithm's curve; when it leaves the choice, the first that fits (EdDSA: Ed25519). */
static const struct j11_curve *curve_for(const struct j11_alg *alg)
{
	const struct j11_curve *curve = j11_curve_get(alg->crv);

	for (size_t i = 0; curve == NULL && j11_curve_at(i) != NULL; i++)
		if (j11_curve_at(i)->kty == alg->kty && j11_curve_at(i)->scheme == alg->scheme)
			curve = j11_curve_at(i);
	return curve;
}

static enum jwk11_rc plan(const char *alg_name, unsigned rsa_bits, struct plan *ret_plan, struct jwk11_err *err)
{
	const struct j11_alg *alg = j11_alg_find_str(alg_name);

	if (alg == NULL)
		return j11_alg_unknown("", err);
	if (alg->kty == J11_KTY_RSA && rsa_bits != 0 && (rsa_bits < J11_RSA_MIN_BITS || rsa_bits > J11_RSA_MAX_BITS))
		return j11_err_set(err, JWK11_ERR_UNSUPPORTED, J11_CODE_UNSUPPORTED, "RSA keys have %d to %d bits", J11_RSA_MIN_BITS, J11_RSA_MAX_BITS);
	ret_plan->class = alg->kty == J11_KTY_OCT ? CKO_SECRET_KEY : CKO_PRIVATE_KEY;
	ret_plan->len = j11_hash_len(alg->hash);
	ret_plan->bits = rsa_bits ? rsa_bits : J11_RSA_MIN_BITS;
	ret_plan->curve = curve_for(alg);
	ret_plan->kind = j11_kind_of(alg->kty, ret_plan->curve);
	if (ret_plan->class == CKO_PRIVATE_KEY && ret_plan->kind == NULL)
		return j11_err_set(err, JWK11_ERR_UNSUPPORTED, J11_CODE_UNSUPPORTED, "no key pair is made for %s", alg->name);
	return JWK11_OK;
}

/* Attributes that tokens refuse (tpm2-pkcs11, ykcs11, Entrust): each step leaves out more. What the key then is, is read back. */
enum { WITHOUT_NOTHING, WITHOUT_USES, WITHOUT_EXTRACTABLE, WITHOUT_PRIVATE, N_STEPS };
struct private_row {
	CK_ATTRIBUTE attribute;
	int until; /* the step from which it is left out */
};

static CK_ULONG keep_rows(const struct private_row *rows, size_t n, int step, CK_ATTRIBUTE *ret_template)
{
	CK_ULONG kept = 0;

	for (size_t i = 0; i < n; i++)
		if (step < rows[i].until)
			ret_template[kept++] = rows[i].attribute;
	return kept;
}

static bool is_about_template(CK_RV rv)
{
	return j11_made_is_about_attributes(rv) || rv == CKR_GENERAL_ERROR || rv == CKR_FUNCTION_FAILED; /* tpm2-pkcs11 says no more */
}

static CK_RV generate_pair_at(struct jwk11_token *token, CK_SESSION_HANDLE session, const struct plan *p, const char *label, unsigned char id[ID_LEN],
	int step, CK_OBJECT_HANDLE *pub, CK_OBJECT_HANDLE *priv)
{
	static CK_BYTE exponent[] = { 0x01, 0x00, 0x01 };
	CK_MECHANISM mechanism = { p->kind->generate, NULL, 0 };
	CK_ULONG bits = p->bits;
	const struct private_row public_rows[] = {
		{ { CKA_TOKEN, &yes, sizeof(yes) }, N_STEPS },
		{ { CKA_PRIVATE, &no, sizeof(no) }, WITHOUT_PRIVATE },
		{ { CKA_VERIFY, &yes, sizeof(yes) }, N_STEPS },
		{ { CKA_LABEL, (void *)label, strlen(label) }, N_STEPS },
		{ { CKA_ID, id, ID_LEN }, N_STEPS },
		{ { CKA_MODULUS_BITS, &bits, sizeof(bits) }, p->curve != NULL ? 0 : N_STEPS },
		{ { CKA_PUBLIC_EXPONENT, exponent, sizeof(exponent) }, p->curve != NULL ? 0 : N_STEPS },
		{ { CKA_EC_PARAMS, p->curve ? (void *)p->curve->oid : NULL, p->curve ? p->curve->oid_len : 0 }, p->curve != NULL ? N_STEPS : 0 },
	};
	const struct private_row private_rows[] = {
		{ { CKA_TOKEN, &yes, sizeof(yes) }, N_STEPS },
		{ { CKA_PRIVATE, &yes, sizeof(yes) }, WITHOUT_PRIVATE },
		{ { CKA_SENSITIVE, &yes, sizeof(yes) }, WITHOUT_PRIVATE },
		{ { CKA_EXTRACTABLE, &no, sizeof(no) }, WITHOUT_EXTRACTABLE },
		{ { CKA_SIGN, &yes, sizeof(yes) }, N_STEPS },
		{ { CKA_DECRYPT, &no, sizeof(no) }, WITHOUT_USES }, /* SoftHSM takes what is not said for true */
		{ { CKA_DERIVE, &no, sizeof(no) }, WITHOUT_USES },
		{ { CKA_UNWRAP, &no, sizeof(no) }, WITHOUT_USES },
		{ { CKA_LABEL, (void *)label, strlen(label) }, N_STEPS },
		{ { CKA_ID, id, ID_LEN }, N_STEPS },
	};
	CK_ATTRIBUTE public_half[J11_COUNT(public_rows)], private_half[J11_COUNT(private_rows)];
	CK_ULONG n_public = keep_rows(public_rows, J11_COUNT(public_rows), step, public_half);
	CK_ULONG n_private = keep_rows(private_rows, J11_COUNT(private_rows), step, private_half);

	return token->fl->C_GenerateKeyPair(session, &mechanism, public_half, n_public, private_half, n_private, pub, priv);
}

static CK_RV generate_pair(struct jwk11_token *token, CK_SESSION_HANDLE session, const struct plan *p, const char *label, unsigned char id[ID_LEN],
	CK_OBJECT_HANDLE *pub, CK_OBJECT_HANDLE *priv)
{
	CK_RV rv = CKR_TEMPLATE_INCONSISTENT;

	for (int step = WITHOUT_NOTHING; step < N_STEPS && is_about_template(rv); step++)
		rv = generate_pair_at(token, session, p, label, id, step, pub, priv);
	return rv;
}

static CK_RV generate_secret(struct jwk11_token *token, CK_SESSION_HANDLE session, const struct plan *p, const char *label,
	unsigned char id[ID_LEN], CK_OBJECT_HANDLE *secret)
{
	CK_MECHANISM mechanism = { CKM_GENERIC_SECRET_KEY_GEN, NULL, 0 };
	CK_KEY_TYPE type = CKK_GENERIC_SECRET;
	CK_ULONG len = p->len;
	CK_ATTRIBUTE template[] = {
		{ CKA_KEY_TYPE, &type, sizeof(type) },
		{ CKA_VALUE_LEN, &len, sizeof(len) },
		{ CKA_TOKEN, &yes, sizeof(yes) },
		{ CKA_PRIVATE, &yes, sizeof(yes) },
		{ CKA_SENSITIVE, &yes, sizeof(yes) },
		{ CKA_EXTRACTABLE, &no, sizeof(no) },
		{ CKA_SIGN, &yes, sizeof(yes) },
		{ CKA_VERIFY, &yes, sizeof(yes) },
		{ CKA_ENCRYPT, &no, sizeof(no) },
		{ CKA_DECRYPT, &no, sizeof(no) },
		{ CKA_WRAP, &no, sizeof(no) },
		{ CKA_UNWRAP, &no, sizeof(no) },
		{ CKA_DERIVE, &no, sizeof(no) },
		{ CKA_LABEL, (void *)label, strlen(label) },
		{ CKA_ID, id, ID_LEN },
	};

	return token->fl->C_GenerateKey(session, &mechanism, template, J11_COUNT(template), secret);
}

/* A public half that nobody can read (tpm2-pkcs11 and P-521) would be a key that nobody can use. */
static enum jwk11_rc check_public(struct jwk11_token *token, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE pub, const char *label, struct jwk11_err *err)
{
	J11_AUTO(j11_mem_free_auto) struct j11_object *obj = j11_mem_new(sizeof(*obj));
	struct jwk11_pub *half = NULL;
	struct jwk11_err why = { 0 };
	enum jwk11_rc rc;

	if (obj == NULL)
		return j11_err_memory(err);
	rc = j11_obj_read(token, session, pub, CKO_PUBLIC_KEY, obj, &why);
	if (rc == JWK11_OK)
		rc = j11_obj_pub(obj, &half, &why);
	jwk11_pub_unref(half);
	if (rc == JWK11_OK)
		return JWK11_OK;
	return j11_err_set(err, JWK11_ERR_UNSUPPORTED, J11_CODE_UNSUPPORTED, "token \"%s\" made key \"%s\" with a public half that cannot be used (%s)",
		token->info.label, label, why.text);
}

/* What is not as it should be is destroyed again. `pub` 0: a secret key. */
static enum jwk11_rc check_made(struct jwk11_token *token, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE pub, CK_OBJECT_HANDLE priv, const char *label,
	struct jwk11_err *err)
{
	enum jwk11_rc rc = pub != 0 ? check_public(token, session, pub, label, err) : JWK11_OK;

	if (rc == JWK11_OK)
		rc = j11_made_check(token, session, priv, label, err);
	if (rc == JWK11_OK)
		return JWK11_OK;
	token->fl->C_DestroyObject(session, priv);
	if (pub != 0)
		token->fl->C_DestroyObject(session, pub);
	return rc;
}

/* SoftHSM makes halves that cannot be read now and then, when another process looks at the token meanwhile: those are made again. */
static enum jwk11_rc make(struct jwk11_token *token, CK_SESSION_HANDLE session, const struct plan *p, const char *label, unsigned char id[ID_LEN],
	struct jwk11_err *err)
{
	CK_OBJECT_HANDLE pub = 0, priv = 0;
	enum jwk11_rc rc = JWK11_ERR_UNSUPPORTED;

	for (unsigned i = 0; i < TRIES && rc == JWK11_ERR_UNSUPPORTED; i++) {
		CK_RV rv = p->class == CKO_SECRET_KEY ? generate_secret(token, session, p, label, id, &priv) :
			generate_pair(token, session, p, label, id, &pub, &priv);

		j11_err_clear(err);
		rc = rv == CKR_OK ? check_made(token, session, pub, priv, label, err) : j11_token_failed(token, rv, "C_GenerateKey(Pair)", err);
	}
	return rc;
}

enum jwk11_rc j11_provision_key(struct jwk11_token *token, const char *alg, unsigned rsa_bits, const char *label, unsigned char ret_id[J11_PROVISION_ID],
	struct jwk11_err *err)
{
	J11_AUTO(j11_mem_free_auto) CK_OBJECT_HANDLE *same = NULL;
	struct jwk11_view any = { 0 };
	CK_SESSION_HANDLE session;
	struct plan p = { 0 };
	unsigned char id[ID_LEN];
	size_t n_same = 0;
	CK_RV rv;
	enum jwk11_rc rc = plan(alg, rsa_bits, &p, err);

	if (rc != JWK11_OK)
		return rc;
	if (RAND_bytes(id, sizeof(id)) != 1)
		return j11_err_set(err, JWK11_ERR_INTERNAL, J11_CODE_INTERNAL, "no random numbers");
	rv = token->fl->C_OpenSession(token->slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session);
	if (rv != CKR_OK)
		return j11_token_failed(token, rv, "C_OpenSession", err);
	rc = j11_obj_find(token, session, p.class, j11_view_str(label), any, &same, &n_same, err);
	if (rc == JWK11_OK && n_same > 0)
		rc = j11_err_set(err, JWK11_ERR_AMBIGUOUS, J11_CODE_KEY_AMBIGUOUS, "token \"%s\" has a key named \"%s\" already", token->info.label, label);
	if (rc == JWK11_OK)
		rc = make(token, session, &p, label, id, err);
	token->fl->C_CloseSession(session);
	if (rc == JWK11_OK && ret_id != NULL)
		memcpy(ret_id, id, sizeof(id));
	return rc;
}

/* Objects of a class with the key's label and CKA_ID. */
static CK_RV destroy_all(struct jwk11_token *token, CK_SESSION_HANDLE session, const struct jwk11_key *key, CK_OBJECT_CLASS class, struct jwk11_err *err)
{
	J11_AUTO(j11_mem_free_auto) CK_OBJECT_HANDLE *handles = NULL;
	struct jwk11_view label = { .data = key->raw_label, .len = key->raw_label_len }, id = jwk11_key_id(key);
	size_t n = 0;
	CK_RV rv = CKR_OK;

	if (j11_obj_find(token, session, class, label, id, &handles, &n, err) != JWK11_OK)
		return CKR_GENERAL_ERROR;
	for (size_t i = 0; i < n && rv == CKR_OK; i++)
		rv = token->fl->C_DestroyObject(session, handles[i]);
	return rv;
}

/* An id and a label that two private keys share do not say which of them is meant. */
static enum jwk11_rc must_be_one(struct jwk11_token *token, CK_SESSION_HANDLE session, const struct jwk11_key *key, struct jwk11_err *err)
{
	J11_AUTO(j11_mem_free_auto) CK_OBJECT_HANDLE *handles = NULL;
	struct jwk11_view label = { .data = key->raw_label, .len = key->raw_label_len };
	size_t n = 0;
	enum jwk11_rc rc = j11_obj_find(token, session, CKO_PRIVATE_KEY, label, jwk11_key_id(key), &handles, &n, err);

	if (rc == JWK11_OK && n != 1)
		rc = j11_err_set(err, JWK11_ERR_AMBIGUOUS, J11_CODE_KEY_AMBIGUOUS, "token \"%s\" has %zu private keys with the label and id of \"%s\"",
			token->info.label, n, key->label);
	return rc;
}

enum jwk11_rc j11_provision_destroy(struct jwk11_key *key, struct jwk11_err *err)
{
	struct jwk11_token *token = key->token;
	CK_SESSION_HANDLE session;
	CK_RV rv = token->fl->C_OpenSession(token->slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session);
	enum jwk11_rc rc;

	if (rv != CKR_OK)
		return j11_token_failed(token, rv, "C_OpenSession", err);
	rc = must_be_one(token, session, key, err);
	if (rc == JWK11_OK) {
		rv = destroy_all(token, session, key, CKO_PRIVATE_KEY, err);
		if (rv == CKR_OK)
			rv = destroy_all(token, session, key, CKO_PUBLIC_KEY, err);
		rc = rv == CKR_OK ? JWK11_OK : j11_token_failed(token, rv, "C_DestroyObject", err);
	}
	token->fl->C_CloseSession(session);
	return rc;
}
