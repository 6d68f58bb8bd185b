/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates beside a key (RFC 7517 4.6 to 4.9): their encoding, whether they belong to the key and to each other, and digests over them. */
#include <ctype.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <string.h>

#include "base/b64.h"
#include "base/text.h"
#include "lint_part.h"
#include "x509.h"

enum { MAX_CHAIN = 10 };

/* The chain as far as it can be read; it ends at the first certificate that cannot. */
struct chain {
	struct j11_cert *certs[MAX_CHAIN];
	size_t n;
};

static void chain_done(struct chain *chain)
{
	for (size_t i = 0; i < chain->n; i++)
		j11_cert_free(chain->certs[i]);
}

/* One element to DER. What is wrong with its text is reported and, where it can be, mended. */
static bool to_der(struct j11_lint *lint, struct j11_lint_key *key, struct jwk11_view text, size_t place, struct jwk11_buf *der)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf plain = J11_BUF(J11_LINT_MAX);
	const char *p = text.data;
	bool blanks = false, url = false;
	enum jwk11_rc rc;

	if (text.len > 10 && memmem(p, text.len, "-----BEGIN", 10) != NULL) {
		j11_lint_add(lint, key, J11_LINT_X5C_PEM, "x5c", "certificate %zu is in PEM", place);
		return false;
	}
	for (size_t i = 0; i < text.len; i++) {
		bool blank = p[i] != '\0' && strchr(" \t\r\n", p[i]) != NULL;

		blanks = blanks || blank;
		url = url || p[i] == '-' || p[i] == '_';
		if (!blank)
			j11_buf_add_byte(&plain, (unsigned char)(p[i] == '-' ? '+' : p[i] == '_' ? '/' : p[i]));
	}
	url = url || plain.len % 4 != 0;
	while (plain.len % 4 != 0 && plain.failed == JWK11_OK)
		j11_buf_add_byte(&plain, '=');
	if (blanks)
		j11_lint_add(lint, key, J11_LINT_X5C_BLANKS, "x5c", "certificate %zu has blanks or line breaks in its base64", place);
	if (url)
		j11_lint_add(lint, key, J11_LINT_X5C_BASE64, "x5c", "certificate %zu is in base64url or lacks its padding", place);
	rc = j11_b64_decode(j11_buf_view(&plain), "x5c", der, NULL);
	return j11_lint_good(lint, rc);
}

static bool add_cert(struct j11_lint *lint, struct j11_lint_key *key, struct chain *chain, const struct j11_json *element, size_t place)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf der = J11_BUF(J11_LINT_MAX);
	struct jwk11_view none = { .data = "", .len = 0 };
	size_t before = lint->n_severity[J11_LINT_ERROR];

	if (element->type != J11_JSON_STRING)
		return false; /* a finding already */
	if (to_der(lint, key, element->text, place, &der)) {
		if (j11_lint_good(lint, j11_cert_new(j11_buf_view(&der), none, none, &chain->certs[chain->n], NULL))) {
			chain->n++;
			return true;
		}
	} else if (lint->n_severity[J11_LINT_ERROR] != before) {
		return false;
	}
	j11_lint_add(lint, key, J11_LINT_X5C_DER, "x5c", "certificate %zu is no X.509 certificate in DER", place);
	return false;
}

/* Which certificate holds this key: its index, chain->n when none does. */
static size_t find_holder(struct j11_lint *lint, const struct j11_lint_key *key, const struct chain *chain)
{
	unsigned char hash[J11_SPKI_HASH_LEN];
	size_t i = 0;

	if (!j11_lint_good(lint, j11_pub_spki_hash(key->pub, hash, NULL)))
		return 0;
	while (i < chain->n && !j11_cert_holds(chain->certs[i], key->pub, hash, true))
		i++;
	return i;
}

static void check_leaf(struct j11_lint *lint, struct j11_lint_key *key, const struct chain *chain)
{
	size_t holder = key->pub != NULL && chain->n > 0 ? find_holder(lint, key, chain) : 0;

	if (holder == 0)
		return;
	if (holder < chain->n)
		j11_lint_add(lint, key, J11_LINT_X5C_ORDER, "x5c", "certificate %zu holds this key, not the first", holder + 1);
	else
		j11_lint_add(lint, key, J11_LINT_X5C_LEAF, "x5c", "no certificate holds this key");
}

