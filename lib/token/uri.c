/* SPDX-License-Identifier: Apache-2.0 */
/* RFC 7512 URIs. */
#include "uri.h"

#include <ctype.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"

static enum jwk11_rc refuse(const char *why, struct jwk11_err *err)
{
	return j11_err_set(err, JWK11_ERR_SYNTAX, J11_CODE_URI_INVALID, "PKCS#11 URI: %s", why);
}

enum jwk11_rc j11_uri_new(const char *text, P11KitUri **ret_uri, struct jwk11_err *err)
{
	J11_AUTO(j11_uri_free_auto) P11KitUri *uri = p11_kit_uri_new();
	int code;

	if (uri == NULL)
		return j11_err_memory(err);
	if (text != NULL) {
		if (strlen(text) > 4096)
			return j11_err_set(err, JWK11_ERR_LIMIT, J11_CODE_LIMIT, "PKCS#11 URI: longer than 4096 bytes");
		code = p11_kit_uri_parse(text, P11_KIT_URI_FOR_ANY, uri);
		if (code == P11_KIT_URI_BAD_SCHEME)
			return refuse("it does not start with \"pkcs11:\"", err);
		if (code != P11_KIT_URI_OK)
			return refuse(p11_kit_uri_message(code), err);
		if (p11_kit_uri_get_pin_value(uri) != NULL || p11_kit_uri_get_pin_source(uri) != NULL)
			return refuse("it must not carry a PIN", err);
		if (p11_kit_uri_get_module_path(uri) != NULL || p11_kit_uri_get_module_name(uri) != NULL)
			return refuse("it must not choose a module", err);
	}
	*ret_uri = J11_STEAL(uri);
	return JWK11_OK;
}

static void pad(CK_UTF8CHAR *field, size_t n)
{
	size_t len = j11_p11_padded(field, n).len;

	memset(field + len, ' ', n - len);
}

/* p11-kit compares octet by octet, with the blanks that PKCS#11 asks for and some modules have NULs in place of. */
bool j11_uri_matches_token(P11KitUri *uri, const CK_TOKEN_INFO *info)
{
	CK_TOKEN_INFO padded = *info;

	pad(padded.label, sizeof(padded.label));
	pad(padded.manufacturerID, sizeof(padded.manufacturerID));
	pad(padded.model, sizeof(padded.model));
	pad(padded.serialNumber, sizeof(padded.serialNumber));
	return !p11_kit_uri_any_unrecognized(uri) && p11_kit_uri_match_token_info(uri, &padded) == 1;
}

static struct jwk11_view attribute(P11KitUri *uri, CK_ATTRIBUTE_TYPE type)
{
	CK_ATTRIBUTE *a = p11_kit_uri_get_attribute(uri, type);

	if (a == NULL)
		return (struct jwk11_view){ 0 };
	return (struct jwk11_view){ .data = a->pValue ? a->pValue : "", .len = a->ulValueLen };
}

bool j11_uri_object(P11KitUri *uri, CK_OBJECT_CLASS *class, struct jwk11_view *ret_label, struct jwk11_view *ret_id)
{
	struct jwk11_view said = attribute(uri, CKA_CLASS);

	if (p11_kit_uri_any_unrecognized(uri))
		return false;
	if (said.data != NULL && said.len != sizeof(*class))
		return false;
	if (said.data != NULL)
		memcpy(class, said.data, sizeof(*class));
	*ret_label = attribute(uri, CKA_LABEL);
	*ret_id = attribute(uri, CKA_ID);
	return true;
}

void j11_uri_add(struct jwk11_buf *out, const char *attr, struct jwk11_view value, bool first)
{
	const unsigned char *p = value.data;

	j11_buf_add_fmt(out, "%s%s=", first ? "" : ";", attr);
	for (size_t i = 0; i < value.len; i++) {
		if (p[i] < 0x80 && (isalnum(p[i]) || strchr("-._~", p[i]) != NULL) && p[i] != '\0')
			j11_buf_add_byte(out, p[i]);
		else
			j11_buf_add_fmt(out, "%%%02X", p[i]);
	}
}
