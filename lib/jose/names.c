/* SPDX-License-Identifier: Apache-2.0 */
/* What may stand in a certificate as a name, and what may not. */
#include "names.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"

static enum jwk11_rc refuse(const char *kind, struct jwk11_view text, const char *why, struct jwk11_err *err)
{
	char shown[80];

	j11_text_printable(text, shown, sizeof(shown));
	return j11_err_set(err, JWK11_ERR_SYNTAX, J11_CODE_NAME_INVALID, "%s \"%s\": %s", kind, shown, why);
}

static bool is_letter(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(unsigned char c)
{
	return c >= '0' && c <= '9';
}

static bool is_label(const char *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!is_letter((unsigned char)p[i]) && !is_digit((unsigned char)p[i]) && p[i] != '-')
			return false;
	return len > 0 && len <= 63 && p[0] != '-' && p[len - 1] != '-';
}

/* RFC 1034 3.5 with the relaxation of RFC 1123 2.1, as RFC 5280 4.2.1.6 wants it. */
static bool is_dns(struct jwk11_view v, bool wildcard)
{
	const char *p = v.data, *end = p + v.len, *dot;

	if (v.len == 0 || v.len > 253)
		return false;
	if (wildcard && v.len > 2 && p[0] == '*' && p[1] == '.')
		p += 2;
	for (;; p = dot + 1) {
		dot = memchr(p, '.', (size_t)(end - p));
		if (!is_label(p, (size_t)((dot ? dot : end) - p)))
			return false;
		if (dot == NULL)
			return true;
	}
}

static enum jwk11_rc take_dns(struct jwk11_view text, struct j11_name *name, struct jwk11_err *err)
{
	enum jwk11_rc rc;

	name->text = text;
	if (is_dns(text, true))
		return JWK11_OK;
	rc = refuse("dns", text, "not a DNS name of letters, digits and hyphens", err);
	j11_err_hint(err, "names in other scripts are written in their ASCII form (xn--…); addresses go to ip");
	return rc;
}

static enum jwk11_rc take_ip(struct jwk11_view text, struct j11_name *name, struct jwk11_err *err)
{
	char copy[INET6_ADDRSTRLEN];

	if (text.len >= sizeof(copy) || memchr(text.data, 0, text.len) != NULL)
		return refuse("ip", text, "not an IPv4 or IPv6 address", err);
	snprintf(copy, sizeof(copy), "%.*s", (int)text.len, (const char *)text.data);
	if (inet_pton(AF_INET, copy, name->octets) == 1)
		name->n_octets = 4;
	else if (inet_pton(AF_INET6, copy, name->octets) == 1)
		name->n_octets = 16;
	return name->n_octets > 0 ? JWK11_OK : refuse("ip", text, "not an IPv4 or IPv6 address", err);
}

static bool is_hex(unsigned char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* RFC 3986: the characters of section 2, percent signs with two digits behind them. */
static bool has_uri_characters(const unsigned char *p, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (p[i] == '%' ? len - i < 3 || !is_hex(p[i + 1]) || !is_hex(p[i + 2]) :
			p[i] == '\0' || (!is_letter(p[i]) && !is_digit(p[i]) && strchr("-._~:/?#[]@!$&'()*+,;=", p[i]) == NULL))
			return false;
	}
	return true;
}

/* Absolute: a scheme and something behind it (RFC 5280: the name MUST NOT be a relative URI). */
static enum jwk11_rc take_uri(struct jwk11_view text, struct j11_name *name, struct jwk11_err *err)
{
	const unsigned char *p = text.data, *colon = text.len > 0 ? memchr(p, ':', text.len) : NULL;

	name->text = text;
	if (colon == NULL || !is_letter(p[0]) || colon + 1 == p + text.len)
		return refuse("uri", text, "not an absolute URI: it begins with no scheme and \":\", or ends there", err);
	for (const unsigned char *c = p; c < colon; c++)
		if (!is_letter(*c) && !is_digit(*c) && strchr("+-.", *c) == NULL)
			return refuse("uri", text, "not an absolute URI: it begins with no scheme and \":\", or ends there", err);
	return has_uri_characters(p, text.len) ? JWK11_OK : refuse("uri", text, "it holds what a URI must write as %XX", err);
}

