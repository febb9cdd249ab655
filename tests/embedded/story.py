"""One story in which every call has its part, told by whoever makes the calls: over HTTP, or in the process."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import fields, is_dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from sqlalchemy import insert

from gatepost import gate
from gatepost.client.plans import Plan
from gatepost.errors import GatepostError
from gatepost.sso.identities import identity_id
from gatepost.store import tables
from tests.conftest import ADMIN_PASSWORD

ISSUER = "http://127.0.0.1:9"  # where nobody answers
PASSWORD = "quay-seven-lantern-and-more"
ULID = re.compile(r"\b[0-9A-HJKMNP-TV-Z]{26}\b")
REVISION = re.compile(r"\b[0-9a-f]{8}\.[0-9]+\b")
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT[0-9:.]+(Z|\+00:00)")
# What differs from one Gatepost to the next, or says where a request came from.
OF_ITS_OWN = {"token", "kid", "digest", "agent", "behind_seconds", "credential_id", "addresses"}

MODEL = {
    "schema_version": "1.1",
    "type_definitions": [
        {"type": "user"},
        {
            "type": "doc",
            "relations": {"reader": {"this": {}}},
            "metadata": {"relations": {"reader": {"directly_related_user_types": [{"type": "user"}]}}},
        },
    ],
}
READS = {"user": "user:alice", "relation": "reader", "object": "doc:1"}


class SignIn(Protocol):
    """Make the calls as somebody who signs in with a password."""

    def __call__(self, username: str, password: str) -> AbstractContextManager[Any]: ...


class Told:
    """Makes calls, and keeps what was answered or refused, without what no two Gateposts have in common."""

    def __init__(self, calls: Any) -> None:
        self._calls = calls
        self.names: set[str] = set()
        self.lines: list[tuple[str, object]] = []
        self.others: list[tuple[str, object]] = []  # what somebody else had to tell in between

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def make(*args: Any, **kwargs: Any) -> Any:
            self.names.add(name)
            try:
                answer = getattr(self._calls, name)(*args, **kwargs)
                if isinstance(answer, Iterator):
                    answer = list(answer)
            except GatepostError as error:
                self.lines.append((name, refused(error)))
                return None
            self.lines.append((name, common(answer, name)))
            return answer

        return make


def refused(error: GatepostError) -> object:
    """The class, what is named, and the sentence: of a wrong field each reader of texts has its own."""
    fields, items = sorted(getattr(error, "fields", {})), tuple(getattr(error, "items", ()))
    sentence = str(error).removesuffix(f": {', '.join(items)}")
    return type(error).__name__, fields, items, "" if fields else common(sentence)


def common(value: Any, name: str = "") -> object:
    """A value without ids, secrets and times."""
    if name in OF_ITS_OWN:
        return "its own" if value or isinstance(value, float) else value
    if is_dataclass(value) and not isinstance(value, type):
        members = {each.name: common(getattr(value, each.name), each.name) for each in fields(value)}
        return type(value).__name__, members
    if isinstance(value, dict):
        return {key: common(each, key) for key, each in value.items()}
    if name == "keys":
        value = sorted(value, key=lambda key: str(key.state))  # they stand by their ids
    if isinstance(value, list | tuple):
        return [common(each) for each in value]
    if isinstance(value, datetime):
        assert value.utcoffset() == timedelta()
        return "a moment"
    if isinstance(value, str):
        return MOMENT.sub("a moment", REVISION.sub("a revision", ULID.sub("an id", value)))
    return value


def furnish(of: gate.Gatepost) -> None:
    """What only a provider brings: an identity of the admin's, and a sign-in that was refused."""
    with of.change_unasked() as tx:
        linked = {"issuer": ISSUER, "subject": "1", "provider": "corp", "username": "admin"}
        tx.connection.execute(insert(tables.identities).values(**linked, created_at=tx.at, last_sign_in_at=tx.at))
        refused = {"provider": "corp", "issuer": ISSUER, "subject": "2", "username": "alice", "reason": "a clash"}
        tx.connection.execute(insert(tables.conflicts).values(id=of.new_id(), email=None, at=tx.at, **refused))


