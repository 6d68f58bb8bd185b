#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A PIV card (NIST SP 800-73-4) for the virtual reader of vsmartcard: enough of it for signing, none of it for protecting.

    piv_card.py DIR    inserts the card whose keys, certificates and PIN counter lie in DIR (made there the first time); ends when killed,
                       which is how the card is taken out

The reader's end of the wire: two octets of length, then a command APDU, or one octet that is a control: 0 off, 1 on, 2 reset, 4 give the ATR.
"""
import datetime, os, pathlib, socket, struct, sys

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa, utils

READER = ("127.0.0.1", 0x4E20)  # as in piv.sh
ATR = bytes.fromhex("3b8b800180f9a00000030800001000c8")
AID = bytes.fromhex("a000000308000010000100")
PIN, MAX_TRIES = b"123456", 3

NEVER, ONCE, ALWAYS = range(3)  # when a key wants the PIN
RSA_2048, P256, P384 = 0x07, 0x11, 0x14
CURVES = {P256: (ec.SECP256R1(), hashes.SHA256()), P384: (ec.SECP384R1(), hashes.SHA384())}
# reference, data object of its certificate, algorithm, PIN, what the certificate lets it do
SLOTS = {
    0x9A: (0x5FC105, RSA_2048, ONCE, "digital_signature"),
    0x9C: (0x5FC10A, P384, ALWAYS, "content_commitment"),
    0x9D: (0x5FC10B, RSA_2048, ONCE, "key_encipherment"),
    0x9E: (0x5FC101, P256, NEVER, "digital_signature"),
}

OK, MORE = 0x9000, 0x6100
WRONG_LENGTH, NO_PIN, BLOCKED, BAD_DATA, NOT_FOUND = 0x6700, 0x6982, 0x6983, 0x6A80, 0x6A82
BAD_P1P2, NO_INS, TRIES_LEFT = 0x6A86, 0x6D00, 0x63C0


class Refused(Exception):
    """A status word other than 9000."""


def tlv(tag, value):
    n = len(value)
    length = bytes([n]) if n < 0x80 else bytes([0x81, n]) if n < 0x100 else b"\x82" + struct.pack(">H", n)
    return tag.to_bytes((tag.bit_length() + 7) // 8, "big") + length + value


def untlv(data):
    """The one-octet tags of a template and their values."""
    found, at = {}, 0
    while at < len(data):
        tag, n, at = data[at], data[at + 1], at + 2
        if n > 0x80:
            size = n - 0x80
            n, at = int.from_bytes(data[at : at + size], "big"), at + size
        found[tag] = data[at : at + n]
        at += n
    return found


class Store:
    """What survives the card's leaving the reader."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.keys = {slot: self._key(slot) for slot in SLOTS}
        self.certs = {SLOTS[slot][0]: self._cert(slot) for slot in SLOTS}

    def _key(self, slot):
        path, algorithm = self.folder / f"{slot:02x}.pem", SLOTS[slot][1]
        if path.exists():
            return serialization.load_pem_private_key(path.read_bytes(), None)
        key = rsa.generate_private_key(65537, 2048) if algorithm == RSA_2048 else ec.generate_private_key(CURVES[algorithm][0])
        path.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
        return key

    def _cert(self, slot):
        path, use = self.folder / f"{slot:02x}.crt", SLOTS[slot][3]
        if path.exists():
            return path.read_bytes()
        uses = dict.fromkeys(("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
                              "key_cert_sign", "crl_sign", "encipher_only", "decipher_only"), False)
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, f"Trial Card {slot:02X}")])
        day = datetime.datetime(2026, 1, 1)
        cert = (x509.CertificateBuilder().subject_name(name).issuer_name(name).serial_number(slot).not_valid_before(day)
                .not_valid_after(day.replace(year=2049)).public_key(self.keys[slot].public_key())
                .add_extension(x509.KeyUsage(**{**uses, use: True}), critical=True).sign(self.keys[slot], hashes.SHA256()))
        path.write_bytes(cert.public_bytes(serialization.Encoding.DER))
        return path.read_bytes()

    @property
    def tries(self):
        path = self.folder / "tries"
        return int(path.read_text()) if path.exists() else MAX_TRIES

    @tries.setter
    def tries(self, left):
        (self.folder / "tries").write_text(str(left))


