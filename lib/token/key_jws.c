/* SPDX-License-Identifier: Apache-2.0 */
/* What a caller asks for in words to a JWS signed on the token. */
#include "key_jws.h"

#include <time.h>

#include "base/err.h"
#include "jose/jwt.h"
#include "key.h"

/* What the signer gets. */
struct by_key {
	struct jwk11_key *key;
	const char *alg;
	const struct j11_jws_spec *spec;
};

static enum jwk11_rc sign(void *arg, struct jwk11_view input, struct jwk11_buf *ret_sig, struct jwk11_err *err)
{
	struct by_key *by = arg;

	if (by->spec->seen != NULL)
		by->spec->seen(by->spec->seen_arg, input);
	return jwk11_key_sign(by->key, by->alg, JWK11_INPUT_MESSAGE, input, ret_sig, err);
}

/* Certificates are many calls. */
enum jwk11_rc j11_key_chain(struct jwk11_key *key, const struct jwk11_chain **ret_chain, struct jwk11_err *err)
{
	struct jwk11_chain *chain;
	enum jwk11_rc rc;

	pthread_mutex_lock(&key->token->lock);
	chain = key->chain;
	pthread_mutex_unlock(&key->token->lock);
	rc = chain ? JWK11_OK : jwk11_key_chain(key, NULL, &chain, err);
	if (rc != JWK11_OK)
		return rc;
	pthread_mutex_lock(&key->token->lock);
	if (key->chain == NULL)
		key->chain = chain;
	*ret_chain = key->chain;
	pthread_mutex_unlock(&key->token->lock);
	if (*ret_chain != chain) /* another thread was first */
		jwk11_chain_free(chain);
	return JWK11_OK;
}

/* What the flags want in the header of the key itself. */
static enum jwk11_rc complete(struct jwk11_key *key, struct j11_jws_spec *spec, struct jwk11_err *err)
{
	unsigned wanted = spec->flags & (JWK11_JWS_JWK | JWK11_JWS_X5C);

	if (wanted != 0 && key->pub == NULL)
		return j11_err_set(err, JWK11_ERR_SYNTAX, J11_CODE_HEADER_REFUSED, "protected header: key \"%s\" has no public half for \"%s\"", key->label,
			wanted & JWK11_JWS_JWK ? "jwk" : "x5c");
	if (wanted & JWK11_JWS_JWK)
		spec->jwk = key->pub;
	return wanted & JWK11_JWS_X5C ? j11_key_chain(key, &spec->x5c, err) : JWK11_OK;
}

enum jwk11_rc j11_key_jws(struct jwk11_key *key, const struct j11_jws_spec *spec, const struct jwk11_view *payload, const struct jwk11_jws *onto,
	struct jwk11_buf *out, struct jwk11_err *err)
{
	struct j11_jws_spec whole = *spec;
	struct by_key by = { key, spec->alg->name, spec };
	struct j11_jws_signer signer = { sign, &by };

	enum jwk11_rc rc = complete(key, &whole, err);

	return rc == JWK11_OK ? j11_jws_make(&whole, payload, onto, &signer, out, err) : rc;
}

static enum jwk11_rc find_alg(const char *name, const struct j11_alg **ret_alg, struct jwk11_err *err)
{
	const struct j11_alg *alg = j11_alg_find_str(name);

	if (alg == NULL)
		return j11_alg_unknown("", err);
	*ret_alg = alg;
	return JWK11_OK;
}

/* The texts of the options, parsed. */
struct texts {
	struct j11_json_doc *extra, *header;
	struct jwk11_jws *onto;
};

static void texts_done(struct texts *t)
{
	j11_json_free(t->extra);
	j11_json_free(t->header);
	jwk11_jws_free(t->onto);
}

static struct jwk11_view view_of(const char *s)
{
	return s ? j11_view_str(s) : (struct jwk11_view){ .data = NULL };
}

static enum jwk11_rc read_texts(const struct jwk11_jws_options *o, struct texts *t, struct jwk11_err *err)
{
	enum jwk11_rc rc = JWK11_OK;

