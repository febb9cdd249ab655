"""Stores by the operations themselves: a model from its text, tuples from one line each."""

from __future__ import annotations

from typing import Any

from gatepost.access import read_model
from gatepost.access.model_json import write_model
from gatepost.gate import Gatepost
from gatepost.principal import Principal
from gatepost.stores import questions, reads, writes
from gatepost.stores.changes import TupleEvent, read_changes
from gatepost.stores.keys import TupleKey
from gatepost.stores.listing import create_store
from gatepost.stores.models import write_version
from gatepost.stores.pages import Paging
from gatepost.stores.questions import Asking
from tests.conftest import ADMIN

SHOP = """
model
  schema 1.1
type user
type group
  relations
    define member: [user, group#member]
type doc
  relations
    define parent: [doc]
    define owner: [user]
    define viewer: [user, user:*, group#member] or owner or viewer from parent
"""


def parsed(text: str) -> dict[str, Any]:
    """A model's text as it is posted.  What the platform's own store adds need not be in it."""
    return write_model(read_model(text))


def shop(gate: Gatepost, text: str = SHOP, name: str = "shop") -> str:
    """Make a store with a model, and answer its id."""
    store = create_store(gate, ADMIN, name).id
    write_version(gate, ADMIN, store, parsed(text))
    return store


def key(line: str) -> TupleKey:
    """Read `doc:1#viewer@user:ann`."""
    name, _, rest = line.partition("#")
    relation, _, user = rest.partition("@")
    return TupleKey(user, relation, name)


def put(gate: Gatepost, store: str, *lines: str, caller: Principal = ADMIN) -> None:
    writes.write_tuples(gate, caller, store, writes.TupleWrite(writes=[key(line) for line in lines]))


def drop(gate: Gatepost, store: str, *lines: str, caller: Principal = ADMIN) -> None:
    writes.write_tuples(gate, caller, store, writes.TupleWrite(deletes=[key(line) for line in lines]))


def holds(gate: Gatepost, store: str, line: str, model: str = "", *, newest: bool = False) -> bool:
    """Ask whether what the line says is so."""
    return questions.check(gate, ADMIN, store, key(line), Asking(model=model, newest_state=newest))


def lines_of(gate: Gatepost, store: str, caller: Principal = ADMIN) -> list[str]:
    """Every tuple of a store, read page by page."""
    found, token = [], ""
    while True:
        page = reads.read_tuples(gate, caller, store, None, Paging(2, token))
        found += [str(each.key) for each in page.items]
        token = page.token
        if not token:
            return found


def told(event: TupleEvent) -> str:
    return f"{'-' if event.deleted else '+'} {event.key}"


def history(gate: Gatepost, store: str, caller: Principal = ADMIN, kind: str = "", size: int = 3) -> list[str]:
    """Every change of a store, read page by page."""
    found, token = [], ""
    while True:
        page = read_changes(gate, caller, store, Paging(size, token), kind)
        found += [told(event) for event in page.items]
        token = page.token
        if not page.items:
            return found
