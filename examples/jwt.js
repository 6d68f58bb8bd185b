// SPDX-License-Identifier: Apache-2.0
// With the broker, by node alone: lists keys, has a JWT signed, fetches the JWKS, verifies with it, and shows a refusal.
//     node jwt.js /run/jwk11d/api.sock KEY
"use strict";
const crypto = require("node:crypto");
const http = require("node:http");
const [socketPath, key] = process.argv.slice(2);

class Problem extends Error { // application/problem+json, RFC 9457: `code` is for programs, the rest for people
	constructor(said) {
		super(`${said.code}: ${said.detail ?? said.title}${said.hint ? ` (${said.hint})` : ""}`);
		this.code = said.code;
	}
}

function once(method, path, body) {
	return new Promise((resolve, reject) => {
		const text = body === undefined ? "" : JSON.stringify(body);
		const headers = body === undefined ? {} : { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(text) };
		const request = http.request({ socketPath, method, path, headers }, (reply) => {
			let said = "";
			reply.setEncoding("utf8").on("data", (more) => { said += more; }).on("end", () => resolve({ reply, said })).on("error", reject);
		});
		request.on("error", reject).end(text);
	});
}

// A request that may work soon is sent once more.
async function ask(method, path, body) {
	for (let last = false; ; last = true) {
		const { reply, said } = await once(method, path, body);
		if (reply.statusCode === 200)
			return said;
		const wait = Number(reply.headers["retry-after"] ?? Infinity);
		if (last || wait > 5)
			throw new Problem(JSON.parse(said));
		await new Promise((resolve) => setTimeout(resolve, 1000 * wait));
	}
}

const ways = { // what node calls them
	ES256: { hash: "sha256", dsaEncoding: "ieee-p1363" }, RS256: { hash: "sha256" }, EdDSA: { hash: null },
};

async function main() {
	for (const k of JSON.parse(await ask("GET", "/v1/keys")).keys)
		console.error("key", k.name, k.alg ?? "-", k.state);
	const jwt = await ask("POST", `/v1/keys/${key}/jwt`, { claims: { iss: "https://issuer.example", sub: "alice" }, ttl: 300 });
	const [head, payload, signature] = jwt.split(".");
	const { alg, kid } = JSON.parse(Buffer.from(head, "base64url"));
	const jwk = JSON.parse(await ask("GET", "/.well-known/jwks.json")).keys.find((k) => k.kid === kid && k.alg === alg);
	const { hash, dsaEncoding } = ways[alg];
	const good = crypto.verify(hash, Buffer.from(`${head}.${payload}`), { key: crypto.createPublicKey({ key: jwk, format: "jwk" }), dsaEncoding },
		Buffer.from(signature, "base64url"));
	if (!good)
		throw new Error("the signature does not verify");
	console.error("verified", alg, kid);
	await ask("POST", "/v1/keys/no-such-key/jwt", { claims: {} }).catch((why) => console.error("refused", why.message));
	console.log(jwt);
}

main().catch((why) => {
	console.error(`jwt.js: ${why.message}`);
	process.exitCode = 1;
});
