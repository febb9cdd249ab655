"""Every query and every mutation succeeds against a running server, and what it did is seen by REST afterwards.

A tale lists the fields that it tries; the table of all tales is held against the schema.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from graphql import GraphQLObjectType

from gatepost.server.graphql.schema import schema
from gatepost.settings import Settings
from tests.dice import FakeDice
from tests.graphql.asking import ask, nodes
from tests.server.calling import Company, Headers, bearer, ok, password_of, settle, sign_in
from tests.server.conftest import Running, Served
from tests.server.test_sign_in_elsewhere import approve, begin, come_back
from tests.sso.provider_in_process import InProcessProvider, Person, running_provider


@dataclass
class World:
    """A running server with a few people in it, its provider, and the fields that were tried."""

    company: Company
    running: Running
    op: InProcessProvider
    tried: set[str] = field(default_factory=set)

    def do(self, text: str, who: Headers | None = None, **variables: Any) -> Any:
        """Ask for one field, as the administrator if nobody is named, and answer what it answers without an error."""
        name = re.split(r"\W", text, maxsplit=1)[0]
        found = ask(self.company.client, document(name, text), self.company.admin if who is None else who, **variables)
        self.tried.add(name)
        return found[name]

    def rest(self, path: str, who: Headers | None = None) -> Any:
        return ok(self.company.client.get(f"/api/v1{path}", headers=self.company.admin if who is None else who))

    def listed(self, path: str, name: str, who: Headers | None = None) -> list[Any]:
        """One member of everything that REST lists."""
        return [each[name] for each in self.rest(path, who)["items"]]

    def status(self, path: str, who: Headers | None = None) -> int:
        answer = self.company.client.get(f"/api/v1{path}", headers=self.company.admin if who is None else who)
        return answer.status_code

    def may(self, subject: str, action: str, resource: str) -> bool:
        body = {"subject": subject, "action": action, "resource": resource}
        answer = ok(self.company.client.post("/api/v1/check", json=body, headers=self.company.admin))
        return bool(answer["allowed"])


def roots() -> dict[str, GraphQLObjectType]:
    kinds = {"query": schema._schema.query_type, "mutation": schema._schema.mutation_type}
    return {word: kind for word, kind in kinds.items() if kind is not None}


def document(name: str, text: str) -> str:
    word = next(word for word, kind in roots().items() if name in kind.fields)
    declared = "($in: DesiredState!, $revision: String!, $digest: String!)" if name == "applyPlan" else ""
    return f"{word}{'($in: DesiredState!)' if name == 'plan' else declared} {{ {text} }}"


Tale = Callable[[World], None]
TALES: dict[Tale, tuple[str, ...]] = {}


def tale(*fields: str) -> Callable[[Tale], Tale]:
    def noted(told: Tale) -> Tale:
        TALES[told] = (*fields, *TALES.get(told, ()))
        return told

    return noted


@pytest.fixture
def op(dice: FakeDice) -> Iterator[InProcessProvider]:
    with running_provider() as provider:
        provider.now = dice.clock
        provider.approve = "bob"
        yield provider


@pytest.fixture
def world(served: Served, op: InProcessProvider) -> World:
    scopes = ("openid", "groups", "offline_access")

    def change(settings: Settings) -> Settings:
        provider = op.settings(scopes=scopes, scopes_configured=True)
        return replace(settings, sso=replace(settings.sso, providers=(provider,)))

    running = served(change)
    return World(settle(running.client), running, op)


@tale("createUser", "user", "users", "changeUser", "setPassword", "deleteUser", "subjects", "logOut", "me")
def people(it: World) -> None:
    made = it.do(f'createUser(user: {{username: "dee", password: "{password_of("dee")}"}}) {{ id username }}')
    assert it.rest("/users/dee")["id"] == made["id"]
    assert it.do('user(username: "dee") { id }')["id"] == made["id"]
    assert [each["username"] for each in nodes(it.do('users(q: "de") { edges { node { username } } }'))] == ["dee"]
    assert it.do('subjects(q: "de") { subject }', it.company.ben) == [{"subject": "user:dee"}]
    changed = it.do('changeUser(username: "dee", changes: {displayName: "Dee"}) { user { displayName } }')
    assert changed["user"]["displayName"] == it.rest("/users/dee")["display_name"] == "Dee"
    it.do('setPassword(username: "dee", password: "another-quay-nine") { revision }')
    dee = bearer(sign_in(it.company.client, "dee", "another-quay-nine")["access_token"])
    assert it.do("me { username }", dee) == {"username": "dee"}
    it.do("logOut { revision }", dee)
    assert it.status("/me", dee) == 401
    again = bearer(sign_in(it.company.client, "dee", "another-quay-nine")["access_token"])
    ended = it.do('changeUser(username: "dee", changes: {disabled: true}) { sessionsEnded user { disabled } }')
    assert ended == {"sessionsEnded": 1, "user": {"disabled": True}}
    assert it.status("/me", again) == 401
    it.do('deleteUser(username: "dee") { revision }')
    assert it.status("/users/dee") == 404


@tale("createGroup", "group", "groups", "changeGroup", "addMember", "removeMember", "deleteGroup")
def groups(it: World) -> None:
    it.do('createGroup(name: "made", description: "x") { name }')
    assert it.do('group(name: "made") { description }') == {"description": it.rest("/groups/made")["description"]}
    it.do('changeGroup(name: "made", description: "y") { name }')
    assert it.rest("/groups/made")["description"] == "y"
    assert [each["name"] for each in nodes(it.do("groups { edges { node { name } } }"))] == it.listed("/groups", "name")
    it.do('addMember(group: "made", subject: "user:cy", expiresAt: "2100-01-01T00:00:00Z") { revision }')
    assert it.listed("/groups/made/members", "expires_at") == ["2100-01-01T00:00:00Z"]
    it.do('removeMember(group: "made", subject: "user:cy") { revision }')
    assert it.rest("/groups/made/members")["items"] == []
    it.do('deleteGroup(name: "made") { revision }')
    assert it.listed("/groups", "name") == ["data-team"]


@tale("createRole", "role", "roles", "changeRole", "assignRole", "unassignRole", "deleteRole")
def roles(it: World) -> None:
    it.do('createRole(name: "looks", permissions: ["user:view"]) { name }')
    assert it.rest("/roles/looks")["permissions"] == ["user:view"]
    it.do('assignRole(role: "looks", subject: "user:cy") { revision }')
    assert it.status("/users/ann", it.company.cy) == 200
    found = it.do('role(name: "looks") { assignees { edges { node { subject } } } }')
    assert [each["subject"] for each in nodes(found["assignees"])] == it.listed("/roles/looks/assignees", "subject")
    it.do('changeRole(name: "looks", permissions: ["group:view"]) { name }')
    assert it.status("/users/ann", it.company.cy) == 404
    it.do('unassignRole(role: "looks", subject: "user:cy") { revision }')
    assert it.rest("/roles/looks/assignees")["items"] == []
    it.do('deleteRole(name: "looks") { revision }')
    assert [each["name"] for each in nodes(it.do("roles { edges { node { name } } }"))] == it.listed("/roles", "name")
    assert "looks" not in it.listed("/roles", "name")


@tale("createService", "service", "services", "changeService", "deleteService")
@tale("createServiceToken", "serviceTokens", "revokeServiceToken")
def services(it: World) -> None:
    it.do('createService(name: "etl", description: "x") { name }')
    assert it.do('service(name: "etl") { description }') == {"description": it.rest("/services/etl")["description"]}
    it.do('changeService(name: "etl", description: "y") { name }')
    assert it.rest("/services/etl")["description"] == "y"
    made = it.do('createServiceToken(token: {name: "etl", role: "reader"}) { token details { id } }')
    assert it.rest("/me", bearer(made["token"]))["kind"] == "service"
    found = nodes(it.do('serviceTokens(service: "etl") { edges { node { id role } } }'))
    assert found == [{"id": made["details"]["id"], "role": "reader"}]
    it.do(f'revokeServiceToken(id: "{found[0]["id"]}") {{ revision }}')
    assert it.status("/me", bearer(made["token"])) == 401
    it.do('deleteService(name: "etl") { revision }')
    assert nodes(it.do("services { edges { node { name } } }")) == it.rest("/services")["items"] == []


@tale("createToken", "tokens", "revokeToken", "sessions", "endSession", "revocations")
def tokens(it: World) -> None:
    ann, before = it.company.ann, it.do("revocations { revision }")["revision"]
    made = it.do('createToken(name: "x", scopes: ["user:view"]) { token details { id scopes } }', ann)
    assert it.rest("/me", bearer(made["token"]))["username"] == "ann"
    listed = nodes(it.do("tokens { edges { node { id name } } }", ann))
    assert [each["id"] for each in listed] == it.listed("/tokens", "id", ann) == [made["details"]["id"]]
    it.do(f'revokeToken(id: "{made["details"]["id"]}") {{ revision }}', ann)
    assert it.status("/me", bearer(made["token"])) == 401
    other = bearer(sign_in(it.company.client, "ann")["access_token"])
    found = nodes(it.do("sessions { edges { node { id current } } }", ann))
    [session] = [each["id"] for each in found if not each["current"]]
    it.do(f'endSession(id: "{session}") {{ revision }}', ann)
    assert it.status("/me", other) == 401
    assert it.listed("/sessions", "id", ann) == [each["id"] for each in found if each["current"]]
    ended = it.do(f'revocations(after: "{before}") {{ whole ended }}')
    assert ended == {"whole": False, "ended": [made["details"]["id"], session]}


@tale("createResource", "resource", "resources", "kinds", "changeResource", "deleteResource")
@tale("grantAccess", "revokeAccess")
@tale("check", "checkBatch", "explain")
def resources(it: World) -> None:
    ann, ben = it.company.ann, it.company.ben
    new = 'createResource(resource: {type: "dataset", id: "d", parent: "collection:sales"}) { id }'
    assert it.do(new, ann) == {"id": it.rest("/resources/dataset/d", ann)["id"]}
    it.do('changeResource(type: "dataset", id: "d", changes: {displayName: "D"}) { id }', ann)
    assert it.rest("/resources/dataset/d", ann)["display_name"] == "D"
    assert it.do('resource(type: "dataset", id: "d") { displayName }', ann) == {"displayName": "D"}
    to = 'type: "dataset", id: "d", subject: "group:data-team#member", relation: "viewer"'
    question = 'action: "view", resource: "dataset:d"'
    assert it.do(f"check({question}) {{ allowed }}", ben) == {"allowed": False}
    it.do(f"grantAccess({to}) {{ why }}", ann)
    assert it.rest("/resources/dataset/d", ben)["id"] == "d"
    assert nodes(it.do("resources { edges { node { id } } }", ben)) == [{"id": "d"}]
    assert it.do(f"check({question}) {{ allowed }}", ben) == {"allowed": True}
    assert it.do(f"checkBatch(checks: [{{{question}}}]) {{ results {{ allowed }} }}", ben)["results"] == [
        {"allowed": True}
    ]
    assert "data-team" in it.do(f"explain({question}) {{ sentence }}", ben)["sentence"]
    assert {"name": "dataset", "may": {"create": True}} in it.do("kinds { name may { create } }", ann)
    it.do(f"revokeAccess({to}) {{ revision }}", ann)
    assert it.status("/resources/dataset/d", ben) == 404
    it.do('deleteResource(type: "dataset", id: "d") { revision }', ann)
    assert it.status("/resources/dataset/d", ann) == 404


@tale("plan", "applyPlan")
def plans(it: World) -> None:
    grant = {"resource": "collection:sales", "relation": "viewer", "subject": "group:planned#member"}
    planned = {"name": "planned", "members": [{"subject": "user:cy"}]}
    wanted: dict[str, Any] = {"in": {"groups": [planned], "grants": [grant]}}

    plan = it.do("plan(desired: $in) { revision digest steps { verb target before after } }", **wanted)
    assert [(step["verb"], step["target"]) for step in plan["steps"]] == [
        ("create", "group:planned"),
        ("create", "group:planned#member@user:cy"),
        ("create", "collection:sales#viewer@group:planned#member"),
    ]
    assert it.listed("/groups", "name") == ["data-team"], "a plan changes nothing"
    again = wanted | {"revision": plan["revision"], "digest": plan["digest"]}
    done = it.do("applyPlan(desired: $in, revision: $revision, digest: $digest) { revision steps { target } }", **again)
    assert [step["target"] for step in done["steps"]] == [step["target"] for step in plan["steps"]]
    assert it.rest("/resources/collection/sales", it.company.cy)["id"] == "sales"
    assert it.listed("/groups/planned/members", "origin") == ["config"]


@tale("audit", "providers", "keys", "signInProviders", "lookAtProvider", "examine", "rotateKeys")
def running_it(it: World) -> None:
    assert it.do("signInProviders { name }", {}) == [{"name": it.rest("/auth/providers", {})[0]["name"]}]
    # A server looks by itself when it starts, too.
    asked = it.op.requests["/.well-known/openid-configuration"]
    assert it.do('lookAtProvider(name: "op") { name status }') == {"name": "op", "status": "up"}
    assert it.op.requests["/.well-known/openid-configuration"] > asked
    assert it.do("providers { name status }") == [{"name": "op", "status": "up"}]
    assert it.listed("/providers", "status") == ["up"]
    found = it.do("examine { status checks { name status } }")
    examined = ok(it.company.client.post("/api/v1/doctor", headers=it.company.admin))
    assert found["checks"] == [{"name": each["name"], "status": each["status"]} for each in examined["checks"]]
    assert {"name": "provider: op", "status": "ok"} in found["checks"]
    kid = it.do("rotateKeys { kid }")["kid"]
    assert {"kid": kid, "state": "active"} in it.do("keys { kid state }")
    assert [key["kid"] for key in it.rest("/keys")["items"] if key["state"] == "active"] == [kid]
    [entry] = nodes(it.do('audit(filter: {event: "key.rotated"}) { edges { node { subject id } } }'))
    assert (entry["subject"], entry["id"]) == ("user:admin", it.listed("/audit?event=key.rotated", "id")[0])


@tale("syncUser")
def groups_read_again(it: World) -> None:
    ok(it.company.client.post("/api/v1/groups", json={"name": "analysts"}, headers=it.company.admin), 201)
    with it.running.another_client() as browser:
        assert come_back(browser, approve(begin(browser))).status_code == 303
    assert it.listed("/groups/analysts/members", "subject") == ["user:bob"]
    bob = it.op.people["bob"]
    it.op.people["bob"] = Person(bob.sub, {**bob.claims, "groups": ["new"]})

    [found] = it.do('syncUser(username: "bob") { provider refused groups { removed leftOut why } }')

    why = {"analysts": "op does not list it any more"}
    assert found["groups"] == {"removed": ["analysts"], "leftOut": ["new"], "why": why}
    assert it.rest("/groups/analysts/members")["items"] == []


@tale("conflicts", "dismissConflict", "unlinkIdentity")
def identities(it: World) -> None:
    """Ann links a sign-in elsewhere and takes it off; somebody who is called as she is there is refused, and dismissed."""
    with it.running.another_client() as browser:
        form = {"username": "ann", "password": password_of("ann")}
        browser.post("/login", data=form, headers={"Origin": it.running.url})
        assert come_back(browser, approve(begin(browser, "/oauth/op/login?link=true"))).status_code == 303
    [identity] = it.do("me { identities { id provider } }", it.company.ann)["identities"]
    assert it.listed("/me/identities", "id", it.company.ann) == [identity["id"]]
    it.do(f'unlinkIdentity(id: "{identity["id"]}") {{ revision }}', it.company.ann)
    assert it.rest("/me/identities", it.company.ann)["items"] == []

    it.op.people["bob"] = Person("another", {**it.op.people["bob"].claims, "preferred_username": "ann"})
    with it.running.another_client() as browser:
        assert come_back(browser, approve(begin(browser))).status_code == 403
    [clash] = nodes(it.do("conflicts { edges { node { id username } } }"))
    assert clash == {"id": it.listed("/conflicts", "id")[0], "username": "ann"}
    it.do(f'dismissConflict(id: "{clash["id"]}") {{ revision }}')
    assert it.rest("/conflicts")["items"] == []


@pytest.mark.parametrize("told", TALES, ids=lambda told: told.__name__)
def test_each_field_does_what_it_says(told: Tale, world: World) -> None:
    told(world)

    assert set(TALES[told]) <= world.tried


def test_there_is_a_tale_of_every_field() -> None:
    fields = {name for kind in roots().values() for name in kind.fields}

    assert {name for told in TALES.values() for name in told} == fields
