/* SPDX-License-Identifier: Apache-2.0 */
/* Making a view: tokens opened, keys found, states named. */
#include "work_view.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "log.h"
#include "wire.h"

/* The state's word for a token that could not be opened. */
static const char *state_of(const struct jwk11_err *why)
{
	static const struct {
		enum j11_code code;
		const char *state;
	} rows[] = {
		{ J11_CODE_TOKEN_ABSENT, "absent" },
		{ J11_CODE_TOKEN_AMBIGUOUS, "ambiguous" },
		{ J11_CODE_PIN_MISSING, "pin-missing" },
		{ J11_CODE_PIN_FILE, "pin-missing" },
		{ J11_CODE_PIN_REJECTED, "pin-rejected" },
		{ J11_CODE_PIN_LOCKED, "pin-locked" },
		{ J11_CODE_PIN_FINAL_TRY, "pin-final-try" },
		{ J11_CODE_PIN_EXPIRED, "pin-expired" },
	};

	for (size_t i = 0; i < J11_COUNT(rows); i++)
		if (j11_text_equal(why->code, j11_code_name(rows[i].code)))
			return rows[i].state;
	return "failed";
}

static void open_token(struct jwk11_context *ctx, const char *module, const struct conf *conf, struct work_token *t)
{
	const char *folder = getenv("CREDENTIALS_DIRECTORY");
	char credential[4352];
	struct jwk11_token_config config = {
		.uri = t->conf->uri,
		.module = module,
		.pin_file = t->conf->pin_file,
		.n_sessions = conf->threads,
		.login = (enum jwk11_login_mode)t->conf->login,
		.sign_unverified = t->conf->verify == CONF_VERIFY_FIRST,
	};

	if (t->conf->pin_credential != NULL) {
		snprintf(credential, sizeof(credential), "%s/%s", folder ? folder : "/run/credentials/jwk11d.service", t->conf->pin_credential);
		config.pin_file = credential;
	}
	t->state = jwk11_token_open(ctx, &config, &t->token, &t->why) == JWK11_OK ? "ready" : state_of(&t->why);
}

/* Takes the only match on one token; more than one is an answer, none is not yet. */
static void find_on(struct work_key *k, const struct work_token *t)
{
	struct jwk11_keys *keys = NULL;
	struct jwk11_err err = { 0 };
	enum jwk11_rc rc = jwk11_token_keys(t->token, k->conf->uri, &keys, &err);
	size_t n = rc == JWK11_OK ? jwk11_keys_count(keys) : 0;

	if (rc != JWK11_OK) {
		k->state = "unavailable";
		k->why = err;
	} else if (n > 1 || (n == 1 && k->key != NULL)) {
		jwk11_key_unref(k->key);
		k->key = NULL;
		k->state = "ambiguous";
		k->why = (struct jwk11_err){ 0 };
		j11_err_set(&k->why, JWK11_ERR_AMBIGUOUS, J11_CODE_KEY_AMBIGUOUS, "key \"%s\": more than one key matches %s", k->conf->name, k->conf->uri);
		j11_err_hint(&k->why, "add id= or serial= to its uri");
	} else if (n == 1) {
		k->key = jwk11_key_ref(jwk11_keys_get(keys, 0));
		k->token = t;
		k->state = "active";
	} else if (jwk11_keys_n_skipped(keys) > 0 && k->why.rc == JWK11_OK) {
		k->state = "unsupported";
		j11_err_set(&k->why, JWK11_ERR_UNSUPPORTED, J11_CODE_KEY_UNAVAILABLE, "%s", jwk11_keys_skip_reason(keys));
	}
	jwk11_keys_free(keys);
}

