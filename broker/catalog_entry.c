/* SPDX-License-Identifier: Apache-2.0 */
/* One token or key of a catalogue: read from a worker's message, checked, freed, and what of it stays when its token goes away. */
#include "catalog_entry.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "form/profile.h"
#include "json/json_read.h"

struct text_row {
	enum wire_field field;
	size_t offset;
};
static const struct text_row token_rows[] = {
	{ WIRE_F_NAME, offsetof(struct catalog_token, name) },
	{ WIRE_F_STATE, offsetof(struct catalog_token, state) },
	{ WIRE_F_LABEL, offsetof(struct catalog_token, label) },
	{ WIRE_F_MANUFACTURER, offsetof(struct catalog_token, manufacturer) },
	{ WIRE_F_MODEL, offsetof(struct catalog_token, model) },
	{ WIRE_F_SERIAL, offsetof(struct catalog_token, serial) },
	{ WIRE_F_PIN, offsetof(struct catalog_token, pin) },
	{ WIRE_F_LIBRARY, offsetof(struct catalog_token, library) },
	{ WIRE_F_TEXT, offsetof(struct catalog_token, text) },
};
static const struct text_row key_rows[] = {
	{ WIRE_F_NAME, offsetof(struct catalog_key, name) },
	{ WIRE_F_STATE, offsetof(struct catalog_key, state) },
	{ WIRE_F_TOKEN, offsetof(struct catalog_key, token) },
	{ WIRE_F_TEXT, offsetof(struct catalog_key, text) },
	{ WIRE_F_KID, offsetof(struct catalog_key, kid) },
	{ WIRE_F_ALG, offsetof(struct catalog_key, alg) },
	{ WIRE_F_KTY, offsetof(struct catalog_key, kty) },
	{ WIRE_F_LABEL, offsetof(struct catalog_key, label) },
	{ WIRE_F_ID, offsetof(struct catalog_key, id) },
	{ WIRE_F_THUMBPRINT, offsetof(struct catalog_key, thumbprint) },
	{ WIRE_F_JWK, offsetof(struct catalog_key, jwk) },
	{ WIRE_F_PEM, offsetof(struct catalog_key, pem) },
	{ WIRE_F_X5C, offsetof(struct catalog_key, x5c) },
	{ WIRE_F_X5T, offsetof(struct catalog_key, x5t) },
	{ WIRE_F_NOTE, offsetof(struct catalog_key, note) },
	{ WIRE_F_COSE, offsetof(struct catalog_key, cose) },
};
/* What moves along when a public half is kept. */
static const size_t public_offsets[] = {
	offsetof(struct catalog_key, kid), offsetof(struct catalog_key, alg), offsetof(struct catalog_key, kty),
	offsetof(struct catalog_key, crv), offsetof(struct catalog_key, jwk), offsetof(struct catalog_key, pem),
	offsetof(struct catalog_key, id), offsetof(struct catalog_key, thumbprint),
	offsetof(struct catalog_key, x5c), offsetof(struct catalog_key, x5t), offsetof(struct catalog_key, note),
	offsetof(struct catalog_key, cose),
};

char **catalog_text_at(void *entry, size_t offset)
{
	return (char **)(void *)((char *)entry + offset);
}

static bool copy_texts(void *entry, const struct text_row *rows, size_t n_rows, const struct wire_msg *msg)
{
	for (size_t i = 0; i < n_rows; i++) {
		struct jwk11_view v = msg->field[rows[i].field];
		char *copy = j11_mem_dup_n(v.data != NULL ? v.data : "", v.data != NULL ? v.len : 0);

		if (copy == NULL)
			return false;
		*catalog_text_at(entry, rows[i].offset) = copy;
	}
	return true;
}

void catalog_token_free(struct catalog_token *token)
{
	if (token == NULL)
		return;
	for (size_t i = 0; i < J11_COUNT(token_rows); i++)
		j11_mem_free(*catalog_text_at(token, token_rows[i].offset));
	j11_mem_free(token);
}

void catalog_key_free(struct catalog_key *key)
{
	if (key == NULL)
		return;
	for (size_t i = 0; i < J11_COUNT(key_rows); i++)
		j11_mem_free(*catalog_text_at(key, key_rows[i].offset));
	j11_mem_free(key->crv);
	j11_mem_free(key->ident);
	j11_mem_free(key);
}

enum jwk11_rc catalog_token_read(const struct wire_msg *msg, struct catalog_token **ret_token, struct jwk11_err *err)
{
	struct catalog_token *token = j11_mem_new(sizeof(*token));

	if (token == NULL || !copy_texts(token, token_rows, J11_COUNT(token_rows), msg)) {
		catalog_token_free(token);
		return j11_err_memory(err);
	}
	*ret_token = token;
	return JWK11_OK;
}

/* A key whose style is none has no kid in its JWK, every other key its own. */
static bool carries_kid(const struct catalog_key *key, const struct j11_json *kid)
{
	if (key->kid[0] == '\0')
		return kid == NULL;
	return kid != NULL && kid->type == J11_JSON_STRING && j11_view_equals(kid->text, key->kid);
}

/* A public JWK of this kid, and nothing private in it: the set is world-readable. */
static enum jwk11_rc check_jwk(struct catalog_key *key, struct jwk11_err *err)
{
	J11_AUTO(j11_json_free_auto) struct j11_json_doc *doc = NULL;
	const struct j11_json *root, *kid, *crv;
	enum jwk11_rc rc = j11_json_read(j11_view_str(key->jwk), &j11_json_limits_default, "JWK of a worker", &doc, err);

