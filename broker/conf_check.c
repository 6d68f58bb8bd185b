/* SPDX-License-Identifier: Apache-2.0 */
/* What only the whole configuration can tell: what is missing, what excludes each other, what names something that does not exist. Pure. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "conf_table.h"
#include "form/profile.h"
#include "form/template.h"

struct checked {
	struct conf *conf;
	const char *file;
	struct jwk11_err *err;
};

__attribute__((format(printf, 2, 3))) static enum jwk11_rc refuse(struct checked *r, const char *fmt, ...)
{
	char text[JWK11_TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return j11_err_set(r->err, JWK11_ERR_SYNTAX, J11_CODE_CONFIG_INVALID, "%s: %s", r->file, text);
}

static enum jwk11_rc check_login(struct checked *r, const struct conf_token *t)
{
	if (t->login == CONF_LOGIN_PROTECTED && (t->pin_file != NULL || t->pin_credential != NULL))
		return refuse(r, "[token %s]: with login = protected the PIN is typed on the token's pad; pin-file and pin-credential have no place", t->name);
	if (t->login != CONF_LOGIN_PROTECTED && t->login_timeout != 0)
		return refuse(r, "[token %s]: login-timeout goes with login = protected only", t->name);
	return JWK11_OK;
}

static enum jwk11_rc check_tokens(struct checked *r, const struct conf *c)
{
	for (size_t i = 0; i < c->n_tokens; i++)
		if (c->tokens[i].pin_file != NULL && c->tokens[i].pin_credential != NULL)
			return refuse(r, "[token %s]: pin-file and pin-credential exclude each other", c->tokens[i].name);
	for (size_t i = 0; i < c->n_tokens; i++)
		if (c->tokens[i].uri == NULL)
			return refuse(r, "[token %s] has no uri", c->tokens[i].name);
	for (size_t i = 0; i < c->n_tokens; i++) {
		enum jwk11_rc rc = check_login(r, &c->tokens[i]);

		if (rc != JWK11_OK)
			return rc;
	}
	return JWK11_OK;
}

static int compare_kids(const void *a, const void *b)
{
	const struct conf_key *x = *(const struct conf_key *const *)a, *y = *(const struct conf_key *const *)b;
	int order = strcmp(x->kid, y->kid);

	return order != 0 ? order : (x > y) - (x < y);
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && j11_text_equal(a, b));
}

/* A kid names one key with one algorithm. Two sections may be two names of the very same thing, nothing less. */
static enum jwk11_rc check_literal_kids(struct checked *r, const struct conf *c)
{
	const struct conf_key **sorted = conf_alloc(r->conf, (c->n_keys + 1) * sizeof(struct conf_key *));
	size_t n = 0;

	if (sorted == NULL)
		return j11_err_memory(r->err);
	for (size_t i = 0; i < c->n_keys; i++)
		if (c->keys[i].kid != NULL)
			sorted[n++] = &c->keys[i];
	qsort(sorted, n, sizeof(struct conf_key *), compare_kids);
	for (size_t i = 1; i < n; i++) {
		const struct conf_key *one = sorted[i - 1], *two = sorted[i];

		if (j11_text_equal(one->kid, two->kid) && (!same_text(one->uri, two->uri) || !same_text(one->alg, two->alg) || one->use != two->use))
			return refuse(r, "[key %s] has the kid of [key %s]; a kid names one key", two->name, one->name);
	}
	return JWK11_OK;
}

/* What a URI asks for by CKA_ID can only be one key pair. */
static bool asks_for_id(const char *uri)
{
	return strstr(uri, ":id=") != NULL || strstr(uri, ";id=") != NULL;
}

/* The longest lifetime that somebody may have tokens of this key signed for; 0: nobody says. */
static int64_t longest_ttl(const struct conf *c, const struct conf_key *k)
{
	int64_t longest = conf_is_for_kubernetes(c, k) ? c->kubernetes.max_lifetime : 0;

	for (size_t i = 0; i < c->n_clients; i++)
		if (c->clients[i].ops[CONF_OP_JWT] && conf_list_has((const char *const *)c->clients[i].keys, k->name) && c->clients[i].jwt_max_ttl > longest)
			longest = c->clients[i].jwt_max_ttl;
	return longest;
}

