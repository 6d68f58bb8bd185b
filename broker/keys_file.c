/* SPDX-License-Identifier: Apache-2.0 */
/* One way for each form; all of them lead to add_key. */
#include "keys_file.h"

#include <stdio.h>
#include <string.h>

#include "base/b64.h"
#include "base/err.h"
#include "base/text.h"
#include "form/profile.h"
#include "jose/jwk.h"
#include "jose/kid.h"
#include "jose/pem.h"
#include "jose/roca.h"

enum { KEYS_MAX = 256, JWK_MAX = 4500, PKIX_MAX = 2 * J11_SPKI_MAX };

/* The file that is being read. */
struct file {
	struct conf *conf;
	const struct conf_set *set;
	const char *path;
	enum conf_yes discovery;
	struct jwk11_err *err;
};

static bool ends_with(const char *name, const char *tail)
{
	size_t len = strlen(name), tail_len = strlen(tail);

	return len > tail_len && j11_text_equal(name + len - tail_len, tail);
}

bool keys_file_is_named(const char *name)
{
	return name[0] != '.' && (ends_with(name, ".pem") || ends_with(name, ".jwk") || ends_with(name, ".json"));
}

J11_PRINTF(2, 3) static enum jwk11_rc refuse(const struct file *f, const char *fmt, ...)
{
	char text[JWK11_TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return j11_err_set(f->err, JWK11_ERR_SYNTAX, J11_CODE_CONFIG_INVALID, "[set %s] verify-only: %s: %s", f->set->name, f->path, text);
}

/* Whatever is wrong with what a file holds is wrong with the configuration. */
static enum jwk11_rc refuse_for(const struct file *f, const struct jwk11_err *why)
{
	if (why->rc == JWK11_ERR_MEMORY)
		return j11_err_memory(f->err);
	(void)refuse(f, "%s", why->text);
	if (why->hint[0] != '\0')
		j11_err_hint(f->err, "%s", why->hint);
	return JWK11_ERR_SYNTAX;
}

/* ---- one key ---- */

/* It becomes a line of text, and a member of headers. */
static bool is_plain_kid(const char *kid)
{
	size_t len = strlen(kid);

	for (size_t i = 0; i < len; i++)
		if ((unsigned char)kid[i] < ' ' || kid[i] == 0x7f)
			return false;
	return len > 0 && kid[0] != ' ' && kid[len - 1] != ' ';
}

static enum jwk11_rc make_kid(const struct file *f, const struct jwk11_pub *pub, char ret_kid[JWK11_KID_MAX])
{
	const struct j11_kid_of of = { .pub = pub, .name = f->path, .label = "", .id = { .data = "", .len = 0 } };
	const struct j11_profile *p = f->set->profile;
	char wanted[JWK11_KID_MAX];
	struct jwk11_err why = { 0 };
	enum jwk11_rc rc = JWK11_OK;

	if (pub->kid[0] != '\0')
		snprintf(ret_kid, JWK11_KID_MAX, "%s", pub->kid);
	else
		rc = j11_kid_make(&of, f->set->verify_only_kid_style, ret_kid, &why);
	if (rc == JWK11_OK && p != NULL && p->kid_style != JWK11_N_KID_)
		rc = j11_kid_make(&of, p->kid_style, wanted, &why);
	if (rc != JWK11_OK)
		return refuse_for(f, &why);
	if (!is_plain_kid(ret_kid))
		return refuse(f, "a kid holds control characters, or a blank at its beginning or end");
	if (p != NULL && p->kid_style != JWK11_N_KID_ && !j11_text_equal(ret_kid, wanted))
		return refuse(f, "profile %s finds this key as \"%s\", and here its kid is \"%s\"; see verify-only-kid-style", p->name, wanted, ret_kid);
	return JWK11_OK;
}

/* A kid names one key with one algorithm. */
static enum jwk11_rc look_for_twin(const struct file *f, const struct conf_verify_only *key, bool *ret_known)
{
	*ret_known = false;
	for (size_t i = 0; i < f->conf->n_verify_only; i++) {
		const struct conf_verify_only *other = &f->conf->verify_only[i];

		if (!j11_text_equal(other->set, key->set) || !j11_text_equal(other->kid, key->kid))
			continue;
		if (!j11_text_equal(other->thumbprint, key->thumbprint))
			return refuse(f, "its kid \"%s\" is that of another key, in %s", key->kid, other->file);
		if (!j11_text_equal(other->alg, key->alg))
			return refuse(f, "the key with kid \"%s\" is for %s here and for %s in %s", key->kid, key->alg, other->alg, other->file);
		if (other->discovery != key->discovery)
			return refuse(f, "the key with kid \"%s\" is %s discovery, and %s it in %s", key->kid, key->discovery == CONF_YES ? "in" : "kept out of",
				other->discovery == CONF_YES ? "in" : "kept out of", other->file);
		*ret_known = true;
	}
	return JWK11_OK;
}

static enum jwk11_rc write_forms(const struct file *f, const struct jwk11_pub *pub, struct conf_verify_only *key, struct jwk11_buf *jwk, struct jwk11_buf *pkix)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf der = J11_BUF(J11_SPKI_MAX);
	struct jwk11_err why = { 0 };
	enum jwk11_rc rc = jwk11_pub_jwk(pub, key->alg, key->kid, jwk, &why);

	if (rc == JWK11_OK)
		rc = j11_pub_spki(pub, &der, &why);
	if (rc == JWK11_OK) {
		j11_b64_add(pkix, j11_buf_view(&der), 0);
		rc = j11_buf_check(pkix, "PKIX", &why);
	}
	key->jwk = jwk11_buf_data(jwk);
	key->pkix = jwk11_buf_data(pkix);
	return rc == JWK11_OK ? JWK11_OK : refuse_for(f, &why);
}

