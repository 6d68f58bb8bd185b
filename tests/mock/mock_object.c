/* SPDX-License-Identifier: Apache-2.0 */
/* Searching objects and telling their attributes. */
#include "mock.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_HANDLE = 100, TOKEN_STEP = 1000000 };

static size_t epoch; /* grows with every loss and is kept over C_Finalize */

void mock_handles_change(void)
{
	epoch++;
}

CK_OBJECT_HANDLE mock_handle_of(const struct mock_token *t, size_t index)
{
	CK_OBJECT_HANDLE base = FIRST_HANDLE + (CK_OBJECT_HANDLE)(t - mock.tokens) * TOKEN_STEP;

	if (t->handles == MOCK_SHUFFLED)
		index = (index + epoch) % t->n_objects;
	else if (t->handles == MOCK_FRESH)
		index += epoch * t->n_objects;
	return base + index;
}

const struct mock_object *mock_object_find(const struct mock_token *t, CK_OBJECT_HANDLE handle)
{
	for (size_t i = 0; i < t->n_objects; i++)
		if (t->objects[i].key != NULL && mock_handle_of(t, i) == handle)
			return &t->objects[i];
	return NULL;
}

const struct mock_attr *mock_attr_find(const struct mock_object *o, CK_ATTRIBUTE_TYPE type)
{
	for (size_t i = 0; i < o->n_attrs; i++)
		if (o->attrs[i].type == type)
			return &o->attrs[i];
	return NULL;
}

bool mock_attr_is_true(const struct mock_object *o, CK_ATTRIBUTE_TYPE type)
{
	const struct mock_attr *a = mock_attr_find(o, type);

	return a != NULL && a->how == MOCK_GIVEN && a->value.len == sizeof(CK_BBOOL) && a->value.data[0] != CK_FALSE;
}

/* Private objects are not there for who has not logged in, unless the token asks nobody to. */
static bool is_visible(const struct mock_token *t, const struct mock_object *o)
{
	return t->logged_in || (t->info.flags & CKF_LOGIN_REQUIRED) == 0 || !mock_attr_is_true(o, CKA_PRIVATE);
}

static bool matches(const struct mock_object *o, const struct mock_attr *wanted, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct mock_attr *a = mock_attr_find(o, wanted[i].type);

		if (a == NULL || a->value.len != wanted[i].value.len || memcmp(a->value.data, wanted[i].value.data, a->value.len) != 0)
			return false;
	}
	return true;
}

void mock_search_end(struct mock_session *s)
{
	struct mock_object wanted = { .attrs = s->wanted, .n_attrs = s->n_wanted };

	for (size_t i = 0; i < wanted.n_attrs; i++)
		free(wanted.attrs[i].value.data);
	free(wanted.attrs);
	s->wanted = NULL;
	s->n_wanted = 0;
	s->finding = false;
}

CK_RV mock_FindObjectsInit(CK_SESSION_HANDLE session, CK_ATTRIBUTE *attrs, CK_ULONG n)
{
	struct mock_session *s = mock_session_find(session);
	struct mock_object wanted = { 0 };
	bool ok = true;

	if (s == NULL)
		return CKR_SESSION_HANDLE_INVALID;
	if (s->finding)
		return CKR_OPERATION_ACTIVE;
	for (CK_ULONG i = 0; ok && i < n; i++)
		ok = mock_attr_set(&wanted, attrs[i].type, MOCK_GIVEN, attrs[i].pValue, attrs[i].ulValueLen, 0);
	s->wanted = wanted.attrs;
	s->n_wanted = wanted.n_attrs;
	s->finding = true;
	s->next = 0;
	if (!ok)
		mock_search_end(s);
	return ok ? CKR_OK : CKR_HOST_MEMORY;
}

CK_RV mock_FindObjects(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE *handles, CK_ULONG max, CK_ULONG *ret_n)
{
	struct mock_session *s = mock_session_find(session);
	struct mock_token *t = s ? mock_token_at(s->slot) : NULL;

	if (s == NULL)
		return CKR_SESSION_HANDLE_INVALID;
	if (!s->finding)
		return CKR_OPERATION_NOT_INITIALIZED;
	for (*ret_n = 0; s->next < t->n_objects && *ret_n < max; s->next++)
		if (t->objects[s->next].key != NULL && is_visible(t, &t->objects[s->next]) && matches(&t->objects[s->next], s->wanted, s->n_wanted))
			handles[(*ret_n)++] = mock_handle_of(t, s->next);
	return CKR_OK;
}

CK_RV mock_FindObjectsFinal(CK_SESSION_HANDLE session)
{
	struct mock_session *s = mock_session_find(session);

	if (s == NULL)
		return CKR_SESSION_HANDLE_INVALID;
	if (!s->finding)
		return CKR_OPERATION_NOT_INITIALIZED;
	mock_search_end(s);
	return CKR_OK;
}

static CK_RV tell(const struct mock_attr *a, CK_ATTRIBUTE *out)
{
	size_t room = out->pValue ? out->ulValueLen : 0;

	out->ulValueLen = MOCK_UNAVAILABLE;
	if (a == NULL || a->how == MOCK_ABSENT)
		return CKR_ATTRIBUTE_TYPE_INVALID;
	if (a->how == MOCK_SENSITIVE)
		return CKR_ATTRIBUTE_SENSITIVE;
	if (a->how == MOCK_NO_INFO)
		return CKR_OK;
	if (a->how == MOCK_GIVEN && out->pValue != NULL && room < a->value.len)
		return CKR_BUFFER_TOO_SMALL;
	if (out->pValue != NULL)
		memcpy(out->pValue, a->value.data, a->value.len < room ? a->value.len : room);
	out->ulValueLen = a->how == MOCK_CLAIMS ? a->claimed : a->value.len;
	return CKR_OK;
}

CK_RV mock_GetAttributeValue(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE handle, CK_ATTRIBUTE *attrs, CK_ULONG n)
{
	struct mock_session *s = mock_session_find(session);
	struct mock_token *t = s ? mock_token_at(s->slot) : NULL;
	const struct mock_object *o = t ? mock_object_find(t, handle) : NULL;
	struct mock_attr value;
	struct mock_object secret = { .attrs = &value, .n_attrs = 1 };
	CK_RV rv = CKR_OK;

	if (s == NULL)
		return CKR_SESSION_HANDLE_INVALID;
	if (o == NULL && mock_secret_object(s, handle, &value))
		o = &secret;
	if (o == NULL || !is_visible(t, o))
		return CKR_OBJECT_HANDLE_INVALID;
	for (CK_ULONG i = 0; i < n; i++) {
		CK_RV one = tell(mock_attr_find(o, attrs[i].type), &attrs[i]);

		if (one != CKR_OK)
			rv = one;
	}
	return rv;
}
