/* SPDX-License-Identifier: Apache-2.0 */
/* Views for people and programs, each in the eyes of its peer: keys, tokens, whoami, readiness. Policy here only hides; the worker decides
 * again, on its own, before it signs. */
#include "front_view.h"

#include <stdio.h>
#include <string.h>

#include "base/b64.h"
#include "base/err.h"
#include "base/health.h"
#include "base/text.h"
#include "form/profile.h"
#include "form/template.h"
#include "problem.h"

#define JSON "application/json"

const char *const front_view_key_types[FRONT_KEY_TYPES] = { JSON, "application/jwk+json", "application/x-pem-file",
	"application/pem-certificate-chain", "application/cose-key" };

static struct j11_json_out begin(struct front_request *q)
{
	struct j11_json_out o = J11_JSON_OUT(&q->front->body);

	jwk11_buf_reset(&q->front->body);
	j11_json_open(&o, NULL, '{');
	return o;
}

static enum front_outcome end(struct front_request *q, struct j11_json_out *o)
{
	j11_json_close(o);
	q->reply.cache_control = "no-store";
	return front_send_body(q, JSON);
}

static void add_text(struct j11_json_out *o, const char *name, const char *value)
{
	if (value[0] != '\0')
		j11_json_str(o, name, value);
}

static bool is_enc(const struct front *front, const char *name)
{
	const struct conf_key *key = conf_find_key(front->conf, name);

	return key != NULL && key->use == CONF_USE_ENC;
}

static void add_operations(const struct front *front, const struct policy_peer *who, const char *key, struct j11_json_out *o)
{
	const struct catalog_key *seen = catalog_key_named(front->catalog, key);
	const char *alg = seen != NULL ? seen->alg : NULL;
	bool enc = is_enc(front, key);

	j11_json_open(o, "operations", '[');
	for (unsigned op = 0; op < CONF_N_OPS; op++)
		if ((op == CONF_OP_DECRYPT) == enc && !(op == CONF_OP_CSR && seen != NULL && catalog_key_is_secret(seen)) && policy_decide(front->conf, who, key, alg, (enum conf_op)op).verdict == POLICY_ALLOWED)
			j11_json_str(o, NULL, conf_op_name((enum conf_op)op));
	j11_json_close(o);
}

/* Templates that are granted with it, by name; no member when there are none. */
static void add_templates(const struct front *front, const struct policy_peer *who, const char *key, struct j11_json_out *o)
{
	const struct catalog_key *seen = catalog_key_named(front->catalog, key);
	const char *alg = seen != NULL ? seen->alg : NULL;
	bool any = alg == NULL || alg[0] == '\0', open = false;
	const struct j11_template *t;

	for (size_t i = 0; !is_enc(front, key) && (t = j11_template_at(i)) != NULL; i++) {
		if ((!any && !j11_template_takes_alg(t, alg)) || policy_decide_template(front->conf, who, key, alg, t).verdict != POLICY_ALLOWED)
			continue;
		if (!open)
			j11_json_open(o, "templates", '[');
		j11_json_str(o, NULL, t->name);
		open = true;
	}
	if (open)
		j11_json_close(o);
}

/* RFC 9278. */
static void add_thumbprint_uri(const char *thumbprint, struct j11_json_out *o)
{
	char uri[sizeof(JWK11_THUMBPRINT_URI) + JWK11_THUMBPRINT_LEN + 1];

	snprintf(uri, sizeof(uri), "%s%.*s", JWK11_THUMBPRINT_URI, JWK11_THUMBPRINT_LEN, thumbprint);
	j11_json_str(o, "thumbprint_uri", uri);
}

/* What is known against it, by name; "health" is there whenever a worker has seen the key. */
static void add_health(const struct catalog_key *key, struct j11_json_out *o)
{
	if (key->jwk[0] == '\0' && !catalog_key_is_secret(key) && key->health == 0)
		return;
	j11_json_open(o, "health", '[');
	for (size_t i = 0; j11_health_at(i) != NULL; i++)
		if ((key->health & j11_health_at(i)->flag) != 0)
			j11_json_str(o, NULL, j11_health_at(i)->name);
	j11_json_close(o);
}

