/* SPDX-License-Identifier: Apache-2.0 */
/* jwk11 enroll: a certificate for a key on a token, from an EST or an ACME server. The key signs the request and leaves the token at no time. */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "acme_order.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "cancel.h"
#include "cmd.h"
#include "est.h"
#include "json/json_write.h"
#include "put_cert.h"
#include "request.h"

enum { CHAIN_MAX = 512 * 1024, DEFAULT_WAIT_S = 600 };

static struct {
	const char *cacert;
	long long timeout, wait;
	bool allow_http, import;
	const char *user, *password_file, *tls_cert, *tls_key, *ca_out; /* EST */
	bool renew;
	const char *account, *eab_kid, *eab_key_file, *webroot, *hook, *challenge; /* ACME */
	struct cmd_words contact;
	bool agree_tos;
} opt;

struct enrolling {
	struct cmd_global *g;
	const char *url;
	struct enroll_keys keys;
	struct enroll_key key, account;
	struct http_client *http;
	struct j11_secret *password, *eab_key;
	struct j11_csr_text wanted;
	struct jwk11_buf answer; /* of the CA */
	struct jwk11_buf cas;    /* EST: cacerts as PEM */
	struct jwk11_err err;
};

static void enrolling_done(struct enrolling *e)
{
	http_client_free(e->http);
	enroll_key_done(&e->key);
	enroll_key_done(&e->account);
	enroll_keys_done(&e->keys);
	j11_secret_free(e->password);
	j11_secret_free(e->eab_key);
	j11_csr_text_done(&e->wanted);
	j11_buf_done(&e->answer);
	j11_buf_done(&e->cas);
}

/* Before anything is opened or sent. */
static enum jwk11_rc open_client(struct enrolling *e)
{
	struct http_options options = { .cacert = opt.cacert, .tls_cert = opt.tls_cert, .tls_key = opt.tls_key ? opt.tls_key : opt.tls_cert, .user = opt.user,
		.home = e->url, .timeout_s = opt.timeout, .allow_http = opt.allow_http };
	enum jwk11_rc rc = opt.password_file != NULL ? j11_secret_from_password_file(opt.password_file, &e->password, &e->err) : JWK11_OK;

	options.password = e->password;
	if (rc == JWK11_OK && opt.eab_key_file != NULL)
		rc = j11_secret_from_password_file(opt.eab_key_file, &e->eab_key, &e->err);
	if (rc == JWK11_OK)
		rc = cancel_begin(&e->err);
	return rc == JWK11_OK ? http_client_new(&options, &e->http, &e->err) : rc;
}

/* ---- EST ---- */

static enum jwk11_rc heed_attributes(struct enrolling *e, struct est *est)
{
	struct est_attrs attrs = { 0 };
	char why[200], origin[128];
	bool given = false;
	enum jwk11_rc rc = est_csrattrs(est, &attrs, &given, &e->err);

	if (rc != JWK11_OK || !given)
		return rc;
	http_client_origin(e->url, origin, sizeof(origin));
	if (est_attrs_object(&attrs, jwk11_pub_kty(e->key.pub), jwk11_pub_crv(e->key.pub), e->key.alg, why, sizeof(why)))
		return j11_err_set(&e->err, JWK11_ERR_MISMATCH, J11_CODE_MISMATCH, "%s: wants %s", origin, why);
	for (unsigned i = 0; i < attrs.n_others && !e->g->json; i++)
		fprintf(stderr, "jwk11: %s would like %s in the request; --template says what is in it\n", origin, attrs.others[i]);
	return JWK11_OK;
}

/* The CA's certificates, each that is there, as PEM. */
static enum jwk11_rc fetch_cas(struct enrolling *e, struct est *est)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf text = J11_BUF(CHAIN_MAX);
	enum jwk11_rc rc = est_cacerts(est, &text, &e->err);

	return rc == JWK11_OK ? enroll_certificates(j11_buf_view(&text), &e->cas, &e->err) : rc;
}

/* simpleenroll answers with the certificate alone (section 4.2.3); who issued it stands among the CA's. */
static enum jwk11_rc add_cas(struct enrolling *e, struct jwk11_view issued)
{
	enum jwk11_rc rc = enroll_certificates(issued, &e->answer, &e->err);

	j11_buf_add(&e->answer, e->cas.data, e->cas.len);
	return rc == JWK11_OK ? j11_buf_check(&e->answer, "certificates", &e->err) : rc;
}

