/* SPDX-License-Identifier: Apache-2.0 */
/* A worker's answers while the module does what the bytes say. The first part of the input becomes a script for the mock module (attributes that
 * lie, calls that fail, answers that are damaged) and a configuration, the rest requests. Whatever it does: every answer is a whole message to that
 * request with a code that is known and a text that can be printed, no signature leaves that the key's public half does not verify, no plaintext that
 * was not the sender's, the PIN is in no message, and no session and no agreed secret is left open behind. Left out of what a script can say: delay,
 * hang, abort and segv, which would end or stop this process and have tests of their own (tests/it/faults.py), and a PIN pad, whose login waits for
 * a person in a thread of its own. */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../mock/counts.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "jose/der.h"
#include "jose/jws.h"
#include "jose/pub.h"
#include "log.h"
#include "work_break.h"
#include "work_ops.h"
#include "work_peer.h"
#include "work_tell.h"
#include "work_version.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PIN "gehe1mn1s"
#define PLAINTEXT "attack at dawn"
/* A count that lies must not make us ask for ever; an input that does no harm makes some hundred calls. */
enum { CALLS_MAX = 20000 };
#define PICK(in, table) table[take(in) % (sizeof(table) / sizeof((table)[0]))]

/* Nobody reads the log of a million starts. */
void log_open(const char *process, enum log_level level)
{
	(void)process;
	(void)level;
}

void log_event(enum log_level level, const char *event, ...)
{
	(void)level;
	(void)event;
}

const char *log_num(char room[24], long long n)
{
	snprintf(room, 24, "%lld", n);
	return room;
}

/* A line, so that the report names it. */
#define must(held) ((held) ? (void)0 : broken(__LINE__))
static void broken(int line)
{
	fprintf(stderr, "f_worker.c:%d does not hold\n", line);
	abort();
}

/* ---- the bytes ---- */

struct input {
	const uint8_t *p;
	size_t left;
};

static unsigned take(struct input *in)
{
	if (in->left == 0)
		return 0;
	in->left--;
	return *in->p++;
}

static struct jwk11_view take_some(struct input *in, size_t most)
{
	size_t len = take(in) % (most + 1);
	struct jwk11_view some = { .data = in->p, .len = len < in->left ? len : in->left };

	in->p += some.len;
	in->left -= some.len;
	return some;
}

/* ---- the module's script ---- */

/* The keys there can be. */
static const struct key_row {
	const char *name, *type, *right; /* the private half's, where the mock's is to sign */
	const char *algs[2];             /* NULL: the key's own */
} rows[] = {
	{ "k", "p256", NULL, { NULL, "ES256" } },
	{ "l", "p256", NULL, { NULL, NULL } },
	{ "r", "rsa2048", NULL, { "PS256", "RS256" } },
	{ "e", "ed25519", NULL, { NULL, NULL } },
	{ "h", "hmac", NULL, { "HS256", "HS384" } },
	{ "x", "x25519", "CKA_DERIVE", { NULL, "ECDH-ES+A128KW" } },
	{ "f", "p256", "CKA_DERIVE", { NULL, "ECDH-ES+A256KW" } },
	{ "o", "rsa2048", "CKA_DECRYPT", { "RSA-OAEP-256", "RSA-OAEP" } },
};

/* What is set up once, and what the input in hand says. */
static struct {
	char folder[32]; /* of keys and PIN */
	int script;      /* memory files */
	struct mock_count *counts;
	int client[2], catalog[2];
} world = { .folder = "" };
static struct trial {
	unsigned which;        /* bits of `rows` */
	bool closes, destroys; /* the script leaves C_CloseSession and C_DestroyObject alone */
	bool tells_pin;        /* the input holds the PIN and may get it back */
	struct jwk11_buf jws, input, sig; /* what was signed last */
} trial;

static bool has_key(size_t i)
{
	return trial.which >> i & 1;
}

static void add_hex(struct jwk11_buf *out, struct jwk11_view octets)
{
	j11_buf_add_str(out, "hex:");
	for (size_t i = 0; i < octets.len; i++)
		j11_buf_add_fmt(out, "%02x", ((const uint8_t *)octets.data)[i]);
	j11_buf_add_str(out, "\n");
}

