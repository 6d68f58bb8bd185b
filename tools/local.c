/* SPDX-License-Identifier: Apache-2.0 */
/* The library behind the broker's configuration. */
#include "local.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"

enum { MAX_FOUND = 256 };

struct found {
	struct jwk11_key *key;
	char alg[16], kid[256];
};

struct local {
	struct conf *conf;
	struct jwk11_context *ctx;
	struct jwk11_token **tokens; /* by [token]; NULL: not opened */
	struct jwk11_err *why;       /* by [token] */
	bool *tried;
	struct found found[MAX_FOUND];
	size_t n_found;
};

/* An own state directory: the PIN memory must work for a user who may not write the broker's. */
static void set_state(struct local *l)
{
	const char *home = getenv("HOME"), *state = getenv("XDG_STATE_HOME");
	char path[4096];

	if (jwk11_context_set_state_dir(l->ctx, l->conf->state_dir, NULL) == JWK11_OK)
		return;
	if (state == NULL && home == NULL)
		return;
	snprintf(path, sizeof(path), state ? "%s/jwk11" : "%s/.jwk11", state ? state : home);
	if (mkdir(path, 0700) == 0 || errno == EEXIST)
		if (jwk11_context_set_state_dir(l->ctx, path, NULL) != JWK11_OK)
			fprintf(stderr, "jwk11: no state directory; a refused PIN is remembered for this call only\n");
}

enum jwk11_rc local_open(const struct cmd_global *g, struct local **ret_local, struct jwk11_err *err)
{
	J11_AUTO(local_close_auto) struct local *l = j11_mem_new(sizeof(*l));
	enum jwk11_rc rc;

	if (l == NULL)
		return j11_err_memory(err);
	rc = conf_load(g->config, &l->conf, err);
	if (rc == JWK11_OK)
		rc = jwk11_context_new(&l->ctx, err);
	if (rc != JWK11_OK)
		return rc;
	for (const char **e = l->conf->environment; *e != NULL; e++)
		putenv((char *)*e);
	for (const char **m = l->conf->modules; rc == JWK11_OK && *m != NULL; m++)
		rc = jwk11_context_load(l->ctx, *m, err);
	if (rc != JWK11_OK)
		return rc;
	set_state(l);
	l->tokens = j11_mem_new_array(l->conf->n_tokens, sizeof(struct jwk11_token *));
	l->why = j11_mem_new_array(l->conf->n_tokens, sizeof(*l->why));
	l->tried = j11_mem_new_array(l->conf->n_tokens, sizeof(*l->tried));
	if (l->tokens == NULL || l->why == NULL || l->tried == NULL)
		return j11_err_memory(err);
	*ret_local = J11_STEAL(l);
	return JWK11_OK;
}

void local_close(struct local *l)
{
	if (l == NULL)
		return;
	for (size_t i = 0; i < l->n_found; i++)
		jwk11_key_unref(l->found[i].key);
	for (size_t i = 0; l->tokens != NULL && i < l->conf->n_tokens; i++)
		jwk11_token_unref(l->tokens[i]);
	jwk11_context_free(l->ctx);
	j11_mem_free(l->tokens);
	j11_mem_free(l->why);
	j11_mem_free(l->tried);
	conf_free(l->conf);
	j11_mem_free(l);
}

const struct conf *local_conf(const struct local *l)
{
	return l->conf;
}

struct jwk11_context *local_context(struct local *l)
{
	return l->ctx;
}

static struct jwk11_token *open_token(struct local *l, size_t i)
{
	const struct conf_token *t = &l->conf->tokens[i];
	struct jwk11_token_config config = { .uri = t->uri, .module = t->module, .pin_file = t->pin_file, .login = (enum jwk11_login_mode)t->login };
	char path[4352];

	if (t->pin_credential != NULL && getenv("CREDENTIALS_DIRECTORY") != NULL) {
		snprintf(path, sizeof(path), "%s/%s", getenv("CREDENTIALS_DIRECTORY"), t->pin_credential);
		config.pin_file = path;
	}
	if (!l->tried[i] && jwk11_token_open(l->ctx, &config, &l->tokens[i], &l->why[i]) != JWK11_OK)
		l->tokens[i] = NULL;
	l->tried[i] = true;
	return l->tokens[i];
}

/* Exactly one key for a URI over all tokens. */
static enum jwk11_rc find_uri(struct local *l, const char *name, const char *uri, struct jwk11_key **ret_key, struct jwk11_err *err)
{
	struct jwk11_err first = { 0 };
	struct jwk11_key *key = NULL;
	size_t n = 0;

