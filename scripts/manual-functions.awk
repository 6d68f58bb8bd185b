# SPDX-License-Identifier: Apache-2.0
# The public declarations of lib/jwk11.h as scdoc, each with the comment that stands before it.
function plain(s) { gsub(/[\\_*#\[\]<>|`]/, "\\\\&", s); gsub(/^[.]/, "\\.", s); return s }
/^\/\* ---- / { title = $0; sub(/^\/\* -+ /, "", title); sub(/ -+ \*\/$/, "", title); print "## " plain(title) "\n"; next }
in_comment { line = $0; sub(/^ \*+\/? ?/, "", line); if (line ~ /\*\/$/) { sub(/ *\*\/$/, "", line); in_comment = 0 } comment = comment " " line; next }
/^\/\*/ { line = $0; sub(/^\/\*+ ?/, "", line); comment = ""; if (line ~ /\*\/$/) sub(/ *\*\/$/, "", line); else in_comment = 1; comment = line; next }
/^JWK11_PUBLIC/ { decl = ""; in_decl = 1 }
in_decl {
	line = $0
	sub(/^JWK11_PUBLIC /, "", line); sub(/^JWK11_MUST_USE /, "", line); sub(/^[ \t]+/, " ", line)
	decl = decl line
	if (line ~ /;/) {
		in_decl = 0
		sub(/ *\/\*.*$/, "", decl)
		print "*" plain(decl) "*" (comment != "" ? "\n\t" plain(comment) : "") "\n"
		comment = ""
	}
	next
}
/^$/ { comment = "" }
