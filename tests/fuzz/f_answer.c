/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as the broker's answer: no crash; an accepted answer is whole, and its parts are those of the bytes. */
#include <stdlib.h>
#include <string.h>

#include "ask.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool held)
{
	if (!held)
		abort();
}

static void check(struct jwk11_view response, const struct ask_answer *a)
{
	const char *p = response.data;

	must(a->status >= 100 && a->status <= 599 && response.len >= 17 && memcmp(p, "HTTP/1.1 ", 9) == 0 && p[12] == ' ');
	must((unsigned)(p[9] - '0') * 100 + (unsigned)(p[10] - '0') * 10 + (unsigned)(p[11] - '0') == a->status);
	must(strlen(a->media_type) < sizeof(a->media_type) && strpbrk(a->media_type, "\r\n") == NULL);
	must(a->body.len <= response.len - 17);
	must(a->body.len == 0 || memcmp(p + response.len - a->body.len, a->body.data, a->body.len) == 0);
	must(memcmp(p + response.len - a->body.len - 4, "\r\n\r\n", 4) == 0);
	must(ask_whole(response) == response.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct jwk11_view response = { .data = data, .len = size };
	struct ask_answer answer = { 0 };
	struct jwk11_err err = { 0 };

	if (ask_parse(response, &answer, &err) == JWK11_OK)
		check(response, &answer);
	else
		must(err.rc == JWK11_ERR_SYNTAX && err.text[0] != '\0');
	ask_done(&answer);
	return 0;
}
