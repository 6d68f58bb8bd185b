/* SPDX-License-Identifier: Apache-2.0 */
/* libcrypto's types for what X.509 defines; nothing here signs, and nothing here sees a private key or a challenge. */
#include "x509_make.h"

#include <openssl/err.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "base/err.h"
#include "csr_text.h"
#include "der.h"
#include "names.h"

enum { TAG_INTEGER = 0x02, TAG_OCTETS = 0x04, TAG_NULL = 0x05, TAG_OID = 0x06, TAG_UTF8 = 0x0c, TAG_SEQUENCE = 0x30 };

static enum jwk11_rc failed(const char *what, struct jwk11_err *err)
{
	ERR_clear_error();
	return j11_err_set(err, JWK11_ERR_MEMORY, J11_CODE_MEMORY, "out of memory for %s", what);
}

/* What an i2d function has made; takes it. */
static enum jwk11_rc add_made(unsigned char *der, int len, const char *what, struct jwk11_buf *out, struct jwk11_err *err)
{
	if (len > 0)
		j11_buf_add(out, der, (size_t)len);
	OPENSSL_free(der);
	return len > 0 ? j11_buf_check(out, what, err) : failed(what, err);
}

/* ---- names ---- */

/* libcrypto's table of string types knows which one an attribute wants, and how long it may be (RFC 5280 appendix A.1). */
static enum jwk11_rc add_attribute(X509_NAME *name, const struct j11_dn_attribute *a, bool joins, struct jwk11_err *err)
{
	ASN1_OBJECT *type = OBJ_txt2obj(a->oid, 1);
	int ok = type != NULL && X509_NAME_add_entry_by_OBJ(name, type, a->tag != 0 ? a->tag : MBSTRING_UTF8, a->value.data, (int)a->value.len, -1,
		joins ? -1 : 0);
	unsigned long why = ERR_peek_last_error();
	const char *reason = ERR_reason_error_string(why);

	ASN1_OBJECT_free(type);
	if (ok)
		return JWK11_OK;
	if (ERR_GET_REASON(why) == ERR_R_MALLOC_FAILURE)
		return failed("a name", err);
	j11_err_set(err, JWK11_ERR_SYNTAX, J11_CODE_SUBJECT_INVALID, "subject: the value of %s does not fit: %s", a->type, reason ? reason : "unknown");
	ERR_clear_error();
	return JWK11_ERR_SYNTAX;
}

/* The text is the other way round (RFC 4514 2.1): its last relative name comes first. */
enum jwk11_rc j11_x509_name(const struct j11_dn *dn, struct jwk11_buf *out, struct jwk11_err *err)
{
	X509_NAME *name = X509_NAME_new();
	unsigned char *der = NULL;
	int len;
	enum jwk11_rc rc = name != NULL ? JWK11_OK : failed("a name", err);

	for (size_t i = dn->n; i > 0 && rc == JWK11_OK; i--)
		rc = add_attribute(name, &dn->attribute[i - 1], i < dn->n && dn->attribute[i].joins, err);
	len = rc == JWK11_OK ? i2d_X509_NAME(name, &der) : 0;
	if (rc == JWK11_OK)
		rc = add_made(der, len, "a name", out, err);
	X509_NAME_free(name);
	return rc;
}

/* ---- alternative names ---- */

static bool put_oid(struct jwk11_buf *out, const char *oid)
{
	ASN1_OBJECT *object = OBJ_txt2obj(oid, 1);

	if (object != NULL)
		j11_der_put(out, TAG_OID, (struct jwk11_view){ .data = OBJ_get0_data(object), .len = OBJ_length(object) });
	ASN1_OBJECT_free(object);
	return object != NULL;
}

/* The value of an otherName, in DER. */
static bool other_value(const struct j11_name *name, struct jwk11_buf *out)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf body = J11_BUF(4096);
	bool ok = true;

	if (name->kind == J11_NAME_UPN) {
		j11_der_put(out, TAG_UTF8, name->text);
		return out->failed == JWK11_OK;
	}
	if (name->kind == J11_NAME_HARDWARE) {
		ok = put_oid(&body, name->oid);
		j11_der_put(&body, TAG_OCTETS, (struct jwk11_view){ .data = name->octets, .len = name->n_octets });
	} else {
		j11_der_put(&body, TAG_UTF8, name->text);
		ok = name->oid[0] == '\0' || put_oid(&body, name->oid);
	}
	j11_der_put(out, TAG_SEQUENCE, j11_buf_view(&body));
	return ok && body.failed == JWK11_OK && out->failed == JWK11_OK;
}

