/* SPDX-License-Identifier: Apache-2.0 */
/* Listing signing keys and pairing each with its public half: own attributes, public object, certificate, CKA_PUBLIC_KEY_INFO, in that
 * order. Equal CKA_ID is a hint; two different candidates are refused, never guessed between. */
#include "key.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "mech.h"
#include "uri.h"

/* A public key on the token that may be some private key's other half. */
struct half {
	CK_KEY_TYPE key_type;
	bool has_key_type;
	unsigned char label[J11_LABEL_MAX], id[J11_ID_MAX];
	size_t label_len, id_len;
	struct jwk11_pub *pub;
};

struct halves {
	struct half *list;
	size_t n;
	bool loaded;
};

struct jwk11_keys {
	struct jwk11_key **list;
	size_t n, n_skipped;
	char skip_reason[JWK11_TEXT_MAX + 80];
};

/* What one listing carries around. */
struct listing {
	struct jwk11_token *token;
	CK_SESSION_HANDLE session;
	unsigned generation;
	struct halves publics, certs;
	struct j11_object obj; /* large, so here and not on each stack */
	struct jwk11_keys *keys;
	struct jwk11_err *err;
};

static void halves_done(struct halves *h)
{
	for (size_t i = 0; i < h->n; i++)
		jwk11_pub_unref(h->list[i].pub);
	j11_mem_free(h->list);
}

static enum jwk11_rc half_pub(struct listing *l, CK_OBJECT_CLASS class, struct jwk11_pub **ret_pub)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf der = J11_BUF(65536);
	enum jwk11_rc rc;

	if (class == CKO_PUBLIC_KEY)
		return j11_obj_pub(&l->obj, ret_pub, NULL);
	rc = j11_obj_value(l->token, l->session, l->obj.handle, &der, NULL);
	return rc == JWK11_OK ? j11_pub_from_cert(j11_buf_view(&der), ret_pub, NULL) : rc;
}

/* Reads every public key or certificate once: one search instead of one per private key. Objects that cannot be read are passed over. */
static enum jwk11_rc load_halves(struct listing *l, CK_OBJECT_CLASS class, struct halves *h)
{
	J11_AUTO(j11_mem_free_auto) CK_OBJECT_HANDLE *handles = NULL;
	struct jwk11_view any = { 0 };
	size_t n = 0;
	enum jwk11_rc rc = h->loaded ? JWK11_OK : j11_obj_find(l->token, l->session, class, any, any, &handles, &n, l->err);

	if (rc != JWK11_OK || h->loaded)
		return rc;
	h->list = j11_mem_new_array(n, sizeof(*h->list));
	if (h->list == NULL)
		return j11_err_memory(l->err);
	for (size_t i = 0; i < n; i++) {
		struct half *one = &h->list[h->n];

		if (j11_obj_read(l->token, l->session, handles[i], &l->obj, NULL) != JWK11_OK)
			continue;
		rc = half_pub(l, class, &one->pub);
		if (rc == JWK11_ERR_MEMORY)
			return j11_err_memory(l->err);
		if (rc != JWK11_OK)
			continue;
		one->key_type = l->obj.key_type;
		one->has_key_type = class == CKO_PUBLIC_KEY;
		one->label_len = l->obj.label_len;
		one->id_len = l->obj.id_len;
		memcpy(one->label, l->obj.label, sizeof(one->label));
		memcpy(one->id, l->obj.id, sizeof(one->id));
		h->n++;
	}
	h->loaded = true;
	return JWK11_OK;
}

/* Same CKA_ID; when the private key has none, the same label. And a key type that fits. */
static bool may_pair(const struct half *h, const struct j11_object *priv)
{
	static const enum j11_kty ktys[] = { J11_KTY_RSA, J11_KTY_EC, J11_KTY_OKP };
	enum j11_kty kty = h->pub->kty;

	if (h->has_key_type && h->key_type != priv->key_type)
		return false;
	if (!h->has_key_type && priv->key_type != (kty == ktys[0] ? CKK_RSA : kty == ktys[1] ? CKK_EC : J11_CKK_EC_EDWARDS))
		return false;
	if (priv->id_len > 0)
		return h->id_len == priv->id_len && memcmp(h->id, priv->id, priv->id_len) == 0;
	return priv->label_len > 0 && h->label_len == priv->label_len && memcmp(h->label, priv->label, priv->label_len) == 0;
}

