/* SPDX-License-Identifier: Apache-2.0 */
/* The module's face: slots, tokens, and the function list. Every function counts its call, fails as the script says, or does its work. */
#include "mock.h"

#include <string.h>

/* What every function looks like: enter (count, fault, lock), work, leave (unlock). */
#define MOCK_DO(function, work) \
	struct mock_call call; \
	CK_RV rv = mock_enter(MOCK_##function, &call); \
	return rv == CKR_OK ? mock_leave(work) : rv

static void pad(unsigned char *field, size_t size, const char *text)
{
	memset(field, ' ', size);
	memcpy(field, text, strlen(text));
}

static CK_RV do_initialize(void)
{
	mock.ready = true;
	return CKR_OK;
}

static CK_RV do_finalize(void)
{
	mock_handles_change();
	mock.ready = false; /* mock_leave clears the rest */
	return CKR_OK;
}

static CK_RV do_info(CK_INFO *info)
{
	memset(info, 0, sizeof(*info));
	info->cryptokiVersion = (CK_VERSION){ 2, 40 };
	info->libraryVersion = (CK_VERSION){ 0, 1 };
	pad(info->manufacturerID, sizeof(info->manufacturerID), "jwk11");
	pad(info->libraryDescription, sizeof(info->libraryDescription), "jwk11 mock");
	return CKR_OK;
}

static bool is_present(const struct mock_token *t)
{
	return !t->empty && !t->vanished && !t->was_absent;
}

static CK_RV do_slot_list(CK_BBOOL present, CK_SLOT_ID *list, CK_ULONG *n, const struct mock_call *call)
{
	CK_ULONG found = 0, room = list ? *n : 0;

	for (size_t i = 0; i < mock.n_tokens; i++) {
		if (present && !is_present(&mock.tokens[i]))
			continue;
		if (found < room)
			list[found] = i + 1;
		found++;
	}
	*n = call->lie ? call->length : found;
	return list != NULL && found > room ? CKR_BUFFER_TOO_SMALL : CKR_OK;
}

static CK_RV do_slot_info(CK_SLOT_ID slot, CK_SLOT_INFO *info)
{
	const struct mock_token *t = mock_token_at(slot);

	if (t == NULL)
		return CKR_SLOT_ID_INVALID;
	memset(info, 0, sizeof(*info));
	pad(info->slotDescription, sizeof(info->slotDescription), "mock slot");
	pad(info->manufacturerID, sizeof(info->manufacturerID), "jwk11");
	info->flags = CKF_REMOVABLE_DEVICE | (is_present(t) ? CKF_TOKEN_PRESENT : 0);
	return CKR_OK;
}

/* Wrong PINs show in the flags; each replaces the one before, as real tokens do it. */
static CK_FLAGS pin_flags(const struct mock_token *t)
{
	uint64_t wrong = *t->wrong_pins;

	if (t->tries == 0 || wrong == 0)
		return 0;
	if (wrong >= t->tries)
		return CKF_USER_PIN_LOCKED;
	return wrong == t->tries - 1 ? CKF_USER_PIN_FINAL_TRY : CKF_USER_PIN_COUNT_LOW;
}

static CK_RV do_token_info(CK_SLOT_ID slot, CK_TOKEN_INFO *info)
{
	const struct mock_token *t = mock_token_at(slot);

	if (t == NULL)
		return CKR_SLOT_ID_INVALID;
	if (!is_present(t))
		return CKR_TOKEN_NOT_PRESENT;
	*info = t->info;
	info->flags |= pin_flags(t);
	return CKR_OK;
}

static CK_RV do_mechanism_list(CK_SLOT_ID slot, CK_MECHANISM_TYPE *list, CK_ULONG *n)
{
	const struct mock_token *t = mock_token_at(slot);
	CK_ULONG found = 0, room = list ? *n : 0;

	if (t == NULL)
		return CKR_SLOT_ID_INVALID;
	for (size_t i = 0; mock_mechanism_at(i) != MOCK_UNAVAILABLE; i++) {
		if (!mock_mechanism_offered(t, mock_mechanism_at(i)))
			continue;
		if (found < room)
			list[found] = mock_mechanism_at(i);
		found++;
	}
	*n = found;
	return list != NULL && found > room ? CKR_BUFFER_TOO_SMALL : CKR_OK;
}

static CK_RV do_mechanism_info(CK_SLOT_ID slot, CK_MECHANISM_TYPE type, CK_MECHANISM_INFO *info)
{
	const struct mock_token *t = mock_token_at(slot);

	if (t == NULL)
		return CKR_SLOT_ID_INVALID;
	if (!mock_mechanism_offered(t, type))
		return CKR_MECHANISM_INVALID;
	*info = (CK_MECHANISM_INFO){ .ulMinKeySize = 0, .ulMaxKeySize = 1UL << 16, .flags = CKF_SIGN | CKF_VERIFY };
	if (mock_decrypt_flag(type) != 0)
		info->flags = mock_decrypt_flag(type);
	return CKR_OK;
}

/* A count of handles or lengths of attributes that is not true. */
static CK_RV find(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE *handles, CK_ULONG max, CK_ULONG *n, const struct mock_call *call)
{
	CK_RV rv = mock_FindObjects(session, handles, max, n);

	if (rv == CKR_OK && call->lie)
		*n = call->length;
	return rv;
}

static CK_RV get_attributes(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE *attrs, CK_ULONG n, const struct mock_call *call)
{
	CK_RV rv = mock_GetAttributeValue(session, object, attrs, n);

	for (CK_ULONG i = 0; call->lie && i < n; i++)
		if (attrs[i].ulValueLen != MOCK_UNAVAILABLE)
			attrs[i].ulValueLen = call->length;
	return rv;
}

CK_RV C_Initialize(void *args)
{
	(void)args;
	MOCK_DO(C_Initialize, do_initialize());
}

CK_RV C_Finalize(void *reserved)
{
	(void)reserved;
	MOCK_DO(C_Finalize, do_finalize());
}

CK_RV C_GetInfo(CK_INFO *info)
{
	MOCK_DO(C_GetInfo, do_info(info));
}

CK_RV C_GetSlotList(CK_BBOOL present, CK_SLOT_ID *list, CK_ULONG *n)
{
	MOCK_DO(C_GetSlotList, do_slot_list(present, list, n, &call));
}

CK_RV C_GetSlotInfo(CK_SLOT_ID slot, CK_SLOT_INFO *info)
{
	MOCK_DO(C_GetSlotInfo, do_slot_info(slot, info));
}

CK_RV C_GetTokenInfo(CK_SLOT_ID slot, CK_TOKEN_INFO *info)
{
	MOCK_DO(C_GetTokenInfo, do_token_info(slot, info));
}

CK_RV C_GetMechanismList(CK_SLOT_ID slot, CK_MECHANISM_TYPE *list, CK_ULONG *n)
{
	MOCK_DO(C_GetMechanismList, do_mechanism_list(slot, list, n));
}

CK_RV C_GetMechanismInfo(CK_SLOT_ID slot, CK_MECHANISM_TYPE type, CK_MECHANISM_INFO *info)
{
	MOCK_DO(C_GetMechanismInfo, do_mechanism_info(slot, type, info));
}

CK_RV C_OpenSession(CK_SLOT_ID slot, CK_FLAGS flags, void *application, CK_NOTIFY notify, CK_SESSION_HANDLE *session)
{
	MOCK_DO(C_OpenSession, mock_OpenSession(slot, flags, application, notify, session));
}

CK_RV C_CloseSession(CK_SESSION_HANDLE session)
{
	MOCK_DO(C_CloseSession, mock_CloseSession(session));
}

CK_RV C_CloseAllSessions(CK_SLOT_ID slot)
{
	MOCK_DO(C_CloseAllSessions, mock_CloseAllSessions(slot));
}

CK_RV C_GetSessionInfo(CK_SESSION_HANDLE session, CK_SESSION_INFO *info)
{
	MOCK_DO(C_GetSessionInfo, mock_GetSessionInfo(session, info));
}

CK_RV C_Login(CK_SESSION_HANDLE session, CK_USER_TYPE user, CK_UTF8CHAR *pin, CK_ULONG len)
{
	MOCK_DO(C_Login, mock_Login(session, user, pin, len));
}

CK_RV C_Logout(CK_SESSION_HANDLE session)
{
	MOCK_DO(C_Logout, mock_Logout(session));
}

CK_RV C_GetAttributeValue(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE *attrs, CK_ULONG n)
{
	MOCK_DO(C_GetAttributeValue, get_attributes(session, object, attrs, n, &call));
}

CK_RV C_FindObjectsInit(CK_SESSION_HANDLE session, CK_ATTRIBUTE *attrs, CK_ULONG n)
{
	MOCK_DO(C_FindObjectsInit, mock_FindObjectsInit(session, attrs, n));
}

CK_RV C_FindObjects(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE *handles, CK_ULONG max, CK_ULONG *n)
{
	MOCK_DO(C_FindObjects, find(session, handles, max, n, &call));
}

CK_RV C_FindObjectsFinal(CK_SESSION_HANDLE session)
{
	MOCK_DO(C_FindObjectsFinal, mock_FindObjectsFinal(session));
}

CK_RV C_SignInit(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
	MOCK_DO(C_SignInit, mock_SignInit(session, mechanism, key));
}

CK_RV C_Sign(CK_SESSION_HANDLE session, CK_BYTE *data, CK_ULONG data_len, CK_BYTE *sig, CK_ULONG *sig_len)
{
	MOCK_DO(C_Sign, mock_Sign(session, data, data_len, sig, sig_len, &call));
}

CK_RV C_VerifyInit(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
	MOCK_DO(C_VerifyInit, mock_VerifyInit(session, mechanism, key));
}

CK_RV C_Verify(CK_SESSION_HANDLE session, CK_BYTE *data, CK_ULONG data_len, CK_BYTE *sig, CK_ULONG sig_len)
{
	MOCK_DO(C_Verify, mock_Verify(session, data, data_len, sig, sig_len, &call));
}

CK_RV C_DecryptInit(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
	MOCK_DO(C_DecryptInit, mock_DecryptInit(session, mechanism, key));
}

CK_RV C_Decrypt(CK_SESSION_HANDLE session, CK_BYTE *data, CK_ULONG data_len, CK_BYTE *plain, CK_ULONG *plain_len)
{
	MOCK_DO(C_Decrypt, mock_Decrypt(session, data, data_len, plain, plain_len, &call));
}

/* The template says what the library always says: a secret of this session that may be read. */
CK_RV C_DeriveKey(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE base, CK_ATTRIBUTE *attrs, CK_ULONG n,
	CK_OBJECT_HANDLE *key)
{
	(void)attrs;
	(void)n;
	MOCK_DO(C_DeriveKey, mock_DeriveKey(session, mechanism, base, key));
}

CK_RV C_CreateObject(CK_SESSION_HANDLE session, CK_ATTRIBUTE *attrs, CK_ULONG n, CK_OBJECT_HANDLE *object)
{
	MOCK_DO(C_CreateObject, mock_CreateObject(session, attrs, n, object));
}

CK_RV C_DestroyObject(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object)
{
	MOCK_DO(C_DestroyObject, mock_DestroyObject(session, object));
}

/* The functions the mock does not have. They take what the standard gives them and count all the same. */
#define REFUSE(function, ...) \
	CK_RV function(__VA_ARGS__) \
	{ \
		MOCK_DO(function, CKR_FUNCTION_NOT_SUPPORTED); \
	}
#pragma GCC diagnostic ignored "-Wunused-parameter"
REFUSE(C_InitToken, CK_SLOT_ID a, CK_UTF8CHAR *b, CK_ULONG c, CK_UTF8CHAR *d)
REFUSE(C_InitPIN, CK_SESSION_HANDLE a, CK_UTF8CHAR *b, CK_ULONG c)
REFUSE(C_SetPIN, CK_SESSION_HANDLE a, CK_UTF8CHAR *b, CK_ULONG c, CK_UTF8CHAR *d, CK_ULONG e)
REFUSE(C_GetOperationState, CK_SESSION_HANDLE a, CK_BYTE *b, CK_ULONG *c)
REFUSE(C_SetOperationState, CK_SESSION_HANDLE a, CK_BYTE *b, CK_ULONG c, CK_OBJECT_HANDLE d, CK_OBJECT_HANDLE e)
REFUSE(C_CopyObject, CK_SESSION_HANDLE a, CK_OBJECT_HANDLE b, CK_ATTRIBUTE *c, CK_ULONG d, CK_OBJECT_HANDLE *e)
REFUSE(C_GetObjectSize, CK_SESSION_HANDLE a, CK_OBJECT_HANDLE b, CK_ULONG *c)
REFUSE(C_SetAttributeValue, CK_SESSION_HANDLE a, CK_OBJECT_HANDLE b, CK_ATTRIBUTE *c, CK_ULONG d)
REFUSE(C_EncryptInit, CK_SESSION_HANDLE a, CK_MECHANISM *b, CK_OBJECT_HANDLE c)
REFUSE(C_Encrypt, CK_SESSION_HANDLE a, CK_BYTE *b, CK_ULONG c, CK_BYTE *d, CK_ULONG *e)
REFUSE(C_EncryptUpdate, CK_SESSION_HANDLE a, CK_BYTE *b, CK_ULONG c, CK_BYTE *d, CK_ULONG *e)
REFUSE(C_EncryptFinal, CK_SESSION_HANDLE a, CK_BYTE *b, CK_ULONG *c)
REFUSE(C_DecryptUpdate, CK_SESSION_HANDLE a, CK_BYTE *b, CK_ULONG c, CK_BYTE *d, CK_ULONG *e)
REFUSE(C_DecryptFinal, CK_SESSION_HANDLE a, CK_BYTE *b, CK_ULONG *c)
REFUSE(C_DigestInit, CK_SESSION_HANDLE a, CK_MECHANISM *b)
REFUSE(C_Digest, CK_SESSION_HANDLE a, CK_BYTE *b, CK_ULONG c, CK_BYTE *d, CK_ULONG *e)
REFUSE(C_DigestUpdate, CK_SESSION_HANDLE a, CK_BYTE *b, CK_ULONG c)
REFUSE(C_DigestKey, CK_SESSION_HANDLE a, CK_OBJECT_HANDLE b)
REFUSE(C_DigestFinal, CK_SESSION_HANDLE a, CK_BYTE *b, CK_ULONG *c)
REFUSE(C_SignUpdate, CK_SESSION_HANDLE a, CK_BYTE *b, CK_ULONG c)
REFUSE(C_SignFinal, CK_SESSION_HANDLE a, CK_BYTE *b, CK_ULONG *c)
REFUSE(C_SignRecoverInit, CK_SESSION_HANDLE a, CK_MECHANISM *b, CK_OBJECT_HANDLE c)
REFUSE(C_SignRecover, CK_SESSION_HANDLE a, CK_BYTE *b, CK_ULONG c, CK_BYTE *d, CK_ULONG *e)
REFUSE(C_VerifyUpdate, CK_SESSION_HANDLE a, CK_BYTE *b, CK_ULONG c)
REFUSE(C_VerifyFinal, CK_SESSION_HANDLE a, CK_BYTE *b, CK_ULONG c)
REFUSE(C_VerifyRecoverInit, CK_SESSION_HANDLE a, CK_MECHANISM *b, CK_OBJECT_HANDLE c)
REFUSE(C_VerifyRecover, CK_SESSION_HANDLE a, CK_BYTE *b, CK_ULONG c, CK_BYTE *d, CK_ULONG *e)
REFUSE(C_DigestEncryptUpdate, CK_SESSION_HANDLE a, CK_BYTE *b, CK_ULONG c, CK_BYTE *d, CK_ULONG *e)
REFUSE(C_DecryptDigestUpdate, CK_SESSION_HANDLE a, CK_BYTE *b, CK_ULONG c, CK_BYTE *d, CK_ULONG *e)
REFUSE(C_SignEncryptUpdate, CK_SESSION_HANDLE a, CK_BYTE *b, CK_ULONG c, CK_BYTE *d, CK_ULONG *e)
REFUSE(C_DecryptVerifyUpdate, CK_SESSION_HANDLE a, CK_BYTE *b, CK_ULONG c, CK_BYTE *d, CK_ULONG *e)
REFUSE(C_GenerateKey, CK_SESSION_HANDLE a, CK_MECHANISM *b, CK_ATTRIBUTE *c, CK_ULONG d, CK_OBJECT_HANDLE *e)
REFUSE(C_GenerateKeyPair, CK_SESSION_HANDLE a, CK_MECHANISM *b, CK_ATTRIBUTE *c, CK_ULONG d, CK_ATTRIBUTE *e, CK_ULONG f,
	CK_OBJECT_HANDLE *g, CK_OBJECT_HANDLE *h)
REFUSE(C_WrapKey, CK_SESSION_HANDLE a, CK_MECHANISM *b, CK_OBJECT_HANDLE c, CK_OBJECT_HANDLE d, CK_BYTE *e, CK_ULONG *f)
REFUSE(C_UnwrapKey, CK_SESSION_HANDLE a, CK_MECHANISM *b, CK_OBJECT_HANDLE c, CK_BYTE *d, CK_ULONG e, CK_ATTRIBUTE *f, CK_ULONG g,
	CK_OBJECT_HANDLE *h)
REFUSE(C_SeedRandom, CK_SESSION_HANDLE a, CK_BYTE *b, CK_ULONG c)
REFUSE(C_GenerateRandom, CK_SESSION_HANDLE a, CK_BYTE *b, CK_ULONG c)
REFUSE(C_GetFunctionStatus, CK_SESSION_HANDLE a)
REFUSE(C_CancelFunction, CK_SESSION_HANDLE a)
REFUSE(C_WaitForSlotEvent, CK_FLAGS a, CK_SLOT_ID *b, void *c)

CK_RV C_GetFunctionList(CK_FUNCTION_LIST **list)
{
#define ENTRY(function) .function = function,
	static CK_FUNCTION_LIST functions = { { 2, 40 }, MOCK_FUNCTIONS(ENTRY) };

	*list = &functions;
	return CKR_OK;
}
