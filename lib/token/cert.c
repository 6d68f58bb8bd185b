/* SPDX-License-Identifier: Apache-2.0 */
/* The certificates on a token, and which of them are a key's. */
#include "cert.h"
#include "cert_file.h"

#include <string.h>
#include <time.h>

#include "base/err.h"
#include "base/mem.h"
#include "key.h"

/* One object that the token will not show is passed over; any other failure may be a loss and ends the reading. */
static bool is_own_fault(CK_RV rv)
{
	return rv == CKR_ATTRIBUTE_TYPE_INVALID || rv == CKR_ATTRIBUTE_SENSITIVE || rv == CKR_BUFFER_TOO_SMALL || rv == CKR_OBJECT_HANDLE_INVALID;
}

static struct jwk11_view value_of(const CK_ATTRIBUTE *a, size_t room)
{
	bool there = a->ulValueLen != J11_CK_ABSENT && a->ulValueLen <= room;

	return (struct jwk11_view){ .data = a->pValue, .len = there ? a->ulValueLen : 0 };
}

/* Two calls: the length of the DER with what names it, then the DER. */
enum jwk11_rc j11_cert_read(struct jwk11_token *token, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE handle, struct jwk11_certs *certs,
	struct jwk11_err *err)
{
	J11_AUTO(j11_mem_free_auto) unsigned char *der = NULL;
	unsigned char id[J11_ID_MAX] = { 0 }, label[J11_LABEL_MAX] = { 0 };
	CK_ATTRIBUTE t[] = { { CKA_VALUE, NULL, 0 }, { CKA_ID, id, sizeof(id) }, { CKA_LABEL, label, sizeof(label) } };
	CK_RV rv = token->fl->C_GetAttributeValue(session, handle, t, J11_COUNT(t));
	size_t len = t[0].ulValueLen;

	if (rv != CKR_OK && !is_own_fault(rv))
		return j11_token_failed(token, rv, "C_GetAttributeValue", err);
	if (len == J11_CK_ABSENT || len == 0 || len > J11_CERT_LEN_MAX) {
		certs->n_unread++;
		return JWK11_OK;
	}
	der = j11_mem_new(len);
	if (der == NULL)
		return j11_err_memory(err);
	t[0] = (CK_ATTRIBUTE){ CKA_VALUE, der, len };
	rv = token->fl->C_GetAttributeValue(session, handle, t, 1);
	if (rv != CKR_OK && !is_own_fault(rv))
		return j11_token_failed(token, rv, "C_GetAttributeValue", err);
	if (rv != CKR_OK) {
		certs->n_unread++;
		return JWK11_OK;
	}
	return j11_certs_add(certs, value_of(&t[0], len), value_of(&t[1], sizeof(id)), value_of(&t[2], sizeof(label)), err);
}

static enum jwk11_rc read_all(struct jwk11_token *token, CK_SESSION_HANDLE session, unsigned generation, void *arg, struct jwk11_err *err)
{
	struct jwk11_certs **ret_certs = arg;
	J11_AUTO(j11_mem_free_auto) CK_OBJECT_HANDLE *handles = NULL;
	struct jwk11_certs *certs = j11_mem_new(sizeof(*certs));
	struct jwk11_view any = { 0 };
	size_t n = 0;
	enum jwk11_rc rc;

	(void)generation;
	if (certs == NULL)
		return j11_err_memory(err);
	rc = j11_obj_find(token, session, CKO_CERTIFICATE, any, any, &handles, &n, err);
	for (size_t i = 0; rc == JWK11_OK && i < n; i++) {
		if (i < J11_CERTS_MAX)
			rc = j11_cert_read(token, session, handles[i], certs, err);
		else
			certs->n_unread++;
	}
	if (rc == JWK11_OK)
		*ret_certs = certs;
	else
		jwk11_certs_free(certs);
	return rc;
}

enum jwk11_rc jwk11_token_certs(struct jwk11_token *token, struct jwk11_certs **ret_certs, struct jwk11_err *err)
{
	enum jwk11_rc rc;

	if (token == NULL || ret_certs == NULL)
		return j11_err_set(err, JWK11_ERR_ARGUMENT, J11_CODE_ARGUMENT, "certificates: token or place is missing");
	rc = j11_p11_check(token->ctx, err);
	return rc == JWK11_OK ? j11_sess_read(token, read_all, ret_certs, err) : rc;
}

void jwk11_certs_free(struct jwk11_certs *certs)
{
	if (certs == NULL)
		return;
	j11_certs_done(certs);
	j11_mem_free(certs);
}

size_t jwk11_certs_count(const struct jwk11_certs *certs)
{
	return certs->n;
}

enum jwk11_rc jwk11_key_chain(const struct jwk11_key *key, const struct jwk11_certs *certs, struct jwk11_chain **ret_chain, struct jwk11_err *err)
{
	struct jwk11_certs *own = NULL;
	struct j11_chain_of of;
	enum jwk11_rc rc = JWK11_OK;

	if (key == NULL || ret_chain == NULL)
		return j11_err_set(err, JWK11_ERR_ARGUMENT, J11_CODE_ARGUMENT, "certificate chain: key or place is missing");
	if (key->pub == NULL)
		return j11_err_set(err, JWK11_ERR_MISMATCH, J11_CODE_KEY_SECRET, "key \"%s\" is a secret key: no certificate is of it", key->label);
	of = (struct j11_chain_of){ .pub = key->pub, .name = key->label, .id = { .data = key->id, .len = key->id_len },
		.label = { .data = key->raw_label, .len = key->raw_label_len }, .now = (int64_t)time(NULL) };
	if (j11_key_has_file_chain(key))
		return j11_key_file_chain(key, ret_chain, err);
	if (certs == NULL)
		rc = jwk11_token_certs(key->token, &own, err);
	if (rc == JWK11_OK)
		rc = j11_chain_new(certs ? certs : own, &of, ret_chain, err);
	jwk11_certs_free(own);
	return rc == JWK11_OK || rc == JWK11_ERR_NOT_FOUND ? j11_key_file_note(key, rc, rc == JWK11_OK ? *ret_chain : NULL, err) : rc;
}
