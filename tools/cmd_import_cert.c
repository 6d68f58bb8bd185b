/* SPDX-License-Identifier: Apache-2.0 */
/* jwk11 import-cert: the certificates that a CA has issued for a key, onto the key's token. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "base/text.h"
#include "cmd.h"
#include "jose/bundle.h"
#include "jose/cert_text.h"
#include "json/json_write.h"
#include "local_version.h"
#include "token/cert_write.h"

static struct {
	bool keep, strict, dry_run;
} opt;

/* What goes where. */
struct plan {
	const char *name, *file;
	struct local *local;
	struct jwk11_key *key; /* a reference */
	struct jwk11_certs certs;
	size_t n; /* of them the leaf and its issuers */
	struct j11_cert_text leaf;
	char thumbprint[JWK11_THUMBPRINT_LEN + 1];
	struct jwk11_imported done;
};

static enum jwk11_rc read_file(struct plan *p, struct jwk11_err *err)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf text = { 0 };
	enum jwk11_rc rc = cmd_read_input(p->file, J11_BUNDLE_LEN_MAX, &text, err);

	if (rc == JWK11_OK)
		rc = j11_bundle_read(j11_buf_view(&text), &p->certs, err);
	if (rc != JWK11_OK && rc != JWK11_ERR_NOT_FOUND)
		j11_err_prefix(err, "%s", cmd_is_stdin(p->file) ? "standard input" : p->file);
	return rc;
}

static bool is_among(const struct jwk11_certs *certs, const struct jwk11_pub *pub)
{
	unsigned char hash[J11_SPKI_HASH_LEN];

	if (pub == NULL || j11_pub_spki_hash(pub, hash, NULL) != JWK11_OK)
		return false;
	for (size_t i = 0; i < certs->n; i++)
		if (j11_cert_holds(certs->list[i], pub, hash, true))
			return true;
	return false;
}

/* Of a key with versions the one that the certificate holds: a CA may have certified the next one. */
static enum jwk11_rc find_version(struct plan *p, const struct conf_key *conf, struct jwk11_err *err)
{
	J11_AUTO(local_versions_done_auto) struct local_versions versions = { 0 };
	enum jwk11_rc rc = local_versions_find(p->local, conf, time(NULL), &versions, err);

	for (size_t i = 0; rc == JWK11_OK && p->key == NULL && i < versions.n; i++)
		if (is_among(&p->certs, jwk11_key_pub(versions.list[i].key)))
			p->key = jwk11_key_ref(versions.list[i].key);
	return rc;
}

static enum jwk11_rc find_key(struct plan *p, struct jwk11_err *err)
{
	const struct conf_key *conf = conf_find_key(local_conf(p->local), p->name);
	const char *alg, *kid;
	struct jwk11_key *key = NULL;
	enum jwk11_rc rc = JWK11_OK;

	if (conf != NULL && conf_key_is_versioned(conf))
		rc = find_version(p, conf, err);
	if (rc == JWK11_OK && p->key == NULL) {
		rc = local_key(p->local, p->name, &key, &alg, &kid, err);
		p->key = key != NULL ? jwk11_key_ref(key) : NULL;
	}
	if (rc == JWK11_OK && jwk11_key_pub(p->key) == NULL)
		rc = j11_err_set(err, JWK11_ERR_MISMATCH, J11_CODE_KEY_SECRET, "key \"%s\" is a secret key: no certificate is of it", p->name);
	return rc;
}

static enum jwk11_rc make_plan(const struct cmd_global *g, struct plan *p, struct jwk11_err *err)
{
	struct j11_chain_of of = { .name = p->name, .now = (int64_t)time(NULL) };
	enum jwk11_rc rc = read_file(p, err);

	if (rc == JWK11_OK)
		rc = local_open(g, &p->local, err);
	if (rc == JWK11_OK)
		rc = find_key(p, err);
	if (rc != JWK11_OK)
		return rc;
	of.pub = jwk11_key_pub(p->key);
	rc = j11_bundle_sort(&p->certs, &of, &p->n, err);
	if (rc == JWK11_OK)
		rc = jwk11_pub_thumbprint(of.pub, p->thumbprint, err);
	if (rc == JWK11_OK)
		j11_cert_text(p->certs.list[0], &p->leaf);
	return rc;
}

/* Half a chain should not be left because somebody lost patience; SIGQUIT still ends it. */
static enum jwk11_rc carry_out(struct plan *p, struct jwk11_err *err)
{
	unsigned flags = (opt.keep ? JWK11_IMPORT_KEEP : 0u) | (opt.strict ? JWK11_IMPORT_STRICT : 0u) | (opt.dry_run ? JWK11_IMPORT_DRY_RUN : 0u);
	sigset_t patient, before;
	enum jwk11_rc rc;

	sigemptyset(&patient);
	sigaddset(&patient, SIGINT);
	sigaddset(&patient, SIGTERM);
	sigaddset(&patient, SIGHUP);
	sigprocmask(SIG_BLOCK, &patient, &before);
	rc = j11_cert_write(p->key, &p->certs, p->n, flags, &p->done, err);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return rc;
}

static bool is_new(const struct plan *p)
{
	return p->done.n_written > 0 || p->done.n_replaced > 0;
}

static const char *result_of(const struct plan *p)
{
	return !is_new(p) ? "there already" : opt.dry_run ? "would import" : "imported";
}

