"""Tuples: written whole or not at all, with their conditions, and read as they are written."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from gatepost.directory.resources import NewResource, create_resource
from gatepost.directory.sharing import NewGrant, grant_access, list_access
from gatepost.errors import Conflict
from gatepost.gate import Gatepost
from gatepost.principal import Principal
from gatepost.stores import questions, reads, writes
from gatepost.stores.errors import StoreError
from gatepost.stores.keys import TupleKey
from gatepost.stores.models import write_version
from gatepost.stores.pages import Paging
from gatepost.stores.questions import Asking
from tests.conftest import ADMIN
from tests.dice import FakeDice
from tests.stores.shop import SHOP, drop, history, holds, key, lines_of, parsed, put, shop

CHEAP = SHOP.replace("define owner: [user]", "define owner: [user, user with cheap]") + (
    "\ncondition cheap(price: int, limit: int) {\n  price < limit\n}\n"
)


def cheap(line: str, limit: int) -> TupleKey:
    return replace(key(line), condition={"name": "cheap", "context": {"limit": limit}})


def write(gate: Gatepost, store: str, *keys: TupleKey, ignore: bool = False) -> None:
    writes.write_tuples(gate, ADMIN, store, writes.TupleWrite(writes=keys, ignore_duplicate=ignore))


def pays(gate: Gatepost, store: str, price: int, line: str = "doc:1#owner@user:ann") -> bool:
    return questions.check(gate, ADMIN, store, key(line), Asking(context={"price": price}))


def test_a_hundred_tuples_are_one_revision(gate: Gatepost, second_gate: Gatepost) -> None:
    store = shop(gate)
    second_gate.memory.catch_up()
    before = gate.memory.revision.number
    put(gate, store, *(f"doc:{number}#viewer@user:ann" for number in range(100)))
    assert gate.memory.revision.number == before + 1
    assert len(lines_of(second_gate, store)) == len(history(second_gate, store)) == 100


def test_one_tuple_that_cannot_be_spoils_all(gate: Gatepost) -> None:
    store = shop(gate)
    put(gate, store, "doc:1#viewer@user:ann")
    revision = gate.memory.revision
    with pytest.raises(StoreError, match="already exists"):
        put(gate, store, "doc:2#viewer@user:ann", "doc:1#viewer@user:ann")
    with pytest.raises(StoreError, match="does not exist"):
        drop(gate, store, "doc:1#viewer@user:ann", "doc:3#viewer@user:ann")
    assert gate.memory.revision == revision
    assert lines_of(gate, store) == ["doc:1#viewer@user:ann"]


def test_a_condition_comes_along_through_every_process(gate: Gatepost, second_gate: Gatepost) -> None:
    """Trap 23: what a condition guards is no yes without it, whichever way the tuple came into memory."""
    store = shop(gate, CHEAP)
    pays(second_gate, store, 1)  # loaded before: the tuple will come through the changelog
    write(gate, store, cheap("doc:1#owner@user:ann", 10))
    second_gate.memory.catch_up()
    for each in (gate, second_gate):
        assert pays(each, store, 9)
        assert not pays(each, store, 10)
        with pytest.raises(StoreError, match="cannot be evaluated"):
            holds(each, store, "doc:1#owner@user:ann")
        each.memory.stores._opened = {}  # and now through a load
        assert pays(each, store, 9)
        assert not pays(each, store, 10)
    (read,) = reads.read_tuples(gate, ADMIN, store, None, Paging()).items
    assert read.key == cheap("doc:1#owner@user:ann", 10)
    assert history(gate, store) == ["+ doc:1#owner@user:ann (condition cheap)"]


def test_the_same_tuple_under_another_condition_is_a_conflict(gate: Gatepost) -> None:
    store = shop(gate, CHEAP)
    write(gate, store, cheap("doc:1#owner@user:ann", 10))
    write(gate, store, cheap("doc:1#owner@user:ann", 10), ignore=True)
    for other in (cheap("doc:1#owner@user:ann", 11), key("doc:1#owner@user:ann")):
        with pytest.raises(StoreError, match="different condition") as refused:
            write(gate, store, other, ignore=True)
        assert (refused.value.code, refused.value.status) == ("Aborted", 409)
    drop(gate, store, "doc:1#owner@user:ann")
    put(gate, store, "doc:1#owner@user:ann")
    assert pays(gate, store, 99)


def test_names_compare_byte_by_byte(gate: Gatepost) -> None:
    """OpenFGA CVE-2026-55170: one database's collation made `user:Ann` the same as `user:ann`."""
    store = shop(gate)
    put(gate, store, "doc:1#viewer@user:Ann")
    assert not holds(gate, store, "doc:1#viewer@user:ann")
    put(gate, store, "doc:1#viewer@user:ann", "doc:1#viewer@user:\N{LATIN SMALL LETTER A WITH DIAERESIS}nn")
    drop(gate, store, "doc:1#viewer@user:Ann")
    assert holds(gate, store, "doc:1#viewer@user:ann")
    assert len(lines_of(gate, store)) == 2


