/* SPDX-License-Identifier: Apache-2.0 */
/* A worker's answers while the module does what the bytes say: the first part becomes a script for the mock module (attributes that lie, calls that
 * fail, answers that are damaged), the rest requests. Whatever it does: every answer is a whole message to that request, no signature leaves that
 * the key's public half does not verify, and the PIN is in none. Hangs and crashes of a module are for other tests: here there is one process. */
#include <dlfcn.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "json/json_read.h"
#include "log.h"
#include "work_break.h"
#include "work_ops.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PIN "gehe1mn1s"
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

static void must(bool held)
{
	if (!held)
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

static const char *const names[] = { "k", "l", "r", "e", "x", "h" };
static char folder[] = "/tmp/jwk11-fuzz-XXXXXX", script_path[64];

static void write_attribute(struct input *in, char type, struct jwk11_buf *out)
{
	static const char *const any[] = { "CKA_ID", "CKA_LABEL", "CKA_SIGN", "CKA_PRIVATE", "CKA_KEY_TYPE", "CKA_ALWAYS_AUTHENTICATE", "CKA_SENSITIVE",
		"CKA_EXTRACTABLE", "CKA_ALLOWED_MECHANISMS", "CKA_EC_POINT", "CKA_EC_PARAMS", "CKA_MODULUS", "CKA_PUBLIC_EXPONENT", "CKA_MODULUS_BITS",
		"CKA_VALUE", "CKA_CLASS", "CKA_TOKEN", "CKA_DECRYPT", "CKA_DERIVE", "CKA_VERIFY" };
	static const char *const values[] = { "true", "false", "empty", "absent", "sensitive", "no-info", "claims:100000", "claims:1", "size:5", "size:9000",
		"number:3", "number:0", "text:k" };
	static const char *const points[] = { "point:raw", "point:octet", "point:bit", "point:xy", "point:compressed", "point:compressed-octet" };
	struct jwk11_view octets;
	unsigned how = take(in) % 4;

	if (how == 0 && (type == 'p')) {
		j11_buf_add_fmt(out, "attr CKA_EC_POINT %s\n", PICK(in, points));
	} else if (how == 1) {
		octets = take_some(in, 80);
		j11_buf_add_fmt(out, "attr %s %s", PICK(in, any), octets.len > 0 ? "hex:" : "empty");
		for (size_t i = 0; i < octets.len; i++)
			j11_buf_add_fmt(out, "%02x", ((const uint8_t *)octets.data)[i]);
		j11_buf_add_str(out, "\n");
	} else {
		j11_buf_add_fmt(out, "attr %s ", PICK(in, any));
		j11_buf_add_fmt(out, "%s\n", PICK(in, values));
	}
}

static void write_objects(struct input *in, struct jwk11_buf *out)
{
	static const char kinds[] = "pprexh"; /* as `names`: p p-256, r RSA, e Ed25519, x X25519, h HMAC */

	for (size_t i = 0; i < J11_COUNT(names); i++) {
		unsigned bits = take(in);
		bool pair = kinds[i] != 'h', public = pair && bits % 8 != 7;

		/* most are as they should be, or nothing would get far */
		j11_buf_add_fmt(out, "%s %s\n", pair ? "private" : "secret", names[i]);
		for (unsigned n = bits >= 0xc0 ? bits % 4 : 0; n > 0; n--)
			write_attribute(in, kinds[i], out);
		if (public)
			j11_buf_add_fmt(out, "public %s\n", names[i]);
		for (unsigned n = public && bits % 64 >= 48 ? bits % 4 : 0; n > 0; n--)
			write_attribute(in, kinds[i], out);
		if (bits % 16 == 9 && (kinds[i] == 'p' || kinds[i] == 'r'))
			j11_buf_add_fmt(out, "certificate %s\n", names[i]);
	}
}

/* What a module can answer, not how long it takes, nor that it ends. */
static void write_fault(struct input *in, struct jwk11_buf *out)
{
	static const char *const functions[] = { "any", "C_GetSlotList", "C_GetSlotInfo", "C_GetTokenInfo", "C_GetMechanismList", "C_GetMechanismInfo", "C_OpenSession",
		"C_CloseSession", "C_GetSessionInfo", "C_Login", "C_FindObjectsInit", "C_FindObjects", "C_FindObjectsFinal", "C_GetAttributeValue", "C_SignInit",
		"C_Sign", "C_DecryptInit", "C_Decrypt", "C_DeriveKey", "C_VerifyInit", "C_Verify", "C_Sign", "C_Sign", "C_GetAttributeValue" };
	static const char *const answers[] = { "CKR_DEVICE_ERROR", "CKR_DEVICE_REMOVED", "CKR_GENERAL_ERROR", "CKR_SESSION_HANDLE_INVALID", "CKR_USER_NOT_LOGGED_IN",
		"CKR_KEY_HANDLE_INVALID", "CKR_BUFFER_TOO_SMALL", "CKR_PIN_LOCKED", "CKR_FUNCTION_FAILED", "CKR_OBJECT_HANDLE_INVALID", "0x80000001", "CKR_HOST_MEMORY",
		"CKR_TOKEN_NOT_PRESENT", "CKR_MECHANISM_INVALID", "CKR_OPERATION_NOT_INITIALIZED", "CKR_CRYPTOKI_NOT_INITIALIZED", "CKR_USER_ALREADY_LOGGED_IN" };
	static const char *const deeds[] = { "flip", "der", "vanish t1", "return t1", "lose t1", "logout t1", "length 0", "length 1", "length 63", "length 64",
		"length 65", "length 100000" };
	unsigned when = take(in), n = take(in) % 16 + 1;

	j11_buf_add_fmt(out, "fault %s ", PICK(in, functions));
	if (when % 4 == 0)
		j11_buf_add_str(out, "every ");
	else
		j11_buf_add_fmt(out, "%s %u ", when % 4 == 1 ? "on" : when % 4 == 2 ? "from" : "each", n);
	if (when & 0x80)
		j11_buf_add_fmt(out, "%s\n", PICK(in, answers));
	else
		j11_buf_add_fmt(out, "%s\n", PICK(in, deeds));
}

static void write_script(struct input *in)
{
	static const char *const types[] = { "p256", "p256", "rsa2048", "ed25519", "x25519", "hmac" };
	static const char *const handles[] = { "stable", "fresh", "shuffled" };
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf out = J11_BUF(65536);
	unsigned bits = take(in);
	FILE *f;

	for (size_t i = 0; i < J11_COUNT(names); i++)
		j11_buf_add_fmt(&out, "key %s %s %s/%s\n", names[i], types[i], folder, names[i]);
	j11_buf_add_fmt(&out, "token t1\npin %s\nhandles %s\n", bits % 16 == 15 ? "another" : PIN, PICK(in, handles));
	if (bits % 16 == 2)
		j11_buf_add_fmt(&out, "sessions %u\n", take(in) % 4);
	if (bits & 4)
		j11_buf_add_str(&out, "mechanisms CKM_ECDSA CKM_RSA_PKCS CKM_EDDSA CKM_RSA_PKCS_PSS\n");
	if (bits & 8)
		j11_buf_add_str(&out, "context early\n");
	write_objects(in, &out);
	bits = take(in) % 8;
	for (unsigned n = bits > 3 ? bits - 3 : 0; n > 0; n--)
		write_fault(in, &out);
	must(out.failed == JWK11_OK);
	f = fopen(script_path, "w");
	must(f != NULL && fwrite(out.data, 1, out.len, f) == out.len && fclose(f) == 0);
}

/* ---- requests, and what must be true of their answers ---- */

static const char conf_text[] = "[daemon]\nrun-dir = /r\nstate-dir = /s\nmodules = m\naudit = off\n[token t1]\nuri = pkcs11:token=t1\npin-file = %s/pin\n"
	"[key k]\nuri = pkcs11:object=k\n[key l]\nuri = pkcs11:object=l\nkid = l\n[key r]\nuri = pkcs11:object=r\nalg = PS256\n[key e]\nuri = pkcs11:object=e\n"
	"[key x]\nuri = pkcs11:object=x\nuse = enc\n[key h]\nuri = pkcs11:object=h;type=secret-key\nalg = HS256\n"
	"[set default]\nkeys = *\n[client all]\nuser = *\nkeys = *\nallow = *\n";

static bool holds(struct jwk11_view text, const char *part)
{
	return text.data != NULL && memmem(text.data, text.len, part, strlen(part)) != NULL;
}

static void write_request(struct input *in, struct jwk11_buf *out)
{
	static const enum wire_type types[] = { WIRE_SIGN, WIRE_SIGN, WIRE_JWS, WIRE_JWT, WIRE_VERIFY, WIRE_DECRYPT };
	static const char *const algs[] = { "", "", "ES256", "PS256", "EdDSA", "HS256", "RS256" };
	enum wire_type type = PICK(in, types);
	const char *key = PICK(in, names), *alg = PICK(in, algs);
	struct jwk11_view some;

	wire_begin(out, type, 7);
	wire_add_str(out, WIRE_F_KEY, key);
	if (alg[0] != '\0' && (type == WIRE_SIGN || type == WIRE_VERIFY))
		wire_add_str(out, WIRE_F_ALG, alg);
	some = take_some(in, 200);
	if (type == WIRE_SIGN && take(in) % 4 == 3)
		wire_add(out, WIRE_F_DIGEST, some.len < 32 ? some : (struct jwk11_view){ .data = some.data, .len = 32 });
	else if (type == WIRE_SIGN || type == WIRE_VERIFY)
		wire_add(out, WIRE_F_INPUT, some);
	if (type == WIRE_VERIFY)
		wire_add(out, WIRE_F_SIGNATURE, take_some(in, 200));
	if (type == WIRE_JWS)
		wire_add(out, WIRE_F_PAYLOAD, some);
	if (type == WIRE_JWT)
		wire_add_str(out, WIRE_F_CLAIMS, "{\"sub\":\"s\"}");
	if (type == WIRE_DECRYPT)
		wire_add(out, WIRE_F_JWE, j11_text_is_utf8(some) && memchr(some.data ? some.data : "", 0, some.len) == NULL ? some : J11_VIEW("a.b.c.d.e"));
}

static void check_fault(const struct wire_msg *msg)
{
	char code[JWK11_CODE_MAX];

	must(wire_str(msg, WIRE_F_CODE, code, sizeof(code)) && j11_text_equal(j11_code_name(j11_code_find(code)), code));
	must(msg->field[WIRE_F_TEXT].len > 0);
}

static void check_signed(const struct work_view *view, const struct wire_msg *request, const struct wire_msg *msg)
{
	char name[64], alg[32];
	struct jwk11_view sig = msg->field[WIRE_F_SIGNATURE], jws = msg->field[WIRE_F_TEXT], digest = request->field[WIRE_F_DIGEST];
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf payload = J11_BUF(65536);
	const struct work_key *key;

	must(wire_str(request, WIRE_F_KEY, name, sizeof(name)) && wire_str(msg, WIRE_F_ALG, alg, sizeof(alg)));
	key = work_view_find(view, name);
	must(key != NULL && key->key != NULL && j11_text_equal(key->alg, alg));
	if (jwk11_key_pub(key->key) == NULL) /* a MAC: nobody but the token can tell */
		return;
	if (request->type == WIRE_SIGN)
		must(jwk11_pub_verify(jwk11_key_pub(key->key), alg, digest.data ? JWK11_INPUT_DIGEST : JWK11_INPUT_MESSAGE,
			digest.data ? digest : request->field[WIRE_F_INPUT], sig, NULL) == JWK11_OK);
	else if (request->type == WIRE_JWS || request->type == WIRE_JWT)
		must(jwk11_jws_verify(jwk11_key_pub(key->key), alg, jws, &payload, NULL) == JWK11_OK);
}

static void ask(struct input *in, const struct work_view *view, int client)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf request = J11_BUF(WIRE_MAX);
	struct jwk11_buf answer = J11_BUF(WIRE_MAX);
	struct wire_msg msg, told;

	write_request(in, &request);
	if (wire_decode(j11_buf_view(&request), &msg, NULL) == JWK11_OK) {
		(void)work_ops_answer(view, &msg, client, &answer);
		must(wire_decode(j11_buf_view(&answer), &told, NULL) == JWK11_OK && told.id == 7);
		must(!holds(j11_buf_view(&answer), PIN));
		if (told.type == WIRE_FAULT)
			check_fault(&told);
		else
			check_signed(view, &msg, &told);
	}
	j11_buf_done(&answer);
}

