/* SPDX-License-Identifier: Apache-2.0 */
/* The signature base (RFC 9421 section 2.5), line by line. */
#include "httpsig.h"

#include <string.h>

#include "base/b64.h"
#include "base/err.h"
#include "base/text.h"
#include "json/json_take.h"
#include "url.h"

struct members {
	struct jwk11_view method, url, keyid, nonce, tag, label;
	const struct j11_json *components, *fields;
	bool alg;
};
#define MEMBER(name, type, place, required) { name, J11_JSON_##type, offsetof(struct members, place), required }
static const struct j11_json_field fields[] = {
	MEMBER("method", STRING, method, true),
	MEMBER("url", STRING, url, true),
	MEMBER("components", ARRAY, components, false),
	MEMBER("fields", OBJECT, fields, false),
	MEMBER("keyid", STRING, keyid, false),
	MEMBER("nonce", STRING, nonce, false),
	MEMBER("tag", STRING, tag, false),
	MEMBER("label", STRING, label, false),
	MEMBER("alg", BOOL, alg, false),
};
static const char what[] = "template httpsig: parameters";

/* One signature on its way. */
struct signing {
	struct members m;
	struct j11_url url;
	const struct j11_httpsig_facts *facts;
	struct jwk11_view covered[J11_HTTPSIG_COMPONENTS_MAX];
	size_t n_covered;
	struct jwk11_buf *base, *list; /* the base; its last line's value */
	struct jwk11_err *err;
};

static enum jwk11_rc invalid(struct signing *s, const char *which, struct jwk11_view name, const char *why)
{
	char shown[64];

	j11_text_printable(name, shown, sizeof(shown));
	return j11_err_set(s->err, JWK11_ERR_SYNTAX, J11_CODE_CLAIM_INVALID, "template httpsig: %s \"%s\" %s", which, shown, why);
}

/* ---- characters ---- */

static bool is_token(struct jwk11_view text, bool lower)
{
	const char *p = text.data;

	for (size_t i = 0; i < text.len; i++) {
		bool letter = (p[i] >= 'a' && p[i] <= 'z') || (!lower && p[i] >= 'A' && p[i] <= 'Z');

		if (!letter && !(p[i] >= '0' && p[i] <= '9') && (p[i] == '\0' || strchr("!#$%&'*+-.^_`|~", p[i]) == NULL))
			return false;
	}
	return text.len > 0;
}

/* RFC 8941 section 3.1.2: the key of a dictionary. */
static bool is_label(struct jwk11_view text)
{
	const char *p = text.data;

	for (size_t i = 0; i < text.len; i++) {
		bool lower = p[i] >= 'a' && p[i] <= 'z';

		if (!lower && p[i] != '*' && (i == 0 || (!(p[i] >= '0' && p[i] <= '9') && p[i] != '_' && p[i] != '-' && p[i] != '.')))
			return false;
	}
	return text.len > 0 && text.len <= J11_HTTPSIG_LABEL_MAX;
}

/* RFC 8941 section 3.3.3. */
static bool is_sf_string(struct jwk11_view text)
{
	const char *p = text.data;

	for (size_t i = 0; i < text.len; i++)
		if (p[i] < 0x20 || p[i] > 0x7e)
			return false;
	return text.len > 0 && text.len <= 2048;
}

static void add_sf_string(struct jwk11_buf *out, struct jwk11_view text)
{
	const char *p = text.data;

	j11_buf_add_byte(out, '"');
	for (size_t i = 0; i < text.len; i++) {
		if (p[i] == '"' || p[i] == '\\')
			j11_buf_add_byte(out, '\\');
		j11_buf_add_byte(out, (unsigned char)p[i]);
	}
	j11_buf_add_byte(out, '"');
}

/* ---- derived components (RFC 9421 section 2.2) ---- */

static void add_view(struct jwk11_buf *out, struct jwk11_view text)
{
	j11_buf_add(out, text.data, text.len);
}

