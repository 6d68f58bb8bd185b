/* SPDX-License-Identifier: Apache-2.0 */
/* The outer shells are put together here and not by libcrypto: X509_REQ and X509 take neither a signature algorithm with parameters nor a signature that
 * somebody else has made (X509 has no such function at all), and they would leave copies of the challenge in memory. libcrypto then reads the
 * result like anybody else, and verifies it. */
#include "csr.h"

#include <openssl/err.h>
#include <openssl/x509.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "csr_text.h"
#include "der.h"
#include "x509_make.h"

enum { TAG_INTEGER = 0x02, TAG_BITS = 0x03, TAG_OID = 0x06, TAG_UTF8 = 0x0c, TAG_PRINTABLE = 0x13, TAG_SEQUENCE = 0x30, TAG_SET = 0x31 };

static const unsigned char oid_challenge[] = { 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x07 };
static const unsigned char oid_extension_request[] = { 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x0e };
#define OID(name) ((struct jwk11_view){ .data = (name), .len = sizeof(name) })

/* What both kinds are made of, in DER. */
struct parts {
	struct jwk11_buf subject, spki, alg, extensions;
	bool has_subject;
};

static void parts_done(struct parts *p)
{
	j11_buf_done(&p->subject);
	j11_buf_done(&p->spki);
	j11_buf_done(&p->alg);
	j11_buf_done(&p->extensions);
}

static enum jwk11_rc make_subject(struct parts *p, const char *text, struct jwk11_err *err)
{
	J11_AUTO(j11_mem_free_auto) struct j11_dn *dn = j11_mem_new(sizeof(*dn));
	enum jwk11_rc rc = dn != NULL ? j11_dn_parse(j11_view_str(text ? text : ""), dn, err) : j11_err_memory(err);

	if (rc != JWK11_OK)
		return rc;
	p->has_subject = dn->n > 0;
	return j11_x509_name(dn, &p->subject, err);
}

static enum jwk11_rc make_parts(struct parts *p, const struct jwk11_pub *pub, const struct j11_alg *alg, const struct jwk11_csr *csr, bool key_id,
	struct jwk11_err *err)
{
	enum jwk11_rc rc = j11_pub_fits(pub, alg, err);

	*p = (struct parts){ .subject = J11_BUF(J11_CSR_DER_MAX), .spki = J11_BUF(J11_SPKI_MAX), .alg = J11_BUF(512), .extensions = J11_BUF(J11_CSR_DER_MAX) };
	if (rc == JWK11_OK)
		rc = make_subject(p, csr->subject, err);
	if (rc == JWK11_OK)
		rc = j11_pub_spki(pub, &p->spki, err);
	if (rc == JWK11_OK)
		rc = j11_x509_sig_alg(pub, alg, &p->alg, err);
	return rc == JWK11_OK ? j11_x509_extensions(csr, p->has_subject, key_id ? pub : NULL, &p->extensions, err) : rc;
}

static void put_buf(struct jwk11_buf *out, const struct jwk11_buf *part)
{
	if (part->failed != JWK11_OK)
		out->failed = part->failed;
	j11_buf_add(out, part->data, part->len);
}

/* Its contents in one more shell. */
static void wrap(struct jwk11_buf *out, unsigned char tag, const struct jwk11_buf *content)
{
	if (content->failed != JWK11_OK)
		out->failed = content->failed;
	j11_der_put(out, tag, j11_buf_view(content));
}

/* ---- signing and reading back ---- */

/* ECDSA-Sig-Value for ECDSA (RFC 3279 2.2.3), the octets as they are for all others. */
static enum jwk11_rc put_signature(const struct jwk11_pub *pub, const struct jwk11_buf *sig, struct jwk11_buf *out, struct jwk11_err *err)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf bits = J11_BUF(J11_SIG_MAX + 1);
	unsigned char der[J11_DER_ECDSA_MAX];
	struct jwk11_view v = j11_buf_view(sig);

	if (v.len != j11_pub_sig_len(pub))
		return j11_err_set(err, JWK11_ERR_SIGNATURE, J11_CODE_SIGNATURE_WITHHELD, "the signature has %zu octets where the key's have %zu", v.len,
			j11_pub_sig_len(pub));
	if (pub->kty == J11_KTY_EC)
		v = (struct jwk11_view){ .data = der, .len = j11_der_from_raw(v, der) };
	j11_buf_add_byte(&bits, 0);
	j11_buf_add(&bits, v.data, v.len);
	wrap(out, TAG_BITS, &bits);
	return JWK11_OK;
}

