#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# opencryptoki's soft token behind pkcsslotd. PIN flags that tell the truth; no EC and no combined PKCS#1 mechanism in Debian 12.
. "$(dirname "$0")/common.sh"
TOKEN=opencryptoki LABEL=ocktok PIN=11223344

conf() {
	pkcsconf "$@" >"$DIR/tool.log" 2>&1 || { cat "$DIR/tool.log" >&2; die "pkcsconf failed"; }
}

# Its folders, sockets and shared memory, all with fixed names.
own_folders() {
	over lib /var/lib/opencryptoki
	over system-run /run
	mount -t tmpfs -o mode=1777 tmpfs /dev/shm
	mkdir -p /run/lock
	# The group that it insists on, as our own: in a user's namespace no other can be given away.
	sed "s/^pkcs11:.*/pkcs11:x:$(id -g):/" /etc/group >"$DIR/group"
	mount --bind "$DIR/group" /etc/group
	for d in swtok tpm ccatok ep11tok icsf lite; do
		mkdir -p "/var/lib/opencryptoki/$d/TOK_OBJ" "/var/lock/opencryptoki/$d"
	done
	chgrp -R pkcs11 /var/lib/opencryptoki /var/lock/opencryptoki
	chmod -R 0770 /var/lib/opencryptoki /var/lock/opencryptoki
}

prepare() {
	MODULE=$LIB/pkcs11/libopencryptoki.so MODULE_PATH=$MODULE TOKEN_URI="pkcs11:token=$LABEL"
	own_folders
	reads /usr
	writes /var/lib/opencryptoki /var/lock/opencryptoki /dev/shm
	pkcsslotd -f >"$DIR/slotd.log" 2>&1 &
	started $!
	wait_for pkcsslotd test -S /run/pkcsslotd.socket
	echo "$LABEL" | conf -I -c 3 -S 87654321
	conf -P -c 3 -S 87654321 -n 76543210
	conf -u -c 3 -S 76543210 -n 12345678
	conf -p -c 3 -U 12345678 -n "$PIN"
	generate rsa:2048 01 rsa
	load_secret
	key rsa RSA object=rsa
	key mac oct object=mac
}

token_main "$@"
