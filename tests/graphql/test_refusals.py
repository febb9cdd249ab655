"""Who has not the right is told so, with its code: each query and each mutation, once for somebody who is signed in.

Anonymous callers change nothing at all: see `test_permissions`.
"""

from __future__ import annotations

import pytest

from gatepost.server.graphql.schema import schema
from tests.graphql.asking import code_of, refused, send
from tests.graphql.test_permissions import MUTATIONS
from tests.server.calling import Company, api_token, bearer

EVERY = "{ edges { cursor } }"
QUERIES = {
    "user": 'user(username: "ann") { id }',
    "users": f"users {EVERY}",
    "subjects": 'subjects(q: "an") { name }',
    "conflicts": f"conflicts {EVERY}",
    "group": 'group(name: "data-team") { name }',
    "groups": f"groups {EVERY}",
    "role": 'role(name: "admin") { name }',
    "roles": f"roles {EVERY}",
    "service": 'service(name: "x") { name }',
    "services": f"services {EVERY}",
    "serviceTokens": f"serviceTokens {EVERY}",
    "tokens": f'tokens(owner: "ann") {EVERY}',
    "sessions": f'sessions(owner: "ann") {EVERY}',
    "revocations": "revocations { revision }",
    "resource": 'resource(type: "collection", id: "sales") { id }',
    "check": 'check(subject: "user:ann", action: "view", resource: "collection:sales") { allowed }',
    "checkBatch": 'checkBatch(checks: [{subject: "user:ann", action: "view", resource: "collection:sales"}]) { revision }',
    "explain": 'explain(subject: "user:ann", action: "view", resource: "collection:sales") { sentence }',
    "plan": 'plan(desired: {groups: [{name: "x"}]}) { digest }',
    "audit": f"audit {EVERY}",
    "providers": "providers { name }",
    "keys": "keys { kid }",
}
# These answer whoever asks what is theirs: themselves, what they can see, and what they may.
FOR_EVERYBODY = {"me", "resources", "kinds", "signInProviders"}
# Everybody may do these for themselves: what refuses them is a token that was made for something else.
ONES_OWN = {"subjects", "createResource", "createToken", "revokeToken", "endSession", "logOut", "unlinkIdentity"}
# Whoever may not look at them is not told that they are there.
UNSEEN = {
    *("user", "changeUser", "deleteUser", "setPassword", "syncUser", "dismissConflict"),
    *("group", "changeGroup", "deleteGroup", "addMember", "removeMember"),
    *("role", "changeRole", "deleteRole", "assignRole", "unassignRole"),
    *("service", "changeService", "deleteService", "revokeServiceToken"),
    *("resource", "changeResource", "deleteResource", "grantAccess", "revokeAccess"),
}


def code_for(name: str) -> tuple[str, int]:
    if name == "logOut":
        return "conflict", 409  # a token is no session that could be left
    return ("not_found", 404) if name in UNSEEN else ("forbidden", 403)


@pytest.mark.parametrize("name", [*QUERIES, *MUTATIONS])
def test_without_the_right_it_is_refused(name: str, company: Company) -> None:
    """Cy is signed in, and that is all."""
    text = f"mutation {{ {MUTATIONS[name]} }}" if name in MUTATIONS else f"{{ {QUERIES[name]} }}"
    narrow = bearer(api_token(company.client, company.cy, scopes=["dataset:view"])) if name in ONES_OWN else None

    error = refused(company.client, text, narrow or company.cy)

    assert code_of(error) == code_for(name), error["message"]
    assert error["path"] == [name]


def test_every_query_is_refused_to_somebody_or_is_for_everybody() -> None:
    kind = schema._schema.query_type
    assert kind is not None
    assert set(QUERIES) | FOR_EVERYBODY == set(kind.fields)
    assert not set(QUERIES) & FOR_EVERYBODY


def test_a_member_that_takes_a_right_of_its_own_is_refused_alone(company: Company) -> None:
    """A front end that asks for too much still gets what its viewer may have."""
    reads_names = {"name": "names", "permissions": ["role:view"]}
    assert company.client.post("/api/v1/roles", json=reads_names, headers=company.admin).status_code == 201
    company.client.put("/api/v1/roles/names/assignees/user:cy", headers=company.admin).raise_for_status()
    anonymous = "{ me { kind identities { id } } }"
    body = send(company.client, anonymous).json()
    assert body["data"] == {"me": {"kind": "anonymous", "identities": None}}
    assert code_of(body["errors"][0]) == ("unauthenticated", 401)

    query = (
        '{ role(name: "names") { name assignees { edges { node { subject } } } } group(name: "data-team") { name } }'
    )
    found = send(company.client, query, company.cy).json()

    assert found["data"]["role"]["assignees"]["edges"] == [{"node": {"subject": "user:cy"}}]
    assert found["data"]["group"] is None
    assert [(error["path"], code_of(error)) for error in found["errors"]] == [(["group"], ("not_found", 404))]
