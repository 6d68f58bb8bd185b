/* SPDX-License-Identifier: Apache-2.0 */
/* The document that describes this API, as it was built in. */
#include "front_openapi.h"

#include "http_media.h"

const char *const front_openapi_types[2] = { "application/json", "application/vnd.oai.openapi+json" };

enum front_outcome front_openapi(struct front_request *q)
{
	static const char *const sent_as[] = { "application/json", "application/vnd.oai.openapi+json;version=3.1" }, *const tails[] = { "", "-o" };
	static char tags[2][HTTP_TAG_MAX]; /* made once: the document does not change while we run */
	const struct jwk11_view text = { .data = front_openapi_text, .len = front_openapi_len };
	char *tag = tags[q->type];

	if (tag[0] == '\0')
		http_media_make_tag(text, tails[q->type], tag);
	q->reply.status = q->http->if_none_match.data != NULL && http_media_has_tag(q->http->if_none_match, tag) ? 304 : 200;
	q->reply.type = sent_as[q->type];
	q->reply.body = text;
	q->reply.etag = tag;
	q->reply.vary = "Accept";
	q->reply.cache_control = "no-cache"; /* to be kept, and asked for again: another version has another one */
	return FRONT_REPLY;
}
