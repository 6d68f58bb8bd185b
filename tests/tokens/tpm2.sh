#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tpm2-pkcs11 on a software TPM, behind the resource manager: without it the TPM's three object slots are full after the second key.
. "$(dirname "$0")/common.sh"
TOKEN=tpm2 LABEL=tpmtok PIN=userpin1

has_owner() {
	dbus-send --session --print-reply --dest=org.freedesktop.DBus /org/freedesktop/DBus org.freedesktop.DBus.GetNameOwner string:com.intel.tss2.Tabrmd
}

# The TPM itself; its state outlives it. Its resource manager does not notice, and gets errors meanwhile.
regain() {
	swtpm socket --tpm2 --tpmstate "dir=$DIR/tpm" --server type=tcp,port=2321 --ctrl type=tcp,port=2322 --flags not-need-init,startup-clear \
		--daemon --pid "file=$DIR/swtpm.pid" --log "file=$DIR/swtpm.log"
	started "$(cat "$DIR/swtpm.pid")"
}

lose() {
	end "$(cat "$DIR/swtpm.pid")"
}

start_tpm() {
	mkdir "$DIR/tpm"
	regain
	cat >"$DIR/bus.conf" <<-END
	<busconfig><type>session</type><listen>unix:path=$DIR/bus</listen><auth>EXTERNAL</auth>
	<policy context="default"><allow send_destination="*"/><allow receive_sender="*"/><allow own="*"/></policy></busconfig>
	END
	dbus-daemon --config-file="$DIR/bus.conf" --fork --nopidfile --print-pid=3 3>"$DIR/bus.pid"
	started "$(cat "$DIR/bus.pid")"
	variable DBUS_SESSION_BUS_ADDRESS "unix:path=$DIR/bus"
	tpm2-abrmd --session --allow-root --flush-all --tcti=swtpm:host=127.0.0.1,port=2321 >"$DIR/abrmd.log" 2>&1 &
	started $!
	wait_for tpm2-abrmd has_owner
}

prepare() {
	MODULE=$LIB/pkcs11/libtpm2_pkcs11.so MODULE_PATH=$MODULE TOKEN_URI="pkcs11:token=$LABEL"
	start_tpm
	mkdir "$DIR/store"
	variable TPM2_PKCS11_TCTI tabrmd:bus_type=session
	variable TPM2_PKCS11_STORE "$DIR/store"
	reads /usr
	writes "$DIR/store"
	variable TSS2_LOG all+NONE
	pkcs11 --slot-index 0 --init-token --label "$LABEL" --so-pin sopin123
	pkcs11 --token-label "$LABEL" --login --login-type so --so-pin sopin123 --init-pin --pin "$PIN"
	generate rsa:2048 01 rsa
	generate EC:secp256r1 02 p256
	generate EC:secp384r1 03 p384
	key rsa RSA object=rsa
	key p256 P-256 object=p256
	key p384 P-384 object=p384
}

token_main "$@"
