# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# What the preparation scripts share. Each of them is one token: it sets TOKEN (its name here), then defines
#   prepare    makes the token and its keys in $DIR, calls key for each of them, sets MODULE, TOKEN_URI and PIN
# and ends with: token_main "$@"
#
#   NAME.sh start DIR   DIR must exist and be empty. Writes DIR/env (MODULE, MODULE_PATH, TOKEN_URI, PIN_FILE, and the variables the module
#                       needs), DIR/pin, DIR/jwk11.conf (a [key] section for each key and algorithm of its type, named KEY-ALG, whether the
#                       token can do it or not; a set `default` with the first of each key)
#   NAME.sh stop DIR    ends what start left running, by process id, newest first
#   NAME.sh lose DIR, NAME.sh regain DIR    where the token can go and come back while somebody uses it
# All want `tests/tokens/enter` around them.
set -eu
umask 077
LIB=/usr/lib/$(uname -m)-linux-gnu
export LIB

die() {
	echo "${TOKEN:-token}: $*" >&2
	exit 1
}

# What a key of a type can be asked for.
algs_of() {
	sed -n "s/^$1 //p" "$(dirname "$0")/algs" | grep . || die "no such key type: $1"
}

class_of() {
	[ "$1" = oct ] && echo secret-key || echo private
}

# key NAME TYPE ATTRIBUTES: a key of the token, found by these attributes of a PKCS#11 URI.
key() {
	first=yes
	for alg in $(algs_of "$2"); do
		name=$1-$(echo "$alg" | tr + .)
		printf '[key %s]\nuri = %s;%s;type=%s\nalg = %s\n' "$name" "$TOKEN_URI" "$3" "$(class_of "$2")" "$alg"
		case $2 in X*) echo 'use = enc' ;; esac
		# One key under several algorithms: only the first may go by the thumbprint.
		[ "$first" = yes ] || printf 'kid = %s\n' "$name"
		# A secret key is not for a set.
		[ "$first" = no ] || [ "$2" = oct ] || echo "$name" >>"$DIR/default"
		echo
		first=no
	done >>"$DIR/keys"
}

# variable NAME VALUE: for this process, DIR/env and the daemon's configuration.
variable() {
	export "$1=$2"
	echo "$1=$2" >>"$DIR/variables"
}

# reads PATH…, writes PATH…: all that the module needs of the file system beside what every worker has.
reads() {
	printf 'worker-read = %s\n' "$@" >>"$DIR/paths"
}
writes() {
	printf 'worker-write = %s\n' "$@" >>"$DIR/paths"
}

# over NAME PATH: lays DIR/NAME over a folder of the system, in this mount namespace only.
over() {
	mkdir -p "$DIR/$1"
	mount --bind "$DIR/$1" "$2" || die "cannot lay $DIR/$1 over $2"
}

# started PID: to be ended by stop.
started() {
	echo "$1" >>"$DIR/pids"
}

# wait_for WHAT COMMAND…: for daemons that do not say when they are ready; asks until the answer is yes, for at most 20 seconds.
wait_for() {
	what=$1 tries=400
	shift
	until "$@" >"$DIR/wait.log" 2>&1; do
		tries=$((tries - 1))
		[ "$tries" -gt 0 ] || { tail -n 20 "$DIR"/*.log >&2; die "waited in vain for $what"; }
		sleep 0.05
	done
}

# pkcs11 ARGUMENT…: pkcs11-tool on the module, quiet unless it fails.
pkcs11() {
	pkcs11-tool --module "$MODULE_PATH" "$@" >"$DIR/tool.log" 2>&1 || { cat "$DIR/tool.log" >&2; die "pkcs11-tool $* failed"; }
}

# generate TYPE ID LABEL: a key pair by the token itself.
generate() {
	pkcs11 --token-label "$LABEL" --login --pin "$PIN" --keypairgen --key-type "$1" --id "$2" --label "$3" --usage-sign
}

# token_key WORD…: puts a key there that pkcs11-tool cannot make.
token_key() {
	write_pin
	"${JWK11_BUILD:-build}/tests/token_key" "$MODULE" "$TOKEN_URI" "$DIR/pin" "$@" 2>"$DIR/tool.log" || { cat "$DIR/tool.log" >&2; die "token_key $* failed"; }
}

# The secret of every token's key for MACs: 64 octets that the suite knows.
load_secret() {
	printf '%064d' 0 | token_key secret mac
}

write_pin() {
	[ ! -f "$DIR/pin" ] || return 0
	printf '%s\n' "$PIN" >"$DIR/pin"
	chmod 0400 "$DIR/pin"
}

write_env() {
	cat >"$DIR/env" <<-END
	MODULE=$MODULE
	MODULE_PATH=$MODULE_PATH
	TOKEN_URI=$TOKEN_URI
	PIN_FILE=$DIR/pin
	END
	[ ! -f "$DIR/variables" ] || cat "$DIR/variables" >>"$DIR/env"
}

write_conf() {
	{
		printf '[daemon]\nrun-dir = %s/run\nstate-dir = %s/state\nmodules = %s\nworkers = 1\n' "$DIR" "$DIR" "$MODULE"
		[ ! -f "$DIR/variables" ] || sed 's/^/environment = /' "$DIR/variables"
		cat "$DIR/paths"
		printf '\n[token %s]\nuri = %s\npin-file = %s/pin\n\n' "$TOKEN" "$TOKEN_URI" "$DIR"
		cat "$DIR/keys"
		printf '[set default]\nkeys = %s\n\n' "$(paste -s -d , "$DIR/default")"
		printf '[client owner]\nuid = %s\nkeys = *\nallow = *\n' "$(id -u)"
	} >"$DIR/jwk11.conf"
}

token_start() {
	[ -d "$DIR" ] || die "there is no folder $DIR"
	[ -z "$(ls -A "$DIR")" ] || die "$DIR is not empty"
	mkdir "$DIR/state"
	prepare
	write_pin
	write_env
	write_conf
}

# end PID: and waits until it has ended.
end() {
	kill "$1" 2>/dev/null || return 0
	wait_for "process $1 to end" sh -c "! kill -0 $1"
}

token_stop() {
	[ -f "$DIR/pids" ] || return 0
	sed '1!G;h;$!d' "$DIR/pids" | while read -r pid; do end "$pid"; done
	rm "$DIR/pids"
}

# Redefined where the token can go and come back.
lose() { die "this token cannot go"; }
regain() { die "this token cannot go"; }

token_main() {
	[ $# -eq 2 ] || die "usage: start|stop|lose|regain DIR"
	case $2 in /*) DIR=$2 ;; *) DIR=$PWD/$2 ;; esac
	[ "${JWK11_TOKEN_SPACE:-}" = own ] || die "run it in: tests/tokens/enter"
	case $1 in
	start)
		# What a failed start left running ends with it.
		trap token_stop EXIT
		token_start
		trap - EXIT
		;;
	stop) token_stop ;;
	lose) lose ;;
	regain) regain ;;
	*) die "usage: start|stop|lose|regain DIR" ;;
	esac
}
