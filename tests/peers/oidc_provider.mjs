// An OpenID provider that nobody here wrote (npm oidc-provider), over TLS.
//
// node oidc_provider.mjs CERTIFICATE KEY
//
// It prints its port. Its client is `app` with the secret `app-secret`; a token is asked for with the resource that says how
// it is signed: `urn:api:RS256`, `urn:api:PS256`, `urn:api:ES256`, `urn:api:EdDSA`, `urn:api:Ed25519`, or `urn:api:opaque`.
// The client `portal` with the secret `portal-secret` is for people, whose access tokens last five seconds.
// GET /count tells how often metadata, keys and tokens were fetched, POST /rotate takes a new key into use.
import { createRequire } from 'node:module';
import { createServer } from 'node:https';
import { readFileSync } from 'node:fs';

const require = createRequire(`${process.env.GATEHOUSE_TEST_NODE}/`);
const { Provider } = await import(require.resolve('oidc-provider'));
const jose = await import(require.resolve('jose'));

const [certificate, key] = process.argv.slice(2).map((path) => readFileSync(path));
const counts = { metadata: 0, keys: 0, tokens: 0 };
let generation = 0;
let provider;
let handler;

async function pair(alg, kid) {
  const { privateKey } = await jose.generateKeyPair(alg, { extractable: true });
  return { ...(await jose.exportJWK(privateKey)), kid, alg, use: 'sig' };
}

async function build(issuer) {
  generation += 1;
  const kinds = ['RS256', 'PS256', 'ES256', 'EdDSA', 'Ed25519'];
  const keys = await Promise.all(kinds.map((alg) => pair(alg, `${alg}-${generation}`)));
  provider = new Provider(issuer, {
    jwks: { keys },
    clients: [
      {
        client_id: 'app',
        client_secret: 'app-secret',
        grant_types: ['client_credentials'],
        redirect_uris: [],
        response_types: [],
      },
      {
        client_id: 'portal',
        client_secret: 'portal-secret',
        grant_types: ['authorization_code', 'refresh_token'],
        redirect_uris: ['https://gw.contoso.example/authorizations/back'],
        response_types: ['code'],
      },
    ],
    scopes: ['orders.read'],
    ttl: { ClientCredentials: 600, AccessToken: 5 },
    issueRefreshToken: (context, client) => client.grantTypeAllowed('refresh_token'),
    features: {
      clientCredentials: { enabled: true },
      introspection: { enabled: true },
      dPoP: { enabled: true },
      devInteractions: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (context, indicator) => {
          const kind = indicator.split(':').pop();
          return {
            scope: 'orders.read',
            audience: 'https://api.contoso.example',
            accessTokenTTL: 600,
            accessTokenFormat: kind === 'opaque' ? 'opaque' : 'jwt',
            ...(kind === 'opaque' ? {} : { jwt: { sign: { alg: kind } } }),
          };
        },
      },
    },
  });
  handler = provider.callback();
}

const server = createServer({ cert: certificate, key }, async (request, response) => {
  if (request.url === '/count') {
    response.setHeader('content-type', 'application/json');
    return response.end(JSON.stringify(counts));
  }
  if (request.url === '/rotate') {
    await build(provider.issuer);
    return response.end();
  }
  if (request.url.startsWith('/.well-known/openid-configuration')) counts.metadata += 1;
  if (request.url.startsWith('/jwks')) counts.keys += 1;
  if (request.url.startsWith('/token')) counts.tokens += 1;
  return handler(request, response);
});
server.listen(0, '127.0.0.1', async () => {
  const { port } = server.address();
  await build(`https://localhost:${port}`);
  console.log(port);
  // Nobody reads on, and the provider's own remarks would end it.
  console.log = console.info = console.warn = () => {};
});
