/* SPDX-License-Identifier: Apache-2.0 */
/* Reading every public key and certificate once, and matching private keys with them. */
#include "half.h"

#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "kind.h"

struct j11_half {
	CK_KEY_TYPE key_type;
	bool has_key_type;
	unsigned char label[J11_LABEL_MAX], id[J11_ID_MAX];
	size_t label_len, id_len;
	struct jwk11_pub *pub;
};

static void list_done(struct j11_half_list *h)
{
	for (size_t i = 0; i < h->n; i++)
		jwk11_pub_unref(h->list[i].pub);
	j11_mem_free(h->list);
}

void j11_half_done(struct j11_halves *halves)
{
	list_done(&halves->publics);
	list_done(&halves->certs);
}

static enum jwk11_rc read_pub(struct j11_halves *l, CK_OBJECT_CLASS class, struct jwk11_pub **ret_pub)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf der = J11_BUF(65536);
	enum jwk11_rc rc;

	if (class == CKO_PUBLIC_KEY && l->obj.has_key_type && l->obj.key_type == J11_CKK_ML_DSA)
		return j11_obj_akp(l->token, l->session, l->obj.handle, ret_pub, &l->unread);
	if (class == CKO_PUBLIC_KEY)
		return j11_obj_pub(&l->obj, ret_pub, &l->unread);
	rc = j11_obj_value(l->token, l->session, l->obj.handle, "certificate", &der, &l->unread);
	return rc == JWK11_OK ? j11_pub_from_cert(j11_buf_view(&der), ret_pub, &l->unread) : rc;
}

/* Every public key or certificate: one search instead of one per private key. Objects that cannot be read are passed over, and l->unread
 * says why of the first. */
static enum jwk11_rc load(struct j11_halves *l, CK_OBJECT_CLASS class, struct j11_half_list *h, struct jwk11_err *err)
{
	J11_AUTO(j11_mem_free_auto) CK_OBJECT_HANDLE *handles = NULL;
	struct jwk11_view any = { 0 };
	size_t n = 0;
	enum jwk11_rc rc = h->loaded ? JWK11_OK : j11_obj_find(l->token, l->session, class, any, any, &handles, &n, err);

	if (rc != JWK11_OK || h->loaded)
		return rc;
	h->list = j11_mem_new_array(n, sizeof(*h->list));
	if (h->list == NULL)
		return j11_err_memory(err);
	for (size_t i = 0; i < n; i++) {
		struct j11_half *one = &h->list[h->n];

		if (j11_obj_read(l->token, l->session, handles[i], class, &l->obj, &l->unread) != JWK11_OK)
			continue;
		rc = read_pub(l, class, &one->pub);
		if (rc == JWK11_ERR_MEMORY)
			return j11_err_memory(err);
		if (rc != JWK11_OK)
			continue;
		one->key_type = l->obj.key_type;
		one->has_key_type = class == CKO_PUBLIC_KEY;
		one->label_len = l->obj.label_len;
		one->id_len = l->obj.id_len;
		memcpy(one->label, l->obj.label, sizeof(one->label));
		memcpy(one->id, l->obj.id, sizeof(one->id));
		h->n++;
	}
	h->loaded = true;
	return JWK11_OK;
}

/* The private key's type against a public object's, or against the key of a certificate. Before PKCS#11 3.0 every curve came as CKK_EC. */
static bool is_type(const struct j11_half *h, CK_KEY_TYPE type)
{
	const struct j11_kind *kind = j11_kind_of(h->pub->kty, h->pub->curve);

	if (h->has_key_type)
		return h->key_type == type;
	return kind != NULL && (kind->type == type || (kind->point && type == CKK_EC));
}

/* Same CKA_ID; when the private key has none, the same label. And a key type that fits. */
static bool may_pair(const struct j11_half *h, const struct j11_object *priv)
{
	if (!is_type(h, priv->key_type))
		return false;
	if (priv->id_len > 0)
		return h->id_len == priv->id_len && memcmp(h->id, priv->id, priv->id_len) == 0;
	return priv->label_len > 0 && h->label_len == priv->label_len && memcmp(h->label, priv->label, priv->label_len) == 0;
}

/* Two different keys that might be it: both are named, so that the object that is wrong can be found. */
static enum jwk11_rc ambiguous(const struct jwk11_pub *a, const struct jwk11_pub *b, struct jwk11_err *why)
{
	char one[JWK11_THUMBPRINT_LEN + 1] = "?", other[JWK11_THUMBPRINT_LEN + 1] = "?";

	if (jwk11_pub_thumbprint(a, one, NULL) == JWK11_ERR_MEMORY || jwk11_pub_thumbprint(b, other, NULL) == JWK11_ERR_MEMORY)
		return j11_err_memory(why);
	j11_err_set(why, JWK11_ERR_AMBIGUOUS, J11_CODE_KEY_AMBIGUOUS, "different public keys share its CKA_ID or label: those with the thumbprints %s and %s",
		one, other);
	j11_err_hint(why, "give the halves of each key a CKA_ID of their own");
	return JWK11_ERR_AMBIGUOUS;
}

/* What was passed over may have been it. */
static enum jwk11_rc none(const struct j11_halves *l, struct jwk11_err *why)
{
	static const char text[] = "no public key, certificate or CKA_PUBLIC_KEY_INFO found for it";

	if (l->unread.rc == JWK11_OK)
		return j11_err_set(why, JWK11_ERR_NOT_FOUND, J11_CODE_NOT_FOUND, "%s", text);
	return j11_err_set(why, JWK11_ERR_NOT_FOUND, J11_CODE_NOT_FOUND, "%s; an object was passed over: %.200s", text, l->unread.text);
}

static enum jwk11_rc pair(const struct j11_halves *l, const struct j11_half_list *halves, const struct j11_object *priv, struct jwk11_pub **ret_pub,
	struct jwk11_err *why)
{
	struct jwk11_pub *found = NULL;

	for (size_t i = 0; i < halves->n; i++) {
		const struct j11_half *h = &halves->list[i];

		if (!may_pair(h, priv) || (found != NULL && j11_pub_equal(found, h->pub)))
			continue;
		if (found != NULL)
			return ambiguous(found, h->pub, why);
		found = h->pub;
	}
	if (found == NULL)
		return none(l, why);
	*ret_pub = jwk11_pub_ref(found);
	return JWK11_OK;
}

/* Each route in turn; NOT_FOUND moves on, anything else is the answer. */
enum jwk11_rc j11_half_find(struct j11_halves *l, const struct j11_object *priv, struct jwk11_pub **ret_pub, struct jwk11_err *why,
	struct jwk11_err *err)
{
	enum jwk11_rc rc = j11_obj_pub(priv, ret_pub, why);

	if (rc != JWK11_ERR_NOT_FOUND)
		return rc;
	j11_err_clear(why);
	rc = load(l, CKO_PUBLIC_KEY, &l->publics, err);
	if (rc == JWK11_OK)
		rc = pair(l, &l->publics, priv, ret_pub, why);
	if (rc != JWK11_ERR_NOT_FOUND)
		return rc;
	if (priv->spki_len > 0) {
		j11_err_clear(why);
		return j11_pub_from_spki((struct jwk11_view){ .data = priv->spki, .len = priv->spki_len }, ret_pub, why);
	}
	rc = load(l, CKO_CERTIFICATE, &l->certs, err);
	if (rc != JWK11_OK)
		return rc;
	j11_err_clear(why);
	return pair(l, &l->certs, priv, ret_pub, why);
}
