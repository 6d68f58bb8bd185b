/* SPDX-License-Identifier: Apache-2.0 */
/* jwk11 dpop: a proof that whoever sends a request has the key that its access token is bound to (RFC 9449). */
#include "base/b64.h"
#include "base/err.h"
#include "prove.h"

enum { TOKEN_MAX = 65536 };

static struct {
	const char *token_file, *nonce;
} opt;

/* The token itself goes nowhere: its hash is what the proof holds. */
static enum jwk11_rc add_hash(struct prove *p)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf token = { .max = TOKEN_MAX, .secret = true }, text = J11_BUF(64);
	unsigned char hash[32];
	enum jwk11_rc rc = cmd_read_input(opt.token_file, TOKEN_MAX, &token, &p->err);

	if (rc != JWK11_OK)
		return rc;
	cmd_drop_line_end(&token);
	if (token.len == 0)
		return j11_err_set(&p->err, JWK11_ERR_SYNTAX, J11_CODE_SYNTAX, "the file of --access-token-file is empty");
	rc = prove_hash(j11_buf_view(&token), hash, &p->err);
	if (rc != JWK11_OK)
		return rc;
	j11_b64url_add(&text, (struct jwk11_view){ .data = hash, .len = sizeof(hash) });
	j11_json_view(&p->out, "ath", j11_buf_view(&text));
	return j11_buf_check(&text, "ath", &p->err);
}

static int run(struct cmd_global *g, int argc, char **argv)
{
	J11_AUTO(prove_done) struct prove p = { .ttl = 0 };

	if (argc != 3)
		return cmd_usage("dpop", "takes KEY, METHOD and URL");
	prove_begin(&p, g, "dpop", argv[0], "dpop");
	prove_add(&p, "htm", argv[1]);
	prove_add(&p, "htu", argv[2]);
	prove_add(&p, "nonce", opt.nonce);
	if (opt.token_file != NULL && add_hash(&p) != JWK11_OK)
		return cmd_fail(&p.err);
	return prove_jws(&p, "jwt");
}

static const struct cmd_option options[] = {
	{ "access-token-file", 0, CMD_TEXT, &opt.token_file, "FILE", "the access token that the request brings along; its hash becomes ath" },
	{ "nonce", 0, CMD_TEXT, &opt.nonce, "TEXT", "what the server gave in its DPoP-Nonce" },
	CMD_OPTION_OUTPUT,
};

const struct cmd_verb cmd_dpop = { "dpop", "KEY METHOD URL", "DPoP proof for a request, with the public key in it", run, options, J11_COUNT(options),
	.local = false };
