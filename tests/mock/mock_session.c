/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions and the login. */
#include "mock.h"

#include <stdlib.h>
#include <string.h>

static CK_SESSION_HANDLE last_handle = 1000; /* no handle is ever given twice */

struct mock_token *mock_token_at(CK_SLOT_ID slot)
{
	struct mock_token *t = slot >= 1 && slot <= mock.n_tokens ? &mock.tokens[slot - 1] : NULL;

	return t;
}

static bool is_there(const struct mock_token *t)
{
	return !t->empty && !t->vanished && !t->was_absent;
}

struct mock_session *mock_session_find(CK_SESSION_HANDLE handle)
{
	for (size_t i = 0; i < mock.n_sessions; i++)
		if (mock.sessions[i].handle == handle)
			return &mock.sessions[i];
	return NULL;
}

/* The login ends with the last session (PKCS#11 5.6). */
static void close_at(size_t i)
{
	CK_SLOT_ID slot = mock.sessions[i].slot;
	bool last = true;

	mock_search_end(&mock.sessions[i]);
	mock_secrets_end(&mock.sessions[i]);
	mock.sessions[i] = mock.sessions[--mock.n_sessions];
	--*mock.live_sessions;
	for (size_t s = 0; s < mock.n_sessions; s++)
		last = last && mock.sessions[s].slot != slot;
	if (last && mock_token_at(slot)->logged_in) {
		mock_token_at(slot)->logged_in = false;
		mock_handles_change();
	}
}

static void close_all(CK_SLOT_ID slot)
{
	for (size_t i = mock.n_sessions; i > 0; i--)
		if (mock.sessions[i - 1].slot == slot)
			close_at(i - 1);
}

void mock_token_lose(struct mock_token *token)
{
	close_all((CK_SLOT_ID)(token - mock.tokens) + 1);
	token->logged_in = false;
	mock_handles_change();
}

void mock_sessions_free(void)
{
	while (mock.n_sessions > 0) {
		mock_search_end(&mock.sessions[--mock.n_sessions]);
		mock_secrets_end(&mock.sessions[mock.n_sessions]);
		--*mock.live_sessions;
	}
	free(mock.sessions);
	mock.sessions = NULL;
}

CK_RV mock_OpenSession(CK_SLOT_ID slot, CK_FLAGS flags, void *application, CK_NOTIFY notify, CK_SESSION_HANDLE *ret_session)
{
	struct mock_token *t = mock_token_at(slot);
	struct mock_session *grown;
	CK_ULONG n = 0;

	(void)application;
	(void)notify;
	if (t == NULL)
		return CKR_SLOT_ID_INVALID;
	if (!is_there(t))
		return CKR_TOKEN_NOT_PRESENT;
	if ((flags & CKF_SERIAL_SESSION) == 0)
		return CKR_SESSION_PARALLEL_NOT_SUPPORTED;
	for (size_t i = 0; i < mock.n_sessions; i++)
		n += mock.sessions[i].slot == slot;
	if (t->max_sessions != 0 && n >= t->max_sessions)
		return CKR_SESSION_COUNT;
	grown = realloc(mock.sessions, (mock.n_sessions + 1) * sizeof(*grown));
	if (grown == NULL)
		return CKR_HOST_MEMORY;
	mock.sessions = grown;
	grown[mock.n_sessions++] = (struct mock_session){ .handle = ++last_handle, .slot = slot, .flags = flags };
	*ret_session = last_handle;
	++*mock.live_sessions;
	return CKR_OK;
}

CK_RV mock_CloseSession(CK_SESSION_HANDLE handle)
{
	struct mock_session *s = mock_session_find(handle);

	if (s == NULL)
		return CKR_SESSION_HANDLE_INVALID;
	close_at((size_t)(s - mock.sessions));
	return CKR_OK;
}

CK_RV mock_CloseAllSessions(CK_SLOT_ID slot)
{
	if (mock_token_at(slot) == NULL)
		return CKR_SLOT_ID_INVALID;
	close_all(slot);
	return CKR_OK;
}

CK_RV mock_GetSessionInfo(CK_SESSION_HANDLE handle, CK_SESSION_INFO *info)
{
	struct mock_session *s = mock_session_find(handle);
	bool rw;

	if (s == NULL)
		return CKR_SESSION_HANDLE_INVALID;
	rw = (s->flags & CKF_RW_SESSION) != 0;
	*info = (CK_SESSION_INFO){ .slotID = s->slot, .flags = s->flags, .state = rw ? CKS_RW_PUBLIC_SESSION : CKS_RO_PUBLIC_SESSION };
	if (mock_token_at(s->slot)->logged_in)
		info->state = rw ? CKS_RW_USER_FUNCTIONS : CKS_RO_USER_FUNCTIONS;
	return CKR_OK;
}

static CK_RV check_pin(struct mock_token *t, const CK_UTF8CHAR *pin, CK_ULONG len)
{
	if (t->info.flags & CKF_PROTECTED_AUTHENTICATION_PATH)
		return pin == NULL ? CKR_OK : CKR_ARGUMENTS_BAD; /* somebody typed it on the reader */
	if ((t->info.flags & CKF_USER_PIN_LOCKED) || (t->tries != 0 && *t->wrong_pins >= t->tries))
		return CKR_PIN_LOCKED;
	if (pin != NULL && t->pin != NULL && len == strlen(t->pin) && memcmp(pin, t->pin, len) == 0) {
		*t->wrong_pins = 0;
		return CKR_OK;
	}
	++*t->wrong_pins;
	return CKR_PIN_INCORRECT;
}

CK_RV mock_Login(CK_SESSION_HANDLE handle, CK_USER_TYPE user, CK_UTF8CHAR *pin, CK_ULONG len)
{
	struct mock_session *s = mock_session_find(handle);
	struct mock_token *t = s ? mock_token_at(s->slot) : NULL;
	CK_RV rv;

	if (s == NULL)
		return CKR_SESSION_HANDLE_INVALID;
	if (user == CKU_CONTEXT_SPECIFIC && !s->signing && !s->decrypting && !t->early_context)
		return CKR_OPERATION_NOT_INITIALIZED;
	if (user != CKU_CONTEXT_SPECIFIC && user != CKU_USER)
		return CKR_USER_TYPE_INVALID;
	if (user == CKU_USER && t->logged_in)
		return CKR_USER_ALREADY_LOGGED_IN;
	rv = check_pin(t, pin, len);
	if (rv != CKR_OK)
		return rv;
	if (user == CKU_CONTEXT_SPECIFIC)
		s->context_login = true;
	else
		t->logged_in = true;
	return CKR_OK;
}

CK_RV mock_Logout(CK_SESSION_HANDLE handle)
{
	struct mock_session *s = mock_session_find(handle);

	if (s == NULL)
		return CKR_SESSION_HANDLE_INVALID;
	if (!mock_token_at(s->slot)->logged_in)
		return CKR_USER_NOT_LOGGED_IN;
	mock_token_at(s->slot)->logged_in = false;
	mock_handles_change();
	return CKR_OK;
}
