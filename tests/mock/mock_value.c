/* SPDX-License-Identifier: Apache-2.0 */
/* Attribute values: what an honest token says about a key, and the other forms found in the wild. */
#include "mock.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/objects.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

enum { TAG_BIT_STRING = 0x03, TAG_OCTET_STRING = 0x04, TAG_PRINTABLE = 0x13 };

bool mock_hex(const char *text, struct mock_bytes *ret_bytes)
{
	size_t n = strlen(text);
	char pair[3] = "";

	if (n % 2 != 0 || strspn(text, "0123456789abcdefABCDEF") != n)
		return false;
	ret_bytes->data = malloc(n / 2 + 1);
	if (ret_bytes->data == NULL)
		return false;
	ret_bytes->len = n / 2;
	for (size_t i = 0; i < n / 2; i++) {
		memcpy(pair, text + 2 * i, 2);
		ret_bytes->data[i] = (unsigned char)strtoul(pair, NULL, 16);
	}
	return true;
}

/* Replaces b by `front` octets, then b. */
static bool put_before(struct mock_bytes *b, const unsigned char *front, size_t n)
{
	unsigned char *grown = malloc(b->len + n + 1);

	if (grown == NULL)
		return false;
	memcpy(grown, front, n);
	memcpy(grown + n, b->data, b->len);
	free(b->data);
	b->data = grown;
	b->len += n;
	return true;
}

static bool wrap(struct mock_bytes *b, unsigned char tag)
{
	unsigned char head[4] = { tag, (unsigned char)b->len }, no_unused_bits = 0;
	size_t n = 2;

	if (tag == TAG_BIT_STRING && !put_before(b, &no_unused_bits, 1))
		return false;
	head[1] = (unsigned char)b->len;
	if (b->len > 127) {
		head[1] = 0x81;
		head[2] = (unsigned char)b->len;
		n = 3;
	}
	return b->len < 256 && put_before(b, head, n);
}

/* The public point as X9.62 or RFC 8032 write it. */
static bool raw_point(const struct mock_key *key, struct mock_bytes *ret_value)
{
	unsigned char room[200];
	size_t len = 0;

	if (key->pkey == NULL || key->type->kind == MOCK_RSA ||
		EVP_PKEY_get_octet_string_param(key->pkey, OSSL_PKEY_PARAM_PUB_KEY, room, sizeof(room), &len) != 1)
		return false;
	ret_value->data = calloc(1, len + 1);
	ret_value->len = len;
	if (ret_value->data != NULL)
		memcpy(ret_value->data, room, len);
	return ret_value->data != NULL;
}

static bool point(struct mock_key *key, const char *form, struct mock_bytes *v)
{
	size_t half = key->type->size;

	if (!raw_point(key, v))
		return false;
	if (strcmp(form, "raw") == 0)
		return true;
	if (strcmp(form, "octet") == 0)
		return wrap(v, TAG_OCTET_STRING);
	if (strcmp(form, "bit") == 0)
		return wrap(v, TAG_BIT_STRING);
	if (key->type->kind != MOCK_EC)
		return false;
	if (strcmp(form, "xy") == 0) {
		memmove(v->data, v->data + 1, --v->len);
		return true;
	}
	v->data[0] = v->data[v->len - 1] & 1 ? 0x03 : 0x02;
	v->len = 1 + half;
	return strcmp(form, "compressed") == 0 || (strcmp(form, "compressed-octet") == 0 && wrap(v, TAG_OCTET_STRING));
}

static bool explicit_params(const struct mock_type *type, struct mock_bytes *v)
{
	int nid = EC_curve_nist2nid(type->openssl);
	EC_GROUP *group = EC_GROUP_new_by_curve_name(nid != NID_undef ? nid : OBJ_sn2nid(type->openssl));
	unsigned char *der = NULL;
	int len = 0;

	if (group != NULL) {
		EC_GROUP_set_asn1_flag(group, OPENSSL_EC_EXPLICIT_CURVE);
		len = i2d_ECPKParameters(group, &der);
		EC_GROUP_free(group);
	}
	v->data = len > 0 ? malloc((size_t)len) : NULL;
	if (v->data != NULL)
		memcpy(v->data, der, v->len = (size_t)len);
	OPENSSL_free(der);
	return v->data != NULL;
}

static bool params(struct mock_key *key, const char *form, struct mock_bytes *v)
{
	if (key->type->oid_hex == NULL)
		return false;
	if (strcmp(form, "oid") == 0)
		return mock_hex(key->type->oid_hex, v);
	if (strcmp(form, "explicit") == 0)
		return key->type->kind == MOCK_EC && explicit_params(key->type, v);
	v->data = (unsigned char *)strdup(key->type->printable);
	v->len = strlen(key->type->printable);
	return v->data != NULL && strcmp(form, "name") == 0 && wrap(v, TAG_PRINTABLE);
}

