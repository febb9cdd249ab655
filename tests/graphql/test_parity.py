"""One operation, two translations: whatever `/api/v1` does GraphQL does as well, and answers the same."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest
from graphql import GraphQLInputObjectType, get_named_type

from gatepost.access import builtin_model, format_model
from gatepost.server.graphql.schema import schema
from gatepost.server.rest import plan_shapes
from tests.graphql.asking import as_graphql, as_rest, ask, everything_of, nodes
from tests.server.calling import Company, api_token, bearer, ok, password_of, service_token

# What REST has, and its twin.  An answer of pages is a connection.
TWINS = {
    "GET /me": "me",
    "POST /auth/logout": "logOut",
    "GET /auth/providers": "signInProviders",
    "GET /me/identities": "me",
    "DELETE /me/identities/{identity_id}": "unlinkIdentity",
    "GET /conflicts": "conflicts",
    "DELETE /conflicts/{conflict_id}": "dismissConflict",
    "POST /users": "createUser",
    "GET /users": "users",
    "GET /users/{username}": "user",
    "PATCH /users/{username}": "changeUser",
    "DELETE /users/{username}": "deleteUser",
    "PUT /users/{username}/password": "setPassword",
    "GET /users/{username}/rights": "user",
    "POST /users/{username}/sync": "syncUser",
    "GET /subjects": "subjects",
    "POST /groups": "createGroup",
    "GET /groups": "groups",
    "GET /groups/{name}": "group",
    "PATCH /groups/{name}": "changeGroup",
    "DELETE /groups/{name}": "deleteGroup",
    "GET /groups/{name}/members": "group",
    "PUT /groups/{name}/members/{subject}": "addMember",
    "DELETE /groups/{name}/members/{subject}": "removeMember",
    "POST /roles": "createRole",
    "GET /roles": "roles",
    "GET /roles/{name}": "role",
    "PATCH /roles/{name}": "changeRole",
    "DELETE /roles/{name}": "deleteRole",
    "GET /roles/{name}/assignees": "role",
    "PUT /roles/{name}/assignees/{subject}": "assignRole",
    "DELETE /roles/{name}/assignees/{subject}": "unassignRole",
    "POST /services": "createService",
    "GET /services": "services",
    "GET /services/{name}": "service",
    "PATCH /services/{name}": "changeService",
    "DELETE /services/{name}": "deleteService",
    "POST /service-tokens": "createServiceToken",
    "GET /service-tokens": "serviceTokens",
    "DELETE /service-tokens/{token_id}": "revokeServiceToken",
    "POST /tokens": "createToken",
    "GET /tokens": "tokens",
    "DELETE /tokens/{token_id}": "revokeToken",
    "GET /sessions": "sessions",
    "DELETE /sessions/{session_id}": "endSession",
    "POST /resources": "createResource",
    "GET /resources": "resources",
    "GET /resources/{type}/{id}": "resource",
    "PATCH /resources/{type}/{id}": "changeResource",
    "DELETE /resources/{type}/{id}": "deleteResource",
    "GET /resources/{type}/{id}/access": "resource",
    "POST /resources/{type}/{id}/access": "grantAccess",
    "DELETE /resources/{type}/{id}/access/{relation}/{subject}": "revokeAccess",
    "POST /check": "check",
    "POST /check/batch": "checkBatch",
    "POST /explain": "explain",
    "GET /audit": "audit",
    "GET /providers": "providers",
    "POST /providers/{name}/look": "lookAtProvider",
    "POST /doctor": "examine",
    "GET /keys": "keys",
    "POST /keys/rotate": "rotateKeys",
    "POST /plans": "plan",
    "POST /plans/apply": "applyPlan",
    "GET /revocations": "revocations",
}
# Signing in happens before there is a caller: where no credential is read.  And a password that could be sent here could
# be tried thirty times in one request.
BEFORE_A_CALLER = {"POST /auth/login", "POST /auth/refresh"}
GRAPHQL_ALONE = {"kinds"}


def test_every_operation_of_rest_has_its_twin_and_nothing_more_is_there(client: httpx2.Client) -> None:
    document = ok(client.get("/openapi.json"))
    rest = {
        f"{method.upper()} {path.removeprefix('/api/v1')}"
        for path, methods in document["paths"].items()
        for method in methods
    }
    kinds = [schema._schema.query_type, schema._schema.mutation_type]
    fields = {name for kind in kinds if kind is not None for name in kind.fields}

    assert rest - BEFORE_A_CALLER == set(TWINS)
    assert fields == set(TWINS.values()) | GRAPHQL_ALONE
    assert schema._schema.subscription_type is None


@pytest.fixture
def filled(company: Company) -> Company:
    """Something of everything that can be listed."""
    client, admin = company.client, company.admin
    for name in ("a", "b", "c"):
        ok(client.post("/api/v1/groups", json={"name": f"group-{name}"}, headers=admin), 201)
        body = {"name": f"role-{name}", "permissions": ["dataset:view", "user:view"], "description": "two"}
        ok(client.post("/api/v1/roles", json=body, headers=admin), 201)
        service_token(client, admin, f"service-{name}")
        api_token(client, company.ann, scopes=["dataset:view"])
        body = {"type": "dataset", "id": f"data-{name}", "parent": "collection:sales"}
        ok(client.post("/api/v1/resources", json=body, headers=company.ann), 201)
        share = {"subject": f"group:group-{name}", "relation": "viewer"}
        ok(client.post("/api/v1/resources/collection/sales/access", json=share, headers=company.ann), 201)
        for subject in ("user:ann", "user:ben", "user:cy"):
            ok(client.put(f"/api/v1/groups/group-{name}/members/{subject}", headers=admin), 204)
            ok(client.put(f"/api/v1/roles/role-{name}/assignees/{subject}", headers=admin), 204)
    return company


LISTS = {
    "users": ("/users", "User", ("rights",)),
    "groups": ("/groups", "Group", ()),
    "roles": ("/roles", "Role", ()),
    "services": ("/services", "Service", ()),
    "serviceTokens": ("/service-tokens", "ServiceToken", ()),
    'sessions(owner: "*")': ("/sessions?owner=*", "Session", ()),
    'tokens(owner: "ann")': ("/tokens?owner=ann", "Token", ()),
    "resources": ("/resources", "Resource", ()),
    'audit(filter: {event: "user.*"})': ("/audit?event=user.*", "AuditEntry", ()),
    "conflicts": ("/conflicts", "SignInConflict", ()),
}


@pytest.mark.parametrize("field", LISTS)
def test_a_list_answers_what_rest_lists(field: str, filled: Company) -> None:
    path, kind, leave_out = LISTS[field]
    listed = ok(filled.client.get(f"/api/v1{path}", headers=filled.admin))["items"]

    name = field.partition("(")[0]
    query = f"{{ {field} {{ edges {{ node {everything_of(kind, leave_out=leave_out)} }} }} }}"
    found = nodes(ask(filled.client, query, filled.admin)[name])

    assert as_rest(found) == listed
    assert listed or name == "conflicts"


@pytest.mark.parametrize("field", [name for name in LISTS if name != "conflicts"])
def test_a_list_goes_on_after_any_of_its_cursors(field: str, filled: Company) -> None:
    """Each item's cursor is one that the operation itself takes, and gives out at the end of a page."""
    path, kind, _ = LISTS[field]
    name, _, given = field.partition("(")
    given = given.removesuffix(")")
    key = {"User": "username", "Group": "name", "Role": "name", "Service": "name"}.get(kind, "id")
    part = f"{{ edges {{ cursor node {{ {key} }} }} pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }} }}"

    def page(first: int, after: str | None) -> dict[str, Any]:
        query = f"query($first: Int!, $after: String) {{ {name}({given} first: $first, after: $after) {part} }}"
        found: dict[str, Any] = ask(filled.client, query, filled.admin, first=first, after=after)[name]
        return found

    whole = page(100, None)
    assert not whole["pageInfo"]["hasNextPage"]
    assert not whole["pageInfo"]["hasPreviousPage"]
    assert len(whole["edges"]) >= 3
    for index in (0, 1, len(whole["edges"]) - 1):
        rest = page(100, whole["edges"][index]["cursor"])
        assert rest["edges"] == whole["edges"][index + 1 :]
        assert rest["pageInfo"]["hasPreviousPage"]
    two = page(2, None)
    assert two["edges"] == whole["edges"][:2]
    assert two["pageInfo"]["hasNextPage"]
    assert two["pageInfo"]["startCursor"] == whole["edges"][0]["cursor"]
    sep = "&" if "?" in path else "?"
    listed = ok(filled.client.get(f"/api/v1{path}{sep}limit=2", headers=filled.admin))
    assert two["pageInfo"]["endCursor"] == listed["next_cursor"]