/* The whole: what is signed, the algorithm, the signature. */
static enum jwk11_rc assemble(const struct parts *p, const struct jwk11_buf *tbs, const struct jwk11_buf *bits, struct jwk11_buf *out, struct jwk11_err *err)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf body = { .max = J11_CSR_DER_MAX, .secret = tbs->secret };

	put_buf(&body, tbs);
	put_buf(&body, &p->alg);
	put_buf(&body, bits);
	wrap(out, TAG_SEQUENCE, &body);
	return j11_buf_check(out, "the request", err);
}

/* Does libcrypto check the signature of what it reads back? 3.0 knows no ML-DSA, and gives back memory as it is, so it gets no challenge to see. */
static bool leaves_to_libcrypto(const struct jwk11_pub *pub, const struct jwk11_buf *tbs)
{
	return pub->kty != J11_KTY_AKP && !tbs->secret;
}

static enum jwk11_rc sign(const struct jwk11_pub *pub, const struct j11_alg *alg, const struct jwk11_buf *tbs, const struct j11_csr_signer *signer,
	struct jwk11_buf *ret_bits, struct jwk11_err *err)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf sig = J11_BUF(J11_SIG_MAX);
	enum jwk11_rc rc = j11_buf_check(tbs, "the request", err);

	if (rc == JWK11_OK)
		rc = signer->sign(signer->arg, j11_buf_view(tbs), &sig, err);
	if (rc == JWK11_OK && !leaves_to_libcrypto(pub, tbs) &&
		jwk11_pub_verify(pub, alg->name, JWK11_INPUT_MESSAGE, j11_buf_view(tbs), j11_buf_view(&sig), NULL) != JWK11_OK)
		rc = j11_err_set(err, JWK11_ERR_SIGNATURE, J11_CODE_SIGNATURE_WITHHELD, "the signature that was made does not verify and was withheld");
	return rc == JWK11_OK ? put_signature(pub, &sig, ret_bits, err) : rc;
}

static bool request_is_good(const struct jwk11_pub *pub, const struct jwk11_buf *der, bool check)
{
	const unsigned char *p = (const unsigned char *)der->data;
	X509_REQ *req = d2i_X509_REQ(NULL, &p, (long)der->len);
	bool ok = req != NULL && p == (const unsigned char *)der->data + der->len && (!check || X509_REQ_verify(req, pub->evp) == 1);

	X509_REQ_free(req);
	ERR_clear_error();
	return ok;
}

static bool certificate_is_good(const struct jwk11_pub *pub, const struct jwk11_buf *der, bool check)
{
	const unsigned char *p = (const unsigned char *)der->data;
	X509 *cert = d2i_X509(NULL, &p, (long)der->len);
	bool ok = cert != NULL && p == (const unsigned char *)der->data + der->len && (!check || X509_verify(cert, pub->evp) == 1);

	X509_free(cert);
	ERR_clear_error();
	return ok;
}

/* Nothing that does not verify leaves. */
static enum jwk11_rc hand_out(bool is_good, const struct jwk11_buf *made, const char *what, struct jwk11_buf *out, struct jwk11_err *err)
{
	size_t start = out->len;

	if (!is_good)
		return j11_err_set(err, JWK11_ERR_SIGNATURE, J11_CODE_SIGNATURE_WITHHELD, "the %s that was made does not verify and was withheld", what);
	j11_buf_add(out, made->data, made->len);
	return j11_buf_check_from(out, start, what, err);
}

/* ---- requests ---- */

