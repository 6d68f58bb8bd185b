/* SPDX-License-Identifier: Apache-2.0 */
/* What a YubiKey says of a key, and who vouches for the YubiKey. */
#include "attest.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "cert_text.h"
#include "der.h"

enum { TAG_INTEGER = 0x02 };

enum { ARC_FIRMWARE = 3, ARC_SERIAL = 7, ARC_POLICY = 8, ARC_FORM = 9 };

/* How many extensions of this number there are, and the octets of the last one. */
static unsigned find(const struct j11_cert *cert, unsigned char arc, struct jwk11_view *ret_value)
{
	int n = X509_get_ext_count(cert->x509);
	unsigned found = 0;

	for (int i = 0; i < n; i++) {
		X509_EXTENSION *e = X509_get_ext(cert->x509, i);
		const ASN1_OCTET_STRING *value = X509_EXTENSION_get_data(e);

		if (j11_cert_yubico_arc(e) != arc)
			continue;
		found++;
		*ret_value = (struct jwk11_view){ .data = ASN1_STRING_get0_data(value), .len = (size_t)ASN1_STRING_length(value) };
	}
	return found;
}

static enum jwk11_rc refuse(const char *why, struct jwk11_err *err)
{
	return j11_err_set(err, JWK11_ERR_SYNTAX, J11_CODE_ATTESTATION_INVALID, "attestation: %s", why);
}

/* Octets as they are, without DER around them. */
static enum jwk11_rc read_octets(const struct j11_cert *cert, unsigned char arc, size_t len, unsigned char *ret_octets, bool *ret_has, const char *why,
	struct jwk11_err *err)
{
	struct jwk11_view value = { .data = "", .len = 0 };
	unsigned n = find(cert, arc, &value);

	*ret_has = n == 1;
	if (n > 1 || (n == 1 && value.len != len))
		return refuse(why, err);
	if (n == 1)
		memcpy(ret_octets, value.data, len);
	return JWK11_OK;
}

/* A DER INTEGER of 32 bits, which is never negative. */
static enum jwk11_rc read_serial(const struct j11_cert *cert, struct j11_attest *a, struct jwk11_err *err)
{
	static const char why[] = "its serial number (.3.7) is not one INTEGER of at most 32 bits";
	struct jwk11_view value = { .data = "", .len = 0 }, content;
	unsigned n = find(cert, ARC_SERIAL, &value);
	const unsigned char *p;

	a->has_serial = n == 1;
	if (n == 0)
		return JWK11_OK;
	if (n > 1 || !j11_der_whole(value, TAG_INTEGER, &content) || content.len == 0 || content.len > 5)
		return refuse(why, err);
	p = content.data;
	if ((p[0] & 0x80) != 0 || (content.len == 5 && p[0] != 0) || (content.len > 1 && p[0] == 0 && (p[1] & 0x80) == 0))
		return refuse(why, err);
	for (size_t i = 0; i < content.len; i++)
		a->serial = a->serial << 8 | p[i];
	return JWK11_OK;
}

/* "YubiKey PIV Attestation 9a" is the whole common name. */
static void read_slot(const struct j11_cert *cert, struct j11_attest *a)
{
	static const char start[] = "YubiKey PIV Attestation ";
	char cn[64];
	int len = X509_NAME_get_text_by_NID(X509_get_subject_name(cert->x509), NID_commonName, cn, sizeof(cn));

	if (len == (int)sizeof(start) - 1 + 2 && memcmp(cn, start, sizeof(start) - 1) == 0 && strspn(cn + sizeof(start) - 1, "0123456789abcdef") == 2)
		snprintf(a->slot, sizeof(a->slot), "%.2s", cn + sizeof(start) - 1);
}

enum jwk11_rc j11_attest_read(const struct j11_cert *cert, struct j11_attest *ret_attest, struct jwk11_err *err)
{
	struct j11_attest a = { .has_serial = false };
	unsigned char policy[2] = { 0 };
	bool has = false;
	enum jwk11_rc rc = read_octets(cert, ARC_FIRMWARE, sizeof(a.firmware), a.firmware, &has, "its firmware version (.3.3) is not three octets", err);