PLAN = f"""query Plan($desired: DesiredState!, $prune: Boolean!) {{
    plan(desired: $desired, prune: $prune) {everything_of("Plan")}
}}"""
# Longer than any other text may be.
NOTEBOOK = "type notebook\n  relations\n    define owner: [user]\n    define view: owner\n"
LARGE_MODEL = f"{format_model(builtin_model())}\n{NOTEBOOK}" + f"# {'x' * 5_000}\n"


SINGLE = {
    'user(username: "ann")': ("/users/ann", "User", ("rights",)),
    'group(name: "data-team")': ("/groups/data-team", "Group", ()),
    'role(name: "role-a")': ("/roles/role-a", "Role", ()),
    'service(name: "service-a")': ("/services/service-a", "Service", ()),
    'resource(type: "dataset", id: "data-a")': ("/resources/dataset/data-a", "Resource", ()),
    "me": ("/me", "Me", ("identities",)),
}


@pytest.mark.parametrize("field", SINGLE)
def test_one_thing_answers_what_rest_answers(field: str, filled: Company) -> None:
    path, kind, leave_out = SINGLE[field]
    found = ask(filled.client, f"{{ {field} {everything_of(kind, leave_out=leave_out)} }}", filled.admin)

    assert as_rest(found[field.partition("(")[0]]) == ok(filled.client.get(f"/api/v1{path}", headers=filled.admin))


