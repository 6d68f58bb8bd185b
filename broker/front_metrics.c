/* SPDX-License-Identifier: Apache-2.0 */
/* One function for each group of families. Labels have values of the configuration or of a fixed list, so that a client cannot make series. */
#include "front_metrics.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/err.h"
#include "base/text.h"
#include "front_view.h"

#ifndef JWK11_VERSION
#define JWK11_VERSION "0.1.0" /* as in lib/api.c, which the front does not link */
#endif
#define TYPE "text/plain; version=0.0.4; charset=utf-8"

struct writer {
	const struct front *front;
	const struct policy_peer *who;
	struct jwk11_buf *out;
};

static void family(struct writer *w, const char *name, const char *type, const char *help)
{
	j11_buf_add_fmt(w->out, "# HELP jwk11_%s %s\n# TYPE jwk11_%s %s\n", name, help, name, type);
}

/* name="value", with what the format wants escaped. */
static void label(struct writer *w, const char *before, const char *name, const char *value)
{
	j11_buf_add_fmt(w->out, "%s%s=\"", before, name);
	for (; *value != '\0'; value++) {
		if (*value == '\\' || *value == '"')
			j11_buf_add_byte(w->out, '\\');
		if (*value == '\n')
			j11_buf_add_str(w->out, "\\n");
		else
			j11_buf_add_byte(w->out, (unsigned char)*value);
	}
	j11_buf_add_byte(w->out, '"');
}

/* A sample with one label, or none. */
static void sample(struct writer *w, const char *name, const char *label_name, const char *label_value, uint64_t n)
{
	j11_buf_add_fmt(w->out, "jwk11_%s", name);
	if (label_name != NULL) {
		label(w, "{", label_name, label_value);
		j11_buf_add_byte(w->out, '}');
	}
	j11_buf_add_fmt(w->out, " %" PRIu64 "\n", n);
}

static void add_build(struct writer *w)
{
	family(w, "build_info", "gauge", "The version that is running");
	sample(w, "build_info", "version", JWK11_VERSION, 1);
}

/* ---- requests for keys ---- */

static void add_sign_key(struct writer *w, const char *name)
{
	const struct catalog_key *key = catalog_key_named(w->front->catalog, name);
	const struct meter_key *meter = meter_find(&w->front->meter, name);

	for (unsigned op = 0; meter != NULL && op < CONF_N_OPS; op++) {
		for (unsigned r = 0; r < METER_N_RESULTS; r++) {
			if (meter->n[op][r] == 0)
				continue;
			j11_buf_add_str(w->out, "jwk11_sign_total");
			label(w, "{", "key", name);
			label(w, ",", "alg", key != NULL ? key->alg : "");
			label(w, ",", "op", conf_op_name((enum conf_op)op));
			label(w, ",", "result", meter_result_name((enum meter_result)r));
			j11_buf_add_fmt(w->out, "} %" PRIu64 "\n", meter->n[op][r]);
		}
	}
}

static void add_signs(struct writer *w)
{
	const struct conf *conf = w->front->conf;

	family(w, "sign_total", "counter", "Requests to sign, verify or decrypt, by key and by what became of them");
	for (size_t i = 0; i < conf->n_keys; i++)
		if (policy_sees(conf, w->who, conf->keys[i].name))
			add_sign_key(w, conf->keys[i].name);
}

static void add_times_of(struct writer *w, const char *op, const struct meter_times *times)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < METER_BUCKETS; i++) {
		n += times->bucket[i];
		j11_buf_add_fmt(w->out, "jwk11_sign_seconds_bucket{op=\"%s\",le=\"%u.%06u\"} %" PRIu64 "\n", op, meter_bucket_us[i] / 1000000,
			meter_bucket_us[i] % 1000000, n);
	}
	n += times->bucket[METER_BUCKETS];
	j11_buf_add_fmt(w->out, "jwk11_sign_seconds_bucket{op=\"%s\",le=\"+Inf\"} %" PRIu64 "\n", op, n);
	j11_buf_add_fmt(w->out, "jwk11_sign_seconds_sum{op=\"%s\"} %" PRIu64 ".%06u\n", op, times->sum_us / 1000000, (unsigned)(times->sum_us % 1000000));
	j11_buf_add_fmt(w->out, "jwk11_sign_seconds_count{op=\"%s\"} %" PRIu64 "\n", op, n);
}

static void add_times(struct writer *w)
{
	family(w, "sign_seconds", "histogram", "From the request to the answer of its worker, with the time in the queue");
	for (unsigned op = 0; op < CONF_N_OPS; op++)
		add_times_of(w, conf_op_name((enum conf_op)op), &w->front->meter.times[op]);
}

/* ---- tokens and modules ---- */

static const struct catalog_token *token_at(const struct writer *w, size_t i)
{
	const char *module;

	return catalog_token_named(w->front->catalog, w->front->conf->tokens[i].name, &module);
}

static bool tries_low(const struct catalog_token *token)
{
	static const char *const states[] = { "count-low", "final-try", "locked" };

	for (size_t i = 0; token != NULL && i < J11_COUNT(states); i++)
		if (j11_text_equal(token->pin, states[i]))
			return true;
	return token != NULL && (j11_text_equal(token->state, "pin-final-try") || j11_text_equal(token->state, "pin-locked"));
}

