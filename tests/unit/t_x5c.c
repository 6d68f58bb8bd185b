/* SPDX-License-Identifier: Apache-2.0 */
/* jose/x509, jose/chain, jose/x5c: which certificates are a key's, in which order, and what is said about them. */
#include "certs.h"

#include <openssl/err.h>

#include "base/text.h"
#include "jose/x5c.h"

static const struct jwk11_view none = { "", 0 };

/* One key with its CA, its CA's CA, and a stranger. */
static struct world {
	EVP_PKEY *leaf, *inner, *root, *other;
	struct jwk11_pub *pub;
	struct jwk11_buf leaf_der, inner_der, root_der, other_der;
} w;

static void make(struct jwk11_buf *out, struct certs_spec spec)
{
	*out = J11_BUF(65536);
	certs_make(&spec, out);
}

static int set_up(void **state)
{
	(void)state;
	w.leaf = certs_key();
	w.inner = certs_key();
	w.root = certs_key();
	w.other = certs_key();
	w.pub = certs_pub(w.leaf);
	make(&w.leaf_der, (struct certs_spec){ .subject = "leaf", .issuer = "inner", .key = w.leaf, .signer = w.inner });
	make(&w.inner_der, (struct certs_spec){ .subject = "inner", .issuer = "root", .key = w.inner, .signer = w.root, .ca = true });
	make(&w.root_der, (struct certs_spec){ .subject = "root", .key = w.root, .ca = true });
	make(&w.other_der, (struct certs_spec){ .subject = "other", .issuer = "inner", .key = w.other, .signer = w.inner });
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	jwk11_pub_unref(w.pub);
	EVP_PKEY_free(w.leaf);
	EVP_PKEY_free(w.inner);
	EVP_PKEY_free(w.root);
	EVP_PKEY_free(w.other);
	j11_buf_done(&w.leaf_der);
	j11_buf_done(&w.inner_der);
	j11_buf_done(&w.root_der);
	j11_buf_done(&w.other_der);
	return 0;
}

static void add(struct jwk11_certs *certs, const struct jwk11_buf *der, const char *id)
{
	assert_int_equal(j11_certs_add(certs, j11_buf_view(der), id ? j11_view_str(id) : none, none, NULL), JWK11_OK);
}

static enum jwk11_rc build(const struct jwk11_certs *certs, struct jwk11_chain **chain, struct jwk11_err *err)
{
	struct j11_chain_of of = { .pub = w.pub, .name = "k", .id = J11_VIEW("id1"), .label = J11_VIEW("k"), .now = CERTS_NOW };
	enum jwk11_rc rc = j11_chain_new(certs, &of, chain, err);

	assert_int_equal(ERR_peek_error(), 0);
	return rc;
}

static struct jwk11_chain *chain_of(const struct jwk11_certs *certs)
{
	struct jwk11_chain *chain = NULL;
	struct jwk11_err err = { 0 };

	if (build(certs, &chain, &err) != JWK11_OK)
		fail_msg("%s: %s", err.code, err.text);
	return chain;
}

/* Builds, compares with the certificates given (NULL ends), and compares the note. */
static void expect(struct jwk11_certs *certs, bool complete, const char *note, const struct jwk11_buf *first, const struct jwk11_buf *second)
{
	const struct jwk11_buf *wanted[] = { first, second };
	struct jwk11_chain *chain = chain_of(certs);

	assert_string_equal(jwk11_chain_note(chain), note);
	assert_int_equal(jwk11_chain_count(chain), second != NULL ? 2 : 1);
	for (size_t i = 0; i < jwk11_chain_count(chain); i++)
		assert_true(j11_view_equal(jwk11_chain_der(chain, i), j11_buf_view(wanted[i])));
	assert_null(jwk11_chain_der(chain, jwk11_chain_count(chain)).data);
	assert_int_equal(jwk11_chain_is_complete(chain), complete);
	jwk11_chain_free(chain);
	j11_certs_done(certs);
}

