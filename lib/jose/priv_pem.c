/* SPDX-License-Identifier: Apache-2.0 */
/* The one private key in PEM (RFC 7468): PKCS#8, plain or encrypted, PKCS#1 and SEC1. libcrypto reads the DER; its numbers then pass through
 * j11_priv_new like those of a JWK. */
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/decoder.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pkcs12.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>

#include "base/b64.h"
#include "base/err.h"
#include "der.h"
#include "priv.h"

/* What a passphrase may cost: iterations of PBKDF2 (OpenSSL's own 2048, OWASP's 600,000), N * r * p of scrypt (OpenSSL's own 2^17). */
enum { MAX_ITERATIONS = 10000000, MAX_SCRYPT = 1 << 24 };

static enum jwk11_rc refuse(const char *why, const char *hint, struct jwk11_err *err)
{
	ERR_clear_error();
	j11_err_set(err, JWK11_ERR_SYNTAX, J11_CODE_PEM_INVALID, "private key: %s", why);
	if (hint != NULL)
		j11_err_hint(err, "%s", hint);
	return JWK11_ERR_SYNTAX;
}

static enum jwk11_rc unsupported(const char *why, const char *hint, struct jwk11_err *err)
{
	ERR_clear_error();
	j11_err_set(err, JWK11_ERR_UNSUPPORTED, J11_CODE_UNSUPPORTED, "private key: %s", why);
	j11_err_hint(err, "%s", hint);
	return JWK11_ERR_UNSUPPORTED;
}

/* Appends one number; false when the key has none of this name. */
static bool add_number(const EVP_PKEY *evp, const char *name, struct jwk11_buf *out, struct jwk11_view *ret_number)
{
	BIGNUM *bn = NULL;
	unsigned char *place = NULL;
	size_t len = 0, start = out->len;

	if (EVP_PKEY_get_bn_param(evp, name, &bn) == 1) {
		len = (size_t)BN_num_bytes(bn);
		place = j11_buf_grow(out, len);
	}
	if (place != NULL)
		BN_bn2bin(bn, place);
	BN_clear_free(bn);
	ret_number->data = out->data ? out->data + start : NULL;
	ret_number->len = len;
	return place != NULL;
}

/* RFC 8017 3.2 knows keys of more primes; RFC 7518 and tokens do not. The room is made at once, so that views into it stay good. */
static enum jwk11_rc rsa_numbers(const EVP_PKEY *evp, struct jwk11_buf *room, struct j11_priv_numbers *n, struct jwk11_err *err)
{
	BIGNUM *third = NULL;
	bool more = EVP_PKEY_get_bn_param(evp, OSSL_PKEY_PARAM_RSA_FACTOR3, &third) == 1;

	BN_clear_free(third);
	if (more)
		return unsupported("RSA with more than two primes", "no token takes such a key; make a new one", err);
	if (add_number(evp, OSSL_PKEY_PARAM_RSA_D, room, &n->d) && add_number(evp, OSSL_PKEY_PARAM_RSA_FACTOR1, room, &n->p) &&
		add_number(evp, OSSL_PKEY_PARAM_RSA_FACTOR2, room, &n->q) && add_number(evp, OSSL_PKEY_PARAM_RSA_EXPONENT1, room, &n->dp) &&
		add_number(evp, OSSL_PKEY_PARAM_RSA_EXPONENT2, room, &n->dq) && add_number(evp, OSSL_PKEY_PARAM_RSA_COEFFICIENT1, room, &n->qi))
		return JWK11_OK;
	return refuse("an RSA key without one of its six private numbers, or above the limit", NULL, err);
}

static enum jwk11_rc numbers_of(const EVP_PKEY *evp, struct jwk11_buf *room, struct j11_priv_numbers *n, struct jwk11_err *err)
{
	size_t len = 0;

	if (EVP_PKEY_is_a(evp, "RSA"))
		return rsa_numbers(evp, room, n, err);
	if (EVP_PKEY_is_a(evp, "EC"))
		return add_number(evp, OSSL_PKEY_PARAM_PRIV_KEY, room, &n->d) ? JWK11_OK : refuse("an EC key without its private number", NULL, err);
	if (EVP_PKEY_get_raw_private_key(evp, NULL, &len) == 1 && (n->d.data = j11_buf_grow(room, len)) != NULL &&
		EVP_PKEY_get_raw_private_key(evp, (unsigned char *)room->data, &len) == 1) {
		n->d.len = len;
		return JWK11_OK;
	}
	return unsupported("keys of this type are not taken", "RSA, EC and EdDSA are", err);
}

