/* SPDX-License-Identifier: Apache-2.0 */
/* jwk11 doctor: each finding with what to do about it. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ask.h"
#include "base/err.h"
#include "base/health.h"
#include "base/text.h"
#include "jose/jwk.h"
#include "json/json_write.h"
#include "local.h"
#include "look.h"
#include "show.h"
#include "show_lint.h"

enum level { LEVEL_OK, LEVEL_WARN, LEVEL_ERROR };

struct findings {
	const struct cmd_global *g;
	struct j11_json_out *o;
	unsigned n[3];
};

__attribute__((format(printf, 4, 5))) static void finding(struct findings *f, enum level level, const char *area, const char *fmt, ...)
{
	static const char *const words[] = { "ok", "warn", "error" };
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	f->n[level]++;
	if (!f->g->json) {
		printf("%s%-5s%s %-10s ", look_on(look_of_word(words[level])), words[level], look_off(look_of_word(words[level])), area);
		look_paragraph(text, 17);
		putchar('\n');
		return;
	}
	j11_json_open(f->o, NULL, '{');
	j11_json_str(f->o, "level", words[level]);
	j11_json_str(f->o, "area", area);
	j11_json_str(f->o, "text", text);
	j11_json_close(f->o);
}

static void check_pin_file(struct findings *f, const struct conf_token *t)
{
	struct stat st;

	if (t->pin_file == NULL)
		return;
	if (stat(t->pin_file, &st) != 0)
		finding(f, LEVEL_WARN, "pin", "%s: PIN file %s is not readable here", t->name, t->pin_file);
	else if ((st.st_mode & 077) != 0)
		finding(f, LEVEL_ERROR, "pin", "%s: PIN file %s can be read by others; chmod 0400 %s", t->name, t->pin_file, t->pin_file);
	else
		finding(f, LEVEL_OK, "pin", "%s: PIN file is private", t->name);
}

static void check_config(struct findings *f)
{
	struct conf *conf = NULL;
	struct jwk11_err err = { 0 };

	if (conf_load(f->g->config, &conf, &err) != JWK11_OK) {
		finding(f, f->g->offline ? LEVEL_ERROR : LEVEL_WARN, "config", "%s", err.text);
		return;
	}
	finding(f, LEVEL_OK, "config", "%s: %zu tokens, %zu keys, %zu clients", f->g->config, conf->n_tokens, conf->n_keys, conf->n_clients);
	if (conf->n_clients == 0)
		finding(f, LEVEL_WARN, "config", "no [client] section: nobody may sign");
	for (size_t i = 0; i < conf->n_tokens; i++)
		check_pin_file(f, &conf->tokens[i]);
	conf_free(conf);
}

/* What the linter says about the published set; notes are left to `jwk11 lint`. */
static void lint_set(struct findings *f, const struct ask_answer *answer)
{
	enum { MAX_SHOWN = 10 };
	J11_AUTO(j11_lint_free_auto) struct j11_lint *lint = NULL;
	struct jwk11_err err = { 0 };
	char place[64];
	size_t n = 0;

	if (j11_lint_run(j11_buf_view(&answer->body), &lint, &err) != JWK11_OK) {
		finding(f, LEVEL_ERROR, "jwks", "%s", err.text);
		return;
	}
	j11_lint_media_type(lint, answer->media_type);
	for (size_t i = 0; i < lint->n_findings; i++) {
		const struct j11_lint_finding *found = &lint->findings[i];
		const struct j11_lint_rule *rule = j11_lint_rule(found->id);

		if (rule->severity != J11_LINT_INFO && ++n <= MAX_SHOWN)
			finding(f, rule->severity == J11_LINT_ERROR ? LEVEL_ERROR : LEVEL_WARN, "jwks", "%s: %s; %s",
				show_lint_place(lint, found->key, place), found->text, rule->fix);
	}
	if (n > MAX_SHOWN)
		finding(f, LEVEL_WARN, "jwks", "%zu more; see: jwk11 lint", n - MAX_SHOWN);
}

