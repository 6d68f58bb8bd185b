/* SPDX-License-Identifier: Apache-2.0 */
/* Keys behind the broker's configuration, or on a token without one: found by name, kid or URI, or one after the other. */
#include "local_in.h"
#include "local_version.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "jose/alg.h"
#include "jose/pub.h"
#include "token/cert_file.h"
#include "token/pick.h"

/* Offers what one place has; a place that cannot be searched is noted. */
static void search(struct local *l, struct local_place *place, const char *uri, enum jwk11_use use, struct j11_pick *pick, struct jwk11_err *skipped)
{
	struct jwk11_token *token = local_token(l, place);
	struct jwk11_keys *keys = NULL;

	if (token == NULL || jwk11_token_keys_for(token, uri, use, &keys, &place->why) != JWK11_OK)
		return;
	for (size_t i = 0; i < jwk11_keys_count(keys); i++)
		j11_pick_offer(pick, jwk11_keys_get(keys, i));
	if (jwk11_keys_n_skipped(keys) > 0)
		j11_err_set(skipped, JWK11_ERR_UNSUPPORTED, J11_CODE_KEY_UNAVAILABLE, "%s", jwk11_keys_skip_reason(keys));
	jwk11_keys_free(keys);
}

/* As the worker has it: an algorithm for MACs wants a secret key. */
static enum jwk11_use use_of(const struct conf_key *conf)
{
	if (conf->use == CONF_USE_ENC)
		return JWK11_USE_ENC;
	return conf->alg != NULL && j11_alg_is_mac(conf->alg) ? JWK11_USE_MAC : JWK11_USE_SIG;
}

/* Exactly one key for a URI over all tokens. */
static enum jwk11_rc find_uri(struct local *l, const char *name, const char *uri, enum jwk11_use use, struct jwk11_key **ret_key, struct jwk11_err *err)
{
	struct jwk11_err skipped = { 0 };
	struct j11_pick pick = J11_PICK;
	enum jwk11_rc rc = JWK11_OK;

	for (size_t i = 0; i < l->n_places; i++)
		search(l, &l->places[i], uri, use, &pick, &skipped);
	if (pick.n > 1)
		rc = j11_pick_ambiguous(&pick, name, uri, err);
	else if (pick.n == 1)
		*ret_key = jwk11_key_ref(pick.key);
	else if (skipped.rc != JWK11_OK)
		rc = j11_err_set(err, skipped.rc, J11_CODE_KEY_UNAVAILABLE, "%s", skipped.text);
	else if ((rc = local_trouble(l, err)) == JWK11_OK)
		rc = j11_err_set(err, JWK11_ERR_NOT_FOUND, J11_CODE_KEY_UNKNOWN, "key \"%s\": nothing on the tokens matches %s", name, uri);
	j11_pick_done(&pick);
	return rc;
}

/* A secret key has no thumbprint: it goes by its name here, or its label. */
static enum jwk11_rc settle_kid(const struct jwk11_key *key, const struct conf_key *conf, char kid[JWK11_KID_MAX], struct jwk11_err *err)
{
	enum jwk11_kid_style style = conf ? conf->kid_style : JWK11_KID_THUMBPRINT;

	if (jwk11_key_use(key) != JWK11_USE_MAC || style != JWK11_KID_THUMBPRINT)
		return jwk11_key_kid(key, style, kid, err);
	snprintf(kid, JWK11_KID_MAX, "%s", conf ? conf->name : jwk11_key_label(key));
	return JWK11_OK;
}

/* Its certificates in a file, as a worker takes them. */
static void take_file(struct jwk11_key *key, const struct conf_key *conf)
{
	struct j11_cert_file file = { .path = NULL };

	if (conf != NULL && conf->certificates != NULL)
		j11_key_take_file(key, conf->certificates, &file);
	j11_cert_file_done(&file);
}

/* Remembers a key with its algorithm and kid. Takes the reference. */
static enum jwk11_rc keep(struct local *l, struct jwk11_key *key, const struct conf_key *conf, struct local_found **ret_found, struct jwk11_err *err)
{
	struct local_found *f = &l->found[l->n_found];
	enum jwk11_rc rc = l->n_found < LOCAL_MAX_FOUND ? JWK11_OK : j11_err_set(err, JWK11_ERR_LIMIT, J11_CODE_LIMIT, "more than %d keys", LOCAL_MAX_FOUND);