/* An RSA number behind as many zero octets as `zeros` says. */
static bool number(struct mock_key *key, const char *param, const char *zeros, struct mock_bytes *v)
{
	unsigned char none[64] = { 0 };
	size_t n = zeros ? strtoul(zeros, NULL, 10) : 0;
	BIGNUM *bn = NULL;

	if (key->type->kind != MOCK_RSA || n > sizeof(none) || EVP_PKEY_get_bn_param(key->pkey, param, &bn) != 1)
		return false;
	v->len = (size_t)BN_num_bytes(bn);
	v->data = malloc(v->len + 1);
	if (v->data != NULL)
		BN_bn2bin(bn, v->data);
	BN_free(bn);
	return v->data != NULL && put_before(v, none, n);
}

static bool take_der(unsigned char *der, int len, struct mock_bytes *v)
{
	v->data = len > 0 ? malloc((size_t)len) : NULL;
	if (v->data != NULL)
		memcpy(v->data, der, v->len = (size_t)len);
	OPENSSL_free(der);
	return v->data != NULL;
}

static bool spki(struct mock_key *key, struct mock_bytes *v)
{
	unsigned char *der = NULL;
	int len = key->pkey ? i2d_PUBKEY(key->pkey, &der) : 0;

	return take_der(der, len, v);
}

/* Self-signed and always the same for one key: it is made once. */
static bool certificate(struct mock_key *key, struct mock_bytes *v)
{
	bool edwards = key->type->kind == MOCK_EDWARDS;
	X509 *x = X509_new();
	X509_NAME *name = x ? X509_get_subject_name(x) : NULL;
	unsigned char *der = NULL;
	int len = 0;

	if (x != NULL && key->pkey != NULL && X509_set_version(x, 2) == 1 && ASN1_INTEGER_set(X509_get_serialNumber(x), 1) == 1 &&
		X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"mock", -1, -1, 0) == 1 &&
		X509_set_issuer_name(x, name) == 1 && X509_gmtime_adj(X509_getm_notBefore(x), 0) != NULL &&
		X509_gmtime_adj(X509_getm_notAfter(x), 86400) != NULL && X509_set_pubkey(x, key->pkey) == 1 &&
		X509_sign(x, key->pkey, edwards ? NULL : EVP_sha256()) > 0)
		len = i2d_X509(x, &der);
	X509_free(x);
	return take_der(der, len, v);
}

static bool copy(const struct mock_bytes *from, struct mock_bytes *v)
{
	v->data = malloc(from->len + 1);
	if (v->data != NULL)
		memcpy(v->data, from->data, v->len = from->len);
	return v->data != NULL;
}

bool mock_value_form(struct mock_key *key, const char *form, struct mock_bytes *ret_value)
{
	if (strncmp(form, "point:", 6) == 0)
		return point(key, form + 6, ret_value);
	if (strncmp(form, "params:", 7) == 0)
		return params(key, form + 7, ret_value);
	if (strncmp(form, "modulus:", 8) == 0)
		return number(key, OSSL_PKEY_PARAM_RSA_N, form + 8, ret_value);
	if (strncmp(form, "exponent:", 9) == 0)
		return number(key, OSSL_PKEY_PARAM_RSA_E, form + 9, ret_value);
	if (strcmp(form, "spki") == 0)
		return spki(key, ret_value);
	if (strcmp(form, "certificate") != 0)
		return false;
	return (key->cert.data != NULL || certificate(key, &key->cert)) && copy(&key->cert, ret_value);
}

bool mock_attr_set(struct mock_object *object, CK_ATTRIBUTE_TYPE type, enum mock_how how, const void *data, size_t len, CK_ULONG claimed)
{
	struct mock_attr *a = NULL;

	for (size_t i = 0; i < object->n_attrs; i++)
		if (object->attrs[i].type == type)
			a = &object->attrs[i];
	if (a == NULL) {
		struct mock_attr *grown = realloc(object->attrs, (object->n_attrs + 1) * sizeof(*grown));

		if (grown == NULL)
			return false;
		object->attrs = grown;
		a = &grown[object->n_attrs++];
		*a = (struct mock_attr){ .type = type };
	}
	free(a->value.data);
	a->how = how;
	a->claimed = claimed;
	a->value.len = len;
	a->value.data = malloc(len + 1);
	if (a->value.data != NULL && len > 0)
		memcpy(a->value.data, data, len);
	return a->value.data != NULL;
}

