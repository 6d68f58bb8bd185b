/* SPDX-License-Identifier: Apache-2.0 */
/* Routes of both sockets: one row each, tried in order. Checks that hold for many routes are columns, not code in handlers. */
#include "front_route.h"

#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "front_batch.h"
#include "front_body.h"
#include "front_csr.h"
#include "front_jws.h"
#include "front_login.h"
#include "front_metrics.h"
#include "front_openapi.h"
#include "front_transit.h"
#include "front_view.h"
#include "http_media.h"
#include "json/json_write.h"

#ifndef JWK11_VERSION
#define JWK11_VERSION "0.1.0" /* as in lib/api.c, which the front does not link */
#endif
#define SEGMENTS_MAX 5
#define GET (HTTP_GET | HTTP_HEAD)
#define BOTH (FRONT_API | FRONT_PUBLIC)

/* Columns that are yes or no. */
enum { ANY_QUERY = 1, CLIENTS_ONLY = 2, ABOUT_PEER = 4, SECRET_BODY = 8, TRANSIT = 16 /* there with [daemon] transit = yes */ };

struct route {
	const char *path[SEGMENTS_MAX + 1]; /* literal segments; "{}" stands for one that ends up in q->key, "{hash}" in q->hash */
	unsigned methods;
	unsigned sockets;
	unsigned flags;
	const char *const *types; /* what it can answer with; NULL: the handler sees to that */
	size_t n_types;
	enum front_outcome (*handler)(struct front_request *q);
};

static enum front_outcome about(struct front_request *q);

static const struct route routes[] = {
	{ { ".well-known", "jwks.json" }, GET, BOTH, ANY_QUERY, NULL, 0, front_view_jwks },
	{ { ".well-known", "jwks", "{}" }, GET, BOTH, ANY_QUERY, NULL, 0, front_view_jwks_set },
	{ { ".well-known", "openid-configuration" }, GET, BOTH, ANY_QUERY, NULL, 0, front_view_discovery },
	{ { ".well-known", "jwks", "{}", "openid-configuration" }, GET, BOTH, ANY_QUERY, NULL, 0, front_view_discovery_set },
	{ { "v1", "keys", "{}", "sign" }, HTTP_POST, FRONT_API, CLIENTS_ONLY, NULL, 0, front_body_sign },
	{ { "v1", "keys", "{}", "jws" }, HTTP_POST, FRONT_API, CLIENTS_ONLY, front_jws_types, 3, front_body_jws },
	{ { "v1", "keys", "{}", "jwt" }, HTTP_POST, FRONT_API, CLIENTS_ONLY, front_body_jwt_types, 2, front_body_jwt },
	{ { "v1", "keys", "{}", "verify" }, HTTP_POST, FRONT_API, CLIENTS_ONLY, NULL, 0, front_body_verify },
	{ { "v1", "keys", "{}", "decrypt" }, HTTP_POST, FRONT_API, CLIENTS_ONLY, front_body_decrypt_types, 2, front_body_decrypt },
	{ { "v1", "keys", "{}", "csr" }, HTTP_POST, FRONT_API, CLIENTS_ONLY | SECRET_BODY, front_csr_types, 3, front_body_csr },
	{ { "v1", "keys", "{}" }, GET, FRONT_API, CLIENTS_ONLY, front_view_key_types, FRONT_KEY_TYPES, front_view_key },
	{ { "v1", "keys" }, GET, FRONT_API, CLIENTS_ONLY, NULL, 0, front_view_keys },
	{ { "v1", "batch" }, HTTP_POST, FRONT_API, CLIENTS_ONLY, NULL, 0, front_batch },
	{ { "v1", "tokens", "{}", "login" }, HTTP_POST, FRONT_API, CLIENTS_ONLY | SECRET_BODY, NULL, 0, front_login_in },
	{ { "v1", "tokens", "{}", "logout" }, HTTP_POST, FRONT_API, CLIENTS_ONLY, NULL, 0, front_login_out },
	{ { "v1", "tokens", "{}", "rescan" }, HTTP_POST, FRONT_API, CLIENTS_ONLY, NULL, 0, front_login_rescan },
	{ { "v1", "tokens" }, GET, FRONT_API, CLIENTS_ONLY, NULL, 0, front_view_tokens },
	{ { "v1", "whoami" }, GET, FRONT_API, ABOUT_PEER, NULL, 0, front_view_whoami },
	{ { "v1", "openapi.json" }, GET, FRONT_API, 0, front_openapi_types, 2, front_openapi },
	{ { "v1" }, GET, FRONT_API, 0, NULL, 0, about },
	{ { "livez" }, GET, FRONT_API, 0, NULL, 0, front_view_live },
	{ { "metrics" }, GET, FRONT_API, CLIENTS_ONLY, NULL, 0, front_metrics },
	{ { "readyz" }, GET, FRONT_API, 0, NULL, 0, front_view_ready },
	{ { "v1", "transit", "sign", "{}" }, HTTP_WITH_BODY, FRONT_API, CLIENTS_ONLY | TRANSIT, NULL, 0, front_body_sign },
	{ { "v1", "transit", "sign", "{}", "{hash}" }, HTTP_WITH_BODY, FRONT_API, CLIENTS_ONLY | TRANSIT, NULL, 0, front_body_sign },
	{ { "v1", "transit", "verify", "{}" }, HTTP_WITH_BODY, FRONT_API, CLIENTS_ONLY | TRANSIT, NULL, 0, front_body_verify },
	{ { "v1", "transit", "verify", "{}", "{hash}" }, HTTP_WITH_BODY, FRONT_API, CLIENTS_ONLY | TRANSIT, NULL, 0, front_body_verify },
	{ { "v1", "transit", "keys", "{}" }, GET, FRONT_API, CLIENTS_ONLY | TRANSIT, NULL, 0, front_transit_key },
	{ { "v1", "auth", "token", "lookup-self" }, GET, FRONT_API, CLIENTS_ONLY | TRANSIT, NULL, 0, front_transit_self },
};

