/* SPDX-License-Identifier: Apache-2.0 */
/* jose/dn, jose/names, jose/csr_text, jose/csr: what may stand in a request, and that libcrypto reads in it what was asked for. */
#include "certs.h"

#include <openssl/err.h>

#include "base/text.h"
#include "jose/csr.h"
#include "jose/csr_text.h"
#include "jose/der.h"
#include "json/json_write.h"

/* ---- distinguished names ---- */

static struct j11_dn dn;

static void subjects_are_read_as_rfc_4514_writes_them(void **state)
{
	static const struct {
		const char *text;
		size_t n;
		const char *oid, *value; /* of the first */
	} good[] = {
		{ "", 0, NULL, NULL },
		{ "CN=device-7", 1, "2.5.4.3", "device-7" },
		{ "cn=device-7,O=Example", 2, "2.5.4.3", "device-7" },
		{ "CN=a\\, b\\+c\\=d\\\\,DC=org", 2, "2.5.4.3", "a, b+c=d\\" },
		{ "CN=\\ blank\\ ", 1, "2.5.4.3", " blank " },
		{ "CN=\\#1", 1, "2.5.4.3", "#1" },
		{ "CN=a#1=b", 1, "2.5.4.3", "a#1=b" },
		{ "CN=Lu\\C4\\8Di\\C4\\87", 1, "2.5.4.3", "Lu\xc4\x8di\xc4\x87" },
		{ "OU=Sales+CN=J.  Smith,DC=example,DC=net", 4, "2.5.4.11", "Sales" },
		{ "1.3.6.1.4.1.1466.0=#13024869", 1, "1.3.6.1.4.1.1466.0", "Hi" },
		{ "2.5.4.3=x", 1, "2.5.4.3", "x" },
		{ "serialNumber=42,emailAddress=a@example.org", 2, "2.5.4.5", "42" },
		{ "2.999.1=x", 1, "2.999.1", "x" },
	};

	(void)state;
	for (size_t i = 0; i < J11_COUNT(good); i++) {
		struct jwk11_err err = { 0 };

		if (j11_dn_parse(j11_view_str(good[i].text), &dn, &err) != JWK11_OK)
			fail_msg("%s: %s", good[i].text, err.text);
		assert_int_equal(dn.n, good[i].n);
		if (dn.n > 0) {
			assert_string_equal(dn.attribute[0].oid, good[i].oid);
			assert_true(j11_view_equals(dn.attribute[0].value, good[i].value));
		}
	}
	assert_int_equal(j11_dn_parse(J11_VIEW("OU=Sales+CN=J.,DC=net"), &dn, NULL), JWK11_OK);
	assert_true(!dn.attribute[0].joins && dn.attribute[1].joins && !dn.attribute[2].joins);
}

static void subjects_that_are_none_are_refused_at_their_place(void **state)
{
	static const struct {
		const char *text, *why;
	} bad[] = {
		{ "device-7", "an attribute type and \"=\" are missing at octet 0" },
		{ "CN=a,", "an attribute type and \"=\" are missing at octet 5" },
		{ "CN=a,,O=b", "an attribute type must begin with a letter or a digit at octet 5" },
		{ "CN=a, O=b", "a blank stands before an attribute type at octet 5" },
		{ "CN=", "an attribute without a value at octet 3" },
		{ "CN=,O=b", "an attribute without a value at octet 3" },
		{ "CN= a", "a blank that begins a value must be escaped at octet 3" },
		{ "CN=a ", "a blank that ends a value must be escaped at octet 5" },
		{ "CN=a;O=b", "a character that must be escaped with a backslash at octet 4" },
		{ "CN=\"a\"", "a character that must be escaped with a backslash at octet 3" },
		{ "CN=a\\", "a backslash before what needs none, or before nothing at octet 4" },
		{ "CN=a\\z", "a backslash before what needs none, or before nothing at octet 4" },
		{ "CN=a\\4", "a backslash before what needs none, or before nothing at octet 4" },
		{ "CN=\\FF", "a value that is not UTF-8, or holds NUL, at octet 6" },
		{ "CN=a\\00b", "a value that is not UTF-8, or holds NUL, at octet 8" },
		{ "CM=a", "an unknown attribute type at octet 0" },
		{ "2.05=a", "an object identifier is malformed at octet 0" },
		{ "1.40=a", "an object identifier is malformed at octet 0" },
		{ "3.1=a", "an object identifier is malformed at octet 0" },
		{ "CN=#1302486", "after \"#\" an even number of hexadecimal digits is needed at octet 10" },
		{ "CN=#130248", "a #hexstring that is not the DER of one string with something in it at octet 3" },
		{ "CN=#1300", "a #hexstring that is not the DER of one string with something in it at octet 3" },
		{ "CN=#1301FF", "a #hexstring that is not the DER of one string with something in it at octet 3" },
		{ "CN=#0201FF", "a #hexstring that is not the DER of one string with something in it at octet 3" },
	};
	char many[J11_DN_MAX + 2];

	(void)state;
	for (size_t i = 0; i < J11_COUNT(bad); i++) {
		struct jwk11_err err = { 0 };

		assert_int_equal(j11_dn_parse(j11_view_str(bad[i].text), &dn, &err), JWK11_ERR_SYNTAX);
		assert_string_equal(err.code, "SUBJECT_INVALID");
		assert_string_equal(err.text + strlen("subject: "), bad[i].why);
	}
	memset(many, 'a', sizeof(many));
	memcpy(many, "CN=", 3);
	assert_int_equal(j11_dn_parse((struct jwk11_view){ many, J11_DN_MAX }, &dn, NULL), JWK11_OK);
	assert_int_equal(j11_dn_parse((struct jwk11_view){ many, J11_DN_MAX + 1 }, &dn, NULL), JWK11_ERR_LIMIT);
	for (size_t i = 0; i <= J11_DN_ATTRIBUTES_MAX; i++)
		memcpy(many + 5 * i, "OU=x,", 5);
	assert_int_equal(j11_dn_parse((struct jwk11_view){ many, 5 * J11_DN_ATTRIBUTES_MAX - 1 }, &dn, NULL), JWK11_OK);
	assert_int_equal(j11_dn_parse((struct jwk11_view){ many, 5 * J11_DN_ATTRIBUTES_MAX + 4 }, &dn, NULL), JWK11_ERR_LIMIT);
}

