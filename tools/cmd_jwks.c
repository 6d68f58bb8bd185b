/* SPDX-License-Identifier: Apache-2.0 */
/* jwk11 jwks: public keys in the form that somebody wants them in. */
#include <stdio.h>
#include <string.h>

#include "ask.h"
#include "base/cbor.h"
#include "base/err.h"
#include "base/text.h"
#include "form/profile.h"
#include "gather.h"
#include "jose/kid.h"

enum format { FORMAT_JWK, FORMAT_PEM, FORMAT_CERTIFICATE, FORMAT_COSE };

/* What is asked for. */
struct request {
	const struct j11_profile *profile; /* NULL: none */
	enum format format;
	bool x5c;                   /* with certificates; for FORMAT_CERTIFICATE: with the chain */
	const char *literal;        /* --kid literal:TEXT */
	enum jwk11_kid_style style; /* JWK11_N_KID_: each key's own */
	bool named;                 /* keys were named: each of them must do */
};

/* What has been written so far. */
struct output {
	const struct request *request;
	struct jwk11_buf *out;
	struct j11_json_out json;
	struct j11_tally tally;
	struct jwk11_buf cose; /* keys, for a COSE_KeySet */
	struct jwk11_buf seen; /* one JWK after another, each with a NUL behind it */
	size_t n;
	struct jwk11_err *err;
};

/* A key that was named must do, one of a set may be left out. */
static enum jwk11_rc leave_out(struct output *w, const struct gathered *key, enum j11_code code, const char *why)
{
	if (w->request->named)
		return j11_err_set(w->err, JWK11_ERR_MISMATCH, code, "key \"%s\": %s", key->name, why);
	fprintf(stderr, "jwk11: left out: %s: %s\n", key->name, why);
	return JWK11_OK;
}

static enum jwk11_rc pub_of(const struct gathered *key, struct jwk11_pub **ret_pub, struct jwk11_err *err)
{
	const struct j11_json *use = j11_json_get(j11_json_root(key->jwk), "use");

	if (use != NULL && use->type == J11_JSON_STRING && j11_view_equals(use->text, "enc"))
		return jwk11_pub_from_enc_jwk(j11_view_str(key->text), ret_pub, err);
	return jwk11_pub_from_jwk(j11_view_str(key->text), ret_pub, err);
}

/* The kid by the style asked for. */
static enum jwk11_rc make_kid(const struct request *request, const struct gathered *key, char ret_kid[JWK11_KID_MAX], struct jwk11_err *err)
{
	J11_AUTO(jwk11_pub_unref_auto) struct jwk11_pub *pub = NULL;
	struct j11_kid_of of = { .name = key->name, .label = key->label, .id = { .data = "", .len = 0 } };
	enum jwk11_rc rc = JWK11_OK;

	if (request->literal != NULL) {
		snprintf(ret_kid, JWK11_KID_MAX, "%s", request->literal);
		return JWK11_OK;
	}
	if (request->style == JWK11_KID_ID && key->id[0] != '\0') { /* hexadecimal already */
		snprintf(ret_kid, JWK11_KID_MAX, "%s", key->id);
		return JWK11_OK;
	}
	rc = pub_of(key, &pub, err);
	of.pub = pub;
	return rc == JWK11_OK ? j11_kid_make(&of, request->style, ret_kid, err) : rc;
}

/* The kid that goes into headers is the configuration's; an export that says another one verifies nothing. */
static void warn_of_other_kid(const struct gathered *key, const struct j11_form *form)
{
	const struct j11_form own = { .jwk = form->jwk };
	struct jwk11_view signs = j11_form_kid(&own), written = j11_form_kid(form);

	if (form->kid == NULL || j11_view_equal(signs, written))
		return;
	if (signs.data == NULL)
		fprintf(stderr, "jwk11: %s: written with a kid, but it signs without one; see kid-style in its [key] section\n", key->name);
	else if (written.data == NULL)
		fprintf(stderr, "jwk11: %s: written without a kid, but it signs as \"%.*s\"; see kid-style in its [key] section\n", key->name, (int)signs.len,
			(const char *)signs.data);
	else
		fprintf(stderr, "jwk11: %s: written with kid \"%.*s\", but it signs as \"%.*s\"; see kid and kid-style in its [key] section\n", key->name,
			(int)written.len, (const char *)written.data, (int)signs.len, (const char *)signs.data);
}

static struct jwk11_view kid_in(const char *jwk, struct j11_json_doc **ret_doc)
{
	const struct j11_json *kid;