	for (size_t i = 0; i < l->conf->n_tokens; i++) {
		struct jwk11_token *token = open_token(l, i);
		struct jwk11_keys *keys = NULL;

		if (token == NULL || jwk11_token_keys(token, uri, &keys, token ? &first : NULL) != JWK11_OK) {
			if (first.rc == JWK11_OK)
				first = l->why[i];
			continue;
		}
		n += jwk11_keys_count(keys);
		if (key == NULL && jwk11_keys_count(keys) > 0)
			key = jwk11_key_ref(jwk11_keys_get(keys, 0));
		jwk11_keys_free(keys);
	}
	if (n == 1) {
		*ret_key = key;
		return JWK11_OK;
	}
	jwk11_key_unref(key);
	if (n > 1)
		return j11_err_set(err, JWK11_ERR_AMBIGUOUS, J11_CODE_KEY_AMBIGUOUS, "key \"%s\": %zu keys match %s", name, n, uri);
	if (first.rc != JWK11_OK && err != NULL) {
		*err = first;
		return first.rc;
	}
	return j11_err_set(err, JWK11_ERR_NOT_FOUND, J11_CODE_KEY_UNKNOWN, "key \"%s\": nothing on the tokens matches %s", name, uri);
}

/* Remembers a key with its algorithm and kid. Takes the reference. */
static enum jwk11_rc keep(struct local *l, struct jwk11_key *key, const struct conf_key *conf, struct found **ret_found, struct jwk11_err *err)
{
	struct found *f = &l->found[l->n_found];
	char thumbprint[JWK11_THUMBPRINT_LEN + 1];
	enum jwk11_rc rc = l->n_found < MAX_FOUND ? JWK11_OK : j11_err_set(err, JWK11_ERR_LIMIT, J11_CODE_LIMIT, "more than %d keys", MAX_FOUND);

	if (rc == JWK11_OK)
		rc = jwk11_pub_thumbprint(jwk11_key_pub(key), thumbprint, err);
	if (rc != JWK11_OK) {
		jwk11_key_unref(key);
		return rc;
	}
	f->key = key;
	snprintf(f->alg, sizeof(f->alg), "%s", conf && conf->alg ? conf->alg : jwk11_pub_default_alg(jwk11_key_pub(key)));
	snprintf(f->kid, sizeof(f->kid), "%s", conf && conf->kid ? conf->kid : thumbprint);
	l->n_found++;
	*ret_found = f;
	return JWK11_OK;
}

static enum jwk11_rc by_conf(struct local *l, const struct conf_key *conf, struct found **ret_found, struct jwk11_err *err)
{
	struct jwk11_key *key = NULL;
	enum jwk11_rc rc = find_uri(l, conf->name, conf->uri, &key, err);

	return rc == JWK11_OK ? keep(l, key, conf, ret_found, err) : rc;
}

static enum jwk11_rc unknown(const struct conf *conf, const char *name, struct jwk11_err *err)
{
	const char *nearest = NULL;
	unsigned best = 8;

	for (size_t i = 0; i < conf->n_keys; i++) {
		unsigned distance = j11_text_distance(name, conf->keys[i].name);

		if (distance < best) {
			best = distance;
			nearest = conf->keys[i].name;
		}
	}
	if (nearest != NULL)
		return j11_err_set(err, JWK11_ERR_NOT_FOUND, J11_CODE_KEY_UNKNOWN, "no key \"%s\". Did you mean %s?", name, nearest);
	return j11_err_set(err, JWK11_ERR_NOT_FOUND, J11_CODE_KEY_UNKNOWN, "no key \"%s\"", name);
}

enum jwk11_rc local_key(struct local *l, const char *name, struct jwk11_key **ret_key, const char **ret_alg, const char **ret_kid,
	struct jwk11_err *err)
{
	const struct conf_key *conf = conf_find_key(l->conf, name);
	struct found *f = NULL;
	struct jwk11_key *key = NULL;
	enum jwk11_rc rc = JWK11_ERR_NOT_FOUND;

	if (conf != NULL) {
		rc = by_conf(l, conf, &f, err);
	} else if (j11_text_starts(name, "pkcs11:")) {
		rc = find_uri(l, name, name, &key, err);
		if (rc == JWK11_OK)
			rc = keep(l, key, NULL, &f, err);
	} else {
		for (size_t i = 0; i < l->conf->n_keys && rc != JWK11_OK; i++)
			if (by_conf(l, &l->conf->keys[i], &f, NULL) == JWK11_OK && j11_text_equal(f->kid, name))
				rc = JWK11_OK;
		if (rc != JWK11_OK)
			rc = unknown(l->conf, name, err);
	}
	if (rc != JWK11_OK)
		return rc;
	*ret_key = f->key;
	*ret_alg = f->alg;
	*ret_kid = f->kid;
	return JWK11_OK;
}

void local_each(struct local *l, local_fn fn, void *arg)
{
	for (size_t i = 0; i < l->conf->n_keys; i++) {
		struct jwk11_err why = { 0 };
		struct found *f = NULL;

		if (by_conf(l, &l->conf->keys[i], &f, &why) == JWK11_OK)
			fn(&l->conf->keys[i], f->key, f->alg, f->kid, &why, arg);
		else
			fn(&l->conf->keys[i], NULL, "", "", &why, arg);
	}
}
