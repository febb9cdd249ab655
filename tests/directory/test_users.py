"""People: what may be a name, what each field takes, who may see and change whom (IF-1, IF-2, trap 21)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import select

from gatepost.directory.pages import Wanted
from gatepost.directory.users import (
    NewPassword,
    NewUser,
    UserChange,
    change_user,
    create_user,
    delete_user,
    get_user,
    list_users,
    set_password,
)
from gatepost.errors import (
    AlreadyExists,
    Conflict,
    Forbidden,
    GatepostError,
    InvalidCredentials,
    InvalidField,
    InvalidToken,
    NotFound,
    Unauthenticated,
)
from gatepost.gate import Gatepost
from gatepost.principal import Method
from gatepost.store import tables
from tests.conftest import ADMIN_PASSWORD, OpenGate, settings_for
from tests.directory.people import (
    ADMIN,
    GOOD_PASSWORD,
    NOBODY,
    make_people,
    may,
    person,
)
from tests.sso.provider_in_process import running_provider


def stored_password(gate: Gatepost, name: str) -> str | None:
    u = tables.users
    with gate.database.read() as connection:
        found: str | None = connection.execute(select(u.c.password).where(u.c.username == name)).scalar_one()
    return found


def test_a_person_lives_in_our_own_store_alone(gate: Gatepost) -> None:
    """IF-1: no other system is needed.  IF-2: what is kept of the password is an Argon2id hash, and no value shows it."""
    made = create_user(gate, ADMIN, NewUser(username="alice", password=GOOD_PASSWORD, email="alice@example.org"))

    assert (made.username, made.email, made.email_verified, made.has_password) == (
        "alice",
        "alice@example.org",
        False,
        True,
    )
    hashed = stored_password(gate, "alice")
    assert hashed is not None
    assert hashed.startswith("$argon2id$")
    assert hashed not in repr(get_user(gate, ADMIN, "alice"))


def test_usernames_are_lower_cased_so_that_two_cannot_differ_in_case_alone(gate: Gatepost) -> None:
    assert create_user(gate, ADMIN, NewUser(username="Alice")).username == "alice"
    with pytest.raises(AlreadyExists):
        create_user(gate, ADMIN, NewUser(username="aLICE"))
    assert get_user(gate, ADMIN, "ALICE").username == "alice"


BAD_NAMES = [
    *("", " ", "a b", "a:b", "a#b", "*", "a*", "a/b", "a\\b", "a'b", 'a"b', "a<b", "a>b", "a%b", "a\0b", "a\nb"),
    *("\u00e4", "x" * 129, ".", "..", "\u212aevin", "al\u0131ce", "a\u200bb", "\ud800"),
]


@pytest.mark.parametrize("name", BAD_NAMES)
def test_a_name_that_means_something_in_a_tuple_a_url_or_a_header_is_refused_and_not_bent(
    gate: Gatepost, name: str
) -> None:
    """The Kelvin sign becomes a `k` when it is lower-cased: it must not become somebody."""
    with pytest.raises(InvalidField) as refused:
        create_user(gate, ADMIN, NewUser(username=name))
    assert set(refused.value.fields) == {"username"}
    assert [p.username for p in list_users(gate, ADMIN, Wanted()).items] == ["admin"]


@pytest.mark.parametrize("name", ["x", "x" * 128, "alice@example.org", "a.b-c_d+e~f!g$h&i(j)k,l;m=n?o[p]q^r{s|t}"])
def test_every_other_printable_ascii_name_is_taken(gate: Gatepost, name: str) -> None:
    create_user(gate, ADMIN, NewUser(username=name))
    assert get_user(gate, ADMIN, name).username == name
    assert may(gate, f"user:{name}", "dataset:create")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("email", "no-at"),
        ("email", "two@at@example.org"),
        ("email", "a b@example.org"),
        ("email", "a@example.org\n"),
        ("email", "a\0@example.org"),
        ("email", f"{'x' * 65}@example.org"),
        ("display_name", "a\0b"),
        ("display_name", "a\nb"),
        ("display_name", "\u202eevil"),
        ("display_name", "x" * 201),
        ("password", "short"),
        ("password", "gp_0123456789abcdefghijklmnop"),
    ],
)
def test_a_bad_field_is_named_and_nobody_is_made(gate: Gatepost, field: str, value: str) -> None:
    fields = {"email": None, "display_name": None, "password": None, field: value}
    wanted = NewUser(
        username="alice",
        email=fields["email"],
        display_name=fields["display_name"],
        password=fields["password"],
    )
    with pytest.raises(InvalidField) as refused:
        create_user(gate, ADMIN, wanted)
    assert set(refused.value.fields) == {field}
    with pytest.raises(NotFound):
        get_user(gate, ADMIN, "alice")


@pytest.mark.parametrize(
    "name",
    [
        "\u5c71\u7530\u3000\u592a\u90ce",  # Japanese writes a wide space between the two names
        "\u0639\u0644\u06cc\u200c\u0631\u0636\u0627",  # Persian: a joiner within a name
        "Jean\u00a0Dupont",
        "Zo\u00eb \U0001f469\U0001f3fd\u200d\U0001f680",
    ],
)
def test_a_name_is_written_as_its_people_write_it(gate: Gatepost, name: str) -> None:
    assert create_user(gate, ADMIN, NewUser(username="alice", display_name=name)).display_name == name


@pytest.mark.parametrize("name", ["\u200d", "a\u200d", "a\u200b\u200cb", "a \u200cb", "a\u2028b", "a\u2067b"])
def test_a_name_hides_nothing(gate: Gatepost, name: str) -> None:
    with pytest.raises(InvalidField):
        create_user(gate, ADMIN, NewUser(username="alice", display_name=name))


def test_an_external_account_has_no_password_and_names_a_provider_that_there_is(
    open_gate: OpenGate, gate_url: str
) -> None:
    """AG-11, IF-X16: no password can be given to somebody for whom a provider vouches."""
    with running_provider() as provider:
        base = settings_for(gate_url)
        gate = open_gate(replace(base, sso=replace(base.sso, providers=(provider.settings(name="corp"),))))
    with pytest.raises(InvalidField, match="allowed: corp"):
        create_user(gate, ADMIN, NewUser(username="alice", external="nowhere"))
    with pytest.raises(InvalidField, match="password"):
        create_user(gate, ADMIN, NewUser(username="alice", external="corp", password=GOOD_PASSWORD))
    create_user(gate, ADMIN, NewUser(username="alice", external="corp"))
    with pytest.raises(Conflict, match="signs in at corp"):
        set_password(gate, ADMIN, "alice", NewPassword(password=GOOD_PASSWORD))
    assert stored_password(gate, "alice") is None


def test_anybody_sees_and_changes_themselves_and_nobody_else(gate: Gatepost) -> None:
    make_people(gate, "alice", "bob")
    assert get_user(gate, person("alice"), "Alice").username == "alice"
    change_user(gate, person("alice"), "alice", UserChange(display_name="Alice L."))
    assert get_user(gate, ADMIN, "alice").display_name == "Alice L."

    with pytest.raises(NotFound):
        get_user(gate, person("alice"), "bob")
    with pytest.raises(NotFound):
        change_user(gate, person("alice"), "bob", UserChange(display_name="Mallory"))
    with pytest.raises(Forbidden):
        list_users(gate, person("alice"), Wanted())
    assert get_user(gate, ADMIN, "bob").display_name == "bob"


def test_who_is_there_and_who_is_not_read_alike_to_a_stranger(gate: Gatepost) -> None:
    make_people(gate, "alice", "bob")
    sentences = set()
    for name in ("bob", "nobody-at-all"):
        with pytest.raises(NotFound) as refused:
            get_user(gate, person("alice"), name)
        sentences.add(str(refused.value))
    assert len(sentences) == 1


@pytest.mark.parametrize("wanted", [UserChange(disabled=False), UserChange(email_verified=True)])
def test_nobody_vouches_for_themselves(gate: Gatepost, wanted: UserChange) -> None:
    """An e-mail is verified by admins and providers; nobody enables or verifies themselves."""
    make_people(gate, "alice")
    with pytest.raises(GatepostError) as refused:
        change_user(gate, person("alice"), "alice", wanted)
    assert isinstance(refused.value, (NotFound, Forbidden))
    assert not get_user(gate, ADMIN, "alice").email_verified


def test_a_changed_email_is_unverified_even_if_it_is_changed_back(gate: Gatepost) -> None:
    """Trap 1: an address that nobody proved must never open an account by `trust_email`."""
    create_user(gate, ADMIN, NewUser(username="alice", email="alice@example.org"))
    change_user(gate, ADMIN, "alice", UserChange(email_verified=True))
    change_user(gate, person("alice"), "alice", UserChange(email="alice@example.org"))
    assert get_user(gate, ADMIN, "alice").email_verified, "the same address is no change"

    change_user(gate, person("alice"), "alice", UserChange(email="ceo@example.org"))
    assert not get_user(gate, ADMIN, "alice").email_verified
    change_user(gate, person("alice"), "alice", UserChange(email="alice@example.org"))
    assert not get_user(gate, ADMIN, "alice").email_verified
    change_user(gate, ADMIN, "alice", UserChange(email="b@example.org", email_verified=True))
    assert get_user(gate, ADMIN, "alice").email_verified
    change_user(gate, ADMIN, "alice", UserChange(email=None))
    profile = get_user(gate, ADMIN, "alice")
    assert (profile.email, profile.email_verified) == (None, False)


@pytest.mark.parametrize("scope", ["dataset:view", "user:view", "*:edit", ""])
def test_a_token_changes_its_owner_only_within_its_scope(gate: Gatepost, scope: str) -> None:
    """A `*` for the type means resources, and not people."""
    make_people(gate, "alice")
    with pytest.raises(Forbidden):
        change_user(gate, person("alice", scope=scope), "alice", UserChange(email="evil@example.org"))
    assert get_user(gate, ADMIN, "alice").email is None


def test_without_a_credential_every_operation_on_people_asks_for_one(gate: Gatepost) -> None:
    for attempt in (
        lambda: create_user(gate, NOBODY, NewUser(username="eve")),
        lambda: get_user(gate, NOBODY, "admin"),
        lambda: get_user(gate, NOBODY, "*"),
        lambda: list_users(gate, NOBODY, Wanted()),
        lambda: change_user(gate, NOBODY, "admin", UserChange(display_name="x")),
        lambda: change_user(gate, NOBODY, "*", UserChange(display_name="x")),
        lambda: delete_user(gate, NOBODY, "admin"),
        lambda: set_password(gate, NOBODY, "admin", NewPassword(password=GOOD_PASSWORD)),
        lambda: set_password(gate, NOBODY, "*", NewPassword(password=GOOD_PASSWORD, current_password="x")),
    ):
        with pytest.raises(Unauthenticated):
            attempt()


def test_a_list_finds_what_was_typed_and_takes_no_wildcards(gate: Gatepost) -> None:
    """`%` and `_` are letters of a name to a person, and would list everybody in SQL."""
    make_people(gate, "alice", "a_b", "axb")
    create_user(gate, ADMIN, NewUser(username="zoe", display_name="100% Zoe!"))

    def found(query: str) -> list[str]:
        return [p.username for p in list_users(gate, ADMIN, Wanted(), query).items]

    assert found("a_b") == ["a_b"]
    assert found("%") == found("0%") == found("!") == ["zoe"]
    assert found("ALI") == ["alice"]
    assert found("\0") == found("\ud800") == found("nobody") == []


def test_pages_of_people_are_complete_and_in_one_order(gate: Gatepost) -> None:
    names = sorted(["admin", *(f"user-{n:02}" for n in range(23)), "a.b", "a-b", "zz"])
    make_people(gate, *(n for n in names if n != "admin"))
    seen, cursor = [], ""
    while True:
        page = list_users(gate, ADMIN, Wanted(limit=5, cursor=cursor))
        assert len(page.items) <= 5
        seen += [p.username for p in page.items]
        if not (cursor := page.next_cursor):
            break
    assert seen == names


# -- one's own password -------------------------------------------------------------------------------------------------


def test_ones_own_password_takes_the_current_one(gate: Gatepost) -> None:
    create_user(gate, ADMIN, NewUser(username="alice", password=GOOD_PASSWORD))
    before = stored_password(gate, "alice")
    with pytest.raises(InvalidField, match="current_password"):
        set_password(gate, person("alice"), "alice", NewPassword(password="another-zinc-plover-7"))
    with pytest.raises(InvalidCredentials):
        set_password(
            gate, person("alice"), "alice", NewPassword(password="another-zinc-plover-7", current_password="wrong")
        )
    assert stored_password(gate, "alice") == before
    set_password(
        gate, person("alice"), "alice", NewPassword(password="another-zinc-plover-7", current_password=GOOD_PASSWORD)
    )
    assert stored_password(gate, "alice") != before


def test_an_admin_too_needs_the_current_one_for_their_own(gate: Gatepost) -> None:
    """A stolen session of an admin must not become the account."""
    with pytest.raises(InvalidField, match="current_password"):
        set_password(gate, person("admin"), "admin", NewPassword(password=GOOD_PASSWORD))
    set_password(gate, person("admin"), "ADMIN", NewPassword(password=GOOD_PASSWORD, current_password=ADMIN_PASSWORD))


@pytest.mark.parametrize("method", [Method.API_TOKEN, Method.DELEGATED])
def test_a_token_left_in_a_script_does_not_change_the_password_even_with_it(gate: Gatepost, method: Method) -> None:
    create_user(gate, ADMIN, NewUser(username="alice", password=GOOD_PASSWORD))
    with pytest.raises(GatepostError):
        set_password(
            gate,
            person("alice", scope="*:*", method=method),
            "alice",
            NewPassword(password="another-zinc-plover-7", current_password=GOOD_PASSWORD),
        )


def test_a_disabling_during_the_hashing_is_not_undone_by_the_new_password(
    gate: Gatepost, second_gate: Gatepost, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The row was read before Argon2 took its time: what it said about `disabled` may be old by then."""
    create_user(gate, ADMIN, NewUser(username="alice", password=GOOD_PASSWORD))
    hasher = gate.passwords.hash

    def slow_hash(password: str) -> str:
        change_user(second_gate, ADMIN, "alice", UserChange(disabled=True))
        return hasher(password)

    monkeypatch.setattr(gate.passwords, "hash", slow_hash)
    with pytest.raises(InvalidToken):
        set_password(
            gate,
            person("alice"),
            "alice",
            NewPassword(password="another-zinc-plover-7", current_password=GOOD_PASSWORD),
        )
    monkeypatch.setattr(gate.passwords, "hash", hasher)
    assert "user:alice" in gate.memory.disabled


def test_an_admins_reset_does_not_enable_whom_another_admin_disables_meanwhile(
    gate: Gatepost, second_gate: Gatepost, monkeypatch: pytest.MonkeyPatch
) -> None:
    create_user(gate, ADMIN, NewUser(username="alice", password=GOOD_PASSWORD))
    hasher = gate.passwords.hash

    def slow_hash(password: str) -> str:
        change_user(second_gate, ADMIN, "alice", UserChange(disabled=True))
        return hasher(password)

    monkeypatch.setattr(gate.passwords, "hash", slow_hash)
    set_password(gate, ADMIN, "alice", NewPassword(password="another-zinc-plover-7"))

    assert get_user(gate, ADMIN, "alice").disabled_at is not None
    assert "user:alice" in gate.memory.disabled
    second_gate.memory.catch_up()
    assert "user:alice" in second_gate.memory.disabled