	if (j11_json_read(j11_view_str(jwk), NULL, "JWK", ret_doc, NULL) != JWK11_OK)
		return (struct jwk11_view){ 0 };
	kid = j11_json_get(j11_json_root(*ret_doc), "kid");
	return kid != NULL ? kid->text : (struct jwk11_view){ 0 };
}

/* Was this very JWK written, or one with its kid? */
static void look_back(const struct output *w, const char *jwk, struct jwk11_view kid, bool *ret_same, bool *ret_taken)
{
	for (size_t at = 0; at < w->seen.len; at += strlen(w->seen.data + at) + 1) {
		J11_AUTO(j11_json_free_auto) struct j11_json_doc *doc = NULL;
		struct jwk11_view other = kid_in(w->seen.data + at, &doc);

		*ret_same |= j11_text_equal(w->seen.data + at, jwk);
		*ret_taken |= kid.data != NULL && other.data != NULL && j11_view_equal(kid, other);
	}
}

static enum jwk11_rc write_pem(struct output *w, const struct gathered *key)
{
	J11_AUTO(jwk11_pub_unref_auto) struct jwk11_pub *pub = NULL;
	enum jwk11_rc rc = pub_of(key, &pub, w->err);

	return rc == JWK11_OK ? jwk11_pub_pem(pub, w->out, w->err) : rc;
}

static enum jwk11_rc write_cose(struct output *w, const struct gathered *key, const struct j11_form *form)
{
	J11_AUTO(jwk11_pub_unref_auto) struct jwk11_pub *pub = NULL;
	const struct j11_json *alg = j11_json_get(form->jwk, "alg");
	char kid[JWK11_KID_MAX] = "", name[32] = "";
	struct jwk11_view v = j11_form_kid(form);
	enum jwk11_rc rc = pub_of(key, &pub, w->err);

	if (rc != JWK11_OK)
		return rc;
	if (v.len < sizeof(kid))
		memcpy(kid, v.len > 0 ? v.data : "", v.len);
	if (alg != NULL && alg->type == J11_JSON_STRING && alg->text.len < sizeof(name))
		memcpy(name, alg->text.data, alg->text.len);
	return jwk11_pub_cose_key(pub, name[0] != '\0' ? name : NULL, kid, &w->cose, w->err);
}

static enum jwk11_rc write_form(struct output *w, const struct gathered *key, const struct j11_form *form, struct jwk11_view jwk)
{
	const struct request *r = w->request;

	if (key->note[0] != '\0' && (r->x5c || r->format == FORMAT_CERTIFICATE))
		fprintf(stderr, "jwk11: %s: %s\n", key->name, key->note);
	w->n++;
	if (r->format == FORMAT_PEM)
		return write_pem(w, key);
	if (r->format == FORMAT_COSE)
		return write_cose(w, key, form);
	if (r->format == FORMAT_CERTIFICATE)
		j11_form_certs(w->out, form, r->x5c ? 0 : 1);
	else
		j11_json_raw(&w->json, NULL, jwk);
	return JWK11_OK;
}

/* One key, unless its taker does not take it, or it or its kid is there already. */
static enum jwk11_rc write_key(struct output *w, const struct gathered *key)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf jwk = J11_BUF(1024 * 1024);
	struct j11_json_out o = J11_JSON_OUT(&jwk);
	const struct request *r = w->request;
	struct j11_form form = { .jwk = j11_json_root(key->jwk), .x5c = key->x5c != NULL ? j11_json_root(key->x5c) : NULL,
		.x5t = j11_view_str(key->x5t) };
	char why[J11_PROFILE_WHY_MAX], kid[JWK11_KID_MAX];
	bool same = false, taken = false;
	enum jwk11_rc rc = JWK11_OK;

	if (r->literal != NULL || r->style != JWK11_N_KID_) {
		rc = make_kid(r, key, kid, w->err);
		form.kid = kid;
	}
	if (rc != JWK11_OK)
		return rc;
	if (r->profile != NULL && !j11_profile_takes(r->profile, &form, &w->tally, why))
		return leave_out(w, key, J11_CODE_PROFILE_REFUSED, r->format == FORMAT_CERTIFICATE && key->note[0] != '\0' ? key->note : why);
	j11_form_jwk(&o, r->profile, &form, r->x5c);
	rc = j11_buf_check(&jwk, "JWK", w->err);
	if (rc != JWK11_OK)
		return rc;
	look_back(w, jwk.data, j11_form_kid(&form), &same, &taken);
	if (same)
		return JWK11_OK;
	if (taken)
		return leave_out(w, key, J11_CODE_KID_TAKEN, "its kid is that of a key before it");
	j11_buf_add(&w->seen, jwk.data, jwk.len + 1);
	warn_of_other_kid(key, &form);
	return write_form(w, key, &form, j11_buf_view(&jwk));
}