static enum jwk11_rc pair(const struct halves *halves, const struct j11_object *priv, struct jwk11_pub **ret_pub, struct jwk11_err *err)
{
	struct jwk11_pub *found = NULL;

	for (size_t i = 0; i < halves->n; i++) {
		const struct half *h = &halves->list[i];

		if (!may_pair(h, priv) || (found != NULL && j11_pub_equal(found, h->pub)))
			continue;
		if (found != NULL)
			return j11_err_set(err, JWK11_ERR_AMBIGUOUS, J11_CODE_KEY_AMBIGUOUS, "several different public keys share its CKA_ID or label");
		found = h->pub;
	}
	if (found == NULL)
		return j11_err_set(err, JWK11_ERR_NOT_FOUND, J11_CODE_NOT_FOUND, "no public key, certificate or CKA_PUBLIC_KEY_INFO found for it");
	*ret_pub = jwk11_pub_ref(found);
	return JWK11_OK;
}

/* The public half of a private object by each route in turn; NOT_FOUND moves on, anything else is the answer. */
static enum jwk11_rc find_pub(struct listing *l, const struct j11_object *priv, struct jwk11_pub **ret_pub, struct jwk11_err *why)
{
	enum jwk11_rc rc = j11_obj_pub(priv, ret_pub, why);

	if (rc != JWK11_ERR_NOT_FOUND)
		return rc;
	j11_err_clear(why);
	rc = load_halves(l, CKO_PUBLIC_KEY, &l->publics);
	if (rc == JWK11_OK)
		rc = pair(&l->publics, priv, ret_pub, why);
	if (rc != JWK11_ERR_NOT_FOUND)
		return rc;
	if (priv->spki_len > 0) {
		j11_err_clear(why);
		return j11_pub_from_spki((struct jwk11_view){ .data = priv->spki, .len = priv->spki_len }, ret_pub, why);
	}
	rc = load_halves(l, CKO_CERTIFICATE, &l->certs);
	if (rc != JWK11_OK)
		return rc;
	j11_err_clear(why);
	return pair(&l->certs, priv, ret_pub, why);
}

static struct jwk11_key *key_new(struct listing *l, const struct j11_object *priv, struct jwk11_pub *pub)
{
	struct jwk11_key *key = j11_mem_new(sizeof(*key));

	if (key == NULL)
		return NULL;
	atomic_init(&key->refs, 1);
	key->token = jwk11_token_ref(l->token);
	key->pub = pub;
	j11_text_printable((struct jwk11_view){ .data = priv->label, .len = priv->label_len }, key->label, sizeof(key->label));
	memcpy(key->id, priv->id, priv->id_len);
	key->id_len = priv->id_len;
	key->handle = priv->handle;
	key->generation = l->generation;
	return key;
}

static void skip(struct jwk11_keys *keys, const struct j11_object *priv, const char *why)
{
	char label[64];

	if (keys->n_skipped++ > 0)
		return;
	j11_text_printable((struct jwk11_view){ .data = priv->label, .len = priv->label_len }, label, sizeof(label));
	snprintf(keys->skip_reason, sizeof(keys->skip_reason), "key \"%s\": %s", label, why);
}

/* One private object into the list, or into the count of those passed over. */
static enum jwk11_rc add_key(struct listing *l, CK_OBJECT_HANDLE handle)
{
	J11_AUTO(j11_mem_free_auto) struct j11_object *priv = j11_mem_new(sizeof(*priv));
	struct jwk11_err why = { 0 };
	struct jwk11_pub *pub = NULL;
	enum jwk11_rc rc;

