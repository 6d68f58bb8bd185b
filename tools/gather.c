/* SPDX-License-Identifier: Apache-2.0 */
/* Two ways to the same list. */
#include "gather.h"

#include <stdio.h>
#include <string.h>

#include "ask.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "form/profile.h"
#include "jose/x5c.h"
#include "local.h"
#include "show.h"
#include "token/cert_file.h"

void gather_done(struct gathering *keys)
{
	for (size_t i = 0; i < keys->n; i++) {
		j11_mem_free(keys->list[i].name);
		j11_mem_free(keys->list[i].text);
		j11_json_free(keys->list[i].jwk);
		j11_json_free(keys->list[i].x5c);
	}
	j11_mem_free(keys->list);
	*keys = (struct gathering){ 0 };
}

/* A new entry with its JWK read; it belongs to the list at once. */
static enum jwk11_rc add(struct gathering *keys, const char *name, struct jwk11_view jwk, struct gathered **ret_key, struct jwk11_err *err)
{
	struct gathered *grown = keys->list;

	if (keys->n == keys->room) {
		grown = j11_mem_resize(keys->list, (keys->room * 2 + 8) * sizeof(*grown));
		if (grown == NULL)
			return j11_err_memory(err);
		keys->list = grown;
		keys->room = keys->room * 2 + 8;
	}
	*ret_key = &grown[keys->n++];
	memset(*ret_key, 0, sizeof(**ret_key));
	(*ret_key)->name = j11_mem_dup(name);
	(*ret_key)->text = j11_mem_dup_n(jwk.data, jwk.len);
	if ((*ret_key)->name == NULL || (*ret_key)->text == NULL)
		return j11_err_memory(err);
	return j11_json_read(j11_view_str((*ret_key)->text), NULL, "JWK", &(*ret_key)->jwk, err);
}

/* ---- from the broker ---- */

/* The whole text or none of it. */
static void copy_text(const struct j11_json *object, const char *name, char *room, size_t room_len)
{
	const struct j11_json *m = j11_json_get(object, name);
	bool fits = m != NULL && m->type == J11_JSON_STRING && m->text.len < room_len;

	if (fits)
		memcpy(room, m->text.data, m->text.len);
	room[fits ? m->text.len : 0] = '\0';
}

static enum jwk11_rc take_details(struct gathered *key, const struct j11_json *details, struct jwk11_err *err)
{
	const struct j11_json *name = j11_json_get(details, "name"), *x5c = j11_json_get(details, "x5c");
	char *copy;

	copy_text(details, "label", key->label, sizeof(key->label));
	copy_text(details, "id", key->id, sizeof(key->id));
	copy_text(details, "x5t#S256", key->x5t, sizeof(key->x5t));
	show_member(details, "certificate_note", key->note, sizeof(key->note));
	if (name != NULL && name->type == J11_JSON_STRING) {
		copy = j11_mem_dup_n(name->text.data, name->text.len);
		if (copy == NULL)
			return j11_err_memory(err);
		j11_mem_free(key->name);
		key->name = copy;
	}
	return x5c != NULL ? j11_json_read(x5c->raw, NULL, "x5c", &key->x5c, err) : JWK11_OK;
}

/* What the broker tells of a key beside its JWK. */
static enum jwk11_rc ask_details(const struct cmd_global *g, struct gathered *key, const char *name, struct jwk11_err *err)
{
	J11_AUTO(ask_done_auto) struct ask_answer answer = { 0 }; /* views of the document point into it */
	J11_AUTO(j11_json_free_auto) struct j11_json_doc *doc = NULL;
	enum jwk11_rc rc = ask_key(g, name, "", NULL, NULL, &answer, err);

	if (rc == JWK11_OK)
		rc = j11_json_read(j11_buf_view(&answer.body), NULL, "answer", &doc, err);
	return rc == JWK11_OK ? take_details(key, j11_json_root(doc), err) : rc;
}

static enum jwk11_rc ask_named(const struct cmd_global *g, unsigned wants, const char *name, struct gathering *keys, struct jwk11_err *err)
{
	J11_AUTO(ask_done_auto) struct ask_answer answer = { 0 };
	struct gathered *key;
	enum jwk11_rc rc = ask_key(g, name, "", "application/jwk+json", NULL, &answer, err);