static void write_attribute(struct input *in, const char *type, struct jwk11_buf *out)
{
	static const char *const any[] = { "CKA_ID", "CKA_LABEL", "CKA_SIGN", "CKA_PRIVATE", "CKA_KEY_TYPE", "CKA_ALWAYS_AUTHENTICATE", "CKA_SENSITIVE",
		"CKA_EXTRACTABLE", "CKA_ALLOWED_MECHANISMS", "CKA_EC_POINT", "CKA_EC_PARAMS", "CKA_MODULUS", "CKA_PUBLIC_EXPONENT", "CKA_MODULUS_BITS",
		"CKA_VALUE", "CKA_CLASS", "CKA_TOKEN", "CKA_DECRYPT", "CKA_DERIVE", "CKA_VERIFY", "CKA_PUBLIC_KEY_INFO", "CKA_VALUE_LEN", "CKA_CHECK_VALUE",
		"CKA_NEVER_EXTRACTABLE", "CKA_UNWRAP", "CKA_WRAP" };
	static const char *const values[] = { "true", "false", "empty", "absent", "sensitive", "no-info", "claims:100000", "claims:1", "size:5", "size:9000",
		"number:3", "number:0", "text:k", "mechanisms:CKM_ECDSA", "mechanisms:CKM_RSA_PKCS,CKM_RSA_PKCS_PSS", "number:64", "claims:64" };
	static const char *const points[] = { "CKA_EC_POINT point:raw", "CKA_EC_POINT point:octet", "CKA_EC_POINT point:bit", "CKA_EC_POINT point:xy",
		"CKA_EC_POINT point:compressed", "CKA_EC_POINT point:compressed-octet", "CKA_EC_PARAMS params:name", "CKA_EC_PARAMS params:explicit",
		"CKA_PUBLIC_KEY_INFO spki", "CKA_VALUE certificate" };
	static const char *const numbers[] = { "CKA_MODULUS modulus:1", "CKA_MODULUS modulus:9", "CKA_PUBLIC_EXPONENT exponent:2",
		"CKA_PUBLIC_KEY_INFO spki" };
	unsigned how = take(in) % 4;
	struct jwk11_view octets;

	if (how == 0 && j11_text_equal(type, "p256")) {
		j11_buf_add_fmt(out, "attr %s\n", PICK(in, points));
	} else if (how == 0 && j11_text_equal(type, "rsa2048")) {
		j11_buf_add_fmt(out, "attr %s\n", PICK(in, numbers));
	} else if (how == 1) {
		j11_buf_add_fmt(out, "attr %s ", PICK(in, any));
		octets = take_some(in, 80);
		if (octets.len > 0)
			add_hex(out, octets);
		else
			j11_buf_add_str(out, "empty\n");
	} else {
		j11_buf_add_fmt(out, "attr %s ", PICK(in, any));
		j11_buf_add_fmt(out, "%s\n", PICK(in, values));
	}
}

/* Most is as it should be, or nothing would get far. */
static void write_objects(struct input *in, const struct key_row *row, struct jwk11_buf *out)
{
	bool pair = !j11_text_equal(row->type, "hmac");
	unsigned bits = take(in);

	j11_buf_add_fmt(out, "%s %s\n", pair ? "private" : "secret", row->name);
	if (row->right != NULL)
		j11_buf_add_fmt(out, "attr CKA_SIGN false\nattr %s true\n", row->right);
	for (unsigned n = bits >= 0xc0 ? bits % 4 : 0; n > 0; n--)
		write_attribute(in, row->type, out);
	if (!pair)
		return;
	if (bits % 8 != 7) {
		j11_buf_add_fmt(out, "public %s\n", row->name);
		for (unsigned n = bits % 64 >= 48 ? bits % 4 : 0; n > 0; n--)
			write_attribute(in, row->type, out);
	}
	if (bits % 16 == 9 && row->right == NULL) {
		j11_buf_add_fmt(out, "certificate %s\n", row->name);
		for (unsigned n = bits / 16 % 2; n > 0; n--)
			write_attribute(in, row->type, out);
	}
}

