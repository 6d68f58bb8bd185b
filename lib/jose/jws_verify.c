/* SPDX-License-Identifier: Apache-2.0 */
/* Is a JWS what its signatures say? One signature with one key, or any of them. */
#include "jws.h"

#include "base/b64.h"
#include "base/err.h"
#include "base/text.h"

void j11_jws_add_input(const struct jwk11_jws *jws, size_t i, struct jwk11_buf *out)
{
	const struct j11_jws_signature *s = &jws->signatures[i];

	j11_buf_add(out, s->encoded.data, s->encoded.len);
	j11_buf_add_byte(out, '.');
	if (jws->unencoded)
		j11_buf_add(out, jws->payload.data, jws->payload.len);
	else
		j11_b64url_add(out, j11_buf_view(&jws->payload));
}

static bool is_understood(struct jwk11_view name, const char *const *understood)
{
	if (j11_view_equals(name, "b64"))
		return true;
	for (; understood != NULL && *understood != NULL; understood++)
		if (j11_view_equals(name, *understood))
			return true;
	return false;
}

enum jwk11_rc j11_jws_understand(const struct jwk11_jws *jws, size_t i, const char *const *understood, const struct j11_alg **ret_alg,
	struct jwk11_err *err)
{
	const struct j11_jws_signature *s = &jws->signatures[i];
	const struct j11_alg *alg = j11_alg_find_str(s->alg);
	char name[48];

	if (alg == NULL)
		return j11_alg_unknown("JWS: ", err);
	for (const struct j11_json *one = s->crit ? s->crit->child : NULL; one != NULL; one = one->next) {
		if (is_understood(one->text, understood))
			continue;
		j11_text_printable(one->text, name, sizeof(name));
		j11_err_set(err, JWK11_ERR_UNSUPPORTED, J11_CODE_CRIT_UNKNOWN, "JWS: its header demands \"%s\", which is not understood", name);
		j11_err_hint(err, "jwk11 verify --understand %s, once what it means is taken care of", name);
		return JWK11_ERR_UNSUPPORTED;
	}
	*ret_alg = alg;
	return JWK11_OK;
}

/* RFC 8725 3.1: the caller says which algorithm, the header is only compared with it. */
static enum jwk11_rc check_alg(const struct j11_alg *found, const char *only, bool said, struct jwk11_err *err)
{
	if (j11_text_equal(found->name, only))
		return JWK11_OK;
	j11_err_set(err, JWK11_ERR_MISMATCH, J11_CODE_ALG_MISMATCH, "JWS: its algorithm is %s, only %s is accepted", found->name,
		j11_alg_find_str(only) ? only : "an unknown one");
	if (!said)
		j11_err_hint(err, "say that %s is expected if it is", found->name);
	return JWK11_ERR_MISMATCH;
}

enum jwk11_rc j11_jws_check_by(const struct jwk11_jws *jws, size_t i, const struct j11_jws_verifier *by, const char *const *understood,
	struct jwk11_err *err)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf input = J11_BUF(J11_JWS_MAX);
	const struct j11_alg *found = NULL;
	enum jwk11_rc rc = j11_jws_understand(jws, i, understood, &found, err);

	if (rc == JWK11_OK)
		rc = check_alg(found, by->alg, by->said, err);
	if (rc != JWK11_OK)
		return rc;
	j11_jws_add_input(jws, i, &input);
	rc = j11_buf_check(&input, "JWS signing input", err);
	return rc == JWK11_OK ? by->verify(by->arg, by->alg, j11_buf_view(&input), j11_buf_view(&jws->signatures[i].sig), err) : rc;
}

static enum jwk11_rc verify(const void *arg, const char *alg, struct jwk11_view input, struct jwk11_view sig, struct jwk11_err *err)
{
	return jwk11_pub_verify(arg, alg, JWK11_INPUT_MESSAGE, input, sig, err);
}

enum jwk11_rc jwk11_jws_check(const struct jwk11_jws *jws, size_t i, const struct jwk11_pub *pub, const char *alg,
	const char *const *understood, struct jwk11_err *err)
{
	struct j11_jws_verifier by = { .verify = verify, .arg = pub, .alg = alg, .said = alg != NULL };

	if (jws == NULL || pub == NULL || i >= jws->n)
		return j11_err_set(err, JWK11_ERR_ARGUMENT, J11_CODE_ARGUMENT, "JWS: no such signature, or no key");
	if (alg == NULL)
		by.alg = jwk11_pub_default_alg(pub);
	return j11_jws_check_by(jws, i, &by, understood, err);
}

/* RFC 7515 5.2: at least one must verify. */
static enum jwk11_rc check_any(const struct jwk11_jws *jws, const struct jwk11_pub *pub, const char *alg, struct jwk11_err *err)
{
	if (jws->n == 1)
		return jwk11_jws_check(jws, 0, pub, alg, NULL, err);
	for (size_t i = 0; i < jws->n; i++) {
		enum jwk11_rc rc = jwk11_jws_check(jws, i, pub, alg, NULL, NULL);

		if (rc == JWK11_OK)
			return rc;
		if (rc == JWK11_ERR_MEMORY)
			return j11_err_memory(err);
	}
	return j11_err_set(err, JWK11_ERR_SIGNATURE, J11_CODE_SIGNATURE_INVALID, "none of the %zu signatures verifies with this key", jws->n);
}

enum jwk11_rc jwk11_jws_verify(const struct jwk11_pub *pub, const char *alg, struct jwk11_view text, struct jwk11_buf *ret_payload,
	struct jwk11_err *err)
{
	J11_AUTO(jwk11_jws_free_auto) struct jwk11_jws *jws = NULL;
	enum jwk11_rc rc;

	if (pub == NULL)
		return j11_err_set(err, JWK11_ERR_ARGUMENT, J11_CODE_ARGUMENT, "JWS: no key");
	rc = jwk11_jws_read(text, NULL, &jws, err);
	if (rc == JWK11_OK)
		rc = check_any(jws, pub, alg, err);
	if (rc != JWK11_OK || ret_payload == NULL)
		return rc;
	j11_buf_add(ret_payload, jws->payload.data, jws->payload.len); /* all or nothing */
	return j11_buf_check(ret_payload, "payload", err);
}
