// A SAML 2.0 identity provider for `make test-peers`: auth0's samlp behind a form that asks for a name and a password.
// Listens on a free port of the loopback interface and prints its address, once, when it is ready.
// Usage: node idp.mjs KEY_FILE CERTIFICATE_FILE ASSERTION_CONSUMER_URL
// PUT /people/NAME/groups with a JSON list changes somebody's groups.

import { readFileSync } from "node:fs";
import express from "express";
import samlp from "samlp";

const [key, cert] = process.argv.slice(2, 4).map((file) => readFileSync(file));
const consumer = process.argv[4];
const ENTITY = "https://dex.example/saml";
const people = {
  alice: { email: "alice@people.example", groups: ["data-team", "staff"] },
  bob: { email: "bob@people.example", groups: [] },
};

const escape = (text) => String(text ?? "").replace(/[&<>"]/g, (each) => `&#${each.charCodeAt(0)};`);
const page = (body) => `<!doctype html><title>Company sign-in</title><form method="post" action="/sso">
<input type="hidden" name="SAMLRequest" value="${escape(body.SAMLRequest)}">
<input type="hidden" name="RelayState" value="${escape(body.RelayState)}">
<input id="username" name="username"><input id="password" name="password" type="password"><button>Go on</button></form>`;

function profile(person) {
  return {
    getClaims: () => ({ name: person.name, email: person.email, groups: person.groups }),
    getNameIdentifier: () => ({
      nameIdentifier: `id-of-${person.name}`,
      nameIdentifierFormat: "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent",
    }),
  };
}

const answer = samlp.auth({
  issuer: "https://saml.example/idp",
  key,
  cert,
  audience: ENTITY,
  destination: consumer,
  recipient: consumer,
  signResponse: true,
  profileMapper: profile,
  getUserFromRequest: (request) => request.person,
  getPostURL: (_audience, _document, _request, done) => done(null, consumer),
});

const app = express();
app.use(express.urlencoded({ extended: false }), express.json());
app.post("/sso", (request, response, next) => {
  const { username, password } = request.body;
  const asked = Buffer.from(request.body.SAMLRequest, "base64").toString();
  if (!asked.includes(ENTITY)) return response.status(403).type("text").send("Nobody known here asks so.");
  if (!people[username] || password !== `${username}-at-saml`) return response.type("html").send(page(request.body));
  request.person = { name: username, ...people[username] };
  return answer(request, response, next);
});
app.put("/people/:name/groups", (request, response) => {
  people[request.params.name].groups = request.body;
  response.status(204).end();
});
const server = app.listen(0, "127.0.0.1", () => console.log(`http://127.0.0.1:${server.address().port}`));
