/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates onto a token: issuers first and the leaf last, so that a chain that is there is whole; what the leaf replaces goes when it has been read
 * back. Nothing here is a secret, and nothing that the key needs to sign. */
#include "cert_write.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "cert.h"
#include "jose/bundle.h"
#include "jose/cert_text.h"
#include "key.h"
#include "made.h"

enum { ISSUER_ID_LEN = 16 };

static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;

/* Certificates that the token has, each with its handle. */
struct there {
	struct jwk11_certs certs;
	CK_OBJECT_HANDLE *handles;
};

struct job {
	struct jwk11_key *key;
	struct jwk11_token *token;
	const struct jwk11_certs *certs; /* the leaf first */
	size_t n;
	CK_SESSION_HANDLE session;
	struct there there;
	unsigned char spki_hash[J11_SPKI_HASH_LEN]; /* of the key */
	CK_OBJECT_HANDLE written[J11_BUNDLE_MAX];
	size_t n_written;
	struct jwk11_imported done;
};

enum jwk11_rc j11_certs_valid(const struct jwk11_certs *certs, size_t n, int64_t now, struct jwk11_err *err)
{
	for (size_t i = 0; i < n; i++) {
		const struct j11_cert *cert = certs->list[i];
		struct j11_cert_text text;

		if (j11_cert_is_valid_at(cert, now))
			continue;
		j11_cert_text(cert, &text);
		return j11_err_set(err, JWK11_ERR_MISMATCH, J11_CODE_CERT_EXPIRED, "the certificate%s (%.120s) %s %s", i > 0 ? " of an issuer" : "", text.subject,
			cert->not_after < now ? "expired at" : "is not valid before", cert->not_after < now ? text.not_after : text.not_before);
	}
	return JWK11_OK;
}

/* A sentence more, if it fits. */
static void note(struct job *j, const char *text)
{
	size_t len = strlen(j->done.note);

	if (len + strlen(text) + 3 < sizeof(j->done.note))
		snprintf(j->done.note + len, sizeof(j->done.note) - len, "%s%s", len > 0 ? "; " : "", text);
}

/* ---- what is there ---- */

static void there_done(struct there *there)
{
	j11_certs_done(&there->certs);
	j11_mem_free(there->handles);
}

static enum jwk11_rc look(struct job *j, struct jwk11_err *err)
{
	J11_AUTO(j11_mem_free_auto) CK_OBJECT_HANDLE *handles = NULL;
	const struct jwk11_view any = { 0 };
	size_t n = 0;
	enum jwk11_rc rc = j11_obj_find(j->token, j->session, CKO_CERTIFICATE, any, any, &handles, &n, err);

	if (rc == JWK11_OK && n > J11_CERTS_MAX)
		rc = j11_err_set(err, JWK11_ERR_LIMIT, J11_CODE_LIMIT, "token \"%s\" has more than %d certificates", j->token->info.label, J11_CERTS_MAX);
	if (rc != JWK11_OK)
		return rc;
	j->there.handles = j11_mem_new_array(n, sizeof(CK_OBJECT_HANDLE));
	if (j->there.handles == NULL)
		return j11_err_memory(err);
	for (size_t i = 0; rc == JWK11_OK && i < n; i++) {
		size_t before = j->there.certs.n;

		rc = j11_cert_read(j->token, j->session, handles[i], &j->there.certs, err);
		if (j->there.certs.n > before)
			j->there.handles[before] = handles[i];
	}
	return rc;
}

static bool is_there(const struct job *j, const struct j11_cert *cert)
{
	for (size_t i = 0; i < j->there.certs.n; i++)
		if (j11_view_equal(j->there.certs.list[i]->der, cert->der))
			return true;
	return false;
}

/* A certificate of this key that is not the new one, nor the device's own word about the key. */
static bool is_replaced(const struct job *j, const struct j11_cert *cert)
{
	return !j11_view_equal(cert->der, j->certs->list[0]->der) && j11_cert_holds(cert, j->key->pub, j->spki_hash, true) && !j11_cert_is_attestation(cert);
}

/* ---- writing ---- */

