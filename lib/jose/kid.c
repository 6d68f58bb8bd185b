/* SPDX-License-Identifier: Apache-2.0 */
/* One row per style: its word and how it is made. */
#include "kid.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"

static enum jwk11_rc too_long(const struct j11_kid_of *of, struct jwk11_err *err)
{
	return j11_err_set(err, JWK11_ERR_LIMIT, J11_CODE_LIMIT, "key \"%s\": its kid would be longer than %d bytes", of->name, JWK11_KID_MAX - 1);
}

static enum jwk11_rc missing(const struct j11_kid_of *of, const char *what, struct jwk11_err *err)
{
	j11_err_set(err, JWK11_ERR_MISMATCH, J11_CODE_KID_MISSING, "key \"%s\" has no %s to make its kid of", of->name, what);
	j11_err_hint(err, "another kid style, or a literal kid");
	return JWK11_ERR_MISMATCH;
}

/* A thumbprint of a secret would give it away to whoever tries values (RFC 7638 section 7), and the token keeps it to itself anyway. */
static enum jwk11_rc no_public_half(const struct j11_kid_of *of, struct jwk11_err *err)
{
	j11_err_set(err, JWK11_ERR_MISMATCH, J11_CODE_KID_MISSING, "key \"%s\" is secret and has no public half to make its kid of", of->name);
	j11_err_hint(err, "a kid of its own, or the styles label, id and none");
	return JWK11_ERR_MISMATCH;
}

static enum jwk11_rc make_thumbprint(const struct j11_kid_of *of, char *kid, struct jwk11_err *err)
{
	if (of->pub == NULL)
		return no_public_half(of, err);
	return jwk11_pub_thumbprint(of->pub, kid, err);
}

/* What kube-apiserver gives the keys it reads from files: base64url of the SHA-256 of the PKIX DER. */
static enum jwk11_rc make_k8s(const struct j11_kid_of *of, char *kid, struct jwk11_err *err)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf der = J11_BUF(J11_SPKI_MAX);
	enum jwk11_rc rc = of->pub ? j11_pub_spki(of->pub, &der, err) : no_public_half(of, err);

	return rc == JWK11_OK ? j11_hash_text(j11_buf_view(&der), kid, err) : rc;
}

static enum jwk11_rc make_label(const struct j11_kid_of *of, char *kid, struct jwk11_err *err)
{
	if (of->label[0] == '\0')
		return missing(of, "label", err);
	if (strlen(of->label) >= JWK11_KID_MAX)
		return too_long(of, err);
	snprintf(kid, JWK11_KID_MAX, "%s", of->label);
	return JWK11_OK;
}

/* Leading zeros count: two tokens' 01 and 0001 are two identifiers. */
static enum jwk11_rc make_id(const struct j11_kid_of *of, char *kid, struct jwk11_err *err)
{
	const unsigned char *p = of->id.data;

	if (of->id.len == 0)
		return missing(of, "CKA_ID", err);
	if (2 * of->id.len >= JWK11_KID_MAX)
		return too_long(of, err);
	for (size_t i = 0; i < of->id.len; i++)
		snprintf(kid + 2 * i, 3, "%02x", p[i]);
	return JWK11_OK;
}

static enum jwk11_rc make_none(const struct j11_kid_of *of, char *kid, struct jwk11_err *err)
{
	(void)of;
	(void)err;
	kid[0] = '\0';
	return JWK11_OK;
}

static const struct {
	const char *name;
	enum jwk11_rc (*make)(const struct j11_kid_of *of, char *kid, struct jwk11_err *err);
} styles[JWK11_N_KID_] = {
	[JWK11_KID_THUMBPRINT] = { "thumbprint", make_thumbprint },
	[JWK11_KID_K8S] = { "k8s", make_k8s },
	[JWK11_KID_LABEL] = { "label", make_label },
	[JWK11_KID_ID] = { "id", make_id },
	[JWK11_KID_NONE] = { "none", make_none },
};

enum jwk11_rc j11_kid_make(const struct j11_kid_of *of, enum jwk11_kid_style style, char ret_kid[JWK11_KID_MAX], struct jwk11_err *err)
{
	char kid[JWK11_KID_MAX] = "";
	enum jwk11_rc rc;

	if ((unsigned)style >= JWK11_N_KID_)
		return j11_err_set(err, JWK11_ERR_ARGUMENT, J11_CODE_ARGUMENT, "kid: no such style");
	rc = styles[style].make(of, kid, err);
	if (rc == JWK11_OK)
		memcpy(ret_kid, kid, sizeof(kid));
	return rc;
}

const char *jwk11_kid_style_name(enum jwk11_kid_style style)
{
	return (unsigned)style < JWK11_N_KID_ ? styles[style].name : "unknown";
}

enum jwk11_kid_style jwk11_kid_style_find(const char *name)
{
	unsigned i = 0;

	while (i < JWK11_N_KID_ && !j11_text_equal(styles[i].name, name))
		i++;
	return (enum jwk11_kid_style)i;
}

enum jwk11_rc jwk11_pub_thumbprint_uri(const struct jwk11_pub *pub, struct jwk11_buf *ret_uri, struct jwk11_err *err)
{
	char thumbprint[JWK11_THUMBPRINT_LEN + 1];
	enum jwk11_rc rc;

	if (ret_uri == NULL)
		return j11_err_set(err, JWK11_ERR_ARGUMENT, J11_CODE_ARGUMENT, "thumbprint URI: no buffer");
	rc = jwk11_pub_thumbprint(pub, thumbprint, err);
	if (rc != JWK11_OK)
		return rc;
	j11_buf_add_fmt(ret_uri, "%s%s", JWK11_THUMBPRINT_URI, thumbprint);
	return j11_buf_check(ret_uri, "thumbprint URI", err);
}
