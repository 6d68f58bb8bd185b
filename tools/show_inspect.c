/* SPDX-License-Identifier: Apache-2.0 */
/* Claims, checks and proofs are three things, and the words keep them apart. */
#include "show_inspect.h"

#include <stdio.h>

#include "base/err.h"
#include "base/text.h"
#include "jose/cert_text.h"
#include "json/json_write.h"

static const char claims_are[] = "the token's own word, not proof";
static const char not_proven[] = "nothing: nobody who is trusted has vouched for it";

/* What a path to a root shows, and what it does not. */
static void proof_text(const struct inspected *x, char *room, size_t len)
{
	const struct j11_attest *a = &x->says;
	struct j11_cert_text root;
	char serial[32] = "", slot[32] = "";

	if (!x->is_proven) {
		snprintf(room, len, "%s", not_proven);
		return;
	}
	j11_cert_text(x->root, &root);
	if (a->has_serial)
		snprintf(serial, sizeof(serial), " with serial %u", a->serial);
	if (a->slot[0] != '\0')
		snprintf(slot, sizeof(slot), " in slot %s", a->slot);
	snprintf(room, len, "a device%s, firmware %u.%u.%u, whose maker %s vouches for, generated this key itself%s. Not that it is this token, nor who holds it now",
		serial, a->firmware[0], a->firmware[1], a->firmware[2], root.subject, slot);
}

/* "once", or the number. */
static const char *word_or(const char *word, unsigned char value, char room[8])
{
	snprintf(room, 8, "%u", value);
	return word != NULL ? word : room;
}

/* ---- JSON ---- */

static void json_mechanism(struct j11_json_out *o, const char *name, CK_MECHANISM_TYPE type)
{
	char room[24];

	j11_json_str(o, name, j11_claims_mechanism(type, room));
}

static void json_claims(struct j11_json_out *o, const struct j11_claims *c)
{
	j11_json_open(o, "claims", '{');
	for (size_t i = 0; i < J11_N_CLAIMS; i++)
		if (c->flag[i] == J11_SAID_NOTHING)
			j11_json_null(o, j11_claim_names[i].word);
		else
			j11_json_boolean(o, j11_claim_names[i].word, c->flag[i] == J11_SAID_YES);
	if (c->says_generator && c->generator != J11_CK_ABSENT)
		json_mechanism(o, "generated_by", c->generator);
	else
		j11_json_null(o, "generated_by");
	if (c->says_allowed) {
		j11_json_open(o, "allowed_mechanisms", '[');
		for (size_t i = 0; i < c->n_allowed; i++)
			json_mechanism(o, NULL, c->allowed[i]);
		j11_json_close(o);
	} else {
		j11_json_null(o, "allowed_mechanisms");
	}
	j11_json_close(o);
	j11_json_str(o, "claims_are", claims_are);
	j11_json_open(o, "mechanisms", '[');
	for (size_t i = 0; i < c->n_mechanisms; i++) {
		j11_json_open(o, NULL, '{');
		json_mechanism(o, "name", c->mechanisms[i].type);
		j11_json_num(o, "min", (int64_t)(c->mechanisms[i].min & 0xffffffff));
		j11_json_num(o, "max", (int64_t)(c->mechanisms[i].max & 0xffffffff));
		j11_json_boolean(o, "hardware", c->mechanisms[i].hardware);
		j11_json_close(o);
	}
	j11_json_close(o);
}

static void json_token(struct j11_json_out *o, const struct inspected *x)
{
	const struct jwk11_token_info *info = jwk11_token_get_info(jwk11_key_token(x->key));
	const struct j11_claims *c = &x->claims;
	char version[16];

	j11_json_open(o, "token", '{');
	j11_json_str(o, "label", info->label);
	j11_json_str(o, "manufacturer", info->manufacturer);
	j11_json_str(o, "model", info->model);
	j11_json_str(o, "serial", info->serial);
	snprintf(version, sizeof(version), "%u.%u", c->firmware[0], c->firmware[1]);
	j11_json_str(o, "firmware", version);
	snprintf(version, sizeof(version), "%u.%u", c->hardware[0], c->hardware[1]);
	j11_json_str(o, "hardware", version);
	j11_json_str(o, "module", info->module);
	j11_json_str(o, "library", info->library);
	j11_json_close(o);
}

