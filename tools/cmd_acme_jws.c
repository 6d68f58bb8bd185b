/* SPDX-License-Identifier: Apache-2.0 */
/* jwk11 acme-jws: the body of a request to an ACME server, by the account's key (RFC 8555 section 6.2). */
#include "base/b64.h"
#include "ask.h"
#include "jose/jws.h"
#include "prove.h"

static struct {
	const char *nonce, *account;
	bool get;
} opt;

static enum jwk11_rc add_payload(struct prove *p, const char *file)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf payload = J11_BUF(J11_JWS_PAYLOAD_MAX), text = J11_BUF(ASK_MAX);
	enum jwk11_rc rc = cmd_read_input(file, J11_JWS_PAYLOAD_MAX, &payload, &p->err);

	if (rc != JWK11_OK)
		return rc;
	j11_b64url_add(&text, j11_buf_view(&payload));
	j11_json_view(&p->out, "payload", j11_buf_view(&text));
	return j11_buf_check(&text, "payload", &p->err);
}

static int run(struct cmd_global *g, int argc, char **argv)
{
	J11_AUTO(prove_done) struct prove p = { .ttl = 0 };

	if (argc < 2 || argc > 3 || (opt.get && argc == 3))
		return cmd_usage("acme-jws", opt.get ? "takes KEY and URL with --post-as-get" : "takes KEY, URL and at most one FILE");
	prove_begin(&p, g, "acme-jws", argv[0], "acme-jws");
	prove_add(&p, "url", argv[1]);
	prove_add(&p, "nonce", opt.nonce);
	prove_add(&p, "kid", opt.account);
	if (!opt.get && add_payload(&p, argc == 3 ? argv[2] : NULL) != JWK11_OK)
		return cmd_fail(&p.err);
	return prove_jws(&p, "jws");
}

static const struct cmd_option options[] = {
	{ "nonce", 0, CMD_TEXT, &opt.nonce, "TEXT", "what the server gave in its Replay-Nonce" },
	{ "account", 0, CMD_TEXT, &opt.account, "URL", "the account's URL, as kid; default: the public key in the header, as for a new account" },
	{ "post-as-get", 0, CMD_FLAG, &opt.get, NULL, "no payload: a request that only asks" },
	CMD_OPTION_OUTPUT,
};

const struct cmd_verb cmd_acme_jws = { "acme-jws", "KEY URL [FILE|-]", "a request to an ACME server, signed by the account's key", run, options,
	J11_COUNT(options), .local = false };
