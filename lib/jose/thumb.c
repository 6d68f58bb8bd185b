/* SPDX-License-Identifier: Apache-2.0 */
/* Thumbprints from text. Only the members' names and order are known here, no numbers. */
#include "thumb.h"

#include <string.h>

#include "alg.h"

/* Required members in lexical order: RFC 7638 3.2, RFC 8037 section 2, RFC 9964. */
static const struct {
	const char *kty, *members[4];
} required[] = {
	{ "RSA", { "e", "kty", "n" } }, { "EC", { "crv", "kty", "x", "y" } }, { "OKP", { "crv", "kty", "x" } }, { "AKP", { "alg", "kty", "pub" } },
};

static const char *const *members_of(const struct j11_json *jwk)
{
	const struct j11_json *kty = j11_json_get(jwk, "kty");

	for (size_t i = 0; kty != NULL && kty->type == J11_JSON_STRING && i < J11_COUNT(required); i++)
		if (j11_view_equals(kty->text, required[i].kty))
			return required[i].members;
	return NULL;
}

/* RFC 7638 3.3: no value that occurs needs an escape, so one that does is no thumbprint's. */
static bool is_plain(struct jwk11_view text)
{
	const unsigned char *p = text.data;

	for (size_t i = 0; i < text.len; i++)
		if (p[i] < 0x20 || p[i] == '"' || p[i] == '\\')
			return false;
	return true;
}

bool j11_thumb_of(const struct j11_json *jwk, char ret_thumbprint[JWK11_THUMBPRINT_LEN + 1])
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf text = J11_BUF(1024 * 1024);
	const char *const *members = members_of(jwk);

	for (size_t i = 0; members != NULL && i < 4 && members[i] != NULL; i++) {
		const struct j11_json *m = j11_json_get(jwk, members[i]);

		if (m == NULL || m->type != J11_JSON_STRING || !is_plain(m->text))
			return false;
		j11_buf_add_fmt(&text, "%s\"%s\":\"", i == 0 ? "{" : ",", members[i]);
		j11_buf_add(&text, m->text.data, m->text.len);
		j11_buf_add_str(&text, "\"");
	}
	j11_buf_add_str(&text, "}");
	return members != NULL && text.failed == JWK11_OK && j11_hash_text(j11_buf_view(&text), ret_thumbprint, NULL) == JWK11_OK;
}