def everything(sign_in: SignIn, now: datetime, *, sessions: bool = True) -> Told:
    with sign_in("admin", ADMIN_PASSWORD) as calls:
        told = Told(calls)
        directory(told, now)
        shares(told, now)
        with sign_in("alice", PASSWORD) as another:
            alice = Told(another)
            as_alice(alice)
        issued(told, now)
        if sessions:
            (session,) = told.sessions(owner="alice")
            told.revoke_session(session.id)
            told.revoke_session(session.id)
        of_stores(told)
        files(told)
        operating(told)
        gone(told)
        told.logout()
    told.names |= alice.names
    told.others = alice.lines
    return told


def directory(told: Told, now: datetime) -> None:
    told.readiness()
    told.me()
    told.sign_in_options()
    told.identities()
    told.unlink_identity("nobody")
    told.unlink_identity(identity_id(ISSUER, "1"))
    (refused,) = told.conflicts()
    told.dismiss_conflict(refused.id)
    told.dismiss_conflict("nobody")
    told.create_user("Alice", password=PASSWORD, email="alice@example.org", display_name="Alice A.")
    told.create_user("bob", external="corp")
    told.create_user("bob")
    told.create_user("no spaces", email="nowhere")
    told.create_user("carol", password="short")
    told.user("alice")
    told.user("nobody")
    for limit in (1, None, 0):
        told.users(limit=limit)
    told.users(q="example.org")
    told.users(cursor="nonsense")
    told.change_user("bob", display_name="Bob B.", email="bob@example.org", email_verified=True)
    told.subjects("b")
    told.subjects("a", limit=1)
    told.subjects("a", cursor="nonsense")
    told.create_group("analysts", description="They look")
    told.create_group("analysts")
    told.create_group("team")
    told.change_group("analysts", description="They look twice")
    told.group("analysts")
    told.groups(limit=1)
    told.add_member("analysts", "user:alice", expires_at=now + timedelta(days=1))
    told.add_member("analysts", "user:alice", expires_at=now - timedelta(days=1))
    told.add_member("analysts", "group:team#member")
    told.add_member("analysts", "user:nobody")
    told.members("analysts", limit=1)
    told.remove_member("analysts", "group:team")
    told.create_role("viewers", permissions=["dataset:view"], description="They view")
    told.create_role("viewers", permissions=["nothing"])
    told.change_role("viewers", permissions=["dataset:view", "collection:view"])
    told.role("viewers")
    told.roles(limit=2)
    told.assign_role("viewers", "group:analysts#member")
    told.assign_role("user", "user:alice", expires_at=now + timedelta(days=30))
    told.assign_role("viewers", "user:bob")
    told.assignees("viewers")
    told.unassign_role("viewers", "user:bob")
    told.unassign_role("admin", "user:admin")
    told.rights("alice")
    told.sync_user("alice")


def shares(told: Told, now: datetime) -> None:
    told.create_resource("collection:sales", display_name="Sales")
    told.create_resource("collection:sales")
    told.create_resource("nothing:sales")
    told.create_resource("dataset:orders", parent="collection:sales")
    told.create_resource("dataset:later", parent="collection:nowhere")
    told.resource("dataset:orders")
    told.resource("dataset:nowhere")
    told.resources(limit=1)
    told.resources(type="dataset")
    told.grant("collection:sales", "editor", "group:analysts#member", expires_at=now + timedelta(days=2))
    told.grant("collection:sales", "owner", "user:alice")
    told.grant("collection:sales", "nothing", "user:alice")
    told.access("dataset:orders", limit=2)
    told.change_resource("dataset:orders", display_name="Orders")
    told.change_resource("dataset:orders", parent="")
    told.change_resource("dataset:orders", parent="collection:sales")
    told.revoke("collection:sales", "editor", "user:bob")
    told.revoke("collection:sales", "editor", "group:analysts#member")
    told.check(None, "view", "dataset:orders")
    told.check("user:bob", "view", "dataset:orders")
    told.check("user:bob", "fly", "dataset:orders")
    told.check_batch(
        [
            ("user:alice", "edit", "dataset:orders"),
            (None, "edit", "dataset:orders"),
            ("user:bob", "fly", "dataset:orders"),
        ]
    )
    told.explain("user:alice", "edit", "dataset:orders")
    told.explain("user:bob", "edit", "dataset:orders")


