/* SPDX-License-Identifier: Apache-2.0 */
/* For tests: a SoftHSM token in a folder of its own, and a loader that puts private JWKs on it. */
#ifndef J11_TEST_SOFTHSM_H
#define J11_TEST_SOFTHSM_H

#include "vector.h"

#include <sys/stat.h>
#include <unistd.h>

#include "token/key.h"
#include "token/provision.h"

#ifndef SOFTHSM_MODULE
#define SOFTHSM_MODULE "/usr/lib/softhsm/libsofthsm2.so"
#endif

static char softhsm_dir[256];

static inline void softhsm_path(char room[512], const char *name)
{
	snprintf(room, 512, "%s/%s", softhsm_dir, name);
}

static inline void softhsm_must(enum jwk11_rc rc, const struct jwk11_err *err)
{
	if (rc != JWK11_OK)
		fail_msg("%s: %s", jwk11_rc_name(rc), err->text);
}

static inline void softhsm_write(const char *name, const char *text)
{
	char path[512];
	FILE *f;

	softhsm_path(path, name);
	f = fopen(path, "we");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	assert_int_equal(chmod(path, 0400), 0);
}

static inline struct jwk11_context *softhsm_context(void)
{
	struct jwk11_context *ctx = NULL;
	struct jwk11_err err = { 0 };
	char state[512];

	softhsm_path(state, "state");
	softhsm_must(jwk11_context_new(&ctx, &err), &err);
	softhsm_must(jwk11_context_load(ctx, SOFTHSM_MODULE, &err), &err);
	softhsm_must(jwk11_context_set_state_dir(ctx, state, &err), &err);
	return ctx;
}

static inline struct jwk11_token *softhsm_open(struct jwk11_context *ctx)
{
	char pin[512];
	struct jwk11_token_config config = { .uri = "pkcs11:token=t1", .pin_file = pin, .n_sessions = 2 };
	struct jwk11_token *token = NULL;
	struct jwk11_err err = { 0 };

	softhsm_path(pin, "pin");
	softhsm_must(jwk11_token_open(ctx, &config, &token, &err), &err);
	return token;
}