def test_what_hangs_on_a_thing_is_what_rest_lists_below_it(filled: Company) -> None:
    member = everything_of("Member")
    query = f"""{{
        group(name: "group-a") {{ members {{ edges {{ node {member} }} }} }}
        role(name: "role-a") {{ assignees {{ edges {{ node {member} }} }} }}
        resource(type: "dataset", id: "data-a") {{ access {{ edges {{ node {everything_of("Grant")} }} }} }}
        user(username: "ann") {{ rights {everything_of("Rights")} }}
        me {{ identities {{ id }} }}
        subjects(q: "an") {everything_of("FoundSubject")}
        providers {everything_of("Provider")}
        keys {everything_of("Key")}
        signInProviders {{ name }}
    }}"""
    found = as_rest(ask(filled.client, query, filled.admin))

    def rest(path: str) -> Any:
        return ok(filled.client.get(f"/api/v1{path}", headers=filled.admin))

    assert nodes(found["group"]["members"]) == rest("/groups/group-a/members")["items"]
    assert len(nodes(found["group"]["members"])) == 3
    assert nodes(found["role"]["assignees"]) == rest("/roles/role-a/assignees")["items"]
    assert nodes(found["resource"]["access"]) == rest("/resources/dataset/data-a/access")["items"]
    assert len(nodes(found["resource"]["access"])) == 5
    assert found["user"]["rights"] == rest("/users/ann/rights")
    assert found["me"]["identities"] == rest("/me/identities")["items"]
    assert found["subjects"] == rest("/subjects?q=an")["items"]
    assert found["providers"] == rest("/providers")["items"]
    assert found["keys"] == rest("/keys")["items"]
    assert found["sign_in_providers"] == rest("/auth/providers")


def test_questions_are_answered_alike(filled: Company) -> None:
    asked = [
        {"action": "view", "resource": "dataset:data-a", "subject": "user:ben"},
        {"action": "delete", "resource": "dataset:data-a", "subject": "user:ben"},
        {"action": "fly", "resource": "dataset:data-a"},
    ]
    query = f"""query($checks: [Question!]!) {{
        check(action: "view", resource: "dataset:data-a", subject: "user:ben") {everything_of("Decision")}
        checkBatch(checks: $checks) {{ results {{ allowed error {{ code detail }} }} revision }}
        explain(action: "delete", resource: "dataset:data-a", subject: "user:ben") {everything_of("Explanation")}
    }}"""
    found = as_rest(ask(filled.client, query, filled.admin, checks=asked))

    def rest(path: str, body: object) -> Any:
        return ok(filled.client.post(f"/api/v1{path}", json=body, headers=filled.admin))

    assert found["check"] == rest("/check", asked[0])
    assert found["check"]["allowed"] is True
    assert found["explain"] == rest("/explain", asked[1])
    batch = rest("/check/batch", {"checks": asked})
    for item in batch["results"]:
        error = item.get("error")
        item["error"] = {name: error[name] for name in ("code", "detail")} if error else None
    assert found["check_batch"] == batch


