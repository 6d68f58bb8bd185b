/* SPDX-License-Identifier: Apache-2.0 */
/* The library behind the broker's configuration: modules, and tokens as they are needed. */
#include "local_in.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "ask_pin.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "keys_dir.h"

enum { MAX_TRIES = 4 };

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

/* A configuration with one token in it. A line end in an option would be a line of its own; conf_parse then refuses or the option's author
 * has only confused himself: nobody else reads this text. */
static enum jwk11_rc direct_conf(const struct cmd_global *g, struct conf **ret_conf, struct jwk11_err *err)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf text = J11_BUF(16384);
	char pin_file[PATH_MAX];

	if (g->module != NULL)
		j11_buf_add_fmt(&text, "[daemon]\nmodules = %s\n", g->module);
	j11_buf_add_fmt(&text, "[token direct]\nuri = %s\n", g->token ? g->token : "pkcs11:");
	if (g->pin_file != NULL) {
		if (realpath(g->pin_file, pin_file) == NULL)
			return j11_err_set(err, JWK11_ERR_NOT_FOUND, J11_CODE_PIN_FILE, "PIN file %s: %s", g->pin_file, strerror(errno));
		j11_buf_add_fmt(&text, "pin-file = %s\n", pin_file);
	}
	if (text.failed != JWK11_OK)
		return j11_buf_check(&text, "options", err);
	return conf_parse(j11_buf_view(&text), "options", ret_conf, err);
}

static enum jwk11_rc load_modules(struct local *l, struct jwk11_err *err)
{
	enum jwk11_rc rc = l->conf->modules[0] == NULL ? jwk11_context_load(l->ctx, NULL, err) : JWK11_OK;

	for (const char **m = l->conf->modules; rc == JWK11_OK && *m != NULL; m++)
		rc = jwk11_context_load(l->ctx, *m, err);
	return rc;
}

/* The modules that show a matching token, in the order they were loaded in. */
static bool note_module(const struct jwk11_token_info *info, void *arg)
{
	struct local *l = arg;
	char **grown;

	for (size_t i = 0; i < l->n_modules; i++)
		if (j11_text_equal(l->modules[i], info->module))
			return true;
	grown = j11_mem_resize(l->modules, (l->n_modules + 1) * sizeof(*grown));
	if (grown == NULL)
		return false;
	l->modules = grown;
	grown[l->n_modules] = j11_mem_dup(info->module);
	l->n_modules += grown[l->n_modules] != NULL;
	return true;
}

static bool add_place(struct local *l, size_t section, const char *module)
{
	struct local_place *grown = j11_mem_resize(l->places, (l->n_places + 1) * sizeof(*grown));

	if (grown == NULL)
		return false;
	l->places = grown;
	grown[l->n_places++] = (struct local_place){ .section = section, .module = module };
	return true;
}

/* Each section in each module that it may be in. */
static bool add_places_in(struct local *l, const char *module)
{
	bool ok = true;

	for (size_t i = 0; ok && i < l->conf->n_tokens; i++)
		if (l->conf->tokens[i].module == NULL || j11_text_equal(l->conf->tokens[i].module, module))
			ok = add_place(l, i, module);
	return ok;
}

static enum jwk11_rc make_places(struct local *l, struct jwk11_err *err)
{
	const struct conf *c = l->conf;
	enum jwk11_rc rc = JWK11_OK;
	bool ok = true;

	for (size_t i = 0; rc == JWK11_OK && c->modules[0] == NULL && i < c->n_tokens; i++)
		rc = jwk11_context_tokens(l->ctx, c->tokens[i].uri, note_module, l, err);
	if (rc != JWK11_OK)
		return rc;
	for (const char **m = c->modules; ok && *m != NULL; m++)
		ok = add_places_in(l, *m);
	for (size_t i = 0; ok && i < l->n_modules; i++)
		ok = add_places_in(l, l->modules[i]);
	for (size_t i = 0; ok && i < c->n_tokens; i++) { /* a section that no module has is looked for once, to say so */
		bool has = false;

		for (size_t p = 0; p < l->n_places; p++)
			has = has || l->places[p].section == i;
		ok = has || add_place(l, i, c->tokens[i].module);
	}
	return ok ? JWK11_OK : j11_err_memory(err);
}

/* Before a module is loaded: some change signals and the terminal. */
static enum jwk11_rc ask_for_pin(const struct cmd_global *g, struct local *l, struct jwk11_err *err)
{
	char prompt[300];

	snprintf(prompt, sizeof(prompt), g->token != NULL ? "PIN of %.250s: " : "PIN: ", g->token);
	return ask_pin(prompt, &l->pin, err);
}

bool local_is_direct(const struct cmd_global *g)
{
	return g->module != NULL || g->token != NULL || g->pin_file != NULL || g->ask_pin;
}

enum jwk11_rc local_open(const struct cmd_global *g, struct local **ret_local, struct jwk11_err *err)
{
	J11_AUTO(local_close_auto) struct local *l = j11_mem_new(sizeof(*l));
	enum jwk11_rc rc;