/* What a module can answer, not how long it takes, nor that it ends. */
static void write_fault(struct input *in, struct jwk11_buf *out)
{
	static const char *const functions[] = { "any", "C_GetSlotList", "C_GetSlotInfo", "C_GetTokenInfo", "C_GetMechanismList", "C_GetMechanismInfo",
		"C_OpenSession", "C_CloseSession", "C_GetSessionInfo", "C_Login", "C_FindObjectsInit", "C_FindObjects", "C_FindObjectsFinal", "C_GetAttributeValue",
		"C_SignInit", "C_Sign", "C_DecryptInit", "C_Decrypt", "C_DeriveKey", "C_VerifyInit", "C_Verify", "C_DestroyObject", "C_GetInfo", "C_Finalize" };
	static const char *const answers[] = { "CKR_DEVICE_ERROR", "CKR_DEVICE_REMOVED", "CKR_GENERAL_ERROR", "CKR_SESSION_HANDLE_INVALID", "CKR_USER_NOT_LOGGED_IN",
		"CKR_KEY_HANDLE_INVALID", "CKR_BUFFER_TOO_SMALL", "CKR_PIN_LOCKED", "CKR_FUNCTION_FAILED", "CKR_OBJECT_HANDLE_INVALID", "0x80000001", "CKR_HOST_MEMORY",
		"CKR_TOKEN_NOT_PRESENT", "CKR_MECHANISM_INVALID", "CKR_OPERATION_NOT_INITIALIZED", "CKR_CRYPTOKI_NOT_INITIALIZED", "CKR_USER_ALREADY_LOGGED_IN",
		"CKR_SESSION_COUNT", "CKR_SESSION_READ_ONLY", "CKR_FUNCTION_NOT_SUPPORTED", "CKR_ATTRIBUTE_TYPE_INVALID", "CKR_ATTRIBUTE_SENSITIVE",
		"CKR_SIGNATURE_INVALID", "CKR_PIN_INCORRECT", "CKR_PIN_EXPIRED", "CKR_DATA_LEN_RANGE", "CKR_SESSION_CLOSED", "CKR_ENCRYPTED_DATA_INVALID",
		"CKR_OPERATION_ACTIVE", "0xffffffffffffffff" };
	static const char *const deeds[] = { "flip", "der", "vanish t1", "return t1", "lose t1", "logout t1", "length 0", "length 1", "length 63", "length 64",
		"length 65", "length 100000", "length 255", "length 256", "length 0xffffffffffffffff" };
	unsigned when = take(in), n = take(in) % 32 + 1;
	const char *function = PICK(in, functions);
	bool answer = when & 0x80;

	j11_buf_add_fmt(out, "fault %s ", function);
	if (when % 4 == 0)
		j11_buf_add_str(out, "every ");
	else
		j11_buf_add_fmt(out, "%s %u ", when % 4 == 1 ? "on" : when % 4 == 2 ? "from" : "each", n);
	if (answer)
		j11_buf_add_fmt(out, "%s\n", PICK(in, answers));
	else
		j11_buf_add_fmt(out, "%s\n", PICK(in, deeds));
	trial.closes = trial.closes && (!answer || !(j11_text_equal(function, "any") || j11_text_equal(function, "C_CloseSession")));
	trial.destroys = trial.destroys && (!answer || !(j11_text_equal(function, "any") || j11_text_equal(function, "C_DestroyObject")));
}

static void write_token(struct input *in, struct jwk11_buf *out)
{
	static const char *const handles[] = { "stable", "fresh", "shuffled" };
	static const char *const flags[] = { "", "LOGIN_REQUIRED USER_PIN_COUNT_LOW", "LOGIN_REQUIRED USER_PIN_FINAL_TRY", "LOGIN_REQUIRED USER_PIN_LOCKED",
		"LOGIN_REQUIRED USER_PIN_TO_BE_CHANGED" };
	unsigned bits = take(in);
	struct jwk11_view label;

	j11_buf_add_fmt(out, "%stoken t1\n", bits & 1 ? "slot s\n" : "");
	j11_buf_add_fmt(out, "pin %s\n", bits & 2 && take(in) % 4 == 0 ? "another" : PIN);
	j11_buf_add_fmt(out, "handles %s\n", PICK(in, handles));
	if (bits & 4)
		j11_buf_add_fmt(out, "sessions %u\n", take(in) % 4);
	if (bits & 8)
		j11_buf_add_str(out, "mechanisms CKM_ECDSA CKM_RSA_PKCS CKM_EDDSA CKM_RSA_PKCS_PSS CKM_ECDH1_DERIVE\n");
	if (bits & 16)
		j11_buf_add_str(out, "context early\n");
	if (bits & 32) {
		j11_buf_add_fmt(out, "tries %u\n", take(in) % 3);
		j11_buf_add_fmt(out, "flags TOKEN_INITIALIZED %s\n", PICK(in, flags));
	}
	label = take_some(in, bits & 64 ? 32 : 0);
	if (label.len > 0) {
		j11_buf_add_str(out, "label ");
		add_hex(out, label);
	}
}

static void write_script(struct input *in)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf out = J11_BUF(65536);

	j11_buf_add_fmt(&out, "counts %s/counts\n", world.folder);
	for (size_t i = 0; i < J11_COUNT(rows); i++)
		if (has_key(i))
			j11_buf_add_fmt(&out, "key %s %s %s/%s\n", rows[i].name, rows[i].type, world.folder, rows[i].name);
	write_token(in, &out);
	for (size_t i = 0; i < J11_COUNT(rows); i++)
		if (has_key(i))
			write_objects(in, &rows[i], &out);
	for (unsigned bits = take(in) % 8, n = bits > 3 ? bits - 3 : 0; n > 0; n--)
		write_fault(in, &out);
	must(out.failed == JWK11_OK);
	must(ftruncate(world.script, 0) == 0 && pwrite(world.script, out.data, out.len, 0) == (ssize_t)out.len);
}

