/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a file with a private key: no crash, a reason for what is refused, and what is taken is whole and has a public half that can be
 * written. The passphrase is that of the seeds. */
#include <stdlib.h>

#include "jose/priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool held)
{
	if (!held)
		abort();
}

static void look_at(const struct j11_priv *priv)
{
	char thumbprint[JWK11_THUMBPRINT_LEN + 1];
	const struct jwk11_view *all[] = { &priv->n.d, &priv->n.p, &priv->n.q, &priv->n.dp, &priv->n.dq, &priv->n.qi };
	size_t total = 0;

	must(jwk11_pub_thumbprint(priv->pub, thumbprint, NULL) == JWK11_OK);
	must(jwk11_pub_default_alg(priv->pub)[0] != '\0');
	must(priv->n.d.len > 0);
	for (size_t i = 0; i < J11_COUNT(all); i++)
		total += all[i]->len;
	must(total == priv->len);
	if (priv->pub->curve != NULL)
		must(priv->n.d.len == priv->pub->curve->coord_len && total == priv->n.d.len);
	else
		must(priv->n.p.len > 0 && priv->n.q.len > 0 && priv->n.qi.len <= priv->pub->n.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct jwk11_view text = { .data = data, .len = size };
	struct j11_priv *priv = NULL;
	struct jwk11_err err = { 0 };
	bool encrypted = j11_priv_is_encrypted(text);

	if (j11_priv_read(text, encrypted ? J11_VIEW("fuzz") : (struct jwk11_view){ 0 }, &priv, &err) == JWK11_OK)
		look_at(priv);
	else
		must(priv == NULL && err.rc != JWK11_OK && err.text[0] != '\0' && err.code[0] != '\0');
	j11_priv_free(priv);
	return 0;
}
