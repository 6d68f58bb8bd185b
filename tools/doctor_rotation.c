/* SPDX-License-Identifier: Apache-2.0 */
/* What ends soon: versions of keys, and certificates. */
#include <inttypes.h>
#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <time.h>

#include "ask.h"
#include "base/text.h"
#include "doctor.h"
#include "show.h"

enum { DAY = 86400, CERT_DAYS = 30 };

/* ---- versions ---- */

/* Seconds since 1970; 0: not known, or null. */
static int64_t moment_of(const struct j11_json *object, const char *name)
{
	const struct j11_json *m = j11_json_get(object, name);
	int64_t ms = 0;

	return m != NULL && m->type == J11_JSON_STRING && j11_text_to_time(m->text, &ms) ? ms / 1000 : 0;
}

static int64_t number_of(const struct j11_json *object, const char *name)
{
	const struct j11_json *m = j11_json_get(object, name);
	uint64_t n = 0;

	return m != NULL && m->type == J11_JSON_NUMBER && j11_text_to_u64(m->text, INT32_MAX, &n) ? (int64_t)n : 0;
}

static const struct j11_json *version_in(const struct j11_json *versions, const char *wanted)
{
	char state[16];

	for (const struct j11_json *v = versions->child; v != NULL; v = v->next) {
		show_member(v, "state", state, sizeof(state));
		if (j11_text_equal(state, wanted))
			return v;
	}
	return NULL;
}

static void check_period(struct doctor *d, const struct j11_json *key, const char *name, int64_t from)
{
	int64_t now = time(NULL), due = from + number_of(key, "period"), lead = number_of(key, "lead");
	char next[400], text[21];

	snprintf(next, sizeof(next), "jwk11 rotate %s; jwk11-rotate@%s.timer does it in time", name, name);
	if (number_of(key, "period") == 0 || from == 0) {
		doctor_say(d, DOCTOR_ROTATION_OK, name, NULL, "no next version, and none is planned");
		return;
	}
	j11_text_time(due, text);
	if (now >= due)
		doctor_say(d, DOCTOR_ROTATION_LATE, name, next, "its period ended at %s, and there is no next version", text);
	else if (now + lead >= due)
		doctor_say(d, DOCTOR_ROTATION_DUE, name, next, "its period ends at %s, and the next version is not published yet", text);
	else
		doctor_say(d, DOCTOR_ROTATION_OK, name, NULL, "its period ends at %s, the next version is due %" PRId64 " s before", text, lead);
}

static void check_versions(struct doctor *d, const struct j11_json *key, const struct j11_json *versions)
{
	const struct j11_json *active = version_in(versions, "active"), *next = version_in(versions, "next"), *retiring = version_in(versions, "retiring");
	char name[128], kid[300], text[21];
	int64_t until = retiring != NULL ? moment_of(retiring, "until") : 0;

	show_member(key, "name", name, sizeof(name));
	if (next != NULL && moment_of(next, "from") > 0) {
		j11_text_time(moment_of(next, "from"), text);
		doctor_say(d, DOCTOR_ROTATION_OK, name, NULL, "the next version signs from %s", text);
	} else if (active != NULL) {
		check_period(d, key, name, moment_of(active, "from"));
	}
	if (until == 0)
		return;
	show_member(retiring, "kid", kid, sizeof(kid));
	doctor_say(d, DOCTOR_ROTATION_RETIRING, name, NULL, "%s leaves the set in %" PRId64 " days", kid, (until - time(NULL)) / DAY);
}

void doctor_rotation(struct doctor *d)
{
	const struct j11_json *keys = j11_json_get(j11_json_root(d->keys), "keys");

	for (const struct j11_json *k = keys ? keys->child : NULL; k != NULL; k = k->next)
		if (j11_json_get(k, "versions") != NULL)
			check_versions(d, k, j11_json_get(k, "versions"));
}

/* ---- certificates ---- */

/* The end of the first one; 0: it cannot be read. */
static int64_t end_of(struct jwk11_view pem)
{
	BIO *in = BIO_new_mem_buf(pem.data, (int)pem.len);
	X509 *cert = in != NULL ? PEM_read_bio_X509(in, NULL, NULL, NULL) : NULL;
	struct tm tm = { 0 };
	int64_t end = cert != NULL && ASN1_TIME_to_tm(X509_get0_notAfter(cert), &tm) == 1 ? timegm(&tm) : 0;

	X509_free(cert);
	BIO_free(in);
	return end;
}

static void check_cert(struct doctor *d, const char *name, const char *note)
{
	static const char renew[] = "have it renewed, then put it onto the token";
	J11_AUTO(ask_done_auto) struct ask_answer answer = { 0 };
	struct jwk11_err err = { 0 };
	int64_t now = time(NULL), end;
	char text[21];

	if (ask_key(d->g, name, "", "application/pem-certificate-chain", NULL, &answer, &err) != JWK11_OK) {
		doctor_say(d, DOCTOR_CERT_NOTE, name, NULL, "%s", err.text);
		return;
	}
	end = end_of(j11_buf_view(&answer.body));
	if (end == 0) {
		doctor_say(d, DOCTOR_CERT_NOTE, name, NULL, "its certificate has an end that cannot be read");
		return;
	}
	j11_text_time(end, text);
	if (end <= now)
		doctor_say(d, DOCTOR_CERT_EXPIRED, name, renew, "its certificate expired at %s", text);
	else if (end - now < (int64_t)CERT_DAYS * DAY)
		doctor_say(d, DOCTOR_CERT_ENDS, name, renew, "its certificate ends at %s, in %" PRId64 " days", text, (end - now) / DAY);
	else
		doctor_say(d, DOCTOR_CERT_OK, name, NULL, "its certificate is good until %s", text);
	if (note[0] != '\0' && end > now)
		doctor_say(d, DOCTOR_CERT_NOTE, name, NULL, "%s", note);
}

void doctor_certs(struct doctor *d)
{
	const struct j11_json *keys = j11_json_get(j11_json_root(d->keys), "keys");
	char name[128], note[JWK11_TEXT_MAX];

	for (const struct j11_json *k = keys ? keys->child : NULL; k != NULL; k = k->next) {
		show_member(k, "name", name, sizeof(name));
		show_member(k, "certificate_note", note, sizeof(note));
		if (j11_json_get(k, "x5t#S256") != NULL)
			check_cert(d, name, note);
		else if (note[0] != '\0')
			doctor_say(d, DOCTOR_CERT_NOTE, name, NULL, "%s", note);
	}
}
