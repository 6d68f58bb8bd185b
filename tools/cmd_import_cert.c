/* SPDX-License-Identifier: Apache-2.0 */
/* jwk11 import-cert: the certificates that a CA has issued for a key, onto the key's token. */
#include "base/err.h"
#include "cert_dir.h"
#include "cmd.h"
#include "json/json_write.h"
#include "put_cert.h"

static struct {
	const char *dir;
	bool keep, strict, dry_run;
} opt;

static enum jwk11_rc read_file(const char *file, struct jwk11_certs *ret_certs, struct jwk11_err *err)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf text = { 0 };
	enum jwk11_rc rc = cmd_read_input(file, J11_BUNDLE_LEN_MAX, &text, err);

	if (rc == JWK11_OK)
		rc = j11_bundle_read(j11_buf_view(&text), ret_certs, err);
	if (rc != JWK11_OK && rc != JWK11_ERR_NOT_FOUND)
		j11_err_prefix(err, "%s", cmd_is_stdin(file) ? "standard input" : file);
	return rc;
}

static const char *result_of(const struct put_cert *p)
{
	return !put_cert_is_new(p) ? "there already" : opt.dry_run ? "would import" : "imported";
}

static enum jwk11_rc say_json(const struct put_cert *p, struct jwk11_err *err)
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
	if (p->file != NULL)
		j11_json_str(&o, "file", p->file);
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

static enum jwk11_rc say(const struct cmd_global *g, const struct put_cert *p, struct jwk11_err *err)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf out = J11_BUF(65536);

	if (g->json)
		return say_json(p, err);
	j11_buf_add_fmt(&out, "%s: the certificate of key \"%s\" %s \"%s\"\n", result_of(p), p->name, p->file != NULL ? "in" : "on token",
		p->file != NULL ? p->file : jwk11_token_get_info(jwk11_key_token(p->key))->label);
	j11_buf_add_fmt(&out, "  subject   %s\n  issuer    %s\n  serial    %s\n  not after %s\n  x5t#S256  %s\n", p->leaf.subject, p->leaf.issuer, p->leaf.serial,
		p->leaf.not_after, p->leaf.x5t);
	j11_buf_add_fmt(&out, "  %u written, %u there before, %u replaced\n", p->done.n_written, p->done.n_there, p->done.n_replaced);
	return cmd_write_output(NULL, j11_buf_view(&out), false, err);
}

static int run_import_cert(struct cmd_global *g, int argc, char **argv)
{
	J11_AUTO(put_cert_done) struct put_cert p = { .n = 0 };
	struct cert_dir dir = { .path = "" };
	unsigned flags = (opt.keep ? JWK11_IMPORT_KEEP : 0u) | (opt.strict ? JWK11_IMPORT_STRICT : 0u) | (opt.dry_run ? JWK11_IMPORT_DRY_RUN : 0u);
	struct jwk11_err err = { 0 };
	enum jwk11_rc rc;

	if (argc != 2)
		return cmd_usage("import-cert", "takes the name of a key and the file with its certificate, or -");
	if (opt.dir != NULL && opt.keep)
		return cmd_usage("import-cert", "--keep is for certificates on a token; the file of --dir holds one for each key or version");
	p.name = argv[0];
	rc = read_file(argv[1], &p.certs, &err);
	if (rc == JWK11_OK)
		rc = put_cert_plan(g, &p, &err);
	if (rc == JWK11_OK)
		rc = opt.dir != NULL ? cert_dir_write(&p, opt.dir, flags, &dir, &err) : put_cert_carry_out(&p, flags, &err);
	if (rc == JWK11_OK)
		rc = say(g, &p, &err);
	if (rc == JWK11_OK && opt.dir != NULL)
		cert_dir_say(&p, &dir);
	if (rc == JWK11_OK)
		put_cert_tell(g, &p, opt.dry_run);
	return rc == JWK11_OK ? CMD_OK : cmd_fail(&err);
}

static const struct cmd_option options[] = {
	{ "dir", 0, CMD_TEXT, &opt.dir, "DIR", "write the chain into DIR/KEY.pem, not onto the token" },
	{ "keep", 0, CMD_FLAG, &opt.keep, NULL, "other certificates of the key stay on the token" },
	{ "strict", 0, CMD_FLAG, &opt.strict, NULL, "a certificate that is not valid now is an error, not a warning" },
	{ "dry-run", 0, CMD_FLAG, &opt.dry_run, NULL, "say what would be done, and change nothing" },
};

const struct cmd_verb cmd_import_cert = { "import-cert", "KEY FILE|-", "put the certificate that a CA has issued for a key onto its token, or into a file",
	run_import_cert, options, J11_COUNT(options), .local = true };