/* Relying parties keep a set for max-age, and a broker may find a new version `rescan` after it was made; whoever then sees a token must know its
 * kid for as long as the token lives. */
static enum jwk11_rc check_durations(struct checked *r, const struct conf *c, const struct conf_key *k)
{
	int64_t lead = conf_least_lead(c, k), ttl = longest_ttl(c, k), kept = lead - c->rescan - CONF_SKEW;

	if (k->lead < lead)
		return refuse(r, "[key %s]: a lead of %lld s is too short: relying parties keep a set for %s (%lld s), a new version is found after "
			"rescan (%lld s), clocks differ by up to %d s: %lld s at least", k->name, (long long)k->lead,
			kept == c->max_age ? "max-age" : "twice the refresh-hint of [kubernetes]", (long long)kept, (long long)c->rescan, CONF_SKEW, (long long)lead);
	if (k->overlap < ttl + CONF_SKEW || k->overlap <= CONF_SKEW)
		return refuse(r, "[key %s]: an overlap of %lld s is too short: tokens live up to %lld s by jwt-max-ttl, clocks differ by up to %d s: %lld s at "
			"least", k->name, (long long)k->overlap, (long long)ttl, CONF_SKEW, (long long)(ttl > 0 ? ttl : 1) + CONF_SKEW);
	if (k->period > 0 && k->period <= k->lead)
		return refuse(r, "[key %s]: a period of %lld s is not longer than the lead of %lld s", k->name, (long long)k->period, (long long)k->lead);
	return JWK11_OK;
}

/* Fills in the durations that are not said. */
static enum jwk11_rc check_versioned(struct checked *r, const struct conf *c, struct conf_key *k)
{
	enum { DAY = 86400 };
	int64_t ttl = longest_ttl(c, k);

	if (k->use == CONF_USE_ENC || (k->alg != NULL && j11_text_starts(k->alg, "HS")))
		return refuse(r, "[key %s]: lead, overlap and period are for key pairs that sign", k->name);
	if (k->kid_style == JWK11_KID_NONE)
		return refuse(r, "[key %s]: versions are told apart by their kid, and kid-style is none", k->name);
	if (asks_for_id(k->uri))
		return refuse(r, "[key %s]: each version has an id of its own, and its uri asks for one", k->name);
	if (k->lead == 0)
		k->lead = DAY;
	if (k->overlap == 0)
		k->overlap = (ttl > 0 ? ttl : DAY) + CONF_SKEW;
	return check_durations(r, c, k);
}

static enum jwk11_rc check_all_versioned(struct checked *r, struct conf *c)
{
	enum jwk11_rc rc = JWK11_OK;

	for (size_t i = 0; i < c->n_keys && rc == JWK11_OK; i++)
		if (conf_key_is_versioned(&c->keys[i]))
			rc = check_versioned(r, c, &c->keys[i]);
	return rc;
}

static enum jwk11_rc check_keys(struct checked *r, const struct conf *c)
{
	for (size_t i = 0; i < c->n_keys; i++) {
		const struct conf_key *k = &c->keys[i];

		if (k->uri == NULL)
			return refuse(r, "[key %s] has no uri", k->name);
		if (k->kid != NULL && k->kid_style != JWK11_KID_THUMBPRINT)
			return refuse(r, "[key %s]: kid and kid-style exclude each other", k->name);
		if (k->kid != NULL && strlen(k->kid) > CONF_KID_MAX)
			return refuse(r, "[key %s]: its kid is longer than %d bytes", k->name, CONF_KID_MAX);
		if (k->certificates != NULL && k->alg != NULL && j11_text_starts(k->alg, "HS"))
			return refuse(r, "[key %s]: certificates are of public keys, and a key for %s has none", k->name, k->alg);
	}
	return check_literal_kids(r, c);
}

/* What is known of a key before it was seen. One that a set takes with "*" is left out instead, when it does not fit. */
static enum jwk11_rc check_in_profile(struct checked *r, const struct conf_set *set, const struct conf_key *key)
{
	const struct j11_profile *p = set->profile;

