#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# With the broker, by curl and jq: lists keys, has a JWT signed, fetches the JWKS, and shows a refusal. The broker verifies: POST /v1/keys/{key}/verify.
#     sh jwt.sh /run/jwk11d/api.sock KEY
set -eu
socket=$1 key=$2
temp=$(mktemp -d)
trap 'rm -rf "$temp"' EXIT

# ask METHOD ROUTE [BODY]: prints the answer. curl comes again by itself where Retry-After says so. A refusal is application/problem+json (RFC 9457).
ask() {
	if [ $# = 3 ]; then set -- "$1" "$2" -H 'Content-Type: application/json' -d "$3"; fi
	method=$1 route=$2
	shift 2
	status=$(curl -sS --unix-socket "$socket" --retry 1 --retry-max-time 10 -o "$temp/said" -w '%{http_code}' -X "$method" "$@" "http://localhost$route")
	[ "$status" = 200 ] && { cat "$temp/said"; return 0; }
	jq -r '"\(.code): \(.detail // .title)\(if .hint then " (\(.hint))" else "" end)"' "$temp/said" >&2
	return 1
}

ask GET /v1/keys | jq -r '.keys[] | "key \(.name) \(.alg // "-") \(.state)"' >&2
jwt=$(ask POST "/v1/keys/$key/jwt" "$(jq -cn '{ claims: { iss: "https://issuer.example", sub: "alice" }, ttl: 300 }')")
kid=$(printf %s "$jwt" | jq -Rr 'split(".")[0] | gsub("-"; "+") | gsub("_"; "/") | @base64d | fromjson.kid')
ask GET /.well-known/jwks.json | jq -e --arg kid "$kid" '"published \(any(.keys[]; .kid == $kid))"' -r >&2
signed=${jwt%.*}
ask POST "/v1/keys/$key/verify" "$(jq -cn --arg input "$signed" --arg signature "${jwt##*.}" '{ input: ($input | @base64 | gsub("\\+"; "-") | gsub("/"; "_") | gsub("="; "")), $signature }')" |
	jq -r '"verified \(.alg) \(.kid)"' >&2
ask POST /v1/keys/no-such-key/jwt '{"claims":{}}' 2>"$temp/why" || echo "refused $(cat "$temp/why")" >&2
printf '%s\n' "$jwt"
