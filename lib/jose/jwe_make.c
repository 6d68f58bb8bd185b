/* SPDX-License-Identifier: Apache-2.0 */
/* The sender's side of JWE: a content key, the way to it for one recipient, the sealed content. */
#include "jwe_make.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>

#include "base/b64.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "json/json_write.h"
#include "jwk.h"
#include "kdf.h"

/* One message on its way. */
struct making {
	const struct jwk11_pub *pub;
	const struct j11_kma *kma;
	const struct j11_enc *enc;
	struct j11_keymat cek;
	struct jwk11_pub *epk; /* ECDH */
	struct jwk11_buf key;  /* the encrypted key */
	struct jwk11_err *err;
};

static void making_done(struct making *m)
{
	j11_keymat_wipe(&m->cek);
	jwk11_pub_unref(m->epk);
	j11_buf_done(&m->key);
}

static enum jwk11_rc libcrypto(const char *what, struct jwk11_err *err)
{
	ERR_clear_error();
	return j11_err_set(err, JWK11_ERR_INTERNAL, J11_CODE_INTERNAL, "JWE: libcrypto cannot %s", what);
}

enum jwk11_rc j11_jwe_encrypt_key(const struct jwk11_pub *pub, const struct j11_kma *kma, const struct j11_keymat *cek, struct jwk11_buf *out,
	struct jwk11_err *err)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pub->evp, NULL);
	const EVP_MD *md = kma->sha256 ? EVP_sha256() : EVP_sha1();
	size_t len = pub->n.len;
	unsigned char *place = j11_buf_grow(out, len);
	bool ok = ctx != NULL && place != NULL && EVP_PKEY_encrypt_init(ctx) == 1 &&
		EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) == 1 && EVP_PKEY_CTX_set_rsa_oaep_md(ctx, md) == 1 &&
		EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, md) == 1 && EVP_PKEY_encrypt(ctx, place, &len, cek->octets, cek->len) == 1 && len == pub->n.len;

	EVP_PKEY_CTX_free(ctx);
	if (place == NULL)
		return j11_buf_check(out, "encrypted key", err);
	return ok ? JWK11_OK : libcrypto("encrypt the content key", err);
}

/* A new key on the recipient's curve. */
static EVP_PKEY *make_ephemeral(const struct jwk11_pub *pub)
{
	if (pub->kty == J11_KTY_EC)
		return EVP_PKEY_Q_keygen(NULL, NULL, "EC", pub->curve->group);
	return EVP_PKEY_Q_keygen(NULL, NULL, pub->curve->group);
}

static enum jwk11_rc set_epk(struct making *m, EVP_PKEY *evp)
{
	size_t n = m->pub->curve->coord_len;
	unsigned char *point = NULL;
	size_t len = EVP_PKEY_get1_encoded_public_key(evp, &point);
	enum jwk11_rc rc;

	if (m->pub->kty == J11_KTY_OKP && len == n)
		rc = j11_pub_new_okp(m->pub->curve->crv, (struct jwk11_view){ point, n }, &m->epk, m->err);
	else if (m->pub->kty == J11_KTY_EC && len == 1 + 2 * n)
		rc = j11_pub_new_ec(m->pub->curve->crv, (struct jwk11_view){ point + 1, n }, (struct jwk11_view){ point + 1 + n, n }, &m->epk, m->err);
	else
		rc = libcrypto("give the ephemeral key", m->err);
	OPENSSL_free(point);
	return rc;
}

/* libcrypto refuses an X25519 or X448 result of zero (RFC 8037 section 3.2.1). */
static enum jwk11_rc derive(struct making *m, EVP_PKEY *evp, struct j11_keymat *ret_z)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, evp, NULL);
	bool ok = ctx != NULL && EVP_PKEY_derive_init(ctx) == 1 && EVP_PKEY_derive_set_peer(ctx, m->pub->evp) == 1;

	ret_z->len = sizeof(ret_z->octets);
	ok = ok && EVP_PKEY_derive(ctx, ret_z->octets, &ret_z->len) == 1 && ret_z->len == m->pub->curve->coord_len;
	EVP_PKEY_CTX_free(ctx);
	return ok ? JWK11_OK : libcrypto("agree on a key with this public key", m->err);
}

