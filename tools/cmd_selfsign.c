/* SPDX-License-Identifier: Apache-2.0 */
/* jwk11 selfsign: a certificate of a key for itself, for services that take public keys in one. */
#include <openssl/rand.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "ask.h"
#include "base/b64.h"
#include "base/err.h"
#include "base/text.h"
#include "jose/csr.h"
#include "jose/pub.h"
#include "json/json_write.h"
#include "local.h"
#include "request.h"

enum { DAY = 86400, EARLIER = 300 /* seconds that its reader's clock may be behind */, DAYS_MAX = 36500 };

static struct {
	const char *taker;
	bool der;
	long long days;
} opt = { .days = 365 };

/* What a taker wants: Microsoft Entra for app registrations, Google Cloud for keys of service accounts. Both take RSA keys only. Google shows the
 * certificate to anybody who asks, so nobody's name belongs in it. */
static const struct taker {
	const char *name, *subject, *key_usage, *eku;
	bool names;
} takers[] = {
	{ "entra", "CN=jwk11", "digitalSignature", "clientAuth", true },
	{ "google", "CN=unused", NULL, NULL, false },
};

static const struct taker *find_taker(const char *name)
{
	for (size_t i = 0; i < J11_COUNT(takers); i++)
		if (j11_text_equal(name, takers[i].name))
			return &takers[i];
	return NULL;
}

/* Of what was not said. */
static enum jwk11_rc complete(const struct taker *taker, struct j11_csr_text *text, struct jwk11_err *err)
{
	enum jwk11_rc rc = JWK11_OK;

	if (taker == NULL)
		return JWK11_OK;
	for (unsigned kind = 0; kind < J11_N_NAME_ && !taker->names; kind++)
		if (text->list[kind].n > 0)
			return j11_err_set(err, JWK11_ERR_MISMATCH, J11_CODE_PROFILE_REFUSED, "%s: alternative names are shown to anybody and have no use there",
				taker->name);
	if (text->subject == NULL)
		rc = j11_csr_text_set_subject(text, j11_view_str(taker->subject), err);
	if (rc == JWK11_OK && taker->key_usage != NULL && text->list[J11_CSR_KEY_USAGE].n == 0)
		rc = j11_csr_text_add(text, J11_CSR_KEY_USAGE, j11_view_str(taker->key_usage), err);
	if (rc == JWK11_OK && taker->eku != NULL && text->list[J11_CSR_EKU].n == 0)
		rc = j11_csr_text_add(text, J11_CSR_EKU, j11_view_str(taker->eku), err);
	return rc;
}

static enum jwk11_rc check_taken(const struct taker *taker, const struct jwk11_pub *pub, struct jwk11_err *err)
{
	char what[32];

	if (taker == NULL || pub == NULL || pub->kty == J11_KTY_RSA)
		return JWK11_OK;
	return j11_err_set(err, JWK11_ERR_MISMATCH, J11_CODE_PROFILE_REFUSED, "%s takes RSA keys only, and this is a %s", taker->name, j11_pub_describe(pub, what));
}

/* What is being made. */
struct job {
	const struct cmd_global *g;
	const char *key;
	const struct taker *taker;
	struct j11_csr_text text;
	struct j11_self_spec spec;
	struct jwk11_buf der;
	struct jwk11_err err;
};

static enum jwk11_rc through_library(struct job *j)
{
	J11_AUTO(local_close_auto) struct local *local = NULL;
	const char *alg = NULL, *kid = NULL;
	struct jwk11_key *key = NULL;
	enum jwk11_rc rc = local_open(j->g, &local, &j->err);

	if (rc == JWK11_OK)
		rc = local_key(local, j->key, &key, &alg, &kid, &j->err);
	if (rc == JWK11_OK)
		rc = check_taken(j->taker, jwk11_key_pub(key), &j->err);
	return rc == JWK11_OK ? jwk11_key_self_cert(key, j->g->alg != NULL ? j->g->alg : alg, &j->text.csr, j->spec.not_before, j->spec.not_after, &j->der, &j->err) :
		rc;
}

static enum jwk11_rc sign_there(void *arg, struct jwk11_view input, struct jwk11_buf *ret_sig, struct jwk11_err *err)
{
	const struct job *j = arg;

	return ask_sign(j->g, j->key, NULL, input, ret_sig, err);
}

