/* SPDX-License-Identifier: Apache-2.0 */
/* jwk11 cert: the certificates that keys go by, listed and written out; from the broker, which publishes them, or from the tokens. */
#include <stdio.h>
#include <string.h>

#include "ask.h"
#include "base/b64.h"
#include "base/err.h"
#include "base/text.h"
#include "jose/cert_text.h"
#include "jose/x5c.h"
#include "json/json_write.h"
#include "local.h"
#include "show.h"
#include "table.h"
#include "token/cert_file.h"

static struct {
	bool chain, der;
} opt;

/* One key with its certificates, the leaf first. */
struct found {
	char name[300], token[128], note[JWK11_TEXT_MAX];
	struct jwk11_certs certs;
};

static void found_done(struct found *f)
{
	j11_certs_done(&f->certs);
}

/* What is done with each of them. */
typedef enum jwk11_rc (*take_fn)(const struct found *found, void *arg, struct jwk11_err *err);

/* ---- from the broker ---- */

static enum jwk11_rc ask_found(const struct cmd_global *g, const char *key, struct found *f, struct jwk11_err *err)
{
	J11_AUTO(ask_done_auto) struct ask_answer answer = { 0 };
	J11_AUTO(j11_json_free_auto) struct j11_json_doc *doc = NULL;
	const struct j11_json *root, *x5c;
	enum jwk11_rc rc = ask_key(g, key, "", NULL, NULL, &answer, err);

	if (rc == JWK11_OK)
		rc = j11_json_read(j11_buf_view(&answer.body), NULL, "answer", &doc, err);
	if (rc != JWK11_OK)
		return rc;
	root = j11_json_root(doc);
	show_member(root, "name", f->name, sizeof(f->name));
	show_member(root, "token", f->token, sizeof(f->token));
	show_member(root, "certificate_note", f->note, sizeof(f->note));
	x5c = j11_json_get(root, "x5c");
	return x5c != NULL ? j11_x5c_read(x5c, &f->certs, err) : JWK11_OK;
}

static enum jwk11_rc each_of_broker(const struct cmd_global *g, take_fn take, void *arg, struct jwk11_err *err)
{
	J11_AUTO(j11_json_free_auto) struct j11_json_doc *doc = NULL;
	const struct j11_json *keys;
	enum jwk11_rc rc = show_ask(g, "/v1/keys", &doc, err);
	char name[300], x5t[64], note[JWK11_TEXT_MAX];

	if (rc != JWK11_OK)
		return rc;
	keys = j11_json_get(j11_json_root(doc), "keys");
	for (const struct j11_json *k = keys ? keys->child : NULL; rc == JWK11_OK && k != NULL; k = k->next) {
		struct found f = { .name = "" };

		show_member(k, "name", name, sizeof(name));
		show_member(k, "x5t#S256", x5t, sizeof(x5t));
		show_member(k, "certificate_note", note, sizeof(note));
		if (x5t[0] == '\0' && note[0] == '\0')
			continue;
		rc = ask_found(g, name, &f, err);
		if (rc == JWK11_OK)
			rc = take(&f, arg, err);
		found_done(&f);
	}
	return rc;
}

/* ---- from the tokens ---- */

static enum jwk11_rc read_found(struct jwk11_key *key, const char *name, struct found *f, struct jwk11_err *err)
{
	J11_AUTO(jwk11_chain_free_auto) struct jwk11_chain *chain = NULL;
	const struct jwk11_view none = { .data = "", .len = 0 };
	struct jwk11_err why = { 0 };
	enum jwk11_rc rc = jwk11_key_chain(key, NULL, &chain, &why);

	snprintf(f->name, sizeof(f->name), "%s", name);
	snprintf(f->token, sizeof(f->token), "%s", jwk11_token_get_info(jwk11_key_token(key))->label);
	if (rc == JWK11_ERR_NOT_FOUND) {
		j11_key_no_chain(key, &why, f->note);
		return JWK11_OK;
	}
	if (rc != JWK11_OK) {
		*err = why;
		return rc;
	}
	snprintf(f->note, sizeof(f->note), "%s", jwk11_chain_note(chain));
	for (size_t i = 0; rc == JWK11_OK && i < chain->n; i++)
		rc = j11_certs_add(&f->certs, chain->der[i], none, none, err);
	return rc;
}