static void finds_the_chain_in_whatever_order(void **state)
{
	const struct jwk11_buf *all[] = { &w.leaf_der, &w.inner_der, &w.root_der, &w.other_der };

	(void)state;
	for (unsigned order = 0; order < 24; order++) {
		unsigned left[] = { 0, 1, 2, 3 }, n = 4, at = order;
		struct jwk11_certs certs = { 0 };

		for (; n > 0; at /= n, n--) {
			unsigned pick = at % n;

			add(&certs, all[left[pick]], left[pick] == 3 ? "id2" : NULL);
			memmove(left + pick, left + pick + 1, (n - pick - 1) * sizeof(left[0]));
		}
		expect(&certs, true, "", &w.leaf_der, &w.inner_der);
	}
}

static void ends_where_an_issuer_is_missing(void **state)
{
	struct jwk11_certs certs = { 0 };

	(void)state;
	add(&certs, &w.root_der, NULL);
	add(&certs, &w.leaf_der, NULL);
	expect(&certs, false, "its issuer is not among the certificates on the token", &w.leaf_der, NULL);
	add(&certs, &w.inner_der, NULL);
	add(&certs, &w.leaf_der, NULL);
	expect(&certs, false, "a further issuer is not among the certificates on the token", &w.leaf_der, &w.inner_der);
}

static void keeps_a_leaf_that_signed_itself(void **state)
{
	struct jwk11_certs certs = { 0 };
	struct jwk11_buf own;

	(void)state;
	make(&own, (struct certs_spec){ .subject = "leaf", .key = w.leaf });
	add(&certs, &own, NULL);
	expect(&certs, true, "", &own, NULL);
	j11_buf_done(&own);
}

static void a_foreign_certificate_is_never_the_leaf(void **state)
{
	struct jwk11_certs certs = { 0 };
	struct jwk11_chain *chain = NULL;
	struct jwk11_err err = { 0 };

	(void)state;
	add(&certs, &w.other_der, "id1");
	add(&certs, &w.inner_der, NULL);
	assert_int_equal(build(&certs, &chain, &err), JWK11_ERR_NOT_FOUND);
	assert_string_equal(err.code, "CERT_FOREIGN");
	assert_string_equal(err.text, "key \"k\": the certificate with its CKA_ID or label holds another key");
	assert_string_equal(err.hint, "");
	j11_certs_done(&certs);

	err = (struct jwk11_err){ 0 };
	add(&certs, &w.other_der, "id2");
	assert_int_equal(j11_certs_add(&certs, J11_VIEW("0\x03garbage"), none, none, NULL), JWK11_OK);
	assert_int_equal(build(&certs, &chain, &err), JWK11_ERR_NOT_FOUND);
	assert_string_equal(err.code, "CERT_ABSENT");
	assert_string_equal(err.text, "key \"k\": no certificate on its token holds its public key");
	assert_string_equal(err.hint, "1 certificates on the token could not be read");
	assert_null(chain);
	add(&certs, &w.leaf_der, "id3"); /* the public key is proof, the id only a hint */
	expect(&certs, false, "its issuer is not among the certificates on the token", &w.leaf_der, NULL);
}

static void times_are_told_and_refuse_nothing(void **state)
{
	struct jwk11_certs certs = { 0 };
	struct jwk11_buf old, coming, old_inner;

	(void)state;
	make(&old, (struct certs_spec){ .subject = "leaf", .key = w.leaf, .from_days = -9, .to_days = -2 });
	make(&coming, (struct certs_spec){ .subject = "leaf", .key = w.leaf, .from_days = 2, .to_days = 9 });
	make(&old_inner, (struct certs_spec){ .subject = "inner", .issuer = "root", .key = w.inner, .signer = w.root, .ca = true, .from_days = -9, .to_days = -2 });
	add(&certs, &old, NULL);
	expect(&certs, true, "its certificate expired at 2027-01-13T08:00:00Z", &old, NULL);
	add(&certs, &coming, NULL);
	expect(&certs, true, "its certificate is not valid before 2027-01-17T08:00:00Z", &coming, NULL);
	add(&certs, &w.leaf_der, NULL);
	add(&certs, &old_inner, NULL);
	expect(&certs, false, "the certificate of an issuer expired at 2027-01-13T08:00:00Z; a further issuer is not among the certificates on the token",
		&w.leaf_der, &old_inner);
	j11_buf_done(&old);
	j11_buf_done(&coming);
	j11_buf_done(&old_inner);
}

