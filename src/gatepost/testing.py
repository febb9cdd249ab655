"""A Gatepost for an application's own tests: real, small, without a network, and gone afterwards.

    @pytest.fixture
    def gatepost():
        with TestGatepost() as gatepost:
            yield gatepost

    def test_editing(gatepost):
        client = TestClient(Authentication(app, gate=gatepost.gate))
        gatepost.allow("user:alice", "edit", "dataset:sales")
        assert client.put("/datasets/sales", headers=gatepost.as_user("alice")).status_code == 200

Everything is decided by the same engine as in production; what is cheap are the passwords and the disk.
"""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Iterable
from contextlib import closing, suppress
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import ClassVar, Self

from gatepost.access import Contextual, Graph, RelationTuple, check
from gatepost.directory.groups import add_member, create_group
from gatepost.directory.names import require_name
from gatepost.directory.roles import assign_role, create_role
from gatepost.directory.users import NewUser, UserChange, change_user, create_user
from gatepost.embedded.gatepost import Gatepost
from gatepost.errors import AlreadyExists, ConfigurationError, InvalidField
from gatepost.opening import open_gatepost
from gatepost.principal import FULL_SCOPE, Entity, Method, Principal, Question, Scope, Subject
from gatepost.settings import DatabaseSettings, KeysSettings, MainSettings, Secret, Settings
from gatepost.store.relations import relate, unrelate
from gatepost.tokens.api_tokens import store_token
from gatepost.tokens.passwords import Passwords
from gatepost.tokens.secrets import new_api_secret

ADMIN = Principal(subject=Entity("user", "admin"), method=Method.EMBEDDED, scope=None)
AUTHOR = "platform:main"
MEMORY = "/dev/shm"  # noqa: S108 - memory that looks like a folder, where there is one
PASSWORD = "of-the-tests-and-of-nothing-else"  # noqa: S105 - nobody reaches this gate over a network
KEY = "k" * 40


class _Alone(Gatepost):
    """No other process writes to this database, so nothing is followed and no thread is started for it."""

    def follow(self) -> None:
        """There is nobody to follow."""


