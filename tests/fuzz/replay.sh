#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every seed through its fuzz target; a crash found once stays as a seed. Prints TAP.
set -u
here=${srcdir:-.}/tests/fuzz/seeds n=0
targets="answer attest audit b64 cert conf csr der enroll grpc http import json jwk jws keys lint mldsa policy template transit uri wire worker"
echo "1..$(echo $targets | wc -w)"
for t in $targets; do
	n=$((n + 1))
	if out=$("${JWK11_BUILD:-.}/tests/replay_$t" "$here/$t" 2>&1); then
		echo "ok $n - $t: $out"
	else
		echo "not ok $n - $t"
		echo "$out" | sed 's/^/# /'
	fi
done
