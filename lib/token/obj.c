/* SPDX-License-Identifier: Apache-2.0 */
/* Searching objects and reading attributes of tokens that may lie about either. */
#include <stddef.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "jose/point.h"
#include "kind.h"
#include "obj.h"

enum { BATCH = 256 };

static CK_ATTRIBUTE attr(CK_ATTRIBUTE_TYPE type, const void *value, size_t len)
{
	return (CK_ATTRIBUTE){ .type = type, .pValue = (void *)value, .ulValueLen = len };
}

/* Whatever C_FindObjectsFinal says: is the session free for another search? */
static bool is_ended(CK_RV rv)
{
	return rv == CKR_OK || rv == CKR_OPERATION_NOT_INITIALIZED || rv == CKR_FUNCTION_NOT_SUPPORTED;
}

/* One batch behind the n handles that are there. A count may be larger than what is written: what is no handle does not count. */
static CK_RV find_more(CK_FUNCTION_LIST *fl, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE *handles, CK_ULONG *ret_got)
{
	CK_ULONG got = 0;
	CK_RV rv;

	memset(handles, 0, BATCH * sizeof(*handles));
	rv = fl->C_FindObjects(session, handles, BATCH, &got);
	if (got > BATCH)
		got = BATCH;
	while (got > 0 && handles[got - 1] == CK_INVALID_HANDLE)
		got--;
	*ret_got = got;
	return rv;
}