static bool set_bool(struct mock_object *o, CK_ATTRIBUTE_TYPE type, bool value)
{
	CK_BBOOL b = value ? CK_TRUE : CK_FALSE;

	return mock_attr_set(o, type, MOCK_GIVEN, &b, sizeof(b), 0);
}

static bool set_long(struct mock_object *o, CK_ATTRIBUTE_TYPE type, CK_ULONG value)
{
	return mock_attr_set(o, type, MOCK_GIVEN, &value, sizeof(value), 0);
}

static bool set_form(struct mock_object *o, CK_ATTRIBUTE_TYPE type, const char *form)
{
	struct mock_bytes v = { 0 };
	bool ok = mock_value_form(o->key, form, &v) && mock_attr_set(o, type, MOCK_GIVEN, v.data, v.len, 0);

	free(v.data);
	return ok;
}

/* Flags of each class; a row is (class, attribute, value). */
static const struct {
	CK_OBJECT_CLASS class;
	CK_ATTRIBUTE_TYPE type;
	bool value;
} flags[] = {
	{ CKO_PRIVATE_KEY, CKA_PRIVATE, true }, { CKO_PRIVATE_KEY, CKA_SIGN, true }, { CKO_PRIVATE_KEY, CKA_SENSITIVE, true },
	{ CKO_PRIVATE_KEY, CKA_EXTRACTABLE, false }, { CKO_PRIVATE_KEY, CKA_ALWAYS_SENSITIVE, true },
	{ CKO_PRIVATE_KEY, CKA_NEVER_EXTRACTABLE, true }, { CKO_PRIVATE_KEY, CKA_LOCAL, true }, { CKO_PRIVATE_KEY, CKA_DECRYPT, false },
	{ CKO_PRIVATE_KEY, CKA_UNWRAP, false }, { CKO_PRIVATE_KEY, CKA_DERIVE, false }, { CKO_PRIVATE_KEY, CKA_ALWAYS_AUTHENTICATE, false },
	{ CKO_PUBLIC_KEY, CKA_PRIVATE, false }, { CKO_PUBLIC_KEY, CKA_VERIFY, true }, { CKO_CERTIFICATE, CKA_PRIVATE, false },
	{ CKO_SECRET_KEY, CKA_PRIVATE, true }, { CKO_SECRET_KEY, CKA_SIGN, true }, { CKO_SECRET_KEY, CKA_VERIFY, true },
	{ CKO_SECRET_KEY, CKA_SENSITIVE, true }, { CKO_SECRET_KEY, CKA_EXTRACTABLE, false },
};

static bool set_key_attrs(struct mock_object *o)
{
	const struct mock_type *type = o->key->type;
	bool public = o->class == CKO_PUBLIC_KEY, ok = set_long(o, CKA_KEY_TYPE, type->key_type);

	switch (type->kind) {
	case MOCK_RSA:
		ok = ok && set_form(o, CKA_MODULUS, "modulus:0") && set_form(o, CKA_PUBLIC_EXPONENT, "exponent:0");
		return ok && (!public || set_long(o, CKA_MODULUS_BITS, type->size));
	case MOCK_SECRET:
		return ok && set_long(o, CKA_VALUE_LEN, o->key->value.len) && mock_attr_set(o, CKA_VALUE, MOCK_SENSITIVE, NULL, 0, 0);
	case MOCK_MLDSA:
		return ok && set_long(o, MOCK_CKA_PARAMETER_SET, type->size) &&
			mock_attr_set(o, CKA_VALUE, public ? MOCK_GIVEN : MOCK_SENSITIVE, o->key->value.data, o->key->value.len, 0);
	default:
		ok = ok && set_form(o, CKA_EC_PARAMS, "params:oid");
		return ok && (!public || set_form(o, CKA_EC_POINT, type->kind == MOCK_EC ? "point:octet" : "point:raw"));
	}
}

bool mock_value_defaults(struct mock_object *o)
{
	const char *name = o->key->name;
	bool ok = set_long(o, CKA_CLASS, o->class) && set_bool(o, CKA_TOKEN, true) &&
		mock_attr_set(o, CKA_LABEL, MOCK_GIVEN, name, strlen(name), 0) && mock_attr_set(o, CKA_ID, MOCK_GIVEN, name, strlen(name), 0);

	for (size_t i = 0; i < MOCK_COUNT(flags); i++)
		if (flags[i].class == o->class)
			ok = ok && set_bool(o, flags[i].type, flags[i].value);
	if (o->class == CKO_CERTIFICATE)
		return ok && set_long(o, CKA_CERTIFICATE_TYPE, CKC_X_509) && set_form(o, CKA_VALUE, "certificate");
	return ok && set_key_attrs(o);
}
