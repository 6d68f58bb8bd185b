/* SPDX-License-Identifier: Apache-2.0 */
/* From what the caller wants and what the key says to a signed JWS. */
#include "jws_make.h"

#include "base/b64.h"
#include "base/err.h"
#include "base/text.h"
#include "json/json_take.h"
#include "jwk.h"
#include "x5c.h"

/* One JWS on its way. */
struct making {
	const struct j11_jws_spec *spec;
	const struct jwk11_jws *onto;
	struct jwk11_view payload;
	struct jwk11_buf input; /* BASE64URL(header) "." and the payload as it is signed */
	size_t header_len;      /* of it, without the dot */
	struct jwk11_buf sig;
	struct jwk11_err *err;
};

static enum jwk11_rc refuse(const char *which, const char *why, struct jwk11_err *err)
{
	return j11_err_set(err, JWK11_ERR_SYNTAX, J11_CODE_HEADER_REFUSED, "%s header: %s", which, why);
}

static enum jwk11_rc refuse_member(const char *which, struct jwk11_view name, const char *why, struct jwk11_err *err)
{
	char text[48];

	j11_text_printable(name, text, sizeof(text));
	return j11_err_set(err, JWK11_ERR_SYNTAX, J11_CODE_HEADER_REFUSED, "%s header: member \"%s\" %s", which, text, why);
}

/* ---- what the caller may not ask for ---- */

/* One object of the caller's members. */
static enum jwk11_rc check_members(const struct j11_jws_spec *spec, const char *which, const struct j11_json *obj, struct jwk11_err *err)
{
	if (obj == NULL)
		return JWK11_OK;
	if (obj->type != J11_JSON_OBJECT)
		return j11_err_set(err, JWK11_ERR_SYNTAX, J11_CODE_MEMBER_TYPE, "%s header must be an object", which);
	if (obj->n_children > J11_JWS_HEADER_VALUES)
		return j11_err_set(err, JWK11_ERR_LIMIT, J11_CODE_LIMIT, "%s header: more than %u members", which, J11_JWS_HEADER_VALUES);
	for (const struct j11_json *m = obj->child; m != NULL; m = m->next) {
		bool typ = j11_view_equals(m->name, "typ"), cty = j11_view_equals(m->name, "cty");
		const char *why = typ || cty ? j11_jws_media_problem(m) : NULL;

		if (j11_jws_is_ours(m->name))
			why = "is not the caller's to set";
		else if ((typ && spec->typ.data != NULL) || (cty && spec->cty.data != NULL))
			why = "is given twice";
		if (why != NULL)
			return refuse_member(which, m->name, why, err);
	}
	return JWK11_OK;
}

static enum jwk11_rc check_media(const struct j11_jws_spec *spec, struct jwk11_err *err)
{
	const char *typ = spec->typ.data ? j11_jws_media_text_problem(spec->typ) : NULL;
	const char *cty = spec->cty.data ? j11_jws_media_text_problem(spec->cty) : NULL;

	if (typ != NULL)
		return refuse_member("protected", J11_VIEW("typ"), typ, err);
	return cty != NULL ? refuse_member("protected", J11_VIEW("cty"), cty, err) : JWK11_OK;
}

static bool is_jwt(const struct j11_jws_spec *spec)
{
	const struct j11_json *own = j11_json_get(spec->extra, "typ"), *open = j11_json_get(spec->header, "typ");

	return (spec->typ.data != NULL && j11_jws_typ_is_jwt(spec->typ)) || (own != NULL && j11_jws_typ_is_jwt(own->text)) ||
		(open != NULL && j11_jws_typ_is_jwt(open->text));
}

/* What goes together with which serialisation. */
static enum jwk11_rc check_form(const struct j11_jws_spec *spec, const struct jwk11_jws *onto, struct jwk11_err *err)
{
	bool unencoded = spec->flags & JWK11_JWS_UNENCODED;

	if (spec->form == JWK11_JWS_COMPACT && spec->header != NULL)
		return refuse("unprotected", "the compact serialization has none", err);
	if (unencoded && !(spec->flags & JWK11_JWS_DETACHED))
		return refuse("protected", "\"b64\": false is for detached payloads only", err);
	if (unencoded && is_jwt(spec))
		return refuse("protected", "a JWT cannot have an unencoded payload (\"b64\": false)", err);
	if (onto == NULL)
		return JWK11_OK;
	if (spec->form != JWK11_JWS_GENERAL)
		return j11_err_set(err, JWK11_ERR_SYNTAX, J11_CODE_ARGUMENT, "a signature is added in the general serialization only");
	if (onto->n >= J11_JWS_SIGNATURES_MAX)
		return j11_err_set(err, JWK11_ERR_LIMIT, J11_CODE_LIMIT, "JWS: more than %u signatures", J11_JWS_SIGNATURES_MAX);
	return unencoded == onto->unencoded ? JWK11_OK : refuse("protected", "\"b64\" must be the same for all signatures", err);
}

