/* SPDX-License-Identifier: Apache-2.0 */
/* A private key from outside onto a token, whole or not at all. The public half is written first: should we be killed between the two, what is
 * left is no secret and signs nothing. */
#include "import.h"

#include <openssl/rand.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "jose/roca.h"
#include "key.h"
#include "kind.h"
#include "made.h"
#include "uri.h"

enum { ID_LEN = 16, MAX_ATTRIBUTES = 24 };

static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;

/* What is written, and as what. */
struct job {
	struct jwk11_token *token;
	const struct j11_priv *priv;
	const struct j11_kind *kind;
	const char *label;
	struct jwk11_view id;
	CK_SESSION_HANDLE session;
	CK_OBJECT_HANDLE pub, private;
};

struct template {
	CK_ATTRIBUTE a[MAX_ATTRIBUTES];
	CK_ULONG n;
};

static void add(struct template *t, CK_ATTRIBUTE_TYPE type, const void *value, size_t len)
{
	t->a[t->n++] = (CK_ATTRIBUTE){ type, (void *)value, len };
}

static void add_view(struct template *t, CK_ATTRIBUTE_TYPE type, struct jwk11_view v)
{
	add(t, type, v.data, v.len);
}

bool j11_import_is_label(const char *label)
{
	size_t len = strlen(label);
	char printable[4 * J11_IMPORT_LABEL_MAX + 1];

	if (len == 0 || len > J11_IMPORT_LABEL_MAX)
		return false;
	j11_text_printable(j11_view_str(label), printable, sizeof(printable));
	return j11_text_equal(label, printable);
}

enum jwk11_rc j11_import_check(const struct jwk11_pub *pub, struct jwk11_err *err)
{
	if (pub->kty != J11_KTY_RSA || !j11_roca_has(pub->n))
		return JWK11_OK;
	j11_err_set(err, JWK11_ERR_DENIED, J11_CODE_KEY_WEAK, "the key is refused as weak: its modulus comes from the flawed generator of "
		"CVE-2017-15361 (ROCA), so its private half can be computed");
	j11_err_hint(err, "make a new key on the token; whoever took this one must stop taking it");
	return JWK11_ERR_DENIED;
}

/* A key of this use with the public half. */
static enum jwk11_rc find_same(struct jwk11_token *token, const struct jwk11_pub *pub, enum jwk11_use use, struct jwk11_key **ret_there,
	struct jwk11_err *err)
{
	struct jwk11_keys *keys = NULL;
	enum jwk11_rc rc = jwk11_token_keys_for(token, NULL, use, &keys, err);

	if (rc != JWK11_OK)
		return rc;
	for (size_t i = 0; *ret_there == NULL && i < jwk11_keys_count(keys); i++)
		if (j11_pub_equal(jwk11_key_pub(jwk11_keys_get(keys, i)), pub))
			*ret_there = jwk11_key_ref(jwk11_keys_get(keys, i));
	jwk11_keys_free(keys);
	return JWK11_OK;
}

static enum jwk11_rc count_labels(struct jwk11_token *token, CK_SESSION_HANDLE session, unsigned generation, void *arg, struct jwk11_err *err)
{
	static const CK_OBJECT_CLASS classes[] = { CKO_PRIVATE_KEY, CKO_PUBLIC_KEY, CKO_SECRET_KEY };
	const char *label = arg;
	struct jwk11_view any = { 0 };
	enum jwk11_rc rc = JWK11_OK;
	size_t n = 0;

	(void)generation;
	for (size_t i = 0; rc == JWK11_OK && n == 0 && i < J11_COUNT(classes); i++) {
		J11_AUTO(j11_mem_free_auto) CK_OBJECT_HANDLE *handles = NULL;

		rc = j11_obj_find(token, session, classes[i], j11_view_str(label), any, &handles, &n, err);
	}
	if (rc == JWK11_OK && n > 0) {
		rc = j11_err_set(err, JWK11_ERR_AMBIGUOUS, J11_CODE_KEY_AMBIGUOUS, "token \"%s\" has a key named \"%s\" already, and it is another one",
			token->info.label, label);
		j11_err_hint(err, "choose another label, or remove that key first");
	}
	return rc;
}

enum jwk11_rc j11_import_look(struct jwk11_token *token, const struct jwk11_pub *pub, const char *label, struct jwk11_key **ret_there,
	struct jwk11_err *err)
{
	enum jwk11_rc rc;