/* ---- names ---- */

static void alternative_names_are_checked(void **state)
{
	static const struct {
		enum j11_name_kind kind;
		const char *good, *bad;
	} cases[] = {
		{ J11_NAME_DNS, "device-7.example.org", "device_7.example.org" }, { J11_NAME_DNS, "*.example.org", "a.*.example.org" },
		{ J11_NAME_DNS, "xn--bcher-kva.example", "b\xc3\xbc" "cher.example" }, { J11_NAME_DNS, "localhost", "-x" }, { J11_NAME_DNS, "a", "" },
		{ J11_NAME_DNS, "1.example", "example.org." }, { J11_NAME_IP, "192.0.2.7", "192.0.2" }, { J11_NAME_IP, "2001:db8::7", "2001:db8::7/64" },
		{ J11_NAME_IP, "::ffff:192.0.2.1", "192.0.2.256" }, { J11_NAME_URI, "spiffe://example.org/x", "//example.org" },
		{ J11_NAME_URI, "urn:uuid:f81d4fae", "urn:" }, { J11_NAME_URI, "https://e.org/%C3%A4", "https://e.org/\xc3\xa4" },
		{ J11_NAME_URI, "a:%20", "a:%2" }, { J11_NAME_EMAIL, "a.b+c@example.org", "a@b@example.org" }, { J11_NAME_EMAIL, "a@b", "a.@b" },
		{ J11_NAME_UPN, "lu\xc4\x8di@EXAMPLE.ORG", "nobody" }, { J11_NAME_UPN, "a@b", "a@b\n" },
		{ J11_NAME_HARDWARE, "1.3.6.1.4.1.99:SN-7", "SN-7" }, { J11_NAME_HARDWARE, "1.2:#00ff", "1.2:#00f" }, { J11_NAME_HARDWARE, "1.2:x", "1.2:" },
		{ J11_NAME_PERMANENT, "1.2:x", "1.2:" }, { J11_NAME_PERMANENT, "anything: goes", "" }, { J11_NAME_PERMANENT, ":1.2:x", ":" },
	};
	struct j11_name name;

	(void)state;
	for (size_t i = 0; i < J11_COUNT(cases); i++) {
		struct jwk11_err err = { 0 };

		if (j11_name_parse(cases[i].kind, j11_view_str(cases[i].good), &name, &err) != JWK11_OK)
			fail_msg("%s: %s", cases[i].good, err.text);
		if (j11_name_parse(cases[i].kind, j11_view_str(cases[i].bad), &name, &err) != JWK11_ERR_SYNTAX)
			fail_msg("%s was taken", cases[i].bad);
		assert_string_equal(err.code, "NAME_INVALID");
	}
	assert_int_equal(j11_name_parse(J11_NAME_HARDWARE, J11_VIEW("1.2:#00ff"), &name, NULL), JWK11_OK);
	assert_int_equal(name.n_octets, 2);
	assert_string_equal(name.oid, "1.2");
	assert_int_equal(j11_name_parse(J11_NAME_PERMANENT, J11_VIEW(":1.2:x"), &name, NULL), JWK11_OK);
	assert_true(name.oid[0] == '\0' && j11_view_equals(name.text, "1.2:x"));
}

