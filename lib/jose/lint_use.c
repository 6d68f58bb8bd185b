/* SPDX-License-Identifier: Apache-2.0 */
/* What a key says it is for: "use", "key_ops" and "alg", each by itself, against each other and against the key. */
#include "base/text.h"
#include "kma.h"
#include "lint_part.h"

enum { MAX_OPS = 32 };

/* The operations of RFC 7517 4.3; those of a pair go together. Whose private half does it. */
static const struct {
	const char *name;
	unsigned pair;
	bool private, signs;
} ops[] = {
	{ "sign", 0, true, true }, { "verify", 0, false, true }, { "encrypt", 1, false, false }, { "decrypt", 1, true, false },
	{ "wrapKey", 2, false, false }, { "unwrapKey", 2, true, false }, { "deriveKey", 3, false, false }, { "deriveBits", 3, false, false },
};

/* Algorithms that the tables of the library do not have: it does not do them, others do. `key` is a kty, or a curve. */
static const struct {
	const char *name, *key;
	bool signs;
} others[] = {
	{ "RSA1_5", "RSA", false }, { "RSA-OAEP-384", "RSA", false }, { "RSA-OAEP-512", "RSA", false },
	{ "A128KW", "oct", false }, { "A192KW", "oct", false }, { "A256KW", "oct", false }, { "A128GCMKW", "oct", false },
	{ "A192GCMKW", "oct", false }, { "A256GCMKW", "oct", false }, { "dir", "oct", false },
};

/* RFC 9864 registers these in COSE only. */
static const char *const cose_names[] = { "ESP256", "ESP384", "ESP512", "ESB256", "ESB320", "ESB384", "ESB512" };

/* What an algorithm is, wherever it is known. */
struct algorithm {
	const char *name; /* NULL: nobody knows it */
	bool signs, fits;
};

static bool is_kty(const struct j11_lint_key *key, const char *kty)
{
	return key->kty != NULL && j11_text_equal(key->kty, kty);
}

/* Whether a signature algorithm of the table and the key belong together. By the curve alone where there is one: that it is of another kty was
 * said. A curve that is not known does not count against it. */
static bool sig_fits(const struct j11_lint_key *key, const struct j11_alg *alg)
{
	if (key->curve != NULL)
		return alg->scheme == key->curve->scheme && (alg->crv == J11_CRV_NONE || alg->crv == key->curve->crv);
	return is_kty(key, j11_kty_name(alg->kty));
}

static bool enc_fits(const struct j11_lint_key *key, const struct j11_kma *kma)
{
	if (kma->way == J11_KMA_OAEP)
		return is_kty(key, "RSA");
	return key->curve != NULL ? key->curve->agrees : is_kty(key, "EC") || is_kty(key, "OKP");
}

/* A use that no algorithm of the curve serves. */
static bool is_impossible(const struct j11_lint_key *key)
{
	return key->curve != NULL && ((j11_view_equals(key->use, "sig") && key->curve->scheme == J11_SCHEME_NONE) ||
		(j11_view_equals(key->use, "enc") && !key->curve->agrees));
}

/* The i-th algorithm of all tables, one after the other; false past the end. */
static bool algorithm_at(const struct j11_lint_key *key, size_t i, struct algorithm *ret_alg)
{
	size_t n_sig = 0, n_enc = 0;

	while (j11_alg_at(n_sig) != NULL)
		n_sig++;
	while (j11_kma_at(n_enc) != NULL)
		n_enc++;
	if (i < n_sig)
		*ret_alg = (struct algorithm){ j11_alg_at(i)->name, true, sig_fits(key, j11_alg_at(i)) };
	else if (i < n_sig + n_enc)
		*ret_alg = (struct algorithm){ j11_kma_at(i - n_sig)->name, false, enc_fits(key, j11_kma_at(i - n_sig)) };
	else if (i - n_sig - n_enc < J11_COUNT(others))
		*ret_alg = (struct algorithm){ others[i - n_sig - n_enc].name, others[i - n_sig - n_enc].signs,
			is_kty(key, others[i - n_sig - n_enc].key) };
	else
		return false;
	return true;
}

