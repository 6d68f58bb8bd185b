/* SPDX-License-Identifier: Apache-2.0 */
/* Searching objects and reading attributes of tokens that may lie about either. */
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "jose/der.h"
#include "key.h"

enum { TAG_OCTET_STRING = 0x04, TAG_PRINTABLE = 0x13, BATCH = 256 };

static CK_ATTRIBUTE attr(CK_ATTRIBUTE_TYPE type, const void *value, size_t len)
{
	return (CK_ATTRIBUTE){ .type = type, .pValue = (void *)value, .ulValueLen = len };
}

/* Collects handles; always ends the search, also after an error. */
static CK_RV collect(CK_FUNCTION_LIST *fl, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE **handles, size_t *n, bool *memory)
{
	CK_OBJECT_HANDLE *grown;
	CK_ULONG got = 1;
	CK_RV rv = CKR_OK;

	while (rv == CKR_OK && got > 0 && *n + BATCH <= J11_MAX_OBJECTS) {
		grown = j11_mem_resize(*handles, (*n + BATCH) * sizeof(**handles));
		if (grown == NULL) {
			*memory = true;
			break;
		}
		*handles = grown;
		got = 0;
		rv = fl->C_FindObjects(session, *handles + *n, BATCH, &got);
		if (rv == CKR_OK)
			*n += got < BATCH ? got : BATCH;
	}
	fl->C_FindObjectsFinal(session);
	return rv;
}

enum jwk11_rc j11_obj_find(struct jwk11_token *token, CK_SESSION_HANDLE session, CK_OBJECT_CLASS class, struct jwk11_view label,
	struct jwk11_view id, CK_OBJECT_HANDLE **ret_handles, size_t *ret_n, struct jwk11_err *err)
{
	CK_ATTRIBUTE template[3] = { attr(CKA_CLASS, &class, sizeof(class)) };
	CK_OBJECT_HANDLE *handles = NULL;
	CK_ULONG n_attrs = 1;
	bool memory = false;
	size_t n = 0;
	CK_RV rv;

	if (label.data != NULL)
		template[n_attrs++] = attr(CKA_LABEL, label.data, label.len);
	if (id.data != NULL)
		template[n_attrs++] = attr(CKA_ID, id.data, id.len);
	rv = token->fl->C_FindObjectsInit(session, template, n_attrs);
	if (rv == CKR_OK)
		rv = collect(token->fl, session, &handles, &n, &memory);
	if (memory || rv != CKR_OK) {
		j11_mem_free(handles);
		return memory ? j11_err_memory(err) : j11_token_failed(token, rv, "C_FindObjects", err);
	}
	*ret_handles = handles;
	*ret_n = n;
	return JWK11_OK;
}

/* Per-attribute refusals leave the others filled (PKCS#11 5.7.5). */
static bool is_partial(CK_RV rv)
{
	return rv == CKR_OK || rv == CKR_ATTRIBUTE_TYPE_INVALID || rv == CKR_ATTRIBUTE_SENSITIVE || rv == CKR_BUFFER_TOO_SMALL;
}

static size_t length_of(const CK_ATTRIBUTE *a, size_t room)
{
	return a->ulValueLen == J11_CK_ABSENT || a->ulValueLen > room ? 0 : a->ulValueLen;
}

enum jwk11_rc j11_obj_read(struct jwk11_token *token, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE handle, struct j11_object *ret_obj,
	struct jwk11_err *err)
{
	struct j11_object *o = ret_obj;
	CK_BBOOL sign = CK_FALSE;
	CK_ATTRIBUTE t[] = {
		attr(CKA_KEY_TYPE, &o->key_type, sizeof(o->key_type)),
		attr(CKA_SIGN, &sign, sizeof(sign)),
		attr(CKA_LABEL, o->label, sizeof(o->label)),
		attr(CKA_ID, o->id, sizeof(o->id)),
		attr(CKA_EC_PARAMS, o->params, sizeof(o->params)),
		attr(CKA_EC_POINT, o->point, sizeof(o->point)),
		attr(CKA_MODULUS, o->n, sizeof(o->n)),
		attr(CKA_PUBLIC_EXPONENT, o->e, sizeof(o->e)),
		attr(J11_CKA_PUBLIC_KEY_INFO, o->spki, sizeof(o->spki)),
	};
	CK_RV rv = token->fl->C_GetAttributeValue(session, handle, t, J11_COUNT(t));

	if (!is_partial(rv))
		return j11_token_failed(token, rv, "C_GetAttributeValue", err);
	o->handle = handle;
	o->has_key_type = length_of(&t[0], sizeof(o->key_type)) == sizeof(o->key_type);
	o->may_sign = length_of(&t[1], sizeof(sign)) == sizeof(sign) && sign != CK_FALSE;
	o->label_len = length_of(&t[2], sizeof(o->label));
	o->id_len = length_of(&t[3], sizeof(o->id));
	o->params_len = length_of(&t[4], sizeof(o->params));
	o->point_len = length_of(&t[5], sizeof(o->point));
	o->n_len = length_of(&t[6], sizeof(o->n));
	o->e_len = length_of(&t[7], sizeof(o->e));
	o->spki_len = length_of(&t[8], sizeof(o->spki));
	return JWK11_OK;
}