static void add_lower(struct jwk11_buf *out, struct jwk11_view text)
{
	const char *p = text.data;

	for (size_t i = 0; i < text.len; i++)
		j11_buf_add_byte(out, (unsigned char)(p[i] >= 'A' && p[i] <= 'Z' ? p[i] - 'A' + 'a' : p[i]));
}

static void add_method(const struct signing *s, struct jwk11_buf *out)
{
	add_view(out, s->m.method);
}

/* 2.2.3: in lower case, without a port that is the scheme's own. */
static void add_authority(const struct signing *s, struct jwk11_buf *out)
{
	add_lower(out, s->url.host);
	if (s->url.port.len == 0 || j11_view_equals(s->url.port, s->url.https ? "443" : "80"))
		return;
	j11_buf_add_byte(out, ':');
	add_view(out, s->url.port);
}

static void add_scheme(const struct signing *s, struct jwk11_buf *out)
{
	j11_buf_add_str(out, s->url.https ? "https" : "http");
}

/* 2.2.6: an empty path is a slash. */
static void add_path(const struct signing *s, struct jwk11_buf *out)
{
	if (s->url.path.len == 0)
		j11_buf_add_byte(out, '/');
	add_view(out, s->url.path);
}

/* 2.2.7: with its question mark, which stands alone when there is none. */
static void add_query(const struct signing *s, struct jwk11_buf *out)
{
	j11_buf_add_byte(out, '?');
	if (s->url.query.data != NULL)
		add_view(out, s->url.query);
}

/* 2.2.5: origin form. */
static void add_request_target(const struct signing *s, struct jwk11_buf *out)
{
	add_path(s, out);
	if (s->url.query.data != NULL)
		add_query(s, out);
}

/* 2.2.2: in the form that each of its parts has by itself. */
static void add_target_uri(const struct signing *s, struct jwk11_buf *out)
{
	add_scheme(s, out);
	j11_buf_add_str(out, "://");
	add_authority(s, out);
	add_request_target(s, out);
}

static const struct derived {
	const char *name;
	void (*add)(const struct signing *s, struct jwk11_buf *out);
} derived[] = {
	{ "@method", add_method }, { "@authority", add_authority }, { "@path", add_path }, { "@query", add_query }, { "@target-uri", add_target_uri },
	{ "@scheme", add_scheme }, { "@request-target", add_request_target },
};
enum { N_DEFAULT = 4 };

static const struct derived *find_derived(struct jwk11_view name)
{
	for (size_t i = 0; i < J11_COUNT(derived); i++)
		if (j11_view_equals(name, derived[i].name))
			return &derived[i];
	return NULL;
}

/* ---- fields (RFC 9421 section 2.1) ---- */

static const struct j11_json *find_field(const struct signing *s, struct jwk11_view lower)
{
	char name[128];

	if (lower.len >= sizeof(name))
		return NULL;
	memcpy(name, lower.data, lower.len);
	name[lower.len] = '\0';
	for (const struct j11_json *f = s->m.fields != NULL ? s->m.fields->child : NULL; f != NULL; f = f->next)
		if (f->name.len == lower.len && j11_text_folds_to(f->name, name))
			return f;
	return NULL;
}

/* One line's value: blanks at both ends do not count. A value is ASCII here: for others a component would need the parameter bs. */
static const char *add_value(struct jwk11_buf *out, struct jwk11_view value)
{
	const char *p = value.data;
	size_t from = 0, to = value.len;

	while (from < to && (p[from] == ' ' || p[from] == '\t'))
		from++;
	while (to > from && (p[to - 1] == ' ' || p[to - 1] == '\t'))
		to--;
	for (size_t i = from; i < to; i++)
		if ((p[i] < 0x20 && p[i] != '\t') || p[i] >= 0x7f)
			return "has a value that is not visible ASCII on one line";
	j11_buf_add(out, p + from, to - from);
	return NULL;
}

