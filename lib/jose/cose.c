/* SPDX-License-Identifier: Apache-2.0 */
/* Public keys as COSE_Key (RFC 9052 section 7, RFC 9053 section 7, RFC 8230 section 4, RFC 9964), in deterministic CBOR: labels in the order of
 * their encodings, which is 1, 2, 3, -1, -2, -3. */
#include <string.h>

#include "base/cbor.h"
#include "base/err.h"
#include "jwk.h"
#include "kma.h"

enum { KTY = 1, KID = 2, ALG = 3 };

/* One row per key type: its number, and what stands under -1, -2, -3. */
static const struct {
	int64_t kty;
	unsigned n_values;
	bool has_curve; /* under -1 */
	bool alg_is_part; /* of the key itself, and so of its thumbprint */
} rows[J11_N_KTY_] = {
	[J11_KTY_OKP] = { 1, 2, true, false },
	[J11_KTY_EC] = { 2, 3, true, false },
	[J11_KTY_RSA] = { 3, 2, false, false },
	[J11_KTY_AKP] = { 7, 1, false, true },
};

/* The number of a signature or key management algorithm; 0 for one that COSE does not have (its ECDH-ES derives keys in another way). */
static int alg_number(const char *name)
{
	const struct j11_alg *alg = j11_alg_find_str(name);
	const struct j11_kma *kma = j11_kma_find(j11_view_str(name));

	return alg != NULL ? alg->cose : kma != NULL ? kma->cose : 0;
}

static void write_values(const struct jwk11_pub *pub, struct jwk11_buf *out)
{
	struct jwk11_view values[2] = { pub->x, pub->y };
	unsigned n = rows[pub->kty].n_values;
	int64_t label = -1;

	if (pub->kty == J11_KTY_RSA) {
		values[0] = pub->n;
		values[1] = pub->e;
	}
	if (rows[pub->kty].has_curve) {
		j11_cbor_int(out, label--);
		j11_cbor_int(out, pub->curve->cose);
		n--;
	}
	for (unsigned i = 0; i < n; i++) {
		j11_cbor_int(out, label--);
		j11_cbor_bytes(out, values[i]);
	}
}

/* `alg` 0 and an empty kid are left out. */
static void write_key(const struct jwk11_pub *pub, int alg, struct jwk11_view kid, struct jwk11_buf *out)
{
	j11_cbor_map(out, 1u + (kid.len > 0 ? 1 : 0) + (alg != 0 ? 1 : 0) + rows[pub->kty].n_values);
	j11_cbor_int(out, KTY);
	j11_cbor_int(out, rows[pub->kty].kty);
	if (kid.len > 0) {
		j11_cbor_int(out, KID);
		j11_cbor_bytes(out, kid);
	}
	if (alg != 0) {
		j11_cbor_int(out, ALG);
		j11_cbor_int(out, alg);
	}
	write_values(pub, out);
}

enum jwk11_rc jwk11_pub_cose_key(const struct jwk11_pub *pub, const char *alg, const char *kid, struct jwk11_buf *ret_cbor, struct jwk11_err *err)
{
	struct j11_jwk_names names = { .alg = alg, .kid = kid };
	size_t start = ret_cbor ? ret_cbor->len : 0;
	enum jwk11_rc rc;

	if (ret_cbor == NULL)
		return j11_err_set(err, JWK11_ERR_ARGUMENT, J11_CODE_ARGUMENT, "COSE_Key: no buffer");
	rc = j11_jwk_names(pub, &names, err);
	if (rc != JWK11_OK)
		return rc;
	write_key(pub, alg_number(names.alg), j11_view_str(names.kid), ret_cbor);
	return j11_buf_check_from(ret_cbor, start, "COSE_Key", err);
}

/* RFC 9679 section 3: the required parameters alone. */
enum jwk11_rc jwk11_pub_cose_thumbprint(const struct jwk11_pub *pub, unsigned char ret_thumbprint[JWK11_COSE_THUMBPRINT_LEN], struct jwk11_err *err)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf cbor = J11_BUF(J11_RSA_MAX_BITS);
	unsigned char digest[J11_HASH_MAX];
	enum jwk11_rc rc;

	if (pub == NULL || ret_thumbprint == NULL)
		return j11_err_set(err, JWK11_ERR_ARGUMENT, J11_CODE_ARGUMENT, "COSE thumbprint: key or place is missing");
	write_key(pub, rows[pub->kty].alg_is_part ? pub->alg->cose : 0, J11_VIEW(""), &cbor);
	rc = j11_buf_check(&cbor, "COSE_Key", err);
	if (rc == JWK11_OK)
		rc = j11_hash_digest(J11_HASH_SHA256, j11_buf_view(&cbor), digest, err);
	if (rc == JWK11_OK)
		memcpy(ret_thumbprint, digest, JWK11_COSE_THUMBPRINT_LEN);
	return rc;
}
