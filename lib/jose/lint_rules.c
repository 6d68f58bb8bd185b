/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of the linter: their words, how bad each is, where it is written, what to do. ERROR: an RFC says no, or readers in wide use fail.
 * WARN: some do. INFO: worth knowing. */
#include "lint.h"

#define E J11_LINT_ERROR
#define W J11_LINT_WARN
#define I J11_LINT_INFO
static const char drop_member[] = "leave the member out";
static const char write_anew[] = "write the octets as base64url without padding";

static const struct j11_lint_rule rules[J11_N_LINT_] = {
	[J11_LINT_JSON] = { "json", E, "RFC 8259", "give one JWK or JWK set in JSON" },
	[J11_LINT_JSON_BOM] = { "json-bom", E, "RFC 8259 8.1", "save it without a byte order mark" },
	[J11_LINT_JSON_UTF8] = { "json-utf8", E, "RFC 8259 8.1", "encode it in UTF-8" },
	[J11_LINT_JSON_TRAILING] = { "json-trailing", E, "RFC 8259 2", "end the text with the one value" },
	[J11_LINT_JSON_DUPLICATE] = { "json-duplicate", E, "RFC 7517 4", "keep one; readers disagree on which of two counts" },
	[J11_LINT_SET_SHAPE] = { "set-shape", E, "RFC 7517 5", "a set is an object whose member \"keys\" is an array of keys" },
	[J11_LINT_SET_EMPTY] = { "set-empty", W, "", "publish at least one key; many readers take an empty set for a failure" },
	[J11_LINT_SET_SIZE] = { "set-size", W, "", "drop retired keys and certificates, or use smaller keys: "
		"Nimbus reads 51,200 octets unless told otherwise" },
	[J11_LINT_SET_COUNT] = { "set-count", W, "", "drop retired keys: AWS stops at 100" },
	[J11_LINT_SET_MANY] = { "set-many", I, "", "FoxIDs and Oracle API Gateway read at most 10 keys" },
	[J11_LINT_SET_AKP] = { "set-akp", W, "RFC 9964", "publish it in a set of its own: go-jose, jwcrypto, joserfc, Authlib, ruby-jwt, "
		"fusionauth-jwt and JOSESwift have refused a whole set because of one such key" },
	[J11_LINT_SET_OKP] = { "set-okp", I, "RFC 8037", "readers that know neither OKP nor secp256k1 may refuse the whole set: "
		"node-jose 2.2, json-jwt 1.14 and ruby-jwt 2.5 do" },
	[J11_LINT_SET_USE] = { "set-use", W, "OIDC Discovery 3", "where keys for signatures and for encryption share a set, give each a \"use\"" },
	[J11_LINT_MEDIA_TYPE] = { "media-type", W, "RFC 7517 8.5", "serve application/json, or application/jwk-set+json to who asks for it" },
	[J11_LINT_KEY_TWICE] = { "key-twice", W, "", "list a key once, under one kid" },
	[J11_LINT_KEY_TWO_ALGS] = { "key-two-algs", E, "RFC 8725 3.1", "use a key with one algorithm, and make another key for the other" },
	[J11_LINT_MEMBER_MISSING] = { "member-missing", E, "RFC 7517 4", "add it" },
	[J11_LINT_MEMBER_TYPE] = { "member-type", E, "RFC 7517 4", "give it its registered type" },
	[J11_LINT_MEMBER_NULL] = { "member-null", E, "", drop_member },
	[J11_LINT_MEMBER_EMPTY] = { "member-empty", E, "", drop_member },
	[J11_LINT_MEMBER_CASE] = { "member-case", W, "RFC 7517 4", "names are case-sensitive: write the registered one" },
	[J11_LINT_PRIVATE] = { "private-member", E, "RFC 7517 9.2", "stop publishing it, make a new key and treat this one as known to everybody" },
	[J11_LINT_SYMMETRIC] = { "symmetric-key", E, "RFC 7517 9.2", "whoever reads it can sign: stop publishing it and make a new one" },
	[J11_LINT_KTY_CASE] = { "kty-case", E, "RFC 7517 4.1", "values are case-sensitive: write the registered one" },
	[J11_LINT_KTY_UNKNOWN] = { "kty-unknown", W, "RFC 7517 5", "readers should skip the key, some refuse the whole set" },
	[J11_LINT_B64_ALPHABET] = { "b64-alphabet", E, "RFC 7515 2", write_anew },
	[J11_LINT_B64_PADDING] = { "b64-padding", E, "RFC 7515 2", write_anew },
	[J11_LINT_B64_BLANKS] = { "b64-blanks", E, "RFC 7515 2", write_anew },
	[J11_LINT_B64_BITS] = { "b64-bits", E, "RFC 4648 3.5", write_anew },
	[J11_LINT_B64_INVALID] = { "b64-invalid", E, "RFC 7515 2", write_anew },
	[J11_LINT_NUMBER_TEXT] = { "number-text", E, "RFC 7518 2", "encode the octets of the number, not its digits" },
	[J11_LINT_RSA_ZERO] = { "rsa-leading-zero", E, "RFC 7518 6.3.1", "write the number in as few octets as it needs; AWS STS refuses a modulus of 257" },
	[J11_LINT_RSA_SMALL] = { "rsa-small", E, "RFC 7518 3.3", "use a key of 2048 bits or more" },
	[J11_LINT_RSA_LARGE] = { "rsa-large", E, "", "use a smaller key: readers on OpenSSL stop at 16384 bits" },
	[J11_LINT_RSA_EVEN] = { "rsa-even", E, "RFC 8017 3.1", "export the key again; no RSA modulus is even" },
	[J11_LINT_RSA_ROCA] = { "rsa-roca", E, "CVE-2017-15361", "make a new key, on another token or outside it" },
	[J11_LINT_RSA_EXPONENT] = { "rsa-exponent", E, "RFC 8017 3.1", "make a new key with the exponent 65537" },
	[J11_LINT_RSA_EXPONENT_LARGE] = { "rsa-exponent-large", W, "", "make a new key with the exponent 65537: Go refuses larger than 31 bits" },
	[J11_LINT_CRV_NAME] = { "crv-name", E, "RFC 7518 6.2.1.1", "write the registered name" },
	[J11_LINT_CRV_UNKNOWN] = { "crv-unknown", W, "RFC 7517 5", "readers should skip the key, some refuse the whole set" },
	[J11_LINT_CRV_KTY] = { "crv-kty", E, "RFC 8037 2", "P-curves and secp256k1 go with EC, Ed and X curves with OKP" },
	[J11_LINT_SECP256K1] = { "secp256k1", I, "RFC 8812", "many readers do not know it; jwcrypto, PyJWT and Authlib do" },
	[J11_LINT_EC_SHORT] = { "ec-short", E, "RFC 7518 6.2.1.2", "pad it on the left with zero octets to the full width" },
	[J11_LINT_EC_LONG] = { "ec-long", E, "RFC 7518 6.2.1.2", "write the coordinate in the width of its curve, without sign octet" },
	[J11_LINT_EC_POINT] = { "ec-point", E, "RFC 7518 6.2.1", "write the coordinates as \"x\" and \"y\"; a JWK has no compressed form" },
	[J11_LINT_EC_OFF_CURVE] = { "ec-off-curve", E, "RFC 7518 6.2.1", "export the key again; nobody can use this one" },
	[J11_LINT_OKP_DER] = { "okp-der", E, "RFC 8037 2", "give the raw octets of the key, without the DER around them" },
	[J11_LINT_OKP_LENGTH] = { "okp-length", E, "RFC 8037 2", "give the raw octets of the key" },
	[J11_LINT_OKP_POINT] = { "okp-point", E, "RFC 8032 5.1.3", "export the key again; this one is no key" },
	[J11_LINT_AKP_ALG] = { "akp-alg", E, "RFC 9964", "\"alg\" is required: ML-DSA-44, ML-DSA-65 or ML-DSA-87" },
	[J11_LINT_AKP_LENGTH] = { "akp-length", E, "RFC 9964", "give the raw public key of this algorithm" },
	[J11_LINT_USE_MISSING] = { "use-missing", W, "RFC 7517 4.2", "add \"use\":\"sig\" (or \"enc\"): some readers skip keys without it, "
		"older Keycloak among them" },
	[J11_LINT_USE_VALUE] = { "use-value", E, "RFC 7517 4.2", "write sig or enc" },
	[J11_LINT_USE_SVID] = { "use-svid", I, "", "only SPIFFE knows this use; others skip the key" },
	[J11_LINT_USE_CRV] = { "use-crv", E, "RFC 8037 3", "Ed curves and secp256k1 sign, X curves agree on keys" },
	[J11_LINT_OPS_DUPLICATE] = { "ops-duplicate", E, "RFC 7517 4.3", "name each operation once" },
	[J11_LINT_OPS_UNKNOWN] = { "ops-unknown", W, "RFC 7517 4.3", "write the registered word; case matters" },
	[J11_LINT_OPS_PRIVATE] = { "ops-private", E, "RFC 7517 4.3", "a public key can verify, encrypt and wrapKey" },
	[J11_LINT_OPS_MIXED] = { "ops-mixed", W, "RFC 7517 4.3", "one purpose for one key" },
	[J11_LINT_OPS_AND_USE] = { "ops-and-use", W, "RFC 7517 4.3", "leave \"key_ops\" out; AWS refuses keys that have it" },
	[J11_LINT_OPS_USE] = { "ops-use", E, "RFC 7517 4.3", "leave \"key_ops\" out, or say the same in both" },
	[J11_LINT_ALG_MISSING] = { "alg-missing", W, "RFC 7517 4.4", "name the one algorithm of the key: AppSync, Pulsar, BookStack and php-jwt demand it" },
	[J11_LINT_ALG_CASE] = { "alg-case", E, "RFC 7518 3.1", "names are case-sensitive: write the registered one" },
	[J11_LINT_ALG_COSE] = { "alg-cose", E, "RFC 9864", "in JOSE it is ES256, ES384 or ES512" },
	[J11_LINT_ALG_NONE] = { "alg-none", E, "RFC 8725 3.2", "name the algorithm the key signs with" },
	[J11_LINT_ALG_OLD] = { "alg-old", W, "RFC 8725 3.2", "use RSA-OAEP-256" },
	[J11_LINT_ALG_UNKNOWN] = { "alg-unknown", W, "RFC 7517 4.4", "write a registered name; readers skip the key" },
	[J11_LINT_ALG_KEY] = { "alg-key", E, "RFC 7518 3.1", "name an algorithm that fits the type and curve of the key" },
	[J11_LINT_ALG_USE] = { "alg-use", E, "RFC 7517 4.4", "let \"use\" or \"key_ops\" say what the algorithm is for" },
	[J11_LINT_ALG_EDDSA] = { "alg-eddsa", I, "RFC 9864", "the name is deprecated for Ed25519, and joserfc 1.7 refuses it unless told; "
		"jwcrypto 1.1, PyJWT 2.6 and Nimbus know no other" },
	[J11_LINT_ALG_ED25519] = { "alg-ed25519", I, "RFC 9864", "jwcrypto 1.1, PyJWT 2.6 and Nimbus know only EdDSA" },
	[J11_LINT_KID_MISSING] = { "kid-missing", E, "OIDC Core 10.1", "give each key of a set a kid: its RFC 7638 thumbprint" },
	[J11_LINT_KID_NONE] = { "kid-none", W, "RFC 7517 4.5", "give it a kid, its RFC 7638 thumbprint: AWS finds keys by kid only" },
	[J11_LINT_KID_LONG] = { "kid-long", W, "", "keep it below 256 octets: Kubernetes stops at 1024, jwk11 at 255" },
	[J11_LINT_KID_DUPLICATE] = { "kid-duplicate", E, "RFC 7517 4.5", "give each key its own kid, its RFC 7638 thumbprint: "
		"readers take the first, the last or none" },
	[J11_LINT_KID_THUMBPRINT] = { "kid-thumbprint", I, "RFC 7638", "a thumbprint is the same on every token and after every restart, "
		"and never used twice" },
	[J11_LINT_X5C_PEM] = { "x5c-pem", E, "RFC 7517 4.7", "give the base64 between the BEGIN and END lines, without line breaks" },
	[J11_LINT_X5C_BASE64] = { "x5c-base64", E, "RFC 7517 4.7", "certificates are in plain base64 with padding, unlike the other members" },
	[J11_LINT_X5C_BLANKS] = { "x5c-blanks", E, "RFC 7517 4.7", "write the base64 in one line" },
	[J11_LINT_X5C_DER] = { "x5c-der", E, "RFC 7517 4.7", "one X.509 certificate in DER for each element" },
	[J11_LINT_X5C_ORDER] = { "x5c-order", E, "RFC 7517 4.7", "put the certificate of this key first" },
	[J11_LINT_X5C_LEAF] = { "x5c-leaf", E, "RFC 7517 4.7", "put the certificate of this key first" },
	[J11_LINT_X5C_CHAIN] = { "x5c-chain", E, "RFC 7517 4.7", "each certificate must certify the one before it" },
	[J11_LINT_X5T_HEX] = { "x5t-hex", E, "RFC 7517 4.8", "encode the 20 or 32 octets of the digest, not their hexadecimal digits" },
	[J11_LINT_X5T_TWICE] = { "x5t-twice", E, "RFC 7517 4.9", "encode the digest once" },
	[J11_LINT_X5T_LENGTH] = { "x5t-length", E, "RFC 7517 4.8", "x5t is SHA-1 (20 octets), x5t#S256 is SHA-256 (32 octets) over the certificate" },
	[J11_LINT_X5T_DIGEST] = { "x5t-digest", E, "RFC 7517 4.8", "compute it over the DER of the first certificate of \"x5c\"" },
	[J11_LINT_X5U_HTTPS] = { "x5u-https", E, "RFC 7517 4.6", "use an https address" },
};

const struct j11_lint_rule *j11_lint_rule(enum j11_lint_id id)
{
	return &rules[id];
}
