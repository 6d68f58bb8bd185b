/* SPDX-License-Identifier: Apache-2.0 */
/* RFC 7512 URIs over p11-kit's parser, with the rules it leaves to the caller. */
#ifndef J11_URI_H
#define J11_URI_H

#include <p11-kit/uri.h>

#include "base/buf.h"
#include "p11.h"

/* Parses; NULL text gives a URI that matches everything. Refuses (URI_INVALID) anything that is no pkcs11: URI, and PINs and module
 * attributes, without repeating them: those come from configuration, never from a name. */
enum jwk11_rc j11_uri_new(const char *text, P11KitUri **ret_uri, struct jwk11_err *err) J11_MUST_USE;
/* A URI with a path attribute nobody knows matches nothing (RFC 7512 section 2.3). */
bool j11_uri_matches_token(P11KitUri *uri, const CK_TOKEN_INFO *info);
/* The CKA_LABEL and CKA_ID the URI asks for; absent: data == NULL. *class is the class of objects that is meant when the URI says none, and
 * becomes the one it says. False when it says something that no key has. */
bool j11_uri_object(P11KitUri *uri, CK_OBJECT_CLASS *class, struct jwk11_view *ret_label, struct jwk11_view *ret_id);
/* Appends attr=value with everything but unreserved characters percent-encoded; the separator comes first unless `first`. */
void j11_uri_add(struct jwk11_buf *out, const char *attr, struct jwk11_view value, bool first);

static inline void j11_uri_free_auto(P11KitUri **uri)
{
	if (*uri != NULL)
		p11_kit_uri_free(*uri);
}

#endif
