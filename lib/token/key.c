/* SPDX-License-Identifier: Apache-2.0 */
/* Listing keys, each private one with its public half, and finding them again after a loss. */
#include "key.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/health.h"
#include "base/mem.h"
#include "base/text.h"
#include "half.h"
#include "jose/kid.h"
#include "mech.h"
#include "uri.h"
#include "use.h"

struct jwk11_keys {
	struct jwk11_key **list;
	size_t n, n_skipped;
	char **reasons; /* room for one per object that was found */
	bool blind;     /* the token failed over an object that may be a public half: who is passed over may be there */
};

/* What one listing carries around. */
struct listing {
	struct jwk11_token *token;
	CK_SESSION_HANDLE session;
	unsigned generation;
	enum jwk11_use use;
	struct j11_halves halves; /* large, so here and not on each stack */
	struct jwk11_keys *keys;
	struct jwk11_err *err;
};

static CK_OBJECT_CLASS class_of(enum jwk11_use use)
{
	return use == JWK11_USE_MAC ? CKO_SECRET_KEY : CKO_PRIVATE_KEY;
}

static struct jwk11_key *key_new(struct listing *l, const struct j11_object *priv, struct jwk11_pub *pub)
{
	struct jwk11_key *key = j11_mem_new(sizeof(*key));

	if (key == NULL)
		return NULL;
	atomic_init(&key->refs, 1);
	key->token = jwk11_token_ref(l->token);
	key->pub = pub;
	key->use = l->use;
	key->mechanisms = l->use == JWK11_USE_ENC ? l->token->enc_mechanisms & j11_use_allowed(priv->allowed, priv->n_allowed) :
		l->token->mechanisms & j11_mech_allowed(priv->allowed, priv->n_allowed);
	key->health = j11_use_health(priv, pub);
	key->wants_pin = pub != NULL && (priv->yes & J11_SAYS_ALWAYS_AUTHENTICATE) != 0; /* of private keys only (PKCS#11 4.9) */
	atomic_init(&key->context_pin, false);
	j11_text_printable((struct jwk11_view){ .data = priv->label, .len = priv->label_len }, key->label, sizeof(key->label));
	memcpy(key->raw_label, priv->label, priv->label_len);
	key->raw_label_len = priv->label_len;
	memcpy(key->id, priv->id, priv->id_len);
	key->id_len = priv->id_len;
	key->handle = priv->handle;
	key->generation = l->generation;
	return key;
}

static enum jwk11_rc skip(struct listing *l, const struct j11_object *priv, const char *why, const char *hint)
{
	char label[64], text[JWK11_TEXT_MAX + JWK11_HINT_MAX + 80];
	char **place = &l->keys->reasons[l->keys->n_skipped];

	j11_text_printable((struct jwk11_view){ .data = priv->label, .len = priv->label_len }, label, sizeof(label));
	snprintf(text, sizeof(text), "key \"%s\": %s%s%s", label, why, hint[0] ? "; " : "", hint);
	*place = j11_mem_dup(text);
	if (*place == NULL)
		return j11_err_memory(l->err);
	l->keys->n_skipped++;
	return JWK11_OK;
}

/* Takes pub, also when memory is short; NULL for a secret key. */
static enum jwk11_rc append(struct listing *l, const struct j11_object *object, struct jwk11_pub *pub, const struct j11_mac *mac)
{
	struct jwk11_key *key = key_new(l, object, pub);

	if (key == NULL) {
		jwk11_pub_unref(pub);
		return j11_err_memory(l->err);
	}
	key->mac = *mac;
	l->keys->list[l->keys->n++] = key;
	return JWK11_OK;
}

static enum jwk11_rc add_secret(struct listing *l, const struct j11_object *secret)
{
	struct j11_mac mac = { 0 };
	enum jwk11_rc rc = j11_mac_read(l->token, l->session, secret, &mac, l->err);
	const char *problem = rc == JWK11_OK ? j11_use_problem(secret, l->use) : NULL;

	if (problem == NULL && rc == JWK11_OK)
		problem = j11_mac_problem(&mac, j11_mech_allowed(secret->allowed, secret->n_allowed));
	if (problem != NULL)
		return skip(l, secret, problem, "");
	return rc == JWK11_OK ? append(l, secret, NULL, &mac) : rc;
}

