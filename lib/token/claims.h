/* SPDX-License-Identifier: Apache-2.0 */
/* Everything a token says about a key, and what can be seen of it from outside. Used by `jwk11 inspect`. What a token says is its own word: a module can
 * write anything here. */
#ifndef J11_CLAIMS_H
#define J11_CLAIMS_H

#include "jose/chain.h"
#include "obj.h"

enum j11_said { J11_SAID_NOTHING, J11_SAID_NO, J11_SAID_YES };
enum { J11_N_CLAIMS = 14, J11_CLAIMED_MECHANISMS = 32 };

/* Names of the yes-or-no attributes, in the order of j11_claims.flag: "local" and "CKA_LOCAL". */
extern const struct j11_claim_name {
	CK_ATTRIBUTE_TYPE type;
	const char *word, *attribute, *meaning;
} j11_claim_names[J11_N_CLAIMS];

struct j11_claims {
	enum j11_said flag[J11_N_CLAIMS];
	bool says_generator, says_allowed; /* the attribute is there */
	CK_MECHANISM_TYPE generator;       /* CKA_KEY_GEN_MECHANISM; J11_CK_ABSENT: made elsewhere */
	CK_MECHANISM_TYPE allowed[J11_CLAIMED_MECHANISMS]; /* CKA_ALLOWED_MECHANISMS */
	size_t n_allowed;
	struct j11_claimed_mechanism {
		CK_MECHANISM_TYPE type;
		CK_ULONG min, max;
		bool hardware; /* CKF_HW */
	} mechanisms[J11_CLAIMED_MECHANISMS]; /* of the token, for keys of this kind */
	size_t n_mechanisms;
	unsigned char firmware[2], hardware[2]; /* major and minor */
	bool gives_value; /* by effect, not by its word: the private value was handed out when it was asked for. It is wiped unread */
};

/* Errors: ABSENT, DEVICE. PKCS#11 2.40 sections 4.4, 4.8, 5.5 and 5.7. */
enum jwk11_rc j11_claims_read(struct jwk11_key *key, struct j11_claims *ret_claims, struct jwk11_err *err) J11_MUST_USE;
/* "CKM_ECDSA"; "0x80001234" for one that is not known. */
const char *j11_claims_mechanism(CK_MECHANISM_TYPE type, char ret_room[24]);

#endif