/* RFC 3339, or null: never, or since ever. */
static void add_moment(struct j11_json_out *o, const char *name, int64_t moment)
{
	char text[21];

	if (moment <= 0 || moment > J11_VERSION_MOMENT_MAX) {
		j11_json_null(o, name);
		return;
	}
	j11_text_time(moment, text);
	j11_json_str(o, name, text);
}

/* The versions of a key, and by what durations they follow each other. */
static void add_versions(const struct front *front, const char *name, struct j11_json_out *o)
{
	const struct conf_key *conf = conf_find_key(front->conf, name);

	if (conf == NULL || !conf_key_is_versioned(conf))
		return;
	j11_json_num(o, "lead", conf->lead);
	j11_json_num(o, "overlap", conf->overlap);
	if (conf->period > 0)
		j11_json_num(o, "period", conf->period);
	j11_json_open(o, "versions", '[');
	for (const struct catalog_key *k = catalog_versions(front->catalog, name); k != NULL; k = k->next_version) {
		j11_json_open(o, NULL, '{');
		j11_json_str(o, "state", j11_version_state_name(k->version_state));
		add_moment(o, "from", k->moment);
		add_moment(o, "until", k->until);
		add_text(o, "kid", k->kid);
		add_text(o, "alg", k->alg);
		add_text(o, "label", k->label);
		add_text(o, "token", k->token);
		if (k->unreported || !j11_text_equal(k->state, "active"))
			add_text(o, "reason", catalog_key_text(k));
		j11_json_close(o);
	}
	j11_json_close(o);
}

/* One key as an object; `key` is NULL when no worker has reported it. The certificates themselves are for who asks for this key `alone`. */
static void add_key(const struct front *front, const struct policy_peer *who, const char *name, const struct catalog_key *key, bool alone,
	struct j11_json_out *o)
{
	const struct catalog_key *rival = key != NULL ? front_kid_rival(front, key) : NULL;
	char text[JWK11_TEXT_MAX];

	j11_json_open(o, NULL, '{');
	j11_json_str(o, "name", name);
	if (key != NULL) {
		add_text(o, "kid", key->kid);
		add_text(o, "alg", key->alg);
		add_text(o, "kty", key->kty);
		add_text(o, "crv", key->crv);
		if (key->bits > 0 && key->bits <= INT32_MAX)
			j11_json_num(o, "bits", (int64_t)key->bits);
		j11_json_str(o, "use", is_enc(front, name) ? "enc" : "sig");
	}
	j11_json_str(o, "state", rival != NULL ? "kid-taken" : key != NULL ? catalog_key_state(key) : "unavailable");
	if (key != NULL && key->rival != NULL)
		front_rival_text(key, text);
	else
		snprintf(text, sizeof(text), "%s", rival != NULL ? "its kid is that of another key, in another module" : key != NULL ? catalog_key_text(key) :
			"no worker has reported it yet");
	add_text(o, "reason", text);
	if (key != NULL) {
		add_text(o, "token", key->token);
		add_text(o, "label", key->label);
		add_text(o, "id", key->id);
		if (key->thumbprint[0] != '\0')
			add_thumbprint_uri(key->thumbprint, o);
		add_text(o, "x5t#S256", key->x5t);
		add_text(o, "certificate_note", key->note);
		if (alone && key->x5c[0] != '\0')
			j11_json_raw(o, "x5c", j11_view_str(key->x5c));
		add_health(key, o);
	}
	add_versions(front, name, o);
	add_operations(front, who, name, o);
	add_templates(front, who, name, o);
	j11_json_close(o);
}

enum front_outcome front_view_keys(struct front_request *q)
{
	const struct conf *conf = q->front->conf;
	const struct policy_peer *who = front_peer_get(q->peer);
	struct j11_json_out o = begin(q);

	j11_json_open(&o, "keys", '[');
	for (size_t i = 0; who != NULL && i < conf->n_keys; i++)
		if (policy_sees(conf, who, conf->keys[i].name))
			add_key(q->front, who, conf->keys[i].name, catalog_key_named(q->front->catalog, conf->keys[i].name), false, &o);
	j11_json_close(&o);
	j11_json_null(&o, "next");
	return end(q, &o);
}

