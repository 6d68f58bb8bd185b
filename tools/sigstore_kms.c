/* SPDX-License-Identifier: Apache-2.0 */
/* sigstore-kms-jwk11: what cosign and other programs of sigstore start for a key named jwk11://NAME. One method a call: arguments as JSON in argv[2], the
 * message on standard input, the answer as JSON on standard output, refusals in it as "errorMessage". The keys are the broker's. */
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ask.h"
#include "base/b64.h"
#include "base/err.h"
#include "base/text.h"
#include "jose/der.h"
#include "jose/pub.h"
#include "json/json_take.h"
#include "json/json_write.h"

#define PROTOCOL "v1"
#define WHOLE_MAX (96u * 1024u) /* octets of a message that is not hashed: more than any broker takes */

/* Go's numbers (crypto.Hash). */
enum { GO_SHA256 = 5, GO_SHA384, GO_SHA512 };

struct call {
	struct cmd_global g;
	struct jwk11_view method;
	const struct j11_json *args; /* of the method; NULL: none */
	struct jwk11_view key;       /* behind jwk11:// */
	char name[256];
	int64_t hash;
	struct jwk11_view version;   /* asked for; "": none */
	struct jwk11_view digest;    /* base64; "": there is a message instead */
	char alg_name[32];           /* the key's */
	const struct j11_alg *alg;
	struct j11_json_out *answer;
	struct jwk11_err *err;
};

static enum jwk11_rc refuse(struct call *c, enum j11_code code, const char *why)
{
	return j11_err_set(c->err, JWK11_ERR_MISMATCH, code, "key \"%s\" does %s: %s", c->name, c->alg_name, why);
}

/* ---- arguments; members that are not known are newer than this program, and left alone ---- */

static const struct j11_json *member(const struct j11_json *object, const char *name, enum j11_json_type type)
{
	const struct j11_json *value = j11_json_get(object, name);

	return value != NULL && value->type == type ? value : NULL;
}

static struct jwk11_view text_of(const struct j11_json *object, const char *name)
{
	const struct j11_json *value = member(object, name, J11_JSON_STRING);

	return value != NULL ? value->text : (struct jwk11_view){ .len = 0 };
}

static void read_hash(const struct j11_json *object, int64_t *hash)
{
	const struct j11_json *value = member(object, "hashFunc", J11_JSON_NUMBER);

	if (value != NULL && !j11_json_int(value, hash))
		*hash = -1;
}

/* The key's version, by the one or the other place. */
static void read_version(const struct j11_json *options, struct call *c)
{
	struct jwk11_view version = text_of(member(options, "rpcOptions", J11_JSON_OBJECT), "keyVersion");

	if (version.len > 0)
		c->version = version;
}

/* "initOptions", "methodName", and the method's own member with its options. */
static enum jwk11_rc read_call(const struct j11_json *root, struct call *c)
{
	static const char *const holders[] = { "publicKeyOptions", "signOptions", "verifyOptions" };
	const struct j11_json *init = member(root, "initOptions", J11_JSON_OBJECT);
	char method[40];

	c->method = text_of(root, "methodName");
	c->key = text_of(init, "keyResourceID");
	if (init == NULL || c->method.len == 0 || c->method.len >= sizeof(method) || c->key.len >= sizeof(c->name))
		return j11_err_set(c->err, JWK11_ERR_SYNTAX, J11_CODE_MEMBER_MISSING,
			"arguments: \"initOptions\", \"keyResourceID\" or \"methodName\" is missing or too long");
	memcpy(c->name, c->key.data, c->key.len);
	memcpy(method, c->method.data, c->method.len);
	method[c->method.len] = '\0';
	c->args = member(root, method, J11_JSON_OBJECT);
	read_hash(init, &c->hash);
	read_version(init, c);
	for (size_t i = 0; i < J11_COUNT(holders); i++) {
		const struct j11_json *options = member(c->args, holders[i], J11_JSON_OBJECT), *message = member(options, "messageOptions", J11_JSON_OBJECT);

		read_version(options, c);
		read_hash(message, &c->hash);
		if (text_of(message, "digest").len > 0)
			c->digest = text_of(message, "digest");
	}
	return JWK11_OK;
}

/* ---- the key ---- */

/* Algorithms of signatures that sigstore verifies. RSA by PKCS #1 v1.5, and of the curves that its Go library has. */
static const char *const names[] = { "ES256", "ES384", "ES512", "RS256", "RS384", "RS512", "EdDSA" };