static void of_several_leaves_the_newest_valid_one_is_taken(void **state)
{
	static const char note[] = "3 certificates hold this key: the newest that is valid now is used";
	struct jwk11_buf made[3];
	const struct certs_spec specs[] = {
		{ .subject = "leaf", .key = w.leaf, .from_days = -5, .to_days = 9 },
		{ .subject = "leaf", .key = w.leaf, .from_days = -3, .to_days = 4, .serial = 2 },
		{ .subject = "leaf", .key = w.leaf, .from_days = 1, .to_days = 99, .serial = 3 },
	};

	(void)state;
	for (int i = 0; i < 3; i++)
		make(&made[i], specs[i]);
	for (int first = 0; first < 3; first++) {
		struct jwk11_certs certs = { 0 };

		for (int i = 0; i < 6; i++) /* each in two objects */
			add(&certs, &made[(first + i) % 3], NULL);
		expect(&certs, true, note, &made[1], NULL);
		for (int i = 0; i < 3; i++)
			add(&certs, &made[(first + i) % 3], (first + i) % 3 == 0 ? "id1" : (first + i) % 3 == 2 ? "k" : NULL);
		expect(&certs, true, note, &made[0], NULL);
	}
	for (int i = 0; i < 3; i++)
		j11_buf_done(&made[i]);
}

static void an_issuer_must_have_signed_and_be_allowed_to(void **state)
{
	static const char alone[] = "its issuer is not among the certificates on the token";
	EVP_PKEY *weak = EVP_RSA_gen(1024);
	struct jwk11_buf false_inner, no_ca, no_sign, weak_ca, by_weak;
	struct jwk11_certs certs = { 0 };

	(void)state;
	make(&false_inner, (struct certs_spec){ .subject = "inner", .issuer = "root", .key = w.other, .signer = w.root, .ca = true });
	make(&no_ca, (struct certs_spec){ .subject = "inner", .issuer = "root", .key = w.inner, .signer = w.root });
	make(&no_sign, (struct certs_spec){ .subject = "inner", .issuer = "root", .key = w.inner, .signer = w.root, .ca = true, .no_cert_sign = true });
	make(&weak_ca, (struct certs_spec){ .subject = "weak", .key = weak, .ca = true });
	make(&by_weak, (struct certs_spec){ .subject = "leaf", .issuer = "weak", .key = w.leaf, .signer = weak });
	add(&certs, &w.leaf_der, NULL);
	add(&certs, &false_inner, NULL);
	add(&certs, &no_ca, NULL);
	add(&certs, &no_sign, NULL);
	expect(&certs, false, alone, &w.leaf_der, NULL);
	add(&certs, &by_weak, NULL);
	add(&certs, &weak_ca, NULL);
	expect(&certs, false, alone, &by_weak, NULL);
	add(&certs, &false_inner, NULL);
	add(&certs, &w.inner_der, NULL);
	add(&certs, &w.leaf_der, NULL);
	expect(&certs, false, "a further issuer is not among the certificates on the token", &w.leaf_der, &w.inner_der);
	j11_buf_done(&false_inner);
	j11_buf_done(&no_ca);
	j11_buf_done(&no_sign);
	j11_buf_done(&weak_ca);
	j11_buf_done(&by_weak);
	EVP_PKEY_free(weak);
}

/* Two CAs that certified each other, and the first of them also by itself. */
static void circles_end(void **state)
{
	struct jwk11_buf a_by_b, b_by_a, a_by_a, leaf;
	struct jwk11_certs certs = { 0 };
	struct jwk11_chain *chain;

	(void)state;
	make(&a_by_b, (struct certs_spec){ .subject = "a", .issuer = "b", .key = w.inner, .signer = w.root, .ca = true });
	make(&b_by_a, (struct certs_spec){ .subject = "b", .issuer = "a", .key = w.root, .signer = w.inner, .ca = true });
	make(&a_by_a, (struct certs_spec){ .subject = "a", .key = w.inner, .ca = true });
	make(&leaf, (struct certs_spec){ .subject = "leaf", .issuer = "a", .key = w.leaf, .signer = w.inner });
	add(&certs, &a_by_b, NULL);
	add(&certs, &b_by_a, NULL);
	add(&certs, &leaf, NULL);
	chain = chain_of(&certs);
	assert_int_equal(jwk11_chain_count(chain), 3);
	assert_false(jwk11_chain_is_complete(chain));
	jwk11_chain_free(chain);
	add(&certs, &a_by_a, NULL);
	expect(&certs, true, "", &leaf, NULL);
	j11_buf_done(&a_by_b);
	j11_buf_done(&b_by_a);
	j11_buf_done(&a_by_a);
	j11_buf_done(&leaf);
}