static bool set_other(GENERAL_NAME *to, const struct j11_name *name)
{
	static const char *const oids[J11_N_NAME_] = { [J11_NAME_UPN] = "1.3.6.1.4.1.311.20.2.3", [J11_NAME_HARDWARE] = "1.3.6.1.5.5.7.8.4",
		[J11_NAME_PERMANENT] = "1.3.6.1.5.5.7.8.3" };
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf value = J11_BUF(4096);
	ASN1_OBJECT *type = OBJ_txt2obj(oids[name->kind], 1);
	const unsigned char *p;
	ASN1_TYPE *any = NULL;

	if (other_value(name, &value)) {
		p = (const unsigned char *)value.data;
		any = d2i_ASN1_TYPE(NULL, &p, (long)value.len);
	}
	if (type != NULL && any != NULL && GENERAL_NAME_set0_othername(to, type, any))
		return true;
	ASN1_OBJECT_free(type);
	ASN1_TYPE_free(any);
	return false;
}

/* dNSName, uniformResourceIdentifier and rfc822Name are IA5String, iPAddress an OCTET STRING. */
static bool set_plain(GENERAL_NAME *to, const struct j11_name *name)
{
	static const int types[J11_N_NAME_] = { [J11_NAME_DNS] = GEN_DNS, [J11_NAME_IP] = GEN_IPADD, [J11_NAME_URI] = GEN_URI, [J11_NAME_EMAIL] = GEN_EMAIL };
	bool ip = name->kind == J11_NAME_IP;
	ASN1_STRING *text = ASN1_STRING_type_new(ip ? V_ASN1_OCTET_STRING : V_ASN1_IA5STRING);

	if (text == NULL || !ASN1_STRING_set(text, ip ? (const void *)name->octets : name->text.data, (int)(ip ? name->n_octets : name->text.len))) {
		ASN1_STRING_free(text);
		return false;
	}
	GENERAL_NAME_set0_value(to, types[name->kind], text);
	return true;
}

static enum jwk11_rc add_name(GENERAL_NAMES *names, enum j11_name_kind kind, const char *text, struct jwk11_err *err)
{
	struct j11_name name;
	GENERAL_NAME *made;
	enum jwk11_rc rc = j11_name_parse(kind, j11_view_str(text), &name, err);

	if (rc != JWK11_OK)
		return rc;
	if (sk_GENERAL_NAME_num(names) == J11_CSR_NAMES_MAX)
		return j11_err_set(err, JWK11_ERR_LIMIT, J11_CODE_LIMIT, "more than %d alternative names", J11_CSR_NAMES_MAX);
	made = GENERAL_NAME_new();
	if (made != NULL && (kind >= J11_NAME_UPN ? set_other(made, &name) : set_plain(made, &name)) && sk_GENERAL_NAME_push(names, made) > 0)
		return JWK11_OK;
	GENERAL_NAME_free(made);
	return failed("a name", err);
}

/* ---- extensions ---- */

typedef STACK_OF(X509_EXTENSION) extensions;

static enum jwk11_rc add_extension(extensions **all, int nid, void *value, bool critical, struct jwk11_err *err)
{
	return X509V3_add1_i2d(all, nid, value, critical, X509V3_ADD_APPEND) == 1 ? JWK11_OK : failed("an extension", err);
}

static enum jwk11_rc add_names(extensions **all, const struct jwk11_csr *csr, bool critical, struct jwk11_err *err)
{
	GENERAL_NAMES *names = sk_GENERAL_NAME_new_null();
	enum jwk11_rc rc = names != NULL ? JWK11_OK : failed("names", err);

	for (unsigned kind = 0; kind < J11_N_NAME_; kind++)
		for (const char *const *word = j11_csr_list_of(csr, kind); rc == JWK11_OK && word != NULL && *word != NULL; word++)
			rc = add_name(names, (enum j11_name_kind)kind, *word, err);
	if (rc == JWK11_OK && sk_GENERAL_NAME_num(names) > 0)
		rc = add_extension(all, NID_subject_alt_name, names, critical, err);
	sk_GENERAL_NAME_pop_free(names, GENERAL_NAME_free);
	return rc;
}

static enum jwk11_rc add_key_usage(extensions **all, const struct jwk11_csr *csr, struct jwk11_err *err)
{
	ASN1_BIT_STRING *bits = ASN1_BIT_STRING_new();
	enum jwk11_rc rc = bits != NULL ? JWK11_OK : failed("a key usage", err);
	unsigned bit = 0;

	for (const char *const *word = csr->key_usage; rc == JWK11_OK && word != NULL && *word != NULL; word++) {
		rc = j11_key_usage_find(*word, &bit, err);
		if (rc == JWK11_OK && !ASN1_BIT_STRING_set_bit(bits, (int)bit, 1))
			rc = failed("a key usage", err);
	}
	if (rc == JWK11_OK && bits->length > 0)
		rc = add_extension(all, NID_key_usage, bits, true, err);
	ASN1_BIT_STRING_free(bits);
	return rc;
}