/* RFC 2985 5.4.1: PrintableString where that is possible. */
static enum jwk11_rc put_challenge(struct jwk11_view challenge, struct jwk11_buf *out, struct jwk11_err *err)
{
	static const char printable[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 '()+,-./:=?";
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf text = { .max = 512, .secret = true }, set = { .max = 512, .secret = true }, body = { .max = 512, .secret = true };
	const unsigned char *p = challenge.data;
	bool plain = true;

	if (challenge.len == 0 || challenge.len > J11_CSR_CHALLENGE_MAX || !j11_text_is_utf8(challenge))
		return j11_err_set(err, JWK11_ERR_SYNTAX, J11_CODE_CHALLENGE_INVALID, "a challenge password is UTF-8 text of 1 to %d octets", J11_CSR_CHALLENGE_MAX);
	for (size_t i = 0; i < challenge.len; i++) {
		if (p[i] < 0x20 || p[i] == 0x7f)
			return j11_err_set(err, JWK11_ERR_SYNTAX, J11_CODE_CHALLENGE_INVALID, "a challenge password holds no control characters, nor line ends");
		plain = plain && strchr(printable, p[i]) != NULL;
	}
	j11_der_put(&text, plain ? TAG_PRINTABLE : TAG_UTF8, challenge);
	wrap(&set, TAG_SET, &text);
	j11_der_put(&body, TAG_OID, OID(oid_challenge));
	put_buf(&body, &set);
	wrap(out, TAG_SEQUENCE, &body);
	return JWK11_OK;
}

/* RFC 2985 5.4.2. */
static void put_extension_request(const struct jwk11_buf *extensions, struct jwk11_buf *out)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf set = J11_BUF(J11_CSR_DER_MAX), body = J11_BUF(J11_CSR_DER_MAX);

	if (extensions->len == 0)
		return;
	wrap(&set, TAG_SET, extensions);
	j11_der_put(&body, TAG_OID, OID(oid_extension_request));
	put_buf(&body, &set);
	wrap(out, TAG_SEQUENCE, &body);
}

static int order_of(struct jwk11_view a, struct jwk11_view b)
{
	size_t n = a.len < b.len ? a.len : b.len;
	int order = memcmp(a.data, b.data, n);

	return order != 0 ? order : a.len < b.len ? -1 : 1;
}

/* A SET OF two at most, which DER sorts (X.690 11.6). */
static enum jwk11_rc put_attributes(const struct parts *p, struct jwk11_view challenge, struct jwk11_buf *out, struct jwk11_err *err)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf first = { .max = 1024, .secret = true }, second = J11_BUF(J11_CSR_DER_MAX), both = { .max = J11_CSR_DER_MAX, .secret = true };
	enum jwk11_rc rc = challenge.data != NULL ? put_challenge(challenge, &first, err) : JWK11_OK;
	bool swap;

	put_extension_request(&p->extensions, &second);
	swap = first.len > 0 && second.len > 0 && order_of(j11_buf_view(&first), j11_buf_view(&second)) > 0;
	put_buf(&both, swap ? &second : &first);
	put_buf(&both, swap ? &first : &second);
	wrap(out, 0xa0, &both);
	return rc;
}

/* CertificationRequestInfo (RFC 2986 4.1). */
static enum jwk11_rc put_info(const struct parts *p, const struct jwk11_csr *csr, struct jwk11_buf *tbs, struct jwk11_err *err)
{
	static const unsigned char zero[] = { 0 };
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf body = { .max = J11_CSR_DER_MAX, .secret = tbs->secret };
	enum jwk11_rc rc;

	j11_der_put(&body, TAG_INTEGER, OID(zero));
	put_buf(&body, &p->subject);
	put_buf(&body, &p->spki);
	rc = put_attributes(p, csr->challenge_password, &body, err);
	wrap(tbs, TAG_SEQUENCE, &body);
	return rc;
}

static bool has_names(const struct jwk11_csr *csr)
{
	for (unsigned kind = 0; kind < J11_N_NAME_; kind++) {
		const char *const *words = j11_csr_list_of(csr, kind);

		if (words != NULL && words[0] != NULL)
			return true;
	}
	return false;
}