/* Algorithm and kid of a key that was found; a configured algorithm it cannot do takes it out of use. */
static void settle_key(struct work_key *k)
{
	char thumbprint[JWK11_THUMBPRINT_LEN + 1] = "";
	const char *alg = k->conf->alg ? k->conf->alg : jwk11_pub_default_alg(jwk11_key_pub(k->key));

	if (!jwk11_key_can(k->key, alg)) {
		j11_err_set(&k->why, JWK11_ERR_MISMATCH, J11_CODE_KEY_UNAVAILABLE, "key \"%s\": its token cannot make %s signatures with it", k->conf->name, alg);
		k->state = "unsupported";
	} else if (k->conf->kid == NULL && jwk11_pub_thumbprint(jwk11_key_pub(k->key), thumbprint, &k->why) != JWK11_OK) {
		k->state = "unavailable";
	}
	k->alg = alg;
	snprintf(k->kid, sizeof(k->kid), "%s", k->conf->kid ? k->conf->kid : thumbprint);
	if (j11_text_equal(k->state, "active"))
		return;
	jwk11_key_unref(k->key);
	k->key = NULL;
}

static void find_key(struct work_view *view, struct work_key *k)
{
	const struct work_token *down = NULL;

	k->state = "missing";
	for (size_t i = 0; i < view->n_tokens && !j11_text_equal(k->state, "ambiguous"); i++) {
		if (view->tokens[i].token != NULL)
			find_on(k, &view->tokens[i]);
		else
			down = &view->tokens[i];
	}
	if (k->key != NULL) {
		settle_key(k);
	} else if (j11_text_equal(k->state, "missing") && down != NULL) {
		k->state = "unavailable";
		k->why = down->why;
		k->token = down;
	} else if (j11_text_equal(k->state, "missing")) {
		j11_err_set(&k->why, JWK11_ERR_NOT_FOUND, J11_CODE_KEY_UNAVAILABLE, "key \"%s\": no key on the tokens matches %s", k->conf->name, k->conf->uri);
		j11_err_hint(&k->why, "see: jwk11 list --offline");
	}
}

struct work_view *work_view_new(struct jwk11_context *ctx, const char *module, struct conf *conf)
{
	struct work_view *view = j11_mem_new(sizeof(*view));

	if (view == NULL) {
		conf_free(conf);
		return NULL;
	}
	atomic_init(&view->refs, 1);
	view->conf = conf;
	view->tokens = j11_mem_new_array(conf->n_tokens, sizeof(*view->tokens));
	view->keys = j11_mem_new_array(conf->n_keys, sizeof(*view->keys));
	if (view->tokens == NULL || view->keys == NULL) {
		work_view_unref(view);
		return NULL;
	}
	for (size_t i = 0; i < conf->n_tokens; i++) {
		if (conf->tokens[i].module != NULL && !j11_text_equal(conf->tokens[i].module, module))
			continue;
		view->tokens[view->n_tokens].conf = &conf->tokens[i];
		open_token(ctx, module, conf, &view->tokens[view->n_tokens++]);
	}
	for (size_t i = 0; i < conf->n_keys; i++) {
		view->keys[i].conf = &conf->keys[i];
		find_key(view, &view->keys[view->n_keys++]);
	}
	return view;
}

struct work_view *work_view_ref(struct work_view *view)
{
	atomic_fetch_add_explicit(&view->refs, 1, memory_order_relaxed);
	return view;
}

void work_view_unref(struct work_view *view)
{
	if (view == NULL || atomic_fetch_sub_explicit(&view->refs, 1, memory_order_acq_rel) != 1)
		return;
	for (size_t i = 0; i < view->n_keys; i++)
		jwk11_key_unref(view->keys[i].key);
	for (size_t i = 0; i < view->n_tokens; i++)
		jwk11_token_unref(view->tokens[i].token);
	j11_mem_free(view->keys);
	j11_mem_free(view->tokens);
	conf_free(view->conf);
	j11_mem_free(view);
}

const struct work_key *work_view_find(const struct work_view *view, const char *name)
{
	for (size_t i = 0; i < view->n_keys; i++)
		if (j11_text_equal(view->keys[i].conf->name, name))
			return &view->keys[i];
	for (size_t i = 0; i < view->n_keys; i++)
		if (view->keys[i].key != NULL && j11_text_equal(view->keys[i].kid, name))
			return &view->keys[i];
	return NULL;
}