/* dot-string of RFC 5321 4.1.2. */
static bool is_local_part(const char *p, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)p[i];

		if (c == '.' ? i == 0 || i + 1 == len || p[i + 1] == '.' : c == '\0' || (!is_letter(c) && !is_digit(c) && strchr("!#$%&'*+-/=?^_`{|}~", c) == NULL))
			return false;
	}
	return len > 0 && len <= 64;
}

static enum jwk11_rc take_email(struct jwk11_view text, struct j11_name *name, struct jwk11_err *err)
{
	const char *p = text.data, *at = text.len > 0 ? memchr(p, '@', text.len) : NULL;

	name->text = text;
	if (at == NULL || !is_local_part(p, (size_t)(at - p)) ||
		!is_dns((struct jwk11_view){ .data = at + 1, .len = text.len - (size_t)(at + 1 - p) }, false))
		return refuse("email", text, "not a mailbox: name@host in ASCII", err);
	return JWK11_OK;
}

/* UTF-8 without control characters, which nobody could tell apart by looking. */
static bool is_plain_text(struct jwk11_view v, size_t max)
{
	const unsigned char *p = v.data;

	for (size_t i = 0; i < v.len; i++)
		if (p[i] < 0x20 || p[i] == 0x7f)
			return false;
	return v.len > 0 && v.len <= max && j11_text_is_utf8(v);
}

static enum jwk11_rc take_upn(struct jwk11_view text, struct j11_name *name, struct jwk11_err *err)
{
	const char *p = text.data, *at = text.len > 0 ? memchr(p, '@', text.len) : NULL;

	name->text = text;
	if (!is_plain_text(text, 512) || at == NULL || at == p || at + 1 == p + text.len || memchr(at + 1, '@', text.len - (size_t)(at + 1 - p)) != NULL)
		return refuse("upn", text, "not a user principal name: name@realm", err);
	return JWK11_OK;
}

/* OID ":" rest; false: it does not begin so. */
static bool take_oid(struct jwk11_view text, struct j11_name *name, struct jwk11_view *ret_rest)
{
	const char *p = text.data, *colon = text.len > 0 ? memchr(p, ':', text.len) : NULL;
	size_t len = colon != NULL ? (size_t)(colon - p) : 0;

	if (!j11_oid_is((struct jwk11_view){ .data = p, .len = len }))
		return false;
	memcpy(name->oid, p, len);
	name->oid[len] = '\0';
	*ret_rest = (struct jwk11_view){ .data = colon + 1, .len = text.len - len - 1 };
	return true;
}

static unsigned char digit_of(unsigned char c)
{
	return (unsigned char)(is_digit(c) ? c - '0' : (c | 0x20) - 'a' + 10);
}

static bool take_hex(struct jwk11_view hex, struct j11_name *name)
{
	const unsigned char *p = hex.data;

	if (hex.len == 0 || hex.len % 2 != 0 || hex.len / 2 > J11_HARDWARE_MAX)
		return false;
	for (size_t i = 0; i < hex.len; i += 2) {
		if (!is_hex(p[i]) || !is_hex(p[i + 1]))
			return false;
		name->octets[name->n_octets++] = (unsigned char)(digit_of(p[i]) << 4 | digit_of(p[i + 1]));
	}
	return true;
}

static enum jwk11_rc take_hardware(struct jwk11_view text, struct j11_name *name, struct jwk11_err *err)
{
	struct jwk11_view serial;

	if (!take_oid(text, name, &serial))
		return refuse("hardware_module", text, "not OID:SERIAL, the type of the module and its serial number", err);
	if (serial.len > 0 && *(const char *)serial.data == '#') {
		serial = (struct jwk11_view){ .data = (const char *)serial.data + 1, .len = serial.len - 1 };
		return take_hex(serial, name) ? JWK11_OK : refuse("hardware_module", text, "not hexadecimal digits behind \"#\", or too many", err);
	}
	if (!is_plain_text(serial, J11_HARDWARE_MAX))
		return refuse("hardware_module", text, "a serial number has 1 to 128 octets of text", err);
	memcpy(name->octets, serial.data, serial.len);
	name->n_octets = serial.len;
	return JWK11_OK;
}

/* A ":" in front says that nobody assigned it and that what follows may look like an object identifier. */
static enum jwk11_rc take_permanent(struct jwk11_view text, struct j11_name *name, struct jwk11_err *err)
{
	if (!take_oid(text, name, &name->text)) {
		name->text = text;
		if (text.len > 0 && *(const char *)text.data == ':')
			name->text = (struct jwk11_view){ .data = (const char *)text.data + 1, .len = text.len - 1 };
	}
	return is_plain_text(name->text, 512) ? JWK11_OK : refuse("permanent_identifier", text, "an identifier has 1 to 512 octets of text", err);
}

