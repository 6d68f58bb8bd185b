/* SPDX-License-Identifier: Apache-2.0 */
/* GOOGLE_EXTERNAL_ACCOUNT_*, in and out. The person that INTERACTIVE means is not needed, the ID and IMPERSONATED_EMAIL are of tokens that Google makes. */
#include "token_google.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/text.h"
#include "json/json_write.h"
#include "token_file.h"

enum { ANSWER_MAX = 256 * 1024, AUDIENCE_MAX = 1024 };
#define ENV "GOOGLE_EXTERNAL_ACCOUNT_"

static const char *of_environment(const char *name)
{
	const char *value = getenv(name);

	return value != NULL && value[0] != '\0' ? value : NULL;
}

static enum jwk11_rc read_type(const char **ret_type, struct jwk11_err *err)
{
	static const char *const types[] = { "urn:ietf:params:oauth:token-type:jwt", "urn:ietf:params:oauth:token-type:id_token" };
	const char *given = of_environment(ENV "TOKEN_TYPE");

	*ret_type = types[0];
	if (given == NULL)
		return JWK11_OK;
	for (size_t i = 0; i < J11_COUNT(types); i++)
		if (j11_text_equal(given, types[i])) {
			*ret_type = types[i];
			return JWK11_OK;
		}
	return j11_err_set(err, JWK11_ERR_UNSUPPORTED, J11_CODE_ARGUMENT, ENV "TOKEN_TYPE is \"%.100s\": only a jwt or an id_token is made here", given);
}

/* A provider without an audience of its own takes its resource name, which the libraries pass without the scheme. */
static enum jwk11_rc read_audience(struct token_wish *wish, char room[AUDIENCE_MAX], struct jwk11_err *err)
{
	const char *given = of_environment(ENV "AUDIENCE");

	if (wish->aud != NULL)
		return JWK11_OK;
	if (given == NULL)
		return j11_err_set(err, JWK11_ERR_ARGUMENT, J11_CODE_ARGUMENT, "there is neither --aud nor " ENV "AUDIENCE");
	if ((size_t)snprintf(room, AUDIENCE_MAX, "%s%s", j11_text_starts(given, "//") ? "https:" : "", given) >= AUDIENCE_MAX)
		return j11_err_set(err, JWK11_ERR_LIMIT, J11_CODE_LIMIT, ENV "AUDIENCE is longer than %d octets", AUDIENCE_MAX - 1);
	wish->aud = room;
	return JWK11_OK;
}

static enum jwk11_rc make(struct token_wish *wish, const struct cmd_global *g, struct jwk11_buf *out, struct jwk11_err *err)
{
	J11_AUTO(token_done_auto) struct token token = { 0 };
	const char *type, *revoke = of_environment(ENV "REVOKE"), *file = of_environment(ENV "OUTPUT_FILE");
	struct j11_json_out o = J11_JSON_OUT(out);
	char audience[AUDIENCE_MAX];
	enum jwk11_rc rc;

	if (revoke != NULL && j11_text_equal(revoke, "1"))
		return j11_err_set(err, JWK11_ERR_UNSUPPORTED, J11_CODE_ARGUMENT, "a JWT cannot be revoked: it holds until it expires");
	rc = read_type(&type, err);
	if (rc == JWK11_OK)
		rc = read_audience(wish, audience, err);
	if (rc == JWK11_OK)
		rc = token_wish_claims(wish, g, err);
	if (rc == JWK11_OK)
		rc = token_get(wish, g, &token, err);
	if (rc != JWK11_OK)
		return rc;
	j11_json_open(&o, NULL, '{');
	j11_json_num(&o, "version", 1);
	j11_json_boolean(&o, "success", true);
	j11_json_str(&o, "token_type", type);
	j11_json_view(&o, "id_token", j11_buf_view(&token.text));
	j11_json_num(&o, "expiration_time", token.expires);
	j11_json_close(&o);
	rc = j11_buf_check(out, "answer", err);
	return rc == JWK11_OK && file != NULL ? token_file_write(file, j11_buf_view(out), 0, err) : rc;
}

/* The exit code is not 0, or the libraries would take it for a token that is malformed. */
static int refuse(const struct jwk11_err *why)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf out = J11_BUF(ANSWER_MAX);
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf message = J11_BUF(ANSWER_MAX);
	struct j11_json_out o = J11_JSON_OUT(&out);
	struct jwk11_err err = { 0 };

	j11_buf_add_str(&message, why->text);
	if (why->hint[0] != '\0')
		j11_buf_add_fmt(&message, "; %s", why->hint);
	j11_json_open(&o, NULL, '{');
	j11_json_num(&o, "version", 1);
	j11_json_boolean(&o, "success", false);
	j11_json_str(&o, "code", why->code[0] != '\0' ? why->code : "INTERNAL");
	j11_json_view(&o, "message", j11_buf_view(&message));
	j11_json_close(&o);
	if (j11_buf_check(&out, "answer", &err) != JWK11_OK || cmd_write_output(NULL, j11_buf_view(&out), true, &err) != JWK11_OK)
		return cmd_fail(&err);
	return cmd_exit_of(why->code, why->rc);
}

int token_google(struct token_wish *wish, const struct cmd_global *g)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf out = J11_BUF(ANSWER_MAX);
	struct jwk11_err err = { 0 };

	if (make(wish, g, &out, &err) != JWK11_OK)
		return refuse(&err);
	return cmd_write_output(NULL, j11_buf_view(&out), true, &err) == JWK11_OK ? CMD_OK : cmd_fail(&err);
}