	if (l == NULL)
		return j11_err_memory(err);
	l->direct = local_is_direct(g);
	l->final_try = g->final_try;
	l->context_pin = g->context_pin;
	rc = l->direct ? direct_conf(g, &l->conf, err) : conf_load(g->config, &l->conf, err);
	if (rc != JWK11_OK && !l->direct)
		j11_err_hint(err, "--config FILE, or --module and --token to do without a configuration");
	if (rc == JWK11_OK)
		rc = jwk11_context_new(&l->ctx, err);
	if (rc != JWK11_OK)
		return rc;
	for (const char **e = l->conf->environment; *e != NULL; e++)
		putenv((char *)*e);
	if (g->ask_pin)
		rc = ask_for_pin(g, l, err);
	if (rc == JWK11_OK)
		rc = load_modules(l, err);
	if (rc == JWK11_OK)
		rc = make_places(l, err);
	if (rc != JWK11_OK)
		return rc;
	set_state(l);
	*ret_local = J11_STEAL(l);
	return JWK11_OK;
}

void local_close(struct local *l)
{
	if (l == NULL)
		return;
	for (size_t i = 0; i < l->n_found; i++)
		jwk11_key_unref(l->found[i].key);
	for (size_t i = 0; i < l->n_places; i++)
		jwk11_token_unref(l->places[i].token);
	for (size_t i = 0; i < l->n_left_out; i++)
		j11_mem_free(l->left_out[i]);
	for (size_t i = 0; i < l->n_modules; i++)
		j11_mem_free(l->modules[i]);
	jwk11_context_free(l->ctx);
	j11_secret_free(l->pin);
	j11_mem_free(l->places);
	j11_mem_free(l->modules);
	conf_free(l->conf);
	j11_mem_free(l);
}

const struct j11_secret *local_pin(const struct local *l)
{
	return l->pin;
}

const struct conf *local_conf(const struct local *l)
{
	return l->conf;
}

enum jwk11_rc local_read_keys(struct local *l, struct jwk11_err *err)
{
	return keys_dir_load(l->conf, err);
}

struct jwk11_context *local_context(struct local *l)
{
	return l->ctx;
}

/* A PIN that was refused in one module is that of the same section in the next one, and quite likely of the same token. */
static const struct local_place *refused_elsewhere(const struct local *l, const struct local_place *place)
{
	for (size_t i = 0; i < l->n_places; i++)
		if (&l->places[i] != place && l->places[i].section == place->section && l->places[i].tried && l->places[i].why.rc == JWK11_ERR_LOGIN)
			return &l->places[i];
	return NULL;
}

static void open_place(struct local *l, struct local_place *p)
{
	const struct conf_token *t = &l->conf->tokens[p->section];
	struct jwk11_token_config config = { .uri = t->uri, .module = p->module, .pin_file = t->pin_file, .login = (enum jwk11_login_mode)t->login,
		.login_timeout_s = (unsigned)t->login_timeout, .strict = l->conf->strict == CONF_YES };
	char path[4352];

	if (l->pin != NULL) {
		config.pin = j11_secret_expose(l->pin);
		config.final_try = l->final_try;
	}
	if (t->pin_credential != NULL && getenv("CREDENTIALS_DIRECTORY") != NULL) {
		snprintf(path, sizeof(path), "%s/%s", getenv("CREDENTIALS_DIRECTORY"), t->pin_credential);
		config.pin_file = path;
	}
	if (t->login == CONF_LOGIN_PROTECTED)
		fprintf(stderr, "jwk11: waiting for the PIN on the pad of %s\n", t->uri);
	/* SoftHSM misses a token whose file another process rewrites in its C_Login at this moment; a fresh start finds it. */
	for (unsigned tries = 0; tries < MAX_TRIES; tries++) {
		j11_err_clear(&p->why);
		if (jwk11_token_open(l->ctx, &config, &p->token, &p->why) == JWK11_OK)
			break;
		p->token = NULL;
		if (p->why.rc != JWK11_ERR_ABSENT || jwk11_context_reload(l->ctx, NULL) != JWK11_OK)
			break;
	}
}

struct jwk11_token *local_token(struct local *l, struct local_place *place)
{
	const struct local_place *other = place->tried ? NULL : refused_elsewhere(l, place);

	if (other != NULL)
		place->why = other->why;
	else if (!place->tried)
		open_place(l, place);
	place->tried = true;
	return place->token;
}

static bool is_open(const struct local *l, size_t section)
{
	for (size_t i = 0; i < l->n_places; i++)
		if (l->places[i].section == section && l->places[i].token != NULL)
			return true;
	return false;
}

enum jwk11_rc local_trouble(const struct local *l, struct jwk11_err *err)
{
	const struct jwk11_err *worst = NULL;

	for (size_t i = 0; i < l->n_places; i++) {
		const struct jwk11_err *why = &l->places[i].why;

		if (why->rc != JWK11_OK && !is_open(l, l->places[i].section) && (worst == NULL || worst->rc == JWK11_ERR_ABSENT))
			worst = why;
	}
	if (worst == NULL)
		return JWK11_OK;
	if (err != NULL)
		*err = *worst;
	return worst->rc;
}