	if (key->use == CONF_USE_ENC)
		return refuse(r, "[set %s] names key \"%s\", which decrypts; profile %s takes keys that sign", set->name, key->name, p->name);
	if (key->alg != NULL && !j11_profile_takes_alg(p, j11_view_str(key->alg)))
		return refuse(r, "[set %s] names key \"%s\"; profile %s takes no %s", set->name, key->name, p->name, key->alg);
	if (p->kid_style != JWK11_N_KID_ && (key->kid != NULL || key->kid_style != p->kid_style))
		return refuse(r, "[set %s]: profile %s wants kid-style = %s in [key %s]", set->name, p->name, p->kid_word, key->name);
	if (p->needs_kid && key->kid_style == JWK11_KID_NONE)
		return refuse(r, "[set %s]: profile %s wants a kid, and [key %s] has kid-style = none", set->name, p->name, key->name);
	return JWK11_OK;
}

/* OpenID Connect Discovery 1.0 section 3: https, and for an issuer neither query nor fragment. What stands here stands in the document as it is. */
static bool is_https(const char *url, bool bare)
{
	static const char start[] = "https://";

	if (!j11_text_starts(url, start) || url[sizeof(start) - 1] == '\0' || url[sizeof(start) - 1] == '/')
		return false;
	for (const char *p = url; *p != '\0'; p++)
		if (*p <= ' ' || *p > '~' || *p == '"' || *p == '\\' || *p == '#' || (bare && *p == '?'))
			return false;
	return true;
}

static enum jwk11_rc check_issuer(struct checked *r, const struct conf_set *set)
{
	if (set->issuer != NULL && !is_https(set->issuer, true))
		return refuse(r, "[set %s] issuer is an https URL without query and fragment, not \"%s\"", set->name, set->issuer);
	if (set->jwks_uri != NULL && !is_https(set->jwks_uri, false))
		return refuse(r, "[set %s] jwks-uri is an https URL without fragment, not \"%s\"", set->name, set->jwks_uri);
	if (set->jwks_uri != NULL && set->issuer == NULL)
		return refuse(r, "[set %s]: jwks-uri goes with issuer only", set->name);
	return JWK11_OK;
}

static enum jwk11_rc check_folders(struct checked *r, const struct conf_set *set)
{
	const char *const names[] = { "verify-only", "verify-only-no-discovery" };
	const char *const *const lists[] = { set->verify_only, set->verify_only_no_discovery };

	for (size_t i = 0; i < J11_COUNT(lists); i++)
		for (const char *const *f = lists[i]; *f != NULL; f++)
			if (**f != '/')
				return refuse(r, "[set %s] %s takes absolute paths of folders, not \"%s\"", set->name, names[i], *f);
	if (set->verify_only_kid_style != JWK11_KID_THUMBPRINT && !conf_set_wants_verify_only(set))
		return refuse(r, "[set %s]: verify-only-kid-style goes with verify-only only", set->name);
	return JWK11_OK;
}

static enum jwk11_rc check_set(struct checked *r, const struct conf *c, const struct conf_set *set)
{
	enum jwk11_rc rc = check_issuer(r, set);

	if (rc == JWK11_OK)
		rc = check_folders(r, set);
	if (rc == JWK11_OK && set->profile != NULL && set->x5c == CONF_YES && !set->profile->takes_x5c)
		return refuse(r, "[set %s]: profile %s takes no x5c", set->name, set->profile->name);
	for (const char **k = set->keys; *k != NULL && rc == JWK11_OK; k++) {
		const struct conf_key *key = conf_find_key(c, *k);

		if (key == NULL && !j11_text_equal(*k, "*"))
			return refuse(r, "[set %s] names key \"%s\", which has no [key] section", set->name, *k);
		if (key != NULL && key->alg != NULL && j11_text_starts(key->alg, "HS")) /* "*" passes it over */
			return refuse(r, "[set %s] names key \"%s\", which is for %s: a secret key is never published", set->name, *k, key->alg);
		if (key != NULL && set->profile != NULL)
			rc = check_in_profile(r, set, key);
	}
	return rc;
}

