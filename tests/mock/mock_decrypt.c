/* SPDX-License-Identifier: Apache-2.0 */
/* RSA-OAEP and ECDH with real keys; the agreed secrets are session objects that may be read. */
#include "mock.h"

#include <openssl/err.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_SECRET = 900000000, MAX_PLAIN = 1024 };

static const struct {
	CK_MECHANISM_TYPE type;
	CK_FLAGS flag;
} rows[] = { { CKM_RSA_PKCS_OAEP, CKF_DECRYPT }, { CKM_ECDH1_DERIVE, CKF_DERIVE } };

static CK_OBJECT_HANDLE last_secret = FIRST_SECRET;

CK_FLAGS mock_decrypt_flag(CK_MECHANISM_TYPE type)
{
	for (size_t i = 0; i < MOCK_COUNT(rows); i++)
		if (rows[i].type == type)
			return rows[i].flag;
	return 0;
}

CK_MECHANISM_TYPE mock_decrypt_at(size_t i)
{
	return i < MOCK_COUNT(rows) ? rows[i].type : MOCK_UNAVAILABLE;
}

/* The private object a session may use with this mechanism; else why not. */
static CK_RV find_key(struct mock_session *s, CK_OBJECT_HANDLE handle, CK_MECHANISM_TYPE type, CK_ATTRIBUTE_TYPE right,
	const struct mock_object **ret_object)
{
	struct mock_token *t = s ? mock_token_at(s->slot) : NULL;
	const struct mock_object *o = t ? mock_object_find(t, handle) : NULL;
	bool rsa = type == CKM_RSA_PKCS_OAEP;

	if (s == NULL)
		return CKR_SESSION_HANDLE_INVALID;
	if (o == NULL || o->class != CKO_PRIVATE_KEY)
		return CKR_KEY_HANDLE_INVALID;
	if (!t->logged_in && (t->info.flags & CKF_LOGIN_REQUIRED) && mock_attr_is_true(o, CKA_PRIVATE))
		return CKR_USER_NOT_LOGGED_IN;
	if (mock_decrypt_flag(type) == 0 || !mock_mechanism_offered(t, type) || !mock_mechanism_allowed(o, type))
		return CKR_MECHANISM_INVALID;
	if (rsa ? o->key->type->kind != MOCK_RSA : o->key->type->kind != MOCK_EC && o->key->type->kind != MOCK_MONTGOMERY)
		return CKR_KEY_TYPE_INCONSISTENT;
	if (!mock_attr_is_true(o, right))
		return CKR_KEY_FUNCTION_NOT_PERMITTED;
	*ret_object = o;
	return CKR_OK;
}

CK_RV mock_DecryptInit(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE handle)
{
	struct mock_session *s = mock_session_find(session);
	const struct mock_object *o = NULL;
	CK_RSA_PKCS_OAEP_PARAMS params;
	CK_RV rv = s && s->decrypting ? CKR_OPERATION_ACTIVE : find_key(s, handle, mechanism->mechanism, CKA_DECRYPT, &o);

	if (rv != CKR_OK)
		return rv;
	if (mechanism->pParameter == NULL || mechanism->ulParameterLen != sizeof(params))
		return CKR_MECHANISM_PARAM_INVALID;
	memcpy(&params, mechanism->pParameter, sizeof(params));
	if ((params.hashAlg == CKM_SHA256) != (params.mgf == CKG_MGF1_SHA256) || params.source != CKZ_DATA_SPECIFIED || params.ulSourceDataLen != 0)
		return CKR_MECHANISM_PARAM_INVALID;
	s->sha256 = params.hashAlg == CKM_SHA256;
	s->decrypting = true;
	s->context_login = false;
	s->object = o;
	return CKR_OK;
}

static bool unpad(const struct mock_session *s, struct mock_bytes in, unsigned char out[MAX_PLAIN], size_t *len)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(s->object->key->pkey, NULL);
	const EVP_MD *md = s->sha256 ? EVP_sha256() : EVP_sha1();
	bool ok = ctx != NULL && EVP_PKEY_decrypt_init(ctx) == 1 && EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) == 1 &&
		EVP_PKEY_CTX_set_rsa_oaep_md(ctx, md) == 1 && EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, md) == 1 &&
		EVP_PKEY_decrypt(ctx, out, len, in.data, in.len) == 1;

	EVP_PKEY_CTX_free(ctx);
	ERR_clear_error();
	return ok;
}

CK_RV mock_Decrypt(CK_SESSION_HANDLE session, CK_BYTE *data, CK_ULONG data_len, CK_BYTE *plain, CK_ULONG *plain_len,
	const struct mock_call *call)
{
	struct mock_session *s = mock_session_find(session);
	unsigned char room[MAX_PLAIN];
	size_t len = sizeof(room), given;

	if (s == NULL)
		return CKR_SESSION_HANDLE_INVALID;
	if (!s->decrypting)
		return CKR_OPERATION_NOT_INITIALIZED;
	given = *plain_len;
	s->decrypting = false;
	if (mock_attr_is_true(s->object, CKA_ALWAYS_AUTHENTICATE) && !s->context_login)
		return CKR_USER_NOT_LOGGED_IN;
	if (!unpad(s, (struct mock_bytes){ data, data_len }, room, &len))
		return CKR_ENCRYPTED_DATA_INVALID;
	if (call->flip)
		room[len / 2] ^= 0x10;
	memcpy(plain, room, len < given ? len : given);
	*plain_len = call->lie ? call->length : len;
	return len > given ? CKR_BUFFER_TOO_SMALL : CKR_OK;
}

