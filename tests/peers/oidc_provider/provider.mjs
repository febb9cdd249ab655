// A real OpenID provider for `make test-peers`: panva's oidc-provider, certified by the OpenID Foundation.
// Listens on a free port of the loopback interface and prints its issuer, once, when it is ready.
// Usage: node provider.mjs REDIRECT_URI
// PUT /people/NAME/groups with a JSON list changes somebody's groups.

import { createServer } from "node:http";
import { Provider } from "oidc-provider";

const redirectUri = process.argv[2];
const people = {
  alice: { name: "Alice Example", email: "alice@people.example", email_verified: true, groups: ["data-team", "staff"] },
  bob: { name: "Bob Example", email: "bob@people.example", email_verified: false, groups: [] },
};

const server = createServer();
server.listen(0, "127.0.0.1", () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: "gatepost",
        client_secret: "a-secret-of-the-test-client-only",
        redirect_uris: [redirectUri],
        post_logout_redirect_uris: [redirectUri.replace(/callback$/, "signed-out")],
        backchannel_logout_uri: redirectUri.replace(/callback$/, "logout"),
        backchannel_logout_session_required: true,
        response_types: ["code"],
        grant_types: ["authorization_code", "refresh_token"],
      },
    ],
    claims: { openid: ["sub"], profile: ["name", "preferred_username"], email: ["email", "email_verified"], groups: ["groups"] },
    scopes: ["openid", "offline_access", "profile", "email", "groups"],
    conformIdTokenClaims: false,
    cookies: { keys: ["only-for-tests"] },
    pkce: { required: () => true },
    features: { devInteractions: { enabled: true }, backchannelLogout: { enabled: true } },
    // The library's own guard refuses loopback addresses; here everything is on one.
    fetch: (url, { dispatcher, ...options }) => globalThis.fetch(url, options),
    async findAccount(_context, id) {
      return people[id] && { accountId: id, claims: async () => ({ sub: id, preferred_username: id, ...people[id] }) };
    },
  });
  const answer = provider.callback();
  server.on("request", async (request, response) => {
    const [, name] = /^\/people\/(\w+)\/groups$/.exec(request.method === "PUT" ? request.url : "") ?? [];
    if (!name) return answer(request, response);
    const pieces = [];
    for await (const piece of request) pieces.push(piece);
    people[name].groups = JSON.parse(Buffer.concat(pieces));
    response.writeHead(204).end();
  });
  console.log(issuer);
});