/* What local_each leads to. */
struct walk {
	take_fn take;
	void *arg;
	enum jwk11_rc rc;
	struct jwk11_err *err;
};

static void each_local(const struct conf_key *conf, struct jwk11_key *key, const char *alg, const char *kid, const struct jwk11_err *why, void *arg)
{
	struct walk *w = arg;
	struct found f = { .name = "" };

	(void)alg;
	if (w->rc != JWK11_OK)
		return;
	if (key == NULL)
		fprintf(stderr, "jwk11: left out: %s\n", why->text);
	if (key == NULL || jwk11_key_pub(key) == NULL)
		return;
	w->rc = read_found(key, conf->name[0] != '\0' ? conf->name : kid, &f, w->err);
	if (w->rc == JWK11_OK)
		w->rc = w->take(&f, w->arg, w->err);
	found_done(&f);
}

static enum jwk11_rc each_of_tokens(const struct cmd_global *g, take_fn take, void *arg, struct jwk11_err *err)
{
	J11_AUTO(local_close_auto) struct local *local = NULL;
	struct walk w = { .take = take, .arg = arg, .err = err };
	enum jwk11_rc rc = local_open(g, &local, err);

	if (rc == JWK11_OK)
		rc = local_each_published(local, each_local, &w, err);
	return rc == JWK11_OK ? w.rc : rc;
}

static enum jwk11_rc local_found(const struct cmd_global *g, const char *name, struct found *f, struct jwk11_err *err)
{
	J11_AUTO(local_close_auto) struct local *local = NULL;
	struct jwk11_key *key = NULL;
	const char *alg, *kid;
	enum jwk11_rc rc = local_open(g, &local, err);

	if (rc == JWK11_OK)
		rc = local_key(local, name, &key, &alg, &kid, err);
	return rc == JWK11_OK ? read_found(key, name, f, err) : rc;
}

/* One key, which must have a certificate. */
static enum jwk11_rc find(const struct cmd_global *g, const char *name, struct found *f, struct jwk11_err *err)
{
	enum jwk11_rc rc = g->offline ? local_found(g, name, f, err) : ask_found(g, name, f, err);

	if (rc != JWK11_OK || f->certs.n > 0)
		return rc;
	if (f->note[0] != '\0')
		j11_err_set(err, JWK11_ERR_NOT_FOUND, strstr(f->note, "holds another key") != NULL ? J11_CODE_CERT_FOREIGN : J11_CODE_CERT_ABSENT,
			"key \"%s\": %s", name, f->note);
	else
		j11_err_set(err, JWK11_ERR_NOT_FOUND, J11_CODE_CERT_ABSENT, "key \"%s\": no certificate on its token holds its public key", name);
	j11_err_hint(err, "jwk11 import-cert %s FILE", name);
	return err->rc;
}

/* ---- list ---- */

struct listing {
	struct table table;
	struct j11_json_out *json; /* NULL: table */
	bool issuers;              /* in the table too */
};

static void add_row(struct listing *l, const struct found *f, size_t i)
{
	struct j11_cert_text t;

	j11_cert_text(f->certs.list[i], &t);
	if (l->json == NULL) {
		table_row(&l->table, i == 0 ? f->name : "issuer", t.subject, t.issuer, t.serial, t.not_after, t.x5t, f->token);
		return;
	}
	j11_json_open(l->json, NULL, '{');
	j11_json_str(l->json, "subject", t.subject);
	j11_json_str(l->json, "issuer", t.issuer);
	j11_json_str(l->json, "serial", t.serial);
	j11_json_str(l->json, "not_before", t.not_before);
	j11_json_str(l->json, "not_after", t.not_after);
	j11_json_str(l->json, "x5t#S256", t.x5t);
	j11_json_close(l->json);
}

static enum jwk11_rc add(const struct found *f, void *arg, struct jwk11_err *err)
{
	struct listing *l = arg;