/* Attributes that tokens refuse: each step leaves out more. A card has no more than the certificate, and takes the key's id for its place. */
enum { WITHOUT_NOTHING, WITHOUT_PRIVATE, WITHOUT_NAMES, N_STEPS };
struct row {
	CK_ATTRIBUTE attribute;
	int until; /* the step from which it is left out */
};

/* What an object's attributes point to. */
struct parts {
	struct jwk11_buf subject, issuer, serial;
	struct jwk11_view label, id;
	char label_text[J11_LABEL_MAX];
};

static void parts_done(struct parts *p)
{
	j11_buf_done(&p->subject);
	j11_buf_done(&p->issuer);
	j11_buf_done(&p->serial);
}

/* The leaf goes by the key's id and label, an issuer by its own name and key. */
static enum jwk11_rc make_parts(const struct job *j, const struct j11_cert *cert, struct parts *p, struct jwk11_err *err)
{
	enum jwk11_rc rc = j11_cert_part(cert, J11_CERT_SUBJECT, &p->subject, err);
	struct j11_cert_text text;

	if (rc == JWK11_OK)
		rc = j11_cert_part(cert, J11_CERT_ISSUER, &p->issuer, err);
	if (rc == JWK11_OK)
		rc = j11_cert_part(cert, J11_CERT_SERIAL, &p->serial, err);
	if (cert == j->certs->list[0]) {
		p->id = (struct jwk11_view){ .data = j->key->id, .len = j->key->id_len };
		p->label = (struct jwk11_view){ .data = j->key->raw_label, .len = j->key->raw_label_len };
		return rc;
	}
	j11_cert_text(cert, &text);
	snprintf(p->label_text, sizeof(p->label_text), "%s", text.subject);
	p->label = j11_view_str(p->label_text);
	p->id = (struct jwk11_view){ .data = cert->spki_hash, .len = ISSUER_ID_LEN };
	return rc;
}

static CK_ATTRIBUTE of_view(CK_ATTRIBUTE_TYPE type, struct jwk11_view v)
{
	return (CK_ATTRIBUTE){ type, (void *)v.data, v.len };
}

static CK_RV create_at(const struct job *j, const struct j11_cert *cert, const struct parts *p, int step, CK_OBJECT_HANDLE *ret_handle)
{
	static const CK_OBJECT_CLASS class = CKO_CERTIFICATE;
	static const CK_CERTIFICATE_TYPE type = CKC_X_509;
	const struct row rows[] = {
		{ { CKA_CLASS, (void *)&class, sizeof(class) }, N_STEPS },
		{ { CKA_CERTIFICATE_TYPE, (void *)&type, sizeof(type) }, N_STEPS },
		{ { CKA_TOKEN, &yes, sizeof(yes) }, N_STEPS },
		{ { CKA_PRIVATE, &no, sizeof(no) }, WITHOUT_PRIVATE },
		{ of_view(CKA_LABEL, p->label), p->label.len > 0 ? WITHOUT_NAMES : 0 },
		{ of_view(CKA_ID, p->id), p->id.len > 0 ? N_STEPS : 0 },
		{ of_view(CKA_SUBJECT, j11_buf_view(&p->subject)), N_STEPS }, /* mandatory, section 4.6.3 */
		{ of_view(CKA_ISSUER, j11_buf_view(&p->issuer)), WITHOUT_NAMES },
		{ of_view(CKA_SERIAL_NUMBER, j11_buf_view(&p->serial)), WITHOUT_NAMES },
		{ of_view(CKA_VALUE, cert->der), N_STEPS },
	};
	CK_ATTRIBUTE template[J11_COUNT(rows)];
	CK_ULONG n = 0;

	for (size_t i = 0; i < J11_COUNT(rows); i++)
		if (step < rows[i].until)
			template[n++] = rows[i].attribute;
	return j->token->fl->C_CreateObject(j->session, template, n, ret_handle);
}

/* Permanent: this token has no place for such an object. */
static bool is_refusal(CK_RV rv)
{
	return j11_made_is_about_attributes(rv) || rv == CKR_ACTION_PROHIBITED || rv == CKR_TOKEN_WRITE_PROTECTED || j11_ckr_is_permanent(rv);
}

