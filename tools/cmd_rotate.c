/* SPDX-License-Identifier: Apache-2.0 */
/* jwk11 rotate: a new version of a key, on the token of those before it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "base/err.h"
#include "base/text.h"
#include "cmd.h"
#include "json/json_write.h"
#include "local_version.h"
#include "token/provision.h"

/* Two timers on two machines make a version at one moment: both take theirs back and try again, not at one moment. */
enum { TRIES = 6, PAUSE_MAX_MS = 3000 };

/* What is to be made. */
struct plan {
	const struct conf_key *conf; /* as long as tokens are open */
	struct jwk11_token *token;   /* the same */
	const char *key;
	int64_t moment;
	unsigned bits;
	unsigned char id[J11_PROVISION_ID];
	char alg[24], label[J11_LABEL_MAX], from[21], token_label[128], section[65];
	bool only; /* nothing signs before it */
};

static enum jwk11_rc say(const struct cmd_global *g, const struct plan *p, const char *what, const char *kid, struct jwk11_err *err)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf out = J11_BUF(65536);
	struct j11_json_out o = J11_JSON_OUT(&out);

	if (!g->json) {
		printf("%s %s on token \"%s\" (%s%s%s)%s%s\n", what, p->label, p->token_label, p->alg, kid[0] ? ", kid " : "", kid, p->moment > 0 ? ", signs from " : "",
			p->moment > 0 ? p->from : "");
		return JWK11_OK;
	}
	j11_json_open(&o, NULL, '{');
	j11_json_str(&o, "schema", "jwk11/rotate/1");
	j11_json_str(&o, "result", what);
	j11_json_str(&o, "key", p->key);
	j11_json_str(&o, "label", p->label);
	j11_json_str(&o, "token", p->token_label);
	j11_json_str(&o, "alg", p->alg);
	if (kid[0] != '\0')
		j11_json_str(&o, "kid", kid);
	if (p->moment > 0)
		j11_json_str(&o, "from", p->from);
	j11_json_close(&o);
	return cmd_write_output(NULL, j11_buf_view(&out), true, err);
}

/* What keygen would make goes by the newest version, unless something else is said. */
static void choose_alg(const struct cmd_global *g, const struct conf_key *conf, const struct local_version *newest, struct plan *p)
{
	snprintf(p->alg, sizeof(p->alg), "%s", g->alg != NULL ? g->alg : conf->alg != NULL ? conf->alg : newest != NULL ? newest->alg : "ES256");
	p->bits = (unsigned)g->bits;
	if (p->bits == 0 && newest != NULL && j11_text_equal(jwk11_key_kty(newest->key), "RSA"))
		p->bits = jwk11_key_bits(newest->key);
}

static const struct local_version *newest_of(const struct local_versions *versions)
{
	for (size_t i = versions->n; i > 0; i--)
		if (versions->list[i - 1].why.rc == JWK11_OK)
			return &versions->list[i - 1];
	return NULL;
}

/* The moment of the next version; 0: none is due. */
static enum jwk11_rc choose_moment(const struct cmd_global *g, const struct local_versions *versions, int64_t now, int64_t *ret_moment, struct jwk11_err *err)
{
	const struct conf_key *conf = versions->conf;
	const struct local_version *newest = newest_of(versions), *active = versions->active >= 0 ? &versions->list[versions->active] : NULL;
	int64_t lead = g->lead > 0 ? g->lead : conf->lead, regular = active != NULL && active->moment > 0 ? active->moment + conf->period : 0;
	char text[21];

	*ret_moment = active == NULL ? now : now + lead;
	if (g->if_due && conf->period == 0) {
		j11_err_set(err, JWK11_ERR_ARGUMENT, J11_CODE_ARGUMENT, "key \"%s\" has no period, so no version of it is ever due", conf->name);
		j11_err_hint(err, "period = 90d in [key %s]", conf->name);
		return err->rc;
	}
	if (g->if_due && newest != NULL && newest->state == J11_VERSION_NEXT)
		*ret_moment = 0;
	else if (g->if_due && active != NULL && now + lead < regular)
		*ret_moment = 0;
	else if (g->if_due && *ret_moment < regular)
		*ret_moment = regular;
	if (g->if_due || newest == NULL || newest->state != J11_VERSION_NEXT)
		return JWK11_OK;
	j11_text_time(newest->moment, text);
	j11_err_set(err, JWK11_ERR_MISMATCH, J11_CODE_ARGUMENT, "key \"%s\" has its next version already: it signs from %s", conf->name, text);
	j11_err_hint(err, "jwk11 prune %s -- %s takes it back", conf->name, newest->kid);
	return err->rc;
}

static enum jwk11_rc check_lead(const struct cmd_global *g, const struct local *local, const struct conf_key *conf, struct jwk11_err *err)
{
	int64_t least = conf_least_lead(local_conf(local), conf);