/* The certificates as PEM, leaf first (RFC 8555 section 9.1 registers the type). */
static enum front_outcome send_chain(struct front_request *q, const struct catalog_key *key)
{
	J11_AUTO(j11_json_free_auto) struct j11_json_doc *doc = NULL;
	struct jwk11_err err = { .rc = JWK11_OK };
	struct j11_form form = { .jwk = NULL };

	if (key->x5c[0] == '\0')
		return front_problem(q, key->note[0] != '\0' ? J11_CODE_CERT_FOREIGN : J11_CODE_CERT_ABSENT, "key \"%s\": %s", key->name,
			key->note[0] != '\0' ? key->note : "no certificate on its token holds its public key");
	if (j11_json_read(j11_view_str(key->x5c), NULL, "x5c", &doc, &err) != JWK11_OK)
		return front_problem_err(q, &err);
	form.x5c = j11_json_root(doc);
	jwk11_buf_reset(&q->front->body);
	j11_form_certs(&q->front->body, &form, 0);
	q->reply.cache_control = "no-store";
	return front_send_body(q, front_view_key_types[q->type]);
}

/* RFC 9052 section 7. */
static enum front_outcome send_cose(struct front_request *q, const struct catalog_key *key)
{
	struct jwk11_err err = { .rc = JWK11_OK };

	if (key->cose[0] == '\0')
		return front_problem(q, J11_CODE_KEY_UNAVAILABLE, "key \"%s\": its worker gave no COSE_Key", key->name);
	jwk11_buf_reset(&q->front->body);
	if (j11_b64url_decode(j11_view_str(key->cose), "COSE_Key of a worker", &q->front->body, &err) != JWK11_OK)
		return front_problem_err(q, &err);
	q->reply.cache_control = "no-store";
	return front_send_body(q, front_view_key_types[q->type]);
}

/* The bare public half. */
static enum front_outcome send_public(struct front_request *q, const char *text, const char *type)
{
	jwk11_buf_reset(&q->front->body);
	j11_buf_add_str(&q->front->body, text);
	q->reply.cache_control = "no-store";
	return front_send_body(q, type);
}

enum front_outcome front_view_key(struct front_request *q)
{
	const struct catalog_key *key = front_find_key(q);

	q->reply.vary = "Accept";
	if (key == NULL)
		return FRONT_REPLY;
	if (q->type == 0) {
		jwk11_buf_reset(&q->front->body);
		add_key(q->front, front_peer_get(q->peer), key->name, key, true, &J11_JSON_OUT(&q->front->body));
		q->reply.cache_control = "no-store";
		return front_send_body(q, JSON);
	}
	if (catalog_key_is_secret(key))
		return front_problem(q, J11_CODE_KEY_SECRET, "key \"%s\" is a secret key: it has no public half", key->name);
	if (front_key_is_barred(q, key))
		return FRONT_REPLY;
	if (key->jwk[0] == '\0' || key->pem[0] == '\0')
		return front_problem(q, J11_CODE_KEY_UNAVAILABLE, "key \"%s\": its public half has not been seen yet (%s)", key->name,
			catalog_key_state(key));
	if (q->type == 3)
		return send_chain(q, key);
	if (q->type == 4)
		return send_cose(q, key);
	return send_public(q, q->type == 1 ? key->jwk : key->pem, front_view_key_types[q->type]);
}

static const struct catalog_token *token_of(const struct front *front, const char *name, const char **ret_module)
{
	*ret_module = "";
	return catalog_token_named(front->catalog, name, ret_module);
}

enum front_outcome front_view_tokens(struct front_request *q)
{
	const struct conf *conf = q->front->conf;
	struct j11_json_out o = begin(q);

