/* SPDX-License-Identifier: Apache-2.0 */
/* The loads that a bench compares: each runs for some seconds and says how many operations were done, or how long one took. */
#ifndef LOAD_H
#define LOAD_H

#include "jwk11.h"

/* What every load works on. */
struct load {
	const char *folder;   /* of `jwk11 setup` */
	const char *run;      /* the run-dir below it of the broker that is asked */
	const char *label, *alg;
	struct jwk11_key *key;
	double seconds;
};

double load_now(void);
/* C_SignInit + C_Sign over a digest, nothing else; operations a second of n threads. */
double load_raw(const struct load *load, int n);
/* jwk11_key_sign over a digest, each signature verified. */
double load_lib(const struct load *load, int n);
/* POST /v1/keys/{k}/sign and GET the JWK set on n kept connections with one request under way on each. */
double load_sign(const struct load *load, int n);
double load_jwks(const struct load *load, int n);
/* The same signatures by POST /v1/batch, 64 in each; signatures a second. */
double load_batch(const struct load *load, int n);
/* The raw loop in n processes of their own through a p11-kit server; P11_KIT_SERVER_ADDRESS says where. */
double load_p11kit(const struct load *load, int n);
/* The program of such a process: opens, says so with a byte on standard output, waits for a byte, runs, prints its count. */
int load_p11kit_child(const char *pin_file, const char *module, const char *label, const char *alg, const char *seconds);

/* Median microseconds of one operation at a time, with the cores kept awake by threads of the lowest priority. */
double load_raw_p50(const struct load *load);
double load_sign_p50(const struct load *load);

_Noreturn void load_die(const char *what, const char *why);
int load_compare(const void *a, const void *b);

#endif
