#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The real daemon on a real SoftHSM token: life, policy, secrets, faults."""
import base64, json, os, signal, subprocess, sys, threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from trial import JWK11, JWK11D, Connection, Trial, equal, main, test
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils


def unb64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def public_es256(t):
    keys = json.loads(t.ask("GET", "/.well-known/jwks.json")[2])["keys"]
    k = next(k for k in keys if k["alg"] == "ES256")
    n = ec.EllipticCurvePublicNumbers(int.from_bytes(unb64(k["x"]), "big"), int.from_bytes(unb64(k["y"]), "big"), ec.SECP256R1())
    return n.public_key()


def check_es256(key, message, signature):
    raw = unb64(signature)
    der = utils.encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
    key.verify(der, message, ec.ECDSA(hashes.SHA256()))


@test
def publishes_only_public_members():
    with Trial() as t:
        t.start()
        status, headers, body = t.ask("GET", "/.well-known/jwks.json")
        equal(status, 200)
        equal(headers["Content-Type"], "application/json")
        members = {"RSA": {"n", "e"}, "EC": {"crv", "x", "y"}, "OKP": {"crv", "x"}}
        keys = json.loads(body)["keys"]
        equal(sorted(k["kty"] for k in keys), ["EC", "OKP", "RSA"])
        for k in keys:
            equal(set(k), {"kty", "use", "alg", "kid"} | members[k["kty"]], k["kty"])
        etag = headers["ETag"]
        equal(t.ask("GET", "/.well-known/jwks.json", headers={"If-None-Match": etag})[0], 304)
        equal(t.ask("GET", "/.well-known/jwks.json", headers={"If-None-Match": '"x"'})[0], 200)
        status, headers, nothing = t.ask("HEAD", "/.well-known/jwks.json")
        equal((status, nothing, int(headers["Content-Length"])), (200, b"", len(body)))
        equal(t.ask("GET", "/.well-known/jwks.json", sock=t.public)[2], body, "public.sock")
        equal(t.ask("GET", "/v1/keys", sock=t.public)[0], 404, "public.sock serves nothing else")
        equal(t.ask("POST", "/v1/keys/es256/sign", {"input": "aGk"}, sock=t.public)[0], 413, "public.sock takes no body")


@test
def signs_and_refuses_by_the_documented_codes():
    with Trial() as t:
        t.start()
        status, _, body = t.ask("POST", "/v1/keys/es256/sign", {"input": "aGVsbG8"})
        equal(status, 200)
        check_es256(public_es256(t), b"hello", json.loads(body)["signature"])
        kid = json.loads(body)["kid"]
        equal(t.ask("POST", f"/v1/keys/{kid}/sign", {"input": "aGVsbG8"})[0], 200, "by kid")
        rows = [
            ("nobody/sign", {"input": "aGk"}, 404, "KEY_UNKNOWN"),
            ("es256/sign", {"input": "aGk", "alg": "RS256"}, 409, "ALG_MISMATCH"),
            ("es256/sign", {"digest": "aGk"}, None, "DIGEST_LENGTH"),
            ("es256/sign", {"input": "a=="}, 400, "BASE64_INVALID"),
            ("es256/sign", {"input": "aGk", "extra": 1}, 400, "MEMBER_UNKNOWN"),
            ("es256/sign", {"input": 5}, 400, "MEMBER_TYPE"),
            ("es256/sign", {}, 400, "MEMBER_MISSING"),
            ("es256/sign", '{"input":"aGk","input":"aGk"}', 400, "JSON_DUPLICATE"),
            ("es256/sign", '{"input":', 400, "JSON_INVALID"),
            ("es256/jwt", {"claims": {"exp": "soon"}}, 400, "CLAIM_INVALID"),
            ("es256/jwt", {"claims": {"exp": 5}, "ttl": 60}, 400, "CLAIM_INVALID"),
            ("es256/jws", {"payload": "aGk", "protected": {"alg": "none"}}, 422, "HEADER_REFUSED"),
            ("eddsa/sign", {"digest": "aGk"}, 409, "ALG_MISMATCH"),
        ]
        for path, body, wanted, code in rows:
            status, headers, data = t.ask("POST", "/v1/keys/" + path, body, {"Content-Type": "application/json"})
            problem = json.loads(data)
            equal(problem["code"], code, f"{path} {body}")
            if wanted is not None:
                equal(status, wanted, f"{path} {body}")
            equal(headers["Content-Type"], "application/problem+json")


