/* SPDX-License-Identifier: Apache-2.0 */
/* jwk11 login and logout: the broker's login at a token, by the person who has its PIN. */
#include <stdio.h>

#include "ask.h"
#include "ask_pin.h"
#include "base/b64.h"
#include "base/err.h"
#include "base/text.h"
#include "json/json_write.h"
#include "show.h"

/* From the file that was named, else from the terminal; none with --configured. */
static enum jwk11_rc get_pin(const struct cmd_global *g, const char *token, struct j11_secret **ret_pin, struct jwk11_err *err)
{
	char prompt[128];

	if (g->configured)
		return JWK11_OK;
	if (g->pin_file != NULL)
		return j11_secret_from_file(g->pin_file, ret_pin, err);
	snprintf(prompt, sizeof(prompt), "PIN of token %.64s: ", token);
	return ask_pin(prompt, ret_pin, err);
}

/* Who may not log in there need not type a PIN to hear it. */
static bool is_pointless(const struct cmd_global *g, const char *token)
{
	J11_AUTO(j11_json_free_auto) struct j11_json_doc *doc = NULL;
	const struct j11_json *tokens;
	enum jwk11_rc rc = show_ask(g, "/v1/whoami", &doc, NULL);

	tokens = rc == JWK11_OK ? j11_json_get(j11_json_root(doc), "administers") : NULL;
	for (const struct j11_json *t = tokens ? tokens->child : NULL; t != NULL; t = t->next)
		if (j11_view_equals(t->text, token))
			return false;
	return tokens != NULL;
}

static void write_body(const struct cmd_global *g, const struct j11_secret *pin, struct jwk11_buf *body)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf text = { .max = 2 * J11_SECRET_MAX, .secret = true };
	struct j11_json_out o = J11_JSON_OUT(body);

	j11_json_open(&o, NULL, '{');
	if (pin != NULL) {
		j11_b64url_add(&text, j11_secret_expose(pin));
		j11_json_view(&o, "pin_b64", j11_buf_view(&text));
	}
	if (g->final_try)
		j11_json_boolean(&o, "final_try", true);
	j11_json_close(&o);
	if (text.failed != JWK11_OK)
		body->failed = text.failed;
}

static enum jwk11_rc print(const struct j11_json *root, bool with_pin)
{
	const struct j11_json *tried = j11_json_get(root, "pin_tried");
	char token[80], state[40];

	show_member(root, "token", token, sizeof(token));
	show_member(root, "state", state, sizeof(state));
	printf("%s: %s%s\n", token, state, with_pin && tried != NULL && !tried->boolean ? "; it was so before, and the PIN was not tried" : "");
	return JWK11_OK;
}

static enum jwk11_rc ask(const struct cmd_global *g, const char *token, const char *tail, const struct jwk11_buf *body, bool with_pin,
	struct jwk11_err *err)
{
	J11_AUTO(ask_done_auto) struct ask_answer answer = { 0 };
	J11_AUTO(j11_json_free_auto) struct j11_json_doc *doc = NULL;
	enum jwk11_rc rc = j11_buf_check(body, "request", err);

	if (rc == JWK11_OK)
		rc = ask_token(g, token, tail, body, &answer, err);
	if (rc == JWK11_OK)
		rc = j11_json_read(j11_buf_view(&answer.body), NULL, "answer", &doc, err);
	if (rc != JWK11_OK)
		return rc;
	return g->json ? show_json("jwk11/login/1", j11_json_root(doc), err) : print(j11_json_root(doc), with_pin);
}

static int run_login(struct cmd_global *g, int argc, char **argv)
{
	J11_AUTO(j11_secret_free_auto) struct j11_secret *pin = NULL;
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf body = { .max = 8192, .secret = true };
	struct jwk11_err err = { 0 };
	enum jwk11_rc rc;

	if (argc != 1 || g->offline)
		return cmd_usage("login", g->offline ? "is about the broker; --offline logs in by itself" : "takes the name of a token; see: jwk11 tokens");
	if (g->configured && (g->pin_file != NULL || g->final_try))
		return cmd_usage("login", "--configured goes without --pin-file and --final-try");
	rc = is_pointless(g, argv[0]) ? JWK11_OK : get_pin(g, argv[0], &pin, &err);
	if (rc != JWK11_OK)
		return cmd_fail(&err);
	write_body(g, pin, &body);
	rc = ask(g, argv[0], "/login", &body, pin != NULL, &err);
	return rc == JWK11_OK ? CMD_OK : cmd_fail(&err);
}

static int run_logout(struct cmd_global *g, int argc, char **argv)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf body = J11_BUF(16);
	struct jwk11_err err = { 0 };

	if (argc != 1 || g->offline)
		return cmd_usage("logout", g->offline ? "is about the broker" : "takes the name of a token; see: jwk11 tokens");
	j11_buf_add_str(&body, "{}");
	return ask(g, argv[0], "/logout", &body, false, &err) == JWK11_OK ? CMD_OK : cmd_fail(&err);
}

static const struct cmd_option login_options[] = {
	{ "configured", 0, CMD_FLAG, &cmd_given.configured, NULL, "with the PIN of the broker's configuration, which undoes a logout" },
};

const struct cmd_verb cmd_login = { "login", "TOKEN", "log the broker in to a token with a PIN that is asked for here",
	run_login, login_options, J11_COUNT(login_options), .local = false };

static const struct cmd_option logout_options[] = {
	{ "configured", 0, CMD_FLAG, &cmd_given.configured, NULL, NULL },
};

const struct cmd_verb cmd_logout = { "logout", "TOKEN", "have the broker use the token no more, until somebody logs in",
	run_logout, logout_options, J11_COUNT(logout_options), .local = false };