/* ---- the configuration ---- */

/* By label, or by CKA_ID so that the label is free to be anything. */
static void write_key(struct input *in, const struct key_row *row, struct jwk11_buf *out)
{
	static const char *const styles[] = { "thumbprint", "k8s", "label", "id", "none", "thumbprint", "thumbprint", "thumbprint" };
	bool secret = j11_text_equal(row->type, "hmac");
	unsigned bits = take(in);
	const char *alg = row->algs[bits >> 5 & 1];

	j11_buf_add_fmt(out, "[key %s]\nuri = pkcs11:%s=%s%s\nkid-style = %s\ncontext-pin = %s\n", row->name, bits & 1 ? "id" : "object", row->name,
		secret ? ";type=secret-key" : "", styles[bits >> 1 & 7], bits & 16 ? "yes" : "no");
	if (row->right != NULL)
		j11_buf_add_str(out, "use = enc\n");
	if (alg != NULL)
		j11_buf_add_fmt(out, "alg = %s\n", alg);
}

static struct conf *new_conf(struct input *in)
{
	static const char *const logins[] = { "auto", "auto", "always", "never" };
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf out = J11_BUF(8192);
	struct jwk11_err err = { 0 };
	struct conf *conf = NULL;
	unsigned bits = take(in);

	j11_buf_add_str(&out, "[daemon]\nrun-dir = /r\nstate-dir = /s\nmodules = m\naudit = off\n");
	j11_buf_add_fmt(&out, "threads = %u\nstrict = %s\n", bits % 3 + 1, bits & 4 ? "yes" : "no");
	j11_buf_add_fmt(&out, "[token t1]\nuri = pkcs11:serial=t1\npin-file = %s/pin\nlogin = %s\n", world.folder, logins[bits >> 3 & 3]);
	for (size_t i = 0; i < J11_COUNT(rows); i++)
		if (has_key(i))
			write_key(in, &rows[i], &out);
	j11_buf_add_str(&out, "[set default]\nkeys = *\n[client all]\nuser = *\nkeys = *\nallow = *\n");
	if (conf_parse(j11_buf_view(&out), "c", &conf, &err) != JWK11_OK)
		fprintf(stderr, "%s\n", err.text);
	must(conf != NULL);
	return conf;
}

/* ---- requests ---- */

static const char *const algs[] = { "ES256", "PS256", "EdDSA", "HS256", "RS256", "ECDH-ES", "none", NULL };
static const char *const encodings[] = { "der", "jose", NULL };
static const char *const headers[] = { "{\"a\":\"b\"}", "{}", "{\"crit\":[\"exp\"],\"exp\":1}", "{\"alg\":\"none\"}", "{\"b64\":false}",
	"{\"typ\":\"x\"}", NULL };
static const char *const outside[] = { "{\"u\":1}", "{}", "{\"kid\":\"k\"}", NULL };
static const char *const types[] = { "JWT", "application/at+jwt", "", NULL };
static const char *const claims[] = { "{\"sub\":\"s\"}", "{}", "{\"exp\":1}", "{\"iat\":0,\"jti\":\"j\",\"nbf\":1}", "[]", NULL };
static const char *const ids[] = { "r-1", "", NULL };

