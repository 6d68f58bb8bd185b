/* SPDX-License-Identifier: Apache-2.0 */
/* RFC 4514, octet by octet, with the place of what is wrong. */
#include "dn.h"

#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "der.h"

/* RFC 4514 section 3, and what certificates of devices and people have besides (RFC 5280 4.1.2.4). */
static const struct {
	const char *word, *oid;
} keywords[] = {
	{ "CN", "2.5.4.3" }, { "L", "2.5.4.7" }, { "ST", "2.5.4.8" }, { "O", "2.5.4.10" }, { "OU", "2.5.4.11" }, { "C", "2.5.4.6" },
	{ "STREET", "2.5.4.9" }, { "DC", "0.9.2342.19200300.100.1.25" }, { "UID", "0.9.2342.19200300.100.1.1" }, { "serialNumber", "2.5.4.5" },
	{ "emailAddress", "1.2.840.113549.1.9.1" }, { "givenName", "2.5.4.42" }, { "SN", "2.5.4.4" }, { "title", "2.5.4.12" },
};

struct reader {
	const char *start, *p, *end;
	struct j11_dn *dn;
	struct jwk11_err *err;
};

static enum jwk11_rc refuse(struct reader *r, const char *why)
{
	return j11_err_set(r->err, JWK11_ERR_SYNTAX, J11_CODE_SUBJECT_INVALID, "subject: %s at octet %zu", why, (size_t)(r->p - r->start));
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static int hex_of(char c)
{
	return is_digit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The octet of two digits at p; -1: there are none. */
static int hex_pair(const char *p, const char *end)
{
	int high = end - p >= 2 ? hex_of(p[0]) : -1, low = high >= 0 ? hex_of(p[1]) : -1;

	return low >= 0 ? high << 4 | low : -1;
}

static bool is_arc(const char *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!is_digit(p[i]))
			return false;
	return len > 0 && (len == 1 || p[0] != '0');
}

/* The first arc is 0, 1 or 2; below 2 the second is below 40 (X.660 7.6). */
bool j11_oid_is(struct jwk11_view text)
{
	const char *p = text.data, *end = p + text.len, *dot;
	uint64_t second = 0;
	unsigned n = 0;
	char first;

	if (text.len < 3 || text.len > J11_OID_MAX || p[0] < '0' || p[0] > '2' || p[1] != '.')
		return false;
	first = p[0];
	for (p += 2; p <= end; p = dot + 1, n++) {
		dot = memchr(p, '.', (size_t)(end - p));
		if (dot == NULL)
			dot = end;
		if (!is_arc(p, (size_t)(dot - p)))
			return false;
		if (n == 0 && first != '2' && !j11_text_to_u64((struct jwk11_view){ .data = p, .len = (size_t)(dot - p) }, 39, &second))
			return false;
	}
	return true;
}

/* Room for one more octet of what is kept; it cannot run out, because the text is shorter. */
static void keep(struct j11_dn *dn, char c)
{
	dn->room[dn->used++] = c;
}

static const char *keep_all(struct j11_dn *dn, const char *text, size_t len)
{
	const char *kept = dn->room + dn->used;

	for (size_t i = 0; i < len; i++)
		keep(dn, text[i]);
	keep(dn, '\0');
	return kept;
}

static enum jwk11_rc unknown_type(struct reader *r, const char *word)
{
	struct j11_nearest nearest = { .word = word };

	for (size_t i = 0; i < J11_COUNT(keywords); i++)
		j11_nearest_offer(&nearest, keywords[i].word);
	refuse(r, "an unknown attribute type");
	if (nearest.best != NULL)
		j11_err_hint(r->err, "did you mean %s? Other types are written as object identifiers: 2.5.4.3=device-7", nearest.best);
	else
		j11_err_hint(r->err, "CN, O, OU, C, L, ST, DC, UID, serialNumber and others of RFC 4514, or an object identifier");
	return JWK11_ERR_SYNTAX;
}

/* attributeType and its "=". */
static enum jwk11_rc read_type(struct reader *r, struct j11_dn_attribute *a)
{
	const char *from = r->p, *equals = memchr(r->p, '=', (size_t)(r->end - r->p));
	size_t len = equals != NULL ? (size_t)(equals - from) : 0;

	if (r->p < r->end && *r->p == ' ') {
		refuse(r, "a blank stands before an attribute type");
		j11_err_hint(r->err, "RFC 4514 has none behind a comma: CN=device-7,O=Example");
		return JWK11_ERR_SYNTAX;
	}
	if (len == 0 || len > J11_OID_MAX)
		return refuse(r, "an attribute type and \"=\" are missing");
	if (!is_digit(*from) && !is_letter(*from))
		return refuse(r, "an attribute type must begin with a letter or a digit");
	if (memchr(from, '\\', len) != NULL || memchr(from, ',', len) != NULL || memchr(from, '+', len) != NULL)
		return refuse(r, "an attribute type and \"=\" are missing");
	a->type = keep_all(r->dn, from, len);
	for (size_t i = 0; i < J11_COUNT(keywords); i++)
		if (j11_text_folds_to((struct jwk11_view){ .data = from, .len = len }, keywords[i].word))
			a->oid = keywords[i].oid;
	if (a->oid == NULL && is_digit(*from) && !j11_oid_is((struct jwk11_view){ .data = from, .len = len }))
		return refuse(r, "an object identifier is malformed");
	if (a->oid == NULL && is_digit(*from))
		a->oid = a->type;
	if (a->oid == NULL)
		return unknown_type(r, a->type);
	r->p = equals + 1;
	return JWK11_OK;
}

/* May this string type hold these octets? */
static bool is_content(unsigned char tag, struct jwk11_view v)
{
	static const char printable[] = " '()+,-./:=?"; /* besides letters and digits: X.680 41.4 */
	const unsigned char *p = v.data;

	if (tag == 0x0c)
		return j11_text_is_utf8(v) && memchr(v.data, 0, v.len) == NULL;
	if (tag == 0x1e)
		return v.len % 2 == 0;
	for (size_t i = 0; i < v.len; i++) {
		char c = (char)p[i];

		if (p[i] == 0 || p[i] > 0x7f || (tag == 0x12 && !is_digit(c) && c != ' ') ||
			(tag == 0x13 && !is_letter(c) && !is_digit(c) && strchr(printable, c) == NULL))
			return false;
	}
	return true;
}

/* hexstring: the DER of one string. */
static enum jwk11_rc read_hex(struct reader *r, struct j11_dn_attribute *a)
{
	static const unsigned char tags[] = { 0x13, 0x16, 0x0c, 0x12, 0x1e };
	struct jwk11_view der = { .data = r->dn->room + r->dn->used };
	const char *from = r->p;
	int octet;