	if (rc == JWK11_OK && (conf == NULL || conf->kid == NULL))
		rc = settle_kid(key, conf, f->kid, err);
	if (rc != JWK11_OK) {
		jwk11_key_unref(key);
		return rc;
	}
	f->key = key;
	take_file(key, conf);
	jwk11_key_set_context_pin(key, l->context_pin || (conf != NULL && conf->context_pin == CONF_YES));
	snprintf(f->alg, sizeof(f->alg), "%s", conf && conf->alg ? conf->alg : jwk11_key_default_alg(key));
	if (conf != NULL && conf->kid != NULL)
		snprintf(f->kid, sizeof(f->kid), "%s", conf->kid);
	l->n_found++;
	*ret_found = f;
	return JWK11_OK;
}

static struct local_found *keep_version(struct local *l, const struct conf_key *conf, const struct local_version *v)
{
	struct local_found *f = l->n_found < LOCAL_MAX_FOUND ? &l->found[l->n_found++] : NULL;

	if (f == NULL)
		return NULL;
	f->key = jwk11_key_ref(v->key);
	take_file(f->key, conf);
	snprintf(f->alg, sizeof(f->alg), "%s", v->alg);
	snprintf(f->kid, sizeof(f->kid), "%s", v->kid);
	return f;
}

/* The version with this kid, else (kid NULL) the one that signs now. */
static enum jwk11_rc find_version(struct local *l, const struct conf_key *conf, const char *kid, struct local_found **ret_found, struct jwk11_err *err)
{
	J11_AUTO(local_versions_done_auto) struct local_versions versions = { 0 };
	const struct local_version *v = NULL;
	enum jwk11_rc rc = local_versions_find(l, conf, time(NULL), &versions, err);

	if (rc != JWK11_OK)
		return rc;
	for (size_t i = 0; kid != NULL && i < versions.n; i++)
		if (j11_text_equal(versions.list[i].kid, kid))
			v = &versions.list[i];
	if (kid == NULL && versions.active >= 0)
		v = &versions.list[versions.active];
	if (v == NULL) {
		j11_err_set(err, JWK11_ERR_NOT_FOUND, J11_CODE_KEY_UNAVAILABLE, "key \"%s\": no version of it that signs is on the tokens (%s)", conf->name, conf->uri);
		j11_err_hint(err, "jwk11 rotate %s makes the first one", conf->name);
		return err->rc;
	}
	*ret_found = keep_version(l, conf, v);
	return *ret_found != NULL ? JWK11_OK : j11_err_set(err, JWK11_ERR_LIMIT, J11_CODE_LIMIT, "more than %d keys", LOCAL_MAX_FOUND);
}

static enum jwk11_rc by_conf(struct local *l, const struct conf_key *conf, struct local_found **ret_found, struct jwk11_err *err)
{
	struct jwk11_key *key = NULL;
	enum jwk11_rc rc;

	if (conf_key_is_versioned(conf))
		return find_version(l, conf, NULL, ret_found, err);
	rc = find_uri(l, conf->name, conf->uri, use_of(conf), &key, err);
	return rc == JWK11_OK ? keep(l, key, conf, ret_found, err) : rc;
}

enum jwk11_rc local_unknown(const struct local *l, const char *name, struct jwk11_err *err)
{
	const struct conf *conf = l->conf;
	struct j11_nearest nearest = { .word = name };

	for (size_t i = 0; i < conf->n_keys; i++)
		j11_nearest_offer(&nearest, conf->keys[i].name);
	return j11_err_set(err, JWK11_ERR_NOT_FOUND, J11_CODE_KEY_UNKNOWN, nearest.best ? "no key \"%s\". Did you mean %s?" : "no key \"%s\"", name,
		nearest.best);
}

/* Why a key that was found may not be used, if so. */
static void objection(const struct jwk11_key *key, struct jwk11_err *why)
{
	if (jwk11_key_check(key, why) == JWK11_OK)
		j11_err_clear(why);
}