static void a_long_chain_is_cut(void **state)
{
	EVP_PKEY *keys[12] = { w.leaf };
	struct jwk11_certs certs = { 0 };
	struct jwk11_chain *chain;
	char names[13][8];

	(void)state;
	for (unsigned i = 0; i < 13; i++)
		snprintf(names[i], sizeof(names[i]), "n%u", i);
	for (unsigned i = 1; i < 12; i++)
		keys[i] = certs_key();
	for (unsigned i = 0; i < 11; i++) {
		struct jwk11_buf der;

		make(&der, (struct certs_spec){ .subject = names[i], .issuer = names[i + 1], .key = keys[i], .signer = keys[i + 1], .ca = i > 0 });
		add(&certs, &der, NULL);
		j11_buf_done(&der);
	}
	chain = chain_of(&certs);
	assert_int_equal(jwk11_chain_count(chain), J11_CHAIN_MAX);
	assert_false(jwk11_chain_is_complete(chain));
	assert_string_equal(jwk11_chain_note(chain), "its chain is cut: it is too long");
	jwk11_chain_free(chain);
	j11_certs_done(&certs);
	for (unsigned i = 1; i < 12; i++)
		EVP_PKEY_free(keys[i]);
}

static void a_certificate_is_whole_or_nothing(void **state)
{
	struct jwk11_view der = j11_buf_view(&w.leaf_der);
	struct j11_cert *cert = NULL;
	struct jwk11_err err = { 0 };
	struct jwk11_buf big = J11_BUF(65536);

	(void)state;
	for (size_t len = 0; len < der.len; len++)
		assert_int_equal(j11_cert_new((struct jwk11_view){ der.data, len }, none, none, &cert, NULL), JWK11_ERR_SYNTAX);
	j11_buf_add(&big, der.data, der.len);
	j11_buf_add_byte(&big, 0);
	assert_int_equal(j11_cert_new(j11_buf_view(&big), none, none, &cert, &err), JWK11_ERR_SYNTAX);
	assert_string_equal(err.code, "CERT_INVALID");
	assert_non_null(j11_buf_grow(&big, J11_CERT_LEN_MAX));
	assert_int_equal(j11_cert_new(j11_buf_view(&big), none, none, &cert, NULL), JWK11_ERR_LIMIT);
	assert_null(cert);
	assert_int_equal(ERR_peek_error(), 0);
	assert_int_equal(j11_cert_new(der, J11_VIEW("i"), J11_VIEW("l"), &cert, NULL), JWK11_OK);
	assert_int_equal(cert->not_before, CERTS_NOW - CERTS_DAY);
	assert_int_equal(cert->not_after, CERTS_NOW + CERTS_DAY);
	assert_true(j11_cert_is_valid_at(cert, cert->not_before) && j11_cert_is_valid_at(cert, cert->not_after));
	assert_false(j11_cert_is_valid_at(cert, cert->not_before - 1) || j11_cert_is_valid_at(cert, cert->not_after + 1));
	assert_true(j11_view_equals(cert->id, "i") && j11_view_equals(cert->label, "l"));
	j11_cert_free(cert);
	j11_buf_done(&big);
}

static struct jwk11_chain *world_chain(void)
{
	struct jwk11_certs certs = { 0 };
	struct jwk11_chain *chain;

	add(&certs, &w.leaf_der, NULL);
	add(&certs, &w.inner_der, NULL);
	add(&certs, &w.root_der, NULL);
	chain = chain_of(&certs);
	j11_certs_done(&certs);
	return chain;
}