/* Collects handles; always ends the search, also after an error. A search that does not end is a failure: the session is no good any more. */
static CK_RV collect(CK_FUNCTION_LIST *fl, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE **handles, size_t *n, bool *memory)
{
	CK_OBJECT_HANDLE *grown;
	CK_ULONG got = 1;
	CK_RV rv = CKR_OK, end;
	size_t room = 0;

	while (rv == CKR_OK && got > 0 && *n + BATCH <= J11_MAX_OBJECTS) {
		if (*n + BATCH > room) {
			room = room == 0 ? BATCH : 2 * room;
			grown = j11_mem_resize(*handles, room * sizeof(**handles));
			if (grown == NULL) {
				*memory = true;
				break;
			}
			*handles = grown;
		}
		rv = find_more(fl, session, *handles + *n, &got);
		if (rv == CKR_OK)
			*n += got;
	}
	end = fl->C_FindObjectsFinal(session);
	return rv != CKR_OK || is_ended(end) ? rv : end;
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

#define FIELD(type, name) { type, offsetof(struct j11_object, name), sizeof(((struct j11_object *)0)->name), \
	offsetof(struct j11_object, name##_len) }
static const struct {
	CK_ATTRIBUTE_TYPE type;
	size_t at, room, len_at;
} fields[] = {
	FIELD(CKA_LABEL, label), FIELD(CKA_ID, id), FIELD(CKA_EC_PARAMS, params), FIELD(CKA_EC_POINT, point), FIELD(CKA_MODULUS, n),
	FIELD(CKA_PUBLIC_EXPONENT, e), FIELD(J11_CKA_PUBLIC_KEY_INFO, spki),
};
static const struct {
	CK_ATTRIBUTE_TYPE type;
	enum j11_says bit;
} flags[] = {
	{ CKA_SIGN, J11_SAYS_SIGN }, { CKA_DECRYPT, J11_SAYS_DECRYPT }, { CKA_DERIVE, J11_SAYS_DERIVE }, { CKA_WRAP, J11_SAYS_WRAP },
	{ CKA_UNWRAP, J11_SAYS_UNWRAP }, { CKA_EXTRACTABLE, J11_SAYS_EXTRACTABLE }, { CKA_NEVER_EXTRACTABLE, J11_SAYS_NEVER_EXTRACTABLE },
	{ CKA_SENSITIVE, J11_SAYS_SENSITIVE }, { CKA_ALWAYS_AUTHENTICATE, J11_SAYS_ALWAYS_AUTHENTICATE },
};
enum { N_PUBLIC = 1 + J11_COUNT(fields), N_PRIVATE = N_PUBLIC + 1 + J11_COUNT(flags) };

/* What a call asks for: the key type, the fields, and of a private key the allowed mechanisms and the flags. */
struct query {
	CK_ATTRIBUTE t[N_PRIVATE];
	CK_BBOOL said[J11_COUNT(flags)];
};

static void ask_for(struct query *q, struct j11_object *o)
{
	q->t[0] = attr(CKA_KEY_TYPE, &o->key_type, sizeof(o->key_type));
	for (size_t i = 0; i < J11_COUNT(fields); i++)
		q->t[1 + i] = attr(fields[i].type, (char *)o + fields[i].at, fields[i].room);
	q->t[N_PUBLIC] = attr(CKA_ALLOWED_MECHANISMS, o->allowed, sizeof(o->allowed));
	for (size_t i = 0; i < J11_COUNT(flags); i++)
		q->t[N_PUBLIC + 1 + i] = attr(flags[i].type, &q->said[i], sizeof(q->said[i]));
}

static void take_common(const struct query *q, struct j11_object *o)
{
	o->has_key_type = length_of(&q->t[0], sizeof(o->key_type)) == sizeof(o->key_type);
	for (size_t i = 0; i < J11_COUNT(fields); i++)
		*(size_t *)(void *)((char *)o + fields[i].len_at) = length_of(&q->t[1 + i], fields[i].room);
}

static void take_flags(const struct query *q, struct j11_object *o)
{
	for (size_t i = 0; i < J11_COUNT(flags); i++) {
		if (q->t[N_PUBLIC + 1 + i].ulValueLen != sizeof(q->said[i]))
			continue;
		*(q->said[i] != CK_FALSE ? &o->yes : &o->no) |= flags[i].bit;
	}
}

/* A length of ~0 in a call that was answered in parts: absent, too long, or secret. Asked for alone, the token says which. */
static CK_RV is_absent(struct jwk11_token *token, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE handle, CK_ATTRIBUTE a, CK_RV rv, bool *ret_absent)
{
	*ret_absent = a.ulValueLen == J11_CK_ABSENT && rv == CKR_OK;
	if (a.ulValueLen != J11_CK_ABSENT || rv == CKR_OK)
		return CKR_OK;
	a.pValue = NULL;
	a.ulValueLen = 0;
	rv = token->fl->C_GetAttributeValue(session, handle, &a, 1);
	*ret_absent = rv == CKR_ATTRIBUTE_TYPE_INVALID || (rv == CKR_OK && a.ulValueLen == J11_CK_ABSENT);
	return is_partial(rv) ? CKR_OK : rv;
}

enum jwk11_rc j11_obj_read(struct jwk11_token *token, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE handle, CK_OBJECT_CLASS class,
	struct j11_object *ret_obj, struct jwk11_err *err)
{
	bool private = class == CKO_PRIVATE_KEY || class == CKO_SECRET_KEY;
	struct j11_object *o = ret_obj;
	struct query q = { .said = { 0 } };
	CK_ATTRIBUTE *allowed = &q.t[N_PUBLIC];
	bool absent;
	CK_RV rv;

	memset(o, 0, sizeof(*o)); /* a token that says a length and writes nothing must not get what the last object left here */
	ask_for(&q, o);
	rv = token->fl->C_GetAttributeValue(session, handle, q.t, private ? N_PRIVATE : N_PUBLIC);
	if (!is_partial(rv))
		return j11_token_failed(token, rv, "C_GetAttributeValue", err);
	o->handle = handle;
	take_common(&q, o);
	if (!private)
		return JWK11_OK;
	take_flags(&q, o);
	rv = is_absent(token, session, handle, *allowed, rv, &absent);
	if (rv != CKR_OK) /* the token failed, and said nothing of the attribute */
		return j11_token_failed(token, rv, "C_GetAttributeValue", err);
	if (absent)
		return JWK11_OK;
	o->allowed_unreadable = allowed->ulValueLen > sizeof(o->allowed) || allowed->ulValueLen % sizeof(o->allowed[0]) != 0;
	o->n_allowed = o->allowed_unreadable ? 0 : allowed->ulValueLen / sizeof(o->allowed[0]);
	return JWK11_OK;
}

enum jwk11_rc j11_obj_value(struct jwk11_token *token, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE handle, const char *what,
	struct jwk11_buf *out, struct jwk11_err *err)
{
	CK_ATTRIBUTE a = attr(CKA_VALUE, NULL, 0);
	CK_RV rv = token->fl->C_GetAttributeValue(session, handle, &a, 1);
	size_t start = out->len;

	if (rv != CKR_OK || a.ulValueLen == J11_CK_ABSENT)
		return j11_token_failed(token, rv, "C_GetAttributeValue", err);
	a.pValue = j11_buf_grow(out, a.ulValueLen);
	if (a.pValue == NULL)
		return j11_buf_check(out, what, err);
	memset(a.pValue, 0, a.ulValueLen);
	rv = token->fl->C_GetAttributeValue(session, handle, &a, 1);
	if (rv != CKR_OK || a.ulValueLen > out->len - start) {
		j11_buf_cut(out, start);
		return j11_token_failed(token, rv, "C_GetAttributeValue", err);
	}
	j11_buf_cut(out, start + a.ulValueLen);
	return JWK11_OK;
}

/* Of a newer key type only its own family of curves is believed: another one would send the key a mechanism of another family, which crashes
 * some modules. Before PKCS#11 3.0 every curve came as CKK_EC; SoftHSM 2.6.1 has X25519 under CKK_EC_EDWARDS. */
static bool is_family(CK_KEY_TYPE type, const struct j11_curve *curve)
{
	const struct j11_kind *kind = j11_kind_of_type(type);

	return type == CKK_EC || (kind != NULL && kind->kty == curve->kty && (kind->scheme == curve->scheme || kind->scheme == J11_SCHEME_EDDSA));
}

static enum jwk11_rc ec_pub(const struct j11_object *obj, struct jwk11_pub **ret_pub, struct jwk11_err *err)
{
	const struct j11_curve *curve = j11_point_curve((struct jwk11_view){ .data = obj->params, .len = obj->params_len });

	if (curve == NULL)
		return j11_err_set(err, JWK11_ERR_UNSUPPORTED, J11_CODE_UNSUPPORTED, "its elliptic curve is not supported");
	if (!is_family(obj->key_type, curve))
		return j11_err_set(err, JWK11_ERR_UNSUPPORTED, J11_CODE_UNSUPPORTED, "its key type and its curve do not fit together");
	return j11_point_pub(curve, (struct jwk11_view){ .data = obj->point, .len = obj->point_len }, ret_pub, err);
}

enum jwk11_rc j11_obj_pub(const struct j11_object *obj, struct jwk11_pub **ret_pub, struct jwk11_err *err)
{
	const struct j11_kind *kind = obj->has_key_type ? j11_kind_of_type(obj->key_type) : NULL;

	if (kind == NULL)
		return j11_err_set(err, JWK11_ERR_UNSUPPORTED, J11_CODE_UNSUPPORTED, "its key type is not supported");
	if (kind->kty == J11_KTY_RSA && obj->n_len > 0 && obj->e_len > 0)
		return j11_pub_new_rsa((struct jwk11_view){ .data = obj->n, .len = obj->n_len }, (struct jwk11_view){ .data = obj->e, .len = obj->e_len },
			ret_pub, err);
	if (kind->point && obj->point_len > 0)
		return ec_pub(obj, ret_pub, err);
	return j11_err_set(err, JWK11_ERR_NOT_FOUND, J11_CODE_NOT_FOUND, "no public attributes");
}

/* What the token says, else what the length says. */
static enum j11_mldsa parameter_set(struct jwk11_token *token, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE handle, size_t value_len)
{
	CK_ULONG said = 0;
	CK_ATTRIBUTE a = attr(J11_CKA_PARAMETER_SET, &said, sizeof(said));
	bool told = token->fl->C_GetAttributeValue(session, handle, &a, 1) == CKR_OK && a.ulValueLen == sizeof(said);

	for (enum j11_mldsa set = J11_MLDSA_44; set < J11_N_MLDSA_; set++)
		if (told ? said == (CK_ULONG)set : value_len == j11_mldsa_pub_len(set))
			return set;
	return J11_MLDSA_NONE;
}

enum jwk11_rc j11_obj_akp(struct jwk11_token *token, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE handle, struct jwk11_pub **ret_pub,
	struct jwk11_err *err)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf value = J11_BUF(J11_SPKI_MAX);
	enum jwk11_rc rc = j11_obj_value(token, session, handle, "ML-DSA public key", &value, err);

	return rc == JWK11_OK ? j11_pub_new_akp(parameter_set(token, session, handle, value.len), j11_buf_view(&value), ret_pub, err) : rc;
}