class Card:
    def __init__(self, store):
        self.store = store
        self.reset()

    def reset(self):
        self.verified = False  # since the reset
        self.fresh = False  # by the command just before
        self.chained = b""
        self.pending = b""

    def command(self, apdu):
        """The answer to one APDU, status word included."""
        try:
            return self._answer(*self._split(apdu))
        except Refused as why:
            return struct.pack(">H", why.args[0])

    def _split(self, apdu):
        if len(apdu) < 4:
            raise Refused(WRONG_LENGTH)
        data, n = b"", apdu[4] if len(apdu) > 5 else 0
        if n:
            data = apdu[5 : 5 + n]
        if len(data) != n or len(apdu) > 6 + n:
            raise Refused(WRONG_LENGTH)
        return apdu[0], apdu[1], apdu[2], apdu[3], data

    def _answer(self, cla, ins, p1, p2, data):
        if cla & 0x10:  # more of the same command follows
            self.chained += data
            return struct.pack(">H", OK)
        data, self.chained = self.chained + data, b""
        if ins == 0xC0:  # GET RESPONSE
            return self._part()
        run = {0xA4: self.select, 0xCB: self.get_data, 0x20: self.verify, 0x87: self.authenticate}.get(ins)
        if run is None:
            raise Refused(NO_INS)
        fresh, self.fresh = self.fresh, False
        self.pending = run(p1, p2, data, fresh)
        return self._part()

    def _part(self):
        part, self.pending = self.pending[:256], self.pending[256:]
        left = len(self.pending)
        return part + struct.pack(">H", OK if left == 0 else MORE + left if left < 256 else MORE)

    def select(self, p1, _p2, data, _fresh):
        if p1 != 4 or not data or not AID.startswith(data[:9]):
            raise Refused(NOT_FOUND)
        self.verified = False
        return tlv(0x61, tlv(0x4F, AID[5:]) + tlv(0x79, tlv(0x4F, AID[:5])))

    def get_data(self, p1, p2, data, _fresh):
        if (p1, p2) != (0x3F, 0xFF):
            raise Refused(BAD_P1P2)
        name = int.from_bytes(untlv(data).get(0x5C, b""), "big")
        if name == 0x7E:  # discovery: the application's own PIN, nothing else
            return tlv(0x7E, tlv(0x4F, AID) + tlv(0x5F2F, b"\x40\x00"))
        if name == 0x5FC102:  # CHUID
            return tlv(0x53, tlv(0x30, bytes(25)) + tlv(0x34, bytes(range(16))) + tlv(0x35, b"20490101") + tlv(0x3E, b"") + tlv(0xFE, b""))
        if name not in self.store.certs:
            raise Refused(NOT_FOUND)
        return tlv(0x53, tlv(0x70, self.store.certs[name]) + tlv(0x71, b"\0") + tlv(0xFE, b""))

    def verify(self, p1, p2, data, _fresh):
        if p2 != 0x80:
            raise Refused(BAD_P1P2)
        if p1 == 0xFF:
            self.verified = False
            return b""
        if not data:
            if self.verified:
                return b""
            raise Refused(TRIES_LEFT | self.store.tries if self.store.tries else BLOCKED)
        if self.store.tries == 0:
            raise Refused(BLOCKED)
        self.verified = self.fresh = data == PIN.ljust(8, b"\xff")
        self.store.tries = MAX_TRIES if self.verified else self.store.tries - 1
        if not self.verified:
            raise Refused(TRIES_LEFT | self.store.tries)
        return b""

    def authenticate(self, p1, p2, data, fresh):
        if p2 not in SLOTS or SLOTS[p2][1] != p1:
            raise Refused(BAD_P1P2)
        if not (True, self.verified, fresh)[SLOTS[p2][2]]:
            raise Refused(NO_PIN)
        challenge = untlv(untlv(data).get(0x7C, b"")).get(0x81, b"")
        return tlv(0x7C, tlv(0x82, self._respond(self.store.keys[p2], p1, challenge)))

    def _respond(self, key, algorithm, challenge):
        if algorithm == RSA_2048:  # the bare operation; padding is the host's work
            private = key.private_numbers()
            number, modulus = int.from_bytes(challenge, "big"), private.public_numbers.n
            if len(challenge) != 256 or number >= modulus:
                raise Refused(BAD_DATA)
            return pow(number, private.d, modulus).to_bytes(256, "big")
        digest = CURVES[algorithm][1]
        if len(challenge) != digest.digest_size:
            raise Refused(BAD_DATA)
        return key.sign(challenge, ec.ECDSA(utils.Prehashed(digest)))


def receive(reader, n):
    data = b""
    while len(data) < n:
        # The reader writes length and command apart; its second write waits for an acknowledgement of the first.
        reader.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        part = reader.recv(n - len(data))
        if not part:
            sys.exit(0)  # the reader is gone
        data += part
    return data


def serve(card, reader):
    while True:
        message = receive(reader, struct.unpack(">H", receive(reader, 2))[0])
        if len(message) == 1:
            if message[0] in (0, 1, 2):
                card.reset()
            answer = ATR if message[0] == 4 else None
        else:
            answer = card.command(message)
        if answer is not None:
            reader.sendall(struct.pack(">H", len(answer)) + answer)


def main():
    store = Store(sys.argv[1])
    with socket.create_connection(READER) as reader:
        reader.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        serve(Card(store), reader)


if __name__ == "__main__":
    main()