static void a_jwk_carries_the_chain(void **state)
{
	struct jwk11_chain *chain = world_chain();
	struct jwk11_buf text = J11_BUF(65536), pem = J11_BUF(65536);
	struct j11_json_doc *doc = NULL;
	struct jwk11_certs certs = { 0 };
	struct jwk11_pub *again = NULL, *stranger = certs_pub(w.other);
	struct jwk11_err err = { 0 };
	const struct j11_json *x5c;

	(void)state;
	assert_int_equal(jwk11_pub_jwk_x5c(w.pub, NULL, NULL, chain, &text, &err), JWK11_OK);
	assert_int_equal(jwk11_pub_from_jwk(j11_buf_view(&text), &again, &err), JWK11_OK);
	assert_true(j11_pub_equal(again, w.pub));
	assert_int_equal(j11_json_read(j11_buf_view(&text), NULL, "JWK", &doc, NULL), JWK11_OK);
	assert_int_equal(j11_json_root(doc)->n_children, 9); /* kty use alg kid crv x y x5c x5t#S256 */
	assert_true(j11_view_equals(vector_text(j11_json_root(doc), "x5t#S256"), jwk11_chain_thumbprint(chain)));
	assert_int_equal(strlen(jwk11_chain_thumbprint(chain)), JWK11_THUMBPRINT_LEN);
	x5c = j11_json_get(j11_json_root(doc), "x5c");
	assert_int_equal(j11_x5c_read(x5c, &certs, &err), JWK11_OK);
	assert_int_equal(certs.n, 2);
	assert_int_equal(j11_x5c_check(&certs, w.pub, &err), JWK11_OK);
	assert_int_equal(j11_x5c_check(&certs, stranger, &err), JWK11_ERR_SYNTAX);
	assert_string_equal(err.code, "CERT_INVALID");
	assert_int_equal(jwk11_pub_jwk_x5c(stranger, NULL, NULL, chain, &text, NULL), JWK11_ERR_MISMATCH);
	jwk11_buf_reset(&text);
	assert_int_equal(jwk11_pub_jwk_x5c(w.pub, NULL, "", NULL, &text, NULL), JWK11_OK);
	assert_null(strstr(text.data, "\"x5"));
	assert_null(strstr(text.data, "\"kid\""));
	assert_int_equal(jwk11_chain_pem(chain, 1, &pem, NULL), JWK11_OK);
	assert_true(strncmp(pem.data, "-----BEGIN CERTIFICATE-----\n", 28) == 0 && strstr(pem.data + 28, "BEGIN") == NULL);
	assert_int_equal(jwk11_chain_pem(chain, 3, &pem, NULL), JWK11_ERR_ARGUMENT);
	j11_certs_done(&certs);
	j11_json_free(doc);
	jwk11_pub_unref(again);
	jwk11_pub_unref(stranger);
	jwk11_chain_free(chain);
	j11_buf_done(&text);
	j11_buf_done(&pem);
}

/* The two certificates as text with a change, as one "x5c" value. */
static enum jwk11_rc read_text(const char *text, struct jwk11_certs *certs, struct jwk11_err *err)
{
	J11_AUTO(j11_json_free_auto) struct j11_json_doc *doc = NULL;

	assert_int_equal(j11_json_read(j11_view_str(text), NULL, "x5c", &doc, NULL), JWK11_OK);
	return j11_x5c_read(j11_json_root(doc), certs, err);
}

static void b64(const struct jwk11_buf *der, struct jwk11_buf *out)
{
	*out = J11_BUF(65536);
	j11_b64_add(out, j11_buf_view(der), 0);
}