	if (priv == NULL)
		return j11_err_memory(l->err);
	rc = j11_obj_read(l->token, l->session, handle, priv, l->err);
	if (rc != JWK11_OK)
		return rc;
	if (!priv->may_sign) {
		skip(l->keys, priv, "the token does not let it sign (CKA_SIGN)");
		return JWK11_OK;
	}
	rc = find_pub(l, priv, &pub, &why);
	if (rc == JWK11_ERR_MEMORY)
		return j11_err_memory(l->err);
	if (rc == JWK11_ERR_DEVICE || rc == JWK11_ERR_ABSENT)
		return rc;
	if (rc != JWK11_OK) {
		skip(l->keys, priv, why.text);
		return JWK11_OK;
	}
	l->keys->list[l->keys->n] = key_new(l, priv, pub);
	if (l->keys->list[l->keys->n] == NULL) {
		jwk11_pub_unref(pub);
		return j11_err_memory(l->err);
	}
	l->keys->n++;
	return JWK11_OK;
}

static int compare_keys(const void *a, const void *b)
{
	const struct jwk11_key *x = *(struct jwk11_key *const *)a, *y = *(struct jwk11_key *const *)b;
	int order = strcmp(x->label, y->label);

	if (order == 0 && x->id_len != y->id_len)
		return x->id_len < y->id_len ? -1 : 1;
	return order ? order : memcmp(x->id, y->id, x->id_len);
}

static enum jwk11_rc list_keys(struct listing *l, struct jwk11_view label, struct jwk11_view id)
{
	J11_AUTO(j11_mem_free_auto) CK_OBJECT_HANDLE *handles = NULL;
	size_t n = 0;
	enum jwk11_rc rc = j11_obj_find(l->token, l->session, CKO_PRIVATE_KEY, label, id, &handles, &n, l->err);

	if (rc != JWK11_OK)
		return rc;
	l->keys->list = j11_mem_new_array(n, sizeof(struct jwk11_key *));
	if (l->keys->list == NULL)
		return j11_err_memory(l->err);
	for (size_t i = 0; i < n && rc == JWK11_OK; i++)
		rc = add_key(l, handles[i]);
	if (l->keys->n > 1)
		qsort(l->keys->list, l->keys->n, sizeof(struct jwk11_key *), compare_keys);
	return rc;
}

/* Lists on a session the caller holds. */
static enum jwk11_rc list_on(struct jwk11_token *token, CK_SESSION_HANDLE session, unsigned generation, struct jwk11_view label,
	struct jwk11_view id, struct jwk11_keys **ret_keys, struct jwk11_err *err)
{
	J11_AUTO(j11_mem_free_auto) struct listing *l = j11_mem_new(sizeof(*l));
	enum jwk11_rc rc;

	if (l == NULL)
		return j11_err_memory(err);
	*l = (struct listing){ .token = token, .session = session, .generation = generation, .err = err };
	l->keys = j11_mem_new(sizeof(*l->keys));
	if (l->keys == NULL)
		return j11_err_memory(err);
	rc = list_keys(l, label, id);
	halves_done(&l->publics);
	halves_done(&l->certs);
	if (rc == JWK11_OK)
		*ret_keys = l->keys;
	else
		jwk11_keys_free(l->keys);
	return rc;
}

enum jwk11_rc jwk11_token_keys(struct jwk11_token *token, const char *uri_text, struct jwk11_keys **ret_keys, struct jwk11_err *err)
{
	J11_AUTO(j11_uri_free_auto) P11KitUri *uri = NULL;
	struct jwk11_view label = { 0 }, id = { 0 };
	CK_SESSION_HANDLE session;
	unsigned generation;
	enum jwk11_rc rc = j11_p11_check(token->ctx, err);

	if (rc == JWK11_OK)
		rc = j11_uri_new(uri_text, &uri, err);
	if (rc != JWK11_OK)
		return rc;
	if (!j11_uri_matches_token(uri, &token->raw) || !j11_uri_object(uri, &label, &id)) {
		struct jwk11_keys *none = j11_mem_new(sizeof(*none));

		if (none == NULL)
			return j11_err_memory(err);
		*ret_keys = none;
		return JWK11_OK;
	}
	rc = j11_sess_lease(token, &session, &generation, err);
	if (rc != JWK11_OK)
		return rc;
	rc = list_on(token, session, generation, label, id, ret_keys, err);
	if (rc == JWK11_ERR_DEVICE && j11_sess_recover(token, &session, CKR_SESSION_HANDLE_INVALID, err) != JWK11_OK)
		return rc;
	j11_sess_return(token, session);
	return rc;
}