/* The peer's point raw, or in a DER OCTET STRING. */
static EVP_PKEY *peer_of(const struct mock_key *key, const unsigned char *point, size_t len)
{
	size_t raw = key->type->kind == MOCK_EC ? 1 + 2 * (size_t)key->type->size : key->type->size, head = raw > 127 ? 3 : 2;
	EVP_PKEY *peer;

	if (len == raw + head && point[0] == 0x04 && point[head - 1] == raw) {
		point += head;
		len = raw;
	}
	if (len != raw)
		return NULL;
	if (key->type->kind == MOCK_MONTGOMERY)
		return EVP_PKEY_new_raw_public_key_ex(NULL, key->type->openssl, NULL, point, len);
	peer = EVP_PKEY_new();
	if (peer != NULL && EVP_PKEY_copy_parameters(peer, key->pkey) == 1 && EVP_PKEY_set1_encoded_public_key(peer, point, len) == 1)
		return peer;
	EVP_PKEY_free(peer);
	return NULL;
}

static bool agree(const struct mock_key *key, const CK_ECDH1_DERIVE_PARAMS *params, unsigned char out[MOCK_MAX_Z], size_t *len)
{
	EVP_PKEY *peer = peer_of(key, params->pPublicData, params->ulPublicDataLen);
	EVP_PKEY_CTX *ctx = peer ? EVP_PKEY_CTX_new(key->pkey, NULL) : NULL;
	bool ok;

	*len = MOCK_MAX_Z;
	ok = ctx != NULL && EVP_PKEY_derive_init(ctx) == 1 && EVP_PKEY_derive_set_peer(ctx, peer) == 1 && EVP_PKEY_derive(ctx, out, len) == 1;
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(peer);
	ERR_clear_error();
	return ok;
}

CK_RV mock_DeriveKey(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE base, CK_OBJECT_HANDLE *ret_handle)
{
	struct mock_session *s = mock_session_find(session);
	const struct mock_object *o = NULL;
	CK_ECDH1_DERIVE_PARAMS params;
	CK_RV rv = find_key(s, base, mechanism->mechanism, CKA_DERIVE, &o);
	struct mock_secret *grown;

	if (rv != CKR_OK)
		return rv;
	if (mock_attr_is_true(o, CKA_ALWAYS_AUTHENTICATE) && !s->context_login)
		return CKR_USER_NOT_LOGGED_IN;
	s->context_login = false;
	if (mechanism->pParameter == NULL || mechanism->ulParameterLen != sizeof(params))
		return CKR_MECHANISM_PARAM_INVALID;
	memcpy(&params, mechanism->pParameter, sizeof(params));
	grown = realloc(s->secrets, (s->n_secrets + 1) * sizeof(*grown));
	if (grown == NULL)
		return CKR_HOST_MEMORY;
	s->secrets = grown;
	grown += s->n_secrets;
	if (!agree(o->key, &params, grown->value, &grown->len))
		return CKR_MECHANISM_PARAM_INVALID;
	grown->handle = *ret_handle = ++last_secret;
	s->n_secrets++;
	++*mock.live_secrets;
	return CKR_OK;
}

static struct mock_secret *secret_find(struct mock_session *s, CK_OBJECT_HANDLE handle)
{
	for (size_t i = 0; i < s->n_secrets; i++)
		if (s->secrets[i].handle == handle)
			return &s->secrets[i];
	return NULL;
}

CK_RV mock_DestroyObject(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE handle)
{
	struct mock_session *s = mock_session_find(session);
	struct mock_secret *secret = s ? secret_find(s, handle) : NULL;

	if (s == NULL)
		return CKR_SESSION_HANDLE_INVALID;
	if (secret == NULL)
		return mock_object_destroy(mock_token_at(s->slot), handle);
	*secret = s->secrets[--s->n_secrets];
	--*mock.live_secrets;
	return CKR_OK;
}

void mock_secrets_end(struct mock_session *s)
{
	*mock.live_secrets -= s->n_secrets;
	free(s->secrets);
	s->secrets = NULL;
	s->n_secrets = 0;
}

bool mock_secret_object(struct mock_session *s, CK_OBJECT_HANDLE handle, struct mock_attr *ret_value)
{
	struct mock_secret *secret = secret_find(s, handle);

	if (secret != NULL)
		*ret_value = (struct mock_attr){ .type = CKA_VALUE, .how = MOCK_GIVEN, .value = { secret->value, secret->len } };
	return secret != NULL;
}