static void refuses_x5c_as_people_get_it_wrong(void **state)
{
	struct jwk11_buf leaf, inner, text = J11_BUF(65536);
	struct jwk11_certs certs = { 0 };
	struct jwk11_err err;
	struct {
		const char *format, *code, *text;
		int cut; /* characters of the leaf left out at its end */
	} rows[] = {
		{ "[]", "JWK_INVALID", "\"x5c\" is not an array of certificates", 0 },
		{ "{}", "JWK_INVALID", "\"x5c\" is not an array of certificates", 0 },
		{ "[1]", "JWK_INVALID", "certificate 1: \"x5c\" holds something else than strings", 0 },
		{ "[\"%.*s\",1]", "JWK_INVALID", "certificate 2: \"x5c\" holds something else than strings", 0 },
		{ "[\"-----BEGIN CERTIFICATE-----%.*s\"]", "JWK_INVALID", "certificate 1: \"x5c\" holds PEM; it takes the base64 of the DER alone", 0 },
		{ "[\"%.*s\\n\"]", "JWK_INVALID", "certificate 1: \"x5c\" holds line breaks", 0 },
		{ "[\"_%.*s\"]", "BASE64_INVALID", NULL, 1 },
		{ "[\"%.*s\"]", "BASE64_INVALID", NULL, 1 },
		{ "[\"%.*s\"]", "CERT_INVALID", "certificate 1: certificate: not one X.509 certificate in DER", 4 },
		{ "[\"\"]", "CERT_INVALID", "certificate 1: certificate: not one X.509 certificate in DER", 0 },
		{ "[\"\",\"\",\"\",\"\",\"\",\"\",\"\",\"\",\"\"]", "LIMIT", "\"x5c\" holds more than 8 certificates", 0 },
	};

	(void)state;
	b64(&w.leaf_der, &leaf);
	b64(&w.inner_der, &inner);
	for (size_t i = 0; i < J11_COUNT(rows); i++) {
		err = (struct jwk11_err){ 0 };
		jwk11_buf_reset(&text);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		j11_buf_add_fmt(&text, rows[i].format, (int)leaf.len - rows[i].cut, leaf.data);
#pragma GCC diagnostic pop
		assert_true(read_text(text.data, &certs, &err) != JWK11_OK);
		assert_string_equal(err.code, rows[i].code);
		if (rows[i].text != NULL)
			assert_string_equal(err.text, rows[i].text);
		assert_int_equal(certs.n, 0);
	}
	err = (struct jwk11_err){ 0 };
	jwk11_buf_reset(&text);
	j11_buf_add_fmt(&text, "[\"%s\",\"%s\",\"%s\"]", leaf.data, inner.data, leaf.data);
	assert_int_equal(read_text(text.data, &certs, &err), JWK11_OK);
	assert_int_equal(j11_x5c_check(&certs, w.pub, &err), JWK11_ERR_SYNTAX);
	assert_string_equal(err.text, "certificate 3 of \"x5c\" does not certify the one before it");
	j11_certs_done(&certs);
	j11_buf_done(&leaf);
	j11_buf_done(&inner);
	j11_buf_done(&text);
}

static enum jwk11_rc whole_way(void *arg)
{
	struct jwk11_certs certs = { 0 };
	struct jwk11_chain *chain = NULL;
	struct jwk11_buf text = J11_BUF(65536);
	enum jwk11_rc rc = j11_certs_add(&certs, j11_buf_view(&w.leaf_der), none, none, NULL);

	(void)arg;
	if (rc == JWK11_OK)
		rc = j11_certs_add(&certs, j11_buf_view(&w.inner_der), none, none, NULL);
	if (rc == JWK11_OK)
		rc = build(&certs, &chain, NULL);
	if (rc == JWK11_OK)
		rc = jwk11_pub_jwk_x5c(w.pub, NULL, NULL, chain, &text, NULL);
	jwk11_chain_free(chain);
	j11_certs_done(&certs);
	j11_buf_done(&text);
	return rc;
}

static void survives_each_failing_allocation(void **state)
{
	(void)state;
	each_allocation_fails(whole_way, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_the_chain_in_whatever_order),
		cmocka_unit_test(ends_where_an_issuer_is_missing),
		cmocka_unit_test(keeps_a_leaf_that_signed_itself),
		cmocka_unit_test(a_foreign_certificate_is_never_the_leaf),
		cmocka_unit_test(times_are_told_and_refuse_nothing),
		cmocka_unit_test(of_several_leaves_the_newest_valid_one_is_taken),
		cmocka_unit_test(an_issuer_must_have_signed_and_be_allowed_to),
		cmocka_unit_test(circles_end),
		cmocka_unit_test(a_long_chain_is_cut),
		cmocka_unit_test(a_certificate_is_whole_or_nothing),
		cmocka_unit_test(a_jwk_carries_the_chain),
		cmocka_unit_test(refuses_x5c_as_people_get_it_wrong),
		cmocka_unit_test(survives_each_failing_allocation),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
