/* SPDX-License-Identifier: Apache-2.0 */
/* How a PKCS#11 module behaves where modules differ: one line `question=answer` for each question, measured on the module itself, without
 * p11-kit and without our library. Each question gets a process of its own, because some answers are its death.
 *   probe MODULE TOKEN-LABEL PIN [RESERVED]    RESERVED is the string that NSS wants in C_Initialize */
#include <dlfcn.h>
#include <p11-kit/pkcs11.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/ckr.h"

enum { MAX_SLOTS = 32, MAX_KEYS = 64, ABSENT = -1 };

static struct {
	const char *path, *label, *pin, *reserved;
} args;

/* The module, a session with a login, and one key of it that signs without further ado. */
static struct {
	CK_FUNCTION_LIST *fl;
	CK_SLOT_ID slot;
	CK_SESSION_HANDLE session;
	CK_OBJECT_HANDLE key, keys[MAX_KEYS];
	CK_ULONG n_keys;
	CK_KEY_TYPE type;
} m;

__attribute__((noreturn, format(printf, 1, 2))) static void give_up(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	_exit(2);
}

static void need(CK_RV rv, const char *call)
{
	if (rv != CKR_OK)
		give_up("%s: %s", call, j11_ckr_name(rv));
}

static CK_RV initialize(void)
{
	CK_C_INITIALIZE_ARGS with = { .flags = CKF_OS_LOCKING_OK, .pReserved = (void *)args.reserved };

	return m.fl->C_Initialize(&with);
}

static void load(void)
{
	void *module = dlopen(args.path, RTLD_NOW | RTLD_LOCAL);
	CK_C_GetFunctionList get = module ? (CK_C_GetFunctionList)dlsym(module, "C_GetFunctionList") : NULL;

	if (get == NULL)
		give_up("%s", dlerror());
	need(get(&m.fl), "C_GetFunctionList");
	need(initialize(), "C_Initialize");
}

static void choose_slot(void)
{
	CK_ULONG n = MAX_SLOTS;
	CK_SLOT_ID slots[MAX_SLOTS];
	size_t len = strlen(args.label);

	need(m.fl->C_GetSlotList(CK_TRUE, slots, &n), "C_GetSlotList");
	for (CK_ULONG i = 0; i < n; i++) {
		CK_TOKEN_INFO info;

		if (m.fl->C_GetTokenInfo(slots[i], &info) != CKR_OK || memcmp(info.label, args.label, len) != 0)
			continue;
		m.slot = slots[i];
		return;
	}
	give_up("no token %s", args.label);
}

/* The length of an attribute, ABSENT when there is none; its value goes to `value` when it fits. */
static long attribute(CK_OBJECT_HANDLE key, CK_ATTRIBUTE_TYPE type, void *value, size_t room)
{
	CK_ATTRIBUTE a = { type, NULL, 0 };
	CK_RV rv = m.fl->C_GetAttributeValue(m.session, key, &a, 1);

	if (rv != CKR_OK || a.ulValueLen == (CK_ULONG)-1)
		return ABSENT;
	if (value != NULL && a.ulValueLen <= room) {
		a.pValue = value;
		need(m.fl->C_GetAttributeValue(m.session, key, &a, 1), "C_GetAttributeValue");
	}
	return (long)a.ulValueLen;
}

static bool attribute_is(CK_OBJECT_HANDLE key, CK_ATTRIBUTE_TYPE type, CK_BBOOL wanted)
{
	CK_BBOOL value = !wanted;

	return attribute(key, type, &value, sizeof(value)) == sizeof(value) && value == wanted;
}

static bool is_p256(CK_OBJECT_HANDLE key)
{
	static const CK_BYTE oid[] = { 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07 };
	CK_BYTE params[64];

	return attribute(key, CKA_EC_PARAMS, params, sizeof(params)) == sizeof(oid) && memcmp(params, oid, sizeof(oid)) == 0;
}

