#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The command line as a person meets it: what each verb prints, each refusal with its exact words and exit code."""
import json, os, pwd, re, shutil, subprocess, sys, tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from trial import JWK11, Trial, equal, for_others, main, test

OTHER = pwd.getpwnam("www-data")


def run(t, *args, stdin="", user=None, env=None):
    """Exit code, standard output and standard error of jwk11 against this trial's broker."""
    def become():
        if user:
            os.setgroups([])
            os.setgid(user.pw_gid)
            os.setuid(user.pw_uid)

    program = for_others() if user else JWK11
    environment = dict(os.environ, JWK11_SOCKET=t.api, **(env or {}))
    r = subprocess.run([program, *args], input=stdin, capture_output=True, text=True, env=environment, preexec_fn=become)
    return r.returncode, r.stdout, re.sub("request [0-9a-f]{16}", "request ID", r.stderr)


@test
def shows_keys_tokens_and_the_caller():
    with Trial() as t:
        t.start()
        t.wait_count("event=ready", os.cpu_count() + 1)
        code, out, err = run(t, "list")
        equal((code, err), (0, ""))
        equal(re.split("  +", out.splitlines()[0]), ["NAME", "ALG", "STATE", "TOKEN", "KID", "MAY SIGN"])
        equal([re.split("  +", line)[0::5] for line in out.splitlines()[1:]], [["es256", "yes"], ["rs256", "yes"], ["eddsa", "yes"]])
        online = json.loads(run(t, "list", "--json")[1])
        equal(online["schema"], "jwk11/list/1")
        offline = json.loads(run(t, "list", "--json", "--offline", "--config", t.conf)[1])
        equal(offline, online, "--offline says the same")
        code, out, err = run(t, "whoami")
        name = pwd.getpwuid(os.getuid()).pw_name
        equal((code, err), (0, ""))
        equal(re.sub("pid [0-9]+", "pid N", out), f"you are uid {os.getuid()} ({name}), gid {os.getgid()}, pid N\n"
              f"client sections that match, first first: owner\n  [client owner] by uid {os.getuid()}, socket api\nyou may log in and out of token: trial\n\nKEY    YOU MAY\nes256  sign jws jwt verify csr\nrs256  sign jws jwt verify csr\n"
              "eddsa  sign jws jwt verify csr\n")
        code, out, err = run(t, "tokens")
        equal((code, err), (0, ""))
        equal(re.split("  +", out.splitlines()[1])[:4], ["trial", "ready", "ok", "trial"])
        for way in ([], ["--offline", "--sign"]):
            code, out, err = run(t, "doctor", "--config", t.conf, "--json", *way)
            equal((code, err), (0, ""))
            equal([f for f in json.loads(out)["findings"] if f["area"] == "key" and f["level"] != "ok"], [], "the trial's keys are for signatures alone")


@test
def the_trials_keys_pass_the_strictest_rule():
    with Trial() as t:
        t.change("[daemon]\n", "[daemon]\nstrict = yes\n")
        t.start()
        equal([k["state"] for k in json.loads(t.ask("GET", "/v1/keys")[2])["keys"]], ["active"] * 3)
        equal(run(t, "sign", "es256", stdin="x")[0], 0)


@test
def signs_in_every_form():
    with Trial() as t:
        t.start()
        t.wait_count("event=ready", os.cpu_count() + 1)
        code, jwks, _ = run(t, "jwks")
        equal(code, 0)
        equal(jwks.encode(), t.ask("GET", "/.well-known/jwks.json")[2] + b"\n", "the broker's own bytes")
        for verb in (("jwt",), ("sign", "--jwt")):
            for key in ("es256", "rs256", "eddsa"):
                code, token, err = run(t, *verb, "--ttl", "5m", key, stdin='{"sub":"device-7"}')
                equal((code, err), (0, ""))
                code, claims, err = run(t, "verify", stdin=token)
                equal((code, err, json.loads(claims)["sub"]), (0, "", "device-7"))
        code, offline, err = run(t, "jwt", "--ttl", "5m", "es256", "--offline", "--config", t.conf, stdin='{"sub":"x"}')
        equal((code, err), (0, ""))
        equal(run(t, "verify", stdin=offline)[0], 0, "made offline, verified against the broker's set")
        code, _, err = run(t, "verify", stdin=offline[:-10] + "AAAAAAAAA\n")
        equal(code, 1, "damaged")
        code, out, err = run(t, "sign", "es256", "--json", stdin="hello")
        equal((code, json.loads(out)["schema"], len(json.loads(out)["signature"])), (0, "jwk11/sign/1", 86))
        path = os.path.join(t.root, "sig")
        equal(run(t, "sign", "es256", "--raw", "-o", path, stdin="hello"), (0, "", ""))
        equal(os.path.getsize(path), 64)
        code, _, err = run(t, "sign", "es256", "-o", os.path.join(t.root, "none", "sig"), stdin="hello")
        equal(code, 73)