/* One private or secret object into the list, or into the count of those passed over. */
static enum jwk11_rc add_key(struct listing *l, CK_OBJECT_HANDLE handle)
{
	J11_AUTO(j11_mem_free_auto) struct j11_object *priv = j11_mem_new(sizeof(*priv));
	struct jwk11_err why = { 0 };
	struct jwk11_pub *pub = NULL;
	const char *problem;
	enum jwk11_rc rc;

	if (priv == NULL)
		return j11_err_memory(l->err);
	rc = j11_obj_read(l->token, l->session, handle, class_of(l->use), priv, l->err);
	if (rc != JWK11_OK)
		return rc;
	if (l->use == JWK11_USE_MAC)
		return add_secret(l, priv);
	problem = j11_use_problem(priv, l->use);
	if (problem != NULL)
		return skip(l, priv, problem, "");
	rc = j11_half_find(&l->halves, priv, &pub, &why, l->err);
	if (rc == JWK11_ERR_MEMORY)
		return j11_err_memory(l->err);
	if (rc == JWK11_ERR_DEVICE || rc == JWK11_ERR_ABSENT)
		return rc;
	if (rc != JWK11_OK || !j11_use_suits(pub, l->use)) {
		jwk11_pub_unref(pub);
		return skip(l, priv, rc != JWK11_OK ? why.text : l->use == JWK11_USE_ENC ? "a key of its kind cannot agree on keys" : "its curve cannot sign", why.hint);
	}
	return append(l, priv, pub, &(struct j11_mac){ 0 });
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
	enum jwk11_rc rc = j11_obj_find(l->token, l->session, class_of(l->use), label, id, &handles, &n, l->err);

	if (rc != JWK11_OK)
		return rc;
	l->keys->list = j11_mem_new_array(n, sizeof(struct jwk11_key *));
	l->keys->reasons = j11_mem_new_array(n, sizeof(char *));
	if (l->keys->list == NULL || l->keys->reasons == NULL)
		return j11_err_memory(l->err);
	for (size_t i = 0; i < n && rc == JWK11_OK; i++)
		rc = add_key(l, handles[i]);
	if (l->keys->n > 1)
		qsort(l->keys->list, l->keys->n, sizeof(struct jwk11_key *), compare_keys);
	return rc;
}

/* Lists on a session the caller holds. */
static enum jwk11_rc list_on(struct jwk11_token *token, CK_SESSION_HANDLE session, unsigned generation, enum jwk11_use use,
	struct jwk11_view label, struct jwk11_view id, struct jwk11_keys **ret_keys, struct jwk11_err *err)
{
	J11_AUTO(j11_mem_free_auto) struct listing *l = j11_mem_new(sizeof(*l));
	enum jwk11_rc rc;

	if (l == NULL)
		return j11_err_memory(err);
	*l = (struct listing){ .token = token, .session = session, .generation = generation, .use = use, .err = err,
		.halves = { .token = token, .session = session } };
	l->keys = j11_mem_new(sizeof(*l->keys));
	if (l->keys == NULL)
		return j11_err_memory(err);
	rc = list_keys(l, label, id);
	l->keys->blind = l->halves.unread.rc == JWK11_ERR_DEVICE || l->halves.unread.rc == JWK11_ERR_ABSENT;
	j11_half_done(&l->halves);
	if (rc == JWK11_OK)
		*ret_keys = l->keys;
	else
		jwk11_keys_free(l->keys);
	return rc;
}

/* What the URI asks for, as a use: secret keys are for MACs whatever else is wanted, and nothing else is. False: it asks for what there is not. */
static bool read_uri(P11KitUri *uri, const struct jwk11_token *token, enum jwk11_use *use, struct jwk11_view *ret_label, struct jwk11_view *ret_id)
{
	CK_OBJECT_CLASS class = class_of(*use);

	if (!j11_uri_matches_token(uri, &token->raw) || !j11_uri_object(uri, &class, ret_label, ret_id))
		return false;
	if (class == CKO_SECRET_KEY && *use == JWK11_USE_SIG)
		*use = JWK11_USE_MAC;
	return class == class_of(*use);
}