	if (rc == JWK11_OK)
		rc = add(keys, name, j11_buf_view(&answer.body), &key, err);
	return rc == JWK11_OK && wants != 0 ? ask_details(g, key, name, err) : rc;
}

/* One element of a set. A key without a kid has no name to ask about. */
static enum jwk11_rc take_element(const struct cmd_global *g, unsigned wants, const struct j11_json *jwk, struct gathering *keys, struct jwk11_err *err)
{
	const struct j11_json *kid = j11_json_get(jwk, "kid");
	J11_AUTO(j11_mem_free_auto) char *name = kid != NULL && kid->type == J11_JSON_STRING ? j11_mem_dup_n(kid->text.data, kid->text.len) :
		j11_mem_dup("");
	struct gathered *key;
	enum jwk11_rc rc;

	if (name == NULL)
		return j11_err_memory(err);
	rc = add(keys, *name != '\0' ? name : "without a kid", jwk->raw, &key, err);
	if (rc != JWK11_OK || wants == 0)
		return rc;
	if (*name != '\0')
		return ask_details(g, key, name, err);
	fprintf(stderr, "jwk11: a key of the set has no kid to ask for its %s by; name the keys instead\n", wants & GATHER_CERTS ? "certificates" : "names");
	return JWK11_OK;
}

/* A set of the broker; NULL: the default one. The answer owns the text that the document points into. */
static enum jwk11_rc ask_list(const struct cmd_global *g, const char *set, struct ask_answer *ret_answer, struct j11_json_doc **ret_doc,
	struct jwk11_err *err)
{
	struct j11_json_limits limits = { .max_len = ASK_MAX, .max_depth = 8, .max_values = 1024 * 1024 };
	char path[256];
	enum jwk11_rc rc;

	snprintf(path, sizeof(path), set ? "/.well-known/jwks/%.100s.json" : "/.well-known/jwks.json", set);
	rc = ask_broker(g, "GET", path, NULL, NULL, ret_answer, err);
	return rc == JWK11_OK ? j11_json_read(j11_buf_view(&ret_answer->body), &limits, "JWK set", ret_doc, err) : rc;
}

static bool is_default(const char *set)
{
	return set == NULL || j11_text_equal(set, "default");
}

static void say_apart(size_t n)
{
	if (n > 0)
		fprintf(stderr, "jwk11: left out: %zu ML-DSA key%s, in a set of their own: --set akp\n", n, n > 1 ? "s" : "");
}

void gather_say_apart(const struct cmd_global *g)
{
	J11_AUTO(ask_done_auto) struct ask_answer answer = { 0 };
	J11_AUTO(j11_json_free_auto) struct j11_json_doc *doc = NULL;
	const struct j11_json *list, *kty;
	size_t n = 0;

	if (!is_default(g->set) || ask_list(g, "akp", &answer, &doc, NULL) != JWK11_OK) /* 404: there is none */
		return;
	list = j11_json_get(j11_json_root(doc), "keys");
	for (const struct j11_json *jwk = list != NULL ? list->child : NULL; jwk != NULL; jwk = jwk->next) {
		kty = j11_json_get(jwk, "kty");
		n += kty != NULL && j11_view_equals(kty->text, "AKP");
	}
	say_apart(n);
}

static enum jwk11_rc ask_set(const struct cmd_global *g, unsigned wants, struct gathering *keys, struct jwk11_err *err)
{
	J11_AUTO(ask_done_auto) struct ask_answer answer = { 0 };
	J11_AUTO(j11_json_free_auto) struct j11_json_doc *doc = NULL;
	const struct j11_json *list;
	enum jwk11_rc rc = ask_list(g, g->set, &answer, &doc, err);

	if (rc != JWK11_OK)
		return rc;
	list = j11_json_get(j11_json_root(doc), "keys");
	for (const struct j11_json *jwk = list != NULL ? list->child : NULL; jwk != NULL && rc == JWK11_OK; jwk = jwk->next)
		rc = take_element(g, wants, jwk, keys, err);
	return rc;
}

/* ---- from the tokens ---- */

