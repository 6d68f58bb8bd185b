/* SPDX-License-Identifier: Apache-2.0 */
/* jwk11 attest-pop: a proof of possession of the key that an OAuth client attestation is about
 * (draft-ietf-oauth-attestation-based-client-auth). */
#include "prove.h"

static struct {
	const char *aud, *iss, *challenge, *nonce;
} opt;

static int run(struct cmd_global *g, int argc, char **argv)
{
	J11_AUTO(prove_done) struct prove p = { .ttl = 0 };

	if (argc != 1)
		return cmd_usage("attest-pop", "takes KEY");
	prove_begin(&p, g, "attest-pop", argv[0], "attest-pop");
	prove_add(&p, "aud", opt.aud);
	prove_add(&p, "iss", opt.iss);
	prove_add(&p, "challenge", opt.challenge);
	prove_add(&p, "nonce", opt.nonce);
	return prove_jws(&p, "jwt");
}

static const struct cmd_option options[] = {
	{ "aud", 0, CMD_TEXT, &opt.aud, "URL", "the authorization server's issuer identifier" },
	{ "challenge", 0, CMD_TEXT, &opt.challenge, "TEXT", "what the server gave to be signed" },
	{ "nonce", 0, CMD_TEXT, &opt.nonce, "TEXT", "the same for servers of earlier drafts" },
	{ "iss", 0, CMD_TEXT, &opt.iss, "TEXT", "the client's identifier, for servers of earlier drafts" },
	CMD_OPTION_OUTPUT,
};

const struct cmd_verb cmd_attest_pop = { "attest-pop", "KEY", "proof of possession for an OAuth client attestation", run, options, J11_COUNT(options),
	.local = false };