/* What libcrypto reads back: the request, with other octets in place of a challenge. */
static enum jwk11_rc make_shown(const struct parts *p, const struct jwk11_csr *csr, const struct jwk11_buf *bits, struct jwk11_buf *out, struct jwk11_err *err)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf tbs = J11_BUF(J11_CSR_DER_MAX);
	struct jwk11_csr shown = *csr;
	char cover[J11_CSR_CHALLENGE_MAX];
	enum jwk11_rc rc;

	memset(cover, 'x', sizeof(cover));
	if (csr->challenge_password.data != NULL)
		shown.challenge_password.data = cover;
	rc = put_info(p, &shown, &tbs, err);
	return rc == JWK11_OK ? assemble(p, &tbs, bits, out, err) : rc;
}

static enum jwk11_rc check_named(const struct parts *p, const struct jwk11_csr *csr, struct jwk11_err *err)
{
	if (p->has_subject || has_names(csr))
		return JWK11_OK;
	j11_err_set(err, JWK11_ERR_SYNTAX, J11_CODE_SUBJECT_MISSING, "a request needs a subject or an alternative name");
	j11_err_hint(err, "--subject CN=device-7 or --dns device-7.example.org; \"subject\" or \"dns\" in a body");
	return JWK11_ERR_SYNTAX;
}

enum jwk11_rc j11_csr_make(const struct jwk11_pub *pub, const struct j11_alg *alg, const struct jwk11_csr *csr, const struct j11_csr_signer *signer,
	struct jwk11_buf *out, struct jwk11_err *err)
{
	bool secret = csr->challenge_password.data != NULL;
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf tbs = { .max = J11_CSR_DER_MAX, .secret = secret };
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf made = { .max = J11_CSR_DER_MAX, .secret = secret };
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf bits = J11_BUF(J11_SIG_MAX + 8), shown = J11_BUF(J11_CSR_DER_MAX);
	J11_AUTO(parts_done) struct parts p = { .has_subject = false };
	enum jwk11_rc rc = make_parts(&p, pub, alg, csr, false, err);

	if (rc == JWK11_OK)
		rc = check_named(&p, csr, err);
	if (rc == JWK11_OK)
		rc = put_info(&p, csr, &tbs, err);
	if (rc == JWK11_OK)
		rc = sign(pub, alg, &tbs, signer, &bits, err);
	if (rc == JWK11_OK)
		rc = assemble(&p, &tbs, &bits, &made, err);
	if (rc == JWK11_OK)
		rc = make_shown(&p, csr, &bits, &shown, err);
	return rc == JWK11_OK ? hand_out(request_is_good(pub, &shown, leaves_to_libcrypto(pub, &tbs)), &made, "request", out, err) : rc;
}

/* What stands signed in a request: its first element, with tag and length. */
static struct jwk11_view signed_part(struct jwk11_view der)
{
	struct jwk11_view inside, rest, content;

	if (!j11_der_whole(der, TAG_SEQUENCE, &inside))
		return (struct jwk11_view){ .data = "", .len = 0 };
	rest = inside;
	if (!j11_der_take(&rest, TAG_SEQUENCE, &content))
		return (struct jwk11_view){ .data = "", .len = 0 };
	return (struct jwk11_view){ .data = inside.data, .len = inside.len - rest.len };
}

static bool carries_its_signature(X509_REQ *req, const struct jwk11_pub *pub, struct jwk11_view der)
{
	const ASN1_BIT_STRING *sig = NULL;

	if (pub->kty != J11_KTY_AKP)
		return X509_REQ_verify(req, pub->evp) == 1;
	X509_REQ_get0_signature(req, &sig, NULL);
	return j11_mldsa_verify(pub->set, pub->x, signed_part(der), (struct jwk11_view){ .data = sig->data, .len = (size_t)sig->length }, NULL) == JWK11_OK;
}

enum jwk11_rc j11_csr_check(struct jwk11_view der, struct jwk11_err *err)
{
	J11_AUTO(jwk11_pub_unref_auto) struct jwk11_pub *pub = NULL;
	const unsigned char *p = der.data;
	X509_REQ *req = der.len > 0 && der.len <= J11_CSR_DER_MAX ? d2i_X509_REQ(NULL, &p, (long)der.len) : NULL;
	unsigned char *spki = NULL;
	int len = req != NULL && p == (const unsigned char *)der.data + der.len ? i2d_X509_PUBKEY(X509_REQ_get_X509_PUBKEY(req), &spki) : 0;
	enum jwk11_rc rc = len > 0 ? j11_pub_from_spki((struct jwk11_view){ .data = spki, .len = (size_t)len }, &pub, err) :
		j11_err_set(err, JWK11_ERR_SYNTAX, J11_CODE_CERT_INVALID, "not one certificate request in DER");

