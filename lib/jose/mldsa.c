/* SPDX-License-Identifier: Apache-2.0 */
/* ML-DSA verification (FIPS 204). Numbers in comments are algorithms of the standard. Only public values come here, so nothing runs in
 * constant time. libcrypto gives SHAKE; its own ML-DSA, where it has one, is not used: one path everywhere. */
#include "mldsa.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "mldsa_ring.h"

enum { Q = J11_RING_Q, N = J11_RING_N, D = 13, T1_BITS = 10, RHO_LEN = 32, MU_LEN = 64, K_MAX = 8, L_MAX = 7, W1_MAX = K_MAX * 128 };

/* Octets drawn from SHAKE for one polynomial. Appendix C allows a limit: that this many do not suffice has a chance below 2^-256. */
enum { UNIFORM_LEN = 894, BALL_LEN = 8 + 264 };

/* Table 1 and table 2. */
static const struct params {
	const char *name;
	unsigned k, l, tau, beta, omega;
	unsigned z_bits;  /* gamma1 = 2^(z_bits - 1) */
	unsigned w1_bits;
	unsigned gamma2;
	unsigned c_len;   /* octets of the commitment hash */
} sets[J11_N_MLDSA_] = {
	[J11_MLDSA_NONE] = { .name = "" },
	[J11_MLDSA_44] = { "ML-DSA-44", 4, 4, 39, 78, 80, 18, 6, (Q - 1) / 88, 32 },
	[J11_MLDSA_65] = { "ML-DSA-65", 6, 5, 49, 196, 55, 20, 4, (Q - 1) / 32, 48 },
	[J11_MLDSA_87] = { "ML-DSA-87", 8, 7, 60, 120, 75, 20, 4, (Q - 1) / 32, 64 },
};

/* One verification. */
struct work {
	const struct params *p;
	EVP_MD *shake128, *shake256;
	EVP_MD_CTX *ctx;
	struct j11_poly zetas, c, z[L_MAX], t, a;
	uint64_t sum[N];
	unsigned char hint[K_MAX][N];
	unsigned char mu[MU_LEN], w1[W1_MAX], c_again[MU_LEN], stream[UNIFORM_LEN];
};

/* CANNOT_TRY: libcrypto ran out of memory. */
enum result { VERIFIES, DIFFERS, CANNOT_TRY };

enum j11_mldsa j11_mldsa_find(struct jwk11_view name)
{
	for (enum j11_mldsa set = J11_MLDSA_44; set < J11_N_MLDSA_; set++)
		if (j11_view_equals(name, sets[set].name))
			return set;
	return J11_MLDSA_NONE;
}

const char *j11_mldsa_name(enum j11_mldsa set)
{
	return sets[set].name;
}

void j11_mldsa_oid(enum j11_mldsa set, unsigned char ret_oid[J11_MLDSA_OID_LEN])
{
	const unsigned char oid[J11_MLDSA_OID_LEN] = { 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x03, (unsigned char)(0x10 + set) };

	memcpy(ret_oid, oid, J11_MLDSA_OID_LEN);
}

size_t j11_mldsa_pub_len(enum j11_mldsa set)
{
	return set == J11_MLDSA_NONE ? 0 : RHO_LEN + sets[set].k * (N / 8 * T1_BITS);
}

size_t j11_mldsa_sig_len(enum j11_mldsa set)
{
	const struct params *p = &sets[set];

	return p->c_len + p->l * (N / 8 * p->z_bits) + p->omega + p->k;
}

static bool shake(struct work *w, const EVP_MD *md, const struct jwk11_view *parts, size_t n, unsigned char *ret_octets, size_t len)
{
	bool ok = EVP_DigestInit_ex2(w->ctx, md, NULL) == 1;

	for (size_t i = 0; ok && i < n; i++)
		ok = EVP_DigestUpdate(w->ctx, parts[i].data, parts[i].len) == 1;
	return ok && EVP_DigestFinalXOF(w->ctx, ret_octets, len) == 1;
}

/* mu = H(H(pub) || M'), where M' is two zero octets (pure ML-DSA, and a context of no octets) before the message: 3 and 8. */
static bool digest_message(struct work *w, struct jwk11_view pub, struct jwk11_view message)
{
	static const unsigned char pure[2] = { 0, 0 };
	unsigned char tr[64];
	const struct jwk11_view parts[] = { { tr, sizeof(tr) }, { pure, sizeof(pure) }, message };

	return shake(w, w->shake256, &pub, 1, tr, sizeof(tr)) && shake(w, w->shake256, parts, J11_COUNT(parts), w->mu, sizeof(w->mu));
}

