/* SPDX-License-Identifier: Apache-2.0 */
/* jwk11 import: a private key from a file onto a token. What it prints on standard output is the [key] section that goes with it; no configuration
 * is changed. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "cmd.h"
#include "json/json_write.h"
#include "key_file.h"
#include "local_version.h"
#include "token/import.h"
#include "token/uri.h"

/* What goes where. */
struct plan {
	const struct cmd_global *g;
	const char *name, *file;
	struct j11_priv *priv;
	struct local *local;
	const struct conf_key *section; /* of this name; NULL: there is none yet */
	struct conf_key conf;           /* it, or what stands for it */
	struct jwk11_token *token;
	char label[J11_IMPORT_LABEL_MAX + 1], base[J11_LABEL_MAX];
	unsigned char id[J11_ID_MAX];
	size_t id_len; /* 0: any */
	char alg[24], thumbprint[JWK11_THUMBPRINT_LEN + 1];
	const char *kid; /* that relying parties know; NULL: the thumbprint */
	struct jwk11_buf uri; /* for the section */
	bool there; /* on the token already, under this label */
};

/* A CKA_ID that the uri of the section asks for: the key is not found with another. */
static enum jwk11_rc take_id(struct plan *p, struct jwk11_err *err)
{
	J11_AUTO(j11_uri_free_auto) P11KitUri *uri = NULL;
	CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
	struct jwk11_view label, id = { 0 };
	enum jwk11_rc rc = j11_uri_new(p->conf.uri, &uri, err);

	if (rc != JWK11_OK || !j11_uri_object(uri, &class, &label, &id) || id.data == NULL)
		return rc;
	if (id.len == 0 || id.len > sizeof(p->id))
		return j11_err_set(err, JWK11_ERR_LIMIT, J11_CODE_LIMIT, "the id in the uri of [key %s] has 1 to %zu octets", p->name, sizeof(p->id));
	memcpy(p->id, id.data, id.len);
	p->id_len = id.len;
	return JWK11_OK;
}

/* The label: --label, else as keygen has it. A version of a key has one that says which. */
static enum jwk11_rc take_label(struct plan *p, struct jwk11_err *err)
{
	enum jwk11_rc rc = j11_versions_base(p->conf.uri, p->name, p->base, err);
	const char *label = p->g->label ? p->g->label : p->base;
	int64_t moment = 0;

	if (rc != JWK11_OK)
		return rc;
	if (!j11_import_is_label(label))
		return j11_err_set(err, JWK11_ERR_ARGUMENT, J11_CODE_ARGUMENT, "a label has 1 to %d printable octets", J11_IMPORT_LABEL_MAX);
	snprintf(p->label, sizeof(p->label), "%s", label);
	if (!conf_key_is_versioned(&p->conf) || j11_version_read(j11_view_str(label), j11_view_str(p->base), &moment) == J11_LABEL_VERSION)
		return JWK11_OK;
	j11_err_set(err, JWK11_ERR_ARGUMENT, J11_CODE_ARGUMENT, "\"%s\" is the label of no version of key \"%s\"", label, p->name);
	j11_err_hint(err, "%s, or %s@20270101T000000Z for one that signs from that moment", p->base, p->base);
	return err->rc;
}

/* --to: that [token] section, else the only token that the key's uri matches. */
static enum jwk11_rc take_token(struct plan *p, struct jwk11_err *err)
{
	const struct conf_token *to = p->g->to ? conf_find_token(local_conf(p->local), p->g->to) : NULL;
	struct conf_key where = p->conf;
	enum jwk11_rc rc;

	if (p->g->to != NULL && to == NULL)
		return j11_err_set(err, JWK11_ERR_NOT_FOUND, J11_CODE_TOKEN_UNKNOWN, "no [token %s] in the configuration", p->g->to);
	if (to != NULL)
		where.uri = to->uri;
	rc = local_token_for(p->local, &where, NULL, &p->token, err);
	if (rc == JWK11_ERR_AMBIGUOUS && p->section == NULL)
		j11_err_hint(err, "--to TOKEN chooses a [token] section");
	if (rc == JWK11_OK && !j11_versions_may_lie_on(p->token, p->conf.uri))
		rc = j11_err_set(err, JWK11_ERR_MISMATCH, J11_CODE_ARGUMENT, "[key %s] looks for its key on another token than \"%s\"", p->name, p->g->to);
	return rc;
}

