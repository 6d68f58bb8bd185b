/* SPDX-License-Identifier: Apache-2.0 */
/* Any text as a PKCS#11 URI: no crash, no PIN and no module accepted; label and id survive being written again. */
#include <stdlib.h>
#include <string.h>

#include "token/uri.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool held)
{
	if (!held)
		abort();
}

static void write_again(struct jwk11_view label, struct jwk11_view id)
{
	J11_AUTO(j11_uri_free_auto) P11KitUri *uri = NULL;
	struct jwk11_buf text = J11_BUF(65536);
	struct jwk11_view again_label = { 0 }, again_id = { 0 };
	CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
	bool first = true;

	j11_buf_add_str(&text, "pkcs11:");
	if (label.data != NULL) {
		j11_uri_add(&text, "object", label, first);
		first = false;
	}
	if (id.data != NULL)
		j11_uri_add(&text, "id", id, first);
	if (text.len <= 4096) {
		must(j11_uri_new(text.data, &uri, NULL) == JWK11_OK && j11_uri_object(uri, &class, &again_label, &again_id) &&
			class == CKO_PRIVATE_KEY);
		must(j11_view_equal(label, again_label) && j11_view_equal(id, again_id));
		must((label.data == NULL) == (again_label.data == NULL) && (id.data == NULL) == (again_id.data == NULL));
	}
	j11_buf_done(&text);
}

static void check(P11KitUri *uri)
{
	struct jwk11_view label = { 0 }, id = { 0 };
	CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
	CK_TOKEN_INFO info;

	must(p11_kit_uri_get_pin_value(uri) == NULL && p11_kit_uri_get_pin_source(uri) == NULL);
	must(p11_kit_uri_get_module_path(uri) == NULL && p11_kit_uri_get_module_name(uri) == NULL);
	memset(&info, ' ', sizeof(info));
	memcpy(info.label, "prod", 4);
	must(!j11_uri_matches_token(uri, &info) || !p11_kit_uri_any_unrecognized(uri));
	if (j11_uri_object(uri, &class, &label, &id))
		write_again(label, id);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	J11_AUTO(j11_uri_free_auto) P11KitUri *uri = NULL;
	struct jwk11_err err = { 0 };
	char *text = malloc(size + 1);

	if (text == NULL)
		return 0;
	if (size > 0)
		memcpy(text, data, size);
	text[size] = '\0';
	if (j11_uri_new(text, &uri, &err) == JWK11_OK) {
		must(strlen(text) <= 4096 && strchr(text, ':') != NULL);
		check(uri);
	} else {
		must(uri == NULL && err.text[0] != '\0');
	}
	free(text);
	return 0;
}