/* What local_each and local_key lead to. */
struct local_gathering {
	struct gathering *keys;
	unsigned wants;
	const struct conf_set *set; /* when no key is named */
	const struct conf_set *apart; /* where keys are that the default set does not hold; else NULL */
	size_t n_apart;
	const struct jwk11_token *certs_of;
	struct jwk11_certs *certs;
	enum jwk11_rc rc;
	struct jwk11_err *err;
};

/* Certificates of one token are read once as long as keys come token by token. */
static enum jwk11_rc read_chain(struct local_gathering *l, const struct jwk11_key *key, struct jwk11_chain **ret_chain, struct jwk11_err *err)
{
	struct jwk11_token *token = jwk11_key_token(key);
	enum jwk11_rc rc = JWK11_OK;

	if (l->certs_of != token && !j11_key_has_file_chain(key)) {
		jwk11_certs_free(l->certs);
		l->certs = NULL;
		l->certs_of = NULL;
		rc = jwk11_token_certs(token, &l->certs, err);
		if (rc == JWK11_OK)
			l->certs_of = token;
	}
	return rc == JWK11_OK ? jwk11_key_chain(key, l->certs_of == token ? l->certs : NULL, ret_chain, err) : rc;
}

static enum jwk11_rc take_chain(struct local_gathering *l, const struct jwk11_key *key, struct gathered *into)
{
	J11_AUTO(jwk11_chain_free_auto) struct jwk11_chain *chain = NULL;
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf text = J11_BUF(2 * J11_CHAIN_LEN_MAX);
	struct j11_json_out o = J11_JSON_OUT(&text);
	struct jwk11_err why = { 0 };
	enum jwk11_rc rc = read_chain(l, key, &chain, &why);

	if (rc == JWK11_ERR_NOT_FOUND) {
		j11_key_no_chain(key, &why, into->note);
		return JWK11_OK;
	}
	if (rc != JWK11_OK) {
		*l->err = why;
		return rc;
	}
	snprintf(into->note, sizeof(into->note), "%s", jwk11_chain_note(chain));
	snprintf(into->x5t, sizeof(into->x5t), "%s", jwk11_chain_thumbprint(chain));
	j11_x5c_write(&o, NULL, chain);
	rc = j11_buf_check(&text, "x5c", l->err);
	return rc == JWK11_OK ? j11_json_read(j11_buf_view(&text), NULL, "x5c", &into->x5c, l->err) : rc;
}

static enum jwk11_rc take_local(struct local_gathering *l, const char *name, const struct jwk11_key *key, const char *alg, const char *kid)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf text = J11_BUF(65536);
	struct gathered *into;
	enum jwk11_rc rc;

	if (jwk11_key_pub(key) == NULL)
		return j11_err_set(l->err, JWK11_ERR_MISMATCH, J11_CODE_KEY_SECRET, "key \"%s\" is a secret key: it has no public half", name);
	rc = jwk11_pub_jwk(jwk11_key_pub(key), alg, kid, &text, l->err);
	if (rc == JWK11_OK)
		rc = add(l->keys, *name != '\0' ? name : kid, j11_buf_view(&text), &into, l->err);
	if (rc != JWK11_OK)
		return rc;
	snprintf(into->label, sizeof(into->label), "%s", jwk11_key_label(key));
	if (jwk11_key_kid(key, JWK11_KID_ID, into->id, NULL) != JWK11_OK)
		into->id[0] = '\0';
	return l->wants & GATHER_CERTS ? take_chain(l, key, into) : JWK11_OK;
}

static void each_local(const struct conf_key *conf, struct jwk11_key *key, const char *alg, const char *kid, const struct jwk11_err *why, void *arg)
{
	struct local_gathering *l = arg;
	const struct j11_profile *p = l->keys->profile;
	const char *kty = key != NULL ? jwk11_key_kty(key) : "";

	if (l->rc != JWK11_OK)
		return;
	if (!conf_set_shows(l->set, conf->discovery))
		return;
	if (!conf_set_holds(l->set, conf->name, kty)) {
		l->n_apart += l->apart != NULL && j11_text_equal(kty, "AKP") && conf_set_holds(l->apart, conf->name, kty);
		return;
	}
	if (key == NULL || why->rc == JWK11_ERR_DENIED) /* refused as weak: not published by the broker either */
		fprintf(stderr, "jwk11: left out: %s\n", why->text);
	else if (p != NULL && p->kid_style != JWK11_N_KID_ && (conf->kid != NULL || conf->kid_style != p->kid_style))
		fprintf(stderr, "jwk11: left out: %s: %s wants kid-style = %s in its section\n", conf->name, p->taker, p->kid_word);
	else if (jwk11_key_pub(key) != NULL)
		l->rc = take_local(l, conf->name, key, alg, kid);
}