static enum jwk11_rc say_json(const struct plan *p, struct jwk11_err *err)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf out = J11_BUF(65536);
	struct j11_json_out o = J11_JSON_OUT(&out);

	j11_json_open(&o, NULL, '{');
	j11_json_str(&o, "schema", "jwk11/import-cert/1");
	j11_json_str(&o, "result", result_of(p));
	j11_json_str(&o, "key", p->name);
	j11_json_str(&o, "label", jwk11_key_label(p->key));
	j11_json_str(&o, "thumbprint", p->thumbprint);
	j11_json_str(&o, "token", jwk11_token_get_info(jwk11_key_token(p->key))->label);
	j11_json_str(&o, "subject", p->leaf.subject);
	j11_json_str(&o, "issuer", p->leaf.issuer);
	j11_json_str(&o, "serial", p->leaf.serial);
	j11_json_str(&o, "not_before", p->leaf.not_before);
	j11_json_str(&o, "not_after", p->leaf.not_after);
	j11_json_str(&o, "x5t#S256", p->leaf.x5t);
	j11_json_num(&o, "written", p->done.n_written);
	j11_json_num(&o, "there", p->done.n_there);
	j11_json_num(&o, "replaced", p->done.n_replaced);
	j11_json_num(&o, "refused", p->done.n_refused);
	j11_json_num(&o, "left_out", (int64_t)(p->certs.n - p->n));
	j11_json_str(&o, "note", p->done.note);
	j11_json_close(&o);
	return cmd_write_output(NULL, j11_buf_view(&out), true, err);
}

static enum jwk11_rc say(const struct cmd_global *g, const struct plan *p, struct jwk11_err *err)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf out = J11_BUF(65536);

	if (g->json)
		return say_json(p, err);
	j11_buf_add_fmt(&out, "%s: the certificate of key \"%s\" on token \"%s\"\n", result_of(p), p->name, jwk11_token_get_info(jwk11_key_token(p->key))->label);
	j11_buf_add_fmt(&out, "  subject   %s\n  issuer    %s\n  serial    %s\n  not after %s\n  x5t#S256  %s\n", p->leaf.subject, p->leaf.issuer, p->leaf.serial,
		p->leaf.not_after, p->leaf.x5t);
	j11_buf_add_fmt(&out, "  %u written, %u there before, %u replaced\n", p->done.n_written, p->done.n_there, p->done.n_replaced);
	return cmd_write_output(NULL, j11_buf_view(&out), false, err);
}

/* Which certificate the key goes by now is the token's word, not the file's. */
static void say_notes(const struct plan *p)
{
	struct jwk11_chain *chain = NULL;

	for (size_t i = p->n; i < p->certs.n; i++) {
		struct j11_cert_text text;

		j11_cert_text(p->certs.list[i], &text);
		fprintf(stderr, "jwk11: left out: %s has no part in the chain\n", text.subject);
	}
	if (p->done.note[0] != '\0')
		fprintf(stderr, "jwk11: warning: %s\n", p->done.note);
	if (opt.dry_run || jwk11_key_chain(p->key, NULL, &chain, NULL) != JWK11_OK)
		return;
	if (!j11_text_equal(jwk11_chain_thumbprint(chain), p->leaf.x5t))
		fprintf(stderr, "jwk11: warning: the key goes by another certificate on its token: %s\n", jwk11_chain_note(chain));
	else if (strstr(jwk11_chain_note(chain), "issuer is not among") != NULL)
		fprintf(stderr, "jwk11: %s\n", jwk11_chain_note(chain));
	jwk11_chain_free(chain);
}

static int run_import_cert(struct cmd_global *g, int argc, char **argv)
{
	struct plan p = { .n = 0 };
	struct jwk11_err err = { 0 };
	char section[65] = "";
	enum jwk11_rc rc;

	if (argc != 2)
		return cmd_usage("import-cert", "takes the name of a key and the file with its certificate, or -");
	p.name = argv[0];
	p.file = argv[1];
	rc = make_plan(g, &p, &err);
	if (rc == JWK11_OK)
		rc = carry_out(&p, &err);
	if (rc == JWK11_OK)
		rc = say(g, &p, &err);
	if (rc == JWK11_OK) {
		say_notes(&p);
		snprintf(section, sizeof(section), "%s", local_section_of(p.local, jwk11_key_token(p.key)));
	}
	jwk11_key_unref(p.key);
	local_close(p.local);
	if (rc == JWK11_OK && is_new(&p) && !opt.dry_run && !local_is_direct(g))
		local_tell_of_certs(g, section);
	j11_certs_done(&p.certs);
	return rc == JWK11_OK ? CMD_OK : cmd_fail(&err);
}

static const struct cmd_option options[] = {
	{ "keep", 0, CMD_FLAG, &opt.keep, NULL, "other certificates of the key stay on the token" },
	{ "strict", 0, CMD_FLAG, &opt.strict, NULL, "a certificate that is not valid now is an error, not a warning" },
	{ "dry-run", 0, CMD_FLAG, &opt.dry_run, NULL, "say what would be done, and change nothing" },
};

const struct cmd_verb cmd_import_cert = { "import-cert", "KEY FILE|-", "put the certificate that a CA has issued for a key onto its token",
	run_import_cert, options, J11_COUNT(options), .local = true };
