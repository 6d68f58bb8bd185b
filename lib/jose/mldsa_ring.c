/* SPDX-License-Identifier: Apache-2.0 */
/* Arithmetic of the ring of ML-DSA. Only public values come here, so nothing runs in constant time, and plain remainders are fast enough. */
#include "mldsa_ring.h"

enum { ZETA = 1753, INVERSE_OF_256 = 8347681 };

static uint32_t add(uint32_t a, uint32_t b)
{
	uint32_t sum = a + b;

	return sum >= J11_RING_Q ? sum - J11_RING_Q : sum;
}

static uint32_t sub(uint32_t a, uint32_t b)
{
	return add(a, J11_RING_Q - b);
}

static unsigned reverse_bits(unsigned octet)
{
	unsigned out = 0;

	for (int i = 0; i < 8; i++)
		out |= (octet >> i & 1) << (7 - i);
	return out;
}

void j11_ring_zetas(struct j11_poly *ret_zetas)
{
	uint32_t power = 1;

	for (unsigned i = 0; i < J11_RING_N; i++) {
		ret_zetas->c[reverse_bits(i)] = power;
		power = j11_ring_mul(power, ZETA);
	}
}

void j11_ring_ntt(const struct j11_poly *zetas, struct j11_poly *p)
{
	unsigned m = 0;

	for (unsigned len = 128; len >= 1; len /= 2) {
		for (unsigned start = 0; start < J11_RING_N; start += 2 * len) {
			uint32_t zeta = zetas->c[++m];

			for (unsigned j = start; j < start + len; j++) {
				uint32_t t = j11_ring_mul(zeta, p->c[j + len]);

				p->c[j + len] = sub(p->c[j], t);
				p->c[j] = add(p->c[j], t);
			}
		}
	}
}

void j11_ring_ntt_inverse(const struct j11_poly *zetas, struct j11_poly *p)
{
	unsigned m = J11_RING_N;

	for (unsigned len = 1; len < J11_RING_N; len *= 2) {
		for (unsigned start = 0; start < J11_RING_N; start += 2 * len) {
			uint32_t zeta = J11_RING_Q - zetas->c[--m];

			for (unsigned j = start; j < start + len; j++) {
				uint32_t t = p->c[j];

				p->c[j] = add(t, p->c[j + len]);
				p->c[j + len] = j11_ring_mul(zeta, sub(t, p->c[j + len]));
			}
		}
	}
	for (unsigned j = 0; j < J11_RING_N; j++)
		p->c[j] = j11_ring_mul(p->c[j], INVERSE_OF_256);
}

void j11_ring_unpack(const unsigned char *octets, unsigned bits, uint32_t ret_numbers[J11_RING_N])
{
	uint32_t window = 0;
	unsigned have = 0;

	for (unsigned i = 0; i < J11_RING_N; i++) {
		for (; have < bits; have += 8)
			window |= (uint32_t)*octets++ << have;
		ret_numbers[i] = window & ((UINT32_C(1) << bits) - 1);
		window >>= bits;
		have -= bits;
	}
}

void j11_ring_pack(const uint32_t numbers[J11_RING_N], unsigned bits, unsigned char *ret_octets)
{
	uint32_t window = 0;
	unsigned have = 0;

	for (unsigned i = 0; i < J11_RING_N; i++) {
		window |= numbers[i] << have;
		for (have += bits; have >= 8; have -= 8) {
			*ret_octets++ = (unsigned char)window;
			window >>= 8;
		}
	}
}