static enum jwk11_rc check(const struct j11_jws_spec *spec, const struct jwk11_jws *onto, struct jwk11_err *err)
{
	const char *why;
	enum jwk11_rc rc = check_members(spec, "protected", spec->extra, err);

	if (rc == JWK11_OK)
		rc = check_members(spec, "unprotected", spec->header, err);
	if (rc == JWK11_OK)
		rc = check_media(spec, err);
	if (rc != JWK11_OK)
		return rc;
	why = j11_jws_header_problem(spec->extra, spec->header);
	return why == NULL ? check_form(spec, onto, err) : refuse("protected", why, err);
}

/* Its own, or that of the JWS it is added to. */
static enum jwk11_rc choose_payload(struct making *m, const struct jwk11_view *payload)
{
	bool carried = m->onto != NULL && m->onto->carries;

	if (payload == NULL && !carried)
		return j11_err_set(m->err, JWK11_ERR_SYNTAX, J11_CODE_MEMBER_MISSING, "the payload is missing%s", m->onto ? ": the JWS does not carry it" : "");
	if (payload != NULL && payload->len > J11_JWS_PAYLOAD_MAX)
		return j11_err_set(m->err, JWK11_ERR_LIMIT, J11_CODE_INPUT_TOO_LONG, "payload is longer than %u bytes", J11_JWS_PAYLOAD_MAX);
	if (payload != NULL && carried && !j11_view_equal(*payload, j11_buf_view(&m->onto->payload)))
		return j11_err_set(m->err, JWK11_ERR_MISMATCH, J11_CODE_MISMATCH, "the payload is not that of the JWS");
	m->payload = payload ? *payload : j11_buf_view(&m->onto->payload);
	return JWK11_OK;
}

/* ---- the protected header ---- */

static void write_crit(const struct j11_jws_spec *spec, struct j11_json_out *o)
{
	const struct j11_json *crit = j11_json_get(spec->extra, "crit");
	bool unencoded = spec->flags & JWK11_JWS_UNENCODED;

	if (unencoded)
		j11_json_boolean(o, "b64", false);
	if (!unencoded && crit == NULL)
		return;
	j11_json_open(o, "crit", '[');
	for (const struct j11_json *one = crit ? crit->child : NULL; one != NULL; one = one->next)
		j11_json_value(o, NULL, one);
	if (unencoded)
		j11_json_str(o, NULL, "b64");
	j11_json_close(o);
}

static enum jwk11_rc write_header(const struct j11_jws_spec *spec, struct jwk11_buf *header, struct jwk11_err *err)
{
	struct j11_json_out o = J11_JSON_OUT(header);

	j11_json_open(&o, NULL, '{');
	j11_json_str(&o, "alg", spec->alg->name);
	if (spec->jwk != NULL)
		j11_jwk_write_bare(&o, "jwk", spec->jwk);
	else if (spec->kid != NULL && spec->kid[0] != '\0')
		j11_json_str(&o, "kid", spec->kid);
	if (spec->x5c != NULL)
		j11_x5c_write(&o, "x5c", spec->x5c);
	if (spec->typ.data != NULL)
		j11_json_view(&o, "typ", spec->typ);
	if (spec->cty.data != NULL)
		j11_json_view(&o, "cty", spec->cty);
	write_crit(spec, &o);
	for (const struct j11_json *m = spec->extra ? spec->extra->child : NULL; m != NULL; m = m->next)
		if (!j11_view_equals(m->name, "crit"))
			j11_json_member(&o, m);
	j11_json_close(&o);
	return j11_buf_check(header, "protected header", err);
}