def test_what_can_be_planned_is_what_rest_reads() -> None:
    """Both are made into one thing by their members' names."""

    def inputs(name: str) -> dict[str, Any]:
        kind = schema._schema.get_type(name)
        assert isinstance(kind, GraphQLInputObjectType)
        return {field: get_named_type(each.type).name for field, each in kind.fields.items()}

    state = inputs("DesiredState")
    assert set(state) == set(as_graphql(dict(plan_shapes.DesiredBody.model_fields)))
    for field, kind in state.items():
        if field != "model":
            body = getattr(plan_shapes, f"{kind}Body")
            assert set(inputs(kind)) == set(as_graphql(dict(body.model_fields))), kind
    assert set(inputs("Holder")) == set(as_graphql(dict(plan_shapes.HolderBody.model_fields)))


def test_a_plan_is_the_one_that_rest_makes(filled: Company) -> None:
    """Every member of what can be said, and the fingerprint of one translation is good for the other."""
    until = "2100-01-01T00:00:00Z"
    desired = {
        "users": [{"username": "dee", "display_name": "Dee", "email": "dee@example.org", "disabled": True}],
        "services": [{"name": "nightly", "description": "at night"}],
        "groups": [
            {"name": "group-a", "description": "new", "members": [{"subject": "user:ann", "expires_at": until}]}
        ],
        "roles": [{"name": "looks", "permissions": ["user:view"], "assignees": [{"subject": "user:cy"}]}],
        "resources": [
            {"resource": "dataset:planned", "display_name": "P", "parent": "collection:sales", "owner": "user:cy"}
        ],
        "grants": [
            {"resource": "collection:sales", "relation": "editor", "subject": "user:cy", "expires_at": until},
        ],
        "model": LARGE_MODEL,
    }
    plan = ask(filled.client, PLAN, filled.admin, desired=as_graphql(desired), prune=True)["plan"]

    body = {"desired": desired, "prune": True}
    assert plan == ok(filled.client.post("/api/v1/plans", json=body, headers=filled.admin))
    assert {step["verb"] for step in plan["steps"]} == {"create", "update"}
    assert {step["target"].partition(":")[0] for step in plan["steps"]} >= {
        *("user", "service", "group", "role", "model", "dataset", "collection")
    }
    applied = body | {"revision": plan["revision"], "digest": plan["digest"]}
    done = ok(filled.client.post("/api/v1/plans/apply", json=applied, headers=filled.admin))
    assert done["steps"] == plan["steps"]


def test_what_was_revoked_is_what_rest_tells(filled: Company) -> None:
    """Its `as_of` is of the moment of asking."""

    def both(after: str) -> dict[str, Any]:
        query = f'{{ revocations(after: "{after}") {everything_of("Revocations")} }}'
        found: dict[str, Any] = as_rest(ask(filled.client, query, filled.admin))["revocations"]
        rest = ok(filled.client.get("/api/v1/revocations", params={"after": after}, headers=filled.admin))
        assert found.pop("as_of") <= 0
        del rest["as_of"]
        for told in (found, rest):
            told["ended"].sort()
        assert found == rest
        return found

    whole = both("")
    assert whole["whole"]
    ok(filled.client.patch("/api/v1/users/cy", json={"disabled": True}, headers=filled.admin))
    news = both(whole["revision"])
    assert (news["whole"], news["disabled"], len(news["ended"])) == (False, ["user:cy"], 1)


def test_the_password_that_is_made_here_signs_in(company: Company) -> None:
    create = "mutation($user: UserInput!) { createUser(user: $user) { username hasPassword } }"
    ask(company.client, create, company.admin, user={"username": "dee", "password": password_of("dee")})
    pair = ok(company.client.post("/api/v1/auth/login", json={"username": "dee", "password": password_of("dee")}))

    given = 'username: "dee", password: $p, currentPassword: $c'
    change = f"mutation($p: String!, $c: String) {{ setPassword({given}) {{ revision }} }}"
    dee = bearer(pair["access_token"])
    ask(company.client, change, dee, p="another-quay-nine", c=password_of("dee"))
    ok(company.client.post("/api/v1/auth/login", json={"username": "dee", "password": "another-quay-nine"}))
    ask(company.client, "mutation { logOut { revision } }", dee)
    assert company.client.get("/api/v1/me", headers=dee).status_code == 401
