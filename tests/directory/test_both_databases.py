"""What a database could do differently: characters it does not take, letter case, order, and deleting by a prefix."""

from __future__ import annotations

import pytest

from gatepost.directory.groups import add_member, create_group, delete_group
from gatepost.directory.pages import Wanted
from gatepost.directory.subjects import find_subjects
from gatepost.directory.users import NewUser, create_user, delete_user, get_user, list_users
from gatepost.errors import GatepostError, InvalidCredentials, InvalidField, NotFound
from gatepost.gate import Gatepost
from gatepost.tokens.sign_in import PasswordTry, prove_by_password
from tests.directory.people import ADMIN, make_collection, make_people, may, person, share, tuples_naming


@pytest.fixture
def gate_url(database_url: str) -> str:
    return database_url


def test_what_the_database_does_not_take_is_nobody(gate: Gatepost) -> None:
    """PostgreSQL takes no NUL, neither takes half a surrogate pair; each would be a 500 and an untold sign-in."""
    for text in ("a\0b", "\ud800", "\0", "x" * 5000):
        with pytest.raises(InvalidCredentials):
            prove_by_password(gate, PasswordTry(username=text, password="whatever it is", address="192.0.2.1"))
        with pytest.raises(InvalidField):
            create_user(gate, ADMIN, NewUser(username=text))
        assert find_subjects(gate, ADMIN, text) == []
        assert list_users(gate, ADMIN, Wanted(), text).items == []


def test_identifiers_compare_byte_by_byte(gate: Gatepost) -> None:
    """Trap 9, OpenFGA CVE-2026-55170: a column that ignores case makes two identities one."""
    make_people(gate, "alice", "bob")
    create_group(gate, ADMIN, "Team")
    create_group(gate, ADMIN, "team")
    add_member(gate, ADMIN, "Team", "user:bob")
    make_collection(gate, "alice", "C")
    make_collection(gate, "bob", "c")
    share(gate, "alice", "collection:C", "viewer", "group:team")
    assert not may(gate, "user:bob", "view", "collection:C")
    assert not may(gate, "user:alice", "view", "collection:c")
    delete_group(gate, ADMIN, "team")
    assert tuples_naming(gate, "group:Team") == [("group:Team", "member", "user:bob")]


def test_people_are_found_by_letters_that_are_not_ascii(gate: Gatepost) -> None:
    create_user(gate, ADMIN, NewUser(username="ann", display_name="Ärger, Öznur"))
    create_user(gate, ADMIN, NewUser(username="bob", display_name="Bob"))
    # A PostgreSQL whose locale is C folds ASCII alone.
    others = ("ärger", "ÖZNUR") if gate.database.is_sqlite else ()
    for query in ("Ärger", "Öz", "R, Ö", *others):
        assert [p.username for p in list_users(gate, ADMIN, Wanted(), query).items] == ["ann"], query
        assert [found.subject for found in find_subjects(gate, ADMIN, query)] == ["user:ann"], query


def test_order_is_that_of_bytes_on_every_page(gate: Gatepost) -> None:
    names = sorted(["a-b", "a.b", "a_b", "ab", "a0", "b", "admin", "~", "!x", "a~b"])
    make_people(gate, *(name for name in names if name != "admin"))
    seen, cursor = [], ""
    while True:
        page = list_users(gate, ADMIN, Wanted(limit=1, cursor=cursor))
        seen += [p.username for p in page.items]
        if not (cursor := page.next_cursor):
            break
    assert seen == names


@pytest.mark.parametrize(("gone", "stays"), [("a", "a$"), ("a", "a!"), ("a", "a-b"), ("a$", "a"), ("a", "aa")])
def test_forgetting_one_name_forgets_no_other(gate: Gatepost, gone: str, stays: str) -> None:
    """The tuples of a group's members are found by a range: `#` and what comes after it are neighbours."""
    make_people(gate, "alice")
    make_collection(gate, "alice", "c")
    for name in (gone, stays):
        create_group(gate, ADMIN, name)
        share(gate, "alice", "collection:c", "viewer", f"group:{name}")
    delete_group(gate, ADMIN, gone)
    assert tuples_naming(gate, f"group:{gone}") == []
    assert tuples_naming(gate, f"group:{stays}") == [("collection:c", "viewer", f"group:{stays}#member")]


def test_deleting_somebody_leaves_nothing_behind(gate: Gatepost) -> None:
    make_people(gate, "alice", "bob")
    make_collection(gate, "alice", "c")
    share(gate, "alice", "collection:c", "owner", "user:bob")
    delete_user(gate, ADMIN, "alice")
    with pytest.raises(NotFound):
        get_user(gate, ADMIN, "alice")
    with pytest.raises(GatepostError):
        get_user(gate, person("alice"), "alice")
    assert tuples_naming(gate, "user:alice") == []