	for (r->p++; (octet = hex_pair(r->p, r->end)) >= 0; r->p += 2)
		keep(r->dn, (char)octet);
	der.len = (size_t)(r->dn->room + r->dn->used - (const char *)der.data);
	if (r->p < r->end && *r->p != ',' && *r->p != '+')
		return refuse(r, "after \"#\" an even number of hexadecimal digits is needed");
	for (size_t i = 0; i < sizeof(tags); i++)
		if (j11_der_whole(der, tags[i], &a->value) && a->value.len > 0 && is_content(tags[i], a->value))
			a->tag = tags[i];
	r->p = a->tag == 0 ? from : r->p;
	return a->tag != 0 ? JWK11_OK : refuse(r, "a #hexstring that is not the DER of one string with something in it");
}

/* pair: what may stand behind a backslash. */
static enum jwk11_rc read_escape(struct reader *r)
{
	int octet = hex_pair(r->p + 1, r->end);

	if (octet < 0 && (r->end - r->p < 2 || r->p[1] == '\0' || strchr(" \"#+,;<=>\\", r->p[1]) == NULL))
		return refuse(r, "a backslash before what needs none, or before nothing");
	keep(r->dn, octet >= 0 ? (char)octet : r->p[1]);
	r->p += octet >= 0 ? 3 : 2;
	return JWK11_OK;
}

/* string: leadchar, stringchar, trailchar of section 3. */
static enum jwk11_rc read_text(struct reader *r, struct j11_dn_attribute *a)
{
	const char *from = r->p, *kept = r->dn->room + r->dn->used;
	enum jwk11_rc rc = JWK11_OK;
	bool bare_blank = false;

	while (rc == JWK11_OK && r->p < r->end && *r->p != ',' && *r->p != '+') {
		bare_blank = *r->p == ' ';
		if (*r->p == '\0' || strchr("\";<>", *r->p) != NULL)
			return refuse(r, "a character that must be escaped with a backslash");
		if (bare_blank && r->p == from)
			return refuse(r, "a blank that begins a value must be escaped");
		if (*r->p == '\\')
			rc = read_escape(r);
		else
			keep(r->dn, *r->p++);
	}
	if (rc != JWK11_OK)
		return rc;
	if (bare_blank)
		return refuse(r, "a blank that ends a value must be escaped");
	a->value = (struct jwk11_view){ .data = kept, .len = (size_t)(r->dn->room + r->dn->used - kept) };
	if (a->value.len == 0)
		return refuse(r, "an attribute without a value");
	if (!j11_text_is_utf8(a->value) || memchr(kept, 0, a->value.len) != NULL)
		return refuse(r, "a value that is not UTF-8, or holds NUL,");
	return JWK11_OK;
}

static enum jwk11_rc read_attribute(struct reader *r, bool joins)
{
	struct j11_dn_attribute *a = &r->dn->attribute[r->dn->n];
	enum jwk11_rc rc;

	if (r->dn->n == J11_DN_ATTRIBUTES_MAX)
		return j11_err_set(r->err, JWK11_ERR_LIMIT, J11_CODE_LIMIT, "subject: more than %d attributes", J11_DN_ATTRIBUTES_MAX);
	*a = (struct j11_dn_attribute){ .joins = joins };
	rc = read_type(r, a);
	if (rc == JWK11_OK)
		rc = r->p < r->end && *r->p == '#' ? read_hex(r, a) : read_text(r, a);
	r->dn->n += rc == JWK11_OK;
	return rc;
}

enum jwk11_rc j11_dn_parse(struct jwk11_view text, struct j11_dn *ret_dn, struct jwk11_err *err)
{
	struct reader r = { .start = text.data, .p = text.data, .end = (const char *)text.data + text.len, .dn = ret_dn, .err = err };
	enum jwk11_rc rc;
	bool joins = false;

	ret_dn->n = ret_dn->used = 0;
	if (text.len == 0)
		return JWK11_OK;
	if (text.len > J11_DN_MAX)
		return j11_err_set(err, JWK11_ERR_LIMIT, J11_CODE_LIMIT, "subject: longer than %d octets", J11_DN_MAX);
	for (;;) {
		rc = read_attribute(&r, joins);
		if (rc != JWK11_OK || r.p == r.end)
			return rc;
		joins = *r.p++ == '+';
	}
}
