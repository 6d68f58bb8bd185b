/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates on a SoftHSM token: found, matched with their keys, and what is wrong with them told. */
#include "certs.h"
#include "softhsm.h"

#include "jose/chain.h"
#include "token/provision.h"

static struct jwk11_context *ctx;
static struct jwk11_token *token;
static EVP_PKEY *inner, *root;

static struct jwk11_key *key_of(const char *label, struct jwk11_keys **keys)
{
	struct jwk11_err err = { 0 };
	char uri[64];

	snprintf(uri, sizeof(uri), "pkcs11:object=%s", label);
	softhsm_must(jwk11_token_keys(token, uri, keys, &err), &err);
	assert_int_equal(jwk11_keys_count(*keys), 1);
	return jwk11_keys_get(*keys, 0);
}

/* A certificate object with these octets. */
static void import(struct jwk11_view der, const char *label, struct jwk11_view id)
{
	CK_OBJECT_CLASS class = CKO_CERTIFICATE;
	CK_CERTIFICATE_TYPE type = CKC_X_509;
	CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
	struct softhsm_object o = { .n = 0 };
	CK_SESSION_HANDLE session;

	softhsm_add(&o, CKA_CLASS, &class, sizeof(class));
	softhsm_add(&o, CKA_CERTIFICATE_TYPE, &type, sizeof(type));
	softhsm_add(&o, CKA_TOKEN, &yes, sizeof(yes));
	softhsm_add(&o, CKA_PRIVATE, &no, sizeof(no));
	softhsm_add(&o, CKA_LABEL, label, strlen(label));
	softhsm_add(&o, CKA_ID, id.data, id.len);
	softhsm_add(&o, CKA_SUBJECT, label, strlen(label));
	softhsm_add(&o, CKA_VALUE, der.data, der.len);
	assert_int_equal(token->fl->C_OpenSession(token->slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session), CKR_OK);
	assert_int_equal(softhsm_create(token, session, &o), CKR_OK);
	token->fl->C_CloseSession(session);
}

static void issue(const struct certs_spec *spec, const char *label, struct jwk11_view id)
{
	struct jwk11_buf der = J11_BUF(65536);

	certs_make(spec, &der);
	import(j11_buf_view(&der), label, id);
	j11_buf_done(&der);
}

static int set_up(void **state)
{
	static const char *const labels[] = { "chained", "bare", "foreign" };
	struct jwk11_keys *keys = NULL;
	struct jwk11_err err = { 0 };
	const struct jwk11_key *key;

	(void)state;
	softhsm_make();
	ctx = softhsm_context();
	token = softhsm_open(ctx);
	inner = certs_key();
	root = certs_key();
	for (size_t i = 0; i < J11_COUNT(labels); i++)
		softhsm_must(j11_provision_key(token, "ES256", 0, labels[i], NULL, &err), &err);
	issue(&(struct certs_spec){ .subject = "root", .key = root, .ca = true, .from_days = -9999, .to_days = 9999 }, "root", J11_VIEW("r"));
	issue(&(struct certs_spec){ .subject = "inner", .issuer = "root", .key = inner, .signer = root, .ca = true, .from_days = -9999, .to_days = 9999 },
		"inner", J11_VIEW("i"));
	key = key_of("chained", &keys);
	issue(&(struct certs_spec){ .subject = "chained", .issuer = "inner", .key = jwk11_key_pub(key)->evp, .signer = inner, .from_days = -9999, .to_days = 9999 },
		"chained", (struct jwk11_view){ key->id, key->id_len });
	jwk11_keys_free(keys);
	issue(&(struct certs_spec){ .subject = "foreign", .key = inner, .from_days = -9999, .to_days = 9999 }, "foreign", J11_VIEW("f"));
	import(J11_VIEW("0\x82\xff\xff not a certificate"), "broken", J11_VIEW("b"));
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	EVP_PKEY_free(inner);
	EVP_PKEY_free(root);
	return softhsm_close(ctx, token);
}

static void builds_the_chain_of_a_key(void **state)
{
	struct jwk11_keys *keys = NULL;
	struct jwk11_key *key = key_of("chained", &keys);
	struct jwk11_certs *certs = NULL;
	struct jwk11_chain *chain = NULL;
	struct jwk11_err err = { 0 };

	(void)state;
	softhsm_must(jwk11_token_certs(token, &certs, &err), &err);
	assert_int_equal(jwk11_certs_count(certs), 4);
	assert_int_equal(certs->n_unread, 1);
	for (int i = 0; i < 2; i++) { /* from what was read before, and read anew */
		softhsm_must(jwk11_key_chain(key, i == 0 ? certs : NULL, &chain, &err), &err);
		assert_int_equal(jwk11_chain_count(chain), 2);
		assert_true(jwk11_chain_is_complete(chain));
		assert_string_equal(jwk11_chain_note(chain), "");
		jwk11_chain_free(chain);
	}
	jwk11_certs_free(certs);
	jwk11_keys_free(keys);
}