/* By way of the SubjectPublicKeyInfo, which knows about curves that are spelled out, too few bits and points of small order. */
static enum jwk11_rc public_half(const EVP_PKEY *evp, struct jwk11_pub **ret_pub, struct jwk11_err *err)
{
	unsigned char *der = NULL;
	int len = i2d_PUBKEY(evp, &der);
	enum jwk11_rc rc = len > 0 ? j11_pub_from_spki((struct jwk11_view){ .data = der, .len = (size_t)len }, ret_pub, err) :
		refuse("it has no public half", NULL, err);

	OPENSSL_free(der);
	return rc;
}

static enum jwk11_rc from_evp(const EVP_PKEY *evp, struct j11_priv **ret_priv, struct jwk11_err *err)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf room = { .max = 4 * J11_RSA_MAX_BITS / 8, .secret = true };
	J11_AUTO(jwk11_pub_unref_auto) struct jwk11_pub *pub = NULL;
	struct j11_priv_numbers n = { 0 };
	enum jwk11_rc rc = public_half(evp, &pub, err);

	if (rc == JWK11_OK && j11_buf_grow(&room, room.max) == NULL)
		rc = j11_err_memory(err);
	j11_buf_cut(&room, 0);
	if (rc == JWK11_OK && pub->curve != NULL && pub->curve->scheme == J11_SCHEME_NONE)
		rc = unsupported("keys on this curve do not sign", "P-256, P-384, P-521, Ed25519 and Ed448 are taken", err);
	if (rc == JWK11_OK)
		rc = numbers_of(evp, &room, &n, err);
	return rc == JWK11_OK ? j11_priv_new(pub, &n, ret_priv, err) : rc;
}

static enum jwk11_rc from_pkcs8(PKCS8_PRIV_KEY_INFO *info, struct j11_priv **ret_priv, struct jwk11_err *err)
{
	EVP_PKEY *evp = EVP_PKCS82PKEY(info);
	enum jwk11_rc rc = evp ? from_evp(evp, ret_priv, err) :
		unsupported("libcrypto knows no such type of key or curve, or the key in it is damaged", "RSA, EC on named curves and EdDSA are taken", err);

	EVP_PKEY_free(evp);
	return rc;
}

static enum jwk11_rc read_pkcs8(struct jwk11_view der, struct jwk11_view passphrase, struct j11_priv **ret_priv, struct jwk11_err *err)
{
	const unsigned char *p = der.data;
	PKCS8_PRIV_KEY_INFO *info = d2i_PKCS8_PRIV_KEY_INFO(NULL, &p, (long)der.len);
	enum jwk11_rc rc = info ? from_pkcs8(info, ret_priv, err) : refuse("not one PKCS#8 PrivateKeyInfo", NULL, err);

	(void)passphrase;
	PKCS8_PRIV_KEY_INFO_free(info);
	return rc;
}

/* The file says how often its passphrase is to be hashed: not more often than people wait for. */
static bool is_affordable(const X509_ALGOR *kdf)
{
	const ASN1_OBJECT *oid = NULL;
	const void *unused;
	int type;
	uint64_t n = 0, r = 0, p = 0;
	bool ok = false;

	X509_ALGOR_get0(&oid, &type, &unused, kdf);
	if (OBJ_obj2nid(oid) == NID_id_pbkdf2) {
		PBKDF2PARAM *param = ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(PBKDF2PARAM), kdf->parameter);

		ok = param != NULL && ASN1_INTEGER_get_uint64(&n, param->iter) == 1 && n <= MAX_ITERATIONS;
		PBKDF2PARAM_free(param);
	} else if (OBJ_obj2nid(oid) == NID_id_scrypt) {
		SCRYPT_PARAMS *param = ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(SCRYPT_PARAMS), kdf->parameter);

		ok = param != NULL && ASN1_INTEGER_get_uint64(&n, param->costParameter) == 1 && ASN1_INTEGER_get_uint64(&r, param->blockSize) == 1 &&
			ASN1_INTEGER_get_uint64(&p, param->parallelizationParameter) == 1 && n > 0 && r > 0 && p > 0 && n <= MAX_SCRYPT &&
			r <= MAX_SCRYPT / n && p <= MAX_SCRYPT / n / r;
		SCRYPT_PARAMS_free(param);
	}
	return ok;
}

/* PBES2 (RFC 8018 section 6.2); the older ways take hashes and ciphers that no longer protect anything. */
static enum jwk11_rc check_encryption(const X509_SIG *sig, struct jwk11_err *err)
{
	const X509_ALGOR *alg = NULL;
	const ASN1_OBJECT *oid = NULL;
	const void *unused;
	PBE2PARAM *param;
	bool ok;
	int type;