static const char *add_field(const struct j11_json *field, struct jwk11_buf *out)
{
	const char *why = NULL;

	if (field->type == J11_JSON_STRING)
		return add_value(out, field->text);
	if (field->type != J11_JSON_ARRAY || field->child == NULL)
		return "must have a string or an array of strings";
	for (const struct j11_json *one = field->child; one != NULL && why == NULL; one = one->next) {
		if (one->type != J11_JSON_STRING)
			return "must have a string or an array of strings";
		if (one != field->child)
			j11_buf_add_str(out, ", ");
		why = add_value(out, one->text);
	}
	return why;
}

/* Names that HTTP knows, none twice in whatever case, and not so many that looking through them takes long. */
static enum jwk11_rc check_fields(struct signing *s)
{
	const struct j11_json *all = s->m.fields;

	if (all == NULL)
		return JWK11_OK;
	if (all->n_children > J11_HTTPSIG_FIELDS_MAX)
		return j11_err_set(s->err, JWK11_ERR_LIMIT, J11_CODE_LIMIT, "template httpsig: more than %u fields", J11_HTTPSIG_FIELDS_MAX);
	for (const struct j11_json *f = all->child; f != NULL; f = f->next) {
		if (!is_token(f->name, false) || f->name.len > 127)
			return invalid(s, "field", f->name, "has a name that is none");
		for (const struct j11_json *other = f->next; other != NULL; other = other->next)
			if (j11_text_folds_alike(f->name, other->name))
				return invalid(s, "field", f->name, "is given twice: its values belong into one array");
	}
	return JWK11_OK;
}

/* ---- what is covered ---- */

static enum jwk11_rc cover(struct signing *s, struct jwk11_view name)
{
	const char *p = name.data;
	bool derives = name.len > 0 && p[0] == '@';

	if (s->n_covered == J11_COUNT(s->covered))
		return j11_err_set(s->err, JWK11_ERR_LIMIT, J11_CODE_LIMIT, "template httpsig: more than %u components", J11_HTTPSIG_COMPONENTS_MAX);
	for (size_t i = 0; i < s->n_covered; i++)
		if (j11_view_equal(s->covered[i], name))
			return invalid(s, "component", name, "stands twice");
	if (derives && find_derived(name) == NULL)
		return invalid(s, "component", name, "is none that is known here");
	if (!derives && !is_token(name, true))
		return invalid(s, "component", name, "is no name of a field in lower case");
	if (!derives && (j11_view_equals(name, "signature") || j11_view_equals(name, "signature-input")))
		return invalid(s, "component", name, "is what comes of it");
	if (!derives && find_field(s, name) == NULL)
		return invalid(s, "component", name, "is a field that is not among \"fields\"");
	s->covered[s->n_covered++] = name;
	return JWK11_OK;
}

/* The name of each field in lower case, into memory that lives as long as `names`. */
static enum jwk11_rc cover_all(struct signing *s, struct jwk11_buf *names)
{
	const struct j11_json *all = s->m.fields;
	enum jwk11_rc rc = JWK11_OK;
	size_t at = 0;

	for (size_t i = 0; i < N_DEFAULT && rc == JWK11_OK; i++)
		rc = cover(s, j11_view_str(derived[i].name));
	for (const struct j11_json *f = all != NULL ? all->child : NULL; f != NULL; f = f->next)
		add_lower(names, f->name);
	if (rc == JWK11_OK)
		rc = j11_buf_check(names, "names of fields", s->err);
	for (const struct j11_json *f = all != NULL ? all->child : NULL; f != NULL && rc == JWK11_OK; f = f->next) {
		rc = cover(s, (struct jwk11_view){ .data = names->data + at, .len = f->name.len });
		at += f->name.len;
	}
	return rc;
}

static enum jwk11_rc cover_asked(struct signing *s)
{
	enum jwk11_rc rc = JWK11_OK;