@test
def another_user_without_a_section_is_denied():
    with Trial() as t:
        t.change("[daemon]\n", "[daemon]\napi-mode = 0666\n")
        t.start()
        script = ("import os,sys,json;os.setgroups([]);os.setgid(65534);os.setuid(65534);sys.path.insert(0,sys.argv[1]);"
                  "from trial import Connection\n"
                  "for m,p,b in (('POST','/v1/keys/es256/sign','{\"input\":\"aGk\"}'),('GET','/v1/keys',None),('GET','/v1/whoami',None)):\n"
                  " c=Connection(sys.argv[2]);c.request(m,p,b,{'Content-Type':'application/json'} if b else {});r=c.getresponse();"
                  "print(r.status,json.loads(r.read()).get('code',''))")
        out = subprocess.run(["/usr/bin/python3", "-c", script, os.path.dirname(os.path.abspath(__file__)), t.api], capture_output=True,
                             text=True, check=True)
        equal(out.stdout.split("\n")[:3], ["403 PEER_DENIED", "403 PEER_DENIED", "200 "])


@test
def the_pin_is_nowhere_to_be_seen():
    with Trial() as t:
        t.start()
        with open(os.path.join(t.dir, "pin"), "rb") as f:
            pin = f.read().strip()
        t.ask("POST", "/v1/keys/es256/sign", {"input": "aGk"})
        processes = t.children()
        if len(processes) < 3:
            raise AssertionError(f"only {len(processes)} processes")
        for pid in processes:
            for name in ("cmdline", "environ"):
                with open(f"/proc/{pid}/{name}", "rb") as f:
                    if pin in f.read():
                        raise AssertionError(f"the PIN is in {name} of a daemon process")
        for folder, _, files in os.walk(os.path.join(t.dir, "state")):
            for name in files:
                with open(os.path.join(folder, name), "rb") as f:
                    if pin in f.read():
                        raise AssertionError("the PIN is in a state file")
        t.stop()
        if pin.decode() in t.log:
            raise AssertionError("the PIN is in the log")


@test
def a_wrong_pin_is_sent_once_and_never_again():
    with Trial() as t:
        pin = os.path.join(t.dir, "pin")
        os.chmod(pin, 0o600)
        with open(pin, "w") as f:
            f.write("0000000000")
        os.chmod(pin, 0o400)
        t.start()
        t.stop()
        equal(t.log.count("CKR_PIN_INCORRECT"), 1, "the token was asked in the first start")
        for _ in range(3):
            t.log = ""
            t.start()
            tokens = json.loads(t.ask("GET", "/v1/tokens")[2])["tokens"]
            equal(tokens[0]["state"], "pin-rejected")
            equal(t.ask("GET", "/readyz")[0], 503)
            equal(t.ask("GET", "/livez")[0], 200)
            t.stop()
            equal(t.log.count("CKR_PIN_INCORRECT"), 0, "the token was asked again")


@test
def two_daemons_do_not_share_a_run_directory():
    with Trial() as t:
        t.start()
        second = subprocess.run([JWK11D, "--config", t.conf], capture_output=True, text=True)
        equal(second.returncode, 69)
        if str(t.daemon.pid) not in second.stderr:
            raise AssertionError(second.stderr)
        equal(t.ask("GET", "/livez")[0], 200, "the first one goes on")
        equal(t.stop(), 0)
        equal(os.path.exists(t.api), False, "api.sock after the end")
        equal(os.path.exists(t.public), False, "public.sock after the end")


@test
def a_stale_socket_is_replaced():
    with Trial() as t:
        t.start()
        t.daemon.kill()
        t.daemon.wait()
        equal(os.path.exists(t.api), True)
        t.daemon.stderr.close()
        t.daemon = None
        t.log = ""
        t.start()
        equal(t.ask("GET", "/livez")[0], 200)


