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
#include "jose/x5c.h"
#include "log.h"
#include "token/cert_file.h"
#include "token/pick.h"
#include "token/versions.h"
#include "wire.h"
#include "work_break.h"
#include "work_login.h"

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
		{ J11_CODE_PIN_PAD, "pin-pad" },
		{ J11_CODE_LOGGED_OUT, "logged-out" },
	};

	for (size_t i = 0; i < J11_COUNT(rows); i++)
		if (j11_text_equal(why->code, j11_code_name(rows[i].code)))
			return rows[i].state;
	return "failed";
}

/* Where the PIN is typed on a pad, somebody types it once, for the first worker. The supervisor starts no other, unless the configuration was
 * another one then. */
static bool is_others_business(const struct conf_token *t, unsigned index)
{
	return t->login == CONF_LOGIN_PROTECTED && index > 0;
}

static void open_token(struct jwk11_context *ctx, const char *module, const struct conf *conf, struct work_token *t)
{
	const char *folder = getenv("CREDENTIALS_DIRECTORY");
	const struct work_login *login = work_login_of(t->conf->name);
	char credential[4352];
	struct jwk11_token_config config = {
		.uri = t->conf->uri,
		.module = module,
		.pin_file = t->conf->pin_file,
		.n_sessions = conf->threads,
		.login = (enum jwk11_login_mode)t->conf->login,
		.sign_unverified = t->conf->verify == CONF_VERIFY_FIRST,
		.login_timeout_s = (unsigned)t->conf->login_timeout,
		.strict = conf->strict == CONF_YES,
	};

	if (login != NULL && login->out) {
		j11_err_set(&t->why, JWK11_ERR_LOGIN, J11_CODE_LOGGED_OUT, "token \"%s\" is logged out", t->conf->name);
		j11_err_hint(&t->why, "jwk11 login %s", t->conf->name);
		t->state = state_of(&t->why);
		return;
	}
	if (work_break_is_open(t->conf->name, &t->why)) {
		t->state = state_of(&t->why);
		return;
	}
	if (t->conf->pin_credential != NULL) {
		snprintf(credential, sizeof(credential), "%s/%s", folder ? folder : "/run/credentials/jwk11d.service", t->conf->pin_credential);
		config.pin_file = credential;
	}
	if (login != NULL) {
		config.pin_file = NULL;
		config.pin = j11_secret_expose(login->pin);
		config.final_try = login->final_try;
	}
	if (jwk11_token_open(ctx, &config, &t->token, &t->why) == JWK11_OK) {
		t->state = "ready";
		return;
	}
	t->state = state_of(&t->why);
	if (j11_text_equal(t->why.code, j11_code_name(J11_CODE_PIN_MISSING)))
		j11_err_hint(&t->why, "jwk11 login %s, or pin-file or pin-credential in [token %s]", t->conf->name, t->conf->name);
	else if (login != NULL && j11_text_equal(t->why.code, j11_code_name(J11_CODE_PIN_REJECTED)))
		j11_err_hint(&t->why, "jwk11 login %s with the right PIN", t->conf->name);
}

/* An algorithm for MACs wants a secret key; without one the URI's type says what is meant. */
static enum jwk11_use use_of(const struct conf_key *conf)
{
	if (conf->use == CONF_USE_ENC)
		return JWK11_USE_ENC;
	return conf->alg != NULL && j11_alg_is_mac(conf->alg) ? JWK11_USE_MAC : JWK11_USE_SIG;
}

/* What a key's certificates say in the catalogue. A token that does not show its certificates still signs. */
static void find_chain(struct work_key *k)
{
	struct work_token *t = (struct work_token *)k->token;
	struct jwk11_err err = { 0 };

	if (t->certs == NULL && !j11_key_has_file_chain(k->key) && jwk11_token_certs(t->token, &t->certs, &err) != JWK11_OK) {
		log_event(LOG_LEVEL_WARNING, "certificates-unread", "token", t->conf->name, "why", err.text, NULL);
		return;
	}
	if (jwk11_key_chain(k->key, t->certs, &k->chain, &err) == JWK11_OK)
		snprintf(k->chain_note, sizeof(k->chain_note), "%s", jwk11_chain_note(k->chain));
	else
		j11_key_no_chain(k->key, &err, k->chain_note);
}