	if (s->m.components->child == NULL)
		return j11_err_set(s->err, JWK11_ERR_SYNTAX, J11_CODE_CLAIM_INVALID, "template httpsig: \"components\" is empty: the signature would cover nothing");
	for (const struct j11_json *one = s->m.components->child; one != NULL && rc == JWK11_OK; one = one->next)
		rc = one->type == J11_JSON_STRING ? cover(s, one->text) :
			j11_err_set(s->err, JWK11_ERR_SYNTAX, J11_CODE_MEMBER_TYPE, "%s: \"components\" must be an array of strings", what);
	return rc;
}

/* ---- parameters of the signature (RFC 9421 section 2.3) ---- */

const char *j11_httpsig_alg(const char *alg)
{
	static const char *const names[][2] = { { "ES256", "ecdsa-p256-sha256" }, { "ES384", "ecdsa-p384-sha384" }, { "Ed25519", "ed25519" },
		{ "EdDSA", "ed25519" }, { "RS256", "rsa-v1_5-sha256" }, { "PS512", "rsa-pss-sha512" }, { "HS256", "hmac-sha256" } };

	for (size_t i = 0; i < J11_COUNT(names); i++)
		if (j11_text_equal(alg, names[i][0]))
			return names[i][1];
	return NULL;
}

static enum jwk11_rc add_string(struct signing *s, const char *name, struct jwk11_view value)
{
	if (value.data == NULL)
		return JWK11_OK;
	if (!is_sf_string(value))
		return j11_err_set(s->err, JWK11_ERR_SYNTAX, J11_CODE_CLAIM_INVALID, "template httpsig: \"%s\" must be 1 to 2048 visible ASCII characters", name);
	j11_buf_add_fmt(s->list, ";%s=", name);
	add_sf_string(s->list, value);
	return JWK11_OK;
}

static enum jwk11_rc add_alg(struct signing *s)
{
	const char *name = s->m.alg ? j11_httpsig_alg(s->facts->alg) : NULL;

	if (s->m.alg && name == NULL) /* 3.3.7: algorithms of JOSE go by the key and are not named */
		return j11_err_set(s->err, JWK11_ERR_MISMATCH, J11_CODE_ALG_MISMATCH, "template httpsig: RFC 9421 has no name for %s, so \"alg\" cannot be said",
			s->facts->alg);
	return name != NULL ? add_string(s, "alg", j11_view_str(name)) : JWK11_OK;
}

static enum jwk11_rc add_parameters(struct signing *s)
{
	bool named = s->facts->kid != NULL && s->facts->kid[0] != '\0';
	struct jwk11_view keyid = s->m.keyid.data == NULL && named ? j11_view_str(s->facts->kid) : s->m.keyid;
	enum jwk11_rc rc;

	j11_buf_add_fmt(s->list, ";created=%lld", (long long)s->facts->now);
	if (s->facts->ttl > 0)
		j11_buf_add_fmt(s->list, ";expires=%lld", (long long)(s->facts->now + s->facts->ttl));
	rc = add_string(s, "keyid", keyid);
	if (rc == JWK11_OK)
		rc = add_alg(s);
	if (rc == JWK11_OK)
		rc = add_string(s, "nonce", s->m.nonce);
	return rc == JWK11_OK ? add_string(s, "tag", s->m.tag) : rc;
}

/* ---- the whole ---- */

static enum jwk11_rc add_line(struct signing *s, struct jwk11_view name)
{
	const struct derived *d = find_derived(name);
	const char *why = NULL;

	add_sf_string(s->base, name);
	j11_buf_add_str(s->base, ": ");
	if (d != NULL)
		d->add(s, s->base);
	else
		why = add_field(find_field(s, name), s->base);
	j11_buf_add_byte(s->base, '\n');
	return why != NULL ? invalid(s, "field", name, why) : JWK11_OK;
}

static enum jwk11_rc add_all(struct signing *s)
{
	enum jwk11_rc rc = JWK11_OK;