	X509_SIG_get0(sig, &alg, NULL);
	X509_ALGOR_get0(&oid, &type, &unused, alg);
	if (OBJ_obj2nid(oid) != NID_pbes2)
		return unsupported("it is encrypted in an old way", "openssl pkcs8 -topk8 -v2 aes-256-cbc encrypts it anew", err);
	param = ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(PBE2PARAM), alg->parameter);
	ok = param != NULL && is_affordable(param->keyfunc);
	PBE2PARAM_free(param);
	if (ok)
		return JWK11_OK;
	return unsupported("its passphrase is hashed in a way that is not known, or that would take too long", "at most 10 million iterations of PBKDF2", err);
}

static enum jwk11_rc decrypt(const X509_SIG *sig, struct jwk11_view passphrase, struct j11_priv **ret_priv, struct jwk11_err *err)
{
	PKCS8_PRIV_KEY_INFO *info;
	enum jwk11_rc rc = check_encryption(sig, err);

	if (rc != JWK11_OK)
		return rc;
	if (passphrase.data == NULL)
		return j11_err_set(err, JWK11_ERR_LOGIN, J11_CODE_PASSPHRASE_MISSING, "private key: it is encrypted, and there is no passphrase");
	info = PKCS8_decrypt(sig, passphrase.data, (int)passphrase.len);
	if (info == NULL) {
		ERR_clear_error();
		return j11_err_set(err, JWK11_ERR_LOGIN, J11_CODE_PASSPHRASE_WRONG, "private key: the passphrase is wrong, or the file is damaged");
	}
	rc = from_pkcs8(info, ret_priv, err);
	PKCS8_PRIV_KEY_INFO_free(info);
	return rc;
}

static enum jwk11_rc read_encrypted(struct jwk11_view der, struct jwk11_view passphrase, struct j11_priv **ret_priv, struct jwk11_err *err)
{
	const unsigned char *p = der.data;
	X509_SIG *sig = d2i_X509_SIG(NULL, &p, (long)der.len);
	enum jwk11_rc rc = sig ? decrypt(sig, passphrase, ret_priv, err) : refuse("not one PKCS#8 EncryptedPrivateKeyInfo", NULL, err);

	X509_SIG_free(sig);
	return rc;
}

/* A structure that only this type of key has. */
static enum jwk11_rc read_own(struct jwk11_view der, const char *type, struct j11_priv **ret_priv, struct jwk11_err *err)
{
	EVP_PKEY *evp = NULL;
	OSSL_DECODER_CTX *ctx = OSSL_DECODER_CTX_new_for_pkey(&evp, "DER", "type-specific", type, EVP_PKEY_KEYPAIR, NULL, NULL);
	const unsigned char *p = der.data;
	size_t len = der.len;
	enum jwk11_rc rc = ctx != NULL && OSSL_DECODER_from_data(ctx, &p, &len) == 1 ? from_evp(evp, ret_priv, err) :
		refuse("not one key of the type that its first line names, on a curve that has a name", NULL, err);

	OSSL_DECODER_CTX_free(ctx);
	EVP_PKEY_free(evp);
	return rc;
}

static enum jwk11_rc read_pkcs1(struct jwk11_view der, struct jwk11_view passphrase, struct j11_priv **ret_priv, struct jwk11_err *err)
{
	(void)passphrase;
	return read_own(der, "RSA", ret_priv, err);
}

static enum jwk11_rc read_sec1(struct jwk11_view der, struct jwk11_view passphrase, struct j11_priv **ret_priv, struct jwk11_err *err)
{
	(void)passphrase;
	return read_own(der, "EC", ret_priv, err);
}

/* What a block may be; without a reader it is refused in these words. */
static const struct label {
	const char *name;
	enum jwk11_rc (*read)(struct jwk11_view der, struct jwk11_view passphrase, struct j11_priv **ret_priv, struct jwk11_err *err);
	const char *why, *hint;
} labels[] = {
	{ "PRIVATE KEY", read_pkcs8, NULL, NULL },
	{ "ENCRYPTED PRIVATE KEY", read_encrypted, NULL, NULL },
	{ "RSA PRIVATE KEY", read_pkcs1, NULL, NULL },
	{ "EC PRIVATE KEY", read_sec1, NULL, NULL },
	{ "EC PARAMETERS", NULL, "it holds the name of a curve and no key", NULL },
	{ "PUBLIC KEY", NULL, "it holds a public key; give the file with the private one", NULL },
	{ "RSA PUBLIC KEY", NULL, "it holds a public key; give the file with the private one", NULL },
	{ "CERTIFICATE", NULL, "it holds a certificate; give the file with the private key alone", NULL },
	{ "OPENSSH PRIVATE KEY", NULL, "it is in OpenSSH's own form", "ssh-keygen -p -m PKCS8 -f on a copy of it writes PKCS#8" },
};

