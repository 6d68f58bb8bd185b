/* SPDX-License-Identifier: Apache-2.0 */
/* What a certificate request is to hold, as JSON (a request's body) and as lines (a template) to a struct jwk11_csr that owns its strings. Pure. */
#ifndef J11_CSR_TEXT_H
#define J11_CSR_TEXT_H

#include "json/json_read.h"
#include "names.h"

/* The lists of struct jwk11_csr; those of names come first, in the order of enum j11_name_kind. */
enum j11_csr_list { J11_CSR_KEY_USAGE = J11_N_NAME_, J11_CSR_EKU, J11_N_CSR_LISTS_ };
#define J11_CSR_NAMES_MAX 64       /* alternative names in all, and usages and purposes each */
#define J11_CSR_TEMPLATE_MAX 65536 /* octets of a template */
#define J11_CSR_CHALLENGE_MAX 255  /* octets: RFC 2985, pkcs-9-ub-challengePassword */

/* NULL-terminated or NULL. */
const char *const *j11_csr_list_of(const struct jwk11_csr *csr, unsigned list);

struct j11_csr_text {
	struct jwk11_csr csr; /* points into what follows */
	char *subject;
	struct {
		char *word[J11_CSR_NAMES_MAX + 1];
		size_t n;
	} list[J11_N_CSR_LISTS_];
};
void j11_csr_text_done(struct j11_csr_text *text);

/* One more, copied. Errors: LIMIT. */
enum jwk11_rc j11_csr_text_add(struct j11_csr_text *text, unsigned list, struct jwk11_view word, struct jwk11_err *err) J11_MUST_USE;
/* Replaces. */
enum jwk11_rc j11_csr_text_set_subject(struct j11_csr_text *text, struct jwk11_view subject, struct jwk11_err *err) J11_MUST_USE;

/* Members: subject, ca, and an array of strings for each list; no others. */
enum jwk11_rc j11_csr_from_json(const struct j11_json *root, struct j11_csr_text *into, struct jwk11_err *err) J11_MUST_USE;
/* The same members again into an object that is open, for the body of a request; without the challenge. */
struct j11_json_out;
void j11_csr_to_json(const struct jwk11_csr *csr, struct j11_json_out *o);

/* Lines `name = value` as in jwk11.conf: blank ones and those that begin with "#" are skipped. subject and ca stand once; names one to a line and as
 * often as need be; key-usage and eku also take several with commas between. `file` is for messages ("csr.conf:3: …"). Nothing is taken from what the
 * text does not say: `into` keeps it. Errors: SYNTAX (TEMPLATE_INVALID), LIMIT. */
enum jwk11_rc j11_csr_from_template(struct jwk11_view text, const char *file, struct j11_csr_text *into, struct jwk11_err *err) J11_MUST_USE;

#endif
