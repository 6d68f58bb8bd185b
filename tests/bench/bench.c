/* SPDX-License-Identifier: Apache-2.0 */
/* Side by side in each round: C_Sign in process, libjwk11, the broker at 1, 8 and 64 connections, p11-kit's server. Prints medians of
 * in-round ratios to the raw two-thread loop, and CPU per operation.
 *     bench DIR MODULE   DIR: a folder of `jwk11 setup` with jwk11d serving it, one with run-dir `run` and one without an audit log in
 *                      `run-silent`; DAEMON_PID, SILENT_PID, P11_KIT_PID and P11_KIT_CLIENT in the environment
 *     BENCH_SECONDS (0.5), BENCH_ROUNDS (5) */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "load.h"

enum { MAX_ROUNDS = 99 };

/* user+sys seconds so far of the process that this variable of the environment names, and of its children, dead or alive. */
static double cpu_of(const char *variable)
{
	char command[256], line[64] = "";
	const char *pid = getenv(variable);
	FILE *p;

	snprintf(command, sizeof(command), "cat /proc/%s/stat $(printf '/proc/%%s/stat ' $(cat /proc/%s/task/%s/children) 2>/dev/null) 2>/dev/null | "
		"awk 'NR==1{s+=$16+$17} {s+=$14+$15} END {print s}'", pid, pid, pid);
	p = popen(command, "r");
	if (p == NULL || fgets(line, sizeof(line), p) == NULL)
		load_die(variable, "its CPU time cannot be read");
	pclose(p);
	return strtod(line, NULL) / (double)sysconf(_SC_CLK_TCK);
}