/* The fields of requests, but for the key: one octet of the input for each says what is in it. */
enum fill { TEXT, OCTETS, NUMBER, DIGEST, LAST_JWS, LAST_INPUT, LAST_SIG, SEALED };
static const struct field_row {
	enum wire_type type;
	enum wire_field field;
	bool usual; /* there for a zero */
	enum fill fill;
	const char *const *texts;
} fields[] = {
	{ WIRE_SIGN, WIRE_F_INPUT, true, OCTETS, NULL },
	{ WIRE_SIGN, WIRE_F_DIGEST, false, DIGEST, NULL },
	{ WIRE_SIGN, WIRE_F_ALG, false, TEXT, algs },
	{ WIRE_SIGN, WIRE_F_ENCODING, false, TEXT, encodings },
	{ WIRE_SIGN, WIRE_F_REQUEST_ID, false, TEXT, ids },
	{ WIRE_JWS, WIRE_F_PAYLOAD, true, OCTETS, NULL },
	{ WIRE_JWS, WIRE_F_FORM, false, NUMBER, NULL },
	{ WIRE_JWS, WIRE_F_FLAGS, false, NUMBER, NULL },
	{ WIRE_JWS, WIRE_F_HEADER, false, TEXT, headers },
	{ WIRE_JWS, WIRE_F_UNPROTECTED, false, TEXT, outside },
	{ WIRE_JWS, WIRE_F_TYP, false, TEXT, types },
	{ WIRE_JWS, WIRE_F_CTY, false, TEXT, types },
	{ WIRE_JWS, WIRE_F_JWS, false, LAST_JWS, NULL },
	{ WIRE_JWS, WIRE_F_ALG, false, TEXT, algs },
	{ WIRE_JWT, WIRE_F_CLAIMS, true, TEXT, claims },
	{ WIRE_JWT, WIRE_F_TTL, false, NUMBER, NULL },
	{ WIRE_JWT, WIRE_F_TYP, false, TEXT, types },
	{ WIRE_JWT, WIRE_F_HEADER, false, TEXT, headers },
	{ WIRE_JWT, WIRE_F_ALG, false, TEXT, algs },
	{ WIRE_VERIFY, WIRE_F_INPUT, true, LAST_INPUT, NULL },
	{ WIRE_VERIFY, WIRE_F_SIGNATURE, true, LAST_SIG, NULL },
	{ WIRE_VERIFY, WIRE_F_ALG, false, TEXT, algs },
	{ WIRE_DECRYPT, WIRE_F_JWE, true, SEALED, NULL },
	{ WIRE_DECRYPT, WIRE_F_ALG, false, TEXT, algs },
};

/* Octets of the input for a field of text; something else when they are none, or no request would get past wire_decode. */
static struct jwk11_view text_of(struct input *in, const char *otherwise)
{
	struct jwk11_view some = take_some(in, 100);

	return some.len > 0 && j11_text_is_utf8(some) && memchr(some.data, 0, some.len) == NULL ? some : j11_view_str(otherwise);
}

/* A message for the key; one octet of it is changed for most values of `how`. */
static void seal(struct input *in, const struct work_key *key, unsigned how, struct jwk11_buf *out)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf jwe = J11_BUF(8192);
	static const char *const encs[] = { "A256GCM", "A128CBC-HS256", "A128GCM" };
	const struct jwk11_pub *pub = key != NULL && key->key != NULL ? jwk11_key_pub(key->key) : NULL;
	unsigned at;

	if (pub == NULL || jwk11_pub_encrypt(pub, key->alg, encs[how % 3], how & 4 ? key->kid : NULL, NULL, J11_VIEW(PLAINTEXT), &jwe, NULL) != JWK11_OK) {
		wire_add(out, WIRE_F_JWE, text_of(in, "a.b.c.d.e"));
		return;
	}
	if (how >= 0x40) {
		at = take(in) << 8;
		at |= take(in);
		jwe.data[at % jwe.len] = (char)('A' + how % 26);
	}
	wire_add(out, WIRE_F_JWE, j11_buf_view(&jwe));
}

static void add_number(const struct field_row *row, unsigned how, struct jwk11_buf *out)
{
	wire_add_num(out, row->field, how == 31 ? UINT64_MAX : how);
}

static void add_text(struct input *in, const struct field_row *row, unsigned how, struct jwk11_buf *out)
{
	size_t n = 0;

	while (row->texts[n] != NULL)
		n++;
	n = how % (n + 1);
	wire_add(out, row->field, row->texts[n] != NULL ? j11_view_str(row->texts[n]) : text_of(in, row->texts[0]));
}

/* Most that may be are absent, so that most requests get far; what is usual is absent for one value of eight. */
static void add_field(struct input *in, const struct field_row *row, const struct work_key *key, struct jwk11_buf *out)
{
	unsigned how = take(in), value = how >> 3;
	unsigned char digest[32] = { 0 };
	struct jwk11_view some;

	if (row->usual ? how % 8 == 7 : how % 8 < 6)
		return;
	switch (row->fill) {
	case TEXT:
		add_text(in, row, value, out);
		break;
	case NUMBER:
		add_number(row, value, out);
		break;
	case DIGEST:
		some = take_some(in, sizeof(digest));
		if (some.len > 0)
			memcpy(digest, some.data, some.len);
		wire_add(out, row->field, (struct jwk11_view){ .data = digest, .len = value == 31 ? some.len : sizeof(digest) });
		break;
	case LAST_JWS:
		wire_add(out, row->field, value == 31 ? text_of(in, "a.b.c") : j11_buf_view(&trial.jws));
		break;
	case LAST_INPUT:
		wire_add(out, row->field, value == 31 ? take_some(in, 100) : j11_buf_view(&trial.input));
		break;
	case LAST_SIG:
		wire_add(out, row->field, value == 31 ? take_some(in, 100) : j11_buf_view(&trial.sig));
		break;
	case SEALED:
		seal(in, key, how, out);
		break;
	default:
		wire_add(out, row->field, take_some(in, 200));
	}
}

