#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Keys as found in the wild, through the daemon and the tool: two modules with one key, two keys with one name, keys that want their PIN each
time, PIN pads, keys that are weak."""
import json, os, signal, subprocess, sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from mock_token import MODULE, Mock
from trial import JWK11, equal, main, test

SECOND = "counts $/counts2\nkey k p256 $/{key}.pem\ntoken t1\npin 1234\nabsent-while $/away2\nprivate k\npublic k\n"


def tool(t, *args, stdin=b"", conf=True):
    options = ["--config", t.conf] if conf else []
    env = dict(os.environ, JWK11_MOCK=os.path.join(t.dir, "script"), JWK11_SOCKET=t.api, XDG_STATE_HOME=t.dir)
    done = subprocess.run([JWK11, *options, *args], input=stdin, capture_output=True, env=env)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def offline(t, *args, **more):
    return tool(t, "--offline", *args, **more)


def key(t, name="k"):
    return json.loads(t.ask("GET", f"/v1/keys/{name}")[2])


def published(t):
    status, _, body = t.ask("GET", "/.well-known/jwks.json")
    return json.loads(body)["keys"] if status == 200 else []


def reload(t):
    """SIGHUP, until every module has spoken under the new configuration."""
    t.log = ""
    t.daemon.send_signal(signal.SIGHUP)
    t.wait_count("event=catalogue", len(t.modules))


def start(t):
    """Again, with nothing of before in the log, until every module has spoken."""
    t.log = ""
    t.start()
    t.wait_count("event=catalogue", len(t.modules))


def contains(text, *parts):
    for part in parts:
        if part not in text:
            raise AssertionError(f"{part!r} is not in {text!r}")


@test
def one_key_through_two_modules_is_one_and_the_first_module_serves_it():
    with Mock(second=SECOND.format(key="k")) as t:
        start(t)
        equal(len(json.loads(t.ask("GET", "/v1/keys")[2])["keys"]), 1)
        equal((key(t)["state"], len(published(t))), ("active", 1))
        for n in range(1, 4):
            equal(t.sign(), 200)
            equal((t.count("C_Sign"), t.count("C_Sign", "counts2")), (n, 0))
        equal(t.sign(key(t)["kid"]), 200, "by its kid")
        equal(t.count("C_Sign", "counts2"), 0)
        code, out, err = tool(t, "list")
        equal((code, err, out.count("\nk ")), (0, "", 1))
        t.stop()
        code, out, err = offline(t, "list")
        equal((code, err, out.count("\nk ")), (0, "", 1))
        signed = t.count("C_Sign")
        equal(offline(t, "sign", "k", stdin=b"hello")[0], 0)
        equal((t.count("C_Sign"), t.count("C_Sign", "counts2")), (signed + 1, 0))
        t.modules.reverse()
        t.configure()
        start(t)
        equal(t.sign(), 200)
        equal(t.count("C_Sign", "counts2"), 1, "the other module is the first now")


@test
def the_other_module_serves_it_while_the_first_cannot():
    with Mock(token="pin 1234\nabsent-while $/away", second=SECOND.format(key="k")) as t:
        open(t.away, "w").close()
        start(t)
        equal(key(t)["state"], "active")
        equal(t.sign(), 200)
        equal((t.count("C_Sign"), t.count("C_Sign", "counts2")), (0, 1))
        equal(offline(t, "sign", "k", stdin=b"hello")[0], 0)
        t.log = ""
        os.unlink(t.away)
        t.wait_order("state=ready", "event=catalogue module=" + MODULE)
        equal(t.sign(), 200)
        equal(t.count("C_Sign"), 1, "the first module is back")


@test
def two_keys_of_one_name_in_two_modules_are_refused_and_both_are_named():
    with Mock(second=SECOND.format(key="other")) as t:
        start(t)
        shown = key(t)
        equal(shown["state"], "ambiguous")
        contains(shown["reason"], "in module " + MODULE, "in module " + t.modules[1])
        status, code = t.sign()
        equal((status, code, published(t)), (409, "KEY_AMBIGUOUS", []))
        contains(t.problem, "module = in the [token] section")
        equal((t.count("C_Sign"), t.count("C_Sign", "counts2")), (0, 0))
        code, out, _ = tool(t, "doctor")
        equal(code, 1)
        contains(out, "k: ambiguous: different keys match its uri")
        t.stop()
        code, _, err = offline(t, "sign", "k", stdin=b"hello")
        equal(code, 65)
        contains(err, 'key "k": 2 keys match pkcs11:token=t1;object=k: pkcs11:token=t1;serial=t1;id=k;object=k;type=private (', "KEY_AMBIGUOUS")
        equal(err.count("pkcs11:token=t1;serial=t1;id=k;object=k;type=private"), 2, err)
        code, out, _ = offline(t, "list")
        equal((code, "ambiguous" in out), (0, True))
        t.configure(tokens=f"module = {MODULE}\n")  # of [token t1], which stands before
        start(t)
        equal(key(t)["state"], "active")
        equal(t.sign(), 200)


@test
def two_keys_of_one_label_on_a_token_are_refused_and_both_are_named():
    label = "key l p256 $/l.pem\ntoken t1\npin 1234\nprivate k\npublic k\nprivate l\nattr CKA_LABEL text:k\npublic l\n"
    with Mock() as t:
        t.write("script", ("counts $/counts\nkey k p256 $/k.pem\n" + label).replace("$", t.dir))
        t.start()
        shown = key(t)
        equal(shown["state"], "ambiguous")
        contains(shown["reason"], "id=k;object=k;type=private (", "id=l;object=k;type=private (")
        equal(t.sign(), (409, "KEY_AMBIGUOUS"))
        t.stop()
        direct = ["--module", MODULE, "--token", "pkcs11:token=t1", "--pin-file", os.path.join(t.dir, "pin")]
        for name in ("k", "pkcs11:object=k"):
            code, _, err = offline(t, "sign", name, *direct, stdin=b"hello", conf=False)
            equal(code, 65)
            contains(err, "id=k;object=k;type=private (", "id=l;object=k;type=private (")
        for name in ("pkcs11:object=k;id=l", "pkcs11:id=k"):
            equal(offline(t, "sign", name, *direct, stdin=b"hello", conf=False)[0], 0, name)


@test
def one_public_key_found_twice_on_a_token_is_one_key():
    with Mock(more="private k\nattr CKA_ID text:again\npublic k\nattr CKA_ID text:again") as t:
        t.start()
        equal((key(t)["state"], len(published(t)), t.sign()), ("active", 1, 200))
        equal(offline(t, "sign", "k", stdin=b"hello")[0], 0)


@test
def a_key_that_wants_its_pin_each_time_is_refused_until_that_is_configured():
    with Mock(objects="private k\nattr CKA_ALWAYS_AUTHENTICATE true\npublic k") as t:
        t.start()
        equal(key(t)["state"], "wants-pin")
        contains(key(t)["reason"], "CKA_ALWAYS_AUTHENTICATE")
        equal(t.sign(), (403, "KEY_WANTS_PIN"))
        contains(t.problem, "context-pin = yes")
        equal((t.count("C_SignInit"), published(t)), (0, []))
        contains(t.log, "event=key key=k state=wants-pin")
        code, out, err = tool(t, "sign", "k", stdin=b"hello")
        equal((code, out), (77, ""))
        contains(err, "see: context-pin = yes in its [key] section", "KEY_WANTS_PIN")
        contains(tool(t, "doctor")[1], "k: wants-pin: ")
        equal(offline(t, "list")[1].split("\n")[1].split()[-2:], ["no", "(wants-pin)"])
        code, _, err = offline(t, "sign", "k", stdin=b"hello")
        equal(code, 77)
        contains(err, "KEY_WANTS_PIN")
        equal(offline(t, "sign", "k", "--context-pin", stdin=b"hello")[0], 0)
        t.configure(key="context-pin = yes")
        equal(offline(t, "sign", "k", stdin=b"hello")[0], 0)
        reload(t)
        equal(key(t)["state"], "active")
        logins = t.count("C_Login")
        for n in range(1, 4):
            equal(t.sign(), 200)
            equal(t.count("C_Login"), logins + n)


@test
def its_pin_is_not_sent_again_once_it_was_refused():
    with Mock(token="pin 1234\ntries 5", objects="private k\nattr CKA_ALWAYS_AUTHENTICATE true\npublic k", key="context-pin = yes", workers=2) as t:
        t.start()
        t.wait_count("event=ready", 2)
        equal(t.sign(), 200)
        t.write("pin", "9999\n")
        for _ in range(6):
            equal(t.sign(), (503, "PIN_REJECTED"))
            equal(t.count("pin:t1"), 1)
        for name in ("9999", "1234"):
            if name in t.log:
                raise AssertionError("a PIN is in the log")


@test
def a_pin_pad_is_left_alone():
    with Mock(token="flags TOKEN_INITIALIZED LOGIN_REQUIRED USER_PIN_INITIALIZED PROTECTED_AUTHENTICATION_PATH") as t:
        t.start()
        token = json.loads(t.ask("GET", "/v1/tokens")[2])["tokens"][0]
        equal(token["state"], "pin-pad")
        contains(token["reason"], "takes its PIN on a pad of its own")
        equal(t.sign(), (503, "PIN_PAD"))
        contains(t.problem, "login = protected")
        contains(tool(t, "doctor")[1], "t1: pin-pad: ", "; its PIN is typed on its own pad: login = protected")
        equal(t.count("C_Login"), 0)
        code, _, err = offline(t, "sign", "k", stdin=b"hello")
        equal((code, t.count("C_Login")), (77, 0))
        contains(err, "PIN_PAD")


PAD = "flags TOKEN_INITIALIZED LOGIN_REQUIRED USER_PIN_INITIALIZED PROTECTED_AUTHENTICATION_PATH"


@test
def a_person_is_waited_for_once_and_by_one_worker():
    with Mock(token=PAD, login="login = protected", workers=3) as t:
        t.start()
        equal((t.sign(), t.sign()), (200, 200))
        equal((t.count("C_Login"), len(t.workers())), (1, 1))
        t.configure(keys="[key again]\nuri = pkcs11:token=t1;object=k\n")
        reload(t)
        equal((t.sign(), t.sign("again"), t.count("C_Login")), (200, 200, 1), "who is logged in is not asked")
        t.stop()
        code, out, err = offline(t, "sign", "k", stdin=b"hello")
        equal(code, 0)
        contains(err, "waiting for the PIN on the pad of pkcs11:token=t1")


@test
def nobody_at_the_pad_is_a_state_until_the_next_reload():
    with Mock("fault C_Login on 1 delay 2500\nfault C_Login on 2 CKR_PIN_INCORRECT", token=PAD, login="login = protected\nlogin-timeout = 1") as t:
        t.start()
        equal(json.loads(t.ask("GET", "/v1/tokens")[2])["tokens"][0]["state"], "pin-pad")
        for _ in range(3):
            equal((t.sign(), t.count("C_Login")), ((503, "PIN_PAD"), 1), "no request asks")
        while t.count("C_CloseSession") == 0:  # the late call is back, and what it left is cleared away
            t.ask("GET", "/livez")
        for logins in (2, 3):
            t.daemon.send_signal(signal.SIGHUP)
            while t.count("C_Login") < logins:
                t.ask("GET", "/livez")
            if logins == 2:
                equal((t.sign(), t.count("C_Login")), ((503, "PIN_PAD"), 2), "a wrong PIN was typed")
        while json.loads(t.ask("GET", "/v1/tokens")[2])["tokens"][0]["state"] != "ready":
            pass
        equal((t.sign(), t.count("C_Login")), (200, 3))


@test
def a_login_lost_on_a_pad_is_asked_for_by_no_request():
    with Mock("fault C_Sign on 2 lose t1\nfault C_Login on 2 delay 1000", token=PAD, login="login = protected") as t:
        t.start()
        equal(t.sign(), 200)
        equal(t.sign(), (503, "PIN_PAD"))
        t.wait_count("event=catalogue", 2)
        equal((t.sign(), t.count("C_Login")), (200, 2))


@test
def weak_keys_work_and_are_named():
    with Mock(objects="private k\nattr CKA_EXTRACTABLE true\nattr CKA_UNWRAP true\npublic k") as t:
        t.start()
        shown = key(t)
        equal((shown["state"], shown["health"]), ("active", ["extractable", "wraps"]))
        contains(t.log, 'event=key-weak key=k health="extractable, wraps"')
        equal((t.sign(), len(published(t))), (200, 1))
        for way in (tool, offline):
            code, out, _ = way(t, "doctor", "--sign")
            equal(code, 0, out)
            contains(out, "warn  key        k: extractable: the token lets the private key out (CKA_EXTRACTABLE); make a new key",
                     "warn  key        k: wraps: it may wrap or unwrap other keys")
    with Mock() as t:
        t.start()
        equal(key(t)["health"], [])


@test
def strict_refuses_and_hides_what_is_weak():
    with Mock(objects="private k\nattr CKA_DECRYPT true\npublic k", more="key l p256 $/l.pem\ntoken t2\npin 1234\nprivate l\npublic l",
              tokens="[token t2]\nuri = pkcs11:token=t2\npin-file = $/pin\n", keys="[key l]\nuri = pkcs11:token=t2;object=l\n") as t:
        t.start()
        equal((t.sign(), t.sign("l"), len(published(t))), (200, 200, 2))
        t.configure(daemon="workers = 1\nstrict = yes")
        reload(t)
        shown = key(t)
        equal((shown["state"], shown["health"]), ("weak", ["two-uses"]))
        contains(shown["reason"], 'key "k" on token "t1" is refused as weak: two-uses')
        equal((t.sign(), t.sign("l")), ((403, "KEY_WEAK"), 200))
        equal([k["kid"] for k in published(t)], [key(t, "l")["kid"]])
        for way in (tool, offline):
            code, out, _ = way(t, "doctor", "--sign")
            equal(code, 1, out)
            contains(out, "is refused as weak: two-uses", "k: two-uses: the token lets it sign and also decrypt")
        code, _, err = offline(t, "sign", "k", stdin=b"hello")
        equal(code, 77)
        contains(err, "KEY_WEAK")
        equal([k["kid"] for k in json.loads(offline(t, "jwks")[1])["keys"]], [key(t, "l")["kid"]])


@test
def the_doctor_names_every_key_that_is_left_out():
    objects = ("private k\npublic k\nprivate r\nprivate s\nattr CKA_PUBLIC_EXPONENT hex:01\nprivate u\nattr CKA_PUBLIC_EXPONENT hex:010000\n"
               "private e\nattr CKA_EC_POINT hex:0441\nprivate n\nattr CKA_SIGN false\n")
    with Mock() as t:
        t.write("script", ("counts $/counts\nkey k p256 $/k.pem\nkey r rsa1024 $/r.pem\nkey s rsa2048 $/s.pem\nkey u rsa2048 $/u.pem\nkey e p256 $/e.pem\n"
                           "key n p256 $/n.pem\ntoken t1\npin 1234\n" + objects).replace("$", t.dir))
        direct = ["--module", MODULE, "--token", "pkcs11:token=t1", "--pin-file", os.path.join(t.dir, "pin")]
        code, out, err = offline(t, "doctor", *direct, conf=False)
        equal((code, err), (0, ""))
        contains(out, "ok    key        k: ES256",
                 'left out: key "r": RSA key of 1024 bits; JOSE needs 2048; make a new key of 2048 bits or more',
                 'left out: key "s": public key: RSA exponent is not an odd number above 1; anybody can sign for such a key; make a new one',
                 'left out: key "u": public key: RSA exponent is not an odd number above 1',
                 'left out: key "e": ', 'left out: key "n": the token does not let it sign (CKA_SIGN)', "0 errors, ")
        equal(out.count("left out: "), 5, out)
        equal(len([line for line in offline(t, "list", *direct, conf=False)[2].splitlines() if line.startswith("jwk11: left out: ")]), 5)
        t.configure(keys="[key r]\nuri = pkcs11:token=t1;object=r\n")
        t.start()
        equal(key(t, "r")["state"], "unsupported")
        code, out, _ = tool(t, "doctor")
        equal(code, 1)
        contains(out, 'r: unsupported: key "r": RSA key of 1024 bits; JOSE needs 2048; make a new key')
        code, out, _ = offline(t, "doctor", "--sign")
        equal(code, 1)
        contains(out, 'key "r": RSA key of 1024 bits; JOSE needs 2048; make a new key')


main()
