#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# SoftHSM 2: everything in files. No combined ECDSA mechanism, handles change with each login, private objects without EC_POINT.
. "$(dirname "$0")/common.sh"
TOKEN=softhsm LABEL=tok1 PIN=1234

prepare() {
	MODULE=$LIB/softhsm/libsofthsm2.so MODULE_PATH=$MODULE TOKEN_URI="pkcs11:token=$LABEL"
	[ -e "$MODULE" ] || MODULE=/usr/lib/softhsm/libsofthsm2.so MODULE_PATH=/usr/lib/softhsm/libsofthsm2.so
	mkdir "$DIR/tokens"
	printf 'directories.tokendir = %s/tokens\nobjectstore.backend = file\nlog.level = ERROR\n' "$DIR" >"$DIR/softhsm2.conf"
	variable SOFTHSM2_CONF "$DIR/softhsm2.conf"
	reads "$DIR/softhsm2.conf"
	writes "$DIR/tokens"
	softhsm2-util --init-token --free --label "$LABEL" --pin "$PIN" --so-pin 5678 >"$DIR/tool.log"
	generate rsa:2048 01 rsa
	generate EC:secp256r1 02 p256
	generate EC:secp384r1 03 p384
	generate EC:secp521r1 04 p521
	generate EC:edwards25519 05 ed25519
	generate EC:secp256k1 06 secp256k1
	token_key make Ed448 ed448
	token_key agree X25519 x25519
	token_key agree X448 x448
	load_secret
	key rsa RSA object=rsa
	key p256 P-256 object=p256
	key p384 P-384 object=p384
	key p521 P-521 object=p521
	key ed25519 Ed25519 object=ed25519
	key secp256k1 secp256k1 object=secp256k1
	key ed448 Ed448 object=ed448
	key x25519 X25519 object=x25519
	key x448 X448 object=x448
	key mac oct object=mac
}

token_main "$@"
