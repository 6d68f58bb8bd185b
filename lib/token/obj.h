/* SPDX-License-Identifier: Apache-2.0 */
/* Objects on a token: finding them, reading their attributes. */
#ifndef J11_OBJ_H
#define J11_OBJ_H

#include "base/buf.h"
#include "jose/pub.h"
#include "token.h"

enum { J11_LABEL_MAX = 256, J11_ID_MAX = 128, J11_MAX_ALLOWED = 512, J11_MAX_OBJECTS = 65536 };

/* Yes-or-no attributes of private keys, as bits. */
enum j11_says {
	J11_SAYS_SIGN = 1, J11_SAYS_DECRYPT = 2, J11_SAYS_DERIVE = 4, J11_SAYS_WRAP = 8, J11_SAYS_UNWRAP = 16, J11_SAYS_EXTRACTABLE = 32,
	J11_SAYS_NEVER_EXTRACTABLE = 64, J11_SAYS_SENSITIVE = 128, J11_SAYS_ALWAYS_AUTHENTICATE = 256
};

/* One object's attributes as far as the token gives them; an absent one has len 0. */
struct j11_object {
	CK_OBJECT_HANDLE handle;
	CK_KEY_TYPE key_type;
	bool has_key_type;
	unsigned yes, no; /* bits of enum j11_says; in neither: the token does not say */
	bool allowed_unreadable; /* CKA_ALLOWED_MECHANISMS is there and no list that fits */
	CK_MECHANISM_TYPE allowed[J11_MAX_ALLOWED];
	size_t n_allowed; /* 0: no restriction (absent, or empty: SoftHSM) */
	unsigned char label[J11_LABEL_MAX], id[J11_ID_MAX], params[1024], point[256], n[J11_RSA_MAX_BITS / 8 + 1], e[16], spki[J11_SPKI_MAX];
	size_t label_len, id_len, params_len, point_len, n_len, e_len, spki_len;
};

/* All objects of a class that match label and id (data NULL: any). Caller frees with j11_mem_free. */
enum jwk11_rc j11_obj_find(struct jwk11_token *token, CK_SESSION_HANDLE session, CK_OBJECT_CLASS class, struct jwk11_view label,
	struct jwk11_view id, CK_OBJECT_HANDLE **ret_handles, size_t *ret_n, struct jwk11_err *err) J11_MUST_USE;
/* Reads the attributes that objects of this class have. Attributes the token does not have or will not tell stay empty. */
enum jwk11_rc j11_obj_read(struct jwk11_token *token, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE handle, CK_OBJECT_CLASS class,
	struct j11_object *ret_obj, struct jwk11_err *err) J11_MUST_USE;
/* CKA_VALUE of a certificate or a public key appended to out; `what` is for sentences. Never asked of a private key: there it is the secret. */
enum jwk11_rc j11_obj_value(struct jwk11_token *token, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE handle, const char *what,
	struct jwk11_buf *out, struct jwk11_err *err) J11_MUST_USE;
/* The public key in an object's own attributes; NOT_FOUND when it has none. */
enum jwk11_rc j11_obj_pub(const struct j11_object *obj, struct jwk11_pub **ret_pub, struct jwk11_err *err) J11_MUST_USE;
/* Of a public object with CKK_ML_DSA: CKA_VALUE, whose length must be that of its CKA_PARAMETER_SET, or of one we know when the token does not
 * say which. PKCS#11 3.2, ML-DSA public key objects. */
enum jwk11_rc j11_obj_akp(struct jwk11_token *token, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE handle, struct jwk11_pub **ret_pub,
	struct jwk11_err *err) J11_MUST_USE;

#endif
