/* SPDX-License-Identifier: Apache-2.0 */
/* libcrypto knows how names are written. */
#include "cert_text.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"

/* Escapes what is not printable first, so that nothing in a name reaches a terminal as it is. */
static void name_text(const X509_NAME *name, char *room, size_t len)
{
	const unsigned long flags = (XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB) | ASN1_STRFLGS_ESC_CTRL;
	BIO *bio = BIO_new(BIO_s_mem());
	char *data = NULL;
	long n = 0;

	if (bio != NULL && X509_NAME_print_ex(bio, name, 0, flags) >= 0)
		n = BIO_get_mem_data(bio, &data);
	j11_text_printable((struct jwk11_view){ .data = n > 0 ? data : "", .len = n > 0 ? (size_t)n : 0 }, room, len);
	BIO_free(bio);
}

static void serial_text(const ASN1_INTEGER *serial, char *room, size_t len)
{
	BIGNUM *bn = ASN1_INTEGER_to_BN(serial, NULL);
	char *hex = bn != NULL ? BN_bn2hex(bn) : NULL;

	snprintf(room, len, "%s", hex != NULL ? hex : "");
	OPENSSL_free(hex);
	BN_free(bn);
}

void j11_cert_text(const struct j11_cert *cert, struct j11_cert_text *ret_text)
{
	const X509 *x = cert->x509;

	*ret_text = (struct j11_cert_text){ .subject = "" };
	name_text(X509_get_subject_name(x), ret_text->subject, sizeof(ret_text->subject));
	name_text(X509_get_issuer_name(x), ret_text->issuer, sizeof(ret_text->issuer));
	serial_text(X509_get0_serialNumber(x), ret_text->serial, sizeof(ret_text->serial));
	j11_text_time(cert->not_before, ret_text->not_before);
	j11_text_time(cert->not_after, ret_text->not_after);
	if (j11_hash_text(cert->der, ret_text->x5t, NULL) != JWK11_OK)
		ret_text->x5t[0] = '\0';
	ERR_clear_error();
}

enum jwk11_rc j11_cert_part(const struct j11_cert *cert, enum j11_cert_part part, struct jwk11_buf *out, struct jwk11_err *err)
{
	const X509 *x = cert->x509;
	unsigned char *der = NULL;
	int len = part == J11_CERT_SERIAL ? i2d_ASN1_INTEGER(X509_get0_serialNumber(x), &der) :
		i2d_X509_NAME(part == J11_CERT_SUBJECT ? X509_get_subject_name(x) : X509_get_issuer_name(x), &der);

	if (len <= 0) {
		ERR_clear_error();
		return j11_err_set(err, JWK11_ERR_SYNTAX, J11_CODE_CERT_INVALID, "certificate: its names cannot be written");
	}
	j11_buf_add(out, der, (size_t)len);
	OPENSSL_free(der);
	return j11_buf_check(out, "certificate", err);
}
