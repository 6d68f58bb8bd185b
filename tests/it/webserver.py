#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The web servers' snippets of data/web, as they are but for their paths: nginx and Caddy in front of the broker, and with its files."""
import json, os, signal, socket, subprocess, sys, time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from trial import JWK11, Trial, equal, main, test

DATA = os.path.join(HERE, "..", "..", "data", "web")
PATHS = ["/.well-known/jwks.json", "/.well-known/openid-configuration", "/.well-known/jwks/web.json", "/.well-known/jwks/web/openid-configuration"]
SETS = "[set default]\nkeys = *\nissuer = https://issuer.example\n[set web]\nkeys = es256\nissuer = https://web.example\n"
NGINX = """daemon off;
worker_processes 1;
pid {d}/nginx.pid;
error_log stderr;
events {{ worker_connections 64; }}
http {{
	access_log off;
	client_body_temp_path {d}/t1; proxy_temp_path {d}/t2; fastcgi_temp_path {d}/t3; uwsgi_temp_path {d}/t4; scgi_temp_path {d}/t5;
	server {{
		listen unix:{d}/www.sock;
		include {d}/snippet;
		location / {{ return 404; }}
	}}
}}
"""
CADDY = """{{
	admin off
	auto_https off
	storage file_system {d}/caddy
}}
http://localhost {{
	bind unix/{d}/www.sock
	import {d}/snippet
	handle {{
		respond 404
	}}
}}
"""


class Site:
    """A web server with one of the snippets, on a socket of its own."""

    def __init__(self, t, server, snippet):
        self.dir, self.sock = t.dir, os.path.join(t.dir, "www.sock")
        with open(os.path.join(DATA, snippet)) as f:
            text = f.read()
        for usual, here in (("/run/jwk11d/public.sock", t.public), ("/var/lib/jwk11/www", os.path.join(t.dir, "www"))):
            text = text.replace(usual, here)
        with open(os.path.join(t.dir, "snippet"), "w") as f:
            f.write(text)
        conf = os.path.join(t.dir, "Caddyfile" if server == "caddy" else "nginx.conf")
        with open(conf, "w") as f:
            f.write((CADDY if server == "caddy" else NGINX).format(d=t.dir))
        args = ["caddy", "run", "--config", conf, "--adapter", "caddyfile"] if server == "caddy" else ["nginx", "-p", t.dir, "-c", conf]
        env = dict(os.environ, HOME=t.dir, PATH=os.environ["PATH"] + ":/usr/sbin")
        self.log = open(os.path.join(t.dir, "www.log"), "w+")
        self.process = subprocess.Popen(args, env=env, stdout=self.log, stderr=self.log, stdin=subprocess.DEVNULL)

    def __enter__(self):
        end = time.monotonic() + 30
        while not self.listens():  # neither says when it is ready
            if self.process.poll() is not None or time.monotonic() > end:
                self.log.seek(0)
                raise AssertionError("the web server did not start: " + self.log.read())
            time.sleep(0.01)
        return self

    def listens(self):
        with socket.socket(socket.AF_UNIX) as s:
            return s.connect_ex(self.sock) == 0

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)
        self.log.close()


def served():
    t = Trial()
    t.change("[set default]\nkeys = *\n", SETS)
    os.chmod(t.dir, 0o755)
    t.start()
    return t


def looks_right(t, site):
    for path in PATHS:
        wanted = t.ask("GET", path, sock=t.public)[2]
        status, headers, body = t.ask("GET", path, sock=site.sock)
        equal((status, body), (200, wanted), path)
        equal((headers["Content-Type"], headers["Cache-Control"]), ("application/json", "public, max-age=300"), path)
        status, _, body = t.ask("GET", path, headers={"If-None-Match": headers["ETag"]}, sock=site.sock)
        equal((status, body), (304, b""), f"{path} with {headers['ETag']}")
    json.loads(t.ask("HEAD", PATHS[0], sock=site.sock)[2] or "{}")
    for path in ("/", "/v1/keys", "/.well-known/", "/.well-known/other", "/livez"):
        equal(t.ask("GET", path, sock=site.sock)[0], 404, path)


def published(t):
    www = os.path.join(t.dir, "www")
    subprocess.run([JWK11, "--socket", t.api, "publish", "--dir", www], check=True, stdout=subprocess.DEVNULL)
    for folder, folders, _ in os.walk(www):
        os.chmod(folder, 0o755)


def in_front(server, snippet):
    with served() as t, Site(t, server, snippet) as site:
        looks_right(t, site)


def with_files(server, snippet):
    """Without a broker too, in the end."""
    with served() as t:
        published(t)
        with Site(t, server, snippet) as site:
            looks_right(t, site)
            wanted = t.ask("GET", PATHS[0], sock=t.public)[2]
            t.stop()
            equal(t.ask("GET", PATHS[0], sock=site.sock)[2], wanted)


@test
def nginx_hands_requests_to_the_broker():
    in_front("nginx", "nginx-proxy.conf")


@test
def nginx_serves_the_files():
    with_files("nginx", "nginx-files.conf")


@test
def caddy_hands_requests_to_the_broker():
    in_front("caddy", "Caddyfile-proxy")


@test
def caddy_serves_the_files():
    with_files("caddy", "Caddyfile-files")


main()