	if (rc == JWK11_OK && !carries_its_signature(req, pub, der))
		rc = j11_err_set(err, JWK11_ERR_SIGNATURE, J11_CODE_SIGNATURE_INVALID, "the certificate request does not verify");
	OPENSSL_free(spki);
	X509_REQ_free(req);
	ERR_clear_error();
	return rc;
}

/* ---- certificates ---- */

static void put_serial(const unsigned char serial[J11_SERIAL_LEN], struct jwk11_buf *out)
{
	unsigned char number[J11_SERIAL_LEN + 1] = { 0 };
	size_t skip = 0;

	memcpy(number + 1, serial, J11_SERIAL_LEN);
	while (skip < J11_SERIAL_LEN && number[skip] == 0 && number[skip + 1] < 0x80)
		skip++;
	j11_der_put(out, TAG_INTEGER, (struct jwk11_view){ .data = number + skip, .len = sizeof(number) - skip });
}

/* TBSCertificate (RFC 5280 4.1), version 3. */
static enum jwk11_rc put_certificate(const struct parts *p, const struct j11_self_spec *spec, struct jwk11_buf *tbs, struct jwk11_err *err)
{
	static const unsigned char version[] = { TAG_INTEGER, 1, 2 };
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf body = J11_BUF(J11_CSR_DER_MAX), times = J11_BUF(64);
	enum jwk11_rc rc = j11_x509_time(spec->not_before, &times, err);

	if (rc == JWK11_OK)
		rc = j11_x509_time(spec->not_after, &times, err);
	j11_der_put(&body, 0xa0, OID(version));
	put_serial(spec->serial, &body);
	put_buf(&body, &p->alg);
	put_buf(&body, &p->subject);
	wrap(&body, TAG_SEQUENCE, &times);
	put_buf(&body, &p->subject);
	put_buf(&body, &p->spki);
	wrap(&body, 0xa3, &p->extensions);
	wrap(tbs, TAG_SEQUENCE, &body);
	return rc;
}

static enum jwk11_rc check_self(const struct parts *p, const struct jwk11_csr *what, const struct j11_self_spec *spec, struct jwk11_err *err)
{
	if (!p->has_subject)
		return j11_err_set(err, JWK11_ERR_SYNTAX, J11_CODE_SUBJECT_MISSING, "a self-signed certificate needs a subject, which is its issuer too");
	if (what->challenge_password.data != NULL)
		return j11_err_set(err, JWK11_ERR_ARGUMENT, J11_CODE_ARGUMENT, "a certificate holds no challenge password");
	if (spec->not_after <= spec->not_before)
		return j11_err_set(err, JWK11_ERR_ARGUMENT, J11_CODE_ARGUMENT, "a certificate must not end before it begins");
	return JWK11_OK;
}

enum jwk11_rc j11_self_make(const struct jwk11_pub *pub, const struct j11_alg *alg, const struct jwk11_csr *what, const struct j11_self_spec *spec,
	const struct j11_csr_signer *signer, struct jwk11_buf *out, struct jwk11_err *err)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf tbs = J11_BUF(J11_CSR_DER_MAX), made = J11_BUF(J11_CSR_DER_MAX), bits = J11_BUF(J11_SIG_MAX + 8);
	J11_AUTO(parts_done) struct parts p = { .has_subject = false };
	enum jwk11_rc rc = make_parts(&p, pub, alg, what, true, err);

	if (rc == JWK11_OK)
		rc = check_self(&p, what, spec, err);
	if (rc == JWK11_OK)
		rc = put_certificate(&p, spec, &tbs, err);
	if (rc == JWK11_OK)
		rc = sign(pub, alg, &tbs, signer, &bits, err);
	if (rc == JWK11_OK)
		rc = assemble(&p, &tbs, &bits, &made, err);
	return rc == JWK11_OK ? hand_out(certificate_is_good(pub, &made, leaves_to_libcrypto(pub, &tbs)), &made, "certificate", out, err) : rc;
}
