/* SPDX-License-Identifier: Apache-2.0 */
/* Lines for people: states that have changed. */
#include "work_log.h"

#include "base/health.h"
#include "base/text.h"
#include "log.h"
#include "token/cert_file.h"

static void log_tokens(const struct work_view *view, const struct work_view *before)
{
	for (size_t i = 0; i < view->n_tokens; i++) {
		const struct work_token *t = &view->tokens[i];
		bool same = before != NULL && i < before->n_tokens && j11_text_equal(before->tokens[i].state, t->state);

		if (!same)
			log_event(t->token ? LOG_LEVEL_NOTICE : LOG_LEVEL_ERROR, "token", "token", t->conf->name, "state", t->state, "why",
				t->token ? NULL : t->why.text, "hint", t->token || !t->why.hint[0] ? NULL : t->why.hint, NULL);
	}
}

static void log_health(const struct work_key *k)
{
	struct jwk11_buf names = J11_BUF(128);

	j11_health_names(k->health, &names);
	log_event(LOG_LEVEL_WARNING, "key-weak", "key", k->conf->name, "health", jwk11_buf_data(&names), "hint", "jwk11 doctor", NULL);
	j11_buf_done(&names);
}

static const char *file_why(const struct work_key *k)
{
	return k != NULL && k->key != NULL && k->conf->certificates != NULL ? j11_key_file_why(k->key) : "";
}

/* Keys that the configuration, not the weather, keeps out of use. */
static void log_keys(const struct work_view *view, const struct work_view *before)
{
	static const char *const states[] = { "kid-taken", "ambiguous", "unsupported", "weak", "wants-pin" };

	for (size_t i = 0; i < view->n_keys; i++) {
		const struct work_key *k = &view->keys[i], *was = before != NULL && i < before->n_keys ? &before->keys[i] : NULL;

		if (was != NULL && !j11_text_equal(was->conf->name, k->conf->name))
			was = NULL;
		if (file_why(k)[0] != '\0' && !j11_text_equal(file_why(was), file_why(k)))
			log_event(LOG_LEVEL_WARNING, "certificates-file", "key", k->conf->name, "file", k->conf->certificates, "why", file_why(k), NULL);
		if (was != NULL && j11_text_equal(was->state, k->state))
			continue;
		if (k->key != NULL && k->health != 0)
			log_health(k);
		for (size_t s = 0; s < J11_COUNT(states); s++)
			if (j11_text_equal(k->state, states[s]))
				log_event(LOG_LEVEL_ERROR, "key", "key", k->conf->name, "state", k->state, "why", k->why.text, "hint",
					k->why.hint[0] ? k->why.hint : NULL, NULL);
	}
}

void work_log_change(const struct work_view *view, const struct work_view *before)
{
	log_tokens(view, before);
	log_keys(view, before);
}