/* Every private key; as the one to sign with the P-256 key if there is one, else an RSA key. */
static void choose_key(void)
{
	CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
	CK_ATTRIBUTE wanted = { CKA_CLASS, &class, sizeof(class) };

	need(m.fl->C_FindObjectsInit(m.session, &wanted, 1), "C_FindObjectsInit");
	need(m.fl->C_FindObjects(m.session, m.keys, MAX_KEYS, &m.n_keys), "C_FindObjects");
	m.fl->C_FindObjectsFinal(m.session);
	for (CK_ULONG i = 0; i < m.n_keys; i++) {
		CK_KEY_TYPE type = 0;

		attribute(m.keys[i], CKA_KEY_TYPE, &type, sizeof(type));
		if (!attribute_is(m.keys[i], CKA_SIGN, CK_TRUE) || attribute_is(m.keys[i], CKA_ALWAYS_AUTHENTICATE, CK_TRUE))
			continue;
		if (type != CKK_RSA && (type != CKK_EC || !is_p256(m.keys[i])))
			continue;
		if (m.key != 0 && type == CKK_RSA)
			continue;
		m.key = m.keys[i];
		m.type = type;
	}
	if (m.key == 0)
		give_up("no key that signs");
}

static void ready(void)
{
	load();
	choose_slot();
	need(m.fl->C_OpenSession(m.slot, CKF_SERIAL_SESSION, NULL, NULL, &m.session), "C_OpenSession");
	need(m.fl->C_Login(m.session, CKU_USER, (CK_UTF8CHAR_PTR)args.pin, strlen(args.pin)), "C_Login");
	choose_key();
}

static CK_RV sign_with(CK_OBJECT_HANDLE key, CK_MECHANISM_TYPE type)
{
	CK_MECHANISM mechanism = { type, NULL, 0 };
	CK_BYTE data[32] = { 1 }, sig[1024];
	CK_ULONG len = sizeof(sig);
	CK_RV rv = m.fl->C_SignInit(m.session, &mechanism, key);

	return rv == CKR_OK ? m.fl->C_Sign(m.session, data, sizeof(data), sig, &len) : rv;
}

static const char *sign(void)
{
	return j11_ckr_name(sign_with(m.key, m.type == CKK_EC ? CKM_ECDSA : CKM_RSA_PKCS));
}

static void ask_second_initialize(void)
{
	load();
	printf("%s", j11_ckr_name(initialize()));
}

/* A child that inherited the module uses it, then the parent does. Child's answer (with that of a fresh C_Initialize where it is asked for),
 * then the parent's. */
static void ask_fork(void)
{
	pid_t pid;
	int status;

	ready();
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		const char *answer = sign();

		printf("%s", answer);
		if (strcmp(answer, "CKR_CRYPTOKI_NOT_INITIALIZED") == 0)
			printf(" then %s", j11_ckr_name(initialize()));
		fflush(stdout);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	if (status != 0)
		printf("dies");
	printf(", parent %s", sign());
}

/* The handle from before: logged out, then logged in again. */
static void ask_old_handle(void)
{
	ready();
	need(m.fl->C_Logout(m.session), "C_Logout");
	printf("%s", sign());
	m.fl->C_CloseSession(m.session);
	need(m.fl->C_OpenSession(m.slot, CKF_SERIAL_SESSION, NULL, NULL, &m.session), "C_OpenSession");
	need(m.fl->C_Login(m.session, CKU_USER, (CK_UTF8CHAR_PTR)args.pin, strlen(args.pin)), "C_Login");
	printf(", again %s", sign());
}

static void ask_size_query(void)
{
	CK_MECHANISM mechanism = { CKM_ECDSA, NULL, 0 };
	CK_BYTE data[32] = { 1 };
	CK_ULONG len = 0;

	ready();
	if (m.type != CKK_EC) {
		printf("none");
		return;
	}
	need(m.fl->C_SignInit(m.session, &mechanism, m.key), "C_SignInit");
	need(m.fl->C_Sign(m.session, data, sizeof(data), NULL, &len), "C_Sign");
	printf("%lu", len);
}

static void say_presence(const char *name, CK_ATTRIBUTE_TYPE type)
{
	long len = attribute(m.key, type, NULL, 0);

	printf("%s %s", name, len == ABSENT ? "absent" : len == 0 ? "empty" : "there");
}