static void says_why_there_is_none(void **state)
{
	static const struct {
		const char *label, *code, *text;
	} rows[] = {
		{ "bare", "CERT_ABSENT", "key \"bare\": no certificate on its token holds its public key" },
		{ "foreign", "CERT_FOREIGN", "key \"foreign\": the certificate with its CKA_ID or label holds another key" },
	};

	(void)state;
	for (size_t i = 0; i < J11_COUNT(rows); i++) {
		struct jwk11_keys *keys = NULL;
		struct jwk11_key *key = key_of(rows[i].label, &keys);
		struct jwk11_chain *chain = NULL;
		struct jwk11_err err = { 0 };

		assert_int_equal(jwk11_key_chain(key, NULL, &chain, &err), JWK11_ERR_NOT_FOUND);
		assert_string_equal(err.code, rows[i].code);
		assert_string_equal(err.text, rows[i].text);
		assert_string_equal(err.hint, "1 certificates on the token could not be read");
		assert_null(chain);
		jwk11_keys_free(keys);
	}
}

static void reads_again_after_a_lost_session(void **state)
{
	struct jwk11_certs *certs = NULL;
	struct jwk11_err err = { 0 };

	(void)state;
	assert_int_equal(token->fl->C_CloseAllSessions(token->slot), CKR_OK);
	softhsm_must(jwk11_token_certs(token, &certs, &err), &err);
	assert_int_equal(jwk11_certs_count(certs), 4);
	jwk11_certs_free(certs);
}

static enum jwk11_rc read_once(void *arg)
{
	struct jwk11_chain *chain = NULL;
	enum jwk11_rc rc = jwk11_key_chain(arg, NULL, &chain, NULL);

	jwk11_chain_free(chain);
	return rc;
}

static void survives_each_failing_allocation(void **state)
{
	struct jwk11_keys *keys = NULL;

	(void)state;
	each_allocation_fails(read_once, key_of("chained", &keys));
	jwk11_keys_free(keys);
}

/* What a CA would send for the key: root, leaf and inner one behind the other. */
static struct jwk11_buf answer_for(const struct jwk11_key *key, int from_days)
{
	struct jwk11_buf der = J11_BUF(65536);

	certs_make(&(struct certs_spec){ .subject = "root", .key = root, .ca = true, .from_days = -9999, .to_days = 9999 }, &der);
	certs_make(&(struct certs_spec){ .subject = "new", .issuer = "inner", .key = jwk11_key_pub(key)->evp, .signer = inner, .from_days = from_days,
		.to_days = 9999 }, &der);
	certs_make(&(struct certs_spec){ .subject = "inner", .issuer = "root", .key = inner, .signer = root, .ca = true, .from_days = -9999, .to_days = 9999 },
		&der);
	return der;
}

static void takes_what_a_ca_sends(void **state)
{
	struct jwk11_keys *keys = NULL, *others = NULL;
	struct jwk11_key *key = key_of("bare", &keys), *other = key_of("foreign", &others);
	struct jwk11_buf der = answer_for(key, -9999);
	struct jwk11_chain *chain = NULL;
	struct jwk11_imported done;
	struct jwk11_err err = { 0 };

	(void)state;
	assert_int_equal(jwk11_key_import_chain(other, j11_buf_view(&der), 0, &done, &err), JWK11_ERR_MISMATCH);
	assert_string_equal(err.code, "CERT_FOREIGN");
	err = (struct jwk11_err){ 0 };
	assert_int_equal(jwk11_key_import_chain(NULL, j11_buf_view(&der), 0, &done, &err), JWK11_ERR_ARGUMENT);
	err = (struct jwk11_err){ 0 };
	assert_int_equal(jwk11_key_import_chain(key, (struct jwk11_view){ der.data, der.len - 1 }, 0, NULL, &err), JWK11_ERR_SYNTAX);
	err = (struct jwk11_err){ 0 };
	for (unsigned i = 0; i < 3; i++) { /* what it would do, what it does, and that it is done */
		softhsm_must(jwk11_key_import_chain(key, j11_buf_view(&der), i == 0 ? JWK11_IMPORT_DRY_RUN : JWK11_IMPORT_STRICT, &done, &err), &err);
		assert_int_equal(done.n_written, i < 2 ? 3 : 0); /* the token's root and inner are others: ECDSA never signs twice alike */
		assert_int_equal(done.n_there, i < 2 ? 0 : 3);
		assert_string_equal(done.note, "");
	}
	softhsm_must(jwk11_key_chain(key, NULL, &chain, &err), &err);
	assert_int_equal(jwk11_chain_count(chain), 2);
	jwk11_chain_free(chain);
	j11_buf_done(&der);
	der = answer_for(key, 9990);
	assert_int_equal(jwk11_key_import_chain(key, j11_buf_view(&der), JWK11_IMPORT_STRICT, &done, &err), JWK11_ERR_MISMATCH);
	assert_string_equal(err.code, "CERT_EXPIRED");
	j11_buf_done(&der);
	jwk11_keys_free(keys);
	jwk11_keys_free(others);
}

static struct jwk11_buf answer;

static enum jwk11_rc import_once(void *arg)
{
	return jwk11_key_import_chain(arg, j11_buf_view(&answer), JWK11_IMPORT_DRY_RUN, NULL, NULL);
}

static void import_survives_each_failing_allocation(void **state)
{
	struct jwk11_keys *keys = NULL;

	(void)state;
	answer = answer_for(key_of("bare", &keys), -9998);
	each_allocation_fails(import_once, jwk11_keys_get(keys, 0));
	j11_buf_done(&answer);
	jwk11_keys_free(keys);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(builds_the_chain_of_a_key),
		cmocka_unit_test(says_why_there_is_none),
		cmocka_unit_test(reads_again_after_a_lost_session),
		cmocka_unit_test(survives_each_failing_allocation),
		cmocka_unit_test(takes_what_a_ca_sends),
		cmocka_unit_test(import_survives_each_failing_allocation),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
