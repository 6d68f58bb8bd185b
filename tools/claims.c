/* SPDX-License-Identifier: Apache-2.0 */
/* Claims from the command line. */
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "cmd.h"
#include "jose/jwt.h"
#include "json/json_write.h"

/* A value that is JSON is taken as JSON, anything else as a string. */
enum jwk11_rc cmd_claims(const struct cmd_global *g, struct jwk11_buf *out, struct jwk11_err *err)
{
	struct j11_json_out o = J11_JSON_OUT(out);

	out->max = J11_JWT_CLAIMS_MAX;
	j11_json_open(&o, NULL, '{');
	for (unsigned i = 0; i < g->claims.n; i++) {
		J11_AUTO(j11_json_free_auto) struct j11_json_doc *doc = NULL;
		const char *equals = strchr(g->claims.word[i], '=');
		char name[64];

		if (equals == NULL)
			return j11_err_set(err, JWK11_ERR_ARGUMENT, J11_CODE_CLAIM_INVALID, "--claim takes name=value, not \"%.40s\"", g->claims.word[i]);
		j11_text_printable((struct jwk11_view){ g->claims.word[i], (size_t)(equals - g->claims.word[i]) }, name, sizeof(name));
		if (strpbrk(name, "\"\\") != NULL)
			return j11_err_set(err, JWK11_ERR_SYNTAX, J11_CODE_CLAIM_INVALID, "--claim: a name holds no quotes or backslashes");
		if (j11_json_read(j11_view_str(equals + 1), NULL, "claim", &doc, NULL) == JWK11_OK)
			j11_json_value(&o, name, j11_json_root(doc));
		else
			j11_json_str(&o, name, equals + 1);
	}
	j11_json_close(&o);
	return j11_buf_check(out, "claims", err);
}