static void ask_attributes(void)
{
	ready();
	say_presence("point", CKA_EC_POINT);
	say_presence(", spki", 0x129 /* CKA_PUBLIC_KEY_INFO */);
	say_presence(", mechanisms", CKA_ALLOWED_MECHANISMS);
	printf(", local %s", attribute_is(m.key, CKA_LOCAL, CK_TRUE) ? "true" : "false");
}

/* How many of the private keys want a login for each signature. */
static void ask_always(void)
{
	unsigned absent = 0, yes = 0;

	ready();
	for (CK_ULONG i = 0; i < m.n_keys; i++) {
		absent += attribute(m.keys[i], CKA_ALWAYS_AUTHENTICATE, NULL, 0) == ABSENT;
		yes += attribute_is(m.keys[i], CKA_ALWAYS_AUTHENTICATE, CK_TRUE) ? 1 : 0;
	}
	printf(absent ? "absent" : yes ? "true on %u" : "false", yes);
}

static void say_limit(CK_ULONG n)
{
	if (n >= (CK_ULONG)-2)
		printf("~0%s", n == (CK_ULONG)-1 ? "" : "-1");
	else
		printf("%lu", n);
}

static void ask_limits(void)
{
	CK_TOKEN_INFO info;

	load();
	choose_slot();
	need(m.fl->C_GetTokenInfo(m.slot, &info), "C_GetTokenInfo");
	say_limit(info.ulMaxSessionCount);
	printf(", PIN %lu-%lu", info.ulMinPinLen, info.ulMaxPinLen);
}

static void finalize_late(void)
{
	printf("%s", m.fl ? j11_ckr_name(m.fl->C_Finalize(NULL)) : "");
	fflush(stdout);
}

/* A handler registered before the module was loaded runs after the module's own are done. */
static void ask_early_atexit(void)
{
	atexit(finalize_late);
	ready();
	exit(0);
}

/* A mechanism of another family, for each key; the first refusal, if the process lives to tell. SoftHSM reads the key as
 * what the mechanism expects. */
static void ask_wrong_mechanism(void)
{
	const char *answer = NULL;

	ready();
	for (CK_ULONG i = 0; i < m.n_keys; i++) {
		CK_KEY_TYPE type = 0;

		attribute(m.keys[i], CKA_KEY_TYPE, &type, sizeof(type));
		if (type == CKK_RSA)
			continue;
		for (int again = 0; again < 3; again++) {
			CK_RV rv = sign_with(m.keys[i], again == 1 ? CKM_RSA_X_509 : CKM_RSA_PKCS);

			if (answer == NULL)
				answer = j11_ckr_name(rv);
		}
	}
	printf("%s", answer ? answer : j11_ckr_name(sign_with(m.key, CKM_ECDSA)));
}

static const struct {
	const char *name;
	void (*ask)(void);
} questions[] = {
	{ "second C_Initialize", ask_second_initialize },
	{ "old handle after logout", ask_old_handle },
	{ "size query for P-256", ask_size_query },
	{ "private key", ask_attributes },
	{ "always authenticate", ask_always },
	{ "limits", ask_limits },
	{ "C_Finalize in an early atexit", ask_early_atexit },
	{ "mechanism of another family", ask_wrong_mechanism },
	{ "after fork", ask_fork }, /* last: costs a TPM one of the three tries before it locks */
};

int main(int argc, char **argv)
{
	int bad = 0;

	if (argc < 4)
		give_up("usage: probe MODULE TOKEN-LABEL PIN [RESERVED]");
	args.path = argv[1];
	args.label = argv[2];
	args.pin = argv[3];
	args.reserved = argv[4];
	for (size_t i = 0; i < J11_COUNT(questions); i++) {
		int status;
		pid_t pid;

		printf("%s=", questions[i].name);
		fflush(stdout);
		pid = fork();
		if (pid == 0) {
			questions[i].ask();
			fflush(stdout);
			_exit(0);
		}
		waitpid(pid, &status, 0);
		/* Also an exit that is not ours: after a wild call anything may run. */
		if (status != 0)
			printf("dies");
		bad |= WIFEXITED(status) && WEXITSTATUS(status) == 2;
		putchar('\n');
		fflush(stdout);
	}
	return bad;
}