	*ret_there = NULL;
	rc = find_same(token, pub, JWK11_USE_SIG, ret_there, err);
	if (rc == JWK11_OK && *ret_there == NULL)
		rc = find_same(token, pub, JWK11_USE_ENC, ret_there, err);
	if (rc == JWK11_OK && *ret_there == NULL)
		rc = j11_sess_read(token, count_labels, (void *)label, err);
	return rc;
}

/* Of both halves. */
static void add_common(struct template *t, const struct job *j, const CK_OBJECT_CLASS *class, CK_BBOOL *private)
{
	add(t, CKA_CLASS, class, sizeof(*class));
	add(t, CKA_KEY_TYPE, &j->kind->type, sizeof(j->kind->type));
	add(t, CKA_TOKEN, &yes, sizeof(yes));
	add(t, CKA_PRIVATE, private, sizeof(*private));
	add(t, CKA_LABEL, j->label, strlen(j->label));
	add_view(t, CKA_ID, j->id);
	if (j->priv->pub->curve != NULL)
		add(t, CKA_EC_PARAMS, j->priv->pub->curve->oid, j->priv->pub->curve->oid_len);
	if (j->priv->pub->kty != J11_KTY_RSA)
		return;
	add_view(t, CKA_MODULUS, j->priv->pub->n);
	add_view(t, CKA_PUBLIC_EXPONENT, j->priv->pub->e);
}

/* Permanent, and not about this key: TPMs and cards make their keys themselves. */
static enum jwk11_rc refused(const struct job *j, CK_RV rv, const char *half, struct jwk11_err *err)
{
	if (!j11_made_is_about_attributes(rv) && rv != CKR_ACTION_PROHIBITED && !j11_ckr_is_permanent(rv))
		return j11_token_failed(j->token, rv, "C_CreateObject", err);
	j11_err_set_ckr(err, JWK11_ERR_UNSUPPORTED, J11_CODE_UNSUPPORTED, rv, "token \"%s\" does not take the %s half of this key from outside: "
		"C_CreateObject", j->token->info.label, half);
	j11_err_hint(err, "many TPMs and cards take none; a new key made on the token can take over instead, see docs/import.md");
	return JWK11_ERR_UNSUPPORTED;
}

/* The point as it is, behind the head of a DER OCTET STRING. */
struct point {
	unsigned char octets[3 + 1 + 2 * 66];
	size_t head, len;
};

static void make_point(const struct jwk11_pub *pub, struct point *p)
{
	size_t len = pub->kty == J11_KTY_EC ? 1 + pub->x.len + pub->y.len : pub->x.len;

	p->octets[p->len++] = 0x04;
	if (len > 127)
		p->octets[p->len++] = 0x81;
	p->octets[p->len++] = (unsigned char)len;
	p->head = p->len;
	if (pub->kty == J11_KTY_EC)
		p->octets[p->len++] = 0x04;
	memcpy(p->octets + p->len, pub->x.data, pub->x.len);
	if (pub->kty == J11_KTY_EC)
		memcpy(p->octets + p->len + pub->x.len, pub->y.data, pub->y.len);
	p->len = p->head + len;
}

/* The point in DER (PKCS#11 2.40, 2.3.3), and bare for who takes only that. */
static CK_RV create_public(struct job *j)
{
	static const CK_OBJECT_CLASS class = CKO_PUBLIC_KEY;
	struct template t = { .n = 0 };
	struct point p = { .len = 0 };
	CK_RV rv;

	add_common(&t, j, &class, &no);
	add(&t, CKA_VERIFY, &yes, sizeof(yes));
	if (j->priv->pub->curve == NULL)
		return j->token->fl->C_CreateObject(j->session, t.a, t.n, &j->pub);
	make_point(j->priv->pub, &p);
	add(&t, CKA_EC_POINT, p.octets, p.len);
	rv = j->token->fl->C_CreateObject(j->session, t.a, t.n, &j->pub);
	if (!j11_made_is_about_attributes(rv))
		return rv;
	t.a[t.n - 1] = (CK_ATTRIBUTE){ CKA_EC_POINT, p.octets + p.head, p.len - p.head };
	return j->token->fl->C_CreateObject(j->session, t.a, t.n, &j->pub);
}

/* Everything that is wanted, then without what some tokens do not let anybody set: first the uses that are not meant, then CKA_EXTRACTABLE.
 * Whether the key stays inside is read back whatever was said here. */
