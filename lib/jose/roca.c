/* SPDX-License-Identifier: Apache-2.0 */
/* Nemec, Sys, Svenda, Klinec, Matyas, "The Return of Coppersmith's Attack" (ACM CCS 2017), section 3: the generator makes primes of the form
 * k * M + (65537^a mod M), where M is the product of the first primes (39 of them for its shortest keys, more for longer ones). The product of
 * two such primes is 65537^c modulo every prime in M; a modulus that is not, for one of them, was made otherwise. */
#include "roca.h"

#include "base/attr.h"

enum { GENERATOR = 65537 };

/* The odd primes in every M; 2 tells nothing of odd numbers. */
static const unsigned char primes[] = { 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103,
	107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167 };

static unsigned remainder_of(struct jwk11_view n, unsigned prime)
{
	const unsigned char *octets = n.data;
	unsigned r = 0;

	for (size_t i = 0; i < n.len; i++)
		r = (r << 8 | octets[i]) % prime;
	return r;
}

static bool is_power(unsigned r, unsigned prime)
{
	unsigned power = 1;

	do {
		if (power == r)
			return true;
		power = power * (GENERATOR % prime) % prime;
	} while (power != 1);
	return false;
}

bool j11_roca_has(struct jwk11_view modulus)
{
	for (size_t i = 0; i < J11_COUNT(primes); i++)
		if (!is_power(remainder_of(modulus, primes[i]), primes[i]))
			return false;
	return modulus.len > 0;
}