	if (rc != JWK11_OK)
		return rc;
	root = j11_json_root(doc);
	kid = j11_json_get(root, "kid");
	crv = j11_json_get(root, "crv");
	if (root->type != J11_JSON_OBJECT || !carries_kid(key, kid))
		return j11_err_set(err, JWK11_ERR_SYNTAX, J11_CODE_JWK_INVALID, "JWK of a worker: it does not carry its kid");
	if (!j11_form_is_public(root))
		return j11_err_set(err, JWK11_ERR_SYNTAX, J11_CODE_JWK_INVALID, "JWK of a worker: it has a private member");
	if (crv != NULL && crv->type == J11_JSON_STRING) {
		char *copy = j11_mem_dup_n(crv->text.data, crv->text.len);

		if (copy == NULL)
			return j11_err_memory(err);
		j11_mem_free(key->crv);
		key->crv = copy;
	}
	return JWK11_OK;
}

/* Certificates reach clients as they are, so they must be nothing but base64. */
static enum jwk11_rc check_x5c(const struct catalog_key *key, struct jwk11_err *err)
{
	J11_AUTO(j11_json_free_auto) struct j11_json_doc *doc = NULL;
	enum jwk11_rc rc = j11_json_read(j11_view_str(key->x5c), &j11_json_limits_default, "certificates of a worker", &doc, err);

	if (rc == JWK11_OK && (!j11_form_is_x5c(j11_json_root(doc)) || strlen(key->x5t) != JWK11_THUMBPRINT_LEN))
		rc = j11_err_set(err, JWK11_ERR_SYNTAX, J11_CODE_CERT_INVALID, "certificates of a worker: not an array of base64 with its thumbprint");
	return rc;
}

static enum jwk11_rc fill_version(struct catalog_key *key, const struct wire_msg *msg, struct jwk11_err *err)
{
	char ident[WIRE_TOKEN_MAX + 24 + JWK11_THUMBPRINT_LEN + 1]; /* no name has a slash */
	uint64_t moment = 0, whole = 0;

	key->is_version = wire_num(msg, WIRE_F_MOMENT, &moment);
	key->is_whole = wire_num(msg, WIRE_F_WHOLE, &whole) && whole == 1;
	if (moment > J11_VERSION_MOMENT_MAX)
		return j11_err_set(err, JWK11_ERR_SYNTAX, J11_CODE_SYNTAX, "key of a worker: no such moment");
	key->moment = (int64_t)moment;
	key->until = INT64_MAX;
	snprintf(ident, sizeof(ident), "%.64s/%lld/%.*s", key->name, (long long)key->moment, JWK11_THUMBPRINT_LEN, key->thumbprint);
	key->ident = j11_mem_dup(key->is_version ? ident : key->name);
	return key->ident != NULL ? JWK11_OK : j11_err_memory(err);
}

static enum jwk11_rc fill_key(struct catalog_key *key, const struct wire_msg *msg, struct jwk11_err *err)
{
	enum jwk11_rc rc;

	if (!copy_texts(key, key_rows, J11_COUNT(key_rows), msg))
		return j11_err_memory(err);
	key->crv = j11_mem_dup("");
	if (key->crv == NULL)
		return j11_err_memory(err);
	if (!wire_num(msg, WIRE_F_BITS, &key->bits))
		key->bits = 0;
	if (!wire_num(msg, WIRE_F_HEALTH, &key->health))
		key->health = 0;
	rc = fill_version(key, msg, err);
	if (rc == JWK11_OK && key->x5c[0] != '\0')
		rc = check_x5c(key, err);
	if (rc != JWK11_OK)
		return rc;
	return key->jwk[0] != '\0' ? check_jwk(key, err) : JWK11_OK;
}

enum jwk11_rc catalog_key_read(const struct wire_msg *msg, struct catalog_key **ret_key, struct jwk11_err *err)
{
	struct catalog_key *key = j11_mem_new(sizeof(*key));
	enum jwk11_rc rc = key != NULL ? fill_key(key, msg, err) : j11_err_memory(err);

	if (rc != JWK11_OK)
		catalog_key_free(key);
	else
		*ret_key = key;
	return rc;
}

/* A kid that is another key's now, and a key that is refused as weak, are published no more. Of a secret key nothing is published: what it is
 * called is kept while nobody can look whether it is still there. */
static bool may_keep(const struct catalog_key *key, const struct catalog_key *before)
{
	if (catalog_key_is_secret(before))
		return j11_text_equal(key->state, "unavailable");
	return key->jwk[0] == '\0' && !j11_text_equal(key->state, "kid-taken") && !j11_text_equal(key->state, "weak");
}

void catalog_key_keep_public(struct catalog_key *to, struct catalog_key *from)
{
	if (!may_keep(to, from))
		return;
	for (size_t i = 0; i < J11_COUNT(public_offsets); i++) {
		char **a = catalog_text_at(to, public_offsets[i]), **b = catalog_text_at(from, public_offsets[i]);
		char *swap = *a;

		*a = *b;
		*b = swap;
	}
	to->bits = from->bits;
	if (to->health == 0)
		to->health = from->health;
}

bool catalog_key_is_fit(const struct catalog_key *key)
{
	return key->unreported || j11_text_equal(key->state, "active") || j11_text_equal(key->state, "unavailable");
}

const char *catalog_key_state(const struct catalog_key *key)
{
	if (key->unreported)
		return "unavailable";
	if (key->rival != NULL)
		return "ambiguous";
	return key->is_version && j11_text_equal(key->state, "active") ? j11_version_state_name(key->version_state) : key->state;
}

const char *catalog_key_text(const struct catalog_key *key)
{
	if (key->rival != NULL && !key->unreported)
		return "different keys match its uri in two modules";
	return key->unreported ? "its module does not report it any more" : key->text;
}

bool catalog_key_is_secret(const struct catalog_key *key)
{
	return j11_text_equal(key->kty, "oct");
}
