/* SPDX-License-Identifier: Apache-2.0 */
/* jose/lint_cert: certificates beside a key, with chains made on the spot. */
#include "certs.h"
#include "jose/lint.h"

/* A root, an issuer, a leaf of the key, and certificates that have nothing to do with them. */
struct pki {
	EVP_PKEY *root_key, *issuer_key, *key, *other_key;
	struct jwk11_buf root, issuer, leaf, other, forged;
	struct jwk11_pub *pub;
};

static int pki_new(void **state)
{
	struct pki *p = calloc(1, sizeof(*p));

	assert_non_null(p);
	p->root_key = certs_key();
	p->issuer_key = certs_key();
	p->key = certs_key();
	p->other_key = certs_key();
	p->root = p->issuer = p->leaf = p->other = p->forged = J11_BUF(8192);
	certs_make(&(struct certs_spec){ .subject = "root", .key = p->root_key, .ca = true }, &p->root);
	certs_make(&(struct certs_spec){ .subject = "issuer", .issuer = "root", .key = p->issuer_key, .signer = p->root_key, .ca = true }, &p->issuer);
	certs_make(&(struct certs_spec){ .subject = "leaf", .issuer = "issuer", .key = p->key, .signer = p->issuer_key }, &p->leaf);
	certs_make(&(struct certs_spec){ .subject = "other", .key = p->other_key, .ca = true }, &p->other);
	certs_make(&(struct certs_spec){ .subject = "leaf", .issuer = "issuer", .key = p->key, .signer = p->other_key }, &p->forged);
	p->pub = certs_pub(p->key);
	*state = p;
	return 0;
}

static int pki_free(void **state)
{
	struct pki *p = *state;

	EVP_PKEY_free(p->root_key);
	EVP_PKEY_free(p->issuer_key);
	EVP_PKEY_free(p->key);
	EVP_PKEY_free(p->other_key);
	j11_buf_done(&p->root);
	j11_buf_done(&p->issuer);
	j11_buf_done(&p->leaf);
	j11_buf_done(&p->other);
	j11_buf_done(&p->forged);
	jwk11_pub_unref(p->pub);
	free(p);
	return 0;
}

/* How the base64 of a certificate is spoilt. */
enum spoil { GOOD, URL, UNPADDED, BROKEN_LINES, TRAILING };

static void add_cert(struct jwk11_buf *text, const struct jwk11_buf *der, enum spoil spoil)
{
	struct jwk11_buf b64 = J11_BUF(16384), long_der = J11_BUF(8192);

	j11_buf_add(&long_der, der->data, der->len);
	if (spoil == TRAILING)
		j11_buf_add_byte(&long_der, 0);
	if (spoil == URL)
		j11_b64url_add(&b64, j11_buf_view(&long_der));
	else
		j11_b64_add(&b64, j11_buf_view(&long_der), 0);
	if (spoil == UNPADDED)
		while (b64.data[b64.len - 1] == '=')
			j11_buf_cut(&b64, b64.len - 1);
	j11_buf_add_str(text, "\"");
	j11_buf_add(text, b64.data, 64);
	if (spoil == BROKEN_LINES)
		j11_buf_add_str(text, "\\n");
	j11_buf_add(text, b64.data + 64, b64.len - 64);
	j11_buf_add_str(text, "\"");
	j11_buf_done(&b64);
	j11_buf_done(&long_der);
}

/* The key with these certificates and further members; the only rule that matters, J11_N_LINT_ for none. */
static void expect(const struct pki *p, const struct jwk11_buf *const *certs, enum spoil spoil, const char *more, enum j11_lint_id id)
{
	struct jwk11_buf text = J11_BUF(65536);
	struct jwk11_err err = { 0 };
	struct j11_lint *lint = NULL;
	size_t n = 0;

	assert_int_equal(jwk11_pub_jwk(p->pub, NULL, NULL, &text, NULL), JWK11_OK);
	j11_buf_cut(&text, text.len - 1);
	j11_buf_add_fmt(&text, "%s,\"x5c\":[", more);
	for (size_t i = 0; certs[i] != NULL; i++) {
		j11_buf_add_str(&text, i > 0 ? "," : "");
		add_cert(&text, certs[i], i == 0 ? spoil : GOOD);
	}
	j11_buf_add_str(&text, "]}");
	assert_int_equal(j11_lint_run(j11_buf_view(&text), &lint, &err), JWK11_OK);
	for (size_t i = 0; i < lint->n_findings; i++) {
		if (lint->findings[i].id != id)
			fail_msg("%s beside %s: %s", j11_lint_rule(lint->findings[i].id)->name, id < J11_N_LINT_ ? j11_lint_rule(id)->name : "nothing",
				lint->findings[i].text);
		n++;
	}
	assert_int_equal(n, id < J11_N_LINT_ ? 1 : 0);
	j11_lint_free(lint);
	j11_buf_done(&text);
}

static void a_chain_is_clean(void **state)
{
	const struct pki *p = *state;

	expect(p, (const struct jwk11_buf *[]){ &p->leaf, &p->issuer, &p->root, NULL }, GOOD, "", J11_N_LINT_);
	expect(p, (const struct jwk11_buf *[]){ &p->leaf, NULL }, GOOD, "", J11_N_LINT_);
}