@test
def works_on_a_token_without_any_configuration():
    with Trial() as t:
        with open(t.conf) as f:
            module = re.search("(?m)^modules = (.*)$", f.read())[1]
        env = {"SOFTHSM2_CONF": os.path.join(t.dir, "softhsm2.conf"), "XDG_STATE_HOME": t.root}
        options = ["--offline", "--module", module, "--token", "pkcs11:token=trial", "--pin-file", os.path.join(t.dir, "pin")]
        code, out, err = run(t, "list", *options, env=env)
        equal((code, err), (0, ""))
        equal(sorted(line.split()[0] for line in out.splitlines()[1:]), ["eddsa", "es256", "rs256"])
        code, jwks, err = run(t, "jwks", *options, env=env)
        equal((code, err), (0, ""))
        with open(os.path.join(t.root, "set"), "w") as f:
            f.write(jwks)
        for key in ("es256", "pkcs11:object=rs256", json.loads(jwks)["keys"][0]["kid"]):
            code, token, err = run(t, "jwt", "--ttl", "60", *options, "--", key, stdin="{}", env=env)  # a kid may begin with -
            equal((code, err), (0, ""), key)
            equal(run(t, "verify", "--jwks", os.path.join(t.root, "set"), stdin=token)[0], 0)
        equal(run(t, "jwt", "es25", *options, stdin="{}", env=env), (66, "", 'jwk11: no key "es25". Did you mean es256?\n  [exit 66, KEY_UNKNOWN]\n'))
        equal(run(t, "list", "--module", module)[0], 64, "only with --offline")


@test
def names_the_key_that_was_meant():
    with Trial() as t:
        t.start()
        equal(run(t, "sign", "es25", stdin="x"), (66, "", 'jwk11: no key "es25". Did you mean es256?\n  see: jwk11 list, or GET /v1/keys\n'
                                                 "  [exit 66, KEY_UNKNOWN, request ID]\n"))
        equal(run(t, "jwks", "es25")[2].splitlines()[0], 'jwk11: no key "es25". Did you mean es256?')
        equal(run(t, "sign", "nobody", stdin="x")[2].splitlines()[0], 'jwk11: no key "nobody"')
        for verb in ("sign", "jws", "jwks"):  # longer than any path: never asked for by its beginning
            code, out, err = run(t, verb, "es256" + "x" * 3000, stdin="x")
            equal((code, out, err.splitlines()[0].split(" ")[1:3]), (65, "", ["key", "name"]), err)
        equal(run(t, "sgin", "es256"), (64, "", 'jwk11: no verb "sgin". Did you mean sign?\n  see: jwk11 --help\n'))
        equal(run(t, "sign", "es256", "--alg", "RS256", stdin="x"), (65, "", 'jwk11: key "es256" signs ES256 and nothing else\n'
              "  [exit 65, ALG_MISMATCH, request ID]\n"))