/* ---- requests ---- */

struct soft {
	EVP_PKEY *key;
	const struct j11_alg *alg;
	bool spoils;
};

/* What a token does, in JOSE form. */
static enum jwk11_rc soft_sign(void *arg, struct jwk11_view input, struct jwk11_buf *ret_sig, struct jwk11_err *err)
{
	struct soft *s = arg;
	unsigned char sig[1024], raw[132];
	size_t len = sizeof(sig), coord = (size_t)(EVP_PKEY_get_bits(s->key) + 7) / 8;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY_CTX *pctx = NULL;

	(void)err;
	assert_int_equal(EVP_DigestSignInit_ex(ctx, &pctx, s->alg->hash ? j11_hash_name(s->alg->hash) : NULL, NULL, NULL, s->key, NULL), 1);
	if (s->alg->scheme == J11_SCHEME_PSS) {
		EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_PSS_PADDING);
		EVP_PKEY_CTX_set_rsa_pss_saltlen(pctx, RSA_PSS_SALTLEN_DIGEST);
	}
	assert_int_equal(EVP_DigestSign(ctx, sig, &len, input.data, input.len), 1);
	EVP_MD_CTX_free(ctx);
	if (s->alg->scheme == J11_SCHEME_ECDSA) {
		assert_true(j11_der_to_raw((struct jwk11_view){ sig, len }, coord, raw));
		memcpy(sig, raw, len = 2 * coord);
	}
	sig[len / 2] ^= s->spoils ? 1 : 0;
	j11_buf_add(ret_sig, sig, len);
	return ret_sig->failed;
}

static const char *const dns[] = { "device-7.example.org", "*.d.example.org", NULL }, *const ip[] = { "192.0.2.7", "2001:db8::7", NULL },
	*const uri[] = { "urn:uuid:7", NULL }, *const email[] = { "a@example.org", NULL }, *const upn[] = { "a@EXAMPLE.ORG", NULL },
	*const hardware[] = { "1.3.6.1.4.1.99:SN-7", NULL }, *const permanent[] = { "1.3.6.1.4.1.99:id-7", NULL },
	*const usage[] = { "digitalSignature", "keyAgreement", NULL }, *const eku[] = { "clientAuth", "1.3.6.1.4.1.99.1", NULL };
static const struct jwk11_csr full = { .subject = "CN=device-7+serialNumber=42,OU=a\\,b,O=Example,C=AT", .dns = dns, .ip = ip, .uri = uri, .email = email,
	.upn = upn, .hardware_module = hardware, .permanent_identifier = permanent, .key_usage = usage, .eku = eku, .ca = JWK11_CSR_CA_NO,
	.challenge_password = { "s3cret_x", 8 } };

static const struct {
	const char *alg, *type, *group;
} kinds[] = {
	{ "RS256", "RSA", NULL }, { "RS384", "RSA", NULL }, { "RS512", "RSA", NULL }, { "PS256", "RSA", NULL }, { "PS384", "RSA", NULL }, { "PS512", "RSA", NULL },
	{ "ES256", "EC", "P-256" }, { "ES384", "EC", "P-384" }, { "ES512", "EC", "P-521" }, { "EdDSA", "ED25519", NULL }, { "Ed25519", "ED25519", NULL },
	{ "Ed448", "ED448", NULL }, { "ES256K", "EC", "secp256k1" },
};

static EVP_PKEY *make_key(size_t kind)
{
	EVP_PKEY *key = kinds[kind].group ? EVP_EC_gen(kinds[kind].group) : strcmp(kinds[kind].type, "RSA") == 0 ? EVP_RSA_gen(2048u) :
		EVP_PKEY_Q_keygen(NULL, NULL, kinds[kind].type);

	assert_non_null(key);
	return key;
}

static enum jwk11_rc make(struct soft *s, const struct jwk11_csr *csr, struct jwk11_buf *out, struct jwk11_err *err)
{
	struct jwk11_pub *pub = certs_pub(s->key);
	enum jwk11_rc rc = j11_csr_make(pub, s->alg, csr, &(struct j11_csr_signer){ soft_sign, s }, out, err);

	jwk11_pub_unref(pub);
	return rc;
}

static X509_REQ *read_request(const struct jwk11_buf *der)
{
	const unsigned char *p = (const unsigned char *)der->data;
	X509_REQ *req = d2i_X509_REQ(NULL, &p, (long)der->len);

	assert_non_null(req);
	assert_ptr_equal(p, der->data + der->len);
	return req;
}

