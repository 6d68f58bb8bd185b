# SPDX-License-Identifier: Apache-2.0
"""A client of ExternalJWTSigner on python3-grpcio, messages by hand, with kube-apiserver's own checks of what it gets (notes in docs/kubernetes.md)."""
import base64, json

import grpc
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils

HASHES = {"RS256": hashes.SHA256, "ES256": hashes.SHA256, "ES384": hashes.SHA384, "ES512": hashes.SHA512}
WIDTHS = {"ES256": 32, "ES384": 48, "ES512": 66}


def varint(n):
    out = b""
    while n >= 0x80:
        out += bytes([n & 0x7F | 0x80])
        n >>= 7
    return out + bytes([n])


def field(number, value):
    return varint(number << 3 | 2) + varint(len(value)) + value


def fields(data):
    """(number, value) in order: bytes for lengths, int for varints; there are no others in these messages."""
    at, found = 0, []

    def take():
        nonlocal at
        n = shift = 0
        while True:
            octet = data[at]
            at += 1
            n |= (octet & 0x7F) << shift
            shift += 7
            if octet < 0x80:
                return n

    while at < len(data):
        tag = take()
        if tag & 7 == 0:
            found.append((tag >> 3, take()))
        elif tag & 7 == 2:
            length = take()
            if at + length > len(data):
                raise AssertionError("a field ends outside its message")
            found.append((tag >> 3, data[at:at + length]))
            at += length
        else:
            raise AssertionError(f"wire type {tag & 7}")
    return found


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text):
    if "=" in text or "+" in text or "/" in text:
        raise AssertionError(f"not unpadded base64url: {text}")
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Signer:
    def __init__(self, path, version="v1", options=()):
        target = "unix-abstract:" + path[1:] if path.startswith("@") else "unix:" + path
        self.version = version
        self.channel = grpc.insecure_channel(target, options=[("grpc.max_reconnect_backoff_ms", 1000), ("grpc.initial_reconnect_backoff_ms", 50), *options])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.channel.close()

    def call(self, method, request=b"", timeout=20, **more):
        return self.channel.unary_unary(method)(request, timeout=timeout, **more)

    def fail(self, method, request=b"", timeout=20, **more):
        """The status' name and message of a call that must fail."""
        try:
            answer = self.call(method, request, timeout, **more)
        except grpc.RpcError as why:
            return why.code().name, why.details()
        raise AssertionError(f"{method} answered {answer!r}")

    def path(self, name):
        return f"/{self.version}.ExternalJWTSigner/{name}"

    def metadata(self):
        return dict(fields(self.call(self.path("Metadata"))))[1]

    def fetch(self, **more):
        """{kid: (DER, excluded)} in order, the timestamp's seconds, the refresh hint: with the checks of kube-apiserver."""
        keys, seconds, hint = {}, None, 0
        for number, value in fields(self.call(self.path("FetchKeys"), **more)):
            if number == 1:
                key = dict(fields(value))
                kid = key[1].decode()
                if not 1 <= len(key[1]) <= 1024 or kid in keys:
                    raise AssertionError(f"kid {kid!r}")
                serialization.load_der_public_key(key[2])
                keys[kid] = (key[2], bool(key.get(3, 0)))
            elif number == 2:
                seconds = dict(fields(value))[1]
            elif number == 3:
                hint = value
        if not keys or not seconds or hint <= 0:
            raise AssertionError(f"keys {keys}, data_timestamp {seconds}, refresh_hint {hint}")
        return keys, seconds, hint

    def sign(self, claims, timeout=20, keys=None):
        """Header and claims of a token that was signed for these claims, which are a dict or octets, and verifies by a listed key."""
        payload = b64(claims if isinstance(claims, bytes) else json.dumps(claims).encode())
        answer = dict(fields(self.call(self.path("Sign"), field(1, payload.encode()), timeout)))
        return check(answer[1].decode(), payload, answer[2].decode(), keys or self.fetch()[0])

    def refuse(self, claims, **more):
        payload = b64(claims if isinstance(claims, bytes) else json.dumps(claims).encode())
        return self.fail(self.path("Sign"), field(1, payload.encode()), **more)


def check(header, payload, signature, keys):
    head = json.loads(unb64(header))
    if set(head) != {"alg", "kid", "typ"} or head["typ"] != "JWT" or not 1 <= len(head["kid"].encode()) <= 1024 or head["alg"] not in HASHES:
        raise AssertionError(f"kube-apiserver refuses the header {head}")
    der, excluded = keys[head["kid"]]
    if excluded:
        raise AssertionError("signed by a key that relying parties do not find")
    key, raw, signed, digest = serialization.load_der_public_key(der), unb64(signature), f"{header}.{payload}".encode(), HASHES[head["alg"]]()
    if isinstance(key, rsa.RSAPublicKey):
        key.verify(raw, signed, padding.PKCS1v15(), digest)
    else:
        width = WIDTHS[head["alg"]]
        if len(raw) != 2 * width:
            raise AssertionError(f"a signature of {len(raw)} octets, for {head['alg']}")
        r, s = (int.from_bytes(part, "big") for part in (raw[:width], raw[width:]))
        key.verify(utils.encode_dss_signature(r, s), signed, ec.ECDSA(digest))
    return head, unb64(payload)
