/* SPDX-License-Identifier: Apache-2.0 */
/* One table of lists for JSON, templates and whoever walks through a request. */
#include "csr_text.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "json/json_take.h"
#include "json/json_write.h"

static const struct {
	const char *member, *line;
	size_t offset;
} lists[J11_N_CSR_LISTS_] = {
	[J11_NAME_DNS] = { "dns", "dns", offsetof(struct jwk11_csr, dns) },
	[J11_NAME_IP] = { "ip", "ip", offsetof(struct jwk11_csr, ip) },
	[J11_NAME_URI] = { "uri", "uri", offsetof(struct jwk11_csr, uri) },
	[J11_NAME_EMAIL] = { "email", "email", offsetof(struct jwk11_csr, email) },
	[J11_NAME_UPN] = { "upn", "upn", offsetof(struct jwk11_csr, upn) },
	[J11_NAME_HARDWARE] = { "hardware_module", "hardware-module", offsetof(struct jwk11_csr, hardware_module) },
	[J11_NAME_PERMANENT] = { "permanent_identifier", "permanent-identifier", offsetof(struct jwk11_csr, permanent_identifier) },
	[J11_CSR_KEY_USAGE] = { "key_usage", "key-usage", offsetof(struct jwk11_csr, key_usage) },
	[J11_CSR_EKU] = { "eku", "eku", offsetof(struct jwk11_csr, eku) },
};

const char *const *j11_csr_list_of(const struct jwk11_csr *csr, unsigned list)
{
	return *(const char *const *const *)(const void *)((const char *)csr + lists[list].offset);
}

void j11_csr_text_done(struct j11_csr_text *text)
{
	j11_mem_free(text->subject);
	for (unsigned l = 0; l < J11_N_CSR_LISTS_; l++)
		for (size_t i = 0; i < text->list[l].n; i++)
			j11_mem_free(text->list[l].word[i]);
	*text = (struct j11_csr_text){ .subject = NULL };
}

enum jwk11_rc j11_csr_text_add(struct j11_csr_text *text, unsigned list, struct jwk11_view word, struct jwk11_err *err)
{
	size_t n = text->list[list].n;
	char *copy;

	if (n == J11_CSR_NAMES_MAX)
		return j11_err_set(err, JWK11_ERR_LIMIT, J11_CODE_LIMIT, "%s: more than %d", lists[list].member, J11_CSR_NAMES_MAX);
	copy = j11_mem_dup_n(word.data, word.len);
	if (copy == NULL)
		return j11_err_memory(err);
	text->list[list].word[n] = copy;
	text->list[list].n++;
	*(const char *const **)(void *)((char *)&text->csr + lists[list].offset) = (const char *const *)text->list[list].word;
	return JWK11_OK;
}

enum jwk11_rc j11_csr_text_set_subject(struct j11_csr_text *text, struct jwk11_view subject, struct jwk11_err *err)
{
	char *copy = j11_mem_dup_n(subject.data, subject.len);

	if (copy == NULL)
		return j11_err_memory(err);
	j11_mem_free(text->subject);
	text->csr.subject = text->subject = copy;
	return JWK11_OK;
}

/* ---- JSON ---- */

struct members {
	struct jwk11_view subject;
	const struct j11_json *ca;
	const struct j11_json *list[J11_N_CSR_LISTS_];
};

static enum jwk11_rc take_list(const struct j11_json *array, unsigned list, struct j11_csr_text *into, struct jwk11_err *err)
{
	enum jwk11_rc rc = JWK11_OK;

	for (const struct j11_json *word = array ? array->child : NULL; word != NULL && rc == JWK11_OK; word = word->next)
		rc = word->type == J11_JSON_STRING ? j11_csr_text_add(into, list, word->text, err) :
			j11_err_set(err, JWK11_ERR_SYNTAX, J11_CODE_MEMBER_TYPE, "request: member \"%s\" must be an array of strings", lists[list].member);
	return rc;
}

enum jwk11_rc j11_csr_from_json(const struct j11_json *root, struct j11_csr_text *into, struct jwk11_err *err)
{
	struct members m = { .ca = NULL };
	struct j11_json_field fields[J11_N_CSR_LISTS_ + 2] = {
		{ "subject", J11_JSON_STRING, offsetof(struct members, subject), false },
		{ "ca", J11_JSON_ANY, offsetof(struct members, ca), false },
	};
	enum jwk11_rc rc;

	for (unsigned l = 0; l < J11_N_CSR_LISTS_; l++)
		fields[l + 2] = (struct j11_json_field){ lists[l].member, J11_JSON_ARRAY, offsetof(struct members, list) + l * sizeof(m.list[0]), false };
	rc = j11_json_take(root, fields, J11_COUNT(fields), false, "request", &m, err);
	if (rc == JWK11_OK && m.ca != NULL && m.ca->type != J11_JSON_BOOL)
		rc = j11_err_set(err, JWK11_ERR_SYNTAX, J11_CODE_MEMBER_TYPE, "request: member \"ca\" must be true or false");
	if (rc == JWK11_OK && m.ca != NULL)
		into->csr.ca = m.ca->boolean ? JWK11_CSR_CA_YES : JWK11_CSR_CA_NO;
	if (rc == JWK11_OK && m.subject.data != NULL)
		rc = j11_csr_text_set_subject(into, m.subject, err);
	for (unsigned l = 0; l < J11_N_CSR_LISTS_ && rc == JWK11_OK; l++)
		rc = take_list(m.list[l], l, into, err);
	return rc;
}