/* The algorithm is that of --alg, the section, the file; and one that this key can have. */
static enum jwk11_rc take_alg(struct plan *p, struct jwk11_err *err)
{
	const char *alg = p->g->alg ? p->g->alg : p->conf.alg ? p->conf.alg : jwk11_pub_default_alg(p->priv->pub);
	const struct j11_alg *row = j11_alg_find_str(alg);

	if (row == NULL)
		return j11_alg_unknown("", err);
	snprintf(p->alg, sizeof(p->alg), "%s", row->name);
	return j11_pub_fits(p->priv->pub, row, err);
}

/* As the configuration will have it. Of its versions, only the one with the plain label has a kid of its own. */
static enum jwk11_rc take_kid(struct plan *p, struct jwk11_err *err)
{
	const char *kid = p->g->kid ? p->g->kid : p->priv->pub->kid[0] ? p->priv->pub->kid : NULL;
	enum jwk11_rc rc = jwk11_pub_thumbprint(p->priv->pub, p->thumbprint, err);

	if (rc != JWK11_OK || kid == NULL || j11_text_equal(kid, p->thumbprint))
		return rc;
	if (conf_key_is_versioned(&p->conf) && !j11_text_equal(p->label, p->base)) {
		j11_err_set(err, JWK11_ERR_ARGUMENT, J11_CODE_ARGUMENT, "the kid \"%.64s\" cannot be kept: of a key with versions only the one labelled \"%s\" has a "
			"kid of its own", kid, p->base);
		j11_err_hint(err, p->g->kid ? "leave out --kid or --label" : "leave out --label, or say --kid %s", p->thumbprint);
		return err->rc;
	}
	p->kid = kid;
	return JWK11_OK;
}

static void add_section(const struct plan *p, struct jwk11_buf *out)
{
	j11_buf_add_fmt(out, "[key %s]\nuri = %s\nalg = %s\n", p->name, jwk11_buf_data(&p->uri), p->alg);
	if (p->kid != NULL)
		j11_buf_add_fmt(out, "kid = %s\n", p->kid);
}

/* The uri of the section that there is, if it names the key; else by token and label. */
static enum jwk11_rc take_uri(struct plan *p, struct jwk11_err *err)
{
	if (p->section != NULL && (j11_text_equal(p->label, p->base) || conf_key_is_versioned(&p->conf))) {
		j11_buf_add_str(&p->uri, p->section->uri);
	} else {
		j11_buf_add_str(&p->uri, "pkcs11:");
		j11_uri_add(&p->uri, "token", j11_view_str(jwk11_token_get_info(p->token)->label), true);
		j11_uri_add(&p->uri, "object", j11_view_str(p->label), false);
	}
	return j11_buf_check(&p->uri, "URI", err);
}

/* Does the configuration take these lines, and understand them as they are meant? A kid may hold what no line can. */
static enum jwk11_rc check_section(const struct plan *p, struct jwk11_err *err)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf text = J11_BUF(16384);
	J11_AUTO(conf_free_auto) struct conf *conf = NULL;
	enum jwk11_rc rc;

	add_section(p, &text);
	rc = j11_buf_check(&text, "section", err);
	if (rc == JWK11_OK)
		rc = conf_parse(j11_buf_view(&text), "the section for this key", &conf, err);
	if (rc != JWK11_OK || p->kid == NULL || (conf->n_keys == 1 && conf->keys[0].kid != NULL && j11_text_equal(conf->keys[0].kid, p->kid)))
		return rc;
	return j11_err_set(err, JWK11_ERR_ARGUMENT, J11_CODE_ARGUMENT, "this kid cannot stand in a configuration: it begins or ends with a blank, or is empty");
}

/* An imported key was outside once, whatever its token says of it now. */
static enum jwk11_rc check_strict(const struct plan *p, struct jwk11_err *err)
{
	if (local_conf(p->local)->strict != CONF_YES)
		return JWK11_OK;
	j11_err_set(err, JWK11_ERR_DENIED, J11_CODE_KEY_WEAK, "strict = yes refuses keys that came from outside (was-extractable): the broker would not use this one");
	j11_err_hint(err, "jwk11 keygen makes a key that has never been outside; strict = no in [daemon] takes imported ones");
	return err->rc;
}