static enum jwk11_rc write_all(struct output *w, const struct gathering *keys)
{
	bool set = w->request->format == FORMAT_JWK;
	enum jwk11_rc rc = JWK11_OK;

	if (set) {
		j11_json_open(&w->json, NULL, '{');
		j11_json_open(&w->json, "keys", '[');
	}
	for (size_t i = 0; i < keys->n && rc == JWK11_OK; i++)
		rc = write_key(w, &keys->list[i]);
	if (set) {
		j11_json_close(&w->json);
		j11_json_close(&w->json);
	}
	if (rc == JWK11_OK && w->request->format == FORMAT_COSE) {
		if (!w->request->named || keys->n > 1) /* RFC 9052 section 7: COSE_KeySet */
			j11_cbor_array(w->out, w->n);
		j11_buf_add(w->out, j11_buf_view(&w->cose).data, w->cose.len);
	}
	if (rc == JWK11_OK && w->n == 0 && keys->n > 0)
		rc = j11_err_set(w->err, JWK11_ERR_MISMATCH, J11_CODE_PROFILE_REFUSED, "no key is left");
	if (rc == JWK11_OK)
		rc = j11_buf_check(&w->seen, "JWK set", w->err);
	return rc == JWK11_OK ? j11_buf_check(w->out, "JWK set", w->err) : rc;
}

/* ---- the command line ---- */

static int read_kid(const char *text, struct request *r)
{
	static const char literal[] = "literal:";

	if (j11_text_starts(text, literal)) {
		r->literal = text + sizeof(literal) - 1;
		if (r->literal[0] == '\0' || strlen(r->literal) >= JWK11_KID_MAX)
			return cmd_usage("jwks", "--kid literal:TEXT takes 1 to 255 bytes");
		return CMD_OK;
	}
	r->style = jwk11_kid_style_find(text);
	return r->style != JWK11_N_KID_ ? CMD_OK : cmd_usage("jwks", "--kid takes thumbprint, k8s, label, id, none or literal:TEXT");
}

static int read_profile(const struct cmd_global *g, struct request *r)
{
	static const enum format formats[J11_N_HANDOUT_] = { [J11_HANDOUT_SET] = FORMAT_JWK, [J11_HANDOUT_PUBLIC_PEM] = FORMAT_PEM,
		[J11_HANDOUT_CERTIFICATE] = FORMAT_CERTIFICATE };
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf names = J11_BUF(256);

	r->profile = j11_profile_find(j11_view_str(g->profile));
	if (r->profile == NULL) {
		j11_buf_add_str(&names, "--profile takes one of ");
		j11_profile_names(J11_N_HANDOUT_, &names);
		return cmd_usage("jwks", jwk11_buf_data(&names));
	}
	if (g->format != NULL)
		return cmd_usage("jwks", "--profile decides the form; --format goes without it");
	if (g->x5c && r->profile->handout == J11_HANDOUT_SET && !r->profile->takes_x5c)
		return cmd_usage("jwks", "this --profile takes no --x5c");
	if (g->x5c && r->profile->handout == J11_HANDOUT_PUBLIC_PEM)
		return cmd_usage("jwks", "--x5c is for JWKs, and for --profile x509");
	if (g->kid != NULL && r->profile->kid_style != JWK11_N_KID_)
		return cmd_usage("jwks", "this --profile decides the kid; --kid goes without it");
	r->format = formats[r->profile->handout];
	r->style = r->profile->kid_style;
	return CMD_OK;
}

static int read_request(const struct cmd_global *g, int argc, struct request *r)
{
	int code = CMD_OK;

	*r = (struct request){ .style = JWK11_N_KID_, .x5c = g->x5c, .named = argc > 0 };
	if (g->format != NULL && j11_text_equal(g->format, "pem"))
		r->format = FORMAT_PEM;
	else if (g->format != NULL && j11_text_equal(g->format, "cose"))
		r->format = FORMAT_COSE;
	else if (g->format != NULL && !j11_text_equal(g->format, "jwk"))
		return cmd_usage("jwks", "--format takes jwk, pem or cose");
	if ((r->format != FORMAT_JWK && g->x5c) || (r->format == FORMAT_PEM && g->kid != NULL))
		return cmd_usage("jwks", "--x5c is for JWKs, --kid for JWKs and COSE keys");
	if (g->profile != NULL)
		code = read_profile(g, r);
	if (code == CMD_OK && g->kid != NULL)
		code = read_kid(g->kid, r);
	if (code == CMD_OK && g->diff != NULL && r->format != FORMAT_JWK)
		return cmd_usage("jwks", "--diff compares JWK sets and nothing else");
	return code;
}

