/* SPDX-License-Identifier: Apache-2.0 */
/* jwk11 assertion: the JWT by which a client says who it is, as each authorization server wants it (RFC 7523). */
#include <stdio.h>

#include "prove.h"

static struct {
	const char *profile, *iss, *sub, *aud, *scope;
	long long ttl;
} opt;

static int run(struct cmd_global *g, int argc, char **argv)
{
	J11_AUTO(prove_done) struct prove p = { .ttl = 0 };
	char template[80];

	if (argc != 1)
		return cmd_usage("assertion", "takes KEY");
	snprintf(template, sizeof(template), opt.profile != NULL ? "assertion/%s" : "assertion", opt.profile);
	prove_begin(&p, g, "assertion", argv[0], template);
	p.ttl = opt.ttl;
	prove_add(&p, "iss", opt.iss);
	prove_add(&p, "sub", opt.sub);
	prove_add(&p, "aud", opt.aud);
	prove_add(&p, "scope", opt.scope);
	return prove_jws(&p, "jwt");
}

static const struct cmd_option options[] = {
	{ "profile", 0, CMD_TEXT, &opt.profile, "NAME", "as this taker wants it: keycloak, okta, auth0, entra, google-sa, github-app, apple" },
	{ "iss", 0, CMD_TEXT, &opt.iss, "TEXT", "issuer: the client's identifier, the service account, the App, the team; default: the one of the grant" },
	{ "sub", 0, CMD_TEXT, &opt.sub, "TEXT", "subject; default: the issuer" },
	{ "aud", 0, CMD_TEXT, &opt.aud, "URL", "audience: the authorization server, or its token endpoint" },
	{ "scope", 0, CMD_TEXT, &opt.scope, "TEXT", "with google-sa: the scopes" },
	{ "ttl", 0, CMD_SECONDS, &opt.ttl, "TIME", "lifetime; default and maximum: the profile's" },
	CMD_OPTION_OUTPUT,
};

const struct cmd_verb cmd_assertion = { "assertion", "KEY", "client assertion for an authorization server (private_key_jwt)", run, options,
	J11_COUNT(options), .local = false };
