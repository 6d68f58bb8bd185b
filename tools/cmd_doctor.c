/* SPDX-License-Identifier: Apache-2.0 */
/* jwk11 doctor: one row for each check. Each says what it finds, with what to do about it, and what it could not look at. */
#include <stdio.h>

#include "ask.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "doctor.h"

/* What a check is for. */
enum where { ALWAYS = 0, WITH_CONF = 1, WITH_BROKER = 2, NOT_OFFLINE = 4, WITH_SET = 8 };

static const struct {
	const char *name;
	void (*look)(struct doctor *d);
	unsigned where;
} checks[] = {
	{ "broker", doctor_broker, NOT_OFFLINE },
	{ "numbers of the broker", doctor_numbers, WITH_BROKER },
	{ "sockets", doctor_sockets, NOT_OFFLINE },
	{ "configuration", doctor_config, ALWAYS },
	{ "PIN files and credentials", doctor_pins, WITH_CONF },
	{ "state directory", doctor_state, WITH_CONF },
	{ "modules", doctor_modules, ALWAYS },
	{ "devices", doctor_devices, ALWAYS },
	{ "tokens", doctor_tokens, ALWAYS },
	{ "keys", doctor_keys, ALWAYS },
	{ "rotation", doctor_rotation, WITH_BROKER },
	{ "certificates", doctor_certs, WITH_BROKER },
	{ "key set", doctor_jwks, WITH_SET },
	{ "published files", doctor_publish, WITH_BROKER },
	{ "audit log", doctor_audit, WITH_CONF },
	{ "clock", doctor_clock, ALWAYS },
	{ "service", doctor_service, WITH_CONF },
};

static bool is_due(const struct doctor *d, unsigned where)
{
	return (!(where & WITH_CONF) || d->conf != NULL) && (!(where & WITH_BROKER) || d->broker) && (!(where & NOT_OFFLINE) || !d->g->offline) &&
		(!(where & WITH_SET) || d->published);
}

/* What every check may want to know: the configuration, whether the broker answers, and the keys that it shows. */
static void prepare(struct doctor *d)
{
	J11_AUTO(ask_done_auto) struct ask_answer answer = { 0 };

	if (!d->direct && conf_load(d->g->config, &d->conf, &d->conf_why) != JWK11_OK)
		d->conf = NULL;
	if (d->g->offline)
		return;
	d->broker = ask_broker(d->g, "GET", "/v1/keys", NULL, NULL, &answer, &d->broker_why) == JWK11_OK &&
		j11_json_read(j11_buf_view(&answer.body), NULL, "answer", &d->keys, &d->broker_why) == JWK11_OK;
	d->published = !j11_text_equal(d->broker_why.code, "BROKER_ABSENT");
	cmd_note_request("", 0);
}

static void look(struct doctor *d)
{
	prepare(d);
	for (size_t i = 0; i < J11_COUNT(checks); i++)
		if (is_due(d, checks[i].where))
			checks[i].look(d);
	j11_json_free(d->keys);
	j11_mem_free(d->probes);
	conf_free(d->conf);
}

static int run_doctor(struct cmd_global *g, int argc, char **argv)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf out = J11_BUF(ASK_MAX);
	struct j11_json_out o = J11_JSON_OUT(&out);
	struct doctor d = { .g = g, .sign = g->sign, .direct = g->module != NULL || g->token != NULL || g->pin_file != NULL || g->ask_pin, .o = &o };
	struct jwk11_err err = { 0 };

	(void)argv;
	if (argc != 0)
		return cmd_usage("doctor", "takes no argument");
	j11_json_open(&o, NULL, '{');
	j11_json_str(&o, "schema", "jwk11/doctor/1");
	j11_json_open(&o, "findings", '[');
	look(&d);
	j11_json_close(&o);
	j11_json_num(&o, "errors", d.n[DOCTOR_ERROR]);
	j11_json_num(&o, "warnings", d.n[DOCTOR_WARN]);
	j11_json_close(&o);
	if (!g->json)
		printf("%u errors, %u warnings\n", d.n[DOCTOR_ERROR], d.n[DOCTOR_WARN]);
	else if (j11_buf_check(&out, "findings", &err) != JWK11_OK || cmd_write_output(NULL, j11_buf_view(&out), true, &err) != JWK11_OK)
		return cmd_fail(&err);
	return d.n[DOCTOR_ERROR] ? CMD_NEGATIVE : CMD_OK;
}

static const struct cmd_option options[] = {
	{ "sign", 0, CMD_FLAG, &cmd_given.sign, NULL, "make a test signature with each key; with --offline this sends PINs" },
};

const struct cmd_verb cmd_doctor = { "doctor", "", "look for what is wrong and say what to do", run_doctor, options, J11_COUNT(options), .local = false };