class TestGatepost:
    """A gate of its own, with an administrator and nobody else.  Close it, or use it in a `with`.

    `settings` are changed by the application's wishes, such as `main` or `access.model`; database and keys are ours.
    """

    __test__: ClassVar[bool] = False  # the name begins with Test, and pytest would take it for a class of tests

    def __init__(self, settings: Settings | None = None) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="gatepost-test-", dir=MEMORY if Path(MEMORY).is_dir() else None))
        try:
            file = self._folder / "gatepost.db"
            if settings is None:
                file.write_bytes(_fresh_database())
            self.gate: Gatepost = open_gatepost(_Alone, _settings(file, settings), passwords=Passwords(cheap=True))
        except BaseException:
            shutil.rmtree(self._folder)
            raise
        self._secrets: dict[str, str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the gate and delete its database."""
        self.gate.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    # -- who --------------------------------------------------------------------------------------------------------

    def user(self, name: str, *, groups: Iterable[str] = (), roles: Iterable[str] = ()) -> Entity:
        """Make a person, if there is none of that name yet, with groups and roles."""
        name = name.lower()
        with suppress(AlreadyExists):
            create_user(self.gate, ADMIN, NewUser(username=name))
        for group in groups:
            self.group(group, f"user:{name}")
        for role in roles:
            assign_role(self.gate, ADMIN, role, f"user:{name}")
        return Entity("user", name)

    def group(self, name: str, *members: str) -> None:
        """Make a group, if there is none of that name yet, and add members (`user:alice`, `group:x#member`)."""
        with suppress(AlreadyExists):
            create_group(self.gate, ADMIN, name)
        for member in members:
            add_member(self.gate, ADMIN, name, member)

    def role(self, name: str, *permissions: str) -> None:
        """Make a role with permissions (`dataset:view`); give it with `user(…, roles=[name])`."""
        create_role(self.gate, ADMIN, name, permissions)

    def as_user(self, name: str) -> dict[str, str]:
        """The headers of a request by this person, who is made if need be."""
        return {"Authorization": f"Bearer {self.token(str(self.user(name)))}"}

    def as_service(self, name: str) -> dict[str, str]:
        """The headers of a request by this service.  What it may is what `allow` says."""
        return {"Authorization": f"Bearer {self.token(f'service:{require_name(name)}')}"}

    def as_nobody(self) -> dict[str, str]:
        """The headers of a request without a credential."""
        return {}

    def token(self, subject: str, *, scope: str = "") -> str:
        """An API or service token of a subject; `scope` narrows it (`dataset:view`)."""
        key = f"{subject} {scope}"
        if key not in self._secrets:
            owner, secret = Entity.parse(subject), new_api_secret(self.gate.dice)
            ceiling = Scope.parse(scope) if scope else FULL_SCOPE
            with self.gate.change_unasked() as tx:
                store_token(self.gate, tx, owner, ADMIN.subject, "of a test", ceiling, None, secret)
            self._secrets[key] = secret
        return self._secrets[key]

    def principal(self, name: str) -> Principal:
        """A person as an operation takes them, for code that is tested without HTTP."""
        return Principal(subject=self.user(name), method=Method.EMBEDDED, scope=None)

    def disable(self, name: str) -> None:
        """Disable a person: everything that they hold ends."""
        change_user(self.gate, ADMIN, name, UserChange(disabled=True))

    # -- what they may ----------------------------------------------------------------------------------------------

    def allow(self, subject: str, action: str, resource: str) -> None:
        """Let a subject (`user:alice`, `group:x#member`, `anonymous:*`) do an action, by the least relation that does.

        Raises `ConfigurationError` where the model has no relation for it.
        """
        who = self._known(subject)
        relation = self._least_relation(who, action, Entity.parse(resource))
        self.relate(resource, relation, str(who))

    def forbid(self, subject: str, resource: str) -> None:
        """Take back everything that `allow` and `relate` gave a subject on a resource itself."""
        who = self._known(subject)
        with self.gate.change_unasked() as tx:
            for relation in self._relations(Entity.parse(resource).type):
                unrelate(tx, resource, relation, str(who))

    def relate(self, resource: str, relation: str, subject: str) -> None:
        """Write one tuple: `relate("dataset:orders", "parent", "collection:sales")`."""
        self._model_allows(RelationTuple.parse(f"{resource}#{relation}@{subject}"))
        with self.gate.change_unasked() as tx:
            relate(tx, resource, relation, subject, author=AUTHOR)

    def _known(self, subject: str) -> Subject:
        who = Subject.parse(subject)
        if who.type == "user" and not who.is_wildcard:
            return Subject.of(self.user(who.id))
        if who.type == "group":
            self.group(who.id)
        return who

    def _least_relation(self, who: Subject, action: str, resource: Entity) -> str:
        """Of the relations that give the action, the one that gives the fewest others."""
        granted: dict[str, int] = {}
        for relation in self._relations(resource.type):
            try:
                graph = self._with(RelationTuple.parse(f"{resource}#{relation}@{who}"))
            except InvalidField:
                continue
            given = self._given(graph, who, resource)
            if action in given:
                granted[relation] = len(given)
        if not granted:
            raise ConfigurationError([f"no relation of {resource.type} lets {who} {action}"])
        return min(granted, key=lambda name: granted[name])

    def _given(self, graph: Graph, who: Subject, resource: Entity) -> set[str]:
        asked = {name: Question(subject=who, action=name, resource=resource) for name in self._relations(resource.type)}
        return {name for name, question in asked.items() if check(question, graph).allowed}

    def _relations(self, kind: str) -> list[str]:
        definition = self.gate.memory.graph.model.types.get(kind)
        if definition is None:
            raise ConfigurationError([f"the model has no type {kind}"])
        return [name for name in definition.relations if name != "parent"]

    def _with(self, extra: RelationTuple) -> Graph:
        return Contextual(self.gate.memory.graph, [extra])

    def _model_allows(self, extra: RelationTuple) -> None:
        try:
            self._with(extra)
        except InvalidField as error:
            raise ConfigurationError([str(error)]) from error


def _settings(file: Path, wanted: Settings | None) -> Settings:
    settings = wanted or Settings()
    main = settings.main if wanted else MainSettings()
    return replace(
        settings,
        main=replace(main, initial_admin_password=Secret(PASSWORD)),
        database=DatabaseSettings(url=Secret(f"sqlite:///{file}")),
        keys=KeysSettings(encryption_keys=(Secret(KEY),)),
    )


@cache
def _fresh_database() -> bytes:
    """A database with nobody in it but the administrator, made once in a process: copying it takes no time."""
    with tempfile.TemporaryDirectory(prefix="gatepost-test-", dir=MEMORY if Path(MEMORY).is_dir() else None) as folder:
        file = Path(folder) / "gatepost.db"
        open_gatepost(_Alone, _settings(file, None), passwords=Passwords(cheap=True)).close()
        with closing(sqlite3.connect(file)) as connection:
            return connection.serialize()
