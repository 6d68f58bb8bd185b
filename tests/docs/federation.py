#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""docs/federation.md: its configuration is taken as it stands there, and every command of jwk11 in it does what it says."""
import base64, json, os, re, shlex, subprocess, sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "it"))
from trial import JWK11, Trial, equal, main, test

with open(os.path.join(HERE, "..", "..", "docs", "federation.md")) as f:
    GUIDE = f.read()


def blocks(kind):
    return re.findall(rf"^```{kind}\n(.*?)^```$", GUIDE, re.M | re.S)


def claims(token):
    part = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


@test
def every_command_of_ours_works_with_the_configuration_that_stands_there():
    with Trial() as t:
        with open(t.conf) as f:
            text = f.read()
        head, client = re.split(r"^\[key ", text, maxsplit=1, flags=re.M)[0], text[text.index("[client"):]
        with open(t.conf, "w") as f:
            f.write(head + "\n".join(blocks("conf")) + "\n" + client)
        t.start()
        commands = [line for block in blocks("sh") for line in block.splitlines()]
        equal(len(commands) > 10 and all(c.startswith("jwk11 ") for c in commands), True, commands)
        for command in commands:
            words = shlex.split(command)[1:]
            p = subprocess.run([os.path.abspath(JWK11), "--socket", t.api, *words], capture_output=True, text=True, cwd=t.dir)
            equal(p.returncode, 0, f"{command}: {p.stdout}{p.stderr}")
            if words[0] == "jwt":
                wanted = dict(w.split("=", 1) for w in words if "=" in w)
                got = claims(p.stdout)
                equal({name: got[name] for name in wanted}, wanted, command)
                for name in re.findall(r"lifetime|(?<=--ttl )\S+", command):
                    seconds = int(name[:-1]) * (60 if name.endswith("m") else 1)
                    equal(got["exp"] - got["iat"], seconds, command)
            if words[0] == "token":
                wanted = {name: words[words.index("--" + name) + 1] for name in ("iss", "sub", "aud")}
                with open(os.path.join(t.dir, words[-1])) as f:
                    got = claims(f.read())
                equal({**{name: got[name] for name in wanted}, "ttl": got["exp"] - got["iat"]}, {**wanted, "ttl": 3600}, command)
        for name in ("www/.well-known/jwks.json", "aws-token", "azure-token", "www/.well-known/openid-configuration", "www/.well-known/jwks/entra/openid-configuration", "google.json", "vault.pem"):
            equal(os.path.getsize(os.path.join(t.dir, name)) > 0, True, name)


@test
def what_is_to_be_replaced_is_the_same_everywhere():
    others = [line for block in re.findall(r"^```\n(.*?)^```$", GUIDE, re.M | re.S) for line in block.splitlines()]
    equal(len(others) > 8, True)
    for issuer in set(re.findall(r"https://[a-z.]*issuer\.example", "\n".join(others))):
        equal(issuer in "\n".join(blocks("sh")), True, f"{issuer}: no token is made for it")


main()
