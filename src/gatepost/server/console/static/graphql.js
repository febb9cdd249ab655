// The playground.  A token stays in this page's memory: it is in no storage, no address and no cookie.
"use strict";

const field = document.getElementById("token");
const as = document.getElementById("as");

// What GraphiQL wants to remember it remembers until the page is left: a query may hold a secret.
const kept = new Map();
const storage = {
  get length() { return kept.size; },
  getItem: (name) => kept.get(name) ?? null,
  setItem: (name, value) => { kept.set(name, String(value)); },
  removeItem: (name) => { kept.delete(name); },
  clear: () => kept.clear(),
};

async function ask(request) {
  const headers = { "Content-Type": "application/json", Accept: "application/graphql-response+json, application/json" };
  const token = field.value.trim();
  if (token) headers.Authorization = `Bearer ${token}`;
  const answer = await fetch("/graphql", {
    method: "POST", headers, body: JSON.stringify(request), credentials: "same-origin", cache: "no-store",
  });
  const said = await answer.json();
  return said.code ? { errors: [{ message: said.detail, extensions: { code: said.code, status: said.status } }] } : said;
}

// The one style that a dialog of GraphiQL adds to the page keeps it from scrolling.  Ours does not scroll, and its policy
// takes no style from a script.
const append = document.head.appendChild.bind(document.head);
document.head.appendChild = (node) => (node.nodeName === "STYLE" ? node : append(node));

// The editors' own text areas have no names; the parts of the page around them do.
const LABELS = [[".graphiql-query-editor", "Query"], [".graphiql-editor-tool", "Variables"], [".result-window", "Answer"]];
new MutationObserver(() => {
  for (const [part, label] of LABELS) {
    for (const area of document.querySelectorAll(`${part} textarea:not([aria-label])`)) area.setAttribute("aria-label", label);
  }
}).observe(document.getElementById("playground"), { childList: true, subtree: true });

const EXAMPLE = `# Control and Enter runs a query.
# Control and Space completes what you type.
{
  me { username roles groups }
  resources(first: 10) {
    edges {
      node {
        type
        id
        displayName
        viewerCan { edit delete }
      }
    }
    pageInfo { hasNextPage endCursor }
  }
}
`;

let told = "";

async function tell() {
  const token = field.value.trim();
  if (token === told) return;
  told = token;
  const { data, errors } = await ask({ query: "{ me { kind username } }" }).catch(() => ({}));
  if (field.value.trim() !== token) return;
  if (data?.me) as.textContent = data.me.username ? `You are ${data.me.username}` : "You are anonymous";
  else as.textContent = errors ? `Not signed in: ${errors[0].message}` : "The server cannot be reached";
}

const root = ReactDOM.createRoot(document.getElementById("playground"));

function show(key) {
  root.render(React.createElement(GraphiQL, {
    key, fetcher: ask, storage, defaultQuery: EXAMPLE, shouldPersistHeaders: false, isHeadersEditorEnabled: false,
  }));
}

// With another credential the schema is asked for again: without one it may have been refused.
field.form.addEventListener("submit", (event) => { event.preventDefault(); field.blur(); });
field.addEventListener("change", () => { tell(); show(field.value.trim() ? "token" : "session"); });
told = null;
tell();
show("session");