/* By name, its case ignored. */
static struct algorithm find(const struct j11_lint_key *key)
{
	struct algorithm alg = { 0 };

	for (size_t i = 0; algorithm_at(key, i, &alg); i++)
		if (j11_lint_same_word(key->alg, alg.name))
			return alg;
	return (struct algorithm){ 0 };
}

/* A name nobody in JOSE has: of COSE, "none", or of nobody. */
static void report_unknown(struct j11_lint *lint, struct j11_lint_key *key)
{
	char shown[32];

	j11_text_printable(key->alg, shown, sizeof(shown));
	for (size_t i = 0; i < J11_COUNT(cose_names); i++)
		if (j11_lint_same_word(key->alg, cose_names[i])) {
			j11_lint_add(lint, key, J11_LINT_ALG_COSE, "alg", "\"%s\" is a name of COSE, not of JOSE", cose_names[i]);
			return;
		}
	if (j11_lint_same_word(key->alg, "none"))
		j11_lint_add(lint, key, J11_LINT_ALG_NONE, "alg", "\"none\" needs no key");
	else
		j11_lint_add(lint, key, J11_LINT_ALG_UNKNOWN, "alg", "\"%s\" is not known here", shown);
}

static void check_known(struct j11_lint *lint, struct j11_lint_key *key, const struct algorithm *alg)
{
	bool enc = j11_view_equals(key->use, "enc"), sig = j11_view_equals(key->use, "sig");
	char shown[32];

	j11_text_printable(key->alg, shown, sizeof(shown));
	if (!j11_view_equals(key->alg, alg->name))
		j11_lint_add(lint, key, J11_LINT_ALG_CASE, "alg", "the algorithm is called \"%s\", not \"%s\"", alg->name, shown);
	if (key->kty != NULL && !alg->fits)
		j11_lint_add(lint, key, J11_LINT_ALG_KEY, "alg", "%s is no algorithm of this %s key%s%s", alg->name, key->kty,
			key->curve != NULL ? " on " : "", key->curve != NULL ? key->curve->name : "");
	if (!is_impossible(key) && ((enc && alg->signs) || (sig && !alg->signs)))
		j11_lint_add(lint, key, J11_LINT_ALG_USE, "alg", "\"use\" is %s, and %s %s", enc ? "enc" : "sig", alg->name,
			alg->signs ? "signs" : "encrypts");
	if (j11_text_equal(alg->name, "RSA1_5"))
		j11_lint_add(lint, key, J11_LINT_ALG_OLD, "alg", "RSA1_5 is open to Bleichenbacher's attack and deprecated");
	if (j11_text_equal(alg->name, "EdDSA") && alg->fits)
		j11_lint_add(lint, key, J11_LINT_ALG_EDDSA, "alg", "the algorithm is called EdDSA");
	if ((j11_text_equal(alg->name, "Ed25519") || j11_text_equal(alg->name, "Ed448")) && alg->fits)
		j11_lint_add(lint, key, J11_LINT_ALG_ED25519, "alg", "the algorithm is called %s", alg->name);
}

static void check_alg(struct j11_lint *lint, struct j11_lint_key *key)
{
	struct algorithm alg = find(key);

	if (is_kty(key, "AKP") && !alg.fits)
		return; /* its "alg" belongs to the key and was judged with it */
	if (j11_json_get(key->jwk, "alg") == NULL)
		j11_lint_add(lint, key, J11_LINT_ALG_MISSING, "alg", "\"alg\" is missing");
	else if (key->alg.len > 0 && alg.name == NULL)
		report_unknown(lint, key);
	else if (key->alg.len > 0)
		check_known(lint, key, &alg);
}