/* A key by its name, one that may be none by what the input says. */
static struct jwk11_view choose_key(struct input *in)
{
	unsigned n = take(in), left = n / 9;

	if (n % 9 == 8)
		return text_of(in, "nobody");
	for (size_t i = n % 9;; i = (i + 1) % J11_COUNT(rows))
		if (has_key(i) && left-- == 0)
			return j11_view_str(rows[i].name);
}

static void write_request(struct input *in, const struct work_view *view, uint64_t id, struct jwk11_buf *out)
{
	static const enum wire_type kinds[] = { WIRE_SIGN, WIRE_JWS, WIRE_JWT, WIRE_VERIFY, WIRE_DECRYPT, WIRE_SIGN, WIRE_JWS, WIRE_WHO, WIRE_DECRYPT, WIRE_PING };
	enum wire_type type = PICK(in, kinds);
	char name[128] = "";
	struct jwk11_view key;

	wire_begin(out, type, id);
	if (type == WIRE_WHO || type == WIRE_PING)
		return;
	key = choose_key(in);
	wire_add(out, WIRE_F_KEY, key);
	memcpy(name, key.data, key.len);
	for (size_t i = 0; i < J11_COUNT(fields); i++)
		if (fields[i].type == type)
			add_field(in, &fields[i], work_version_find(view, name, 0), out);
}

/* ---- what must be true of answers ---- */

static bool holds(struct jwk11_view text, const char *part)
{
	return text.data != NULL && memmem(text.data, text.len, part, strlen(part)) != NULL;
}

static bool is_printable(struct jwk11_view text)
{
	char shown[4 * 4096];

	if (text.data == NULL)
		return true;
	j11_text_printable(text, shown, sizeof(shown));
	return j11_view_equals(text, shown);
}

/* That every session is busy would be a session that was not given back: there is one thread. */
static void check_fault(const struct wire_msg *told)
{
	char code[JWK11_CODE_MAX];

	must(wire_str(told, WIRE_F_CODE, code, sizeof(code)) && j11_code_find(code) != J11_N_CODE_ && !j11_text_equal(code, "BUSY"));
	must(told->field[WIRE_F_TEXT].len > 0 && is_printable(told->field[WIRE_F_TEXT]) && is_printable(told->field[WIRE_F_HINT]));
}

static void keep(struct jwk11_buf *kept, struct jwk11_view value)
{
	jwk11_buf_reset(kept);
	j11_buf_add(kept, value.data, value.len);
	must(kept->failed == JWK11_OK);
}

static void check_signature(const struct work_key *key, const struct wire_msg *request, struct jwk11_view sig)
{
	const struct jwk11_pub *pub = jwk11_key_pub(key->key);
	struct jwk11_view digest = request->field[WIRE_F_DIGEST], input = request->field[WIRE_F_INPUT];
	unsigned char raw[J11_DER_ECDSA_MAX];

	if (j11_view_equals(request->field[WIRE_F_ENCODING], "der")) {
		must(pub != NULL && j11_der_to_raw(sig, j11_pub_sig_len(pub) / 2, raw));
		sig = (struct jwk11_view){ .data = raw, .len = j11_pub_sig_len(pub) };
	}
	if (pub != NULL) /* of a MAC nobody but the token can tell */
		must(jwk11_pub_verify(pub, key->alg, digest.data ? JWK11_INPUT_DIGEST : JWK11_INPUT_MESSAGE, digest.data ? digest : input, sig, NULL) == JWK11_OK);
	else
		must(sig.len == j11_hash_len(j11_alg_find_str(key->alg)->hash));
	if (digest.data == NULL) {
		keep(&trial.input, input);
		keep(&trial.sig, sig);
	}
}

