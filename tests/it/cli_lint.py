#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""jwk11 lint and jwk11 jwks --diff as a person meets them: exact words, exit codes, documents; against the broker, files and another server."""
import json, os, re, socket, subprocess, sys, tempfile, threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from trial import JWK11, Trial, equal, main, test

EC = {"kty": "EC", "crv": "P-256", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
      "use": "sig", "alg": "ES256", "kid": "oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U"}
SHORT = {"kty": "EC", "crv": "P-256", "x": "8y1X5-VoZl7kiCEY-4apAyXCEfB2X34__wrja586uw", "y": "nKTGa0Pn-5zBvLh8Uk14JSqaptHIvsZA8iXiiX9wZcE",
         "use": "sig", "alg": "ES256", "kid": "r1xZ240pAvUj3YW5vLW1AVgMevZIwuyLyzwdOSf4uEQ"}


def run(*args, stdin="", sock="/none"):
    r = subprocess.run([JWK11, *args], input=stdin if isinstance(stdin, str) else json.dumps(stdin), capture_output=True, text=True,
                       env=dict(os.environ, JWK11_SOCKET=sock))
    return r.returncode, r.stdout, r.stderr


def without(key, *names):
    return {k: v for k, v in key.items() if k not in names}


def answer_once(path, body, media_type):
    """A server on a Unix socket for one question; the thread ends with it."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(path)
    listener.listen(1)

    def serve():
        c, _ = listener.accept()
        head = b""
        while b"\r\n\r\n" not in head:
            head += c.recv(4096)
        c.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s" % (media_type.encode(), len(body), body))
        c.close()
        listener.close()

    thread = threading.Thread(target=serve)
    thread.start()
    return thread


@test
def says_what_is_wrong_and_what_to_do():
    equal(run("lint", "-", stdin={"keys": [EC, SHORT]}), (
        1, "error  key 2 (r1xZ240pAvUj3YW5vLW1…)  ec-short  \"x\" has 31 octets where P-256 has 32: leading zeros are lost; pad it on the left with "
        "zero octets to the full width (RFC 7518 6.2.1.2)\n2 keys: 1 error, 0 warnings, 0 notes\n", ""))
    equal(run("lint", "-", stdin=EC), (0, "1 key: 0 errors, 0 warnings, 0 notes\n", ""))
    equal(run("lint", "-", stdin=without(EC, "use")), (
        0, "warn  key 1 (oKIywvGUpTVTyxMQ3bwI…)  use-missing  \"use\" is missing; add \"use\":\"sig\" (or \"enc\"): some readers skip keys without it, "
        "older Keycloak among them (RFC 7517 4.2)\n1 key: 0 errors, 1 warning, 0 notes\n", ""))
    equal(run("lint", "--strict", "-", stdin=without(EC, "use"))[0], 1, "warnings count")
    equal(run("lint", "--strict", "-", stdin=dict(EC, kid="a")), (
        0, "info  key 1 (a)  kid-thumbprint  the kid is not the thumbprint; a thumbprint is the same on every token and after every restart, and never "
        "used twice (RFC 7638)\n1 key: 0 errors, 0 warnings, 1 note\n", ""), "notes do not")


@test
def keeps_private_members_to_itself():
    code, out, err = run("lint", "-", stdin=dict(EC, d="c2VjcmV0"))
    equal((code, "c2VjcmV0" in out + err), (1, False))
    equal(out.splitlines()[0], 'error  key 1 (oKIywvGUpTVTyxMQ3bwI…)  private-member  the private half is in it: "d"; stop publishing it, make a new key '
          "and treat this one as known to everybody (RFC 7517 9.2)")


@test
def tells_what_is_no_json_by_its_exit_code():
    equal(run("lint", "-", stdin="hello"), (65, "error  text  json  text: not valid JSON at byte 1: syntax error; give one JWK or JWK set in JSON "
                                            "(RFC 8259)\n0 keys: 1 error, 0 warnings, 0 notes\n", ""))
    equal(run("lint", "-", stdin="")[0], 65)
    equal(run("lint", "-", stdin="[]")[0], 1, "JSON, but no set")
    equal(run("lint", "-", stdin=" " * (1024 * 1024 + 1))[0::2], (65, "jwk11: standard input is longer than 1048576 bytes\n  [exit 65, LIMIT]\n"))
    equal(run("lint", "/none/file"), (73, "", "jwk11: /none/file: No such file or directory\n  [exit 73, FILE_FAILED]\n"))


@test
def says_how_it_is_called():
    equal(run("lint", "https://issuer.example/jwks.json"),
          (64, "", "jwk11 lint: does not use the network: curl -s URL | jwk11 lint -\n  see: jwk11 lint --help\n"))
    equal(run("lint", "a", "b"), (64, "", "jwk11 lint: takes at most one FILE, - or /PATH\n  see: jwk11 lint --help\n"))
    equal(run("lint", "--for", "gogle", "-", stdin=EC),
          (64, "", 'jwk11 lint: nobody called "gogle" is known here. Did you mean google?\n  see: jwk11 lint --rules\n'))
    equal(run("lint", "--for", "aws,", "-", stdin=EC)[0::2], (64, 'jwk11 lint: nobody called "" is known here\n  see: jwk11 lint --rules\n'))
    equal(run("lint", "/.well-known/a b")[0::2], (64, "jwk11: the path holds blanks or other characters no path has\n  [exit 64, ARGUMENT]\n"))
    equal(run("lint")[0], 69, "nobody answers on the socket")


@test
def prints_one_document():
    code, out, err = run("lint", "--json", "--for", "aws", "-", stdin={"keys": [EC, without(SHORT, "kid")]})
    equal((code, err), (1, ""))
    equal(json.loads(out), {
        "schema": "jwk11/lint/1", "keys": 2, "errors": 2, "warnings": 0, "notes": 0,
        "findings": [
            {"severity": "error", "rule": "ec-short", "key": 2, "member": "x", "text": '"x" has 31 octets where P-256 has 32: leading zeros are lost',
             "fix": "pad it on the left with zero octets to the full width", "source": "RFC 7518 6.2.1.2"},
            {"severity": "error", "rule": "kid-missing", "key": 2, "member": "kid", "text": '"kid" is missing, in a set of 2 keys',
             "fix": "give each key of a set a kid: its RFC 7638 thumbprint", "source": "OIDC Core 10.1"}],
        "takers": [{"taker": "aws", "title": "AWS IAM OpenID Connect provider", "keys": [
            {"key": 1, "kid": EC["kid"], "takes": "yes"}, {"key": 2, "takes": "no", "why": "finds keys by kid only"}]}]})
    code, out, err = run("lint", "--json", "-", stdin="{")
    equal((code, json.loads(out)["findings"][0]["key"], json.loads(out)["errors"]), (65, None, 1))


@test
def says_who_takes_a_key():
    equal(run("lint", "--for", "aws,entra", "--for", "github", "-", stdin=EC), (
        1, "KEY                            TAKER   TAKES IT  WHY NOT\n"
        "key 1 (oKIywvGUpTVTyxMQ3bwI…)  aws     yes       -\n"
        "key 1 (oKIywvGUpTVTyxMQ3bwI…)  entra   no        RS256 is the only algorithm Microsoft has tested; here it is EC\n"
        "key 1 (oKIywvGUpTVTyxMQ3bwI…)  github  n/a       takes no JWKS: GitHub makes the RSA key of an app itself; import it into the token\n"
        "1 key: 0 errors, 0 warnings, 0 notes\n", ""))
    equal(run("lint", "--for", "aws", "--for", "aws", "-", stdin=EC)[0], 0)
    key = without(EC, "use")
    equal([run("lint", "--for", "keycloak", *strict, "-", stdin=key)[0] for strict in ((), ("--strict",))], [0, 1], "maybe")
    code, out, err = run("lint", "--for", "all", "-", stdin=EC)
    equal((code, err), (0, ""), "no set suits all")
    takers = [line.split()[0] for line in run("lint", "--rules")[1].split("\n\n")[1].splitlines()[1:]]
    equal([line.split("  ")[1].strip() for line in out.splitlines()[1:-1]], takers, "each of them")


@test
def lists_its_rules():
    code, out, err = run("lint", "--rules")
    equal((code, err), (0, ""))
    document = json.loads(run("lint", "--rules", "--json")[1])
    equal(document["schema"], "jwk11/lint-rules/1")
    equal([line.split()[0] for line in out.split("\n\n")[0].splitlines()[1:]], [r["rule"] for r in document["rules"]])
    equal({r["severity"] for r in document["rules"]}, {"error", "warn", "info"})


@test
def asks_the_broker():
    with Trial() as t:
        t.start()
        t.wait_count("event=ready", os.cpu_count() + 1)
        outputs = {run("lint", *args, sock=t.api) for args in ((), ("/.well-known/jwks.json",), ("http://localhost/.well-known/jwks.json",),
                                                              ("--set", "default"))}
        outputs.add(run("lint", "-", stdin=run("jwks", sock=t.api)[1]))
        equal(len(outputs), 1, "whichever way the set comes")
        code, out, err = outputs.pop()
        equal((code, out.splitlines()[-1], err), (0, "3 keys: 0 errors, 0 warnings, 2 notes", ""))
        equal([line.split()[0] for line in out.splitlines()[:-1]], ["info", "info"])
        equal(run("lint", "/.well-known/jwks/none.json", sock=t.api)[0], 66)
        code, out, err = run("doctor", "--config", t.conf, sock=t.api)
        equal((code, [line.split(None, 2)[2] for line in out.splitlines() if " jwks " in line]), (0, ["3 keys published, 3 with their thumbprint as kid"]))
        offline = run("jwks", "--offline", "--config", t.conf)[1]
        equal(run("lint", "-", stdin=offline)[0], 0)


@test
def asks_other_servers_on_a_socket():
    with tempfile.TemporaryDirectory() as d:
        path = os.path.join(d, "s")
        thread = answer_once(path, json.dumps({"keys": [EC]}).encode(), "text/html; charset=utf-8")
        code, out, err = run("lint", "http://localhost/keys", "--socket", path)
        thread.join()
        equal((code, out, err), (0, 'warn  set  media-type  it is served as "text/html; charset=utf-8"; serve application/json, or application/jwk-set+json '
                                 "to who asks for it (RFC 7517 8.5)\n1 key: 0 errors, 1 warning, 0 notes\n", ""))


@test
def compares_with_an_old_set():
    with Trial() as t, tempfile.TemporaryDirectory() as d:
        t.start()
        t.wait_count("event=ready", os.cpu_count() + 1)
        now = json.loads(run("jwks", sock=t.api)[1])["keys"]
        es, rs, ed = now
        old = os.path.join(d, "old.json")

        def diff(keys, *args):
            with open(old, "w") as f:
                json.dump({"keys": keys}, f)
            return run("jwks", "--diff", old, *args, sock=t.api)

        equal(diff(now[::-1]), (0, "", ""), "order is irrelevant")
        equal(diff([dict(reversed(k.items())) for k in now]), (0, "", ""), "of members too")
        equal(diff([es, dict(rs, alg="PS256"), EC, dict(ed, kid="ed-1")]), (
            1, f"removed   {EC['kid']}  ES256  gone\nrenamed   {ed['kid']}  EdDSA  the same key, before under ed-1\n"
            f"changed   {rs['kid']}  RS256  the same key, other members: alg\n", ""))
        equal(diff([rs, ed]), (1, f"added     {es['kid']}  ES256  new\n", ""))
        equal(diff([dict(EC, kid=es["kid"]), rs, without(ed, "kid")]), (
            1, f"replaced  {es['kid']}  ES256  another key under the same kid; who knows the kid will not fetch it: x y\n"
            f"renamed   {ed['kid']}  EdDSA  the same key, before under no kid\n", ""))
        code, out, err = diff([dict(es, alg="ES512"), ed], "--json")
        equal((code, err), (1, ""))
        equal(json.loads(out), {"schema": "jwk11/jwks-diff/1", "same": False, "changes": [
            {"change": "added", "kid": rs["kid"], "kty": "RSA", "alg": "RS256", "use": "sig", "thumbprint": rs["kid"]},
            {"change": "changed", "kid": es["kid"], "kty": "EC", "alg": "ES256", "use": "sig", "thumbprint": es["kid"], "members": ["alg"]}]})
        equal(json.loads(diff(now, "--json")[1]), {"schema": "jwk11/jwks-diff/1", "same": True, "changes": []})
        equal(run("jwks", "--diff", old, "--offline", "--config", t.conf), (0, "", ""), "without the broker")
        equal(run("jwks", "--diff", "-", "es256", sock=t.api, stdin=json.dumps({"keys": [es]})), (0, "", ""), "one key against one")
        equal(run("jwks", "--diff", "-", sock=t.api, stdin="{}"), (65, "", "jwk11: old set: neither a JWK set nor a JWK\n  [exit 65, JWK_INVALID]\n"))
        equal(run("jwks", "--diff", "/none/file", sock=t.api)[0], 73)
        equal(run("jwks", "--diff", old, "--format", "pem", sock=t.api)[0], 64)


main()