static CK_RV create_private(struct job *j)
{
	static const CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
	static const CK_ULONG left_out[] = { 0, 3, 4 };
	const struct j11_priv_numbers *n = &j->priv->n;
	struct template t = { .n = 0 };
	CK_RV rv = CKR_OK;

	add_common(&t, j, &class, &yes);
	add(&t, CKA_SENSITIVE, &yes, sizeof(yes));
	add(&t, CKA_SIGN, &yes, sizeof(yes));
	if (j->priv->pub->kty == J11_KTY_RSA) {
		add_view(&t, CKA_PRIVATE_EXPONENT, n->d);
		add_view(&t, CKA_PRIME_1, n->p);
		add_view(&t, CKA_PRIME_2, n->q);
		add_view(&t, CKA_EXPONENT_1, n->dp);
		add_view(&t, CKA_EXPONENT_2, n->dq);
		add_view(&t, CKA_COEFFICIENT, n->qi);
	} else {
		add_view(&t, CKA_VALUE, n->d);
	}
	add(&t, CKA_EXTRACTABLE, &no, sizeof(no));
	add(&t, CKA_DECRYPT, &no, sizeof(no)); /* SoftHSM takes what is not said for true */
	add(&t, CKA_DERIVE, &no, sizeof(no));
	add(&t, CKA_UNWRAP, &no, sizeof(no));
	for (size_t i = 0; i < J11_COUNT(left_out); i++) {
		rv = j->token->fl->C_CreateObject(j->session, t.a, t.n - left_out[i], &j->private);
		if (!j11_made_is_about_attributes(rv))
			break;
	}
	return rv;
}

static enum jwk11_rc create(struct job *j, struct jwk11_err *err)
{
	CK_RV rv = create_public(j);

	if (rv != CKR_OK) {
		j->pub = CK_INVALID_HANDLE;
		return refused(j, rv, "public", err);
	}
	rv = create_private(j);
	if (rv != CKR_OK) {
		j->private = CK_INVALID_HANDLE;
		return refused(j, rv, "private", err);
	}
	return j11_made_check(j->token, j->session, j->private, j->label, err);
}

/* The key that was written, found as keys are found. */
static enum jwk11_rc find(const struct job *j, struct jwk11_key **ret_key, struct jwk11_err *err)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf uri = J11_BUF(4096);
	struct jwk11_keys *keys = NULL;
	enum jwk11_rc rc;

	j11_buf_add_str(&uri, "pkcs11:");
	j11_uri_add(&uri, "object", j11_view_str(j->label), true);
	j11_uri_add(&uri, "id", j->id, false);
	rc = j11_buf_check(&uri, "URI", err);
	if (rc == JWK11_OK)
		rc = jwk11_token_keys(j->token, jwk11_buf_data(&uri), &keys, err);
	if (rc != JWK11_OK)
		return rc;
	if (jwk11_keys_count(keys) == 1 && j11_pub_equal(jwk11_key_pub(jwk11_keys_get(keys, 0)), j->priv->pub))
		*ret_key = jwk11_key_ref(jwk11_keys_get(keys, 0));
	else
		rc = j11_err_set(err, JWK11_ERR_DEVICE, J11_CODE_TOKEN_FAILED, "token \"%s\" has taken key \"%s\" and does not show it as such: %s",
			j->token->info.label, j->label, jwk11_keys_n_skipped(keys) > 0 ? jwk11_keys_skip_reason(keys) : "it is not found");
	jwk11_keys_free(keys);
	return rc;
}

/* A signature by the token, checked with the public half that came from the file. */
static enum jwk11_rc try_out(struct jwk11_key *key, const struct job *j, const char *alg, struct jwk11_err *err)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf sig = J11_BUF(J11_SIG_MAX);
	unsigned char octets[32];
	struct jwk11_view message = { .data = octets, .len = sizeof(octets) };
	enum jwk11_rc rc = JWK11_OK;

	if (alg == NULL)
		alg = j->priv->pub->alg ? j->priv->pub->alg->name : jwk11_key_default_alg(key);
	if (RAND_bytes(octets, sizeof(octets)) != 1)
		rc = j11_err_set(err, JWK11_ERR_INTERNAL, J11_CODE_INTERNAL, "no random numbers");
	if (rc == JWK11_OK)
		rc = jwk11_key_sign(key, alg, JWK11_INPUT_MESSAGE, message, &sig, err);
	if (rc == JWK11_OK)
		rc = jwk11_pub_verify(j->priv->pub, alg, JWK11_INPUT_MESSAGE, message, j11_buf_view(&sig), err);
	if (rc != JWK11_OK)
		j11_err_prefix(err, "trial signature");
	return rc;
}

