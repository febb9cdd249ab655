"""The rows of an application that somebody may see: all of them, and no other, on both databases."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import (
    Column,
    Engine,
    ForeignKey,
    Integer,
    MetaData,
    String,
    Table,
    Uuid,
    create_engine,
    func,
    insert,
    select,
)
from sqlalchemy.dialects import mysql
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from gatepost.errors import ConfigurationError
from gatepost.guard import Embedded, Shown, Visitor
from gatepost.guard.visitor import Reach, now
from gatepost.principal import Principal, Scope
from gatepost.sqlalchemy import rows_within, visible_to
from gatepost.testing import TestGatepost
from tests.guard.conftest import Center, center, listener
from tests.server.calling import bearer

__all__ = ["center", "listener"]

MANY = 100_000


class Base(DeclarativeBase):
    """The application's own tables."""


class Dataset(Base):
    __tablename__ = "app_datasets"
    id: Mapped[str] = mapped_column(String(60), primary_key=True)
    number: Mapped[int] = mapped_column(Integer, unique=True)
    key: Mapped[uuid.UUID] = mapped_column(Uuid, unique=True)
    size: Mapped[float]


class Note(Base):
    __tablename__ = "app_notes"
    id: Mapped[int] = mapped_column(primary_key=True)
    dataset: Mapped[str] = mapped_column(ForeignKey(Dataset.id))