/* The new signature is the last one; the extensions that its header may call critical do not matter here. */
static void check_jws(const struct work_key *key, const struct wire_msg *request, struct jwk11_view text)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf input = J11_BUF(65536);
	J11_AUTO(jwk11_jws_free_auto) struct jwk11_jws *jws = NULL;
	J11_AUTO(jwk11_jws_free_auto) struct jwk11_jws *onto = NULL;
	struct jwk11_view payload = request->field[WIRE_F_PAYLOAD];
	uint64_t flags = 0;
	const struct j11_jws_signature *last;

	if (payload.data == NULL && request->field[WIRE_F_JWS].data != NULL) {
		must(j11_jws_parse(request->field[WIRE_F_JWS], &onto, NULL) == JWK11_OK);
		payload = jwk11_jws_payload(onto);
	}
	if (request->type == WIRE_JWS && request->field[WIRE_F_FLAGS].data != NULL)
		must(wire_num(request, WIRE_F_FLAGS, &flags));
	must(jwk11_jws_read(text, flags & JWK11_JWS_DETACHED ? &payload : NULL, &jws, NULL) == JWK11_OK);
	must(request->type == WIRE_JWT || j11_view_equal(jwk11_jws_payload(jws), payload));
	last = &jws->signatures[jws->n - 1];
	must(j11_text_equal(last->alg, key->alg) && (flags & JWK11_JWS_JWK || j11_text_equal(last->kid, key->kid)));
	j11_jws_add_input(jws, jws->n - 1, &input);
	if (jwk11_key_pub(key->key) != NULL)
		must(jwk11_pub_verify(jwk11_key_pub(key->key), key->alg, JWK11_INPUT_MESSAGE, j11_buf_view(&input), j11_buf_view(&last->sig), NULL) == JWK11_OK);
	keep(&trial.jws, text);
	keep(&trial.input, j11_buf_view(&input));
	keep(&trial.sig, j11_buf_view(&last->sig));
}

static void check_reply(const struct work_view *view, const struct wire_msg *request, const struct wire_msg *told)
{
	const struct work_key *key;
	char name[128];

	must(told->type == WIRE_REPLY && wire_str(request, WIRE_F_KEY, name, sizeof(name)));
	key = work_version_find(view, name, 0);
	must(key != NULL && key->key != NULL && j11_view_equals(told->field[WIRE_F_ALG], key->alg) && j11_view_equals(told->field[WIRE_F_KID], key->kid));
	if (request->type == WIRE_SIGN)
		check_signature(key, request, told->field[WIRE_F_SIGNATURE]);
	else if (request->type == WIRE_JWS || request->type == WIRE_JWT)
		check_jws(key, request, told->field[WIRE_F_TEXT]);
	else if (request->type == WIRE_DECRYPT) /* its tag holds, whatever the module made of the key */
		must(j11_view_equals(told->field[WIRE_F_PLAINTEXT], PLAINTEXT));
	else
		must(request->type == WIRE_VERIFY && j11_view_equals(told->field[WIRE_F_TEXT], "valid"));
	if (request->type == WIRE_VERIFY && jwk11_key_pub(key->key) != NULL)
		must(jwk11_pub_verify(jwk11_key_pub(key->key), key->alg, JWK11_INPUT_MESSAGE, request->field[WIRE_F_INPUT],
			request->field[WIRE_F_SIGNATURE], NULL) == JWK11_OK);
}

/* Of the mock's counts one of those at the end. */
static uint64_t n_open(const char *what)
{
	for (size_t i = MOCK_N_COUNTS - 2; i < MOCK_N_COUNTS; i++)
		if (j11_text_equal(world.counts[i].name, what))
			return world.counts[i].n;
	return 0; /* the module did not start */
}

static void ask(struct input *in, const struct work_view *view, uint64_t id)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf request = J11_BUF(WIRE_MAX);
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf answer = J11_BUF(WIRE_MAX);
	struct wire_msg msg, told;

	write_request(in, view, id, &request);
	must(request.failed == JWK11_OK);
	if (wire_decode(j11_buf_view(&request), &msg, NULL) != JWK11_OK)
		return;
	if (msg.type == WIRE_WHO)
		work_peer_tell(&msg, world.client[0], view->conf, &answer);
	else
		(void)work_ops_answer(view, &msg, world.client[0], &answer);
	must(wire_decode(j11_buf_view(&answer), &told, NULL) == JWK11_OK && told.id == id);
	must(trial.tells_pin || !holds(j11_buf_view(&answer), PIN));
	must(!trial.destroys || n_open("secrets") == 0);
	if (told.type == WIRE_FAULT)
		check_fault(&told);
	else if (msg.type == WIRE_WHO)
		must(told.type == WIRE_WHO_IS);
	else
		check_reply(view, &msg, &told);
}

