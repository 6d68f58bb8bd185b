/* SPDX-License-Identifier: Apache-2.0 */
/* The same members that Kubernetes' API server has in its own document; everything else in it would be about endpoints that are not here. */
#include "front_oidc.h"

#include <string.h>

#include "base/text.h"
#include "json/json_write.h"

void front_oidc_note(struct front_oidc_algs *algs, const char *alg)
{
	for (size_t i = 0; i < algs->n; i++)
		if (j11_text_equal(algs->name[i], alg))
			return;
	if (algs->n < FRONT_OIDC_ALGS_MAX)
		algs->name[algs->n++] = alg;
}

/* Section 4: a slash at the end of the issuer goes before the path is added. */
static void write_uri(const struct conf_set *set, struct j11_json_out *o)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf uri = J11_BUF(65536);
	size_t len = strlen(set->issuer);

	if (set->jwks_uri != NULL) {
		j11_json_str(o, "jwks_uri", set->jwks_uri);
		return;
	}
	while (len > 0 && set->issuer[len - 1] == '/')
		len--;
	j11_buf_add(&uri, set->issuer, len);
	if (j11_text_equal(set->name, "default"))
		j11_buf_add_str(&uri, "/.well-known/jwks.json");
	else
		j11_buf_add_fmt(&uri, "/.well-known/jwks/%s.json", set->name);
	j11_json_view(o, "jwks_uri", j11_buf_view(&uri));
}

static void write_list(struct j11_json_out *o, const char *name, const char *const *words, size_t n)
{
	j11_json_open(o, name, '[');
	for (size_t i = 0; i < n; i++)
		j11_json_str(o, NULL, words[i]);
	j11_json_close(o);
}

void front_oidc_write(const struct conf_set *set, const struct front_oidc_algs *algs, struct jwk11_buf *out)
{
	static const char *const types[] = { "id_token" }, *const subjects[] = { "public" };
	struct j11_json_out o = J11_JSON_OUT(out);

	j11_json_open(&o, NULL, '{');
	j11_json_str(&o, "issuer", set->issuer);
	write_uri(set, &o);
	write_list(&o, "response_types_supported", types, J11_COUNT(types));
	write_list(&o, "subject_types_supported", subjects, J11_COUNT(subjects));
	write_list(&o, "id_token_signing_alg_values_supported", algs->name, algs->n);
	j11_json_close(&o);
}
