/* SPDX-License-Identifier: Apache-2.0 */
/* Findings, verdicts and rules, shown. */
#include "show_lint.h"

#include <stdio.h>

#include "ask.h"
#include "base/err.h"
#include "base/text.h"
#include "json/json_write.h"
#include "table.h"

const char *show_lint_place(const struct j11_lint *lint, size_t key, char ret_place[64])
{
	char kid[24];

	if (key == 0)
		return lint->doc == NULL ? "text" : "set";
	j11_text_printable(lint->keys[key - 1].kid, kid, sizeof(kid));
	snprintf(ret_place, 64, kid[0] ? "key %zu (%s)" : "key %zu%s", key, kid);
	return ret_place;
}

static enum jwk11_rc print(struct table *table, struct jwk11_err *err)
{
	return table_print(table) ? JWK11_OK : j11_err_memory(err);
}

static enum jwk11_rc print_findings(const struct j11_lint *lint, struct jwk11_err *err)
{
	struct table table = TABLE(4);

	table.states = 1;
	for (size_t i = 0; i < lint->n_findings; i++) {
		const struct j11_lint_finding *f = &lint->findings[i];
		const struct j11_lint_rule *rule = j11_lint_rule(f->id);
		char place[64], sentence[640];

		snprintf(sentence, sizeof(sentence), rule->source[0] ? "%s; %s (%s)" : "%s; %s%s", f->text, rule->fix, rule->source);
		table_row(&table, j11_lint_severity_name(rule->severity), show_lint_place(lint, f->key, place), rule->name, sentence);
	}
	return print(&table, err);
}

static enum jwk11_rc print_verdicts(const struct j11_lint *lint, const struct j11_taker *const *takers, size_t n, struct jwk11_err *err)
{
	struct table table = TABLE_HEADED(4, 3);
	struct j11_verdict verdict;
	char place[64];

	table_row(&table, "KEY", "TAKER", "TAKES IT", "WHY NOT");
	for (size_t i = 0; i < lint->n_keys; i++)
		for (size_t j = 0; j < n; j++) {
			j11_taker_judge(takers[j], lint, &lint->keys[i], &verdict);
			table_row(&table, show_lint_place(lint, i + 1, place), j11_taker_name(takers[j]), j11_takes_name(verdict.takes), verdict.why);
		}
	return print(&table, err);
}

static const char *plural(size_t n)
{
	return n == 1 ? "" : "s";
}

static void print_sum(const struct j11_lint *lint)
{
	const size_t *n = lint->n_severity;
	size_t all = n[J11_LINT_ERROR] + n[J11_LINT_WARN] + n[J11_LINT_INFO];

	if (all > lint->n_findings)
		printf("… and %zu more\n", all - lint->n_findings);
	printf("%zu key%s: %zu error%s, %zu warning%s, %zu note%s\n", lint->n_listed, plural(lint->n_listed), n[J11_LINT_ERROR],
		plural(n[J11_LINT_ERROR]), n[J11_LINT_WARN], plural(n[J11_LINT_WARN]), n[J11_LINT_INFO], plural(n[J11_LINT_INFO]));
}

/* "key" counts from 1; null for what is about the whole. */
static void write_place(struct j11_json_out *o, const struct j11_lint *lint, size_t key)
{
	if (key == 0)
		j11_json_null(o, "key");
	else
		j11_json_num(o, "key", (int64_t)key);
	if (key > 0 && lint->keys[key - 1].kid.len > 0)
		j11_json_view(o, "kid", lint->keys[key - 1].kid);
}

static void write_finding(struct j11_json_out *o, const struct j11_lint *lint, const struct j11_lint_finding *f)
{
	const struct j11_lint_rule *rule = j11_lint_rule(f->id);

	j11_json_open(o, NULL, '{');
	j11_json_str(o, "severity", j11_lint_severity_name(rule->severity));
	j11_json_str(o, "rule", rule->name);
	write_place(o, lint, f->key);
	if (f->member[0] != '\0')
		j11_json_str(o, "member", f->member);
	j11_json_str(o, "text", f->text);
	j11_json_str(o, "fix", rule->fix);
	if (rule->source[0] != '\0')
		j11_json_str(o, "source", rule->source);
	j11_json_close(o);
}

static void write_taker(struct j11_json_out *o, const struct j11_lint *lint, const struct j11_taker *taker)
{
	struct j11_verdict verdict;

	j11_json_open(o, NULL, '{');
	j11_json_str(o, "taker", j11_taker_name(taker));
	j11_json_str(o, "title", j11_taker_title(taker));
	j11_json_open(o, "keys", '[');
	for (size_t i = 0; i < lint->n_keys; i++) {
		j11_taker_judge(taker, lint, &lint->keys[i], &verdict);
		j11_json_open(o, NULL, '{');
		write_place(o, lint, i + 1);
		j11_json_str(o, "takes", j11_takes_name(verdict.takes));
		if (verdict.why[0] != '\0')
			j11_json_str(o, "why", verdict.why);
		j11_json_close(o);
	}
	j11_json_close(o);
	j11_json_close(o);
}

