/* SPDX-License-Identifier: Apache-2.0 */
/* The table of key kinds. */
#include "kind.h"

static const struct j11_kind kinds[] = {
	{ J11_KTY_RSA, J11_SCHEME_NONE, CKK_RSA, CKM_RSA_PKCS_KEY_PAIR_GEN, false },
	{ J11_KTY_EC, J11_SCHEME_ECDSA, CKK_EC, CKM_EC_KEY_PAIR_GEN, true },
	{ J11_KTY_OKP, J11_SCHEME_EDDSA, J11_CKK_EC_EDWARDS, J11_CKM_EC_EDWARDS_KEY_PAIR_GEN, true },
	{ J11_KTY_OKP, J11_SCHEME_NONE, J11_CKK_EC_MONTGOMERY, J11_CKM_EC_MONTGOMERY_KEY_PAIR_GEN, true },
	{ J11_KTY_AKP, J11_SCHEME_NONE, J11_CKK_ML_DSA, J11_CKM_ML_DSA_KEY_PAIR_GEN, false },
};

const struct j11_kind *j11_kind_of_type(CK_KEY_TYPE type)
{
	for (size_t i = 0; i < J11_COUNT(kinds); i++)
		if (kinds[i].type == type)
			return &kinds[i];
	return NULL;
}

const struct j11_kind *j11_kind_of(enum j11_kty kty, const struct j11_curve *curve)
{
	for (size_t i = 0; i < J11_COUNT(kinds); i++)
		if (kinds[i].kty == kty && kinds[i].scheme == (curve ? curve->scheme : J11_SCHEME_NONE))
			return &kinds[i];
	return NULL;
}
