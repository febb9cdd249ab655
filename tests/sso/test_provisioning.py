"""From a verified sign-in elsewhere to an account here: four ways to one, and no fifth (trap 1; traps 2, 7, 8)."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from gatepost.audit.trail import Filter, read_audit
from gatepost.directory.groups import add_member, create_group
from gatepost.directory.pages import Wanted
from gatepost.directory.roles import assign_role
from gatepost.directory.users import NewUser, UserChange, change_user, create_user, delete_user, get_user
from gatepost.errors import Conflict, Forbidden, InvalidToken, NotFound
from gatepost.gate import Gatepost
from gatepost.settings import ProviderSettings
from gatepost.sso.callback import SignedIn
from gatepost.sso.identities import list_conflicts, list_identities, unlink_identity
from gatepost.store import tables
from gatepost.tokens.session_list import end_session
from tests.conftest import OpenGate
from tests.dice import FakeDice
from tests.directory.people import ADMIN, GOOD_PASSWORD, may, person
from tests.sso.corp import CORP, OTHER, TRUSTED, come, elsewhere, said, with_providers
from tests.tokens.signing_in import by_cookie, cookie_for, make_user


@pytest.fixture
def gate(open_gate: OpenGate, gate_url: str) -> Gatepost:
    return open_gate(with_providers(gate_url))


def people(gate: Gatepost) -> int:
    with gate.database.read() as connection:
        return int(connection.execute(select(func.count()).select_from(tables.users)).scalar_one())


def identities(gate: Gatepost) -> list[tuple[str, str, str]]:
    i = tables.identities
    with gate.database.read() as connection:
        rows = connection.execute(select(i.c.provider, i.c.subject, i.c.username).order_by(i.c.provider, i.c.subject))
        return [(row.provider, row.subject, row.username) for row in rows]


def groups_of(gate: Gatepost, name: str = "alice") -> set[str]:
    return {group for group in ("a", "b", "c") if gate.check(f"user:{name}", "member", f"group:{group}").allowed}


# -- the account -------------------------------------------------------------------------------------------------------


def test_the_first_sign_in_makes_a_person_with_the_default_roles_and_later_ones_reuse_it(
    gate: Gatepost, dice: FakeDice
) -> None:
    """IF-6, IF-7, DH-10, DH-11, DH-12."""
    session = come(gate, said())
    caller = by_cookie(gate, session)
    profile = get_user(gate, ADMIN, "alice")
    assert (str(caller.subject), caller.provider) == ("user:alice", "corp")
    assert (profile.external, profile.has_password, profile.email_verified) == ("corp", False, True)
    assert may(gate, "user:alice", "dataset:create")
    assert not may(gate, "user:alice", "audit:view")
    before = people(gate)
    dice.advance(timedelta(days=3))
    come(gate, said(email="new@corp.example", display_name="Alice Liddell"))
    profile = get_user(gate, ADMIN, "alice")
    assert (people(gate), profile.email, profile.display_name) == (before, "new@corp.example", "Alice Liddell")


def test_an_identity_is_issuer_and_subject_whatever_the_name_says_now(gate: Gatepost) -> None:
    """Renamed there, it stays the same account here; and somebody else with the old name is not let in to it."""
    come(gate, said())
    come(gate, said(username="alice-married"))
    assert identities(gate) == [("corp", "sub-alice", "alice")]
    with pytest.raises(Forbidden, match="belongs to another account"):
        come(gate, said("sub-2", "alice"))
    with pytest.raises(Forbidden, match="belongs to another account"):
        come(gate, elsewhere("sub-alice", "alice"))
    come(gate, elsewhere("sub-alice", "alice2"))
    assert identities(gate) == [("corp", "sub-alice", "alice"), ("other", "sub-alice", "alice2")]


def make_local(gate: Gatepost) -> None:
    make_user(gate)
    change_user(gate, ADMIN, "alice", UserChange(email="alice@corp.example", email_verified=True))


def make_unverified(gate: Gatepost) -> None:
    create_user(gate, ADMIN, NewUser(username="alice", password=GOOD_PASSWORD, email="alice@corp.example"))


def make_external_elsewhere(gate: Gatepost) -> None:
    create_user(gate, ADMIN, NewUser(username="alice", external="other"))


ATTACKS: dict[str, tuple[Callable[[Gatepost], object], SignedIn, ProviderSettings]] = {
    "same name": (make_local, said("sub-evil"), CORP),
    "same name, e-mail not trusted": (make_local, said("sub-evil"), CORP),
    "same e-mail, not trusted": (make_local, said("sub-evil", email_verified=True), CORP),
    "trusted, not verified there": (make_local, said("sub-evil", email_verified=False), TRUSTED),
    "trusted, not verified here": (make_unverified, said("sub-evil"), TRUSTED),
    "trusted, no e-mail": (make_local, said("sub-evil", email="", email_verified=True), TRUSTED),
    "trusted, other e-mail": (make_local, said("sub-evil", email="x@corp.example"), TRUSTED),
    "trusted, other case": (make_local, said("sub-evil", email="Alice@corp.example"), TRUSTED),
    "made for another provider": (make_external_elsewhere, said("sub-evil"), CORP),
    "bound already": (lambda gate: come(gate, said()), said("sub-evil"), CORP),
    "bound already, same e-mail": (lambda gate: come(gate, said()), said("sub-evil"), TRUSTED),
    "the first admin": (lambda gate: None, said("sub-evil", "admin"), TRUSTED),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_no_fifth_way_opens_an_account_that_exists(gate: Gatepost, name: str) -> None:
    """Trap 1: refused with 403, nothing bound, and a conflict that an admin sees."""
    prepare, who, settings = ATTACKS[name]
    prepare(gate)
    before, bound = people(gate), identities(gate)
    with pytest.raises(Forbidden):
        come(gate, who, settings)
    assert (people(gate), identities(gate)) == (before, bound)
    [conflict] = list_conflicts(gate, ADMIN, Wanted()).items
    assert (conflict.provider, conflict.subject, conflict.username) == ("corp", "sub-evil", who.username)
    [record] = read_audit(gate, ADMIN, Wanted(), Filter(event="sign_in.refused")).items
    assert (record.outcome, record.subject, record.address) == ("refused", "anonymous:*", "192.0.2.7")


def test_an_admin_is_never_opened_by_an_address(gate: Gatepost) -> None:
    """Trap 1: never link to an admin silently.  They sign in here, and link."""
    make_local(gate)
    create_group(gate, ADMIN, "ops")
    assign_role(gate, ADMIN, "admin", "group:ops")
    add_member(gate, ADMIN, "ops", "user:alice")
    for username in ("alice", "somebody"):
        with pytest.raises(Forbidden):
            come(
                gate, said("sub-evil", username, email="alice@corp.example"), replace(TRUSTED, auto_create_users=False)
            )
    assert identities(gate) == []


def test_first_way_made_for_the_provider_and_bound_once(gate: Gatepost) -> None:
    """AG-10, AG-11, CO-X5: the admin made it; the first matching sign-in owns it; the second of that name does not."""
    create_user(gate, ADMIN, NewUser(username="alice", external="corp"))
    come(gate, said(), replace(CORP, auto_create_users=False))
    assert identities(gate) == [("corp", "sub-alice", "alice")]
    with pytest.raises(Forbidden):
        come(gate, said("sub-evil"))


def test_second_way_linked_by_the_signed_in_owner(gate: Gatepost) -> None:
    make_user(gate)
    owner = by_cookie(gate, cookie_for(gate))
    come(gate, said(username="somebody-else"), linking=owner)
    assert identities(gate) == [("corp", "sub-alice", "alice")]
    assert str(by_cookie(gate, come(gate, said(username="somebody-else"))).subject) == "user:alice"
    profile = get_user(gate, ADMIN, "alice")
    assert (profile.email, profile.external, profile.has_password) == (None, None, True), (
        "a local account keeps its own"
    )


def test_an_identity_of_somebody_else_cannot_be_linked(gate: Gatepost) -> None:
    come(gate, said("sub-bob", "bob"))
    make_user(gate)
    with pytest.raises(Forbidden, match="linked to another account"):
        come(gate, said("sub-bob", "bob"), linking=by_cookie(gate, cookie_for(gate)))
    assert identities(gate) == [("corp", "sub-bob", "bob")]


@pytest.mark.parametrize("how", ["session ended", "disabled", "deleted"])
def test_linking_takes_an_owner_who_is_still_signed_in(gate: Gatepost, how: str) -> None:
    make_user(gate)
    owner = by_cookie(gate, cookie_for(gate))
    if how == "session ended":
        end_session(gate, ADMIN, owner.credential_id)
    elif how == "disabled":
        change_user(gate, ADMIN, "alice", UserChange(disabled=True))
    else:
        delete_user(gate, ADMIN, "alice")
        make_user(gate)
    with pytest.raises(InvalidToken):
        come(gate, said(), linking=owner)
    assert identities(gate) == []


def test_third_way_the_same_verified_address_on_both_sides(gate: Gatepost) -> None:
    make_local(gate)
    come(gate, said(username="another-name", email="alice@corp.example"), replace(TRUSTED, auto_create_users=False))
    assert identities(gate) == [("corp", "sub-alice", "alice")]
    [record] = read_audit(gate, ADMIN, Wanted(), Filter(event="identity.linked")).items
    assert "verified e-mail" in record.reason


def test_an_address_that_two_accounts_have_opens_neither(gate: Gatepost) -> None:
    make_local(gate)
    make_user(gate, "bob")
    change_user(gate, ADMIN, "bob", UserChange(email="alice@corp.example", email_verified=True))
    with pytest.raises(Forbidden):
        come(gate, said(username="x", email="alice@corp.example"), replace(TRUSTED, auto_create_users=False))


def test_an_address_that_went_to_somebody_else_there_does_not_bring_the_account_along(gate: Gatepost) -> None:
    """Two subjects of one issuer are two people, though the mailbox is the same."""
    come(gate, said(), TRUSTED)
    come(gate, said("sub-new-hire", "alice.new", email="alice@corp.example"), TRUSTED)
    assert identities(gate) == [("corp", "sub-alice", "alice"), ("corp", "sub-new-hire", "alice.new")]


@pytest.mark.parametrize("made", [True, False], ids=["made before", "not there"])
@pytest.mark.parametrize(
    ("settings", "username"),
    [(replace(CORP, username_claim="email"), "ceo"), (CORP, "ceo@corp.example")],
    ids=["by the claim", "by the look"],
)
def test_an_address_that_nobody_verified_names_no_account(
    gate: Gatepost, settings: ProviderSettings, username: str, made: bool
) -> None:
    """Trap 1: whoever may register there with any address would be anybody here."""
    if made:
        create_user(gate, ADMIN, NewUser(username=username, external="corp"))
    before = people(gate)
    unproved = said("sub-evil", username, email="ceo@corp.example", email_verified=False)
    with pytest.raises(Forbidden, match="verified"):
        come(gate, unproved, settings)
    assert (people(gate), identities(gate)) == (before, [])
    come(gate, replace(unproved, subject="sub-ceo", email_verified=True), settings)


def test_nobody_is_made_where_the_provider_may_not(gate: Gatepost) -> None:
    with pytest.raises(Forbidden, match="may not make one"):
        come(gate, said(), replace(CORP, auto_create_users=False))
    assert people(gate) == 1


def test_a_disabled_person_is_refused_and_nothing_is_changed(gate: Gatepost) -> None:
    create_group(gate, ADMIN, "a")
    create_user(gate, ADMIN, NewUser(username="alice", external="corp"))
    change_user(gate, ADMIN, "alice", UserChange(disabled=True))
    with pytest.raises(InvalidToken, match="disabled"):
        come(gate, said(groups=("a",)))
    assert (identities(gate), groups_of(gate)) == ([], set())
    [record] = read_audit(gate, ADMIN, Wanted(), Filter(event="sign_in.refused")).items
    assert (record.reason, record.target) == ("disabled", "user:alice")


def test_a_deleted_person_comes_back_as_a_new_one(gate: Gatepost) -> None:
    come(gate, said())
    assign_role(gate, ADMIN, "reader", "user:alice")
    old = get_user(gate, ADMIN, "alice").id
    delete_user(gate, ADMIN, "alice")
    assert identities(gate) == []
    come(gate, said())
    assert get_user(gate, ADMIN, "alice").id != old
    assert not may(gate, "user:alice", "view", "dataset:any")


def test_first_sign_ins_at_once_make_one_person(open_gate: OpenGate, database_url: str) -> None:
    """IF-X7: two tabs, two processes."""
    gates = [open_gate(with_providers(database_url)) for _ in range(2)]
    with ThreadPoolExecutor(8) as pool:
        sessions = list(pool.map(lambda n: come(gates[n % 2], said()), range(8)))
    assert len({session.record.id for session in sessions}) == 8
    assert {str(session.record.subject) for session in sessions} == {"user:alice"}
    assert (people(gates[0]), identities(gates[0])) == (2, [("corp", "sub-alice", "alice")])


def test_of_two_people_of_one_name_at_once_one_is_refused(open_gate: OpenGate, database_url: str) -> None:
    """Trap 2: rewriting made alice@corp and alice@evil the same."""
    gates = [open_gate(with_providers(database_url)) for _ in range(2)]

    def ending(n: int) -> str:
        try:
            come(gates[n], said() if n else elsewhere())
        except Forbidden:
            return "refused"
        return "in"

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(ending, range(2))) == ["in", "refused"]
    assert len(identities(gates[0])) == 1


def test_the_same_clash_is_kept_once(gate: Gatepost, dice: FakeDice) -> None:
    make_user(gate)
    for _ in range(3):
        dice.advance(timedelta(minutes=1))
        with pytest.raises(Forbidden):
            come(gate, said())
    [conflict] = list_conflicts(gate, ADMIN, Wanted()).items
    assert conflict.at == dice.now()
    with pytest.raises(Forbidden):
        list_conflicts(gate, person("alice"), Wanted())


# -- unlinking ---------------------------------------------------------------------------------------------------------


def test_the_last_way_in_is_not_unlinked(gate: Gatepost) -> None:
    caller = by_cookie(gate, come(gate, said()))
    [identity] = list_identities(gate, caller)
    with pytest.raises(Conflict, match="only way in"):
        unlink_identity(gate, caller, identity.id)
    come(gate, elsewhere(), OTHER, linking=caller)
    unlink_identity(gate, caller, identity.id)
    assert identities(gate) == [("other", "sub-alice", "alice")]
    with pytest.raises(Conflict):
        unlink_identity(gate, caller, list_identities(gate, caller)[0].id)


def test_one_unlinks_ones_own(gate: Gatepost) -> None:
    make_user(gate)
    caller = by_cookie(gate, cookie_for(gate))
    come(gate, said(), linking=caller)
    come(gate, elsewhere("sub-bob", "bob"), OTHER)
    [hers] = list_identities(gate, caller)
    with pytest.raises(NotFound):
        unlink_identity(gate, by_cookie(gate, come(gate, elsewhere("sub-bob", "bob"), OTHER)), hers.id)
    unlink_identity(gate, caller, hers.id)
    with pytest.raises(Forbidden):
        come(gate, said())


def test_an_unlinked_external_account_is_not_up_for_grabs(gate: Gatepost) -> None:
    """It still says `external`, and is bound: to another provider."""
    caller = by_cookie(gate, come(gate, said()))
    come(gate, elsewhere(), OTHER, linking=caller)
    hers = next(i for i in list_identities(gate, caller) if i.provider == "corp")
    unlink_identity(gate, caller, hers.id)
    with pytest.raises(Forbidden):
        come(gate, said("sub-evil"))
