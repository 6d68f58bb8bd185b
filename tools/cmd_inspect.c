/* SPDX-License-Identifier: Apache-2.0 */
/* jwk11 inspect: what is known of a key, and how it is known: what its token says, what a check shows, what a device's maker vouches for. */
#include <stdio.h>
#include <time.h>

#include "base/err.h"
#include "base/text.h"
#include "cmd.h"
#include "jose/attest.h"
#include "jose/bundle.h"
#include "local.h"
#include "show_inspect.h"

enum { FILE_MAX = 512 * 1024 };

static struct {
	const char *roots, *attestation;
} opt;

static enum jwk11_rc read_certs(const char *path, struct jwk11_certs *ret_certs, struct jwk11_err *err)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf text = { 0 };
	enum jwk11_rc rc = cmd_read_input(path, FILE_MAX, &text, err);

	if (rc != JWK11_OK)
		return rc;
	rc = j11_bundle_read(j11_buf_view(&text), ret_certs, err);
	if (rc != JWK11_OK)
		j11_err_prefix(err, "%s", path);
	return rc;
}

/* ---- what a check shows ---- */

/* A signature of octets that nobody has signed before. jwk11_key_sign has it verified too; here it is this very check that counts. */
static void check_signature(struct inspected *x)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf sig = J11_BUF(J11_SIG_MAX);
	char text[JWK11_THUMBPRINT_LEN + 32];
	struct jwk11_view input;

	if (jwk11_key_use(x->key) != JWK11_USE_SIG) {
		j11_err_set(&x->signature, JWK11_ERR_MISMATCH, J11_CODE_MISMATCH, "not tried: it is no key that signs");
		return;
	}
	snprintf(text, sizeof(text), "jwk11 inspect %s %lld", x->thumbprint, (long long)time(NULL));
	input = j11_view_str(text);
	if (jwk11_key_sign(x->key, x->alg, JWK11_INPUT_MESSAGE, input, &sig, &x->signature) == JWK11_OK)
		x->verified = jwk11_pub_verify(jwk11_key_pub(x->key), x->alg, JWK11_INPUT_MESSAGE, input, j11_buf_view(&sig), &x->signature) == JWK11_OK;
}

/* ---- the attestation ---- */

/* Among several the one of this key, else the first: it is refused with the reason. */
static const struct j11_cert *pick(const struct jwk11_certs *certs, const struct jwk11_pub *pub, bool any)
{
	unsigned char hash[J11_SPKI_HASH_LEN];
	const struct j11_cert *first = NULL;

	if (j11_pub_spki_hash(pub, hash, NULL) != JWK11_OK)
		return NULL;
	for (size_t i = 0; i < certs->n; i++) {
		if (!j11_cert_is_attestation(certs->list[i]))
			continue;
		if (j11_cert_holds(certs->list[i], pub, hash, true))
			return certs->list[i];
		first = first != NULL ? first : certs->list[i];
	}
	return any ? first : NULL;
}

/* From the file, or from the token, which then has the certificate of the device too. */
static enum jwk11_rc find_attestation(struct inspected *x, struct jwk11_certs *file, struct jwk11_err *err)
{
	enum jwk11_rc rc = jwk11_token_certs(jwk11_key_token(x->key), &x->others, err);

	if (rc != JWK11_OK || jwk11_key_pub(x->key) == NULL)
		return rc;
	x->from_file = opt.attestation != NULL;
	x->attestation = pick(x->from_file ? file : x->others, jwk11_key_pub(x->key), x->from_file);
	if (x->attestation == NULL && x->from_file && file->n > 0)
		x->attestation = file->list[0];
	return JWK11_OK;
}

