/* SPDX-License-Identifier: Apache-2.0 */
/* What there is to be configured. */
#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "local.h"
#include "registered.h"
#include "setup.h"

/* ---- tokens ---- */

static bool is_seen(const struct setup *s, const struct jwk11_token_info *info)
{
	for (size_t i = 0; i < s->n_tokens; i++)
		if (j11_text_equal(s->tokens[i].info.label, info->label) && j11_text_equal(s->tokens[i].info.serial, info->serial) &&
			j11_text_equal(s->tokens[i].info.model, info->model))
			return true;
	return false;
}

static void look_at(struct setup *s, const char *name, const char *load)
{
	static const char *const none[] = { NULL };
	const char *uris[] = { s->g->token != NULL ? s->g->token : "pkcs11:", NULL };
	J11_AUTO(j11_mem_free_auto) struct probe *p = j11_mem_new(sizeof(*p));

	if (p == NULL)
		return;
	probe_module(load, none, uris, p);
	if (p->end != PROBE_DONE)
		fprintf(stderr, "jwk11: module %s is left out: %s\n", name, p->end == PROBE_FAILED || p->end == PROBE_NONE ? p->why.text :
			p->end == PROBE_LATE ? "it does not answer" : "it ends the process that starts it");
	for (size_t i = 0; i < p->n_tokens && s->n_tokens < SETUP_TOKENS; i++) {
		struct setup_token *t = &s->tokens[s->n_tokens];

		if (is_seen(s, &p->tokens[i].info))
			continue;
		*t = (struct setup_token){ .info = p->tokens[i].info, .wanted = (p->tokens[i].matches & 1) != 0 };
		snprintf(t->module, sizeof(t->module), "%s", name);
		s->n_tokens++;
	}
}

static enum jwk11_rc look_at_given(struct setup *s, struct jwk11_err *err)
{
	char path[PATH_MAX];

	if (strchr(s->g->module, '/') == NULL) {
		look_at(s, s->g->module, s->g->module);
		return JWK11_OK;
	}
	if (realpath(s->g->module, path) == NULL)
		return cmd_file_failed(s->g->module, err);
	look_at(s, path, path);
	return JWK11_OK;
}

enum jwk11_rc setup_find_tokens(struct setup *s, struct jwk11_err *err)
{
	J11_AUTO(j11_mem_free_auto) struct registered_list *all = j11_mem_new(sizeof(*all));
	enum jwk11_rc rc = JWK11_OK;

	if (all == NULL)
		return j11_err_memory(err);
	if (s->g->module != NULL)
		rc = look_at_given(s, err);
	else
		registered_read(all);
	for (size_t i = 0; s->g->module == NULL && i < all->n; i++)
		if (!all->list[i].trust && registered_is_for(&all->list[i], "jwk11d-worker") && access(all->list[i].file, R_OK) == 0)
			look_at(s, all->list[i].name, registered_is_for(&all->list[i], "jwk11") ? all->list[i].name : all->list[i].file);
	if (rc != JWK11_OK || s->n_tokens > 0)
		return rc;
	j11_err_set(err, JWK11_ERR_ABSENT, J11_CODE_TOKEN_ABSENT, "setup: no module shows an initialised token");
	j11_err_hint(err, "plug it in; --module PATH names a module that p11-kit does not know; --softhsm DIR makes a trial token");
	return JWK11_ERR_ABSENT;
}

/* ---- keys ---- */

static bool is_taken(const struct setup *s, const char *name)
{
	for (size_t i = 0; i < s->n_keys; i++)
		if (j11_text_equal(s->keys[i].name, name))
			return true;
	return false;
}

/* Its label as far as that can be a section's name, with a number behind when another has it. */
static void name_key(const struct setup *s, const char *label, char ret_name[65])
{
	char base[57];
	size_t n = 0;

	for (; *label != '\0' && n < sizeof(base) - 1; label++)
		base[n++] = isalnum((unsigned char)*label) || strchr("._-", *label) != NULL ? *label : '-';
	base[n] = '\0';
	if (n == 0 || base[0] == '-' || base[0] == '.')
		snprintf(base, sizeof(base), "key");
	snprintf(ret_name, 65, "%s", base);
	for (unsigned i = 2; is_taken(s, ret_name) && i < SETUP_KEYS + 2; i++)
		snprintf(ret_name, 65, "%s-%u", base, i);
}

static void note_key(const struct conf_key *conf, struct jwk11_key *key, const char *alg, const char *kid, const struct jwk11_err *why, void *arg)
{
	struct setup *s = arg;
	struct setup_key *k = &s->keys[s->n_keys];
	struct jwk11_view id;

	if (why->rc != JWK11_OK || key == NULL || s->n_keys == SETUP_KEYS) {
		fprintf(stderr, "jwk11: key %s is left out: %s\n", conf->name, why->rc != JWK11_OK ? why->text : "there are too many");
		return;
	}
	id = jwk11_key_id(key);
	*k = (struct setup_key){ .chosen = true };
	name_key(s, jwk11_key_label(key), k->name);
	snprintf(k->label, sizeof(k->label), "%s", jwk11_key_label(key));
	snprintf(k->alg, sizeof(k->alg), "%s", alg);
	snprintf(k->kid, sizeof(k->kid), "%s", kid);
	for (size_t i = 0; i < id.len && i < 64; i++)
		snprintf(k->id + 2 * i, 3, "%02x", ((const unsigned char *)id.data)[i]);
	s->n_keys++;
}

static void say_left_out(const char *reason, void *arg)
{
	(void)arg;
	fprintf(stderr, "jwk11: left out: %s\n", reason);
}

static enum jwk11_rc keep_pin(struct setup *s, const struct local *local, struct jwk11_err *err)
{
	const struct j11_secret *pin = local_pin(local);
	struct jwk11_view v;

	if (pin == NULL || s->pin != SETUP_PIN_FILE)
		return JWK11_OK;
	v = j11_secret_expose(pin);
	s->pin_is_ours = true;
	return j11_secret_from_bytes(v.data, v.len, &s->secret, err);
}

/* Private keys are seen after a login only. The PIN is sent once, and one that is refused is remembered as everywhere. */
enum jwk11_rc setup_find_keys(struct setup *s, struct jwk11_err *err)
{
	J11_AUTO(local_close_auto) struct local *local = NULL;
	struct cmd_global g = { .module = s->token->module, .token = s->uri, .pin_file = s->g->pin_file, .offline = true };
	enum jwk11_rc rc;

	g.ask_pin = g.pin_file == NULL && s->terminal && s->pin != SETUP_PIN_NONE && s->pin != SETUP_PIN_PAD;
	rc = local_open(&g, &local, err);
	if (rc == JWK11_OK)
		rc = local_each(local, note_key, s, err);
	if (rc == JWK11_OK)
		rc = keep_pin(s, local, err);
	if (rc != JWK11_OK)
		return rc;
	local_each_left_out(local, say_left_out, NULL);
	if (s->n_keys > 0)
		return JWK11_OK;
	j11_err_set(err, JWK11_ERR_NOT_FOUND, J11_CODE_KEY_UNKNOWN, "setup: there is no key on %s that can sign", s->uri);
	j11_err_hint(err, "make one with the token's own tool (pkcs11-tool --keypairgen), or in a configuration with jwk11 keygen");
	return JWK11_ERR_NOT_FOUND;
}