static void every_algorithm_signs_a_request_that_libcrypto_verifies(void **state)
{
	(void)state;
	for (size_t i = 0; i < J11_COUNT(kinds); i++) {
		struct soft s = { make_key(i), j11_alg_find_str(kinds[i].alg), false };
		struct jwk11_buf der = J11_BUF(J11_CSR_DER_MAX);
		struct jwk11_err err = { 0 };
		X509_REQ *req;

		if (make(&s, &full, &der, &err) != JWK11_OK)
			fail_msg("%s: %s", kinds[i].alg, err.text);
		req = read_request(&der);
		assert_int_equal(X509_REQ_verify(req, s.key), 1);
		assert_int_equal(EVP_PKEY_eq(X509_REQ_get0_pubkey(req), s.key), 1);
		assert_int_equal(j11_csr_check(j11_buf_view(&der), NULL), JWK11_OK);
		der.data[der.len - 1] ^= 1;
		assert_int_equal(j11_csr_check(j11_buf_view(&der), NULL), JWK11_ERR_SIGNATURE);
		assert_int_equal(j11_csr_check((struct jwk11_view){ der.data, der.len - 1 }, NULL), JWK11_ERR_SYNTAX);
		X509_REQ_free(req);
		EVP_PKEY_free(s.key);
		j11_buf_done(&der);
	}
}

static void a_request_holds_what_was_asked_for(void **state)
{
	struct soft s = { make_key(6), j11_alg_find_str("ES256"), false };
	struct jwk11_buf der = J11_BUF(J11_CSR_DER_MAX);
	char text[256];
	STACK_OF(X509_EXTENSION) *extensions;
	GENERAL_NAMES *names;
	ASN1_BIT_STRING *bits;
	X509_ATTRIBUTE *challenge;
	X509_REQ *req;
	BIO *bio = BIO_new(BIO_s_mem());
	int critical = 0, at;

	(void)state;
	assert_int_equal(make(&s, &full, &der, NULL), JWK11_OK);
	req = read_request(&der);
	X509_NAME_print_ex(bio, X509_REQ_get_subject_name(req), 0, XN_FLAG_RFC2253);
	text[BIO_read(bio, text, sizeof(text) - 1)] = '\0';
	assert_string_equal(text, "CN=device-7+serialNumber=42,OU=a\\,b,O=Example,C=AT");
	extensions = X509_REQ_get_extensions(req);
	assert_int_equal(sk_X509_EXTENSION_num(extensions), 4);
	names = X509V3_get_d2i(extensions, NID_subject_alt_name, &critical, NULL);
	assert_int_equal(sk_GENERAL_NAME_num(names), 9);
	assert_int_equal(critical, 0);
	bits = X509V3_get_d2i(extensions, NID_key_usage, &critical, NULL);
	assert_true(critical == 1 && ASN1_BIT_STRING_get_bit(bits, 0) && ASN1_BIT_STRING_get_bit(bits, 4) && !ASN1_BIT_STRING_get_bit(bits, 2));
	at = X509_REQ_get_attr_by_NID(req, NID_pkcs9_challengePassword, -1);
	assert_true(at >= 0);
	challenge = X509_REQ_get_attr(req, at);
	assert_int_equal(X509_ATTRIBUTE_get0_type(challenge, 0)->type, V_ASN1_UTF8STRING);
	GENERAL_NAMES_free(names);
	ASN1_BIT_STRING_free(bits);
	sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
	X509_REQ_free(req);
	BIO_free(bio);
	EVP_PKEY_free(s.key);
	j11_buf_done(&der);
}

static void names_alone_make_a_critical_extension(void **state)
{
	struct soft s = { make_key(6), j11_alg_find_str("ES256"), false };
	struct jwk11_csr csr = { .dns = dns };
	struct jwk11_buf der = J11_BUF(J11_CSR_DER_MAX);
	STACK_OF(X509_EXTENSION) *extensions;
	GENERAL_NAMES *names;
	X509_REQ *req;
	int critical = 0;

	(void)state;
	assert_int_equal(make(&s, &csr, &der, NULL), JWK11_OK);
	req = read_request(&der);
	extensions = X509_REQ_get_extensions(req);
	names = X509V3_get_d2i(extensions, NID_subject_alt_name, &critical, NULL);
	assert_int_equal(critical, 1);
	GENERAL_NAMES_free(names);
	sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
	X509_REQ_free(req);
	EVP_PKEY_free(s.key);
	j11_buf_done(&der);
}

