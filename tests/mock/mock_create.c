/* SPDX-License-Identifier: Apache-2.0 */
/* Objects that clients write (C_CreateObject) and take away again: of the one key the script names, whatever numbers are given. They are gone with
 * C_Finalize. */
#include "mock.h"

#include <stdlib.h>
#include <string.h>

static const CK_ATTRIBUTE *given(const CK_ATTRIBUTE *attrs, CK_ULONG n, CK_ATTRIBUTE_TYPE type)
{
	for (CK_ULONG i = 0; i < n; i++)
		if (attrs[i].type == type)
			return &attrs[i];
	return NULL;
}

/* What the script says of this attribute of new objects. MOCK_ABSENT: no client may set it. */
static bool is_refused(const struct mock_object *script, const CK_ATTRIBUTE *attrs, CK_ULONG n)
{
	for (size_t i = 0; i < script->n_attrs; i++)
		if (script->attrs[i].how == MOCK_ABSENT && given(attrs, n, script->attrs[i].type) != NULL)
			return true;
	return false;
}

static bool is_private_number(CK_ATTRIBUTE_TYPE type)
{
	return type == CKA_VALUE || (type >= CKA_PRIVATE_EXPONENT && type <= CKA_COEFFICIENT);
}

static bool fill(struct mock_object *o, const struct mock_object *script, const CK_ATTRIBUTE *attrs, CK_ULONG n)
{
	bool ok = true;

	for (CK_ULONG i = 0; ok && i < n; i++)
		ok = mock_attr_set(o, attrs[i].type, o->class == CKO_PRIVATE_KEY && is_private_number(attrs[i].type) ? MOCK_SENSITIVE : MOCK_GIVEN,
			attrs[i].pValue, attrs[i].ulValueLen, 0);
	for (size_t i = 0; ok && o->class == CKO_PRIVATE_KEY && i < script->n_attrs; i++) {
		const struct mock_attr *a = &script->attrs[i];

		if (a->how != MOCK_ABSENT)
			ok = mock_attr_set(o, a->type, a->how, a->value.data, a->value.len, a->claimed);
	}
	return ok;
}

static void clear(struct mock_object *o)
{
	for (size_t i = 0; i < o->n_attrs; i++)
		free(o->attrs[i].value.data);
	free(o->attrs);
	*o = (struct mock_object){ .key = NULL };
}

CK_RV mock_CreateObject(CK_SESSION_HANDLE session, CK_ATTRIBUTE *attrs, CK_ULONG n, CK_OBJECT_HANDLE *ret_handle)
{
	struct mock_session *s = mock_session_find(session);
	struct mock_token *t = s ? mock_token_at(s->slot) : NULL;
	const CK_ATTRIBUTE *class = given(attrs, n, CKA_CLASS);
	struct mock_object *grown;

	if (s == NULL)
		return CKR_SESSION_HANDLE_INVALID;
	if (t->creates.key == NULL)
		return CKR_FUNCTION_NOT_SUPPORTED;
	if ((s->flags & CKF_RW_SESSION) == 0)
		return CKR_SESSION_READ_ONLY;
	if (class == NULL || class->ulValueLen != sizeof(CK_OBJECT_CLASS))
		return CKR_TEMPLATE_INCOMPLETE;
	if (is_refused(&t->creates, attrs, n))
		return CKR_ATTRIBUTE_TYPE_INVALID;
	grown = realloc(t->objects, (t->n_objects + 1) * sizeof(*grown));
	if (grown == NULL)
		return CKR_HOST_MEMORY;
	t->objects = grown;
	grown[t->n_objects] = (struct mock_object){ .key = t->creates.key };
	memcpy(&grown[t->n_objects].class, class->pValue, sizeof(CK_OBJECT_CLASS));
	if (!fill(&grown[t->n_objects], &t->creates, attrs, n)) {
		clear(&grown[t->n_objects]);
		return CKR_HOST_MEMORY;
	}
	*ret_handle = mock_handle_of(t, t->n_objects++);
	++*mock.live_objects;
	return CKR_OK;
}

/* Its place stays, so that other handles mean what they meant. */
CK_RV mock_object_destroy(struct mock_token *t, CK_OBJECT_HANDLE handle)
{
	for (size_t i = 0; i < t->n_objects; i++) {
		if (mock_handle_of(t, i) != handle || t->objects[i].key == NULL)
			continue;
		clear(&t->objects[i]);
		--*mock.live_objects;
		return CKR_OK;
	}
	return CKR_OBJECT_HANDLE_INVALID;
}