/* 21: places of ones, rising within a polynomial, then how many places there are up to each polynomial's end; unused places are zero.
 * Whatever else could be read as the same hints is refused, or one signature would have many encodings. */
static bool unpack_hints(struct work *w, const unsigned char *places)
{
	unsigned index = 0, omega = w->p->omega;

	for (unsigned i = 0; i < w->p->k; i++) {
		unsigned first = index, end = places[omega + i];

		if (end < index || end > omega)
			return false;
		for (; index < end; index++) {
			if (index > first && places[index - 1] >= places[index])
				return false;
			w->hint[i][places[index]] = 1;
		}
	}
	for (; index < omega; index++)
		if (places[index] != 0)
			return false;
	return true;
}

/* 19 for one polynomial of z, with the bound of 8: a coefficient may not reach gamma1 - beta, or anybody could find some z that fits. */
static bool unpack_z(const struct params *p, const unsigned char *octets, struct j11_poly *ret_z)
{
	int32_t gamma1 = INT32_C(1) << (p->z_bits - 1), bound = gamma1 - (int32_t)p->beta;

	j11_ring_unpack(octets, p->z_bits, ret_z->c);
	for (unsigned i = 0; i < N; i++) {
		int32_t z = gamma1 - (int32_t)ret_z->c[i];

		if (z >= bound || z <= -bound)
			return false;
		ret_z->c[i] = (uint32_t)(z < 0 ? z + Q : z);
	}
	return true;
}

/* 27: the signature must hold exactly one encoding of c~, z and h. */
static bool unpack_signature(struct work *w, const unsigned char *sig)
{
	unsigned z_len = N / 8 * w->p->z_bits;
	const unsigned char *z = sig + w->p->c_len;

	if (!unpack_hints(w, z + w->p->l * z_len))
		return false;
	for (unsigned i = 0; i < w->p->l; i++)
		if (!unpack_z(w->p, z + i * z_len, &w->z[i]))
			return false;
	return true;
}

/* 29: a polynomial with tau coefficients of 1 or -1, the others 0. */
static bool sample_ball(struct work *w, const unsigned char *c_tilde)
{
	struct jwk11_view seed = { .data = c_tilde, .len = w->p->c_len };
	uint64_t signs = 0;
	unsigned at = 8;

	if (!shake(w, w->shake256, &seed, 1, w->stream, BALL_LEN))
		return false;
	for (unsigned i = 0; i < 8; i++)
		signs |= (uint64_t)w->stream[i] << (8 * i);
	for (unsigned i = N - w->p->tau; i < N; i++, signs >>= 1) {
		while (at < BALL_LEN && w->stream[at] > i)
			at++;
		if (at == BALL_LEN)
			return false;
		w->c.c[i] = w->c.c[w->stream[at]];
		w->c.c[w->stream[at++]] = signs & 1 ? Q - 1 : 1;
	}
	return true;
}

/* 30 and 32: the polynomial of the matrix in this row and column, already transformed, into w->a. */
static bool sample_matrix(struct work *w, struct jwk11_view pub, unsigned row, unsigned column)
{
	unsigned char place[2] = { (unsigned char)column, (unsigned char)row };
	const struct jwk11_view parts[] = { { pub.data, RHO_LEN }, { place, sizeof(place) } };
	unsigned n = 0;

	if (!shake(w, w->shake128, parts, J11_COUNT(parts), w->stream, UNIFORM_LEN))
		return false;
	for (const unsigned char *s = w->stream; n < N && s < w->stream + UNIFORM_LEN; s += 3) {
		uint32_t x = s[0] | (uint32_t)s[1] << 8 | (uint32_t)(s[2] & 0x7f) << 16;

		if (x < Q)
			w->a.c[n++] = x;
	}
	return n == N;
}

/* 40: the high bits of r, moved by one where the hint says so. */
static uint32_t use_hint(uint32_t r, bool hint, unsigned gamma2)
{
	uint32_t m = (Q - 1) / (2 * gamma2), r1 = r / (2 * gamma2), r0 = r % (2 * gamma2);
	bool below = r0 == 0 || r0 > gamma2; /* the remainder between -gamma2 and gamma2 is not positive */

	if (r0 > gamma2)
		r1++;
	r1 %= m; /* high bits m, just below q, count as 0 */
	if (!hint)
		return r1;
	return (below ? r1 + m - 1 : r1 + 1) % m;
}