static enum jwk11_rc add_key(const struct file *f, const struct jwk11_pub *pub)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf jwk = J11_BUF(JWK_MAX);
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf pkix = J11_BUF(PKIX_MAX);
	char kid[JWK11_KID_MAX], thumbprint[JWK11_THUMBPRINT_LEN + 1];
	struct conf_verify_only key = { .set = f->set->name, .file = f->path, .kid = kid, .alg = jwk11_pub_default_alg(pub), .kty = jwk11_pub_kty(pub),
		.thumbprint = thumbprint, .discovery = f->discovery };
	struct jwk11_err why = { 0 };
	bool known = false;
	enum jwk11_rc rc;

	if (j11_alg_find_str(key.alg) == NULL)
		return refuse(f, "a key of its kind does not sign");
	if (f->conf->strict == CONF_YES && pub->kty == J11_KTY_RSA && j11_roca_has(pub->n))
		return refuse(f, "its private half can be computed (CVE-2017-15361), and strict = yes");
	if (jwk11_pub_thumbprint(pub, thumbprint, &why) != JWK11_OK)
		return refuse_for(f, &why);
	rc = make_kid(f, pub, kid);
	if (rc == JWK11_OK)
		rc = look_for_twin(f, &key, &known);
	if (rc != JWK11_OK || known)
		return rc;
	rc = write_forms(f, pub, &key, &jwk, &pkix);
	return rc == JWK11_OK ? conf_add_verify_only(f->conf, &key, f->err) : rc;
}

/* ---- forms ---- */

static enum jwk11_rc take_block(const struct file *f, const struct j11_pem_block *block)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf der = J11_BUF(65536);
	J11_AUTO(jwk11_pub_unref_auto) struct jwk11_pub *pub = NULL;
	struct jwk11_err why = { 0 };
	enum jwk11_rc rc = j11_b64_decode(block->body, "PEM", &der, &why);

	if (rc == JWK11_OK && j11_view_equals(block->label, "CERTIFICATE"))
		rc = j11_pub_from_cert(j11_buf_view(&der), &pub, &why);
	else if (rc == JWK11_OK)
		rc = j11_pub_from_spki(j11_buf_view(&der), &pub, &why);
	return rc == JWK11_OK ? add_key(f, pub) : refuse_for(f, &why);
}

/* Certificates come alone: of a chain only the first one's key is meant, and who writes the others beside it may not know. */
static enum jwk11_rc take_pem(const struct file *f, struct jwk11_view text)
{
	struct j11_pem_block block;
	struct jwk11_err why = { 0 };
	enum jwk11_rc rc = JWK11_OK;
	bool cert = false;
	size_t n = 0;

	if (memmem(text.data, text.len, "PRIVATE KEY-----", 16) != NULL)
		return refuse(f, "it holds a private key; it wants the public key alone");
	while (rc == JWK11_OK && (rc = j11_pem_next(&text, &block, &why)) == JWK11_OK) {
		n++;
		if (!j11_view_equals(block.label, "PUBLIC KEY") && !j11_view_equals(block.label, "CERTIFICATE"))
			return refuse(f, "block %zu is neither a PUBLIC KEY nor a CERTIFICATE", n);
		cert = cert || j11_view_equals(block.label, "CERTIFICATE");
		if ((cert && n > 1) || n > KEYS_MAX)
			return cert ? refuse(f, "a certificate is not alone; it wants one in each file") : refuse(f, "more than %d keys", KEYS_MAX);
		rc = take_block(f, &block);
		if (rc != JWK11_OK)
			return rc;
	}
	return rc == JWK11_ERR_NOT_FOUND && n > 0 ? JWK11_OK : refuse_for(f, &why);
}

static enum jwk11_rc take_jwk(const struct file *f, const struct j11_json *jwk, size_t place)
{
	J11_AUTO(jwk11_pub_unref_auto) struct jwk11_pub *pub = NULL;
	struct jwk11_err why = { 0 };
	enum jwk11_rc rc = j11_jwk_parse(jwk, &pub, &why);

	if (rc != JWK11_OK && place > 0)
		j11_err_prefix(&why, "key %zu", place);
	return rc == JWK11_OK ? add_key(f, pub) : refuse_for(f, &why);
}

static enum jwk11_rc take_json(const struct file *f, struct jwk11_view text)
{
	J11_AUTO(j11_json_free_auto) struct j11_json_doc *doc = NULL;
	const struct j11_json_limits limits = { .max_len = KEYS_FILE_MAX, .max_depth = 8, .max_values = 65536 };
	const struct j11_json *keys;
	struct jwk11_err why = { 0 };
	enum jwk11_rc rc = j11_json_read(text, &limits, "JWK", &doc, &why);
	size_t place = 0;

	if (rc != JWK11_OK)
		return refuse_for(f, &why);
	keys = j11_json_get(j11_json_root(doc), "keys");
	if (keys == NULL)
		return take_jwk(f, j11_json_root(doc), 0);
	if (keys->type != J11_JSON_ARRAY || keys->n_children > KEYS_MAX)
		return refuse(f, "\"keys\" is not an array of at most %d keys", KEYS_MAX);
	for (const struct j11_json *jwk = keys->child; jwk != NULL && rc == JWK11_OK; jwk = jwk->next)
		rc = take_jwk(f, jwk, ++place);
	return rc;
}

enum jwk11_rc keys_file_take(struct conf *conf, const struct conf_set *set, const char *path, enum conf_yes discovery, struct jwk11_view octets,
	struct jwk11_err *err)
{
	const struct file f = { .conf = conf, .set = set, .path = path, .discovery = discovery, .err = err };

	return ends_with(path, ".pem") ? take_pem(&f, octets) : take_json(&f, octets);
}
