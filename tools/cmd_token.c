/* SPDX-License-Identifier: Apache-2.0 */
/* jwk11 token: a JWT where the client libraries of clouds look for one: in a file that is kept fresh, or as the answer to Google's. */
#include <signal.h>
#include <stdio.h>

#include "base/err.h"
#include "base/text.h"
#include "token_file.h"
#include "token_google.h"
#include "token_rules.h"
#include "token_stay.h"

#define TTL_DEFAULT 3600

static struct {
	const char *out, *mode, *iss, *sub, *aud;
	long long ttl;
	bool refresh, google;
} opt = { .ttl = TTL_DEFAULT };

static const struct cmd_option options[] = {
	{ "out", 0, CMD_TEXT, &opt.out, "FILE", "the file, which is replaced as a whole; its mode and owner stay" },
	{ "refresh", 0, CMD_FLAG, &opt.refresh, NULL, "stay, and write a new token well before the one in the file expires; SIGHUP: now" },
	{ "mode", 0, CMD_TEXT, &opt.mode, "MODE", "octal, of the file; without it as it was, and 0600 of a new one" },
	{ "ttl", 0, CMD_SECONDS, &opt.ttl, "TIME", "how long the token holds (default 1h; with --refresh 60s at least)" },
	{ "iss", 0, CMD_TEXT, &opt.iss, "TEXT", "claim iss, the issuer" },
	{ "sub", 0, CMD_TEXT, &opt.sub, "TEXT", "claim sub, who this is" },
	{ "aud", 0, CMD_TEXT, &opt.aud, "TEXT", "claim aud, who is to take it" },
	{ "claim", 0, CMD_WORDS, &cmd_given.claims, "NAME=VALUE", "a further claim; JSON is taken as JSON, anything else as a string; may stand 32 times" },
	{ "google-executable", 0, CMD_FLAG, &opt.google, NULL, "answer Google's client libraries, as GOOGLE_EXTERNAL_ACCOUNT_* ask" },
};

static const char *refuse_options(const struct cmd_global *g, unsigned *ret_mode)
{
	*ret_mode = 0;
	if (opt.google && (opt.out != NULL || opt.refresh || opt.mode != NULL))
		return "--google-executable prints the token: --out, --refresh and --mode are for files";
	if (!opt.google && opt.out == NULL)
		return "takes --out FILE, or --google-executable; jwk11 jwt prints one";
	if (opt.mode != NULL && !token_mode(opt.mode, ret_mode))
		return "--mode takes three octal digits, of which the first lets the owner read: 0640";
	if (opt.ttl <= 0)
		return "--ttl takes one second at least";
	if (opt.refresh && opt.ttl < TOKEN_STAY_LEAST)
		return "--refresh takes a --ttl of 60s at least";
	if (opt.refresh && g->offline)
		return "--refresh goes through the broker, which keeps the token's PIN; --offline does not";
	return NULL;
}

static int write_once(const struct token_wish *wish, const struct cmd_global *g, unsigned mode)
{
	J11_AUTO(token_done_auto) struct token token = { 0 };
	struct jwk11_err err = { 0 };
	enum jwk11_rc rc = token_get(wish, g, &token, &err);

	if (rc == JWK11_OK)
		rc = token_file_write(opt.out, j11_buf_view(&token.text), mode, &err);
	return rc == JWK11_OK ? CMD_OK : cmd_fail(&err);
}

static int run_token(struct cmd_global *g, int argc, char **argv)
{
	struct token_wish wish = { .key = argc == 1 ? argv[0] : NULL, .iss = opt.iss, .sub = opt.sub, .aud = opt.aud, .ttl = opt.ttl };
	struct jwk11_err err = { 0 };
	const char *why;
	unsigned mode;
	int code;

	if (argc != 1)
		return cmd_usage("token", "takes KEY");
	why = refuse_options(g, &mode);
	if (why != NULL)
		return cmd_usage("token", why);
	signal(SIGXFSZ, SIG_IGN); /* which leaves write(2) to say that the file is too large */
	if (opt.google)
		code = token_google(&wish, g);
	else if (token_wish_claims(&wish, g, &err) != JWK11_OK)
		code = cmd_fail(&err);
	else if (opt.refresh) {
		g->patience = TOKEN_STAY_PATIENCE;
		code = token_stay(&wish, g, opt.out, mode);
	} else
		code = write_once(&wish, g, mode);
	token_wish_done(&wish);
	return code;
}

const struct cmd_verb cmd_token = { "token", "KEY", "a JWT in a file that is kept fresh, for the clients of clouds", run_token, options, J11_COUNT(options), .local = false };