static const char *allow_of(unsigned methods)
{
	return methods == HTTP_POST ? "POST" : methods == HTTP_WITH_BODY ? "POST, PUT" : "GET, HEAD";
}

static const char *variable_of(const struct route *route)
{
	if (!(route->flags & CLIENTS_ONLY))
		return route->path[3] != NULL ? "{set}" : "{set}.json";
	return j11_text_equal(route->path[1], "tokens") ? "{token}" : "{key}";
}

static void add_path(struct j11_json_out *o, const struct route *route)
{
	struct jwk11_buf path = J11_BUF(128);

	for (size_t i = 0; route->path[i] != NULL; i++) {
		bool variable = j11_text_equal(route->path[i], "{}");

		j11_buf_add_str(&path, "/");
		j11_buf_add_str(&path, variable ? variable_of(route) : route->path[i]);
	}
	j11_json_view(o, "path", j11_buf_view(&path));
	j11_buf_done(&path);
}

static bool is_there(const struct front *front, const struct route *route)
{
	return !(route->flags & TRANSIT) || (front != NULL && front->conf->transit == CONF_YES);
}

/* GET /v1: what this broker is and can do. */
static enum front_outcome about(struct front_request *q)
{
	struct j11_json_out o = J11_JSON_OUT(&q->front->body);

	jwk11_buf_reset(&q->front->body);
	j11_json_open(&o, NULL, '{');
	j11_json_str(&o, "name", "jwk11d");
	j11_json_str(&o, "version", JWK11_VERSION);
	front_view_about(q->front, &o);
	j11_json_open(&o, "routes", '[');
	for (size_t i = 0; i < J11_COUNT(routes); i++) {
		if (!is_there(q->front, &routes[i]))
			continue;
		j11_json_open(&o, NULL, '{');
		add_path(&o, &routes[i]);
		j11_json_open(&o, "methods", '[');
		if (routes[i].methods & HTTP_GET)
			j11_json_str(&o, NULL, "GET");
		if (routes[i].methods & HTTP_HEAD)
			j11_json_str(&o, NULL, "HEAD");
		if (routes[i].methods & HTTP_POST)
			j11_json_str(&o, NULL, "POST");
		if (routes[i].methods & HTTP_PUT)
			j11_json_str(&o, NULL, "PUT");
		j11_json_close(&o);
		j11_json_close(&o);
	}
	j11_json_close(&o);
	j11_json_close(&o);
	q->reply.cache_control = "no-store";
	return front_send_body(q, "application/json");
}

/* ---- matching ---- */

static bool segment_is(struct jwk11_view segment, const char *literal)
{
	char plain[32];

	if (memchr(segment.data, '%', segment.len) == NULL)
		return j11_view_equals(segment, literal);
	return http_unescape(segment, plain, sizeof(plain)) && j11_text_equal(plain, literal);
}

static bool matches(const struct route *route, const struct jwk11_view *segments, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (route->path[i] == NULL)
			return false;
		if (route->path[i][0] != '{' && !segment_is(segments[i], route->path[i]))
			return false;
	}
	return route->path[n] == NULL;
}

/* What stands for variables. False: no name is that long. */
static bool take_variables(struct front_request *q, const struct route *route, const struct jwk11_view *segments, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (j11_text_equal(route->path[i], "{}") && !http_unescape(segments[i], q->key, sizeof(q->key)))
			return false;
		if (j11_text_equal(route->path[i], "{hash}") && !http_unescape(segments[i], q->hash, sizeof(q->hash)))
			return false;
	}
	return true;
}

