/* SPDX-License-Identifier: Apache-2.0 */
/* CsrAttrs ::= SEQUENCE OF CHOICE { oid, attribute }: a table of what its object identifiers mean to us. */
#include "est_attrs.h"

#include <openssl/err.h>
#include <openssl/objects.h>
#include <stdio.h>
#include <string.h>

#include "base/b64.h"
#include "base/err.h"
#include "base/text.h"
#include "jose/der.h"

enum { TAG_OID = 0x06, TAG_SEQUENCE = 0x30, TAG_SET = 0x31, MAX_ATTRS = 64 };

static const struct {
	int nid;
	const char *kty, *crv, *alg;
} meanings[] = {
	{ NID_rsaEncryption, "RSA", NULL, NULL },
	{ NID_X9_62_id_ecPublicKey, "EC", NULL, NULL },
	{ NID_X9_62_prime256v1, "EC", "P-256", NULL },
	{ NID_secp384r1, "EC", "P-384", NULL },
	{ NID_secp521r1, "EC", "P-521", NULL },
	{ NID_ED25519, "OKP", "Ed25519", NULL },
	{ NID_ED448, "OKP", "Ed448", NULL },
	{ NID_sha256WithRSAEncryption, NULL, NULL, "RS256" },
	{ NID_sha384WithRSAEncryption, NULL, NULL, "RS384" },
	{ NID_sha512WithRSAEncryption, NULL, NULL, "RS512" },
	{ NID_ecdsa_with_SHA256, NULL, NULL, "ES256" },
	{ NID_ecdsa_with_SHA384, NULL, NULL, "ES384" },
	{ NID_ecdsa_with_SHA512, NULL, NULL, "ES512" },
};

static enum jwk11_rc malformed(struct jwk11_err *err)
{
	return j11_err_set(err, JWK11_ERR_SYNTAX, J11_CODE_SERVER_MALFORMED, "the server's csrattrs: no list of attributes");
}

static void add_other(struct est_attrs *a, const ASN1_OBJECT *object)
{
	if (a->n_others < EST_OTHERS_MAX)
		OBJ_obj2txt(a->others[a->n_others++], sizeof(a->others[0]), object, 0);
}

static void add_alg(struct est_attrs *a, const char *alg)
{
	size_t n = 0;

	a->wants_alg = true;
	while (a->algs[n] != NULL)
		n++;
	if (n + 1 < J11_COUNT(a->algs))
		a->algs[n] = alg;
}

/* Where an object identifier stands says what it means (section 4.5.2): alone it may be a signature's algorithm; the kind of key is an attribute, of which
 * the type is the algorithm and the values are its parameters. A curve that stands alone, as in what libest sends, asks for nothing that we know. */
enum place { ALONE, TYPE, VALUE };

static bool note_meaning(struct est_attrs *a, enum place place, int nid)
{
	for (size_t i = 0; i < J11_COUNT(meanings); i++) {
		if (nid == NID_undef || nid != meanings[i].nid)
			continue;
		if (place == ALONE && meanings[i].alg != NULL) {
			add_alg(a, meanings[i].alg);
			return true;
		}
		if (meanings[i].kty == NULL || place == ALONE || (place == VALUE && (a->kty == NULL || !j11_text_equal(a->kty, meanings[i].kty))))
			return false;
		a->kty = meanings[i].kty;
		if (meanings[i].crv != NULL)
			a->crv = meanings[i].crv;
		return true;
	}
	return false;
}

static void note(struct est_attrs *a, enum place place, const ASN1_OBJECT *object)
{
	int nid = OBJ_obj2nid(object);

	if (nid == NID_pkcs9_challengePassword)
		a->channel_binding = true;
	else if (!note_meaning(a, place, nid))
		add_other(a, object);
}

/* An object identifier, of a TLV that starts at *at. */
static bool note_oid(struct est_attrs *a, enum place place, struct jwk11_view *at)
{
	const unsigned char *p = at->data;
	struct jwk11_view content;
	size_t len = at->len;
	ASN1_OBJECT *object;

	if (!j11_der_take(at, TAG_OID, &content))
		return false;
	object = d2i_ASN1_OBJECT(NULL, &p, (long)(len - at->len));
	ERR_clear_error();
	if (object == NULL)
		return false;
	note(a, place, object);
	ASN1_OBJECT_free(object);
	return true;
}

/* Values that are object identifiers are meant as ours are (a curve); others are passed over. */
static bool note_attribute(struct est_attrs *a, struct jwk11_view attribute)
{
	struct jwk11_view values;
	const unsigned char *p;

	if (!note_oid(a, TYPE, &attribute) || !j11_der_whole(attribute, TAG_SET, &values))
		return false;
	for (p = values.data; values.len > 0 && *p == TAG_OID; p = values.data)
		if (!note_oid(a, VALUE, &values))
			return false;
	return true;
}

enum jwk11_rc est_attrs_read(struct jwk11_view text, struct est_attrs *ret_attrs, struct jwk11_err *err)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf der = J11_BUF(EST_ATTRS_MAX);
	struct est_attrs a = { 0 };
	struct jwk11_view list, one;

	if (text.len > 0 && ((const char *)text.data)[text.len - 1] == '\0') /* libest counts its string's end in */
		text.len--;
	if (j11_b64_decode(text, "csrattrs", &der, NULL) != JWK11_OK || !j11_der_whole(j11_buf_view(&der), TAG_SEQUENCE, &list))
		return malformed(err);
	for (unsigned n = 0; list.len > 0; n++) {
		bool good = n < MAX_ATTRS;

		if (good && *(const unsigned char *)list.data == TAG_OID)
			good = note_oid(&a, ALONE, &list);
		else
			good = good && j11_der_take(&list, TAG_SEQUENCE, &one) && note_attribute(&a, one);
		if (!good)
			return malformed(err);
	}
	*ret_attrs = a;
	return JWK11_OK;
}

bool est_attrs_object(const struct est_attrs *a, const char *kty, const char *crv, const char *alg, char *why, size_t why_len)
{
	if (a->channel_binding) {
		snprintf(why, why_len, "the request bound to its TLS connection (challengePassword, RFC 7030 section 3.5), which jwk11 does not do");
		return true;
	}
	if ((a->kty != NULL && !j11_text_equal(a->kty, kty)) || (a->crv != NULL && !j11_text_equal(a->crv, crv))) {
		snprintf(why, why_len, "a key of kind %s%s%s, and this one is %s%s%s", a->kty, a->crv ? " " : "", a->crv ? a->crv : "", kty, crv[0] ? " " : "", crv);
		return true;
	}
	for (size_t i = 0; a->algs[i] != NULL; i++)
		if (j11_text_equal(a->algs[i], alg))
			return false;
	if (a->wants_alg)
		snprintf(why, why_len, "a request signed with %s, and this key signs with %s", a->algs[0], alg);
	return a->wants_alg;
}
