/* SPDX-License-Identifier: Apache-2.0 */
/* The public half goes into a header by a flag, so that it can be nothing else. */
#include "proof.h"

#include <openssl/evp.h>
#include <openssl/rand.h>

#include "base/b64.h"
#include "base/err.h"
#include "base/text.h"
#include "jose/chain.h"
#include "key_jws.h"

enum { JTI_LEN = 16 };

void j11_proof_done(struct j11_proof *proof)
{
	j11_template_made_done(&proof->jws);
	j11_httpsig_made_done(&proof->http);
}

bool j11_proof_sha256(struct jwk11_view text, unsigned char ret_hash[J11_TEMPLATE_HASH])
{
	return EVP_Digest(text.data, text.len, ret_hash, NULL, EVP_sha256(), NULL) == 1;
}

/* What a template needs besides, with the memory for it. */
struct known {
	struct j11_template_facts facts;
	struct jwk11_buf jti, x5t;
};

static void known_done(struct known *k)
{
	j11_buf_done(&k->jti);
	j11_buf_done(&k->x5t);
}

static enum jwk11_rc add_random(struct known *k, struct jwk11_err *err)
{
	unsigned char octets[JTI_LEN];

	if (RAND_bytes(octets, sizeof(octets)) != 1)
		return j11_err_set(err, JWK11_ERR_INTERNAL, J11_CODE_INTERNAL, "no random octets");
	j11_b64url_add(&k->jti, (struct jwk11_view){ .data = octets, .len = sizeof(octets) });
	k->facts.jti = jwk11_buf_data(&k->jti);
	return j11_buf_check(&k->jti, "jti", err);
}

/* RFC 7515 sections 4.1.7 and 4.1.8. */
static enum jwk11_rc add_certificate(struct known *k, struct jwk11_key *key, struct jwk11_err *err)
{
	const struct jwk11_chain *chain;
	unsigned char hash[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	enum jwk11_rc rc = j11_key_chain(key, &chain, err);

	if (rc != JWK11_OK)
		return rc;
	if (EVP_Digest(chain->der[0].data, chain->der[0].len, hash, &len, EVP_sha1(), NULL) != 1)
		return j11_err_set(err, JWK11_ERR_INTERNAL, J11_CODE_INTERNAL, "SHA-1 failed");
	j11_b64url_add(&k->x5t, (struct jwk11_view){ .data = hash, .len = len });
	k->facts.x5t = jwk11_buf_data(&k->x5t);
	k->facts.x5t_s256 = chain->x5t;
	return j11_buf_check(&k->x5t, "x5t", err);
}

static enum jwk11_rc fill_jws(struct jwk11_key *key, const struct j11_proof_ask *ask, struct j11_proof *proof, struct jwk11_err *err)
{
	J11_AUTO(known_done) struct known k = { .jti = J11_BUF(64), .x5t = J11_BUF(64), .facts = { .now = ask->now, .alg = ask->alg, .issuer = ask->issuer,
		.ttl = ask->ttl, .max_ttl = ask->max_ttl, .sha256 = j11_proof_sha256 } };
	enum jwk11_rc rc = add_random(&k, err);

	if (rc == JWK11_OK && ask->t->named == J11_NAMED_CERTIFICATE)
		rc = add_certificate(&k, key, err);
	return rc == JWK11_OK ? j11_template_fill(ask->t, ask->parameters, &k.facts, &proof->jws, err) : rc;
}

/* "EdDSA" stands for both curves, and RFC 9421 has a name for one of them. */
static enum jwk11_rc fill_http(struct jwk11_key *key, const struct j11_proof_ask *ask, struct j11_proof *proof, struct jwk11_err *err)
{
	const char *crv = jwk11_key_pub(key) != NULL ? jwk11_pub_crv(jwk11_key_pub(key)) : NULL;
	bool other = crv != NULL && j11_text_equal(crv, "Ed448");
	struct j11_template_facts facts = { .ttl = ask->ttl };
	struct j11_httpsig_facts http = { .now = ask->now, .alg = other ? "Ed448" : ask->alg, .kid = ask->kid };
	enum jwk11_rc rc = j11_template_ttl(ask->t, &facts, &http.ttl, err);

	return rc == JWK11_OK ? j11_httpsig_fill(ask->parameters, &http, &proof->http, err) : rc;
}

enum jwk11_rc j11_proof_fill(struct jwk11_key *key, const struct j11_proof_ask *ask, struct j11_proof *proof, struct jwk11_err *err)
{
	enum jwk11_rc rc = j11_template_check_alg(ask->t, ask->alg, ask->name, err);

	if (rc != JWK11_OK)
		return rc;
	return ask->t->makes == J11_MAKES_SIGNATURE ? fill_http(key, ask, proof, err) : fill_jws(key, ask, proof, err);
}

/* The kid, the public half, or neither. */
static void name_key(const struct j11_proof_ask *ask, const struct j11_proof *proof, struct j11_jws_spec *spec)
{
	bool account = ask->t->named == J11_NAMED_ACCOUNT && proof->jws.kid.len > 0;

	if (ask->t->named == J11_NAMED_KID)
		spec->kid = ask->kid;
	else if (account)
		spec->kid = jwk11_buf_data(&proof->jws.kid);
	else if (ask->t->named == J11_NAMED_JWK || ask->t->named == J11_NAMED_ACCOUNT)
		spec->flags = JWK11_JWS_JWK;
}

enum jwk11_rc j11_proof_jws(struct jwk11_key *key, const struct j11_proof_ask *ask, const struct j11_proof *proof, const struct jwk11_view *payload,
	void (*seen)(void *arg, struct jwk11_view input), void *seen_arg, struct jwk11_buf *out, struct jwk11_err *err)
{
	J11_AUTO(j11_json_free_auto) struct j11_json_doc *header = NULL;
	struct jwk11_view filled = j11_buf_view(&proof->jws.payload);
	struct j11_jws_spec spec = { .alg = j11_alg_find_str(ask->alg), .seen = seen, .seen_arg = seen_arg,
		.form = ask->t->makes == J11_MAKES_JWS ? JWK11_JWS_FLATTENED : JWK11_JWS_COMPACT };
	enum jwk11_rc rc = JWK11_OK;

	if (spec.alg == NULL)
		return j11_alg_unknown("", err);
	name_key(ask, proof, &spec);
	if (ask->t->typ != NULL)
		spec.typ = j11_view_str(ask->t->typ);
	if (proof->jws.header.len > 0)
		rc = j11_json_read(j11_buf_view(&proof->jws.header), NULL, "protected header", &header, err);
	if (header != NULL)
		spec.extra = j11_json_root(header);
	return rc == JWK11_OK ? j11_key_jws(key, &spec, payload != NULL ? payload : &filled, NULL, out, err) : rc;
}

enum jwk11_rc j11_proof_signature(struct jwk11_key *key, const struct j11_proof_ask *ask, const struct j11_proof *proof, struct jwk11_buf *ret_sig,
	struct jwk11_err *err)
{
	return jwk11_key_sign(key, ask->alg, JWK11_INPUT_MESSAGE, j11_buf_view(&proof->http.base), ret_sig, err);
}