/* One block, in the text that is left. */
struct block {
	const struct label *label; /* NULL: of none of these names */
	struct jwk11_view body;
};

static const char begin[] = "-----BEGIN ", dashes[] = "-----";

static const struct label *label_of(struct jwk11_view name)
{
	for (size_t i = 0; i < J11_COUNT(labels); i++)
		if (j11_view_equals(name, labels[i].name))
			return &labels[i];
	return NULL;
}

/* Takes the next block off the text. NOT_FOUND: there is none. Text between blocks is explanatory (RFC 7468 section 2). */
static enum jwk11_rc take_block(struct jwk11_view *text, struct block *ret_block, struct jwk11_err *err)
{
	const char *stop = (const char *)text->data + text->len, *name, *end, *body;
	char last[64];
	int len;

	name = memmem(text->data, text->len, begin, sizeof(begin) - 1);
	if (name == NULL)
		return JWK11_ERR_NOT_FOUND;
	name += sizeof(begin) - 1;
	end = memmem(name, (size_t)(stop - name), dashes, sizeof(dashes) - 1);
	if (end == NULL || end - name > 32)
		return refuse("a \"-----BEGIN\" line without its end", NULL, err);
	len = snprintf(last, sizeof(last), "-----END %.*s-----", (int)(end - name), name);
	body = end + sizeof(dashes) - 1;
	ret_block->label = label_of((struct jwk11_view){ .data = name, .len = (size_t)(end - name) });
	end = memmem(body, (size_t)(stop - body), last, (size_t)len);
	if (end == NULL)
		return refuse("no \"-----END\" line for its \"-----BEGIN\" line; is it whole?", NULL, err);
	ret_block->body = (struct jwk11_view){ .data = body, .len = (size_t)(end - body) };
	text->data = end + len;
	text->len = (size_t)(stop - (end + len));
	return JWK11_OK;
}

/* The one block that counts. `openssl ecparam -genkey` writes the curve's name in front of the key, which has it too. */
static enum jwk11_rc only_block(struct jwk11_view text, struct block *ret_block, struct jwk11_err *err)
{
	struct block block = { 0 };
	enum jwk11_rc rc;
	unsigned n = 0;

	while ((rc = take_block(&text, &block, err)) == JWK11_OK) {
		if (n > 0 && !(n == 1 && ret_block->label != NULL && strcmp(ret_block->label->name, "EC PARAMETERS") == 0 && block.label != NULL &&
				     block.label->read == read_sec1))
			return refuse("more than one block in the file", "give a file with the one private key alone", err);
		*ret_block = block;
		n++;
	}
	if (rc != JWK11_ERR_NOT_FOUND)
		return rc;
	return n > 0 ? JWK11_OK : refuse("neither PEM nor a JWK",
		"a binary file: openssl pkey -inform DER writes PEM, openssl pkcs12 -nocerts that of a .p12 file", err);
}

bool j11_priv_is_encrypted(struct jwk11_view text)
{
	struct block block = { 0 };

	return only_block(text, &block, NULL) == JWK11_OK && block.label != NULL && block.label->read == read_encrypted;
}

enum jwk11_rc j11_priv_from_pem(struct jwk11_view pem, struct jwk11_view passphrase, struct j11_priv **ret_priv, struct jwk11_err *err)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf der = { .max = J11_PRIV_FILE_MAX, .secret = true };
	struct jwk11_view content;
	struct block block = { 0 };
	enum jwk11_rc rc = only_block(pem, &block, err);

	if (rc != JWK11_OK)
		return rc;
	if (block.label == NULL)
		return refuse("its \"-----BEGIN\" line names no type of private key that is taken", "PKCS#8, PKCS#1 and SEC1 are", err);
	if (block.label->read == NULL)
		return refuse(block.label->why, block.label->hint, err);
	if (memmem(block.body.data, block.body.len, "Proc-Type:", 10) != NULL)
		return unsupported("it is encrypted in the old way of PEM", "openssl pkcs8 -topk8 -v2 aes-256-cbc encrypts it anew", err);
	rc = j11_b64_decode(block.body, "private key", &der, err);
	if (rc == JWK11_OK && !j11_der_whole(j11_buf_view(&der), 0x30, &content))
		rc = refuse("what is in it is not one structure in DER", NULL, err);
	return rc == JWK11_OK ? block.label->read(j11_buf_view(&der), passphrase, ret_priv, err) : rc;
}
