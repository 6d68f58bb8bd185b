/* SPDX-License-Identifier: Apache-2.0 */
/* jwk11 jwks: public keys as a set, or PEM. */
#include <stdio.h>

#include "ask.h"
#include "base/err.h"
#include "base/text.h"
#include "jose/jwk.h"
#include "local.h"

struct writing {
	struct j11_json_out *o;
	struct jwk11_buf *out;
	bool pem;
	struct jwk11_err *err;
};

static enum jwk11_rc add(struct writing *w, const struct jwk11_pub *pub, const char *alg, const char *kid)
{
	if (w->pem)
		return jwk11_pub_pem(pub, w->out, w->err);
	j11_jwk_write(w->o, NULL, pub, alg, kid);
	return JWK11_OK;
}

static void add_local(const struct conf_key *conf, struct jwk11_key *key, const char *alg, const char *kid, const struct jwk11_err *why, void *arg)
{
	struct writing *w = arg;

	(void)conf;
	if (key == NULL)
		fprintf(stderr, "jwk11: left out: %s\n", why->text);
	else if (add(w, jwk11_key_pub(key), alg, kid) != JWK11_OK)
		fprintf(stderr, "jwk11: %s\n", w->err->text);
}

static enum jwk11_rc offline(const struct cmd_global *g, struct writing *w, int argc, char **argv)
{
	J11_AUTO(local_close_auto) struct local *local = NULL;
	enum jwk11_rc rc = local_open(g, &local, w->err);
	const char *alg, *kid;
	struct jwk11_key *key;

	if (rc == JWK11_OK && argc == 0)
		local_each(local, add_local, w);
	for (int i = 0; rc == JWK11_OK && i < argc; i++) {
		rc = local_key(local, argv[i], &key, &alg, &kid, w->err);
		if (rc == JWK11_OK)
			rc = add(w, jwk11_key_pub(key), alg, kid);
	}
	return rc;
}

/* Single keys, each with its own question. */
static enum jwk11_rc some(const struct cmd_global *g, struct writing *w, int argc, char **argv)
{
	enum jwk11_rc rc = JWK11_OK;

	for (int i = 0; rc == JWK11_OK && i < argc; i++) {
		J11_AUTO(ask_done_auto) struct ask_answer answer = { 0 };
		J11_AUTO(j11_buf_done_auto) struct jwk11_buf path = J11_BUF(2048);

		ask_key_path(&path, argv[i], "");
		rc = ask_broker(g, "GET", jwk11_buf_data(&path), w->pem ? "application/x-pem-file" : "application/jwk+json", NULL, &answer, w->err);
		if (rc == JWK11_OK && w->pem)
			j11_buf_add(w->out, answer.body.data, answer.body.len);
		else if (rc == JWK11_OK)
			j11_json_raw(w->o, NULL, j11_buf_view(&answer.body));
	}
	return rc;
}

/* The whole set: the broker's own bytes. */
static enum jwk11_rc whole(const struct cmd_global *g, struct writing *w)
{
	J11_AUTO(ask_done_auto) struct ask_answer answer = { 0 };
	char path[256];
	struct j11_jwks set = { 0 };
	enum jwk11_rc rc;

	snprintf(path, sizeof(path), g->set ? "/.well-known/jwks/%.100s.json" : "/.well-known/jwks.json", g->set);
	rc = ask_broker(g, "GET", path, NULL, NULL, &answer, w->err);
	if (rc != JWK11_OK)
		return rc;
	if (!w->pem) {
		jwk11_buf_reset(w->out);
		j11_buf_add(w->out, answer.body.data, answer.body.len);
		return JWK11_OK;
	}
	rc = j11_jwks_parse(j11_buf_view(&answer.body), &set, w->err);
	for (size_t i = 0; rc == JWK11_OK && i < set.n; i++)
		rc = jwk11_pub_pem(set.pubs[i], w->out, w->err);
	j11_jwks_done(&set);
	return rc;
}

int cmd_jwks(struct cmd_global *g, int argc, char **argv)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf out = J11_BUF(ASK_MAX);
	struct j11_json_out o = J11_JSON_OUT(&out);
	struct jwk11_err err = { 0 };
	struct writing w = { &o, &out, g->format != NULL && j11_text_equal(g->format, "pem"), &err };
	bool set = !g->offline && argc == 0;
	enum jwk11_rc rc;

	if (g->format != NULL && !w.pem && !j11_text_equal(g->format, "jwk"))
		return cmd_usage("jwks", "--format takes jwk or pem");
	if (!set && !w.pem) {
		j11_json_open(&o, NULL, '{');
		j11_json_open(&o, "keys", '[');
	}
	rc = set ? whole(g, &w) : g->offline ? offline(g, &w, argc, argv) : some(g, &w, argc, argv);
	if (rc == JWK11_OK && !set && !w.pem) {
		j11_json_close(&o);
		j11_json_close(&o);
	}
	if (rc == JWK11_OK)
		rc = j11_buf_check(&out, "JWK set", &err);
	if (rc == JWK11_OK)
		rc = cmd_write_output(g->output, j11_buf_view(&out), !w.pem, &err);
	return rc == JWK11_OK ? CMD_OK : cmd_fail(&err);
}
