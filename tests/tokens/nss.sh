#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# NSS softokn: starts only as a module that p11-kit manages, because its C_Initialize wants x-init-reserved.
# p11-kit reads a user's module files for users other than root only, so the package folder is covered for this namespace.
. "$(dirname "$0")/common.sh"
TOKEN=nss LABEL='NSS Certificate DB' PIN=nss-pin-1

prepare() {
	MODULE=nss TOKEN_URI='pkcs11:token=NSS%20Certificate%20DB'
	# p11-kit's proxy passes x-init-reserved for tools that know modules by path only.
	MODULE_PATH=$LIB/p11-kit-proxy.so
	mkdir "$DIR/db"
	echo "$PIN" >"$DIR/db.pin"
	certutil -N -d "sql:$DIR/db" -f "$DIR/db.pin"
	over modules /usr/share/p11-kit/modules
	cat >"$DIR/modules/nss.module" <<-END
	module: $LIB/libsoftokn3.so
	x-init-reserved: configdir='sql:$DIR/db' certPrefix='' keyPrefix='' secmod='secmod.db' flags=
	critical: no
	END
	reads /usr
	writes "$DIR/db"
	generate rsa:2048 01 rsa
	generate EC:secp256r1 02 p256
	generate EC:secp384r1 03 p384
	generate EC:secp521r1 04 p521
	load_secret
	key rsa RSA object=rsa
	key p256 P-256 object=p256
	key p384 P-384 object=p384
	key p521 P-521 object=p521
	key mac oct object=mac
}

token_main "$@"