static void requests_that_cannot_be_made_say_why(void **state)
{
	static const char *many[J11_CSR_NAMES_MAX + 2], *const no_ip[] = { "192.0.2", NULL }, *const no_usage[] = { "digitalsignature", NULL },
		*const no_eku[] = { "clientauth", NULL };
	static char long_challenge[J11_CSR_CHALLENGE_MAX + 1], long_name[80] = "CN=";
	const struct {
		struct jwk11_csr csr;
		const char *alg, *code, *text;
	} cases[] = {
		{ { .subject = "" }, "ES256", "SUBJECT_MISSING", "a request needs a subject or an alternative name" },
		{ { .subject = "CN" }, "ES256", "SUBJECT_INVALID", "subject: an attribute type and \"=\" are missing at octet 0" },
		{ { .subject = "C=Austria" }, "ES256", "SUBJECT_INVALID", "subject: the value of C does not fit: string too long" },
		{ { .subject = long_name }, "ES256", "SUBJECT_INVALID", "subject: the value of CN does not fit: string too long" },
		{ { .subject = "emailAddress=\xc3\xa4@b" }, "ES256", "SUBJECT_INVALID", "subject: the value of emailAddress does not fit: illegal characters" },
		{ { .subject = "CN=a", .ip = no_ip }, "ES256", "NAME_INVALID", "ip \"192.0.2\": not an IPv4 or IPv6 address" },
		{ { .subject = "CN=a", .dns = many }, "ES256", "LIMIT", "more than 64 alternative names" },
		{ { .subject = "CN=a", .key_usage = no_usage }, "ES256", "USAGE_UNKNOWN", "unknown key usage \"digitalsignature\". Did you mean digitalSignature?" },
		{ { .subject = "CN=a", .eku = no_eku }, "ES256", "USAGE_UNKNOWN", "unknown extended key usage \"clientauth\". Did you mean clientAuth?" },
		{ { .subject = "CN=a" }, "ES384", "ALG_MISMATCH", "algorithm ES384 does not fit a P-256 key" },
		{ { .subject = "CN=a", .challenge_password = { "", 0 } }, "ES256", "CHALLENGE_INVALID", "a challenge password is UTF-8 text of 1 to 255 octets" },
		{ { .subject = "CN=a", .challenge_password = { long_challenge, sizeof(long_challenge) } }, "ES256", "CHALLENGE_INVALID", "a challenge password is UTF-8 text of 1 to 255 octets" },
		{ { .subject = "CN=a", .challenge_password = { "a\nb", 3 } }, "ES256", "CHALLENGE_INVALID", "a challenge password holds no control characters, nor line ends" },
	};
	struct soft s = { make_key(6), NULL, false };
	struct jwk11_buf der = J11_BUF(J11_CSR_DER_MAX);

	(void)state;
	for (size_t i = 0; i <= J11_CSR_NAMES_MAX; i++)
		many[i] = "a.example";
	memset(long_challenge, 'a', sizeof(long_challenge));
	memset(long_name + 3, 'a', 65);
	for (size_t i = 0; i < J11_COUNT(cases); i++) {
		struct jwk11_err err = { 0 };

		s.alg = j11_alg_find_str(cases[i].alg);
		assert_int_not_equal(make(&s, &cases[i].csr, &der, &err), JWK11_OK);
		assert_string_equal(err.code, cases[i].code);
		assert_string_equal(err.text, cases[i].text);
		assert_int_equal(der.len, 0);
	}
	s.alg = j11_alg_find_str("ES256");
	many[J11_CSR_NAMES_MAX] = NULL;
	assert_int_equal(make(&s, &(struct jwk11_csr){ .dns = many }, &der, NULL), JWK11_OK);
	EVP_PKEY_free(s.key);
	j11_buf_done(&der);
}

static void a_signature_that_does_not_verify_stays_here(void **state)
{
	struct jwk11_err err = { 0 };
	struct soft s = { make_key(9), j11_alg_find_str("EdDSA"), true };
	struct jwk11_buf der = J11_BUF(J11_CSR_DER_MAX);

	(void)state;
	assert_int_equal(make(&s, &full, &der, &err), JWK11_ERR_SIGNATURE);
	assert_string_equal(err.code, "SIGNATURE_WITHHELD");
	assert_int_equal(der.len, 0);
	EVP_PKEY_free(s.key);
	j11_buf_done(&der);
}

/* A signature that somebody else has made. */
static enum jwk11_rc given(void *arg, struct jwk11_view input, struct jwk11_buf *ret_sig, struct jwk11_err *err)
{
	const struct jwk11_view *sig = arg;

	(void)input;
	(void)err;
	j11_buf_add(ret_sig, sig->data, sig->len);
	return ret_sig->failed;
}