static bool is_taken(struct jwk11_view alg, struct jwk11_view crv)
{
	if (j11_view_equals(alg, "Ed25519"))
		return true;
	for (size_t i = 0; i < J11_COUNT(names); i++)
		if (j11_view_equals(alg, names[i]))
			return !j11_view_equals(crv, "Ed448");
	return false;
}

/* What it does, and whether sigstore takes that. */
static enum jwk11_rc look_at_key(struct call *c)
{
	J11_AUTO(ask_done_auto) struct ask_answer answer = { 0 };
	J11_AUTO(j11_json_free_auto) struct j11_json_doc *doc = NULL;
	struct jwk11_view alg;
	enum jwk11_rc rc;

	if (c->key.len == 0)
		return j11_err_set(c->err, JWK11_ERR_ARGUMENT, J11_CODE_ARGUMENT, "no key is named: jwk11://NAME, with a name or a kid");
	if (c->version.len > 0 && !j11_view_equals(c->version, "0"))
		return j11_err_set(c->err, JWK11_ERR_ARGUMENT, J11_CODE_ARGUMENT, "a version is chosen by its kid, jwk11://KID, and not by keyVersion");
	rc = ask_key(&c->g, c->name, "", NULL, NULL, &answer, c->err);
	if (rc == JWK11_OK)
		rc = j11_json_read(j11_buf_view(&answer.body), NULL, "answer", &doc, c->err);
	if (rc != JWK11_OK)
		return rc;
	alg = text_of(j11_json_root(doc), "alg");
	j11_text_printable(alg, c->alg_name, sizeof(c->alg_name));
	c->alg = j11_alg_find(alg);
	if (c->alg == NULL)
		return j11_err_set(c->err, JWK11_ERR_NOT_FOUND, J11_CODE_KEY_UNAVAILABLE, "key \"%s\" does not sign now", c->name);
	if (!is_taken(alg, text_of(j11_json_root(doc), "crv")))
		return refuse(c, J11_CODE_ALG_MISMATCH, "sigstore takes ES256, ES384, ES512, RS256, RS384, RS512, and EdDSA with Ed25519");
	return JWK11_OK;
}

static enum jwk11_rc fetch_pem(struct call *c, struct jwk11_buf *out)
{
	J11_AUTO(ask_done_auto) struct ask_answer answer = { 0 };
	enum jwk11_rc rc = ask_key(&c->g, c->name, "", "application/x-pem-file", NULL, &answer, c->err);

	if (rc == JWK11_OK)
		j11_buf_add(out, answer.body.data, answer.body.len);
	return rc;
}

/* ---- the message ---- */

static enum jwk11_rc hash_input(struct call *c, struct jwk11_buf *out)
{
	EVP_MD *md = EVP_MD_fetch(NULL, j11_hash_name(c->alg->hash), NULL);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned char chunk[65536], digest[J11_HASH_MAX];
	bool good = md != NULL && ctx != NULL && EVP_DigestInit_ex2(ctx, md, NULL) == 1;
	size_t n;

	while (good && (n = fread(chunk, 1, sizeof(chunk), stdin)) > 0)
		good = EVP_DigestUpdate(ctx, chunk, n) == 1;
	good = good && EVP_DigestFinal_ex(ctx, digest, NULL) == 1;
	EVP_MD_CTX_free(ctx);
	EVP_MD_free(md);
	if (!good || ferror(stdin))
		return j11_err_set(c->err, JWK11_ERR_INTERNAL, J11_CODE_FILE_FAILED, "the message cannot be read and hashed");
	j11_buf_add(out, digest, j11_hash_len(c->alg->hash));
	return j11_buf_check(out, "digest", c->err);
}

/* The digest that is signed, or for Ed25519 the message: sigstore ignores the hash there too. */
static enum jwk11_rc read_message(struct call *c, struct jwk11_buf *out)
{
	static const int64_t numbers[J11_N_HASH_] = { [J11_HASH_SHA256] = GO_SHA256, [J11_HASH_SHA384] = GO_SHA384, [J11_HASH_SHA512] = GO_SHA512 };
	char why[96];

	if (!j11_alg_takes_digests(c->alg))
		return c->digest.len > 0 ? refuse(c, J11_CODE_ALG_MISMATCH, "it signs whole messages and no digests") : cmd_read_input(NULL, WHOLE_MAX, out, c->err);
	if (c->hash != numbers[c->alg->hash]) {
		snprintf(why, sizeof(why), "with %s, not with the hash that is asked for (number %lld)", j11_hash_name(c->alg->hash), (long long)c->hash);
		return refuse(c, J11_CODE_ALG_MISMATCH, why);
	}
	return c->digest.len > 0 ? j11_b64_decode(c->digest, "\"digest\"", out, c->err) : hash_input(c, out);
}