@test
def a_bad_configuration_never_replaces_a_good_one():
    with Trial() as t:
        t.start()
        with open(t.conf) as f:
            good = f.read()
        with open(t.conf, "w") as f:
            f.write(good + "\n[clinet x]\n")
        check = subprocess.run([JWK11D, "--config", t.conf, "--check"], capture_output=True, text=True)
        equal(check.returncode, 78)
        if "did you mean client?" not in check.stderr:
            raise AssertionError(check.stderr)
        t.daemon.send_signal(signal.SIGHUP)
        t.wait_log("reload-refused")
        equal(t.ask("POST", "/v1/keys/es256/sign", {"input": "aGk"})[0], 200)
        with open(t.conf, "w") as f:
            f.write(good.replace("allow = *", "allow = jwt"))
        t.daemon.send_signal(signal.SIGHUP)
        t.wait_log("event=catalogue")
        status, _, body = t.ask("POST", "/v1/keys/es256/sign", {"input": "aGk"})
        equal((status, json.loads(body)["code"]), (403, "OPERATION_DENIED"))


@test
def starts_without_the_token_and_picks_it_up():
    with Trial() as t:
        tokens, away = os.path.join(t.dir, "tokens"), os.path.join(t.dir, "away")
        os.rename(tokens, away)
        os.mkdir(tokens, 0o700)
        t.start(until="state=absent")
        equal(t.ask("GET", "/readyz")[0], 503)
        equal(t.ask("POST", "/v1/keys/es256/sign", {"input": "aGk"})[0], 503)
        os.rmdir(tokens)
        os.rename(away, tokens)
        t.wait_log("state=ready")
        if "event=catalogue" not in t.log.split("state=ready")[-1]:
            t.wait_log("event=catalogue")
        equal(t.ask("GET", "/.well-known/jwks.json")[0], 200)