/* RFC 7518 4.6: the content key comes out of the agreement, or is wrapped with what does. */
static enum jwk11_rc agree_key(struct making *m)
{
	J11_AUTO(j11_keymat_wipe) struct j11_keymat z = { .len = 0 };
	J11_AUTO(j11_keymat_wipe) struct j11_keymat kek = { .len = 0 };
	bool direct = m->kma->kek_len == 0;
	EVP_PKEY *evp = make_ephemeral(m->pub);
	struct jwk11_view none = J11_VIEW("");
	enum jwk11_rc rc = evp ? set_epk(m, evp) : libcrypto("make an ephemeral key", m->err);

	if (rc == JWK11_OK)
		rc = derive(m, evp, &z);
	EVP_PKEY_free(evp);
	if (rc != JWK11_OK)
		return rc;
	if (direct)
		return j11_kdf_concat(&z, m->enc->name, none, none, m->enc->key_len, &m->cek, m->err);
	rc = j11_kdf_concat(&z, m->kma->name, none, none, m->kma->kek_len, &kek, m->err);
	return rc == JWK11_OK ? j11_kdf_wrap(&kek, &m->cek, &m->key, m->err) : rc;
}

static enum jwk11_rc check_extra(const struct j11_json *extra, struct jwk11_err *err)
{
	static const char *const ours[] = { "alg", "enc", "kid", "epk", "apu", "apv", "zip", "crit", "jwk", "jku", "x5u", "x5c" };

	if (extra != NULL && extra->type != J11_JSON_OBJECT)
		return j11_err_set(err, JWK11_ERR_SYNTAX, J11_CODE_MEMBER_TYPE, "protected header must be an object");
	for (size_t i = 0; extra != NULL && i < J11_COUNT(ours); i++)
		if (j11_json_get(extra, ours[i]) != NULL)
			return j11_err_set(err, JWK11_ERR_SYNTAX, J11_CODE_HEADER_REFUSED, "protected header: member \"%s\" is not the caller's to set",
				ours[i]);
	return JWK11_OK;
}

/* Appends the encoded header. */
static enum jwk11_rc add_header(struct making *m, const char *kid, const struct j11_json *extra, struct jwk11_buf *out)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf header = J11_BUF(J11_JWE_HEADER_MAX);
	struct j11_json_out o = J11_JSON_OUT(&header);
	enum jwk11_rc rc;

	j11_json_open(&o, NULL, '{');
	j11_json_str(&o, "alg", m->kma->name);
	j11_json_str(&o, "enc", m->enc->name);
	if (kid != NULL)
		j11_json_str(&o, "kid", kid);
	if (m->epk != NULL)
		j11_jwk_write_bare(&o, "epk", m->epk);
	for (const struct j11_json *e = extra ? extra->child : NULL; e != NULL; e = e->next)
		j11_json_member(&o, e);
	j11_json_close(&o);
	rc = j11_buf_check(&header, "protected header", m->err);
	j11_b64url_add(out, j11_buf_view(&header));
	return rc;
}

static void add_part(struct jwk11_buf *out, const void *data, size_t len)
{
	j11_buf_add_byte(out, '.');
	j11_b64url_add(out, (struct jwk11_view){ .data = len ? data : "", .len = len });
}