/* Seen before, through another module? */
static bool is_known(const struct local *l, const struct jwk11_key *key)
{
	for (size_t i = 0; i < l->n_found; i++)
		if (jwk11_key_token(l->found[i].key) != jwk11_key_token(key) && jwk11_key_pub(key) != NULL &&
			jwk11_key_pub(l->found[i].key) != NULL && j11_pub_equal(jwk11_key_pub(l->found[i].key), jwk11_key_pub(key)))
			return true;
	return false;
}

static void note_left_out(struct local *l, const struct jwk11_keys *keys)
{
	for (size_t i = 0; i < jwk11_keys_n_skipped(keys) && l->n_left_out < LOCAL_MAX_LEFT_OUT; i++) {
		l->left_out[l->n_left_out] = j11_mem_dup(jwk11_keys_skip_reason_at(keys, i));
		l->n_left_out += l->left_out[l->n_left_out] != NULL;
	}
}

/* The token's keys for one use. Other secret objects than keys for MACs are nothing to speak of. */
static enum jwk11_rc each_for(struct local *l, struct jwk11_token *token, enum jwk11_use use, local_fn fn, void *arg, struct jwk11_err *err)
{
	struct jwk11_keys *keys = NULL;
	struct local_found *f = NULL;
	enum jwk11_rc rc = jwk11_token_keys_for(token, NULL, use, &keys, err);

	for (size_t i = 0; rc == JWK11_OK && i < jwk11_keys_count(keys); i++) {
		struct jwk11_key *key = jwk11_keys_get(keys, i);
		struct conf_key conf = { .name = jwk11_key_label(key) };
		struct jwk11_err why = { 0 };

		if (is_known(l, key))
			continue;
		rc = keep(l, jwk11_key_ref(key), NULL, &f, err);
		if (rc != JWK11_OK)
			break;
		objection(f->key, &why);
		fn(&conf, f->key, f->alg, f->kid, &why, arg);
	}
	if (rc == JWK11_OK && use == JWK11_USE_SIG)
		note_left_out(l, keys);
	jwk11_keys_free(keys);
	return rc;
}

static enum jwk11_rc each_in_place(struct local *l, struct jwk11_token *token, local_fn fn, void *arg, struct jwk11_err *err)
{
	enum jwk11_rc rc = each_for(l, token, JWK11_USE_SIG, fn, arg, err);

	return rc == JWK11_OK ? each_for(l, token, JWK11_USE_MAC, fn, arg, err) : rc;
}

/* Each key on the token, by its label, through each module that shows it. */
static enum jwk11_rc each_on_token(struct local *l, local_fn fn, void *arg, struct jwk11_err *err)
{
	enum jwk11_rc rc = JWK11_OK;

	for (size_t i = 0; rc == JWK11_OK && i < l->n_places; i++)
		if (local_token(l, &l->places[i]) != NULL)
			rc = each_in_place(l, l->places[i].token, fn, arg, err);
	return rc == JWK11_OK ? local_trouble(l, err) : rc;
}

void local_each_left_out(struct local *l, void (*fn)(const char *reason, void *arg), void *arg)
{
	for (size_t i = 0; i < l->n_left_out; i++)
		fn(l->left_out[i], arg);
}

/* What a word may mean without a configuration: a label or a kid. */
struct wanted {
	const char *name;
	struct local_found *found;
	struct local *local;
	struct j11_nearest nearest;
	struct j11_pick pick;
};

static void match(const struct conf_key *conf, struct jwk11_key *key, const char *alg, const char *kid, const struct jwk11_err *why, void *arg)
{
	struct wanted *w = arg;

	(void)alg;
	(void)why;
	j11_nearest_offer(&w->nearest, conf->name);
	if (!j11_text_equal(conf->name, w->name) && !j11_text_equal(kid, w->name))
		return;
	if (j11_pick_offer(&w->pick, key))
		w->found = &w->local->found[w->local->n_found - 1];
}

static enum jwk11_rc find_direct(struct local *l, const char *name, struct local_found **ret_found, struct jwk11_err *err)
{
	struct wanted w = { .name = name, .local = l, .nearest = { .word = name }, .pick = J11_PICK };
	enum jwk11_rc rc = each_on_token(l, match, &w, err);