	if (g->lead == 0 || g->lead >= least)
		return JWK11_OK;
	return j11_err_set(err, JWK11_ERR_ARGUMENT, J11_CODE_ARGUMENT,
		"a lead of %lld s is too short: relying parties and brokers need %lld s to see a new version (max-age, rescan and a minute)", (long long)g->lead,
		(long long)least);
}

static enum jwk11_rc make_plan(const struct cmd_global *g, struct local *local, const struct local_versions *versions, int64_t now, struct plan *p,
	struct jwk11_err *err)
{
	const struct local_version *newest = newest_of(versions);
	char base[J11_LABEL_MAX], stamp[J11_VERSION_STAMP];
	enum jwk11_rc rc = choose_moment(g, versions, now, &p->moment, err);

	p->conf = versions->conf;
	p->only = versions->active < 0;
	if (rc != JWK11_OK || p->moment == 0)
		return rc;
	choose_alg(g, p->conf, newest, p);
	rc = local_token_for(local, p->conf, newest != NULL ? newest->key : NULL, &p->token, err);
	if (rc == JWK11_OK)
		rc = j11_versions_base(p->conf->uri, p->conf->name, base, err);
	if (rc != JWK11_OK)
		return rc;
	j11_version_stamp(p->moment, stamp);
	j11_text_time(p->moment, p->from);
	snprintf(p->section, sizeof(p->section), "%s", local_section_of(local, p->token));
	snprintf(p->token_label, sizeof(p->token_label), "%s", jwk11_token_get_info(p->token)->label);
	snprintf(p->label, sizeof(p->label), "%.*s@%s", J11_LABEL_MAX - 2 - J11_VERSION_STAMP, base, stamp);
	return JWK11_OK;
}

/* The version that was made, and how many there are at its moment. A token may give it an id of its own. */
static const struct local_version *find_made(const struct local_versions *versions, const struct plan *p, size_t *ret_n)
{
	const struct local_version *made = NULL, *other = NULL;

	*ret_n = 0;
	for (size_t i = 0; i < versions->n; i++) {
		const struct local_version *v = &versions->list[i];
		struct jwk11_view id = jwk11_key_id(v->key);

		if (v->moment != p->moment)
			continue;
		++*ret_n;
		other = v;
		if (id.len == sizeof(p->id) && memcmp(id.data, p->id, sizeof(p->id)) == 0)
			made = v;
	}
	return made != NULL ? made : *ret_n == 1 ? other : NULL;
}

static void pause_a_little(void)
{
	unsigned n = 0;

	if (getrandom(&n, sizeof(n), 0) != sizeof(n))
		n = (unsigned)time(NULL);
	n = 100 + n % PAUSE_MAX_MS;
	nanosleep(&(struct timespec){ .tv_sec = n / 1000, .tv_nsec = n % 1000 * 1000000L }, NULL);
}

static enum jwk11_rc take_back(const struct local_version *made, const char *why, const struct plan *p, struct jwk11_err *err)
{
	enum jwk11_rc rc = j11_provision_destroy(made->key, err);

	if (rc != JWK11_OK)
		return rc;
	j11_err_set(err, JWK11_ERR_BUSY, J11_CODE_NOT_READY, "key \"%s\": the new version was destroyed again: %s", p->key, why);
	return JWK11_ERR_BUSY;
}

static enum jwk11_rc make(struct plan *p, struct jwk11_err *err)
{
	enum jwk11_rc rc = j11_provision_key(p->token, p->alg, p->bits, p->label, p->id, err);

	if (rc == JWK11_ERR_AMBIGUOUS)
		return j11_err_set(err, JWK11_ERR_BUSY, J11_CODE_NOT_READY, "key \"%s\": its version of this moment is there already", p->key);
	return rc;
}

/* Looks again, with the module started anew (SoftHSM misses what another process makes while it makes something itself): another one may have been made at
 * the same moment elsewhere, or the token may have taken so long that nobody would see this one in time. */
static enum jwk11_rc check_made(const struct cmd_global *g, struct local *local, const struct plan *p, struct jwk11_err *err)
{
	J11_AUTO(local_versions_done_auto) struct local_versions versions = { 0 };
	const struct conf_key *conf = NULL;
	const struct local_version *made;
	struct jwk11_err why;
	enum jwk11_rc rc = local_versions_conf(local, p->key, &conf, err);
	size_t n;

