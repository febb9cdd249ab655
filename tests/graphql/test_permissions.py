"""Who may do what, as GraphQL answers it: the operations decide, so it is what `/api/v1` decides.

Attacks first: writing without a credential, reading the directory without one, a bad credential that counts as none,
a token that does more here than its scopes say, and a plan of buttons that promises what would be refused.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from graphql import is_non_null_type

from gatepost.gate import Gatepost
from gatepost.server.graphql.schema import schema
from gatepost.store.relations import relate
from tests.conftest import OpenGate, settings_for
from tests.graphql.asking import ask, code_of, nodes, refused, send
from tests.server.calling import (
    Company,
    Headers,
    api_token,
    basic,
    bearer,
    browser_session,
    ok,
    password_of,
    service_token,
    share,
)
from tests.server.conftest import InProcess

CREATE = 'mutation { createResource(resource: {type: "collection", id: "new"}) { id } }'
SALES = 'resource(type: "collection", id: "sales")'
CAN = "viewerCan { view edit delete manageAccess }"

# Something that each mutation could be asked for; whoever is anonymous is asked to sign in before anything is looked at.
MUTATIONS = {
    "createUser": 'createUser(user: {username: "x"}) { id }',
    "changeUser": 'changeUser(username: "ann", changes: {displayName: "x"}) { sessionsEnded }',
    "deleteUser": 'deleteUser(username: "ann") { revision }',
    "setPassword": 'setPassword(username: "ann", password: "a-long-one-for-nobody") { revision }',
    "syncUser": 'syncUser(username: "ann") { provider }',
    "unlinkIdentity": 'unlinkIdentity(id: "x") { revision }',
    "dismissConflict": 'dismissConflict(id: "x") { revision }',
    "logOut": "logOut { revision }",
    "createGroup": 'createGroup(name: "x") { name }',
    "changeGroup": 'changeGroup(name: "data-team", description: "x") { name }',
    "deleteGroup": 'deleteGroup(name: "data-team") { revision }',
    "addMember": 'addMember(group: "data-team", subject: "user:ann") { revision }',
    "removeMember": 'removeMember(group: "data-team", subject: "user:ben") { revision }',
    "createRole": 'createRole(name: "x", permissions: []) { name }',
    "changeRole": 'changeRole(name: "reader", description: "x") { name }',
    "deleteRole": 'deleteRole(name: "reader") { revision }',
    "assignRole": 'assignRole(role: "reader", subject: "user:ann") { revision }',
    "unassignRole": 'unassignRole(role: "user", subject: "user:ann") { revision }',
    "createService": 'createService(name: "x") { name }',
    "changeService": 'changeService(name: "x", description: "x") { name }',
    "deleteService": 'deleteService(name: "x") { revision }',
    "createServiceToken": 'createServiceToken(token: {name: "x", role: "reader"}) { token }',
    "revokeServiceToken": 'revokeServiceToken(id: "x") { revision }',
    "createToken": 'createToken(name: "x") { token }',
    "revokeToken": 'revokeToken(id: "x") { revision }',
    "endSession": 'endSession(id: "x") { revision }',
    "createResource": 'createResource(resource: {type: "collection", id: "new"}) { id }',
    "changeResource": 'changeResource(type: "collection", id: "sales", changes: {displayName: "x"}) { id }',
    "deleteResource": 'deleteResource(type: "collection", id: "sales") { revision }',
    "grantAccess": 'grantAccess(type: "collection", id: "sales", subject: "user:cy", relation: "viewer") { why }',
    "revokeAccess": 'revokeAccess(type: "collection", id: "sales", subject: "user:ann", relation: "owner") { revision }',
    "lookAtProvider": 'lookAtProvider(name: "x") { status }',
    "examine": "examine { status }",
    "rotateKeys": "rotateKeys { kid }",
    "applyPlan": 'applyPlan(desired: {groups: []}, revision: "x.1", digest: "x") { revision }',
}


def test_every_mutation_is_tried() -> None:
    kind = schema._schema.mutation_type
    assert kind is not None
    assert set(MUTATIONS) == set(kind.fields)


@pytest.mark.parametrize("name", MUTATIONS)
def test_nothing_is_changed_without_a_credential(name: str, company: Company) -> None:
    """IF-19, trap 22: reads pass, mutations do not, whatever they would change."""
    share(company.client, company.ann, "anonymous:*")

    error = refused(company.client, f"mutation {{ {MUTATIONS[name]} }}")

    assert code_of(error) == ("unauthenticated", 401)
    assert error["path"] == [name]


def test_what_is_shared_with_everybody_is_read_without_a_credential(company: Company) -> None:
    """IF-19, trap 22: a query that is posted is a read; one that asks for people is refused, and spoils no other."""
    share(company.client, company.ann, "anonymous:*")
    query = f"""{{
        {SALES} {{ displayName {CAN} access {{ edges {{ node {{ subject }} }} }} }}
        resources {{ edges {{ node {{ id }} }} }}
        me {{ kind }}
        users {{ edges {{ node {{ username }} }} }}
        user(username: "ann") {{ id }}
        groups {{ edges {{ node {{ name }} }} }}
        audit {{ edges {{ node {{ event }} }} }}
        subjects(q: "a") {{ name }}
        check(action: "view", resource: "collection:sales") {{ allowed }}
    }}"""
    body = send(company.client, query).json()

    data = body["data"]
    assert data["resource"]["displayName"] == "sales"
    assert data["resource"]["viewerCan"] == {"view": True, "edit": False, "delete": False, "manageAccess": False}
    assert nodes(data["resources"]) == [{"id": "sales"}]
    assert data["me"] == {"kind": "anonymous"}
    assert data["check"] == {"allowed": True}
    refusals = {".".join(map(str, error["path"])): code_of(error) for error in body["errors"]}
    assert refusals == dict.fromkeys(
        ("users", "user", "groups", "audit", "subjects", "resource.access"), ("unauthenticated", 401)
    )
    assert all(data[name] is None for name in ("users", "user", "groups", "audit", "subjects"))


def test_with_anonymous_access_off_nobody_asks_without_a_credential(
    open_gate: OpenGate, sqlite_url: str, in_process: InProcess
) -> None:
    """IF-19: not even for the schema.  The playground itself holds nothing, and opens."""
    settings = settings_for(sqlite_url)
    client = in_process(open_gate(replace(settings, main=replace(settings.main, allow_anonymous_access=False))))

    for query in ("{ me { kind } }", "{ __schema { types { name } } }", CREATE):
        answer = send(client, query)
        assert answer.status_code == 401
        assert answer.json()["code"] == "unauthenticated"
        assert "www-authenticate" in answer.headers
    assert client.get("/graphql", headers={"Accept": "text/html"}).status_code == 200


CREDENTIALS: dict[str, Callable[[Company], Headers]] = {
    "access token": lambda it: it.ann,
    "API token": lambda it: bearer(api_token(it.client, it.ann)),
    "API token as a password": lambda it: basic("ann", api_token(it.client, it.ann)),
    "password": lambda it: basic("ann", password_of("ann")),
    "session": lambda it: {
        "Cookie": f"gp_session={browser_session(it.client, 'ann')}",
        "Origin": str(it.client.base_url).rstrip("/"),
    },
}


@pytest.mark.parametrize("kind", CREDENTIALS)
def test_each_credential_reads_and_writes(kind: str, company: Company) -> None:
    """IF-23, and beyond it: there an access token does not open the playground."""
    headers = CREDENTIALS[kind](company)

    assert ask(company.client, "{ me { username } }", headers) == {"me": {"username": "ann"}}
    assert ask(company.client, CREATE, headers) == {"createResource": {"id": "new"}}


def test_a_bad_credential_is_refused_and_never_anonymous(company: Company) -> None:
    """Trap 22."""
    answer = send(company.client, "{ me { kind } }", bearer("gp_" + "x" * 40))

    assert answer.status_code == 401
    assert answer.json()["code"] == "invalid_token"


def test_a_service_and_a_scope_do_here_what_they_may_elsewhere(company: Company) -> None:
    reader = bearer(service_token(company.client, company.admin))
    narrow = bearer(api_token(company.client, company.ann, scopes=["collection:view"]))

    assert nodes(ask(company.client, "{ resources { edges { node { id } } } }", reader)["resources"]) == [
        {"id": "sales"}
    ]
    assert code_of(refused(company.client, CREATE, reader)) == ("forbidden", 403)
    assert code_of(refused(company.client, CREATE, narrow)) == ("forbidden", 403)
    assert code_of(refused(company.client, '{ user(username: "ben") { id } }', narrow)) == ("not_found", 404)
    found = ask(company.client, f"{{ {SALES} {{ {CAN} }} }}", narrow)["resource"]["viewerCan"]
    assert found == {"view": True, "edit": False, "delete": False, "manageAccess": False}


def test_a_role_can_be_chosen_for_the_call(company: Company) -> None:
    ok(company.client.put("/api/v1/roles/reader/assignees/user:admin", headers=company.admin), 204)
    narrowed = company.admin | {"X-Gatepost-Role": "reader"}

    assert code_of(refused(company.client, 'mutation { createGroup(name: "x") { name } }', narrowed))[1] == 403
    ask(company.client, 'mutation { createGroup(name: "x") { name } }', company.admin)


@pytest.mark.parametrize(
    ("who", "can"),
    [
        ("ann", {"view": True, "edit": True, "delete": True, "manageAccess": True}),
        ("ben", {"view": True, "edit": True, "delete": False, "manageAccess": False}),
        ("admin", {"view": True, "edit": True, "delete": True, "manageAccess": True}),
    ],
)
def test_each_object_says_what_its_viewer_may_do(who: str, can: dict[str, bool], company: Company) -> None:
    """IF-X14: and what it says holds when it is tried."""
    share(company.client, company.ann, "group:data-team#member", "editor")
    headers = getattr(company, who)

    assert ask(company.client, f"{{ {SALES} {{ {CAN} }} }}", headers)["resource"]["viewerCan"] == can
    rename = f'mutation {{ changeResource({SALES[9:-1]}, changes: {{displayName: "x"}}) {{ id }} }}'
    assert ("errors" not in send(company.client, rename, headers).json()) is can["edit"]
    give = f'mutation {{ grantAccess({SALES[9:-1]}, subject: "user:cy", relation: "viewer") {{ why }} }}'
    assert ("errors" not in send(company.client, give, headers).json()) is can["manageAccess"]
    delete = f"mutation {{ deleteResource({SALES[9:-1]}) {{ revision }} }}"
    assert ("errors" not in send(company.client, delete, headers).json()) is can["delete"]


def test_a_tuple_that_gives_strangers_more_promises_them_nothing(company: Company, gate: Gatepost) -> None:
    """Whoever is anonymous writes nothing, whatever a tuple says that came from elsewhere."""
    share(company.client, company.ann, "anonymous:*")
    with gate.change_unasked() as tx:
        relate(tx, "role:admin", "assignee", "anonymous:*", author="user:ann")

    found = ask(company.client, f"{{ {SALES} {{ {CAN} }} kinds {{ may {{ create edit delete }} }} }}")

    assert found["resource"]["viewerCan"] == {"view": True, "edit": False, "delete": False, "manageAccess": False}
    assert not any(allowed for kind in found["kinds"] for allowed in kind["may"].values())
    assert code_of(refused(company.client, CREATE)) == ("unauthenticated", 401)


def test_a_refused_field_is_null_alone() -> None:
    """A field that could not be null would take every other answer of the request with it."""
    kinds = (schema._schema.query_type, schema._schema.mutation_type)
    needed = {name for kind in kinds if kind for name, it in kind.fields.items() if is_non_null_type(it.type)}

    assert needed == {"signInProviders"}  # which refuses nobody


def test_each_type_says_what_its_viewer_may_do(company: Company) -> None:
    """IF-X14: per kind, so that a front end can disable its buttons."""
    query = "{ kinds { name isResource may { view create edit delete } permissions { permission allowed } } }"

    def of(headers: Headers | None) -> dict[str, dict[str, bool]]:
        return {kind["name"]: kind["may"] for kind in ask(company.client, query, headers)["kinds"]}

    everything = {"view": True, "create": True, "edit": True, "delete": True}
    nothing = dict.fromkeys(everything, False)
    assert of(company.admin)["collection"] == everything
    assert of(company.admin)["group"] == everything
    assert of(company.cy)["collection"] == nothing | {"create": True}
    assert of(company.cy)["group"] == nothing
    assert set(map(str, of(None).values())) == {str(nothing)}
    ok(company.client.put("/api/v1/roles/reader/assignees/anonymous:*", headers=company.admin), 204)
    assert of(None)["dataset"] == nothing | {"view": True}
    found = ask(company.client, query, company.admin)["kinds"]
    assert {"permission": "role:assign", "allowed": True} in next(k for k in found if k["name"] == "role")[
        "permissions"
    ]


def test_a_secret_is_shown_once_though_a_later_change_fails(company: Company) -> None:
    """A refused field is null alone: the answer that makes a token is the only one that has its secret."""
    query = 'mutation { createToken(name: "x") { token details { name } } deleteGroup(name: "no") { revision } }'
    body = send(company.client, query, company.ann).json()

    assert body["data"]["createToken"]["token"].startswith("gp_")
    assert body["data"]["deleteGroup"] is None
    secret = body["data"]["createToken"]["token"]
    listed = send(company.client, "{ tokens { edges { node { id name owner issuer } } } }", company.ann)
    assert secret not in listed.text
    assert ask(company.client, "{ me { username } }", bearer(secret)) == {"me": {"username": "ann"}}
