#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What `make install` leaves, used as a stranger would: pkg-config, the public header alone, the example program, no symbol too many.
# Prints TAP.
set -u
src=$(cd "${srcdir:-.}" && pwd) build=${JWK11_BUILD:-.}
temp=$(mktemp -d) || exit 1
trap 'rm -rf "$temp"' EXIT
n=0
report() { # name, findings
	n=$((n + 1))
	if [ -z "$2" ]; then
		echo "ok $n - $1"
	else
		echo "not ok $n - $1"
		echo "$2" | sed 's/^/# /'
	fi
}
echo 1..10
MAKEFLAGS='' make -s -C "$build" install DESTDIR="$temp/root" >"$temp/log" 2>&1
report "make install DESTDIR= works" "$([ $? = 0 ] || tail -n 20 "$temp/log")"
prefix=$(sed -n 's/^prefix = //p' "$build/Makefile")
units=$(sed -n 's/^systemdsystemunitdir = //p' "$build/Makefile" | sed "s,\${prefix},$prefix,")
report "everything lies below DESTDIR's prefix" "$(find "$temp/root" -type f ! -path "$temp/root$prefix/*" ! -path "$temp/root$units/*")"

PKG_CONFIG_PATH=$temp/root$prefix/lib/pkgconfig PKG_CONFIG_SYSROOT_DIR=$temp/root
export PKG_CONFIG_PATH PKG_CONFIG_SYSROOT_DIR
flags=$(pkg-config --cflags --libs jwk11 2>"$temp/log")
report "pkg-config knows jwk11" "$([ -n "$flags" ] || cat "$temp/log")"
report "pkg-config and the header need no other library" "$(echo "$flags" | tr ' ' '\n' | grep -E -e '^-l' | grep -vx -e -ljwk11)"
# A build with sanitizers wants the same of the program.
extra=$(sed -n 's/^HARDEN_CFLAGS = .*\(-fsanitize=[^ ]*\).*/\1/p' "$build/Makefile")
# shellcheck disable=SC2086
report "the example compiles with the installed header alone" \
	"$(cc -std=c11 -Wall -Wextra -Werror $extra -o "$temp/jwt" "$src/examples/jwt.c" $flags -Wl,-rpath,"$temp/root$prefix/lib" 2>&1)"

"$build/jwk11" setup --softhsm "$temp/trial" >/dev/null
module=$(sed -n 's/^modules = //p' "$temp/trial/jwk11.conf")
SOFTHSM2_CONF=$temp/trial/softhsm2.conf "$temp/jwt" "$module" 'pkcs11:token=trial;object=es256' "$temp/trial/pin" >"$temp/out" 2>"$temp/log"
sed -n 1p "$temp/out" >"$temp/jwk"
report "it signs, and jwk11 verifies" "$(sed -n 2p "$temp/out" | "$build/jwk11" verify --key "$temp/jwk" 2>&1 >/dev/null || cat "$temp/log")"

sed -n 's/.*JWK11_PUBLIC.*[ *]\(jwk11_[a-z0-9_]*\)(.*/\1/p' "$src/lib/jwk11.h" | sort >"$temp/declared"
nm -D --defined-only "$temp/root$prefix"/lib/libjwk11.so | sed -n 's/.* \(jwk11_[a-z0-9_]*\)@.*/\1/p;s/.* T \([^@]*\)$/\1/p' | sort -u >"$temp/exported"
report "the library exports what the header declares and nothing else, with versions" "$(diff "$temp/declared" "$temp/exported")"
report "installed programs find their helpers" "$(for f in bin/jwk11 bin/sigstore-kms-jwk11 sbin/jwk11d libexec/jwk11/jwk11d-front libexec/jwk11/jwk11d-keys libexec/jwk11/jwk11d-worker \
	share/man/man1/jwk11.1 share/man/man1/jwk11-jwt.1 share/man/man3/libjwk11.3 share/man/man5/jwk11.conf.5 share/man/man7/jwk11d-api.7 share/man/man8/jwk11d.8; do [ -e "$temp/root$prefix/$f" ] || echo "$f is missing"; done)"
report "the units start what was installed" "$(grep -qx "ExecStart=$prefix/sbin/jwk11d" "$temp/root$units/jwk11d.service" || echo "not $prefix/sbin/jwk11d"
	for f in "$units/jwk11d.socket" "$units/jwk11d-public.socket" "$units/jwk11-token@.service" "$prefix/share/bash-completion/completions/jwk11" "$prefix/share/zsh/site-functions/_jwk11" \
		"$prefix/share/fish/vendor_completions.d/jwk11.fish" "$prefix/share/jwk11/systemd/tpm.conf" "$prefix/share/jwk11/systemd/pin.conf" \
		"$prefix/lib/sysusers.d/jwk11.conf" "$prefix/lib/tmpfiles.d/jwk11.conf" "$prefix/share/polkit-1/rules.d/jwk11d-pcscd.rules"; do
		[ -e "$temp/root$f" ] || echo "$f is missing"
	done)"
report "nothing of the tests is installed" "$(find "$temp/root" -name '*probe*' -o -name '*mock*')"
