/* SPDX-License-Identifier: Apache-2.0 */
/* Any parameters for any template: the first octet chooses the row, the rest is JSON. What is held: what comes of it is JSON that reads, a signature base has one
 * line for each component, and a URL that is taken has a host and no user. */
#include <stdlib.h>
#include <string.h>

#include "form/httpsig.h"
#include "form/template.h"
#include "form/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool held)
{
	if (!held)
		abort();
}

static bool hash_stub(struct jwk11_view text, unsigned char ret_hash[J11_TEMPLATE_HASH])
{
	memset(ret_hash, (int)text.len, J11_TEMPLATE_HASH);
	return true;
}

static void is_object(const struct jwk11_buf *text)
{
	struct j11_json_doc *doc = NULL;

	must(j11_json_read(j11_buf_view(text), NULL, "made", &doc, NULL) == JWK11_OK && j11_json_root(doc)->type == J11_JSON_OBJECT);
	j11_json_free(doc);
}

static void fill(const struct j11_template *t, const struct j11_json *parameters)
{
	const struct j11_template_facts facts = { .now = 1700000000, .alg = "RS256", .jti = "j", .x5t = "x", .x5t_s256 = "y", .sha256 = hash_stub };
	struct j11_template_made made = J11_TEMPLATE_MADE;

	if (j11_template_fill(t, parameters, &facts, &made, NULL) == JWK11_OK) {
		must((t->header != NULL) == (made.header.len > 0));
		if (t->header != NULL)
			is_object(&made.header);
		if (t->makes == J11_MAKES_JWT)
			is_object(&made.payload);
	}
	j11_template_made_done(&made);
}

static size_t count(const struct jwk11_buf *text, char c)
{
	size_t n = 0;

	for (size_t i = 0; i < text->len; i++)
		n += text->data[i] == c;
	return n;
}

static void sign(const struct j11_json *parameters)
{
	const struct j11_httpsig_facts facts = { .now = 1700000000, .alg = "ES256", .kid = "k" };
	struct j11_httpsig_made made = J11_HTTPSIG_MADE;
	const struct j11_json *components = j11_json_get(parameters, "components");

	if (j11_httpsig_fill(parameters, &facts, &made, NULL) == JWK11_OK) {
		must(made.label[0] != '\0' && memcmp(made.input.data, made.label, strlen(made.label)) == 0);
		must(count(&made.input, '\n') == 0 && count(&made.base, '\r') == 0 && count(&made.base, '\0') == 0);
		must(components == NULL || count(&made.base, '\n') == components->n_children);
	}
	j11_httpsig_made_done(&made);
}

static void parse(struct jwk11_view text)
{
	struct j11_url url;

	if (j11_url_parse(text, &url) != NULL)
		return;
	must(url.host.len > 0 && memchr(url.authority.data, '@', url.authority.len) == NULL);
	must(url.path.len == 0 || *(const char *)url.path.data == '/');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct jwk11_view text = { .data = size > 0 ? data + 1 : data, .len = size > 0 ? size - 1 : 0 };
	const struct j11_template *t = size > 0 ? j11_template_at(data[0] % 12) : NULL;
	struct j11_json_doc *doc = NULL;

	if (text.len > 0)
		parse(text);
	if (t == NULL || j11_json_read(text, NULL, "parameters", &doc, NULL) != JWK11_OK)
		return 0;
	if (t->makes == J11_MAKES_SIGNATURE)
		sign(j11_json_root(doc));
	else
		fill(t, j11_json_root(doc));
	j11_json_free(doc);
	return 0;
}