/* Offers what matches on one token. */
static void find_on(struct work_key *k, const struct work_token *t, struct j11_pick *pick)
{
	struct jwk11_keys *keys = NULL;
	struct jwk11_err err = { 0 };
	enum jwk11_rc rc = jwk11_token_keys_for(t->token, k->conf->uri, use_of(k->conf), &keys, &err);

	if (rc != JWK11_OK) {
		k->state = "unavailable";
		k->why = err;
		return;
	}
	for (size_t i = 0; i < jwk11_keys_count(keys); i++)
		if (j11_pick_offer(pick, jwk11_keys_get(keys, i)))
			k->token = t;
	if (jwk11_keys_count(keys) == 0 && jwk11_keys_n_skipped(keys) > 0 && k->why.rc == JWK11_OK) {
		k->state = "unsupported";
		j11_err_set(&k->why, JWK11_ERR_UNSUPPORTED, J11_CODE_KEY_UNAVAILABLE, "%s", jwk11_keys_skip_reason(keys));
	}
	jwk11_keys_free(keys);
}

/* Exactly one is wanted; more are an answer, none is not yet. */
static void take_pick(struct work_key *k, struct j11_pick *pick)
{
	if (pick->n > 1) {
		k->state = "ambiguous";
		k->why = (struct jwk11_err){ 0 };
		j11_pick_ambiguous(pick, k->conf->name, k->conf->uri, &k->why);
	} else if (pick->n == 1) {
		k->key = jwk11_key_ref(pick->key);
		k->why = (struct jwk11_err){ 0 };
		k->state = "active";
	}
}

static void put_out_of_use(struct work_key *k, const char *state)
{
	k->state = state;
	jwk11_key_unref(k->key);
	k->key = NULL;
}

/* The literal kid, or by style. What signs and what is published both take it from here. */
static enum jwk11_rc settle_kid(struct work_key *k)
{
	enum jwk11_rc rc;

	if (k->conf->kid != NULL && k->moment == 0) { /* what had that kid before there were versions keeps it */
		snprintf(k->kid, sizeof(k->kid), "%s", k->conf->kid); /* conf_check has seen to its length */
		return JWK11_OK;
	}
	if (jwk11_key_use(k->key) == JWK11_USE_MAC && k->conf->kid_style == JWK11_KID_THUMBPRINT) { /* the default, which no secret key can have */
		snprintf(k->kid, sizeof(k->kid), "%s", k->conf->name);
		return JWK11_OK;
	}
	rc = jwk11_key_kid(k->key, k->conf->kid_style, k->kid, &k->why);
	if (rc != JWK11_OK)
		j11_err_hint(&k->why, "another kid-style, or kid, in [key %s]", k->conf->name);
	return rc;
}

static const char *alg_of(const struct work_key *k)
{
	if (k->is_version)
		return j11_versions_alg(k->key, k->conf->alg);
	return k->conf->alg != NULL ? k->conf->alg : jwk11_key_default_alg(k->key);
}

/* Algorithm and kid of a key that was found; a configured algorithm it cannot do takes it out of use. */
static void settle_key(struct work_key *k)
{
	const char *alg = alg_of(k);
	struct jwk11_err why = { 0 };
	enum jwk11_rc rc;

	k->alg = alg;
	k->health = jwk11_key_health(k->key);
	jwk11_key_set_context_pin(k->key, k->conf->context_pin == CONF_YES);
	if (jwk11_key_check(k->key, &k->why) != JWK11_OK) {
		put_out_of_use(k, j11_text_equal(k->why.code, j11_code_name(J11_CODE_KEY_WEAK)) ? "weak" : "wants-pin");
		return;
	}
	if (jwk11_key_check_alg(k->key, alg, &why) != JWK11_OK) {
		j11_err_set(&k->why, JWK11_ERR_MISMATCH, J11_CODE_KEY_UNAVAILABLE, "key \"%s\": its token cannot %s %s with it: %s", k->conf->name,
			k->conf->use == CONF_USE_ENC ? "decrypt" : "sign", alg, why.text);
		put_out_of_use(k, "unsupported");
		return;
	}
	rc = settle_kid(k);
	if (rc != JWK11_OK)
		put_out_of_use(k, rc == JWK11_ERR_MISMATCH || rc == JWK11_ERR_LIMIT ? "unsupported" : "unavailable");
}