static enum jwk11_rc check_sets(struct checked *r, const struct conf *c)
{
	enum jwk11_rc rc = JWK11_OK;

	for (size_t i = 0; i < c->n_sets && rc == JWK11_OK; i++)
		rc = check_set(r, c, &c->sets[i]);
	return rc;
}

/* The algorithms of keys that sign or decrypt, so that a misspelt one is not a grant of nothing. */
static bool is_alg(const char *word)
{
	static const char *const names[] = { "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "ES256K", "EdDSA", "Ed25519",
		"Ed448", "ML-DSA-44", "ML-DSA-65", "ML-DSA-87", "HS256", "HS384", "HS512", "RSA-OAEP", "RSA-OAEP-256",
		"ECDH-ES", "ECDH-ES+A128KW", "ECDH-ES+A192KW", "ECDH-ES+A256KW", NULL };

	return conf_list_has(names, word);
}

/* Does one of the section's words grant a template of this operation? */
static bool has_template_of(const struct conf_client *client, enum conf_op op)
{
	const struct j11_template *t;

	for (size_t i = 0; (t = j11_template_at(i)) != NULL; i++)
		for (const char **word = client->templates; conf_op_of(t) == op && *word != NULL; word++)
			if (j11_template_is_granted_by(t, *word))
				return true;
	return false;
}

/* Templates and operations are two sides of one grant: what has one side only would be a line that grants nothing, and was meant to. */
static enum jwk11_rc check_templates(struct checked *r, const struct conf_client *client)
{
	static const enum conf_op ops[] = { CONF_OP_SIGN, CONF_OP_JWS, CONF_OP_JWT };
	struct jwk11_err unknown = { .rc = JWK11_OK };
	const struct j11_template *t;

	for (const char **word = client->templates; *word != NULL; word++) {
		if (!j11_template_is_word(*word)) {
			j11_template_unknown(j11_view_str(*word), &unknown);
			return refuse(r, "[client %s]: %s", client->name, unknown.text);
		}
		t = j11_template_find(j11_view_str(*word));
		if (t != NULL && !client->ops[conf_op_of(t)])
			return refuse(r, "[client %s] template %s goes with allow = %s", client->name, *word, conf_op_name(conf_op_of(t)));
	}
	for (size_t i = 0; i < J11_COUNT(ops); i++)
		if (client->ops[ops[i]] && !has_template_of(client, ops[i]))
			return refuse(r, "[client %s] has template lines, and none of them is for allow = %s: what is free goes into a section of its own",
				client->name, conf_op_name(ops[i]));
	return JWK11_OK;
}

static enum jwk11_rc check_grants(struct checked *r, const struct conf_client *client)
{
	const char *const names[] = { "jwt-audience", "jwt-subject", "unit" };
	const char *const *const lists[] = { client->jwt_audience, client->jwt_subject, client->units };

	for (const char **a = client->algorithms; *a != NULL; a++)
		if (!is_alg(*a))
			return refuse(r, "[client %s] algorithms: there is no algorithm \"%s\"", client->name, *a);
	for (size_t i = 0; i < J11_COUNT(lists); i++)
		for (const char *const *p = lists[i]; *p != NULL; p++)
			if (strchr(*p, '*') != strrchr(*p, '*'))
				return refuse(r, "[client %s] %s: \"%s\" holds more than one \"*\"", client->name, names[i], *p);
	for (const char **h = client->jwt_header; *h != NULL; h++)
		if (j11_text_equal(*h, "typ"))
			return refuse(r, "[client %s] jwt-header: typ is for jwt-typ", client->name);
	return client->templates[0] != NULL ? check_templates(r, client) : JWK11_OK;
}

static bool has_socket(const struct conf *c, const char *name)
{
	for (size_t i = 0; i < c->n_sockets; i++)
		if (j11_text_equal(c->sockets[i].name, name))
			return true;
	return (conf_has_kubernetes(c) && j11_text_equal(name, CONF_KUBERNETES)) || j11_text_equal(name, CONF_API) || j11_text_equal(name, "*");
}