static enum jwk11_rc add_eku(extensions **all, const struct jwk11_csr *csr, struct jwk11_err *err)
{
	EXTENDED_KEY_USAGE *purposes = sk_ASN1_OBJECT_new_null();
	enum jwk11_rc rc = purposes != NULL ? JWK11_OK : failed("purposes", err);
	const char *oid;

	for (const char *const *word = csr->eku; rc == JWK11_OK && word != NULL && *word != NULL; word++) {
		ASN1_OBJECT *object;

		rc = sk_ASN1_OBJECT_num(purposes) < J11_CSR_NAMES_MAX ? j11_eku_find(*word, &oid, err) :
			j11_err_set(err, JWK11_ERR_LIMIT, J11_CODE_LIMIT, "more than %d extended key usages", J11_CSR_NAMES_MAX);
		object = rc == JWK11_OK ? OBJ_txt2obj(oid, 1) : NULL;
		if (rc == JWK11_OK && (object == NULL || sk_ASN1_OBJECT_push(purposes, object) <= 0)) {
			ASN1_OBJECT_free(object);
			rc = failed("purposes", err);
		}
	}
	if (rc == JWK11_OK && sk_ASN1_OBJECT_num(purposes) > 0)
		rc = add_extension(all, NID_ext_key_usage, purposes, false, err);
	sk_ASN1_OBJECT_pop_free(purposes, ASN1_OBJECT_free);
	return rc;
}

static enum jwk11_rc add_basic(extensions **all, const struct jwk11_csr *csr, struct jwk11_err *err)
{
	BASIC_CONSTRAINTS *basic;
	enum jwk11_rc rc;

	if (csr->ca == JWK11_CSR_CA_UNSAID)
		return JWK11_OK;
	basic = BASIC_CONSTRAINTS_new();
	if (basic == NULL)
		return failed("an extension", err);
	basic->ca = csr->ca == JWK11_CSR_CA_YES ? 0xff : 0;
	rc = add_extension(all, NID_basic_constraints, basic, true, err);
	BASIC_CONSTRAINTS_free(basic);
	return rc;
}

/* RFC 7093 section 2, method 4: the SHA-256 of the SubjectPublicKeyInfo. */
static enum jwk11_rc add_key_id(extensions **all, const struct jwk11_pub *pub, struct jwk11_err *err)
{
	unsigned char hash[J11_SPKI_HASH_LEN];
	ASN1_OCTET_STRING *id = ASN1_OCTET_STRING_new();
	enum jwk11_rc rc = j11_pub_spki_hash(pub, hash, err);

	if (rc == JWK11_OK)
		rc = id != NULL && ASN1_OCTET_STRING_set(id, hash, sizeof(hash)) ? add_extension(all, NID_subject_key_identifier, id, false, err) :
			failed("an extension", err);
	ASN1_OCTET_STRING_free(id);
	return rc;
}

enum jwk11_rc j11_x509_extensions(const struct jwk11_csr *csr, bool has_subject, const struct jwk11_pub *key_id_of, struct jwk11_buf *out,
	struct jwk11_err *err)
{
	extensions *all = NULL;
	unsigned char *der = NULL;
	int len;
	enum jwk11_rc rc = add_basic(&all, csr, err);

	if (rc == JWK11_OK)
		rc = add_key_usage(&all, csr, err);
	if (rc == JWK11_OK)
		rc = add_eku(&all, csr, err);
	if (rc == JWK11_OK)
		rc = add_names(&all, csr, !has_subject, err);
	if (rc == JWK11_OK && key_id_of != NULL)
		rc = add_key_id(&all, key_id_of, err);
	len = rc == JWK11_OK && all != NULL ? i2d_X509_EXTENSIONS(all, &der) : 0;
	if (rc == JWK11_OK && all != NULL)
		rc = add_made(der, len, "extensions", out, err);
	sk_X509_EXTENSION_pop_free(all, X509_EXTENSION_free);
	return rc;
}

/* ---- algorithms and times ---- */

static void put_alg(struct jwk11_buf *out, const char *oid, const struct jwk11_buf *parameters)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf body = J11_BUF(512);

	if (!put_oid(&body, oid))
		body.failed = JWK11_ERR_MEMORY;
	if (parameters != NULL)
		j11_buf_add(&body, parameters->data, parameters->len);
	if (body.failed != JWK11_OK || (parameters != NULL && parameters->failed != JWK11_OK))
		out->failed = JWK11_ERR_MEMORY;
	j11_der_put(out, TAG_SEQUENCE, j11_buf_view(&body));
}

