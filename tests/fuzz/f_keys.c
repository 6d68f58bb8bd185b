/* SPDX-License-Identifier: Apache-2.0 */
/* Any octets as a file of verify-only keys, the first of which says of which form: no crash, and what is taken comes through the canonical text. */
#include <stdlib.h>

#include "keys_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool held)
{
	if (!held)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char text[] = "[set s]\nverify-only = /k\n";
	struct jwk11_buf out = J11_BUF(64 * 1024 * 1024);
	struct conf *conf = NULL, *again = NULL;
	struct jwk11_err err = { 0 };
	enum jwk11_rc rc;

	if (size == 0)
		return 0;
	must(conf_parse(j11_view_str(text), "f", &conf, NULL) == JWK11_OK);
	rc = keys_file_take(conf, &conf->sets[0], data[0] == 'p' ? "/k/x.pem" : "/k/x.json", CONF_YES, (struct jwk11_view){ .data = data + 1, .len = size - 1 }, &err);
	must(rc == JWK11_OK || (rc == err.rc && err.text[0] != '\0'));
	conf_emit(conf, &out);
	must(out.failed == JWK11_OK && conf_parse(j11_buf_view(&out), "canonical", &again, NULL) == JWK11_OK);
	must(again->n_verify_only == conf->n_verify_only);
	conf_free(conf);
	conf_free(again);
	j11_buf_done(&out);
	return 0;
}