/* The public half comes with its algorithm, which is the only one of a key there. */
static enum jwk11_rc through_broker(struct job *j)
{
	J11_AUTO(ask_done_auto) struct ask_answer answer = { 0 };
	J11_AUTO(jwk11_pub_unref_auto) struct jwk11_pub *pub = NULL;
	struct j11_csr_signer signer = { sign_there, j };
	enum jwk11_rc rc = ask_key(j->g, j->key, "", "application/jwk+json", NULL, &answer, &j->err);

	if (rc == JWK11_OK)
		rc = jwk11_pub_from_jwk(j11_buf_view(&answer.body), &pub, &j->err);
	if (rc == JWK11_OK)
		rc = check_taken(j->taker, pub, &j->err);
	if (rc != JWK11_OK)
		return rc;
	if (pub->alg == NULL)
		return j11_err_set(&j->err, JWK11_ERR_SYNTAX, J11_CODE_HTTP_MALFORMED, "the broker's answer names no algorithm");
	if (j->g->alg != NULL && !j11_text_equal(j->g->alg, pub->alg->name))
		return j11_err_set(&j->err, JWK11_ERR_MISMATCH, J11_CODE_ALG_MISMATCH, "key \"%s\" signs %s and nothing else", j->key, pub->alg->name);
	if (RAND_bytes(j->spec.serial, sizeof(j->spec.serial)) != 1)
		return j11_err_set(&j->err, JWK11_ERR_INTERNAL, J11_CODE_INTERNAL, "no random numbers are to be had");
	return j11_self_make(pub, pub->alg, &j->text.csr, &j->spec, &signer, &j->der, &j->err);
}

static enum jwk11_rc write_result(struct job *j)
{
	struct request_result as = { .name = "certificate", .label = "CERTIFICATE", .der = opt.der };
	char thumbprint[JWK11_THUMBPRINT_LEN + 1], until[21];
	enum jwk11_rc rc = j11_hash_text(j11_buf_view(&j->der), thumbprint, &j->err);

	as.thumbprint = thumbprint;
	if (rc == JWK11_OK)
		rc = request_write(j->g, &as, j11_buf_view(&j->der), &j->err);
	if (rc != JWK11_OK || cmd_is_stdin(j->g->output) || !isatty(STDOUT_FILENO))
		return rc;
	j11_text_time(j->spec.not_after, until);
	printf("wrote %s (self-signed, until %.10s).   inspect: openssl x509 %s-in %s -noout -text\n", j->g->output, until, opt.der ? "-inform DER " : "", j->g->output);
	return JWK11_OK;
}

static int run_selfsign(struct cmd_global *g, int argc, char **argv)
{
	struct job j = { .g = g, .key = argv[0], .der = J11_BUF(J11_CSR_DER_MAX) };
	enum jwk11_rc rc;

	if (argc != 1)
		return cmd_usage("selfsign", "takes KEY");
	if (opt.days < 1 || opt.days > DAYS_MAX)
		return cmd_usage("selfsign", "--days takes 1 to 36500");
	if (opt.der && g->json)
		return cmd_usage("selfsign", "--der is for no document: --json has PEM");
	j.taker = opt.taker != NULL ? find_taker(opt.taker) : NULL;
	if (opt.taker != NULL && j.taker == NULL)
		return cmd_usage("selfsign", "--for takes entra or google");
	j.spec.not_before = (int64_t)time(NULL) - EARLIER;
	j.spec.not_after = j.spec.not_before + opt.days * DAY;
	rc = request_read(&j.text, &j.err);
	if (rc == JWK11_OK)
		rc = complete(j.taker, &j.text, &j.err);
	if (rc == JWK11_OK)
		rc = g->offline ? through_library(&j) : through_broker(&j);
	if (rc == JWK11_OK)
		rc = write_result(&j);
	j11_csr_text_done(&j.text);
	j11_buf_done(&j.der);
	return rc == JWK11_OK ? CMD_OK : cmd_fail(&j.err);
}

static const struct cmd_option options[] = {
	REQUEST_OPTIONS,
	{ "days", 0, CMD_NUMBER, &opt.days, "N", "how long it is valid, from five minutes ago; default 365" },
	{ "for", 0, CMD_TEXT, &opt.taker, "entra|google", "what that service wants, where nothing else is said, and a refusal of what it does not take" },
	{ "alg", 0, CMD_TEXT, &cmd_given.alg, "ALG", "algorithm; default: the one of the key, and with the broker no other" },
	{ "der", 0, CMD_FLAG, &opt.der, NULL, "DER, not PEM" },
	CMD_OPTION_OUTPUT,
};

const struct cmd_verb cmd_selfsign = { "selfsign", "KEY", "a certificate of a key for itself, for services that take public keys in one", run_selfsign, options,
	J11_COUNT(options), .local = false };