/* Each published key parses and its kid is the thumbprint computed here. */
static void check_set(struct findings *f)
{
	J11_AUTO(ask_done_auto) struct ask_answer answer = { 0 };
	struct j11_jwks set = { 0 };
	struct jwk11_err err = { 0 };
	char thumbprint[JWK11_THUMBPRINT_LEN + 1];
	size_t n_same = 0;

	if (ask_broker(f->g, "GET", "/.well-known/jwks.json", NULL, NULL, &answer, &err) != JWK11_OK) {
		finding(f, LEVEL_ERROR, "jwks", "%s", err.text);
		return;
	}
	lint_set(f, &answer);
	if (j11_jwks_parse(j11_buf_view(&answer.body), &set, &err) != JWK11_OK) {
		finding(f, LEVEL_ERROR, "jwks", "%s", err.text);
		return;
	}
	for (size_t i = 0; i < set.n; i++)
		if (jwk11_pub_thumbprint(set.pubs[i], thumbprint, NULL) == JWK11_OK && j11_text_equal(thumbprint, jwk11_pub_kid(set.pubs[i])))
			n_same++;
	finding(f, LEVEL_OK, "jwks", "%zu keys published, %zu with their thumbprint as kid", set.n, n_same);
	j11_jwks_done(&set);
}

static const char *advice_for(const char *state)
{
	if (j11_text_equal(state, "pin-pad"))
		return "; its PIN is typed on its own pad: login = protected in its [token] section, then reload jwk11d (SIGHUP) and type it";
	if (j11_text_equal(state, "logged-out"))
		return "; jwk11 login";
	return j11_text_starts(state, "pin-") ? "; correct the PIN file, then reload jwk11d (SIGHUP)" : "";
}

static void check_tokens(struct findings *f)
{
	J11_AUTO(ask_done_auto) struct ask_answer answer = { 0 };
	J11_AUTO(j11_json_free_auto) struct j11_json_doc *doc = NULL;
	struct jwk11_err err = { 0 };
	const struct j11_json *tokens;
	char name[80], state[40];

	if (ask_broker(f->g, "GET", "/v1/tokens", NULL, NULL, &answer, &err) != JWK11_OK ||
		j11_json_read(j11_buf_view(&answer.body), NULL, "answer", &doc, &err) != JWK11_OK) {
		finding(f, LEVEL_WARN, "token", "%s", err.text);
		return;
	}
	tokens = j11_json_get(j11_json_root(doc), "tokens");
	for (const struct j11_json *t = tokens ? tokens->child : NULL; t != NULL; t = t->next) {
		const struct j11_json *n = j11_json_get(t, "name"), *s = j11_json_get(t, "state");

		j11_text_printable(n ? n->text : J11_VIEW("?"), name, sizeof(name));
		j11_text_printable(s ? s->text : J11_VIEW("?"), state, sizeof(state));
		finding(f, j11_text_equal(state, "ready") ? LEVEL_OK : LEVEL_ERROR, "token", "%s: %s%s", name, state, advice_for(state));
	}
}

/* One thing that is known against a key, with what to do about it. */
static void weakness(struct findings *f, const char *name, const struct j11_health *h)
{
	finding(f, LEVEL_WARN, "key", "%s: %s: %s; %s", name, h->name, h->what, h->advice);
}

static void check_listed(struct findings *f, const struct j11_json *key)
{
	const struct j11_json *health = j11_json_get(key, "health");
	char name[128], state[40], reason[JWK11_TEXT_MAX], alg[32];

	show_member(key, "name", name, sizeof(name));
	show_member(key, "state", state, sizeof(state));
	show_member(key, "reason", reason, sizeof(reason));
	show_member(key, "alg", alg, sizeof(alg));
	if (j11_text_equal(state, "active"))
		finding(f, LEVEL_OK, "key", "%s: %s", name, alg);
	else
		finding(f, LEVEL_ERROR, "key", "%s: %s: %s", name, state, reason);
	for (const struct j11_json *h = health ? health->child : NULL; h != NULL; h = h->next)
		if (j11_health_find(h->text) != NULL)
			weakness(f, name, j11_health_find(h->text));
}

static void check_keys(struct findings *f)
{
	J11_AUTO(j11_json_free_auto) struct j11_json_doc *doc = NULL;
	struct jwk11_err err = { 0 };
	const struct j11_json *keys;

	if (show_ask(f->g, "/v1/keys", &doc, &err) != JWK11_OK) {
		finding(f, LEVEL_WARN, "key", "%s", err.text);
		return;
	}
	keys = j11_json_get(j11_json_root(doc), "keys");
	for (const struct j11_json *k = keys ? keys->child : NULL; k != NULL; k = k->next)
		check_listed(f, k);
}