	if (rc == JWK11_OK && !has)
		rc = refuse("no certificate of this form: it has no extension 1.3.6.1.4.1.41482.3.3", err);
	if (rc == JWK11_OK)
		rc = read_serial(cert, &a, err);
	if (rc == JWK11_OK)
		rc = read_octets(cert, ARC_POLICY, sizeof(policy), policy, &a.has_policy, "its policies (.3.8) are not two octets", err);
	if (rc == JWK11_OK)
		rc = read_octets(cert, ARC_FORM, 1, &a.form, &a.has_form, "its form factor (.3.9) is not one octet", err);
	if (rc != JWK11_OK)
		return rc;
	a.pin = policy[0];
	a.touch = policy[1];
	read_slot(cert, &a);
	*ret_attest = a;
	return JWK11_OK;
}

/* ---- who vouches for it ---- */

static enum jwk11_rc distrust(const struct j11_cert *cert, const char *why, struct jwk11_err *err)
{
	struct j11_cert_text text;

	j11_cert_text(cert, &text);
	return j11_err_set(err, JWK11_ERR_MISMATCH, J11_CODE_ATTESTATION_UNTRUSTED, "attestation: %.120s %s", text.subject, why);
}

/* May this one stand above `below` CAs of the path? -1: it does not say. */
static bool has_room(const struct j11_cert *issuer, size_t below)
{
	long most = X509_get_pathlen(issuer->x509);

	return most < 0 || below <= (size_t)most;
}

static const struct j11_cert *issuer_among(const struct jwk11_certs *certs, const struct j11_cert *subject, size_t below)
{
	for (size_t i = 0; i < certs->n; i++)
		if (certs->list[i] != subject && j11_cert_certifies(certs->list[i], subject) && has_room(certs->list[i], below))
			return certs->list[i];
	return NULL;
}

/* From the attestation upwards: a root where there is one, else whoever of the others certifies it. */
static enum jwk11_rc climb(const struct j11_cert *attest, const struct jwk11_certs *others, const struct jwk11_certs *roots, int64_t now,
	const struct j11_cert **ret_root, struct jwk11_err *err)
{
	const struct j11_cert *at = attest, *next;

	for (size_t below = 0; below < J11_ATTEST_PATH_MAX; below++) {
		if (!j11_cert_is_valid_at(at, now))
			return distrust(at, "is not valid now", err);
		next = issuer_among(roots, at, below);
		if (next != NULL && !j11_cert_is_valid_at(next, now))
			return distrust(next, "is not valid now", err);
		if (next != NULL) {
			*ret_root = next;
			return JWK11_OK;
		}
		next = issuer_among(others, at, below);
		if (next == NULL)
			return distrust(at, "is certified by none of the roots given, nor by a certificate that leads to one", err);
		at = next;
	}
	return distrust(at, "is too far from any root", err);
}

enum jwk11_rc j11_attest_check(const struct j11_cert *attest, const struct jwk11_pub *pub, const struct jwk11_certs *others, const struct jwk11_certs *roots,
	int64_t now, const struct j11_cert **ret_root, struct jwk11_err *err)
{
	unsigned char hash[J11_SPKI_HASH_LEN];
	enum jwk11_rc rc = j11_pub_spki_hash(pub, hash, err);

	if (rc != JWK11_OK)
		return rc;
	if (!j11_cert_holds(attest, pub, hash, true))
		return j11_err_set(err, JWK11_ERR_MISMATCH, J11_CODE_ATTESTATION_FOREIGN, "attestation: it is of another key");
	rc = climb(attest, others, roots, now, ret_root, err);
	ERR_clear_error();
	return rc;
}

/* ---- words ---- */

static const char *word(const char *const *words, size_t n, unsigned char value)
{
	return value < n ? words[value] : NULL;
}

const char *j11_attest_pin(unsigned char value)
{
	static const char *const words[] = { NULL, "never", "once", "always", "match once", "match always" };

	return word(words, J11_COUNT(words), value);
}

const char *j11_attest_touch(unsigned char value)
{
	static const char *const words[] = { NULL, "never", "always", "cached" };

	return word(words, J11_COUNT(words), value);
}

const char *j11_attest_form(unsigned char value)
{
	static const char *const words[] = { NULL, "USB-A keychain", "USB-A nano", "USB-C keychain", "USB-C nano", "USB-C and Lightning", "USB-A bio", "USB-C bio" };

	return word(words, J11_COUNT(words), value & 0x7f);
}