static void find_key(struct work_view *view, struct work_key *k)
{
	const struct work_token *down = NULL;
	struct j11_pick pick = J11_PICK;

	k->state = "missing";
	for (size_t i = 0; i < view->n_tokens; i++) {
		if (view->tokens[i].token != NULL)
			find_on(k, &view->tokens[i], &pick);
		else
			down = &view->tokens[i];
	}
	take_pick(k, &pick);
	j11_pick_done(&pick);
	if (k->key != NULL) {
		settle_key(k);
	} else if (j11_text_equal(k->state, "missing") && down != NULL) {
		k->state = "unavailable";
		k->why = down->why;
		k->token = down;
	} else if (j11_text_equal(k->state, "missing")) {
		j11_err_set(&k->why, JWK11_ERR_NOT_FOUND, J11_CODE_KEY_UNAVAILABLE, "key \"%s\": no key on the tokens matches %s", k->conf->name, k->conf->uri);
		j11_err_hint(&k->why, "jwk11 list --offline");
	}
}

/* ---- versions ---- */

/* Room for n more. Nothing may point to a key yet. */
static bool make_room(struct work_view *view, size_t n)
{
	size_t room = view->n_keys + n > 2 * view->room ? view->n_keys + n : 2 * view->room;
	struct work_key *bigger;

	if (view->n_keys + n <= view->room)
		return true;
	bigger = j11_mem_resize(view->keys, room * sizeof(*bigger));
	if (bigger == NULL)
		return false;
	memset(bigger + view->room, 0, (room - view->room) * sizeof(*bigger));
	view->keys = bigger;
	view->room = room;
	return true;
}

/* Searches all tokens; what stands in the way is noted in k. */
static void search_versions(const struct work_view *view, struct work_key *k, struct j11_found_versions *found)
{
	const struct conf_key *conf = k->conf;

	k->state = "missing";
	k->is_whole = true;
	for (size_t i = 0; i < view->n_tokens; i++) {
		const struct work_token *t = &view->tokens[i];

		if (t->token == NULL) {
			k->is_whole = false;
			k->state = "unavailable";
			k->why = t->why;
			k->token = t;
		} else if (j11_versions_find(t->token, conf->uri, conf->name, i, found, &k->why) != JWK11_OK) {
			k->is_whole = false;
			k->state = "unavailable";
			k->token = t;
		}
	}
	/* One that cannot be read now may have been read before; and a token that shows none at all has more likely lost its mind (SoftHSM without its
	 * files) than all its keys. */
	if (found->skipped[0] != '\0' || found->n == 0)
		k->is_whole = false;
	if (found->n_too_many > 0)
		log_event(LOG_LEVEL_WARNING, "versions-left-out", "key", conf->name, "why", "there are too many; jwk11 prune destroys retired ones", NULL);
	if (found->misleading[0] != '\0')
		log_event(LOG_LEVEL_WARNING, "label-misleading", "key", conf->name, "label", found->misleading, "why", "it looks like a version, but has no moment", NULL);
	if (found->n > 0 || !j11_text_equal(k->state, "missing"))
		return;
	if (found->skipped[0] != '\0') {
		k->state = "unsupported";
		j11_err_set(&k->why, JWK11_ERR_UNSUPPORTED, J11_CODE_KEY_UNAVAILABLE, "%s", found->skipped);
		return;
	}
	j11_err_set(&k->why, JWK11_ERR_NOT_FOUND, J11_CODE_KEY_UNAVAILABLE, "key \"%s\": no version of it is on the tokens (%s)", conf->name, conf->uri);
	j11_err_hint(&k->why, "jwk11 rotate %s makes the first one", conf->name);
}

/* One entry for each version, or one that says why there is none. */
static bool find_versions(struct work_view *view, const struct conf_key *conf)
{
	struct j11_found_versions *found = j11_mem_new(sizeof(*found));
	struct work_key *k = &view->keys[view->n_keys];
	bool is_whole, ok;

	if (found == NULL)
		return false;
	k->conf = conf;
	search_versions(view, k, found);
	is_whole = k->is_whole;
	ok = make_room(view, found->n > 0 ? found->n : 1);
	for (size_t i = 0; ok && i < found->n; i++) {
		k = &view->keys[view->n_keys++];
		*k = (struct work_key){ .conf = conf, .key = jwk11_key_ref(found->list[i].key), .state = "active", .token = &view->tokens[found->list[i].at],
			.is_version = true, .is_whole = is_whole, .moment = found->list[i].moment };
		settle_key(k);
	}
	if (found->n == 0)
		view->n_keys += ok;
	j11_versions_done(found);
	j11_mem_free(found);
	return ok;
}