static void json_says(struct j11_json_out *o, const struct j11_attest *a)
{
	char version[16], room[8];

	snprintf(version, sizeof(version), "%u.%u.%u", a->firmware[0], a->firmware[1], a->firmware[2]);
	j11_json_str(o, "firmware", version);
	if (a->has_serial)
		j11_json_num(o, "serial", a->serial);
	if (a->has_policy) {
		j11_json_str(o, "pin_policy", word_or(j11_attest_pin(a->pin), a->pin, room));
		j11_json_str(o, "touch_policy", word_or(j11_attest_touch(a->touch), a->touch, room));
	}
	if (a->has_form) {
		j11_json_str(o, "form_factor", word_or(j11_attest_form(a->form), a->form, room));
		j11_json_boolean(o, "fips", (a->form & 0x80) != 0);
	}
	if (a->slot[0] != '\0')
		j11_json_str(o, "slot", a->slot);
}

static void json_attestation(struct j11_json_out *o, const struct inspected *x)
{
	struct j11_cert_text text;
	char proof[700];

	if (x->attestation == NULL) {
		j11_json_null(o, "attestation");
		return;
	}
	j11_cert_text(x->attestation, &text);
	proof_text(x, proof, sizeof(proof));
	j11_json_open(o, "attestation", '{');
	j11_json_str(o, "from", x->from_file ? "file" : "token");
	j11_json_str(o, "subject", text.subject);
	j11_json_str(o, "issuer", text.issuer);
	j11_json_str(o, "x5t#S256", text.x5t);
	if (x->is_read)
		json_says(o, &x->says);
	j11_json_str(o, "state", x->is_proven ? "proven" : x->judgement.rc != JWK11_OK ? "refused" : "unchecked");
	if (x->judgement.rc != JWK11_OK)
		j11_json_str(o, "reason", x->judgement.text);
	j11_json_str(o, "proves", proof);
	j11_json_close(o);
}

static enum jwk11_rc show_json_form(const struct inspected *x, struct jwk11_err *err)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf out = J11_BUF(65536);
	struct j11_json_out o = J11_JSON_OUT(&out);

	j11_json_open(&o, NULL, '{');
	j11_json_str(&o, "schema", "jwk11/inspect/1");
	j11_json_str(&o, "key", x->name);
	j11_json_str(&o, "label", jwk11_key_label(x->key));
	j11_json_str(&o, "alg", x->alg);
	if (x->thumbprint[0] != '\0')
		j11_json_str(&o, "thumbprint", x->thumbprint);
	json_token(&o, x);
	json_claims(&o, &x->claims);
	j11_json_open(&o, "checks", '{');
	j11_json_str(&o, "signature", x->verified ? "verifies" : x->signature.text);
	j11_json_str(&o, "private_value", x->claims.gives_value ? "given" : "refused");
	j11_json_close(&o);
	json_attestation(&o, x);
	j11_json_close(&o);
	return cmd_write_output(NULL, j11_buf_view(&out), true, err);
}

/* ---- text ---- */

static void add_line(struct jwk11_buf *out, const char *name, const char *value)
{
	j11_buf_add_fmt(out, "  %-24s %s\n", name, value);
}

static void text_mechanisms(struct jwk11_buf *out, const struct j11_claims *c)
{
	char room[24];

	j11_buf_add_fmt(out, "  %-24s %s\n", "generated by", !c->says_generator ? "not said" : c->generator == J11_CK_ABSENT ? "made elsewhere" :
		j11_claims_mechanism(c->generator, room));
	j11_buf_add_fmt(out, "  %-24s", "allowed mechanisms");
	for (size_t i = 0; i < c->n_allowed; i++)
		j11_buf_add_fmt(out, " %s", j11_claims_mechanism(c->allowed[i], room));
	j11_buf_add_str(out, c->says_allowed ? "\n" : " no list\n");
	for (size_t i = 0; i < c->n_mechanisms; i++)
		j11_buf_add_fmt(out, "  %-24s %lu to %lu, %s\n", j11_claims_mechanism(c->mechanisms[i].type, room), (unsigned long)c->mechanisms[i].min,
			(unsigned long)c->mechanisms[i].max, c->mechanisms[i].hardware ? "in hardware" : "not said to be in hardware");
}

