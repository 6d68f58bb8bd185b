#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs fuzz targets with clang's engine and sanitizers. What it finds stays in WORK/TARGET/crash-*: put it into seeds/TARGET with the fix.
#   tests/fuzz/fuzz.sh [--seconds N] [--work DIR] [TARGET…]     all targets, 60 seconds each, in a temporary folder that is kept
set -eu
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
seconds=60 work=
while [ $# -gt 0 ]; do
	case "$1" in
	--seconds) seconds=$2; shift ;;
	--work) work=$2; shift ;;
	-*) echo "usage: tests/fuzz/fuzz.sh [--seconds N] [--work DIR] [TARGET…]" >&2; exit 64 ;;
	*) break ;;
	esac
	shift
done
[ -n "$work" ] || work=$(mktemp -d)
# shellcheck disable=SC2046
[ $# -gt 0 ] || set -- $(cd "$here" && echo f_*.c | sed 's/f_\([a-z0-9]*\)\.c/\1/g')
flags="-std=c11 -D_GNU_SOURCE -DJWK11_KUBERNETES -g -O1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined"
flags="$flags -I$top/lib -I$top/broker -I$top/tools $(pkg-config --cflags p11-kit-1 libcrypto yajl libseccomp)"
libs="$(pkg-config --libs p11-kit-1 libcrypto yajl libseccomp) -lpthread"
mkdir -p "$work/obj"

# One archive of everything but the files with a main function.
for f in "$top"/lib/*.c "$top"/lib/*/*.c "$top"/broker/conf_*.c "$top"/broker/front_transit_[bw]*.c "$top"/broker/grpc_proto.c "$top"/broker/grpc_text.c "$top"/broker/http_*.c "$top"/broker/keys_file.c "$top"/broker/policy.c "$top"/broker/problem.c "$top"/broker/wire.c "$top"/broker/audit_*.c \
	"$top"/broker/breaker.c "$top"/broker/peer.c "$top"/broker/tally.c "$top"/broker/work_[a-l]*.c "$top"/broker/work_[n-z]*.c "$top"/tools/ask.c "$top"/tools/exit.c "$top"/tools/acme_doc.c "$top"/tools/est_attrs.c "$top"/tools/http_said.c; do
	o=$work/obj/$(echo "${f#"$top"/}" | tr / _).o
	# shellcheck disable=SC2086
	${CC:-clang} $flags -fsanitize=fuzzer-no-link -c "$f" -o "$o"
done
rm -f "$work/all.a"
ar rcs "$work/all.a" "$work"/obj/*.o
# The token of the target `worker`: what a module does is looked at for errors, not for ways to go.
# shellcheck disable=SC2086
${CC:-clang} $flags -fPIC -shared -Wl,-Bsymbolic "$top"/tests/mock/*.c $libs -o "$work/jwk11-mock.so"
bad=0
for t in "$@"; do
	mkdir -p "$work/$t/corpus"
	# shellcheck disable=SC2086
	${CC:-clang} $flags -fsanitize=fuzzer "-DMOCK_MODULE=\"$work/jwk11-mock.so\"" "$here/f_$t.c" "$work/all.a" $libs -o "$work/$t/fuzz"
	printf '%s: ' "$t"
	if "$work/$t/fuzz" -max_total_time="$seconds" -artifact_prefix="$work/$t/" -print_final_stats=1 "$work/$t/corpus" "$here/seeds/$t" \
		>"$work/$t/log" 2>&1; then
		sed -n 's/^stat::number_of_executed_units: *//p' "$work/$t/log" | sed 's/$/ runs, nothing found/'
	else
		echo "found something; see $work/$t/log"
		bad=1
	fi
done
exit $bad
