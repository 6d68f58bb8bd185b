/* SPDX-License-Identifier: Apache-2.0 */
/* One table. A key does one algorithm, and whoever asks for another is told which. */
#include "front_transit_way.h"

#include <stdio.h>

#include "base/err.h"
#include "base/text.h"

static const struct front_transit_way ways[] = {
	{ "ES256", "ecdsa-p256", "P-256", "sha2-256", NULL, 32 },
	{ "ES384", "ecdsa-p384", "P-384", "sha2-384", NULL, 48 },
	{ "ES512", "ecdsa-p521", "P-521", "sha2-512", NULL, 64 },
	{ "RS256", NULL, NULL, "sha2-256", "pkcs1v15", 32 },
	{ "RS384", NULL, NULL, "sha2-384", "pkcs1v15", 48 },
	{ "RS512", NULL, NULL, "sha2-512", "pkcs1v15", 64 },
	{ "PS256", NULL, NULL, "sha2-256", "pss", 32 },
	{ "PS384", NULL, NULL, "sha2-384", "pss", 48 },
	{ "PS512", NULL, NULL, "sha2-512", "pss", 64 },
	{ "EdDSA", "ed25519", "ed25519", NULL, NULL, 0 },
	{ "Ed25519", "ed25519", "ed25519", NULL, NULL, 0 },
};

const struct front_transit_way *front_transit_way_of(const char *alg, const char *crv)
{
	for (size_t i = 0; i < J11_COUNT(ways); i++)
		if (j11_text_equal(ways[i].alg, alg) && (ways[i].hash_len > 0 || j11_text_equal(crv, "Ed25519")))
			return &ways[i];
	return NULL;
}

bool front_transit_way_is_ecdsa(const struct front_transit_way *way)
{
	return way->hash != NULL && way->scheme == NULL;
}

static enum jwk11_rc mismatch(struct jwk11_err *err, const char *key, const char *alg, const char *member, const char *does, struct jwk11_view asked,
	const char *usual)
{
	char room[64];

	j11_text_printable(asked, room, sizeof(room));
	return j11_err_set(err, JWK11_ERR_MISMATCH, J11_CODE_ALG_MISMATCH, "key \"%s\" does %s, with %s %s only, not %s%s", key, alg, member, does,
		asked.len > 0 ? room : usual, asked.len > 0 ? "" : ", which is meant when none is named");
}

/* cosign names no scheme when it verifies, and means that by which it signed. */
enum jwk11_rc front_transit_way_check(const struct front_transit_way *way, const struct front_transit_body *body, enum conf_op op, const char *path_hash,
	const char *key, struct jwk11_err *err)
{
	struct jwk11_view hash = path_hash[0] != '\0' ? j11_view_str(path_hash) : body->hash, scheme = body->scheme, salt = body->salt;
	const char *usual_hash = op == CONF_OP_VERIFY ? way->hash : "sha2-256", *usual_scheme = op == CONF_OP_VERIFY ? way->scheme : "pss";
	char len[8];

	if (way->hash == NULL)
		return body->prehashed ? j11_err_set(err, JWK11_ERR_MISMATCH, J11_CODE_ALG_MISMATCH, "key \"%s\" does %s: it signs whole messages and no digests",
			key, way->alg) : JWK11_OK;
	if (!j11_view_equals(hash.len > 0 ? hash : j11_view_str(usual_hash), way->hash))
		return mismatch(err, key, way->alg, "hash_algorithm", way->hash, hash, usual_hash);
	if (way->scheme == NULL)
		return JWK11_OK;
	if (!j11_view_equals(scheme.len > 0 ? scheme : j11_view_str(usual_scheme), way->scheme))
		return mismatch(err, key, way->alg, "signature_algorithm", way->scheme, scheme, usual_scheme);
	snprintf(len, sizeof(len), "%u", way->hash_len);
	if (j11_text_equal(way->scheme, "pss") && salt.len > 0 && !j11_view_equals(salt, "auto") && !j11_view_equals(salt, "hash") && !j11_view_equals(salt, len))
		return mismatch(err, key, way->alg, "salt_length", len, salt, "auto");
	return JWK11_OK;
}