def test_what_one_reads_by(gate: Gatepost) -> None:
    store = shop(gate)
    put(
        gate,
        store,
        "doc:1#viewer@user:ann",
        "doc:1#owner@user:bob",
        "doc:10#viewer@user:ann",
        "group:g#member@user:ann",
    )

    def read(name: str, relation: str = "", user: str = "") -> list[str]:
        page = reads.read_tuples(gate, ADMIN, store, TupleKey(user, relation, name), Paging())
        return [str(each.key) for each in page.items]

    assert read("doc:1") == ["doc:1#owner@user:bob", "doc:1#viewer@user:ann"]
    assert read("doc:1", "viewer") == ["doc:1#viewer@user:ann"]
    assert read("doc:", user="user:ann") == ["doc:10#viewer@user:ann", "doc:1#viewer@user:ann"][::-1]
    assert read("doc:1", user="user:ann", relation="owner") == []
    assert read("nope:1") == []


def test_pages_go_on_where_the_last_one_ended_whatever_happens_between(gate: Gatepost) -> None:
    store = shop(gate)
    put(gate, store, *(f"doc:{number}#viewer@user:ann" for number in range(6)))
    first = reads.read_tuples(gate, ADMIN, store, None, Paging(3))
    drop(gate, store, "doc:0#viewer@user:ann", "doc:2#viewer@user:ann")
    rest = reads.read_tuples(gate, ADMIN, store, None, Paging(10, first.token))
    assert [each.key.object for each in rest.items] == ["doc:3", "doc:4", "doc:5"]


def test_a_grant_whose_time_is_over_is_no_tuple(gate: Gatepost, admin: Principal, dice: FakeDice) -> None:
    create_resource(gate, admin, NewResource(type="collection", id="sales"))
    soon = dice.now() + timedelta(hours=1)
    grant_access(gate, admin, "collection", "sales", NewGrant(subject="user:admin", relation="viewer", expires_at=soon))
    line = "collection:sales#viewer@user:admin"
    assert line in lines_of(gate, "main")
    with pytest.raises(StoreError, match="already exists"):
        put(gate, "main", line)
    dice.advance(timedelta(hours=2))
    assert line not in lines_of(gate, "main")
    put(gate, "main", line)
    assert line in lines_of(gate, "main")


def test_an_owner_under_a_condition_is_not_one_who_stays(gate: Gatepost, admin: Principal) -> None:
    model = parsed(
        "model\n  schema 1.1\ntype user\ntype report\n  relations\n    define owner: [user, user with cheap]\n"
        "    define view: owner\ncondition cheap(price: int) {\n  price < 10\n}\n"
    )
    write_version(gate, admin, "main", model)
    create_resource(gate, admin, NewResource(type="report", id="q3"))
    conditional = replace(key("report:q3#owner@user:ann"), condition={"name": "cheap", "context": {}})
    write(gate, "main", conditional)
    assert any("if cheap holds" in grant.why for grant in list_access(gate, admin, "report", "q3"))
    with pytest.raises(Conflict, match="owner"):
        drop(gate, "main", "report:q3#owner@user:admin")
