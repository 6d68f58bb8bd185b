/* SPDX-License-Identifier: Apache-2.0 */
/* Verification contexts, made at first use and copied from then on. The only state that changes inside a public key, and it changes once:
 * a slot goes from empty to filled by compare-and-swap, and a thread that comes second throws its own copy away. */
#include "ready.h"

#include <openssl/rsa.h>
#include <stdatomic.h>

#include "base/mem.h"

/* One algorithm's templates; `pkey` or, for EdDSA, `message`. Never changed once published. */
struct slot {
	EVP_MD *md;
	EVP_PKEY_CTX *pkey;
	EVP_MD_CTX *message;
};

struct j11_ready {
	EVP_PKEY *evp;
	_Atomic(struct slot *) slots[2 * J11_N_HASH_]; /* by hash; the second half for PSS */
};

struct j11_ready *j11_ready_new(EVP_PKEY *evp)
{
	struct j11_ready *ready = j11_mem_new(sizeof(*ready));

	if (ready == NULL || EVP_PKEY_up_ref(evp) != 1) {
		j11_mem_free(ready);
		return NULL;
	}
	ready->evp = evp;
	for (size_t i = 0; i < J11_COUNT(ready->slots); i++)
		atomic_init(&ready->slots[i], NULL);
	return ready;
}

static void slot_free(struct slot *slot)
{
	if (slot == NULL)
		return;
	EVP_PKEY_CTX_free(slot->pkey);
	EVP_MD_CTX_free(slot->message);
	EVP_MD_free(slot->md);
	j11_mem_free(slot);
}

void j11_ready_free(struct j11_ready *ready)
{
	if (ready == NULL)
		return;
	for (size_t i = 0; i < J11_COUNT(ready->slots); i++)
		slot_free(atomic_load_explicit(&ready->slots[i], memory_order_acquire));
	EVP_PKEY_free(ready->evp);
	j11_mem_free(ready);
}

/* RFC 7518 3.3 and 3.5: PSS takes MGF1 with the same hash and a salt exactly as long as the hash. */
static bool set_rsa(EVP_PKEY_CTX *ctx, const struct j11_alg *alg, const EVP_MD *md)
{
	bool pss = alg->scheme == J11_SCHEME_PSS;

	if (EVP_PKEY_CTX_set_rsa_padding(ctx, pss ? RSA_PKCS1_PSS_PADDING : RSA_PKCS1_PADDING) != 1)
		return false;
	return !pss || (EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST) == 1 && EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, md) == 1);
}

static bool fill(struct slot *slot, EVP_PKEY *evp, const struct j11_alg *alg)
{
	if (alg == NULL) {
		slot->message = EVP_MD_CTX_new();
		return slot->message != NULL && EVP_DigestVerifyInit_ex(slot->message, NULL, NULL, NULL, NULL, evp, NULL) == 1;
	}
	slot->md = EVP_MD_fetch(NULL, j11_hash_name(alg->hash), NULL);
	slot->pkey = EVP_PKEY_CTX_new_from_pkey(NULL, evp, NULL);
	if (slot->md == NULL || slot->pkey == NULL || EVP_PKEY_verify_init(slot->pkey) != 1)
		return false;
	if (alg->kty == J11_KTY_RSA && !set_rsa(slot->pkey, alg, slot->md))
		return false;
	return EVP_PKEY_CTX_set_signature_md(slot->pkey, slot->md) == 1;
}

/* The slot of an algorithm, filled; NULL stands for EdDSA. */
static const struct slot *slot_of(struct j11_ready *ready, const struct j11_alg *alg)
{
	unsigned index = alg == NULL ? J11_HASH_NONE : alg->hash + (alg->scheme == J11_SCHEME_PSS ? J11_N_HASH_ : 0u);
	struct slot *slot = atomic_load_explicit(&ready->slots[index], memory_order_acquire), *other = NULL;

	if (slot != NULL)
		return slot;
	slot = j11_mem_new(sizeof(*slot));
	if (slot == NULL)
		return NULL;
	if (!fill(slot, ready->evp, alg)) {
		slot_free(slot);
		return NULL;
	}
	if (atomic_compare_exchange_strong_explicit(&ready->slots[index], &other, slot, memory_order_acq_rel, memory_order_acquire))
		return slot;
	slot_free(slot);
	return other;
}

EVP_PKEY_CTX *j11_ready_verify(struct j11_ready *ready, const struct j11_alg *alg, const EVP_MD **ret_md)
{
	const struct slot *slot = slot_of(ready, alg);
	EVP_PKEY_CTX *ctx = slot ? EVP_PKEY_CTX_dup(slot->pkey) : NULL;

	if (ctx != NULL)
		*ret_md = slot->md;
	return ctx;
}

EVP_MD_CTX *j11_ready_verify_message(struct j11_ready *ready)
{
	const struct slot *slot = slot_of(ready, NULL);
	EVP_MD_CTX *ctx = slot ? EVP_MD_CTX_new() : NULL;

	if (ctx != NULL && EVP_MD_CTX_copy_ex(ctx, slot->message) != 1) {
		EVP_MD_CTX_free(ctx);
		return NULL;
	}
	return ctx;
}