static void check_broker(struct findings *f)
{
	J11_AUTO(ask_done_auto) struct ask_answer answer = { 0 };
	struct jwk11_err err = { 0 };

	if (ask_broker(f->g, "GET", "/livez", NULL, NULL, &answer, &err) != JWK11_OK) {
		finding(f, LEVEL_ERROR, "broker", "%s", err.text);
		return;
	}
	finding(f, LEVEL_OK, "broker", "answers on %s, you are uid %u", f->g->socket, (unsigned)getuid());
	check_tokens(f);
	check_keys(f);
	check_set(f);
}

static void check_key(const struct conf_key *conf, struct jwk11_key *key, const char *alg, const char *kid, const struct jwk11_err *why, void *arg)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf sig = J11_BUF(J11_SIG_MAX);
	struct findings *f = arg;
	struct jwk11_err err = { 0 };

	if (why->rc != JWK11_OK)
		finding(f, LEVEL_ERROR, "key", "%s%s%s", why->text, why->hint[0] ? "; " : "", why->hint);
	else if (!f->g->sign || jwk11_key_use(key) == JWK11_USE_ENC)
		finding(f, LEVEL_OK, "key", "%s: %s, kid %s", conf->name, alg, kid);
	else if (jwk11_key_sign(key, alg, JWK11_INPUT_MESSAGE, J11_VIEW("jwk11 doctor"), &sig, &err) == JWK11_OK)
		finding(f, LEVEL_OK, "key", "%s: %s, kid %s, test signature verified", conf->name, alg, kid);
	else
		finding(f, LEVEL_ERROR, "key", "%s", err.text);
	for (size_t i = 0; key != NULL && j11_health_at(i) != NULL; i++)
		if ((jwk11_key_health(key) & j11_health_at(i)->flag) != 0)
			weakness(f, conf->name, j11_health_at(i));
}

static void left_out(const char *reason, void *arg)
{
	finding(arg, LEVEL_WARN, "key", "left out: %s", reason);
}

static void check_local(struct findings *f)
{
	J11_AUTO(local_close_auto) struct local *local = NULL;
	struct jwk11_err err = { 0 };

	if (local_open(f->g, &local, &err) != JWK11_OK || local_each(local, check_key, f, &err) != JWK11_OK)
		finding(f, LEVEL_ERROR, "modules", "%s", err.text);
	else
		local_each_left_out(local, left_out, f);
}

static int run_doctor(struct cmd_global *g, int argc, char **argv)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf out = J11_BUF(ASK_MAX);
	struct j11_json_out o = J11_JSON_OUT(&out);
	struct findings f = { .g = g, .o = &o };
	struct jwk11_err err = { 0 };

	(void)argv;
	if (argc != 0)
		return cmd_usage("doctor", "takes no argument");
	j11_json_open(&o, NULL, '{');
	j11_json_str(&o, "schema", "jwk11/doctor/1");
	j11_json_open(&o, "findings", '[');
	if (g->module == NULL && g->token == NULL)
		check_config(&f);
	if (g->offline)
		check_local(&f);
	else
		check_broker(&f);
	j11_json_close(&o);
	j11_json_num(&o, "errors", f.n[LEVEL_ERROR]);
	j11_json_num(&o, "warnings", f.n[LEVEL_WARN]);
	j11_json_close(&o);
	if (!g->json)
		printf("%u errors, %u warnings\n", f.n[LEVEL_ERROR], f.n[LEVEL_WARN]);
	else if (cmd_write_output(NULL, j11_buf_view(&out), true, &err) != JWK11_OK)
		return cmd_fail(&err);
	return f.n[LEVEL_ERROR] ? CMD_NEGATIVE : CMD_OK;
}

static const struct cmd_option options[] = {
	{ "sign", 0, CMD_FLAG, &cmd_given.sign, NULL, "with --offline: make a test signature with each key" },
};

const struct cmd_verb cmd_doctor = { "doctor", "", "look for what is wrong and say what to do", run_doctor, options, J11_COUNT(options), .local = false };