	j11_buf_add_byte(s->list, '(');
	for (size_t i = 0; i < s->n_covered && rc == JWK11_OK; i++) {
		if (i > 0)
			j11_buf_add_byte(s->list, ' ');
		add_sf_string(s->list, s->covered[i]);
		rc = add_line(s, s->covered[i]);
	}
	j11_buf_add_byte(s->list, ')');
	if (rc == JWK11_OK)
		rc = add_parameters(s);
	j11_buf_add_str(s->base, "\"@signature-params\": ");
	j11_buf_add(s->base, s->list->data, s->list->len);
	return rc;
}

static enum jwk11_rc take(struct signing *s, const struct j11_json *parameters)
{
	const char *why;
	enum jwk11_rc rc = j11_json_take(parameters, fields, J11_COUNT(fields), false, what, &s->m, s->err);

	if (rc != JWK11_OK)
		return rc;
	if (!is_token(s->m.method, false) || s->m.method.len > 64)
		return j11_err_set(s->err, JWK11_ERR_SYNTAX, J11_CODE_CLAIM_INVALID, "template httpsig: \"method\" is no HTTP method");
	if (s->m.label.data != NULL && !is_label(s->m.label))
		return j11_err_set(s->err, JWK11_ERR_SYNTAX, J11_CODE_CLAIM_INVALID, "template httpsig: \"label\" must be a lower-case word, as sig1");
	why = j11_url_parse(s->m.url, &s->url);
	if (why == NULL && s->url.fragment.data != NULL)
		why = "has a fragment, which no request has";
	if (why != NULL)
		return j11_err_set(s->err, JWK11_ERR_SYNTAX, J11_CODE_CLAIM_INVALID, "template httpsig: \"url\" %s", why);
	return check_fields(s);
}

enum jwk11_rc j11_httpsig_fill(const struct j11_json *parameters, const struct j11_httpsig_facts *facts, struct j11_httpsig_made *made,
	struct jwk11_err *err)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf names = J11_BUF(J11_HTTPSIG_FIELDS_MAX * 128), list = J11_BUF(J11_HTTPSIG_MAX);
	struct signing s = { .m.label = J11_VIEW("sig1"), .facts = facts, .base = &made->base, .list = &list, .err = err };
	enum jwk11_rc rc;

	if (parameters == NULL)
		return j11_err_set(err, JWK11_ERR_SYNTAX, J11_CODE_MEMBER_MISSING, "template httpsig: \"parameters\" is missing");
	rc = take(&s, parameters);
	if (rc == JWK11_OK)
		rc = s.m.components != NULL ? cover_asked(&s) : cover_all(&s, &names);
	if (rc == JWK11_OK)
		rc = add_all(&s);
	if (rc == JWK11_OK)
		rc = j11_buf_check(&made->base, "signature base", err);
	if (rc != JWK11_OK)
		return rc;
	memcpy(made->label, s.m.label.data, s.m.label.len);
	made->label[s.m.label.len] = '\0';
	j11_buf_add_fmt(&made->input, "%s=", made->label);
	j11_buf_add(&made->input, list.data, list.len);
	return j11_buf_check(&made->input, "Signature-Input", err);
}

void j11_httpsig_signature(struct jwk11_buf *out, const char *label, struct jwk11_view signature)
{
	j11_buf_add_fmt(out, "%s=:", label);
	j11_b64_add(out, signature, 0);
	j11_buf_add_byte(out, ':');
}

void j11_httpsig_digest(struct jwk11_buf *out, const unsigned char hash[32])
{
	j11_buf_add_str(out, "sha-256=:");
	j11_b64_add(out, (struct jwk11_view){ .data = hash, .len = 32 }, 0);
	j11_buf_add_byte(out, ':');
}

void j11_httpsig_made_done(struct j11_httpsig_made *made)
{
	j11_buf_done(&made->base);
	j11_buf_done(&made->input);
}