static void add_tokens(struct writer *w)
{
	const struct conf *conf = w->front->conf;

	family(w, "token_up", "gauge", "1 when the token is ready");
	for (size_t i = 0; i < conf->n_tokens; i++)
		sample(w, "token_up", "token", conf->tokens[i].name, token_at(w, i) != NULL && j11_text_equal(token_at(w, i)->state, "ready"));
	family(w, "token_pin_tries_low", "gauge", "1 when the token says that few PIN tries are left, or none");
	for (size_t i = 0; i < conf->n_tokens; i++)
		sample(w, "token_pin_tries_low", "token", conf->tokens[i].name, tries_low(token_at(w, i)));
	family(w, "token_state", "gauge", "1 for the state that the token is in");
	for (size_t i = 0; i < conf->n_tokens; i++) {
		j11_buf_add_str(w->out, "jwk11_token_state");
		label(w, "{", "token", conf->tokens[i].name);
		label(w, ",", "state", token_at(w, i) != NULL ? token_at(w, i)->state : "unknown");
		j11_buf_add_str(w->out, "} 1\n");
	}
}

static const struct {
	const char *name, *help;
	size_t place;
	bool wide; /* a size_t, not an unsigned */
} module_rows[] = {
	{ "workers", "Workers that serve", offsetof(struct calls_module_state, n_workers), false },
	{ "queue_depth", "Requests that wait for a worker", offsetof(struct calls_module_state, n_waiting), true },
	{ "requests_in_flight", "Requests that workers have", offsetof(struct calls_module_state, n_flying), true },
};

static void add_modules(struct writer *w)
{
	struct calls_module_state state;

	for (size_t r = 0; r < J11_COUNT(module_rows); r++) {
		family(w, module_rows[r].name, "gauge", module_rows[r].help);
		for (size_t i = 0; calls_module_at(w->front->calls, i, &state); i++) {
			const char *place = (const char *)&state + module_rows[r].place;

			sample(w, module_rows[r].name, "module", state.name,
				module_rows[r].wide ? *(const size_t *)(const void *)place : *(const unsigned *)(const void *)place);
		}
	}
}

static void add_tallies(struct writer *w)
{
	for (unsigned i = 0; i < TALLY_N_; i++) {
		const struct tally_row *row = tally_row((enum tally_id)i);
		char name[64];

		snprintf(name, sizeof(name), "%s%s", row->name, row->kind == TALLY_COUNTER ? "_total" : "");
		family(w, name, row->kind == TALLY_COUNTER ? "counter" : "gauge", row->help);
		for (const struct meter_module *m = w->front->meter.modules; m != NULL; m = m->next)
			sample(w, name, "module", m->name, m->total[i]);
	}
}

/* ---- the front itself ---- */

static void add_connections(struct writer *w)
{
	uint64_t n[USER_SOCKETS] = { 0 };

	for (const struct user *user = w->front->users.first; user != NULL; user = user->next)
		for (unsigned i = 0; i < USER_SOCKETS; i++)
			n[i] += user->n_conns[i];
	family(w, "connections", "gauge", "Connections that are open");
	sample(w, "connections", "socket", "api", n[FRONT_API]);
	sample(w, "connections", "socket", "public", n[FRONT_PUBLIC]);
}

static void add_counts(struct writer *w)
{
	for (unsigned i = 0; i < COUNT_N_; i++) {
		char name[64];

		snprintf(name, sizeof(name), "%s_total", count_name((enum count_id)i));
		family(w, name, "counter", count_help((enum count_id)i));
		sample(w, name, NULL, NULL, w->front->counts.n[i]);
	}
}

static void add_sets(struct writer *w)
{
	const char *name;
	size_t n_keys;
	int64_t changed;

	family(w, "jwks_change_timestamp_seconds", "gauge", "When the key set last changed");
	for (size_t i = 0; front_view_set_at(w->front, i, &name, &n_keys, &changed); i++)
		sample(w, "jwks_change_timestamp_seconds", "set", name, (uint64_t)changed);
	family(w, "jwks_keys", "gauge", "Keys in the key set");
	for (size_t i = 0; front_view_set_at(w->front, i, &name, &n_keys, &changed); i++)
		sample(w, "jwks_keys", "set", name, n_keys);
}

static void add_published(struct writer *w)
{
	const struct front_published *p = &w->front->published;

	if (w->front->conf->publish_dir == NULL)
		return;
	family(w, "publish_failing", "gauge", "1 while the files of the key sets are not as they should be, or the hook was not told");
	sample(w, "publish_failing", NULL, NULL, p->failing);
	family(w, "publish_failures_total", "counter", "Times that writing the files or telling the hook has failed");
	sample(w, "publish_failures_total", NULL, NULL, p->n_failures);
	family(w, "publish_timestamp_seconds", "gauge", "When the files were last found or made as they should be");
	sample(w, "publish_timestamp_seconds", NULL, NULL, (uint64_t)p->moment);
}

enum front_outcome front_metrics(struct front_request *q)
{
	struct writer w = { .front = q->front, .who = front_peer_get(q->peer), .out = &q->front->body };

	jwk11_buf_reset(w.out);
	add_build(&w);
	add_signs(&w);
	add_times(&w);
	add_tokens(&w);
	add_modules(&w);
	add_tallies(&w);
	add_connections(&w);
	add_counts(&w);
	add_sets(&w);
	add_published(&w);
	q->reply.cache_control = "no-store";
	return front_send_body(q, TYPE);
}
