/* SPDX-License-Identifier: Apache-2.0 */
/* Secret keys for HMAC: what their attributes tell, which algorithm fits them, and a MAC checked on the token. Nothing here, or anywhere
 * else in the library, reads their value. */
#ifndef J11_MAC_H
#define J11_MAC_H

#include "jose/alg.h"
#include "mech.h"
#include "obj.h"

/* A secret key as its attributes describe it. */
struct j11_mac {
	CK_KEY_TYPE type;
	size_t len; /* octets (CKA_VALUE_LEN); 0: the token does not tell */
	bool may_sign, may_verify;
	unsigned char check[8]; /* CKA_CHECK_VALUE, as far as it is there: tells two keys of one name apart */
	size_t check_len;
};

/* Reads what j11_obj_read has not. */
enum jwk11_rc j11_mac_read(struct jwk11_token *token, CK_SESSION_HANDLE session, const struct j11_object *obj, struct j11_mac *ret_mac,
	struct jwk11_err *err) J11_MUST_USE;
/* Why no algorithm fits this key, or the token lets it do nothing; NULL when it is good for something. `allowed`: what its
 * CKA_ALLOWED_MECHANISMS lets through. */
const char *j11_mac_problem(const struct j11_mac *mac, j11_mech_set allowed);
/* The first algorithm that fits; NULL. A key type of one hash is for that hash; any other is for each that it is long enough for. */
const struct j11_alg *j11_mac_default(const struct j11_mac *mac);
/* Does it fit? Else MISMATCH with ALG_MISMATCH: another kind of algorithm, another hash, or a key shorter than the hash (RFC 7518 3.2). */
enum jwk11_rc j11_mac_fits(const struct j11_mac *mac, const struct j11_alg *alg, struct jwk11_err *err) J11_MUST_USE;
/* May these be the same key, seen at two times? */
bool j11_mac_equal(const struct j11_mac *a, const struct j11_mac *b);

/* One try on one session, for j11_run: C_VerifyInit and C_Verify. A second MAC is made and compared for a key that may not verify, and where
 * C_Verify fails with a code that says nothing about the MAC. */
CK_RV j11_mac_check(struct jwk11_token *token, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE handle, struct j11_mech *mech,
	const struct j11_mac *mac, struct jwk11_view sig, bool *ret_differs);

#endif
