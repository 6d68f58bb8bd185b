#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A PIV card of our own (piv_card.py) in vsmartcard's virtual reader, through pcscd and OpenSC: keys that nobody can make here, a PIN
# counter, a key that wants the PIN for each signature, one that wants none, one that only decrypts.
. "$(dirname "$0")/common.sh"
TOKEN=piv PIN=123456 MODULE=$LIB/pkcs11/opensc-pkcs11.so
MODULE_PATH=$MODULE
HERE=$(cd "$(dirname "$0")" && pwd)

sees_card() {
	pkcs11-tool --module "$MODULE_PATH" --list-slots | grep -q 'token label.*Trial Card 9A'
}

misses_card() {
	if sees_card; then return 1; fi
}

has_reader() {
	pkcs11-tool --module "$MODULE_PATH" --list-slots | grep -q 'Virtual PCD'
}

# The card into the reader, and out of it.
regain() {
	/usr/bin/python3 "$HERE/piv_card.py" "$DIR/card" >"$DIR/card.log" 2>&1 &
	started $!
	echo $! >"$DIR/card.pid"
	wait_for "the card" sees_card
}

lose() {
	end "$(cat "$DIR/card.pid")"
	wait_for "the card to be gone" misses_card
}

prepare() {
	over system-run /run
	reads /usr
	writes /dev/null
	mkdir "$DIR/card" "$DIR/readers"
	# Its two ports (one for each slot) are by default among those that the kernel gives to connections, and one that another test has closed
	# keeps its port for a minute.
	sed 's/0x8C7B/0x4E20/' /etc/reader.conf.d/vpcd >"$DIR/readers/vpcd"
	pcscd --foreground --config "$DIR/readers" >"$DIR/pcscd.log" 2>&1 &
	started $!
	wait_for "the virtual reader" has_reader
	regain
	TOKEN_URI='pkcs11:token=Trial%20Card%209A'
	key auth RSA id=%01
	key sign P-384 id=%02
	key decrypt RSA id=%03
	key card P-256 id=%04
}

token_main "$@"
