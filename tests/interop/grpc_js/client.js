// SPDX-License-Identifier: Apache-2.0
// ExternalJWTSigner by grpc-js: client.js SOCKET WORKERS SIGNATURES. Messages by hand; the checks are kube-apiserver's. "loaded" on standard output says that
// the load has begun; the last line counts.
const crypto = require("crypto");
const grpc = require("@grpc/grpc-js");

const [path, workers, signatures] = [process.argv[2], Number(process.argv[3]), Number(process.argv[4])];
const client = new grpc.Client("unix:" + path, grpc.credentials.createInsecure(), { "grpc.initial_reconnect_backoff_ms": 50, "grpc.max_reconnect_backoff_ms": 1000 });
const same = (octets) => octets;
const call = (method, request) => new Promise((resolve, reject) =>
  client.makeUnaryRequest(method, same, same, request, { deadline: Date.now() + 20000 }, (error, answer) => error ? reject(error) : resolve(answer)));

function varint(n) {
  const octets = [];
  for (; n >= 128; n = Math.floor(n / 128)) octets.push(n % 128 | 128);
  return Buffer.from([...octets, n]);
}
const field = (number, value) => Buffer.concat([varint(number << 3 | 2), varint(value.length), value]);

function fields(data) {
  const found = [];
  let at = 0;
  const take = () => {
    for (let n = 0, unit = 1; ; unit *= 128) {
      const octet = data[at++];
      n += (octet & 127) * unit;
      if (octet < 128) return n;
    }
  };
  while (at < data.length) {
    const tag = take();
    if ((tag & 7) === 0) {
      found.push([tag >> 3, take()]);
    } else {
      const length = take();
      found.push([tag >> 3, data.subarray(at, at += length)]);
    }
  }
  return found;
}

function want(good, what) {
  if (!good) throw new Error(what);
}

async function keysOf(version) {
  const keys = {};
  for (const [number, value] of fields(await call(`/${version}.ExternalJWTSigner/FetchKeys`, Buffer.alloc(0)))) {
    const key = number === 1 ? Object.fromEntries(fields(value)) : null;
    if (key) keys[key[1].toString()] = crypto.createPublicKey({ key: key[2], format: "der", type: "spki" });
  }
  want(Object.keys(keys).length > 0, "no keys");
  return keys;
}

async function sign(version, keys, n) {
  const claims = Buffer.from(JSON.stringify({ iss: "https://issuer.example", sub: "n" + n, exp: Math.floor(Date.now() / 1000) + 600 })).toString("base64url");
  const answer = Object.fromEntries(fields(await call(`/${version}.ExternalJWTSigner/Sign`, field(1, Buffer.from(claims)))));
  const header = answer[1].toString(), signature = Buffer.from(answer[2].toString(), "base64url");
  const head = JSON.parse(Buffer.from(header, "base64url"));
  want(Object.keys(head).sort().join() === "alg,kid,typ" && head.typ === "JWT" && head.alg === "ES256" && signature.length === 64, "header " + JSON.stringify(head));
  want(crypto.verify("sha256", Buffer.from(header + "." + claims), { key: keys[head.kid], dsaEncoding: "ieee-p1363" }, signature), "the signature");
}

async function main() {
  const counts = { signed: 0, retried: 0, failed: 0 };
  for (const version of ["v1", "v1alpha1"]) {
    const keys = await keysOf(version);
    want(fields(await call(`/${version}.ExternalJWTSigner/Metadata`, Buffer.alloc(0)))[0][1] >= 600, "Metadata");
    await sign(version, keys, "first");
    for (const [method, request, code] of [["Sign", field(1, Buffer.from("!")), grpc.status.INVALID_ARGUMENT], ["Nothing", Buffer.alloc(0), grpc.status.UNIMPLEMENTED]]) {
      const refusal = await call(`/${version}.ExternalJWTSigner/${method}`, request).then(() => null, (error) => error);
      want(refusal && refusal.code === code, `${method} gave ${refusal}`);
    }
  }
  const keys = await keysOf("v1");
  const one = async (n) => {
    for (let i = 0; i < signatures; ) {
      try {
        await sign("v1", keys, n + "." + i++);
        if (++counts.signed === workers) console.log("loaded");
      } catch (error) {
        if (error.code !== grpc.status.UNAVAILABLE) {
          counts.failed++;
          console.error(String(error));
        } else {
          counts.retried++;
          i--;
          await new Promise((resolve) => client.waitForReady(Date.now() + 10000, resolve));
        }
      }
    }
  };
  await Promise.all([...Array(workers).keys()].map(one));
  console.log(JSON.stringify(counts));
  client.close();
}

main().catch((error) => { console.error(error); process.exit(1); });
