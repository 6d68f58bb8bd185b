/* SPDX-License-Identifier: Apache-2.0 */
/* Telling the front what a view has: everything, each time. */
#include "work_tell.h"

#include <string.h>

#include "base/b64.h"
#include "base/mem.h"
#include "jose/x5c.h"
#include "log.h"
#include "tally.h"
#include "wire.h"

static void send_out(int sock, const struct jwk11_buf *out)
{
	int why = out->failed == JWK11_OK ? wire_send(sock, j11_buf_view(out), -1) : 0;

	if (out->failed != JWK11_OK || why != 0)
		log_event(LOG_LEVEL_WARNING, "catalogue-send-failed", "why", why ? strerror(why) : "too long", NULL);
}

static void announce_token(const struct work_token *t, int sock, struct jwk11_buf *out)
{
	const struct jwk11_token_info *info = t->token ? jwk11_token_get_info(t->token) : NULL;

	jwk11_buf_reset(out);
	wire_begin(out, WIRE_CATALOG_TOKEN, 0);
	wire_add_str(out, WIRE_F_NAME, t->conf->name);
	wire_add_str(out, WIRE_F_STATE, t->state);
	if (info != NULL) {
		wire_add_str(out, WIRE_F_LABEL, info->label);
		wire_add_str(out, WIRE_F_MANUFACTURER, info->manufacturer);
		wire_add_str(out, WIRE_F_MODEL, info->model);
		wire_add_str(out, WIRE_F_SERIAL, info->serial);
		wire_add_str(out, WIRE_F_PIN, jwk11_pin_state_name(info->pin));
		wire_add_str(out, WIRE_F_LIBRARY, info->library);
	} else {
		wire_add_str(out, WIRE_F_TEXT, t->why.text);
	}
	send_out(sock, out);
}

static void add_names(const struct work_key *k, struct jwk11_buf *out)
{
	char text[JWK11_KID_MAX];

	wire_add_str(out, WIRE_F_LABEL, jwk11_key_label(k->key));
	if (jwk11_key_kid(k->key, JWK11_KID_ID, text, NULL) == JWK11_OK)
		wire_add_str(out, WIRE_F_ID, text);
	if (jwk11_key_kid(k->key, JWK11_KID_THUMBPRINT, text, NULL) == JWK11_OK)
		wire_add_str(out, WIRE_F_THUMBPRINT, text);
}

static void add_chain(const struct work_key *k, struct jwk11_buf *text, struct jwk11_buf *out)
{
	struct j11_json_out o = J11_JSON_OUT(text);

	if (k->chain_note[0] != '\0')
		wire_add_str(out, WIRE_F_NOTE, k->chain_note);
	if (k->chain == NULL)
		return;
	jwk11_buf_reset(text);
	j11_x5c_write(&o, NULL, k->chain);
	if (text->failed != JWK11_OK)
		return;
	wire_add(out, WIRE_F_X5C, j11_buf_view(text));
	wire_add_str(out, WIRE_F_X5T, jwk11_chain_thumbprint(k->chain));
}

static void add_cose(const struct work_key *k, const struct jwk11_pub *pub, struct jwk11_buf *out)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf cbor = J11_BUF(8192);
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf text = J11_BUF(16384);

	if (jwk11_pub_cose_key(pub, k->alg, k->kid, &cbor, NULL) != JWK11_OK)
		return;
	j11_b64url_add(&text, j11_buf_view(&cbor));
	if (text.failed == JWK11_OK)
		wire_add(out, WIRE_F_COSE, j11_buf_view(&text));
}

static void add_public(const struct work_key *k, const struct jwk11_pub *pub, struct jwk11_buf *out)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf text = J11_BUF(2 * J11_CHAIN_LEN_MAX);

	if (jwk11_pub_jwk(pub, k->alg, k->kid, &text, NULL) == JWK11_OK)
		wire_add(out, WIRE_F_JWK, j11_buf_view(&text));
	jwk11_buf_reset(&text);
	if (jwk11_pub_pem(pub, &text, NULL) == JWK11_OK)
		wire_add(out, WIRE_F_PEM, j11_buf_view(&text));
	add_chain(k, &text, out);
	add_cose(k, pub, out);
}

/* Of a secret key there is nothing public to tell. */
static void announce_key(const struct work_key *k, int sock, struct jwk11_buf *out)
{
	jwk11_buf_reset(out);
	wire_begin(out, WIRE_CATALOG_KEY, 0);
	wire_add_str(out, WIRE_F_NAME, k->conf->name);
	wire_add_str(out, WIRE_F_STATE, k->state);
	if (k->token != NULL)
		wire_add_str(out, WIRE_F_TOKEN, k->token->conf->name);
	if (k->health != 0)
		wire_add_num(out, WIRE_F_HEALTH, k->health);
	if (k->is_version)
		wire_add_num(out, WIRE_F_MOMENT, (uint64_t)k->moment);
	if (k->is_whole)
		wire_add_num(out, WIRE_F_WHOLE, 1);
	if (k->key == NULL) {
		wire_add_str(out, WIRE_F_TEXT, k->why.text);
	} else {
		wire_add_str(out, WIRE_F_KID, k->kid);
		wire_add_str(out, WIRE_F_ALG, k->alg);
		wire_add_str(out, WIRE_F_KTY, jwk11_key_kty(k->key));
		wire_add_num(out, WIRE_F_BITS, jwk11_key_bits(k->key));
		add_names(k, out);
		if (jwk11_key_pub(k->key) != NULL)
			add_public(k, jwk11_key_pub(k->key), out);
	}
	send_out(sock, out);
}

void work_tell(const struct work_view *view, const char *module, unsigned index, int sock)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf out = J11_BUF(WIRE_MAX);

	wire_begin(&out, WIRE_CATALOG_BEGIN, 0);
	wire_add_str(&out, WIRE_F_MODULE, module);
	wire_add_num(&out, WIRE_F_INDEX, index);
	send_out(sock, &out);
	for (size_t i = 0; i < view->n_tokens; i++)
		announce_token(&view->tokens[i], sock, &out);
	for (size_t i = 0; i < view->n_keys; i++)
		announce_key(&view->keys[i], sock, &out);
	jwk11_buf_reset(&out);
	wire_begin(&out, WIRE_CATALOG_END, 0);
	send_out(sock, &out);
}

void work_tell_states(const struct work_view *view, int sock)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf out = J11_BUF(1024);

	for (size_t i = 0; i < view->n_tokens; i++) {
		jwk11_buf_reset(&out);
		wire_begin(&out, WIRE_CATALOG_TOKEN, 0);
		wire_add_str(&out, WIRE_F_NAME, view->tokens[i].conf->name);
		wire_add_str(&out, WIRE_F_STATE, view->tokens[i].state);
		send_out(sock, &out);
	}
}

void work_tell_tally(int sock)
{
	struct jwk11_buf out = J11_BUF(1024);

	if (!tally_take_change())
		return;
	tally_write(&out);
	if (out.failed != JWK11_OK || wire_send(sock, j11_buf_view(&out), -1) != 0)
		log_event(LOG_LEVEL_WARNING, "tally-lost", NULL);
	j11_buf_done(&out);
}
