// A client with proofs of possession (RFC 9449) that nobody here wrote: npm jose.
//
// node oidc_client.mjs PROVIDER_PORT METHOD URL…
//
// It gets a token that is bound to a key of its own, and prints a line of JSON for each URL: the fields of a request.
// With NONCE in the environment the proofs hold that nonce.
import { createRequire } from 'node:module';
import { createHash, randomUUID } from 'node:crypto';

const require = createRequire(`${process.env.GATEHOUSE_TEST_NODE}/`);
const jose = await import(require.resolve('jose'));

process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
process.removeAllListeners('warning');
const [port, method, ...urls] = process.argv.slice(2);
const { publicKey, privateKey } = await jose.generateKeyPair('ES256');
const jwk = await jose.exportJWK(publicKey);

function proof(claims) {
  return new jose.SignJWT({ jti: randomUUID(), ...claims })
    .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk })
    .setIssuedAt()
    .sign(privateKey);
}

const endpoint = `https://localhost:${port}/token`;
const answer = await fetch(endpoint, {
  method: 'POST',
  headers: {
    authorization: `Basic ${Buffer.from('app:app-secret').toString('base64')}`,
    'content-type': 'application/x-www-form-urlencoded',
    dpop: await proof({ htm: 'POST', htu: endpoint }),
  },
  body: 'grant_type=client_credentials&scope=orders.read&resource=urn:api:ES256',
});
const { access_token: token, token_type: type } = await answer.json();
if (type !== 'DPoP') throw new Error(`the provider gave a token of the type ${type}`);
const ath = createHash('sha256').update(token).digest('base64url');
const nonce = process.env.NONCE ? { nonce: process.env.NONCE } : {};
for (const htu of urls) {
  console.log(JSON.stringify({ authorization: `DPoP ${token}`, dpop: await proof({ htm: method, htu, ath, ...nonce }) }));
}