static enum jwk11_rc make_input(struct making *m)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf header = J11_BUF(J11_JWS_HEADER_MAX);
	enum jwk11_rc rc = write_header(m->spec, &header, m->err);

	if (rc != JWK11_OK)
		return rc;
	j11_b64url_add(&m->input, j11_buf_view(&header));
	m->header_len = m->input.len;
	j11_buf_add_byte(&m->input, '.');
	if (m->spec->flags & JWK11_JWS_UNENCODED)
		j11_buf_add(&m->input, m->payload.data, m->payload.len);
	else
		j11_b64url_add(&m->input, m->payload);
	return j11_buf_check(&m->input, "JWS", m->err);
}

/* ---- serialisations (RFC 7515 section 7) ---- */

static void write_compact(struct making *m, struct jwk11_buf *out)
{
	bool detached = m->spec->flags & JWK11_JWS_DETACHED;

	j11_buf_add(out, m->input.data, detached ? m->header_len + 1 : m->input.len);
	j11_buf_add_byte(out, '.');
	j11_b64url_add(out, j11_buf_view(&m->sig));
}

/* The members of one signature, inside an object that is open. */
static void write_signature(struct j11_json_out *o, struct jwk11_view encoded, const struct j11_json *header, struct jwk11_view sig)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf text = J11_BUF(2 * J11_SIG_MAX);

	if (encoded.len > 0)
		j11_json_view(o, "protected", encoded);
	if (header != NULL && header->child != NULL)
		j11_json_value(o, "header", header);
	j11_b64url_add(&text, sig);
	j11_json_view(o, "signature", j11_buf_view(&text));
	if (text.failed != JWK11_OK)
		o->buf->failed = text.failed;
}

static void write_signatures(struct making *m, struct j11_json_out *o)
{
	struct jwk11_view encoded = { .data = m->input.data, .len = m->header_len };

	j11_json_open(o, "signatures", '[');
	for (size_t i = 0; m->onto != NULL && i < m->onto->n; i++) {
		const struct j11_jws_signature *s = &m->onto->signatures[i];

		j11_json_open(o, NULL, '{');
		write_signature(o, s->encoded, s->header, j11_buf_view(&s->sig));
		j11_json_close(o);
	}
	j11_json_open(o, NULL, '{');
	write_signature(o, encoded, m->spec->header, j11_buf_view(&m->sig));
	j11_json_close(o);
	j11_json_close(o);
}

static void write_json(struct making *m, struct jwk11_buf *out)
{
	struct jwk11_view encoded = { .data = m->input.data, .len = m->header_len };
	struct jwk11_view payload = { .data = m->input.data + m->header_len + 1, .len = m->input.len - m->header_len - 1 };
	struct j11_json_out o = J11_JSON_OUT(out);

	j11_json_open(&o, NULL, '{');
	if (!(m->spec->flags & JWK11_JWS_DETACHED))
		j11_json_view(&o, "payload", payload);
	if (m->spec->form == JWK11_JWS_GENERAL)
		write_signatures(m, &o);
	else
		write_signature(&o, encoded, m->spec->header, j11_buf_view(&m->sig));
	j11_json_close(&o);
}

static enum jwk11_rc make(struct making *m, const struct jwk11_view *payload, const struct j11_jws_signer *signer, struct jwk11_buf *out)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf text = J11_BUF(J11_JWS_MAX);
	enum jwk11_rc rc = check(m->spec, m->onto, m->err);

	if (rc == JWK11_OK)
		rc = choose_payload(m, payload);
	if (rc == JWK11_OK)
		rc = make_input(m);
	if (rc == JWK11_OK)
		rc = signer->sign(signer->arg, j11_buf_view(&m->input), &m->sig, m->err);
	if (rc != JWK11_OK)
		return rc;
	if (m->spec->form == JWK11_JWS_COMPACT)
		write_compact(m, &text);
	else
		write_json(m, &text);
	rc = j11_buf_check(&text, "JWS", m->err);
	if (rc != JWK11_OK)
		return rc;
	j11_buf_add(out, text.data, text.len); /* all or nothing */
	return j11_buf_check(out, "JWS", m->err);
}

enum jwk11_rc j11_jws_make(const struct j11_jws_spec *spec, const struct jwk11_view *payload, const struct jwk11_jws *onto,
	const struct j11_jws_signer *signer, struct jwk11_buf *out, struct jwk11_err *err)
{
	struct making m = { .spec = spec, .onto = onto, .input = J11_BUF(J11_JWS_MAX), .sig = J11_BUF(J11_SIG_MAX), .err = err };
	enum jwk11_rc rc = make(&m, payload, signer, out);

	j11_buf_done(&m.input);
	j11_buf_done(&m.sig);
	return rc;
}