/* Names of units end with what they are. */
static bool is_unit(const char *pattern)
{
	static const char *const kinds[] = { ".service", ".scope", ".socket", ".mount", ".swap" };
	size_t len = strlen(pattern);

	for (size_t i = 0; i < J11_COUNT(kinds); i++)
		if (len > strlen(kinds[i]) && j11_text_equal(pattern + len - strlen(kinds[i]), kinds[i]))
			return true;
	return false;
}

static enum jwk11_rc check_match(struct checked *r, const struct conf *c, const struct conf_client *client)
{
	for (const char **u = client->units; *u != NULL; u++)
		if (!is_unit(*u))
			return refuse(r, "[client %s] unit: \"%s\" is not a unit's whole name, such as issuer.service", client->name, *u);
	for (const char **e = client->executables; *e != NULL; e++)
		if (**e != '/')
			return refuse(r, "[client %s] executable takes absolute paths, not \"%s\"", client->name, *e);
	for (const char **s = client->sockets; *s != NULL; s++)
		if (!has_socket(c, *s))
			return refuse(r, j11_text_equal(*s, CONF_KUBERNETES) ? "[client %s] names socket \"%s\", and there is no [kubernetes] section" :
				"[client %s] names socket \"%s\", which has no [socket] section", client->name, *s);
	if (client->users[0] == NULL && client->groups[0] == NULL && client->n_uids == 0 && client->n_gids == 0 && client->units[0] == NULL &&
		client->executables[0] == NULL && client->sockets[0] == NULL)
		return refuse(r, "[client %s] matches nobody: it needs user, uid, group, gid, unit, executable or socket", client->name);
	return JWK11_OK;
}

static enum jwk11_rc check_clients(struct checked *r, struct conf *c)
{
	for (size_t i = 0; i < c->n_clients; i++) {
		const struct conf_client *client = &c->clients[i];
		enum jwk11_rc rc = check_grants(r, client);

		if (rc != JWK11_OK)
			return rc;
		for (const char **k = client->keys; *k != NULL; k++)
			if (!j11_text_equal(*k, "*") && conf_find_key(c, *k) == NULL)
				return refuse(r, "[client %s] names key \"%s\", which has no [key] section", client->name, *k);
		for (const char **t = client->administer; *t != NULL; t++)
			if (!j11_text_equal(*t, "*") && conf_find_token(c, *t) == NULL)
				return refuse(r, "[client %s] administers token \"%s\", which has no [token] section", client->name, *t);
		for (const char **u = client->users; *u != NULL; u++)
			c->clients[i].anybody |= j11_text_equal(*u, "*");
		rc = check_match(r, c, client);
		if (rc != JWK11_OK)
			return rc;
		if (client->burst > 0 && client->rate == 0)
			return refuse(r, "[client %s]: burst goes with rate only", client->name);
		if (client->rate > 0 && client->burst == 0) /* what a second brings */
			c->clients[i].burst = (unsigned)((client->rate + 3599) / 3600);
	}
	return JWK11_OK;
}

static enum jwk11_rc check_sockets(struct checked *r, const struct conf *c)
{
	if (c->n_sockets > CONF_SOCKETS_MAX)
		return refuse(r, "%zu [socket] sections are more than %d", c->n_sockets, CONF_SOCKETS_MAX);
	for (size_t i = 0; i < c->n_sockets; i++) {
		if (has_socket(&(struct conf){ .n_sockets = 0 }, c->sockets[i].name) || j11_text_equal(c->sockets[i].name, "public"))
			return refuse(r, "[socket %s]: api.sock and public.sock are there without a section", c->sockets[i].name);
		if (j11_text_equal(c->sockets[i].name, CONF_KUBERNETES))
			return refuse(r, "[socket %s]: the socket of this name is that of [kubernetes], with path, mode and group there", c->sockets[i].name);
		if (conf_has_kubernetes(c) && j11_text_equal(c->sockets[i].path, c->kubernetes.path))
			return refuse(r, "[socket %s] has the path of [kubernetes]", c->sockets[i].name);
		for (size_t k = 0; k < i; k++)
			if (j11_text_equal(c->sockets[k].path, c->sockets[i].path))
				return refuse(r, "[socket %s] has the path of [socket %s]", c->sockets[i].name, c->sockets[k].name);
	}
	return JWK11_OK;
}