static void an_ml_dsa_request_is_octet_for_octet_what_another_library_makes(void **state)
{
	struct vector v;

	(void)state;
	vector_load(&v, "akp-requests.json");
	for (const struct j11_json *one = j11_json_get(v.root, "requests")->child; one != NULL; one = one->next) {
		struct jwk11_buf theirs = J11_BUF(J11_CSR_DER_MAX), ours = J11_BUF(J11_CSR_DER_MAX);
		struct jwk11_pub *pub = NULL;
		unsigned char *spki = NULL;
		const ASN1_BIT_STRING *bits = NULL;
		struct jwk11_view sig;
		X509_REQ *req;
		int len;

		assert_int_equal(j11_b64_decode(vector_text(one, "csr"), "csr", &theirs, NULL), JWK11_OK);
		assert_int_equal(j11_csr_check(j11_buf_view(&theirs), NULL), JWK11_OK);
		req = read_request(&theirs);
		len = i2d_X509_PUBKEY(X509_REQ_get_X509_PUBKEY(req), &spki);
		assert_int_equal(j11_pub_from_spki((struct jwk11_view){ spki, (size_t)len }, &pub, NULL), JWK11_OK);
		X509_REQ_get0_signature(req, &bits, NULL);
		sig = (struct jwk11_view){ .data = bits->data, .len = (size_t)bits->length };
		assert_int_equal(j11_csr_make(pub, pub->alg, &(struct jwk11_csr){ .subject = "CN=a" }, &(struct j11_csr_signer){ given, &sig }, &ours, NULL), JWK11_OK);
		assert_true(j11_view_equal(j11_buf_view(&ours), j11_buf_view(&theirs)));
		assert_int_equal(j11_csr_make(pub, pub->alg, &(struct jwk11_csr){ .subject = "CN=b" }, &(struct j11_csr_signer){ given, &sig }, &ours, NULL),
			JWK11_ERR_SIGNATURE);
		theirs.data[theirs.len - 1] ^= 1;
		assert_int_equal(j11_csr_check(j11_buf_view(&theirs), NULL), JWK11_ERR_SIGNATURE);
		OPENSSL_free(spki);
		X509_REQ_free(req);
		jwk11_pub_unref(pub);
		j11_buf_done(&theirs);
		j11_buf_done(&ours);
	}
	vector_done(&v);
}

/* ---- certificates ---- */

static enum jwk11_rc make_self(struct soft *s, const struct jwk11_csr *what, const struct j11_self_spec *spec, struct jwk11_buf *out, struct jwk11_err *err)
{
	struct jwk11_pub *pub = certs_pub(s->key);
	enum jwk11_rc rc = j11_self_make(pub, s->alg, what, spec, &(struct j11_csr_signer){ soft_sign, s }, out, err);

	jwk11_pub_unref(pub);
	return rc;
}

static void every_algorithm_signs_a_certificate_for_itself(void **state)
{
	static const unsigned char serials[][J11_SERIAL_LEN] = { { 0xff, 1 }, { 0, 0, 0x80 }, { 0 }, { 0x7f } };
	struct jwk11_csr what = full;

	(void)state;
	what.challenge_password = (struct jwk11_view){ .data = NULL };
	for (size_t i = 0; i < J11_COUNT(kinds); i++) {
		struct soft s = { make_key(i), j11_alg_find_str(kinds[i].alg), false };
		struct j11_self_spec spec = { .not_before = CERTS_NOW, .not_after = i % 2 ? CERTS_NOW + CERTS_DAY : 2600000000 };
		struct jwk11_buf der = J11_BUF(J11_CSR_DER_MAX);
		struct jwk11_err err = { 0 };
		const unsigned char *p;
		X509 *cert;

		memcpy(spec.serial, serials[i % J11_COUNT(serials)], J11_SERIAL_LEN);
		if (make_self(&s, &what, &spec, &der, &err) != JWK11_OK)
			fail_msg("%s: %s", kinds[i].alg, err.text);
		p = (const unsigned char *)der.data;
		cert = d2i_X509(NULL, &p, (long)der.len);
		assert_non_null(cert);
		assert_int_equal(X509_verify(cert, s.key), 1);
		assert_int_equal(X509_get_version(cert), 2);
		assert_int_equal(X509_NAME_cmp(X509_get_subject_name(cert), X509_get_issuer_name(cert)), 0);
		assert_int_equal(X509_get_ext_count(cert), 5);
		assert_int_equal(X509_check_host(cert, "x.d.example.org", 0, 0, NULL), 1);
		assert_int_equal(ASN1_STRING_type(X509_get0_serialNumber(cert)), V_ASN1_INTEGER); /* and not V_ASN1_NEG_INTEGER */
		X509_free(cert);
		EVP_PKEY_free(s.key);
		j11_buf_done(&der);
	}
}