enum jwk11_rc j11_key_refind(struct jwk11_key *key, CK_SESSION_HANDLE session, unsigned generation, struct jwk11_err *err)
{
	struct jwk11_view label = { 0 }, id = { .data = key->id, .len = key->id_len };
	struct jwk11_keys *keys = NULL;
	CK_OBJECT_HANDLE handle = 0;
	unsigned n = 0;
	enum jwk11_rc rc = list_on(key->token, session, generation, label, id, &keys, err);

	if (rc != JWK11_OK)
		return rc;
	for (size_t i = 0; i < keys->n; i++) {
		if (j11_pub_equal(keys->list[i]->pub, key->pub)) {
			handle = keys->list[i]->handle;
			n++;
		}
	}
	jwk11_keys_free(keys);
	if (n == 0)
		return j11_err_set(err, JWK11_ERR_NOT_FOUND, J11_CODE_KEY_UNAVAILABLE, "key \"%s\" is no longer on token \"%s\"", key->label,
			key->token->info.label);
	pthread_mutex_lock(&key->token->lock);
	key->handle = handle;
	key->generation = generation;
	key->proven = false;
	pthread_mutex_unlock(&key->token->lock);
	return JWK11_OK;
}

void jwk11_keys_free(struct jwk11_keys *keys)
{
	if (keys == NULL)
		return;
	for (size_t i = 0; i < keys->n; i++)
		jwk11_key_unref(keys->list[i]);
	j11_mem_free(keys->list);
	j11_mem_free(keys);
}

size_t jwk11_keys_count(const struct jwk11_keys *keys)
{
	return keys->n;
}

struct jwk11_key *jwk11_keys_get(const struct jwk11_keys *keys, size_t index)
{
	return index < keys->n ? keys->list[index] : NULL;
}

size_t jwk11_keys_n_skipped(const struct jwk11_keys *keys)
{
	return keys->n_skipped;
}

const char *jwk11_keys_skip_reason(const struct jwk11_keys *keys)
{
	return keys->skip_reason;
}

struct jwk11_key *jwk11_key_ref(struct jwk11_key *key)
{
	atomic_fetch_add_explicit(&key->refs, 1, memory_order_relaxed);
	return key;
}

void jwk11_key_unref(struct jwk11_key *key)
{
	if (key == NULL || atomic_fetch_sub_explicit(&key->refs, 1, memory_order_acq_rel) != 1)
		return;
	jwk11_pub_unref(key->pub);
	jwk11_token_unref(key->token);
	j11_mem_free(key);
}

const struct jwk11_pub *jwk11_key_pub(const struct jwk11_key *key)
{
	return key->pub;
}

const char *jwk11_key_label(const struct jwk11_key *key)
{
	return key->label;
}

struct jwk11_token *jwk11_key_token(const struct jwk11_key *key)
{
	return key->token;
}

bool jwk11_key_can(const struct jwk11_key *key, const char *alg_name)
{
	const struct j11_alg *alg = j11_alg_find_str(alg_name);

	return alg != NULL && j11_pub_fits(key->pub, alg, NULL) == JWK11_OK && j11_mech_can(key->token->mechanisms, alg);
}

enum jwk11_rc jwk11_key_uri(const struct jwk11_key *key, struct jwk11_buf *ret_uri, struct jwk11_err *err)
{
	const struct jwk11_token_info *info = &key->token->info;

	j11_buf_add_str(ret_uri, "pkcs11:");
	j11_uri_add(ret_uri, "token", j11_view_str(info->label), true);
	j11_uri_add(ret_uri, "serial", j11_view_str(info->serial), false);
	if (key->id_len > 0)
		j11_uri_add(ret_uri, "id", (struct jwk11_view){ .data = key->id, .len = key->id_len }, false);
	if (key->label[0] != '\0')
		j11_uri_add(ret_uri, "object", j11_view_str(key->label), false);
	j11_uri_add(ret_uri, "type", J11_VIEW("private"), false);
	return j11_buf_check(ret_uri, "URI", err);
}
