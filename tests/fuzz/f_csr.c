/* SPDX-License-Identifier: Apache-2.0 */
/* What requests are described with. The first octet chooses: 'd' a subject, 'j' a body in JSON, 't' a template, '0' to '6' a name of that kind. What
 * is held: a subject that was read has types and values, and libcrypto makes a name of it or refuses it with a sentence; a description that was read comes out
 * as JSON that reads as the same; what was read of it as names encodes. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "jose/csr_text.h"
#include "jose/x509_make.h"
#include "json/json_write.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool held)
{
	if (!held)
		abort();
}

static void subject(struct jwk11_view text)
{
	static struct j11_dn dn;
	struct jwk11_buf der = J11_BUF(65536);
	struct jwk11_err err = { 0 };

	if (j11_dn_parse(text, &dn, NULL) == JWK11_OK) {
		must(dn.n <= J11_DN_ATTRIBUTES_MAX && dn.used <= sizeof(dn.room));
		for (size_t i = 0; i < dn.n; i++) {
			must(j11_oid_is(j11_view_str(dn.attribute[i].oid)) && dn.attribute[i].value.len > 0);
			must(dn.attribute[i].tag != 0 || j11_text_is_utf8(dn.attribute[i].value));
		}
		must(j11_x509_name(&dn, &der, &err) == JWK11_OK ? der.len > 0 : err.text[0] != '\0');
	}
	j11_buf_done(&der);
}

static void names(const struct jwk11_csr *csr)
{
	struct jwk11_buf der = J11_BUF(1024 * 1024);
	struct jwk11_err err = { 0 };

	must(j11_x509_extensions(csr, false, NULL, &der, &err) == JWK11_OK || (err.code[0] != '\0' && err.rc != JWK11_ERR_MEMORY));
	j11_buf_done(&der);
}

static void write(const struct jwk11_csr *csr, struct jwk11_buf *out)
{
	struct j11_json_out o = J11_JSON_OUT(out);

	j11_json_open(&o, NULL, '{');
	j11_csr_to_json(csr, &o);
	j11_json_close(&o);
}

static void described(const struct j11_csr_text *text)
{
	struct jwk11_buf first = J11_BUF(1024 * 1024), second = J11_BUF(1024 * 1024);
	struct j11_csr_text again = { .subject = NULL };
	struct j11_json_doc *doc = NULL;

	write(&text->csr, &first);
	must(j11_json_read(j11_buf_view(&first), NULL, "again", &doc, NULL) == JWK11_OK);
	must(j11_csr_from_json(j11_json_root(doc), &again, NULL) == JWK11_OK);
	write(&again.csr, &second);
	must(j11_view_equal(j11_buf_view(&first), j11_buf_view(&second)));
	names(&text->csr);
	j11_csr_text_done(&again);
	j11_json_free(doc);
	j11_buf_done(&first);
	j11_buf_done(&second);
}

static void one_name(enum j11_name_kind kind, struct jwk11_view text)
{
	struct j11_name name;

	if (j11_name_parse(kind, text, &name, NULL) == JWK11_OK)
		must(name.n_octets <= J11_HARDWARE_MAX && name.text.len <= text.len && strlen(name.oid) <= J11_OID_MAX &&
			(name.oid[0] == '\0' || j11_oid_is(j11_view_str(name.oid))));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct jwk11_view text = { .data = size > 0 ? data + 1 : data, .len = size > 0 ? size - 1 : 0 };
	struct j11_csr_text into = { .subject = NULL };
	struct j11_json_doc *doc = NULL;

	if (size == 0)
		return 0;
	if (data[0] == 'd')
		subject(text);
	else if (data[0] == 't' && j11_csr_from_template(text, "t", &into, NULL) == JWK11_OK)
		described(&into);
	else if (data[0] == 'j' && j11_json_read(text, NULL, "body", &doc, NULL) == JWK11_OK && j11_csr_from_json(j11_json_root(doc), &into, NULL) == JWK11_OK)
		described(&into);
	else if (data[0] >= '0' && data[0] < '0' + J11_N_NAME_)
		one_name((enum j11_name_kind)(data[0] - '0'), text);
	j11_csr_text_done(&into);
	j11_json_free(doc);
	return 0;
}