static void check_links(struct j11_lint *lint, struct j11_lint_key *key, const struct chain *chain)
{
	for (size_t i = 1; i < chain->n; i++) {
		if (j11_cert_certifies(chain->certs[i], chain->certs[i - 1]))
			continue;
		j11_lint_add(lint, key, J11_LINT_X5C_CHAIN, "x5c", "certificate %zu does not certify certificate %zu: %s", i + 1, i,
			j11_cert_names(chain->certs[i], chain->certs[i - 1]) ? "it may not, or the signature is not by its key" :
			"that one names another issuer");
		return;
	}
}

/* ---- digests ---- */

static bool is_text(struct jwk11_view v, bool hex)
{
	const unsigned char *p = v.data;

	for (size_t i = 0; i < v.len; i++)
		if (hex ? !isxdigit(p[i]) : !isalnum(p[i]) && p[i] != '-' && p[i] != '_' && p[i] != '+' && p[i] != '/' && p[i] != '=')
			return false;
	return v.len > 0;
}

/* Hexadecimal digits, with or without the colons that openssl(1) prints. */
static bool is_hex_digest(struct jwk11_view text, size_t len)
{
	const unsigned char *p = text.data;

	if (text.len == 2 * len)
		return is_text(text, true);
	for (size_t i = 0; i < text.len; i++)
		if (i % 3 == 2 ? p[i] != ':' : !isxdigit(p[i]))
			return false;
	return text.len == 3 * len - 1;
}

static void compare_digest(struct j11_lint *lint, struct j11_lint_key *key, const char *member, struct jwk11_view digest,
	const struct j11_cert *leaf)
{
	unsigned char own[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	if (leaf == NULL || X509_digest(leaf->x509, digest.len == 20 ? EVP_sha1() : EVP_sha256(), own, &len) != 1)
		return;
	if (len != digest.len || memcmp(own, digest.data, len) != 0)
		j11_lint_add(lint, key, J11_LINT_X5T_DIGEST, member, "\"%s\" is not the digest of the first certificate", member);
}

static void check_digest(struct j11_lint *lint, struct j11_lint_key *key, const char *member, size_t len,
	const struct j11_cert *leaf)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf digest = J11_BUF(J11_LINT_MAX);
	struct jwk11_view text = j11_lint_string(key->jwk, member);

	if (is_hex_digest(text, len)) {
		j11_lint_add(lint, key, J11_LINT_X5T_HEX, member, "\"%s\" is in hexadecimal", member);
		return;
	}
	if (!j11_lint_octets(lint, key, member, &digest))
		return;
	if (digest.len == len)
		compare_digest(lint, key, member, j11_buf_view(&digest), leaf);
	else if (is_hex_digest(j11_buf_view(&digest), len))
		j11_lint_add(lint, key, J11_LINT_X5T_HEX, member, "\"%s\" encodes hexadecimal digits", member);
	else if (digest.len >= j11_b64_len(len) && digest.len <= j11_b64_len(len) + 2 && is_text(j11_buf_view(&digest), false))
		j11_lint_add(lint, key, J11_LINT_X5T_TWICE, member, "\"%s\" is encoded twice", member);
	else
		j11_lint_add(lint, key, J11_LINT_X5T_LENGTH, member, "\"%s\" has %zu octets, the digest %zu", member, digest.len, len);
}

void j11_lint_certs(struct j11_lint *lint, struct j11_lint_key *key)
{
	const struct j11_json *x5c = j11_json_get(key->jwk, "x5c");
	struct jwk11_view x5u = j11_lint_string(key->jwk, "x5u");
	struct chain chain = { .n = 0 };
	size_t place = 1;

	for (const struct j11_json *c = x5c != NULL && x5c->type == J11_JSON_ARRAY ? x5c->child : NULL; c != NULL && place <= MAX_CHAIN; c = c->next)
		if (!add_cert(lint, key, &chain, c, place++))
			break;
	check_leaf(lint, key, &chain);
	check_links(lint, key, &chain);
	check_digest(lint, key, "x5t", 20, chain.n > 0 ? chain.certs[0] : NULL);
	check_digest(lint, key, "x5t#S256", 32, chain.n > 0 ? chain.certs[0] : NULL);
	if (x5u.len > 0 && (x5u.len < 8 || strncasecmp(x5u.data, "https://", 8) != 0))
		j11_lint_add(lint, key, J11_LINT_X5U_HTTPS, "x5u", "\"x5u\" is no https address");
	chain_done(&chain);
}