/* "use" by itself. */
static void check_use(struct j11_lint *lint, struct j11_lint_key *key)
{
	char shown[32];

	j11_text_printable(key->use, shown, sizeof(shown));
	if (j11_json_get(key->jwk, "use") == NULL) {
		if (j11_json_get(key->jwk, "key_ops") == NULL)
			j11_lint_add(lint, key, J11_LINT_USE_MISSING, "use", "\"use\" is missing");
		return;
	}
	if (j11_view_equals(key->use, "jwt-svid") || j11_view_equals(key->use, "x509-svid"))
		j11_lint_add(lint, key, J11_LINT_USE_SVID, "use", "\"use\" is %s", shown);
	else if (key->use.len > 0 && !j11_view_equals(key->use, "sig") && !j11_view_equals(key->use, "enc"))
		j11_lint_add(lint, key, J11_LINT_USE_VALUE, "use", "\"use\" is \"%s\"", shown);
	if (is_impossible(key))
		j11_lint_add(lint, key, J11_LINT_USE_CRV, "use", "\"use\" is %s, which %s cannot do", shown, key->curve->name);
}

/* What "key_ops" names: bits over the table, and whether there is anything else to say. */
struct named {
	unsigned bits, pairs;
	bool unknown, signs, other;
};

static void count_op(struct named *named, struct jwk11_view op)
{
	for (size_t i = 0; i < J11_COUNT(ops); i++) {
		if (!j11_view_equals(op, ops[i].name))
			continue;
		named->bits |= 1u << i;
		named->pairs |= 1u << ops[i].pair;
		named->signs = named->signs || ops[i].signs;
		named->other = named->other || !ops[i].signs;
		return;
	}
	named->unknown = true;
}

static bool has_twice(const struct j11_json *array)
{
	size_t n = 0;

	for (const struct j11_json *a = array->child; a != NULL && n++ < MAX_OPS; a = a->next) {
		size_t m = n;

		for (const struct j11_json *b = a->next; b != NULL && m++ < MAX_OPS; b = b->next)
			if (a->type == J11_JSON_STRING && b->type == J11_JSON_STRING && j11_view_equal(a->text, b->text))
				return true;
	}
	return false;
}

static void report_ops(struct j11_lint *lint, struct j11_lint_key *key, const struct named *named)
{
	bool sig = j11_view_equals(key->use, "sig"), enc = j11_view_equals(key->use, "enc");

	for (size_t i = 0; i < J11_COUNT(ops); i++)
		if ((named->bits & 1u << i) != 0 && ops[i].private)
			j11_lint_add(lint, key, J11_LINT_OPS_PRIVATE, "key_ops", "\"%s\" is an operation of the private key", ops[i].name);
	if (named->unknown)
		j11_lint_add(lint, key, J11_LINT_OPS_UNKNOWN, "key_ops", "\"key_ops\" names an operation nobody has registered");
	if ((named->pairs & (named->pairs - 1)) != 0)
		j11_lint_add(lint, key, J11_LINT_OPS_MIXED, "key_ops", "\"key_ops\" mixes operations that have nothing to do with each other");
	if ((sig && named->other) || (enc && named->signs))
		j11_lint_add(lint, key, J11_LINT_OPS_USE, "key_ops", "\"use\" is %s, and \"key_ops\" says something else", sig ? "sig" : "enc");
	else if (j11_json_get(key->jwk, "use") != NULL)
		j11_lint_add(lint, key, J11_LINT_OPS_AND_USE, "key_ops", "\"use\" and \"key_ops\" are both there");
}

static void check_ops(struct j11_lint *lint, struct j11_lint_key *key)
{
	const struct j11_json *array = j11_json_get(key->jwk, "key_ops");
	struct algorithm alg = find(key);
	struct named named = { 0 };

	if (array == NULL || array->type != J11_JSON_ARRAY)
		return;
	if (has_twice(array))
		j11_lint_add(lint, key, J11_LINT_OPS_DUPLICATE, "key_ops", "\"key_ops\" names an operation twice");
	for (const struct j11_json *op = array->child; op != NULL; op = op->next)
		if (op->type == J11_JSON_STRING)
			count_op(&named, op->text);
	report_ops(lint, key, &named);
	if (alg.name != NULL && key->use.len == 0 && (alg.signs ? named.other && !named.signs : named.signs))
		j11_lint_add(lint, key, J11_LINT_ALG_USE, "alg", "%s %s, and \"key_ops\" says something else", alg.name, alg.signs ? "signs" : "encrypts");
}

void j11_lint_use(struct j11_lint *lint, struct j11_lint_key *key)
{
	check_use(lint, key);
	check_ops(lint, key);
	check_alg(lint, key);
}
