/* SPDX-License-Identifier: Apache-2.0 */
/* jwk11 httpsig: the header fields by which a request is signed (RFC 9421), and its Content-Digest (RFC 9530). */
#include <string.h>

#include "ask.h"
#include "base/err.h"
#include "base/text.h"
#include "form/httpsig.h"
#include "prove.h"

enum { BODY_MAX = 64 * 1024 * 1024 };

static struct {
	struct cmd_words fields, components;
	const char *body, *keyid, *nonce, *tag, *label;
	bool alg;
	long long ttl;
} opt;

static const char digest_name[] = "content-digest";

/* "Name: value" in two. */
static struct jwk11_view name_of(const char *field)
{
	return (struct jwk11_view){ .data = field, .len = strcspn(field, ":") };
}

static const char *value_of(const char *field)
{
	return field + strcspn(field, ":") + 1;
}

static bool is_first(unsigned i)
{
	for (unsigned k = 0; k < i; k++)
		if (j11_text_folds_alike(name_of(opt.fields.word[k]), name_of(opt.fields.word[i])))
			return false;
	return true;
}

/* All values of one name, in their order. */
static void add_field(struct prove *p, unsigned first)
{
	struct jwk11_view name = name_of(opt.fields.word[first]);
	char text[128];

	memcpy(text, name.data, name.len);
	text[name.len] = '\0';
	j11_json_open(&p->out, text, '[');
	for (unsigned i = first; i < opt.fields.n; i++)
		if (j11_text_folds_alike(name_of(opt.fields.word[i]), name))
			j11_json_str(&p->out, NULL, value_of(opt.fields.word[i]));
	j11_json_close(&p->out);
}

static void add_fields(struct prove *p, const struct jwk11_buf *digest)
{
	j11_json_open(&p->out, "fields", '{');
	for (unsigned i = 0; i < opt.fields.n; i++)
		if (is_first(i))
			add_field(p, i);
	if (digest->len > 0)
		j11_json_view(&p->out, digest_name, j11_buf_view(digest));
	j11_json_close(&p->out);
}

/* A digest that is sent and not covered would prove nothing. */
static void add_components(struct prove *p, bool digest)
{
	if (opt.components.n == 0)
		return;
	j11_json_open(&p->out, "components", '[');
	for (unsigned i = 0; i < opt.components.n; i++) {
		j11_json_str(&p->out, NULL, opt.components.word[i]);
		digest = digest && !j11_text_equal(opt.components.word[i], digest_name);
	}
	if (digest)
		j11_json_str(&p->out, NULL, digest_name);
	j11_json_close(&p->out);
}

static enum jwk11_rc read_digest(struct prove *p, struct jwk11_buf *digest)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf body = J11_BUF(BODY_MAX);
	unsigned char hash[32];
	enum jwk11_rc rc = cmd_read_input(opt.body, BODY_MAX, &body, &p->err);

	if (rc == JWK11_OK)
		rc = prove_hash(j11_buf_view(&body), hash, &p->err);
	if (rc != JWK11_OK)
		return rc;
	j11_httpsig_digest(digest, hash);
	return j11_buf_check(digest, "Content-Digest", &p->err);
}

/* As lines of a request's head, or as a document. */
static enum jwk11_rc write_result(struct prove *p, const struct jwk11_buf *digest)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf text = J11_BUF(ASK_MAX);
	struct j11_json_out o = J11_JSON_OUT(&text);
	enum jwk11_rc rc;

	if (p->g->json) {
		j11_json_open(&o, NULL, '{');
		j11_json_str(&o, "schema", "jwk11/httpsig/1");
		j11_json_open(&o, "fields", '{');
		if (digest->len > 0)
			j11_json_view(&o, "Content-Digest", j11_buf_view(digest));
		j11_json_view(&o, "Signature-Input", j11_buf_view(&p->made));
		j11_json_view(&o, "Signature", j11_buf_view(&p->signature));
		j11_json_close(&o);
		j11_json_close(&o);
	} else {
		if (digest->len > 0)
			j11_buf_add_fmt(&text, "Content-Digest: %s\n", jwk11_buf_data(digest));
		j11_buf_add_fmt(&text, "Signature-Input: %s\nSignature: %s", jwk11_buf_data(&p->made), jwk11_buf_data(&p->signature));
	}
	rc = j11_buf_check(&text, "result", &p->err);
	return rc == JWK11_OK ? cmd_write_output(p->g->output, j11_buf_view(&text), true, &p->err) : rc;
}

static const char *check_fields(void)
{
	for (unsigned i = 0; i < opt.fields.n; i++) {
		struct jwk11_view name = name_of(opt.fields.word[i]);

		if (strchr(opt.fields.word[i], ':') == NULL || name.len == 0 || name.len > 127)
			return "--field takes \"Name: value\"";
		if (opt.body != NULL && j11_text_folds_to(name, digest_name))
			return "--body gives content-digest, so --field does not";
	}
	return NULL;
}

static int run(struct cmd_global *g, int argc, char **argv)
{
	J11_AUTO(prove_done) struct prove p = { .ttl = 0 };
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf digest = J11_BUF(128);
	const char *why = argc != 3 ? "takes KEY, METHOD and URL" : check_fields();
	enum jwk11_rc rc = JWK11_OK;

	if (why != NULL)
		return cmd_usage("httpsig", why);
	prove_begin(&p, g, "httpsig", argv[0], "httpsig");
	p.ttl = opt.ttl;
	prove_add(&p, "method", argv[1]);
	prove_add(&p, "url", argv[2]);
	prove_add(&p, "keyid", opt.keyid);
	prove_add(&p, "nonce", opt.nonce);
	prove_add(&p, "tag", opt.tag);
	prove_add(&p, "label", opt.label);
	if (opt.alg)
		j11_json_boolean(&p.out, "alg", true);
	if (opt.body != NULL)
		rc = read_digest(&p, &digest);
	add_components(&p, digest.len > 0);
	add_fields(&p, &digest);
	if (rc == JWK11_OK)
		rc = prove_sign(&p);
	if (rc == JWK11_OK)
		rc = write_result(&p, &digest);
	return rc == JWK11_OK ? CMD_OK : cmd_fail(&p.err);
}

static const struct cmd_option options[] = {
	{ "field", 0, CMD_WORDS, &opt.fields, "FIELD", "a header field of the request, as \"Name: value\"; may stand 15 times" },
	{ "component", 0, CMD_WORDS, &opt.components, "NAME",
		"what is covered: @method, @authority, @path, @query, @target-uri … or a field; default: those four and all fields; may stand 15 times" },
	{ "body", 0, CMD_TEXT, &opt.body, "FILE", "the request's content: adds Content-Digest, and covers it" },
	{ "keyid", 0, CMD_TEXT, &opt.keyid, "TEXT", "keyid of the signature; default: the key's kid" },
	{ "nonce", 0, CMD_TEXT, &opt.nonce, "TEXT", "nonce of the signature" },
	{ "tag", 0, CMD_TEXT, &opt.tag, "TEXT", "tag of the signature: what it is for" },
	{ "with-alg", 0, CMD_FLAG, &opt.alg, NULL, "the signature says its algorithm" },
	{ "label", 0, CMD_TEXT, &opt.label, "NAME", "the signature's name in both fields; default sig1" },
	{ "ttl", 0, CMD_SECONDS, &opt.ttl, "TIME", "adds expires, that much after created" },
	CMD_OPTION_OUTPUT,
};

const struct cmd_verb cmd_httpsig = { "httpsig", "KEY METHOD URL", "signature of an HTTP request, as header fields", run, options, J11_COUNT(options),
	.local = false };