def says(*args):
    p = subprocess.run([JWK11, *args], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    return p.returncode, p.stdout, p.stderr


@test
def options_belong_to_verbs():
    for args, err in (
            (["--ttl", "5", "jwt", "x"], "jwk11: --ttl belongs to a verb, and stands behind it\n  see: jwk11 --help\n"),
            (["jwt", "--tll=5", "x"], "jwk11 jwt: takes no --tll. Did you mean --ttl?\n  see: jwk11 jwt --help\n"),
            (["list", "--digest", "x"], "jwk11 list: takes no --digest\n  see: jwk11 list --help\n"),
            (["-q"], 'jwk11: no option "-q"\n  see: jwk11 --help\n'),
            (["jwt", "x", "--ttl"], "jwk11: --ttl takes TIME\n  see: jwk11 --help\n"),
            (["jwt", "x", "--ttl", "soon"], "jwk11: --ttl takes seconds, or a number with s, m, h or d\n  see: jwk11 --help\n"),
            (["keygen", "x", "--bits", "many"], "jwk11: --bits takes a number\n  see: jwk11 --help\n"),
            (["jws", "x", *["--also", "y"] * 16], "jwk11: --also stands at most 15 times\n  see: jwk11 --help\n"),
            (["jwt", "x", *["--claim", "a=b"] * 33], "jwk11: --claim stands at most 32 times\n  see: jwk11 --help\n")):
        equal(says(*args), (64, "", err), str(args))
    code, out, err = says()
    equal((code, out, err.splitlines()[0]), (64, "", "usage: jwk11 VERB [OPTION ...] [ARGUMENT ...]"))
    equal(says("--help"), (0, err, ""))
    code, out, err = says("jwt", "x", "-h")
    equal((code, err, "usage: jwk11 jwt [OPTION ...] KEY [FILE|-]\n" in out, "--ttl TIME" in out), (0, "", True, True))
    equal(says("help", "jwt"), (0, out, ""))
    equal("*--ttl* _TIME_\n\tadds iat" in says("help", "jwt", "--scdoc")[1], True)


@test
def a_trial_may_lie_in_any_folder():
    with tempfile.TemporaryDirectory() as place:
        where = os.path.join(place, 'a"b\\c')
        code, out, err = says("setup", "--softhsm", where, "--json")
        equal((code, err, json.loads(out)), (0, "", {"schema": "jwk11/setup/1", "config": where + "/jwk11.conf", "keys": ["es256", "rs256", "eddsa"]}))


@test
def a_claim_has_a_name_and_a_value():
    with Trial() as t:
        equal(run(t, "--offline", "--config", t.conf, "jwt", "es256", "--claim", "sub"), (64, "",
              'jwk11: --claim takes name=value, not "sub"\n  [exit 64, CLAIM_INVALID]\n'))


@test
def says_whom_the_socket_refuses():
    with Trial() as t:
        t.start()
        os.chmod(os.path.join(t.dir, "run"), 0o755)
        code, out, err = run(t, "sign", "es256", stdin="x", user=OTHER)
        equal((code, out, err), (77, "", f"jwk11: uid {OTHER.pw_uid} (www-data) may not open {t.api} (group root, mode 0660)\n"
              "  see: an administrator can add you to its group. Public keys stay readable: jwk11 jwks\n  [exit 77, SOCKET_DENIED]\n"))
        code, out, err = run(t, "jwks", user=OTHER)
        equal((code, out.encode(), err), (0, t.ask("GET", "/.well-known/jwks.json")[2] + b"\n", ""), "through public.sock")


@test
def says_whom_policy_refuses():
    with Trial() as t:
        t.change("[daemon]\n", "[daemon]\napi-mode = 0666\n")
        t.start()
        os.chmod(os.path.join(t.dir, "run"), 0o755)
        equal(run(t, "sign", "es256", stdin="x", user=OTHER),
              (77, "", f"jwk11: the broker denies uid {OTHER.pw_uid} (www-data): no [client] section matches uid {OTHER.pw_uid}\n"
               "  see: jwk11 whoami; an administrator can add user = www-data to a [client] section\n  [exit 77, PEER_DENIED, request ID]\n"))
        code, out, err = run(t, "whoami", user=OTHER)
        equal((code, err), (0, ""))
        equal(out.splitlines()[1], f"no [client] section matches uid {OTHER.pw_uid}: you may do nothing here; an administrator can add "
              "user = www-data to a [client] section")


@test
def says_that_the_token_is_away():
    with Trial() as t:
        t.start()
        t.stop()
        shutil.move(os.path.join(t.dir, "tokens"), os.path.join(t.dir, "away"))
        os.mkdir(os.path.join(t.dir, "tokens"), 0o700)
        t.log = ""
        t.start()
        equal(run(t, "sign", "es256", stdin="x"),
              (69, "", "jwk11: no token that is present matches pkcs11:token=trial\n"
               "  see: jwk11 tokens; waiting is safe: the broker picks it up when it is there\n"
               "  [exit 69, TOKEN_ABSENT, request ID, retry after 5 s]\n"))
        code, out, err = run(t, "tokens")
        equal((code, re.split("  +", out.splitlines()[1])[:2]), (0, ["trial", "absent"]))


@test
def says_that_the_pin_was_refused():
    with Trial() as t:
        pin = os.path.join(t.dir, "pin")
        os.chmod(pin, 0o600)
        with open(pin, "w") as f:
            f.write("0000000000")
        os.chmod(pin, 0o400)
        t.start()
        code, out, err = run(t, "sign", "es256", stdin="x")
        equal((code, out), (77, ""))
        if not re.match('jwk11: token "trial" refused (its PIN; it is not sent again: CKR_PIN_INCORRECT|this PIN before; it is not sent again)\n'
                        "  see: put the right PIN into the PIN file or credential, then reload\n"
                        r"  \[exit 77, PIN_REJECTED, request ID, retry after 30 s\]\n$", err):
            raise AssertionError(err)


@test
def says_that_nobody_answers():
    with Trial() as t:
        equal(run(t, "list"), (69, "", f"jwk11: no broker answers on {t.api}: No such file or directory\n"
                               "  see: is jwk11d running? --socket names another socket, --offline does without\n  [exit 69, BROKER_ABSENT]\n"))
        equal(run(t, "list", "--offline", "--config", t.root + "/none")[0], 78)


main()