/* The token "t1" with PIN 1234. */
static inline void softhsm_make(void)
{
	struct jwk11_context *ctx;
	struct j11_secret *pin = NULL;
	struct jwk11_err err = { 0 };
	char conf[1024], path[512];

	snprintf(softhsm_dir, sizeof(softhsm_dir), "%s/jwk11-token-XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
	assert_non_null(mkdtemp(softhsm_dir));
	softhsm_path(path, "state");
	assert_int_equal(mkdir(path, 0700), 0);
	softhsm_path(path, "tokens");
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(conf, sizeof(conf), "directories.tokendir = %s\nobjectstore.backend = file\nlog.level = ERROR\n", path);
	softhsm_write("softhsm2.conf", conf);
	softhsm_write("pin", "1234\n");
	softhsm_path(path, "softhsm2.conf");
	setenv("SOFTHSM2_CONF", path, 1);
	ctx = softhsm_context();
	softhsm_must(j11_secret_from_bytes("1234", 4, &pin, &err), &err);
	softhsm_must(j11_provision_token(ctx, SOFTHSM_MODULE, "t1", pin, pin, &err), &err);
	j11_secret_free(pin);
	softhsm_must(jwk11_context_reload(ctx, &err), &err);
	jwk11_context_free(ctx);
}

static inline int softhsm_remove(void)
{
	char command[300];

	snprintf(command, sizeof(command), "rm -rf '%s'", softhsm_dir);
	return system(command);
}

/* ---- the loader ---- */

struct softhsm_object {
	CK_ATTRIBUTE t[24];
	CK_ULONG n;
	struct jwk11_buf room[12]; /* decoded numbers */
	size_t n_room;
};

static inline void softhsm_add(struct softhsm_object *o, CK_ATTRIBUTE_TYPE type, const void *value, size_t len)
{
	assert_true(o->n < J11_COUNT(o->t));
	o->t[o->n++] = (CK_ATTRIBUTE){ type, (void *)value, len };
}

static inline struct jwk11_view softhsm_number(struct softhsm_object *o, const struct j11_json *jwk, const char *name)
{
	struct jwk11_buf *b = &o->room[o->n_room++];

	assert_true(o->n_room <= J11_COUNT(o->room));
	*b = J11_BUF(4096);
	assert_int_equal(j11_b64url_decode(vector_text(jwk, name), name, b, NULL), JWK11_OK);
	return j11_buf_view(b);
}

static inline void softhsm_add_number(struct softhsm_object *o, CK_ATTRIBUTE_TYPE type, const struct j11_json *jwk, const char *name)
{
	struct jwk11_view v = softhsm_number(o, jwk, name);

	softhsm_add(o, type, v.data, v.len);
}

/* CKA_EC_POINT: DER OCTET STRING around 04 X Y, or around the octets of an OKP key. */
static inline void softhsm_add_point(struct softhsm_object *o, const struct j11_json *jwk)
{
	bool ec = j11_view_equals(vector_text(jwk, "kty"), "EC");
	struct jwk11_view x = softhsm_number(o, jwk, "x"), y = ec ? softhsm_number(o, jwk, "y") : (struct jwk11_view){ "", 0 };
	struct jwk11_buf *b = &o->room[o->n_room++];
	size_t len = x.len + y.len + (ec ? 1 : 0);

	*b = J11_BUF(200);
	j11_buf_add_byte(b, 0x04);
	if (len > 127)
		j11_buf_add_byte(b, 0x81);
	j11_buf_add_byte(b, (unsigned char)len);
	if (ec)
		j11_buf_add_byte(b, 0x04);
	j11_buf_add(b, x.data, x.len);
	j11_buf_add(b, y.data, y.len);
	softhsm_add(o, CKA_EC_POINT, b->data, b->len);
}

static inline CK_RV softhsm_create(struct jwk11_token *token, CK_SESSION_HANDLE session, struct softhsm_object *o)
{
	CK_OBJECT_HANDLE handle;
	CK_RV rv = token->fl->C_CreateObject(session, o->t, o->n, &handle);

	for (size_t i = 0; i < o->n_room; i++)
		j11_buf_done(&o->room[i]);
	return rv;
}

/* An "oct" JWK: one secret object, to sign and verify. */
static inline CK_RV softhsm_load_secret(struct jwk11_token *token, const struct j11_json *jwk, const char *label)
{
	struct softhsm_object o = { .n = 0 };
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_KEY_TYPE type = CKK_GENERIC_SECRET;
	CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
	CK_SESSION_HANDLE session;
	CK_RV rv;

	softhsm_add(&o, CKA_CLASS, &class, sizeof(class));
	softhsm_add(&o, CKA_KEY_TYPE, &type, sizeof(type));
	softhsm_add(&o, CKA_TOKEN, &yes, sizeof(yes));
	softhsm_add(&o, CKA_PRIVATE, &yes, sizeof(yes));
	softhsm_add(&o, CKA_SENSITIVE, &yes, sizeof(yes));
	softhsm_add(&o, CKA_EXTRACTABLE, &no, sizeof(no));
	softhsm_add(&o, CKA_SIGN, &yes, sizeof(yes));
	softhsm_add(&o, CKA_VERIFY, &yes, sizeof(yes));
	softhsm_add(&o, CKA_LABEL, label, strlen(label));
	softhsm_add(&o, CKA_ID, label, strlen(label));
	softhsm_add_number(&o, CKA_VALUE, jwk, "k");
	rv = token->fl->C_OpenSession(token->slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session);
	assert_int_equal(rv, CKR_OK);
	rv = softhsm_create(token, session, &o);
	token->fl->C_CloseSession(session);
	return rv;
}

/* Both halves of a private JWK under a label, for signing or for decryption. */
static inline CK_RV softhsm_load(struct jwk11_token *token, const struct j11_json *jwk, const char *label, enum jwk11_use use)
{
	static const struct {
		CK_ATTRIBUTE_TYPE type;
		const char *name;
	} rsa[] = { { CKA_PRIVATE_EXPONENT, "d" }, { CKA_PRIME_1, "p" }, { CKA_PRIME_2, "q" }, { CKA_EXPONENT_1, "dp" }, { CKA_EXPONENT_2, "dq" },
		{ CKA_COEFFICIENT, "qi" } };
	struct softhsm_object o[2] = { { .n = 0 }, { .n = 0 } };
	bool is_rsa = j11_view_equals(vector_text(jwk, "kty"), "RSA"), enc = use == JWK11_USE_ENC;
	const struct j11_curve *curve = is_rsa || use == JWK11_USE_MAC ? NULL : j11_curve_by_name(vector_text(jwk, "crv"));
	CK_OBJECT_CLASS classes[2] = { CKO_PRIVATE_KEY, CKO_PUBLIC_KEY };
	CK_KEY_TYPE type = is_rsa ? CKK_RSA : curve != NULL && curve->kty == J11_KTY_EC ? CKK_EC : J11_CKK_EC_EDWARDS;
	CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
	CK_SESSION_HANDLE session;
	CK_RV rv;

	if (use == JWK11_USE_MAC)
		return softhsm_load_secret(token, jwk, label);
	for (int i = 0; i < 2; i++) {
		softhsm_add(&o[i], CKA_CLASS, &classes[i], sizeof(classes[i]));
		softhsm_add(&o[i], CKA_KEY_TYPE, &type, sizeof(type));
		softhsm_add(&o[i], CKA_TOKEN, &yes, sizeof(yes));
		softhsm_add(&o[i], CKA_PRIVATE, i == 0 ? &yes : &no, sizeof(yes));
		softhsm_add(&o[i], CKA_LABEL, label, strlen(label));
		softhsm_add(&o[i], CKA_ID, label, strlen(label));
		if (is_rsa) {
			softhsm_add_number(&o[i], CKA_MODULUS, jwk, "n");
			softhsm_add_number(&o[i], CKA_PUBLIC_EXPONENT, jwk, "e");
		} else {
			softhsm_add(&o[i], CKA_EC_PARAMS, curve->oid, curve->oid_len);
		}
	}
	if (!is_rsa)
		softhsm_add_point(&o[1], jwk);
	softhsm_add(&o[0], CKA_SENSITIVE, &yes, sizeof(yes));
	softhsm_add(&o[0], CKA_EXTRACTABLE, &no, sizeof(no));
	softhsm_add(&o[0], CKA_SIGN, enc ? &no : &yes, sizeof(yes));
	softhsm_add(&o[0], CKA_DECRYPT, enc && is_rsa ? &yes : &no, sizeof(yes));
	softhsm_add(&o[0], CKA_DERIVE, enc && !is_rsa ? &yes : &no, sizeof(yes));
	for (size_t i = 0; is_rsa && i < J11_COUNT(rsa); i++)
		softhsm_add_number(&o[0], rsa[i].type, jwk, rsa[i].name);
	if (!is_rsa)
		softhsm_add_number(&o[0], CKA_VALUE, jwk, "d");
	rv = token->fl->C_OpenSession(token->slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session);
	assert_int_equal(rv, CKR_OK);
	rv = softhsm_create(token, session, &o[0]);
	if (rv == CKR_OK)
		rv = softhsm_create(token, session, &o[1]);
	else
		for (size_t i = 0; i < o[1].n_room; i++)
			j11_buf_done(&o[1].room[i]);
	token->fl->C_CloseSession(session);
	return rv;
}

/* The private key of a vector file, or of the object `member` in it when that is not NULL. */
static inline void softhsm_load_vector(struct jwk11_token *token, const char *file, const char *member, const char *private, const char *label,
	enum jwk11_use use)
{
	struct vector v;

	vector_load(&v, file);
	assert_int_equal(softhsm_load(token, j11_json_get(member ? j11_json_get(v.root, member) : v.root, private), label, use), CKR_OK);
	vector_done(&v);
}

static inline int softhsm_close(struct jwk11_context *ctx, struct jwk11_token *token)
{
	jwk11_token_unref(token);
	jwk11_context_free(ctx);
	return softhsm_remove();
}

#endif
