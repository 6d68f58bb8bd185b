/* SPDX-License-Identifier: Apache-2.0 */
/* Does a key stay on its token? */
#include "made.h"

#include "base/err.h"
#include "base/mem.h"

enum { VALUE_MAX = 4096 };

/* A yes-or-no attribute; `silent` when the token does not say. */
static CK_BBOOL said(struct jwk11_token *token, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key, CK_ATTRIBUTE_TYPE type, CK_BBOOL silent)
{
	CK_BBOOL value = silent;
	CK_ATTRIBUTE a = { type, &value, sizeof(value) };

	return token->fl->C_GetAttributeValue(session, key, &a, 1) == CKR_OK && a.ulValueLen == sizeof(value) ? value : silent;
}

/* By effect: does the token hand out this attribute? What it gives is wiped unread. */
static bool gives(struct jwk11_token *token, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key, CK_ATTRIBUTE_TYPE type)
{
	unsigned char room[VALUE_MAX];
	CK_ATTRIBUTE a = { type, room, sizeof(room) };
	CK_RV rv = token->fl->C_GetAttributeValue(session, key, &a, 1);

	j11_mem_wipe(room, sizeof(room));
	return rv == CKR_OK && a.ulValueLen != J11_CK_ABSENT && a.ulValueLen > 0;
}

bool j11_made_is_about_attributes(CK_RV rv)
{
	return rv == CKR_ATTRIBUTE_TYPE_INVALID || rv == CKR_ATTRIBUTE_VALUE_INVALID || rv == CKR_ATTRIBUTE_READ_ONLY || rv == CKR_TEMPLATE_INCONSISTENT ||
		rv == CKR_TEMPLATE_INCOMPLETE;
}

bool j11_made_gives(struct jwk11_token *token, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key)
{
	static const CK_ATTRIBUTE_TYPE parts[] = { CKA_VALUE, CKA_PRIVATE_EXPONENT, CKA_PRIME_1 };

	for (size_t i = 0; i < J11_COUNT(parts); i++)
		if (gives(token, session, key, parts[i]))
			return true;
	return false;
}

enum jwk11_rc j11_made_check(struct jwk11_token *token, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key, const char *label, struct jwk11_err *err)
{
	const char *why = NULL;

	if (said(token, session, key, CKA_EXTRACTABLE, CK_TRUE) != CK_FALSE)
		why = "as extractable";
	else if (said(token, session, key, CKA_SENSITIVE, CK_TRUE) == CK_FALSE)
		why = "as not sensitive";
	else if (j11_made_gives(token, session, key))
		why = "and gives its private value to whoever asks";
	if (why == NULL)
		return JWK11_OK;
	return j11_err_set(err, JWK11_ERR_DEVICE, J11_CODE_TOKEN_FAILED, "token \"%s\" keeps key \"%s\" %s", token->info.label, label, why);
}
