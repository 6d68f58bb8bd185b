#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Example configuration and manuals against the programs: each name stands once in both, defaults are the defaults, options are all there.
# Prints TAP.
set -u
cd "${srcdir:-.}" || exit 1
build=${JWK11_BUILD:-.} example=data/jwk11.conf.example n=0
temp=$(mktemp -d) || exit 1
trap 'rm -rf "$temp"' EXIT
report() { # name, findings
	n=$((n + 1))
	if [ -z "$2" ]; then
		echo "ok $n - $1"
	else
		echo "not ok $n - $1"
		echo "$2" | sed 's/^/# /'
	fi
}
echo 1..13

# "section name" in the order of the file, also of lines that are commented out.
in_example() {
	awk '/^#?\[/ { s = $1; gsub(/[][#]/, "", s) } /^#?[a-z][a-z0-9-]* = / { sub(/^#/, "", $1); print s, $1 }' "$1"
}
in_manual() {
	awk '/^## \[/ { s = $2; gsub(/[][]/, "", s) } /^#/ && !/^## \[/ { s = "" } s != "" && /^\*[a-z][a-z0-9-]*\*( |$)/ { name = $1; gsub(/\*/, "", name); print s, name }' \
		man/jwk11.conf.5.scd
}
"$build/tests/conf_text" | sort >"$temp/table"
report "the table of names is not empty" "$([ "$(wc -l <"$temp/table")" -gt 30 ] || echo "$(wc -l <"$temp/table") names")"
in_example "$example" | sort >"$temp/example"
report "the example names each of them once" "$(diff "$temp/table" "$temp/example")"
in_manual | sort >"$temp/manual"
report "jwk11.conf.5 names each of them once" "$(diff "$temp/table" "$temp/manual")"

mkdir "$temp/etc"
cp "$example" "$temp/etc/jwk11.conf"
report "jwk11d --check accepts the example" "$("$build/jwk11d" --check --config "$temp/etc/jwk11.conf" 2>&1 >/dev/null || echo "exit $?")"
sed 's/^allow = /alow = /' "$example" >"$temp/etc/wrong.conf"
"$build/jwk11d" --check --config "$temp/etc/wrong.conf" >"$temp/said" 2>&1
report "and refuses it with a misspelt name" "$([ $? = 78 ] || cat "$temp/said")"

# The [daemon] lines that are commented out and whose names have a default, put in force, change nothing.
echo '[daemon]' >"$temp/empty"
"$build/tests/conf_text" "$temp/empty" >"$temp/defaults"
awk -F= 'NR == FNR { if (/=/) has[$1]; next } /^\[/ { d = /^\[daemon/ }
	d && /^#[a-z-]+ = / { name = substr($1, 2); sub(/ $/, "", name); if (name in has) sub(/^#/, "") } d' "$temp/defaults" "$example" |
	grep -v '^modules' >"$temp/in-force"
"$build/tests/conf_text" "$temp/in-force" >"$temp/canonical" 2>&1
report "defaults of [daemon] in the example are the defaults" "$(diff "$temp/defaults" "$temp/canonical"
	[ "$(grep -c '^[a-z]' "$temp/in-force")" = "$(grep -c = "$temp/defaults")" ] || echo "one is missing")"
report "jwk11.conf.5 gives the same defaults" "$(grep '=' "$temp/defaults" | tr '=' ' ' | while read -r name value; do
	awk -v name="*$name*" '/^[*#]/ { on = $1 == name } on' man/jwk11.conf.5.scd | tr -d '\n\t' | tr -d '_*' |
		grep -Eq "Default: ?$value(\.|$)" || echo "$name: $value"
done)"

report "snippets for web servers give the default max-age" "$(age=$(sed -n 's/^max-age=//p' "$temp/defaults")
	for f in data/web/nginx-files.conf data/web/Caddyfile-files; do grep -q "max-age=$age\"" "$f" || echo "$f: not $age"; done)"

# Verbs and options: each verb has a text of its own, and what it says about options is about its own; jwk11d's stand in its manual.
"$build/jwk11" --help | awk '/^  [a-z]/ { print $1 }' | sort >"$temp/verbs"
report "every verb has its manual, and no other" "$(for f in man/verb/*.scd; do basename "$f" .scd; done | sort | diff "$temp/verbs" -)"
report "the manuals of verbs name options that there are" "$(while read -r v; do
	{ "$build/jwk11" "$v" --help; "$build/jwk11" --help; } | grep -Eo -e '--[a-z][a-z0-9-]*' | sort -u >"$temp/options"
	grep -Eo -e '\*--[a-z][a-z0-9-]*\*' "man/verb/$v.scd" | tr -d '*' | sort -u | comm -23 - "$temp/options" | sed "s/^/$v: /"
done <"$temp/verbs")"
report "the general manual has the options of every verb" "$("$build/jwk11" --help | grep -Eo -e '^  (-[a-z], )?--[a-z][a-z0-9-]*' | grep -o -e '--.*' |
	while read -r w; do grep -qF -e "*$w*" man/jwk11.1.scd || echo "$w"; done)"
report "jwk11d.8 has every option" "$("$build/jwk11d" --help | grep -Eo -e '--[a-z][a-z0-9-]*' | sort -u |
	while read -r w; do grep -qF -e "*$w*" man/jwk11d.8.scd || echo "$w"; done)"

# What SECURITY.md claims is shown where it says.
grep -o '`tests/[^`:]*:[^`]*`' SECURITY.md | tr -d '`' | sort -u >"$temp/shown"
report "SECURITY.md names tests that are there" "$([ "$(wc -l <"$temp/shown")" -ge 20 ] || echo "only $(wc -l <"$temp/shown") of them"
	while IFS=: read -r file words; do grep -qF -e "$words" "$file" || echo "$file: no $words"; done <"$temp/shown")"
