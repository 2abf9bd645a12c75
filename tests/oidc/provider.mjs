// An OpenID provider for the tests: `node provider.mjs <settings.json>`. It signs clients in by their credentials
// (RFC 6749 4.4) and gives them JWT access tokens for Guanxi's audience, with the roles that the settings name.
import { readFileSync } from "node:fs";
import { createServer } from "node:https";
import Provider from "oidc-provider";

const settings = JSON.parse(readFileSync(process.argv[2], "utf8"));
const provider = new Provider(settings.issuer, {
  jwks: settings.jwks,
  clients: settings.clients.map(({ name, secret }) => ({
    client_id: name,
    client_secret: secret,
    grant_types: ["client_credentials"],
    redirect_uris: [],
    response_types: [],
  })),
  extraTokenClaims: (_context, token) => ({
    roles: settings.clients.find(({ name }) => name === token.clientId).roles,
  }),
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: false },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => "urn:guanxi",
      getResourceServerInfo: () => ({
        scope: "",
        audience: settings.audience,
        accessTokenFormat: "jwt",
        accessTokenTTL: 300,
        jwt: { sign: { alg: settings.algorithm } },
      }),
    },
  },
});
const files = { cert: readFileSync(settings.certificate), key: readFileSync(settings.key) };
createServer(files, provider.callback()).listen(settings.port, "127.0.0.1", () => console.log("listening"));
