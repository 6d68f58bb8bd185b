/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as what a server of EST or ACME says, the first of them choosing what: no crash, and what is accepted keeps its promises. */
#include <stdlib.h>
#include <string.h>

#include "acme_doc.h"
#include "base/err.h"
#include "est_attrs.h"
#include "http_said.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool held)
{
	if (!held)
		abort();
}

static void must_be_url(const char *url)
{
	must(strlen(url) < ACME_URL_MAX && (strncmp(url, "https://", 8) == 0 || strncmp(url, "http://", 7) == 0));
	for (const unsigned char *p = (const unsigned char *)url; *p != '\0'; p++)
		must(*p > ' ' && *p < 0x7f);
}

static void must_be_token(const struct acme_challenge *c)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

	if (!c->there)
		return;
	must(c->token[0] != '\0' && strspn(c->token, letters) == strlen(c->token));
	must_be_url(c->url);
}

static void try_said(struct jwk11_view text)
{
	struct http_problem p = { 0 };
	int64_t seconds = -1;

	if (http_said_retry_after(text, 1700000000, &seconds))
		must(seconds >= 0 && seconds <= 366 * 86400);
	if (http_said_problem_text(text, &p))
		must(p.type[0] != '\0' || p.detail[0] != '\0');
	must(strpbrk(p.detail, "\r\n\033") == NULL && strpbrk(p.type, "\r\n\033") == NULL);
}

static void try_directory(struct jwk11_view text)
{
	struct acme_directory d;

	if (acme_doc_directory(text, &d, NULL) != JWK11_OK)
		return;
	must_be_url(d.new_nonce);
	must_be_url(d.new_account);
	must_be_url(d.new_order);
}

static void try_order(struct jwk11_view text)
{
	static struct acme_order o;

	if (acme_doc_order(text, &o, NULL) != JWK11_OK)
		return;
	must(o.n >= 1 && o.n <= ACME_MAX_NAMES && (o.status != ACME_VALID || o.certificate[0] != '\0'));
	must_be_url(o.finalize);
	for (unsigned i = 0; i < o.n; i++)
		must_be_url(o.authorizations[i]);
}

static void try_authorization(struct jwk11_view text)
{
	static struct acme_authorization a;

	if (acme_doc_authorization(text, &a, NULL) != JWK11_OK)
		return;
	must(acme_doc_is_name(j11_view_str(a.name), false) && strpbrk(a.name, "/ \n;'\"") == NULL);
	must_be_token(&a.http01);
	must_be_token(&a.dns01);
}

static void try_attributes(struct jwk11_view text)
{
	struct est_attrs a;

	if (est_attrs_read(text, &a, NULL) == JWK11_OK)
		must(a.n_others <= EST_OTHERS_MAX && a.algs[J11_COUNT(a.algs) - 1] == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const tries[])(struct jwk11_view text) = { try_said, try_directory, try_order, try_authorization, try_attributes };

	if (size > 0)
		tries[data[0] % J11_COUNT(tries)]((struct jwk11_view){ .data = data + 1, .len = size - 1 });
	return 0;
}