/* Behind those of the tokens, as the broker has them. */
static enum jwk11_rc take_verify_only(struct local_gathering *l, struct local *local)
{
	const struct conf *conf = local_conf(local);
	struct gathered *into;
	enum jwk11_rc rc = l->rc == JWK11_OK ? local_read_keys(local, l->err) : l->rc;

	for (size_t i = 0; i < conf->n_verify_only && rc == JWK11_OK; i++) {
		const struct conf_verify_only *v = &conf->verify_only[i];

		if (!j11_text_equal(v->set, l->set->name) || !conf_set_shows(l->set, v->discovery))
			continue;
		if (conf_set_takes(l->set, v))
			rc = add(l->keys, v->file, j11_view_str(v->jwk), &into, l->err);
		else
			fprintf(stderr, "jwk11: left out: %s: an ML-DSA key goes into a set that names its keys\n", v->file);
	}
	return rc;
}

static enum jwk11_rc find_set(const struct local *local, const char *name, const struct conf_set **ret_set, struct jwk11_err *err)
{
	*ret_set = conf_find_set(local_conf(local), name != NULL ? name : "default");
	if (*ret_set == NULL)
		return j11_err_set(err, JWK11_ERR_NOT_FOUND, J11_CODE_NOT_FOUND, "there is no key set \"%s\" in the configuration", name);
	return JWK11_OK;
}

static enum jwk11_rc from_tokens(const struct cmd_global *g, struct local_gathering *l, int argc, char **argv)
{
	J11_AUTO(local_close_auto) struct local *local = NULL;
	const char *alg, *kid;
	struct jwk11_key *key;
	enum jwk11_rc rc = local_open(g, &local, l->err);

	if (rc == JWK11_OK && argc == 0)
		rc = find_set(local, g->set, &l->set, l->err);
	if (rc == JWK11_OK && argc == 0 && is_default(g->set))
		l->apart = conf_find_set(local_conf(local), "akp");
	if (rc == JWK11_OK && l->set != NULL && g->profile == NULL && g->kid == NULL) { /* as the broker serves it */
		l->keys->profile = l->set->profile;
		l->keys->x5c = l->set->x5c == CONF_YES;
		l->wants |= l->keys->x5c ? GATHER_CERTS : 0;
	}
	if (rc == JWK11_OK && argc == 0)
		rc = local_each_published(local, each_local, l, l->err);
	if (rc == JWK11_OK && argc == 0)
		rc = take_verify_only(l, local);
	say_apart(l->n_apart);
	for (int i = 0; rc == JWK11_OK && i < argc; i++) {
		rc = local_key(local, argv[i], &key, &alg, &kid, l->err);
		if (rc == JWK11_OK)
			rc = take_local(l, argv[i], key, alg, kid);
	}
	jwk11_certs_free(l->certs);
	return rc == JWK11_OK ? l->rc : rc;
}

enum jwk11_rc gather(const struct cmd_global *g, unsigned wants, int argc, char **argv, struct gathering *ret_keys, struct jwk11_err *err)
{
	J11_AUTO(gather_done_auto) struct gathering keys = { 0 };
	struct local_gathering l = { .keys = &keys, .wants = wants, .err = err };
	enum jwk11_rc rc = JWK11_OK;

	if (g->offline)
		rc = from_tokens(g, &l, argc, argv);
	else if (argc == 0)
		rc = ask_set(g, wants, &keys, err);
	if (rc == JWK11_OK && !g->offline && argc == 0)
		gather_say_apart(g);
	for (int i = 0; !g->offline && rc == JWK11_OK && i < argc; i++)
		rc = ask_named(g, wants, argv[i], &keys, err);
	if (rc != JWK11_OK)
		return rc;
	*ret_keys = keys;
	keys = (struct gathering){ 0 };
	return JWK11_OK;
}
