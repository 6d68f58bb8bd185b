/* SPDX-License-Identifier: Apache-2.0 */
/* Keys found on a token: the private handle with its proven or likely public half. */
#ifndef J11_KEY_H
#define J11_KEY_H

#include "base/buf.h"
#include "jose/pub.h"
#include "token.h"

enum { J11_LABEL_MAX = 256, J11_ID_MAX = 128, J11_MAX_OBJECTS = 65536 };

/* handle, generation, proven and quarantined are guarded by token->lock; the rest never changes. */
struct jwk11_key {
	_Atomic unsigned refs;
	struct jwk11_token *token; /* a reference */
	struct jwk11_pub *pub;     /* a reference */
	char label[J11_LABEL_MAX + 1];
	unsigned char id[J11_ID_MAX];
	size_t id_len;
	CK_OBJECT_HANDLE handle;
	unsigned generation; /* of the token when the handle was found */
	bool proven;         /* a signature verified since then */
	bool quarantined;    /* a signature did not verify */
};

/* One object's attributes as far as the token gives them; an absent one has len 0. */
struct j11_object {
	CK_OBJECT_HANDLE handle;
	CK_KEY_TYPE key_type;
	bool has_key_type, may_sign;
	unsigned char label[J11_LABEL_MAX], id[J11_ID_MAX], params[256], point[256], n[J11_RSA_MAX_BITS / 8 + 1], e[16], spki[1200];
	size_t label_len, id_len, params_len, point_len, n_len, e_len, spki_len;
};

/* obj.c: all objects of a class that match label and id (data NULL: any). Caller frees with j11_mem_free. */
enum jwk11_rc j11_obj_find(struct jwk11_token *token, CK_SESSION_HANDLE session, CK_OBJECT_CLASS class, struct jwk11_view label,
	struct jwk11_view id, CK_OBJECT_HANDLE **ret_handles, size_t *ret_n, struct jwk11_err *err) J11_MUST_USE;
/* Reads the attributes that key objects have. Attributes the token does not have or will not tell stay empty. */
enum jwk11_rc j11_obj_read(struct jwk11_token *token, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE handle, struct j11_object *ret_obj,
	struct jwk11_err *err) J11_MUST_USE;
/* CKA_VALUE of a certificate appended to out. */
enum jwk11_rc j11_obj_value(struct jwk11_token *token, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE handle, struct jwk11_buf *out,
	struct jwk11_err *err) J11_MUST_USE;
/* The public key in an object's own attributes; NOT_FOUND when it has none. Points and parameters by exact length first, DER second. */
enum jwk11_rc j11_obj_pub(const struct j11_object *obj, struct jwk11_pub **ret_pub, struct jwk11_err *err) J11_MUST_USE;

/* key.c: finds the key again after a loss, by label, id and equal public half. The caller holds a session. */
enum jwk11_rc j11_key_refind(struct jwk11_key *key, CK_SESSION_HANDLE session, unsigned generation, struct jwk11_err *err) J11_MUST_USE;

#endif