/* The front's catalogue of a view. */
static void check_catalog(const struct work_view *view)
{
	static char room[WIRE_MAX];
	struct wire_msg told;
	size_t n = 0;
	int fd = -1;

	work_tell(view, MOCK_MODULE, 0, world.catalog[0]);
	for (long len; (len = wire_recv(world.catalog[1], room, sizeof(room), MSG_DONTWAIT, &fd)) > 0; n++) {
		must(wire_decode((struct jwk11_view){ room, (size_t)len }, &told, NULL) == JWK11_OK);
		must(trial.tells_pin || !holds((struct jwk11_view){ room, (size_t)len }, PIN));
		for (int f = WIRE_F_KEY; f < WIRE_N_FIELDS; f++)
			must(f == WIRE_F_PEM || f == WIRE_F_BITS || f == WIRE_F_HEALTH || f == WIRE_F_INDEX || is_printable(told.field[f]));
	}
	must(n == 2 + view->n_tokens + view->n_keys);
}

/* ---- an input ---- */

/* One or two, which is enough for whatever one has to do with another; seldom all. */
static unsigned choose_keys(struct input *in)
{
	unsigned bits = take(in);

	return bits >= 0xf8 ? (1u << J11_COUNT(rows)) - 1 : 1u << bits % 8 | 1u << bits / 8 % 8;
}

static struct work_view *open_view(struct input *in, struct jwk11_context *ctx)
{
	struct work_view *view = work_view_new(ctx, MOCK_MODULE, 0, new_conf(in));

	must(view != NULL);
	if (take(in) % 2 == 0) { /* a good part of the time it takes */
		work_view_find_chains(view);
		check_catalog(view);
	}
	return view;
}

static void serve(struct input *in, struct jwk11_context *ctx)
{
	struct work_view *view = open_view(in, ctx), *next = NULL;
	unsigned n = take(in), more;

	for (uint64_t id = 0; id <= n % 4; id++)
		ask(in, view, id);
	more = take(in);
	if (more & 1)
		next = open_view(in, ctx); /* as after a loss or a reload, beside the old one */
	work_view_unref(view);
	for (uint64_t id = 0; next != NULL && id < more / 2 % 4; id++)
		ask(in, next, UINT64_MAX - id);
	work_view_unref(next);
	must(!trial.closes || n_open("sessions") == 0);
	must(world.counts[0].n < CALLS_MAX);
}

static const char *path_of(const char *name)
{
	static char path[64];

	snprintf(path, sizeof(path), "%s/%s", world.folder, name);
	return path;
}

static void tidy(void)
{
	for (size_t i = 0; i < J11_COUNT(rows); i++)
		unlink(path_of(rows[i].name));
	unlink(path_of("pin"));
	unlink(path_of("counts"));
	rmdir(world.folder);
}

static void set_up(void)
{
	size_t size = MOCK_N_COUNTS * sizeof(*world.counts);
	char script[32];
	int fd;

	snprintf(world.folder, sizeof(world.folder), "/tmp/jwk11-fuzz-XXXXXX");
	must(mkdtemp(world.folder) != NULL);
	atexit(tidy);
	fd = open(path_of("pin"), O_WRONLY | O_CREAT | O_CLOEXEC, 0400);
	must(fd >= 0 && write(fd, PIN, strlen(PIN)) == (ssize_t)strlen(PIN) && close(fd) == 0);
	fd = open(path_of("counts"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	must(fd >= 0 && ftruncate(fd, (off_t)size) == 0);
	world.counts = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	must(world.counts != MAP_FAILED && close(fd) == 0);
	world.script = memfd_create("script", MFD_CLOEXEC);
	snprintf(script, sizeof(script), "/proc/self/fd/%d", world.script);
	must(world.script >= 0 && setenv("JWK11_MOCK", script, 1) == 0);
	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, world.client) == 0);
	must(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, world.catalog) == 0);
	must(dlopen(MOCK_MODULE, RTLD_NOW) != NULL); /* stays there: loading is most of the time of a run else */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	struct jwk11_context *ctx = NULL;

	if (world.folder[0] == '\0')
		set_up();
	trial = (struct trial){ .which = choose_keys(&in), .closes = true, .destroys = true,
		.jws = J11_BUF(WIRE_MAX), .input = J11_BUF(WIRE_MAX), .sig = J11_BUF(WIRE_MAX),
		.tells_pin = holds((struct jwk11_view){ data, size }, PIN) };
	memset(world.counts, 0, MOCK_N_COUNTS * sizeof(*world.counts));
	write_script(&in);
	work_break_forget();
	must(jwk11_context_new(&ctx, NULL) == JWK11_OK);
	if (jwk11_context_load(ctx, MOCK_MODULE, NULL) == JWK11_OK)
		serve(&in, ctx);
	jwk11_context_free(ctx);
	j11_buf_done(&trial.jws);
	j11_buf_done(&trial.input);
	j11_buf_done(&trial.sig);
	return 0;
}