/* One polynomial of w'_approx = A z - c t1 2^d, and w1 from it (8). The sum of at most 7 products of 46 bits fits 64. */
static bool compute_row(struct work *w, struct jwk11_view pub, unsigned row)
{
	const unsigned char *t1 = (const unsigned char *)pub.data + RHO_LEN + row * (N / 8 * T1_BITS);

	j11_ring_unpack(t1, T1_BITS, w->t.c);
	for (unsigned i = 0; i < N; i++)
		w->t.c[i] <<= D;
	j11_ring_ntt(&w->zetas, &w->t);
	for (unsigned i = 0; i < N; i++)
		w->sum[i] = Q - j11_ring_mul(w->c.c[i], w->t.c[i]);
	for (unsigned j = 0; j < w->p->l; j++) {
		if (!sample_matrix(w, pub, row, j))
			return false;
		for (unsigned i = 0; i < N; i++)
			w->sum[i] += (uint64_t)w->a.c[i] * w->z[j].c[i];
	}
	for (unsigned i = 0; i < N; i++)
		w->t.c[i] = (uint32_t)(w->sum[i] % Q);
	j11_ring_ntt_inverse(&w->zetas, &w->t);
	for (unsigned i = 0; i < N; i++)
		w->t.c[i] = use_hint(w->t.c[i], w->hint[row][i], w->p->gamma2);
	j11_ring_pack(w->t.c, w->p->w1_bits, w->w1 + row * (N / 8 * w->p->w1_bits));
	return true;
}

/* 3 with 8. */
static enum result verify(struct work *w, struct jwk11_view pub, struct jwk11_view message, const unsigned char *sig)
{
	const struct jwk11_view commitment[] = { { w->mu, sizeof(w->mu) }, { w->w1, w->p->k * (N / 8 * w->p->w1_bits) } };

	if (!unpack_signature(w, sig))
		return DIFFERS;
	if (w->ctx == NULL || w->shake128 == NULL || w->shake256 == NULL || !digest_message(w, pub, message) || !sample_ball(w, sig))
		return CANNOT_TRY;
	j11_ring_zetas(&w->zetas);
	j11_ring_ntt(&w->zetas, &w->c);
	for (unsigned j = 0; j < w->p->l; j++)
		j11_ring_ntt(&w->zetas, &w->z[j]);
	for (unsigned i = 0; i < w->p->k; i++)
		if (!compute_row(w, pub, i))
			return CANNOT_TRY;
	if (!shake(w, w->shake256, commitment, J11_COUNT(commitment), w->c_again, w->p->c_len))
		return CANNOT_TRY;
	return memcmp(sig, w->c_again, w->p->c_len) == 0 ? VERIFIES : DIFFERS;
}

enum jwk11_rc j11_mldsa_verify(enum j11_mldsa set, struct jwk11_view pub, struct jwk11_view message, struct jwk11_view sig,
	struct jwk11_err *err)
{
	J11_AUTO(j11_mem_free_auto) struct work *w = NULL;
	enum result result;

	if (set == J11_MLDSA_NONE || pub.len != j11_mldsa_pub_len(set) || sig.len != j11_mldsa_sig_len(set))
		return j11_err_set(err, JWK11_ERR_SIGNATURE, J11_CODE_SIGNATURE_INVALID, "the signature or the key has a wrong length for ML-DSA");
	w = j11_mem_new(sizeof(*w));
	if (w == NULL)
		return j11_err_memory(err);
	w->p = &sets[set];
	w->ctx = EVP_MD_CTX_new();
	w->shake128 = EVP_MD_fetch(NULL, "SHAKE128", NULL);
	w->shake256 = EVP_MD_fetch(NULL, "SHAKE256", NULL);
	result = verify(w, pub, message, sig.data);
	EVP_MD_free(w->shake128);
	EVP_MD_free(w->shake256);
	EVP_MD_CTX_free(w->ctx);
	ERR_clear_error();
	if (result == CANNOT_TRY)
		return j11_err_memory(err);
	if (result == DIFFERS)
		return j11_err_set(err, JWK11_ERR_SIGNATURE, J11_CODE_SIGNATURE_INVALID, "the signature does not verify");
	return JWK11_OK;
}