static void encodings_are_told(void **state)
{
	const struct pki *p = *state;
	const struct jwk11_buf *chain[] = { &p->leaf, &p->issuer, NULL };
	struct jwk11_buf padded = J11_BUF(8192);

	/* One whose base64 needs padding and has characters that differ. */
	for (long serial = 1; padded.len % 3 == 0; serial = serial * 300 + 7) {
		j11_buf_cut(&padded, 0);
		certs_make(&(struct certs_spec){ .subject = "leaf", .issuer = "issuer", .key = p->key, .signer = p->issuer_key, .serial = serial }, &padded);
	}
	chain[0] = &padded;
	expect(p, chain, GOOD, "", J11_N_LINT_);
	expect(p, chain, URL, "", J11_LINT_X5C_BASE64);
	expect(p, chain, UNPADDED, "", J11_LINT_X5C_BASE64);
	expect(p, chain, BROKEN_LINES, "", J11_LINT_X5C_BLANKS);
	expect(p, chain, TRAILING, "", J11_LINT_X5C_DER);
	j11_buf_done(&padded);
}

static void the_first_certificate_holds_the_key(void **state)
{
	const struct pki *p = *state;

	expect(p, (const struct jwk11_buf *[]){ &p->other, NULL }, GOOD, "", J11_LINT_X5C_LEAF);
	expect(p, (const struct jwk11_buf *[]){ &p->issuer, &p->root, NULL }, GOOD, "", J11_LINT_X5C_LEAF);
}

static void each_certificate_certifies_the_one_before(void **state)
{
	const struct pki *p = *state;

	expect(p, (const struct jwk11_buf *[]){ &p->leaf, &p->other, NULL }, GOOD, "", J11_LINT_X5C_CHAIN);
	expect(p, (const struct jwk11_buf *[]){ &p->leaf, &p->root, &p->issuer, NULL }, GOOD, "", J11_LINT_X5C_CHAIN);
	expect(p, (const struct jwk11_buf *[]){ &p->forged, &p->issuer, NULL }, GOOD, "", J11_LINT_X5C_CHAIN);
}

/* A chain that is the wrong way round breaks both rules: which certificate is first, and which certifies which. */
static void a_chain_backwards_is_told(void **state)
{
	const struct pki *p = *state;
	struct jwk11_buf text = J11_BUF(65536);
	struct j11_lint *lint = NULL;

	assert_int_equal(jwk11_pub_jwk(p->pub, NULL, NULL, &text, NULL), JWK11_OK);
	j11_buf_cut(&text, text.len - 1);
	j11_buf_add_str(&text, ",\"x5c\":[");
	add_cert(&text, &p->root, GOOD);
	j11_buf_add_str(&text, ",");
	add_cert(&text, &p->issuer, GOOD);
	j11_buf_add_str(&text, ",");
	add_cert(&text, &p->leaf, GOOD);
	j11_buf_add_str(&text, "]}");
	assert_int_equal(j11_lint_run(j11_buf_view(&text), &lint, NULL), JWK11_OK);
	assert_int_equal(lint->n_findings, 2);
	assert_int_equal(lint->findings[0].id, J11_LINT_X5C_ORDER);
	assert_string_equal(lint->findings[0].text, "certificate 3 holds this key, not the first");
	assert_int_equal(lint->findings[1].id, J11_LINT_X5C_CHAIN);
	assert_string_equal(lint->findings[1].text, "certificate 2 does not certify certificate 1: that one names another issuer");
	j11_lint_free(lint);
	j11_buf_done(&text);
}

static void add_digest(struct jwk11_buf *text, const char *name, const struct jwk11_buf *der, const EVP_MD *md)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	assert_int_equal(EVP_Digest(der->data, der->len, digest, &len, md, NULL), 1);
	j11_buf_add_fmt(text, ",\"%s\":\"", name);
	j11_b64url_add(text, (struct jwk11_view){ digest, len });
	j11_buf_add_str(text, "\"");
}

static void digests_are_those_of_the_first_certificate(void **state)
{
	const struct pki *p = *state;
	const struct jwk11_buf *chain[] = { &p->leaf, &p->issuer, NULL };
	struct jwk11_buf more = J11_BUF(1024);

	add_digest(&more, "x5t", &p->leaf, EVP_sha1());
	add_digest(&more, "x5t#S256", &p->leaf, EVP_sha256());
	expect(p, chain, GOOD, jwk11_buf_data(&more), J11_N_LINT_);
	jwk11_buf_reset(&more);
	add_digest(&more, "x5t", &p->issuer, EVP_sha1());
	expect(p, chain, GOOD, jwk11_buf_data(&more), J11_LINT_X5T_DIGEST);
	jwk11_buf_reset(&more);
	add_digest(&more, "x5t#S256", &p->issuer, EVP_sha256());
	expect(p, chain, GOOD, jwk11_buf_data(&more), J11_LINT_X5T_DIGEST);
	jwk11_buf_reset(&more);
	add_digest(&more, "x5t#S256", &p->leaf, EVP_sha512());
	expect(p, chain, GOOD, jwk11_buf_data(&more), J11_LINT_X5T_LENGTH);
	j11_buf_done(&more);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_chain_is_clean),
		cmocka_unit_test(encodings_are_told),
		cmocka_unit_test(the_first_certificate_holds_the_key),
		cmocka_unit_test(each_certificate_certifies_the_one_before),
		cmocka_unit_test(a_chain_backwards_is_told),
		cmocka_unit_test(digests_are_those_of_the_first_certificate),
	};

	return cmocka_run_group_tests(tests, pki_new, pki_free);
}