/* Does the token show what it was given? */
static enum jwk11_rc read_back(const struct job *j, const struct j11_cert *cert, CK_OBJECT_HANDLE handle, struct jwk11_err *err)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf der = J11_BUF(J11_CERT_LEN_MAX);
	enum jwk11_rc rc = j11_obj_value(j->token, j->session, handle, "certificate", &der, err);

	if (rc == JWK11_OK && !j11_view_equal(j11_buf_view(&der), cert->der))
		rc = j11_err_set(err, JWK11_ERR_DEVICE, J11_CODE_TOKEN_FAILED, "token \"%s\" has taken the certificate and shows another one",
			j->token->info.label);
	return rc;
}

static enum jwk11_rc refused(const struct job *j, CK_RV rv, struct jwk11_err *err)
{
	if (!is_refusal(rv))
		return j11_token_failed(j->token, rv, "C_CreateObject", err);
	j11_err_set_ckr(err, JWK11_ERR_UNSUPPORTED, J11_CODE_UNSUPPORTED, rv, "token \"%s\" takes no certificate for key \"%s\": C_CreateObject",
		j->token->info.label, j->key->label);
	j11_err_hint(err, "jwk11 import-cert --dir puts it into a file");
	return JWK11_ERR_UNSUPPORTED;
}

static enum jwk11_rc write_one(struct job *j, const struct j11_cert *cert, struct jwk11_err *err)
{
	struct parts parts = { .subject = J11_BUF(J11_CERT_LEN_MAX), .issuer = J11_BUF(J11_CERT_LEN_MAX), .serial = J11_BUF(J11_CERT_LEN_MAX) };
	CK_OBJECT_HANDLE handle = CK_INVALID_HANDLE;
	enum jwk11_rc rc = make_parts(j, cert, &parts, err);
	CK_RV rv = CKR_TEMPLATE_INCONSISTENT;

	for (int step = WITHOUT_NOTHING; rc == JWK11_OK && step < N_STEPS && j11_made_is_about_attributes(rv); step++)
		rv = create_at(j, cert, &parts, step, &handle);
	parts_done(&parts);
	if (rc != JWK11_OK || rv != CKR_OK)
		return rc != JWK11_OK ? rc : refused(j, rv, err);
	j->written[j->n_written++] = handle;
	return read_back(j, cert, handle, err);
}

/* A card that keeps one certificate for each key refuses issuers; any other failure is one. */
static enum jwk11_rc write_issuer(struct job *j, const struct j11_cert *cert, struct jwk11_err *err)
{
	struct jwk11_err why = { 0 };
	enum jwk11_rc rc = write_one(j, cert, &why);

	if (rc == JWK11_ERR_UNSUPPORTED) {
		if (j->done.n_refused++ == 0)
			note(j, "the token does not take certificates of issuers");
		return JWK11_OK;
	}
	if (rc == JWK11_OK)
		j->done.n_written++;
	else if (err != NULL)
		*err = why;
	return rc;
}

static enum jwk11_rc write_all(struct job *j, bool dry, struct jwk11_err *err)
{
	enum jwk11_rc rc = JWK11_OK;

	for (size_t i = j->n; rc == JWK11_OK && i > 0; i--) {
		const struct j11_cert *cert = j->certs->list[i - 1];

		if (is_there(j, cert))
			j->done.n_there++;
		else if (dry)
			j->done.n_written++;
		else if (i > 1)
			rc = write_issuer(j, cert, err);
		else if ((rc = write_one(j, cert, err)) == JWK11_OK)
			j->done.n_written++;
	}
	return rc;
}

static void undo(const struct job *j, struct jwk11_err *err)
{
	bool gone = true;

	for (size_t i = j->n_written; i > 0; i--)
		gone &= j->token->fl->C_DestroyObject(j->session, j->written[i - 1]) == CKR_OK;
	if (err == NULL || err->hint[0] != '\0')
		return;
	if (gone)
		j11_err_hint(err, "the token's certificates are what they were");
	else
		j11_err_hint(err, "not all that was written could be removed again: jwk11 cert list --offline");
}