static double median(double *values, int n)
{
	qsort(values, (size_t)n, sizeof(*values), load_compare);
	return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

/* A row of the table. The first is what the others are compared with. */
static const struct cell {
	const char *name;
	double (*run)(const struct load *load, int n);
	int n;
	const char *server; /* the variable that names the process whose CPU counts */
	const char *run_dir;
} cells[] = {
	{ "C_Sign, 2 threads", load_raw, 2, NULL, NULL },
	{ "C_Sign, 1 thread", load_raw, 1, NULL, NULL },
	{ "libjwk11, 2 threads, verified", load_lib, 2, NULL, NULL },
	{ "broker, 1 connection", load_sign, 1, "DAEMON_PID", "run" },
	{ "broker, 8 connections", load_sign, 8, "DAEMON_PID", "run" },
	{ "broker, 64 connections", load_sign, 64, "DAEMON_PID", "run" },
	{ "broker, batches of 64, 1 connection", load_batch, 1, "DAEMON_PID", "run" },
	{ "broker, batches of 64, 2 connections", load_batch, 2, "DAEMON_PID", "run" },
	{ "broker, batches of 64, 2 connections, audit = off", load_batch, 2, "SILENT_PID", "run-silent" },
	{ "broker, 8 connections, audit = off", load_sign, 8, "SILENT_PID", "run-silent" },
	{ "p11-kit server, 1 process", load_p11kit, 1, "P11_KIT_PID", NULL },
	{ "p11-kit server, 8 processes", load_p11kit, 8, "P11_KIT_PID", NULL },
};
enum { N_CELLS = sizeof(cells) / sizeof(cells[0]) };

static void bench_rates(struct load *load, int rounds)
{
	static double rate[N_CELLS][MAX_ROUNDS], ratio[N_CELLS][MAX_ROUNDS], cpu[N_CELLS][MAX_ROUNDS];

	for (int r = 0; r < rounds; r++) {
		for (int c = 0; c < N_CELLS; c++) {
			double before = cells[c].server ? cpu_of(cells[c].server) : 0;

			load->run = cells[c].run_dir;
			rate[c][r] = cells[c].run(load, cells[c].n);
			ratio[c][r] = rate[c][r] / rate[0][r];
			cpu[c][r] = cells[c].server ? (cpu_of(cells[c].server) - before) / (rate[c][r] * load->seconds) * 1e6 : 0;
		}
	}
	for (int c = 0; c < N_CELLS; c++) {
		printf("| %s | %s | %.0f | %.2f | ", load->alg, cells[c].name, median(rate[c], rounds), median(ratio[c], rounds));
		if (cells[c].server)
			printf("%.0f |\n", median(cpu[c], rounds));
		else
			printf("- |\n");
	}
	fflush(stdout);
}

/* One client, one request at a time. */
static void bench_latency(struct load *load, int rounds)
{
	static double raw[MAX_ROUNDS], broker[MAX_ROUNDS], above[MAX_ROUNDS];

	for (int r = 0; r < rounds; r++) {
		raw[r] = load_raw_p50(load);
		broker[r] = load_sign_p50(load);
		above[r] = broker[r] - raw[r];
	}
	printf("\n%s, one client, cores kept awake: p50 C_Sign %.0f µs, broker %.0f µs, above C_Sign %.0f µs\n", load->alg, median(raw, rounds),
		median(broker, rounds), median(above, rounds));
}

static void bench_jwks(struct load *load, int rounds)
{
	static double rate[MAX_ROUNDS], cpu[MAX_ROUNDS];

	for (int r = 0; r < rounds; r++) {
		double before = cpu_of("DAEMON_PID");

		rate[r] = load_jwks(load, 64);
		cpu[r] = (cpu_of("DAEMON_PID") - before) / (rate[r] * load->seconds) * 1e6;
	}
	printf("GET /.well-known/jwks.json, 64 connections: %.0f/s, %.1f µs of CPU each\n", median(rate, rounds), median(cpu, rounds));
}

static void bench_key(struct load *load, struct jwk11_token *token, const char *label, const char *alg, int rounds)
{
	struct jwk11_keys *keys = NULL;
	char uri[64];

	snprintf(uri, sizeof(uri), "pkcs11:object=%s", label);
	if (jwk11_token_keys(token, uri, &keys, NULL) != JWK11_OK || jwk11_keys_count(keys) != 1)
		load_die(label, "no such key");
	load->key = jwk11_keys_get(keys, 0);
	load->label = label;
	load->alg = alg;
	bench_rates(load, rounds);
	jwk11_keys_free(keys);
}

static void bench_all(struct load *load, struct jwk11_token *token, int rounds)
{
	struct jwk11_keys *keys = NULL;

	printf("\n| algorithm | way | signatures/s | of C_Sign with 2 threads | server CPU µs per signature |\n|---|---|---|---|---|\n");
	bench_key(load, token, "rs256", "RS256", rounds);
	bench_key(load, token, "es256", "ES256", rounds);
	if (jwk11_token_keys(token, "pkcs11:object=es256", &keys, NULL) != JWK11_OK || jwk11_keys_count(keys) != 1)
		load_die("es256", "no such key");
	load->key = jwk11_keys_get(keys, 0);
	load->run = "run";
	bench_latency(load, rounds);
	jwk11_keys_free(keys);
	bench_jwks(load, rounds);
}

int main(int argc, char **argv)
{
	struct jwk11_context *ctx = NULL;
	struct jwk11_token *token = NULL;
	struct jwk11_err err = { 0 };
	char pin[512], conf[512];
	struct load load = { .seconds = getenv("BENCH_SECONDS") ? strtod(getenv("BENCH_SECONDS"), NULL) : 0.5 };
	struct jwk11_token_config config = { .uri = "pkcs11:token=trial", .pin_file = pin, .n_sessions = 2 };
	int rounds = getenv("BENCH_ROUNDS") ? (int)strtol(getenv("BENCH_ROUNDS"), NULL, 10) : 5;

	if (argc == 7 && strcmp(argv[1], "--p11-kit-client") == 0)
		return load_p11kit_child(argv[2], argv[3], argv[4], argv[5], argv[6]);
	if (argc != 3 || !getenv("DAEMON_PID") || !getenv("SILENT_PID") || !getenv("P11_KIT_PID") || !getenv("P11_KIT_CLIENT") || rounds < 1 || rounds > MAX_ROUNDS)
		load_die("usage", "tests/bench/run starts this program");
	load.folder = argv[1];
	snprintf(pin, sizeof(pin), "%s/pin", load.folder);
	snprintf(conf, sizeof(conf), "%s/softhsm2.conf", load.folder);
	setenv("SOFTHSM2_CONF", conf, 1);
	if (jwk11_context_new(&ctx, &err) != JWK11_OK || jwk11_context_load(ctx, argv[2], &err) != JWK11_OK ||
		jwk11_token_open(ctx, &config, &token, &err) != JWK11_OK)
		load_die("token", err.text);
	bench_all(&load, token, rounds);
	jwk11_token_unref(token);
	jwk11_context_free(ctx);
	return 0;
}