@test
def a_killed_worker_costs_no_request():
    with Trial() as t:
        t.change("[daemon]\n", "[daemon]\nworkers = 3\n")
        t.start()
        t.wait_count("event=ready", 3)
        key, bad, done, answered = public_es256(t), [], threading.Event(), threading.Semaphore(0)
        counts = [0] * 4

        def load(n):
            c = Connection(t.api)
            while not done.is_set():
                c.request("POST", "/v1/keys/es256/sign", '{"input":"aGVsbG8"}', {"Content-Type": "application/json"})
                r = c.getresponse()
                body = r.read()
                try:
                    equal(r.status, 200, body)
                    check_es256(key, b"hello", json.loads(body)["signature"])
                    counts[n] += 1
                except Exception as why:
                    bad.append(repr(why))
                answered.release()

        threads = [threading.Thread(target=load, args=(n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        for kills in range(3):
            for _ in range(400):  # the others are busy, and the last one's successor too
                answered.acquire()
            worker = next(p for p in t.children() if "worker" in open(f"/proc/{p}/cmdline").read())
            os.kill(worker, signal.SIGKILL)
            t.wait_count("event=ready", 4 + kills)  # who dies while it logs in takes the PIN with it
        done.set()
        for thread in threads:
            thread.join()
        equal(bad, [])
        if min(counts) == 0:
            raise AssertionError(f"requests answered: {counts}")


@test
def threads_of_one_worker_share_its_module():
    with Trial() as t:
        t.change("[daemon]\n", "[daemon]\nworkers = 1\nthreads = 4\n")
        t.start()
        key, bad = public_es256(t), []

        def load(n):
            c = Connection(t.api)
            for i in range(30):
                try:
                    message = f"{n} {i}".encode()
                    text = base64.urlsafe_b64encode(message).decode().rstrip("=")
                    c.request("POST", f"/v1/keys/{('es256', 'rs256', 'eddsa')[i % 3]}/sign", json.dumps({"input": text}), {"Content-Type": "application/json"})
                    r = c.getresponse()
                    body = r.read()
                    equal(r.status, 200, body)
                    if i % 3 == 0:
                        check_es256(key, message, json.loads(body)["signature"])
                except Exception as why:
                    bad.append(f"connection {n}: {why!r}")
                    return

        threads = [threading.Thread(target=load, args=(n,)) for n in range(8)]
        for thread in threads:
            thread.start()
        t.daemon.send_signal(signal.SIGHUP)
        for thread in threads:
            thread.join()
        equal(bad, [])
        equal(t.stop(), 0)


@test
def a_key_stays_published_while_its_algorithm_or_kid_changes():
    """The front has the new configuration, and no worker has said yet what its keys are by it: workers stand still meanwhile."""
    def published(t):
        return {k["n"]: k for k in json.loads(t.ask("GET", "/.well-known/jwks.json", sock=t.public)[2])["keys"] if k["kty"] == "RSA"}

    def reload(t):
        workers = [p for p in t.children() if "jwk11d-worker" in open(f"/proc/{p}/cmdline").read()]
        for pid in workers:
            os.kill(pid, signal.SIGSTOP)
        try:
            t.daemon.send_signal(signal.SIGHUP)
            t.wait_log("event=configuration state=replaced")
            return published(t)
        finally:
            for pid in workers:
                os.kill(pid, signal.SIGCONT)

    with Trial() as t:
        t.start()
        before = published(t)
        (n, first), = before.items()
        t.change("alg = RS256\n", "alg = PS256\n")
        equal(reload(t), before, "until its module has spoken it is what it was")
        t.until(lambda: published(t)[n]["alg"] == "PS256", "the new algorithm")
        equal(published(t), {n: {**first, "alg": "PS256"}})
        before = published(t)
        t.change("alg = PS256\n", "alg = PS256\nkid = other\n")
        equal(reload(t), before)
        t.until(lambda: published(t)[n]["kid"] == "other", "the new kid")
        equal(published(t), {n: {**first, "alg": "PS256", "kid": "other"}})
        t.change("object=rs256\n", "object=nothing\n")
        equal(reload(t), {}, "another key by that name is not this one")
        t.wait_log("event=catalogue")
        equal(published(t), {})


@test
def the_front_links_neither_p11_kit_nor_libcrypto():
    out = subprocess.run(["ldd", os.path.join(os.path.dirname(JWK11D), "jwk11d-front")], capture_output=True, text=True, check=True).stdout
    for name in ("p11-kit", "libcrypto", "libssl", "softhsm"):
        if name in out:
            raise AssertionError(f"jwk11d-front links {name}")


@test
def the_tool_works_with_and_without_the_broker():
    with Trial() as t:
        t.start()

        def run(*args, stdin="", code=0):
            r = subprocess.run([JWK11, *args], input=stdin, capture_output=True, text=True)
            equal(r.returncode, code, f"{args}: {r.stderr}")
            return r.stdout

        for where in (["--socket", t.api], ["--offline", "--config", t.conf]):
            listed = json.loads(run(*where, "list", "--json"))
            equal((listed["schema"], [k["name"] for k in listed["keys"]]), ("jwk11/list/1", ["es256", "rs256", "eddsa"]))
            keys = json.loads(run(*where, "jwks"))
            equal(len(keys["keys"]), 3)
            for name in ("es256", "rs256", "eddsa"):
                jwt = run(*where, "jwt", name, "--claim", "sub=me", "--ttl", "5m")
                equal(json.loads(run("--socket", t.api, "verify", stdin=jwt))["sub"], "me")
                head, payload, signature = jwt.strip().split(".")
                other = "A" if signature[10] != "A" else "B"
                run("--socket", t.api, "verify", stdin=f"{head}.{payload}.{signature[:10]}{other}{signature[11:]}", code=1)
            run(*where, "sign", "nobody", stdin="x", code=66)
        run("--socket", t.api, "frob", code=64)
        run("--socket", t.api + ".none", "list", code=69)
        run("--socket", t.api, "doctor")
        absent = subprocess.run([JWK11, "--socket", t.api + ".none", "list"], capture_output=True, text=True)
        equal("No such file or directory" in absent.stderr, True, absent.stderr)


main()
