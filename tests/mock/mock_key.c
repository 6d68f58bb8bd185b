/* SPDX-License-Identifier: Apache-2.0 */
/* Keys: made by libcrypto, or read from a file, so that several processes and several starts share one. */
#include "mock.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_FILE = 1 << 20 };

static const struct mock_type types[] = {
	{ "rsa1024", MOCK_RSA, CKK_RSA, "RSA", 1024, NULL, NULL },
	{ "rsa2048", MOCK_RSA, CKK_RSA, "RSA", 2048, NULL, NULL },
	{ "rsa3072", MOCK_RSA, CKK_RSA, "RSA", 3072, NULL, NULL },
	{ "p256", MOCK_EC, CKK_EC, "P-256", 32, "06082a8648ce3d030107", "secp256r1" },
	{ "p384", MOCK_EC, CKK_EC, "P-384", 48, "06052b81040022", "secp384r1" },
	{ "p521", MOCK_EC, CKK_EC, "P-521", 66, "06052b81040023", "secp521r1" },
	{ "secp256k1", MOCK_EC, CKK_EC, "secp256k1", 32, "06052b8104000a", "secp256k1" },
	{ "ed25519", MOCK_EDWARDS, MOCK_CKK_EC_EDWARDS, "ED25519", 32, "06032b6570", "edwards25519" },
	{ "ed448", MOCK_EDWARDS, MOCK_CKK_EC_EDWARDS, "ED448", 57, "06032b6571", "edwards448" },
	{ "x25519", MOCK_MONTGOMERY, MOCK_CKK_EC_MONTGOMERY, "X25519", 32, "06032b656e", "curve25519" },
	{ "x448", MOCK_MONTGOMERY, MOCK_CKK_EC_MONTGOMERY, "X448", 56, "06032b656f", "curve448" },
	{ "hmac", MOCK_SECRET, CKK_GENERIC_SECRET, NULL, 64, NULL, NULL },
	{ "mldsa44", MOCK_MLDSA, MOCK_CKK_ML_DSA, NULL, 1, NULL, NULL },
	{ "mldsa65", MOCK_MLDSA, MOCK_CKK_ML_DSA, NULL, 2, NULL, NULL },
	{ "mldsa87", MOCK_MLDSA, MOCK_CKK_ML_DSA, NULL, 3, NULL, NULL },
};

bool mock_read_file(const char *path, struct mock_bytes *ret_bytes)
{
	FILE *f = fopen(path, "re");
	size_t len;

	if (f == NULL)
		return false;
	free(ret_bytes->data);
	ret_bytes->data = malloc(MAX_FILE);
	len = ret_bytes->data ? fread(ret_bytes->data, 1, MAX_FILE, f) : 0;
	ret_bytes->len = len;
	fclose(f);
	return len > 0 && len < MAX_FILE;
}

static EVP_PKEY *make(const struct mock_type *type)
{
	if (type->kind == MOCK_RSA)
		return EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)type->size);
	if (type->kind == MOCK_EC)
		return EVP_PKEY_Q_keygen(NULL, NULL, "EC", type->openssl);
	return EVP_PKEY_Q_keygen(NULL, NULL, type->openssl);
}

/* The first of several processes that write leaves the key; the others read it. */
static bool publish(const char *path, const struct mock_key *key)
{
	char temp[4200];
	FILE *f;
	bool ok;

	snprintf(temp, sizeof(temp), "%s.%ld", path, (long)getpid());
	f = fopen(temp, "we");
	if (f == NULL)
		return false;
	ok = key->pkey ? PEM_write_PrivateKey(f, key->pkey, NULL, NULL, 0, NULL, NULL) == 1 :
		fwrite(key->value.data, 1, key->value.len, f) == key->value.len;
	ok = fclose(f) == 0 && ok;
	if (ok && link(temp, path) != 0)
		ok = access(path, F_OK) == 0;
	unlink(temp);
	return ok;
}

/* Keys that were read before, over all starts of the module: reading them is most of a start. */
static struct kept {
	struct stat file;
	EVP_PKEY *pkey;
} kept[16];

static bool is_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
		a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static EVP_PKEY *read_pkey(FILE *f)
{
	static unsigned next;
	struct kept *place = &kept[next % MOCK_COUNT(kept)];
	struct stat st;

	if (fstat(fileno(f), &st) != 0)
		return NULL;
	for (size_t i = 0; i < MOCK_COUNT(kept); i++)
		if (kept[i].pkey != NULL && is_file(&kept[i].file, &st))
			return EVP_PKEY_up_ref(kept[i].pkey) == 1 ? kept[i].pkey : NULL;
	EVP_PKEY_free(place->pkey);
	place->pkey = PEM_read_PrivateKey(f, NULL, NULL, NULL);
	place->file = st;
	next++;
	return place->pkey != NULL && EVP_PKEY_up_ref(place->pkey) == 1 ? place->pkey : NULL;
}

static bool load(struct mock_key *key, const char *path)
{
	FILE *f;

	if (key->type->openssl == NULL)
		return mock_read_file(path, &key->value);
	f = fopen(path, "re");
	if (f == NULL)
		return false;
	EVP_PKEY_free(key->pkey);
	key->pkey = read_pkey(f);
	fclose(f);
	return key->pkey != NULL;
}

static bool make_value(struct mock_key *key)
{
	if (key->type->openssl != NULL)
		return (key->pkey = make(key->type)) != NULL;
	key->value.data = malloc(key->type->size);
	key->value.len = key->type->size;
	return key->value.data != NULL && RAND_bytes(key->value.data, (int)key->value.len) == 1;
}

static const char *fill(struct mock_key *key, const char *file, const char *second)
{
	if (key->type->kind == MOCK_MLDSA) {
		if (file == NULL || second == NULL)
			return "an ML-DSA key needs two files: public key, signature";
		return mock_read_file(file, &key->value) && mock_read_file(second, &key->answer) ? NULL : "its files cannot be read";
	}
	if (second != NULL)
		return "one file at most";
	if (file != NULL && access(file, F_OK) == 0)
		return load(key, file) ? NULL : "its file cannot be read";
	if (!make_value(key))
		return "libcrypto cannot make it";
	return file == NULL || (publish(file, key) && load(key, file)) ? NULL : "its file cannot be written";
}

struct mock_key *mock_key_new(const char *name, const char *type, const char *file, const char *second, const char **ret_why)
{
	struct mock_key *key = calloc(1, sizeof(*key));

	*ret_why = "out of memory";
	for (size_t i = 0; key != NULL && i < MOCK_COUNT(types); i++)
		if (strcmp(types[i].name, type) == 0)
			key->type = &types[i];
	if (key == NULL || (key->name = strdup(name)) == NULL) {
		free(key);
		return NULL;
	}
	*ret_why = key->type ? fill(key, file, second) : "no such type of key";
	ERR_clear_error();
	if (*ret_why == NULL)
		return key;
	mock_key_free(key);
	return NULL;
}

void mock_key_free(struct mock_key *key)
{
	if (key == NULL)
		return;
	EVP_PKEY_free(key->pkey);
	free(key->value.data);
	free(key->answer.data);
	free(key->cert.data);
	free(key->name);
	free(key);
}