/* What a URI wants listed. */
struct wanted {
	enum jwk11_use use;
	struct jwk11_view label, id;
	struct jwk11_keys *keys;
};

/* A list is one only if every private object could be seen. */
static enum jwk11_rc list_seen(struct jwk11_token *token, CK_SESSION_HANDLE session, unsigned generation, void *arg, struct jwk11_err *err)
{
	struct wanted *w = arg;
	unsigned login = j11_sess_login(token);
	struct jwk11_keys *keys = NULL;
	enum jwk11_rc rc = list_on(token, session, generation, w->use, w->label, w->id, &keys, err);

	if (rc != JWK11_OK)
		return rc;
	if (!j11_sess_login_held(token, login)) {
		jwk11_keys_free(keys);
		return j11_err_set(err, JWK11_ERR_DEVICE, J11_CODE_TOKEN_FAILED, "token \"%s\" lost its login while its keys were listed",
			token->info.label);
	}
	w->keys = keys;
	return JWK11_OK;
}

enum jwk11_rc jwk11_token_keys_for(struct jwk11_token *token, const char *uri_text, enum jwk11_use use, struct jwk11_keys **ret_keys,
	struct jwk11_err *err)
{
	J11_AUTO(j11_uri_free_auto) P11KitUri *uri = NULL;
	struct wanted w = { .use = use };
	enum jwk11_rc rc = j11_p11_check(token->ctx, err);

	if (rc == JWK11_OK)
		rc = j11_uri_new(uri_text, &uri, err);
	if (rc != JWK11_OK)
		return rc;
	if (read_uri(uri, token, &w.use, &w.label, &w.id))
		rc = j11_sess_read(token, list_seen, &w, err);
	else if ((w.keys = j11_mem_new(sizeof(*w.keys))) == NULL) /* there is none such */
		return j11_err_memory(err);
	if (rc == JWK11_OK)
		*ret_keys = w.keys;
	return rc;
}

enum jwk11_rc jwk11_token_keys(struct jwk11_token *token, const char *uri, struct jwk11_keys **ret_keys, struct jwk11_err *err)
{
	return jwk11_token_keys_for(token, uri, JWK11_USE_SIG, ret_keys, err);
}

/* A secret key has nothing that proves it; its name and attributes must do, and j11_key_refind wants only one that has them. */
static bool is_same(const struct jwk11_key *found, const struct jwk11_key *key)
{
	if (key->pub != NULL)
		return j11_pub_equal(found->pub, key->pub);
	return j11_mac_equal(&found->mac, &key->mac) && found->raw_label_len == key->raw_label_len &&
		memcmp(found->raw_label, key->raw_label, key->raw_label_len) == 0;
}

enum jwk11_rc j11_key_refind(struct jwk11_key *key, CK_SESSION_HANDLE session, unsigned generation, struct jwk11_err *err)
{
	struct jwk11_view label = { 0 }, id = { .data = key->id, .len = key->id_len };
	struct jwk11_keys *keys = NULL;
	CK_OBJECT_HANDLE handle = 0;
	bool blind;
	unsigned n = 0;
	enum jwk11_rc rc = list_on(key->token, session, generation, key->use, label, id, &keys, err);

	if (rc != JWK11_OK)
		return rc;
	for (size_t i = 0; i < keys->n; i++) {
		if (is_same(keys->list[i], key)) {
			handle = keys->list[i]->handle;
			n++;
		}
	}
	blind = keys->blind;
	jwk11_keys_free(keys);
	if (n == 0 && blind)
		return j11_err_set(err, JWK11_ERR_DEVICE, J11_CODE_TOKEN_FAILED, "token \"%s\" failed while key \"%s\" was searched",
			key->token->info.label, key->label);
	if (n > 1 && key->pub == NULL)
		return j11_err_set(err, JWK11_ERR_AMBIGUOUS, J11_CODE_KEY_AMBIGUOUS, "several secret keys on token \"%s\" may be key \"%s\"",
			key->token->info.label, key->label);
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
	for (size_t i = 0; i < keys->n_skipped; i++)
		j11_mem_free(keys->reasons[i]);
	j11_mem_free(keys->reasons);
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
	return jwk11_keys_skip_reason_at(keys, 0);
}