/* By name, on a session of its own: the one that wrote it may be gone. */
static bool destroy_by_name(const struct job *j, CK_OBJECT_CLASS class)
{
	J11_AUTO(j11_mem_free_auto) CK_OBJECT_HANDLE *handles = NULL;
	CK_SESSION_HANDLE session;
	size_t n = 0;
	bool ok = false;

	if (j->token->fl->C_OpenSession(j->token->slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session) != CKR_OK)
		return false;
	if (j11_obj_find(j->token, session, class, j11_view_str(j->label), j->id, &handles, &n, NULL) == JWK11_OK)
		for (size_t i = 0; i < n; i++)
			ok = j->token->fl->C_DestroyObject(session, handles[i]) == CKR_OK;
	j->token->fl->C_CloseSession(session);
	return ok;
}

static bool destroy(const struct job *j, CK_OBJECT_HANDLE object, CK_OBJECT_CLASS class)
{
	return object == CK_INVALID_HANDLE || j->token->fl->C_DestroyObject(j->session, object) == CKR_OK || destroy_by_name(j, class);
}

/* The private half first. */
static void undo(const struct job *j, struct jwk11_err *err)
{
	bool private_gone = destroy(j, j->private, CKO_PRIVATE_KEY), public_gone = destroy(j, j->pub, CKO_PUBLIC_KEY);

	if (private_gone && public_gone && err != NULL && err->hint[0] == '\0')
		j11_err_hint(err, "nothing of it is left on the token");
	else if (!private_gone || !public_gone)
		j11_err_hint(err, "the %s named \"%s\" could not be taken off the token again; remove it with the token's own tool",
			private_gone ? "public object" : "private key", j->label);
}

static enum jwk11_rc write_key(struct job *j, const char *alg, struct jwk11_key **ret_key, struct jwk11_err *err)
{
	struct jwk11_key *key = NULL;
	enum jwk11_rc rc;
	CK_RV rv = j->token->fl->C_OpenSession(j->token->slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &j->session);

	if (rv != CKR_OK)
		return j11_token_failed(j->token, rv, "C_OpenSession", err);
	rc = create(j, err);
	if (rc == JWK11_OK)
		rc = find(j, &key, err);
	if (rc == JWK11_OK)
		rc = try_out(key, j, alg, err);
	if (rc == JWK11_OK) {
		*ret_key = key;
	} else {
		jwk11_key_unref(key);
		undo(j, err);
	}
	j->token->fl->C_CloseSession(j->session);
	return rc;
}

enum jwk11_rc j11_import_key(struct jwk11_token *token, const struct j11_priv *priv, const struct j11_import *to, struct jwk11_key **ret_key,
	struct jwk11_err *err)
{
	unsigned char hash[J11_SPKI_HASH_LEN];
	struct job j = { .token = token, .priv = priv, .label = to->label, .id = to->id, .kind = j11_kind_of(priv->pub->kty, priv->pub->curve),
		.pub = CK_INVALID_HANDLE, .private = CK_INVALID_HANDLE };
	struct jwk11_key *there = NULL;
	enum jwk11_rc rc = j11_p11_check(token->ctx, err);

	if (rc == JWK11_OK && !j11_import_is_label(to->label))
		rc = j11_err_set(err, JWK11_ERR_ARGUMENT, J11_CODE_ARGUMENT, "a label has 1 to %d printable octets", J11_IMPORT_LABEL_MAX);
	if (rc == JWK11_OK)
		rc = j11_import_check(priv->pub, err);
	if (rc == JWK11_OK)
		rc = j11_import_look(token, priv->pub, to->label, &there, err);
	if (there != NULL)
		rc = j11_err_set(err, JWK11_ERR_AMBIGUOUS, J11_CODE_KEY_AMBIGUOUS, "token \"%s\" has this very key already, as \"%s\"", token->info.label,
			jwk11_key_label(there));
	jwk11_key_unref(there);
	if (rc == JWK11_OK)
		rc = j11_pub_spki_hash(priv->pub, hash, err);
	if (rc != JWK11_OK)
		return rc;
	if (j.id.len == 0)
		j.id = (struct jwk11_view){ .data = hash, .len = ID_LEN };
	return write_key(&j, to->alg, ret_key, err);
}