def key_of(number: int) -> uuid.UUID:
    return uuid.UUID(int=number + (4 << 76) + (8 << 60) + (9 << 100))


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    url = database_url.replace("postgresql://", "postgresql+psycopg://")
    engine = create_engine(url)
    Base.metadata.create_all(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    with Session(engine) as session:
        rows = [{"id": f"d{n:03}", "number": n, "key": key_of(n), "size": 1.5} for n in range(100)]
        session.execute(insert(Dataset), rows)
        session.execute(insert(Note), [{"id": n, "dataset": f"d{n % 100:03}"} for n in range(300)])
        session.commit()
        yield session


@pytest.fixture
def gatepost() -> Iterator[TestGatepost]:
    with TestGatepost() as double:
        yield double


def seen(session: Session, gatepost: TestGatepost, who: Principal, action: str = "view") -> list[str]:
    query = select(Dataset.id).where(visible_to(who, Dataset.id, type="dataset", action=action, gate=gatepost.gate))
    return list(session.scalars(query.order_by(Dataset.id)))


def test_shares_of_every_kind(session: Session, gatepost: TestGatepost) -> None:
    ann = gatepost.principal("ann")
    gatepost.allow("user:ann", "view", "dataset:d001")
    gatepost.group("team", "user:ann")
    gatepost.allow("group:team#member", "edit", "dataset:d002")
    gatepost.allow("user:ann", "view", "collection:sales")
    gatepost.relate("dataset:d003", "parent", "collection:sales")
    gatepost.allow("user:*", "view", "dataset:d004")
    gatepost.allow("user:ben", "view", "dataset:d005")
    gatepost.allow("user:ann", "view", "dataset:elsewhere")  # there is no such row
    gatepost.allow("user:ann", "view", "collection:d006")  # nor is this one's type

    assert seen(session, gatepost, ann) == ["d001", "d002", "d003", "d004"]
    assert seen(session, gatepost, ann, "edit") == ["d002"]
    # The same as asking about each row, one by one.
    ids = session.scalars(select(Dataset.id))
    assert [name for name in ids if gatepost.gate.check("user:ann", "view", f"dataset:{name}").allowed] == seen(
        session, gatepost, ann
    )


def test_a_role_over_everything_is_no_list(session: Session, gatepost: TestGatepost) -> None:
    gatepost.user("ann", roles=["reader"])
    ann = gatepost.principal("ann")

    clause = visible_to(ann, Dataset.id, type="dataset", gate=gatepost.gate)

    assert "IN" not in str(select(Dataset.id).where(clause))
    assert len(seen(session, gatepost, ann)) == 100
    assert seen(session, gatepost, ann, "edit") == []


def test_whoever_sees_nothing_gets_nothing(session: Session, gatepost: TestGatepost) -> None:
    gatepost.allow("user:ben", "view", "dataset:d001")
    assert seen(session, gatepost, gatepost.principal("ann")) == []
    gatepost.user("cy", roles=["reader"])
    cy = gatepost.principal("cy")
    assert len(seen(session, gatepost, cy)) == 100

    gatepost.disable("cy")

    assert seen(session, gatepost, cy) == []


def test_a_scope_is_a_ceiling(session: Session, gatepost: TestGatepost) -> None:
    from dataclasses import replace

    gatepost.allow("user:ann", "view", "dataset:d001")
    gatepost.user("ann", roles=["reader"])
    ann = gatepost.principal("ann")

    assert seen(session, gatepost, replace(ann, scope=Scope.parse("collection:view"))) == []


@pytest.mark.parametrize("hostile", ["d001', 'd002", '"]) OR 1=1 --', "d%", "d\\", "ä", '{"a":1}', "NULL"])
def test_an_id_is_a_value_and_never_sql(session: Session, gatepost: TestGatepost, hostile: str) -> None:
    if " " not in hostile:
        gatepost.relate(f"dataset:{hostile}", "viewer", "user:ann")
    session.add(Dataset(id=hostile, number=1_000, key=key_of(1_000), size=0))
    session.flush()

    only = rows_within(Reach(everything=False, ids=(hostile,)), Dataset.id)
    found = list(session.scalars(select(Dataset.id).where(only)))

    assert found == [hostile]


def test_integers_and_uuids_by_their_usual_text_alone(session: Session) -> None:
    """Or `dataset:007`, which anybody may make, would open row 7."""
    numbers = Reach(everything=False, ids=("1", "007", "+2", "3.0", " 4", "\u0665", "6" * 40, "-0", "x", "99"))
    keys = Reach(
        everything=False, ids=(str(key_of(1)), str(key_of(10)).upper(), key_of(3).hex, f"{{{key_of(4)}}}", "x")
    )

    assert sorted(session.scalars(select(Dataset.number).where(rows_within(numbers, Dataset.number)))) == [1, 99]
    assert list(session.scalars(select(Dataset.number).where(rows_within(keys, Dataset.key)))) == [1]


def test_letters_of_another_case_are_another_id(tmp_path: Path) -> None:
    """CVE-2026-55170: a database that takes `Sales` for `sales` gave away what belonged to the other."""
    loose = Table("loose", MetaData(), Column("id", String(collation="NOCASE"), primary_key=True))
    engine = create_engine(f"sqlite:///{tmp_path}/loose.db")
    with engine.begin() as connection:
        loose.create(connection)
        connection.execute(insert(loose), [{"id": "sales"}, {"id": "other"}])
        query = select(loose.c.id).where(rows_within(Reach(everything=False, ids=("Sales", "other")), loose.c.id))
        assert list(connection.scalars(query)) == ["other"]
    engine.dispose()


def test_a_hundred_thousand_ids_are_one_parameter(session: Session) -> None:
    reach = Reach(everything=False, ids=tuple(f"d{n:03}" for n in range(50, MANY)))
    query = select(func.count()).select_from(Dataset).where(rows_within(reach, Dataset.id))

    assert session.scalar(query) == 50


def test_pages_by_the_key_are_complete(session: Session, gatepost: TestGatepost) -> None:
    for number in range(0, 100, 3):
        gatepost.allow("user:ann", "view", f"dataset:d{number:03}")
    ann, after, pages = gatepost.principal("ann"), "", []
    while True:
        visible = visible_to(ann, Dataset.id, type="dataset", gate=gatepost.gate)
        query = select(Dataset.id).where(visible, Dataset.id > after).order_by(Dataset.id).limit(10)
        page = list(session.scalars(query))
        if not page:
            break
        pages.append(page)
        after = page[-1]

    assert [len(page) for page in pages] == [10, 10, 10, 4]
    assert [name for page in pages for name in page] == [f"d{n:03}" for n in range(0, 100, 3)]


def test_beside_joins_negation_and_the_statement_cache(session: Session, gatepost: TestGatepost) -> None:
    gatepost.allow("user:ann", "view", "dataset:d001")
    gatepost.allow("user:ben", "view", "dataset:d002")
    notes = {}
    for name in ("ann", "ben"):
        visible = visible_to(gatepost.principal(name), Dataset.id, type="dataset", gate=gatepost.gate)
        notes[name] = list(session.scalars(select(Note.id).join(Dataset).where(visible).order_by(Note.id)))
        assert session.scalar(select(func.count()).select_from(Dataset).where(~visible)) == 99

    assert notes == {"ann": [1, 101, 201], "ben": [2, 102, 202]}


def test_a_visitor_brings_whom_to_ask(session: Session, gatepost: TestGatepost) -> None:
    gatepost.allow("user:ann", "view", "dataset:d001")
    headers = [(b"authorization", gatepost.as_user("ann")["Authorization"].encode())]
    visitor = now(Embedded(gatepost.gate).visitor(Shown(headers=headers, method="GET", path="/", peer="")))

    found = session.scalars(select(Dataset.id).where(visible_to(visitor, Dataset.id, type="dataset")))

    assert list(found) == ["d001"]


def test_what_cannot_be_answered_says_so(gatepost: TestGatepost) -> None:
    ann, gate = gatepost.principal("ann"), gatepost.gate
    gatepost.allow("user:ann", "view", "dataset:d001")
    wrong: list[dict[str, Any]] = [
        {"type": "dataset"},
        {"type": "datasett", "gate": gate},
        {"type": "dataset", "action": "veiw", "gate": gate},
    ]
    for options in wrong:
        with pytest.raises(ConfigurationError):
            visible_to(ann, Dataset.id, **options)
    with pytest.raises(ConfigurationError, match="float"):
        visible_to(ann, Dataset.size, type="dataset", gate=gate)
    with pytest.raises(ConfigurationError, match="mysql"):
        str(
            select(Dataset.id)
            .where(visible_to(ann, Dataset.id, type="dataset", gate=gate))
            .compile(dialect=mysql.dialect())
        )


# -- against a server -----------------------------------------------------------------------------------------------


def visitor_at(center: Center, token: str, audience: str = "") -> Visitor:
    from gatepost.guard import Remote

    guard = Remote(center.url, client=center.client, audience=audience)
    shown = Shown(
        headers=[(b"authorization", bearer(token)["Authorization"].encode())], method="GET", path="/", peer=""
    )
    return now(guard.visitor(shown))


@pytest.mark.parametrize("audience", ["", "https://shop.example"])
def test_a_server_is_asked_page_by_page(
    center: Center, engine: Engine, session: Session, audience: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gatepost.directory.roles import assign_role
    from tests.conftest import ADMIN

    monkeypatch.setattr("gatepost.guard.talk.PAGE", 7)
    for number in range(20):
        center.give("user:ann", "viewer", f"dataset:d{number:03}")
    assign_role(center.gate, ADMIN, "reader", "user:ben")

    def rows(name: str) -> list[str]:
        who = visitor_at(center, center.token(name, audience), audience)
        try:
            query = select(Dataset.id).where(visible_to(who, Dataset.id, type="dataset"))
            return list(session.scalars(query.order_by(Dataset.id)))
        finally:
            who.guard.close()

    assert rows("ann") == [f"d{n:03}" for n in range(20)]
    assert len(rows("ben")) == 100  # by a role, also rows that no tuple names
    assert rows("cy") == []