static const struct route *find(struct front_request *q)
{
	struct jwk11_view segments[SEGMENTS_MAX], path = q->http->path;
	size_t n = 0;

	q->transit = q->front != NULL && front_transit_has(q->front, path);
	while (n < SEGMENTS_MAX && http_next_segment(&path, &segments[n]))
		n++;
	if (path.len > 0)
		return NULL;
	for (size_t i = 0; i < J11_COUNT(routes); i++) {
		if (!(routes[i].sockets & q->socket) || !matches(&routes[i], segments, n) || !is_there(q->front, &routes[i]))
			continue;
		if (!take_variables(q, &routes[i], segments, n))
			return NULL;
		if (routes[i].methods & HTTP_POST) {
			q->op = routes[i].path[q->transit ? 2 : n - 1];
			q->about_token = j11_text_equal(routes[i].path[1], "tokens");
		}
		return &routes[i];
	}
	return NULL;
}

/* ---- checks ---- */

size_t front_route_body_limit(const struct front *front, enum front_socket socket, const struct http_request *http)
{
	return socket == FRONT_API && (http->method & (HTTP_WITH_BODY | HTTP_OTHER)) ? front->conf->max_body : 0;
}

static bool refuse(enum front_outcome reply)
{
	(void)reply;
	return false;
}

static bool refuse_types(struct front_request *q, const struct route *route)
{
	J11_AUTO(j11_buf_done_auto) struct jwk11_buf types = J11_BUF(256);

	for (size_t i = 0; i < route->n_types; i++)
		j11_buf_add_fmt(&types, "%s%s", i > 0 ? ", " : "", route->types[i]);
	return refuse(front_problem(q, J11_CODE_HTTP_NOT_ACCEPTABLE, "this route answers with %s only", jwk11_buf_data(&types)));
}

static bool check_media(struct front_request *q, const struct route *route)
{
	if ((q->http->method & HTTP_WITH_BODY) && !(route->flags & TRANSIT) && (q->http->content_type.data == NULL || !http_media_is_json(q->http->content_type)))
		return refuse(front_problem(q, J11_CODE_HTTP_MEDIA_TYPE, "the body must be sent as application/json"));
	q->type = 0;
	if (route->types == NULL)
		return true;
	q->type = http_media_choose(q->http->accept, route->types, route->n_types);
	return q->type >= 0 || refuse_types(q, route);
}

static bool check_peer(struct front_request *q)
{
	const struct policy_peer *who = front_peer_get(q->peer);
	struct jwk11_err err = { .rc = JWK11_OK };

	if (who == NULL)
		return refuse(front_problem(q, J11_CODE_PEER_DENIED, "the kernel does not say who is calling"));
	if (front_peer_matches(q->front, q->peer))
		return true;
	if (q->peer->facts == FRONT_FACTS_REFUSED)
		return refuse(front_problem(q, J11_CODE_NOT_READY, "no worker could say in which unit the caller runs, and no [client] section matches without"));
	policy_deny(who, &err);
	return refuse(front_problem_err(q, &err));
}

static const struct route *check(struct front_request *q)
{
	const struct route *route = find(q);
	bool good;

	if (route == NULL) {
		front_problem(q, J11_CODE_ROUTE_UNKNOWN, "there is no such route on this socket; GET /v1 on api.sock lists all");
		return NULL;
	}
	if (!(q->http->method & route->methods)) {
		front_problem(q, J11_CODE_HTTP_METHOD, "this route knows %s", allow_of(route->methods));
		q->reply.allow = allow_of(route->methods);
		return NULL;
	}
	if (q->http->query.data != NULL && !(route->flags & ANY_QUERY)) {
		front_problem(q, J11_CODE_ARGUMENT, "this route knows no query parameters");
		return NULL;
	}
	good = (!(route->flags & CLIENTS_ONLY) || check_peer(q)) && check_media(q, route);
	return good ? route : NULL;
}

/* Is this about policy, and policy about what only a worker can find out? */
static bool must_ask(struct front_request *q)
{
	const struct route *route = front_peer_lacks_facts(q->front, q->peer) ? find(q) : NULL;

	return route != NULL && (route->flags & (CLIENTS_ONLY | ABOUT_PEER)) != 0;
}

bool front_route_is_secret(enum front_socket socket, const struct http_request *http)
{
	struct front_request q = { .socket = socket, .http = http };
	const struct route *route = http->method == HTTP_POST ? find(&q) : NULL;

	return route != NULL && (route->flags & SECRET_BODY) != 0;
}

bool front_route_check(struct front_request *q)
{
	return must_ask(q) || check(q) != NULL;
}

enum front_outcome front_route(struct front_request *q)
{
	const struct route *route;

	front_view_keep_time(q->front);
	if (must_ask(q))
		return FRONT_WHO;
	route = check(q);
	return route != NULL ? route->handler(q) : FRONT_REPLY;
}