	if (rc == JWK11_OK && w.pick.n > 1) {
		rc = j11_pick_ambiguous(&w.pick, name, "that name", err);
	} else if (rc == JWK11_OK && w.pick.n == 0) {
		rc = j11_err_set(err, JWK11_ERR_NOT_FOUND, J11_CODE_KEY_UNKNOWN, w.nearest.best ? "no key \"%s\". Did you mean %s?" : "no key \"%s\"", name,
			w.nearest.best);
		if (l->n_left_out > 0)
			j11_err_hint(err, "jwk11 doctor names %zu keys that are left out, with the reasons", l->n_left_out);
	}
	j11_pick_done(&w.pick);
	if (rc == JWK11_OK)
		*ret_found = w.found;
	return rc;
}

static enum jwk11_rc find_kid(struct local *l, const char *kid, struct local_found **ret_found, struct jwk11_err *err)
{
	for (size_t i = 0; i < l->conf->n_keys; i++) {
		const struct conf_key *conf = &l->conf->keys[i];
		struct jwk11_err why = { 0 };

		if (conf_key_is_versioned(conf) ? find_version(l, conf, kid, ret_found, &why) == JWK11_OK :
			by_conf(l, conf, ret_found, NULL) == JWK11_OK && j11_text_equal((*ret_found)->kid, kid))
			return JWK11_OK;
	}
	return local_unknown(l, kid, err);
}

enum jwk11_rc local_key(struct local *l, const char *name, struct jwk11_key **ret_key, const char **ret_alg, const char **ret_kid,
	struct jwk11_err *err)
{
	const struct conf_key *conf = conf_find_key(l->conf, name);
	struct local_found *f = NULL;
	struct jwk11_key *key = NULL;
	enum jwk11_rc rc;

	if (conf != NULL) {
		rc = by_conf(l, conf, &f, err);
	} else if (j11_text_starts(name, "pkcs11:")) {
		rc = find_uri(l, name, name, l->use, &key, err);
		if (rc == JWK11_OK)
			rc = keep(l, key, NULL, &f, err);
	} else {
		rc = l->direct ? find_direct(l, name, &f, err) : find_kid(l, name, &f, err);
	}
	if (rc != JWK11_OK)
		return rc;
	*ret_key = f->key;
	*ret_alg = f->alg;
	*ret_kid = f->kid;
	return JWK11_OK;
}

void local_set_use(struct local *l, enum jwk11_use use)
{
	l->use = use;
}

/* Each version that is published. False: the one that signs says it all, or why there is none. */
static bool each_version(struct local *l, const struct conf_key *conf, local_fn fn, void *arg)
{
	J11_AUTO(local_versions_done_auto) struct local_versions versions = { 0 };
	struct jwk11_err err = { 0 };
	bool some = false;

	if (!conf_key_is_versioned(conf) || local_versions_find(l, conf, time(NULL), &versions, &err) != JWK11_OK)
		return false;
	for (size_t i = 0; i < versions.n; i++) {
		struct local_found *f = j11_version_is_published(versions.list[i].state) ? keep_version(l, conf, &versions.list[i]) : NULL;

		if (f != NULL)
			fn(conf, f->key, f->alg, f->kid, &versions.list[i].why, arg);
		some |= f != NULL;
	}
	return some;
}

static enum jwk11_rc each_section(struct local *l, bool versions, local_fn fn, void *arg, struct jwk11_err *err)
{
	if (l->direct)
		return each_on_token(l, fn, arg, err);
	for (size_t i = 0; i < l->conf->n_keys; i++) {
		struct jwk11_err why = { 0 };
		struct local_found *f = NULL;

		if (versions && each_version(l, &l->conf->keys[i], fn, arg))
			continue;
		if (by_conf(l, &l->conf->keys[i], &f, &why) != JWK11_OK) {
			fn(&l->conf->keys[i], NULL, "", "", &why, arg);
			continue;
		}
		objection(f->key, &why);
		fn(&l->conf->keys[i], f->key, f->alg, f->kid, &why, arg);
	}
	return JWK11_OK;
}

enum jwk11_rc local_each(struct local *l, local_fn fn, void *arg, struct jwk11_err *err)
{
	return each_section(l, false, fn, arg, err);
}

enum jwk11_rc local_each_published(struct local *l, local_fn fn, void *arg, struct jwk11_err *err)
{
	return each_section(l, true, fn, arg, err);
}