	j11_json_open(&o, "tokens", '[');
	for (size_t i = 0; i < conf->n_tokens; i++) {
		const char *module;
		const struct catalog_token *token = token_of(q->front, conf->tokens[i].name, &module);

		j11_json_open(&o, NULL, '{');
		j11_json_str(&o, "name", conf->tokens[i].name);
		j11_json_str(&o, "state", token != NULL ? token->state : "unknown");
		add_text(&o, "reason", token != NULL ? token->text : "no worker has reported it yet");
		if (token != NULL) {
			add_text(&o, "label", token->label);
			add_text(&o, "manufacturer", token->manufacturer);
			add_text(&o, "model", token->model);
			add_text(&o, "serial", token->serial);
			add_text(&o, "pin", token->pin);
			add_text(&o, "library", token->library);
		}
		add_text(&o, "module", module);
		j11_json_close(&o);
	}
	j11_json_close(&o);
	return end(q, &o);
}

static void add_match(const struct conf_client *client, const struct policy_peer *who, struct j11_json_out *o)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf why = J11_BUF(2048);

	policy_why(client, who, &why);
	j11_json_open(o, NULL, '{');
	j11_json_str(o, "client", client->name);
	if (why.failed == JWK11_OK)
		j11_json_view(o, "because", j11_buf_view(&why));
	j11_json_close(o);
}

static void add_grants(const struct front *front, const struct policy_peer *who, struct j11_json_out *o)
{
	const struct conf *conf = front->conf;

	j11_json_open(o, "clients", '[');
	for (const struct conf_client *c = policy_next_client(conf, who, NULL); c != NULL; c = policy_next_client(conf, who, c))
		j11_json_str(o, NULL, c->name);
	j11_json_close(o);
	j11_json_open(o, "matches", '[');
	for (const struct conf_client *c = policy_next_client(conf, who, NULL); c != NULL; c = policy_next_client(conf, who, c))
		add_match(c, who, o);
	j11_json_close(o);
	j11_json_open(o, "keys", '[');
	for (size_t i = 0; i < conf->n_keys; i++) {
		if (!policy_sees(conf, who, conf->keys[i].name))
			continue;
		j11_json_open(o, NULL, '{');
		j11_json_str(o, "name", conf->keys[i].name);
		add_operations(front, who, conf->keys[i].name, o);
		add_templates(front, who, conf->keys[i].name, o);
		j11_json_close(o);
	}
	j11_json_close(o);
	j11_json_open(o, "administers", '[');
	for (size_t i = 0; i < conf->n_tokens; i++)
		if (policy_administers(conf, who, conf->tokens[i].name) != NULL)
			j11_json_str(o, NULL, conf->tokens[i].name);
	j11_json_close(o);
}

enum front_outcome front_view_whoami(struct front_request *q)
{
	const struct policy_peer *who = front_peer_get(q->peer);
	struct j11_json_out o;

	if (who == NULL)
		return front_problem(q, J11_CODE_PEER_DENIED, "the kernel does not say who is calling");
	o = begin(q);
	j11_json_num(&o, "uid", (int64_t)who->uid);
	j11_json_num(&o, "gid", (int64_t)who->gid);
	j11_json_num(&o, "pid", (int64_t)who->pid);
	j11_json_str(&o, "socket", who->socket);
	if (who->unit != NULL)
		j11_json_str(&o, "unit", who->unit);
	if (who->executable != NULL)
		j11_json_str(&o, "executable", who->executable);
	add_grants(q->front, who, &o);
	if (!front_peer_matches(q->front, q->peer)) {
		struct jwk11_err err = { .rc = JWK11_OK };

		policy_deny(who, &err);
		j11_json_str(&o, "reason", err.text);
	}
	return end(q, &o);
}

enum front_outcome front_view_live(struct front_request *q)
{
	q->reply.status = 200;
	q->reply.type = "text/plain; charset=utf-8";
	q->reply.body = J11_VIEW("ok\n");
	q->reply.cache_control = "no-store";
	return FRONT_REPLY;
}

static void add_reason(struct j11_json_out *o, const char *what, const char *name, const char *state, const char *why)
{
	j11_json_open(o, NULL, '{');
	if (what != NULL)
		j11_json_str(o, what, name);
	j11_json_str(o, "state", state);
	add_text(o, "reason", why);
	j11_json_close(o);
}

