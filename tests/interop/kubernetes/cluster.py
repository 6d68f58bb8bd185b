# SPDX-License-Identifier: Apache-2.0
"""etcd and Kubernetes' own API server, as small as they get: no kubelet, no controllers, an administrator by a static token."""
import http.client, json, os, select, signal, socket, ssl, subprocess, tempfile, time

ADMIN = "administrator-of-this-trial-only"


class Process:
    """A program whose log is the event that others wait for."""

    def __init__(self, arguments):
        self.arguments = arguments
        self.log = ""
        self.process = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        os.set_blocking(self.process.stderr.fileno(), False)

    def listen(self, seconds):
        """Until it says something more, or its time is over."""
        ready, _, _ = select.select([self.process.stderr], [], [], max(0, seconds))
        chunk = self.process.stderr.read() if ready else None
        self.log += (chunk or b"").decode(errors="replace")
        return chunk != b""  # or is it gone?

    def until(self, enough, what, seconds=60):
        """Asks again whenever it has said something, and ten times a second."""
        end = time.monotonic() + seconds
        while True:
            found = enough()
            if found:
                return found
            if not self.listen(min(0.1, end - time.monotonic())) or time.monotonic() > end:
                raise AssertionError(f"waited in vain for {what}; {self.arguments[0]} says:\n{self.log[-6000:]}")

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        os.set_blocking(self.process.stderr.fileno(), True)
        self.log += self.process.stderr.read().decode(errors="replace")
        self.process.stderr.close()
        return self.process.wait(60)


def free_ports(count):
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [s.getsockname()[1] for s in held]
    for s in held:
        s.close()
    return ports


class Cluster:
    def __init__(self, apiserver, port, signer):
        self.apiserver, self.port, self.signer = apiserver, port, signer
        self.root = tempfile.TemporaryDirectory(prefix="jwk11-kubernetes-")
        self.dir = self.root.name
        client, peer = free_ports(2)
        self.store = f"http://127.0.0.1:{client}"
        self.issuer = f"https://127.0.0.1:{self.port}"
        peer = f"http://127.0.0.1:{peer}"
        self.etcd = Process(["etcd", "--data-dir", self.dir + "/etcd", "--listen-client-urls", self.store, "--advertise-client-urls", self.store,
                             "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", "default=" + peer,
                             "--unsafe-no-fsync", "--log-outputs", "stderr"])
        with open(self.dir + "/tokens", "w") as f:
            f.write(f"{ADMIN},administrator,1,system:masters\n")
        self.server = None

    def command(self, *more):
        return [self.apiserver, "--etcd-servers", self.store, "--bind-address", "127.0.0.1", "--secure-port", str(self.port), "--cert-dir", self.dir + "/tls",
                "--token-auth-file", self.dir + "/tokens", "--authorization-mode", "RBAC", "--service-cluster-ip-range", "10.0.0.0/24",
                "--service-account-issuer", self.issuer, "--api-audiences", self.issuer, "--service-account-signing-endpoint", self.signer, *more]

    def start(self):
        self.server = Process(self.command())

    def is_ready(self):
        try:
            return self.ask("GET", "/readyz")[0] == 200
        except (OSError, http.client.HTTPException):
            return False

    def stop(self):
        for process in (self.server, self.etcd):
            if process is not None:
                process.stop()
        self.root.cleanup()

    def ask(self, method, path, body=None, bearer=ADMIN, timeout=60):
        """Status and body; who does not say who they are: bearer=None."""
        trusted = ssl.create_default_context(cafile=self.dir + "/tls/apiserver.crt")
        c = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=timeout, context=trusted)
        headers = {"Content-Type": "application/json"}
        if bearer is not None:
            headers["Authorization"] = "Bearer " + bearer
        try:
            c.request(method, path, None if body is None else json.dumps(body), headers)
            r = c.getresponse()
            data = r.read()
            return r.status, json.loads(data) if r.headers.get_content_type().endswith("json") else data.decode()
        finally:
            c.close()

    def make(self, path, body):
        status, answer = self.ask("POST", path, body)
        if status != 201:
            raise AssertionError(f"POST {path}: {status} {answer}")
        return answer

    def token_request(self, account="/api/v1/namespaces/trial/serviceaccounts/robot", **spec):
        """Status and answer."""
        return self.ask("POST", account + "/token", {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec})

    def token(self, **spec):
        status, answer = self.token_request(**spec)
        if status != 201:
            raise AssertionError(f"TokenRequest: {status} {answer}")
        return answer["status"]["token"]

    def number(self, metric, *labels):
        """The sum of a metric over all that has these labels."""
        lines = [line.rsplit(" ", 1) for line in self.ask("GET", "/metrics")[1].splitlines()]
        return sum(float(value) for name, value in lines if name.split("{")[0] == metric and all(label in name for label in labels))

    def review(self, token, **spec):
        """The status of a TokenReview."""
        return self.make("/apis/authentication.k8s.io/v1/tokenreviews",
                         {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": token, **spec}})["status"]