/* Is it there already, or something in its place? */
static enum jwk11_rc look(struct plan *p, struct jwk11_err *err)
{
	struct jwk11_key *there = NULL;
	enum jwk11_rc rc = j11_import_look(p->token, p->priv->pub, p->label, &there, err);

	if (there == NULL)
		return rc;
	p->there = j11_text_equal(jwk11_key_label(there), p->label) && jwk11_key_use(there) == JWK11_USE_SIG;
	if (!p->there || !p->g->if_absent) {
		rc = j11_err_set(err, JWK11_ERR_AMBIGUOUS, J11_CODE_KEY_AMBIGUOUS, "token \"%s\" has this very key already, as \"%s\"%s",
			jwk11_token_get_info(p->token)->label, jwk11_key_label(there), jwk11_key_use(there) == JWK11_USE_SIG ? "" : ", for decryption");
		if (p->there)
			j11_err_hint(err, "--if-absent takes that for done");
	}
	jwk11_key_unref(there);
	return rc;
}

static enum jwk11_rc make_plan(struct plan *p, struct jwk11_err *err)
{
	static enum jwk11_rc (*const steps[])(struct plan *p, struct jwk11_err *err) = { take_id, take_label, take_alg, take_kid, take_token, take_uri };
	enum jwk11_rc rc = j11_import_check(p->priv->pub, err);

	if (rc == JWK11_OK)
		rc = local_open(p->g, &p->local, err);
	if (rc != JWK11_OK)
		return rc;
	p->section = conf_find_key(local_conf(p->local), p->name);
	p->conf = p->section ? *p->section : (struct conf_key){ .name = p->name, .uri = "pkcs11:" };
	if (p->conf.use == CONF_USE_ENC)
		rc = j11_err_set(err, JWK11_ERR_MISMATCH, J11_CODE_ARGUMENT, "[key %s] is for decryption; import brings keys that sign", p->name);
	if (rc == JWK11_OK)
		rc = check_strict(p, err);
	for (size_t i = 0; rc == JWK11_OK && i < J11_COUNT(steps); i++)
		rc = steps[i](p, err);
	if (rc == JWK11_OK)
		rc = check_section(p, err);
	return rc == JWK11_OK ? look(p, err) : rc;
}

static enum jwk11_rc carry_out(const struct plan *p, struct jwk11_err *err)
{
	const struct j11_import to = { .label = p->label, .id = { .data = p->id, .len = p->id_len }, .alg = p->alg };
	struct jwk11_key *key = NULL;
	sigset_t before;
	enum jwk11_rc rc;

	cmd_signals_wait(&before);
	rc = j11_import_key(p->token, p->priv, &to, &key, err);
	jwk11_key_unref(key);
	cmd_signals_come(&before);
	return rc;
}

static const char *result_of(const struct plan *p)
{
	return p->there ? "there already" : p->g->dry_run ? "would import" : "imported";
}

static enum jwk11_rc say_json(const struct plan *p, struct jwk11_err *err)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf out = J11_BUF(65536);
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf section = J11_BUF(16384);
	struct j11_json_out o = J11_JSON_OUT(&out);

	add_section(p, &section);
	j11_json_open(&o, NULL, '{');
	j11_json_str(&o, "schema", "jwk11/import/1");
	j11_json_str(&o, "result", result_of(p));
	j11_json_str(&o, "key", p->name);
	j11_json_str(&o, "label", p->label);
	j11_json_str(&o, "token", jwk11_token_get_info(p->token)->label);
	j11_json_str(&o, "alg", p->alg);
	j11_json_str(&o, "thumbprint", p->thumbprint);
	j11_json_str(&o, "kid", p->kid ? p->kid : p->thumbprint);
	j11_json_view(&o, "section", j11_buf_view(&section));
	j11_json_close(&o);
	return cmd_write_output(NULL, j11_buf_view(&out), true, err);
}