enum jwk11_rc j11_obj_value(struct jwk11_token *token, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE handle, struct jwk11_buf *out,
	struct jwk11_err *err)
{
	CK_ATTRIBUTE a = attr(CKA_VALUE, NULL, 0);
	CK_RV rv = token->fl->C_GetAttributeValue(session, handle, &a, 1);
	size_t start = out->len;

	if (rv != CKR_OK || a.ulValueLen == J11_CK_ABSENT)
		return j11_token_failed(token, rv, "C_GetAttributeValue", err);
	a.pValue = j11_buf_grow(out, a.ulValueLen);
	if (a.pValue == NULL)
		return j11_buf_check(out, "certificate", err);
	rv = token->fl->C_GetAttributeValue(session, handle, &a, 1);
	if (rv != CKR_OK || a.ulValueLen > out->len - start) {
		j11_buf_cut(out, start);
		return j11_token_failed(token, rv, "C_GetAttributeValue", err);
	}
	j11_buf_cut(out, start + a.ulValueLen);
	return JWK11_OK;
}

/* A curve by its OID or by the PrintableString some tokens write, byte for byte; explicit parameters are not guessed at. */
static const struct j11_curve *curve_of(struct jwk11_view params)
{
	static const enum j11_crv all[] = { J11_CRV_P256, J11_CRV_P384, J11_CRV_P521, J11_CRV_ED25519 };
	struct jwk11_view name;

	for (size_t i = 0; i < J11_COUNT(all); i++) {
		const struct j11_curve *c = j11_curve_get(all[i]);

		if (j11_view_equal(params, (struct jwk11_view){ .data = c->oid, .len = c->oid_len }))
			return c;
		if (j11_der_whole(params, TAG_PRINTABLE, &name) && j11_view_equals(name, c->printable))
			return c;
	}
	return NULL;
}

/* The point's octets: raw when the length says so, else the content of a DER OCTET STRING of that length. DER first would take one raw
 * Ed25519 key in 65,536 for an encoding. */
static bool point_of(const struct j11_object *obj, size_t raw_len, struct jwk11_view *ret_point)
{
	struct jwk11_view v = { .data = obj->point, .len = obj->point_len };

	if (v.len != raw_len && !j11_der_whole(v, TAG_OCTET_STRING, &v))
		return false;
	*ret_point = v;
	return v.len == raw_len;
}

static enum jwk11_rc ec_pub(const struct j11_object *obj, struct jwk11_pub **ret_pub, struct jwk11_err *err)
{
	const struct j11_curve *curve = curve_of((struct jwk11_view){ .data = obj->params, .len = obj->params_len });
	bool okp = curve != NULL && curve->kty == J11_KTY_OKP;
	struct jwk11_view point;
	const unsigned char *p;

	if (curve == NULL)
		return j11_err_set(err, JWK11_ERR_UNSUPPORTED, J11_CODE_UNSUPPORTED, "its elliptic curve is not supported");
	if (!point_of(obj, okp ? curve->coord_len : 1 + 2 * curve->coord_len, &point))
		return j11_err_set(err, JWK11_ERR_UNSUPPORTED, J11_CODE_UNSUPPORTED, "its public point has an unexpected form");
	if (okp)
		return j11_pub_new_okp(curve->crv, point, ret_pub, err);
	p = point.data;
	if (p[0] != 0x04)
		return j11_err_set(err, JWK11_ERR_UNSUPPORTED, J11_CODE_UNSUPPORTED, "its public point is not uncompressed");
	return j11_pub_new_ec(curve->crv, (struct jwk11_view){ .data = p + 1, .len = curve->coord_len },
		(struct jwk11_view){ .data = p + 1 + curve->coord_len, .len = curve->coord_len }, ret_pub, err);
}

enum jwk11_rc j11_obj_pub(const struct j11_object *obj, struct jwk11_pub **ret_pub, struct jwk11_err *err)
{
	bool ec = obj->key_type == CKK_EC || obj->key_type == J11_CKK_EC_EDWARDS;

	if (!obj->has_key_type || (!ec && obj->key_type != CKK_RSA))
		return j11_err_set(err, JWK11_ERR_UNSUPPORTED, J11_CODE_UNSUPPORTED, "its key type is not supported");
	if (!ec && obj->n_len > 0 && obj->e_len > 0)
		return j11_pub_new_rsa((struct jwk11_view){ .data = obj->n, .len = obj->n_len }, (struct jwk11_view){ .data = obj->e, .len = obj->e_len },
			ret_pub, err);
	if (ec && obj->point_len > 0)
		return ec_pub(obj, ret_pub, err);
	return j11_err_set(err, JWK11_ERR_NOT_FOUND, J11_CODE_NOT_FOUND, "no public attributes");
}