/* Two sections may not put one key to two uses: it keeps the one to sign. */
static void separate_uses(struct work_key *enc, const struct work_view *view)
{
	char mine[JWK11_THUMBPRINT_LEN + 1], other[JWK11_THUMBPRINT_LEN + 1];

	if (enc->key == NULL || enc->conf->use != CONF_USE_ENC || jwk11_pub_thumbprint(jwk11_key_pub(enc->key), mine, NULL) != JWK11_OK)
		return;
	for (size_t i = 0; i < view->n_keys; i++) {
		const struct work_key *sig = &view->keys[i];

		if (sig->key == NULL || sig->conf->use != CONF_USE_SIG || jwk11_pub_thumbprint(jwk11_key_pub(sig->key), other, NULL) != JWK11_OK ||
			!j11_text_equal(mine, other))
			continue;
		j11_err_set(&enc->why, JWK11_ERR_MISMATCH, J11_CODE_KEY_UNAVAILABLE, "key \"%s\" is the signing key \"%s\" too; one key serves one use",
			enc->conf->name, sig->conf->name);
		put_out_of_use(enc, "unsupported");
		return;
	}
}

static int compare_kids(const void *a, const void *b)
{
	const struct work_key *x = *(struct work_key *const *)a, *y = *(struct work_key *const *)b;
	int order = strcmp(x->kid, y->kid);

	return order != 0 ? order : (x > y) - (x < y);
}

/* Nothing shows that two secret keys are one. */
static bool same_pub(const struct work_key *one, const struct work_key *other)
{
	const struct jwk11_pub *a = jwk11_key_pub(one->key), *b = jwk11_key_pub(other->key);

	return a != NULL && b != NULL && j11_pub_equal(a, b);
}

/* Two names of one thing may share a kid; a kid of two keys, or of one key with two algorithms, would let a verifier take the wrong one. */
static bool may_share_kid(const struct work_key *one, const struct work_key *other)
{
	return j11_text_equal(one->alg, other->alg) && same_pub(one, other);
}

/* The first section in the configuration keeps the kid, the others are out of use. */
static enum jwk11_rc separate_kids(struct work_view *view)
{
	J11_AUTO(j11_mem_free_auto) struct work_key **sorted = j11_mem_new_array(view->n_keys, sizeof(struct work_key *));
	const struct work_key *first = NULL;
	size_t n = 0;

	if (sorted == NULL)
		return JWK11_ERR_MEMORY;
	for (size_t i = 0; i < view->n_keys; i++)
		if (view->keys[i].key != NULL && view->keys[i].kid[0] != '\0')
			sorted[n++] = &view->keys[i];
	qsort(sorted, n, sizeof(struct work_key *), compare_kids);
	for (size_t i = 0; i < n; i++) {
		if (first == NULL || !j11_text_equal(first->kid, sorted[i]->kid)) {
			first = sorted[i];
		} else if (!may_share_kid(first, sorted[i])) {
			j11_err_set(&sorted[i]->why, JWK11_ERR_MISMATCH, J11_CODE_KID_TAKEN, "key \"%s\": its kid \"%s\" is that of key \"%s\" with another %s",
				sorted[i]->conf->name, first->kid, first->conf->name,
				same_pub(first, sorted[i]) ? "algorithm" : jwk11_key_pub(first->key) && jwk11_key_pub(sorted[i]->key) ? "public half" : "secret");
			j11_err_hint(&sorted[i]->why, "another kid or kid-style in [key %s]", sorted[i]->conf->name);
			put_out_of_use(sorted[i], "kid-taken");
		}
	}
	return JWK11_OK;
}

/* Before anybody signs with them: headers carry certificates too. */
static void read_files(struct work_view *view)
{
	struct j11_cert_file file = { .path = NULL };

	for (size_t i = 0; i < view->n_keys; i++)
		if (view->keys[i].key != NULL && view->keys[i].conf->certificates != NULL)
			j11_key_take_file(view->keys[i].key, view->keys[i].conf->certificates, &file);
	j11_cert_file_done(&file);
}

void work_view_find_chains(struct work_view *view)
{
	for (size_t i = 0; i < view->n_keys; i++)
		if (view->keys[i].key != NULL && jwk11_key_pub(view->keys[i].key) != NULL)
			find_chain(&view->keys[i]);
	for (size_t i = 0; i < view->n_tokens; i++) {
		jwk11_certs_free(view->tokens[i].certs);
		view->tokens[i].certs = NULL;
	}
}