def as_alice(told: Told) -> None:
    told.me()
    told.users()
    told.user("alice")
    told.user("bob")
    told.change_user("alice", display_name="Alice herself")
    told.change_user("bob", disabled=True)
    told.resources()
    told.resource("collection:sales")
    told.delete_resource("dataset:nowhere")
    told.grant("dataset:orders", "viewer", "user:bob")
    told.grant("dataset:orders", "viewer", "user:nobody")
    told.check("user:bob", "view", "dataset:orders")
    told.create_token("hers", scopes=["dataset:view"])
    told.tokens(owner="bob")
    told.stores()
    told.audit()
    told.examine()
    told.rotate_keys()
    told.set_password("alice", PASSWORD + "!", current_password="another one entirely")
    told.set_password("alice", PASSWORD + "!", current_password=PASSWORD)
    told.sessions()


def issued(told: Told, now: datetime) -> None:
    mine = told.create_token("mine", expires_at=now + timedelta(days=1))
    told.create_token("  ")
    told.create_token("mine", scopes=[])
    told.tokens()
    told.tokens(owner="*", limit=1)
    told.revoke_token("nobody" if mine is None else mine.id)
    told.revoke_token("nobody")
    told.create_service("etl", description="It moves")
    told.change_service("etl", description="It moves at night")
    told.service("etl")
    told.services()
    token = told.create_service_token("etl", role="viewers", scopes=["dataset:view"])
    told.create_service_token("etl", role="user")
    told.service_tokens()
    told.service_tokens(service="another")
    told.revoke_service_token(token.id)
    told.revoke_service_token(token.id)
    told.sessions(owner="nobody")


def of_stores(told: Told) -> None:
    told.store()
    told.store("nonsense")
    told.store("0" * 26)
    made = told.create_store("a store")
    told.create_store("?")
    told.write_tuples([READS], store=made.id)
    model = told.write_model(MODEL, store=made.id)
    told.write_model({"schema_version": "1.1"}, store=made.id)
    told.model(made.id, model_id=model)
    told.model(made.id, model_id="0" * 26)
    told.models(made.id, limit=1)
    told.models(limit=1)
    told.stores(limit=1)
    told.write_tuples([READS, {**READS, "object": "doc:2"}], store=made.id)
    told.write_tuples([READS], store=made.id)
    told.write_tuples([READS], store=made.id, ignore=True)
    told.write_tuples([{**READS, "relation": "flies"}], store=made.id)
    told.write_tuples(store=made.id)
    told.tuples(made.id, limit=1)
    told.tuples(limit=1000)
    told.write_tuples(deletes=[READS], store=made.id)
    told.tuples(made.id)
    told.tuples()
    told.delete_store(made.id)
    told.delete_store("main")


def files(told: Told) -> None:
    desired: dict[str, object] = {
        "resources": [{"resource": "dataset:filed", "owner": "user:alice", "parent": "collection:sales"}],
        "groups": [
            {"name": "from-files", "members": [{"subject": "user:alice", "expires_at": "2999-01-01T00:00:00Z"}]}
        ],
        "roles": [{"name": "viewers", "permissions": ["dataset:view"]}],
    }
    plan = told.make_plan(desired)
    told.apply_plan(desired, Plan(plan.revision, "another"))
    told.apply_plan(desired, plan)
    told.make_plan({"groups": []}, prune=True)


def operating(told: Told) -> None:
    told.audit(filters={"event": "access.*"}, limit=3)
    told.audit(filters={"subject": "user:alice", "outcome": "done", "since": "2000-01-01T00:00:00Z"})
    told.audit(filters={"since": "yesterday"})
    told.audit_export("text/csv", filters={"event": "role.created"})
    told.audit_export("application/jsonl", filters={"event": "role.created"})
    told.providers()
    told.look_at_provider("corp")
    told.look_at_provider("nobody")
    told.keys()
    told.rotate_keys()
    told.examine()


def gone(told: Told) -> None:
    told.set_password("alice", PASSWORD)
    told.change_user("bob", disabled=True)
    told.delete_resource("dataset:orders")
    told.delete_user("alice")
    told.delete_user("alice", transfer_to="nobody")
    told.delete_user("alice", transfer_to="admin")
    told.delete_group("team")
    told.delete_role("viewers")
    told.delete_role("admin")
    told.delete_service("etl")