static enum jwk11_rc by_est(struct enrolling *e)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf der = J11_BUF(CHAIN_MAX), issued = J11_BUF(CHAIN_MAX);
	struct patience patience = patience_for(opt.wait > 0 ? opt.wait : DEFAULT_WAIT_S);
	struct est est = { .http = e->http };
	enum jwk11_rc rc = est_open(&est, e->url, &e->err);

	if (rc == JWK11_OK)
		rc = fetch_cas(e, &est);
	if (rc == JWK11_OK)
		rc = heed_attributes(e, &est);
	if (rc == JWK11_OK)
		rc = enroll_key_csr(&e->key, &e->wanted.csr, &der, &e->err);
	if (rc == JWK11_OK)
		rc = est_enroll(&est, opt.renew, j11_buf_view(&der), &patience, &issued, &e->err);
	return rc == JWK11_OK ? add_cas(e, j11_buf_view(&issued)) : rc;
}

/* ---- ACME ---- */

/* RFC 8555 section 11.1: a server must refuse a request for the account's own key. */
static enum jwk11_rc find_account(struct enrolling *e)
{
	enum jwk11_rc rc = enroll_key_find(&e->keys, opt.account, &e->account, &e->err);

	if (rc != JWK11_OK || !j11_text_equal(e->account.thumbprint, e->key.thumbprint))
		return rc;
	return j11_err_set(&e->err, JWK11_ERR_ARGUMENT, J11_CODE_ARGUMENT, "--account %s is the very key that the certificate is for; ACME wants another one", opt.account);
}

static enum jwk11_rc by_acme(struct enrolling *e)
{
	J11_AUTO(j11_mem_free_auto) struct acme *acme = j11_mem_new(sizeof(*acme));
	struct acme_contact contact = { .mail = opt.contact.word, .agree = opt.agree_tos, .eab_kid = opt.eab_kid, .eab_key = e->eab_key };
	struct acme_wish wish = { .key = &e->key, .csr = &e->wanted.csr };
	enum jwk11_rc rc = acme != NULL ? find_account(e) : j11_err_memory(&e->err);

	if (rc != JWK11_OK)
		return rc;
	wish.way = (struct acme_way){ .webroot = opt.webroot, .hook = opt.hook, .dns = opt.webroot == NULL && !j11_text_equal(opt.challenge ? opt.challenge : "", "http-01") };
	acme->http = e->http;
	acme->account = &e->account;
	rc = acme_open(acme, e->url, &e->err);
	if (rc == JWK11_OK)
		rc = acme_account(acme, &contact, &e->err);
	wish.patience = patience_for(opt.wait > 0 ? opt.wait : DEFAULT_WAIT_S);
	return rc == JWK11_OK ? acme_order(acme, &wish, &e->answer, &e->err) : rc;
}

/* ---- the verb ---- */

static const char *object_to_est(void)
{
	if (opt.account || opt.contact.n > 0 || opt.agree_tos || opt.eab_kid || opt.eab_key_file || opt.webroot || opt.hook || opt.challenge)
		return "est knows no account, no challenge and no hook; those are for acme";
	if ((opt.user == NULL) != (opt.password_file == NULL))
		return "--user and --password-file go together";
	if (opt.tls_key != NULL && opt.tls_cert == NULL)
		return "--tls-key goes with --tls-cert";
	if (opt.renew && opt.tls_cert == NULL)
		return "--renew takes --tls-cert and --tls-key: simplereenroll is for a client that shows the certificate it has (RFC 7030 section 4.2.2)";
	return NULL;
}

static const char *object_to_acme(void)
{
	if (opt.user || opt.password_file || opt.tls_cert || opt.tls_key || opt.ca_out || opt.renew)
		return "acme knows no --user, --password-file, --tls-cert, --tls-key, --ca-out and --renew; those are for est";
	if (opt.account == NULL)
		return "acme takes --account KEY, another key on a token: the account's (RFC 8555 section 11.1)";
	if ((opt.eab_kid == NULL) != (opt.eab_key_file == NULL))
		return "--eab-kid and --eab-key-file go together";
	if ((opt.webroot == NULL) == (opt.hook == NULL))
		return "acme takes --webroot DIR or --hook PROGRAM, to show that the names are yours";
	if (opt.hook != NULL && strchr(opt.hook, '/') == NULL)
		return "--hook takes the path of a program, with a slash in it";
	if (opt.challenge != NULL && (opt.webroot != NULL || (!j11_text_equal(opt.challenge, "dns-01") && !j11_text_equal(opt.challenge, "http-01"))))
		return "--challenge takes dns-01 or http-01, and goes with --hook";
	return NULL;
}