static void open_tokens(struct work_view *view, struct jwk11_context *ctx, const char *module, unsigned index)
{
	const struct conf *conf = view->conf;

	for (size_t i = 0; i < conf->n_tokens; i++) {
		struct work_token *t = &view->tokens[view->n_tokens];

		if (conf->tokens[i].module != NULL && !j11_text_equal(conf->tokens[i].module, module))
			continue;
		t->conf = &conf->tokens[i];
		view->n_tokens++;
		if (!is_others_business(t->conf, index)) {
			open_token(ctx, module, conf, t);
			continue;
		}
		j11_err_set(&t->why, JWK11_ERR_LOGIN, J11_CODE_PIN_PAD, "token \"%s\": its PIN is typed on its pad, for one worker; restart jwk11d", t->conf->name);
		t->state = "pin-pad";
	}
}

/* Keys on the view's open tokens. False: no memory. */
static bool find_keys(struct work_view *view)
{
	for (size_t i = 0; i < view->conf->n_keys; i++) {
		const struct conf_key *conf = &view->conf->keys[i];

		if (!make_room(view, 1))
			return false;
		if (conf_key_is_versioned(conf)) {
			if (!find_versions(view, conf))
				return false;
			continue;
		}
		view->keys[view->n_keys].conf = conf;
		find_key(view, &view->keys[view->n_keys++]);
	}
	for (size_t i = 0; i < view->n_keys; i++)
		separate_uses(&view->keys[i], view);
	return separate_kids(view) == JWK11_OK;
}

/* With room for everything, nothing in it yet. Takes conf; NULL: no memory. */
static struct work_view *make_empty(struct conf *conf)
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
	view->room = conf->n_keys;
	if (view->tokens == NULL || view->keys == NULL) {
		work_view_unref(view);
		return NULL;
	}
	return view;
}

/* NULL when it lacks memory. */
static struct work_view *complete(struct work_view *view)
{
	if (find_keys(view)) {
		read_files(view);
		return view;
	}
	work_view_unref(view);
	return NULL;
}

struct work_view *work_view_new(struct jwk11_context *ctx, const char *module, unsigned index, struct conf *conf)
{
	struct work_view *view = make_empty(conf);

	if (view == NULL)
		return NULL;
	open_tokens(view, ctx, module, index);
	return complete(view);
}

struct work_view *work_view_again(const struct work_view *before, struct conf *conf)
{
	struct work_view *view = make_empty(conf);

	if (view == NULL)
		return NULL;
	for (size_t i = 0; i < before->n_tokens; i++) {
		struct work_token *t = &view->tokens[view->n_tokens++];

		*t = before->tokens[i];
		t->conf = conf_find_token(conf, before->tokens[i].conf->name);
		t->token = before->tokens[i].token != NULL ? jwk11_token_ref(before->tokens[i].token) : NULL;
		t->certs = NULL;
	}
	return complete(view);
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
	for (size_t i = 0; i < view->n_keys; i++) {
		jwk11_key_unref(view->keys[i].key);
		jwk11_chain_free(view->keys[i].chain);
	}
	for (size_t i = 0; i < view->n_tokens; i++)
		jwk11_token_unref(view->tokens[i].token);
	j11_mem_free(view->keys);
	j11_mem_free(view->tokens);
	conf_free(view->conf);
	j11_mem_free(view);
}

/* Is it a person who must do something first? */
static bool waits_for_person(const struct work_token *t)
{
	return j11_text_starts(t->state, "pin-") || j11_text_equal(t->why.code, j11_code_name(J11_CODE_LOGGED_OUT));
}

bool work_view_is_waiting(const struct work_view *view)
{
	for (size_t i = 0; i < view->n_tokens; i++)
		if (view->tokens[i].token == NULL && !waits_for_person(&view->tokens[i]))
			return true;
	for (size_t i = 0; i < view->n_keys; i++)
		if (work_view_wants_search(&view->keys[i]))
			return true;
	return false;
}

bool work_view_wants_search(const struct work_key *k)
{
	return k->key == NULL && (k->token == NULL || k->token->token != NULL) && j11_text_equal(k->state, "unavailable");
}

bool work_view_has_open(const struct work_view *view)
{
	for (size_t i = 0; i < view->n_tokens; i++)
		if (view->tokens[i].token != NULL)
			return true;
	return false;
}