static void certificates_that_cannot_be_made_say_why(void **state)
{
	static const struct j11_self_spec good = { .not_before = 1, .not_after = 2 }, backwards = { .not_before = 2, .not_after = 2 },
		far = { .not_before = 2, .not_after = 253402300800 };
	static const struct {
		struct jwk11_csr what;
		const struct j11_self_spec *spec;
		const char *code;
	} cases[] = {
		{ { .dns = dns }, &good, "SUBJECT_MISSING" }, { { .subject = "CN=a" }, &backwards, "ARGUMENT" }, { { .subject = "CN=a" }, &far, "ARGUMENT" },
		{ { .subject = "CN=a", .challenge_password = { "a", 1 } }, &good, "ARGUMENT" },
	};
	struct soft s = { make_key(6), j11_alg_find_str("ES256"), false };
	struct jwk11_buf der = J11_BUF(J11_CSR_DER_MAX);

	(void)state;
	for (size_t i = 0; i < J11_COUNT(cases); i++) {
		struct jwk11_err err = { 0 };

		assert_int_not_equal(make_self(&s, &cases[i].what, cases[i].spec, &der, &err), JWK11_OK);
		assert_string_equal(err.code, cases[i].code);
	}
	EVP_PKEY_free(s.key);
	j11_buf_done(&der);
}

/* ---- texts ---- */

static enum jwk11_rc from_json(const char *json, struct j11_csr_text *text, struct jwk11_err *err)
{
	struct j11_json_doc *doc = NULL;
	enum jwk11_rc rc = j11_json_read(j11_view_str(json), NULL, "request", &doc, err);

	if (rc == JWK11_OK)
		rc = j11_csr_from_json(j11_json_root(doc), text, err);
	j11_json_free(doc);
	return rc;
}

static void bodies_and_templates_say_the_same(void **state)
{
	static const char json[] = "{\"subject\":\"CN=a,O=b\",\"dns\":[\"a.example\",\"b.example\"],\"ip\":[\"::1\"],\"key_usage\":[\"digitalSignature\",\"keyAgreement\"],"
		"\"eku\":[\"clientAuth\",\"1.2.3\"],\"ca\":false}";
	static const char lines[] = "# a template\n\n  subject = CN=a,O=b\r\ndns = a.example\ndns=b.example\nip = ::1\nkey-usage = digitalSignature , keyAgreement\n"
		"eku = clientAuth\neku = 1.2.3\nca = no\n";
	struct j11_csr_text a = { .subject = NULL }, b = { .subject = NULL };
	struct jwk11_buf out[2] = { J11_BUF(4096), J11_BUF(4096) };

	(void)state;
	assert_int_equal(from_json(json, &a, NULL), JWK11_OK);
	assert_int_equal(j11_csr_from_template(J11_VIEW(lines), "t", &b, NULL), JWK11_OK);
	for (unsigned i = 0; i < 2; i++) {
		struct j11_json_out o = J11_JSON_OUT(&out[i]);

		j11_json_open(&o, NULL, '{');
		j11_csr_to_json(i == 0 ? &a.csr : &b.csr, &o);
		j11_json_close(&o);
	}
	assert_string_equal(jwk11_buf_data(&out[0]), json);
	assert_string_equal(jwk11_buf_data(&out[1]), json);
	j11_csr_text_done(&a);
	j11_csr_text_done(&b);
	j11_buf_done(&out[0]);
	j11_buf_done(&out[1]);
}

static void texts_that_say_something_else_are_refused(void **state)
{
	static const struct {
		const char *text, *code, *why;
	} bodies[] = {
		{ "[]", "MEMBER_TYPE", NULL }, { "{\"subjekt\":\"CN=a\"}", "MEMBER_UNKNOWN", NULL }, { "{\"subject\":1}", "MEMBER_TYPE", NULL },
		{ "{\"dns\":\"a\"}", "MEMBER_TYPE", NULL }, { "{\"dns\":[1]}", "MEMBER_TYPE", "request: member \"dns\" must be an array of strings" },
		{ "{\"ca\":\"no\"}", "MEMBER_TYPE", "request: member \"ca\" must be true or false" }, { "{\"challenge_password\":\"x\"}", "MEMBER_UNKNOWN", NULL },
	}, templates[] = {
		{ "subject = CN=a\nDNS = a\n", "TEMPLATE_INVALID", "t:2: unknown name \"DNS\"" }, { "dns\n", "TEMPLATE_INVALID", "t:1: a line is name = value" },
		{ "subject=CN=a\n\nsubject=CN=b", "TEMPLATE_INVALID", "t:3: subject stands twice" }, { "dns =", "TEMPLATE_INVALID", "t:1: dns has no value" },
		{ "eku = clientAuth,", "TEMPLATE_INVALID", "t:1: eku has no value" }, { "ca = true", "TEMPLATE_INVALID", "t:1: ca is yes or no" },
		{ "ca = no\nca = no", "TEMPLATE_INVALID", "t:2: ca stands twice" }, { "dns = \xff", "TEMPLATE_INVALID", "t:1: the line is not UTF-8 text" },
		{ "challenge_password = x", "TEMPLATE_INVALID", "t:1: unknown name \"challenge_password\"" },
	};

	(void)state;
	for (size_t i = 0; i < J11_COUNT(bodies) + J11_COUNT(templates); i++) {
		bool body = i < J11_COUNT(bodies);
		const char *text = body ? bodies[i].text : templates[i - J11_COUNT(bodies)].text, *code = body ? bodies[i].code : "TEMPLATE_INVALID",
			*why = body ? bodies[i].why : templates[i - J11_COUNT(bodies)].why;
		struct j11_csr_text into = { .subject = NULL };
		struct jwk11_err err = { 0 };

		assert_int_equal(body ? from_json(text, &into, &err) : j11_csr_from_template(j11_view_str(text), "t", &into, &err), JWK11_ERR_SYNTAX);
		assert_string_equal(err.code, code);
		if (why != NULL)
			assert_string_equal(err.text, why);
		j11_csr_text_done(&into);
	}
}