/* The names that an ACME server can be asked for: those of options and of the template. */
static enum jwk11_rc check_names(struct enrolling *e)
{
	const char *const *dns = e->wanted.csr.dns;
	size_t n = 0;

	for (unsigned list = J11_NAME_DNS + 1; list < J11_N_NAME_; list++)
		if (e->wanted.list[list].n > 0)
			return j11_err_set(&e->err, JWK11_ERR_ARGUMENT, J11_CODE_ARGUMENT, "acme certifies names of hosts: --dns, and no other names");
	for (; dns != NULL && dns[n] != NULL; n++)
		if (!acme_doc_is_name(j11_view_str(dns[n]), true))
			return j11_err_set(&e->err, JWK11_ERR_ARGUMENT, J11_CODE_ARGUMENT, "--dns takes names of hosts: letters, digits, hyphens and dots");
	if (n == 0 || n > ACME_MAX_NAMES)
		return j11_err_set(&e->err, JWK11_ERR_ARGUMENT, J11_CODE_ARGUMENT, "acme takes --dns NAME, 1 to %d times", ACME_MAX_NAMES);
	return JWK11_OK;
}

static enum jwk11_rc write_json(struct enrolling *e, struct jwk11_view pem, const char *note)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf text = J11_BUF(CHAIN_MAX * 2);
	struct j11_json_out o = J11_JSON_OUT(&text);
	enum jwk11_rc rc;

	j11_json_open(&o, NULL, '{');
	j11_json_str(&o, "schema", "jwk11/enroll/1");
	j11_json_str(&o, "key", e->key.name);
	j11_json_str(&o, "thumbprint", e->key.thumbprint);
	j11_json_view(&o, "certificates", pem);
	if (note[0] != '\0')
		j11_json_str(&o, "note", note);
	j11_json_close(&o);
	rc = j11_buf_check(&text, "result", &e->err);
	return rc == JWK11_OK ? cmd_write_output(e->g->output, j11_buf_view(&text), true, &e->err) : rc;
}

/* Files first, so that a token that cannot be written leaves the certificate in the person's hands. With --import and no file for it nothing but that. */
static enum jwk11_rc write_result(struct enrolling *e, struct jwk11_view pem, const char *note)
{
	enum jwk11_rc rc = opt.ca_out != NULL ? cmd_write_output(opt.ca_out, j11_buf_view(&e->cas), false, &e->err) : JWK11_OK;

	if (rc == JWK11_OK && e->g->json)
		rc = write_json(e, pem, note);
	else if (rc == JWK11_OK && (e->g->output != NULL || !opt.import))
		rc = cmd_write_output(e->g->output, pem, false, &e->err);
	return rc;
}

/* What the CA sent, root and all: what has no part in the chain is left out there. */
static enum jwk11_rc put_on_token(struct enrolling *e)
{
	J11_AUTO(put_cert_done) struct put_cert p = { .name = e->key.name, .local = e->keys.local };
	enum jwk11_rc rc = j11_bundle_read(j11_buf_view(&e->answer), &p.certs, &e->err);

	if (rc == JWK11_OK)
		rc = put_cert_plan(e->g, &p, &e->err);
	if (rc == JWK11_OK)
		rc = put_cert_carry_out(&p, 0, &e->err);
	if (rc == JWK11_OK && !e->g->json)
		fprintf(stderr, "jwk11: imported: the certificate of key \"%s\" on token \"%s\", %u written, %u replaced\n", p.name,
			jwk11_token_get_info(jwk11_key_token(p.key))->label, p.done.n_written, p.done.n_replaced);
	if (rc == JWK11_OK)
		put_cert_tell(e->g, &p, false);
	else
		j11_err_prefix(&e->err, "the certificate is there, and not on the token");
	return rc;
}

/* Before this nothing is written. */
static enum jwk11_rc finish(struct enrolling *e)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf pem = J11_BUF(CHAIN_MAX);
	char note[JWK11_TEXT_MAX] = "";
	enum jwk11_rc rc = enroll_key_certificate(&e->key, j11_buf_view(&e->answer), &pem, note, &e->err);

	if (rc == JWK11_OK)
		rc = cancel_check(&e->err);
	if (rc == JWK11_OK)
		rc = write_result(e, j11_buf_view(&pem), note);
	if (rc == JWK11_OK && note[0] != '\0' && !e->g->json && !opt.import)
		fprintf(stderr, "jwk11: %s\n", note);
	return rc == JWK11_OK && opt.import ? put_on_token(e) : rc;
}