enum jwk11_rc j11_name_parse(enum j11_name_kind kind, struct jwk11_view text, struct j11_name *ret_name, struct jwk11_err *err)
{
	static enum jwk11_rc (*const takers[J11_N_NAME_])(struct jwk11_view, struct j11_name *, struct jwk11_err *) = {
		[J11_NAME_DNS] = take_dns, [J11_NAME_IP] = take_ip, [J11_NAME_URI] = take_uri, [J11_NAME_EMAIL] = take_email, [J11_NAME_UPN] = take_upn,
		[J11_NAME_HARDWARE] = take_hardware, [J11_NAME_PERMANENT] = take_permanent,
	};

	*ret_name = (struct j11_name){ .kind = kind };
	if (text.len > J11_NAME_MAX)
		return j11_err_set(err, JWK11_ERR_LIMIT, J11_CODE_LIMIT, "a name is longer than %d octets", J11_NAME_MAX);
	return takers[kind](text, ret_name, err);
}

static enum jwk11_rc unknown(const char *what, const char *word, const char *nearest, const char *hint, struct jwk11_err *err)
{
	char shown[64];

	j11_text_printable(j11_view_str(word), shown, sizeof(shown));
	j11_err_set(err, JWK11_ERR_SYNTAX, J11_CODE_USAGE_UNKNOWN, nearest ? "unknown %s \"%s\". Did you mean %s?" : "unknown %s \"%s\"", what, shown, nearest);
	j11_err_hint(err, "%s", hint);
	return JWK11_ERR_SYNTAX;
}

enum jwk11_rc j11_key_usage_find(const char *word, unsigned *ret_bit, struct jwk11_err *err)
{
	static const struct {
		const char *name;
		unsigned bit;
	} usages[] = {
		{ "digitalSignature", 0 }, { "nonRepudiation", 1 }, { "contentCommitment", 1 }, { "keyEncipherment", 2 }, { "dataEncipherment", 3 },
		{ "keyAgreement", 4 }, { "keyCertSign", 5 }, { "cRLSign", 6 }, { "encipherOnly", 7 }, { "decipherOnly", 8 },
	};
	struct j11_nearest nearest = { .word = word };

	for (size_t i = 0; i < J11_COUNT(usages); i++) {
		if (j11_text_equal(word, usages[i].name)) {
			*ret_bit = usages[i].bit;
			return JWK11_OK;
		}
		j11_nearest_offer(&nearest, usages[i].name);
	}
	return unknown("key usage", word, nearest.best, "digitalSignature, keyEncipherment, keyAgreement and others of RFC 5280 4.2.1.3", err);
}

enum jwk11_rc j11_eku_find(const char *word, const char **ret_oid, struct jwk11_err *err)
{
	static const struct {
		const char *name, *oid;
	} purposes[] = {
		{ "serverAuth", "1.3.6.1.5.5.7.3.1" }, { "clientAuth", "1.3.6.1.5.5.7.3.2" }, { "codeSigning", "1.3.6.1.5.5.7.3.3" },
		{ "emailProtection", "1.3.6.1.5.5.7.3.4" }, { "timeStamping", "1.3.6.1.5.5.7.3.8" }, { "OCSPSigning", "1.3.6.1.5.5.7.3.9" },
		{ "ipsecIKE", "1.3.6.1.5.5.7.3.17" }, { "documentSigning", "1.3.6.1.5.5.7.3.36" }, { "smartcardLogon", "1.3.6.1.4.1.311.20.2.2" },
		{ "pkinitClient", "1.3.6.1.5.2.3.4" }, { "anyExtendedKeyUsage", "2.5.29.37.0" },
	};
	struct j11_nearest nearest = { .word = word };

	for (size_t i = 0; i < J11_COUNT(purposes); i++) {
		if (j11_text_equal(word, purposes[i].name)) {
			*ret_oid = purposes[i].oid;
			return JWK11_OK;
		}
		j11_nearest_offer(&nearest, purposes[i].name);
	}
	*ret_oid = word;
	return j11_oid_is(j11_view_str(word)) ? JWK11_OK :
		unknown("extended key usage", word, nearest.best, "serverAuth, clientAuth, emailProtection, smartcardLogon …, or an object identifier", err);
}
