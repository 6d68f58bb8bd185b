# SPDX-License-Identifier: Apache-2.0
"""What the tests with certificates share: a CA, files, and the tool as it is typed."""
import base64, datetime, json, os, subprocess

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from trial import JWK11, equal

PEM, DER = serialization.Encoding.PEM, serialization.Encoding.DER
NOW = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
DAY = datetime.timedelta(days=1)


def name(cn):
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, cn), x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, "Example, Ltd")])


class CA:
    """A root and a CA below it."""

    def __init__(self):
        self.keys = {who: ec.generate_private_key(ec.SECP256R1()) for who in ("root", "inner")}
        self.root = self.issue("root", self.keys["root"].public_key(), by="root", ca=True)
        self.inner = self.issue("inner", self.keys["inner"].public_key(), by="root", ca=True)

    def issue(self, cn, key, by="inner", ca=False, since=-DAY, until=30 * DAY, serial=None):
        return (x509.CertificateBuilder().subject_name(name(cn)).issuer_name(name(by)).serial_number(serial or x509.random_serial_number())
                .public_key(key).not_valid_before(NOW + since).not_valid_after(NOW + until).add_extension(x509.BasicConstraints(ca, None), True)
                .sign(self.keys[by], hashes.SHA256()))


def pems(*certs):
    return b"".join(c.public_bytes(PEM) for c in certs)


def x5t(cert):
    return base64.urlsafe_b64encode(cert.fingerprint(hashes.SHA256())).rstrip(b"=").decode()


def write(t, file, data):
    path = os.path.join(t.dir, file)
    with open(path, "wb") as f:
        f.write(data if isinstance(data, bytes) else data.encode())
    return path


def run(t, *args, code=0, **more):
    r = subprocess.run([os.path.abspath(JWK11), "--config", t.conf, *args], capture_output=True, **more)
    equal(r.returncode, code, f"{args}: {r.stdout}{r.stderr.decode()}")
    r.err = r.stderr.decode()
    return r


def said(r):
    return json.loads(r.stdout)


def public(t, key):
    return serialization.load_pem_public_key(run(t, "jwks", "--format", "pem", "--offline", key).stdout)