	if (rc == JWK11_OK)
		rc = local_versions_find(local, conf, time(NULL), &versions, err);
	if (rc != JWK11_OK)
		return rc;
	made = find_made(&versions, p, &n);
	if (made == NULL)
		return j11_err_set(err, JWK11_ERR_DEVICE, J11_CODE_TOKEN_FAILED, "key \"%s\": %s was made and is not to be found on its token", p->key, p->label);
	if (n > 1)
		return take_back(made, "another one was made for the same moment", p, err);
	if (!p->only && p->moment - time(NULL) < conf_least_lead(local_conf(local), conf))
		return take_back(made, "it took its token so long that too little of the lead is left", p, err);
	why = made->why;
	if (why.rc == JWK11_OK) {
		rc = say(g, p, "made", made->kid, err);
		local_tell_broker(g, p->section, local_conf(local)->rescan);
		return rc;
	}
	rc = take_back(made, why.text, p, err);
	return rc == JWK11_ERR_BUSY ? (err->rc = JWK11_ERR_UNSUPPORTED) : rc;
}

static enum jwk11_rc say_not_due(const struct cmd_global *g, const char *key, struct jwk11_err *err)
{
	if (g->json)
		return cmd_write_output(NULL, J11_VIEW("{\"schema\":\"jwk11/rotate/1\",\"result\":\"not due\"}"), true, err);
	printf("%s: no version is due\n", key);
	return JWK11_OK;
}

/* Decides, and makes it unless that is only to be shown. */
static enum jwk11_rc decide_and_make(const struct cmd_global *g, struct local *local, struct plan *p, struct jwk11_err *err)
{
	J11_AUTO(local_versions_done_auto) struct local_versions versions = { 0 };
	const struct conf_key *conf = NULL;
	enum jwk11_rc rc = local_versions_conf(local, p->key, &conf, err);

	if (rc == JWK11_OK)
		rc = check_lead(g, local, conf, err);
	if (rc == JWK11_OK)
		rc = local_versions_find(local, conf, time(NULL), &versions, err);
	if (rc == JWK11_OK && versions.n == 0 && !versions.is_whole) { /* there may be one that cannot be seen */
		*err = versions.why;
		rc = err->rc;
	}
	if (rc == JWK11_OK)
		rc = make_plan(g, local, &versions, time(NULL), p, err);
	if (rc != JWK11_OK || p->moment == 0 || g->dry_run)
		return rc;
	return make(p, err);
}

static enum jwk11_rc rotate_once(const struct cmd_global *g, const char *key, struct jwk11_err *err)
{
	struct plan p = { .key = key };
	struct local *local = NULL;
	enum jwk11_rc rc = local_open(g, &local, err);

	if (rc == JWK11_OK)
		rc = decide_and_make(g, local, &p, err);
	local_close(local);
	local = NULL;
	if (rc != JWK11_OK)
		return rc;
	if (p.moment == 0)
		return say_not_due(g, key, err);
	if (g->dry_run)
		return say(g, &p, "would make", "", err);
	for (unsigned i = 0; i < TRIES; i++) {
		j11_err_clear(err);
		rc = local_open(g, &local, err);
		if (rc == JWK11_OK)
			rc = check_made(g, local, &p, err);
		local_close(local);
		local = NULL;
		if (rc != JWK11_ERR_ABSENT && rc != JWK11_ERR_DEVICE)
			return rc;
		pause_a_little(); /* SoftHSM's files are being written by somebody else, say */
	}
	return rc;
}

/* A timer comes back tomorrow only; a person sees at once what is wrong. */
static bool is_worth_another_try(const struct cmd_global *g, enum jwk11_rc rc)
{
	return rc == JWK11_ERR_BUSY || rc == JWK11_ERR_DEVICE || (g->if_due && rc == JWK11_ERR_ABSENT);
}

static int run_rotate(struct cmd_global *g, int argc, char **argv)
{
	struct jwk11_err err = { 0 };
	enum jwk11_rc rc;

	if (argc != 1)
		return cmd_usage("rotate", "takes the name of a key");
	rc = rotate_once(g, argv[0], &err);
	for (unsigned i = 1; i < TRIES && is_worth_another_try(g, rc); i++) {
		pause_a_little();
		j11_err_clear(&err);
		rc = rotate_once(g, argv[0], &err);
	}
	return rc == JWK11_OK ? CMD_OK : cmd_fail(&err);
}

static const struct cmd_option options[] = {
	{ "if-due", 0, CMD_FLAG, &cmd_given.if_due, NULL, "only when the period of the one that signs ends within the lead; for timers" },
	{ "lead", 0, CMD_SECONDS, &cmd_given.lead, "TIME", "published for that long before it signs; default: the section's" },
	{ "alg", 0, CMD_TEXT, &cmd_given.alg, "ALG", "algorithm; default: that of the version before it" },
	{ "bits", 0, CMD_NUMBER, &cmd_given.bits, "N", "size of an RSA key" },
	{ "dry-run", 0, CMD_FLAG, &cmd_given.dry_run, NULL, "say what would be made, and change nothing" },
};

const struct cmd_verb cmd_rotate = { "rotate", "NAME", "make the next version of a key that has versions",
	run_rotate, options, J11_COUNT(options), .local = true };
