#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# House rules a machine can see. Prints TAP.
set -u
cd "${srcdir:-.}" || exit 1
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
echo 1..9
sources=$(find lib broker tools tests -name '*.[ch]' | sort)

report "every source names its licence in the first line" "$(for f in $sources; do head -n 1 "$f" | grep -q 'SPDX-License-Identifier: Apache-2.0' || echo "$f"; done)"
# shellcheck disable=SC2086
report "no banned calls" "$(grep -nE '[^a-z_](strcpy|strcat|sprintf|vsprintf|gets|atoi|atol|system|popen|sleep|usleep|strtok)\(' $(echo "$sources" | tr ' ' '\n' | grep -v '^tests/'))"
# shellcheck disable=SC2086
report "malloc is called in mem.c only" "$(grep -nE '[^a-z_](malloc|calloc|realloc)\(' $(echo "$sources" | tr ' ' '\n' | grep -v -e '^tests/' -e 'lib/base/mem.c'))"
# shellcheck disable=SC2086
report "nothing is left unfinished" "$(grep -nwE 'TODO|FIXME|XXX' $(echo "$sources" | tr ' ' '\n'))"

# A file of a layer includes its own layer and those below; the public header is for all.
up() { # folder, layers it must not include
	grep -nE "#include \"($2)/" lib/"$1"/*.[ch]
}
report "inclusions of the library point down" "$(up base 'json|form|audit|jose|token'; up json 'form|audit|jose|token'; up audit 'form|jose|token'; up form 'jose|token'; up jose token; grep -nE '#include "(conf|wire|policy|log|cmd)\.h"' lib/*/*.[ch])"
report "front and supervisor stay clear of libcrypto, p11-kit and the library above json" \
	"$(grep -nE '#include (<openssl|<p11-kit|"audit/|"jose/|"token/)' broker/sup_*.[ch] broker/front*.[ch] broker/http_*.[ch] broker/call*.[ch] broker/catalog*.[ch] broker/loop.[ch] broker/conf*.[ch] broker/wire.[ch] broker/policy.[ch] broker/log.[ch])"

# A .c and its .h are one thing here; the program named like the public header is not it.
edges() {
	for f in $(echo "$sources" | tr ' ' '\n' | grep -v '^tests/'); do
		stem=$(basename "$f" | sed 's/\.[ch]$//')
		[ "$f" = tools/jwk11.c ] && stem=jwk11-program
		sed -n 's/^#include "\(.*\)\.h"$/\1/p' "$f" | sed 's/.*\///' | grep -vx "$stem" | sed "s/^/$stem /"
	done
}
report "inclusions have no circle" "$(edges | tsort 2>&1 >/dev/null)"
# shellcheck disable=SC2086
report "a function is no longer than a screen" "$(awk '/^\{/ { from = FNR }
	/^\}/ { if (from > 0 && FNR - from > 60) print FILENAME ":" from ": " FNR - from " lines"; from = 0 }' \
	$(echo "$sources" | tr ' ' '\n' | grep '\.c$'))"
report "a makefile names every source, or the tarball lacks it" \
	"$(known=$(cat lib/local.mk broker/local.mk tools/local.mk tests/local.mk tests/*/local.mk | tr ' \t\\' '\n'); for f in $sources; do echo "$known" | grep -qxF "$f" || echo "$f"; done)"
