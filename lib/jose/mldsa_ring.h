/* SPDX-License-Identifier: Apache-2.0 */
/* The ring of ML-DSA: polynomials of 256 coefficients modulo q = 8380417 and X^256 + 1, and their bits (FIPS 204 sections 7.1 and 7.5). */
#ifndef J11_MLDSA_RING_H
#define J11_MLDSA_RING_H

#include <stdint.h>

enum { J11_RING_Q = 8380417, J11_RING_N = 256 };

/* Coefficients are always reduced: 0 to q - 1. */
struct j11_poly {
	uint32_t c[J11_RING_N];
};

/* The 256 powers of the root of unity 1753, in the order in which the transform takes them. */
void j11_ring_zetas(struct j11_poly *ret_zetas);
/* Number theoretic transform and its inverse, in place (Algorithms 41 and 42). */
void j11_ring_ntt(const struct j11_poly *zetas, struct j11_poly *p);
void j11_ring_ntt_inverse(const struct j11_poly *zetas, struct j11_poly *p);

/* 256 numbers of `bits` bits each (at most 20), least significant bit first: 32 * bits octets. What is packed fits its bits. */
void j11_ring_unpack(const unsigned char *octets, unsigned bits, uint32_t ret_numbers[J11_RING_N]);
void j11_ring_pack(const uint32_t numbers[J11_RING_N], unsigned bits, unsigned char *ret_octets);

static inline uint32_t j11_ring_mul(uint32_t a, uint32_t b)
{
	return (uint32_t)((uint64_t)a * b % J11_RING_Q);
}

#endif
