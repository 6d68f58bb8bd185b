/* SPDX-License-Identifier: Apache-2.0 */
/* Keys: whether they can be used, what is known against them, and with --sign a signature by each. No PIN is sent without --sign, unless one was
 * given for this very call. */
#include <stdio.h>

#include "ask.h"
#include "base/b64.h"
#include "base/health.h"
#include "base/text.h"
#include "doctor.h"
#include "json/json_write.h"
#include "jose/jwk.h"
#include "local.h"
#include "show.h"

#define TEXT "jwk11 doctor" /* what is signed */

/* One thing that is known against a key, with what to do about it. */
static void say_weakness(struct doctor *d, const char *name, const struct j11_health *h)
{
	static const struct {
		enum jwk11_health flag;
		enum doctor_code code;
	} rows[] = {
		{ JWK11_HEALTH_ROCA, DOCTOR_KEY_ROCA }, { JWK11_HEALTH_EXTRACTABLE, DOCTOR_KEY_EXTRACTABLE },
		{ JWK11_HEALTH_WAS_EXTRACTABLE, DOCTOR_KEY_WAS_EXTRACTABLE }, { JWK11_HEALTH_WRAPS, DOCTOR_KEY_WRAPS }, { JWK11_HEALTH_TWO_USES, DOCTOR_KEY_TWO_USES },
	};

	for (size_t i = 0; i < J11_COUNT(rows); i++)
		if (rows[i].flag == h->flag)
			doctor_say(d, rows[i].code, name, h->advice, "%s: %s", h->name, h->what);
}

/* ---- by the broker ---- */

static enum jwk11_rc ask_signature(const struct cmd_global *g, const char *name, struct jwk11_buf *ret_sig, struct jwk11_err *err)
{
	J11_AUTO(ask_done_auto) struct ask_answer answer = { 0 };
	J11_AUTO(j11_json_free_auto) struct j11_json_doc *doc = NULL;
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf body = J11_BUF(1024);
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf input = J11_BUF(64);
	struct j11_json_out o = J11_JSON_OUT(&body);
	const struct j11_json *sig;
	enum jwk11_rc rc;

	j11_b64url_add(&input, J11_VIEW(TEXT));
	j11_json_open(&o, NULL, '{');
	j11_json_view(&o, "input", j11_buf_view(&input));
	j11_json_close(&o);
	rc = ask_key(g, name, "/sign", NULL, &body, &answer, err);
	if (rc == JWK11_OK)
		rc = j11_json_read(j11_buf_view(&answer.body), NULL, "answer", &doc, err);
	sig = rc == JWK11_OK ? j11_json_get(j11_json_root(doc), "signature") : NULL;
	return rc == JWK11_OK ? j11_b64url_decode(sig != NULL ? sig->text : J11_VIEW(""), "signature", ret_sig, err) : rc;
}

/* Its own word for that it is right is not taken. */
static enum jwk11_rc check_signature(const struct cmd_global *g, const char *name, const char *alg, struct jwk11_view sig, struct jwk11_err *err)
{
	J11_AUTO(ask_done_auto) struct ask_answer answer = { 0 };
	J11_AUTO(jwk11_pub_unref_auto) struct jwk11_pub *pub = NULL;
	enum jwk11_rc rc = ask_key(g, name, "", "application/jwk+json", NULL, &answer, err);

	if (rc == JWK11_OK)
		rc = jwk11_pub_from_jwk(j11_buf_view(&answer.body), &pub, err);
	return rc == JWK11_OK ? jwk11_pub_verify(pub, alg, JWK11_INPUT_MESSAGE, J11_VIEW(TEXT), sig, err) : rc;
}

static void sign_by_broker(struct doctor *d, const struct j11_json *key, const char *name, const char *alg)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf sig = J11_BUF(J11_SIG_MAX);
	struct jwk11_err err = { 0 };
	char operations[160], kty[16];
	enum jwk11_rc rc;

	show_words(key, "operations", operations, sizeof(operations));
	show_member(key, "kty", kty, sizeof(kty));
	if (!j11_text_starts(operations, "sign"))
		return; /* not for us, or not for signatures */
	rc = ask_signature(d->g, name, &sig, &err);
	if (rc == JWK11_OK && !j11_text_equal(kty, "oct"))
		rc = check_signature(d->g, name, alg, j11_buf_view(&sig), &err);
	if (rc == JWK11_OK)
		doctor_say(d, DOCTOR_SIGN_OK, name, NULL, j11_text_equal(kty, "oct") ? "test MAC made, checked on the token" : "test signature verified");
	else
		doctor_say(d, DOCTOR_SIGN_FAILED, name, err.hint[0] != '\0' ? err.hint : "journalctl -u jwk11d", "%s", err.text);
}