/* RSASSA-PSS-params (RFC 4055 3.1): the hash, MGF1 with the same one, a salt as long as it; the trailer is the default and left out. */
static void put_pss(struct jwk11_buf *out, enum j11_hash hash)
{
	static const char *const hashes[J11_N_HASH_] = { [J11_HASH_SHA256] = "2.16.840.1.101.3.4.2.1", [J11_HASH_SHA384] = "2.16.840.1.101.3.4.2.2",
		[J11_HASH_SHA512] = "2.16.840.1.101.3.4.2.3" };
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf null = J11_BUF(16), id = J11_BUF(64), mgf = J11_BUF(128), salt = J11_BUF(16), body = J11_BUF(256), all = J11_BUF(256);
	unsigned char len = (unsigned char)j11_hash_len(hash);

	j11_der_put(&null, TAG_NULL, J11_VIEW(""));
	put_alg(&id, hashes[hash], &null);
	put_alg(&mgf, "1.2.840.113549.1.1.8", &id);
	j11_der_put(&salt, TAG_INTEGER, (struct jwk11_view){ .data = &len, .len = 1 });
	j11_der_put(&body, 0xa0, j11_buf_view(&id));
	j11_der_put(&body, 0xa1, j11_buf_view(&mgf));
	j11_der_put(&body, 0xa2, j11_buf_view(&salt));
	j11_der_put(&all, TAG_SEQUENCE, j11_buf_view(&body));
	if (id.failed != JWK11_OK || mgf.failed != JWK11_OK || salt.failed != JWK11_OK || body.failed != JWK11_OK)
		all.failed = JWK11_ERR_MEMORY;
	put_alg(out, "1.2.840.113549.1.1.10", &all);
}

/* Of a key of ML-DSA: RFC 9881 section 3, without parameters. */
static void put_mldsa(struct jwk11_buf *out, enum j11_mldsa set)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf body = J11_BUF(32);
	unsigned char oid[J11_MLDSA_OID_LEN];

	j11_mldsa_oid(set, oid);
	j11_der_put(&body, TAG_OID, (struct jwk11_view){ .data = oid, .len = sizeof(oid) });
	if (body.failed != JWK11_OK)
		out->failed = JWK11_ERR_MEMORY;
	j11_der_put(out, TAG_SEQUENCE, j11_buf_view(&body));
}

enum jwk11_rc j11_x509_sig_alg(const struct jwk11_pub *pub, const struct j11_alg *alg, struct jwk11_buf *out, struct jwk11_err *err)
{
	static const char *const pkcs1[J11_N_HASH_] = { [J11_HASH_SHA256] = "1.2.840.113549.1.1.11", [J11_HASH_SHA384] = "1.2.840.113549.1.1.12",
		[J11_HASH_SHA512] = "1.2.840.113549.1.1.13" };
	static const char *const ecdsa[J11_N_HASH_] = { [J11_HASH_SHA256] = "1.2.840.10045.4.3.2", [J11_HASH_SHA384] = "1.2.840.10045.4.3.3",
		[J11_HASH_SHA512] = "1.2.840.10045.4.3.4" };
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf null = J11_BUF(16);

	j11_der_put(&null, TAG_NULL, J11_VIEW(""));
	switch (alg->scheme) {
	case J11_SCHEME_PKCS1:
		put_alg(out, pkcs1[alg->hash], &null);
		break;
	case J11_SCHEME_PSS:
		put_pss(out, alg->hash);
		break;
	case J11_SCHEME_ECDSA:
		put_alg(out, ecdsa[alg->hash], NULL);
		break;
	case J11_SCHEME_EDDSA:
		put_alg(out, pub->curve->crv == J11_CRV_ED448 ? "1.3.101.113" : "1.3.101.112", NULL);
		break;
	case J11_SCHEME_MLDSA:
		put_mldsa(out, pub->set);
		break;
	default:
		return j11_err_set(err, JWK11_ERR_UNSUPPORTED, J11_CODE_UNSUPPORTED, "%s is no algorithm for certificates", alg->name);
	}
	return j11_buf_check(out, "a signature algorithm", err);
}

enum jwk11_rc j11_x509_time(int64_t unix_seconds, struct jwk11_buf *out, struct jwk11_err *err)
{
	static const int64_t end = 253402300799; /* of the year 9999, the last one with four digits (RFC 5280 4.1.2.5.2) */
	ASN1_TIME *time = unix_seconds >= 0 && unix_seconds <= end ? ASN1_TIME_set(NULL, (time_t)unix_seconds) : NULL;
	unsigned char *der = NULL;
	enum jwk11_rc rc;
	int len;

	if (time == NULL) {
		ERR_clear_error();
		return j11_err_set(err, JWK11_ERR_ARGUMENT, J11_CODE_ARGUMENT, "a time that certificates cannot hold");
	}
	len = i2d_ASN1_TIME(time, &der);
	rc = add_made(der, len, "a time", out, err);
	ASN1_TIME_free(time);
	return rc;
}