static struct work_view *open_view(struct jwk11_context *ctx)
{
	char text[sizeof(conf_text) + sizeof(folder)];
	struct conf *conf = NULL;
	struct work_view *view;

	snprintf(text, sizeof(text), conf_text, folder);
	must(conf_parse(j11_view_str(text), "c", &conf, NULL) == JWK11_OK);
	view = work_view_new(ctx, MOCK_MODULE, 0, conf);
	must(view != NULL);
	work_view_find_chains(view);
	return view;
}

static void tidy(void)
{
	static const char *const files[] = { "k", "l", "r", "e", "x", "h", "pin", "script" };
	char path[64];

	for (size_t i = 0; i < J11_COUNT(files); i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, files[i]);
		unlink(path);
	}
	rmdir(folder);
}

static void set_up(void)
{
	char path[64];
	FILE *f;

	must(mkdtemp(folder) != NULL);
	snprintf(path, sizeof(path), "%s/pin", folder);
	f = fopen(path, "w");
	must(f != NULL && fputs(PIN, f) >= 0 && fclose(f) == 0 && chmod(path, 0400) == 0);
	snprintf(script_path, sizeof(script_path), "%s/script", folder);
	setenv("JWK11_MOCK", script_path, 1);
	must(dlopen(MOCK_MODULE, RTLD_NOW) != NULL); /* stays there: loading is most of the time of a run else */
	atexit(tidy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	struct jwk11_context *ctx = NULL;
	struct work_view *view, *next;
	int pair[2];

	if (script_path[0] == '\0')
		set_up();
	write_script(&in);
	work_break_forget();
	must(jwk11_context_new(&ctx, NULL) == JWK11_OK && socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
	if (jwk11_context_load(ctx, MOCK_MODULE, NULL) == JWK11_OK) {
		view = open_view(ctx);
		for (unsigned n = take(&in) % 4 + 1; n > 0; n--)
			ask(&in, view, pair[0]);
		next = open_view(ctx); /* as after a loss, beside the old one */
		work_view_unref(view);
		for (unsigned n = take(&in) % 4; n > 0; n--)
			ask(&in, next, pair[0]);
		work_view_unref(next);
	}
	jwk11_context_free(ctx);
	close(pair[0]);
	close(pair[1]);
	return 0;
}