static enum jwk11_rc print_json(const struct j11_lint *lint, const struct j11_taker *const *takers, size_t n, struct jwk11_err *err)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf out = J11_BUF(4 * ASK_MAX);
	struct j11_json_out o = J11_JSON_OUT(&out);
	enum jwk11_rc rc;

	j11_json_open(&o, NULL, '{');
	j11_json_str(&o, "schema", "jwk11/lint/1");
	j11_json_num(&o, "keys", (int64_t)lint->n_listed);
	j11_json_num(&o, "errors", (int64_t)lint->n_severity[J11_LINT_ERROR]);
	j11_json_num(&o, "warnings", (int64_t)lint->n_severity[J11_LINT_WARN]);
	j11_json_num(&o, "notes", (int64_t)lint->n_severity[J11_LINT_INFO]);
	j11_json_open(&o, "findings", '[');
	for (size_t i = 0; i < lint->n_findings; i++)
		write_finding(&o, lint, &lint->findings[i]);
	j11_json_close(&o);
	if (n > 0)
		j11_json_open(&o, "takers", '[');
	for (size_t i = 0; i < n; i++)
		write_taker(&o, lint, takers[i]);
	if (n > 0)
		j11_json_close(&o);
	j11_json_close(&o);
	rc = j11_buf_check(&out, "document", err);
	return rc == JWK11_OK ? cmd_write_output(NULL, j11_buf_view(&out), true, err) : rc;
}

enum jwk11_rc show_lint(const struct j11_lint *lint, const struct j11_taker *const *takers, size_t n, bool json, struct jwk11_err *err)
{
	enum jwk11_rc rc = JWK11_OK;

	if (json)
		return print_json(lint, takers, n, err);
	if (lint->n_findings > 0)
		rc = print_findings(lint, err);
	if (rc == JWK11_OK && n > 0 && lint->n_keys > 0)
		rc = print_verdicts(lint, takers, n, err);
	if (rc == JWK11_OK)
		print_sum(lint);
	return rc;
}

static enum jwk11_rc rules_json(struct jwk11_err *err)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf out = J11_BUF(ASK_MAX);
	struct j11_json_out o = J11_JSON_OUT(&out);

	j11_json_open(&o, NULL, '{');
	j11_json_str(&o, "schema", "jwk11/lint-rules/1");
	j11_json_open(&o, "rules", '[');
	for (enum j11_lint_id id = 0; id < J11_N_LINT_; id++) {
		const struct j11_lint_rule *rule = j11_lint_rule(id);

		j11_json_open(&o, NULL, '{');
		j11_json_str(&o, "rule", rule->name);
		j11_json_str(&o, "severity", j11_lint_severity_name(rule->severity));
		j11_json_str(&o, "source", rule->source);
		j11_json_str(&o, "fix", rule->fix);
		j11_json_close(&o);
	}
	j11_json_close(&o);
	j11_json_open(&o, "takers", '[');
	for (size_t i = 0; j11_taker_at(i) != NULL; i++) {
		j11_json_open(&o, NULL, '{');
		j11_json_str(&o, "taker", j11_taker_name(j11_taker_at(i)));
		j11_json_str(&o, "title", j11_taker_title(j11_taker_at(i)));
		j11_json_close(&o);
	}
	j11_json_close(&o);
	j11_json_close(&o);
	return cmd_write_output(NULL, j11_buf_view(&out), true, err);
}

enum jwk11_rc show_lint_rules(bool json, struct jwk11_err *err)
{
	struct table rules = TABLE_HEADED(4, 2), takers = TABLE_HEADED(2, 0);
	enum jwk11_rc rc;

	if (json)
		return rules_json(err);
	table_row(&rules, "RULE", "SEVERITY", "SOURCE", "WHAT TO DO");
	for (enum j11_lint_id id = 0; id < J11_N_LINT_; id++) {
		const struct j11_lint_rule *rule = j11_lint_rule(id);

		table_row(&rules, rule->name, j11_lint_severity_name(rule->severity), rule->source, rule->fix);
	}
	rc = print(&rules, err);
	printf("\n");
	table_row(&takers, "TAKER", "WHO");
	for (size_t i = 0; j11_taker_at(i) != NULL; i++)
		table_row(&takers, j11_taker_name(j11_taker_at(i)), j11_taker_title(j11_taker_at(i)));
	return rc == JWK11_OK ? print(&takers, err) : rc;
}