/* ---- methods ---- */

static void add_base64(struct call *c, const char *name, struct jwk11_view octets)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf text = J11_BUF(ASK_MAX);

	j11_b64_add(&text, octets, 0);
	j11_json_view(c->answer, name, j11_buf_view(&text));
}

static enum jwk11_rc default_algorithm(struct call *c)
{
	j11_json_str(c->answer, "defaultAlgorithm", "ES256");
	return JWK11_OK;
}

static enum jwk11_rc supported_algorithms(struct call *c)
{
	j11_json_open(c->answer, "supportedAlgorithms", '[');
	for (size_t i = 0; i < J11_COUNT(names); i++)
		j11_json_str(c->answer, NULL, names[i]);
	j11_json_close(c->answer);
	return JWK11_OK;
}

static enum jwk11_rc create_key(struct call *c)
{
	j11_err_set(c->err, JWK11_ERR_UNSUPPORTED, J11_CODE_UNSUPPORTED, "keys are made on their token by its administrator, and not this way");
	j11_err_hint(c->err, "jwk11 keygen NAME, then jwk11://NAME");
	return JWK11_ERR_UNSUPPORTED;
}

static enum jwk11_rc public_key(struct call *c)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf pem = J11_BUF(65536);
	enum jwk11_rc rc = look_at_key(c);

	if (rc == JWK11_OK)
		rc = fetch_pem(c, &pem);
	if (rc == JWK11_OK)
		add_base64(c, "publicKeyPEM", j11_buf_view(&pem));
	return rc;
}

/* The broker's answer to POST sign: its signature, for ECDSA in DER. */
static enum jwk11_rc ask_signature(struct call *c, struct jwk11_view message, struct jwk11_buf *out)
{
	J11_AUTO(ask_done_auto) struct ask_answer answer = { 0 };
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf body = J11_BUF(ASK_MAX), text = J11_BUF(ASK_MAX);
	J11_AUTO(j11_json_free_auto) struct j11_json_doc *doc = NULL;
	struct j11_json_out o = J11_JSON_OUT(&body);
	enum jwk11_rc rc;

	j11_b64url_add(&text, message);
	j11_json_open(&o, NULL, '{');
	j11_json_str(&o, "alg", c->alg_name);
	j11_json_view(&o, j11_alg_takes_digests(c->alg) ? "digest" : "input", j11_buf_view(&text));
	if (c->alg->scheme == J11_SCHEME_ECDSA)
		j11_json_str(&o, "encoding", "der");
	j11_json_close(&o);
	rc = j11_buf_check(&body, "request", c->err);
	if (rc == JWK11_OK)
		rc = ask_key(&c->g, c->name, "/sign", NULL, &body, &answer, c->err);
	if (rc == JWK11_OK)
		rc = j11_json_read(j11_buf_view(&answer.body), NULL, "answer", &doc, c->err);
	return rc == JWK11_OK ? j11_b64url_decode(text_of(j11_json_root(doc), "signature"), "signature", out, c->err) : rc;
}

static enum jwk11_rc sign_message(struct call *c)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf message = J11_BUF(WHOLE_MAX), sig = J11_BUF(J11_SIG_MAX);
	enum jwk11_rc rc = look_at_key(c);

	if (rc == JWK11_OK)
		rc = read_message(c, &message);
	if (rc == JWK11_OK)
		rc = ask_signature(c, j11_buf_view(&message), &sig);
	if (rc == JWK11_OK)
		add_base64(c, "signature", j11_buf_view(&sig));
	return rc;
}

static enum jwk11_rc check(struct call *c, const struct jwk11_pub *pub, struct jwk11_view message, struct jwk11_view sig)
{
	unsigned char raw[J11_DER_ECDSA_MAX];

	if (c->alg->scheme == J11_SCHEME_ECDSA) {
		size_t coord_len = pub->curve != NULL ? pub->curve->coord_len : 0;

		if (coord_len == 0 || !j11_der_to_raw(sig, coord_len, raw))
			return j11_err_set(c->err, JWK11_ERR_SIGNATURE, J11_CODE_SIGNATURE_INVALID, "the signature is not the DER of an ECDSA signature");
		sig = (struct jwk11_view){ .data = raw, .len = 2 * coord_len };
	}
	return jwk11_pub_verify(pub, c->alg_name, j11_alg_takes_digests(c->alg) ? JWK11_INPUT_DIGEST : JWK11_INPUT_MESSAGE, message, sig, c->err);
}