static enum jwk11_rc make(struct making *m, const char *kid, const struct j11_json *extra, struct jwk11_view plaintext, struct jwk11_buf *text)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf sealed = J11_BUF(J11_ENC_TEXT_MAX + 2 * J11_ENC_IV_MAX);
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf header = J11_BUF(2 * J11_JWE_HEADER_MAX);
	unsigned char iv[J11_ENC_IV_MAX], tag[J11_ENC_TAG_MAX];
	enum jwk11_rc rc = j11_keymat_random(&m->cek, m->enc->key_len, m->err);

	if (rc == JWK11_OK)
		rc = m->kma->way == J11_KMA_OAEP ? j11_jwe_encrypt_key(m->pub, m->kma, &m->cek, &m->key, m->err) : agree_key(m);
	if (rc == JWK11_OK && RAND_bytes(iv, (int)m->enc->iv_len) != 1)
		rc = libcrypto("make random numbers", m->err);
	if (rc == JWK11_OK)
		rc = add_header(m, kid, extra, &header);
	if (rc == JWK11_OK)
		rc = j11_buf_check(&header, "protected header", m->err);
	if (rc == JWK11_OK)
		rc = j11_enc_seal(m->enc, &m->cek, (struct jwk11_view){ iv, m->enc->iv_len }, j11_buf_view(&header), plaintext, &sealed, tag, m->err);
	if (rc != JWK11_OK)
		return rc;
	j11_buf_add(text, header.data, header.len);
	add_part(text, m->key.data, m->key.len);
	add_part(text, iv, m->enc->iv_len);
	add_part(text, sealed.data, sealed.len);
	add_part(text, tag, m->enc->tag_len);
	return j11_buf_check(text, "JWE", m->err);
}

enum jwk11_rc j11_jwe_make(const struct jwk11_pub *pub, const struct j11_kma *kma, const struct j11_enc *enc, const char *kid,
	const struct j11_json *extra, struct jwk11_view plaintext, struct jwk11_buf *out, struct jwk11_err *err)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf text = J11_BUF(J11_JWE_MAX);
	struct making m = { .pub = pub, .kma = kma, .enc = enc, .key = J11_BUF(J11_JWE_KEY_MAX), .err = err };
	enum jwk11_rc rc = j11_kma_fits(pub, kma, err);

	if (rc == JWK11_OK)
		rc = check_extra(extra, err);
	if (rc == JWK11_OK && plaintext.len > J11_ENC_TEXT_MAX)
		rc = j11_err_set(err, JWK11_ERR_LIMIT, J11_CODE_INPUT_TOO_LONG, "plaintext is longer than %u bytes", J11_ENC_TEXT_MAX);
	if (rc == JWK11_OK)
		rc = make(&m, kid, extra, plaintext, &text);
	making_done(&m);
	if (rc != JWK11_OK)
		return rc;
	j11_buf_add(out, text.data, text.len);
	return j11_buf_check(out, "JWE", err);
}

enum jwk11_rc jwk11_pub_encrypt(const struct jwk11_pub *pub, const char *alg, const char *enc_name, const char *kid, const char *protected_json,
	struct jwk11_view plaintext, struct jwk11_buf *ret_jwe, struct jwk11_err *err)
{
	J11_AUTO(j11_json_free_auto) struct j11_json_doc *extra = NULL;
	const struct j11_enc *enc = j11_enc_find(j11_view_str(enc_name ? enc_name : "A256GCM"));
	const struct j11_kma *kma;
	enum jwk11_rc rc = JWK11_OK;

	if (pub == NULL || ret_jwe == NULL || (plaintext.data == NULL && plaintext.len > 0))
		return j11_err_set(err, JWK11_ERR_ARGUMENT, J11_CODE_ARGUMENT, "encrypt: key, plaintext or buffer is missing");
	kma = alg ? j11_kma_find(j11_view_str(alg)) : j11_kma_default(pub);
	if (kma == NULL && alg == NULL)
		return j11_err_set(err, JWK11_ERR_MISMATCH, J11_CODE_ALG_MISMATCH, "encrypt: this key can only sign");
	if (kma == NULL)
		return j11_kma_unknown("encrypt: ", err);
	if (enc == NULL) {
		j11_err_set(err, JWK11_ERR_UNSUPPORTED, J11_CODE_ENC_UNKNOWN, "encrypt: this content encryption is not known");
		j11_err_hint(err, "one of %s", j11_enc_names());
		return JWK11_ERR_UNSUPPORTED;
	}
	if (protected_json != NULL)
		rc = j11_json_read(j11_view_str(protected_json), NULL, "protected header", &extra, err);
	return rc == JWK11_OK ? j11_jwe_make(pub, kma, enc, kid, extra ? j11_json_root(extra) : NULL, plaintext, ret_jwe, err) : rc;
}