	if (o->protected_json != NULL)
		rc = j11_json_read(j11_view_str(o->protected_json), NULL, "protected header", &t->extra, err);
	if (rc == JWK11_OK && o->header_json != NULL)
		rc = j11_json_read(j11_view_str(o->header_json), NULL, "unprotected header", &t->header, err);
	if (rc == JWK11_OK && o->onto.data != NULL)
		rc = j11_jws_parse(o->onto, &t->onto, err);
	return rc;
}

static enum jwk11_rc check_options(const struct jwk11_jws_options *o, struct jwk11_err *err)
{
	if ((unsigned)o->form > JWK11_JWS_GENERAL || (o->flags & ~J11_JWS_FLAGS) != 0)
		return j11_err_set(err, JWK11_ERR_ARGUMENT, J11_CODE_ARGUMENT, "JWS: no such serialization or flag");
	return JWK11_OK;
}

enum jwk11_rc jwk11_key_jws_with(struct jwk11_key *key, const char *alg, const char *kid, const struct jwk11_jws_options *options,
	struct jwk11_view payload, struct jwk11_buf *ret_jws, struct jwk11_err *err)
{
	static const struct jwk11_jws_options none = { .flags = 0 };
	const struct jwk11_jws_options *o = options ? options : &none;
	struct j11_jws_spec spec = { .kid = kid, .typ = view_of(o->typ), .cty = view_of(o->cty), .form = o->form, .flags = o->flags };
	J11_AUTO(texts_done) struct texts t = { .onto = NULL };
	bool carried = payload.data == NULL && payload.len == 0 && o->onto.data != NULL;
	enum jwk11_rc rc = check_options(o, err);

	if (rc == JWK11_OK)
		rc = find_alg(alg, &spec.alg, err);
	if (rc == JWK11_OK)
		rc = read_texts(o, &t, err);
	if (rc != JWK11_OK)
		return rc;
	spec.extra = t.extra ? j11_json_root(t.extra) : NULL;
	spec.header = t.header ? j11_json_root(t.header) : NULL;
	return j11_key_jws(key, &spec, carried ? NULL : &payload, t.onto, ret_jws, err);
}

enum jwk11_rc jwk11_key_jws(struct jwk11_key *key, const char *alg, const char *kid, const char *protected_json, struct jwk11_view payload,
	struct jwk11_buf *ret_jws, struct jwk11_err *err)
{
	return jwk11_key_jws_with(key, alg, kid, &(struct jwk11_jws_options){ .protected_json = protected_json }, payload, ret_jws, err);
}

static enum jwk11_rc verify(const void *arg, const char *alg, struct jwk11_view input, struct jwk11_view sig, struct jwk11_err *err)
{
	return jwk11_key_verify(*(struct jwk11_key *const *)arg, alg, input, sig, err);
}

enum jwk11_rc jwk11_key_jws_check(struct jwk11_key *key, const struct jwk11_jws *jws, size_t i, const char *alg, const char *const *understood,
	struct jwk11_err *err)
{
	struct j11_jws_verifier by = { .verify = verify, .arg = &key, .alg = alg, .said = alg != NULL };

	if (key == NULL || jws == NULL || i >= jws->n)
		return j11_err_set(err, JWK11_ERR_ARGUMENT, J11_CODE_ARGUMENT, "JWS: no such signature, or no key");
	if (alg == NULL)
		by.alg = jwk11_key_default_alg(key);
	return j11_jws_check_by(jws, i, &by, understood, err);
}

enum jwk11_rc jwk11_key_jwt(struct jwk11_key *key, const char *alg, const char *kid, struct jwk11_view claims_json, int64_t ttl,
	struct jwk11_buf *ret_jwt, struct jwk11_err *err)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf claims = J11_BUF(J11_JWT_CLAIMS_MAX);
	J11_AUTO(j11_json_free_auto) struct j11_json_doc *doc = NULL;
	struct j11_jwt_rules rules = { .now = time(NULL), .ttl = ttl };
	enum jwk11_rc rc = j11_json_read(claims_json, NULL, "claims", &doc, err);

	if (rc == JWK11_OK)
		rc = j11_jwt_claims(j11_json_root(doc), &rules, &claims, err);
	if (rc != JWK11_OK)
		return rc;
	return jwk11_key_jws_with(key, alg, kid, &(struct jwk11_jws_options){ .typ = "JWT" }, j11_buf_view(&claims), ret_jwt, err);
}