	(void)err;
	if (f->note[0] != '\0' && l->json == NULL)
		fprintf(stderr, "jwk11: %s: %s\n", f->name, f->note);
	if (f->certs.n == 0 && (l->json == NULL || f->note[0] == '\0'))
		return JWK11_OK;
	if (l->json != NULL) {
		j11_json_open(l->json, NULL, '{');
		j11_json_str(l->json, "name", f->name);
		j11_json_str(l->json, "token", f->token);
		j11_json_str(l->json, "note", f->note);
		j11_json_open(l->json, "certificates", '[');
	}
	for (size_t i = 0; i < f->certs.n && (i == 0 || l->issuers || l->json != NULL); i++)
		add_row(l, f, i);
	if (l->json != NULL) {
		j11_json_close(l->json);
		j11_json_close(l->json);
	}
	return JWK11_OK;
}

static int list(const struct cmd_global *g, int argc, char **argv)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf out = J11_BUF(ASK_MAX);
	struct j11_json_out o = J11_JSON_OUT(&out);
	struct listing l = { .table = TABLE(7), .json = g->json ? &o : NULL, .issuers = argc == 1 };
	struct found f = { .name = "" };
	struct jwk11_err err = { 0 };
	enum jwk11_rc rc;

	if (argc > 1 || opt.chain || opt.der || g->output != NULL)
		return cmd_usage("cert", "list takes at most the name of one key, and none of --chain, --der and --output");
	j11_json_open(&o, NULL, '{');
	j11_json_str(&o, "schema", "jwk11/cert/1");
	j11_json_open(&o, "keys", '[');
	table_row(&l.table, "KEY", "SUBJECT", "ISSUER", "SERIAL", "NOT AFTER", "X5T#S256", "TOKEN");
	if (argc == 0) {
		rc = g->offline ? each_of_tokens(g, add, &l, &err) : each_of_broker(g, add, &l, &err);
	} else {
		rc = find(g, argv[0], &f, &err);
		if (rc == JWK11_OK)
			rc = add(&f, &l, &err);
	}
	found_done(&f);
	j11_json_close(&o);
	j11_json_close(&o);
	return show_list(g, rc, &out, &l.table, &err);
}

/* ---- export ---- */

static int export(const struct cmd_global *g, int argc, char **argv)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf out = J11_BUF(4 * J11_CHAIN_LEN_MAX);
	struct found f = { .name = "" };
	struct jwk11_err err = { 0 };
	enum jwk11_rc rc;

	if (argc != 1)
		return cmd_usage("cert", "export takes the name of a key");
	if (opt.chain && opt.der)
		return cmd_usage("cert", "--der writes one certificate; a chain is PEM");
	if (g->json)
		return cmd_usage("cert", "export writes PEM or DER; cert list KEY --json says what is in it");
	rc = find(g, argv[0], &f, &err);
	if (rc == JWK11_OK && f.note[0] != '\0')
		fprintf(stderr, "jwk11: %s: %s\n", f.name, f.note);
	for (size_t i = 0; rc == JWK11_OK && i < (opt.chain ? f.certs.n : 1); i++) {
		if (opt.der)
			j11_buf_add(&out, f.certs.list[i]->der.data, f.certs.list[i]->der.len);
		else
			j11_b64_pem(&out, "CERTIFICATE", f.certs.list[i]->der);
	}
	found_done(&f);
	if (rc == JWK11_OK)
		rc = j11_buf_check(&out, "certificates", &err);
	if (rc == JWK11_OK)
		rc = cmd_write_output(g->output, j11_buf_view(&out), false, &err);
	return rc == JWK11_OK ? CMD_OK : cmd_fail(&err);
}

static const struct {
	const char *name;
	int (*run)(const struct cmd_global *g, int argc, char **argv);
} words[] = { { "list", list }, { "export", export } };

static int run_cert(struct cmd_global *g, int argc, char **argv)
{
	for (size_t i = 0; argc > 0 && i < J11_COUNT(words); i++)
		if (j11_text_equal(argv[0], words[i].name))
			return words[i].run(g, argc - 1, argv + 1);
	return cmd_usage("cert", "takes list or export");
}

static const struct cmd_option options[] = {
	{ "chain", 0, CMD_FLAG, &opt.chain, NULL, "export: its issuers too, as far as they are there; a root is left out" },
	{ "der", 0, CMD_FLAG, &opt.der, NULL, "export: DER, not PEM" },
	CMD_OPTION_OUTPUT,
};

const struct cmd_verb cmd_cert = { "cert", "list [KEY] | export KEY", "the certificates that keys go by, as a list or as PEM or DER",
	run_cert, options, J11_COUNT(options), .local = false };
