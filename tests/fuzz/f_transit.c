/* SPDX-License-Identifier: Apache-2.0 */
/* Any octets as the body of sign or verify of Vault's transit API, against everything a key can do. What is held: no crash; a refusal has its reason; a
 * second reading says the same; nothing is signed in another way than was asked for, or than Vault means when nothing was; who may sign so may verify so. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "form/version.h"
#include "front_transit_way.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct {
	const char *alg, *crv;
} keys[] = {
	{ "ES256", "P-256" }, { "ES384", "P-384" }, { "ES512", "P-521" }, { "RS256", "" }, { "RS384", "" }, { "RS512", "" }, { "PS256", "" }, { "PS384", "" },
	{ "PS512", "" }, { "EdDSA", "Ed25519" }, { "Ed25519", "Ed25519" },
};
static const char *const path_hashes[] = { "", "sha2-256", "sha2-384", "none" };

static void must(bool held)
{
	if (!held)
		abort();
}

static bool is_one_of(struct jwk11_view text, const char *only)
{
	return text.len == 0 || j11_view_equals(text, only);
}

static bool passes(const struct front_transit_way *way, const struct front_transit_body *body, enum conf_op op, const char *path_hash)
{
	struct jwk11_err err = { .rc = JWK11_OK };
	enum jwk11_rc rc = front_transit_way_check(way, body, op, path_hash, "k", &err);

	must(rc == err.rc && (rc == JWK11_OK) == (err.text[0] == '\0'));
	return rc == JWK11_OK;
}

/* What was asked for is what the key does. */
static void check_passed(const struct front_transit_way *way, const struct front_transit_body *body, enum conf_op op, const char *path_hash)
{
	bool hash_named = path_hash[0] != '\0' || body->hash.len > 0;

	if (way->hash == NULL) {
		must(!body->prehashed);
		return;
	}
	must(path_hash[0] != '\0' ? j11_text_equal(path_hash, way->hash) : is_one_of(body->hash, way->hash));
	must(way->scheme == NULL || is_one_of(body->scheme, way->scheme));
	if (op == CONF_OP_SIGN)
		must((hash_named || j11_text_equal(way->hash, "sha2-256")) && (way->scheme == NULL || body->scheme.len > 0 || j11_text_equal(way->scheme, "pss")));
}

static void check_ways(const struct front_transit_body *body)
{
	for (size_t i = 0; i < J11_COUNT(keys); i++) {
		const struct front_transit_way *way = front_transit_way_of(keys[i].alg, keys[i].crv);

		must(way != NULL && j11_text_equal(way->alg, keys[i].alg));
		for (size_t h = 0; h < J11_COUNT(path_hashes); h++) {
			bool sign = passes(way, body, CONF_OP_SIGN, path_hashes[h]), verify = passes(way, body, CONF_OP_VERIFY, path_hashes[h]);

			must(verify || !sign);
			if (sign)
				check_passed(way, body, CONF_OP_SIGN, path_hashes[h]);
			if (verify)
				check_passed(way, body, CONF_OP_VERIFY, path_hashes[h]);
		}
	}
}

static void check_body(const struct j11_json *root, enum conf_op op)
{
	struct jwk11_err err = { .rc = JWK11_OK };
	struct front_transit_body body, again;
	enum jwk11_rc rc = front_transit_body_read(root, op, "k", &body, &err);

	must(rc == err.rc && (rc == JWK11_OK) == (err.text[0] == '\0'));
	must(front_transit_body_read(root, op, "k", &again, NULL) == rc);
	if (rc != JWK11_OK)
		return;
	must(body.input.data != NULL && body.version >= 0 && (uint64_t)body.version <= J11_VERSION_MOMENT_MAX);
	must(again.version == body.version && again.prehashed == body.prehashed && again.jws == body.jws && j11_view_equal(again.input, body.input));
	must(op == CONF_OP_VERIFY ? body.named && body.signature.data != NULL : body.named || body.version == 0);
	check_ways(&body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct jwk11_view input = { .data = size > 0 ? (const void *)data : "", .len = size };
	struct j11_json_doc *doc = NULL;

	if (j11_json_read(input, NULL, "request body", &doc, NULL) != JWK11_OK)
		return 0;
	check_body(j11_json_root(doc), CONF_OP_SIGN);
	check_body(j11_json_root(doc), CONF_OP_VERIFY);
	j11_json_free(doc);
	return 0;
}