static void text_claims(struct jwk11_buf *out, const struct inspected *x)
{
	static const char *const words[] = { "not said", "no", "yes" };
	const struct jwk11_token_info *info = jwk11_token_get_info(jwk11_key_token(x->key));

	j11_buf_add_fmt(out, "\nCLAIMS: %s\n", claims_are);
	j11_buf_add_fmt(out, "  %-24s %s, %s, serial %s, firmware %u.%u\n", "token", info->manufacturer, info->model, info->serial, x->claims.firmware[0],
		x->claims.firmware[1]);
	for (size_t i = 0; i < J11_N_CLAIMS; i++)
		j11_buf_add_fmt(out, "  %-24s %-8s  %s\n", j11_claim_names[i].attribute, words[x->claims.flag[i]], j11_claim_names[i].meaning);
	text_mechanisms(out, &x->claims);
}

static void text_says(struct jwk11_buf *out, const struct j11_attest *a)
{
	char room[8];

	j11_buf_add_fmt(out, "  %-24s %u.%u.%u\n", "firmware", a->firmware[0], a->firmware[1], a->firmware[2]);
	if (a->has_serial)
		j11_buf_add_fmt(out, "  %-24s %u\n", "serial", a->serial);
	if (a->slot[0] != '\0')
		add_line(out, "slot", a->slot);
	if (a->has_policy) {
		add_line(out, "PIN policy", word_or(j11_attest_pin(a->pin), a->pin, room));
		add_line(out, "touch policy", word_or(j11_attest_touch(a->touch), a->touch, room));
	}
	if (a->has_form)
		j11_buf_add_fmt(out, "  %-24s %s%s\n", "form factor", word_or(j11_attest_form(a->form), a->form, room), a->form & 0x80 ? ", FIPS" : "");
}

static void text_attestation(struct jwk11_buf *out, const struct inspected *x)
{
	struct j11_cert_text text;
	char proof[700];

	if (x->attestation == NULL) {
		j11_buf_add_str(out, "\nATTESTATION: the token shows none for this key\n");
		return;
	}
	j11_cert_text(x->attestation, &text);
	proof_text(x, proof, sizeof(proof));
	j11_buf_add_fmt(out, "\nATTESTATION: from the %s; %s\n", x->from_file ? "file" : "token", x->is_proven ? "it leads to a root that you have given" :
		x->judgement.rc != JWK11_OK ? "refused" : "its signature is not checked without --roots");
	add_line(out, "subject", text.subject);
	add_line(out, "issuer", text.issuer);
	if (x->is_read)
		text_says(out, &x->says);
	add_line(out, "proves", proof);
}

enum jwk11_rc show_inspect(const struct cmd_global *g, const struct inspected *x, struct jwk11_err *err)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf out = J11_BUF(65536);

	if (g->json)
		return show_json_form(x, err);
	j11_buf_add_fmt(&out, "key \"%s\" (%s) on token \"%s\"%s%s\n", x->name, x->alg, jwk11_token_get_info(jwk11_key_token(x->key))->label,
		x->thumbprint[0] != '\0' ? ", thumbprint " : "", x->thumbprint);
	text_claims(&out, x);
	j11_buf_add_str(&out, "\nCHECKS: seen just now, through the module\n");
	add_line(&out, "signature", x->verified ? "verifies with the public half" : x->signature.text);
	add_line(&out, "private value", x->claims.gives_value ? "GIVEN to whoever asks" : "refused");
	text_attestation(&out, x);
	return cmd_write_output(NULL, j11_buf_view(&out), false, err);
}
