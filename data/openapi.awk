# SPDX-License-Identifier: Apache-2.0
# Makes the document that GET /v1/openapi.json answers with from data/openapi.in.json, which is read twice, and the rows of broker/problem.c:
#   awk -v version=V -f openapi.awk broker/problem.c data/openapi.in.json data/openapi.in.json
# What that file leaves to us, each on a line of its own:
#   "get, head": {           the operation once for each method; the second one has its method behind its operationId
#   "problems": "NAME"       what else the operation answers with, by "x-problems"
#   "x-problems": { … }      the codes of each NAME; a word in lower case stands for those of another one, "vault" for Vault's form of errors
#   "problems": "*"          the responses that these refer to
#   "*"                      the version; every code
# Anything that does not fit together is an error.

function fail(why) {
	print "openapi.awk: " FILENAME ":" FNR ": " why >"/dev/stderr"
	failed = 1
	exit 1
}

# Codes of a name, into codes[]; returns how many.
function collect(name, words, n, i) {
	if (!(name in problems))
		fail("no problems are named " name)
	n = split(problems[name], words, " ")
	for (i = 1; i <= n; i++) {
		if (words[i] == "vault")
			vault = 1
		else if (words[i] in status_of)
			codes[words[i]]
		else if (words[i] ~ /^[a-z]/)
			collect(words[i])
		else
			fail(words[i] " is no code")
	}
}

# Vault's clients know few of them (front_transit_problem).
function vault_status(status) {
	return status ~ /^(403|404|405|413|429)$/ || (status >= 500 && status != 501) ? status : 400
}

# The statuses of a name, into have[] with their codes, in the table's order.
function settle(name, i, status) {
	split("", codes)
	split("", have)
	vault = 0
	collect(name)
	for (i = 1; i <= n_codes; i++) {
		if (!(code[i] in codes))
			continue
		status = status_of[code[i]]
		if (vault && code[i] !~ /^HTTP_/) # those come before anybody knows the route
			status = vault_status(status)
		have[status] = have[status] (have[status] == "" ? "" : " ") code[i]
	}
}

function quoted(list) {
	gsub(/ /, "\", \"", list)
	return "\"" list "\""
}

# The name of a response; who answers with the same codes shares it. Named by its status and in the order in which they are met.
function name_of(status, list, key) {
	key = vault SUBSEP status SUBSEP list
	if (!(key in named)) {
		named[key] = "problem-" status "-" ++n_of[status]
		made[++n_made] = "\"" named[key] "\": " response(status, list)
	}
	return named[key]
}

function response(status, list, words, n, i, text, waits) {
	n = split(list, words, " ")
	for (i = 1; i <= n; i++)
		waits = waits || retry_of[words[i]] > 0
	text = list
	gsub(/ /, ", ", text)
	text = "{\"description\": \"" text "\", \"headers\": {\"Request-Id\": {\"$ref\": \"#/components/headers/RequestId\"}"
	if (waits)
		text = text ", \"Retry-After\": {\"$ref\": \"#/components/headers/RetryAfter\"}"
	if (status == 405)
		text = text ", \"Allow\": {\"$ref\": \"#/components/headers/Allow\"}"
	text = text "}, \"content\": {\"application/problem+json\": {\"schema\": {\"allOf\": [{\"$ref\": \"#/components/schemas/Problem\"}], \"properties\": {\"code\": {\"enum\": [" \
		quoted(list) "]}}}}"
	if (vault)
		text = text ", \"application/json\": {\"schema\": {\"$ref\": \"#/components/schemas/TransitErrors\"}}"
	return text "}}"
}

function references(name, status, text) {
	settle(name)
	for (status = 400; status <= 599; status++)
		if (status in have)
			text = text (text == "" ? "" : ",\n") "\"" status "\": {\"$ref\": \"#/components/responses/" name_of(status, have[status]) "\"}"
	return text
}

function all_responses(i, text) {
	for (i = 1; i <= n_made; i++)
		text = text (i > 1 ? ",\n" : "") made[i]
	return text
}

# Every code with what it means.
function meanings(i, text) {
	for (i = 1; i <= n_codes; i++)
		text = text (i > 1 ? ", " : "") "\"" code[i] "\": {\"status\": " status_of[code[i]] ", \"title\": \"" title_of[code[i]] "\"" \
			(retry_of[code[i]] > 0 ? ", \"retry_after\": " retry_of[code[i]] : "") "}"
	return "\"x-jwk11-codes\": {" text "}"
}

# What stands between the second pair of quotes.
function value(line, parts) {
	split(line, parts, "\"")
	return parts[4]
}

function out(line) {
	sub(/^\t+/, "", line)
	print line
}

# An operation of two methods.
function twice(i, id, comma) {
	out("\"" first "\": {")
	for (i = 1; i <= n_kept; i++)
		out(kept[i])
	comma = closing
	sub(/}/, "", comma)
	out("},")
	out("\"" second "\": {")
	for (i = 1; i <= n_kept; i++) {
		id = kept[i]
		if (id ~ /^"operationId": /)
			sub(/",$/, toupper(substr(second, 1, 1)) substr(second, 2) "\",", id)
		out(id)
	}
	out("}" comma)
}

FNR == 1 { file++ }

# The table of codes.
file == 1 && /^\tP\([A-Z0-9_]+, [0-9]+, [0-9]+, ".*"\),$/ {
	match($0, /\([A-Z0-9_]+/)
	word = substr($0, RSTART + 1, RLENGTH - 1)
	split($0, parts, ", ")
	code[++n_codes] = word
	status_of[word] = parts[2]
	retry_of[word] = parts[3]
	split($0, parts, "\"")
	title_of[word] = parts[2]
}
file == 1 { next }

# First time: what the names stand for.
file == 2 && /^\t"x-problems": [{]$/ { inside = 1; next }
file == 2 && inside && /^\t}/ { inside = 0 }
file == 2 && inside {
	split($0, parts, "\"")
	problems[parts[2]] = parts[4]
	next
}
file == 2 { next }

# Second time: the document.
/^\t"x-problems": [{]$/ { inside = 1 }
inside {
	if (/^\t}/)
		inside = 0
	next
}
/^\t\t\t"[a-z]+, [a-z]+": [{]$/ {
	split($0, parts, /[", ]+/)
	first = parts[2]
	second = parts[3]
	n_kept = 0
	next
}
{
	line = $0
	sub(/^\t+/, "", line)
	if (line == "\"problems\": \"*\"")
		line = all_responses()
	else if (line ~ /^"problems": "[a-z-]+"$/)
		line = references(value(line))
	else if (line == "\"version\": \"*\",")
		line = "\"version\": \"" version "\","
	else if (sub(/"enum": \["\*"\]/, "", line)) {
		all = ""
		for (i = 1; i <= n_codes; i++)
			all = all (i > 1 ? " " : "") code[i]
		sub(/ *},?$/, "", line)
		line = line "\"enum\": [" quoted(all) "], " meanings() "},"
	}
}
first != "" && /^\t\t\t},?$/ {
	closing = line
	twice()
	first = ""
	next
}
first != "" { kept[++n_kept] = line; next }
{ out(line) }
END {
	if (!failed && n_codes < 50) {
		print "openapi.awk: only " n_codes " codes in the table of problems" >"/dev/stderr"
		failed = 1
	}
	exit failed
}
