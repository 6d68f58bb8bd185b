/* SPDX-License-Identifier: Apache-2.0 */
/* http-01 and dns-01. */
#include "acme_prove.h"

#include <errno.h>
#include <limits.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/b64.h"
#include "base/err.h"
#include "cmd.h"
#include "hook.h"

/* Section 8.1: the token, a dot, and the thumbprint of the account's key; for dns-01 its SHA-256 (section 8.4). */
static enum jwk11_rc make_value(bool dns, const char *thumbprint, struct acme_proof *proof, struct jwk11_err *err)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf text = J11_BUF(64);
	unsigned char hash[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	snprintf(proof->value, sizeof(proof->value), "%s.%s", proof->token, thumbprint);
	if (!dns)
		return JWK11_OK;
	if (EVP_Digest(proof->value, strlen(proof->value), hash, &len, EVP_sha256(), NULL) != 1)
		return j11_err_set(err, JWK11_ERR_INTERNAL, J11_CODE_INTERNAL, "SHA-256 failed");
	j11_b64url_add(&text, (struct jwk11_view){ .data = hash, .len = len });
	snprintf(proof->value, sizeof(proof->value), "%s", jwk11_buf_data(&text));
	return j11_buf_check(&text, "proof", err);
}

static enum jwk11_rc run_hook(const struct acme_way *way, bool cleanup, const struct acme_proof *proof, struct jwk11_err *err)
{
	char record[ACME_NAME_MAX + 20];
	const char *argv[] = { way->hook, cleanup ? "cleanup" : "present", way->dns ? "dns-01" : "http-01", proof->name, way->dns ? record : proof->token, proof->value, NULL };

	snprintf(record, sizeof(record), "_acme-challenge.%s", proof->name);
	return hook_run(argv, cleanup, err);
}

/* DIR is the person's and must be there; what is below it is made. A token is base64url, so no path leads out. */
static enum jwk11_rc path_of(const char *webroot, const struct acme_proof *proof, bool make, char path[PATH_MAX], struct jwk11_err *err)
{
	static const char *const folders[] = { "/.well-known", "/.well-known/acme-challenge" };

	for (size_t i = 0; make && i < J11_COUNT(folders); i++) {
		snprintf(path, PATH_MAX, "%s%s", webroot, folders[i]);
		if (mkdir(path, 0755) != 0 && errno != EEXIST)
			return cmd_file_failed(path, err);
	}
	if (snprintf(path, PATH_MAX, "%s%s/%s", webroot, folders[1], proof->token) >= PATH_MAX)
		return j11_err_set(err, JWK11_ERR_LIMIT, J11_CODE_LIMIT, "--webroot: too long for a path");
	return JWK11_OK;
}

static enum jwk11_rc present(const struct acme_way *way, struct acme_proof *proof, struct jwk11_err *err)
{
	char path[PATH_MAX];
	enum jwk11_rc rc;

	proof->there = true; /* a hook that fails may have done half of it */
	if (way->webroot == NULL)
		return run_hook(way, false, proof, err);
	rc = path_of(way->webroot, proof, true, path, err);
	return rc == JWK11_OK ? cmd_write_output(path, j11_view_str(proof->value), false, err) : rc;
}

enum jwk11_rc acme_prove(const struct acme_way *way, const struct acme_authorization *a, const char *thumbprint, struct acme_proof *proof, struct jwk11_err *err)
{
	const struct acme_challenge *c = way->dns ? &a->dns01 : &a->http01;
	enum jwk11_rc rc;

	if (!c->there) {
		j11_err_set(err, JWK11_ERR_UNSUPPORTED, J11_CODE_UNSUPPORTED, "%s%s: the CA does not offer %s", a->wildcard ? "*." : "", a->name, way->dns ? "dns-01" : "http-01");
		j11_err_hint(err, way->dns ? "--challenge http-01, or --webroot DIR" : "--hook PROGRAM, which then makes a DNS record");
		return JWK11_ERR_UNSUPPORTED;
	}
	memcpy(proof->name, a->name, sizeof(proof->name));
	memcpy(proof->url, c->url, sizeof(proof->url));
	memcpy(proof->token, c->token, sizeof(proof->token));
	rc = make_value(way->dns, thumbprint, proof, err);
	return rc == JWK11_OK ? present(way, proof, err) : rc;
}

void acme_prove_done(const struct acme_way *way, struct acme_proof *proof)
{
	struct jwk11_err err = { 0 };
	char path[PATH_MAX];

	if (!proof->there)
		return;
	proof->there = false;
	if (way->webroot == NULL) {
		if (run_hook(way, true, proof, &err) != JWK11_OK)
			fprintf(stderr, "jwk11: %s\n", err.text);
	} else if (path_of(way->webroot, proof, false, path, &err) == JWK11_OK && unlink(path) != 0 && errno != ENOENT) {
		fprintf(stderr, "jwk11: %s: %s\n", path, strerror(errno));
	}
}