static void judge(struct inspected *x, const struct jwk11_certs *file, const struct jwk11_certs *roots)
{
	const struct jwk11_pub *pub = jwk11_key_pub(x->key);
	int64_t now = (int64_t)time(NULL);

	if (x->attestation == NULL) {
		if (opt.roots != NULL)
			j11_err_set(&x->judgement, JWK11_ERR_NOT_FOUND, J11_CODE_ATTESTATION_ABSENT, "key \"%s\": its token shows no attestation of it", x->name);
		return;
	}
	x->is_read = j11_attest_read(x->attestation, &x->says, &x->judgement) == JWK11_OK;
	if (!x->is_read)
		return;
	if (opt.roots == NULL) { /* of this key it must be all the same */
		const struct jwk11_certs none = { 0 };

		if (j11_attest_check(x->attestation, pub, &none, &none, now, &x->root, &x->judgement) == JWK11_ERR_MISMATCH &&
			!j11_text_equal(x->judgement.code, j11_code_name(J11_CODE_ATTESTATION_FOREIGN)))
			j11_err_clear(&x->judgement);
		return;
	}
	x->is_proven = j11_attest_check(x->attestation, pub, x->from_file ? file : x->others, roots, now, &x->root, &x->judgement) == JWK11_OK;
}

/* ---- the verb ---- */

/* What makes the exit code: the first thing that is not as it should be. */
static int outcome(struct inspected *x)
{
	struct jwk11_err err = { 0 };

	if (x->claims.gives_value)
		j11_err_set(&err, JWK11_ERR_SIGNATURE, J11_CODE_CHECK_FAILED, "key \"%s\": its token gives its private value to whoever asks", x->name);
	else if (!x->verified && jwk11_key_use(x->key) == JWK11_USE_SIG)
		return cmd_fail_with(&x->signature, cmd_exit_of(x->signature.code, x->signature.rc));
	else if (x->judgement.rc != JWK11_OK)
		err = x->judgement;
	return err.rc == JWK11_OK ? CMD_OK : cmd_fail(&err);
}

static enum jwk11_rc look(struct local *local, struct inspected *x, struct jwk11_certs *file, struct jwk11_certs *roots, struct jwk11_err *err)
{
	const char *kid;
	enum jwk11_rc rc = local_key(local, x->name, &x->key, &x->alg, &kid, err);

	if (rc == JWK11_OK && jwk11_key_pub(x->key) != NULL)
		rc = jwk11_pub_thumbprint(jwk11_key_pub(x->key), x->thumbprint, err);
	if (rc == JWK11_OK)
		rc = j11_claims_read(x->key, &x->claims, err);
	if (rc == JWK11_OK)
		rc = find_attestation(x, file, err);
	if (rc != JWK11_OK)
		return rc;
	check_signature(x);
	if (jwk11_key_pub(x->key) != NULL)
		judge(x, file, roots);
	return JWK11_OK;
}

static int run_inspect(struct cmd_global *g, int argc, char **argv)
{
	J11_AUTO(j11_certs_done_auto) struct jwk11_certs file = { 0 };
	J11_AUTO(j11_certs_done_auto) struct jwk11_certs roots = { 0 };
	J11_AUTO(local_close_auto) struct local *local = NULL;
	struct inspected x = { .root = NULL };
	struct jwk11_err err = { 0 };
	enum jwk11_rc rc = JWK11_OK;
	int code;

	if (argc != 1)
		return cmd_usage("inspect", "takes the name of a key");
	x.name = argv[0];
	if (opt.attestation != NULL)
		rc = read_certs(opt.attestation, &file, &err);
	if (rc == JWK11_OK && opt.roots != NULL)
		rc = read_certs(opt.roots, &roots, &err);
	if (rc == JWK11_OK)
		rc = local_open(g, &local, &err);
	if (rc == JWK11_OK)
		rc = look(local, &x, &file, &roots, &err);
	if (rc == JWK11_OK)
		rc = show_inspect(g, &x, &err);
	code = rc == JWK11_OK ? outcome(&x) : cmd_fail(&err);
	jwk11_certs_free(x.others);
	return code;
}

static const struct cmd_option options[] = {
	{ "roots", 0, CMD_TEXT, &opt.roots, "FILE", "certificates of the makers of devices: an attestation must lead to one of them" },
	{ "attestation", 0, CMD_TEXT, &opt.attestation, "FILE", "the attestation, and that of the device, got by another tool; default: what is on the token" },
};

const struct cmd_verb cmd_inspect = { "inspect", "KEY", "what a token says of a key, what a check shows, what an attestation proves",
	run_inspect, options, J11_COUNT(options), .local = true };