static enum jwk11_rc check_workers(struct checked *r, const struct conf *c)
{
	const char *const names[] = { "worker-read", "worker-write" };
	const char *const *const lists[] = { c->worker_read, c->worker_write };

	for (const char **w = c->worker_allow; *w != NULL; w++)
		if (!j11_text_equal(*w, "exec") && !j11_text_equal(*w, "network") && !j11_text_equal(*w, "code") && !j11_text_equal(*w, "all"))
			return refuse(r, "[daemon] worker-allow takes exec, network, code or all, not \"%s\"", *w);
	for (size_t i = 0; i < J11_COUNT(lists); i++)
		for (const char *const *p = lists[i]; *p != NULL; p++)
			if (**p != '/')
				return refuse(r, "[daemon] %s takes absolute paths, not \"%s\"", names[i], *p);
	return JWK11_OK;
}

static enum jwk11_rc check_limits(struct checked *r, const struct conf *c)
{
	if (c->max_connections_per_user > c->max_connections)
		return refuse(r, "[daemon] max-connections-per-user is %u, and max-connections %u for all together", c->max_connections_per_user,
			c->max_connections);
	return JWK11_OK;
}

/* "DIR/NAMETAIL" where nothing is set yet. */
static enum jwk11_rc default_path(struct checked *r, struct conf *c, const char **place, const char *dir, const char *name, const char *tail)
{
	size_t room = strlen(dir) + strlen(name) + strlen(tail) + 2;
	char *path;

	if (*place != NULL)
		return JWK11_OK;
	path = conf_alloc(c, room);
	if (path == NULL)
		return j11_err_memory(r->err);
	snprintf(path, room, "%s/%s%s", dir, name, tail);
	*place = path;
	return JWK11_OK;
}

/* What follows from another value. */
static enum jwk11_rc complete(struct checked *r, struct conf *c)
{
	enum jwk11_rc rc = default_path(r, c, &c->audit_file, c->state_dir, "audit", ".jsonl");

	for (size_t i = 0; i < c->n_sockets && rc == JWK11_OK; i++)
		rc = default_path(r, c, &c->sockets[i].path, c->run_dir, c->sockets[i].name, ".sock");
	if (rc == JWK11_OK && conf_has_kubernetes(c))
		rc = default_path(r, c, &c->kubernetes.path, c->run_dir, CONF_KUBERNETES, ".sock");
	if (c->kubernetes.refresh_hint == 0)
		c->kubernetes.refresh_hint = c->max_age > 0 ? c->max_age : 1;
	return rc;
}

static enum jwk11_rc check_daemon(struct checked *r, const struct conf *c)
{
	for (const char **e = c->environment; *e != NULL; e++)
		if (strchr(*e, '=') == NULL || **e == '=')
			return refuse(r, "[daemon] environment takes NAME=VALUE");
	if (c->publish_hook != NULL && c->publish_dir == NULL)
		return refuse(r, "[daemon] publish-hook goes with publish-dir only");
	return check_workers(r, c);
}

enum jwk11_rc conf_check(struct conf *conf, const char *file, struct jwk11_err *err)
{
	struct checked r = { .conf = conf, .file = file, .err = err };
	enum jwk11_rc rc = complete(&r, conf);

	if (rc == JWK11_OK)
		rc = check_tokens(&r, conf);
	if (rc == JWK11_OK)
		rc = check_keys(&r, conf);
	if (rc == JWK11_OK)
		rc = check_all_versioned(&r, conf);
	if (rc == JWK11_OK)
		rc = check_sets(&r, conf);
	if (rc == JWK11_OK)
		rc = check_clients(&r, conf);
	if (rc == JWK11_OK)
		rc = check_limits(&r, conf);
	if (rc == JWK11_OK)
		rc = check_sockets(&r, conf);
	if (rc == JWK11_OK && conf_has_kubernetes(conf))
		rc = conf_check_kubernetes(conf, file, err);
	if (rc == JWK11_OK)
		rc = conf_check_verify_only(conf, file, err);
	return rc == JWK11_OK ? check_daemon(&r, conf) : rc;
}
