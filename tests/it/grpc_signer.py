#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Kubernetes' ExternalJWTSigner as clients of gRPC see it, on SoftHSM."""
import base64, json, os, re, shutil, signal, subprocess, sys, time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from grpc_client import Signer, b64, field, fields, unb64
from trial import BUILD, JWK11D, Trial, equal, main, test

if not os.path.exists(os.path.join(BUILD, "jwk11d-grpc")):
    print("1..0 # SKIP built without Kubernetes")
    sys.exit(0)

CLIENT = "\n[client apiserver]\nuid = {uid}\nsocket = kubernetes\nkeys = {key}\nallow = jwt\n{more}\n"


class Kube(Trial):
    """A trial with [kubernetes]."""

    def __init__(self, key="es256", kubernetes="", client="", sets=None, uid=None):
        super().__init__()
        self.sock = os.path.join(self.dir, "run", "kubernetes.sock")
        with open(self.conf, "a") as f:
            f.write(f"\n[kubernetes]\nkey = {key}\n{kubernetes}\n" + CLIENT.format(uid=os.getuid() if uid is None else uid, key=key, more=client))
        if sets is not None:
            self.change("[set default]\nkeys = *\n", f"[set default]\n{sets}\n")

    def start(self, until="event=catalogue"):
        return super().start(until)


def claims(ttl=3600, **more):
    now = int(time.time())
    return {"iss": "https://kubernetes.default.svc", "sub": "system:serviceaccount:default:default", "aud": ["api"], "iat": now, "nbf": now, "exp": now + ttl,
            "kubernetes.io": {"namespace": "default"}, **more}


@test
def a_token_is_signed_as_it_was_given_and_verifies_by_what_is_listed():
    for key, alg in (("es256", "ES256"), ("rs256", "RS256")):
        with Kube(key) as t:
            t.start()
            for version in ("v1", "v1alpha1"):
                with Signer(t.sock, version) as s:
                    given = json.dumps(claims(), indent=1).encode()  # blanks are signed too
                    head, signed = s.sign(given)
                    equal((head["alg"], signed), (alg, given))
                    keys, seconds, hint = s.fetch()
                    equal(hint, 300)
                    equal(abs(time.time() - seconds) < 60, True, "the time of the last look")
                    equal(list(keys), sorted(keys), "an order that lasts")
                    equal(s.metadata(), 86400)
            jwks = json.loads(t.ask("GET", "/.well-known/jwks.json", sock=t.public)[2])["keys"]
            equal(sorted(keys), sorted(k["kid"] for k in jwks if k["alg"] in ("RS256", "ES256", "ES384", "ES512")), "as in the set")
            equal(t.stop(), 0)


main()
