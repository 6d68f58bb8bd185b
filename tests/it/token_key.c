/* SPDX-License-Identifier: Apache-2.0 */
/* For tests: puts keys on a token that pkcs11-tool cannot make.
 *   token_key MODULE TOKEN-URI PIN-FILE destroy LABEL       takes a key pair away again
 *   token_key MODULE TOKEN-URI PIN-FILE make ALG LABEL      a key for a JWA algorithm, as jwk11 setup makes it
 *   token_key MODULE TOKEN-URI PIN-FILE secret LABEL        the octets of standard input, to sign and verify MACs
 *   token_key MODULE TOKEN-URI PIN-FILE agree CURVE LABEL   a pair that agrees on keys */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "jose/alg.h"
#include "token/kind.h"
#include "token/provision.h"
#include "token/token.h"

static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;

static void give_up(const char *what, const char *why)
{
	fprintf(stderr, "token_key: %s: %s\n", what, why);
	exit(2);
}

static void must(enum jwk11_rc rc, const struct jwk11_err *err, const char *what)
{
	if (rc != JWK11_OK)
		give_up(what, err->text);
}

static CK_SESSION_HANDLE session_on(struct jwk11_token *token)
{
	CK_SESSION_HANDLE session = 0;
	CK_RV rv = token->fl->C_OpenSession(token->slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session);

	if (rv != CKR_OK)
		give_up("C_OpenSession", jwk11_ckr_name(rv));
	return session;
}

static void load_secret(struct jwk11_token *token, const char *label)
{
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_KEY_TYPE type = CKK_GENERIC_SECRET;
	unsigned char octets[512];
	size_t len = fread(octets, 1, sizeof(octets), stdin);
	CK_ATTRIBUTE t[] = {
		{ CKA_CLASS, &class, sizeof(class) }, { CKA_KEY_TYPE, &type, sizeof(type) }, { CKA_TOKEN, &yes, sizeof(yes) },
		{ CKA_PRIVATE, &yes, sizeof(yes) }, { CKA_SENSITIVE, &yes, sizeof(yes) }, { CKA_EXTRACTABLE, &no, sizeof(no) },
		{ CKA_SIGN, &yes, sizeof(yes) }, { CKA_VERIFY, &yes, sizeof(yes) }, { CKA_LABEL, (void *)label, strlen(label) },
		{ CKA_ID, (void *)label, strlen(label) }, { CKA_VALUE, octets, len },
	};
	CK_OBJECT_HANDLE handle;
	CK_RV rv = token->fl->C_CreateObject(session_on(token), t, J11_COUNT(t), &handle);

	if (rv != CKR_OK)
		give_up("C_CreateObject", jwk11_ckr_name(rv));
}

static void destroy(struct jwk11_token *token, const char *label)
{
	struct jwk11_keys *keys = NULL;
	struct jwk11_err err = { 0 };
	char uri[256];

	snprintf(uri, sizeof(uri), "pkcs11:object=%s", label);
	must(jwk11_token_keys(token, uri, &keys, &err), &err, label);
	for (size_t i = 0; i < jwk11_keys_count(keys); i++)
		must(j11_provision_destroy(jwk11_keys_get(keys, i), &err), &err, label);
	jwk11_keys_free(keys);
}

/* SoftHSM makes Montgomery keys by the mechanism of Edwards keys and knows no other. */
static void make_agreeing(struct jwk11_token *token, const char *name, const char *label)
{
	const struct j11_curve *curve = j11_curve_by_name(j11_view_str(name));
	const struct j11_kind *kind = curve && curve->agrees ? j11_kind_of(curve->kty, curve) : NULL;
	CK_ATTRIBUTE public_half[] = {
		{ CKA_TOKEN, &yes, sizeof(yes) }, { CKA_PRIVATE, &no, sizeof(no) }, { CKA_DERIVE, &yes, sizeof(yes) },
		{ CKA_LABEL, (void *)label, strlen(label) }, { CKA_ID, (void *)label, strlen(label) }, { CKA_EC_PARAMS, NULL, 0 },
	};
	CK_ATTRIBUTE private_half[] = {
		{ CKA_TOKEN, &yes, sizeof(yes) }, { CKA_PRIVATE, &yes, sizeof(yes) }, { CKA_SENSITIVE, &yes, sizeof(yes) },
		{ CKA_EXTRACTABLE, &no, sizeof(no) }, { CKA_SIGN, &no, sizeof(no) }, { CKA_DERIVE, &yes, sizeof(yes) },
		{ CKA_LABEL, (void *)label, strlen(label) }, { CKA_ID, (void *)label, strlen(label) },
	};
	CK_OBJECT_HANDLE pub, priv;
	CK_MECHANISM mechanism;
	CK_RV rv;

	if (kind == NULL)
		give_up(name, "no curve that agrees on keys");
	mechanism = (CK_MECHANISM){ kind->generate == J11_CKM_EC_MONTGOMERY_KEY_PAIR_GEN ? J11_CKM_EC_EDWARDS_KEY_PAIR_GEN : kind->generate, NULL, 0 };
	public_half[5].pValue = (void *)curve->oid;
	public_half[5].ulValueLen = curve->oid_len;
	rv = token->fl->C_GenerateKeyPair(session_on(token), &mechanism, public_half, J11_COUNT(public_half), private_half, J11_COUNT(private_half),
		&pub, &priv);
	if (rv != CKR_OK)
		give_up("C_GenerateKeyPair", jwk11_ckr_name(rv));
}

int main(int argc, char **argv)
{
	struct jwk11_token_config config = { .uri = argc > 2 ? argv[2] : "", .pin_file = argc > 3 ? argv[3] : NULL };
	struct jwk11_context *ctx = NULL;
	struct jwk11_token *token = NULL;
	struct jwk11_err err = { 0 };

	if (argc < 6)
		give_up("usage", "MODULE TOKEN-URI PIN-FILE make|secret|destroy|agree …");
	must(jwk11_context_new(&ctx, &err), &err, "context");
	must(jwk11_context_load(ctx, argv[1], &err), &err, argv[1]);
	must(jwk11_token_open(ctx, &config, &token, &err), &err, argv[2]);
	if (strcmp(argv[4], "secret") == 0)
		load_secret(token, argv[5]);
	else if (strcmp(argv[4], "destroy") == 0)
		destroy(token, argv[5]);
	else if (strcmp(argv[4], "make") == 0 && argc == 7)
		must(j11_provision_key(token, argv[5], 0, argv[6], NULL, &err), &err, argv[5]);
	else if (strcmp(argv[4], "agree") == 0 && argc == 7)
		make_agreeing(token, argv[5], argv[6]);
	else
		give_up("usage", "make ALG LABEL, secret LABEL, destroy LABEL, or agree CURVE LABEL");
	jwk11_token_unref(token);
	jwk11_context_free(ctx);
	return 0;
}