/* The whole set, as the broker has it: its own bytes. */
static enum jwk11_rc copy_set(const struct cmd_global *g, struct jwk11_buf *out, struct jwk11_err *err)
{
	J11_AUTO(ask_done_auto) struct ask_answer answer = { 0 };
	char path[256];
	enum jwk11_rc rc;

	snprintf(path, sizeof(path), g->set ? "/.well-known/jwks/%.100s.json" : "/.well-known/jwks.json", g->set);
	rc = ask_broker(g, "GET", path, NULL, NULL, &answer, err);
	if (rc == JWK11_OK) {
		j11_buf_add(out, answer.body.data, answer.body.len);
		gather_say_apart(g);
	}
	return rc == JWK11_OK ? j11_buf_check(out, "JWK set", err) : rc;
}

static bool is_plain(const struct cmd_global *g)
{
	return g->profile == NULL && g->kid == NULL && !g->x5c && (g->format == NULL || j11_text_equal(g->format, "jwk"));
}

static enum jwk11_rc make(const struct cmd_global *g, struct request *r, int argc, char **argv, struct jwk11_buf *out, struct jwk11_err *err)
{
	J11_AUTO(gather_done_auto) struct gathering keys = { 0 };
	struct output w = { .request = r, .out = out, .json = J11_JSON_OUT(out), .cose = J11_BUF(ASK_MAX), .seen = J11_BUF(ASK_MAX), .err = err };
	unsigned wants = (r->x5c || r->format == FORMAT_CERTIFICATE ? GATHER_CERTS : 0) |
		(r->style == JWK11_KID_LABEL || r->style == JWK11_KID_ID ? GATHER_NAMES : 0);
	enum jwk11_rc rc = gather(g, wants, argc, argv, &keys, err);

	if (rc == JWK11_OK && keys.profile != NULL)
		r->profile = keys.profile;
	if (rc == JWK11_OK && r->format == FORMAT_JWK && keys.x5c && (r->profile == NULL || r->profile->takes_x5c))
		r->x5c = true;
	if (rc == JWK11_OK)
		rc = write_all(&w, &keys);
	j11_buf_done(&w.cose);
	j11_buf_done(&w.seen);
	return rc;
}

static int run_jwks(struct cmd_global *g, int argc, char **argv)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf out = J11_BUF(ASK_MAX);
	struct jwk11_err err = { 0 };
	struct request r;
	int code = read_request(g, argc, &r);
	enum jwk11_rc rc;

	if (code != CMD_OK)
		return code;
	rc = !g->offline && argc == 0 && is_plain(g) ? copy_set(g, &out, &err) : make(g, &r, argc, argv, &out, &err);
	if (rc == JWK11_OK && g->diff != NULL)
		return show_diff(g, j11_buf_view(&out));
	if (rc == JWK11_OK)
		rc = cmd_write_output(g->output, j11_buf_view(&out), r.format == FORMAT_JWK, &err);
	return rc == JWK11_OK ? CMD_OK : cmd_fail(&err);
}

static const struct cmd_option options[] = {
	{ "set", 0, CMD_TEXT, &cmd_given.set, "NAME", "the set of that name; default: the set default" },
	{ "profile", 0, CMD_TEXT, &cmd_given.profile, "TAKER", "the form that a taker wants: google, aws, entra, auth0, keycloak, spiffe, k8s, x509" },
	{ "kid", 0, CMD_TEXT, &cmd_given.kid, "STYLE", "key identifiers made anew: thumbprint, k8s, label, id, none or literal:TEXT" },
	{ "x5c", 0, CMD_FLAG, &cmd_given.x5c, NULL, "with the certificates that the tokens have for the keys" },
	{ "format", 0, CMD_TEXT, &cmd_given.format, "FORMAT", "jwk, pem or cose" },
	{ "diff", 0, CMD_TEXT, &cmd_given.diff, "FILE",
		"what is added, removed, replaced, renamed or changed since the set in this file; exit 1 when anything is" },
	CMD_OPTION_OUTPUT,
};

const struct cmd_verb cmd_jwks = { "jwks", "[KEY ...]", "public keys as a JWK set, or what changed in it", run_jwks, options, J11_COUNT(options), .local = false };