void j11_csr_to_json(const struct jwk11_csr *csr, struct j11_json_out *o)
{
	if (csr->subject != NULL)
		j11_json_str(o, "subject", csr->subject);
	for (unsigned l = 0; l < J11_N_CSR_LISTS_; l++) {
		const char *const *word = j11_csr_list_of(csr, l);

		if (word == NULL || *word == NULL)
			continue;
		j11_json_open(o, lists[l].member, '[');
		for (; *word != NULL; word++)
			j11_json_str(o, NULL, *word);
		j11_json_close(o);
	}
	if (csr->ca != JWK11_CSR_CA_UNSAID)
		j11_json_boolean(o, "ca", csr->ca == JWK11_CSR_CA_YES);
}

/* ---- templates ---- */

struct reader {
	const char *file;
	unsigned line;
	bool has_subject, has_ca;
	struct j11_csr_text *into;
	struct jwk11_err *err;
};

static enum jwk11_rc refuse(const struct reader *r, const char *why, const char *name)
{
	return j11_err_set(r->err, JWK11_ERR_SYNTAX, J11_CODE_TEMPLATE_INVALID, "%s:%u: %s%s", r->file, r->line, name, why);
}

static enum jwk11_rc add_words(struct reader *r, unsigned list, struct jwk11_view value)
{
	bool splits = list >= J11_N_NAME_;
	const char *p = value.data, *end = p + value.len;
	enum jwk11_rc rc = JWK11_OK;

	for (const char *comma = p; rc == JWK11_OK && p <= end; p = comma + 1) {
		struct jwk11_view word;

		comma = splits && p < end ? memchr(p, ',', (size_t)(end - p)) : NULL;
		if (comma == NULL)
			comma = end;
		word = j11_text_trim((struct jwk11_view){ .data = p, .len = (size_t)(comma - p) });
		rc = word.len > 0 ? j11_csr_text_add(r->into, list, word, r->err) : refuse(r, " has no value", lists[list].line);
	}
	return rc;
}

static enum jwk11_rc unknown(const struct reader *r, struct jwk11_view name)
{
	char shown[48];
	struct j11_nearest nearest = { .word = shown };

	j11_text_printable(name, shown, sizeof(shown));
	j11_nearest_offer(&nearest, "subject");
	for (unsigned l = 0; l < J11_N_CSR_LISTS_; l++)
		j11_nearest_offer(&nearest, lists[l].line);
	j11_err_set(r->err, JWK11_ERR_SYNTAX, J11_CODE_TEMPLATE_INVALID, "%s:%u: unknown name \"%s\"", r->file, r->line, shown);
	if (nearest.best != NULL)
		j11_err_hint(r->err, "did you mean %s?", nearest.best);
	return JWK11_ERR_SYNTAX;
}

static enum jwk11_rc set_ca(struct reader *r, struct jwk11_view value)
{
	bool yes = j11_view_equals(value, "yes");

	if (r->has_ca)
		return refuse(r, "ca stands twice", "");
	if (!yes && !j11_view_equals(value, "no"))
		return refuse(r, "ca is yes or no", "");
	r->has_ca = true;
	r->into->csr.ca = yes ? JWK11_CSR_CA_YES : JWK11_CSR_CA_NO;
	return JWK11_OK;
}

static enum jwk11_rc set_subject(struct reader *r, struct jwk11_view value)
{
	if (r->has_subject)
		return refuse(r, "subject stands twice", "");
	r->has_subject = true;
	return j11_csr_text_set_subject(r->into, value, r->err);
}

static enum jwk11_rc read_line(struct reader *r, struct jwk11_view line)
{
	const char *equals;
	struct jwk11_view name, value;

	if (!j11_text_is_utf8(line) || memchr(line.data, 0, line.len) != NULL)
		return refuse(r, "the line is not UTF-8 text", "");
	line = j11_text_trim(line);
	if (line.len == 0 || *(const char *)line.data == '#')
		return JWK11_OK;
	equals = memchr(line.data, '=', line.len);
	if (equals == NULL)
		return refuse(r, "a line is name = value", "");
	name = j11_text_trim((struct jwk11_view){ .data = line.data, .len = (size_t)(equals - (const char *)line.data) });
	value = j11_text_trim((struct jwk11_view){ .data = equals + 1, .len = (size_t)((const char *)line.data + line.len - equals - 1) });
	if (j11_view_equals(name, "subject"))
		return set_subject(r, value);
	if (j11_view_equals(name, "ca"))
		return set_ca(r, value);
	for (unsigned l = 0; l < J11_N_CSR_LISTS_; l++)
		if (j11_view_equals(name, lists[l].line))
			return add_words(r, l, value);
	return unknown(r, name);
}

enum jwk11_rc j11_csr_from_template(struct jwk11_view text, const char *file, struct j11_csr_text *into, struct jwk11_err *err)
{
	struct reader r = { .file = file, .into = into, .err = err };
	const char *p = text.data, *end = p + text.len;
	enum jwk11_rc rc = JWK11_OK;

	if (text.len > J11_CSR_TEMPLATE_MAX)
		return j11_err_set(err, JWK11_ERR_LIMIT, J11_CODE_LIMIT, "%s: longer than %d octets", file, J11_CSR_TEMPLATE_MAX);
	while (rc == JWK11_OK && p < end) {
		const char *newline = memchr(p, '\n', (size_t)(end - p));
		size_t len = (size_t)((newline ? newline : end) - p);

		r.line++;
		rc = read_line(&r, (struct jwk11_view){ .data = p, .len = len });
		p += len + 1;
	}
	return rc;
}