static void check_asked(struct doctor *d, const struct j11_json *key)
{
	const struct j11_json *health = j11_json_get(key, "health");
	char name[128], state[40], reason[JWK11_TEXT_MAX], alg[32];

	show_member(key, "name", name, sizeof(name));
	show_member(key, "state", state, sizeof(state));
	show_member(key, "reason", reason, sizeof(reason));
	show_member(key, "alg", alg, sizeof(alg));
	if (j11_text_equal(state, "active"))
		doctor_say(d, DOCTOR_KEY_OK, name, NULL, "%s", alg);
	else
		doctor_say(d, DOCTOR_KEY_UNUSABLE, name, NULL, "%s: %s", state, reason);
	for (const struct j11_json *h = health ? health->child : NULL; h != NULL; h = h->next)
		if (j11_health_find(h->text) != NULL)
			say_weakness(d, name, j11_health_find(h->text));
	if (d->sign && j11_text_equal(state, "active"))
		sign_by_broker(d, key, name, alg);
}

/* ---- through the modules ---- */

static void check_found(const struct conf_key *conf, struct jwk11_key *key, const char *alg, const char *kid, const struct jwk11_err *why, void *arg)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf sig = J11_BUF(J11_SIG_MAX);
	struct doctor *d = arg;
	struct jwk11_err err = { 0 };

	if (why->rc != JWK11_OK)
		doctor_say(d, DOCTOR_KEY_UNUSABLE, conf->name, why->hint[0] != '\0' ? why->hint : NULL, "%s", why->text);
	else
		doctor_say(d, DOCTOR_KEY_OK, conf->name, NULL, "%s, kid %s", alg, kid);
	for (size_t i = 0; key != NULL && j11_health_at(i) != NULL; i++)
		if ((jwk11_key_health(key) & j11_health_at(i)->flag) != 0)
			say_weakness(d, conf->name, j11_health_at(i));
	if (why->rc != JWK11_OK || !d->sign || jwk11_key_use(key) == JWK11_USE_ENC)
		return;
	if (jwk11_key_sign(key, alg, JWK11_INPUT_MESSAGE, J11_VIEW(TEXT), &sig, &err) == JWK11_OK)
		doctor_say(d, DOCTOR_SIGN_OK, conf->name, NULL, "test signature verified");
	else
		doctor_say(d, DOCTOR_SIGN_FAILED, conf->name, err.hint[0] != '\0' ? err.hint : NULL, "%s", err.text);
}

static void say_left_out(const char *reason, void *arg)
{
	doctor_say(arg, DOCTOR_KEY_LEFT_OUT, "", NULL, "left out: %s", reason);
}

static void check_local(struct doctor *d)
{
	J11_AUTO(local_close_auto) struct local *local = NULL;
	struct jwk11_err err = { 0 };

	if (local_open(d->g, &local, &err) != JWK11_OK || local_each(local, check_found, d, &err) != JWK11_OK)
		doctor_say(d, DOCTOR_KEY_UNUSABLE, "", err.hint[0] != '\0' ? err.hint : NULL, "%s", err.text);
	else
		local_each_left_out(local, say_left_out, d);
}

void doctor_keys(struct doctor *d)
{
	const struct j11_json *keys = d->broker ? j11_json_get(j11_json_root(d->keys), "keys") : NULL;
	bool given = d->g->pin_file != NULL || d->g->ask_pin;

	for (const struct j11_json *k = keys ? keys->child : NULL; k != NULL; k = k->next)
		check_asked(d, k);
	if (d->broker && (keys == NULL || keys->child == NULL))
		doctor_say(d, DOCTOR_KEY_NONE, "", "jwk11 whoami; keys = … in a [client] section that matches", "you may see no key");
	if (d->broker || (!d->g->offline && d->published))
		return;
	if (d->g->offline && (d->sign || given) && (d->conf != NULL || d->direct))
		check_local(d);
	else if (d->conf != NULL || d->direct)
		doctor_say(d, DOCTOR_KEY_UNSEEN, "", "jwk11 --offline doctor --sign, which sends the PIN of each token once",
			"not looked at: without a broker they are seen after a login only, and no PIN is sent unasked");
}
