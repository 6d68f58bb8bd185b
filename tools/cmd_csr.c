/* SPDX-License-Identifier: Apache-2.0 */
/* jwk11 csr: a certificate request, signed on the token. */
#include <stdio.h>
#include <unistd.h>

#include "base/err.h"
#include "base/secret.h"
#include "jose/csr.h"
#include "request.h"

static struct {
	const char *challenge_file;
	bool der;
} opt;

static enum jwk11_rc read_challenge(struct j11_secret **secret, struct jwk11_csr *csr, struct jwk11_err *err)
{
	enum jwk11_rc rc;

	if (opt.challenge_file == NULL)
		return JWK11_OK;
	rc = j11_secret_from_challenge_file(opt.challenge_file, secret, err);
	if (rc == JWK11_OK)
		csr->challenge_password = j11_secret_expose(*secret);
	return rc;
}

/* For a person at a terminal, who sees nothing else of a file. */
static void say_where(const struct cmd_global *g)
{
	if (!cmd_is_stdin(g->output) && isatty(STDOUT_FILENO))
		printf("wrote %s (self-signature checked).   inspect: openssl req %s-in %s -noout -text -verify\n", g->output, opt.der ? "-inform DER " : "", g->output);
}

static int run_csr(struct cmd_global *g, int argc, char **argv)
{
	J11_AUTO(j11_csr_text_done) struct j11_csr_text text = { .subject = NULL };
	J11_AUTO(j11_secret_free_auto) struct j11_secret *challenge = NULL;
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf der = { .max = J11_CSR_DER_MAX, .secret = true };
	struct request_result as = { .name = "csr", .label = "CERTIFICATE REQUEST", .der = opt.der, .secret = opt.challenge_file != NULL };
	struct jwk11_err err = { 0 };
	enum jwk11_rc rc;

	if (argc != 1)
		return cmd_usage("csr", "takes KEY");
	if (opt.der && g->json)
		return cmd_usage("csr", "--der is for no document: --json has PEM");
	rc = request_read(&text, &err);
	if (rc == JWK11_OK)
		rc = read_challenge(&challenge, &text.csr, &err);
	if (rc == JWK11_OK)
		rc = request_make(g, argv[0], &text.csr, &der, &err);
	if (rc == JWK11_OK)
		rc = request_write(g, &as, j11_buf_view(&der), &err);
	if (rc != JWK11_OK)
		return cmd_fail(&err);
	say_where(g);
	return CMD_OK;
}

static const struct cmd_option options[] = {
	REQUEST_OPTIONS,
	{ "challenge-file", 0, CMD_TEXT, &opt.challenge_file, "FILE", "the challenge password is in this file, which nobody else may read" },
	{ "alg", 0, CMD_TEXT, &cmd_given.alg, "ALG", "algorithm; default: the one of the key, and with the broker no other" },
	{ "der", 0, CMD_FLAG, &opt.der, NULL, "DER, not PEM" },
	CMD_OPTION_OUTPUT,
};

const struct cmd_verb cmd_csr = { "csr", "KEY", "a certificate request (PKCS#10), signed on the token", run_csr, options, J11_COUNT(options), .local = false };