/* A module none of whose workers can be given anything. */
static size_t write_workerless(const struct front *front, struct j11_json_out *o)
{
	size_t n = 0;

	for (const char **m = front->conf->modules; *m != NULL; m++) {
		struct calls_module_state state = { .n_workers = 0 };

		for (size_t i = 0; calls_module_at(front->calls, i, &state) && !j11_text_equal(state.name, *m); i++)
			state = (struct calls_module_state){ .n_workers = 0 };
		if (state.n_workers > state.n_late)
			continue;
		n++;
		if (state.n_workers == 0)
			add_reason(o, "module", *m, "no-worker", "none of its workers is running");
		else
			add_reason(o, "module", *m, "late", "its workers missed a deadline and are restarted");
	}
	return n;
}

/* Why not: an array with one object for each token and module that is not ready. */
static size_t write_unready(const struct front *front, struct jwk11_buf *buf)
{
	struct j11_json_out o = J11_JSON_OUT(buf);
	size_t n;

	j11_json_open(&o, NULL, '[');
	n = write_workerless(front, &o);
	if (front->draining) {
		n++;
		add_reason(&o, NULL, NULL, "draining", "the daemon is ending");
	}
	for (size_t i = 0; i < front->conf->n_tokens; i++) {
		const char *module;
		const struct catalog_token *token = token_of(front, front->conf->tokens[i].name, &module);

		if (token != NULL && j11_text_equal(token->state, "ready"))
			continue;
		n++;
		add_reason(&o, "token", front->conf->tokens[i].name, token != NULL ? token->state : "unknown",
			token != NULL ? token->text : "no worker has reported it yet");
	}
	j11_json_close(&o);
	return n;
}

enum front_outcome front_view_ready(struct front_request *q)
{
	struct jwk11_buf *reasons = &q->front->octets;
	size_t n;

	jwk11_buf_reset(reasons);
	n = write_unready(q->front, reasons);
	if (n == 0)
		return front_view_live(q);
	if (reasons->failed != JWK11_OK)
		return front_problem(q, J11_CODE_NOT_READY, "%zu things are not ready", n);
	return front_problem_full(q, &(struct problem){
		.code = J11_CODE_NOT_READY,
		.detail = J11_VIEW("not every configured token and module is ready"),
		.request_id = j11_view_str(q->request_id),
		.reasons = j11_buf_view(reasons),
	});
}

static bool alg_seen_before(const struct front *front, size_t until, const char *alg)
{
	for (size_t i = 0; i < until; i++) {
		const struct catalog_key *key = catalog_key_named(front->catalog, front->conf->keys[i].name);

		if (key != NULL && j11_text_equal(key->alg, alg))
			return true;
	}
	return false;
}

void front_view_about(const struct front *front, struct j11_json_out *o)
{
	const struct conf *conf = front->conf;

	j11_json_open(o, "algs", '[');
	for (size_t i = 0; i < conf->n_keys; i++) {
		const struct catalog_key *key = catalog_key_named(front->catalog, conf->keys[i].name);

		if (key != NULL && key->alg[0] != '\0' && !alg_seen_before(front, i, key->alg))
			j11_json_str(o, NULL, key->alg);
	}
	j11_json_close(o);
	front_view_list_sets(front, o);
	j11_json_open(o, "limits", '{');
	j11_json_num(o, "head", HTTP_HEAD_MAX);
	j11_json_num(o, "body", (int64_t)conf->max_body);
	j11_json_num(o, "connections", conf->max_connections);
	j11_json_num(o, "connections_per_user", conf_connections_per_user(conf));
	j11_json_num(o, "batch", FRONT_BATCH_MAX);
	j11_json_num(o, "queue", conf->max_queue);
	j11_json_num(o, "requests_per_user", conf_requests_per_user(conf));
	j11_json_num(o, "request_timeout_ms", conf->request_timeout_ms);
	j11_json_num(o, "head_timeout_ms", conf->head_timeout_ms);
	j11_json_num(o, "idle_timeout_ms", conf->idle_timeout_ms);
	j11_json_close(o);
}
