/* SPDX-License-Identifier: Apache-2.0 */
/* Versions found on the tokens of a configuration. The worker has the same rules for what signs (broker/work_view.c). */
#include "local_version.h"

#include <stdio.h>

#include "ask.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "local_in.h"

enum jwk11_rc local_versions_conf(struct local *l, const char *name, const struct conf_key **ret_conf, struct jwk11_err *err)
{
	const struct conf_key *conf = conf_find_key(l->conf, name);

	if (conf == NULL)
		return local_unknown(l, name, err);
	if (!conf_key_is_versioned(conf)) {
		j11_err_set(err, JWK11_ERR_MISMATCH, J11_CODE_ARGUMENT, "key \"%s\" has no versions", name);
		j11_err_hint(err, "lead = 24h and period = 90d in [key %s]: jwk11.conf(5)", name);
		return err->rc;
	}
	*ret_conf = conf;
	return JWK11_OK;
}

/* What one of them is, apart from the time. */
static void describe(struct local_version *v, const struct conf_key *conf, const struct j11_found_version *found)
{
	*v = (struct local_version){ .key = found->key, .moment = found->moment };
	jwk11_key_set_context_pin(v->key, conf->context_pin == CONF_YES);
	snprintf(v->alg, sizeof(v->alg), "%s", j11_versions_alg(v->key, conf->alg));
	if (jwk11_key_check(v->key, &v->why) == JWK11_OK && jwk11_key_check_alg(v->key, v->alg, &v->why) == JWK11_OK)
		j11_err_clear(&v->why);
	if (conf->kid != NULL && v->moment == 0)
		snprintf(v->kid, sizeof(v->kid), "%s", conf->kid);
	else if (jwk11_key_kid(v->key, conf->kid_style, v->kid, v->why.rc == JWK11_OK ? &v->why : NULL) != JWK11_OK)
		v->kid[0] = '\0';
}

static void settle(struct local_versions *versions, time_t now)
{
	struct j11_version v[J11_VERSIONS_MAX];
	int64_t due;

	for (size_t i = 0; i < versions->n; i++)
		v[i] = (struct j11_version){ .moment = versions->list[i].moment, .fit = versions->list[i].why.rc == JWK11_OK };
	versions->active = j11_versions_settle(v, versions->n, now, versions->conf->overlap, &due);
	for (size_t i = 0; i < versions->n; i++) {
		versions->list[i].state = v[i].state;
		versions->list[i].until = v[i].until;
	}
}

enum jwk11_rc local_versions_find(struct local *l, const struct conf_key *conf, time_t now, struct local_versions *ret_versions, struct jwk11_err *err)
{
	struct j11_found_versions *found = j11_mem_new(sizeof(*found));
	struct local_versions *v = ret_versions;
	bool searched = false;

	*v = (struct local_versions){ .conf = conf, .found = found, .active = -1 };
	if (found == NULL)
		return j11_err_memory(err);
	for (size_t i = 0; i < l->n_places; i++) {
		struct jwk11_token *token = local_token(l, &l->places[i]);

		if (token != NULL && j11_versions_find(token, conf->uri, conf->name, i, found, &l->places[i].why) == JWK11_OK)
			searched = true;
	}
	v->is_whole = local_trouble(l, &v->why) == JWK11_OK;
	if (!searched && !v->is_whole) {
		*err = v->why;
		return err->rc;
	}
	for (size_t i = 0; i < found->n; i++)
		describe(&v->list[v->n++], conf, &found->list[i]);
	settle(v, now);
	return JWK11_OK;
}

void local_versions_done(struct local_versions *versions)
{
	if (versions->found != NULL)
		j11_versions_done(versions->found);
	j11_mem_free(versions->found);
	*versions = (struct local_versions){ .active = -1 };
}

/* The first place of each section counts: modules that show one token show it twice. */
enum jwk11_rc local_token_for(struct local *l, const struct conf_key *conf, struct jwk11_key *newest, struct jwk11_token **ret_token, struct jwk11_err *err)
{
	const struct conf_token *first = NULL;

	*ret_token = newest != NULL ? jwk11_key_token(newest) : NULL;
	for (size_t i = 0; *ret_token == NULL && i < l->n_places; i++) {
		struct jwk11_token *token = local_token(l, &l->places[i]);

		if (token == NULL || !j11_versions_may_lie_on(token, conf->uri))
			continue;
		*ret_token = token;
		first = &l->conf->tokens[l->places[i].section];
	}
	for (size_t i = 0; first != NULL && i < l->n_places; i++) {
		const struct conf_token *section = &l->conf->tokens[l->places[i].section];

		if (section == first || local_token(l, &l->places[i]) == NULL || !j11_versions_may_lie_on(l->places[i].token, conf->uri))
			continue;
		j11_err_set(err, JWK11_ERR_AMBIGUOUS, J11_CODE_TOKEN_AMBIGUOUS, "the uri of key \"%s\" matches the tokens \"%s\" and \"%s\"", conf->name, first->name,
			section->name);
		j11_err_hint(err, "a token= in the uri of [key %s]", conf->name);
		return err->rc;
	}
	if (*ret_token != NULL)
		return JWK11_OK;
	if (local_trouble(l, err) != JWK11_OK)
		return err->rc;
	return j11_err_set(err, JWK11_ERR_NOT_FOUND, J11_CODE_TOKEN_UNKNOWN, "no [token] section opens a token that the uri of key \"%s\" matches (%s)", conf->name,
		conf->uri);
}

const char *local_section_of(const struct local *l, const struct jwk11_token *token)
{
	for (size_t i = 0; i < l->n_places; i++)
		if (l->places[i].token == token)
			return l->conf->tokens[l->places[i].section].name;
	return "";
}

/* False: why not is in err; BROKER_ABSENT when there is none to tell. */
static bool tell(const struct cmd_global *g, const char *section, struct jwk11_err *err)
{
	J11_AUTO(ask_done_auto) struct ask_answer answer = { 0 };
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf body = J11_BUF(16);

	j11_buf_add_str(&body, "{}");
	if (ask_token(g, section, "/rescan", &body, &answer, err) == JWK11_OK)
		return true;
	if (!j11_text_equal(err->code, j11_code_name(J11_CODE_BROKER_ABSENT)))
		fprintf(stderr, "jwk11: the broker could not be told: %s\n", err->text);
	return false;
}

void local_tell_broker(const struct cmd_global *g, const char *section, int64_t rescan)
{
	struct jwk11_err err = { 0 };

	if (!tell(g, section, &err))
		fprintf(stderr, "jwk11: a broker looks for new keys every %lld s\n", (long long)rescan);
}

void local_tell_of_certs(const struct cmd_global *g, const char *section)
{
	struct jwk11_err err = { 0 };

	if (!tell(g, section, &err) && !j11_text_equal(err.code, j11_code_name(J11_CODE_BROKER_ABSENT)))
		fprintf(stderr, "jwk11: it looks for certificates on SIGHUP: systemctl reload jwk11d\n");
}
