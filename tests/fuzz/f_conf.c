/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a configuration: no crash; what is accepted survives the canonical text, which is what the other processes get to read. */
#include <stdlib.h>
#include <string.h>

#include "conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool held)
{
	if (!held)
		abort();
}

static void check_numbers(const struct conf *c)
{
	must(c->run_dir[0] == '/' && c->state_dir[0] == '/' && c->api_mode <= 0777 && c->public_mode <= 0777);
	must(c->workers <= 64 && c->threads >= 1 && c->threads <= 128 && c->max_connections >= 1 && c->max_queue >= 1);
	must(c->max_body >= 256 && c->max_body <= 131072 && c->request_timeout_ms >= 1000 && c->head_timeout_ms >= 1000);
	must(c->idle_timeout_ms >= 1000 && c->max_age >= 0);
}

static void check_client(const struct conf *c, const struct conf_client *client)
{
	must(client->users[0] != NULL || client->groups[0] != NULL || client->n_uids + client->n_gids > 0 || client->units[0] != NULL ||
		client->executables[0] != NULL || client->sockets[0] != NULL);
	must(client->anybody == conf_list_has(client->users, "*") && client->jwt_max_ttl >= 0);
	for (const char **k = client->keys; *k != NULL; k++)
		must(strcmp(*k, "*") == 0 || conf_find_key(c, *k) != NULL);
}

static void same(const struct conf *a, const struct conf *b)
{
	must(a->n_tokens == b->n_tokens && a->n_keys == b->n_keys && a->n_sets == b->n_sets && a->n_clients == b->n_clients && a->n_sockets == b->n_sockets);
	must(a->socket_gid == b->socket_gid && a->api_mode == b->api_mode && a->public_mode == b->public_mode && a->max_body == b->max_body);
	must(a->workers == b->workers && a->request_timeout_ms == b->request_timeout_ms && a->max_age == b->max_age);
	for (size_t i = 0; i < a->n_tokens; i++)
		must(a->tokens[i].login == b->tokens[i].login && a->tokens[i].verify == b->tokens[i].verify &&
			(a->tokens[i].pin_file == NULL) == (b->tokens[i].pin_file == NULL));
	for (size_t i = 0; i < a->n_keys; i++)
		must(strcmp(a->keys[i].uri, b->keys[i].uri) == 0 && conf_key_index(b, a->keys[i].name) == (long)i);
	for (size_t i = 0; i < a->n_sockets; i++)
		must(strcmp(a->sockets[i].path, b->sockets[i].path) == 0 && a->sockets[i].mode == b->sockets[i].mode && a->sockets[i].gid == b->sockets[i].gid);
	for (size_t i = 0; i < a->n_clients; i++) {
		const struct conf_client *x = &a->clients[i], *y = &b->clients[i];

		must(x->n_uids == y->n_uids && x->n_gids == y->n_gids && x->anybody == y->anybody && x->jwt_max_ttl == y->jwt_max_ttl);
		must(memcmp(x->ops, y->ops, sizeof(x->ops)) == 0);
		must(x->n_uids == 0 || memcmp(x->uids, y->uids, x->n_uids * sizeof(*x->uids)) == 0);
		must(x->n_gids == 0 || memcmp(x->gids, y->gids, x->n_gids * sizeof(*x->gids)) == 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct jwk11_buf text = J11_BUF(64 * 1024 * 1024), again = J11_BUF(64 * 1024 * 1024);
	struct conf *conf = NULL, *second = NULL;
	struct jwk11_err err = { 0 };

	if (conf_parse((struct jwk11_view){ .data = data, .len = size }, "fuzz.conf", &conf, &err) != JWK11_OK) {
		must(conf == NULL && err.rc == JWK11_ERR_SYNTAX && err.text[0] != '\0');
		return 0;
	}
	check_numbers(conf);
	for (size_t i = 0; i < conf->n_clients; i++)
		check_client(conf, &conf->clients[i]);
	conf_emit(conf, &text);
	must(text.failed == JWK11_OK);
	must(conf_parse(j11_buf_view(&text), "canonical", &second, NULL) == JWK11_OK);
	same(conf, second);
	conf_emit(second, &again);
	must(j11_view_equal(j11_buf_view(&text), j11_buf_view(&again)));
	conf_free(conf);
	conf_free(second);
	j11_buf_done(&text);
	j11_buf_done(&again);
	return 0;
}