bool work_view_is_waiting(const struct work_view *view)
{
	for (size_t i = 0; i < view->n_tokens; i++)
		if (view->tokens[i].token == NULL && !j11_text_starts(view->tokens[i].state, "pin-"))
			return true;
	return false;
}

bool work_view_has_open(const struct work_view *view)
{
	for (size_t i = 0; i < view->n_tokens; i++)
		if (view->tokens[i].token != NULL)
			return true;
	return false;
}

static void send_out(int sock, const struct jwk11_buf *out)
{
	int why = out->failed == JWK11_OK ? wire_send(sock, j11_buf_view(out), -1) : 0;

	if (out->failed != JWK11_OK || why != 0)
		log_event(LOG_LEVEL_WARNING, "catalogue-send-failed", "why", why ? strerror(why) : "too long", NULL);
}

static void announce_token(const struct work_token *t, int sock, struct jwk11_buf *out)
{
	const struct jwk11_token_info *info = t->token ? jwk11_token_get_info(t->token) : NULL;

	jwk11_buf_reset(out);
	wire_begin(out, WIRE_CATALOG_TOKEN, 0);
	wire_add_str(out, WIRE_F_NAME, t->conf->name);
	wire_add_str(out, WIRE_F_STATE, t->state);
	if (info != NULL) {
		wire_add_str(out, WIRE_F_LABEL, info->label);
		wire_add_str(out, WIRE_F_MANUFACTURER, info->manufacturer);
		wire_add_str(out, WIRE_F_MODEL, info->model);
		wire_add_str(out, WIRE_F_SERIAL, info->serial);
		wire_add_str(out, WIRE_F_PIN, jwk11_pin_state_name(info->pin));
		wire_add_str(out, WIRE_F_LIBRARY, info->library);
	} else {
		wire_add_str(out, WIRE_F_TEXT, t->why.text);
	}
	send_out(sock, out);
}

static void announce_key(const struct work_key *k, int sock, struct jwk11_buf *out)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf text = J11_BUF(65536);
	const struct jwk11_pub *pub = k->key ? jwk11_key_pub(k->key) : NULL;

	jwk11_buf_reset(out);
	wire_begin(out, WIRE_CATALOG_KEY, 0);
	wire_add_str(out, WIRE_F_NAME, k->conf->name);
	wire_add_str(out, WIRE_F_STATE, k->state);
	if (k->token != NULL)
		wire_add_str(out, WIRE_F_TOKEN, k->token->conf->name);
	if (pub == NULL) {
		wire_add_str(out, WIRE_F_TEXT, k->why.text);
	} else {
		wire_add_str(out, WIRE_F_KID, k->kid);
		wire_add_str(out, WIRE_F_ALG, k->alg);
		wire_add_str(out, WIRE_F_KTY, jwk11_pub_kty(pub));
		wire_add_num(out, WIRE_F_BITS, jwk11_pub_bits(pub));
		wire_add_str(out, WIRE_F_LABEL, jwk11_key_label(k->key));
		if (jwk11_pub_jwk(pub, k->alg, k->kid, &text, NULL) == JWK11_OK)
			wire_add(out, WIRE_F_JWK, j11_buf_view(&text));
		jwk11_buf_reset(&text);
		if (jwk11_pub_pem(pub, &text, NULL) == JWK11_OK)
			wire_add(out, WIRE_F_PEM, j11_buf_view(&text));
	}
	send_out(sock, out);
}

void work_view_announce(const struct work_view *view, const char *module, unsigned index, int sock)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf out = J11_BUF(WIRE_MAX);

	wire_begin(&out, WIRE_CATALOG_BEGIN, 0);
	wire_add_str(&out, WIRE_F_MODULE, module);
	wire_add_num(&out, WIRE_F_INDEX, index);
	send_out(sock, &out);
	for (size_t i = 0; i < view->n_tokens; i++)
		announce_token(&view->tokens[i], sock, &out);
	for (size_t i = 0; i < view->n_keys; i++)
		announce_key(&view->keys[i], sock, &out);
	jwk11_buf_reset(&out);
	wire_begin(&out, WIRE_CATALOG_END, 0);
	send_out(sock, &out);
}