const char *jwk11_keys_skip_reason_at(const struct jwk11_keys *keys, size_t index)
{
	return index < keys->n_skipped ? keys->reasons[index] : "";
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
	jwk11_chain_free(key->chain);
	jwk11_chain_free(key->file_chain);
	j11_mem_free(key->file_why);
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

struct jwk11_view jwk11_key_id(const struct jwk11_key *key)
{
	return (struct jwk11_view){ .data = key->id, .len = key->id_len };
}

enum jwk11_rc jwk11_key_kid(const struct jwk11_key *key, enum jwk11_kid_style style, char ret_kid[JWK11_KID_MAX], struct jwk11_err *err)
{
	struct j11_kid_of of;

	if (key == NULL || ret_kid == NULL)
		return j11_err_set(err, JWK11_ERR_ARGUMENT, J11_CODE_ARGUMENT, "kid: key or place is missing");
	of = (struct j11_kid_of){ .pub = key->pub, .name = key->label, .label = key->label, .id = jwk11_key_id(key) };
	return j11_kid_make(&of, style, ret_kid, err);
}

struct jwk11_token *jwk11_key_token(const struct jwk11_key *key)
{
	return key->token;
}

enum jwk11_use jwk11_key_use(const struct jwk11_key *key)
{
	return key->use;
}

unsigned jwk11_key_health(const struct jwk11_key *key)
{
	return key->health;
}

const char *jwk11_key_kty(const struct jwk11_key *key)
{
	return key->pub ? jwk11_pub_kty(key->pub) : j11_kty_name(J11_KTY_OCT);
}

unsigned jwk11_key_bits(const struct jwk11_key *key)
{
	return key->pub ? jwk11_pub_bits(key->pub) : (unsigned)key->mac.len * 8;
}

/* The first that token and key can do; when they can do none, the first that fits: a sentence needs a name. */
const char *jwk11_key_default_alg(const struct jwk11_key *key)
{
	for (size_t i = 0; key->use != JWK11_USE_ENC && j11_alg_at(i) != NULL; i++)
		if (jwk11_key_can(key, j11_alg_at(i)->name))
			return j11_alg_at(i)->name;
	for (size_t i = 0; key->use == JWK11_USE_ENC && j11_kma_at(i) != NULL; i++)
		if (jwk11_key_can(key, j11_kma_at(i)->name))
			return j11_kma_at(i)->name;
	if (key->use == JWK11_USE_MAC)
		return j11_mac_default(&key->mac)->name; /* a key that none fits is not listed */
	return key->use == JWK11_USE_ENC ? jwk11_pub_default_enc_alg(key->pub) : jwk11_pub_default_alg(key->pub);
}

bool jwk11_key_wants_pin(const struct jwk11_key *key)
{
	return key->wants_pin;
}

void jwk11_key_set_context_pin(struct jwk11_key *key, bool yes)
{
	atomic_store_explicit(&key->context_pin, yes, memory_order_relaxed);
}

static enum jwk11_rc refuse_weak(const struct jwk11_key *key, struct jwk11_err *err)
{
	struct jwk11_buf names = J11_BUF(128);

	j11_health_names(key->health, &names);
	j11_err_set(err, JWK11_ERR_DENIED, J11_CODE_KEY_WEAK, "key \"%s\" on token \"%s\" is refused as weak: %s", key->label, key->token->info.label,
		jwk11_buf_data(&names));
	j11_err_hint(err, "jwk11 doctor says what to do; strict = no in [daemon] lets it be used");
	j11_buf_done(&names);
	return JWK11_ERR_DENIED;
}

enum jwk11_rc jwk11_key_check(const struct jwk11_key *key, struct jwk11_err *err)
{
	if (key->token->strict && key->health != 0)
		return refuse_weak(key, err);
	if (key->wants_pin && key->token->login_mode == JWK11_LOGIN_PROTECTED)
		return j11_err_set(err, JWK11_ERR_LOGIN, J11_CODE_KEY_WANTS_PIN,
			"key \"%s\" wants its PIN on the pad of token \"%s\" for each operation, and no request waits for a person", key->label,
			key->token->info.label);
	if (!key->wants_pin || atomic_load_explicit(&key->context_pin, memory_order_relaxed))
		return JWK11_OK;
	j11_err_set(err, JWK11_ERR_LOGIN, J11_CODE_KEY_WANTS_PIN, "key \"%s\" on token \"%s\" wants its PIN for each operation (CKA_ALWAYS_AUTHENTICATE)",
		key->label, key->token->info.label);
	j11_err_hint(err, "context-pin = yes in its [key] section, or --context-pin with --offline: the PIN is then read and sent again each time");
	return JWK11_ERR_LOGIN;
}

/* Neither the token's list nor the key's own may lack it. */
static enum jwk11_rc check_mechanism(const struct jwk11_key *key, const char *alg, bool offered, bool allowed, struct jwk11_err *err)
{
	if (offered && !allowed)
		return j11_err_set(err, JWK11_ERR_UNSUPPORTED, J11_CODE_UNSUPPORTED, "key \"%s\" does not allow %s (CKA_ALLOWED_MECHANISMS)", key->label, alg);
	return offered ? JWK11_OK : j11_err_set(err, JWK11_ERR_UNSUPPORTED, J11_CODE_UNSUPPORTED, "the token offers no mechanism for %s", alg);
}

static enum jwk11_rc check_enc(const struct jwk11_key *key, const char *alg_name, struct jwk11_err *err)
{
	const struct j11_kma *kma = j11_kma_find(j11_view_str(alg_name));
	enum jwk11_rc rc = kma ? j11_kma_fits(key->pub, kma, err) : j11_kma_unknown("", err);

	if (rc != JWK11_OK)
		return rc;
	return check_mechanism(key, kma->name, j11_use_can(key->token->enc_mechanisms, kma), j11_use_can(key->mechanisms, kma), err);
}

enum jwk11_rc jwk11_key_check_alg(const struct jwk11_key *key, const char *alg_name, struct jwk11_err *err)
{
	const struct j11_alg *alg;
	enum jwk11_rc rc;

	if (key == NULL || alg_name == NULL)
		return j11_err_set(err, JWK11_ERR_ARGUMENT, J11_CODE_ARGUMENT, "check: key or algorithm is missing");
	if (key->use == JWK11_USE_ENC)
		return check_enc(key, alg_name, err);
	alg = j11_alg_find_str(alg_name);
	if (alg == NULL)
		return j11_alg_unknown("", err);
	rc = key->pub ? j11_pub_fits(key->pub, alg, err) : j11_mac_fits(&key->mac, alg, err);
	if (rc != JWK11_OK)
		return rc;
	return check_mechanism(key, alg->name, j11_mech_can(key->token->mechanisms, alg), j11_mech_can(key->mechanisms, alg), err);
}

bool jwk11_key_can(const struct jwk11_key *key, const char *alg)
{
	return jwk11_key_check_alg(key, alg, NULL) == JWK11_OK;
}

/* The token's own octets, not what is shown of them: the URI finds the key again. */
enum jwk11_rc jwk11_key_uri(const struct jwk11_key *key, struct jwk11_buf *ret_uri, struct jwk11_err *err)
{
	const CK_TOKEN_INFO *raw = &key->token->raw;
	size_t start = ret_uri->len;

	j11_buf_add_str(ret_uri, "pkcs11:");
	j11_uri_add(ret_uri, "token", j11_p11_padded(raw->label, sizeof(raw->label)), true);
	j11_uri_add(ret_uri, "serial", j11_p11_padded(raw->serialNumber, sizeof(raw->serialNumber)), false);
	if (key->id_len > 0)
		j11_uri_add(ret_uri, "id", (struct jwk11_view){ .data = key->id, .len = key->id_len }, false);
	if (key->raw_label_len > 0)
		j11_uri_add(ret_uri, "object", (struct jwk11_view){ .data = key->raw_label, .len = key->raw_label_len }, false);
	j11_uri_add(ret_uri, "type", key->pub ? J11_VIEW("private") : J11_VIEW("secret-key"), false);
	return j11_buf_check_from(ret_uri, start, "URI", err);
}