/* Here, with the public half: no token is needed. */
static enum jwk11_rc verify_signature(struct call *c)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf pem = J11_BUF(65536), message = J11_BUF(WHOLE_MAX), sig = J11_BUF(65536);
	struct jwk11_pub *pub = NULL;
	enum jwk11_rc rc = look_at_key(c);

	if (rc == JWK11_OK)
		rc = fetch_pem(c, &pem);
	if (rc == JWK11_OK)
		rc = jwk11_pub_from_pem(j11_buf_view(&pem), &pub, c->err);
	if (rc == JWK11_OK)
		rc = j11_b64_decode(text_of(c->args, "signature"), "\"signature\"", &sig, c->err);
	if (rc == JWK11_OK)
		rc = read_message(c, &message);
	if (rc == JWK11_OK)
		rc = check(c, pub, j11_buf_view(&message), j11_buf_view(&sig));
	jwk11_pub_unref(pub);
	return rc;
}

/* The answer has a member of the method's name with the method's own members in it. */
static const struct {
	const char *name;
	enum jwk11_rc (*run)(struct call *c);
} methods[] = {
	{ "defaultAlgorithm", default_algorithm },
	{ "supportedAlgorithms", supported_algorithms },
	{ "createKey", create_key },
	{ "publicKey", public_key },
	{ "signMessage", sign_message },
	{ "verifySignature", verify_signature },
};

static enum jwk11_rc run(struct call *c, const char *version, const char *arguments)
{
	J11_AUTO(j11_json_free_auto) struct j11_json_doc *doc = NULL;
	char room[48];
	enum jwk11_rc rc;

	if (!j11_text_equal(version, PROTOCOL)) {
		j11_text_printable(j11_view_str(version), room, sizeof(room));
		return j11_err_set(c->err, JWK11_ERR_UNSUPPORTED, J11_CODE_UNSUPPORTED, "this program speaks " PROTOCOL " of the plugin protocol, not %s", room);
	}
	rc = j11_json_read(j11_view_str(arguments), NULL, "arguments", &doc, c->err);
	if (rc == JWK11_OK)
		rc = read_call(j11_json_root(doc), c);
	if (rc != JWK11_OK)
		return rc;
	for (size_t i = 0; i < J11_COUNT(methods); i++) {
		if (!j11_view_equals(c->method, methods[i].name))
			continue;
		j11_json_open(c->answer, methods[i].name, '{');
		rc = methods[i].run(c);
		j11_json_close(c->answer);
		return rc;
	}
	j11_text_printable(c->method, room, sizeof(room));
	return j11_err_set(c->err, JWK11_ERR_UNSUPPORTED, J11_CODE_UNSUPPORTED, "no method \"%s\"", room);
}

static void write_error(const struct jwk11_err *err, struct jwk11_buf *out)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf text = J11_BUF(4 * JWK11_TEXT_MAX);
	struct j11_json_out o = J11_JSON_OUT(out);

	j11_buf_add_fmt(&text, "%s: %s", err->code[0] != '\0' ? err->code : "INTERNAL", err->text);
	if (err->hint[0] != '\0')
		j11_buf_add_fmt(&text, "; %s", err->hint);
	jwk11_buf_reset(out);
	j11_json_open(&o, NULL, '{');
	j11_json_view(&o, "errorMessage", j11_buf_view(&text));
	j11_json_close(&o);
}

int main(int argc, char **argv)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf out = J11_BUF(ASK_MAX);
	struct j11_json_out o = J11_JSON_OUT(&out);
	struct jwk11_err err = { .rc = JWK11_OK };
	const char *socket = getenv("JWK11_SOCKET");
	struct call c = { .g = { .socket = socket != NULL ? socket : "/run/jwk11d/api.sock" }, .answer = &o, .err = &err };
	enum jwk11_rc rc;

	if (argc != 3) {
		fputs("usage: sigstore-kms-jwk11 " PROTOCOL " JSON <MESSAGE\n"
			"Cosign starts it for a key named jwk11://NAME; JWK11_SOCKET names the broker's socket.\n", stderr);
		return CMD_USAGE;
	}
	j11_json_open(&o, NULL, '{');
	rc = run(&c, argv[1], argv[2]);
	j11_json_close(&o);
	if (rc == JWK11_OK)
		rc = j11_buf_check(&out, "answer", &err);
	if (rc != JWK11_OK)
		write_error(&err, &out);
	if (cmd_write_output(NULL, j11_buf_view(&out), true, &err) != JWK11_OK)
		return cmd_fail(&err);
	return rc == JWK11_OK ? CMD_OK : CMD_NEGATIVE;
}