/* Is what the section has what the key needs? */
static bool is_configured(const struct plan *p)
{
	const struct conf_key *s = p->section;

	return s != NULL && j11_text_equal(s->uri, jwk11_buf_data(&p->uri)) && (s->alg == NULL || j11_text_equal(s->alg, p->alg)) &&
		(p->kid == NULL ? s->kid == NULL : s->kid != NULL && j11_text_equal(s->kid, p->kid));
}

static enum jwk11_rc say(const struct plan *p, struct jwk11_err *err)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf out = J11_BUF(65536);
	char what[32];

	if (p->g->json)
		return say_json(p, err);
	j11_buf_add_fmt(&out, "# %s: the %s \"%s\" on token \"%s\", thumbprint %s\n", result_of(p), j11_pub_describe(p->priv->pub, what), p->label,
		jwk11_token_get_info(p->token)->label, p->thumbprint);
	if (p->kid != NULL)
		j11_buf_add_fmt(&out, "# it keeps the kid that relying parties know, which is not its thumbprint\n");
	if (is_configured(p)) {
		j11_buf_add_fmt(&out, "# [key %s] of the configuration is right for it\n", p->name);
	} else {
		j11_buf_add_fmt(&out, p->section ? "# [key %s] of the configuration has to be so (its other lines stay):\n" : "# for the configuration:\n", p->name);
		add_section(p, &out);
	}
	return cmd_write_output(NULL, j11_buf_view(&out), false, err);
}

/* The other copies are what makes a key in hardware one in software. */
static void remind(const struct plan *p)
{
	if (p->g->dry_run || p->there)
		return;
	fprintf(stderr, "jwk11: %s still holds the key, and so do its backups: when the broker signs with it (jwk11 sign %s), destroy them all\n",
		cmd_is_stdin(p->file) ? "where standard input came from" : p->file, p->name);
	fprintf(stderr, "jwk11: a key that was in a file cannot be known to be nowhere else; jwk11 rotate or keygen makes one that has never been outside\n");
}

static int run_import(struct cmd_global *g, int argc, char **argv)
{
	struct plan p = { .g = g, .uri = J11_BUF(4096) };
	struct jwk11_err err = { 0 };
	enum jwk11_rc rc;

	if (argc != 2)
		return cmd_usage("import", "takes the name of a key and the file with the private key, or -");
	p.name = argv[0];
	p.file = argv[1];
	if (!conf_is_name(j11_view_str(p.name)))
		return cmd_usage("import", "a key's name has letters, digits and . _ @ -, at most 64");
	rc = key_file_prepare(&err);
	if (rc == JWK11_OK)
		rc = key_file_read(g, p.file, &p.priv, &err);
	if (rc == JWK11_OK)
		rc = make_plan(&p, &err);
	if (rc == JWK11_OK && !g->dry_run && !p.there)
		rc = carry_out(&p, &err);
	if (rc == JWK11_OK)
		rc = say(&p, &err);
	if (rc == JWK11_OK)
		remind(&p);
	j11_priv_free(p.priv);
	local_close(p.local);
	j11_buf_done(&p.uri);
	return rc == JWK11_OK ? CMD_OK : cmd_fail(&err);
}

static const struct cmd_option options[] = {
	{ "passphrase-file", 0, CMD_TEXT, &cmd_given.passphrase_file, "FILE", "holds the passphrase of an encrypted PEM; else it is asked for" },
	{ "kid", 0, CMD_TEXT, &cmd_given.kid, "OLD", "the kid that relying parties know" },
	{ "label", 0, CMD_TEXT, &cmd_given.label, "LABEL", "label on the token; default: what keygen would give" },
	{ "to", 0, CMD_TEXT, &cmd_given.to, "TOKEN", "the [token] section it goes to" },
	{ "if-absent", 0, CMD_FLAG, &cmd_given.if_absent, NULL, "a key that is there already is no error" },
	{ "alg", 0, CMD_TEXT, &cmd_given.alg, "ALG", "the algorithm it will sign with" },
	{ "dry-run", 0, CMD_FLAG, &cmd_given.dry_run, NULL, "say what would be done, and change nothing" },
};

const struct cmd_verb cmd_import = { "import", "NAME FILE|-", "bring a private key from a file onto its token",
	run_import, options, J11_COUNT(options), .local = true };