static int run_enroll(struct cmd_global *g, int argc, char **argv)
{
	J11_AUTO(enrolling_done) struct enrolling e = { .g = g, .keys = { .g = g }, .answer = J11_BUF(CHAIN_MAX), .cas = J11_BUF(CHAIN_MAX) };
	const char *why = "takes est or acme, the URL of the server, and KEY";
	bool acme = argc > 0 && j11_text_equal(argv[0], "acme");
	enum jwk11_rc rc;

	if (argc != 3 || (!acme && !j11_text_equal(argv[0], "est")))
		return cmd_usage("enroll", why);
	why = acme ? object_to_acme() : object_to_est();
	if (why == NULL)
		why = http_client_objection(argv[1], opt.allow_http);
	if (why != NULL)
		return cmd_usage("enroll", why);
	e.url = argv[1];
	rc = request_read(&e.wanted, &e.err);
	if (rc == JWK11_OK && acme)
		rc = check_names(&e);
	if (rc == JWK11_OK)
		rc = open_client(&e);
	if (rc == JWK11_OK)
		rc = enroll_key_find(&e.keys, argv[2], &e.key, &e.err);
	if (rc == JWK11_OK)
		rc = acme ? by_acme(&e) : by_est(&e);
	if (rc == JWK11_OK)
		rc = finish(&e);
	return rc == JWK11_OK ? CMD_OK : cmd_fail(&e.err);
}

static const struct cmd_option options[] = {
	REQUEST_OPTIONS,
	{ "cacert", 0, CMD_TEXT, &opt.cacert, "FILE", "PEM of the CAs that the server's own certificate may come from; default: the system's" },
	{ "timeout", 0, CMD_SECONDS, &opt.timeout, "TIME", "longest time of one request; default 30s" },
	{ "wait", 0, CMD_SECONDS, &opt.wait, "TIME", "longest time that a server may keep us waiting; default 10m" },
	{ "allow-http", 0, CMD_FLAG, &opt.allow_http, NULL, "http: to a server on this machine, for trials" },
	{ "import", 0, CMD_FLAG, &opt.import, NULL, "put the certificate onto the key's token too, as import-cert does" },
	{ "user", 0, CMD_TEXT, &opt.user, "NAME", "est: user of the server (HTTP Basic)" },
	{ "password-file", 0, CMD_TEXT, &opt.password_file, "FILE", "est: the user's password" },
	{ "tls-cert", 0, CMD_TEXT, &opt.tls_cert, "FILE", "est: a certificate that this side shows, PEM" },
	{ "tls-key", 0, CMD_TEXT, &opt.tls_key, "FILE", "est: its private key, PEM; default: in the same file" },
	{ "renew", 0, CMD_FLAG, &opt.renew, NULL, "est: simplereenroll, with the certificate that is to be renewed as --tls-cert" },
	{ "ca-out", 0, CMD_TEXT, &opt.ca_out, "FILE", "est: write the CA's own certificates to this file" },
	{ "account", 0, CMD_TEXT, &opt.account, "KEY", "acme: key of the account, on a token too" },
	{ "contact", 0, CMD_WORDS, &opt.contact, "ADDRESS", "acme: mail address of a new account; may stand 15 times" },
	{ "agree-tos", 0, CMD_FLAG, &opt.agree_tos, NULL, "acme: you agree to the CA's terms of service" },
	{ "eab-kid", 0, CMD_TEXT, &opt.eab_kid, "KID", "acme: the CA's name for who opens the account (external account binding)" },
	{ "eab-key-file", 0, CMD_TEXT, &opt.eab_key_file, "FILE", "acme: the key that goes with it, base64url" },
	{ "webroot", 0, CMD_TEXT, &opt.webroot, "DIR", "acme: folder that a web server shows as the root of each name (http-01)" },
	{ "hook", 0, CMD_TEXT, &opt.hook, "PROGRAM", "acme: what puts a proof there and takes it away" },
	{ "challenge", 0, CMD_TEXT, &opt.challenge, "TYPE", "acme: what the hook does: dns-01, which is the default, or http-01" },
	CMD_OPTION_OUTPUT,
};

const struct cmd_verb cmd_enroll = { "enroll", "est|acme URL KEY", "a certificate for a key on a token, from an EST or ACME server",
	run_enroll, options, J11_COUNT(options), .local = false };
