// SPDX-License-Identifier: Apache-2.0
// An authorization server: oidc-provider with one client that says who it is with a key of ours. Arguments: where its package lies, the client's
// JWK set, and "nonce" if each DPoP proof has to hold one. Prints its address, and ends with its standard input.
import { createServer } from 'node:http';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

const [modules, jwks, nonce] = process.argv.slice(2);
const { default: Provider } = await import(pathToFileURL(`${modules}/oidc-provider/lib/index.js`));
const server = createServer();
server.listen(0, '127.0.0.1', () => {
  const address = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(address, {
    clients: [{
      client_id: 'device-7',
      token_endpoint_auth_method: 'private_key_jwt',
      grant_types: ['client_credentials', 'authorization_code'],
      response_types: ['code'],
      redirect_uris: [`${address}/back`],
      jwks: JSON.parse(readFileSync(jwks, 'utf8')),
    }],
    features: {
      clientCredentials: { enabled: true },
      introspection: { enabled: true, allowedPolicy: () => true },
      dPoP: { enabled: true, nonceSecret: randomBytes(32), requireNonce: () => nonce === 'nonce' },
      devInteractions: { enabled: true },
    },
    pkce: { required: () => true },
    findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
  });
  provider.on('server_error', (ctx, error) => console.error(error));
  server.on('request', provider.callback());
  console.log(address);
});
process.stdin.on('end', () => process.exit(0)).resume();