/* Where a card has one place for each key, the new one is in it already: what is destroyed must still be the old one. */
static bool destroy(const struct job *j, size_t at)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf der = J11_BUF(J11_CERT_LEN_MAX);
	const struct j11_cert *old = j->there.certs.list[at];
	CK_OBJECT_HANDLE handle = j->there.handles[at];

	if (j11_obj_value(j->token, j->session, handle, "certificate", &der, NULL) != JWK11_OK || !j11_view_equal(j11_buf_view(&der), old->der))
		return true;
	return j->token->fl->C_DestroyObject(j->session, handle) == CKR_OK;
}

static void replace(struct job *j, unsigned flags)
{
	bool stays = false;

	for (size_t i = 0; i < j->there.certs.n; i++) {
		if (!is_replaced(j, j->there.certs.list[i]))
			continue;
		if ((flags & JWK11_IMPORT_KEEP) != 0)
			continue;
		if ((flags & JWK11_IMPORT_DRY_RUN) != 0 || destroy(j, i))
			j->done.n_replaced++;
		else
			stays = true;
	}
	if (stays)
		note(j, "an older certificate of the key could not be removed");
}

static enum jwk11_rc run(struct job *j, unsigned flags, struct jwk11_err *err)
{
	struct jwk11_err why = { 0 };
	enum jwk11_rc rc = look(j, &why);

	if (rc == JWK11_OK)
		rc = write_all(j, (flags & JWK11_IMPORT_DRY_RUN) != 0, &why);
	if (rc == JWK11_OK) {
		replace(j, flags);
		return JWK11_OK;
	}
	undo(j, &why);
	if (err != NULL)
		*err = why;
	return rc;
}

enum jwk11_rc j11_cert_write(struct jwk11_key *key, const struct jwk11_certs *certs, size_t n, unsigned flags, struct jwk11_imported *ret_done,
	struct jwk11_err *err)
{
	struct job j = { .key = key, .token = key->token, .certs = certs, .n = n };
	struct jwk11_err times = { 0 };
	enum jwk11_rc rc = j11_p11_check(key->token->ctx, err);
	CK_RV rv;

	if (rc == JWK11_OK && j11_certs_valid(certs, n, time(NULL), &times) != JWK11_OK) {
		if ((flags & JWK11_IMPORT_STRICT) != 0) {
			*(err != NULL ? err : &times) = times;
			return times.rc;
		}
		note(&j, times.text);
	}
	if (rc == JWK11_OK)
		rc = j11_pub_spki_hash(key->pub, j.spki_hash, err);
	if (rc != JWK11_OK)
		return rc;
	rv = key->token->fl->C_OpenSession(key->token->slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &j.session);
	if (rv != CKR_OK)
		return j11_token_failed(key->token, rv, "C_OpenSession", err);
	rc = run(&j, flags, err);
	key->token->fl->C_CloseSession(j.session);
	there_done(&j.there);
	if (rc == JWK11_OK)
		*ret_done = j.done;
	return rc;
}

enum jwk11_rc jwk11_key_import_chain(struct jwk11_key *key, struct jwk11_view text, unsigned flags, struct jwk11_imported *ret_done,
	struct jwk11_err *err)
{
	J11_AUTO(j11_certs_done_auto) struct jwk11_certs certs = { 0 };
	struct jwk11_imported done;
	struct j11_chain_of of;
	size_t n = 0;
	enum jwk11_rc rc;

	if (key == NULL || text.data == NULL)
		return j11_err_set(err, JWK11_ERR_ARGUMENT, J11_CODE_ARGUMENT, "import of a certificate: key or text is missing");
	if (key->pub == NULL)
		return j11_err_set(err, JWK11_ERR_MISMATCH, J11_CODE_KEY_SECRET, "key \"%s\" is a secret key: no certificate is of it", key->label);
	of = (struct j11_chain_of){ .pub = key->pub, .name = key->label, .now = (int64_t)time(NULL) };
	rc = j11_bundle_read(text, &certs, err);
	if (rc == JWK11_OK)
		rc = j11_bundle_sort(&certs, &of, &n, err);
	return rc == JWK11_OK ? j11_cert_write(key, &certs, n, flags, ret_done != NULL ? ret_done : &done, err) : rc;
}
