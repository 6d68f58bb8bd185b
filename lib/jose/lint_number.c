/* SPDX-License-Identifier: Apache-2.0 */
/* The key itself: RSA and AKP numbers here, curves in lint_curve.c. What is wrong in a way that can be put right is put right, so that the rest of
 * the key is judged as well. */
#include "base/text.h"
#include "lint_part.h"
#include "roca.h"
#include "thumb.h"

static size_t strip(struct jwk11_buf *number)
{
	size_t zeros = 0;

	while (zeros < number->len && number->data[zeros] == 0)
		zeros++;
	j11_buf_drop(number, zeros);
	return zeros;
}

static size_t bit_length(const struct jwk11_buf *number)
{
	unsigned top = number->len > 0 ? (unsigned char)number->data[0] : 0;
	size_t bits = 0;

	for (; top != 0; top >>= 1)
		bits++;
	return number->len > 0 ? (number->len - 1) * 8 + bits : 0;
}

static bool is_odd(const struct jwk11_buf *number)
{
	return number->len > 0 && (number->data[number->len - 1] & 1) != 0;
}

static void check_modulus(struct j11_lint *lint, struct j11_lint_key *key, struct jwk11_buf *n)
{
	size_t zeros = strip(n), bits = bit_length(n);

	if (zeros > 0)
		j11_lint_add(lint, key, J11_LINT_RSA_ZERO, "n", "\"n\" has %zu octets for %zu bits: %s in front", zeros + n->len, bits,
			zeros == 1 ? "a zero octet, such as signed numbers have," : "zero octets");
	if (bits < J11_RSA_MIN_BITS)
		j11_lint_add(lint, key, J11_LINT_RSA_SMALL, "n", "the modulus has %zu bits", bits);
	if (bits > J11_RSA_MAX_BITS)
		j11_lint_add(lint, key, J11_LINT_RSA_LARGE, "n", "the modulus has %zu bits", bits);
	if (n->len > 0 && !is_odd(n))
		j11_lint_add(lint, key, J11_LINT_RSA_EVEN, "n", "the modulus is even");
	if (j11_roca_has(j11_buf_view(n)))
		j11_lint_add(lint, key, J11_LINT_RSA_ROCA, "n", "the modulus has the structure of a flawed generator (ROCA): the private key can be computed");
}

static void check_exponent(struct j11_lint *lint, struct j11_lint_key *key, struct jwk11_buf *e)
{
	size_t zeros = strip(e), bits = bit_length(e);

	if (zeros > 0)
		j11_lint_add(lint, key, J11_LINT_RSA_ZERO, "e", "\"e\" has a zero octet in front; 65537 is AQAB");
	if (!is_odd(e) || bits < 2)
		j11_lint_add(lint, key, J11_LINT_RSA_EXPONENT, "e", "the exponent is %s", is_odd(e) ? "1, which signs nothing" : "even");
	if (bits > 31)
		j11_lint_add(lint, key, J11_LINT_RSA_EXPONENT_LARGE, "e", "the exponent has %zu bits", bits);
}

static void check_rsa(struct j11_lint *lint, struct j11_lint_key *key)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf n = J11_BUF(J11_LINT_MAX);
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf e = J11_BUF(J11_LINT_MAX);
	bool have_n = j11_lint_number(lint, key, "n", &n), have_e = j11_lint_number(lint, key, "e", &e);

	if (have_n)
		check_modulus(lint, key, &n);
	if (have_e)
		check_exponent(lint, key, &e);
	if (have_n && have_e)
		j11_lint_good(lint, j11_pub_new_rsa(j11_buf_view(&n), j11_buf_view(&e), &key->pub, NULL));
}

/* RFC 9964: the algorithm belongs to the key and says how long it is. Its case is judged elsewhere. */
static void check_akp(struct j11_lint *lint, struct j11_lint_key *key)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf pub = J11_BUF(J11_LINT_MAX);
	bool have_pub = j11_lint_number(lint, key, "pub", &pub);
	enum j11_mldsa set = J11_MLDSA_44;
	char shown[32];

	while (set < J11_N_MLDSA_ && !j11_lint_same_word(key->alg, j11_mldsa_name(set)))
		set++;
	j11_text_printable(key->alg, shown, sizeof(shown));
	if (set == J11_N_MLDSA_)
		j11_lint_add(lint, key, J11_LINT_AKP_ALG, "alg", key->alg.len > 0 ? "\"%s\" is no algorithm of an AKP key" : "\"alg\" is missing%s", shown);
	else if (have_pub && pub.len != j11_mldsa_pub_len(set))
		j11_lint_add(lint, key, J11_LINT_AKP_LENGTH, "pub", "\"pub\" has %zu octets where %s has %zu", pub.len, j11_mldsa_name(set),
			j11_mldsa_pub_len(set));
	else if (have_pub)
		j11_lint_good(lint, j11_pub_new_akp(set, j11_buf_view(&pub), &key->pub, NULL));
}

void j11_lint_numbers(struct j11_lint *lint, struct j11_lint_key *key)
{
	static const struct {
		const char *kty;
		void (*check)(struct j11_lint *lint, struct j11_lint_key *key);
	} checks[] = { { "RSA", check_rsa }, { "EC", j11_lint_ec }, { "OKP", j11_lint_okp }, { "AKP", check_akp } };

	for (size_t i = 0; key->kty != NULL && i < J11_COUNT(checks); i++)
		if (j11_text_equal(key->kty, checks[i].kty))
			checks[i].check(lint, key);
	if (key->pub != NULL)
		j11_lint_good(lint, jwk11_pub_thumbprint(key->pub, key->thumbprint, NULL));
	else if (!j11_thumb_of(key->jwk, key->thumbprint))
		key->thumbprint[0] = '\0';
}