static void texts_have_limits(void **state)
{
	struct jwk11_buf text = J11_BUF(2 * J11_CSR_TEMPLATE_MAX);
	struct j11_csr_text into = { .subject = NULL };

	(void)state;
	for (unsigned i = 0; i < J11_CSR_NAMES_MAX; i++)
		j11_buf_add_str(&text, "dns = a.example\n");
	assert_int_equal(j11_csr_from_template(j11_buf_view(&text), "t", &into, NULL), JWK11_OK);
	j11_csr_text_done(&into);
	j11_buf_add_str(&text, "dns = a.example\n");
	assert_int_equal(j11_csr_from_template(j11_buf_view(&text), "t", &into, NULL), JWK11_ERR_LIMIT);
	j11_csr_text_done(&into);
	jwk11_buf_reset(&text);
	while (text.len < J11_CSR_TEMPLATE_MAX)
		j11_buf_add_byte(&text, '\n');
	assert_int_equal(j11_csr_from_template(j11_buf_view(&text), "t", &into, NULL), JWK11_OK);
	j11_buf_add_byte(&text, '\n');
	assert_int_equal(j11_csr_from_template(j11_buf_view(&text), "t", &into, NULL), JWK11_ERR_LIMIT);
	j11_csr_text_done(&into);
	j11_buf_done(&text);
}

static enum jwk11_rc make_once(void *arg)
{
	struct jwk11_buf der = J11_BUF(J11_CSR_DER_MAX);
	struct j11_csr_text into = { .subject = NULL };
	enum jwk11_rc rc = j11_csr_from_template(J11_VIEW("subject = CN=a\nupn = a@B\nkey-usage = digitalSignature"), "t", &into, NULL);
	struct soft *s = arg;
	struct jwk11_pub *pub = NULL;
	unsigned char *spki = NULL;
	int len = i2d_PUBKEY(s->key, &spki);

	if (rc == JWK11_OK)
		rc = j11_pub_from_spki((struct jwk11_view){ spki, (size_t)len }, &pub, NULL);
	if (rc == JWK11_OK)
		rc = j11_csr_make(pub, s->alg, &into.csr, &(struct j11_csr_signer){ soft_sign, s }, &der, NULL);
	OPENSSL_free(spki);
	jwk11_pub_unref(pub);
	j11_csr_text_done(&into);
	j11_buf_done(&der);
	return rc;
}

static void memory_may_be_short_anywhere(void **state)
{
	struct soft s = { make_key(3), j11_alg_find_str("PS256"), false };

	(void)state;
	each_allocation_fails(make_once, &s);
	EVP_PKEY_free(s.key);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(subjects_are_read_as_rfc_4514_writes_them), cmocka_unit_test(subjects_that_are_none_are_refused_at_their_place),
		cmocka_unit_test(alternative_names_are_checked), cmocka_unit_test(every_algorithm_signs_a_request_that_libcrypto_verifies),
		cmocka_unit_test(a_request_holds_what_was_asked_for), cmocka_unit_test(names_alone_make_a_critical_extension),
		cmocka_unit_test(requests_that_cannot_be_made_say_why), cmocka_unit_test(a_signature_that_does_not_verify_stays_here),
		cmocka_unit_test(an_ml_dsa_request_is_octet_for_octet_what_another_library_makes),
		cmocka_unit_test(every_algorithm_signs_a_certificate_for_itself), cmocka_unit_test(certificates_that_cannot_be_made_say_why),
		cmocka_unit_test(bodies_and_templates_say_the_same), cmocka_unit_test(texts_that_say_something_else_are_refused),
		cmocka_unit_test(texts_have_limits), cmocka_unit_test(memory_may_be_short_anywhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
